//! What the analysis found: one record for each verdict, statement and route, the longest unseen
//! of which gives its place to a new one.

const std = @import("std");
const layout = @import("layout.zig");
const record = @import("record.zig");
const words = @import("words.zig");

const Row = layout.Finding;
const Payload = [Row.words - 2]u64;

pub const Finding = struct {
    verdict: layout.Verdict,
    fingerprint: u64,
    statement_id: u32,
    route_id: u32,
    query_count: u64,
    total_ns: u64,
    now_ns: u64,
};

pub const Findings = struct {
    rows: [][Row.words]u64,

    /// True where another finding lost its place.
    pub fn add(table: *const Findings, finding: Finding) bool {
        var oldest = &table.rows[0];
        for (table.rows) |*row| {
            if (own(row, Row.verdict) == 0) {
                write(row, finding, finding.now_ns, 1, 0, 0);
                return false;
            }
            if (isOf(row, finding)) {
                write(
                    row,
                    finding,
                    own(row, Row.first_ns),
                    own(row, Row.count) +% 1,
                    own(row, Row.query_count),
                    own(row, Row.total_ns),
                );
                return false;
            }
            if (own(row, Row.last_ns) < own(oldest, Row.last_ns)) oldest = row;
        }
        write(oldest, finding, finding.now_ns, 1, 0, 0);
        return true;
    }

    fn write(
        row: *[Row.words]u64,
        finding: Finding,
        first_ns: u64,
        count: u64,
        query_count: u64,
        total_ns: u64,
    ) void {
        var payload: Payload = @splat(0);
        payload[Row.verdict - 1] = @intFromEnum(finding.verdict);
        payload[Row.fingerprint - 1] = finding.fingerprint;
        payload[Row.statement_id - 1] = finding.statement_id;
        payload[Row.route_id - 1] = finding.route_id;
        payload[Row.count - 1] = count;
        payload[Row.query_count - 1] = query_count +% finding.query_count;
        payload[Row.total_ns - 1] = total_ns +% finding.total_ns;
        payload[Row.first_ns - 1] = first_ns;
        payload[Row.last_ns - 1] = finding.now_ns;
        record.rewrite(row, &payload);
    }

    fn isOf(row: *const [Row.words]u64, finding: Finding) bool {
        return own(row, Row.fingerprint) == finding.fingerprint and
            own(row, Row.route_id) == finding.route_id and
            own(row, Row.verdict) == @intFromEnum(finding.verdict);
    }

    fn own(row: *const [Row.words]u64, word: usize) u64 {
        return words.own(&row[word]);
    }
};

test "Findings: adds up what is the same, replaces the longest unseen" {
    var rows: [2][Row.words]u64 = @splat(@splat(0));
    const table: Findings = .{ .rows = &rows };
    const first: Finding = .{
        .verdict = .n_plus_one,
        .fingerprint = 7,
        .statement_id = 1,
        .route_id = 2,
        .query_count = 20,
        .total_ns = 1000,
        .now_ns = 10,
    };
    var second = first;
    second.route_id = 3;
    second.now_ns = 11;
    var third = first;
    third.fingerprint = 8;
    third.now_ns = 30;
    try std.testing.expect(!table.add(first));
    try std.testing.expect(!table.add(second));
    var again = first;
    again.now_ns = 20;
    try std.testing.expect(!table.add(again));
    try std.testing.expectEqual(2, rows[0][Row.count]);
    try std.testing.expectEqual(40, rows[0][Row.query_count]);
    try std.testing.expectEqual(10, rows[0][Row.first_ns]);
    try std.testing.expectEqual(20, rows[0][Row.last_ns]);
    try std.testing.expect(table.add(third));
    try std.testing.expectEqual(8, rows[1][Row.fingerprint]);
    try std.testing.expectEqual(1, rows[1][Row.count]);
}
