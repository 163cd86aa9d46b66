//! A piece of the statement, looked at sixteen bytes at a time before its tokens are: a copy with
//! NUL bytes behind it, another in lower case, and for each byte two bits: whether a name may go
//! on with it, and whether a name with it needs quotes. Where a name ends is then one shift and
//! one count away, however long it is, with no loop whose end must be guessed.

const std = @import("std");
const bytes_module = @import("bytes.zig");
const fingerprint = @import("fingerprint.zig");
const token = @import("token.zig");

const assert = std.debug.assert;
const Block = bytes_module.Block;
const block_bytes = bytes_module.block_bytes;
const Word = fingerprint.Word;

pub const window_bytes_max = 2048;

/// The bytes, and what is read beyond them.
pub const Text = [window_bytes_max + 2 * block_bytes]u8;

/// A bit for each byte; eight bytes of them are read at once, from any byte on.
const Bits = [window_bytes_max / 8 + 2 * @sizeOf(u64)]u8;

/// Longer names are not found: so many bits are left when the lowest byte is shifted out.
pub const name_bytes_max = 56;

pub const Window = struct {
    raw: Text,
    lower: Text,
    /// Set where no name goes on.
    ends: Bits,
    /// Set where a name would need quotes.
    unquotable: Bits,
    /// Where in the statement it begins, and how many of its bytes it holds.
    start: usize,
    length: usize,

    pub fn fill(window: *Window, source: []const u8, start: usize) void {
        assert(source.len <= window_bytes_max);
        if (bytes_module.is_counting) bytes_module.visit_count += source.len;
        window.start = start;
        window.length = source.len;
        const blocks_end = source.len & ~@as(usize, block_bytes - 1);
        var index: usize = 0;
        while (index < blocks_end) : (index += block_bytes) {
            window.classify(index, source[index..][0..block_bytes].*);
        }
        const rest = source.len - blocks_end;
        const tail = window.raw[blocks_end..][0..block_bytes];
        if (blocks_end > 0) {
            // One block that ends where the text ends, rather than as many copies as bytes.
            const last = source[source.len - block_bytes ..][0..block_bytes].*;
            window.raw[source.len - block_bytes ..][0..block_bytes].* = last;
        } else for (source, 0..) |byte, offset| {
            tail[offset] = byte;
        }
        window.classify(blocks_end, @as(Block, tail.*) & tail_masks[rest]);
        // Reading ahead of the last token sees ends and NUL bytes.
        window.raw[blocks_end + block_bytes ..][0..block_bytes].* = @splat(0);
        window.ends[blocks_end / 8 + 2 ..][0..8].* = @splat(0xff);
        window.unquotable[blocks_end / 8 + 2 ..][0..8].* = @splat(0xff);
    }

    inline fn classify(window: *Window, index: usize, block: Block) void {
        const is_capital = between(block, 'A', 'Z');
        const lower = block | (is_capital & splat(0x20));
        const others = between(block, '0', '9') | equals(block, '_') | equals(block, '$');
        const quotable = between(block, 'a', 'z') | others;
        const continues = quotable | is_capital | block;
        window.raw[index..][0..block_bytes].* = block;
        window.lower[index..][0..block_bytes].* = lower;
        store(&window.ends, index, ~topBits(continues));
        store(&window.unquotable, index, ~topBits(quotable));
    }

    /// Its lowest bit is where the name ends that goes on at `start`; 0 where it is too far.
    pub inline fn endsFrom(window: *const Window, start: usize) u64 {
        return bitsFrom(&window.ends, start);
    }

    pub inline fn unquotableFrom(window: *const Window, start: usize) u64 {
        return bitsFrom(&window.unquotable, start);
    }
};

