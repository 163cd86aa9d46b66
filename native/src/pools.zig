//! What each connection pool was doing when it was last heard of: a record for each.

const std = @import("std");
const layout = @import("layout.zig");
const record = @import("record.zig");

const Row = layout.Pool;

pub const State = struct {
    total: u64,
    idle: u64,
    waiting: u64,
    max: u64,
    updated_ns: u64,
};

pub const Pools = struct {
    rows: [][Row.words]u64,

    /// False for a row that there is not. A name is cut to what fits; an empty one frees the row.
    pub fn report(table: *const Pools, row: usize, name: []const u8, state: State) bool {
        if (row >= table.rows.len) return false;
        var padded: [Row.name_bytes_max]u8 = @splat(0);
        const kept = cut(name);
        @memcpy(padded[0..kept.len], kept);
        const name_words: [Row.name_bytes_max / 8]u64 = @bitCast(padded);
        record.rewrite(&table.rows[row], &(.{
            kept.len,
            state.total,
            state.idle,
            state.waiting,
            state.max,
            state.updated_ns,
        } ++ name_words));
        return true;
    }

    pub fn clear(table: *const Pools) void {
        for (0..table.rows.len) |row| _ = table.report(row, "", std.mem.zeroes(State));
    }
};

/// Between two characters.
fn cut(name: []const u8) []const u8 {
    if (name.len <= Row.name_bytes_max) return name;
    var end: usize = Row.name_bytes_max;
    while (end > Row.name_bytes_max - 4 and name[end] & 0xc0 == 0x80) end -= 1;
    return name[0..end];
}

test "Pools: the last report of each row" {
    var rows: [2][Row.words]u64 = @splat(@splat(0));
    const table: Pools = .{ .rows = &rows };
    const state: State = .{ .total = 3, .idle = 1, .waiting = 2, .max = 10, .updated_ns = 99 };
    const long = "h" ** (Row.name_bytes_max - 1) ++ "é";
    try std.testing.expect(table.report(1, "localhost:5432/shop", state));
    try std.testing.expect(table.report(1, long, state));
    try std.testing.expect(!table.report(2, "x", state));
    var payload: [Row.words - 2]u64 = undefined;
    try std.testing.expect(record.read(&rows[1], 4, &payload));
    try std.testing.expectEqual(Row.name_bytes_max - 1, payload[Row.name_bytes - 1]);
    try std.testing.expectEqual(2, payload[Row.waiting - 1]);
    try std.testing.expect(std.mem.startsWith(u8, std.mem.asBytes(&payload[Row.name - 1]), "hhhh"));
    table.clear();
    try std.testing.expect(record.read(&rows[1], 6, &payload));
    try std.testing.expectEqual(0, payload[Row.name_bytes - 1]);
}
