//! Base-2 exponential histograms with a fixed range, as in OpenTelemetry's data model: bucket `i`
//! counts values in `(base^i, base^(i+1)]`, where `base = 2^(2^-scale)`.
//!
//! Goals: a handful of instructions for each value, exact bucket limits on every platform, equal
//! shapes everywhere so that two histograms merge by adding their counts.
//! Non-goals: a scale that adapts; values outside the range, which count in its edge buckets.

const std = @import("std");
const assert = std.debug.assert;

/// The finest scale there is; coarser ones halve its index.
pub const scale_max = 6;
const buckets_per_octave_max = 1 << scale_max;

/// Values above 2^40 ns (18 minutes) count as 2^40 ns.
const exponent_cap = 40;

pub const Shape = struct {
    scale: u5,
    /// The first bucket begins above `2^exponent_min`, the last one ends at `2^exponent_max`.
    exponent_min: u6,
    exponent_max: u6,

    pub fn firstIndex(comptime shape: Shape) u32 {
        return @as(u32, shape.exponent_min) << shape.scale;
    }

    pub fn bucketCount(comptime shape: Shape) u32 {
        return (@as(u32, shape.exponent_max) - shape.exponent_min) << shape.scale;
    }
};

/// 1 µs to 18 minutes, each bucket 1.1 % wide: 7,680 bytes.
pub const query_shape: Shape = .{ .scale = 6, .exponent_min = 10, .exponent_max = 40 };

/// 1 µs to 18 minutes, each bucket 4.4 % wide: 1,920 bytes.
pub const statement_shape: Shape = .{ .scale = 4, .exponent_min = 10, .exponent_max = 40 };

/// 16 µs to 4.6 minutes, each bucket 1.1 % wide: 6,144 bytes.
pub const route_shape: Shape = .{ .scale = 6, .exponent_min = 14, .exponent_max = 38 };

comptime {
    assert(query_shape.bucketCount() * @sizeOf(u32) == 7680);
    assert(statement_shape.bucketCount() * @sizeOf(u32) == 1920);
    assert(route_shape.bucketCount() * @sizeOf(u32) == 6144);
    assert(statement_shape.exponent_max <= exponent_cap);
    assert(route_shape.exponent_max <= exponent_cap);
}

/// Counts one value greater than zero. A count that is full stays full.
pub fn record(comptime shape: Shape, counts: *[shape.bucketCount()]u32, value: u64) void {
    recordAt(shape, counts, indexOf(value));
}

/// `record` for a value whose `indexOf` is known.
pub fn recordAt(comptime shape: Shape, counts: *[shape.bucketCount()]u32, index_max: u32) void {
    const index = index_max >> (scale_max - shape.scale);
    const first = shape.firstIndex();
    const bucket = @min(@max(index, first) - first, shape.bucketCount() - 1);
    const count = @atomicLoad(u32, &counts[bucket], .monotonic);
    @atomicStore(u32, &counts[bucket], count +| 1, .monotonic);
}

/// The bucket of a value greater than one at `scale_max`, and 0 for one itself, whose own bucket
/// -1 lies outside of every shape.
pub fn indexOf(value: u64) u32 {
    assert(value > 0);
    const capped: u64 = @min(value, @as(u64, 1) << exponent_cap);
    const exponent: u32 = 63 - @as(u32, @clz(capped));
    // The value's leading bit moves to bit 40, the rest below it is the mantissa.
    const mantissa = capped << @intCast(exponent_cap - exponent);
    const cell: usize = @intCast((mantissa - mantissa_one) >> (exponent_cap - cell_bits));
    // A cell is narrower than the narrowest bucket, so one limit at most lies inside.
    const below: u32 = limits_below_cell[cell];
    const passed = below + @intFromBool(limits[below] < mantissa);
    return (exponent * buckets_per_octave_max + passed) -| 1;
}

const mantissa_one: u64 = 1 << exponent_cap;
const cell_bits = 7;

/// `limits[j]` is `floor(2^(40 + j/64))`. A mantissa is an integer, so that it lies above the
/// bucket limit exactly where it lies above the limit's integer part.
pub const limits: [buckets_per_octave_max + 1]u64 = limits: {
    @setEvalBranchQuota(10_000);
    var result: [buckets_per_octave_max + 1]u64 = undefined;
    for (&result, 0..) |*limit, j| {
        const target = 1 << (exponent_cap * buckets_per_octave_max + j);
        var guess: comptime_int = @intFromFloat(@exp2(@as(f64, exponent_cap) + @as(f64, j) / 64));
        while (power64(guess) > target) guess -= 1;
        while (power64(guess + 1) <= target) guess += 1;
        limit.* = guess;
    }
    break :limits result;
};

