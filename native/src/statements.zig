//! The statement table: who is which row, its text, and what its calls added up to.
//!
//! Open addressing by fingerprint over a fixed number of rows. Row 0 is "other": what no longer
//! finds a row or room for its text is added up there. Rows are never given back, so a row's
//! identity, once it is published by the count, does not change.

const std = @import("std");
const histogram = @import("histogram.zig");
const layout = @import("layout.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

pub const other_id: u32 = 0;
pub const other_text = "<other>";

const Totals = layout.StatementTotals;
const bucket_count = histogram.statement_shape.bucketCount();

pub const Call = struct {
    duration_ns: u64,
    pool_wait_ns: u64,
    is_error: bool,
    /// Null where it is unknown.
    row_count: ?u64,
};

pub const Identity = struct { fingerprint: u64, text: []const u8 };

pub const Statements = struct {
    identities: [][layout.identity_words]u64,
    totals: [][Totals.words]u64,
    histograms: [][bucket_count]u32,
    texts: []u8,
    text_bytes_used: *u64,
    /// Rows in use, row 0 included. Written by the writer (release) after the row is complete.
    count: *u64,
    /// Rows by fingerprint; 0 is a free place. At most half full. The writer's own.
    index: []u32,

    /// Takes row 0.
    pub fn init(table: *const Statements) void {
        assert(table.identities.len == table.totals.len);
        assert(table.identities.len == table.histograms.len);
        assert(std.math.isPowerOfTwo(table.index.len));
        assert(table.index.len >= 2 * (table.identities.len - 1));
        assert(table.texts.len >= other_text.len);
        @memset(table.index, 0);
        table.append(0, other_text);
    }

    /// The row of a statement, a new one if it was never seen; `other_id` where there is no room.
    pub fn intern(table: *const Statements, fingerprint: u64, text: []const u8) u32 {
        const mask = table.index.len - 1;
        // Multiplied, so that a fingerprint that is weak in its low bits spreads as well.
        var place: usize = @intCast((fingerprint *% 0x9e3779b97f4a7c15) >> 32 & mask);
        while (true) : (place = (place + 1) & mask) {
            const id = table.index[place];
            if (id == 0) break;
            if (table.identities[id][0] == fingerprint) return id;
        }
        const id: u32 = @intCast(words.own(table.count));
        if (id == table.identities.len) return other_id;
        if (text.len > table.texts.len - words.own(table.text_bytes_used)) return other_id;
        table.append(fingerprint, text);
        table.index[place] = id;
        return id;
    }

    pub fn identity(table: *const Statements, id: u32) ?Identity {
        if (id >= words.own(table.count)) return null;
        const row = &table.identities[id];
        const offset: u32 = @truncate(words.own(&row[1]));
        const bytes: u32 = @intCast(words.own(&row[1]) >> 32);
        return .{ .fingerprint = words.own(&row[0]), .text = table.texts[offset..][0..bytes] };
    }

    pub fn record(table: *const Statements, id: u32, call: Call) void {
        assert(id < words.own(table.count));
        const totals = &table.totals[id];
        const calls = words.own(&totals[Totals.call_count]);
        words.store(&totals[Totals.call_count], calls + 1);
        if (call.is_error) words.add(&totals[Totals.error_count], 1);
        if (call.row_count) |rows| words.add(&totals[Totals.row_count], rows);
        words.add(&totals[Totals.total_ns], call.duration_ns);
        words.add(&totals[Totals.pool_wait_ns], call.pool_wait_ns);
        if (calls == 0 or call.duration_ns < words.own(&totals[Totals.min_ns])) {
            words.store(&totals[Totals.min_ns], call.duration_ns);
        }
        if (call.duration_ns > words.own(&totals[Totals.max_ns])) {
            words.store(&totals[Totals.max_ns], call.duration_ns);
        }
        if (call.duration_ns == 0) {
            words.add(&totals[Totals.zero_count], 1);
        } else {
            histogram.record(
                histogram.statement_shape,
                &table.histograms[id],
                call.duration_ns,
            );
        }
    }

    fn append(table: *const Statements, fingerprint: u64, text: []const u8) void {
        const id: usize = @intCast(words.own(table.count));
        const offset: usize = @intCast(words.own(table.text_bytes_used));
        @memcpy(table.texts[offset..][0..text.len], text);
        words.store(&table.identities[id][0], fingerprint);
        words.store(&table.identities[id][1], @as(u64, text.len) << 32 | offset);
        words.store(table.text_bytes_used, offset + text.len);
        words.publish(table.count, id + 1);
    }
};

const TestTable = struct {
    const row_count = 65;

    identities: [row_count][layout.identity_words]u64 = @splat(@splat(0)),
    totals: [row_count][Totals.words]u64 = @splat(@splat(0)),
    histograms: [row_count][bucket_count]u32 = @splat(@splat(0)),
    texts: [4096]u8 = @splat(0),
    text_bytes_used: u64 = 0,
    count: u64 = 0,
    index: [128]u32 = @splat(0),

    fn statements(memory: *TestTable) Statements {
        const table: Statements = .{
            .identities = &memory.identities,
            .totals = &memory.totals,
            .histograms = &memory.histograms,
            .texts = &memory.texts,
            .text_bytes_used = &memory.text_bytes_used,
            .count = &memory.count,
            .index = &memory.index,
        };
        table.init();
        return table;
    }
};

test "Statements: the same rows and sums as a hash map that never fills" {
    const Model = struct { id: u32, calls: u64 = 0, total_ns: u64 = 0, min: u64, max: u64 = 0 };
    var memory: TestTable = .{};
    const table = memory.statements();
    var model: std.AutoHashMapUnmanaged(u64, Model) = .empty;
    defer model.deinit(std.testing.allocator);
    var random: std.Random.DefaultPrng = .init(0x3c6ef372);
    var other_calls: u64 = 0;

    for (0..20_000) |_| {
        // Neighbours and multiples, so that places collide.
        const fingerprint = random.random().uintLessThan(u64, 100) << 40;
        const id = table.intern(fingerprint, "SELECT $1");
        const duration_ns = random.random().uintLessThan(u64, 1 << 30);
        table.record(id, .{
            .duration_ns = duration_ns,
            .pool_wait_ns = 0,
            .is_error = false,
            .row_count = 1,
        });
        if (id == other_id) {
            other_calls += 1;
            try std.testing.expect(model.get(fingerprint) == null);
            continue;
        }
        const entry = try model.getOrPut(std.testing.allocator, fingerprint);
        if (!entry.found_existing) entry.value_ptr.* = .{ .id = id, .min = duration_ns };
        try std.testing.expectEqual(entry.value_ptr.id, id);
        entry.value_ptr.calls += 1;
        entry.value_ptr.total_ns += duration_ns;
        entry.value_ptr.min = @min(entry.value_ptr.min, duration_ns);
        entry.value_ptr.max = @max(entry.value_ptr.max, duration_ns);
    }

    try std.testing.expectEqual(TestTable.row_count - 1, model.count());
    try std.testing.expectEqual(other_calls, memory.totals[other_id][Totals.call_count]);
    var entries = model.iterator();
    while (entries.next()) |entry| {
        const totals = memory.totals[entry.value_ptr.id];
        try std.testing.expectEqual(
            entry.key_ptr.*,
            table.identity(entry.value_ptr.id).?.fingerprint,
        );
        try std.testing.expectEqual(entry.value_ptr.calls, totals[Totals.call_count]);
        try std.testing.expectEqual(entry.value_ptr.calls, totals[Totals.row_count]);
        try std.testing.expectEqual(entry.value_ptr.total_ns, totals[Totals.total_ns]);
        try std.testing.expectEqual(entry.value_ptr.min, totals[Totals.min_ns]);
        try std.testing.expectEqual(entry.value_ptr.max, totals[Totals.max_ns]);
        var in_buckets = totals[Totals.zero_count];
        for (memory.histograms[entry.value_ptr.id]) |bucket| in_buckets += bucket;
        try std.testing.expectEqual(entry.value_ptr.calls, in_buckets);
    }
}

test "Statements: a text without room goes to other, a shorter one still fits" {
    var memory: TestTable = .{};
    const table = memory.statements();
    const long: [3000]u8 = @splat('x');
    const first = table.intern(1, &long);
    try std.testing.expect(first != other_id);
    try std.testing.expectEqual(other_id, table.intern(2, &long));
    const short = table.intern(3, "SELECT $1");
    try std.testing.expect(short != other_id);
    try std.testing.expectEqualStrings("SELECT $1", table.identity(short).?.text);
    try std.testing.expectEqualStrings(other_text, table.identity(other_id).?.text);
    try std.testing.expectEqual(null, table.identity(short + 1));
}
