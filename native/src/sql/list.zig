//! Tells whether every element of a list is a literal or parameter, perhaps signed, parenthesised
//! or cast, while its tokens stream by. It knows nothing of text or hash: the normaliser does.
//!
//! Only one list is ever open: a list inside an element makes the outer one no list of literals.

const fingerprint = @import("fingerprint.zig");
const keywords = @import("keywords.zig");
const token = @import("token.zig");

const Word = fingerprint.Word;

/// The most forms of casts that are told apart in the first element or row.
const forms_max = 16;

pub const ListKind = enum { none, in, array, values };

/// What a token means to the list.
pub const Step = enum {
    /// The list goes on.
    within,
    /// The first element (or row) has ended before this token.
    after_first,
    /// The list has ended before this token, and every element qualified.
    folds,
    /// An element did not qualify: the list is left alone.
    fails,
};

/// Signs that stay (`+1`, `-$1`).
pub const Signs = packed struct(u2) {
    plus: bool = false,
    minus: bool = false,

    pub fn isEmpty(signs: Signs) bool {
        return !signs.plus and !signs.minus;
    }

    fn code(signs: Signs) u32 {
        return @as(u2, @bitCast(signs));
    }
};

const State = enum {
    /// An element, or the operand of a sign or parenthesis, is to come.
    operand,
    /// After an operand: a cast, a parenthesis or a comma is to come.
    value,
    /// After `::` or AS: the name of a type is to come.
    type,
    type_name,
    /// Inside the parentheses or brackets of a type.
    type_modifier,
    type_dimension,
    /// A type before its literal: `date '…'`, `pg_catalog.int4 '…'`, `interval(3) '…'`.
    prefix,
    prefix_name,
    prefix_modifier,
    cast_open,
    /// Between the rows of VALUES.
    row,
    row_open,
    /// After the `…` of a list that was folded before.
    rest,
};

