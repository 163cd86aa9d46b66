//! The normaliser on heaps of fragments: whatever comes in, the text fits, holds no canary, and
//! is normalised to itself; spans lie in the input in order; the fast path, padded or bounded, and
//! the machine alone agree.
//!
//! Guided by coverage: an input that shows a new triple of token kinds in a row is kept, and half
//! of all inputs are made of one that was kept. Printed at the end.

const std = @import("std");
const core = @import("core");

const normalizer = core.normalizer;

const fragments = [_][]const u8{
    "'",        "''",           "\"",        "\"\"",     "\\",                                    "\\'",                                 "$$",     "$a$",
    "$1",       "$",            "--",        "-- x\n",   "/*",                                    "*/",                                  "\n",     " ",
    "e'",       "E'a\\'",       "U&'",       "u&\"",     "UESCAPE '!'",                           "N'x'",                                "b'1'",   "x'f'",
    "-",        "+",            "- 1",       "-1",       "::int",                                 "::",                                  ":",      "?",
    "??",       "%s",           "%(a)s",     ":a",       "%%",                                    "@-",                                  "!=",     "=",
    "..",       ".",            ".5",        "1e5",      "0x1",                                   "1_0",                                 "(",      ")",
    "[",        "]",            ",",         ";",        "IN (",                                  "VALUES (",                            "ARRAY[", "NULL",
    "IS NOT",   "AS",           "DEFAULT",   "CAST(",    "date 'x'",                              "BETWEEN",                             "a",      "\"A\"",
    "\xc3\xa9", "\xe2\x80\xa6", "\xff",      "\x00",     "SET x = ",                              "FETCH -1",                            "{",      "SELECT ",
    "'zqx'",    "E'\\'zqx'",    "$t$zqx$t$", "98765431", " \xe2\x80\xa6 <cut: 0123456789abcdef>", "<unparsed: SELECT 0123456789abcdef>",
};

const sql_bytes_max = 12_000;

var sql_buffer: [sql_bytes_max]u8 = undefined;
var first_text: [normalizer.text_bytes_max]u8 = undefined;
var second_text: [normalizer.text_bytes_max]u8 = undefined;
var first_lengths: [256]u32 = undefined;
var second_lengths: [256]u32 = undefined;
var spans: [sql_bytes_max]normalizer.Span = undefined;

/// That of the core; a larger one would only move the search.
const window_bytes_max = 2048;

const kinds_count = std.enums.values(normalizer.TokenKind).len;
const kept_max = 1024;
const kept_bytes_max = 512;

/// What was seen: a bit for each triple of kinds, and one in so many for each input's hash.
const Coverage = struct {
    triples: std.StaticBitSet(kinds_count * kinds_count * kinds_count) = .initEmpty(),
    distinct: u64 = 0,
    kept_count: usize = 0,

    fn note(seen_so_far: *Coverage, sql: []const u8, options: normalizer.Options) void {
        const hash = std.hash.Wyhash.hash(0, sql);
        const seen = &inputs_seen[hash >> 32 & (inputs_seen.len - 1)];
        const bit = @as(u64, 1) << @truncate(hash);
        // Two inputs that share a bit count as one: the number is a lower bound.
        if (seen.* & bit != 0) return;
        seen.* |= bit;
        seen_so_far.distinct += 1;
        var buffer: [1024]normalizer.TokenKind = undefined;
        const kinds = normalizer.tokenKinds(sql, options, &buffer);
        var is_new = false;
        var code: usize = 0;
        for (kinds) |kind| {
            code = (code * kinds_count + @intFromEnum(kind)) % (kinds_count * kinds_count * kinds_count);
            is_new = is_new or !seen_so_far.triples.isSet(code);
            seen_so_far.triples.set(code);
        }
        if (!is_new or seen_so_far.kept_count == kept_max or sql.len > kept_bytes_max) return;
        @memcpy(kept[seen_so_far.kept_count][0..sql.len], sql);
        kept_lengths[seen_so_far.kept_count] = sql.len;
        seen_so_far.kept_count += 1;
    }
};

var inputs_seen: [1 << 20]u64 = @splat(0);
var kept: [kept_max][kept_bytes_max]u8 = undefined;
var kept_lengths: [kept_max]usize = undefined;
var coverage: Coverage = .{};

