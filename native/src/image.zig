//! The file that this code was loaded from.

const builtin = @import("builtin");
const std = @import("std");

/// Keeps the code and its global variables in memory until the process ends. A worker thread that
/// ends unloads the addon where no other thread has it: what is process-wide would be gone, and
/// a thread in unloaded code is a segmentation fault. False where that could not be done.
pub fn pin() bool {
    if (builtin.os.tag == .windows) return pinWindows();
    var info: Information = undefined;
    if (dladdr(@ptrCast(&pin), &info) == 0) return false;
    const path = info.path orelse return false;
    return std.c.dlopen(path, .{ .NOW = true, .NOLOAD = true, .NODELETE = true }) != null;
}

/// An exported function of the process, such as one of Node's own.
pub fn processSymbol(name: [*:0]const u8) ?*anyopaque {
    if (builtin.os.tag == .windows) return null;
    return std.c.dlsym(null, name);
}

const Information = extern struct {
    path: ?[*:0]const u8,
    base: ?*anyopaque,
    symbol_name: ?[*:0]const u8,
    symbol_address: ?*anyopaque,
};

extern "c" fn dladdr(address: *const anyopaque, information: *Information) c_int;

fn pinWindows() bool {
    const from_address = 4;
    const pinned = 1;
    var module: ?*anyopaque = null;
    return GetModuleHandleExW(from_address | pinned, @ptrCast(&pin), &module) != 0;
}

extern "kernel32" fn GetModuleHandleExW(
    flags: u32,
    address: *const anyopaque,
    module: *?*anyopaque,
) callconv(.winapi) c_int;
