//! The normalised text while it grows: runs of the source copied whole, placeholders between.

const std = @import("std");
const bytes_module = @import("bytes.zig");
const marks = @import("marks.zig");
const token = @import("token.zig");

const assert = std.debug.assert;
const block_bytes = bytes_module.block_bytes;

/// The most bytes that a normalised text has.
pub const text_bytes_max = 8192;

/// A text that will be cut ends before this many bytes.
const cut_bytes_max = text_bytes_max - marks.cut_mark_bytes;
/// More than any token that is copied below the limit, and a block.
const token_margin = 128;
const not_cut = std.math.maxInt(usize);

pub const NormalizedText = struct {
    /// A state to return to: what was written since is written over.
    pub const Checkpoint = struct {
        flushed_bytes: usize = 0,
        run_start: usize = 0,
        run_end: usize = 0,
        cut_bytes: usize = not_cut,
    };

    buffer: *[text_bytes_max]u8,
    /// What is copied from, padding included.
    source: []const u8,
    /// Counts on where the buffer is full: what lies beyond is cut, or undone by a checkpoint.
    state: Checkpoint = .{},

    inline fn byteLength(text: *const NormalizedText) usize {
        return text.state.flushed_bytes + (text.state.run_end - text.state.run_start);
    }

    pub inline fn isCut(text: *const NormalizedText) bool {
        return text.state.cut_bytes != not_cut;
    }

    /// Up to where in the source, counted from `offset`, tokens may begin that are copied with no
    /// thought of the text's length; 0 where it is too long for that.
    pub inline fn limit(text: *const NormalizedText, offset: usize) usize {
        const state = &text.state;
        return (state.run_start + (cut_bytes_max - token_margin)) -| (state.flushed_bytes + offset);
    }

    /// Adds the source up to `start`, and a placeholder for the token `[start, end)`, below the
    /// limit.
    pub inline fn insertPlaceholder(
        text: *NormalizedText,
        start: usize,
        end: usize,
        number: u32,
    ) void {
        const state = &text.state;
        state.run_end = start;
        text.flush();
        const target = text.buffer[state.flushed_bytes..];
        target[0] = '$';
        state.flushed_bytes += 2;
        if (number < 10) {
            target[1] = '0' + @as(u8, @intCast(number));
        } else {
            state.flushed_bytes += writeDecimal(target[1..], number) - 1;
        }
        state.run_start = end;
        state.run_end = end;
    }

    /// Has a cut come here rather than within the next so many bytes.
    pub fn keepTogether(text: *NormalizedText, bytes: usize) void {
        text.noteCut(bytes);
    }

    /// Adds the token `[start, end)` of the source.
    pub inline fn copy(text: *NormalizedText, start: usize, end: usize, gap: token.Gap) void {
        const gap_bytes: usize = @intFromBool(gap != .none);
        // A gap of one space is copied with the run; one of another kind becomes a space.
        if (gap == .other or start - gap_bytes != text.state.run_end) {
            text.noteCut(end - start + gap_bytes);
            text.flush();
            if (gap_bytes != 0) text.append(" ");
            text.state.run_start = start;
            text.state.run_end = end;
            return;
        }
        text.noteCut(end - start + gap_bytes);
        text.state.run_end = end;
    }

    /// Adds text that stands for the source up to `source_end`.
    pub fn insert(
        text: *NormalizedText,
        inserted: []const u8,
        gap: token.Gap,
        source_end: usize,
    ) void {
        text.noteCut(inserted.len + @intFromBool(gap != .none));
        text.flush();
        if (gap != .none) text.append(" ");
        text.append(inserted);
        text.state.run_start = source_end;
        text.state.run_end = source_end;
    }

    /// Ends with the mark of a text that was cut, where it does not fit or `was_cut` before.
    pub fn finish(text: *NormalizedText, fingerprint: u64, was_cut: bool) []const u8 {
        text.flush();
        // Anyone may write the mark behind any statement: with it too the text must fit.
        const room = if (was_cut) cut_bytes_max else text_bytes_max;
        const bytes = if (text.state.flushed_bytes > room)
            text.state.cut_bytes
        else if (was_cut)
            text.state.flushed_bytes
        else
            return text.buffer[0..text.state.flushed_bytes];
        assert(bytes <= cut_bytes_max);
        marks.writeCutMark(text.buffer[bytes..][0..marks.cut_mark_bytes], fingerprint);
        return text.buffer[0 .. bytes + marks.cut_mark_bytes];
    }

    fn append(text: *NormalizedText, appended: []const u8) void {
        const start = text.state.flushed_bytes;
        text.state.flushed_bytes += appended.len;
        if (start >= text_bytes_max) return;
        const room = @min(appended.len, text_bytes_max - start);
        @memcpy(text.buffer[start..][0..room], appended[0..room]);
    }

    inline fn flush(text: *NormalizedText) void {
        const state = &text.state;
        const length = state.run_end - state.run_start;
        if (length == 0) return;
        const source = text.source[state.run_start..];
        const target = text.buffer[@min(state.flushed_bytes, text_bytes_max)..];
        state.run_start = state.run_end;
        const rounded = std.mem.alignForward(usize, length, block_bytes);
        if (rounded > source.len or rounded > target.len) return text.append(source[0..length]);
        // Whole blocks: what is copied too much is written over, or left out.
        const blocks = std.mem.bytesAsSlice([block_bytes]u8, source[0..rounded]);
        const copies = std.mem.bytesAsSlice([block_bytes]u8, target[0..rounded]);
        for (copies, blocks) |*copied, block| copied.* = block;
        state.flushed_bytes += length;
    }

    /// The first time that the text grows too long, remembers what would be left of it.
    inline fn noteCut(text: *NormalizedText, added_bytes: usize) void {
        const bytes = text.byteLength();
        if (bytes + added_bytes <= cut_bytes_max or text.state.cut_bytes != not_cut) return;
        text.state.cut_bytes = bytes;
    }
};

noinline fn writeDecimal(target: []u8, number: u32) usize {
    var digits: [10]u8 = undefined;
    const written = std.fmt.printInt(&digits, number, 10, .lower, .{});
    @memcpy(target[0..written], digits[0..written]);
    return written;
}