pub const ListReader = struct {
    kind: ListKind = .none,
    /// Elements, or rows of VALUES, that have ended.
    count: u32 = 0,
    /// Columns of the first row.
    width: u32 = 0,
    /// Kept signs of all elements so far, and those of the first.
    signs: Signs = .{},
    first_signs: Signs = .{},
    /// Whether a minus was kept before any plus.
    is_minus_first: bool = false,

    state: State = .operand,
    depth: u32 = 0,
    element_sign: Signs = .{},
    sign_depth: u32 = 0,
    is_cast: bool = false,
    /// A cast of DEFAULT is no element.
    is_default: bool = false,
    /// Whether a cast holds the sign: `(-$1)::int`.
    is_sign_cast: bool = false,
    columns: u32 = 0,

    /// To PostgreSQL a cast of a literal is one, but a cast of a cast is not, nor one of a sign:
    /// such casts give an element its form, a hash of them. Later elements have no form of their
    /// own.
    form: ?Word = null,
    /// Those of the first element or row.
    forms: [forms_max]Word = undefined,
    forms_count: usize = 0,
    row_forms_count: usize = 0,
    /// Which columns of a row of VALUES have which sign: 0 for none.
    row_signs: u32 = 0,
    first_row_signs: u32 = 0,

    pub fn open(kind: ListKind) ListReader {
        return .{ .kind = kind };
    }

    /// A `+`, or a `-` that does not go with its number.
    pub fn sign(list: *ListReader, kept: Signs) Step {
        if (list.state == .type_modifier) return list.inType(.of(kept.code()));
        if (list.state != .operand or !list.element_sign.isEmpty()) return .fails;
        list.element_sign = kept;
        list.sign_depth = list.depth;
        return .within;
    }

    /// A literal, a parameter, or NULL, TRUE and FALSE as values.
    pub fn operand(list: *ListReader) Step {
        switch (list.state) {
            .operand, .prefix => {
                list.state = .value;
                return .within;
            },
            .type_modifier, .type_dimension, .prefix_modifier => return list.inType(.of(fingerprint.literal_code)),
            else => return list.other(),
        }
    }

    /// `is_rest` for the `…` of a folded list.
    pub fn name(list: *ListReader, entry: keywords.Entry, is_rest: bool, word: Word) Step {
        switch (list.state) {
            .operand => return list.nameAsOperand(entry, is_rest),
            .value, .type_name => {
                if (entry.id == .as) {
                    return if (list.depth > 0) list.expectType(list.depth) else list.other();
                }
                list.state = .type_name;
                return if (entry.is_type_tail) list.inType(word) else list.other();
            },
            .type => {
                list.state = .type_name;
                return list.inType(word);
            },
            .prefix_name => {
                list.state = .prefix;
                return .within;
            },
            .prefix => return if (entry.is_type_tail) .within else list.other(),
            .type_modifier, .prefix_modifier => return list.inType(word),
            .row_open => {
                if (!is_rest) return list.other();
                list.state = .rest;
                list.count +|= 1;
                return .within;
            },
            else => return list.other(),
        }
    }

    fn nameAsOperand(list: *ListReader, entry: keywords.Entry, is_rest: bool) Step {
        if (is_rest and list.count > 0 and list.kind != .values and list.isBare()) {
            list.state = .rest;
            return .within;
        }
        if (entry.id == .cast) {
            list.state = .cast_open;
            return .within;
        }
        if (entry.id == .default) {
            if (list.kind != .values or !list.isBare()) return list.other();
            list.state = .value;
            list.is_default = true;
            return .within;
        }
        if (entry.is_before_operand or entry.id == .array or entry.id == .not) {
            return list.other();
        }
        list.is_cast = true;
        list.state = .prefix;
        return .within;
    }

    /// Any token that is no operand, sign or name.
    pub fn punctuation(list: *ListReader, kind: token.Kind) Step {
        switch (kind) {
            .comma => return list.comma(),
            .open => return list.openParenthesis(),
            .close => return list.closeParenthesis(),
            .cast => {
                if (list.state != .value and list.state != .type_name) return list.other();
                return list.expectType(list.depth +| 1);
            },
            .dot => {
                switch (list.state) {
                    .type_name => list.state = .type,
                    .prefix => list.state = .prefix_name,
                    else => return list.other(),
                }
                return list.inTypeMark(kind);
            },
            .open_bracket => {
                if (list.state != .type_name) return list.other();
                list.state = .type_dimension;
                return list.inTypeMark(kind);
            },
            .close_bracket => return list.closeBracket(),
            else => return list.other(),
        }
    }

    fn comma(list: *ListReader) Step {
        switch (list.state) {
            .value, .type_name => {
                if (list.depth > 0) return list.other();
                return list.endElement();
            },
            .type_modifier, .prefix_modifier => return list.inTypeMark(.comma),
            .row => {
                list.state = .row_open;
                return if (list.count == 1) .after_first else .within;
            },
            else => return list.other(),
        }
    }

    fn openParenthesis(list: *ListReader) Step {
        switch (list.state) {
            .operand => {
                // `-(1)` is a literal to PostgreSQL, `-($1)` is not.
                if (!list.element_sign.isEmpty() and list.depth == list.sign_depth) {
                    return list.other();
                }
                list.depth +|= 1;
            },
            .cast_open => {
                list.depth +|= 1;
                list.state = .operand;
            },
            .type_name => {
                list.state = .type_modifier;
                return list.inTypeMark(.open);
            },
            .prefix => list.state = .prefix_modifier,
            .row_open => {
                list.columns = 0;
                list.row_forms_count = 0;
                list.row_signs = 0;
                list.startElement();
            },
            else => return list.other(),
        }
        return .within;
    }

    fn closeParenthesis(list: *ListReader) Step {
        switch (list.state) {
            .type_modifier => {
                list.state = .type_name;
                return list.inTypeMark(.close);
            },
            .prefix_modifier => list.state = .prefix,
            .value, .type_name => {
                if (list.depth > 0) {
                    list.depth -= 1;
                    list.state = .value;
                    return .within;
                }
                if (list.kind == .array) return .fails;
                if (list.endElement() == .fails) return .fails;
                if (list.kind == .in) return .folds;
                if (!list.isLikeFirstRow()) return .fails;
                list.count +|= 1;
                if (list.count == 1) {
                    list.width = list.columns;
                    list.first_signs = list.signs;
                }
                list.state = .row;
            },
            .rest => {
                if (list.kind != .in) return list.other();
                list.count +|= 1;
                return .folds;
            },
            else => return list.other(),
        }
        return .within;
    }

    fn closeBracket(list: *ListReader) Step {
        switch (list.state) {
            .type_dimension => {
                list.state = .type_name;
                return list.inTypeMark(.close_bracket);
            },
            .value, .type_name => {
                if (list.kind != .array or list.depth > 0) return list.other();
                return if (list.endElement() == .fails) .fails else .folds;
            },
            .rest => {
                if (list.kind != .array) return list.other();
                list.count +|= 1;
                return .folds;
            },
            else => return list.other(),
        }
    }

    fn endElement(list: *ListReader) Step {
        if (list.form) |form| {
            var placed = form;
            if (!list.is_sign_cast) placed.mixCode(list.element_sign.code());
            placed.mixCode(list.columns);
            if (!list.keepsForm(placed)) return .fails;
            list.row_forms_count += 1;
        } else {
            if (list.signs.isEmpty()) list.is_minus_first = list.element_sign.minus;
            if (list.kind == .values and !list.element_sign.isEmpty()) {
                list.row_signs = list.row_signs *% 31 +% (list.columns *% 4 +% list.element_sign.code());
            }
            list.signs.plus = list.signs.plus or list.element_sign.plus;
            list.signs.minus = list.signs.minus or list.element_sign.minus;
        }
        list.startElement();
        if (list.kind == .values) {
            list.columns +|= 1;
            return .within;
        }
        list.count +|= 1;
        if (list.count > 1) return .within;
        list.first_signs = list.signs;
        return .after_first;
    }

    fn startElement(list: *ListReader) void {
        list.state = .operand;
        list.depth = 0;
        list.element_sign = .{};
        list.sign_depth = 0;
        list.is_cast = false;
        list.is_default = false;
        list.is_sign_cast = false;
        list.form = null;
    }

    fn isBare(list: *const ListReader) bool {
        return list.depth == 0 and list.element_sign.isEmpty();
    }

    /// A sign at `sign_depth`, or deeper, is in the cast.
    fn expectType(list: *ListReader, sign_depth: u32) Step {
        if (list.is_default) return .fails;
        const has_sign = !list.element_sign.isEmpty() and list.sign_depth >= sign_depth;
        const casts_sign = has_sign and !list.is_sign_cast;
        if (list.form == null and (list.is_cast or casts_sign)) list.form = .seed;
        if (casts_sign) {
            list.is_sign_cast = true;
            _ = list.inType(.of(list.element_sign.code()));
        }
        list.is_cast = true;
        list.state = .type;
        return list.inTypeMark(.cast);
    }

    /// A token of a type.
    fn inType(list: *ListReader, word: Word) Step {
        if (list.form) |*form| form.mix(word.lane1, word.lane2);
        return .within;
    }

    fn inTypeMark(list: *ListReader, kind: token.Kind) Step {
        return list.inType(.of(@intFromEnum(kind)));
    }

    /// PostgreSQL tells rows with forms or signs apart as wholes: a later one has all of the first
    /// one's, or holds plain literals only.
    fn isLikeFirstRow(list: *ListReader) bool {
        if (list.count == 0) {
            list.first_row_signs = list.row_signs;
            return true;
        }
        if (list.row_forms_count == 0 and list.row_signs == 0) return true;
        return list.row_forms_count == list.forms_count and
            list.row_signs == list.first_row_signs;
    }

    /// Whether the element's form is one of the first element's, or of the first row's.
    fn keepsForm(list: *ListReader, form: Word) bool {
        if (list.count == 0) {
            if (list.forms_count == forms_max) return false;
            list.forms[list.forms_count] = form;
            list.forms_count += 1;
            return true;
        }
        for (list.forms[0..list.forms_count]) |kept| {
            if (kept.eql(form)) return true;
        }
        return false;
    }

    /// A token that no element holds: it ends the rows of VALUES, and fails any other list.
    fn other(list: *const ListReader) Step {
        if (list.kind != .values) return .fails;
        if (list.state == .row) return .folds;
        if (list.state == .rest and list.count > 1) return .folds;
        return .fails;
    }
};
