//! What normalising costs inside the core: `sql FILE` with statements as they were sent, each
//! behind its length (32 bits, little endian). Prints one line of JSON; `bench/sql.mjs` runs it.

const std = @import("std");
const core = @import("core");

const normalizer = core.normalizer;

const rounds = 15;
const passes_per_round = 40;

const Measured = struct { name: []const u8, run: *const fn (sql: []const u8) u64 };

const measured = [_]Measured{
    .{ .name = "byteLoop", .run = byteLoop },
    .{ .name = "normalize", .run = normalize },
    .{ .name = "scan", .run = scan },
};

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    const arguments = try init.minimal.args.toSlice(arena);
    if (arguments.len != 2) return error.UsageIsSqlFile;
    const file = try std.Io.Dir.cwd().readFileAlloc(init.io, arguments[1], arena, .unlimited);
    const statements = try parse(arena, file);

    var medians: [measured.len]f64 = undefined;
    var checksum: u64 = 0;
    for (measured, &medians) |one, *median| {
        var times: [rounds]f64 = undefined;
        for (&times) |*time| {
            const start = core.clock.nowNs();
            for (0..passes_per_round) |_| {
                for (statements) |statement| checksum +%= one.run(statement);
            }
            const elapsed: f64 = @floatFromInt(core.clock.nowNs() - start);
            time.* = elapsed / passes_per_round / @as(f64, @floatFromInt(statements.len));
        }
        std.mem.sort(f64, &times, {}, std.sort.asc(f64));
        median.* = times[rounds / 2];
    }
    std.debug.print("{{", .{});
    for (measured, medians) |one, median| std.debug.print("\"{s}\":{d:.1},", .{ one.name, median });
    std.debug.print("\"checksum\":\"{x}\"}}\n", .{checksum});
}

fn parse(arena: std.mem.Allocator, file: []const u8) ![]const []const u8 {
    var statements: std.ArrayList([]const u8) = .empty;
    var rest = file;
    while (rest.len >= 4) {
        const length = std.mem.readInt(u32, rest[0..4], .little);
        try statements.append(arena, rest[4..][0..length]);
        rest = rest[4 + length ..];
    }
    return statements.items;
}

var text: [normalizer.text_bytes_max]u8 = undefined;
var list_lengths: [256]u32 = undefined;
var spans: [1024]normalizer.Span = undefined;

fn normalize(sql: []const u8) u64 {
    const options: normalizer.Options = .{ .standard_conforming_strings = .on };
    const normalized = normalizer.normalize(sql, options, &text, &list_lengths);
    return normalized.fingerprint +% normalized.text.len;
}

fn scan(sql: []const u8) u64 {
    return normalizer.scan(sql, .{ .standard_conforming_strings = .on }, &spans);
}

/// The yardstick: a lower-casing loop over the bytes that leaves out strings and numbers, and
/// hashes what it writes. It is no normaliser: no comments, lists, dollar quotes, keywords.
fn byteLoop(sql: []const u8) u64 {
    var hash: u64 = 0xcbf29ce484222325;
    var length: usize = 0;
    var index: usize = 0;
    while (index < sql.len and length < text.len) {
        var byte = sql[index];
        if (byte == '\'') {
            index += 1;
            while (index < sql.len and sql[index] != '\'') index += 1;
            byte = '?';
        } else if (byte >= '0' and byte <= '9' and (length == 0 or !isWord(text[length - 1]))) {
            while (index + 1 < sql.len and isWord(sql[index + 1])) index += 1;
            byte = '?';
        } else if (byte >= 'A' and byte <= 'Z') {
            byte |= 0x20;
        } else if (byte == '\n' or byte == '\t' or byte == ' ') {
            index += 1;
            if (length > 0 and text[length - 1] == ' ') continue;
            index -= 1;
            byte = ' ';
        }
        text[length] = byte;
        length += 1;
        hash = (hash ^ byte) *% 0x100000001b3;
        index += 1;
    }
    return hash;
}

fn isWord(byte: u8) bool {
    return switch (byte) {
        'a'...'z', 'A'...'Z', '0'...'9', '_' => true,
        else => false,
    };
}
