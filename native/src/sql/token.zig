//! What PostgreSQL's scanner sees in a byte; `characters.ts` of the portable engine is the same.

pub const Class = enum(u8) {
    other,
    space,
    letter,
    digit,
    quote,
    double_quote,
    dollar,
    operator,
    punctuation,
    dot,
    colon,
};

pub const Kind = enum(u8) {
    end,
    /// Keyword or identifier without quotes.
    word,
    quoted,
    number,
    string,
    parameter,
    operator,
    open,
    close,
    open_bracket,
    close_bracket,
    comma,
    semicolon,
    dot,
    colon,
    /// `::`
    cast,
    other,
    /// A quoted identifier without its end; a string without its end is a string.
    unterminated,

    /// Whether it runs into a neighbour of such a kind where no space stands between.
    pub fn isNameLike(kind: Kind) bool {
        return switch (kind) {
            .word, .number, .string, .parameter, .other => true,
            else => false,
        };
    }
};

/// What stands between a token and the one before it.
pub const Gap = enum(u8) { none = 0, one_space = 1, other = 2 };

/// What a backslash in a string without a prefix is.
pub const Backslash = enum { unknown, ordinary, escapes };

/// How the body of a string is read.
pub const StringKind = enum { plain, escape, bits, unicode, dollar };

/// Bytes above ASCII are letters.
pub const class_of: [256]Class = classes: {
    var table: [256]Class = @splat(.other);
    for (0x80..0x100) |byte| table[byte] = .letter;
    for ("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") |byte| table[byte] = .letter;
    for ("0123456789") |byte| table[byte] = .digit;
    for (" \t\n\r\x0b\x0c") |byte| table[byte] = .space;
    for ("~!@#^&|`?+-*/%<>=") |byte| table[byte] = .operator;
    for ("()[],;") |byte| table[byte] = .punctuation;
    table['\''] = .quote;
    table['"'] = .double_quote;
    table['$'] = .dollar;
    table['.'] = .dot;
    table[':'] = .colon;
    break :classes table;
};

pub fn isSpace(byte: u8) bool {
    return class_of[byte] == .space;
}

pub fn isDigit(byte: u8) bool {
    return byte >= '0' and byte <= '9';
}

pub fn isLetter(byte: u8) bool {
    return class_of[byte] == .letter;
}

/// The characters that let an operator end in `+` or `-`.
pub fn isQualifying(byte: u8) bool {
    return switch (byte) {
        '~', '!', '@', '#', '^', '&', '|', '`', '?', '%' => true,
        else => false,
    };
}

pub fn kindOfPunctuation(byte: u8) Kind {
    return switch (byte) {
        '(' => .open,
        ')' => .close,
        '[' => .open_bracket,
        ']' => .close_bracket,
        ',' => .comma,
        ';' => .semicolon,
        else => unreachable,
    };
}

/// Whether a name goes on with this byte.
pub const continues_name: [256]bool = table: {
    var table: [256]bool = undefined;
    for (class_of, &table) |class, *continues| {
        continues.* = class == .letter or class == .digit or class == .dollar;
    }
    break :table table;
};
