//! Where numbers end. `bytes` is one of the two types of `bytes.zig`.

const token = @import("token.zig");

/// The end of the number that starts with a digit at `start`.
pub fn numberEnd(bytes: anytype, start: usize) usize {
    const radix: u8 = if (bytes.at(start) != '0') 0 else switch (bytes.at(start + 1) | 0x20) {
        'x' => 16,
        'o' => 8,
        'b' => 2,
        else => 0,
    };
    if (radix != 0) {
        const end = radixEnd(bytes, start + 2, radix);
        if (end > start + 2) return afterJunk(bytes, end);
    }
    var index = decimalEnd(bytes, start);
    if (bytes.at(index) == '.') {
        // `1..2` is a range.
        if (bytes.at(index + 1) == '.') return index;
        index += 1;
        if (token.isDigit(bytes.at(index))) return exponentEnd(bytes, index);
    }
    return afterExponent(bytes, index);
}

/// The end of the digits that start here, and of an exponent behind them.
pub fn exponentEnd(bytes: anytype, start: usize) usize {
    return afterExponent(bytes, decimalEnd(bytes, start));
}

fn afterExponent(bytes: anytype, start: usize) usize {
    if (bytes.at(start) | 0x20 != 'e') return afterJunk(bytes, start);
    const sign = bytes.at(start + 1);
    const digits = if (sign == '+' or sign == '-') start + 2 else start + 1;
    const end = if (token.isDigit(bytes.at(digits))) decimalEnd(bytes, digits) else start;
    return afterJunk(bytes, end);
}

/// Digits, with single underscores between them.
fn decimalEnd(bytes: anytype, start: usize) usize {
    return radixEnd(bytes, start + 1, 10);
}

fn radixEnd(bytes: anytype, start: usize, radix: u8) usize {
    var index = start;
    while (true) {
        const byte = bytes.at(index);
        if (isRadixDigit(byte, radix)) {
            index += 1;
        } else if (byte == '_' and isRadixDigit(bytes.at(index + 1), radix)) {
            index += 2;
        } else return index;
    }
}

fn isRadixDigit(byte: u8, radix: u8) bool {
    if (token.isDigit(byte)) return byte - '0' < radix;
    const lower = byte | 0x20;
    return radix == 16 and lower >= 'a' and lower <= 'f';
}

/// A number runs on into letters only by mistake: they are dropped with it.
fn afterJunk(bytes: anytype, start: usize) usize {
    return if (token.isLetter(bytes.at(start))) bytes.nameEnd(start) else start;
}
