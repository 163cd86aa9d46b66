//! What has begun and not yet ended: a table of slots, one writer, any readers.
//!
//! A slot is a record (`record.zig`). It is freed by one store, handle = 0. Whoever reads a slot of
//! a stuck or dead process sees it as it was begun, or not at all.
//!
//! The route, which may become known later and may change, stands beside the record: a record that
//! is written anew is nobody's while that takes, and a process may die over it. The route's word is
//! published by one store, and says itself which record it belongs to.
//!
//! A handle names slot, generation, kind and recorder, in the 53 bits that a JavaScript number
//! holds exactly. The generation is the slot's sequence, so that a handle stays wrong after its
//! slot was used again (until 2^28 uses later).

const std = @import("std");
const checksum = @import("checksum.zig");
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

const sequence_word = layout.InFlight.sequence;
const handle_word = layout.InFlight.handle;
const payload_start = layout.InFlight.payload;
const record_words = layout.InFlight.checksum + 1;
const route_word = layout.InFlight.route;

/// A route that is not known, or no longer.
pub const no_route: u32 = 0;

pub const Payload = [layout.InFlight.payload_words]u64;
pub const Slot = [layout.InFlight.words]u64;

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

    /// `no_handle` where every slot is taken; `no_route` where the route is not known yet.
    pub fn begin(table: *InFlight, payload: *const Payload, route_id: u32) u64 {
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
        if (route_id != no_route) {
            record.open(slot);
            publishRoute(slot, route_id);
        }
        record.rewrite(slot[0..record_words], &(.{handle} ++ payload.*));
        return handle;
    }

    /// The payload of a handle in flight, by the writer; null for any other number.
    pub fn get(table: *const InFlight, handle: u64) ?*const Payload {
        const slot = table.find(handle) orelse return null;
        return slot[payload_start..][0..layout.InFlight.payload_words];
    }

    /// Gives what is in flight a route, or another one. Does nothing for any other handle.
    pub fn name(table: *const InFlight, handle: u64, route_id: u32) void {
        const slot = table.find(handle) orelse return;
        publishRoute(slot, route_id);
    }

    /// False for a handle that is not in flight.
    pub fn end(table: *InFlight, handle: u64) bool {
        const slot = table.find(handle) orelse return false;
        words.publish(&slot[handle_word], no_handle);
        table.free[table.free_count] = @as(Handle, @bitCast(handle)).slot;
        table.free_count += 1;
        return true;
    }

    /// Of the record that the slot has, or is about to have.
    fn publishRoute(slot: *Slot, route_id: u32) void {
        const complete = (words.own(&slot[sequence_word]) +% 1) & ~@as(u64, 1);
        words.publish(&slot[route_word], routeWord(complete, route_id));
    }

    fn find(table: *const InFlight, handle: u64) ?*Slot {
        const parts: Handle = @bitCast(handle);
        if (handle == no_handle or parts.slot >= table.slots.len) return null;
        const slot = &table.slots[parts.slot];
        return if (words.own(&slot[handle_word]) == handle) slot else null;
    }
};

fn routeWord(sequence: u64, route_id: u32) u64 {
    return checksum.of(2, &.{ sequence, route_id }) << 32 | route_id;
}

test "InFlight: full, ended twice, foreign and stale handles" {
    var slots: [4]Slot = @splat(@splat(0));
    var free: [4]u16 = undefined;
    var table: InFlight = .init(&slots, &free, .{ .kind = .request, .tag = 7 });
    var handles: [4]u64 = undefined;
    for (&handles, 0..) |*handle, i| handle.* = table.begin(&.{ i, 0, 0, 0 }, no_route);
    try std.testing.expectEqual(no_handle, table.begin(&.{ 9, 0, 0, 0 }, no_route));
    for (handles, 0..) |handle, i| {
        try std.testing.expect(handle != no_handle and handle < 1 << 53);
        try std.testing.expectEqual(i, table.get(handle).?[0]);
    }
    try std.testing.expect(table.end(handles[2]));
    try std.testing.expect(!table.end(handles[2]));
    const again = table.begin(&.{ 5, 0, 0, 0 }, no_route);
    try std.testing.expect(again != handles[2]);
    try std.testing.expectEqual(5, table.get(again).?[0]);
    try std.testing.expect(!table.end(handles[2]));
    try std.testing.expect(!table.end(handles[1] ^ (1 << 45)));
    try std.testing.expect(!table.end(handles[1] ^ (1 << 44)));
    try std.testing.expect(!table.end(no_handle));
    try std.testing.expect(!table.end(std.math.maxInt(u64)));
    try std.testing.expect(table.end(again));
}

test "InFlight: a route is its record's, and no later one's" {
    var slots: [1]Slot = .{@splat(0)};
    var free: [1]u16 = undefined;
    var table: InFlight = .init(&slots, &free, .{ .kind = .request, .tag = 1 });
    const early = table.begin(&.{ 1, 0, 0, 0 }, 3);
    try std.testing.expectEqual(3, testRoute(&slots[0]));
    table.name(early, 4);
    try std.testing.expectEqual(4, testRoute(&slots[0]));
    try std.testing.expect(table.end(early));
    const late = table.begin(&.{ 2, 0, 0, 0 }, no_route);
    try std.testing.expectEqual(no_route, testRoute(&slots[0]));
    table.name(early, 5);
    try std.testing.expectEqual(no_route, testRoute(&slots[0]));
    table.name(late, 6);
    try std.testing.expectEqual(6, testRoute(&slots[0]));
    var payload: [5]u64 = undefined;
    try std.testing.expect(record.read(slots[0][0..record_words], 4, &payload));
    try std.testing.expectEqual([5]u64{ late, 2, 0, 0, 0 }, payload);
}

fn testRoute(slot: *const Slot) u32 {
    const route_id: u32 = @truncate(slot[route_word]);
    const is_of_record = slot[route_word] == routeWord(slot[sequence_word], route_id);
    return if (is_of_record) route_id else no_route;
}
