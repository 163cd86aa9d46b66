//! PostgreSQL 18's keywords of every class, and what the normaliser knows of some of them.

const std = @import("std");
const fingerprint = @import("fingerprint.zig");

/// Keywords that steer the normaliser.
pub const Id = enum(u8) {
    none,
    array,
    as,
    by,
    /// ABSENT, CALLED: an `ON NULL` after them is no value.
    on_null,
    cast,
    default,
    in,
    is,
    not,
    /// NULL, TRUE, FALSE: a literal where an operand may stand.
    constant,
    on,
    operator,
    /// ORDER, GROUP, PARTITION: a BY after them is followed by an operand.
    sorted,
    uescape,
    values,
    /// BETWEEN, ESCAPE, PASSING, VALUE: an operator after an operand, a name elsewhere.
    infix,
    set,
    alter,
    /// ROLE, USER, DATABASE, SYSTEM: after ALTER, their SET takes a value.
    configured,
    /// CREATE: as behind FETCH and MOVE, a signed number may follow an `is_signed` word.
    counting,
    to,
    time,
    /// FETCH, MOVE: counting, and the last word names a cursor.
    moving,
    /// SAVEPOINT and its kin: a name follows.
    named_first,
    /// RELEASE and its kin: the last word is a name.
    named_last,
    rollback,

    /// Whether a statement that begins with it has its words looked at: see `steering.zig`.
    pub fn isSteering(id: Id) bool {
        return switch (id) {
            .set, .alter, .counting, .moving, .named_first, .named_last, .rollback => true,
            else => false,
        };
    }
};

pub const Entry = packed struct(u16) {
    id: Id = .none,
    is_keyword: bool = false,
    /// Cannot end an expression: what follows is an operand, so a minus is a sign.
    is_before_operand: bool = false,
    /// Goes on the name of a type: `double precision`, `timestamp with time zone`.
    is_type_tail: bool = false,
    /// Takes a number, perhaps signed, in CREATE, ALTER, FETCH and MOVE.
    is_signed: bool = false,
    padding: u4 = 0,

    pub const none: Entry = .{};

    /// What a type's name goes on with only matters to lists; which of the words a statement is
    /// steered by it is, only to the steering.
    fn forRuns(entry: Entry) Entry {
        var rest = entry;
        rest.is_type_tail = false;
        if (entry.id.isSteering()) rest.id = .set;
        if (entry.id == .configured or entry.id == .time) rest.id = .none;
        return rest;
    }

    /// Whether it is a keyword, but none that the normaliser knows more of.
    pub inline fn isPlain(entry: Entry) bool {
        const plain: u16 = @bitCast(Entry{ .is_keyword = true });
        return @as(u16, @bitCast(entry)) & ~plain == 0;
    }
};

