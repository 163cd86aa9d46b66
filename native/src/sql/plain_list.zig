//! The fast path of lists: `IN (…)` and the rows of VALUES, where every element is a parameter, a
//! plain literal or DEFAULT. Only the first element (or row) is written; the rest is skipped, so
//! that a thousand rows cost little more than finding where each literal ends.
//!
//! It takes a whole list or nothing: where any element is more than that, the text goes back to
//! what it was and `ListReader` reads the list from its start. Such a list is read twice up to
//! that element, and no more, as no list begins within a plain one.

const bytes_module = @import("bytes.zig");
const fingerprint = @import("fingerprint.zig");
const keywords = @import("keywords.zig");
const strings = @import("strings.zig");
const token = @import("token.zig");

/// Reads the list whose parenthesis comes next; false where there is none, or not such a one.
pub fn readList(machine: anytype) bool {
    const is_rows = machine.last_word == .values;
    if (!is_rows and machine.last_word != .in) return false;
    const text = machine.text.state;
    const placeholder_count = machine.placeholder_count;
    const Reader = ListReader(@TypeOf(machine));
    var reader: Reader = .{ .machine = machine, .position = machine.lexer.end, .is_rows = is_rows };
    const is_read = if (is_rows) reader.readRows() else reader.readElements();
    if (bytes_module.is_counting) bytes_module.visit_count += reader.position - machine.lexer.end;
    if (is_read == null) {
        machine.text.state = text;
        machine.placeholder_count = placeholder_count;
        return false;
    }
    machine.after = .operand;
    machine.last_word = .none;
    machine.lexer.end = reader.position;
    return true;
}

