//! The fast path: names, marks, parameters and plain literals, one space between them at most.
//! Nearly all of what object mappers send is read here.
//!
//! Goal: for each such token the effect of `Machine.read`, with all that it touches in registers.
//! Non-goal: any decision that the machine makes in more than one step. Signs, lists with more
//! than plain elements, comments, prefixes, settings, texts near their cut: the loop stops before
//! the first token that it is not sure of, and the machine reads that one.
//!
//! Why both agree: the machine's state is (context, hash, text, placeholder count, last kind), and
//! a run begins only where nothing else of it is in use (`canBegin`). The context is stepped by a
//! table computed from the machine's own rules. Hash and text are stored when the run stops, so
//! that to the machine it never happened otherwise. `Machine` takes a switch that turns it off; a
//! test and the fuzzer compare the two.
//!
//! Why no index leaves the window: a token begins below `limitOf`, so at its length at most, and
//! what is read of it is below the longest name and what is looked ahead, which are in the window or
//! the NUL bytes behind its text. Each access is checked all the same.

const std = @import("std");
const bytes_module = @import("bytes.zig");
const context_module = @import("context.zig");
const fingerprint = @import("fingerprint.zig");
const keywords = @import("keywords.zig");
const plain_list = @import("plain_list.zig");
const strings = @import("strings.zig");
const token = @import("token.zig");
const window_module = @import("window.zig");

const After = context_module.After;
const Context = context_module.Context;
const Mark = context_module.Mark;
const Stops = context_module.Stops;
const Window = window_module.Window;

/// The longest name, and what is looked ahead behind it.
const token_bytes_max = window_module.name_bytes_max + 16;

/// Longer ones have a number beyond 32 bits.
const parameter_bytes_max = 10;

/// The tokens that a run knows, by their first byte.
const Class = enum(u8) {
    stop,
    letter,
    /// A mark, whatever follows it.
    mark,
    /// A mark that what follows may make something else.
    doubtful_mark,
};

const MarkEntry = struct { next: After, stops: Stops, code: u8, kind: token.Kind };

const classes: [256]Class = table: {
    var table: [256]Class = undefined;
    for (token.class_of, mark_table, &table) |class, mark, *entry| {
        entry.* = switch (class) {
            .letter => .letter,
            .punctuation => if (mark.kind == .end) .stop else .mark,
            else => if (mark.kind == .end) .stop else .doubtful_mark,
        };
    }
    break :table table;
};

const mark_table: [256]MarkEntry = table: {
    var table: [256]MarkEntry = @splat(.{ .next = .operator, .stops = .{}, .code = 0, .kind = .end });
    for (",()[].", [_]Mark{ .comma, .open, .close, .open_bracket, .close_bracket, .dot }) |byte, mark| {
        const kind: token.Kind = if (byte == '.') .dot else token.kindOfPunctuation(byte);
        table[byte] = .{
            .next = mark.next(),
            .stops = mark.stops(),
            .code = @intFromEnum(kind),
            .kind = kind,
        };
    }
    // Those that may begin a placeholder are not for here.
    for ("=<>*+/|&^~#@!-") |byte| {
        const mark: Mark = if (byte == '-') .minus else .operator;
        table[byte] = .{
            .next = mark.next(),
            .stops = mark.stops(),
            .code = byte,
            .kind = .operator,
        };
    }
    break :table table;
};

/// Side by side, so that one register leads to all of them.
const Tables = struct {
    classes: [256]Class,
    marks: [256]MarkEntry,
    masks: window_module.Masks,
    steps: context_module.Steps,
    stops: context_module.StopsTable,
    keywords: keywords.Table,
};

const all_tables: Tables = .{
    .classes = classes,
    .marks = mark_table,
    .masks = .{},
    .steps = context_module.steps,
    .stops = context_module.stops_of,
    .keywords = keywords.table,
};

/// A pointer whose origin the optimizer does not see: it would compute each table's address anew.
inline fn hide(pointer: anytype) @TypeOf(pointer) {
    return asm (""
        : [out] "=r" (-> @TypeOf(pointer)),
        : [in] "0" (pointer),
    );
}

/// Whether the byte makes something else of the mark before it: a range or number of a dot,
/// another operator or a comment of an operator.
inline fn changes(following: u8, mark: u8) bool {
    const class = token.class_of[following];
    if (mark == '.') return class == .digit or class == .dot;
    return class == .operator;
}

