//! The statement table against a hash map that forgets nothing.

const std = @import("std");
const histogram = @import("histogram.zig");
const layout = @import("layout.zig");
const statements = @import("statements.zig");
const words = @import("words.zig");

const Header = layout.Header;
const Identity = layout.StatementIdentity;
const Statements = statements.Statements;
const Totals = layout.StatementTotals;
const bucket_count = histogram.statement_shape.bucketCount();
const other_id = statements.other_id;
const testing = std.testing;

const capacities: layout.Capacities = .{
    .in_flight_queries_max = 8,
    .in_flight_requests_max = 8,
    .recent_queries_max = 16,
    .recent_requests_max = 8,
    .statements_max = 32,
    .routes_max = 8,
};
const row_count = capacities.statements_max + 1;
const block_count = layout.textBlockCount(capacities);

const Memory = struct {
    header: [Header.words]u64 = @splat(0),
    identities: [row_count][Identity.words]u64 = @splat(@splat(0)),
    totals: [row_count][Totals.words]u64 = @splat(@splat(0)),
    histograms: [row_count][bucket_count]u32 align(8) = @splat(@splat(0)),
    blocks: [block_count][layout.TextBlock.words]u64 = @splat(@splat(0)),
    private: statements.Private,

    fn create() !*Memory {
        const memory = try testing.allocator.create(Memory);
        errdefer testing.allocator.destroy(memory);
        memory.* = .{ .private = try .allocate(testing.allocator, capacities) };
        return memory;
    }

    fn destroy(memory: *Memory) void {
        memory.private.free(testing.allocator);
        testing.allocator.destroy(memory);
    }

    fn table(memory: *Memory) Statements {
        return .init(.{
            .header = &memory.header,
            .identities = &memory.identities,
            .totals = &memory.totals,
            .histograms = &memory.histograms,
            .blocks = &memory.blocks,
        }, memory.private, capacities.recent_queries_max);
    }

    /// As the recorder does it: the ring's count grows by one.
    fn record(memory: *Memory, table_: *const Statements, id: u32, duration_ns: u64) void {
        memory.header[Header.query_count] += 1;
        const bucket = if (duration_ns == 0) 0 else histogram.indexOf(duration_ns);
        table_.record(id, .{
            .duration_ns = duration_ns,
            .pool_wait_ns = 1,
            .is_error = duration_ns % 2 == 0,
            .row_count = 3,
        }, memory.header[Header.query_count], bucket);
    }
};

fn rowOf(id: u32) usize {
    return id & 0xffff;
}

/// Longer than a block for some, and the fingerprint can be read off it.
fn textOf(buffer: []u8, fingerprint: u64) []const u8 {
    const bytes = 1 + fingerprint % 700;
    @memset(buffer[0..bytes], @truncate('a' + fingerprint % 26));
    return buffer[0..bytes];
}

fn expectText(table: *const Statements, id: u32, fingerprint: u64) !void {
    var expected: [800]u8 = undefined;
    var copied: [800]u8 = undefined;
    const identity = &table.shared.identities[rowOf(id)];
    const block_and_bytes = identity[Identity.block_and_bytes];
    const bytes: usize = @intCast(block_and_bytes >> 32);
    table.texts.copy(@truncate(block_and_bytes), copied[0..bytes]);
    try testing.expectEqualStrings(textOf(&expected, fingerprint), copied[0..bytes]);
}

const Model = struct {
    const Sum = struct { calls: u64 = 0, total_ns: u64 = 0 };

    /// What each statement did, wherever the table has counted it.
    sums: std.AutoHashMapUnmanaged(u64, Sum) = .empty,
    /// What of it the table counts under a row of its own, by id.
    own: std.AutoHashMapUnmanaged(u32, Sum) = .empty,
    fingerprints: std.AutoHashMapUnmanaged(u32, u64) = .empty,

    fn deinit(model: *Model) void {
        model.sums.deinit(testing.allocator);
        model.own.deinit(testing.allocator);
        model.fingerprints.deinit(testing.allocator);
    }

    fn count(model: *Model, fingerprint: u64, id: u32, duration_ns: u64) !void {
        inline for (.{
            try model.sums.getOrPutValue(testing.allocator, fingerprint, .{}),
            try model.own.getOrPutValue(testing.allocator, id, .{}),
        }) |entry| {
            entry.value_ptr.calls += 1;
            entry.value_ptr.total_ns += duration_ns;
        }
    }
};

