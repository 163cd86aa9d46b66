//! `zig build fuzz -- NAME SEED [ITERATIONS]`: seeded and bounded, so that a failure can be
//! repeated. The seed is a number or any other text, a commit's hash for example.

const std = @import("std");

const Target = struct {
    name: []const u8,
    iterations_default: u64,
    /// Panics or returns an error where it finds a fault.
    run: *const fn (random: std.Random, iterations: u64) anyerror!void,
};

const targets = [_]Target{
    .{ .name = "sql", .iterations_default = 200_000, .run = @import("sql.zig").run },
    .{ .name = "ring", .iterations_default = 20_000, .run = @import("ring.zig").run },
    .{ .name = "histogram", .iterations_default = 2_000, .run = @import("histogram.zig").run },
};

pub fn main(init: std.process.Init) !u8 {
    const arguments = try init.minimal.args.toSlice(init.arena.allocator());
    if (arguments.len < 3 or arguments.len > 4) return usage();
    const target = find(arguments[1]) orelse return usage();
    const seed = parseSeed(arguments[2]);
    const iterations = if (arguments.len == 4)
        std.fmt.parseInt(u64, arguments[3], 10) catch return usage()
    else
        target.iterations_default;

    // First, so that it can be read above the trace of a panic.
    std.debug.print("fuzz {s} {d} {d}\n", .{ target.name, seed, iterations });
    var random: std.Random.DefaultPrng = .init(seed);
    try target.run(random.random(), iterations);
    std.debug.print("fuzz {s}: {d} iterations passed\n", .{ target.name, iterations });
    return 0;
}

fn find(name: []const u8) ?Target {
    for (targets) |target| {
        if (std.mem.eql(u8, target.name, name)) return target;
    }
    return null;
}

fn parseSeed(text: []const u8) u64 {
    return std.fmt.parseInt(u64, text, 10) catch std.hash.Wyhash.hash(0, text);
}

fn usage() u8 {
    std.debug.print("usage: zig build fuzz -- NAME SEED [ITERATIONS]\nnames:", .{});
    for (targets) |target| std.debug.print(" {s}", .{target.name});
    std.debug.print("\n", .{});
    return 1;
}