pub fn run(random: std.Random, iterations: u64) anyerror!void {
    for (0..iterations) |_| {
        const sql = if (random.uintLessThan(u32, 50) == 0)
            boundarySql(random)
        else if (coverage.kept_count > 0 and random.boolean())
            mutatedSql(random)
        else
            randomSql(random, 0);
        const options: normalizer.Options = .{
            .placeholders = random.enumValue(normalizer.Placeholders),
            .standard_conforming_strings = random.enumValue(normalizer.StandardConformingStrings),
        };
        check(sql, options) catch |failure| {
            std.debug.print("sql: \"{f}\"\n{any}\n", .{ std.zig.fmtString(sql), options });
            return failure;
        };
        coverage.note(sql, options);
    }
    std.debug.print("sql: {d} distinct inputs, {d} of {d} triples of token kinds, {d} kept\n", .{
        coverage.distinct,
        coverage.triples.count(),
        kinds_count * kinds_count * kinds_count,
        coverage.kept_count,
    });
}

/// A kept input with a fragment put in its midst, in the place of up to eight bytes.
fn mutatedSql(random: std.Random) []const u8 {
    const index = random.uintLessThan(usize, coverage.kept_count);
    const base = kept[index][0..kept_lengths[index]];
    const start = random.uintAtMost(usize, base.len);
    const end = @min(base.len, start + random.uintLessThan(usize, 9));
    const fragment = fragments[random.uintLessThan(usize, fragments.len)];
    const rest = base[end..];
    @memcpy(sql_buffer[0..start], base[0..start]);
    @memcpy(sql_buffer[start..][0..fragment.len], fragment);
    @memcpy(sql_buffer[start + fragment.len ..][0..rest.len], rest);
    return sql_buffer[0 .. start + fragment.len + rest.len];
}

/// Fragments behind so many names that they stand where a window or the longest text ends.
fn boundarySql(random: std.Random) []const u8 {
    const boundary: usize = if (random.boolean()) normalizer.text_bytes_max else window_bytes_max;
    const start = boundary - 256 + random.uintLessThan(usize, 320);
    for (sql_buffer[0..start], 0..) |*byte, index| byte.* = "a, \"b\".c = 1 "[index % 14];
    return randomSql(random, start);
}

/// Fragments behind the first bytes of the buffer.
fn randomSql(random: std.Random, start: usize) []const u8 {
    var length = start;
    const count = if (random.uintLessThan(u32, 50) == 0)
        random.uintLessThan(u32, 1000)
    else
        1 + random.uintLessThan(u32, 16);
    for (0..count) |_| {
        const fragment = fragments[random.uintLessThan(usize, fragments.len)];
        if (length + fragment.len + 1 > sql_bytes_max) break;
        @memcpy(sql_buffer[length..][0..fragment.len], fragment);
        length += fragment.len;
        if (random.boolean()) continue;
        sql_buffer[length] = ' ';
        length += 1;
    }
    return sql_buffer[0..length];
}

fn check(sql: []const u8, options: normalizer.Options) !void {
    const first = normalizer.normalize(sql, options, &first_text, &first_lengths);
    if (first.text.len > normalizer.text_bytes_max) return error.TextTooLong;
    const second = normalizer.normalize(first.text, options, &second_text, &second_lengths);
    if (!std.mem.eql(u8, first.text, second.text)) return error.TextNotStable;
    if (first.fingerprint != second.fingerprint) return error.FingerprintNotStable;

    const bounded = normalizer.normalizeBounded(sql, options, &second_text, &second_lengths);
    if (!std.mem.eql(u8, first.text, bounded.text)) return error.ReadersDisagree;
    if (first.fingerprint != bounded.fingerprint) return error.ReadersDisagree;
    if (!std.mem.eql(u32, first.list_lengths, bounded.list_lengths)) return error.ReadersDisagree;

    const by_token = normalizer.normalizeByToken(sql, options, &second_text, &second_lengths);
    if (!std.mem.eql(u8, first.text, by_token.text)) return error.FastPathDiffers;
    if (first.fingerprint != by_token.fingerprint) return error.FastPathDiffers;
    if (!std.mem.eql(u32, first.list_lengths, by_token.list_lengths)) return error.FastPathDiffers;

    const count = normalizer.scan(sql, options, &spans);
    if (count > sql.len) return error.TooManySpans;
    var end: usize = 0;
    for (spans[0..count]) |span| {
        if (span.start < end or span.length == 0) return error.SpansOverlap;
        end = span.start + span.length;
    }
    if (end > sql.len) return error.SpanBeyondEnd;
}
