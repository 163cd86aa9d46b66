//! Every construct, whole and cut off at each of its bytes, across every boundary: blocks, windows,
//! the longest text. The fast path, padded or in windows, and the machine alone must agree, in
//! memory of exactly the statement's size: a checked build and valgrind see any access beyond.

const builtin = @import("builtin");
const std = @import("std");
const normalizer = @import("normalizer.zig");
const window_module = @import("window.zig");

const testing = std.testing;
const text_bytes_max = normalizer.text_bytes_max;
const window_bytes_max = window_module.window_bytes_max;

const constructs = [_][]const u8{
    " name",                                                                       "Name",                                                                            " a.b.c",                          " \"quoted\"",                           " \"Quo ted\"",
    " \"a\"\"b\"",                                                                 " \"user\"",                                                                       " 'string'",                       " 'it''s'",                              " 'a\\'b'",
    " E'a\\'b'",                                                                   " N'x'",                                                                           " $12",                            " $01",                                  " $tag$a$b$tag$",
    " $1a$b",                                                                      " 123",                                                                            "1",                               " 1.5e10",                               " 0x1F",
    " 1_000",                                                                      " .5",                                                                             " 1..2",                           " NULL",                                 " false",
    " IS NOT NULL",                                                                " IN (1, 2)",                                                                      " IN ($1, $2, a)",                 " IN ('a', 'bc')",                       " IN (NULL,1)",
    " ARRAY[1, -2]",                                                               " -1",                                                                             " - - 1",                          " <= 1",                                 " <> ?",
    "::text",                                                                      " :name",                                                                          " [1 : n]",                        " %(name)s %s",                          " -- comment\n1",
    "/* a /**/ c*/",                                                               ";",                                                                               " ; SELECT 1",                     "\xc3\xa9",                              " \xe2\x80\xa6",
    "\xff",                                                                        " \xc3",                                                                           "\x00",                            " a\x00b",                               "'\x00'",
    "  x",                                                                         "\tx ",                                                                            " 'a'\n 'b'",                      " 'a'  ",                                " ->> 'a'",
    " @-1",                                                                        "!=",                                                                              " <unparsed: ",                    "(((",                                   ")]",
    " U&'x' UESCAPE '!'",                                                          " U&\"x\" UESCAPE '!'",                                                            " VALUES (1, DEFAULT), ($2, 'x')", " \xe2\x80\xa6 <cut: 0123456789abcdef>", " a_name_of_exactly_fifty_six_bytes_as_long_as_a_window_ta",
    " a_name_that_is_longer_than_fifty_six_bytes_so_that_no_window_finds_its_end", " \"a_name_that_is_longer_than_fifty_six_bytes_so_that_no_window_finds_its_end\"",
};

const Filling = enum { names, literals, string, list };

/// Statements of which only the length matters; what they end in is read as a token of its own.
fn fill(buffer: []u8, filling: Filling) void {
    const start: []const u8, const repeated: []const u8 = switch (filling) {
        .names => .{ "SELECT a", ", \"b\"" },
        .literals => .{ "SELECT 1", " + $1" },
        .string => .{ "SELECT '", "x" },
        .list => .{ "a IN (1", ", $2" },
    };
    for (buffer, 0..) |*byte, index| {
        byte.* = if (index < start.len)
            start[index]
        else
            repeated[(index - start.len) % repeated.len];
    }
    if (filling == .string and buffer.len > start.len) buffer[buffer.len - 1] = '\'';
    if (filling == .list and buffer.len > start.len) buffer[buffer.len - 1] = ')';
}

