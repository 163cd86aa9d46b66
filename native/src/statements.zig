//! The statement table: who is which row, its text, and what its calls added up to.
//!
//! Open addressing by fingerprint over a fixed number of rows. Row 0 is "other": what finds no row
//! or no room for its text is added up there. A new statement takes the row of one that has not
//! been used for longest, roughly: a hand goes round the rows (the clock algorithm), passes those
//! that a query in flight or a record of the ring refers to, and those that were used again since
//! it came by last. What the row had added up goes to "other", so that no call is ever lost.
//!
//! Readers see a row change by its sequence, and that rows move to "other" by the eviction
//! sequence (`layout.zig`). All that the writer goes by lies outside of the arena.

const std = @import("std");
const checksum = @import("checksum.zig");
const histogram = @import("histogram.zig");
const layout = @import("layout.zig");
const text_blocks = @import("text_blocks.zig");
const words = @import("words.zig");
const assert = std.debug.assert;

const Header = layout.Header;
const RowIdentity = layout.StatementIdentity;
const TextBlocks = text_blocks.TextBlocks;
const Totals = layout.StatementTotals;
const bucket_count = histogram.statement_shape.bucketCount();

pub const other_id: u32 = 0;

/// Rows that the hand looks at for one new statement: what no row is found for counts as other.
pub const sweep_rows_max = 64;

pub const Call = struct {
    duration_ns: u64,
    pool_wait_ns: u64,
    is_error: bool,
    /// Null where it is unknown.
    row_count: ?u64,
};

const Id = packed struct(u32) { row: u16, generation: u16 };

/// What the writer knows of a row.
const Row = struct {
    /// How many queries had ended when a record last referred to the row, or when it was taken.
    last_used: u64 = 0,
    in_flight_count: u32 = 0,
    generation: u16 = 0,
    is_taken: bool = false,
    /// Used again since the hand came by: what ran only once is not worth keeping.
    is_marked: bool = false,
};

/// What the writer needs beside the arena; see `allocate`.
pub const Private = struct {
    rows: []Row,
    fingerprints: []u64,
    first_blocks: []u32,
    vacant: []u32,
    next_blocks: []u32,
    index: []u32,

    pub fn allocate(gpa: std.mem.Allocator, capacities: layout.Capacities) !Private {
        const row_count = capacities.statements_max + 1;
        const rows = try gpa.alloc(Row, row_count);
        errdefer gpa.free(rows);
        const fingerprints = try gpa.alloc(u64, row_count);
        errdefer gpa.free(fingerprints);
        const first_blocks = try gpa.alloc(u32, row_count);
        errdefer gpa.free(first_blocks);
        const vacant = try gpa.alloc(u32, row_count);
        errdefer gpa.free(vacant);
        const next_blocks = try gpa.alloc(u32, layout.textBlockCount(capacities) + 1);
        errdefer gpa.free(next_blocks);
        const index = try gpa.alloc(u32, 2 * capacities.statements_max);
        return .{
            .rows = rows,
            .fingerprints = fingerprints,
            .first_blocks = first_blocks,
            .vacant = vacant,
            .next_blocks = next_blocks,
            .index = index,
        };
    }

    pub fn free(private: Private, gpa: std.mem.Allocator) void {
        gpa.free(private.index);
        gpa.free(private.next_blocks);
        gpa.free(private.vacant);
        gpa.free(private.first_blocks);
        gpa.free(private.fingerprints);
        gpa.free(private.rows);
    }
};

/// The table's parts of the arena.
pub const Shared = struct {
    header: *[Header.words]u64,
    identities: [][RowIdentity.words]u64,
    totals: [][Totals.words]u64,
    histograms: [][bucket_count]u32,
    blocks: [][layout.TextBlock.words]u64,
};

