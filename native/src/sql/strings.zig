//! Where strings and comments end. `bytes` is one of the two types of `bytes.zig`.

const token = @import("token.zig");

/// The end of a string, its continuations on later lines included.
pub fn stringEnd(bytes: anytype, body_start: usize, string_kind: token.StringKind) usize {
    const is_escape = string_kind == .escape;
    var index = body_start;
    while (true) {
        index = bytes.find(index, '\'', if (is_escape) '\\' else '\'');
        switch (bytes.at(index)) {
            0 => return index,
            '\\' => {
                index += 1;
                if (bytes.at(index) != 0) index += 1;
            },
            else => {
                index += 1;
                if (bytes.at(index) == '\'' and string_kind != .bits) {
                    index += 1;
                } else {
                    index = continuationStart(bytes, index) orelse return index;
                }
            },
        }
    }
}

/// What may make the end of a plain string doubtful, besides its quote.
pub inline fn doubtfulByte(backslash: token.Backslash) ?u8 {
    return switch (backslash) {
        .escapes => null,
        .unknown => '\\',
        .ordinary => '\'',
    };
}

/// Whether the string may go on behind its quote: with another quote, or on the next line.
pub inline fn isContinued(bytes: anytype, quote_end: usize) bool {
    const byte = bytes.at(quote_end);
    if (byte == '\'') return true;
    return token.isSpace(byte) and (byte != ' ' or token.isSpace(bytes.at(quote_end + 1)));
}

/// After a quote: white space with a newline in it, then a quote.
fn continuationStart(bytes: anytype, quote_end: usize) ?usize {
    var index = quote_end;
    var has_newline = false;
    while (true) : (index += 1) {
        const byte = bytes.at(index);
        if (byte == '\n' or byte == '\r') {
            has_newline = true;
        } else if (!token.isSpace(byte)) {
            return if (has_newline and byte == '\'') index + 1 else null;
        }
    }
}

/// The end of a dollar-quoted string. Its tag holds no dollar sign, so that what one comparison
/// has seen the next will not.
pub fn dollarEnd(bytes: anytype, tag_start: usize, body_start: usize) usize {
    const tag_length = body_start - tag_start;
    var index = body_start;
    while (true) {
        index = bytes.find(index, '$', '$');
        if (bytes.at(index) == 0) return index;
        var length: usize = 1;
        while (length < tag_length and bytes.at(index + length) == bytes.at(tag_start + length)) {
            length += 1;
        }
        index += length;
        if (length == tag_length) return index;
    }
}

/// Comments nest; one that has no end goes to the end of the text.
pub fn blockCommentEnd(bytes: anytype, start: usize) usize {
    var index = start + 2;
    var depth: usize = 1;
    while (depth > 0) {
        index = bytes.find(index, '*', '/');
        const byte = bytes.at(index);
        if (byte == 0) return index;
        index += 1;
        const following = bytes.at(index);
        if (byte == '*' and following == '/') {
            depth -= 1;
            index += 1;
        } else if (byte == '/' and following == '*') {
            depth += 1;
            index += 1;
        }
    }
    return index;
}
