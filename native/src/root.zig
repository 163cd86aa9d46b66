//! The recording core. It knows nothing of Node: `c_abi.zig` is the only way in.

pub const clock = @import("clock.zig");
pub const normalizer = @import("sql/normalizer.zig");

test {
    _ = clock;
    _ = normalizer;
}
