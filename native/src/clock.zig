//! The host's monotonic clock.
//!
//! Goals: one read costs what libc's vDSO call costs (27 ns); the same time base as Node's
//! `process.hrtime`, so that both engines and the application agree.
//! Non-goals: wall time; anything that can step backwards.

const builtin = @import("builtin");
const std = @import("std");

const is_windows = builtin.os.tag == .windows;

/// Nanoseconds since an arbitrary moment before the process started; never goes backwards.
pub fn nowNs() u64 {
    if (is_windows) return windowsNowNs();
    // Zig's own wrapper would make the system call itself, at seven times the price.
    var time: std.c.timespec = undefined;
    const status = std.c.clock_gettime(.MONOTONIC, &time);
    std.debug.assert(status == 0);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

/// Nanoseconds since 1970 on the clock that people set, and that can step.
pub fn wallNs() u64 {
    if (is_windows) {
        // In steps of 100 ns since 1601, 11,644,473,600 seconds before 1970.
        const steps: i64 = std.os.windows.ntdll.RtlGetSystemTimePrecise();
        return @intCast((steps - 116_444_736_000_000_000) * 100);
    }
    var time: std.c.timespec = undefined;
    const status = std.c.clock_gettime(.REALTIME, &time);
    std.debug.assert(status == 0);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

fn windowsNowNs() u64 {
    const ntdll = std.os.windows.ntdll;
    var counter: std.os.windows.LARGE_INTEGER = undefined;
    var frequency: std.os.windows.LARGE_INTEGER = undefined;
    _ = ntdll.RtlQueryPerformanceCounter(&counter);
    _ = ntdll.RtlQueryPerformanceFrequency(&frequency);
    const ticks: u128 = @intCast(counter);
    return @intCast(ticks * std.time.ns_per_s / @as(u64, @intCast(frequency)));
}

test wallNs {
    const year_2020: u64 = 1_577_836_800 * std.time.ns_per_s;
    try std.testing.expect(wallNs() > year_2020);
}

test nowNs {
    var last = nowNs();
    try std.testing.expect(last > 0);
    var advanced = false;
    for (0..100_000) |_| {
        const now = nowNs();
        try std.testing.expect(now >= last);
        advanced = advanced or now > last;
        last = now;
    }
    try std.testing.expect(advanced);
}
