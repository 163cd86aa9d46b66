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

/// The bytes, and what is read beyond them: the longest name, and a block.
pub const Text = [window_bytes_max + 8 * block_bytes]u8;

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
        const blocks = std.mem.bytesAsSlice([block_bytes]u8, source[0 .. source.len & ~block_mask]);
        // Side by side, so that each length is checked once.
        for (
            blocks,
            asBlocks(&window.raw)[0..blocks.len],
            asBlocks(&window.lower)[0..blocks.len],
            asMasks(&window.ends)[0..blocks.len],
            asMasks(&window.unquotable)[0..blocks.len],
        ) |*block, *raw, *lower, *ends, *unquotable| {
            const classes: Classes = .of(block.*);
            raw.* = block.*;
            lower.* = classes.lower;
            ends.* = classes.ends;
            unquotable.* = classes.unquotable;
        }
        const rest = endOf(source);
        const classes: Classes = .of(rest);
        asBlocks(&window.raw)[blocks.len] = rest;
        asBlocks(&window.lower)[blocks.len] = classes.lower;
        // Reading ahead of the last token sees ends and NUL bytes.
        asBlocks(&window.raw)[blocks.len + 1] = @splat(0);
        const masks_start = blocks.len * block_bytes / 8;
        const masks_end = masks_start + 2;
        writeMask(window.ends[masks_start..][0..8], classes.ends);
        writeMask(window.unquotable[masks_start..][0..8], classes.unquotable);
        window.ends[masks_end..][0..8].* = @splat(0xff);
        window.unquotable[masks_end..][0..8].* = @splat(0xff);
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
    if (length <= 8) return shortWordOf(lettersOf(masks, text, start, length), length);
    const eight = std.mem.readInt(u64, text[start..][0..8], .little);
    var word = Word.seed.mixPair(eight, true);
    const end = start + length;
    var index = start + 8;
    while (index + 8 < end) : (index += 8) {
        const next = std.mem.readInt(u64, text[index..][0..8], .little);
        word = word.mixPair(next, true);
    }
    const rest = end - index;
    const last = std.mem.readInt(u64, text[index..][0..8], .little);
    return word.mixPair(last & masks.low[rest], rest > 4);
}

/// The bytes of a name of up to eight, the first one lowest.
pub inline fn lettersOf(masks: *const Masks, text: *const Text, start: usize, length: usize) u64 {
    return std.mem.readInt(u64, text[start..][0..8], .little) & masks.low[length];
}

pub inline fn shortWordOf(letters: u64, length: usize) Word {
    return Word.seed.mixPair(letters, length > 4);
}

/// By the number of bytes, up to eight.
pub const Masks = struct {
    /// The bits of so many bytes.
    low: [9]u64 = low_masks,
    /// All bits where they are more than one group.
    more_than_four: [9]u64 = .{ 0, 0, 0, 0, 0, max, max, max, max },
};

const max = std.math.maxInt(u64);
const low_masks: [9]u64 = table: {
    var table: [9]u64 = undefined;
    for (&table, 0..) |*mask, bytes| mask.* = (1 << (8 * bytes)) - 1;
    break :table table;
};

inline fn bitsFrom(bits: *const Bits, start: usize) u64 {
    const read = std.mem.readInt(u64, bits[start / 8 ..][0..8], .little);
    return read >> @intCast(start % 8);
}

/// One store for all eight bytes that are read at once: they need not wait for another.
inline fn writeMask(target: *[8]u8, mask: u16) void {
    std.mem.writeInt(u64, target, @as(u64, std.math.maxInt(u64)) << 16 | mask, .little);
}

/// What is left behind the last whole block, and NUL bytes: in registers, as what was just stored
/// in pieces cannot be loaded as one before it is in the cache.
inline fn endOf(source: []const u8) Block {
    const rest_bits: u7 = @intCast(source.len % block_bytes * 8);
    if (source.len >= block_bytes) {
        const last = std.mem.readInt(u128, source[source.len - block_bytes ..][0..block_bytes], .little);
        return toBlock(if (rest_bits == 0) 0 else last >> @intCast(128 - @as(u8, rest_bits)));
    }
    if (source.len >= 8) {
        const last: u128 = std.mem.readInt(u64, source[source.len - 8 ..][0..8], .little);
        return toBlock(last << (rest_bits - 64) | std.mem.readInt(u64, source[0..8], .little));
    }
    var bytes: u64 = 0;
    for (0..source.len) |index| bytes |= @as(u64, source[index]) << @intCast(index * 8);
    return toBlock(bytes);
}

inline fn toBlock(bytes: u128) Block {
    return @bitCast(std.mem.nativeToLittle(u128, bytes));
}

const block_mask: usize = block_bytes - 1;

inline fn asBlocks(text: *Text) *[@sizeOf(Text) / block_bytes][block_bytes]u8 {
    return @ptrCast(text);
}

inline fn asMasks(bits: *Bits) *align(1) [@sizeOf(Bits) / 2]u16 {
    return @ptrCast(bits);
}

/// What there is to know of a block.
const Classes = struct {
    lower: Block,
    ends: u16,
    unquotable: u16,

    inline fn of(block: Block) Classes {
        const is_letter = between(block | splat(0x20), 'a', 'z');
        const lower = block | (is_letter & splat(0x20));
        const others = between(block, '0', '9') | equals(block, '_') | equals(block, '$');
        const is_name = is_letter | others;
        const is_lower = @select(u8, block == lower, splat(0xff), splat(0));
        return .{
            .lower = lower,
            .ends = std.mem.nativeToLittle(u16, ~topBits(is_name | block)),
            .unquotable = std.mem.nativeToLittle(u16, ~topBits(is_name & is_lower)),
        };
    }
};

inline fn splat(byte: u8) Block {
    return @splat(byte);
}

/// All bits of each byte that is in the range, which is of ASCII: moved to the end of the signed
/// bytes, as SSE2 compares no others.
inline fn between(block: Block, comptime first: u8, comptime last: u8) Block {
    const Signed = @Vector(block_bytes, i8);
    const moved: Signed = @bitCast(block +% splat(0x7f - last));
    const below: Signed = @splat(0x7e - @as(i8, last - first));
    return @select(u8, moved > below, splat(0xff), splat(0));
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