fn ListReader(comptime MachinePointer: type) type {
    return struct {
        const Reader = @This();

        machine: MachinePointer,
        position: usize,
        is_rows: bool,
        /// Elements, or rows of VALUES.
        count: u32 = 1,

        fn readElements(reader: *Reader) ?void {
            reader.write('(') orelse return null;
            reader.writeElement() orelse return null;
            while (reader.skip(',')) : (reader.count +|= 1) reader.skipElement() orelse return null;
            if (reader.machine.lexer.bytes.at(reader.start()) != ')') return null;
            reader.fold(0);
            reader.write(')') orelse unreachable;
            reader.machine.hash.addCode(@intFromEnum(token.Kind.close));
            reader.machine.last_kind = .close;
        }

        fn readRows(reader: *Reader) ?void {
            const machine = reader.machine;
            var width: u32 = 1;
            reader.write('(') orelse return null;
            reader.writeElement() orelse return null;
            while (reader.write(',') != null) : (width +|= 1) reader.writeElement() orelse return null;
            reader.write(')') orelse return null;
            while (reader.skip(',')) {
                if (!reader.skip('(')) return null;
                reader.skipElement() orelse return null;
                while (reader.skip(',')) reader.skipElement() orelse return null;
                if (!reader.skip(')')) return null;
                reader.count +|= 1;
            }
            if (!reader.isEndOfRows()) return null;
            reader.fold(width);
            machine.last_kind = if (reader.count > 1) .word else .close;
        }

        /// A sign behind the rows would make them part of an expression.
        fn isEndOfRows(reader: *const Reader) bool {
            const bytes = reader.machine.lexer.bytes;
            const byte = bytes.at(reader.start());
            return switch (token.class_of[byte]) {
                .letter, .double_quote => true,
                .other => byte == 0 and !reader.machine.is_cut_source,
                .punctuation => byte == ';' or byte == ')',
                else => false,
            };
        }

        /// Puts the list's form in the place of its elements.
        fn fold(reader: *Reader, width: u32) void {
            const machine = reader.machine;
            machine.hash.addCode(fingerprint.list_code +% width *% 8);
            if (reader.count > 1) machine.text.insert(", …", .none, reader.position);
            machine.noteListLength(reader.count);
        }

        /// Where the next token begins, a space before it at most.
        fn start(reader: *const Reader) usize {
            const bytes = reader.machine.lexer.bytes;
            return reader.position + @intFromBool(bytes.at(reader.position) == ' ');
        }

        fn write(reader: *Reader, byte: u8) ?void {
            const at = reader.start();
            if (reader.machine.lexer.bytes.at(at) != byte) return null;
            reader.copy(at, at + 1);
        }

        fn copy(reader: *Reader, at: usize, end: usize) void {
            const gap: token.Gap = if (at > reader.position) .one_space else .none;
            reader.machine.text.copy(at, end, gap);
            reader.position = end;
        }

        fn writeElement(reader: *Reader) ?void {
            const machine = reader.machine;
            const bytes = machine.lexer.bytes;
            const at = reader.start();
            if (reader.defaultEnd(at)) |end| return reader.copy(at, end);
            const end = reader.literalEnd(at) orelse return null;
            if (bytes.at(at) == '$' and isNumber(bytes, at, end, machine.placeholder_count +% 1)) {
                machine.placeholder_count += 1;
                return reader.copy(at, end);
            }
            const gap: token.Gap = if (at > reader.position) .one_space else .none;
            machine.insertNumbered("$", gap, "", end);
            reader.position = end;
        }

        fn isNumber(bytes: anytype, at: usize, end: usize, number: u32) bool {
            var written: u32 = 0;
            for (at + 1..end) |index| written = written *% 10 +% (bytes.at(index) - '0');
            return written == number;
        }

        /// Past white space and the byte, where it comes next.
        fn skip(reader: *Reader, byte: u8) bool {
            const at = reader.start();
            if (reader.machine.lexer.bytes.at(at) != byte) return false;
            reader.position = at + 1;
            return true;
        }

        fn skipElement(reader: *Reader) ?void {
            const at = reader.start();
            reader.position = reader.literalEnd(at) orelse reader.defaultEnd(at) orelse return null;
        }

        fn literalEnd(reader: *const Reader, at: usize) ?usize {
            const bytes = reader.machine.lexer.bytes;
            const byte = bytes.at(at);
            switch (token.class_of[byte]) {
                .quote => return reader.stringEnd(at),
                .letter => return reader.wordEnd(at, .constant),
                .dollar => {
                    // Leading zeros are not those of the next number.
                    if (bytes.at(at + 1) == '0') return null;
                    const end = reader.digitsEnd(at + 1) orelse return null;
                    return if (end - at > parameter_bytes_max) null else end;
                },
                .digit => return reader.digitsEnd(at),
                else => return null,
            }
        }

        /// Null for `1.5`, `0x1`, `1_000` and what is glued to a number.
        fn digitsEnd(reader: *const Reader, at: usize) ?usize {
            const bytes = reader.machine.lexer.bytes;
            var end = at;
            while (token.isDigit(bytes.at(end))) end += 1;
            const following = bytes.at(end);
            if (end == at or following == '.' or token.continues_name[following]) return null;
            return end;
        }

        /// A string that ends at its first quote, whatever a backslash means.
        fn stringEnd(reader: *const Reader, at: usize) ?usize {
            const bytes = reader.machine.lexer.bytes;
            const doubtful = strings.doubtfulByte(reader.machine.lexer.backslash) orelse return null;
            const quote = bytes.find(at + 1, '\'', doubtful);
            if (bytes.at(quote) != '\'') return null;
            return if (strings.isContinued(bytes, quote + 1)) null else quote + 1;
        }

        fn defaultEnd(reader: *const Reader, at: usize) ?usize {
            return if (reader.is_rows) reader.wordEnd(at, .default) else null;
        }

        fn wordEnd(reader: *const Reader, at: usize, id: keywords.Id) ?usize {
            const bytes = reader.machine.lexer.bytes;
            var end = at;
            while (token.continues_name[bytes.at(end)]) : (end += 1) {
                if (end - at == "default".len) return null;
            }
            return if (keywords.lookUp(bytes.word(at, end, true)).id == id) end else null;
        }
    };
}

/// Longer ones have a number beyond 32 bits.
const parameter_bytes_max = 10;
