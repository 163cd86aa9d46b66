//! Buckets against exact comparisons of powers: a value lies in bucket `i` at scale 6 exactly if
//! `2^i < value^64 <= 2^(i+1)`.

const std = @import("std");
const core = @import("core");

const histogram = core.histogram;
/// Room for the 64th power of 41 bits, and for the 2^2560 that it is compared with.
const Wide = u2688;

pub fn run(random: std.Random, iterations: u64) !void {
    var counts: [histogram.statement_shape.bucketCount()]u32 = @splat(0);
    for (0..iterations) |_| {
        const bits = random.intRangeAtMost(u6, 1, 40);
        const value = 2 + random.int(u64) % ((@as(u64, 1) << bits) - 1);
        const capped: u64 = @min(value, 1 << 40);
        const index = histogram.indexOf(value);
        var power: Wide = capped;
        for (0..histogram.scale_max) |_| power *= power;
        if (power <= @as(Wide, 1) << @intCast(index)) return error.BelowBucket;
        if (power > @as(Wide, 1) << @intCast(index + 1)) return error.AboveBucket;
        histogram.record(histogram.statement_shape, &counts, value);
    }
    var total: u64 = 0;
    for (counts) |count| total += count;
    if (total != iterations) return error.WrongTotal;
}