const Checker = struct {
    gpa: std.mem.Allocator,
    /// Each on the heap and no larger than promised.
    texts: [3]*[text_bytes_max]u8,
    lists: [3][]u32,

    fn init(gpa: std.mem.Allocator) !Checker {
        var checker: Checker = .{ .gpa = gpa, .texts = undefined, .lists = undefined };
        for (&checker.texts) |*text| text.* = try gpa.create([text_bytes_max]u8);
        for (&checker.lists) |*list| list.* = try gpa.alloc(u32, 2);
        return checker;
    }

    fn deinit(checker: *const Checker) void {
        for (checker.texts) |text| checker.gpa.destroy(text);
        for (checker.lists) |list| checker.gpa.free(list);
    }

    fn check(checker: *const Checker, parts: []const []const u8, options: normalizer.Options) !void {
        const sql = try std.mem.concat(checker.gpa, u8, parts);
        defer checker.gpa.free(sql);
        const texts = &checker.texts;
        const lists = &checker.lists;
        const slow = normalizer.normalizeByToken(sql, options, texts[0], lists[0]);
        const fast = normalizer.normalize(sql, options, texts[1], lists[1]);
        try expectSame(slow, fast);
        const windowed = normalizer.normalizeBounded(sql, options, texts[2], lists[2]);
        try expectSame(slow, windowed);
    }

    fn expectSame(expected: normalizer.Normalized, actual: normalizer.Normalized) !void {
        try testing.expectEqualStrings(expected.text, actual.text);
        try testing.expectEqual(expected.fingerprint, actual.fingerprint);
        try testing.expectEqualSlices(u32, expected.list_lengths, actual.list_lengths);
    }
};

const Settings = struct {
    first_bytes: usize,
    last_bytes: usize,
    fillings: []const Filling,
    /// Whether each construct is also cut off at each of its bytes.
    cuts: bool,
    /// What follows.
    rest: []const u8 = "",
};

/// ThreadSanitizer makes all of it many times as slow, and sees but one thread.
const lengths_step = if (builtin.sanitize_thread) 37 else 1;

fn checkAll(settings: Settings) !void {
    // Each statement is memory of its own to valgrind.
    const checker: Checker = try .init(std.heap.c_allocator);
    defer checker.deinit();
    var buffer: [text_bytes_max + 64]u8 = undefined;
    var turn: usize = 0;
    for (settings.fillings) |filling| {
        var bytes = settings.first_bytes;
        while (bytes <= settings.last_bytes) : (bytes += lengths_step) {
            fill(buffer[0..bytes], filling);
            for (constructs) |construct| {
                const first_cut = if (settings.cuts) 0 else construct.len;
                for (first_cut..construct.len + 1) |cut| {
                    turn += 1;
                    const options: normalizer.Options = .{
                        .placeholders = @enumFromInt(turn / 3 % 4),
                        .standard_conforming_strings = @enumFromInt(turn % 3),
                    };
                    try checker.check(&.{ buffer[0..bytes], construct[0..cut], settings.rest }, options);
                }
            }
        }
    }
}

test "normalize: reads nothing beyond a short statement" {
    const cut: []const Filling = &.{ .names, .string };
    try checkAll(.{ .first_bytes = 0, .last_bytes = 80, .fillings = cut, .cuts = true });
    const whole: []const Filling = &.{ .literals, .list };
    try checkAll(.{ .first_bytes = 0, .last_bytes = 80, .fillings = whole, .cuts = false });
}

test "normalize: reads alike around the size of a window" {
    const first = window_bytes_max - 40;
    const last = window_bytes_max + 40;
    try checkAll(.{ .first_bytes = first, .last_bytes = last, .fillings = &.{.string}, .cuts = true });
    try checkAll(.{ .first_bytes = first, .last_bytes = last, .fillings = &.{.names}, .cuts = false });
}

test "normalize: reads alike where one window ends and another begins" {
    // A run goes on to where the longest token may end.
    try checkAll(.{
        .first_bytes = window_bytes_max - 120,
        .last_bytes = window_bytes_max + 8,
        .fillings = &.{ .names, .string },
        .cuts = false,
        .rest = ", a, 'b', $3 FROM t" ** 20,
    });
}

test "normalize: writes nothing beyond the longest text" {
    try checkAll(.{
        .first_bytes = text_bytes_max - 40,
        .last_bytes = text_bytes_max + 40,
        .fillings = &.{.names},
        .cuts = false,
    });
    // Where a run stops, and where the mark of a text that is cut begins.
    try checkAll(.{
        .first_bytes = text_bytes_max - 180,
        .last_bytes = text_bytes_max - 41,
        .fillings = &.{.names},
        .cuts = false,
        .rest = ", a, 'b', $3 FROM t" ** 20,
    });
}
