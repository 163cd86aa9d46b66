//! `core.h` in Zig: checks what comes from outside, translates, and nothing else.

const std = @import("std");
const core = @import("core");

const assert = std.debug.assert;
const normalizer = core.normalizer;

const abi_version: u32 = 5;
const list_lengths_max = 256;

/// Safety checks stay on in what ships, and a failed one ends the process: say whose it was.
pub const panic = std.debug.FullPanic(explainPanic);

fn explainPanic(message: []const u8, first_trace_address: ?usize) noreturn {
    @branchHint(.cold);
    std.debug.print(
        "hyperdjango: a bug in the native engine (HYPERDJANGO_ENGINE=portable avoids it)\n",
        .{},
    );
    std.debug.defaultPanic(message, first_trace_address);
}

const Status = enum(c_int) { ok = 0, invalid_argument = 1, out_of_memory = 2 };

const SqlOptions = extern struct {
    placeholders: u8,
    standard_conforming_strings: u8,

    fn parse(options: SqlOptions) ?normalizer.Options {
        return .{
            .placeholders = std.enums.fromInt(
                normalizer.Placeholders,
                options.placeholders,
            ) orelse return null,
            .standard_conforming_strings = std.enums.fromInt(
                normalizer.StandardConformingStrings,
                options.standard_conforming_strings,
            ) orelse return null,
        };
    }
};

const Normalized = extern struct {
    fingerprint: u64,
    text_bytes: u32,
    list_lengths_count: u32,
    list_lengths: [list_lengths_max]u32,
    text: [normalizer.text_bytes_max]u8,
};

comptime {
    assert(@sizeOf(SqlOptions) == 2);
    assert(@sizeOf(Normalized) == 16 + 4 * list_lengths_max + 8192);
    assert(@offsetOf(Normalized, "text") == 16 + 4 * list_lengths_max);
    assert(@sizeOf(normalizer.Span) == 12);
}

fn abiVersion() callconv(.c) u32 {
    return abi_version;
}

fn clockNowNs() callconv(.c) u64 {
    return core.clock.nowNs();
}

fn sqlNormalize(
    sql: ?[*]const u8,
    sql_bytes: usize,
    options: SqlOptions,
    result: ?*Normalized,
) callconv(.c) Status {
    const text = slice(sql, sql_bytes) orelse return .invalid_argument;
    const out = result orelse return .invalid_argument;
    const parsed = options.parse() orelse return .invalid_argument;

    const normalized = normalizer.normalize(text, parsed, &out.text, &out.list_lengths);
    assert(normalized.text.len <= out.text.len);
    assert(normalized.list_lengths.len <= out.list_lengths.len);
    if (normalized.text.ptr != &out.text) {
        @memmove(out.text[0..normalized.text.len], normalized.text);
    }
    if (normalized.list_lengths.ptr != &out.list_lengths) {
        @memmove(out.list_lengths[0..normalized.list_lengths.len], normalized.list_lengths);
    }
    out.fingerprint = normalized.fingerprint;
    out.text_bytes = @intCast(normalized.text.len);
    out.list_lengths_count = @intCast(normalized.list_lengths.len);
    return .ok;
}

fn sqlScan(
    sql: ?[*]const u8,
    sql_bytes: usize,
    options: SqlOptions,
    spans: ?[*]normalizer.Span,
    spans_max: usize,
    count: ?*usize,
) callconv(.c) Status {
    const text = slice(sql, sql_bytes) orelse return .invalid_argument;
    const parsed = options.parse() orelse return .invalid_argument;
    const out = count orelse return .invalid_argument;
    // Spans are 32 bits wide.
    if (text.len > std.math.maxInt(u32)) return .invalid_argument;
    if (spans == null and spans_max > 0) return .invalid_argument;

    const room: []normalizer.Span = if (spans) |pointer| pointer[0..spans_max] else &.{};
    out.* = normalizer.scan(text, parsed, room);
    return .ok;
}

const Capacities = core.layout.Capacities;
const Recorder = core.recorder.Recorder;

const Begun = extern struct {
    handle: f64,
    start_ns: f64,
    statement_id: f64,

    fn of(begun: core.recorder.Begun) Begun {
        return .{
            .handle = @floatFromInt(begun.handle),
            .start_ns = @floatFromInt(begun.start_ns),
            .statement_id = @floatFromInt(begun.statement_id),
        };
    }
};

const EndedRequest = extern struct {
    start_ns: f64,
    duration_ns: f64,
    status_code: f64,
    query_count: f64,
    outcome: f64,
};

