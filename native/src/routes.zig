//! The route table: like the statement table, with the names inside the rows.

const std = @import("std");
const histogram = @import("histogram.zig");
const layout = @import("layout.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

pub const other_id: u32 = 0;
pub const other_name = "<other>";

const Totals = layout.RouteTotals;
const bucket_count = histogram.route_shape.bucketCount();
const name_bytes_max = layout.route_name_bytes_max;

pub const Request = struct {
    duration_ns: u64,
    query_count: u32,
    is_error: bool,
};

pub const Routes = struct {
    totals: [][Totals.words]u64,
    names: [][name_bytes_max]u8,
    histograms: [][bucket_count]u32,
    /// Rows in use, row 0 included. Written by the writer (release) after the row is complete.
    count: *u64,
    /// Rows by the hash of the name; 0 is a free place. At most half full. The writer's own.
    index: []u32,
    seed: u64,

    /// Takes row 0.
    pub fn init(table: *const Routes) void {
        assert(table.totals.len == table.names.len);
        assert(table.totals.len == table.histograms.len);
        assert(std.math.isPowerOfTwo(table.index.len));
        assert(table.index.len >= 2 * (table.totals.len - 1));
        @memset(table.index, 0);
        table.append(other_name);
    }

    /// The row of a route, a new one if it was never seen; `other_id` where there is no room.
    /// Names that agree in what fits are one route.
    pub fn intern(table: *const Routes, whole_name: []const u8) u32 {
        const name = cut(whole_name);
        const mask = table.index.len - 1;
        var place: usize = @intCast(std.hash.Wyhash.hash(table.seed, name) & mask);
        while (true) : (place = (place + 1) & mask) {
            const id = table.index[place];
            if (id == 0) break;
            if (std.mem.eql(u8, table.nameOf(id), name)) return id;
        }
        const id: u32 = @intCast(words.own(table.count));
        if (id == table.totals.len) return other_id;
        table.append(name);
        table.index[place] = id;
        return id;
    }

    pub fn record(table: *const Routes, id: u32, request: Request) void {
        assert(id < words.own(table.count));
        const totals = &table.totals[id];
        words.add(&totals[Totals.request_count], 1);
        if (request.is_error) words.add(&totals[Totals.error_count], 1);
        words.add(&totals[Totals.query_count], request.query_count);
        words.add(&totals[Totals.total_ns], request.duration_ns);
        if (request.duration_ns > words.own(&totals[Totals.max_ns])) {
            words.store(&totals[Totals.max_ns], request.duration_ns);
        }
        if (request.duration_ns == 0) {
            words.add(&totals[Totals.zero_count], 1);
        } else {
            histogram.record(histogram.route_shape, &table.histograms[id], request.duration_ns);
        }
    }

    fn nameOf(table: *const Routes, id: u32) []const u8 {
        const bytes: usize = @intCast(words.own(&table.totals[id][Totals.name_bytes]));
        return table.names[id][0..bytes];
    }

    fn append(table: *const Routes, name: []const u8) void {
        const id: usize = @intCast(words.own(table.count));
        @memcpy(table.names[id][0..name.len], name);
        words.store(&table.totals[id][Totals.name_bytes], name.len);
        words.publish(table.count, id + 1);
    }
};

/// Between two characters, so that what is left is UTF-8 if the whole was.
fn cut(name: []const u8) []const u8 {
    if (name.len <= name_bytes_max) return name;
    var end: usize = name_bytes_max;
    while (end > name_bytes_max - 4 and name[end] & 0xc0 == 0x80) end -= 1;
    return name[0..end];
}

test "Routes: finds, fills, overflows into other" {
    const row_count = 5;
    var totals: [row_count][Totals.words]u64 = @splat(@splat(0));
    var names: [row_count][name_bytes_max]u8 = undefined;
    var histograms: [row_count][bucket_count]u32 = @splat(@splat(0));
    var count: u64 = 0;
    var index: [8]u32 = undefined;
    const table: Routes = .{
        .totals = &totals,
        .names = &names,
        .histograms = &histograms,
        .count = &count,
        .index = &index,
        .seed = 1,
    };
    table.init();
    const long: [name_bytes_max + 9]u8 = @splat('x');
    const wanted = [_][]const u8{ "GET /", "", long[0 .. name_bytes_max + 1], "GET /é" };
    for (wanted, 1..) |name, id| try std.testing.expectEqual(id, table.intern(name));
    for (wanted, 1..) |name, id| try std.testing.expectEqual(id, table.intern(name));
    try std.testing.expectEqual(3, table.intern(&long));
    try std.testing.expectEqual(other_id, table.intern("GET /new"));
    table.record(2, .{ .duration_ns = 5, .query_count = 3, .is_error = true });
    try std.testing.expectEqual(3, totals[2][Totals.query_count]);
}

test "cut: never inside a character" {
    const name = "x" ** (name_bytes_max - 1) ++ "é";
    try std.testing.expectEqual(name_bytes_max - 1, cut(name).len);
}
