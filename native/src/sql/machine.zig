//! One pass over a statement's tokens: each changes the text, the hash and what may come next.
//!
//! Two decisions need what comes later: whether a minus belongs to a number, and whether a list
//! holds literals only. Both are taken by going on as if not, and returning to a checkpoint when
//! it turns out so: nothing is read twice.

const context = @import("context.zig");
const fingerprint = @import("fingerprint.zig");
const keywords = @import("keywords.zig");
const lexer_module = @import("lexer.zig");
const list_module = @import("list.zig");
const plain = @import("plain.zig");
const steering = @import("steering.zig");
const text_module = @import("text.zig");
const token = @import("token.zig");
const window_module = @import("window.zig");

const After = context.After;
const afterKeyword = context.afterKeyword;
const ListReader = list_module.ListReader;
const NormalizedText = text_module.NormalizedText;
const Window = window_module.Window;

/// The `…` of a folded list: a word, to the scanner.
const rest_word = fingerprint.wordOf("…");

/// Those of a placeholder, a semicolon, and the spaces before both.
const placeholder_bytes_max = 16;

const MinusCheckpoint = struct {
    text: NormalizedText.Checkpoint = .{},
    hash: fingerprint.Statement = .{},
    last_kind: token.Kind = .end,
    gap: token.Gap = .none,
};