fn expectConserved(memory: *Memory, table: *const Statements, model: *Model) !void {
    var all: Model.Sum = .{};
    var sums = model.sums.valueIterator();
    while (sums.next()) |sum| {
        all.calls += sum.calls;
        all.total_ns += sum.total_ns;
    }
    var in_rows: Model.Sum = .{};
    var buckets: u64 = 0;
    for (&memory.totals, &memory.histograms) |*totals, *counts| {
        in_rows.calls += totals[Totals.call_count];
        in_rows.total_ns += totals[Totals.total_ns];
        buckets += totals[Totals.zero_count];
        for (counts) |in_bucket| buckets += in_bucket;
        try testing.expectEqual(totals[Totals.call_count] * 3, totals[Totals.row_count]);
        try testing.expectEqual(totals[Totals.call_count], totals[Totals.pool_wait_ns]);
    }
    try testing.expectEqual(all, in_rows);
    try testing.expectEqual(all.calls, buckets);
    // A row that is still a statement's has all and only the calls that were given to it.
    var own = model.own.iterator();
    while (own.next()) |entry| {
        const id = entry.key_ptr.*;
        if (id == other_id or !table.isCurrent(id)) continue;
        const totals = &memory.totals[rowOf(id)];
        try testing.expectEqual(entry.value_ptr.calls, totals[Totals.call_count]);
        try testing.expectEqual(entry.value_ptr.total_ns, totals[Totals.total_ns]);
    }
}

test "Statements: no call is lost, and no row is taken that something refers to" {
    const memory = try Memory.create();
    defer memory.destroy();
    var table = memory.table();
    var model: Model = .{};
    defer model.deinit();
    var prng: std.Random.DefaultPrng = .init(0x3c6ef372);
    const random = prng.random();
    var in_flight: [capacities.in_flight_queries_max]?u32 = @splat(null);
    var ring: [capacities.recent_queries_max]u32 = @splat(other_id);
    var text: [800]u8 = undefined;

    for (0..60_000) |round| {
        // A few statements are frequent; which ones changes in time. Low bits collide.
        const is_frequent = random.uintLessThan(u8, 4) > 0;
        const number = if (is_frequent) random.uintLessThan(u64, 12) + round / 9000 else random.uintLessThan(u64, 5000);
        const fingerprint = (number + 1) << 40 | number;
        const id = table.intern(fingerprint, textOf(&text, fingerprint));
        if (id != other_id) {
            try testing.expect(table.isCurrent(id));
            try testing.expectEqual(fingerprint, table.fingerprintOf(id));
            try testing.expectEqual(id, table.intern(fingerprint, textOf(&text, fingerprint)));
            try expectText(&table, id, fingerprint);
            const known = try model.fingerprints.getOrPutValue(testing.allocator, id, fingerprint);
            // An id is never given to two statements.
            try testing.expectEqual(fingerprint, known.value_ptr.*);
        }
        const slot = random.uintLessThan(usize, in_flight.len);
        if (in_flight[slot]) |held| {
            try testing.expect(table.isCurrent(held));
            const duration_ns = random.int(u64) >> random.intRangeAtMost(u6, 24, 63);
            memory.record(&table, held, duration_ns);
            table.release(held);
            ring[@intCast((memory.header[Header.query_count] - 1) % ring.len)] = held;
            const owner = if (held == other_id) 0 else model.fingerprints.get(held).?;
            try model.count(owner, held, duration_ns);
        }
        in_flight[slot] = id;
        table.hold(id);
        for (in_flight) |held| if (held) |each| try testing.expect(table.isCurrent(each));
        for (ring) |each| try testing.expect(table.isCurrent(each));
        if (round % 1000 == 0) try expectConserved(memory, &table, &model);
    }
    try expectConserved(memory, &table, &model);
    const evictions = memory.header[Header.eviction_sequence] / 2;
    try testing.expect(evictions > 1000);
    try testing.expect(memory.totals[other_id][Totals.call_count] > 1000);
    try testing.expectEqual(0, memory.header[Header.eviction_sequence] % 2);
    try testing.expectEqual(row_count, memory.header[Header.statement_count]);
}

test "Statements: what is used again and again keeps its row" {
    const memory = try Memory.create();
    defer memory.destroy();
    var table = memory.table();
    const kept = table.intern(1, "SELECT $1");
    for (2..5_000) |number| {
        const id = table.intern(number, "SELECT $1");
        if (id != other_id) memory.record(&table, id, 1);
        // Too seldom for the ring to remember it.
        if (number % 24 == 0) memory.record(&table, kept, 1);
    }
    try testing.expect(table.isCurrent(kept));
    try testing.expect(memory.header[Header.eviction_sequence] > 1000);
}

test "Statements: a long text takes the blocks of several, an impossible one goes to other" {
    const memory = try Memory.create();
    defer memory.destroy();
    var table = memory.table();
    const long: [8192]u8 = @splat('x');
    const first = table.intern(1, &long);
    try testing.expect(first != other_id);
    // 34 of 64 blocks are taken, and all of it may be referred to by the ring.
    try testing.expectEqual(other_id, table.intern(2, &long));
    for (3..18) |number| try testing.expect(table.intern(number, long[0..400]) != other_id);
    try testing.expectEqual(other_id, table.intern(18, long[0..249]));
    try testing.expectEqual(block_count, memory.header[Header.text_blocks_used]);
    for (0..capacities.recent_queries_max) |_| memory.record(&table, other_id, 1);
    const second = table.intern(2, &long);
    try testing.expect(second != other_id);
    try testing.expect(!table.isCurrent(first));
    try testing.expectEqual(other_id, table.intern(19, &@as([block_count * 248 + 1]u8, @splat('y'))));
}

