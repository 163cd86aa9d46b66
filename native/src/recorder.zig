//! Ties the parts together: one recorder for each thread, one writer, no lock.
//!
//! Goals: all memory is taken in `create`; recording neither allocates nor fails, and what does
//! not fit is counted. The arena holds what readers see; beside it lies what only the writer
//! needs (free lists, hash indices, the text cache).

const std = @import("std");
const clock = @import("clock.zig");
const histogram = @import("histogram.zig");
const in_flight = @import("in_flight.zig");
const layout = @import("layout.zig");
const normalizer = @import("sql/normalizer.zig");
const ring = @import("ring.zig");
const routes = @import("routes.zig");
const statements = @import("statements.zig");
const text_cache = @import("text_cache.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

const Header = layout.Header;
const QuerySlot = layout.InFlightQuery;

pub const Capacities = layout.Capacities;
pub const Identity = statements.Identity;

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
    is_error: bool,
    row_count: ?u64,
};

pub const EndedRequest = struct {
    start_ns: u64,
    duration_ns: u64,
    status_code: u32,
    query_count: u32,
    is_error: bool,
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
        const statement_index = try gpa.alloc(u32, 2 * capacities.statements_max);
        errdefer gpa.free(statement_index);
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
                part(arena, map.in_flight_queries, query_slots.len * QuerySlot.slot_words),
                query_slots,
                .{ .slot_words = QuerySlot.slot_words, .kind = .query, .tag = tag },
            ),
            .requests = .init(
                part(
                    arena,
                    map.in_flight_requests,
                    request_slots.len * layout.InFlightRequest.slot_words,
                ),
                request_slots,
                .{
                    .slot_words = layout.InFlightRequest.slot_words,
                    .kind = .request,
                    .tag = tag,
                },
            ),
            .recent_queries = .init(
                part(
                    arena,
                    map.recent_queries,
                    capacities.recent_queries_max * layout.record_words,
                ),
                &header[Header.query_count],
            ),
            .recent_requests = .init(
                part(
                    arena,
                    map.recent_requests,
                    capacities.recent_requests_max * layout.record_words,
                ),
                &header[Header.request_count],
            ),
            .statements = statementTable(arena, map, statement_index),
            .routes = routeTable(arena, map, route_index, seed),
            .texts = .init(text_sets, seed),
            .text_buffer = undefined,
        };
        recorder.statements.init();
        recorder.routes.init();
        return recorder;
    }

    pub fn destroy(recorder: *Recorder) void {
        const gpa = recorder.gpa;
        gpa.free(recorder.texts.sets);
        gpa.free(recorder.routes.index);
        gpa.free(recorder.statements.index);
        gpa.free(recorder.requests.free);
        gpa.free(recorder.queries.free);
        if (recorder.owns_arena) gpa.free(recorder.arena);
        gpa.destroy(recorder);
    }

    /// For readers, and for the thread that goes on with the arena: nothing is in flight any more.
    pub fn clearInFlight(recorder: *Recorder) void {
        recorder.queries.clear();
        recorder.requests.clear();
    }

    pub fn beginRequest(recorder: *Recorder) Begun {
        const start_ns = clock.nowNs();
        const handle = recorder.requests.begin(&.{start_ns});
        if (handle == in_flight.no_handle) recorder.count(Header.dropped_requests);
        return .{ .handle = handle, .start_ns = start_ns, .statement_id = 0 };
    }

    /// A handle that is neither `no_handle` nor in flight has been ended before: nothing happens.
    pub fn endRequest(
        recorder: *Recorder,
        handle: u64,
        route: []const u8,
        request: EndedRequest,
    ) void {
        if (handle != in_flight.no_handle and recorder.requests.get(handle) == null) return;
        const route_id = recorder.routes.intern(route);
        recorder.recent_requests.push(&.{
            request.start_ns,
            request.duration_ns,
            @as(u64, request.status_code) << 32 | route_id,
            @as(u64, @intFromBool(request.is_error)) << 32 | request.query_count,
            0,
            0,
            0,
        });
        recorder.routes.record(route_id, .{
            .duration_ns = request.duration_ns,
            .query_count = request.query_count,
            .is_error = request.is_error,
        });
        _ = recorder.requests.end(handle);
    }

    pub fn beginQuery(
        recorder: *Recorder,
        sql: []const u8,
        request_handle: u64,
        pool_wait_ns: u64,
    ) Begun {
        return recorder.beginStatement(
            recorder.internStatement(sql),
            request_handle,
            pool_wait_ns,
        );
    }

    /// `beginQuery` for a statement that has been interned.
    pub fn beginStatement(
        recorder: *Recorder,
        statement_id: u32,
        request_handle: u64,
        pool_wait_ns: u64,
    ) Begun {
        // Last of all that can be done before: the caller's query leaves right after.
        const start_ns = clock.nowNs();
        const handle = recorder.queries.begin(&.{
            request_handle,
            start_ns,
            statement_id,
            pool_wait_ns,
        });
        if (handle == in_flight.no_handle) recorder.count(Header.dropped_queries);
        return .{ .handle = handle, .start_ns = start_ns, .statement_id = statement_id };
    }

    /// The duration in nanoseconds; null for a handle that is not in flight.
    pub fn endQuery(
        recorder: *Recorder,
        handle: u64,
        is_error: bool,
        row_count: ?u64,
    ) ?u64 {
        const end_ns = clock.nowNs();
        const slot = recorder.queries.get(handle) orelse return null;
        const duration_ns = end_ns -| words.own(&slot[QuerySlot.start_ns]);
        recorder.recordQuery(.{
            .statement_id = @intCast(words.own(&slot[QuerySlot.statement_id])),
            .request_handle = words.own(&slot[QuerySlot.request_handle]),
            .start_ns = words.own(&slot[QuerySlot.start_ns]),
            .duration_ns = duration_ns,
            .pool_wait_ns = words.own(&slot[QuerySlot.pool_wait_ns]),
            .is_error = is_error,
            .row_count = row_count,
        });
        // Freed after it is recorded: a process that dies in between shows it twice, not never.
        const was_in_flight = recorder.queries.end(handle);
        assert(was_in_flight);
        return duration_ns;
    }

    pub fn internStatement(recorder: *Recorder, sql: []const u8) u32 {
        const key = recorder.texts.keyOf(sql);
        if (recorder.texts.get(key)) |statement_id| return statement_id;
        const normalized = normalizer.normalize(sql, .{}, &recorder.text_buffer, &.{});
        const statement_id = recorder.statements.intern(normalized.fingerprint, normalized.text);
        recorder.texts.put(key, statement_id);
        return statement_id;
    }

    /// A statement that was never given out counts as other.
    pub fn recordQuery(recorder: *Recorder, query: EndedQuery) void {
        const is_known = query.statement_id < words.own(recorder.statements.count);
        const statement_id = if (is_known) query.statement_id else statements.other_id;
        recorder.recent_queries.push(&.{
            query.request_handle,
            query.start_ns,
            query.duration_ns,
            query.pool_wait_ns,
            @as(u64, @intFromBool(query.is_error)) << 32 | statement_id,
            query.row_count orelse row_count_unknown,
            0,
        });
        recorder.statements.record(statement_id, .{
            .duration_ns = query.duration_ns,
            .pool_wait_ns = query.pool_wait_ns,
            .is_error = query.is_error,
            .row_count = query.row_count,
        });
        if (statement_id == statements.other_id) recorder.count(Header.dropped_statements);
    }

    pub fn statement(recorder: *const Recorder, id: u32) ?Identity {
        return recorder.statements.identity(id);
    }

    /// Copies words of the arena, each of them whole, in order. False if they lie outside.
    pub fn read(recorder: *const Recorder, first: u64, target: []u64) bool {
        if (first > recorder.arena.len) return false;
        if (target.len > recorder.arena.len - first) return false;
        const source = recorder.arena[@intCast(first)..][0..target.len];
        for (target, source) |*value, *word| value.* = words.load(word);
        return true;
    }

    fn count(recorder: *Recorder, header_word: usize) void {
        words.add(&recorder.arena[header_word], 1);
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

fn part(arena: []align(64) u64, first: usize, count: usize) []u64 {
    return arena[first..][0..count];
}

fn rows(comptime Row: type, arena: []align(64) u64, first: usize, count: usize) []Row {
    comptime assert(@sizeOf(Row) % 8 == 0);
    const start: [*]Row = @ptrCast(@alignCast(&arena[first]));
    return start[0..count];
}

fn statementTable(
    arena: []align(64) u64,
    map: layout.Layout,
    index: []u32,
) statements.Statements {
    const count = map.capacities.statements_max + 1;
    const bucket_count = comptime histogram.statement_shape.bucketCount();
    const text_bytes = map.capacities.statements_max * layout.text_bytes_per_statement;
    return .{
        .identities = rows([layout.identity_words]u64, arena, map.statement_identities, count),
        .totals = rows([layout.StatementTotals.words]u64, arena, map.statement_totals, count),
        .histograms = rows([bucket_count]u32, arena, map.statement_histograms, count),
        .texts = std.mem.sliceAsBytes(part(arena, map.texts, text_bytes / 8)),
        .text_bytes_used = &arena[Header.text_bytes_used],
        .count = &arena[Header.statement_count],
        .index = index,
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

test "Recorder: a query's life, and what does not fit" {
    const recorder = try Recorder.create(std.testing.allocator, test_capacities, 1);
    defer recorder.destroy();
    const request = recorder.beginRequest();
    var handles: [4]u64 = undefined;
    for (&handles) |*handle| {
        const begun = recorder.beginQuery("SELECT * FROM t WHERE id = 1", request.handle, 5);
        try std.testing.expectEqual(1, begun.statement_id);
        handle.* = begun.handle;
    }
    const dropped = recorder.beginQuery("SELECT * FROM t WHERE id = 2", request.handle, 0);
    try std.testing.expectEqual(in_flight.no_handle, dropped.handle);
    try std.testing.expectEqual(1, dropped.statement_id);
    try std.testing.expectEqual(1, testHeader(recorder, Header.dropped_queries));
    for (handles) |handle| {
        try std.testing.expect(recorder.endQuery(handle, false, 3) != null);
        try std.testing.expectEqual(null, recorder.endQuery(handle, false, 3));
    }
    try std.testing.expectEqual(null, recorder.endQuery(request.handle, false, 3));
    try std.testing.expectEqual(4, testHeader(recorder, Header.query_count));
    const totals = recorder.statements.totals[1];
    try std.testing.expectEqual(12, totals[layout.StatementTotals.row_count]);
    try std.testing.expectEqual(20, totals[layout.StatementTotals.pool_wait_ns]);

    const ended: EndedRequest = .{
        .start_ns = request.start_ns,
        .duration_ns = 7,
        .status_code = 200,
        .query_count = 5,
        .is_error = false,
    };
    recorder.endRequest(request.handle, "GET /", ended);
    recorder.endRequest(request.handle, "GET /", ended);
    try std.testing.expectEqual(1, testHeader(recorder, Header.request_count));
}

test "Recorder: a statement beyond the table counts as other, and is counted" {
    const recorder = try Recorder.create(std.testing.allocator, test_capacities, 1);
    defer recorder.destroy();
    for ([_][]const u8{ "a", "b", "c", "d", "e", "f", "e" }, 1..) |sql, expected| {
        const id = recorder.internStatement(sql);
        try std.testing.expectEqual(if (expected > 4) 0 else expected, id);
        recorder.recordQuery(.{
            .statement_id = id,
            .request_handle = 0,
            .start_ns = 0,
            .duration_ns = 1,
            .pool_wait_ns = 0,
            .is_error = false,
            .row_count = null,
        });
    }
    try std.testing.expectEqual(3, testHeader(recorder, Header.dropped_statements));
    try std.testing.expectEqual(7, testHeader(recorder, Header.query_count));
    var outside: [1]u64 = undefined;
    try std.testing.expect(!recorder.read(recorder.arena.len, &outside));
}

test "Recorder.clearInFlight: what was in flight is not, and every slot is free again" {
    const recorder = try Recorder.create(std.testing.allocator, test_capacities, 1);
    defer recorder.destroy();
    var stale: u64 = 0;
    for (0..4) |_| stale = recorder.beginQuery("SELECT 1", 0, 0).handle;
    _ = recorder.beginRequest();
    recorder.clearInFlight();
    try std.testing.expectEqual(null, recorder.endQuery(stale, false, null));
    for (0..4) |_| {
        const begun = recorder.beginQuery("SELECT 1", 0, 0);
        try std.testing.expect(begun.handle != in_flight.no_handle and begun.handle != stale);
    }
    try std.testing.expectEqual(0, testHeader(recorder, Header.dropped_queries));
}

test "Recorder.createIn: leaves memory that is not its own alone" {
    const words_count = arenaWords(test_capacities);
    const arena = try std.testing.allocator.alignedAlloc(u64, .@"64", words_count);
    defer std.testing.allocator.free(arena);
    @memset(arena, 0);
    const recorder = try Recorder.createIn(std.testing.allocator, arena, test_capacities, 1);
    _ = recorder.beginQuery("SELECT 1", 0, 0);
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
        const begun = recorder.beginQuery(sql, 0, 0);
        _ = recorder.endQuery(begun.handle, false, 1);
    }
    try std.testing.expect(!failing.has_induced_failure);
    try std.testing.expectEqual(1000, testHeader(recorder, Header.query_count));
}