const keywords =
    \\abort absent absolute access action add admin after aggregate all also alter always analyse
    \\analyze and any array as asc asensitive assertion assignment asymmetric at atomic attach
    \\attribute authorization backward before begin between bigint binary bit boolean both breadth
    \\by cache call called cascade cascaded case cast catalog chain char character characteristics
    \\check checkpoint class close cluster coalesce collate collation column columns comment
    \\comments commit committed compression concurrently conditional configuration conflict
    \\connection constraint constraints content continue conversion copy cost create cross csv cube
    \\current current_catalog current_date current_role current_schema current_time
    \\current_timestamp current_user cursor cycle data database day deallocate dec decimal declare
    \\default defaults deferrable deferred definer delete delimiter delimiters depends depth desc
    \\detach dictionary disable discard distinct do document domain double drop each else empty
    \\enable encoding encrypted end enforced enum error escape event except exclude excluding
    \\exclusive execute exists explain expression extension external extract false family fetch
    \\filter finalize first float following for force foreign format forward freeze from full
    \\function functions generated global grant granted greatest group grouping groups handler
    \\having header hold hour identity if ilike immediate immutable implicit import in include
    \\including increment indent index indexes inherit inherits initially inline inner inout input
    \\insensitive insert instead int integer intersect interval into invoker is isnull isolation
    \\join json json_array json_arrayagg json_exists json_object json_objectagg json_query
    \\json_scalar json_serialize json_table json_value keep key keys label language large last
    \\lateral leading leakproof least left level like limit listen load local localtime
    \\localtimestamp location lock locked logged mapping match matched materialized maxvalue merge
    \\merge_action method minute minvalue mode month move name names national natural nchar nested
    \\new next nfc nfd nfkc nfkd no none normalize normalized not nothing notify notnull nowait null
    \\nullif nulls numeric object objects of off offset oids old omit on only operator option
    \\options or order ordinality others out outer over overlaps overlay overriding owned owner
    \\parallel parameter parser partial partition passing password path period placing plan plans
    \\policy position preceding precision prepare prepared preserve primary prior privileges
    \\procedural procedure procedures program publication quote quotes range read real reassign
    \\recursive ref references referencing refresh reindex relative release rename repeatable
    \\replace replica reset restart restrict return returning returns revoke right role rollback
    \\rollup routine routines row rows rule savepoint scalar schema schemas scroll search second
    \\security select sequence sequences serializable server session session_user set setof sets
    \\share show similar simple skip smallint snapshot some source sql stable standalone start
    \\statement statistics stdin stdout storage stored strict string strip subscription substring
    \\support symmetric sysid system system_user table tables tablesample tablespace target temp
    \\template temporary text then ties time timestamp to trailing transaction transform treat
    \\trigger trim true truncate trusted type types uescape unbounded uncommitted unconditional
    \\unencrypted union unique unknown unlisten unlogged until update user using vacuum valid
    \\validate validator value values varchar variadic varying verbose version view views virtual
    \\volatile when where whitespace window with within without work wrapper write xml xmlattributes
    \\xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize
    \\xmltable year yes zone
;

const steering = [_]struct { Id, []const u8 }{
    .{ .array, "array" },
    .{ .as, "as" },
    .{ .by, "by" },
    .{ .on_null, "absent called" },
    .{ .cast, "cast" },
    .{ .default, "default" },
    .{ .in, "in" },
    .{ .is, "is" },
    .{ .not, "not" },
    .{ .constant, "null true false" },
    .{ .on, "on" },
    .{ .operator, "operator" },
    .{ .sorted, "order group partition" },
    .{ .uescape, "uescape" },
    .{ .values, "values" },
    .{ .infix, "between escape passing value" },
    .{ .set, "set" },
    .{ .alter, "alter" },
    .{ .configured, "role user database system" },
    .{ .counting, "create" },
    .{ .to, "to" },
    .{ .time, "time" },
    .{ .moving, "fetch move" },
    .{ .named_first, "declare execute listen notify prepare savepoint unlisten" },
    .{ .named_last, "close deallocate release" },
    .{ .rollback, "rollback" },
};

const before_operand =
    \\all and any asymmetric both case default distinct do else except fetch for from group having
    \\ilike in intersect into lateral leading like limit offset on only or order placing returning
    \\select similar some symmetric then to trailing union using variadic when where window with
;

const type_tail =
    \\array character char day hour minute month precision second time to varying with without year
    \\zone
;

const signed =
    \\absolute backward by cache fetch forward increment maxvalue minvalue move relative restart
    \\start with
;

fn isIn(word: []const u8, list: []const u8) bool {
    var words = std.mem.tokenizeAny(u8, list, " \n");
    while (words.next()) |other| {
        if (std.mem.eql(u8, word, other)) return true;
    }
    return false;
}

fn entryOf(word: []const u8) Entry {
    var entry: Entry = .{
        .is_keyword = true,
        .is_before_operand = isIn(word, before_operand),
        .is_type_tail = isIn(word, type_tail),
        .is_signed = isIn(word, signed),
    };
    for (steering) |steered| {
        if (isIn(word, steered[1])) entry.id = steered[0];
    }
    return entry;
}

