//! A file in memory that the process maps and others read: Linux only.
//!
//! Goals: nobody but the user can read it, or put anything in its way; it appears under its name
//! only when it is complete; its room is reserved before it is mapped, as a write to a page that
//! there is no room for ends the process (SIGBUS). While the file is open, it is locked: that the
//! lock is free is how others see that the owner is dead.

const builtin = @import("builtin");
const std = @import("std");
const linux = std.os.linux;
const assert = std.debug.assert;

pub const is_supported = builtin.os.tag == .linux;

/// Why there is no file, in words for people.
pub const Failure = struct {
    what: []const u8,
    code: linux.E = .SUCCESS,

    pub fn format(failure: Failure, writer: *std.Io.Writer) std.Io.Writer.Error!void {
        try writer.writeAll(failure.what);
        if (failure.code == .SUCCESS) return;
        try writer.print(" ({s})", .{std.enums.tagName(linux.E, failure.code) orelse "?"});
    }
};

pub const path_bytes_max = 4096;
const name_bytes_max = 64;

pub const SegmentFile = struct {
    /// Of the folder, open, so that nobody can exchange it in between.
    folder: i32,
    file: i32,
    pid: u32,
    generation: u64,

    /// The folder, made where it is missing, and in it a locked file under a temporary name.
    pub fn create(folder_path: []const u8, generation: u64, failure: *Failure) ?SegmentFile {
        const folder = openFolder(folder_path, failure) orelse return null;
        var file: SegmentFile = .{
            .folder = folder,
            .file = -1,
            .pid = @intCast(linux.getpid()),
            .generation = generation,
        };
        var buffer: [name_bytes_max]u8 = undefined;
        const name = file.temporaryName(&buffer);
        const opened = linux.openat(folder, name, .{
            .ACCMODE = .RDWR,
            .CREAT = true,
            .EXCL = true,
            .NOFOLLOW = true,
            .CLOEXEC = true,
        }, 0o600);
        if (!succeeded(opened, "no file can be made in it", failure)) {
            _ = linux.close(folder);
            return null;
        }
        file.file = @intCast(opened);
        // Before anything else: an unlocked file is a dead process's.
        const locked = linux.flock(file.file, std.posix.LOCK.EX | std.posix.LOCK.NB);
        // A umask may have taken more away than it should.
        const is_ready = succeeded(locked, "its file cannot be locked", failure) and
            succeeded(linux.fchmod(file.file, 0o600), "its file stays open to others", failure);
        if (is_ready) return file;
        file.discard();
        return null;
    }

    /// Takes room for bytes that are zero; false, with nothing changed, where there is not enough.
    pub fn reserve(file: SegmentFile, first_byte: usize, bytes: usize, failure: *Failure) bool {
        if (!isWithinLimit(first_byte + bytes)) {
            failure.* = .{ .what = "a limit forbids files of that size", .code = .FBIG };
            return false;
        }
        while (true) {
            const status = linux.fallocate(file.file, 0, @intCast(first_byte), @intCast(bytes));
            if (linux.errno(status) == .INTR) continue;
            return succeeded(status, "there is no room in it", failure);
        }
    }

    /// Never unmapped.
    pub fn map(
        file: SegmentFile,
        first_byte: usize,
        bytes: usize,
        failure: *Failure,
    ) ?[]align(4096) u64 {
        assert(first_byte % 4096 == 0 and bytes % 8 == 0);
        // Where pages are larger than ours, a mapping begins before what it is for.
        const start = std.mem.alignBackward(usize, first_byte, std.heap.pageSize());
        const status = linux.mmap(
            null,
            first_byte - start + bytes,
            .{ .READ = true, .WRITE = true },
            .{ .TYPE = .SHARED },
            file.file,
            @intCast(start),
        );
        if (!succeeded(status, "its file cannot be mapped", failure)) return null;
        const pointer: [*]align(4096) u64 = @ptrFromInt(status + first_byte - start);
        return pointer[0 .. bytes / 8];
    }

    /// Gives the file its name, which nothing has yet.
    pub fn publish(file: SegmentFile, failure: *Failure) bool {
        var temporary_buffer: [name_bytes_max]u8 = undefined;
        var name_buffer: [name_bytes_max]u8 = undefined;
        const temporary = file.temporaryName(&temporary_buffer);
        const name = file.finalName(&name_buffer);
        var status = linux.renameat2(file.folder, temporary, file.folder, name, .{
            .NOREPLACE = true,
        });
        switch (linux.errno(status)) {
            // File systems and kernels that don't know the flag.
            .INVAL, .NOSYS => status = linux.renameat(file.folder, temporary, file.folder, name),
            else => {},
        }
        return succeeded(status, "its file cannot be renamed", failure);
    }

    /// Of a file that was not published.
    pub fn discard(file: SegmentFile) void {
        var buffer: [name_bytes_max]u8 = undefined;
        _ = linux.unlinkat(file.folder, file.temporaryName(&buffer), 0);
        _ = linux.close(file.file);
        _ = linux.close(file.folder);
    }

    /// `<pid>-<generation>.segment`
    pub fn finalName(file: SegmentFile, buffer: *[name_bytes_max]u8) [:0]const u8 {
        return file.nameWith("{d}-{x:0>16}.segment", buffer);
    }

    fn temporaryName(file: SegmentFile, buffer: *[name_bytes_max]u8) [:0]const u8 {
        return file.nameWith(".{d}-{x:0>16}.tmp", buffer);
    }

    fn nameWith(
        file: SegmentFile,
        comptime format: []const u8,
        buffer: *[name_bytes_max]u8,
    ) [:0]const u8 {
        return std.fmt.bufPrintZ(buffer, format, .{ file.pid, file.generation }) catch unreachable;
    }
};

