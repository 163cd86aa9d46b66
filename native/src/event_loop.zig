//! Looks at a thread's event loop from another thread.
//!
//! libuv counts how long a loop has waited for events; the count moves while the loop waits and
//! stands still while a callback runs, so that two looks tell since when it has been busy.

const std = @import("std");
const image = @import("image.zig");

const IdleTime = fn (loop: *anyopaque) callconv(.c) u64;
const Configure = fn (loop: *anyopaque, option: c_int, ...) callconv(.c) c_int;

/// `UV_METRICS_IDLE_TIME` of libuv's `uv_loop_option`.
const option_metrics_idle_time = 1;

/// Looked up, not linked: Node before 14 and other runtimes have no such function.
var idle_time: std.atomic.Value(?*const IdleTime) = .init(null);

pub const Look = struct {
    checked_ns: u64,
    idle_ns: u64,
    /// 0 where the loop was idle.
    busy_since_ns: u64,

    pub const unknown: Look = .{ .checked_ns = 0, .idle_ns = 0, .busy_since_ns = 0 };

    fn next(last: Look, now_ns: u64, idle_ns: u64, is_idle: bool) Look {
        const idle_since_ns = idle_ns -| last.idle_ns;
        return .{
            .checked_ns = now_ns,
            .idle_ns = idle_ns,
            .busy_since_ns = if (is_idle)
                0
            else if (idle_since_ns == 0 and last.busy_since_ns != 0)
                last.busy_since_ns
            else
                // It was idle for so long since the last look: exact where that was one piece,
                // otherwise the earliest moment that it can be.
                @min(now_ns, last.checked_ns + idle_since_ns),
        };
    }
};

pub const EventLoop = struct {
    handle: *anyopaque,
    last: Look,

    /// By the loop's own thread, in a callback of it. Null where loops cannot be looked at.
    pub fn watch(handle: *anyopaque, now_ns: u64) ?EventLoop {
        const found = image.processSymbol("uv_metrics_idle_time") orelse return null;
        const configure = image.processSymbol("uv_loop_configure") orelse return null;
        const configure_loop: *const Configure = @ptrCast(@alignCast(configure));
        if (configure_loop(handle, option_metrics_idle_time) != 0) return null;
        const function: *const IdleTime = @ptrCast(@alignCast(found));
        idle_time.store(function, .release);
        return .{
            .handle = handle,
            .last = .{
                .checked_ns = now_ns,
                .idle_ns = function(handle),
                .busy_since_ns = now_ns,
            },
        };
    }

    /// By any thread, while the loop exists.
    pub fn look(loop: *EventLoop, now_ns: u64) Look {
        const read = idle_time.load(.acquire).?;
        const first_ns = read(loop.handle);
        const second_ns = read(loop.handle);
        loop.last = loop.last.next(now_ns, second_ns, second_ns > first_ns);
        return loop.last;
    }
};

test "Look: since when a loop has been busy" {
    const begun: Look = .{ .checked_ns = 100, .idle_ns = 0, .busy_since_ns = 100 };
    const still_busy = begun.next(120, 0, false);
    try std.testing.expectEqual(100, still_busy.busy_since_ns);
    const idle = still_busy.next(140, 5, true);
    try std.testing.expectEqual(0, idle.busy_since_ns);
    // Idle for 3 ns after the look, then busy.
    const busy_again = idle.next(160, 8, false);
    try std.testing.expectEqual(143, busy_again.busy_since_ns);
    // A break of 2 ns in between: not the same stretch any more.
    const after_break = busy_again.next(180, 10, false);
    try std.testing.expectEqual(162, after_break.busy_since_ns);
}
