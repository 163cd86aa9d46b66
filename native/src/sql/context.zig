//! What may come next, judged by what was last: whether `-` is a sign, NULL a value, a keyword a
//! name. `afterKeyword` states the rules; the machine calls it, and the table that the fast path
//! steps through is computed from it, so that the two cannot differ.

const std = @import("std");
const keywords = @import("keywords.zig");
const token = @import("token.zig");

pub const After = enum(u3) {
    /// An operand: `-` is a sign, NULL a value.
    operator,
    operand,
    /// IS: NULL, TRUE and FALSE are part of the operator.
    is,
    /// A NOT behind an operand or IS: `NOT NULL` is no value.
    kept_not,
    /// `ABSENT ON` and its kin.
    kept_on,
    /// A dot, `::`: a name, whatever keyword it looks like.
    name,
    /// AS: a name, or what a statement begins with.
    as,
};

pub fn afterKeyword(
    entry: keywords.Entry,
    after: After,
    last_word: keywords.Id,
    is_sign_next: bool,
) After {
    const usual: After = if (entry.is_before_operand or is_sign_next) .operator else .operand;
    return switch (entry.id) {
        .as => .as,
        .is => .is,
        .not => if (after == .operand or after == .is) .kept_not else .operator,
        .on => if (last_word == .on_null) .kept_on else .operator,
        .by => if (last_word == .sorted) .operator else usual,
        .infix => if (after == .operand or after == .kept_not) .operator else usual,
        else => usual,
    };
}

/// What is remembered of a keyword until the next token.
pub fn rememberedWord(entry: keywords.Entry) keywords.Id {
    return if (entry.id == .constant) .on_null else entry.id;
}

/// The last words that any rule asks for; to all others, one answer is given.
const LastWord = enum(u3) {
    none,
    in,
    values,
    operator,
    array,
    on_null,
    sorted,
    /// No word yet: the statement begins.
    start,

    fn of(id: keywords.Id) LastWord {
        return switch (id) {
            .in => .in,
            .values => .values,
            .operator => .operator,
            .array => .array,
            .on_null => .on_null,
            .sorted => .sorted,
            else => .none,
        };
    }

    fn toId(word: LastWord) keywords.Id {
        return switch (word) {
            .none, .start => .none,
            .in => .in,
            .values => .values,
            .operator => .operator,
            .array => .array,
            .on_null => .on_null,
            .sorted => .sorted,
        };
    }
};

/// All of the above in one byte.
pub const Context = packed struct(u8) {
    after: After,
    word: LastWord = .none,
    /// In CREATE, ALTER, FETCH and MOVE some words take a signed number.
    is_counting: bool,
    padding: u1 = 0,

    pub fn of(after: After, last_word: keywords.Id, is_counting: bool, is_start: bool) Context {
        const word: LastWord = if (is_start) .start else .of(last_word);
        return .{ .after = after, .word = word, .is_counting = is_counting };
    }

    /// Of a table's row: no check is left of its bound.
    inline fn index(context: Context) u7 {
        return @truncate(@as(u8, @bitCast(context)));
    }

    pub inline fn isStart(context: Context) bool {
        return context.word == .start;
    }

    pub fn lastWord(context: Context) keywords.Id {
        return context.word.toId();
    }

    /// The context behind a token that is no word.
    pub inline fn then(context: Context, after: After) Context {
        return .{ .after = after, .is_counting = context.is_counting };
    }

    /// The context behind a word; null where the machine has more to do than to go on.
    pub inline fn step(context: Context, table: *const Steps, symbol: keywords.Symbol) ?Context {
        const next = table[context.index()][symbol];
        return if (next == no_step) null else @bitCast(next);
    }
};

