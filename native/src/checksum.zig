//! Tells a whole record from one that was torn, moved or damaged: two sums of 32 bits, one over the
//! words' low halves and one over their high halves, each half times an odd number of its place.
//!
//! An odd factor loses nothing modulo 2^32, so that any change within one word shows. Goals: no
//! chain of operations that wait for one another; cheap in JavaScript too (`Math.imul`).
//! Non-goals: to withstand someone who forges a record.

const std = @import("std");

/// Odd, and different for every place.
pub fn factorAt(place: usize) u32 {
    return @truncate(@as(u64, 0x9e3779b1) *% (2 * @as(u64, place) + 1));
}

/// Of words that a row of words begins with.
pub inline fn of(comptime count: usize, words: *const [count]u64) u64 {
    var sum: Sum = .{};
    inline for (words, 0..) |word, place| sum.addTimes(comptime factorAt(place), word);
    return sum.value();
}

pub const Sum = struct {
    low: u32 = 0,
    high: u32 = 0,

    pub fn add(sum: *Sum, place: usize, word: u64) void {
        sum.addTimes(factorAt(place), word);
    }

    pub fn value(sum: Sum) u64 {
        return @as(u64, sum.high) << 32 | sum.low;
    }

    inline fn addTimes(sum: *Sum, factor: u32, word: u64) void {
        sum.low +%= @as(u32, @truncate(word)) *% factor;
        sum.high +%= @as(u32, @truncate(word >> 32)) *% factor;
    }
};

test "of: any change within one word shows" {
    var random: std.Random.DefaultPrng = .init(0x1f83d9ab);
    for (0..2_000) |_| {
        var words: [7]u64 = undefined;
        random.fill(std.mem.asBytes(&words));
        const before = of(7, &words);
        for (&words) |*word| {
            const kept = word.*;
            defer word.* = kept;
            for (0..64) |bit| {
                word.* = kept ^ @as(u64, 1) << @intCast(bit);
                try std.testing.expect(of(7, &words) != before);
            }
            word.* = random.random().int(u64);
            try std.testing.expectEqual(word.* == kept, of(7, &words) == before);
        }
        std.mem.swap(u64, &words[0], &words[6]);
        try std.testing.expect(of(7, &words) != before);
    }
}

test "Sum: the same, word by word" {
    const words: [3]u64 = .{ 1, 0xffff_ffff_0000_0001, 0x1234_5678_9abc_def0 };
    var sum: Sum = .{};
    for (words, 0..) |word, place| sum.add(place, word);
    try std.testing.expectEqual(of(3, &words), sum.value());
}
