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
