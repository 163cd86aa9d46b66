//! The statement's bytes, read one by one or sixteen at a time. Behind the last one stands NUL,
//! which PostgreSQL too takes for the end, so that no loop needs another bound.

const builtin = @import("builtin");
const std = @import("std");
const fingerprint = @import("fingerprint.zig");
const token = @import("token.zig");

pub const block_bytes = 16;
pub const Block = @Vector(block_bytes, u8);
const Mask = std.meta.Int(.unsigned, block_bytes);

/// How many NUL bytes stand behind a padded text.
pub const padding_bytes = block_bytes;

/// Bytes looked at, in tests only: proves that the work is linear in the input.
pub threadlocal var visit_count: u64 = 0;
pub const is_counting = builtin.is_test;

pub const QuotedBody = struct {
    /// Where the closing quote stands, or the text ends.
    end: usize,
    /// Whether it holds more than `[a-z0-9_$]`.
    needs_quotes: bool,
    is_closed: bool,
};

/// Padded text is read without a thought of its end: `padding_bytes` NUL bytes follow it. Other
/// text is not; bounds that are the slice's own are checked once.
pub fn Bytes(comptime is_padded: bool) type {
    return struct {
        const Self = @This();

        /// The text of `length` bytes, and its padding where it is padded.
        source: []const u8,
        length: usize,

        pub inline fn of(source: []const u8, length: usize) Self {
            return .{ .source = source, .length = length };
        }

        pub inline fn at(bytes: Self, index: usize) u8 {
            count(1);
            if (is_padded) return bytes.source[index];
            return if (index < bytes.source.len) bytes.source[index] else 0;
        }

        pub inline fn block(bytes: Self, index: usize) Block {
            count(block_bytes);
            if (is_padded or index + block_bytes <= bytes.source.len) {
                return bytes.source[index..][0..block_bytes].*;
            }
            var tail: [block_bytes]u8 = @splat(0);
            if (index < bytes.source.len) {
                const rest = bytes.source.len - index;
                @memcpy(tail[0..rest], bytes.source[index..][0..rest]);
            }
            return tail;
        }

        inline fn group(bytes: Self, index: usize) u32 {
            if (is_padded or index + 4 <= bytes.source.len) {
                count(4);
                return std.mem.readInt(u32, bytes.source[index..][0..4], .little);
            }
            var read: u32 = 0;
            for (0..4) |offset| {
                read |= @as(u32, bytes.at(index + offset)) << @intCast(8 * offset);
            }
            return read;
        }

        /// The word of the bytes `[start, end)`.
        pub inline fn word(
            bytes: Self,
            start: usize,
            end: usize,
            comptime folds: bool,
        ) fingerprint.Word {
            var mixed: fingerprint.Word = .seed;
            var index = start;
            while (index + 4 <= end) : (index += 4) {
                const read = bytes.group(index);
                mixed.mixCode(if (folds) fingerprint.fold(read) else read);
            }
            if (index < end) {
                const beyond: u5 = @intCast(index + 4 - end);
                const read = bytes.group(index) & (@as(u32, std.math.maxInt(u32)) >> 8 * beyond);
                mixed.mixCode(if (folds) fingerprint.fold(read) else read);
            }
            return mixed;
        }

        /// Where what goes on a name ends. Names are short: a block at a time is no faster.
        pub inline fn nameEnd(bytes: Self, start: usize) usize {
            var index = start;
            while (token.continues_name[bytes.at(index)]) index += 1;
            return index;
        }

        /// The end of a name without dollar signs: a tag, a named parameter.
        pub fn tagEnd(bytes: Self, start: usize) usize {
            var index = start;
            if (token.isDigit(bytes.at(index))) return index;
            while (true) : (index += 1) {
                const byte = bytes.at(index);
                if (byte == '$' or !token.continues_name[byte]) return index;
            }
        }

        /// The body of a quoted identifier, to its last quote.
        pub fn quotedBody(bytes: Self, start: usize) QuotedBody {
            var index = start;
            var needs_quotes = false;
            while (true) {
                const read = bytes.block(index);
                const stop = matches(read, '"') | matches(read, 0);
                const unquotable = isUnquotable(read);
                if (stop == 0) {
                    needs_quotes = needs_quotes or unquotable != std.math.maxInt(Mask);
                    index += block_bytes;
                    continue;
                }
                needs_quotes = needs_quotes or unquotable & below(stop) != below(stop);
                index += @ctz(stop);
                const is_closed = bytes.at(index) == '"';
                if (!is_closed or bytes.at(index + 1) != '"') {
                    return .{ .end = index, .needs_quotes = needs_quotes, .is_closed = is_closed };
                }
                needs_quotes = true;
                index += 2;
            }
        }

        /// The same, where it ends within one block.
        pub inline fn quotedName(bytes: Self, start: usize) ?QuotedBody {
            const read = bytes.block(start);
            const stop = matches(read, '"') | matches(read, 0);
            if (stop == 0) return null;
            const end = start + @ctz(stop);
            if (bytes.at(end) == 0 or bytes.at(end + 1) == '"') return null;
            const needs_quotes = isUnquotable(read) & below(stop) != below(stop);
            return .{ .end = end, .needs_quotes = needs_quotes, .is_closed = true };
        }

        /// The first of two bytes, or the end.
        pub inline fn find(bytes: Self, start: usize, a: u8, b: u8) usize {
            var index = start;
            while (true) {
                const read = bytes.block(index);
                const found = matches(read, a) | matches(read, b) | matches(read, 0);
                if (found != 0) return index + @ctz(found);
                index += block_bytes;
            }
        }

        inline fn count(visits: u64) void {
            if (is_counting) visit_count += visits;
        }
    };
}

/// The bits below the lowest one that is set.
inline fn below(mask: Mask) Mask {
    return (mask - 1) & ~mask;
}

inline fn matches(block: Block, byte: u8) Mask {
    return @bitCast(block == @as(Block, @splat(byte)));
}

inline fn isBetween(block: Block, first: u8, last: u8) Mask {
    return @bitCast(block -% @as(Block, @splat(first)) <= @as(Block, @splat(last - first)));
}

/// What a name that needs no quotes may hold: `[a-z0-9_$]`.
inline fn isUnquotable(block: Block) Mask {
    return isBetween(block, 'a', 'z') | isBetween(block, '0', '9') | matches(block, '_') |
        matches(block, '$');
}

test "Bytes: padded and bounded text read alike" {
    const text = "select \"Mixed Name\" from t where a = 'x' and b1_$é = 12";
    var padded_text: [text.len + padding_bytes]u8 = @splat(0);
    @memcpy(padded_text[0..text.len], text);
    const padded: Bytes(true) = .of(&padded_text, text.len);
    const bounded: Bytes(false) = .of(text, text.len);
    for (0..text.len) |start| {
        try std.testing.expectEqual(padded.nameEnd(start), bounded.nameEnd(start));
        try std.testing.expectEqual(padded.find(start, 'x', '"'), bounded.find(start, 'x', '"'));
        var name_end = start;
        while (token.continues_name[padded.at(name_end)]) name_end += 1;
        try std.testing.expectEqual(name_end, padded.nameEnd(start));
        for (start..text.len + 1) |end| {
            const word = padded.word(start, end, true);
            try std.testing.expectEqual(word, bounded.word(start, end, true));
            try std.testing.expectEqual(fingerprint.wordOf(text[start..end]), word);
        }
    }
}
