//! Ties the parts together: one recorder for each thread, one writer, no lock.
//!
//! Goals: all memory is taken in `create`; recording neither allocates nor fails, and what does
//! not fit is counted. The arena holds what readers see; beside it lies what only the writer
//! needs (free lists, hash indices, the text cache).

const std = @import("std");
const clock = @import("clock.zig");
const findings = @import("findings.zig");
const histogram = @import("histogram.zig");
const in_flight = @import("in_flight.zig");
const layout = @import("layout.zig");
const normalizer = @import("sql/normalizer.zig");
const pools = @import("pools.zig");
const ring = @import("ring.zig");
const routes = @import("routes.zig");
const statements = @import("statements.zig");
const text_cache = @import("text_cache.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

const Header = layout.Header;
const Drop = layout.Drop;
const QuerySlot = layout.InFlightQuery;

pub const Capacities = layout.Capacities;
pub const PoolState = pools.State;
pub const QueryOutcome = layout.QueryOutcome;
pub const RequestOutcome = layout.RequestOutcome;
pub const StandardConformingStrings = normalizer.StandardConformingStrings;

/// JavaScript's numbers are exact up to here; times beyond are cut to it.
pub const number_max: u64 = (1 << 53) - 1;

const row_count_unknown: u64 = std.math.maxInt(u64);

pub const Begun = struct { handle: u64, start_ns: u64, statement_id: u32 };

pub const EndedQuery = struct {
    statement_id: u32,
    request_handle: u64,
    start_ns: u64,
    duration_ns: u64,
    pool_wait_ns: u64,
    outcome: QueryOutcome,
    row_count: ?u64,
};

pub const EndedRequest = struct {
    start_ns: u64,
    /// Null for one that ends now.
    duration_ns: ?u64,
    status_code: u32,
    query_count: u32,
    outcome: RequestOutcome,
};

pub const Finding = struct {
    verdict: layout.Verdict,
    statement_id: u32,
    route: []const u8,
    query_count: u64,
    total_ns: u64,
};

/// Tells the recorders of a process apart in their handles.
var recorder_count: std.atomic.Value(u32) = .init(0);

pub const Recorder = struct {
    gpa: std.mem.Allocator,
    arena: []align(64) u64,
    owns_arena: bool,
    queries: in_flight.InFlight,
    requests: in_flight.InFlight,
    recent_queries: ring.Ring,
    recent_requests: ring.Ring,
    statements: statements.Statements,
    routes: routes.Routes,
    pools: pools.Pools,
    findings: findings.Findings,
    header: *[Header.words]u64,
    query_histogram: *[histogram.query_shape.bucketCount()]u32,
    texts: text_cache.TextCache,
    /// Where a new text is normalised; a member, as stacks of worker threads are small.
    text_buffer: [normalizer.text_bytes_max]u8,

    /// With an arena of its own.
    pub fn create(gpa: std.mem.Allocator, capacities: Capacities, seed: u64) !*Recorder {
        const arena = try gpa.alignedAlloc(u64, .@"64", arenaWords(capacities));
        errdefer gpa.free(arena);
        @memset(arena, 0);
        const recorder = try createIn(gpa, arena, capacities, seed);
        recorder.owns_arena = true;
        return recorder;
    }

    /// In memory of somebody else, all zeros, that outlives the recorder.
    pub fn createIn(
        gpa: std.mem.Allocator,
        arena: []align(64) u64,
        capacities: Capacities,
        seed: u64,
    ) !*Recorder {
        const map: layout.Layout = .of(capacities);
        assert(arena.len == map.arena_words);
        const recorder = try gpa.create(Recorder);
        errdefer gpa.destroy(recorder);
        const query_slots = try gpa.alloc(u16, capacities.in_flight_queries_max);
        errdefer gpa.free(query_slots);
        const request_slots = try gpa.alloc(u16, capacities.in_flight_requests_max);
        errdefer gpa.free(request_slots);
        const statement_private: statements.Private = try .allocate(gpa, capacities);
        errdefer statement_private.free(gpa);
        const route_index = try gpa.alloc(u32, 2 * capacities.routes_max);
        errdefer gpa.free(route_index);
        const text_sets = try text_cache.TextCache.allocate(gpa, capacities.statements_max);
        errdefer comptime unreachable;

        writeHeader(arena, map);
        const tag: u8 = @intCast(recorder_count.fetchAdd(1, .monotonic) % 255 + 1);
        const header = arena[0..Header.words];
        recorder.* = .{
            .gpa = gpa,
            .arena = arena,
            .owns_arena = false,
            .queries = .init(
                rows(in_flight.Slot, arena, map.in_flight_queries, query_slots.len),
                query_slots,
                .{ .kind = .query, .tag = tag },
            ),
            .requests = .init(
                rows(in_flight.Slot, arena, map.in_flight_requests, request_slots.len),
                request_slots,
                .{ .kind = .request, .tag = tag },
            ),
            .recent_queries = .init(
                rows(ring.Slot, arena, map.recent_queries, capacities.recent_queries_max),
                &header[Header.query_count],
            ),
            .recent_requests = .init(
                rows(ring.Slot, arena, map.recent_requests, capacities.recent_requests_max),
                &header[Header.request_count],
            ),
            .statements = .init(
                sharedStatements(arena, map),
                statement_private,
                capacities.recent_queries_max,
            ),
            .routes = routeTable(arena, map, route_index, seed),
            .pools = .{
                .rows = rows([layout.Pool.words]u64, arena, map.pools, layout.pools_max),
            },
            .findings = .{
                .rows = rows([layout.Finding.words]u64, arena, map.findings, layout.findings_max),
            },
            .header = header,
            .query_histogram = @ptrCast(&arena[map.query_histogram]),
            .texts = .init(text_sets, seed),
            .text_buffer = undefined,
        };
        recorder.routes.init();
        return recorder;
    }

    pub fn destroy(recorder: *Recorder) void {
        const gpa = recorder.gpa;
        gpa.free(recorder.texts.sets);
        gpa.free(recorder.routes.index);
        recorder.statements.private.free(gpa);
        gpa.free(recorder.requests.free);
        gpa.free(recorder.queries.free);
        if (recorder.owns_arena) gpa.free(recorder.arena);
        gpa.destroy(recorder);
    }

    /// For readers, and for the thread that goes on with the arena: nothing is in flight any more,
    /// and the pools are gone.
    pub fn clearInFlight(recorder: *Recorder) void {
        recorder.queries.clear();
        recorder.requests.clear();
        recorder.statements.releaseAll();
        recorder.pools.clear();
    }

    /// An empty `route` stands for one that is not known yet.
    pub fn beginRequest(recorder: *Recorder, route: []const u8) Begun {
        const route_id = if (route.len == 0) in_flight.no_route else recorder.routes.intern(route);
        const start_ns = clock.nowNs();
        const handle = recorder.requests.begin(&.{ start_ns, 0, 0, 0 }, route_id);
        if (handle == in_flight.no_handle) recorder.countDrop(.requests, start_ns);
        recorder.noteActivity(handle, start_ns);
        return .{ .handle = handle, .start_ns = start_ns, .statement_id = statements.other_id };
    }

    /// Of a request in flight whose route has become known.
    pub fn nameRequest(recorder: *Recorder, handle: u64, route: []const u8) void {
        if (recorder.requests.get(handle) == null) return;
        recorder.requests.name(handle, recorder.routes.intern(route));
    }

    /// The duration in nanoseconds. A handle that is neither `no_handle` nor in flight has been
    /// ended before: nothing happens, and null.
    pub fn endRequest(
        recorder: *Recorder,
        handle: u64,
        route: []const u8,
        request: EndedRequest,
    ) ?u64 {
        if (handle != in_flight.no_handle and recorder.requests.get(handle) == null) return null;
        const duration_ns = request.duration_ns orelse clock.nowNs() -| request.start_ns;
        const route_id = recorder.routes.intern(route);
        const is_error = request.outcome != .ok;
        const header = recorder.header;
        recorder.recent_requests.push(&.{
            request.start_ns,
            duration_ns,
            @as(u64, request.status_code) << 32 | route_id,
            @as(u64, @intFromEnum(request.outcome)) << 32 | request.query_count,
            handle,
            0,
        });
        recorder.routes.record(route_id, .{
            .duration_ns = duration_ns,
            .query_count = request.query_count,
            .is_error = is_error,
        });
        const end_ns = request.start_ns +| duration_ns;
        words.add(&header[Header.request_total_ns], duration_ns);
        if (is_error) words.add(&header[Header.request_error_count], 1);
        if (route_id == routes.other_id) recorder.countDrop(.routes, end_ns);
        recorder.noteActivity(handle, end_ns);
        _ = recorder.requests.end(handle);
        return duration_ns;
    }

    pub fn beginQuery(
        recorder: *Recorder,
        sql: []const u8,
        reading: StandardConformingStrings,
        request_handle: u64,
        pool_wait_ns: u64,
    ) Begun {
        return recorder.beginStatement(
            recorder.internStatement(sql, reading),
            request_handle,
            pool_wait_ns,
        );
    }

    /// `beginQuery` for a statement that has been interned; one without a row counts as other.
    pub fn beginStatement(
        recorder: *Recorder,
        wanted_id: u32,
        request_handle: u64,
        pool_wait_ns: u64,
    ) Begun {
        const is_known = recorder.statements.isCurrent(wanted_id);
        const statement_id = if (is_known) wanted_id else statements.other_id;
        // Last of all that can be done before: the caller's query leaves right after.
        const start_ns = clock.nowNs();
        const handle = recorder.queries.begin(&.{
            request_handle,
            start_ns,
            statement_id,
            pool_wait_ns,
        }, in_flight.no_route);
        if (handle == in_flight.no_handle) {
            recorder.countDrop(.queries, start_ns);
        } else {
            recorder.statements.hold(statement_id);
        }
        recorder.noteActivity(request_handle, start_ns);
        return .{ .handle = handle, .start_ns = start_ns, .statement_id = statement_id };
    }

    /// A quarter of the slots is kept for queries: what holds the clients is shown beside those who
    /// wait for one.
    pub fn beginWait(recorder: *Recorder, wanted_id: u32, request_handle: u64) Begun {
        const is_known = recorder.statements.isCurrent(wanted_id);
        const statement_id = if (is_known) wanted_id else statements.other_id;
        const start_ns = clock.nowNs();
        const has_room = recorder.queries.free_count > recorder.queries.free.len / 4;
        const handle = if (has_room) recorder.queries.begin(&.{
            request_handle,
            start_ns,
            QuerySlot.is_waiting | statement_id,
            0,
        }, in_flight.no_route) else in_flight.no_handle;
        if (handle == in_flight.no_handle) {
            recorder.countDrop(.waits, start_ns);
        } else {
            recorder.statements.hold(statement_id);
        }
        recorder.noteActivity(request_handle, start_ns);
        return .{ .handle = handle, .start_ns = start_ns, .statement_id = statement_id };
    }

    /// The wait in nanoseconds; null for a handle that is no wait in flight. One that had found no
    /// slot (`no_handle`) goes by `start_ns`.
    pub fn endWait(recorder: *Recorder, handle: u64, is_timed_out: bool, start_ns: u64) ?u64 {
        const end_ns = clock.nowNs();
        if (handle == in_flight.no_handle) {
            if (start_ns == 0) return null;
            return recorder.recordWait(end_ns -| start_ns, is_timed_out);
        }
        const slot = recorder.queries.get(handle) orelse return null;
        const statement = words.own(&slot[QuerySlot.statement_and_wait]);
        if (statement & QuerySlot.is_waiting == 0) return null;
        const wait_ns = end_ns -| words.own(&slot[QuerySlot.start_ns]);
        recorder.noteActivity(words.own(&slot[QuerySlot.request_handle]), end_ns);
        _ = recorder.recordWait(wait_ns, is_timed_out);
        const was_in_flight = recorder.queries.end(handle);
        assert(was_in_flight);
        recorder.statements.release(@truncate(statement));
        return wait_ns;
    }

    /// The wait of one that got a client is its query's.
    fn recordWait(recorder: *Recorder, wait_ns: u64, is_timed_out: bool) u64 {
        if (is_timed_out) {
            words.add(&recorder.header[Header.pool_wait_ns], wait_ns);
            words.add(&recorder.header[Header.pool_timeout_count], 1);
        }
        return wait_ns;
    }

    /// The duration in nanoseconds; null for a handle that is no query in flight.
    pub fn endQuery(
        recorder: *Recorder,
        handle: u64,
        outcome: QueryOutcome,
        row_count: ?u64,
    ) ?u64 {
        const end_ns = clock.nowNs();
        const slot = recorder.queries.get(handle) orelse return null;
        const duration_ns = end_ns -| words.own(&slot[QuerySlot.start_ns]);
        const statement = words.own(&slot[QuerySlot.statement_and_wait]);
        if (statement & QuerySlot.is_waiting != 0) return null;
        const statement_id: u32 = @truncate(statement);
        recorder.recordQuery(.{
            .statement_id = statement_id,
            .request_handle = words.own(&slot[QuerySlot.request_handle]),
            .start_ns = words.own(&slot[QuerySlot.start_ns]),
            .duration_ns = duration_ns,
            .pool_wait_ns = words.own(&slot[QuerySlot.pool_wait_ns]),
            .outcome = outcome,
            .row_count = row_count,
        });
        // Freed after it is recorded: a process that dies in between shows it twice, not never.
        const was_in_flight = recorder.queries.end(handle);
        assert(was_in_flight);
        recorder.statements.release(statement_id);
        return duration_ns;
    }

    /// `other_id` where there is no room for the statement.
    pub fn internStatement(
        recorder: *Recorder,
        sql: []const u8,
        reading: StandardConformingStrings,
    ) u32 {
        const key = recorder.texts.keyOf(sql, @intFromEnum(reading));
        if (recorder.texts.get(key)) |statement_id| {
            if (recorder.statements.isCurrent(statement_id)) return statement_id;
        }
        const options: normalizer.Options = .{ .standard_conforming_strings = reading };
        const normalized = normalizer.normalize(sql, options, &recorder.text_buffer, &.{});
        const statement_id = recorder.statements.intern(normalized.fingerprint, normalized.text);
        // What found no room may find some the next time.
        if (statement_id != statements.other_id) recorder.texts.put(key, statement_id);
        return statement_id;
    }

    /// A statement that was never given out, or has lost its row since, counts as other.
    pub fn recordQuery(recorder: *Recorder, query: EndedQuery) void {
        const is_known = recorder.statements.isCurrent(query.statement_id);
        const statement_id = if (is_known) query.statement_id else statements.other_id;
        recorder.recent_queries.push(&.{
            query.request_handle,
            query.start_ns,
            query.duration_ns,
            query.pool_wait_ns,
            @as(u64, @as(u32, @bitCast(query.outcome))) << 32 | statement_id,
            query.row_count orelse row_count_unknown,
        });
        const header = recorder.header;
        const bucket = if (query.duration_ns == 0) 0 else histogram.indexOf(query.duration_ns);
        const call: statements.Call = .{
            .duration_ns = query.duration_ns,
            .pool_wait_ns = query.pool_wait_ns,
            .is_error = query.outcome.is_error,
            .row_count = query.row_count,
        };
        recorder.statements.record(statement_id, call, words.own(&header[Header.query_count]), bucket);
        const end_ns = query.start_ns +| query.duration_ns;
        recorder.addToTotals(call, bucket);
        if (statement_id == statements.other_id) recorder.countDrop(.statements, end_ns);
        recorder.noteActivity(query.request_handle, end_ns);
    }

    /// Whether the statement has a row.
    pub fn isKnown(recorder: *const Recorder, statement_id: u32) bool {
        return recorder.statements.isCurrent(statement_id);
    }

    pub fn recordFinding(recorder: *Recorder, finding: Finding) void {
        const now_ns = clock.nowNs();
        const has_replaced = recorder.findings.add(.{
            .verdict = finding.verdict,
            .fingerprint = recorder.statements.fingerprintOf(finding.statement_id),
            .statement_id = finding.statement_id,
            .route_id = recorder.routes.intern(finding.route),
            .query_count = finding.query_count,
            .total_ns = finding.total_ns,
            .now_ns = now_ns,
        });
        if (has_replaced) recorder.countDrop(.findings, now_ns);
    }

    /// `row` is the caller's choice, from 0 on; an empty name frees it. `updated_ns` is set here.
    pub fn recordPool(recorder: *Recorder, row: usize, name: []const u8, state: PoolState) void {
        var updated = state;
        updated.updated_ns = clock.nowNs();
        if (!recorder.pools.report(row, name, updated)) {
            recorder.countDrop(.pools, updated.updated_ns);
        }
    }

    /// A fault of the tool's own was caught.
    pub fn recordFault(recorder: *Recorder) void {
        words.add(&recorder.header[Header.fault_count], 1);
    }

    /// Copies words of the arena, each of them whole, in order. False if they lie outside.
    pub fn read(recorder: *const Recorder, first: u64, target: []u64) bool {
        if (first > recorder.arena.len) return false;
        if (target.len > recorder.arena.len - first) return false;
        const source = recorder.arena[@intCast(first)..][0..target.len];
        for (target, source) |*value, *word| value.* = words.load(word);
        return true;
    }

    inline fn addToTotals(recorder: *Recorder, call: statements.Call, bucket: u32) void {
        const header = recorder.header;
        if (call.is_error) words.add(&header[Header.error_count], 1);
        if (call.row_count) |row_count| words.add(&header[Header.row_count], row_count);
        words.add(&header[Header.total_ns], call.duration_ns);
        words.add(&header[Header.pool_wait_ns], call.pool_wait_ns);
        if (call.duration_ns == 0) {
            words.add(&header[Header.zero_count], 1);
        } else {
            histogram.recordAt(histogram.query_shape, recorder.query_histogram, bucket);
        }
    }

    inline fn noteActivity(recorder: *Recorder, request_handle: u64, now_ns: u64) void {
        words.store(&recorder.header[Header.last_request_handle], request_handle);
        words.store(&recorder.header[Header.last_active_ns], now_ns);
    }

    fn countDrop(recorder: *Recorder, kind: Drop, now_ns: u64) void {
        const drop = recorder.header[Header.drops + @as(usize, @intFromEnum(kind)) * Drop.words ..];
        if (words.own(&drop[Drop.count]) == 0) words.store(&drop[Drop.first_ns], now_ns);
        words.store(&drop[Drop.last_ns], now_ns);
        words.add(&drop[Drop.count], 1);
    }
};

pub fn arenaWords(capacities: Capacities) usize {
    return layout.Layout.of(capacities).arena_words;
}

fn writeHeader(arena: []u64, map: layout.Layout) void {
    arena[Header.magic_word] = layout.magic;
    arena[Header.version_word] = layout.version;
    arena[Header.arena_words] = map.arena_words;
    inline for (std.meta.fields(Capacities), 0..) |field, index| {
        arena[Header.capacities + index] = @field(map.capacities, field.name);
    }
}

fn rows(comptime Row: type, arena: []align(64) u64, first: usize, count: usize) []Row {
    comptime assert(@sizeOf(Row) % 8 == 0);
    const start: [*]Row = @ptrCast(@alignCast(&arena[first]));
    return start[0..count];
}

fn sharedStatements(arena: []align(64) u64, map: layout.Layout) statements.Shared {
    const count = map.capacities.statements_max + 1;
    const bucket_count = comptime histogram.statement_shape.bucketCount();
    const block_count = layout.textBlockCount(map.capacities);
    return .{
        .header = arena[0..Header.words],
        .identities = rows(
            [layout.StatementIdentity.words]u64,
            arena,
            map.statement_identities,
            count,
        ),
        .totals = rows([layout.StatementTotals.words]u64, arena, map.statement_totals, count),
        .histograms = rows([bucket_count]u32, arena, map.statement_histograms, count),
        .blocks = rows([layout.TextBlock.words]u64, arena, map.text_blocks, block_count),
    };
}

fn routeTable(
    arena: []align(64) u64,
    map: layout.Layout,
    index: []u32,
    seed: u64,
) routes.Routes {
    const count = map.capacities.routes_max + 1;
    const bucket_count = comptime histogram.route_shape.bucketCount();
    return .{
        .totals = rows([layout.RouteTotals.words]u64, arena, map.route_totals, count),
        .names = rows([layout.route_name_bytes_max]u8, arena, map.route_names, count),
        .histograms = rows([bucket_count]u32, arena, map.route_histograms, count),
        .count = &arena[Header.route_count],
        .index = index,
        .seed = seed,
    };
}

const test_capacities: Capacities = .{
    .in_flight_queries_max = 4,
    .in_flight_requests_max = 2,
    .recent_queries_max = 8,
    .recent_requests_max = 4,
    .statements_max = 4,
    .routes_max = 2,
};

fn testHeader(recorder: *const Recorder, word: usize) u64 {
    var value: [1]u64 = undefined;
    assert(recorder.read(word, &value));
    return value[0];
}

fn testDrops(recorder: *const Recorder, kind: Drop) u64 {
    const first = Header.drops + @as(usize, @intFromEnum(kind)) * Drop.words;
    return testHeader(recorder, first + Drop.count);
}

test "Recorder: a query's life, and what does not fit" {
    const recorder = try Recorder.create(std.testing.allocator, test_capacities, 1);
    defer recorder.destroy();
    const request = recorder.beginRequest("");
    var handles: [4]u64 = undefined;
    for (&handles) |*handle| {
        const begun = recorder.beginQuery("SELECT * FROM t WHERE id = 1", .unknown, request.handle, 5);
        try std.testing.expectEqual(1, begun.statement_id);
        handle.* = begun.handle;
    }
    const dropped = recorder.beginQuery("SELECT * FROM t WHERE id = 2", .unknown, request.handle, 0);
    try std.testing.expectEqual(in_flight.no_handle, dropped.handle);
    try std.testing.expectEqual(1, dropped.statement_id);
    try std.testing.expectEqual(1, testDrops(recorder, .queries));
    for (handles) |handle| {
        try std.testing.expect(recorder.endQuery(handle, .ok, 3) != null);
        try std.testing.expectEqual(null, recorder.endQuery(handle, .ok, 3));
    }
    try std.testing.expectEqual(null, recorder.endQuery(request.handle, .ok, 3));
    try std.testing.expectEqual(4, testHeader(recorder, Header.query_count));
    const totals = recorder.statements.shared.totals[1];
    try std.testing.expectEqual(12, totals[layout.StatementTotals.row_count]);
    try std.testing.expectEqual(20, totals[layout.StatementTotals.pool_wait_ns]);

    const ended: EndedRequest = .{
        .start_ns = request.start_ns,
        .duration_ns = 7,
        .status_code = 200,
        .query_count = 5,
        .outcome = .ok,
    };
    try std.testing.expectEqual(7, recorder.endRequest(request.handle, "GET /", ended));
    try std.testing.expectEqual(null, recorder.endRequest(request.handle, "GET /", ended));
    try std.testing.expectEqual(1, testHeader(recorder, Header.request_count));
}

test "Recorder: a wait is in flight, and no query; only one that got no client is counted" {
    const recorder = try Recorder.create(std.testing.allocator, test_capacities, 1);
    defer recorder.destroy();
    const request = recorder.beginRequest("");
    const wait = recorder.beginWait(statements.other_id, request.handle);
    const query = recorder.beginQuery("SELECT 1", .unknown, request.handle, 0);
    try std.testing.expectEqual(null, recorder.endQuery(wait.handle, .ok, null));
    try std.testing.expectEqual(null, recorder.endWait(query.handle, true, 0));
    try std.testing.expect(recorder.endWait(wait.handle, false, 0) != null);
    try std.testing.expectEqual(null, recorder.endWait(wait.handle, true, 0));
    try std.testing.expectEqual(0, testHeader(recorder, Header.pool_timeout_count));
    try std.testing.expectEqual(0, testHeader(recorder, Header.query_count));

    // Two more find a slot, and the last one is a query's.
    const second = recorder.beginWait(query.statement_id, request.handle);
    _ = recorder.beginWait(query.statement_id, request.handle);
    const third = recorder.beginWait(query.statement_id, request.handle);
    try std.testing.expectEqual(in_flight.no_handle, third.handle);
    try std.testing.expectEqual(1, testDrops(recorder, .waits));
    const last = recorder.beginQuery("SELECT 1", .unknown, request.handle, 0);
    try std.testing.expect(last.handle != in_flight.no_handle);
    const waited_ns = recorder.endWait(second.handle, true, 0).?;
    const unslotted_ns = recorder.endWait(third.handle, true, third.start_ns).?;
    try std.testing.expectEqual(2, testHeader(recorder, Header.pool_timeout_count));
    const total_ns = testHeader(recorder, Header.pool_wait_ns);
    try std.testing.expectEqual(waited_ns + unslotted_ns, total_ns);
    try std.testing.expectEqual(null, recorder.endWait(in_flight.no_handle, true, 0));
}

test "Recorder: a statement beyond the table counts as other, and is counted" {
    const recorder = try Recorder.create(std.testing.allocator, test_capacities, 1);
    defer recorder.destroy();
    for ([_][]const u8{ "a", "b", "c", "d", "e", "f", "e" }, 1..) |sql, expected| {
        const id = recorder.internStatement(sql, .unknown);
        try std.testing.expectEqual(if (expected > 4) 0 else expected, id);
        recorder.recordQuery(.{
            .statement_id = id,
            .request_handle = 0,
            .start_ns = 0,
            .duration_ns = 1,
            .pool_wait_ns = 0,
            .outcome = .ok,
            .row_count = null,
        });
    }
    try std.testing.expectEqual(3, testDrops(recorder, .statements));
    try std.testing.expectEqual(7, testHeader(recorder, Header.query_count));
    var outside: [1]u64 = undefined;
    try std.testing.expect(!recorder.read(recorder.arena.len, &outside));
}

test "Recorder.clearInFlight: what was in flight is not, and every slot is free again" {
    const recorder = try Recorder.create(std.testing.allocator, test_capacities, 1);
    defer recorder.destroy();
    var stale: u64 = 0;
    for (0..4) |_| stale = recorder.beginQuery("SELECT 1", .unknown, 0, 0).handle;
    _ = recorder.beginRequest("");
    recorder.clearInFlight();
    try std.testing.expectEqual(null, recorder.endQuery(stale, .ok, null));
    for (0..4) |_| {
        const begun = recorder.beginQuery("SELECT 1", .unknown, 0, 0);
        try std.testing.expect(begun.handle != in_flight.no_handle and begun.handle != stale);
    }
    try std.testing.expectEqual(0, testDrops(recorder, .queries));
}

test "Recorder.createIn: leaves memory that is not its own alone" {
    const words_count = arenaWords(test_capacities);
    const arena = try std.testing.allocator.alignedAlloc(u64, .@"64", words_count);
    defer std.testing.allocator.free(arena);
    @memset(arena, 0);
    const recorder = try Recorder.createIn(std.testing.allocator, arena, test_capacities, 1);
    _ = recorder.beginQuery("SELECT 1", .unknown, 0, 0);
    recorder.destroy();
    try std.testing.expectEqual(layout.magic, arena[Header.magic_word]);
}

test "Recorder.create: gives everything back, whichever allocation fails" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, createAndDestroy, .{});
}

fn createAndDestroy(gpa: std.mem.Allocator) !void {
    const recorder = try Recorder.create(gpa, test_capacities, 1);
    recorder.destroy();
}

test "Recorder: records without allocating" {
    var failing: std.testing.FailingAllocator = .init(std.testing.allocator, .{});
    const recorder = try Recorder.create(failing.allocator(), test_capacities, 1);
    defer recorder.destroy();
    failing.fail_index = failing.alloc_index;
    for (0..1000) |i| {
        var text: [32]u8 = undefined;
        const sql = std.fmt.bufPrint(&text, "SELECT x{d}", .{i}) catch unreachable;
        const begun = recorder.beginQuery(sql, .unknown, 0, 0);
        _ = recorder.endQuery(begun.handle, .ok, 1);
    }
    try std.testing.expect(!failing.has_induced_failure);
    try std.testing.expectEqual(1000, testHeader(recorder, Header.query_count));
}
