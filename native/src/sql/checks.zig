//! Whether the hot loops check every index. In Debug they do, so that the tests and a Debug build
//! of the fuzzer find any access that is out of bounds.

const builtin = @import("builtin");

pub const enabled = builtin.mode == .Debug;
