//! Two kinds of normalised text do not hold the whole statement. Each ends with the fingerprint,
//! and with `>`, as no statement does: so that normalising them again gives the same fingerprint.

const std = @import("std");

const cut_start = " … <cut: ";
const unparsed_start = "<unparsed: ";
const hex_bytes = 16;

/// What ends a text that was cut.
pub const cut_mark_bytes = cut_start.len + hex_bytes + 1;
/// No verb is longer than DEALLOCATE.
pub const unparsed_bytes_max = unparsed_start.len + "DEALLOCATE ".len + hex_bytes + 1;

pub const CutText = struct { source_bytes: usize, fingerprint: u64 };

pub fn writeCutMark(buffer: *[cut_mark_bytes]u8, fingerprint: u64) void {
    buffer[0..cut_start.len].* = cut_start.*;
    writeHex(buffer[cut_start.len..][0..hex_bytes], fingerprint);
    buffer[cut_mark_bytes - 1] = '>';
}

/// What a normalised text is made of that ends with a cut mark.
pub inline fn readCutMark(sql: []const u8) ?CutText {
    if (sql.len < cut_mark_bytes or sql[sql.len - 1] != '>') return null;
    const start = sql.len - cut_mark_bytes;
    if (!std.mem.eql(u8, sql[start..][0..cut_start.len], cut_start)) return null;
    const fingerprint = readHex(sql[start + cut_start.len ..][0..hex_bytes]) orelse return null;
    return .{ .source_bytes = start, .fingerprint = fingerprint };
}

/// The fingerprint in the text that stands for a statement that could not be read.
pub inline fn readUnparsed(sql: []const u8) ?u64 {
    if (sql.len == 0 or sql[0] != '<') return null;
    return readUnparsedMark(sql);
}

fn readUnparsedMark(sql: []const u8) ?u64 {
    if (!std.mem.startsWith(u8, sql, unparsed_start) or sql.len > unparsed_bytes_max) return null;
    const hex_end = sql.len - 1;
    if (hex_end < unparsed_start.len + 1 + hex_bytes or sql[hex_end] != '>') return null;
    const hex_start = hex_end - hex_bytes;
    if (sql[hex_start - 1] != ' ') return null;
    if (!isVerb(sql[unparsed_start.len .. hex_start - 1])) return null;
    return readHex(sql[hex_start..][0..hex_bytes]);
}

/// The verbs that such a text may name; all others are `UNKNOWN`.
const verbs =
    \\ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE
    \\DECLARE DELETE DISCARD DO DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK
    \\MERGE MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT
    \\SECURITY SELECT SET SHOW START TABLE TRUNCATE UNKNOWN UNLISTEN UPDATE VACUUM VALUES WITH
;

fn isVerb(text: []const u8) bool {
    var words = std.mem.tokenizeAny(u8, verbs, " \n");
    while (words.next()) |verb| {
        if (std.mem.eql(u8, text, verb)) return true;
    }
    return false;
}

fn writeHex(buffer: *[hex_bytes]u8, value: u64) void {
    for (buffer, 0..) |*digit, index| {
        const shift: u6 = @intCast(60 - 4 * index);
        digit.* = "0123456789abcdef"[@as(u4, @truncate(value >> shift))];
    }
}

fn readHex(digits: *const [hex_bytes]u8) ?u64 {
    var value: u64 = 0;
    for (digits) |digit| {
        const nibble = switch (digit) {
            '0'...'9' => digit - '0',
            'a'...'f' => digit - 'a' + 10,
            else => return null,
        };
        value = value << 4 | nibble;
    }
    return value;
}

test readCutMark {
    var mark: [cut_mark_bytes]u8 = undefined;
    writeCutMark(&mark, 0x0123456789abcdef);
    try std.testing.expectEqualStrings(" … <cut: 0123456789abcdef>", &mark);
    const cut = readCutMark("SELECT a" ++ mark) orelse return error.NotRead;
    try std.testing.expectEqual(8, cut.source_bytes);
    try std.testing.expectEqual(0x0123456789abcdef, cut.fingerprint);
    try std.testing.expectEqual(null, readCutMark("SELECT a … <cut: 0123456789abcdeg>"));
}

test readUnparsed {
    try std.testing.expectEqual(0xff, readUnparsed("<unparsed: SELECT 00000000000000ff>"));
    try std.testing.expectEqual(null, readUnparsed("<unparsed: secret 00000000000000ff>"));
    try std.testing.expectEqual(null, readUnparsed("<unparsed: >"));
}
