//! `core.h` in Zig: checks what comes from outside, translates, and nothing else.

const std = @import("std");
const core = @import("core");

const assert = std.debug.assert;
const normalizer = core.normalizer;

const abi_version: u32 = 1;
const list_lengths_max = 256;

/// Safety checks stay on in what ships, and a failed one ends the process: say whose it was.
pub const panic = std.debug.FullPanic(explainPanic);

fn explainPanic(message: []const u8, first_trace_address: ?usize) noreturn {
    @branchHint(.cold);
    std.debug.print(
        "hyperdjango: a bug in the native engine (HYPERDJANGO_ENGINE=portable avoids it)\n",
        .{},
    );
    std.debug.defaultPanic(message, first_trace_address);
}

const Status = enum(c_int) { ok = 0, invalid_argument = 1, out_of_memory = 2 };

const SqlOptions = extern struct {
    placeholders: u8,
    standard_conforming_strings: u8,

    fn parse(options: SqlOptions) ?normalizer.Options {
        return .{
            .placeholders = std.enums.fromInt(
                normalizer.Placeholders,
                options.placeholders,
            ) orelse return null,
            .standard_conforming_strings = std.enums.fromInt(
                normalizer.StandardConformingStrings,
                options.standard_conforming_strings,
            ) orelse return null,
        };
    }
};

const Normalized = extern struct {
    fingerprint: u64,
    text_bytes: u32,
    list_lengths_count: u32,
    list_lengths: [list_lengths_max]u32,
    text: [normalizer.text_bytes_max]u8,
};

comptime {
    assert(@sizeOf(SqlOptions) == 2);
    assert(@sizeOf(Normalized) == 16 + 4 * list_lengths_max + 8192);
    assert(@offsetOf(Normalized, "text") == 16 + 4 * list_lengths_max);
    assert(@sizeOf(normalizer.Span) == 12);
}

fn abiVersion() callconv(.c) u32 {
    return abi_version;
}

fn clockNowNs() callconv(.c) u64 {
    return core.clock.nowNs();
}

fn sqlNormalize(
    sql: ?[*]const u8,
    sql_bytes: usize,
    options: SqlOptions,
    result: ?*Normalized,
) callconv(.c) Status {
    const text = slice(sql, sql_bytes) orelse return .invalid_argument;
    const out = result orelse return .invalid_argument;
    const parsed = options.parse() orelse return .invalid_argument;

    const normalized = normalizer.normalize(text, parsed, &out.text, &out.list_lengths);
    assert(normalized.text.len <= out.text.len);
    assert(normalized.list_lengths.len <= out.list_lengths.len);
    if (normalized.text.ptr != &out.text) {
        @memmove(out.text[0..normalized.text.len], normalized.text);
    }
    if (normalized.list_lengths.ptr != &out.list_lengths) {
        @memmove(out.list_lengths[0..normalized.list_lengths.len], normalized.list_lengths);
    }
    out.fingerprint = normalized.fingerprint;
    out.text_bytes = @intCast(normalized.text.len);
    out.list_lengths_count = @intCast(normalized.list_lengths.len);
    return .ok;
}

fn sqlScan(
    sql: ?[*]const u8,
    sql_bytes: usize,
    options: SqlOptions,
    spans: ?[*]normalizer.Span,
    spans_max: usize,
    count: ?*usize,
) callconv(.c) Status {
    const text = slice(sql, sql_bytes) orelse return .invalid_argument;
    const parsed = options.parse() orelse return .invalid_argument;
    const out = count orelse return .invalid_argument;
    // Spans are 32 bits wide.
    if (text.len > std.math.maxInt(u32)) return .invalid_argument;
    if (spans == null and spans_max > 0) return .invalid_argument;

    const room: []normalizer.Span = if (spans) |pointer| pointer[0..spans_max] else &.{};
    out.* = normalizer.scan(text, parsed, room);
    return .ok;
}

fn slice(pointer: ?[*]const u8, bytes: usize) ?[]const u8 {
    const start = pointer orelse return if (bytes == 0) "" else null;
    return start[0..bytes];
}

/// Hidden, so that the addon's own two entry points are all that it exports.
fn exportHidden(comptime function: anytype, comptime name: []const u8) void {
    @export(function, .{ .name = name, .visibility = .hidden });
}

comptime {
    exportHidden(&abiVersion, "hd_abi_version");
    exportHidden(&clockNowNs, "hd_clock_now_ns");
    exportHidden(&sqlNormalize, "hd_sql_normalize");
    exportHidden(&sqlScan, "hd_sql_scan");
}
