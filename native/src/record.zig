//! A record of several words that readers never take for whole while it is being written: a
//! sequence lock, for one writer and any number of readers.
//!
//!   sequence · payload · checksum
//!
//!   writer: sequence = odd · payload and checksum, each a release store · sequence = the even
//!           number after it, release
//!   reader: sequence is even (acquire) · payload and checksum (acquire) · sequence is the same
//!
//! The payload's stores are release stores so that none of them can be seen before the odd mark:
//! a reader that loads one new payload word (acquire) must then also find the changed sequence.
//! With plain payload stores the record is correct on x86 only. Sequences are 64 bits wide and
//! never come round.
//!
//! The checksum is for what the protocol cannot see: a copy that was not made word by word in
//! order, a record that was damaged or moved, a writer without release stores (JavaScript).

const std = @import("std");
const checksum = @import("checksum.zig");
const words = @import("words.zig");

/// How the payload is stored. `plain` is wrong, and there for the test that shows that the
/// checker notices.
pub const PayloadStores = enum { release, plain };

fn PayloadOf(comptime RecordPointer: type) type {
    return [@typeInfo(std.meta.Child(RecordPointer)).array.len - 2]u64;
}

/// By the one writer. `record` points to an array of words.
pub inline fn write(
    comptime payload_stores: PayloadStores,
    record: anytype,
    odd_sequence: u64,
    payload: *const PayloadOf(@TypeOf(record)),
) void {
    const complete = odd_sequence +% 1;
    const summed = .{complete} ++ payload.*;
    const stored = payload.* ++ .{checksum.of(summed.len, &summed)};
    words.store(&record[0], odd_sequence);
    for (record[1..], stored) |*word, value| switch (payload_stores) {
        .release => words.publish(word, value),
        .plain => word.* = value,
    };
    words.publish(&record[0], complete);
}

/// `write` for a record that is changed in its place.
pub inline fn rewrite(record: anytype, payload: *const PayloadOf(@TypeOf(record))) void {
    write(.release, record, words.own(&record[0]) | 1, payload);
}

/// Marks a record as being changed, for what `rewrite` does not store.
pub inline fn open(record: anytype) void {
    words.store(&record[0], words.own(&record[0]) | 1);
}

/// By any reader: false where the record is not complete under this sequence, or is damaged.
pub inline fn read(
    record: anytype,
    complete: u64,
    payload: *PayloadOf(@TypeOf(record)),
) bool {
    const count = payload.len + 2;
    var copy: [count]u64 = undefined;
    for (&copy, record) |*value, *word| value.* = words.load(word);
    if (copy[0] != complete or words.load(&record[0]) != complete) return false;
    payload.* = copy[1 .. count - 1].*;
    return copy[count - 1] == checksum.of(count - 1, copy[0 .. count - 1]);
}

test "read: what was written, until one word of it is another" {
    var record: [8]u64 = @splat(0);
    write(.release, &record, 7, &.{ 1, 2, 3, 4, 5, 6 });
    var payload: [6]u64 = undefined;
    try std.testing.expect(read(&record, 8, &payload));
    try std.testing.expectEqual([6]u64{ 1, 2, 3, 4, 5, 6 }, payload);
    for (&record) |*word| {
        word.* ^= 1 << 40;
        try std.testing.expect(!read(&record, 8, &payload));
        word.* ^= 1 << 40;
    }
    rewrite(&record, &.{ 1, 2, 3, 4, 5, 7 });
    try std.testing.expect(read(&record, 10, &payload));
    // Whole, but not where it belongs.
    try std.testing.expect(!read(&record, 8, &payload));
}