const EndedQuery = extern struct {
    statement_id: f64,
    request_handle: f64,
    start_ns: f64,
    duration_ns: f64,
    pool_wait_ns: f64,
    outcome: f64,
    row_count: f64,
};

const Finding = extern struct {
    verdict: f64,
    statement_id: f64,
    query_count: f64,
    total_ns: f64,
};

const PoolState = extern struct {
    total: f64,
    idle: f64,
    waiting: f64,
    max: f64,
};

comptime {
    assert(@sizeOf(Begun) == 24);
    assert(@sizeOf(Finding) == 32);
    assert(@sizeOf(PoolState) == 32);
    assert(@sizeOf(EndedRequest) == 40);
    assert(@sizeOf(EndedQuery) == 56);
}

fn recorderCreate(
    capacities: ?*const Capacities,
    seed: u64,
    recorder: ?*?*Recorder,
) callconv(.c) Status {
    const wanted = capacities orelse return .invalid_argument;
    const out = recorder orelse return .invalid_argument;
    out.* = null;
    if (!wanted.areValid()) return .invalid_argument;
    out.* = Recorder.create(std.heap.c_allocator, wanted.*, seed) catch return .out_of_memory;
    return .ok;
}

fn recorderDestroy(recorder: ?*Recorder) callconv(.c) void {
    if (recorder) |existing| existing.destroy();
}

fn recorderBeginRequest(
    recorder: ?*Recorder,
    route: ?[*]const u8,
    route_bytes: usize,
    begun: ?*Begun,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const name = slice(route, route_bytes) orelse return .invalid_argument;
    const out = begun orelse return .invalid_argument;
    out.* = .of(self.beginRequest(name));
    return .ok;
}

fn recorderNameRequest(
    recorder: ?*Recorder,
    handle: f64,
    route: ?[*]const u8,
    route_bytes: usize,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const name = slice(route, route_bytes) orelse return .invalid_argument;
    self.nameRequest(whole(handle), name);
    return .ok;
}

fn recorderEndRequest(
    recorder: ?*Recorder,
    handle: f64,
    route: ?[*]const u8,
    route_bytes: usize,
    request: ?*const EndedRequest,
    duration_ns: ?*f64,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const name = slice(route, route_bytes) orelse return .invalid_argument;
    const ended = request orelse return .invalid_argument;
    const out = duration_ns orelse return .invalid_argument;
    const duration = self.endRequest(whole(handle), name, .{
        .start_ns = whole(ended.start_ns),
        .duration_ns = if (ended.duration_ns < 0) null else whole(ended.duration_ns),
        .status_code = whole32(ended.status_code),
        .query_count = whole32(ended.query_count),
        .outcome = requestOutcomeOf(ended.outcome),
    });
    out.* = if (duration) |ns| @floatFromInt(ns) else -1;
    return .ok;
}

fn recorderBeginQuery(
    recorder: ?*Recorder,
    sql: ?[*]const u8,
    sql_bytes: usize,
    standard_conforming_strings: f64,
    request_handle: f64,
    pool_wait_ns: f64,
    begun: ?*Begun,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const text = slice(sql, sql_bytes) orelse return .invalid_argument;
    const out = begun orelse return .invalid_argument;
    const reading = readingOf(standard_conforming_strings);
    out.* = .of(self.beginQuery(text, reading, whole(request_handle), whole(pool_wait_ns)));
    return .ok;
}

fn recorderBeginStatement(
    recorder: ?*Recorder,
    statement_id: f64,
    request_handle: f64,
    pool_wait_ns: f64,
    begun: ?*Begun,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const out = begun orelse return .invalid_argument;
    const id = whole32(statement_id);
    if (!self.isKnown(id)) return .invalid_argument;
    out.* = .of(self.beginStatement(id, whole(request_handle), whole(pool_wait_ns)));
    return .ok;
}

fn recorderBeginWait(
    recorder: ?*Recorder,
    statement_id: f64,
    request_handle: f64,
    begun: ?*Begun,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const out = begun orelse return .invalid_argument;
    out.* = .of(self.beginWait(whole32(statement_id), whole(request_handle)));
    return .ok;
}

fn recorderEndWait(
    recorder: ?*Recorder,
    handle: f64,
    is_timed_out: f64,
    start_ns: f64,
    wait_ns: ?*f64,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const out = wait_ns orelse return .invalid_argument;
    const wait = self.endWait(whole(handle), is_timed_out == 1, whole(start_ns));
    out.* = if (wait) |ns| @floatFromInt(ns) else -1;
    return .ok;
}