/// Words of one symbol are alike to all but lists and the steering. Symbol 0 is that of words that are no keyword.
pub const symbol_entries: []const Entry = entries: {
    @setEvalBranchQuota(4_000_000);
    var entries: []const Entry = &.{.none};
    var words = std.mem.tokenizeAny(u8, keywords, " \n");
    while (words.next()) |text| {
        const entry = entryOf(text).forRuns();
        for (entries) |known| {
            if (known == entry) break;
        } else entries = entries ++ .{entry};
    }
    break :entries entries;
};

pub const Symbol = u5;

/// Tables and tests only.
pub fn symbolOfEntry(entry: Entry) Symbol {
    for (symbol_entries, 0..) |known, symbol| {
        if (known == entry.forRuns()) return @intCast(symbol);
    }
    unreachable;
}

const slot_bits = 10;
const slots_count = 1 << slot_bits;
const step_bits = 8;

/// A perfect hash: each of `steps` moves the words that share it to slots of their own. One load
/// and one comparison tell a keyword, with nothing to predict.
pub const Table = struct {
    steps: [1 << step_bits]u8 = @splat(0),
    words: [slots_count]u64 = @splat(0),
    entries: [slots_count]Entry = @splat(.none),
    symbols: [slots_count]Symbol = @splat(0),

    /// The symbol of a word, for `Context.step`. No branch: which words are keywords is hard to
    /// predict.
    pub inline fn symbolOf(self: *const Table, word: fingerprint.Word) Symbol {
        const slot = slotOf(word, self.steps[word.lane2 >> (32 - step_bits)]);
        const is_keyword = @intFromBool(self.words[slot] == word.toInt());
        return self.symbols[slot] & (0 -% @as(Symbol, is_keyword));
    }
};

/// The same for keywords of at most eight letters, by these: neither the word nor what it means
/// need be computed for what most words are.
pub const ShortTable = struct {
    table: Table = build(spreadLetters),
    words: [slots_count]fingerprint.Word = short_words,

    pub const Found = struct { word: fingerprint.Lanes, symbol: Symbol };

    /// `letters` in lower case, the first one lowest, NUL bytes behind them.
    pub inline fn find(self: *const ShortTable, letters: u64) ?Found {
        const spread = spreadOf(letters);
        const slot = slotOf(spread, self.table.steps[spread.lane2 >> (32 - step_bits)]);
        if (self.table.words[slot] != spread.toInt()) return null;
        return .{ .word = .of(self.words[slot]), .symbol = self.table.symbols[slot] };
    }
};

/// No two are alike, as the factor is odd.
inline fn spreadOf(letters: u64) fingerprint.Word {
    const product = letters *% 0x9e3779b97f4a7c15;
    return .{ .lane1 = @truncate(product), .lane2 = @truncate(product >> 32) };
}

fn spreadLetters(text: []const u8) ?fingerprint.Word {
    if (text.len > 8) return null;
    var letters: u64 = 0;
    for (text, 0..) |letter, index| letters |= @as(u64, letter) << @intCast(8 * index);
    return spreadOf(letters);
}

const short_words: [slots_count]fingerprint.Word = short: {
    @setEvalBranchQuota(1_000_000);
    const short_table = build(spreadLetters);
    var found: [slots_count]fingerprint.Word = @splat(.of(0));
    var words = std.mem.tokenizeAny(u8, keywords, " \n");
    while (words.next()) |text| {
        const spread = spreadLetters(text) orelse continue;
        const slot = slotOf(spread, short_table.steps[spread.lane2 >> (32 - step_bits)]);
        found[slot] = fingerprint.wordOf(text);
    }
    break :short found;
};

const Keyed = struct { word: fingerprint.Word, entry: Entry };

