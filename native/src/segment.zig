//! The memory of this process that others may read, and which thread records where in it.
//!
//! Goals: a thread that begins gets an arena that a thread before it left, with its totals, or a
//! new one at the segment's end; nothing that was mapped is ever unmapped or moved, so that any
//! thread can read all of it at any time. Where there can be no file, the same words lie in
//! private memory.
//!
//! Everything but `read` and the recorders takes the lock: threads that come and go, and the
//! heartbeat.

const builtin = @import("builtin");
const std = @import("std");
const clock = @import("clock.zig");
const event_loop = @import("event_loop.zig");
const heartbeat = @import("heartbeat.zig");
const layout = @import("segment_layout.zig");
const lock = @import("lock.zig");
const recorders = @import("recorder.zig");
const segment_file = @import("segment_file.zig");
const segment_names = @import("segment_names.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

const Capacities = recorders.Capacities;
const DirectoryEntry = layout.DirectoryEntry;
const Failure = segment_file.Failure;
const Header = layout.Header;
const Memory = []align(4096) u64;
const Recorder = recorders.Recorder;
const SegmentFile = segment_file.SegmentFile;

/// What the main arena is halved to at most, where there is no room.
const halvings_max = 4;

pub const Options = struct {
    /// Empty for private memory.
    folder: []const u8,
    app_name: []const u8,
    script_name: []const u8,
    runtime_version: []const u8,
    main_capacities: Capacities,
    worker_capacities: Capacities,
    generation: u64,
    boot_id: u64,
    process_start_ticks: u64,
    place: u64,
};

pub const ThreadOptions = struct {
    is_main: bool,
    thread_id: u32,
    /// Its `uv_loop_t`.
    loop: ?*anyopaque,
    seed: u64,
};

/// What a thread has of the segment.
pub const Thread = struct {
    segment: *Segment,
    /// Null where there was none left: such a thread records into memory of its own.
    arena_index: ?usize,
    reason: Reason,

    pub fn recorder(thread: *const Thread) ?*Recorder {
        return thread.segment.arenas[thread.arena_index orelse return null].recorder;
    }
};

/// A sentence or two for people; empty where all is as wanted.
pub const Reason = struct {
    buffer: [512]u8 = undefined,
    length: usize = 0,

    pub fn text(reason: *const Reason) []const u8 {
        return reason.buffer[0..reason.length];
    }

    fn add(reason: *Reason, comptime format: []const u8, arguments: anytype) void {
        var writer: std.Io.Writer = .fixed(reason.buffer[reason.length..]);
        if (reason.length > 0) writer.writeAll("; ") catch {};
        // What does not fit is cut.
        writer.print(format, arguments) catch {};
        reason.length += writer.end;
    }
};

const Arena = struct {
    recorder: ?*Recorder = null,
    is_in_use: bool = false,
    loop: ?event_loop.EventLoop = null,
};

pub const Segment = struct {
    gpa: std.mem.Allocator,
    lock: lock.Lock = .{},
    is_open: bool = false,
    is_ended: bool = false,
    file: ?SegmentFile = null,
    path_buffer: [segment_file.path_bytes_max + 64]u8 = undefined,
    path_bytes: usize = 0,
    reason: Reason = .{},
    worker_capacities: Capacities = undefined,
    arenas: [layout.arenas_max]Arena = @splat(.{}),
    arena_count: usize = 0,
    /// Where the arenas lie: number 0 with the header and the directory before it.
    chunks: [layout.arenas_max]std.atomic.Value(?[*]u64) = @splat(.init(null)),
    chunk_words: struct { first: usize, worker: usize } = undefined,

    /// Null where the memory is private.
    pub fn path(segment: *const Segment) ?[]const u8 {
        return if (segment.file == null) null else segment.path_buffer[0..segment.path_bytes];
    }

    /// An arena for the thread that calls; the first call makes the segment.
    pub fn join(segment: *Segment, options: Options, thread: ThreadOptions) !*Thread {
        const gpa = segment.gpa;
        const joined = try gpa.create(Thread);
        errdefer gpa.destroy(joined);
        segment.lock.acquire();
        defer segment.lock.release();
        if (!segment.is_open) try segment.open(options, thread.seed);
        joined.* = .{
            .segment = segment,
            .arena_index = null,
            .reason = segment.reason,
        };
        joined.arena_index = segment.takeArena(thread, &joined.reason);
        if (joined.arena_index == null) {
            words.add(segment.headerWord(Header.dropped_threads), 1);
        }
        return joined;
    }

    /// By the thread itself, as the last thing that it does.
    pub fn leave(thread: *Thread) void {
        const segment = thread.segment;
        segment.lock.acquire();
        defer segment.lock.release();
        if (thread.arena_index) |index| {
            const arena = &segment.arenas[index];
            arena.loop = null;
            arena.is_in_use = false;
            // What the main thread was doing when nobody caught its exception is evidence.
            const is_evidence = index == 0 and segment.hasUncaughtException();
            if (!is_evidence) {
                arena.recorder.?.clearInFlight();
                segment.writeLook(index, .unknown);
            }
            words.publish(segment.entryWord(index, DirectoryEntry.is_in_use), 0);
        }
        segment.gpa.destroy(thread);
    }

    /// Copies words of the segment, each of them whole, in order. By any thread, at any time.
    /// False if some of them lie in no arena.
    pub fn read(segment: *const Segment, first: u64, target: []u64) bool {
        var word = first;
        var rest = target;
        while (rest.len > 0) {
            const found = segment.wordsFrom(word) orelse return false;
            const count = @min(found.len, rest.len);
            for (rest[0..count], found[0..count]) |*value, *source| value.* = words.load(source);
            rest = rest[count..];
            word += count;
        }
        return true;
    }

    pub fn arenaFirst(segment: *const Segment, index: usize) usize {
        if (index == 0) return layout.arenas_first;
        return segment.chunk_words.first + (index - 1) * segment.chunk_words.worker;
    }

    pub fn setAppName(segment: *Segment, name: []const u8) void {
        segment.lock.acquire();
        defer segment.lock.release();
        if (segment.is_open) segment_names.writeAppName(segment.header(), name);
    }

    /// By the thread itself.
    pub fn recordOverhead(thread: *Thread, query_count: u64, total_ns: u64) void {
        const index = thread.arena_index orelse return;
        const segment = thread.segment;
        words.add(segment.entryWord(index, DirectoryEntry.overhead_sample_count), query_count);
        words.add(segment.entryWord(index, DirectoryEntry.overhead_ns), total_ns);
    }

    /// By the thread itself.
    pub fn setUnseen(thread: *Thread, libraries: u64) void {
        const index = thread.arena_index orelse return;
        words.store(thread.segment.entryWord(index, DirectoryEntry.unseen), libraries);
    }

    /// If the process ended now, whether it would be by an exception that nobody caught.
    pub fn setUncaughtException(segment: *Segment, is_uncaught: bool) void {
        segment.lock.acquire();
        defer segment.lock.release();
        const mark: u64 = @intFromBool(is_uncaught);
        if (segment.is_open) words.publish(segment.headerWord(Header.has_uncaught_exception), mark);
    }

    /// For where the C library does not tell the exit code: what the event 'exit' says.
    pub fn noteExitCode(segment: *Segment, code: u8) void {
        segment.lock.acquire();
        defer segment.lock.release();
        if (segment.is_open) words.publish(segment.headerWord(Header.exit_code), code);
    }

    /// The process ends, and not by a signal.
    pub fn markExited(segment: *Segment, code: ?u8) void {
        // A signal handler that calls `exit` may have interrupted the lock's holder.
        const is_locked = for (0..1000) |_| {
            if (segment.lock.tryAcquire()) break true;
            std.Thread.yield() catch {};
        } else false;
        defer if (is_locked) segment.lock.release();
        if (!segment.is_open) return;
        segment.is_ended = true;
        if (is_locked and !segment.hasUncaughtException()) {
            for (segment.arenas[0..segment.arena_count]) |arena| {
                if (arena.is_in_use) arena.recorder.?.clearInFlight();
            }
        }
        if (code) |known| words.publish(segment.headerWord(Header.exit_code), known);
        words.publish(segment.headerWord(Header.state), @intFromEnum(layout.State.exited));
    }

    /// False when there is nothing left to show.
    pub fn beat(segment: *Segment) bool {
        segment.lock.acquire();
        defer segment.lock.release();
        if (segment.is_ended) return false;
        segment.stampTime();
        for (segment.arenas[0..segment.arena_count], 0..) |*arena, index| {
            const loop = if (arena.loop) |*loop| loop else continue;
            segment.writeLook(index, loop.look(clock.nowNs()));
        }
        return true;
    }

    /// The heartbeat of a thread whose loop cannot be looked at: by a timer of that loop.
    pub fn beatOf(thread: *Thread) void {
        const segment = thread.segment;
        segment.lock.acquire();
        defer segment.lock.release();
        segment.stampTime();
        const index = thread.arena_index orelse return;
        words.store(segment.entryWord(index, DirectoryEntry.loop_checked_ns), clock.nowNs());
    }

    /// Whether the heartbeat's thread looks at the thread's loop.
    pub fn watchesLoop(thread: *const Thread) bool {
        const index = thread.arena_index orelse return false;
        return thread.segment.arenas[index].loop != null;
    }

    fn open(segment: *Segment, options: Options, seed: u64) !void {
        var capacities = options.main_capacities;
        const memory = segment.openFile(options, &capacities) orelse
            try takePrivate(chunkWords(capacities));
        errdefer segment.giveBack(memory);
        const main_arena = memory[layout.arenas_first..][0..recorders.arenaWords(capacities)];
        const main = try Recorder.createIn(segment.gpa, main_arena, capacities, seed);
        segment.worker_capacities = options.worker_capacities;
        segment.chunk_words = .{
            .first = memory.len,
            .worker = layout.paddedWords(recorders.arenaWords(options.worker_capacities)),
        };
        segment.chunks[0].store(memory.ptr, .release);
        segment.arenas[0].recorder = main;
        segment.arena_count = 1;
        segment.writeHeader(options);
        segment.is_open = true;
        segment.publishFile(options.folder);
    }

    /// A file with room for the main arena, or for a part of it; null, with the reason, where
    /// there can be none.
    fn openFile(segment: *Segment, options: Options, capacities: *Capacities) ?Memory {
        if (!segment_file.is_supported) {
            segment.reason.add("only Linux has segments that others can read", .{});
            return null;
        }
        if (options.folder.len == 0) return null;
        var failure: Failure = undefined;
        if (SegmentFile.create(options.folder, options.generation, &failure)) |file| {
            if (reserveShrinking(file, capacities, &failure)) |memory| {
                segment.file = file;
                if (!std.meta.eql(capacities.*, options.main_capacities)) {
                    segment.reason.add(
                        "{s} has room for 1/{d} of the main thread's tables only",
                        .{
                            shown(options.folder),
                            options.main_capacities.recent_queries_max /
                                capacities.recent_queries_max,
                        },
                    );
                }
                return memory;
            }
            file.discard();
            capacities.* = options.main_capacities;
        }
        segment.addFailure(options.folder, failure);
        return null;
    }

    fn publishFile(segment: *Segment, folder: []const u8) void {
        const file = segment.file orelse return;
        var failure: Failure = undefined;
        if (!file.publish(&failure)) {
            // What is mapped stays mapped: it is private memory now.
            file.discard();
            segment.file = null;
            segment.addFailure(folder, failure);
            return;
        }
        var buffer: [64]u8 = undefined;
        const whole = std.fmt.bufPrint(
            &segment.path_buffer,
            "{s}/{s}",
            .{ folder, file.finalName(&buffer) },
        ) catch unreachable;
        segment.path_bytes = whole.len;
        if (heartbeat.start(segment, Segment.beat)) {
            const interval = segment.headerWord(Header.heartbeat_interval_ns);
            words.publish(interval, heartbeat.interval_ns);
        } else {
            segment.reason.add("there can be no thread for the heartbeat", .{});
        }
    }

    fn addFailure(segment: *Segment, folder: []const u8, failure: Failure) void {
        const format = "{s} {f}: the records stay in this process";
        segment.reason.add(format, .{ shown(folder), failure });
    }

    fn giveBack(segment: *Segment, memory: Memory) void {
        unmap(memory, segment.file != null);
        if (segment.file) |file| file.discard();
        segment.file = null;
    }

    fn writeHeader(segment: *Segment, options: Options) void {
        const now_ns = clock.nowNs();
        const values = .{
            .{ Header.version_word, layout.version },
            .{ Header.main_arena_words, segment.chunk_words.first - layout.arenas_first },
            .{ Header.worker_arena_words, segment.chunk_words.worker },
            .{ Header.wanted_main_arena_words, layout.paddedWords(
                recorders.arenaWords(options.main_capacities),
            ) },
            .{ Header.arena_count, 1 },
            .{ Header.pid, currentPid() },
            .{ Header.process_start_ticks, options.process_start_ticks },
            .{ Header.place, options.place },
            .{ Header.generation, options.generation },
            .{ Header.boot_id, options.boot_id },
            .{ Header.started_ns, now_ns },
            .{ Header.state, @intFromEnum(layout.State.running) },
            .{ Header.magic_word, layout.magic },
        };
        inline for (values) |value| words.publish(segment.headerWord(value[0]), value[1]);
        segment_names.writeAppName(segment.header(), options.app_name);
        segment_names.writeScriptName(segment.header(), options.script_name);
        segment_names.writeRuntimeVersion(segment.header(), options.runtime_version);
        segment.stampTime();
    }

    fn stampTime(segment: *Segment) void {
        const now_ns = clock.nowNs();
        words.store(segment.headerWord(Header.heartbeat_ns), now_ns);
        const offset_ns = clock.wallNs() -| now_ns;
        words.store(segment.headerWord(Header.wall_minus_monotonic_ns), offset_ns);
    }

    fn writeLook(segment: *Segment, index: usize, look: event_loop.Look) void {
        words.store(segment.entryWord(index, DirectoryEntry.loop_idle_ns), look.idle_ns);
        const busy = segment.entryWord(index, DirectoryEntry.loop_busy_since_ns);
        words.store(busy, look.busy_since_ns);
        words.store(segment.entryWord(index, DirectoryEntry.loop_checked_ns), look.checked_ns);
    }

    /// Null, with the reason, where there is none.
    fn takeArena(segment: *Segment, thread: ThreadOptions, reason: *Reason) ?usize {
        const index = if (thread.is_main and !segment.arenas[0].is_in_use)
            0
        else
            segment.freeWorkerArena() orelse
                segment.addArena(thread.seed, reason) orelse return null;
        const arena = &segment.arenas[index];
        assert(!arena.is_in_use);
        arena.is_in_use = true;
        const now_ns = clock.nowNs();
        if (segment.file != null) {
            if (thread.loop) |loop| arena.loop = event_loop.EventLoop.watch(loop, now_ns);
        }
        segment.writeLook(index, if (arena.loop) |loop| loop.last else .unknown);
        words.store(segment.entryWord(index, DirectoryEntry.thread_id), thread.thread_id);
        words.store(segment.entryWord(index, DirectoryEntry.unseen), 0);
        words.add(segment.entryWord(index, DirectoryEntry.adoption_count), 1);
        words.publish(segment.entryWord(index, DirectoryEntry.is_in_use), 1);
        return index;
    }

    fn freeWorkerArena(segment: *const Segment) ?usize {
        for (segment.arenas[1..@max(1, segment.arena_count)], 1..) |arena, index| {
            if (!arena.is_in_use) return index;
        }
        return null;
    }

    /// One more at the segment's end.
    fn addArena(segment: *Segment, seed: u64, reason: *Reason) ?usize {
        const index = segment.arena_count;
        if (index == layout.arenas_max) {
            reason.add("{d} threads record already: this one's records stay its own", .{index});
            return null;
        }
        var failure: Failure = undefined;
        const memory = segment.takeChunk(index, &failure) orelse {
            reason.add("no arena for this thread, whose records stay its own: {f}", .{failure});
            return null;
        };
        const arena = memory[0..recorders.arenaWords(segment.worker_capacities)];
        const capacities = segment.worker_capacities;
        segment.arenas[index].recorder = Recorder.createIn(
            segment.gpa,
            arena,
            capacities,
            seed,
        ) catch {
            // The room in the file is used by the next thread that comes.
            unmap(memory, segment.file != null);
            reason.add("no memory for this thread's arena: its records stay its own", .{});
            return null;
        };
        segment.chunks[index].store(memory.ptr, .release);
        segment.arena_count += 1;
        words.publish(segment.headerWord(Header.arena_count), segment.arena_count);
        return index;
    }

    fn takeChunk(segment: *Segment, index: usize, failure: *Failure) ?Memory {
        const count = segment.chunk_words.worker;
        const file = segment.file orelse return takePrivate(count) catch {
            failure.* = .{ .what = "there is no memory" };
            return null;
        };
        const first_byte = segment.arenaFirst(index) * 8;
        if (!file.reserve(first_byte, count * 8, failure)) return null;
        return file.map(first_byte, count * 8, failure);
    }

    fn wordsFrom(segment: *const Segment, word: u64) ?[]const u64 {
        const first = segment.chunks[0].load(.acquire) orelse return null;
        const sizes = segment.chunk_words;
        if (word < sizes.first) return first[@intCast(word)..sizes.first];
        const beyond = word - sizes.first;
        const index = 1 + beyond / sizes.worker;
        if (index >= layout.arenas_max) return null;
        const chunk = segment.chunks[@intCast(index)].load(.acquire) orelse return null;
        return chunk[@intCast(beyond % sizes.worker)..sizes.worker];
    }

    fn hasUncaughtException(segment: *Segment) bool {
        return words.own(segment.headerWord(Header.has_uncaught_exception)) != 0;
    }

    fn header(segment: *Segment) []u64 {
        return segment.chunks[0].load(.monotonic).?[0..Header.words];
    }

    fn headerWord(segment: *Segment, word: usize) *u64 {
        return &segment.header()[word];
    }

    fn entryWord(segment: *Segment, index: usize, word: usize) *u64 {
        const first = layout.directory_first + index * DirectoryEntry.words;
        return &segment.chunks[0].load(.monotonic).?[first + word];
    }
};

/// A path in a reason, which has room for more than it.
fn shown(folder: []const u8) []const u8 {
    return segment_names.cut(folder, 256);
}

/// Room for as much of the main arena as there is.
fn reserveShrinking(file: SegmentFile, capacities: *Capacities, failure: *Failure) ?Memory {
    for (0..halvings_max + 1) |_| {
        const bytes = chunkWords(capacities.*) * 8;
        if (file.reserve(0, bytes, failure)) return file.map(0, bytes, failure);
        switch (failure.code) {
            .NOSPC, .DQUOT, .FBIG => {},
            else => return null,
        }
        inline for (std.meta.fields(Capacities)) |field| {
            const capacity = &@field(capacities, field.name);
            capacity.* = @max(1, capacity.* / 2);
        }
    }
    return null;
}

/// Header, directory and main arena.
fn chunkWords(capacities: Capacities) usize {
    return layout.arenas_first + layout.paddedWords(recorders.arenaWords(capacities));
}

const page: std.mem.Alignment = .fromByteUnits(4096);

/// Pages that are zero, and take memory when they are first written.
fn takePrivate(count: usize) error{OutOfMemory}!Memory {
    const bytes = std.heap.page_allocator.rawAlloc(count * 8, page, @returnAddress()) orelse
        return error.OutOfMemory;
    const pointer: [*]align(4096) u64 = @ptrCast(@alignCast(bytes));
    return pointer[0..count];
}

fn unmap(memory: Memory, is_file: bool) void {
    if (is_file and builtin.os.tag == .linux) {
        _ = std.os.linux.munmap(@ptrCast(memory.ptr), memory.len * 8);
    } else {
        std.heap.page_allocator.rawFree(std.mem.sliceAsBytes(memory), page, @returnAddress());
    }
}

fn currentPid() u64 {
    return switch (builtin.os.tag) {
        .windows => std.os.windows.GetCurrentProcessId(),
        else => @intCast(std.c.getpid()),
    };
}

const test_capacities: Capacities = .{
    .in_flight_queries_max = 4,
    .in_flight_requests_max = 4,
    .recent_queries_max = 8,
    .recent_requests_max = 4,
    .statements_max = 4,
    .routes_max = 2,
};

const test_options: Options = .{
    .folder = "",
    .app_name = "shop",
    .script_name = "server.js",
    .runtime_version = "v20.0.0",
    .main_capacities = test_capacities,
    .worker_capacities = test_capacities,
    .generation = 1,
    .boot_id = 2,
    .process_start_ticks = 3,
    .place = 4,
};

fn testThread(thread_id: u32) ThreadOptions {
    return .{ .is_main = thread_id == 0, .thread_id = thread_id, .loop = null, .seed = 1 };
}

fn testWord(segment: *const Segment, word: usize) u64 {
    var value: [1]u64 = undefined;
    assert(segment.read(word, &value));
    return value[0];
}

test "Segment: a thread goes on with the arena that another one left" {
    // What a segment holds is held for ever.
    var segment: Segment = .{ .gpa = std.heap.page_allocator };
    const main = try segment.join(test_options, testThread(0));
    try std.testing.expectEqual(0, main.arena_index);
    try std.testing.expectEqual(null, segment.path());
    const first = try segment.join(test_options, testThread(7));
    const second = try segment.join(test_options, testThread(8));
    try std.testing.expectEqual(2, second.arena_index);
    const first_recorder = first.recorder().?;
    const begun = first_recorder.beginQuery("SELECT 1", .unknown, 0, 0);
    _ = first_recorder.endQuery(begun.handle, .ok, 1);
    _ = first_recorder.beginQuery("SELECT 1", .unknown, 0, 0);
    Segment.leave(first);

    const third = try segment.join(test_options, testThread(9));
    try std.testing.expectEqual(1, third.arena_index);
    const entry = layout.directory_first + DirectoryEntry.words;
    try std.testing.expectEqual(2, testWord(&segment, entry + DirectoryEntry.adoption_count));
    try std.testing.expectEqual(9, testWord(&segment, entry + DirectoryEntry.thread_id));
    const recorder = third.recorder().?;
    for (0..test_capacities.in_flight_queries_max) |_| {
        const next = recorder.beginQuery("SELECT 1", .unknown, 0, 0);
        try std.testing.expect(next.handle != 0 and next.statement_id == 1);
    }
    var outside: [1]u64 = undefined;
    try std.testing.expect(!segment.read(segment.arenaFirst(3), &outside));
    try std.testing.expect(!segment.read(std.math.maxInt(u64), &outside));
    try std.testing.expectEqual(3, testWord(&segment, Header.arena_count));
}

test "Segment: one that has no arena left is counted" {
    var segment: Segment = .{ .gpa = std.heap.page_allocator };
    for (0..layout.arenas_max) |index| {
        const thread = try segment.join(test_options, testThread(@intCast(index)));
        try std.testing.expectEqual(index, thread.arena_index);
    }
    const left_out = try segment.join(test_options, testThread(500));
    try std.testing.expectEqual(null, left_out.arena_index);
    try std.testing.expectEqual(null, left_out.recorder());
    try std.testing.expect(left_out.reason.length > 0);
    Segment.leave(left_out);
    try std.testing.expectEqual(1, testWord(&segment, Header.dropped_threads));
}

test "Segment: the end of the process leaves nothing in flight, but for an exception" {
    for ([_]bool{ false, true }) |is_uncaught| {
        var segment: Segment = .{ .gpa = std.heap.page_allocator };
        // Before there is anything to mark.
        segment.markExited(0);
        segment.setUncaughtException(true);
        const main = try segment.join(test_options, testThread(0));
        const handle = main.recorder().?.beginQuery("SELECT 1", .unknown, 0, 0).handle;
        segment.setUncaughtException(true);
        if (!is_uncaught) segment.setUncaughtException(false);
        segment.markExited(3);
        try std.testing.expect(!segment.beat());
        try std.testing.expectEqual(3, testWord(&segment, Header.exit_code));
        try std.testing.expectEqual(
            @intFromEnum(layout.State.exited),
            testWord(&segment, Header.state),
        );
        const duration = main.recorder().?.endQuery(handle, .ok, null);
        try std.testing.expectEqual(is_uncaught, duration != null);
    }
}

test "Segment: threads come and go while others read and the heart beats" {
    const rounds = 40;
    const Comer = struct {
        fn run(segment: *Segment, thread_id: u32) !void {
            for (0..rounds) |_| {
                const thread = try segment.join(test_options, testThread(thread_id));
                defer Segment.leave(thread);
                const recorder = thread.recorder().?;
                const begun = recorder.beginQuery("SELECT 1", .unknown, 0, 0);
                _ = recorder.endQuery(begun.handle, .ok, 1);
                _ = recorder.beginQuery("SELECT 2", .unknown, 0, 0);
                Segment.recordOverhead(thread, 1, 5);
                Segment.setUnseen(thread, thread_id);
            }
        }
    };
    var segment: Segment = .{ .gpa = std.heap.page_allocator };
    _ = try segment.join(test_options, testThread(0));
    var threads: [4]std.Thread = undefined;
    for (&threads, 1..) |*thread, index| {
        thread.* = try std.Thread.spawn(.{}, Comer.run, .{ &segment, @as(u32, @intCast(index)) });
    }
    for (0..rounds) |_| {
        try std.testing.expect(segment.beat());
        segment.setAppName("shop");
        for (0..testWord(&segment, Header.arena_count)) |index| {
            const arena = try std.testing.allocator.alloc(u64, 512);
            defer std.testing.allocator.free(arena);
            try std.testing.expect(segment.read(segment.arenaFirst(index), arena));
        }
    }
    for (threads) |thread| thread.join();
    var sample_count: u64 = 0;
    var adoption_count: u64 = 0;
    const arena_count = testWord(&segment, Header.arena_count);
    try std.testing.expect(arena_count <= 5);
    for (1..arena_count) |index| {
        const entry = layout.directory_first + index * DirectoryEntry.words;
        sample_count += testWord(&segment, entry + DirectoryEntry.overhead_sample_count);
        adoption_count += testWord(&segment, entry + DirectoryEntry.adoption_count);
        try std.testing.expectEqual(0, testWord(&segment, entry + DirectoryEntry.is_in_use));
    }
    try std.testing.expectEqual(4 * rounds, sample_count);
    try std.testing.expectEqual(4 * rounds, adoption_count);
}