fn recorderEndQuery(
    recorder: ?*Recorder,
    handle: f64,
    outcome: f64,
    row_count: f64,
    duration_ns: ?*f64,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const out = duration_ns orelse return .invalid_argument;
    const duration = self.endQuery(whole(handle), queryOutcomeOf(outcome), rowCount(row_count));
    out.* = if (duration) |ns| @floatFromInt(ns) else -1;
    return .ok;
}

fn recorderInternStatement(
    recorder: ?*Recorder,
    sql: ?[*]const u8,
    sql_bytes: usize,
    standard_conforming_strings: f64,
    statement_id: ?*f64,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const text = slice(sql, sql_bytes) orelse return .invalid_argument;
    const out = statement_id orelse return .invalid_argument;
    out.* = @floatFromInt(self.internStatement(text, readingOf(standard_conforming_strings)));
    return .ok;
}

fn recorderRecordQuery(recorder: ?*Recorder, query: ?*const EndedQuery) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const ended = query orelse return .invalid_argument;
    self.recordQuery(.{
        .statement_id = whole32(ended.statement_id),
        .request_handle = whole(ended.request_handle),
        .start_ns = whole(ended.start_ns),
        .duration_ns = whole(ended.duration_ns),
        .pool_wait_ns = whole(ended.pool_wait_ns),
        .outcome = queryOutcomeOf(ended.outcome),
        .row_count = rowCount(ended.row_count),
    });
    return .ok;
}

fn recorderRecordFinding(
    recorder: ?*Recorder,
    route: ?[*]const u8,
    route_bytes: usize,
    finding: ?*const Finding,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const name = slice(route, route_bytes) orelse return .invalid_argument;
    const found = finding orelse return .invalid_argument;
    const verdict = whole(found.verdict);
    if (verdict == 0) return .invalid_argument;
    self.recordFinding(.{
        .verdict = @enumFromInt(verdict),
        .statement_id = whole32(found.statement_id),
        .route = name,
        .query_count = whole(found.query_count),
        .total_ns = whole(found.total_ns),
    });
    return .ok;
}

fn recorderRecordPool(
    recorder: ?*Recorder,
    row: f64,
    name: ?[*]const u8,
    name_bytes: usize,
    state: ?*const PoolState,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    const text = slice(name, name_bytes) orelse return .invalid_argument;
    const pool = state orelse return .invalid_argument;
    self.recordPool(@intCast(whole32(row)), text, .{
        .total = whole(pool.total),
        .idle = whole(pool.idle),
        .waiting = whole(pool.waiting),
        .max = whole(pool.max),
        .updated_ns = 0,
    });
    return .ok;
}

fn recorderRecordFault(recorder: ?*Recorder) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    self.recordFault();
    return .ok;
}

fn recorderRead(
    recorder: ?*const Recorder,
    first_word: f64,
    target: ?[*]u64,
    word_count: usize,
) callconv(.c) Status {
    const self = recorder orelse return .invalid_argument;
    if (word_count == 0) return .ok;
    const out = target orelse return .invalid_argument;
    return if (self.read(whole(first_word), out[0..word_count])) .ok else .invalid_argument;
}

const Segment = core.segment.Segment;
const Thread = core.segment.Thread;

/// Lives as long as the process: the image is pinned before anything is put into it.
var process_segment: Segment = .{ .gpa = std.heap.c_allocator };
var process_lock: core.lock.Lock = .{};
var exit_knowledge: ?core.process_exit.Knowledge = null;

const String = extern struct {
    data: ?[*]const u8,
    bytes: usize,

    fn of(text: []const u8) String {
        return .{ .data = text.ptr, .bytes = text.len };
    }

    fn parse(string: String) []const u8 {
        return slice(string.data, string.bytes) orelse "";
    }
};

const SegmentOptions = extern struct {
    folder: String,
    app_name: String,
    script_name: String,
    runtime_version: String,
    main_capacities: Capacities,
    worker_capacities: Capacities,
    generation: u64,
    boot_id: u64,
    process_start_ticks: u64,
    place: u64,
};

const ThreadOptions = extern struct {
    seed: u64,
    loop: ?*anyopaque,
    thread_id: u32,
    is_main: u32,
};

const ThreadState = extern struct {
    recorder: ?*Recorder,
    path: String,
    reason: String,
    arena_index: f64,
    first_word: f64,
    watches_loop: u32,
    knows_exit_code: u32,
};

comptime {
    assert(@sizeOf(SegmentOptions) == 4 * @sizeOf(String) + 2 * 24 + 32);
    assert(@sizeOf(ThreadOptions) == 16 + @sizeOf(usize));
    assert(@sizeOf(ThreadState) == 24 + 5 * @sizeOf(usize));
}

