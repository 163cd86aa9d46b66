//! Normalised text and fingerprint of a statement, and where its literals are: the entry points.

const builtin = @import("builtin");
const std = @import("std");
const bytes_module = @import("bytes.zig");
const lexer_module = @import("lexer.zig");
const machine_module = @import("machine.zig");
const marks = @import("marks.zig");
const text_module = @import("text.zig");
const token = @import("token.zig");
const window_module = @import("window.zig");

const assert = std.debug.assert;
const Window = window_module.Window;

pub const Placeholders = lexer_module.Placeholders;
pub const TokenKind = token.Kind;
pub const StandardConformingStrings = enum(u8) { unknown = 0, on = 1, off = 2 };

pub const Options = struct {
    placeholders: Placeholders = .dollar,
    standard_conforming_strings: StandardConformingStrings = .unknown,
};

/// The slices are parts of the buffers given.
pub const Normalized = struct {
    text: []const u8,
    fingerprint: u64,
    /// The number of items of each list that was folded, as many as there is room for.
    list_lengths: []const u32,
};

/// Longer texts are cut at a token and marked; the fingerprint covers the whole statement.
pub const text_bytes_max = text_module.text_bytes_max;

/// Shorter statements are copied, so that NUL bytes stand behind them.
const padded_bytes_max = window_module.window_bytes_max;

/// A checked build fills memory that is yet to be written. Doing so to a window takes twice as long
/// as all the rest, so that a release leaves it out; nowhere else are checks turned off.
const fills_windows = builtin.mode == .Debug;

/// Never fails, never allocates.
pub fn normalize(
    sql: []const u8,
    options: Options,
    text_buffer: *[text_bytes_max]u8,
    list_buffer: []u32,
) Normalized {
    const pads = sql.len <= padded_bytes_max;
    if (pads) return normalizeWith(true, sql, options, text_buffer, list_buffer);
    return normalizeWith(false, sql, options, text_buffer, list_buffer);
}

inline fn normalizeWith(
    comptime pads: bool,
    sql: []const u8,
    options: Options,
    text_buffer: *[text_bytes_max]u8,
    list_buffer: []u32,
) Normalized {
    if (marks.readUnparsed(sql)) |hash| {
        @memcpy(text_buffer[0..sql.len], sql);
        const text = text_buffer[0..sql.len];
        return .{ .text = text, .fingerprint = hash, .list_lengths = list_buffer[0..0] };
    }
    const cut = marks.readCutMark(sql);
    const source = if (cut) |found| sql[0..found.source_bytes] else sql;
    const hash = if (cut) |found| found.fingerprint else null;
    return if (pads)
        normalizePadded(source, options, text_buffer, list_buffer, hash)
    else
        normalizeLong(source, options, text_buffer, list_buffer, hash);
}

/// The same without a copy of the statement: for the fuzzer, which compares them.
pub fn normalizeBounded(
    sql: []const u8,
    options: Options,
    text_buffer: *[text_bytes_max]u8,
    list_buffer: []u32,
) Normalized {
    return normalizeWith(false, sql, options, text_buffer, list_buffer);
}

/// The same without the fast path: for tests and the fuzzer, which compare them.
pub fn normalizeByToken(
    sql: []const u8,
    options: Options,
    text_buffer: *[text_bytes_max]u8,
    list_buffer: []u32,
) Normalized {
    if (marks.readUnparsed(sql) != null) return normalize(sql, options, text_buffer, list_buffer);
    const cut = marks.readCutMark(sql);
    const source = if (cut) |found| sql[0..found.source_bytes] else sql;
    const hash = if (cut) |found| found.fingerprint else null;
    var window: Window = undefined;
    return normalizeBytes(false, false, source, &window, options, text_buffer, list_buffer, hash);
}

/// The kinds of the tokens, as many as there is room for: what the fuzzer calls coverage.
pub fn tokenKinds(sql: []const u8, options: Options, kinds: []token.Kind) []const token.Kind {
    var lexer: lexer_module.Lexer(false) = .{
        .bytes = .of(sql, sql.len),
        .placeholders = options.placeholders,
        .backslash = .unknown,
    };
    for (kinds, 0..) |*kind, index| {
        lexer.next(lexer_module.no_comments);
        kind.* = lexer.kind;
        if (lexer.kind == .end) return kinds[0 .. index + 1];
    }
    return kinds;
}

