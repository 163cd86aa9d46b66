//! Texts in chains of blocks of one size, so that the room of one that is given up fits any other.
//!
//! Goals: no fragmentation, nothing moves. The writer keeps a chain of its own: it never follows
//! one that lies in the arena, where readers see it and others could have damaged it.

const std = @import("std");
const checksum = @import("checksum.zig");
const layout = @import("layout.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

const Block = layout.TextBlock;

/// Blocks are numbered from 1 on.
pub const no_block: u32 = 0;

pub const TextBlocks = struct {
    blocks: [][Block.words]u64,
    /// The next block in a text's chain or in that of the free ones, by number. The writer's own.
    next: []u32,
    free_first: u32,
    free_count: usize,

    /// `next` has one element more than there are blocks.
    pub fn init(blocks: [][Block.words]u64, next: []u32) TextBlocks {
        assert(next.len == blocks.len + 1);
        next[no_block] = no_block;
        for (next[1..], 2..) |*following, number| following.* = @intCast(number);
        next[blocks.len] = no_block;
        return .{ .blocks = blocks, .next = next, .free_first = 1, .free_count = blocks.len };
    }

    pub fn countFor(bytes: usize) usize {
        return (bytes + Block.text_bytes - 1) / Block.text_bytes;
    }

    /// The number of the first block; there are `countFor(text.len)` free ones. What the text adds
    /// to a checksum, whose next word is number `place`, is added.
    pub fn store(
        table: *TextBlocks,
        text: []const u8,
        sum: *checksum.Sum,
        first_place: usize,
    ) u32 {
        const count = countFor(text.len);
        assert(count <= table.free_count);
        const first = table.free_first;
        var number = first;
        var place = first_place;
        for (0..count) |index| {
            const rest = text[index * Block.text_bytes ..];
            const is_last = index + 1 == count;
            const following = table.next[number];
            const block = &table.blocks[number - 1];
            words.publish(&block[Block.next], if (is_last) no_block else following);
            const part = rest[0..@min(rest.len, Block.text_bytes)];
            for (0..(part.len + 7) / 8) |word| {
                const value = wordAt(part, 8 * word);
                sum.add(place, value);
                place += 1;
                words.publish(&block[Block.text + word], value);
            }
            table.free_first = following;
            if (is_last) table.next[number] = no_block;
            number = following;
        }
        table.free_count -= count;
        return if (count == 0) no_block else first;
    }

    pub fn free(table: *TextBlocks, first: u32) void {
        var number = first;
        while (number != no_block) {
            const following = table.next[number];
            table.next[number] = table.free_first;
            table.free_first = number;
            table.free_count += 1;
            number = following;
        }
    }

    pub fn usedCount(table: *const TextBlocks) usize {
        return table.blocks.len - table.free_count;
    }

    /// A copy of a text that was stored, for tests.
    pub fn copy(table: *const TextBlocks, first: u32, target: []u8) void {
        var number = first;
        var rest = target;
        while (rest.len > 0) : (number = table.next[number]) {
            const block = &table.blocks[number - 1];
            const source = std.mem.sliceAsBytes(block[Block.text..]);
            const bytes = @min(rest.len, Block.text_bytes);
            @memcpy(rest[0..bytes], source[0..bytes]);
            rest = rest[bytes..];
        }
    }
};

/// Eight bytes, or what is left, in little-endian order.
fn wordAt(text: []const u8, offset: usize) u64 {
    const rest = text[offset..];
    var bytes: [8]u8 = @splat(0);
    const count = @min(rest.len, 8);
    @memcpy(bytes[0..count], rest[0..count]);
    return std.mem.readInt(u64, &bytes, .little);
}

test "TextBlocks: gives back what it was given, until there is no room, and again after that" {
    const block_count = 40;
    var blocks: [block_count][Block.words]u64 = undefined;
    var next: [block_count + 1]u32 = undefined;
    var table: TextBlocks = .init(&blocks, &next);
    var random: std.Random.DefaultPrng = .init(0x5be0cd19);
    var text: [8192]u8 = undefined;
    random.fill(&text);
    const Stored = struct { first: u32, text: []const u8 };
    var stored: [block_count]Stored = undefined;
    var stored_count: usize = 0;
    for (0..5_000) |_| {
        const bytes = random.random().uintAtMost(usize, text.len) >> random.random().int(u3);
        const start = random.random().uintAtMost(usize, text.len - bytes);
        while (TextBlocks.countFor(bytes) > table.free_count or stored_count == stored.len) {
            const index = random.random().uintLessThan(usize, stored_count);
            const given_up = stored[index];
            var copied: [8192]u8 = undefined;
            table.copy(given_up.first, copied[0..given_up.text.len]);
            try std.testing.expectEqualStrings(given_up.text, copied[0..given_up.text.len]);
            table.free(given_up.first);
            stored_count -= 1;
            stored[index] = stored[stored_count];
        }
        var sum: checksum.Sum = .{};
        const part = text[start..][0..bytes];
        stored[stored_count] = .{ .first = table.store(part, &sum, 3), .text = part };
        stored_count += 1;
        var used: usize = 0;
        for (stored[0..stored_count]) |one| used += TextBlocks.countFor(one.text.len);
        try std.testing.expectEqual(used, table.usedCount());
    }
    for (stored[0..stored_count]) |one| table.free(one.first);
    try std.testing.expectEqual(block_count, table.free_count);
}
