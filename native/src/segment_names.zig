//! The names in a segment's header, which can change while others read them.

const std = @import("std");
const layout = @import("segment_layout.zig");
const words = @import("words.zig");
const Header = layout.Header;

pub fn writeAppName(header: []u64, name: []const u8) void {
    write(header, Header.app_name, Header.app_name_bytes_max, name);
}

pub fn writeScriptName(header: []u64, name: []const u8) void {
    write(header, Header.script_name, Header.script_name_bytes_max, name);
}

pub fn writeRuntimeVersion(header: []u64, version: []const u8) void {
    write(header, Header.runtime_version, Header.runtime_version_bytes_max, version);
}

/// One writer at a time.
fn write(header: []u64, first: usize, comptime bytes_max: usize, name: []const u8) void {
    var bytes: [bytes_max]u8 align(8) = @splat(0);
    const kept = cut(name, bytes_max);
    @memcpy(bytes[0..kept.len], kept);
    const values = std.mem.bytesAsSlice(u64, &bytes);
    const sequence = &header[Header.names_sequence];
    const before = words.own(sequence);
    words.store(sequence, before + 1);
    for (header[first..][0..values.len], values) |*word, value| {
        words.publish(word, std.mem.littleToNative(u64, value));
    }
    words.publish(sequence, before + 2);
}

/// As much as fits, cut between characters.
pub fn cut(name: []const u8, bytes_max: usize) []const u8 {
    if (name.len <= bytes_max) return name;
    var end = bytes_max;
    while (end > 0 and name[end] & 0xc0 == 0x80) end -= 1;
    return name[0..end];
}

test cut {
    try std.testing.expectEqualStrings("shop", cut("shop", 4));
    try std.testing.expectEqualStrings("sho", cut("shop", 3));
    try std.testing.expectEqualStrings("a", cut("aé", 2));
    try std.testing.expectEqualStrings("aé", cut("aéé", 4));
}

test writeAppName {
    var header: [Header.words]u64 = @splat(0);
    writeAppName(&header, "a long one");
    writeAppName(&header, "shop");
    const stored = std.mem.sliceAsBytes(header[Header.app_name..Header.script_name]);
    try std.testing.expectEqualStrings("shop", std.mem.sliceTo(stored, 0));
    try std.testing.expectEqual(4, header[Header.names_sequence]);
}
