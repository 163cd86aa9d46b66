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
    short_keywords: keywords.ShortTable,
};

const all_tables: Tables = .{
    .classes = classes,
    .marks = mark_table,
    .masks = .{},
    .steps = context_module.steps,
    .stops = context_module.stops_of,
    .keywords = keywords.table,
    .short_keywords = .{},
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
        const is_at_end_of_window = readRun(machine);
        if (!plain_list.readList(machine) and !is_at_end_of_window) break;
    }
    const lexer = &machine.lexer;
    // A semicolon that nothing follows is no part of the text or hash.
    if (lexer.end + 1 == lexer.bytes.length and lexer.bytes.at(lexer.end) == ';') lexer.end += 1;
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

/// Returns whether it stopped where the window ends, and the next one may hold more.
noinline fn readRun(machine: anytype) bool {
    const lexer = &machine.lexer;
    const window: *const Window = machine.windowAt(lexer.end);
    const first_position = lexer.end - window.start;
    var run: Run = .{
        .window = window,
        .tables = hide(&all_tables),
        .limit = limitOf(machine, window),
        .position = first_position,
        .hash = .of(machine.hash.word),
        .context = .of(
            machine.after,
            machine.last_word,
            machine.is_counting,
            machine.is_statement_start,
        ),
        .last_kind = machine.last_kind,
    };
    if (run.isGlued(first_position)) return false;
    while (run.position < run.limit) {
        // A branch, as one can be predicted: the next position need not wait for this byte.
        var start = run.position;
        if (window.raw[start] == ' ') {
            start += 1;
            asm volatile ("");
        }
        const byte = window.raw[start];
        const class = run.tables.classes[byte];
        const is_read = if (byte == '"')
            run.readQuotedNames(start)
        else if (class == .letter)
            run.readWord(machine, start)
        else if (class == .stop)
            run.readLiteral(machine, start, byte)
        else if (class == .doubtful_mark and changes(window.raw[start + 1], byte))
            run.readOperator(start, byte)
        else
            run.readMark(start, byte);
        if (!is_read) break;
    }
    if (run.position == first_position) return false;
    if (bytes_module.is_counting) bytes_module.visit_count += run.position - first_position;
    lexer.end = window.start + run.position;
    machine.text.state.run_end = lexer.end;
    machine.hash.word = run.hash.toWord();
    machine.after = run.context.after;
    machine.last_word = run.context.lastWord();
    machine.is_statement_start = run.context.isStart();
    machine.last_kind = run.last_kind;
    return !@TypeOf(machine.*).is_padded and run.position >= run.limit;
}

