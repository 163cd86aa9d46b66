//! The normaliser as a whole: on random statements, and how much work it does.

const std = @import("std");
const bytes_module = @import("bytes.zig");
const normalizer = @import("normalizer.zig");

test "normalize: the fast path does what the machine does" {
    const fragments = [_][]const u8{
        "SELECT ",     "select a.b, ", "\"A\".\"b\" ", " FROM t WHERE x = ",    "$1",       "$2",
        "'it''s'",     "'a\\'",        "1.5",          "42",                    "NULL",     " IS NOT NULL",
        " IN (",       "1, 2, 3)",     "$1, $2) ",     " VALUES (",             "DEFAULT",  "), (",
        " AND ",       "::int",        " <= ",         "-1",                    " - ",      "--x\n",
        "/* c */",     "E'x'",         "U&'x'",        " ARRAY[",               "]",        "(",
        ")",           ", ",           ";",            "CREATE ",               "START ",   "SET x = ",
        "OPERATOR(+)", " as ",         "user",         "\"user\"",              "\"a b\"",  "  ",
        "\n",          "\xc3\xa9",     "a\xff",        "a_name_longer_than_16", "\"x1_$\"", "1a",
    };
    var prng: std.Random.DefaultPrng = .init(20_261_122);
    const random = prng.random();
    var sql: [4096]u8 = undefined;
    var texts: [2][normalizer.text_bytes_max]u8 = undefined;
    var lengths: [2][64]u32 = undefined;
    for (0..20_000) |_| {
        var length: usize = 0;
        const count = if (random.uintLessThan(u8, 40) == 0) 400 else random.uintLessThan(usize, 24);
        for (0..count) |_| {
            const fragment = fragments[random.uintLessThan(usize, fragments.len)];
            if (length + fragment.len > sql.len) break;
            @memcpy(sql[length..][0..fragment.len], fragment);
            length += fragment.len;
        }
        const options: normalizer.Options = .{
            .placeholders = random.enumValue(normalizer.Placeholders),
            .standard_conforming_strings = random.enumValue(normalizer.StandardConformingStrings),
        };
        const fast = normalizer.normalize(sql[0..length], options, &texts[0], &lengths[0]);
        const slow = normalizer.normalizeByToken(sql[0..length], options, &texts[1], &lengths[1]);
        try std.testing.expectEqualStrings(slow.text, fast.text);
        try std.testing.expectEqual(slow.fingerprint, fast.fingerprint);
        try std.testing.expectEqualSlices(u32, slow.list_lengths, fast.list_lengths);
    }
}

/// Reads of one byte in the worst case: blocks that begin at each byte, twice.
const visits_per_byte_max = 80;

test "normalize: does linear work" {
    const patterns = [_][]const u8{
        "/*",     "/**/", "--\n", "'",   "'\\'",   "'a\\', ", "'a'\n",    "$a$b",
        "$aaaa",  "$a ",  "\"",   "+-",  "- ",     "-1 /**/", "(1,2),",   "a IN (1,2) ",
        "ARRAY[", "(",    ";",    "a",   "1_",     "%(",      " \n",      "\"a\"\"",
        "'a' ",   "E'\\", "a.b.", ">=-", "U&'a' ", "::int",   "IN (1,1,", "VALUES (1),",
    };
    var text: [normalizer.text_bytes_max]u8 = undefined;
    var lengths: [256]u32 = undefined;
    const gpa = std.testing.allocator;
    for (patterns) |pattern| {
        for ([_]usize{ 1_000, 100_000 }) |bytes| {
            const sql = try gpa.alloc(u8, bytes);
            defer gpa.free(sql);
            for (sql, 0..) |*byte, index| byte.* = pattern[index % pattern.len];
            sql[0..2].* = "S ".*;
            bytes_module.visit_count = 0;
            _ = normalizer.normalize(sql, .{}, &text, &lengths);
            try std.testing.expect(bytes_module.visit_count > 0);
            try std.testing.expect(bytes_module.visit_count < visits_per_byte_max * bytes);
        }
    }
}
