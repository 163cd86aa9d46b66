//! Mutual exclusion off the hot path: threads that come and go, and the heartbeat.
//!
//! The standard library's mutex wants an `Io`; the threads of a Node process have none.

const builtin = @import("builtin");
const std = @import("std");

const has_pthreads = builtin.os.tag != .windows;

pub const Lock = struct {
    inner: Inner = if (has_pthreads) .{} else .unlocked,

    const Inner = if (has_pthreads) std.c.pthread_mutex_t else std.atomic.Mutex;

    pub fn acquire(lock: *Lock) void {
        if (has_pthreads) {
            const status = std.c.pthread_mutex_lock(&lock.inner);
            std.debug.assert(status == .SUCCESS);
        } else {
            while (!lock.inner.tryLock()) std.Thread.yield() catch {};
        }
    }

    pub fn tryAcquire(lock: *Lock) bool {
        if (has_pthreads) return std.c.pthread_mutex_trylock(&lock.inner) == .SUCCESS;
        return lock.inner.tryLock();
    }

    pub fn release(lock: *Lock) void {
        if (has_pthreads) {
            const status = std.c.pthread_mutex_unlock(&lock.inner);
            std.debug.assert(status == .SUCCESS);
        } else {
            lock.inner.unlock();
        }
    }
};

test Lock {
    var lock: Lock = .{};
    lock.acquire();
    try std.testing.expect(!lock.tryAcquire());
    lock.release();
    try std.testing.expect(lock.tryAcquire());
    lock.release();
}
