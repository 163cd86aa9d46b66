//! The arena is made of 64-bit words; everyone but its one writer reads them while they change.
//!
//! Every access is atomic, so that a reader sees whole words. `publish` is a release store: who
//! sees the word sees everything that was stored before it. Single counters need no order.

/// Pairs with `publish`.
pub fn load(word: *const u64) u64 {
    return @atomicLoad(u64, word, .acquire);
}

/// By the writer only.
pub fn publish(word: *u64, value: u64) void {
    @atomicStore(u64, word, value, .release);
}

/// By the writer only, and without order: for counters that stand for themselves.
pub fn store(word: *u64, value: u64) void {
    @atomicStore(u64, word, value, .monotonic);
}

/// What the writer itself stored last.
pub fn own(word: *const u64) u64 {
    return @atomicLoad(u64, word, .monotonic);
}

/// By the writer only: no read-modify-write instruction, as there is one writer.
pub fn add(word: *u64, amount: u64) void {
    store(word, own(word) +% amount);
}