/// The word of a name of at least one byte; what stands behind it is left out. How long a name is
/// cannot be predicted, so that a second group is mixed in, and taken back where there is none.
pub inline fn wordOf(masks: *const Masks, text: *const Text, start: usize, length: usize) Word {
    const eight = std.mem.readInt(u64, text[start..][0..8], .little);
    if (length <= 8) return Word.seed.mixPair(eight & masks.low[length], masks.more_than_four[length]);
    var word = Word.seed.mixPair(eight, max);
    const end = start + length;
    var index = start + 8;
    while (index + 8 < end) : (index += 8) {
        const next = std.mem.readInt(u64, text[index..][0..8], .little);
        word = word.mixPair(next, max);
    }
    const rest = end - index;
    const last = std.mem.readInt(u64, text[index..][0..8], .little);
    return word.mixPair(last & masks.low[rest], masks.more_than_four[rest]);
}

/// By the number of bytes, up to eight.
pub const Masks = struct {
    /// The bits of so many bytes.
    low: [9]u64 = low_masks,
    /// All bits where they are more than one group.
    more_than_four: [9]u32 = .{ 0, 0, 0, 0, 0, max, max, max, max },
};
const max = std.math.maxInt(u32);

/// What of a block is left of a text that ends in it.
const tail_masks: [block_bytes]Block = table: {
    var table: [block_bytes]Block = undefined;
    for (&table, 0..) |*mask, rest| {
        var bytes: [block_bytes]u8 = @splat(0);
        @memset(bytes[0..rest], 0xff);
        mask.* = bytes;
    }
    break :table table;
};

const low_masks: [9]u64 = table: {
    var table: [9]u64 = undefined;
    for (&table, 0..) |*mask, bytes| mask.* = (1 << (8 * bytes)) - 1;
    break :table table;
};

inline fn bitsFrom(bits: *const Bits, start: usize) u64 {
    const read = std.mem.readInt(u64, bits[start / 8 ..][0..8], .little);
    return read >> @intCast(start % 8);
}

inline fn store(bits: *Bits, index: usize, mask: u16) void {
    std.mem.writeInt(u16, bits[index / 8 ..][0..2], mask, .little);
}

inline fn splat(byte: u8) Block {
    return @splat(byte);
}

/// All bits of each byte that is in the range.
inline fn between(block: Block, first: u8, last: u8) Block {
    const is_within = block -% splat(first) <= splat(last - first);
    return @select(u8, is_within, splat(0xff), splat(0));
}

inline fn equals(block: Block, byte: u8) Block {
    return @select(u8, block == splat(byte), splat(0xff), splat(0));
}

inline fn topBits(block: Block) u16 {
    return @bitCast(block >= splat(0x80));
}

test "Window: tells names as the scanner's table does" {
    var window: Window = undefined;
    var prng: std.Random.DefaultPrng = .init(1);
    const random = prng.random();
    var source: [200]u8 = undefined;
    for (0..200) |length| {
        random.bytes(source[0..length]);
        for (source[0..length]) |*byte| {
            if (random.boolean()) byte.* = "aZ_$9 \xff"[random.uintLessThan(usize, 7)];
        }
        window.fill(source[0..length], 0);
        for (0..length + 1) |start| {
            var end = start;
            while (end < length and token.continues_name[source[end]]) end += 1;
            const ends = window.endsFrom(start);
            if (end - start > name_bytes_max) continue;
            try std.testing.expectEqual(end - start, @ctz(ends));
            if (start == end) continue;
            var folded: [name_bytes_max]u8 = undefined;
            const lower = std.ascii.lowerString(&folded, source[start..end]);
            const word = wordOf(&.{}, &window.lower, start, end - start);
            try std.testing.expectEqual(fingerprint.wordOf(lower), word);
            var is_quotable = true;
            for (source[start..end]) |byte| {
                is_quotable = is_quotable and byte < 0x80 and !std.ascii.isUpper(byte);
            }
            try std.testing.expectEqual(is_quotable, @ctz(window.unquotableFrom(start)) == end - start);
        }
    }
}
