//! The 64-bit fingerprint, version 2: two lanes of 32 bits that never meet before the end, so
//! that JavaScript (`Math.imul`) and Zig (`*%`) compute it at the same cost.
//!
//! A token becomes two words (one for each lane) by mixing its bytes, four at a time, little
//! endian, the last group padded with zeros; a statement is mixed from the words of its tokens.
//! `docs/sql.md` is the specification.

const std = @import("std");

/// Stands for every literal and parameter.
pub const literal_code: u32 = 0x24;
/// Stands for a folded list; its form is added.
pub const list_code: u32 = 0x4c000000;
/// Added to a character that is no token of PostgreSQL's, and to the character of a UESCAPE.
pub const other_code: u32 = 0x4f00;
/// Mixed into the words of an identifier that keeps its quotes.
pub const quoted_code: u32 = 0x22;
/// Mixed into the words of a `U&"…"` identifier that keeps its quotes.
pub const unicode_quoted_code: u32 = 0x2655;

pub const Word = struct {
    lane1: u32,
    lane2: u32,

    pub const seed: Word = .{ .lane1 = 0x48594450, .lane2 = 0x53514c31 };

    pub inline fn mix(word: *Word, lane1: u32, lane2: u32) void {
        word.lane1 = (std.math.rotl(u32, word.lane1, 5) ^ lane1) *% 0x9e3779b1;
        word.lane2 = (std.math.rotl(u32, word.lane2, 7) ^ lane2) *% 0x85ebca77;
    }

    pub inline fn mixCode(word: *Word, code: u32) void {
        word.mix(code, code);
    }

    /// Mixes in the lower group, and the upper one where `keeps_upper`: with nothing to predict.
    pub inline fn mixPair(word: Word, groups: u64, keeps_upper: bool) Word {
        var one = word;
        one.mixCode(@truncate(groups));
        var two = one;
        two.mixCode(@truncate(groups >> 32));
        return .{
            .lane1 = choose(keeps_upper, two.lane1, one.lane1),
            .lane2 = choose(keeps_upper, two.lane2, one.lane2),
        };
    }

    pub fn of(code: u32) Word {
        return .{ .lane1 = code, .lane2 = code };
    }

    pub inline fn toInt(word: Word) u64 {
        return @as(u64, word.lane2) << 32 | word.lane1;
    }

    pub fn eql(word: Word, other: Word) bool {
        return word.lane1 == other.lane1 and word.lane2 == other.lane2;
    }
};

/// Both lanes of a word side by side, each in the lower half of 64 bits: one vector multiplication
/// mixes both, and leaves the processor's other units to what finds the tokens.
pub const Lanes = struct {
    both: Both,

    const Both = @Vector(2, u64);
    const low: Both = @splat(0xffffffff);

    pub const seed: Lanes = .of(.seed);

    pub inline fn of(word: Word) Lanes {
        return .{ .both = .{ word.lane1, word.lane2 } };
    }

    pub inline fn toWord(lanes: Lanes) Word {
        return .{ .lane1 = @truncate(lanes.both[0]), .lane2 = @truncate(lanes.both[1]) };
    }

    pub inline fn mix(lanes: Lanes, word: Lanes) Lanes {
        const shifted = (lanes.both & low) *% Both{ 1 << 5, 1 << 7 };
        const rotated = shifted ^ (shifted >> @splat(32));
        return .{ .both = ((rotated ^ word.both) & low) *% Both{ 0x9e3779b1, 0x85ebca77 } };
    }

    pub inline fn mixCode(lanes: Lanes, code: u64) Lanes {
        return lanes.mix(.{ .both = @splat(code) });
    }

    /// The word of up to eight letters, NUL bytes behind them; `keeps_upper` is all ones where they
    /// are more than one group: how long a name is cannot be predicted.
    pub inline fn ofLetters(letters: u64, keeps_upper: u64) Lanes {
        const one = seed.mixCode(letters);
        const two = one.mixCode(letters >> 32);
        const keeps: Both = @splat(keeps_upper);
        return .{ .both = one.both ^ ((one.both ^ two.both) & keeps) };
    }
};

/// The hash of a statement while its tokens stream by.
pub const Statement = struct {
    word: Word = .{ .lane1 = 0x6a09e667, .lane2 = 0xbb67ae85 },

    pub inline fn addCode(statement: *Statement, code: u32) void {
        statement.word.mixCode(code);
    }

    pub inline fn add(statement: *Statement, word: Word) void {
        statement.word.mix(word.lane1, word.lane2);
    }

    pub fn final(statement: Statement) u64 {
        const high = avalanche(statement.word.lane1 +% statement.word.lane2);
        return @as(u64, high) << 32 | avalanche(statement.word.lane2 +% high);
    }
};

inline fn choose(condition: bool, yes: u32, no: u32) u32 {
    if (condition) {
        @branchHint(.unpredictable);
        return yes;
    }
    return no;
}

/// ASCII capital letters of a group in lower case.
pub inline fn fold(group: u32) u32 {
    const low = group & 0x7f7f7f7f;
    // Sets the top bit of each byte that is at least `A`, and of each that is beyond `Z`.
    const capitals = (low +% 0x3f3f3f3f) & ~(low +% 0x25252525) & ~group & 0x80808080;
    return group | capitals >> 2;
}

/// murmur3's finaliser: every input bit reaches every output bit.
fn avalanche(hash: u32) u32 {
    var mixed = hash ^ hash >> 16;
    mixed *%= 0x85ebca6b;
    mixed ^= mixed >> 13;
    mixed *%= 0xc2b2ae35;
    return mixed ^ mixed >> 16;
}

/// The word of a short ASCII text, for tables made at compile time.
pub fn wordOf(text: []const u8) Word {
    var word: Word = .seed;
    var index: usize = 0;
    while (index < text.len) : (index += 4) {
        var group: u32 = 0;
        for (text[index..@min(index + 4, text.len)], 0..) |byte, offset| {
            group |= @as(u32, byte) << @intCast(8 * offset);
        }
        word.mixCode(fold(group));
    }
    return word;
}

test fold {
    try std.testing.expectEqual(@as(u32, 0x7b617a40), fold(0x7b415a40));
    try std.testing.expectEqual(@as(u32, 0xc1da5b5f), fold(0xc1da5b5f));
}

test Lanes {
    for ([_][]const u8{ "a", "name", "names", "distinct" }) |text| {
        var letters: [8]u8 = @splat(0);
        @memcpy(letters[0..text.len], text);
        const keeps_upper: u64 = if (text.len > 4) std.math.maxInt(u64) else 0;
        const lanes: Lanes = .ofLetters(std.mem.readInt(u64, &letters, .little), keeps_upper);
        try std.testing.expectEqual(wordOf(text), lanes.toWord());
        var word = wordOf(text);
        word.mixCode(quoted_code);
        try std.testing.expectEqual(word, lanes.mixCode(quoted_code).toWord());
    }
}

test wordOf {
    try std.testing.expectEqual(wordOf("select"), wordOf("SELECT"));
    try std.testing.expect(!wordOf("select").eql(wordOf("selecu")));
}
