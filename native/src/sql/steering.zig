//! What a few words say of the tokens behind them: SET that its value is to be dropped whole,
//! SAVEPOINT and its kin that a name is as good as a value, being new in each transaction, UESCAPE
//! that a string is no literal of its own, CREATE and its kin that a number may be signed.

const fingerprint = @import("fingerprint.zig");
const keywords = @import("keywords.zig");
const token = @import("token.zig");

/// How far `SET name = value`, `ALTER ROLE … SET name TO value` or a statement with a name that
/// applications make anew, such as that of a savepoint, has been read.
pub const Setting = enum(u8) {
    none,
    alter,
    configured,
    set,
    name,
    /// ROLLBACK: a savepoint is named behind TO.
    rolled_back,
    start,
    value,
    /// The next token is a name: SAVEPOINT and its kin.
    named_first,
    /// The last word is a name: RELEASE and its kin.
    named_last,

    /// Whether tokens may be left out of the text.
    pub inline fn skips(setting: Setting) bool {
        return @intFromEnum(setting) >= @intFromEnum(Setting.start);
    }
};

/// How far a `U&` token and its UESCAPE have been read.
pub const Unicode = enum { none, string, name, string_escape, name_escape };

/// Looks at the words that begin a statement for the few whose values are not literals.
pub fn steer(machine: anytype, word: keywords.Id) void {
    if (machine.is_statement_start) {
        machine.is_statement_start = false;
        machine.setting = switch (word) {
            .set => .set,
            .alter => .alter,
            .named_first => .named_first,
            .moving, .named_last => .named_last,
            .rollback => .rolled_back,
            else => .none,
        };
        machine.is_counting = word == .alter or word == .counting or word == .moving;
        return;
    }
    switch (machine.setting) {
        .alter => machine.setting = if (word == .configured) .configured else .none,
        .configured => if (word == .set) {
            machine.setting = .set;
        },
        .set => machine.setting = if (word == .time) .none else .name,
        .name => if (word == .to) {
            machine.setting = .start;
        },
        .rolled_back => if (word == .to) {
            machine.setting = .named_last;
        },
        .none, .start, .value, .named_first, .named_last => {},
    }
}

/// One placeholder stands for everything that a setting is set to.
pub fn skipsSetting(machine: anytype, kind: token.Kind) bool {
    if (kind == .semicolon) return false;
    switch (machine.setting) {
        .named_first, .named_last => return skipsName(machine, kind),
        .value => return true,
        else => {},
    }
    const is_default = kind == .word and machine.lexer.keyword.id == .default;
    machine.setting = if (is_default) .none else .value;
    if (!is_default) machine.writePlaceholder();
    return !is_default;
}

/// A name that applications make anew is a value: a placeholder stands for it.
fn skipsName(machine: anytype, kind: token.Kind) bool {
    const is_first = machine.setting == .named_first;
    if (is_first) machine.setting = .none;
    if (kind != .quoted and (kind != .word or !isName(machine, is_first))) return false;
    machine.readLiteral();
    if (kind == .quoted and machine.lexer.is_unicode) machine.unicode = .string;
    return true;
}

/// Whether this word is the name rather than a keyword before it: ALL, TRANSACTION, SAVEPOINT.
fn isName(machine: anytype, is_first: bool) bool {
    const lexer = &machine.lexer;
    if (lexer.keyword.is_before_operand) return false;
    const following = lexer.followingStart();
    const byte = lexer.bytes.at(following);
    if (byte == 0) return !machine.is_cut_source;
    if (!is_first) return byte == ';';
    // `PREPARE TRANSACTION 'x'`, whatever the spelling of the string.
    if (byte == '\'' or byte == '$') return false;
    const second = lexer.bytes.at(following + 1);
    return token.class_of[byte] != .letter or (second != '\'' and second != '&');
}

/// UESCAPE goes with its string, and belongs to the spelling of a name.
pub fn skipsEscape(machine: anytype, kind: token.Kind) bool {
    const lexer = &machine.lexer;
    const unicode = machine.unicode;
    machine.unicode = .none;
    switch (unicode) {
        .none => return false,
        .string, .name => {
            if (kind != .word or lexer.keyword.id != .uescape) return false;
            machine.unicode = if (unicode == .string) .string_escape else .name_escape;
            return unicode == .string;
        },
        .string_escape => return kind == .string,
        .name_escape => {
            if (kind != .string or lexer.end - lexer.start != 3) return false;
            const escape = lexer.bytes.at(lexer.start + 1);
            if (escape <= 0x20 or escape >= 0x7f) return false;
            if (lexer.bytes.at(lexer.start) != '\'') return false;
            machine.text.copy(lexer.start, lexer.end, lexer.gap);
            machine.hash.addCode(escape | fingerprint.other_code);
            machine.after = .operand;
            machine.last_kind = .quoted;
            return true;
        },
    }
}
