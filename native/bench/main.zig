//! What the core itself costs, without Node: the floor under `npm run bench`.

const std = @import("std");
const core = @import("core");

const rounds = 9;
const calls_per_round = 200_000;

const sql = "SELECT \"users\".\"id\", \"users\".\"name\", \"users\".\"email\", " ++
    "\"users\".\"created_at\" FROM \"users\" INNER JOIN \"orders\" ON " ++
    "\"orders\".\"user_id\" = \"users\".\"id\" WHERE \"users\".\"id\" = $1 AND " ++
    "\"orders\".\"state\" = 'paid' LIMIT 10";

const Measured = struct {
    name: []const u8,
    run: *const fn (recorder: *core.recorder.Recorder) u64,
};

const measured = [_]Measured{
    .{ .name = "clock", .run = readClock },
    .{ .name = "normalise", .run = normalise },
    .{ .name = "text seen before", .run = internKnown },
    .{ .name = "record a query", .run = recordQuery },
    .{ .name = "begin and end a query", .run = beginAndEnd },
};

pub fn main(init: std.process.Init) !void {
    const recorder = try core.recorder.Recorder.create(init.gpa, .{
        .in_flight_queries_max = 1024,
        .in_flight_requests_max = 1024,
        .recent_queries_max = 4096,
        .recent_requests_max = 1024,
        .statements_max = 2048,
        .routes_max = 256,
    }, 0x9b05688c);
    defer recorder.destroy();

    var checksum: u64 = 0;
    std.debug.print("{s:<24}{s:>8}   (SQL of {d} bytes)\n", .{ "core alone", "ns", sql.len });
    for (measured) |entry| {
        var samples: [rounds]u64 = undefined;
        for (&samples) |*sample| {
            const start_ns = core.clock.nowNs();
            for (0..calls_per_round) |_| checksum +%= entry.run(recorder);
            sample.* = core.clock.nowNs() - start_ns;
        }
        std.mem.sort(u64, &samples, {}, std.sort.asc(u64));
        const median_ns = @as(f64, @floatFromInt(samples[rounds / 2])) / calls_per_round;
        std.debug.print("{s:<24}{d:>8.1}\n", .{ entry.name, median_ns });
    }
    // Shown, so that nothing of the above can be left out.
    std.mem.doNotOptimizeAway(checksum);
}

fn readClock(_: *core.recorder.Recorder) u64 {
    return core.clock.nowNs();
}

fn normalise(recorder: *core.recorder.Recorder) u64 {
    return core.normalizer.normalize(sql, .{}, &recorder.text_buffer, &.{}).fingerprint;
}

fn internKnown(recorder: *core.recorder.Recorder) u64 {
    return recorder.internStatement(sql);
}

fn recordQuery(recorder: *core.recorder.Recorder) u64 {
    recorder.recordQuery(.{
        .statement_id = 1,
        .request_handle = 0,
        .start_ns = 1,
        .duration_ns = 1_234_567,
        .pool_wait_ns = 0,
        .outcome = .ok,
        .row_count = 1,
    });
    return 1;
}

fn beginAndEnd(recorder: *core.recorder.Recorder) u64 {
    const begun = recorder.beginQuery(sql, 0, 0);
    return recorder.endQuery(begun.handle, .ok, 1) orelse 0;
}
