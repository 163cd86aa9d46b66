//! What has begun and not yet ended: a table of slots, one writer, any readers.
//!
//! A slot is a record (`record.zig`). It is freed by one store, handle = 0. Whoever reads a slot of a stuck or dead process sees it as
//! it was begun, or not at all. A route that becomes known later is written in the same way.
//!
//! A handle names slot, generation, kind and recorder, in the 53 bits that a JavaScript number
//! holds exactly. The generation is the slot's sequence, so that a handle stays wrong after its
//! slot was used again (until 2^28 uses later).

const std = @import("std");
const layout = @import("layout.zig");
const record = @import("record.zig");
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

const Record = layout.Record;
const sequence_word = Record.sequence;
const handle_word = Record.payload;
const payload_start = Record.payload + 1;

pub const payload_words = Record.payload_words - 1;
pub const Payload = [payload_words]u64;
const Slot = [Record.words]u64;

pub const InFlight = struct {
    slots: []Slot,
    /// Free slots, the last one is used next. The writer's own.
    free: []u16,
    free_count: usize,
    kind: Kind,
    tag: u8,

    pub const Options = struct { kind: Kind, tag: u8 };

    /// `free` has one element for each slot.
    pub fn init(slots: []Slot, free: []u16, options: Options) InFlight {
        assert(slots.len == free.len);
        assert(options.tag != 0);
        var table: InFlight = .{
            .slots = slots,
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
            const handle = &table.slots[index][handle_word];
            if (words.own(handle) != no_handle) words.publish(handle, no_handle);
            slot.* = @intCast(table.free.len - 1 - index);
        }
        table.free_count = table.free.len;
    }

    /// `no_handle` where every slot is taken.
    pub fn begin(table: *InFlight, payload: *const Payload) u64 {
        if (table.free_count == 0) return no_handle;
        table.free_count -= 1;
        const index = table.free[table.free_count];
        const slot = &table.slots[index];
        const handle: u64 = @bitCast(Handle{
            .slot = index,
            .generation = @truncate(words.own(&slot[sequence_word]) >> 1),
            .kind = table.kind,
            .tag = table.tag,
        });
        record.rewrite(slot, &(.{handle} ++ payload.*));
        return handle;
    }

    /// The payload of a handle in flight, by the writer; null for any other number.
    pub fn get(table: *const InFlight, handle: u64) ?*const Payload {
        const slot = table.find(handle) orelse return null;
        return slot[payload_start..Record.checksum];
    }

    /// False for a handle that is not in flight.
    pub fn update(table: *const InFlight, handle: u64, payload: *const Payload) bool {
        const slot = table.find(handle) orelse return false;
        record.rewrite(slot, &(.{handle} ++ payload.*));
        return true;
    }

    /// False for a handle that is not in flight.
    pub fn end(table: *InFlight, handle: u64) bool {
        const slot = table.find(handle) orelse return false;
        words.publish(&slot[handle_word], no_handle);
        table.free[table.free_count] = @as(Handle, @bitCast(handle)).slot;
        table.free_count += 1;
        return true;
    }

    fn find(table: *const InFlight, handle: u64) ?*Slot {
        const parts: Handle = @bitCast(handle);
        if (handle == no_handle or parts.slot >= table.slots.len) return null;
        const slot = &table.slots[parts.slot];
        return if (words.own(&slot[handle_word]) == handle) slot else null;
    }
};

test "InFlight: full, ended twice, foreign and stale handles" {
    var slots: [4]Slot = @splat(@splat(0));
    var free: [4]u16 = undefined;
    var table: InFlight = .init(&slots, &free, .{ .kind = .request, .tag = 7 });
    var handles: [4]u64 = undefined;
    for (&handles, 0..) |*handle, i| handle.* = table.begin(&.{ i, 0, 0, 0, 0 });
    try std.testing.expectEqual(no_handle, table.begin(&.{ 9, 0, 0, 0, 0 }));
    for (handles, 0..) |handle, i| {
        try std.testing.expect(handle != no_handle and handle < 1 << 53);
        try std.testing.expectEqual(i, table.get(handle).?[0]);
    }
    try std.testing.expect(table.end(handles[2]));
    try std.testing.expect(!table.end(handles[2]));
    const again = table.begin(&.{ 5, 0, 0, 0, 0 });
    try std.testing.expect(again != handles[2]);
    try std.testing.expect(table.update(again, &.{ 6, 0, 0, 0, 0 }));
    try std.testing.expect(!table.update(handles[2], &.{ 7, 0, 0, 0, 0 }));
    try std.testing.expectEqual(6, table.get(again).?[0]);
    try std.testing.expect(!table.end(handles[2]));
    try std.testing.expect(!table.end(handles[1] ^ (1 << 45)));
    try std.testing.expect(!table.end(handles[1] ^ (1 << 44)));
    try std.testing.expect(!table.end(no_handle));
    try std.testing.expect(!table.end(std.math.maxInt(u64)));
    try std.testing.expect(table.end(again));
}