fn segmentJoin(
    options: ?*const SegmentOptions,
    thread: ?*const ThreadOptions,
    joined: ?*?*Thread,
) callconv(.c) Status {
    const wanted = options orelse return .invalid_argument;
    const caller = thread orelse return .invalid_argument;
    const out = joined orelse return .invalid_argument;
    out.* = null;
    if (!wanted.main_capacities.areValid()) return .invalid_argument;
    if (!wanted.worker_capacities.areValid()) return .invalid_argument;
    if (!prepareProcess()) return .out_of_memory;
    out.* = process_segment.join(.{
        .folder = wanted.folder.parse(),
        .app_name = wanted.app_name.parse(),
        .script_name = wanted.script_name.parse(),
        .runtime_version = wanted.runtime_version.parse(),
        .main_capacities = wanted.main_capacities,
        .worker_capacities = wanted.worker_capacities,
        .generation = wanted.generation,
        .boot_id = wanted.boot_id,
        .process_start_ticks = wanted.process_start_ticks,
        .place = wanted.place,
    }, .{
        .is_main = caller.is_main != 0,
        .thread_id = caller.thread_id,
        .loop = caller.loop,
        .seed = caller.seed,
    }) catch return .out_of_memory;
    return .ok;
}

/// What must be done before this image holds anything of the process. False where it cannot.
fn prepareProcess() bool {
    process_lock.acquire();
    defer process_lock.release();
    if (exit_knowledge != null) return true;
    if (!core.image.pin()) return false;
    exit_knowledge = core.process_exit.listen(onProcessExit);
    return true;
}

fn onProcessExit(code: ?u8) void {
    process_segment.markExited(code);
}

fn threadLeave(thread: ?*Thread) callconv(.c) void {
    if (thread) |joined| Segment.leave(joined);
}

fn threadDescribe(thread: ?*Thread, state: ?*ThreadState) callconv(.c) Status {
    const self = thread orelse return .invalid_argument;
    const out = state orelse return .invalid_argument;
    const index = self.arena_index;
    out.* = .{
        .recorder = self.recorder(),
        .path = .of(process_segment.path() orelse ""),
        .reason = .of(self.reason.text()),
        .arena_index = if (index) |arena| @floatFromInt(arena) else -1,
        .first_word = @floatFromInt(process_segment.arenaFirst(index orelse 0)),
        .watches_loop = @intFromBool(Segment.watchesLoop(self)),
        .knows_exit_code = @intFromBool(exit_knowledge != .exit_only),
    };
    return .ok;
}

fn threadRecordOverhead(
    thread: ?*Thread,
    query_count: f64,
    total_ns: f64,
) callconv(.c) void {
    if (thread) |self| Segment.recordOverhead(self, whole(query_count), whole(total_ns));
}

fn threadSetUnseen(thread: ?*Thread, libraries: u32) callconv(.c) void {
    if (thread) |self| Segment.setUnseen(self, libraries);
}

fn threadBeat(thread: ?*Thread) callconv(.c) void {
    if (thread) |self| Segment.beatOf(self);
}

fn segmentRead(first_word: f64, target: ?[*]u64, word_count: usize) callconv(.c) Status {
    if (word_count == 0) return .ok;
    const out = target orelse return .invalid_argument;
    const is_inside = process_segment.read(whole(first_word), out[0..word_count]);
    return if (is_inside) .ok else .invalid_argument;
}

fn segmentSetAppName(name: ?[*]const u8, bytes: usize) callconv(.c) void {
    process_segment.setAppName(slice(name, bytes) orelse return);
}

fn segmentSetUncaughtException(is_uncaught: c_int) callconv(.c) void {
    process_segment.setUncaughtException(is_uncaught != 0);
}

fn segmentNoteExitCode(code: f64) callconv(.c) void {
    process_segment.noteExitCode(@truncate(whole(code)));
}

const no_locks = -38;
const is_held = -11;

fn fileIsLocked(path: ?[*:0]const u8) callconv(.c) i32 {
    if (!core.file_lock.is_supported) return no_locks;
    return switch (core.file_lock.look(path orelse return no_locks)) {
        .free => 0,
        .locked => 1,
        .failed => |code| -@as(i32, code),
    };
}

fn fileTryLock(path: ?[*:0]const u8) callconv(.c) i32 {
    if (!core.file_lock.is_supported) return no_locks;
    return switch (core.file_lock.take(path orelse return no_locks)) {
        .taken => |file| file,
        .locked => is_held,
        .failed => |code| -@as(i32, code),
    };
}

