//! PostgreSQL's scanner as a state machine: one pass, no recursion, no allocation. Every loop
//! moves forward through bytes that no loop of the same kind sees again: the work is linear.

const std = @import("std");
const bytes_module = @import("bytes.zig");
const fingerprint = @import("fingerprint.zig");
const keywords = @import("keywords.zig");
const numbers = @import("numbers.zig");
const strings = @import("strings.zig");
const token = @import("token.zig");

const assert = std.debug.assert;
const Kind = token.Kind;
const Word = fingerprint.Word;

pub const Placeholders = enum(u8) { dollar = 0, question = 1, named = 2, format = 3 };
const Backslash = token.Backslash;

const parameter_digits_max = 9;

pub fn Lexer(comptime is_padded: bool) type {
    return struct {
        const Self = @This();
        pub const Bytes = bytes_module.Bytes(is_padded);

        bytes: Bytes,
        placeholders: Placeholders,
        backslash: Backslash,
        /// Takes every string as the server's setting says, doubts aside.
        is_single_reading: bool = false,

        kind: Kind = .end,
        start: usize = 0,
        end: usize = 0,
        gap: token.Gap = .none,
        /// The hash of a word, quoted identifier or operator.
        word: Word = .of(0),
        /// What is known of a word without quotes.
        keyword: keywords.Entry = .none,
        /// The n of `$n`, if written without leading zeros; otherwise 0.
        parameter_number: u32 = 0,
        string_kind: token.StringKind = .plain,
        /// A `U&"…"` identifier, which a UESCAPE may follow.
        is_unicode: bool = false,

        // The run of operator characters that the last operator was cut from; one past the index
        // of the last qualifying one, 0 for none.
        run_end: usize = 0,
        run_after_qualifying: usize = 0,
        run_tail: usize = 0,
        is_after_escape_string: bool = false,

        /// Reads the next token into the fields. `comments` has a function `add(start, end)`.
        pub inline fn next(lexer: *Self, comments: anytype) void {
            const bytes = lexer.bytes;
            const gap_start = lexer.end;
            var index = gap_start;
            if (bytes.at(index) == ' ') index += 1;
            lexer.gap = @enumFromInt(index - gap_start);
            var byte = bytes.at(index);
            var class = token.class_of[byte];
            if (class == .space or byte == '-' or byte == '/') {
                const gap_end = lexer.gapEnd(index, comments);
                if (gap_end > index) lexer.gap = .other;
                index = gap_end;
                byte = bytes.at(index);
                class = token.class_of[byte];
            }
            lexer.start = index;
            if (class == .letter) return lexer.readWord(index, byte);
            const is_after_escape_string = lexer.is_after_escape_string;
            lexer.is_after_escape_string = false;
            switch (class) {
                .space, .letter => unreachable,
                .punctuation => {
                    lexer.end = index + 1;
                    lexer.kind = token.kindOfPunctuation(byte);
                },
                .double_quote => lexer.readQuoted(index + 1, false),
                .dot => lexer.readDot(index),
                .dollar => lexer.readDollar(index),
                .operator => lexer.readOperator(index, byte),
                .digit => {
                    lexer.end = numbers.numberEnd(bytes, index);
                    lexer.kind = .number;
                },
                .quote => lexer.readString(index + 1, .plain, is_after_escape_string),
                .colon => lexer.readColon(index),
                .other => if (byte == 0) {
                    lexer.end = index;
                    lexer.kind = .end;
                } else lexer.readShort(index, index + 1, .other),
            }
        }

        /// Whether `::` is the next token: looked at without moving.
        pub fn isFollowedByCast(lexer: *const Self) bool {
            const index = lexer.followingStart();
            return lexer.bytes.at(index) == ':' and lexer.bytes.at(index + 1) == ':';
        }

        /// Where the token behind this one starts.
        pub fn followingStart(lexer: *const Self) usize {
            return lexer.gapEnd(lexer.end, no_comments);
        }

        pub fn hasDollar(lexer: *const Self) bool {
            var index = lexer.start;
            while (index < lexer.end) : (index += 1) {
                if (lexer.bytes.at(index) == '$') return true;
            }
            return false;
        }

        /// Skips white space and comments.
        fn gapEnd(lexer: *const Self, start: usize, comments: anytype) usize {
            const bytes = lexer.bytes;
            var index = start;
            while (true) {
                const byte = bytes.at(index);
                if (token.isSpace(byte)) {
                    index += 1;
                    continue;
                }
                const comment_start = index;
                if (byte == '-' and bytes.at(index + 1) == '-') {
                    index = bytes.find(index + 2, '\n', '\r');
                } else if (byte == '/' and bytes.at(index + 1) == '*') {
                    index = strings.blockCommentEnd(bytes, index);
                } else return index;
                comments.add(comment_start, index);
            }
        }

        inline fn readWord(lexer: *Self, start: usize, first_byte: u8) void {
            const bytes = lexer.bytes;
            const end = bytes.nameEnd(start + 1);
            if (end - start == 1 and lexer.isPrefix(end)) {
                if (lexer.readPrefixed(start, first_byte | 0x20, bytes.at(end))) return;
            }
            lexer.is_after_escape_string = false;
            lexer.end = end;
            lexer.word = bytes.word(start, end, true);
            lexer.keyword = keywords.lookUp(lexer.word);
            lexer.kind = .word;
        }

        /// `E'`, `B'`, `X'`, `N'`, `U&'` or `U&"`; anything else gives false.
        noinline fn readPrefixed(lexer: *Self, start: usize, letter: u8, following: u8) bool {
            if (following == '\'') {
                switch (letter) {
                    'e' => lexer.readString(start + 2, .escape, false),
                    'b', 'x' => lexer.readString(start + 2, .bits, false),
                    'n' => lexer.readString(start + 2, .plain, false),
                    else => return false,
                }
                return true;
            }
            if (letter != 'u') return false;
            switch (lexer.bytes.at(start + 2)) {
                '\'' => lexer.readString(start + 3, .unicode, false),
                '"' => lexer.readQuoted(start + 3, true),
                else => return false,
            }
            return true;
        }

        inline fn readQuoted(lexer: *Self, body_start: usize, is_unicode: bool) void {
            lexer.is_after_escape_string = false;
            lexer.is_unicode = is_unicode;
            const body = lexer.bytes.quotedBody(body_start);
            if (!body.is_closed) {
                lexer.end = body.end;
                lexer.kind = .unterminated;
                return;
            }
            lexer.end = body.end + 1;
            lexer.kind = .quoted;
            lexer.word = quotedWord(lexer.bytes, body_start, body, is_unicode);
        }

        /// Whether the letter before `end` may be the prefix of a string.
        pub inline fn isPrefix(lexer: *const Self, end: usize) bool {
            const following = lexer.bytes.at(end);
            return following == '\'' or following == '&';
        }

        fn readString(
            lexer: *Self,
            body_start: usize,
            string_kind: token.StringKind,
            is_after_escape_string: bool,
        ) void {
            lexer.string_kind = string_kind;
            lexer.kind = .string;
            const is_escape = string_kind == .escape or
                (string_kind == .plain and lexer.backslash == .escapes);
            lexer.is_after_escape_string = is_escape;
            lexer.end = strings.stringEnd(
                lexer.bytes,
                body_start,
                if (is_escape) .escape else string_kind,
            );
            if (is_escape or string_kind != .plain or lexer.is_single_reading) return;
            // A string after an E'…' may be its continuation, comments between them or not.
            if (lexer.backslash == .unknown or is_after_escape_string) {
                const escaped_end = strings.stringEnd(lexer.bytes, body_start, .escape);
                if (escaped_end != lexer.end) {
                    @branchHint(.unlikely);
                    lexer.end = lexer.reconcile(lexer.end, escaped_end);
                }
            }
        }

        /// Where the readings with and without backslash escapes agree again on where a token
        /// starts; one ends the string at `ordinary_end`, the other at `escaped_end`.
        fn reconcile(lexer: *const Self, ordinary_end: usize, escaped_end: usize) usize {
            var readings = [2]Self{
                lexer.probe(ordinary_end, .ordinary),
                lexer.probe(
                    escaped_end,
                    if (lexer.backslash == .unknown) .escapes else .ordinary,
                ),
            };
            var union_end = @max(ordinary_end, escaped_end);
            while (readings[0].start != readings[1].start) {
                const behind = &readings[@intFromBool(readings[1].start < readings[0].start)];
                union_end = @max(union_end, behind.end);
                behind.advance();
            }
            return @min(union_end, readings[0].start);
        }

        fn probe(lexer: *const Self, position: usize, backslash: Backslash) Self {
            var reading: Self = .{
                .bytes = lexer.bytes,
                .placeholders = lexer.placeholders,
                .backslash = backslash,
                .is_single_reading = true,
                .end = position,
            };
            reading.advance();
            return reading;
        }

        /// Out of line, as a probe's `next` would be part of its own.
        noinline fn advance(lexer: *Self) void {
            assert(lexer.is_single_reading);
            lexer.next(no_comments);
        }

        fn readDollar(lexer: *Self, start: usize) void {
            const bytes = lexer.bytes;
            var index = start + 1;
            const first = bytes.at(index);
            if (token.isDigit(first)) {
                var value: u32 = 0;
                while (true) : (index += 1) {
                    const byte = bytes.at(index);
                    if (!token.isDigit(byte)) break;
                    value = value *% 10 +% (byte - '0');
                }
                const is_short = index - start - 1 <= parameter_digits_max;
                lexer.end = index;
                lexer.parameter_number = if (first != '0' and is_short) value else 0;
                lexer.kind = .parameter;
                return;
            }
            index = bytes.tagEnd(index);
            if (bytes.at(index) != '$') return lexer.readShort(start, start + 1, .other);
            lexer.string_kind = .dollar;
            lexer.end = strings.dollarEnd(bytes, start, index + 1);
            lexer.kind = .string;
        }

        fn readOperator(lexer: *Self, start: usize, first_byte: u8) void {
            const bytes = lexer.bytes;
            if (lexer.placeholders != .dollar) {
                if (lexer.placeholderEnd(start, first_byte)) |end| return lexer.readNamed(end);
            }
            const following = bytes.at(start + 1);
            if (token.class_of[following] != .operator) {
                return lexer.readShort(start, start + 1, .operator);
            }
            if (start >= lexer.run_end) lexer.measureRun(start);
            var end = lexer.run_end;
            if (end - start > 1) {
                const last = bytes.at(end - 1);
                if ((last == '+' or last == '-') and lexer.run_after_qualifying <= start) {
                    end = @max(start + 1, lexer.run_tail);
                }
            }
            lexer.readShort(start, end, .operator);
            if (end - start == 2 and first_byte == '!' and following == '=') {
                lexer.word = comptime .of('<' | @as(u32, '>') << 8);
            }
        }

        /// A run ends at a comment; what PostgreSQL cuts off its end is decided for each operator.
        fn measureRun(lexer: *Self, start: usize) void {
            const bytes = lexer.bytes;
            var index = start;
            var after_qualifying: usize = 0;
            var tail = start;
            while (true) {
                const byte = bytes.at(index);
                if (token.class_of[byte] != .operator) break;
                const following = bytes.at(index + 1);
                if (index > start) {
                    if (byte == '-' and following == '-') break;
                    if (byte == '/' and following == '*') break;
                    if (lexer.placeholders != .dollar) {
                        if (lexer.placeholderEnd(index, byte) != null) break;
                    }
                }
                index += 1;
                if (token.isQualifying(byte)) after_qualifying = index;
                if (byte != '+' and byte != '-') tail = index;
                if (following == byte and lexer.isDoubledPlaceholder(byte)) {
                    index += 1;
                    tail = index;
                }
            }
            lexer.run_end = index;
            lexer.run_after_qualifying = after_qualifying;
            lexer.run_tail = tail;
        }

        /// `??` and `%%` stand for the operators `?` and `%` where these begin placeholders.
        fn isDoubledPlaceholder(lexer: *const Self, byte: u8) bool {
            return (byte == '?' and lexer.placeholders == .question) or
                (byte == '%' and lexer.placeholders == .format);
        }

        /// The end of the `?`, `%s` or `%(name)s` at `start`.
        fn placeholderEnd(lexer: *const Self, start: usize, byte: u8) ?usize {
            const bytes = lexer.bytes;
            var index = start + 1;
            if (byte == '?' and lexer.placeholders == .question) {
                return if (bytes.at(index) == '?') null else index;
            }
            if (byte != '%' or lexer.placeholders != .format) return null;
            if (bytes.at(index) == '(') {
                index = bytes.tagEnd(index + 1);
                if (index == start + 2 or bytes.at(index) != ')') return null;
                index += 1;
            }
            if (bytes.at(index) != 's' or token.continues_name[bytes.at(index + 1)]) return null;
            return index + 1;
        }

        fn readNamed(lexer: *Self, end: usize) void {
            lexer.end = end;
            lexer.parameter_number = 0;
            lexer.kind = .parameter;
        }

        fn readColon(lexer: *Self, start: usize) void {
            const following = lexer.bytes.at(start + 1);
            if (following == ':') return lexer.readShort(start, start + 2, .cast);
            if (following == '=') return lexer.readShort(start, start + 2, .operator);
            if (lexer.placeholders == .named and token.isLetter(following)) {
                return lexer.readNamed(lexer.bytes.tagEnd(start + 1));
            }
            lexer.readShort(start, start + 1, .colon);
        }

        inline fn readDot(lexer: *Self, start: usize) void {
            const following = lexer.bytes.at(start + 1);
            lexer.end = start + 1;
            lexer.kind = .dot;
            if (following == '.') return lexer.readShort(start, start + 2, .operator);
            if (token.isDigit(following)) {
                lexer.end = numbers.exponentEnd(lexer.bytes, start + 1);
                lexer.kind = .number;
            }
        }

        /// A token that is hashed as its characters: up to three in one word.
        inline fn readShort(lexer: *Self, start: usize, end: usize, kind: Kind) void {
            const bytes = lexer.bytes;
            lexer.end = end;
            lexer.kind = kind;
            if (end - start > 3) {
                @branchHint(.unlikely);
                lexer.word = bytes.word(start, end, false);
                return;
            }
            var group: u32 = bytes.at(start);
            if (end - start > 1) group |= @as(u32, bytes.at(start + 1)) << 8;
            if (end - start > 2) group |= @as(u32, bytes.at(start + 2)) << 16;
            lexer.word = .of(group);
        }
    };
}

/// The word of a quoted identifier: that of its body where it needs no quotes.
pub inline fn quotedWord(
    bytes: anytype,
    body_start: usize,
    body: bytes_module.QuotedBody,
    is_unicode: bool,
) Word {
    var word = bytes.word(body_start, body.end, false);
    if (body.needs_quotes or !token.isLetter(bytes.at(body_start)) or
        keywords.lookUp(word).is_keyword)
    {
        const code = if (is_unicode) fingerprint.unicode_quoted_code else fingerprint.quoted_code;
        word.mixCode(code);
    }
    return word;
}

pub const NoComments = struct {
    pub inline fn add(_: NoComments, _: usize, _: usize) void {}
};
pub const no_comments: NoComments = .{};