fn normalizePadded(
    source: []const u8,
    options: Options,
    text_buffer: *[text_bytes_max]u8,
    list_buffer: []u32,
    known_fingerprint: ?u64,
) Normalized {
    assert(source.len <= padded_bytes_max);
    @setRuntimeSafety(fills_windows);
    var window: Window = undefined;
    window.fill(source, 0);
    return normalizeBytes(
        true,
        true,
        window.raw[0 .. source.len + bytes_module.padding_bytes],
        &window,
        options,
        text_buffer,
        list_buffer,
        known_fingerprint,
    );
}

fn normalizeLong(
    source: []const u8,
    options: Options,
    text_buffer: *[text_bytes_max]u8,
    list_buffer: []u32,
    known_fingerprint: ?u64,
) Normalized {
    @setRuntimeSafety(fills_windows);
    var window: Window = undefined;
    window.start = 0;
    window.length = 0;
    return normalizeBytes(
        false,
        true,
        source,
        &window,
        options,
        text_buffer,
        list_buffer,
        known_fingerprint,
    );
}

/// kind: 0 literal, 1 parameter, 2 comment
pub const Span = extern struct { start: u32, length: u32, kind: u32 };

/// Returns how many spans there are; writes as many as fit.
pub fn scan(sql: []const u8, options: Options, spans: []Span) usize {
    assert(sql.len <= std.math.maxInt(u32));
    var writer: SpanWriter = .{ .spans = spans };
    var lexer: lexer_module.Lexer(false) = .{
        .bytes = .of(sql, sql.len),
        .placeholders = options.placeholders,
        .backslash = if (options.standard_conforming_strings == .off) .escapes else .ordinary,
        .is_single_reading = true,
    };
    while (true) {
        lexer.next(&writer);
        switch (lexer.kind) {
            .end => return writer.count,
            .parameter => writer.write(lexer.start, lexer.end, 1),
            .number => writer.write(lexer.start, lexer.end, 0),
            .string => {
                // PostgreSQL takes the N of N'…' for a keyword of its own.
                const is_national = lexer.string_kind == .plain and
                    lexer.bytes.at(lexer.start) | 0x20 == 'n';
                writer.write(lexer.start + @intFromBool(is_national), lexer.end, 0);
            },
            else => {},
        }
    }
}

const SpanWriter = struct {
    spans: []Span,
    count: usize = 0,

    pub fn add(writer: *SpanWriter, start: usize, end: usize) void {
        writer.write(start, end, 2);
    }

    fn write(writer: *SpanWriter, start: usize, end: usize, kind: u32) void {
        if (writer.count < writer.spans.len) {
            writer.spans[writer.count] = .{
                .start = @intCast(start),
                .length = @intCast(end - start),
                .kind = kind,
            };
        }
        writer.count += 1;
    }
};

fn normalizeBytes(
    comptime is_padded: bool,
    comptime reads_plain_tokens: bool,
    /// Padding included, where it is padded.
    padded: []const u8,
    window: *Window,
    options: Options,
    text_buffer: *[text_bytes_max]u8,
    list_buffer: []u32,
    /// Of a text that was cut before.
    known_fingerprint: ?u64,
) Normalized {
    const length = padded.len - if (is_padded) bytes_module.padding_bytes else 0;
    var machine: machine_module.Machine(is_padded, reads_plain_tokens) = .{
        .lexer = .{
            .bytes = .of(padded, length),
            .placeholders = options.placeholders,
            .backslash = switch (options.standard_conforming_strings) {
                .unknown => .unknown,
                .on => .ordinary,
                .off => .escapes,
            },
        },
        .window = window,
        .is_cut_source = known_fingerprint != null,
        .text = .{ .buffer = text_buffer, .source = padded },
        .list_lengths = list_buffer,
    };
    machine.read();
    if (!machine.is_cut_source and machine.list.kind == .values) {
        machine.take(machine.list.punctuation(.end));
    }
    const hash = known_fingerprint orelse machine.hash.final();
    return .{
        .text = machine.text.finish(hash, known_fingerprint != null),
        .fingerprint = hash,
        .list_lengths = list_buffer[0..machine.list_lengths_count],
    };
}

test {
    _ = bytes_module;
    _ = @import("context.zig");
    _ = @import("fingerprint.zig");
    _ = @import("keywords.zig");
    _ = marks;
    _ = window_module;
    _ = @import("normalizer_test.zig");
    _ = @import("boundary_test.zig");
}