/// Only a folder that belongs to the user, and to nobody else: looked at when it is open.
fn openFolder(path: []const u8, failure: *Failure) ?i32 {
    var buffer: [path_bytes_max]u8 = undefined;
    if (path.len >= buffer.len or std.mem.indexOfScalar(u8, path, 0) != null) {
        failure.* = .{ .what = "is no usable path" };
        return null;
    }
    const path_z = std.fmt.bufPrintZ(&buffer, "{s}", .{path}) catch unreachable;
    const made = linux.mkdir(path_z, 0o700);
    if (linux.errno(made) != .EXIST and !succeeded(made, "cannot be made", failure)) return null;
    const opened = linux.openat(linux.AT.FDCWD, path_z, .{
        .DIRECTORY = true,
        .NOFOLLOW = true,
        .CLOEXEC = true,
    }, 0);
    if (!succeeded(opened, "cannot be opened as a folder", failure)) return null;
    const folder: i32 = @intCast(opened);
    if (isPrivateFolder(folder, failure)) return folder;
    _ = linux.close(folder);
    return null;
}

fn isPrivateFolder(folder: i32, failure: *Failure) bool {
    var status: linux.Statx = undefined;
    const wanted: linux.STATX = .{ .MODE = true, .UID = true };
    const looked = linux.statx(folder, "", linux.AT.EMPTY_PATH, wanted, &status);
    if (!succeeded(looked, "cannot be looked at", failure)) return false;
    if (status.uid != linux.geteuid()) {
        failure.* = .{ .what = "belongs to another user" };
        return false;
    }
    if (status.mode & 0o077 != 0) {
        failure.* = .{ .what = "is open to other users; its mode must be 0700" };
        return false;
    }
    return true;
}

/// Beyond RLIMIT_FSIZE the kernel sends SIGXFSZ, which Node ignores and others may not.
fn isWithinLimit(end_byte: usize) bool {
    var limit: linux.rlimit = undefined;
    if (linux.errno(linux.getrlimit(.FSIZE, &limit)) != .SUCCESS) return true;
    return end_byte <= limit.cur;
}

fn succeeded(status: usize, what: []const u8, failure: *Failure) bool {
    const code = linux.errno(status);
    if (code == .SUCCESS) return true;
    failure.* = .{ .what = what, .code = code };
    return false;
}