/// Reads as many tokens as it can; the machine reads the next.
pub fn readTokens(machine: anytype) void {
    if (!canBegin(machine)) return;
    while (true) {
        readRun(machine);
        if (!readLiteral(machine) and !plain_list.readList(machine)) return;
    }
}

/// Whether what the machine is in the middle of is no more than a run keeps.
fn canBegin(machine: anytype) bool {
    const lexer = &machine.lexer;
    if (machine.text.state.run_end != lexer.end or machine.text.isCut()) return false;
    if (lexer.is_after_escape_string) return false;
    if (machine.list.kind != .none or machine.minus_count != 0) return false;
    if (machine.setting != .none or machine.unicode != .none) return false;
    if (machine.has_semicolon or machine.is_operator_name) return false;
    // White space before the first token is left out.
    return machine.last_kind != .end or lexer.bytes.at(lexer.end) != ' ';
}

/// Names and marks.
noinline fn readRun(machine: anytype) void {
    const lexer = &machine.lexer;
    const window: *const Window = machine.windowAt(lexer.end);
    const raw = &window.raw;
    const tables: *const Tables = hide(&all_tables);
    const limit = limitOf(machine, window);
    const first_position = lexer.end - window.start;
    var position = first_position;
    var last_kind = machine.last_kind;
    // A literal or name that a name would run into.
    if (last_kind.isNameLike() and classes[raw[position]] == .letter) return;
    var hash = machine.hash;
    var context: Context = .of(
        machine.after,
        machine.last_word,
        machine.is_counting,
        machine.is_statement_start,
    );
    while (position < limit) {
        // A branch, as one can be predicted: the next position need not wait for this byte.
        var start = position;
        if (raw[position] == ' ') {
            start += 1;
            asm volatile ("");
        }
        const byte = raw[start];
        const class = tables.classes[byte];
        if (byte == '"') {
            const body = start + 1;
            const ends = window.endsFrom(body);
            if (ends == 0) break;
            const length = @ctz(ends);
            const end = body + length;
            if (window.raw[end] != '"' or window.raw[end + 1] == '"' or length == 0) break;
            var word = window_module.wordOf(&tables.masks, raw, body, length);
            if (@ctz(window.unquotableFrom(body)) != length or window.raw[body] <= '9' or
                tables.keywords.symbolOf(word) != 0) word.mixCode(fingerprint.quoted_code);
            hash.add(word);
            context = context.then(.operand);
            last_kind = .quoted;
            position = end + 1;
        } else if (class == .letter) {
            const ends = window.endsFrom(start);
            if (ends == 0) break;
            const length = @ctz(ends);
            const end = start + length;
            // `E'…'`, `U&'…'` and their kin.
            if (length == 1 and (window.raw[end] == '\'' or window.raw[end] == '&')) break;
            const word = window_module.wordOf(&tables.masks, &window.lower, start, length);
            context = context.step(&tables.steps, tables.keywords.symbolOf(word)) orelse break;
            hash.add(word);
            last_kind = .word;
            position = end;
        } else {
            if (class == .stop) break;
            if (class == .doubtful_mark and changes(raw[start + 1], byte)) break;
            const mark = &tables.marks[byte];
            if (mark.stops.meet(&tables.stops, context)) break;
            context = context.then(mark.next);
            hash.addCode(mark.code);
            last_kind = mark.kind;
            position = start + 1;
        }
    }
    if (position == first_position) return;
    if (bytes_module.is_counting) bytes_module.visit_count += position - first_position;
    lexer.end = window.start + position;
    machine.text.state.run_end = lexer.end;
    machine.hash = hash;
    machine.after = context.after;
    machine.last_word = context.lastWord();
    machine.is_statement_start = context.isStart();
    machine.last_kind = last_kind;
}

/// Up to where in the window a token may begin.
inline fn limitOf(machine: anytype, window: *const Window) usize {
    const is_last = window.start + window.length == machine.lexer.bytes.length;
    const window_end = if (is_last) window.length else window.length -| token_bytes_max;
    return @min(window_end, machine.text.limit(window.start));
}