/// How many limits lie below the start of each of the 128 equal cells of an octave.
const limits_below_cell: [1 << cell_bits]u8 = below: {
    @setEvalBranchQuota(20_000);
    var result: [1 << cell_bits]u8 = undefined;
    for (&result, 0..) |*below, cell| {
        const start = mantissa_one + (cell << (exponent_cap - cell_bits));
        below.* = 0;
        for (limits) |limit| below.* += @intFromBool(limit < start);
    }
    break :below result;
};

/// Exact, as comptime integers have no limit.
fn power64(comptime base: comptime_int) comptime_int {
    var result = base;
    for (0..scale_max) |_| result *= result;
    return result;
}

test "indexOf: powers of two close their bucket" {
    try std.testing.expectEqual(0, indexOf(1));
    for (1..exponent_cap + 1) |exponent| {
        const value = @as(u64, 1) << @intCast(exponent);
        try std.testing.expectEqual(exponent * 64 - 1, indexOf(value));
    }
    for (7..exponent_cap) |exponent| {
        const value = @as(u64, 1) << @intCast(exponent);
        try std.testing.expectEqual(exponent * 64, indexOf(value + 1));
    }
    try std.testing.expectEqual(exponent_cap * 64 - 1, indexOf(std.math.maxInt(u64)));
}

test "indexOf: is the logarithm wherever floating point can tell" {
    var random: std.Random.DefaultPrng = .init(0x6a09e667);
    for (0..200_000) |_| {
        const bits = random.random().intRangeAtMost(u6, 1, exponent_cap);
        const value = 2 + random.random().int(u64) % ((@as(u64, 1) << bits) - 1);
        const logarithm = @log2(@as(f64, @floatFromInt(value))) * 64;
        if (@abs(logarithm - @round(logarithm)) < 1e-6) continue;
        const expected: u32 = @intFromFloat(@ceil(logarithm) - 1);
        try std.testing.expectEqual(@min(expected, 40 * 64 - 1), indexOf(value));
    }
}

test "indexOf: never falls as values grow" {
    var last: u32 = 0;
    for (limits) |limit| {
        for ([_]u64{ limit - 1, limit, limit + 1 }) |value| {
            const index = indexOf(value >> 3);
            try std.testing.expect(index >= last);
            last = index;
        }
    }
}

test "record: a sorted array agrees about every quantile, within a bucket's width" {
    var random: std.Random.DefaultPrng = .init(0xbb67ae85);
    var counts: [statement_shape.bucketCount()]u32 = @splat(0);
    var values: [5_000]u64 = undefined;
    for (&values) |*value| {
        const exponent = 11.0 + 28.0 * random.random().float(f64);
        value.* = @intFromFloat(@exp2(exponent));
        record(statement_shape, &counts, value.*);
    }
    std.mem.sort(u64, &values, {}, std.sort.asc(u64));
    var rank: usize = 0;
    for (counts, 0..) |count, bucket| {
        const index: f64 = @floatFromInt(bucket + statement_shape.firstIndex());
        const lower = @exp2(index / 16) * (1 - 1e-9);
        const upper = @exp2((index + 1) / 16) * (1 + 1e-9);
        for (values[rank..][0..count]) |value| {
            const exact: f64 = @floatFromInt(value);
            try std.testing.expect(lower < exact and exact <= upper);
        }
        rank += count;
    }
    try std.testing.expectEqual(values.len, rank);
}

test "record: what lies outside counts in the edge buckets, and full counts stay full" {
    var counts: [route_shape.bucketCount()]u32 = @splat(0);
    record(route_shape, &counts, 1);
    record(route_shape, &counts, 1 << 14);
    try std.testing.expectEqual(2, counts[0]);
    record(route_shape, &counts, 1 << 38);
    record(route_shape, &counts, std.math.maxInt(u64));
    try std.testing.expectEqual(2, counts[counts.len - 1]);
    counts[0] = std.math.maxInt(u32);
    record(route_shape, &counts, 1);
    try std.testing.expectEqual(std.math.maxInt(u32), counts[0]);
}