pub fn Machine(comptime padded: bool, comptime reads_plain_tokens: bool) type {
    return struct {
        const Self = @This();
        pub const is_padded = padded;

        lexer: lexer_module.Lexer(padded),
        window: *Window,
        text: NormalizedText,
        hash: fingerprint.Statement = .{},
        list: ListReader = .{},

        /// The end of a text that was cut is neither that of its list nor that of its statement.
        is_cut_source: bool,

        placeholder_count: u32 = 0,
        list_lengths: []u32,
        list_lengths_count: usize = 0,
        after: After = .operator,
        /// The kind of the last token that was written; `end` before the first.
        last_kind: token.Kind = .end,
        /// What is known of the last token, where it was a keyword.
        last_word: keywords.Id = .none,
        is_operator_name: bool = false,
        unicode: steering.Unicode = .none,

        // What the first words of the statement told.
        is_statement_start: bool = true,
        is_counting: bool = false,
        setting: steering.Setting = .none,

        // A semicolon waits until something follows it.
        has_semicolon: bool = false,
        semicolon_start: usize = 0,
        semicolon_gap: token.Gap = .none,

        // Signs that may turn out to belong to a number.
        minus_count: u32 = 0,
        before_minus: MinusCheckpoint = .{},

        // The open list: the hash before it, and the text after its first element.
        list_hash: fingerprint.Statement = .{},
        after_first: NormalizedText.Checkpoint = .{},
        after_first_placeholder_count: u32 = 0,

        fn startStatement(machine: *Self) void {
            machine.after = .operator;
            machine.last_word = .none;
            machine.is_operator_name = false;
            machine.is_statement_start = true;
            machine.is_counting = false;
            machine.setting = .none;
        }

        pub fn read(machine: *Self) void {
            const lexer = &machine.lexer;
            while (true) {
                if (reads_plain_tokens) plain.readTokens(machine);
                if (lexer.end == lexer.bytes.length) return;
                lexer.next(lexer_module.no_comments);
                const kind = lexer.kind;
                if (kind == .end) return;
                if (machine.last_kind == .end) {
                    if (kind == .semicolon) continue;
                    lexer.gap = .none;
                }
                if (machine.has_semicolon and kind != .semicolon) machine.writeSemicolon();
                if (machine.minus_count != 0) machine.settleMinus(kind);
                if (machine.setting.skips() and steering.skipsSetting(machine, kind)) continue;
                if (machine.unicode != .none and steering.skipsEscape(machine, kind)) continue;
                switch (kind) {
                    .end => unreachable,
                    .word => machine.readWord(),
                    .quoted => machine.readQuoted(),
                    .number, .unterminated => machine.readLiteral(),
                    .string => {
                        machine.readLiteral();
                        if (lexer.string_kind == .unicode) machine.unicode = .string;
                    },
                    .parameter => machine.readParameter(),
                    .operator => machine.readOperator(),
                    .other => machine.readOther(),
                    .semicolon => machine.readSemicolon(),
                    .open,
                    .close,
                    .open_bracket,
                    .close_bracket,
                    .comma,
                    .dot,
                    .colon,
                    .cast,
                    => machine.readPunctuation(kind),
                }
            }
        }

        /// The piece of the statement that holds the token at `position`.
        pub inline fn windowAt(machine: *Self, position: usize) *const Window {
            const window = machine.window;
            if (padded) return window;
            const length = machine.lexer.bytes.length;
            const end = window.start + window.length;
            if (position + window_module.window_bytes_max / 8 > end and end < length) {
                const source = machine.lexer.bytes.source[position..length];
                window.fill(source[0..@min(source.len, window_module.window_bytes_max)], position);
            }
            return window;
        }

        inline fn readWord(machine: *Self) void {
            const lexer = &machine.lexer;
            // `$1a$b` is a parameter and a name to the scanner; a name is never written so.
            if (machine.last_kind == .parameter and lexer.gap == .none and lexer.hasDollar()) {
                return;
            }
            const after = machine.after;
            const entry: keywords.Entry = if (after == .name) .none else lexer.keyword;
            if (entry.id == .constant and after == .operator) return machine.readLiteral();
            if (machine.list.kind != .none) {
                machine.take(machine.list.name(entry, lexer.word.eql(rest_word), lexer.word));
            }
            if (machine.is_statement_start or machine.setting != .none) steering.steer(machine, entry.id);
            machine.writeName();
            if (entry.isPlain()) {
                machine.after = .operand;
                machine.last_word = .none;
            } else {
                const is_sign_next = machine.is_counting and entry.is_signed;
                machine.after = afterKeyword(entry, after, machine.last_word, is_sign_next);
                machine.last_word = context.rememberedWord(entry);
            }
        }

        inline fn readQuoted(machine: *Self) void {
            if (machine.list.kind != .none) machine.take(machine.list.name(.none, false, machine.lexer.word));
            machine.is_statement_start = false;
            machine.writeName();
            machine.after = .operand;
            machine.last_word = .none;
            if (machine.lexer.is_unicode) machine.unicode = .name;
        }

        inline fn writeName(machine: *Self) void {
            const lexer = &machine.lexer;
            // A U&"…" begins with a letter.
            const is_unicode = lexer.kind == .quoted and lexer.is_unicode;
            const gap = machine.gapBefore(if (is_unicode) .word else lexer.kind);
            machine.text.copy(lexer.start, lexer.end, gap);
            machine.hash.add(lexer.word);
            machine.last_kind = lexer.kind;
        }

        pub fn readLiteral(machine: *Self) void {
            if (machine.list.kind != .none) machine.take(machine.list.operand());
            machine.writePlaceholder();
        }

        pub fn writePlaceholder(machine: *Self) void {
            const lexer = &machine.lexer;
            machine.insertNumbered("$", machine.gapBefore(.parameter), "", lexer.end);
            machine.hash.addCode(fingerprint.literal_code);
            machine.after = .operand;
            machine.last_word = .none;
            machine.last_kind = .number;
        }

        inline fn readParameter(machine: *Self) void {
            const lexer = &machine.lexer;
            // First, as it may fold a list, and so change the next number.
            if (machine.list.kind != .none) machine.take(machine.list.operand());
            const gap = machine.gapBefore(.parameter);
            if (lexer.parameter_number == machine.placeholder_count +% 1 and gap == lexer.gap) {
                machine.placeholder_count += 1;
                machine.text.copy(lexer.start, lexer.end, gap);
                machine.hash.addCode(fingerprint.literal_code);
                machine.after = .operand;
                machine.last_word = .none;
            } else {
                machine.writePlaceholder();
            }
            machine.last_kind = .parameter;
        }

        fn readOperator(machine: *Self) void {
            const lexer = &machine.lexer;
            const operator = lexer.word.lane1;
            if (operator == '-' and machine.after == .operator) {
                if (machine.minus_count == 0) {
                    machine.before_minus = .{
                        .text = machine.text.state,
                        .hash = machine.hash,
                        .last_kind = machine.last_kind,
                        .gap = lexer.gap,
                    };
                }
                machine.minus_count +|= 1;
            } else if (machine.list.kind != .none) {
                machine.take(if (operator == '+')
                    machine.list.sign(.{ .plus = true })
                else
                    machine.list.punctuation(.operator));
            }
            if (machine.setting == .name and operator == '=') machine.setting = .start;
            machine.text.copy(lexer.start, lexer.end, lexer.gap);
            machine.hash.add(lexer.word);
            machine.after = .operator;
            machine.last_word = .none;
            machine.last_kind = .operator;
        }

        fn readOther(machine: *Self) void {
            const lexer = &machine.lexer;
            if (machine.list.kind != .none) machine.take(machine.list.punctuation(.other));
            machine.text.copy(lexer.start, lexer.end, machine.gapBefore(.other));
            machine.hash.addCode(lexer.word.lane1 | fingerprint.other_code);
            machine.after = .operand;
            machine.last_word = .none;
            machine.last_kind = .other;
        }

        inline fn readPunctuation(machine: *Self, kind: token.Kind) void {
            const lexer = &machine.lexer;
            if (machine.list.kind != .none) machine.take(machine.list.punctuation(kind));
            switch (kind) {
                .open => {
                    machine.after = .operator;
                    switch (machine.last_word) {
                        .in => machine.openList(.in),
                        .values => machine.openList(.values),
                        .operator => machine.is_operator_name = true,
                        else => {},
                    }
                },
                .open_bracket => {
                    machine.after = .operator;
                    // Not `int ARRAY[4]`, the type of an element.
                    const is_type = machine.list.kind != .none and machine.list.state == .type_dimension;
                    if (machine.last_word == .array and !is_type) machine.openList(.array);
                },
                .close => {
                    machine.after = if (machine.is_operator_name) .operator else .operand;
                    machine.is_operator_name = false;
                },
                .close_bracket => machine.after = .operand,
                .dot, .cast => machine.after = .name,
                else => machine.after = .operator,
            }
            machine.is_statement_start = false;
            machine.text.copy(lexer.start, lexer.end, lexer.gap);
            machine.hash.addCode(@intFromEnum(kind));
            machine.last_word = .none;
            machine.last_kind = kind;
        }

        /// A token that would run into the last one is written behind a space.
        inline fn gapBefore(machine: *const Self, kind: token.Kind) token.Gap {
            const gap = machine.lexer.gap;
            const is_fused = gap == .none and kind.isNameLike() and machine.last_kind.isNameLike();
            return if (is_fused) .other else gap;
        }

        fn readSemicolon(machine: *Self) void {
            machine.unicode = .none;
            if (machine.list.kind != .none) machine.take(machine.list.punctuation(.semicolon));
            if (machine.has_semicolon) return;
            machine.has_semicolon = true;
            machine.semicolon_start = machine.lexer.start;
            machine.semicolon_gap = machine.lexer.gap;
        }

        fn writeSemicolon(machine: *Self) void {
            const start = machine.semicolon_start;
            // A text that was cut behind a semicolon would lose it when it is normalised again.
            const token_bytes = machine.lexer.end - machine.lexer.start;
            machine.text.keepTogether(token_bytes + placeholder_bytes_max);
            machine.text.copy(start, start + 1, machine.semicolon_gap);
            machine.hash.addCode(@intFromEnum(token.Kind.semicolon));
            machine.has_semicolon = false;
            machine.last_kind = .semicolon;
            machine.startStatement();
        }

        /// The minus signs before this token belong to it, or are operators.
        fn settleMinus(machine: *Self, kind: token.Kind) void {
            const lexer = &machine.lexer;
            if (kind == .operator and lexer.word.lane1 == '-') return;
            const count = machine.minus_count;
            machine.minus_count = 0;
            if (kind == .number and !lexer.isFollowedByCast()) {
                const checkpoint = &machine.before_minus;
                machine.text.state = checkpoint.text;
                machine.hash = checkpoint.hash;
                machine.last_kind = checkpoint.last_kind;
                lexer.gap = checkpoint.gap;
            } else if (machine.list.kind != .none) {
                machine.take(if (count == 1) machine.list.sign(.{ .minus = true }) else .fails);
            }
        }

        fn openList(machine: *Self, kind: list_module.ListKind) void {
            machine.list = .open(kind);
            machine.list_hash = machine.hash;
        }

        pub inline fn take(machine: *Self, step: list_module.Step) void {
            switch (step) {
                .within => {},
                .after_first => {
                    machine.after_first = machine.text.state;
                    machine.after_first_placeholder_count = machine.placeholder_count;
                },
                .folds => machine.foldList(),
                .fails => machine.list.kind = .none,
            }
        }

        fn foldList(machine: *Self) void {
            const list = &machine.list;
            const has_both_signs = list.signs.plus and list.signs.minus;
            const is_ordered = list.kind == .array and list.is_minus_first and has_both_signs;
            machine.hash = machine.list_hash;
            machine.hash.addCode(fingerprint.list_code +% list.width *% 8 +%
                @as(u32, if (is_ordered) 4 else 0) +% @as(u2, @bitCast(list.signs)));
            for (list.forms[0..list.forms_count]) |form| machine.hash.add(form);
            if (list.count > 1) {
                const lexer = &machine.lexer;
                const source_end = lexer.start - @intFromBool(lexer.gap == .one_space);
                machine.text.state = machine.after_first;
                machine.placeholder_count = machine.after_first_placeholder_count;
                const has_new_plus = list.signs.plus and !list.first_signs.plus;
                const has_new_minus = list.signs.minus and !list.first_signs.minus;
                if (has_new_minus and list.is_minus_first) machine.insertSigned("-$", source_end);
                if (has_new_plus) machine.insertSigned("+$", source_end);
                if (has_new_minus and !list.is_minus_first) machine.insertSigned("-$", source_end);
                machine.text.insert(", …", .none, source_end);
                machine.last_kind = .word;
            }
            machine.noteListLength(list.count);
            list.kind = .none;
        }

        pub fn noteListLength(machine: *Self, length: u32) void {
            if (machine.list_lengths_count == machine.list_lengths.len) return;
            machine.list_lengths[machine.list_lengths_count] = length;
            machine.list_lengths_count += 1;
        }

        /// A sign that later elements keep, and the first does not, is shown by one of its own.
        fn insertSigned(machine: *Self, comptime signed: []const u8, source_end: usize) void {
            if (machine.list.kind == .values) {
                machine.insertNumbered(", (" ++ signed, .none, ")", source_end);
            } else {
                machine.insertNumbered(", " ++ signed, .none, "", source_end);
            }
        }

        /// Inserts the next placeholder's number between two texts.
        pub fn insertNumbered(
            machine: *Self,
            comptime before: []const u8,
            gap: token.Gap,
            comptime behind: []const u8,
            source_end: usize,
        ) void {
            machine.placeholder_count += 1;
            var buffer: [before.len + 10 + behind.len]u8 = undefined;
            var start = buffer.len - behind.len;
            @memcpy(buffer[start..], behind);
            var rest = machine.placeholder_count;
            while (true) {
                start -= 1;
                buffer[start] = '0' + @as(u8, @intCast(rest % 10));
                rest /= 10;
                if (rest == 0) break;
            }
            start -= before.len;
            @memcpy(buffer[start..][0..before.len], before);
            machine.text.insert(buffer[start..], gap, source_end);
        }
    };
}
