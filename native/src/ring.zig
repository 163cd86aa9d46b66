//! A bounded ring that overwrites its oldest record: one writer, any number of readers.
//!
//! Goals: a writer that never waits and never fails; readers that never accept a half-written
//! record, and that can tell how many they missed. Non-goals: several writers; readers that hold
//! the writer back.
//!
//! Record number `n` lies in slot `n % capacity`, with the sequence `2n + 2` once it is complete
//! (`record.zig` has the protocol). The count is stored after that, with release: who sees a word
//! of record `n` sees a count of `n` at least.

const std = @import("std");
const layout = @import("layout.zig");
const record = @import("record.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

const Record = layout.Record;
pub const Slot = [Record.words]u64;
pub const Payload = [Record.payload_words]u64;

pub const ReadError = error{
    /// The record was being overwritten, has been already, or is damaged.
    Torn,
};

pub const Ring = RingType(.release);

fn RingType(comptime payload_stores: record.PayloadStores) type {
    return struct {
        records: []Slot,
        /// Records written since the start. Written by the writer (release), read by readers
        /// (acquire).
        count: *u64,
        capacity: u64,

        const Self = @This();

        pub fn init(records: []Slot, count: *u64) Self {
            assert(std.math.isPowerOfTwo(records.len));
            return .{ .records = records, .count = count, .capacity = records.len };
        }

        /// By the one writer.
        pub fn push(ring: *const Self, payload: *const Payload) void {
            const number = words.own(ring.count);
            record.write(payload_stores, ring.slot(number), 2 *% number +% 1, payload);
            words.publish(ring.count, number +% 1);
        }

        /// By any reader. `number` is below what `count` was when the reader looked.
        pub fn read(ring: *const Self, number: u64, payload: *Payload) ReadError!void {
            const complete = 2 *% number +% 2;
            if (!record.read(ring.slot(number), complete, payload)) return error.Torn;
        }

        /// The number of the oldest record that may still be there.
        pub fn oldest(ring: *const Self, count: u64) u64 {
            return count -| ring.capacity;
        }

        fn slot(ring: *const Self, number: u64) *Slot {
            return &ring.records[@intCast(number & (ring.capacity - 1))];
        }
    };
}

fn testPayload(number: u64) Payload {
    var payload: Payload = undefined;
    for (&payload, 1..) |*word, factor| word.* = (number + 1) *% (0x9e3779b97f4a7c15 *% factor);
    return payload;
}

test "Ring: keeps the newest records, in order" {
    const capacity = 8;
    var records: [capacity]Slot = @splat(@splat(0));
    var count: u64 = 0;
    const ring: Ring = .init(&records, &count);
    for (0..3 * capacity + 3) |number| {
        ring.push(&testPayload(number));
        const oldest = ring.oldest(count);
        try std.testing.expectEqual((number + 1) -| capacity, oldest);
        for (oldest..number + 1) |present| {
            var payload: Payload = undefined;
            try ring.read(present, &payload);
            try std.testing.expectEqual(testPayload(present), payload);
        }
        var payload: Payload = undefined;
        if (oldest > 0) try std.testing.expectError(error.Torn, ring.read(oldest - 1, &payload));
        try std.testing.expectError(error.Torn, ring.read(number + 1, &payload));
    }
}

test "Ring: a record that is being written is not read" {
    var records: [2]Slot = @splat(@splat(0));
    var count: u64 = 0;
    const ring: Ring = .init(&records, &count);
    ring.push(&testPayload(0));
    var payload: Payload = undefined;
    try ring.read(0, &payload);
    records[0][0] = 2 * 2 + 1;
    try std.testing.expectError(error.Torn, ring.read(0, &payload));
}

const Stress = struct {
    const TestedRing = RingType(if (weaken_ring) .plain else .release);
    const weaken_ring = @import("test_options").weaken_ring;
    const reader_count = 3;
    const record_count_min = 100_000;
    /// The writer goes on until readers and it have met this often, or never will.
    const accepted_wanted = 20_000;
    const record_count_max = 50_000_000;

    ring: TestedRing,
    accepted_count: std.atomic.Value(u64) = .init(0),
    wrong_count: std.atomic.Value(u64) = .init(0),
    is_done: std.atomic.Value(bool) = .init(false),

    fn readAll(stress: *Stress) void {
        while (!stress.is_done.load(.monotonic)) {
            const count = words.load(stress.ring.count);
            for (stress.ring.oldest(count)..count) |number| {
                var payload: Payload = undefined;
                stress.ring.read(number, &payload) catch continue;
                _ = stress.accepted_count.fetchAdd(1, .monotonic);
                if (!std.mem.eql(u64, &payload, &testPayload(number))) {
                    _ = stress.wrong_count.fetchAdd(1, .monotonic);
                }
            }
        }
    }
};

test "Ring: readers of a busy writer accept no torn record" {
    // As small as can be: the writer is always on the heels of the readers.
    var records: [4]Slot = @splat(@splat(0));
    var count: u64 = 0;
    var stress: Stress = .{ .ring = .init(&records, &count) };
    var readers: [Stress.reader_count]std.Thread = undefined;
    for (&readers) |*reader| reader.* = try std.Thread.spawn(.{}, Stress.readAll, .{&stress});
    var number: u64 = 0;
    while (number < Stress.record_count_max) : (number += 1) {
        const accepted_count = stress.accepted_count.load(.monotonic);
        const have_met = accepted_count >= Stress.accepted_wanted;
        if (have_met and number >= Stress.record_count_min) break;
        stress.ring.push(&testPayload(number));
        if (number % 64 == 0) try std.Thread.yield();
    }
    stress.is_done.store(true, .monotonic);
    for (readers) |reader| reader.join();
    try std.testing.expectEqual(0, stress.wrong_count.load(.monotonic));
    try std.testing.expect(stress.accepted_count.load(.monotonic) >= Stress.accepted_wanted);
}