/// A literal, parameter, cast or operator of two characters; false where it is none of these.
fn readLiteral(machine: anytype) bool {
    const lexer = &machine.lexer;
    const window: *const Window = machine.windowAt(lexer.end);
    const raw = &window.raw;
    const position = lexer.end - window.start;
    if (position >= limitOf(machine, window) or machine.is_statement_start) return false;
    const has_gap = raw[position] == ' ';
    const start = position + @intFromBool(has_gap);
    var end = start + 2;
    switch (raw[start]) {
        ':' => {
            if (raw[start + 1] != ':') return false;
            machine.hash.addCode(@intFromEnum(token.Kind.cast));
            machine.after = .name;
            machine.last_kind = .cast;
        },
        '<', '>' => {
            const second = raw[start + 1];
            if (second != '=' and second != '>') return false;
            if (token.class_of[raw[start + 2]] == .operator) return false;
            machine.hash.addCode(raw[start] | @as(u32, second) << 8);
            machine.after = .operator;
            machine.last_kind = .operator;
        },
        '$', '\'', '0'...'9' => |byte| {
            if (!has_gap and machine.last_kind.isNameLike()) return false;
            end = switch (byte) {
                '$' => parameterEnd(window, start),
                '\'' => stringEnd(machine, window, start),
                else => numberEnd(window, start),
            } orelse return false;
            if (byte == '$' and isNumber(raw, start + 1, end, machine.placeholder_count + 1)) {
                machine.placeholder_count += 1;
                machine.hash.addCode(fingerprint.literal_code);
                machine.after = .operand;
            } else {
                writePlaceholder(machine, window, start, end);
            }
            machine.last_kind = if (byte == '$') .parameter else .number;
        },
        'N', 'T', 'F', 'n', 't', 'f' => {
            // NULL, TRUE and FALSE, where a name would have been read by the run.
            if (machine.after != .operator or !has_gap) return false;
            end = start + @ctz(window.endsFrom(start));
            if (end - start > "false".len) return false;
            const word = window_module.wordOf(&all_tables.masks, &window.lower, start, end - start);
            if (keywords.lookUp(word).id != .constant) return false;
            writePlaceholder(machine, window, start, end);
        },
        else => return false,
    }
    machine.last_word = .none;
    lexer.end = window.start + end;
    machine.text.state.run_end = lexer.end;
    if (bytes_module.is_counting) bytes_module.visit_count += end - position;
    return true;
}

inline fn writePlaceholder(machine: anytype, window: *const Window, start: usize, end: usize) void {
    const offset = window.start;
    const is_padded = @TypeOf(machine.*).is_padded;
    machine.placeholder_count += 1;
    const number = machine.placeholder_count;
    machine.text.insertPlaceholder(offset + start, offset + end, number, is_padded);
    machine.hash.addCode(fingerprint.literal_code);
    machine.after = .operand;
    machine.last_kind = .number;
}

/// The digits of a parameter; one with leading zeros is not for here.
inline fn parameterEnd(window: *const Window, start: usize) ?usize {
    const raw = &window.raw;
    if (raw[start + 1] -% '1' >= 9) return null;
    var end = start + 2;
    while (token.isDigit(raw[end])) end += 1;
    return if (end - start > parameter_bytes_max) null else end;
}

inline fn isNumber(raw: *const window_module.Text, start: usize, end: usize, number: u32) bool {
    var written: u32 = 0;
    for (start..end) |index| written = written * 10 + (raw[index] - '0');
    return written == number;
}

/// A number of digits only.
inline fn numberEnd(window: *const Window, start: usize) ?usize {
    const raw = &window.raw;
    const ends = window.endsFrom(start);
    if (ends == 0) return null;
    const end = start + @ctz(ends);
    if (raw[end] == '.') return null;
    for (start + 1..end) |index| {
        if (!token.isDigit(raw[index])) return null;
    }
    return end;
}

/// A string that ends at its first quote, whatever a backslash means.
inline fn stringEnd(machine: anytype, window: *const Window, start: usize) ?usize {
    const is_last = window.start + window.length == machine.lexer.bytes.length;
    const raw = &window.raw;
    const doubtful = strings.doubtfulByte(machine.lexer.backslash) orelse return null;
    const bytes: bytes_module.Bytes(true) = .of(raw, window.length);
    const quote = bytes.find(start + 1, '\'', doubtful);
    const end = quote + 1;
    if (raw[quote] != '\'' or strings.isContinued(bytes, end)) return null;
    // What follows may be in the next window.
    return if (!is_last and end + 2 > window.length) null else end;
}