/// Punctuation and operators of one character.
pub const Mark = enum(u8) {
    comma,
    open,
    close,
    open_bracket,
    close_bracket,
    dot,
    operator,
    minus,

    pub fn kind(mark: Mark) token.Kind {
        return switch (mark) {
            .comma => .comma,
            .open => .open,
            .close => .close,
            .open_bracket => .open_bracket,
            .close_bracket => .close_bracket,
            .dot => .dot,
            .operator, .minus => .operator,
        };
    }

    /// What is next behind the mark, wherever it may stand.
    pub fn next(mark: Mark) After {
        return switch (mark) {
            .open, .open_bracket, .comma, .operator, .minus => .operator,
            .close, .close_bracket => .operand,
            .dot => .name,
        };
    }

    /// The contexts in which the machine has more to do than to go on.
    pub fn stops(mark: Mark) Stops {
        return switch (mark) {
            .close, .close_bracket, .comma, .dot => .{},
            // A list begins, or the name of an operator.
            .open => .{ .opens = true },
            .open_bracket => .{ .opens_array = true },
            // Neither ends the start of a statement; a sign may go with a number.
            .operator => .{ .is_start = true },
            .minus => .{ .is_start = true, .is_signed = true },
        };
    }
};

/// What of a context some marks must not meet.
pub const Stops = packed struct(u8) {
    opens: bool = false,
    opens_array: bool = false,
    is_start: bool = false,
    is_signed: bool = false,
    padding: u4 = 0,

    pub inline fn meet(own: Stops, table: *const StopsTable, context: Context) bool {
        return table[context.index()] & @as(u8, @bitCast(own)) != 0;
    }
};

pub const StopsTable = [contexts_count]u8;

pub const stops_of: StopsTable = table: {
    var table: [contexts_count]u8 = @splat(0);
    for (&table, 0..) |*entry, code| {
        if (code & 7 > @intFromEnum(After.as)) continue;
        const context: Context = @bitCast(@as(u8, code));
        const stops: Stops = .{
            .opens = switch (context.word) {
                .in, .values, .operator => true,
                else => false,
            },
            .opens_array = context.word == .array,
            .is_start = context.word == .start,
            .is_signed = context.after == .operator,
        };
        entry.* = @bitCast(stops);
    }
    break :table table;
};

const contexts_count = 1 << 7;
const symbols_max = 32;
const no_step = 0xff;

pub const Steps = [contexts_count][symbols_max]u8;

pub const steps: Steps = table: {
    @setEvalBranchQuota(200_000);
    var table: [contexts_count][symbols_max]u8 = @splat(@splat(no_step));
    for (&table, 0..) |*row, code| {
        if (code & 7 > @intFromEnum(After.as)) continue;
        const context: Context = @bitCast(@as(u8, code));
        for (keywords.symbol_entries, 0..) |entry, symbol| {
            if (afterWord(context, entry)) |next| row[symbol] = @bitCast(next);
        }
    }
    break :table table;
};

fn afterWord(context: Context, entry: keywords.Entry) ?Context {
    if (context.word == .start and entry.id.isSteering()) return null;
    if (context.after == .name) return context.then(.operand);
    // A value: it becomes a placeholder.
    if (entry.id == .constant and context.after == .operator) return null;
    const is_sign_next = context.is_counting and entry.is_signed;
    return .{
        .after = afterKeyword(entry, context.after, context.lastWord(), is_sign_next),
        .word = .of(rememberedWord(entry)),
        .is_counting = context.is_counting,
    };
}

test "Context: steps as the rules say" {
    const select: keywords.Entry = .{ .is_keyword = true, .is_before_operand = true };
    const start: Context = .of(.operator, .none, false, true);
    const selecting = start.step(&steps, keywords.symbolOfEntry(select)) orelse return error.NoStep;
    try std.testing.expectEqual(After.operator, selecting.after);
    try std.testing.expect(Mark.minus.stops().meet(&stops_of, selecting));
    try std.testing.expect(Mark.operator.stops().meet(&stops_of, start));
    try std.testing.expect(!Mark.comma.stops().meet(&stops_of, selecting));
}
