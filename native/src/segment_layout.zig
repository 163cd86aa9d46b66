//! Where everything lies in a segment: the memory of one process, which others may read.
//!
//!   header (one page) · arena directory · main arena · worker arenas
//!
//! All in 64-bit words; every part begins at a page. Arena 0 is the main thread's; the worker
//! arenas are of one size, so where an arena begins follows from its index. What an arena holds is
//! `layout.zig`'s subject. `src/engine/segment-layout.ts` is the same description for readers;
//! `version` changes with either, and a test compares the two.

const std = @import("std");
const assert = std.debug.assert;

/// "HYPERDJS" in little-endian bytes.
pub const magic: u64 = 0x534a_4452_4550_5948;
pub const version: u64 = 2;

pub const page_words = 512;
pub const arenas_max = 128;

/// Words of the header. Written once before the segment is renamed into place, where nothing else
/// is said.
pub const Header = struct {
    pub const magic_word = 0;
    pub const version_word = 1;
    pub const main_arena_words = 2;
    pub const worker_arena_words = 3;
    /// Arenas that exist, the main one included. Only grows.
    pub const arena_count = 4;
    pub const pid = 5;
    /// Field 22 of /proc/self/stat: clock ticks between the host's start and this process's; 0
    /// where it is unknown.
    pub const process_start_ticks = 6;
    /// Random: two segments are never taken for one another.
    pub const generation = 7;
    /// The first half of the host's boot id; 0 where it is unknown.
    pub const boot_id = 8;
    /// Monotonic, like every time here that is not called wall.
    pub const started_ns = 9;
    /// What to add to a monotonic time for nanoseconds since 1970; written at each beat.
    pub const wall_minus_monotonic_ns = 10;
    /// When the heartbeat last ran, and how often it should.
    pub const heartbeat_ns = 11;
    pub const heartbeat_interval_ns = 12;
    /// See `State`.
    pub const state = 13;
    /// Of a process that has exited, as its parent sees it.
    pub const exit_code = 14;
    /// 1 once an exception reached nobody: what was in flight then is evidence.
    pub const has_uncaught_exception = 15;
    /// 0 native, 1 portable.
    pub const engine = 16;
    /// Threads that found no arena.
    pub const dropped_threads = 17;
    /// What the main arena would have had with enough room.
    pub const wanted_main_arena_words = 18;
    /// Odd while the names below change.
    pub const names_sequence = 19;
    /// UTF-8, padded with zeros.
    pub const app_name = 24;
    pub const app_name_bytes_max = 64;
    /// File name of the script, without its folder.
    pub const script_name = 32;
    pub const script_name_bytes_max = 64;
    /// `process.version`.
    pub const runtime_version = 40;
    pub const runtime_version_bytes_max = 32;
    /// A hash of the folder and the name that the application has by itself: two folders are told
    /// apart by it. 0 where it was given a name.
    pub const place = 44;

    pub const words = page_words;
};

pub const State = enum(u64) { initialising = 0, running = 1, exited = 2 };

/// Words of an entry of the directory. Totals of an arena go on when another thread adopts it.
pub const DirectoryEntry = struct {
    /// 1 while a thread records into the arena.
    pub const is_in_use = 0;
    /// `worker_threads.threadId`; 0 is the main thread.
    pub const thread_id = 1;
    /// How many threads have had the arena.
    pub const adoption_count = 2;
    /// When the heartbeat last looked at the thread's event loop; 0 where it cannot.
    pub const loop_checked_ns = 3;
    /// How long the loop has been idle since it began.
    pub const loop_idle_ns = 4;
    /// Since when the loop has been busy without a break; 0 where it was idle at the last look.
    pub const loop_busy_since_ns = 5;
    /// The overhead meter's samples: queries, and what recording them took.
    pub const overhead_sample_count = 6;
    pub const overhead_ns = 7;
    /// What the thread uses and no hook reaches: a bit for each library, see `UNSEEN` in
    /// `src/engine/segment-layout.ts`.
    pub const unseen = 8;

    pub const words = 16;
};

pub const directory_first = Header.words;
pub const arenas_first = directory_first + arenas_max * DirectoryEntry.words;

/// Arenas are as long as their content, rounded up to pages.
pub fn paddedWords(arena_words: usize) usize {
    return std.mem.alignForward(usize, arena_words, page_words);
}

pub fn arenaFirst(index: usize, main_arena_words: usize, worker_arena_words: usize) usize {
    assert(index < arenas_max);
    if (index == 0) return arenas_first;
    return arenas_first + main_arena_words + (index - 1) * worker_arena_words;
}

comptime {
    assert(Header.app_name + Header.app_name_bytes_max / 8 == Header.script_name);
    assert(Header.script_name + Header.script_name_bytes_max / 8 == Header.runtime_version);
    assert(Header.runtime_version + Header.runtime_version_bytes_max / 8 <= Header.words);
    assert(DirectoryEntry.unseen < DirectoryEntry.words);
    assert(arenas_first % page_words == 0);
}

test arenaFirst {
    try std.testing.expectEqual(2560, arenaFirst(0, 1024, 512));
    try std.testing.expectEqual(2560 + 1024, arenaFirst(1, 1024, 512));
    try std.testing.expectEqual(2560 + 1024 + 512, arenaFirst(2, 1024, 512));
    try std.testing.expectEqual(1024, paddedWords(513));
}
