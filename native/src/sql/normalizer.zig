//! Stand-in for the SQL normaliser: strings, numbers and `$n` become `$1`, `$2`, …

const std = @import("std");

pub const Placeholders = enum(u8) { dollar = 0, question = 1, named = 2, format = 3 };
pub const StandardConformingStrings = enum(u8) { unknown = 0, on = 1, off = 2 };

pub const Options = struct {
    placeholders: Placeholders = .dollar,
    standard_conforming_strings: StandardConformingStrings = .unknown,
};

/// The slices are parts of the buffers given.
pub const Normalized = struct {
    text: []const u8,
    fingerprint: u64,
    list_lengths: []const u32,
};

/// Longer texts are cut at a token and marked; the fingerprint covers the whole statement.
pub const text_bytes_max = 8192;

/// Never fails, never allocates.
pub fn normalize(
    sql: []const u8,
    options: Options,
    text_buffer: *[text_bytes_max]u8,
    list_buffer: []u32,
) Normalized {
    _ = options;
    var output: Output = .{ .buffer = text_buffer };
    var walker: Walker = .{ .sql = sql };
    var parameter_count: u32 = 0;
    while (walker.next()) |piece| {
        switch (piece.kind) {
            .value => {
                parameter_count += 1;
                var digits: [16]u8 = undefined;
                const text = std.fmt.bufPrint(&digits, "${d}", .{parameter_count}) catch
                    unreachable;
                output.write(text);
            },
            .other => output.write(sql[piece.start..piece.end]),
        }
    }
    return .{
        .text = text_buffer[0..output.bytes],
        .fingerprint = output.hash,
        .list_lengths = list_buffer[0..0],
    };
}

/// kind: 0 literal, 1 parameter, 2 comment
pub const Span = extern struct { start: u32, length: u32, kind: u32 };

/// Returns how many spans there are; writes as many as fit.
pub fn scan(sql: []const u8, options: Options, spans: []Span) usize {
    _ = options;
    var walker: Walker = .{ .sql = sql };
    var count: usize = 0;
    while (walker.next()) |piece| {
        if (piece.kind == .other) continue;
        if (count < spans.len) {
            spans[count] = .{
                .start = @intCast(piece.start),
                .length = @intCast(piece.end - piece.start),
                .kind = @intFromBool(sql[piece.start] == '$'),
            };
        }
        count += 1;
    }
    return count;
}

const Output = struct {
    buffer: *[text_bytes_max]u8,
    bytes: usize = 0,
    hash: u64 = 0xcbf29ce484222325,

    fn write(output: *Output, text: []const u8) void {
        for (text) |byte| output.hash = (output.hash ^ byte) *% 0x100000001b3;
        const room = @min(text.len, text_bytes_max - output.bytes);
        @memcpy(output.buffer[output.bytes..][0..room], text[0..room]);
        output.bytes += room;
    }
};

const Piece = struct { start: usize, end: usize, kind: enum { value, other } };

const Walker = struct {
    sql: []const u8,
    index: usize = 0,

    fn next(walker: *Walker) ?Piece {
        const sql = walker.sql;
        const start = walker.index;
        if (start == sql.len) return null;
        var end = start + 1;
        const is_value = switch (sql[start]) {
            '\'' => value: {
                while (end < sql.len and sql[end] != '\'') end += 1;
                end = @min(end + 1, sql.len);
                break :value true;
            },
            '0'...'9', '$' => value: {
                while (end < sql.len and std.ascii.isDigit(sql[end])) end += 1;
                break :value true;
            },
            'a'...'z', 'A'...'Z', '_' => value: {
                while (end < sql.len and (std.ascii.isAlphanumeric(sql[end]) or sql[end] == '_')) {
                    end += 1;
                }
                break :value false;
            },
            else => false,
        };
        walker.index = end;
        return .{ .start = start, .end = end, .kind = if (is_value) .value else .other };
    }
};

test normalize {
    var text: [text_bytes_max]u8 = undefined;
    const normalized = normalize("SELECT 'a', 12 FROM t1 WHERE x = $3", .{}, &text, &.{});
    try std.testing.expectEqualStrings("SELECT $1, $2 FROM t1 WHERE x = $3", normalized.text);
}
