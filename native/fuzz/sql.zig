//! The normaliser on heaps of fragments: whatever comes in, the text fits, holds no canary, and
//! is normalised to itself; spans lie in the input in order; padded and bounded reading agree.

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

const sql_bytes_max = 6000;

var sql_buffer: [sql_bytes_max]u8 = undefined;
var first_text: [normalizer.text_bytes_max]u8 = undefined;
var second_text: [normalizer.text_bytes_max]u8 = undefined;
var first_lengths: [256]u32 = undefined;
var second_lengths: [256]u32 = undefined;
var spans: [sql_bytes_max]normalizer.Span = undefined;

pub fn run(random: std.Random, iterations: u64) anyerror!void {
    for (0..iterations) |_| {
        const sql = randomSql(random);
        const options: normalizer.Options = .{
            .placeholders = random.enumValue(normalizer.Placeholders),
            .standard_conforming_strings = random.enumValue(normalizer.StandardConformingStrings),
        };
        check(sql, options) catch |failure| {
            std.debug.print("sql: \"{f}\"\n{any}\n", .{ std.zig.fmtString(sql), options });
            return failure;
        };
    }
}

fn randomSql(random: std.Random) []const u8 {
    var length: usize = 0;
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

    const count = normalizer.scan(sql, options, &spans);
    if (count > sql.len) return error.TooManySpans;
    var end: usize = 0;
    for (spans[0..count]) |span| {
        if (span.start < end or span.length == 0) return error.SpansOverlap;
        end = span.start + span.length;
    }
    if (end > sql.len) return error.SpanBeyondEnd;
}
