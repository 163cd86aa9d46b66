//! Locks that tell whether the owner of a file lives, and that keep two cleaners apart.

const std = @import("std");
const segment_file = @import("segment_file.zig");
const linux = std.os.linux;
const LOCK = std.posix.LOCK;

pub const is_supported = segment_file.is_supported;

pub const Answer = union(enum) { free, locked, failed: u16 };

/// Whether somebody holds the file. Nothing is opened that is no file, and no link is followed.
pub fn look(path: [*:0]const u8) Answer {
    const opened = linux.openat(linux.AT.FDCWD, path, .{
        .NOFOLLOW = true,
        .CLOEXEC = true,
        // A pipe in the way must not stop us.
        .NONBLOCK = true,
    }, 0);
    if (linux.errno(opened) != .SUCCESS) return failed(opened);
    const file: i32 = @intCast(opened);
    defer _ = linux.close(file);
    return answerOf(linux.flock(file, LOCK.SH | LOCK.NB));
}

pub const Taken = union(enum) { taken: i32, locked, failed: u16 };

/// Takes the lock, with the file made where it is missing; closing the file lets it go.
pub fn take(path: [*:0]const u8) Taken {
    const opened = linux.openat(linux.AT.FDCWD, path, .{
        .ACCMODE = .RDWR,
        .CREAT = true,
        .NOFOLLOW = true,
        .CLOEXEC = true,
        .NONBLOCK = true,
    }, 0o600);
    if (linux.errno(opened) != .SUCCESS) return .{ .failed = @intFromEnum(linux.errno(opened)) };
    const file: i32 = @intCast(opened);
    switch (answerOf(linux.flock(file, LOCK.EX | LOCK.NB))) {
        .free => return .{ .taken = file },
        .locked => {
            _ = linux.close(file);
            return .locked;
        },
        .failed => |code| {
            _ = linux.close(file);
            return .{ .failed = code };
        },
    }
}

fn answerOf(status: usize) Answer {
    return switch (linux.errno(status)) {
        .SUCCESS => .free,
        .AGAIN => .locked,
        else => failed(status),
    };
}

fn failed(status: usize) Answer {
    return .{ .failed = @intFromEnum(linux.errno(status)) };
}

/// Gives the room back that pages full of zeros take, in a file that nobody holds: what is read of
/// it stays the same. The number of bytes that were given back, or the negated `errno`.
pub fn punchHoles(path: [*:0]const u8) i64 {
    const opened = linux.openat(linux.AT.FDCWD, path, .{
        .ACCMODE = .RDWR,
        .NOFOLLOW = true,
        .CLOEXEC = true,
        .NONBLOCK = true,
    }, 0);
    if (linux.errno(opened) != .SUCCESS) return -@as(i64, @intFromEnum(linux.errno(opened)));
    const file: i32 = @intCast(opened);
    defer _ = linux.close(file);
    // Shared, so that nobody takes the file's owner for alive meanwhile.
    const locked = linux.errno(linux.flock(file, LOCK.SH | LOCK.NB));
    if (locked != .SUCCESS) return -@as(i64, @intFromEnum(locked));
    return punchOpened(file);
}

const page_bytes = 4096;

fn punchOpened(file: i32) i64 {
    var buffer: [16 * page_bytes]u8 align(8) = undefined;
    var offset: usize = 0;
    var given_back: i64 = 0;
    while (true) {
        const got = linux.pread(file, &buffer, buffer.len, @intCast(offset));
        if (linux.errno(got) != .SUCCESS) return -@as(i64, @intFromEnum(linux.errno(got)));
        var start: usize = 0;
        while (start + page_bytes <= got) {
            const count = zeroBytes(@alignCast(buffer[start..got]));
            if (count == 0) {
                start += page_bytes;
                continue;
            }
            const mode = linux.FALLOC.FL_PUNCH_HOLE | linux.FALLOC.FL_KEEP_SIZE;
            const status = linux.fallocate(file, mode, @intCast(offset + start), @intCast(count));
            if (linux.errno(status) != .SUCCESS) return -@as(i64, @intFromEnum(linux.errno(status)));
            given_back += @intCast(count);
            start += count;
        }
        offset += got;
        if (got < buffer.len) return given_back;
    }
}

/// How many bytes of whole pages of zeros it begins with.
fn zeroBytes(bytes: []align(8) const u8) usize {
    var count: usize = 0;
    while (count + page_bytes <= bytes.len) : (count += page_bytes) {
        const page: []align(8) const u8 = @alignCast(bytes[count..][0..page_bytes]);
        if (!std.mem.allEqual(u64, std.mem.bytesAsSlice(u64, page), 0)) break;
    }
    return count;
}
