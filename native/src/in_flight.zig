//! What has begun and not yet ended: a table of slots, one writer, any readers.
//!
//! A slot is written like a ring record (see `ring.zig`): odd sequence, words, even sequence. It
//! is freed by one store, handle = 0. Whoever reads a slot of a stuck or dead process sees it as
//! it was begun, or not at all.
//!
//! A handle names slot, generation, kind and recorder, in the 53 bits that a JavaScript number
//! holds exactly. The generation is the slot's sequence, so that a handle stays wrong after its
//! slot was used again (until 2^28 uses later).

const std = @import("std");
const words = @import("words.zig");
const assert = std.debug.assert;

pub const no_handle: u64 = 0;

pub const Kind = enum(u1) { query, request };

const Handle = packed struct(u64) {
    slot: u16,
    generation: u28,
    kind: Kind,
    /// Of the recorder; never 0, so that no handle is.
    tag: u8,
    unused: u11 = 0,
};

const sequence_word = 0;
const handle_word = 1;
const payload_start = 2;

pub const InFlight = struct {
    slots: []u64,
    slot_words: usize,
    /// Free slots, the last one is used next. The writer's own.
    free: []u16,
    free_count: usize,
    kind: Kind,
    tag: u8,

    pub const Options = struct { slot_words: usize, kind: Kind, tag: u8 };

    /// `free` has one element for each slot.
    pub fn init(slots: []u64, free: []u16, options: Options) InFlight {
        assert(slots.len == free.len * options.slot_words);
        assert(options.tag != 0);
        var table: InFlight = .{
            .slots = slots,
            .slot_words = options.slot_words,
            .free = free,
            .free_count = 0,
            .kind = options.kind,
            .tag = options.tag,
        };
        table.clear();
        return table;
    }

    /// Frees every slot; the sequences go on, so that handles given out before stay wrong.
    pub fn clear(table: *InFlight) void {
        for (table.free, 0..) |*slot, index| {
            const handle = &table.wordsOf(@intCast(index))[handle_word];
            if (words.own(handle) != no_handle) words.publish(handle, no_handle);
            slot.* = @intCast(table.free.len - 1 - index);
        }
        table.free_count = table.free.len;
    }

    /// `no_handle` where every slot is taken.
    pub fn begin(table: *InFlight, payload: []const u64) u64 {
        assert(payload.len <= table.slot_words - payload_start);
        if (table.free_count == 0) return no_handle;
        table.free_count -= 1;
        const slot = table.free[table.free_count];
        const slot_start = table.wordsOf(slot);
        const sequence = words.own(&slot_start[sequence_word]);
        const handle: u64 = @bitCast(Handle{
            .slot = slot,
            .generation = @truncate(sequence >> 1),
            .kind = table.kind,
            .tag = table.tag,
        });
        words.store(&slot_start[sequence_word], sequence + 1);
        words.publish(&slot_start[handle_word], handle);
        for (slot_start[payload_start..][0..payload.len], payload) |*word, value| {
            words.publish(word, value);
        }
        words.publish(&slot_start[sequence_word], sequence + 2);
        return handle;
    }

    /// The payload of a handle in flight, by the writer; null for any other number.
    pub fn get(table: *const InFlight, handle: u64) ?[]const u64 {
        const parts: Handle = @bitCast(handle);
        if (handle == no_handle or parts.slot >= table.free.len) return null;
        const slot_start = table.wordsOf(parts.slot);
        if (words.own(&slot_start[handle_word]) != handle) return null;
        return slot_start[payload_start..];
    }

    /// False for a handle that is not in flight.
    pub fn end(table: *InFlight, handle: u64) bool {
        if (table.get(handle) == null) return false;
        const slot = @as(Handle, @bitCast(handle)).slot;
        words.publish(&table.wordsOf(slot)[handle_word], no_handle);
        table.free[table.free_count] = slot;
        table.free_count += 1;
        return true;
    }

    fn wordsOf(table: *const InFlight, slot: u16) []u64 {
        return table.slots[slot * table.slot_words ..][0..table.slot_words];
    }
};

test "InFlight: full, ended twice, foreign and stale handles" {
    var slots: [4 * 4]u64 = @splat(0);
    var free: [4]u16 = undefined;
    var table: InFlight = .init(&slots, &free, .{ .slot_words = 4, .kind = .request, .tag = 7 });
    var handles: [4]u64 = undefined;
    for (&handles, 0..) |*handle, i| handle.* = table.begin(&.{i});
    try std.testing.expectEqual(no_handle, table.begin(&.{9}));
    for (handles, 0..) |handle, i| {
        try std.testing.expect(handle != no_handle and handle < 1 << 53);
        try std.testing.expectEqual(i, table.get(handle).?[0]);
    }
    try std.testing.expect(table.end(handles[2]));
    try std.testing.expect(!table.end(handles[2]));
    const again = table.begin(&.{5});
    try std.testing.expect(again != handles[2]);
    try std.testing.expect(!table.end(handles[2]));
    try std.testing.expect(!table.end(handles[1] ^ (1 << 45)));
    try std.testing.expect(!table.end(handles[1] ^ (1 << 44)));
    try std.testing.expect(!table.end(no_handle));
    try std.testing.expect(!table.end(std.math.maxInt(u64)));
    try std.testing.expect(table.end(again));
}
