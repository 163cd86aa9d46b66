//! A bounded ring that overwrites its oldest record: one writer, any number of readers.
//!
//! Goals: a writer that never waits and never fails; readers that never accept a half-written
//! record, and that can tell how many they missed. Non-goals: several writers; readers that hold
//! the writer back.
//!
//! Protocol (a sequence lock for each record). Record number `n` lies in slot `n % capacity`:
//!
//!   writer: sequence = 2n+1 · payload words, each a release store · sequence = 2n+2, release
//!           · count = n+1, release
//!   reader: sequence == 2n+2 (acquire) · payload words (acquire) · sequence still 2n+2
//!
//! The payload's stores are release stores so that none of them can be seen before the odd mark:
//! a reader that loads one new payload word (acquire) must then also find the changed sequence.
//! With plain payload stores the record is correct on x86 only. Sequences are 64 bits wide and
//! never come round.

const std = @import("std");
const layout = @import("layout.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

pub const payload_words = layout.record_words - 1;
pub const Payload = [payload_words]u64;

pub const ReadError = error{
    /// The record was being overwritten, or has been already.
    Torn,
};

/// How the payload is stored. `plain` is wrong, and there for the test that shows that the
/// checker notices.
const PayloadStores = enum { release, plain };

pub const Ring = RingType(.release);

fn RingType(comptime payload_stores: PayloadStores) type {
    return struct {
        records: []u64,
        /// Records written since the start. Written by the writer (release), read by readers
        /// (acquire).
        count: *u64,
        capacity: u64,

        const Self = @This();

        pub fn init(records: []u64, count: *u64) Self {
            const capacity = @divExact(records.len, layout.record_words);
            assert(std.math.isPowerOfTwo(capacity));
            return .{ .records = records, .count = count, .capacity = capacity };
        }

        /// By the one writer.
        pub fn push(ring: *const Self, payload: *const Payload) void {
            const number = words.own(ring.count);
            const record = ring.slot(number);
            words.store(&record[0], 2 * number + 1);
            for (record[1..], payload) |*word, value| switch (payload_stores) {
                .release => words.publish(word, value),
                .plain => word.* = value,
            };
            words.publish(&record[0], 2 * number + 2);
            words.publish(ring.count, number + 1);
        }

        /// By any reader. `number` is below what `count` was when the reader looked.
        pub fn read(ring: *const Self, number: u64, payload: *Payload) ReadError!void {
            const record = ring.slot(number);
            const complete = 2 * number + 2;
            if (words.load(&record[0]) != complete) return error.Torn;
            for (payload, record[1..]) |*value, *word| value.* = words.load(word);
            if (words.load(&record[0]) != complete) return error.Torn;
        }

        /// The number of the oldest record that may still be there.
        pub fn oldest(ring: *const Self, count: u64) u64 {
            return count -| ring.capacity;
        }

        fn slot(ring: *const Self, number: u64) *[layout.record_words]u64 {
            const index: usize = @intCast(number & (ring.capacity - 1));
            return ring.records[index * layout.record_words ..][0..layout.record_words];
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
    var records: [capacity * layout.record_words]u64 = @splat(0);
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
    var records: [2 * layout.record_words]u64 = @splat(0);
    var count: u64 = 0;
    const ring: Ring = .init(&records, &count);
    ring.push(&testPayload(0));
    var payload: Payload = undefined;
    try ring.read(0, &payload);
    records[0] = 2 * 2 + 1;
    try std.testing.expectError(error.Torn, ring.read(0, &payload));
}

const Stress = struct {
    const TestedRing = RingType(if (weaken_ring) .plain else .release);
    const weaken_ring = @import("test_options").weaken_ring;
    const reader_count = 3;
    const record_count = 50_000;

    ring: TestedRing,
    accepted_count: std.atomic.Value(u64) = .init(0),
    wrong_count: std.atomic.Value(u64) = .init(0),

    fn readAll(stress: *Stress) void {
        while (true) {
            const count = words.load(stress.ring.count);
            for (stress.ring.oldest(count)..count) |number| {
                var payload: Payload = undefined;
                stress.ring.read(number, &payload) catch continue;
                _ = stress.accepted_count.fetchAdd(1, .monotonic);
                if (!std.mem.eql(u64, &payload, &testPayload(number))) {
                    _ = stress.wrong_count.fetchAdd(1, .monotonic);
                }
            }
            if (count == record_count) return;
        }
    }
};

test "Ring: readers of a busy writer accept no torn record" {
    // As small as can be: the writer is always on the heels of the readers.
    var records: [4 * layout.record_words]u64 = @splat(0);
    var count: u64 = 0;
    var stress: Stress = .{ .ring = .init(&records, &count) };
    var readers: [Stress.reader_count]std.Thread = undefined;
    for (&readers) |*reader| reader.* = try std.Thread.spawn(.{}, Stress.readAll, .{&stress});
    for (0..Stress.record_count) |number| {
        stress.ring.push(&testPayload(number));
        if (number % 64 == 0) try std.Thread.yield();
    }
    for (readers) |reader| reader.join();
    try std.testing.expectEqual(0, stress.wrong_count.load(.monotonic));
    try std.testing.expect(stress.accepted_count.load(.monotonic) > 0);
}
