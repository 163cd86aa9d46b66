//! A thread that shows that the process is alive, also when its event loops are stuck.
//!
//! It has no handle of libuv's, so that it keeps no event loop alive; it takes no signal, so that
//! each goes to the thread that it would go to without us; and nobody waits for it at the exit.

const builtin = @import("builtin");
const std = @import("std");

/// A wake-up takes 10 to 25 µs: at 20 ms that was more than 0.1 % of a core.
pub const interval_ns = 50 * std.time.ns_per_ms;

/// Address space; a page or two of it is ever used.
const stack_bytes = 256 * 1024;

/// Calls `beat` again and again until it gives false. False where there can be no thread.
pub fn start(context: anytype, comptime beat: fn (@TypeOf(context)) bool) bool {
    if (builtin.os.tag != .linux) return false;
    const linux = std.os.linux;
    const Runner = struct {
        fn run(argument: @TypeOf(context)) void {
            _ = linux.prctl(@intFromEnum(linux.PR.SET_NAME), @intFromPtr("hyperdjango"), 0, 0, 0);
            while (beat(argument)) sleep();
        }

        fn sleep() void {
            var time: linux.timespec = .{ .sec = 0, .nsec = interval_ns };
            _ = linux.clock_nanosleep(.MONOTONIC, .{ .ABSTIME = false }, &time, null);
        }
    };
    // A new thread begins with the signal mask of the one that starts it.
    var before: linux.sigset_t = undefined;
    const everything = linux.sigfillset();
    _ = linux.sigprocmask(linux.SIG.SETMASK, &everything, &before);
    defer _ = linux.sigprocmask(linux.SIG.SETMASK, &before, null);
    const config: std.Thread.SpawnConfig = .{ .stack_size = stack_bytes };
    const thread = std.Thread.spawn(config, Runner.run, .{context}) catch return false;
    thread.detach();
    return true;
}
