//! Rings of random sizes against a list that forgets nothing, with foreign damage in between.

const std = @import("std");
const core = @import("core");

const Payload = core.ring.Payload;
const capacity_max = 64;

pub fn run(random: std.Random, iterations: u64) !void {
    for (0..iterations) |_| try runOnce(random);
}

fn runOnce(random: std.Random) !void {
    var memory: [capacity_max]core.ring.Slot = @splat(@splat(0));
    const capacity = @as(usize, 1) << random.uintAtMost(u3, 6);
    const records = memory[0..capacity];
    // Anywhere in its life, short of the sequence's end.
    var count: u64 = random.int(u64) >> random.intRangeAtMost(u6, 2, 63);
    const first = count;
    const ring: core.ring.Ring = .init(records, &count);
    var written: [4 * capacity_max]Payload = undefined;
    var damaged: ?usize = null;

    const push_count = random.uintAtMost(usize, written.len - 1);
    for (written[0..push_count]) |*payload| {
        random.bytes(std.mem.asBytes(payload));
        ring.push(payload);
    }
    if (random.boolean()) {
        damaged = random.uintLessThan(usize, capacity);
        const word = random.uintLessThan(usize, core.layout.Record.words);
        records[damaged.?][word] ^= @as(u64, 1) << random.int(u6);
    }

    if (count != first + push_count) return error.WrongCount;
    for (@max(first, ring.oldest(count))..count) |number| {
        var payload: Payload = undefined;
        const is_damaged = damaged != null and number % capacity == damaged.?;
        if (ring.read(number, &payload)) {
            if (is_damaged) return error.AcceptedDamage;
            const expected = &written[@intCast(number - first)];
            if (!std.mem.eql(u64, &payload, expected)) return error.WrongRecord;
        } else |_| {
            if (!is_damaged) return error.LostRecord;
        }
    }
}