pub const Statements = struct {
    shared: Shared,
    private: Private,
    texts: TextBlocks,
    /// A row that no record of the ring refers to was used this many queries ago.
    recent_queries_max: u64,
    /// Rows that have been in use, row 0 included.
    row_count: u32,
    vacant_count: u32,
    hand: u32,

    /// Takes row 0.
    pub fn init(shared: Shared, private: Private, recent_queries_max: u32) Statements {
        const row_count = shared.identities.len;
        assert(row_count == shared.totals.len);
        assert(row_count == shared.histograms.len);
        assert(row_count == private.rows.len);
        assert(std.math.isPowerOfTwo(private.index.len));
        assert(private.index.len >= 2 * (row_count - 1));
        @memset(private.rows, .{});
        @memset(private.index, 0);
        var table: Statements = .{
            .shared = shared,
            .private = private,
            .texts = .init(shared.blocks, private.next_blocks),
            .recent_queries_max = recent_queries_max,
            .row_count = 0,
            .vacant_count = 0,
            .hand = 1,
        };
        // Its text is known to readers.
        table.take(0, 0, "");
        return table;
    }

    /// The id of a statement, a new one if it has no row; `other_id` where there is no room.
    pub fn intern(table: *Statements, fingerprint: u64, text: []const u8) u32 {
        if (table.find(fingerprint)) |row| return table.idOf(row);
        const blocks_needed = TextBlocks.countFor(text.len);
        if (blocks_needed > table.shared.blocks.len) return other_id;
        var steps_left: u32 = sweep_rows_max;
        while (!table.hasVacancy() or table.texts.free_count < blocks_needed) {
            if (!table.evictNext(&steps_left)) return other_id;
        }
        const row = table.vacantRow();
        table.take(row, fingerprint, text);
        table.addToIndex(row);
        return table.idOf(row);
    }

    /// Whether the row is still the statement's.
    pub fn isCurrent(table: *const Statements, id: u32) bool {
        const parts: Id = @bitCast(id);
        if (parts.row >= table.row_count) return false;
        const row = &table.private.rows[parts.row];
        return row.is_taken and row.generation == parts.generation;
    }

    /// A query of the statement is in flight: its row stays.
    pub fn hold(table: *const Statements, id: u32) void {
        assert(table.isCurrent(id));
        table.rowOf(id).in_flight_count += 1;
    }

    pub fn release(table: *const Statements, id: u32) void {
        if (table.isCurrent(id)) table.rowOf(id).in_flight_count -|= 1;
    }

    /// Nothing is in flight any more.
    pub fn releaseAll(table: *const Statements) void {
        for (table.private.rows) |*row| row.in_flight_count = 0;
    }

    /// `query_count` counts the call's own record. `bucket` is the duration's `indexOf`, unless
    /// the duration is 0.
    pub fn record(
        table: *const Statements,
        id: u32,
        call: Call,
        query_count: u64,
        bucket: u32,
    ) void {
        assert(table.isCurrent(id));
        const row = table.rowOf(id);
        row.last_used = query_count;
        const number = @as(Id, @bitCast(id)).row;
        const totals = &table.shared.totals[number];
        const calls = words.own(&totals[Totals.call_count]);
        row.is_marked = calls > 0;
        words.store(&totals[Totals.call_count], calls +% 1);
        if (call.is_error) words.add(&totals[Totals.error_count], 1);
        if (call.row_count) |rows| words.add(&totals[Totals.row_count], rows);
        words.add(&totals[Totals.total_ns], call.duration_ns);
        words.add(&totals[Totals.pool_wait_ns], call.pool_wait_ns);
        if (calls == 0 or call.duration_ns < words.own(&totals[Totals.min_ns])) {
            words.store(&totals[Totals.min_ns], call.duration_ns);
        }
        if (call.duration_ns > words.own(&totals[Totals.max_ns])) {
            words.store(&totals[Totals.max_ns], call.duration_ns);
        }
        if (call.duration_ns == 0) {
            words.add(&totals[Totals.zero_count], 1);
        } else {
            const counts = &table.shared.histograms[number];
            histogram.recordAt(histogram.statement_shape, counts, bucket);
        }
    }

    /// 0 where the statement has no row.
    pub fn fingerprintOf(table: *const Statements, id: u32) u64 {
        if (!table.isCurrent(id)) return 0;
        return table.private.fingerprints[@as(Id, @bitCast(id)).row];
    }

    fn rowOf(table: *const Statements, id: u32) *Row {
        return &table.private.rows[@as(Id, @bitCast(id)).row];
    }

    fn idOf(table: *const Statements, row: u32) u32 {
        const generation = table.private.rows[row].generation;
        return @bitCast(Id{ .row = @intCast(row), .generation = generation });
    }

    fn hasVacancy(table: *const Statements) bool {
        return table.vacant_count > 0 or table.row_count < table.private.rows.len;
    }

    fn vacantRow(table: *Statements) u32 {
        if (table.vacant_count == 0) return table.row_count;
        table.vacant_count -= 1;
        return table.private.vacant[table.vacant_count];
    }

    fn take(table: *Statements, row: u32, fingerprint: u64, text: []const u8) void {
        const header = table.shared.header;
        const identity = &table.shared.identities[row];
        const is_new = row == table.row_count;
        if (is_new) table.row_count += 1;
        const own = &table.private.rows[row];
        if (!is_new) own.generation +%= 1;
        own.last_used = words.own(&header[Header.query_count]);
        own.in_flight_count = 0;
        own.is_taken = true;
        own.is_marked = false;
        table.private.fingerprints[row] = fingerprint;

        // Of a row that was vacated the sequence is odd already.
        const sequence = (words.own(&identity[RowIdentity.sequence]) | 1) +% 1;
        words.store(&identity[RowIdentity.sequence], sequence -% 1);
        var sum: checksum.Sum = .{};
        const first = table.texts.store(text, &sum, RowIdentity.checksum);
        table.private.first_blocks[row] = first;
        const block_and_bytes = @as(u64, text.len) << 32 | first;
        sum.add(RowIdentity.sequence, sequence);
        sum.add(RowIdentity.fingerprint, fingerprint);
        sum.add(RowIdentity.block_and_bytes, block_and_bytes);
        words.publish(&identity[RowIdentity.fingerprint], fingerprint);
        words.publish(&identity[RowIdentity.block_and_bytes], block_and_bytes);
        words.publish(&identity[RowIdentity.checksum], sum.value());
        words.publish(&identity[RowIdentity.sequence], sequence);
        words.store(&header[Header.text_blocks_used], table.texts.usedCount());
        if (is_new) words.publish(&header[Header.statement_count], table.row_count);
    }

    /// Vacates the next row that may go; false where the hand has made all its steps.
    fn evictNext(table: *Statements, steps_left: *u32) bool {
        const query_count = words.own(&table.shared.header[Header.query_count]);
        while (steps_left.* > 0) {
            steps_left.* -= 1;
            const number = table.hand;
            table.hand = if (number + 1 < table.private.rows.len) number + 1 else 1;
            const row = &table.private.rows[number];
            if (!row.is_taken or row.in_flight_count > 0) continue;
            if (row.last_used +| table.recent_queries_max > query_count) continue;
            if (row.is_marked) {
                row.is_marked = false;
                continue;
            }
            table.evict(number);
            return true;
        }
        return false;
    }

    fn evict(table: *Statements, row: u32) void {
        const eviction = &table.shared.header[Header.eviction_sequence];
        const sequence = &table.shared.identities[row][RowIdentity.sequence];
        words.store(eviction, words.own(eviction) | 1);
        words.publish(sequence, words.own(sequence) | 1);
        table.addToOther(row);
        // Not before "other" has it all. Readers leave the row out from its odd mark on: who dies in
        // between leaves rows that do not add up, and the odd eviction sequence, which says so. The
        // arena's own sums have every call all the same.
        for (&table.shared.totals[row]) |*word| words.publish(word, 0);
        for (histogramWords(&table.shared.histograms[row])) |*word| words.publish(word, 0);
        words.publish(eviction, words.own(eviction) +% 1);

        table.removeFromIndex(row);
        table.texts.free(table.private.first_blocks[row]);
        table.private.rows[row].is_taken = false;
        table.private.vacant[table.vacant_count] = row;
        table.vacant_count += 1;
    }

    fn addToOther(table: *Statements, row: u32) void {
        const source = &table.shared.totals[row];
        const target = &table.shared.totals[0];
        const is_first = words.own(&target[Totals.call_count]) == 0;
        if (words.own(&source[Totals.call_count]) == 0) return;
        const min_ns = words.own(&source[Totals.min_ns]);
        if (is_first or min_ns < words.own(&target[Totals.min_ns])) {
            words.publish(&target[Totals.min_ns], min_ns);
        }
        const max_ns = words.own(&source[Totals.max_ns]);
        if (max_ns > words.own(&target[Totals.max_ns])) {
            words.publish(&target[Totals.max_ns], max_ns);
        }
        inline for (.{
            Totals.call_count,
            Totals.error_count,
            Totals.row_count,
            Totals.total_ns,
            Totals.pool_wait_ns,
            Totals.zero_count,
        }) |word| {
            words.publish(&target[word], words.own(&target[word]) +% words.own(&source[word]));
        }
        const counts = &table.shared.histograms[row];
        for (&table.shared.histograms[0], counts) |*sum, *count| {
            const added = @atomicLoad(u32, count, .monotonic);
            if (added == 0) continue;
            @atomicStore(u32, sum, @atomicLoad(u32, sum, .monotonic) +| added, .release);
        }
    }

    fn placeOf(table: *const Statements, fingerprint: u64) usize {
        // Multiplied, so that a fingerprint that is weak in its low bits spreads as well.
        return @intCast((fingerprint *% 0x9e3779b97f4a7c15) >> 32 & (table.private.index.len - 1));
    }

    fn find(table: *const Statements, fingerprint: u64) ?u32 {
        const mask = table.private.index.len - 1;
        var place = table.placeOf(fingerprint);
        while (true) : (place = (place + 1) & mask) {
            const row = table.private.index[place];
            if (row == 0) return null;
            if (table.private.fingerprints[row] == fingerprint) return row;
        }
    }

    fn addToIndex(table: *Statements, row: u32) void {
        const mask = table.private.index.len - 1;
        var place = table.placeOf(table.private.fingerprints[row]);
        while (table.private.index[place] != 0) place = (place + 1) & mask;
        table.private.index[place] = row;
    }

    /// What comes after in a run of places moves up, unless that were before its own place.
    fn removeFromIndex(table: *Statements, row: u32) void {
        const index = table.private.index;
        const mask = index.len - 1;
        var hole = table.placeOf(table.private.fingerprints[row]);
        while (index[hole] != row) hole = (hole + 1) & mask;
        var place = hole;
        while (true) {
            place = (place + 1) & mask;
            const other = index[place];
            if (other == 0) break;
            const wanted = table.placeOf(table.private.fingerprints[other]);
            if ((place -% wanted) & mask < (place -% hole) & mask) continue;
            index[hole] = other;
            hole = place;
        }
        index[hole] = 0;
    }
};

fn histogramWords(counts: *[bucket_count]u32) []u64 {
    const first: [*]u64 = @ptrCast(@alignCast(counts));
    return first[0 .. bucket_count / 2];
}

test {
    _ = @import("statements_test.zig");
}