fn filePunchHoles(path: ?[*:0]const u8) callconv(.c) i64 {
    if (!core.file_lock.is_supported) return no_locks;
    return core.file_lock.punchHoles(path orelse return no_locks);
}

/// What JavaScript calls a number, as a count that JavaScript can hold exactly.
fn whole(number: f64) u64 {
    // Also false for NaN.
    if (!(number >= 1)) return 0;
    const maximum: f64 = @floatFromInt(core.recorder.number_max);
    return @intFromFloat(@min(number, maximum));
}

fn whole32(number: f64) u32 {
    return @intCast(@min(whole(number), std.math.maxInt(u32)));
}

/// Anything but 1 (on) and 2 (off) is unknown.
fn readingOf(number: f64) core.recorder.StandardConformingStrings {
    if (number == 1) return .on;
    return if (number == 2) .off else .unknown;
}

/// Of `core.recorder.QueryOutcome`; what is none of a failed query is ok.
fn queryOutcomeOf(number: f64) core.recorder.QueryOutcome {
    const outcome: core.recorder.QueryOutcome = @bitCast(whole32(number));
    if (!outcome.is_error) return .ok;
    if (outcome.sql_state < core.recorder.QueryOutcome.sql_state_limit) return outcome;
    return .{ .is_error = true, .sql_state = 0 };
}

fn requestOutcomeOf(number: f64) core.recorder.RequestOutcome {
    return std.enums.fromInt(core.recorder.RequestOutcome, whole32(number)) orelse .ok;
}

fn rowCount(number: f64) ?u64 {
    return if (number >= 0) whole(number) else null;
}

fn slice(pointer: ?[*]const u8, bytes: usize) ?[]const u8 {
    const start = pointer orelse return if (bytes == 0) "" else null;
    return start[0..bytes];
}

/// Hidden, so that the addon's own two entry points are all that it exports.
fn exportHidden(comptime function: anytype, comptime name: []const u8) void {
    @export(function, .{ .name = name, .visibility = .hidden });
}

comptime {
    exportHidden(&abiVersion, "hd_abi_version");
    exportHidden(&clockNowNs, "hd_clock_now_ns");
    exportHidden(&sqlNormalize, "hd_sql_normalize");
    exportHidden(&sqlScan, "hd_sql_scan");
    exportHidden(&recorderCreate, "hd_recorder_create");
    exportHidden(&recorderDestroy, "hd_recorder_destroy");
    exportHidden(&recorderBeginRequest, "hd_recorder_begin_request");
    exportHidden(&recorderNameRequest, "hd_recorder_name_request");
    exportHidden(&recorderEndRequest, "hd_recorder_end_request");
    exportHidden(&recorderBeginQuery, "hd_recorder_begin_query");
    exportHidden(&recorderBeginStatement, "hd_recorder_begin_statement");
    exportHidden(&recorderBeginWait, "hd_recorder_begin_wait");
    exportHidden(&recorderEndWait, "hd_recorder_end_wait");
    exportHidden(&recorderEndQuery, "hd_recorder_end_query");
    exportHidden(&recorderInternStatement, "hd_recorder_intern_statement");
    exportHidden(&recorderRecordQuery, "hd_recorder_record_query");
    exportHidden(&recorderRecordFinding, "hd_recorder_record_finding");
    exportHidden(&recorderRecordPool, "hd_recorder_record_pool");
    exportHidden(&recorderRecordFault, "hd_recorder_record_fault");
    exportHidden(&recorderRead, "hd_recorder_read");
    exportHidden(&segmentJoin, "hd_segment_join");
    exportHidden(&threadLeave, "hd_thread_leave");
    exportHidden(&threadDescribe, "hd_thread_describe");
    exportHidden(&threadRecordOverhead, "hd_thread_record_overhead");
    exportHidden(&threadSetUnseen, "hd_thread_set_unseen");
    exportHidden(&threadBeat, "hd_thread_beat");
    exportHidden(&segmentRead, "hd_segment_read");
    exportHidden(&segmentSetAppName, "hd_segment_set_app_name");
    exportHidden(&segmentSetUncaughtException, "hd_segment_set_uncaught_exception");
    exportHidden(&segmentNoteExitCode, "hd_segment_note_exit_code");
    exportHidden(&fileIsLocked, "hd_file_is_locked");
    exportHidden(&fileTryLock, "hd_file_try_lock");
    exportHidden(&filePunchHoles, "hd_file_punch_holes");
}