pub const table: Table = build(hashOf);

fn hashOf(text: []const u8) ?fingerprint.Word {
    return fingerprint.wordOf(text);
}

fn build(comptime keyOf: fn (text: []const u8) ?fingerprint.Word) Table {
    @setEvalBranchQuota(20_000_000);
    var buckets: [1 << step_bits][]const Keyed = @splat(&.{});
    var words = std.mem.tokenizeAny(u8, keywords, " \n");
    while (words.next()) |text| {
        const word = keyOf(text) orelse continue;
        const bucket = &buckets[word.lane2 >> (32 - step_bits)];
        bucket.* = bucket.* ++ .{Keyed{ .word = word, .entry = entryOf(text) }};
    }
    var built: Table = .{};
    var size: usize = 16;
    // The fullest first, while there is room.
    while (size > 0) : (size -= 1) {
        for (buckets, 0..) |bucket, index| {
            if (bucket.len > size) @compileError("a bucket of keywords is too full");
            if (bucket.len < size) continue;
            built.steps[index] = stepFor(&built, bucket);
            for (bucket) |keyed| {
                const slot = slotOf(keyed.word, built.steps[index]);
                built.words[slot] = keyed.word.toInt();
                built.entries[slot] = keyed.entry;
                built.symbols[slot] = symbolOfEntry(keyed.entry);
            }
            buckets[index] = &.{};
        }
    }
    return built;
}

fn stepFor(built: *const Table, bucket: []const Keyed) u8 {
    var step: u8 = 0;
    next: while (true) : (step += 1) {
        for (bucket, 0..) |keyed, index| {
            const slot = slotOf(keyed.word, step);
            if (built.words[slot] != 0) continue :next;
            for (bucket[0..index]) |other| {
                if (slotOf(other.word, step) == slot) continue :next;
            }
        }
        return step;
    }
}

/// A product is random in its upper bits only.
inline fn slotOf(word: fingerprint.Word, step: u8) usize {
    return (word.lane1 +% word.lane2 *% step) >> (32 - slot_bits);
}

inline fn find(word: fingerprint.Word) ?usize {
    const slot = slotOf(word, table.steps[word.lane2 >> (32 - step_bits)]);
    return if (table.words[slot] == word.toInt()) slot else null;
}

/// What is known of a word. Its hash stands for its text: 64 bits over fewer than 500 keywords.
pub inline fn lookUp(word: fingerprint.Word) Entry {
    return if (find(word)) |slot| table.entries[slot] else .none;
}

pub inline fn isKeyword(word: fingerprint.Word) bool {
    return find(word) != null;
}

test lookUp {
    try std.testing.expectEqual(Id.in, lookUp(fingerprint.wordOf("in")).id);
    try std.testing.expect(lookUp(fingerprint.wordOf("zone")).is_type_tail);
    try std.testing.expect(lookUp(fingerprint.wordOf("absolute")).is_signed);
    try std.testing.expect(!lookUp(fingerprint.wordOf("author")).is_keyword);
    var words = std.mem.tokenizeAny(u8, keywords, " \n");
    while (words.next()) |text| try std.testing.expect(isKeyword(fingerprint.wordOf(text)));
}

test ShortTable {
    const short: ShortTable = .{};
    var words = std.mem.tokenizeAny(u8, keywords, " \n");
    while (words.next()) |text| {
        var letters: [8]u8 = @splat(0);
        if (text.len > letters.len) continue;
        @memcpy(letters[0..text.len], text);
        const found = short.find(@bitCast(letters)) orelse return error.NotFound;
        try std.testing.expectEqual(fingerprint.wordOf(text), found.word.toWord());
        try std.testing.expectEqual(table.symbolOf(found.word.toWord()), found.symbol);
        letters[0] = '_';
        try std.testing.expectEqual(null, short.find(@bitCast(letters)));
    }
}
