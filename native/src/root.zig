//! The recording core. It knows nothing of Node: `c_abi.zig` is the only way in.

pub const checksum = @import("checksum.zig");
pub const clock = @import("clock.zig");
pub const event_loop = @import("event_loop.zig");
pub const file_lock = @import("file_lock.zig");
pub const findings = @import("findings.zig");
pub const heartbeat = @import("heartbeat.zig");
pub const histogram = @import("histogram.zig");
pub const image = @import("image.zig");
pub const in_flight = @import("in_flight.zig");
pub const layout = @import("layout.zig");
pub const lock = @import("lock.zig");
pub const normalizer = @import("sql/normalizer.zig");
pub const pools = @import("pools.zig");
pub const process_exit = @import("process_exit.zig");
pub const record = @import("record.zig");
pub const recorder = @import("recorder.zig");
pub const ring = @import("ring.zig");
pub const routes = @import("routes.zig");
pub const segment = @import("segment.zig");
pub const segment_file = @import("segment_file.zig");
pub const segment_layout = @import("segment_layout.zig");
pub const segment_names = @import("segment_names.zig");
pub const statements = @import("statements.zig");
pub const text_blocks = @import("text_blocks.zig");
pub const text_cache = @import("text_cache.zig");
pub const words = @import("words.zig");

test {
    @import("std").testing.refAllDecls(@This());
}
