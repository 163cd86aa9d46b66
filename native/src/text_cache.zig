//! Remembers which statement a raw text is, so that only unseen texts are normalised.
//!
//! Object mappers build a new string for every query, so the key is the text's bytes: a 64-bit
//! hash with a random seed, and the length; and how the connection reads backslashes. Two texts that are taken for one need a collision of
//! 64 bits that nobody can search for without the seed. Goals: one cache line for a look-up, no
//! growth. Non-goals: keeping everything; a text that was displaced is just normalised again.

const std = @import("std");
const assert = std.debug.assert;

const ways = 4;

const Entry = extern struct { hash: u64, text_bytes: u32, statement_id: u32 };
const Set = [ways]Entry;

comptime {
    assert(@sizeOf(Set) == 64);
}

pub const TextCache = struct {
    sets: []align(64) Set,
    seed: u64,

    pub const Key = struct { hash: u64, text_bytes: u32 };

    pub fn init(sets: []align(64) Set, seed: u64) TextCache {
        assert(std.math.isPowerOfTwo(sets.len));
        @memset(sets, @splat(.{ .hash = 0, .text_bytes = 0, .statement_id = 0 }));
        return .{ .sets = sets, .seed = seed };
    }

    pub fn allocate(gpa: std.mem.Allocator, statements_max: u32) ![]align(64) Set {
        // Several raw texts for each statement: lists of different lengths, comments.
        return gpa.alignedAlloc(Set, .@"64", @max(1, statements_max * 2 / ways));
    }

    /// `reading` tells texts apart that are the same and mean different things.
    pub fn keyOf(cache: *const TextCache, text: []const u8, reading: u8) Key {
        const hash = std.hash.Wyhash.hash(cache.seed, text) ^ reading *% @as(u64, 0x9e3779b97f4a7c15);
        // 0 marks a free entry.
        return .{ .hash = @max(1, hash), .text_bytes = @truncate(text.len) };
    }

    pub fn get(cache: *const TextCache, key: Key) ?u32 {
        for (cache.setOf(key)) |entry| {
            if (entry.hash == key.hash and entry.text_bytes == key.text_bytes) {
                return entry.statement_id;
            }
        }
        return null;
    }

    /// Displaces what came into its set first.
    pub fn put(cache: *const TextCache, key: Key, statement_id: u32) void {
        const set = cache.setOf(key);
        var last: usize = ways - 1;
        while (last > 0) : (last -= 1) set[last] = set[last - 1];
        set[0] = .{
            .hash = key.hash,
            .text_bytes = key.text_bytes,
            .statement_id = statement_id,
        };
    }

    fn setOf(cache: *const TextCache, key: Key) *Set {
        return &cache.sets[@intCast(key.hash & (cache.sets.len - 1))];
    }
};

test "TextCache: what it answers was put there, and the newest is kept" {
    const gpa = std.testing.allocator;
    const sets = try TextCache.allocate(gpa, 64);
    defer gpa.free(sets);
    const cache: TextCache = .init(sets, 0x510e527f);
    var text: [8]u8 = undefined;
    var hit_count: usize = 0;
    for (0..20_000) |round| {
        const number: u32 = @intCast((round * 31) % 200);
        const key = cache.keyOf(std.fmt.bufPrint(&text, "{d}", .{number}) catch unreachable, 0);
        if (cache.get(key)) |id| {
            hit_count += 1;
            try std.testing.expectEqual(number, id);
        } else {
            cache.put(key, number);
            try std.testing.expectEqual(number, cache.get(key).?);
        }
    }
    try std.testing.expect(hit_count > 0);
}