/// What of the machine a run keeps in registers. Its functions read one token each, or say that
/// they are not sure of it.
const Run = struct {
    window: *const Window,
    tables: *const Tables,
    /// Up to where in the window a token may begin.
    limit: usize,
    /// In the window, behind the last token.
    position: usize,
    hash: fingerprint.Lanes,
    context: Context,
    last_kind: token.Kind,

    /// Whether a name begins there that would run into the last token.
    inline fn isGlued(run: *const Run, start: usize) bool {
        return run.last_kind.isNameLike() and run.tables.classes[run.window.raw[start]] == .letter;
    }

    /// Reads one quoted name, and those that follow it behind `.` or `, `: most of what object
    /// mappers write.
    inline fn readQuotedNames(run: *Run, start: usize) bool {
        const raw = &run.window.raw;
        var body = start + 1;
        while (true) {
            const stops = run.window.unquotableFrom(body);
            if (stops == 0) return false;
            var end = body + @ctz(stops);
            var needs_quotes = raw[body] <= '9';
            if (raw[end] != '"') {
                const ends = run.window.endsFrom(body);
                if (ends == 0) return false;
                end = body + @ctz(ends);
                if (raw[end] != '"') return false;
                needs_quotes = true;
            }
            const following = std.mem.readInt(u32, raw[end..][0..4], .little);
            if (following & 0xffff == two_quotes or end == body) return false;
            const name = run.nameOf(raw, body, end - body);
            var word = name.word;
            if (needs_quotes) {
                word = word.mixCode(fingerprint.quoted_code);
            } else if (name.symbol != 0) {
                word = word.mixCode(fingerprint.quoted_code);
            }
            run.hash = run.hash.mix(word);
            var next = end + 2;
            var kind: token.Kind = .dot;
            var after: After = Mark.dot.next();
            if (following & 0xffffff != dot_between_names) {
                if (following != comma_between_names) break run.goOn(end + 1, .operand, .quoted);
                next = end + 3;
                kind = .comma;
                after = Mark.comma.next();
            }
            if (next >= run.limit) break run.goOn(end + 1, .operand, .quoted);
            run.hash = run.hash.mixCode(@intFromEnum(kind));
            run.goOn(end + 2, after, kind);
            body = next + 1;
        }
        return true;
    }

    /// Behind a token that is no word.
    inline fn goOn(run: *Run, end: usize, after: After, kind: token.Kind) void {
        run.position = end;
        run.context = run.context.then(after);
        run.last_kind = kind;
    }

    inline fn readWord(run: *Run, machine: anytype, start: usize) bool {
        const raw = &run.window.raw;
        const ends = run.window.endsFrom(start);
        if (ends == 0) return false;
        const length = @ctz(ends);
        const end = start + length;
        // `E'…'`, `U&'…'` and their kin.
        if (length == 1 and (raw[end] == '\'' or raw[end] == '&')) return false;
        const name = run.nameOf(&run.window.lower, start, length);
        run.context = run.context.step(&run.tables.steps, name.symbol) orelse {
            const is_constant = keywords.symbol_entries[name.symbol].id == .constant;
            if (!is_constant or run.context.isStart()) return false;
            return run.writePlaceholder(machine, start, end, .number);
        };
        run.hash = run.hash.mix(name.word);
        run.last_kind = .word;
        run.position = end;
        return true;
    }

    inline fn nameOf(
        run: *const Run,
        text: *const window_module.Text,
        start: usize,
        length: usize,
    ) keywords.ShortTable.Found {
        const masks = &run.tables.masks;
        if (length > 8) {
            const word = window_module.wordOf(masks, text, start, length);
            return .{ .word = .of(word), .symbol = run.tables.keywords.symbolOf(word) };
        }
        const letters = window_module.lettersOf(masks, text, start, length);
        return run.tables.short_keywords.find(letters) orelse
            .{ .word = .ofLetters(letters, masks.more_than_four[length]), .symbol = 0 };
    }

    inline fn readMark(run: *Run, start: usize, byte: u8) bool {
        const mark = &run.tables.marks[byte];
        if (mark.stops.meet(&run.tables.stops, run.context)) return false;
        run.hash = run.hash.mixCode(mark.code);
        run.goOn(start + 1, mark.next, mark.kind);
        return true;
    }

    /// An operator of two characters.
    inline fn readOperator(run: *Run, start: usize, first: u8) bool {
        const raw = &run.window.raw;
        const second = raw[start + 1];
        if (first != '<' and first != '>' or second != '=' and second != '>') return false;
        if (token.class_of[raw[start + 2]] == .operator or run.context.isStart()) return false;
        run.hash = run.hash.mixCode(first | @as(u32, second) << 8);
        run.goOn(start + 2, .operator, .operator);
        return true;
    }

    /// A literal, a parameter or a cast.
    inline fn readLiteral(run: *Run, machine: anytype, start: usize, byte: u8) bool {
        if (run.context.isStart()) return false;
        if (byte == ':') {
            if (run.window.raw[start + 1] != ':') return false;
            run.hash = run.hash.mixCode(@intFromEnum(token.Kind.cast));
            run.goOn(start + 2, .name, .cast);
            return true;
        }
        if (start == run.position and run.last_kind.isNameLike()) return false;
        switch (byte) {
            '$' => {
                const end = parameterEnd(run.window, start) orelse return false;
                if (!isNumber(&run.window.raw, start + 1, end, machine.placeholder_count + 1)) {
                    return run.writePlaceholder(machine, start, end, .parameter);
                }
                machine.placeholder_count += 1;
                run.hash = run.hash.mixCode(fingerprint.literal_code);
                run.goOn(end, .operand, .parameter);
                return !run.isGlued(end);
            },
            '\'', '0'...'9' => {
                const end = (if (byte == '\'')
                    stringEnd(machine, run.window, start)
                else
                    numberEnd(run.window, start)) orelse return false;
                return run.writePlaceholder(machine, start, end, .number);
            },
            else => return false,
        }
    }

    inline fn writePlaceholder(
        run: *Run,
        machine: anytype,
        start: usize,
        end: usize,
        kind: token.Kind,
    ) bool {
        insertPlaceholder(machine, run.window.start + start, run.window.start + end);
        run.limit = limitOf(machine, run.window);
        run.hash = run.hash.mixCode(fingerprint.literal_code);
        run.goOn(end, .operand, kind);
        return !run.isGlued(end);
    }
};

noinline fn insertPlaceholder(machine: anytype, start: usize, end: usize) void {
    machine.placeholder_count += 1;
    machine.text.insertPlaceholder(start, end, machine.placeholder_count);
}

const two_quotes = groupOf("\"\"");
const dot_between_names = groupOf("\".\"");
const comma_between_names = groupOf("\", \"");

/// Bytes as they are read at once.
fn groupOf(comptime bytes: []const u8) u32 {
    var group: u32 = 0;
    for (bytes, 0..) |byte, index| group |= @as(u32, byte) << @intCast(8 * index);
    return group;
}

/// Up to where in the window a token may begin.
inline fn limitOf(machine: anytype, window: *const Window) usize {
    const is_last = window.start + window.length == machine.lexer.bytes.length;
    const window_end = if (is_last) window.length else window.length -| token_bytes_max;
    // The last bound says to the compiler what the window knows.
    return @min(window_end, machine.text.limit(window.start), window_module.window_bytes_max);
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
