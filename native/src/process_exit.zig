//! Hears of the end of the process, where it has one of its own making.
//!
//! What Node runs: a natural end, `process.exit` and an uncaught exception all come to libc's
//! `exit`, and with it to these functions; clean-up hooks of the main environment run at a natural
//! end only, and JavaScript's 'exit' event can still change the code after a listener saw it. A
//! signal's default action, SIGKILL and `abort` run nothing at all.

const builtin = @import("builtin");
const std = @import("std");
const image = @import("image.zig");

/// What the C library tells of the exit code.
pub const Knowledge = enum { exit_and_code, exit_only, nothing };

/// The code is null where the C library does not tell it. Call it once for each callback.
pub fn listen(comptime callback: fn (code: ?u8) void) Knowledge {
    if (builtin.os.tag != .linux) return .nothing;
    const Exit = struct {
        fn withCode(status: c_int, _: ?*anyopaque) callconv(.c) void {
            callback(@truncate(@as(c_uint, @bitCast(status))));
        }

        fn withoutCode() callconv(.c) void {
            callback(null);
        }
    };
    // glibc has it, musl has not.
    if (image.processSymbol("on_exit")) |found| {
        const on_exit: *const OnExit = @ptrCast(@alignCast(found));
        return if (on_exit(&Exit.withCode, null) == 0) .exit_and_code else .nothing;
    }
    if (!builtin.abi.isMusl()) return .nothing;
    return if (atexit(&Exit.withoutCode) == 0) .exit_only else .nothing;
}

const OnExit = fn (
    function: *const fn (c_int, ?*anyopaque) callconv(.c) void,
    argument: ?*anyopaque,
) callconv(.c) c_int;

extern "c" fn atexit(function: *const fn () callconv(.c) void) c_int;