test "Statements: the row's own calls start anew, its generation goes on" {
    const memory = try Memory.create();
    defer memory.destroy();
    var table = memory.table();
    const first = table.intern(1, "SELECT $1");
    memory.record(&table, first, 1000);
    for (2..200) |number| {
        for (0..capacities.recent_queries_max) |_| memory.record(&table, other_id, 1);
        const id = table.intern(number, "SELECT $1");
        if (id == other_id or rowOf(id) != rowOf(first)) continue;
        try testing.expectEqual(first + (1 << 16), id);
        try testing.expectEqual(0, memory.totals[rowOf(id)][Totals.call_count]);
        try testing.expectEqual(4, memory.identities[rowOf(id)][Identity.sequence]);
        try testing.expectEqual(1000, memory.totals[other_id][Totals.max_ns]);
        return;
    }
    return error.NeverEvicted;
}

/// The reader's side of `layout.zig`, as `src/engine/statement-reader.ts` has it.
const Reading = struct {
    table: *const Statements,
    header: *[Header.words]u64,
    steady_count: std.atomic.Value(u64) = .init(0),
    wrong_count: std.atomic.Value(u64) = .init(0),
    is_done: std.atomic.Value(bool) = .init(false),

    /// Each call adds 1 to the count and 7 to the time of its row, in this order, and every row's
    /// text consists of one byte that its fingerprint says.
    fn readAll(reading: *Reading) void {
        while (!reading.is_done.load(.monotonic)) reading.readOnce();
    }

    fn readOnce(reading: *Reading) void {
        const shared = reading.table.shared;
        const evictions = words.load(&reading.header[Header.eviction_sequence]);
        const before = words.load(&reading.header[Header.query_count]);
        var calls: u64 = 0;
        for (shared.identities, shared.totals) |*identity, *totals| {
            const sequence = words.load(&identity[Identity.sequence]);
            const fingerprint = words.load(&identity[Identity.fingerprint]);
            const first: u32 = @truncate(words.load(&identity[Identity.block_and_bytes]));
            const letter = if (first == 0 or first > shared.blocks.len) 0 else words.load(
                &shared.blocks[first - 1][layout.TextBlock.text],
            );
            calls += words.load(&totals[Totals.call_count]);
            if (sequence % 2 == 1 or sequence == 0) continue;
            if (words.load(&identity[Identity.sequence]) != sequence) continue;
            const expected: u8 = @truncate('a' + fingerprint % 26);
            const is_other = fingerprint == 0;
            if (!is_other and @as(u8, @truncate(letter)) != expected) reading.wrong();
        }
        const after = words.load(&reading.header[Header.query_count]);
        if (evictions % 2 == 1) return;
        if (words.load(&reading.header[Header.eviction_sequence]) != evictions) return;
        _ = reading.steady_count.fetchAdd(1, .monotonic);
        // The count is stored before the row's: one call may be on its way.
        if (calls + 1 < before or calls > after) reading.wrong();
    }

    fn wrong(reading: *Reading) void {
        _ = reading.wrong_count.fetchAdd(1, .monotonic);
    }
};

test "Statements: readers during evictions see whole rows, and sums that add up" {
    const memory = try Memory.create();
    defer memory.destroy();
    var table = memory.table();
    var reading: Reading = .{ .table = &table, .header = &memory.header };
    var readers: [2]std.Thread = undefined;
    for (&readers) |*reader| reader.* = try std.Thread.spawn(.{}, Reading.readAll, .{&reading});
    var text: [800]u8 = undefined;
    var number: u64 = 1;
    while (number < 1_000_000) : (number += 1) {
        const id = table.intern(number, textOf(&text, number));
        words.publish(
            &memory.header[Header.query_count],
            words.own(&memory.header[Header.query_count]) + 1,
        );
        table.record(id, .{
            .duration_ns = 7,
            .pool_wait_ns = 0,
            .is_error = false,
            .row_count = null,
        }, words.own(&memory.header[Header.query_count]), 0);
        if (number < 30_000) continue;
        // Readers need a moment without an eviction to see anything steady.
        if (number % 64 == 0) try std.Thread.yield();
        if (reading.steady_count.load(.monotonic) > 300) break;
    }
    reading.is_done.store(true, .monotonic);
    for (readers) |reader| reader.join();
    try testing.expectEqual(0, reading.wrong_count.load(.monotonic));
    try testing.expect(reading.steady_count.load(.monotonic) > 20);
}
