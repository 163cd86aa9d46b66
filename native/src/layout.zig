//! Where everything lies in a recorder's arena, word for word.
//!
//! The arena is one block of 64-bit words, so that a copy of it, wherever it comes from, can be
//! read by whoever knows this file: the capacities stand in its header. `src/engine/layout.ts` is
//! the same description for the reader and the portable engine; `version` changes with either, and
//! a test compares the two. Times are monotonic nanoseconds, counters only grow.
//!
//! What changes while it is read carries a sequence, odd while the writer is at it (`ring.zig`
//! describes the protocol), and a checksum (`checksum.zig`), which covers the sequence as well.

const std = @import("std");
const histogram = @import("histogram.zig");
const assert = std.debug.assert;

/// "HYPERDJ1" in little-endian bytes.
pub const magic: u64 = 0x314a_4452_4550_5948;
pub const version: u64 = 4;

/// Words of the header.
pub const Header = struct {
    pub const magic_word = 0;
    pub const version_word = 1;
    pub const arena_words = 2;
    /// Six words, in the order of `Capacities`.
    pub const capacities = 3;

    // One cache line that every query writes. The sums are of all queries, whatever became of
    // their statements' rows.
    /// Ended queries so far: the ring's write position.
    pub const query_count = 16;
    pub const error_count = 17;
    /// Sum over the queries whose row count was known.
    pub const row_count = 18;
    pub const total_ns = 19;
    pub const pool_wait_ns = 20;
    /// Queries that took no time by the clock: they are in no histogram.
    pub const zero_count = 21;
    /// When a query or a request last began or ended, and of which request it was (0: of none).
    pub const last_active_ns = 22;
    pub const last_request_handle = 23;

    /// Ended requests so far: the ring's write position.
    pub const request_count = 24;
    pub const request_error_count = 25;
    pub const request_total_ns = 26;
    /// Rows that have been in use, row 0 ("other") included.
    pub const statement_count = 27;
    pub const route_count = 28;
    pub const text_blocks_used = 29;
    /// Twice the number of evictions so far, and odd during one. Rows copied between two equal
    /// even readings add up to what the arena has seen.
    pub const eviction_sequence = 30;

    /// For each kind of `Drop` three words: how many, when first, when last.
    pub const drops = 32;

    /// Waits for a pool client that ended without one.
    pub const pool_timeout_count = 56;
    /// Faults of the tool's own that were caught.
    pub const fault_count = 57;

    pub const words = 64;
};

/// What did not fit. Nothing is lost without being counted here.
pub const Drop = enum(u3) {
    /// Queries that found no in-flight slot; their totals are complete.
    queries,
    /// Requests that found no in-flight slot; their totals are complete.
    requests,
    /// Queries that are counted under "other".
    statements,
    /// Requests that are counted under "other".
    routes,
    /// Reports of a pool that found no row.
    pools,
    /// Findings that gave their row to a newer one.
    findings,
    /// Waits for a pool client that found no in-flight slot.
    waits,

    pub const kinds = std.meta.fields(Drop).len;
    pub const count = 0;
    pub const first_ns = 1;
    pub const last_ns = 2;
    pub const words = 3;
};

/// Sequence; payload; checksum of the words before it. A ring's records are of this form, each one
/// cache line.
pub const Record = struct {
    pub const sequence = 0;
    pub const payload = 1;
    pub const payload_words = 6;
    pub const checksum = 7;
    pub const words = 8;
};

/// A slot for what has begun and not yet ended: a record, and a word beside it that changes while
/// the record stands. One cache line.
pub const InFlight = struct {
    pub const sequence = 0;
    /// 0 while the slot is free. (It is freed by that one store, so the checksum of a free slot is
    /// of no meaning.)
    pub const handle = 1;
    pub const payload = 2;
    pub const payload_words = 4;
    pub const checksum = 6;
    /// The route's id in the low half; in the high one the low half of the checksum of two words:
    /// the record's sequence, and that id. Where it is another one, the word is not of this record,
    /// whose route is not known yet.
    pub const route = 7;
    pub const words = 8;
};

/// Payload of a query's slot, which has no route. Whoever waits for a pool client has such a slot
/// too, and no query.
pub const InFlightQuery = struct {
    pub const request_handle = 0;
    pub const start_ns = 1;
    /// Statement in the low half; in the high one 1 for a wait, 0 for a query.
    pub const statement_and_wait = 2;
    pub const pool_wait_ns = 3;
    pub const is_waiting: u64 = 1 << 32;
};

pub const InFlightRequest = struct {
    pub const start_ns = 0;
};

/// Payload of a ring record.
pub const EndedQuery = struct {
    pub const request_handle = 0;
    pub const start_ns = 1;
    pub const duration_ns = 2;
    pub const pool_wait_ns = 3;
    /// Statement in the low half, `QueryOutcome` in the high one.
    pub const statement_and_outcome = 4;
    /// All bits set where it is unknown.
    pub const row_count = 5;
};

pub const QueryOutcome = packed struct(u32) {
    is_error: bool,
    /// Of the error: its five characters as a number of base 36; 0 where it has none.
    sql_state: u31,

    pub const ok: QueryOutcome = .{ .is_error = false, .sql_state = 0 };
    pub const sql_state_limit = 36 * 36 * 36 * 36 * 36;
};

pub const RequestOutcome = enum(u32) {
    ok = 0,
    failed = 1,
    /// The client left before the response was complete.
    aborted = 2,
};

pub const EndedRequest = struct {
    pub const start_ns = 0;
    pub const duration_ns = 1;
    /// Route in the low half, status code in the high one.
    pub const route_and_status = 2;
    /// Query count in the low half, `RequestOutcome` in the high one.
    pub const queries_and_outcome = 3;
    /// What its queries call it; 0 where it had found no in-flight slot.
    pub const handle = 4;
};

/// Who a row of the statement table is. A statement's id is `generation << 16 | row`, where
/// `generation` counts the row's earlier statements, modulo 2^16.
pub const StatementIdentity = struct {
    /// 0: never used. Odd: vacant, or being changed. Else `2 * (generation + 1)`, with a generation
    /// that does not wrap.
    pub const sequence = 0;
    pub const fingerprint = 1;
    /// The text's first block in the low half (0: no text), its length in bytes in the high one.
    pub const block_and_bytes = 2;
    /// Of the words before it and of the text's, as one row of words; the last one of the text is
    /// filled up with zeros.
    pub const checksum = 3;
    pub const words = 4;
};

/// A text lies in a chain of blocks, numbered from 1 on.
pub const TextBlock = struct {
    /// Number of the next block, 0 after the last.
    pub const next = 0;
    pub const text = 1;
    pub const text_words = 31;
    pub const text_bytes = 8 * text_words;
    pub const words = 32;
    /// On average; a single text takes up to 8 kB of what all of them have.
    pub const per_statement = 2;
};

/// Words of a statement's totals: one cache line.
pub const StatementTotals = struct {
    pub const call_count = 0;
    pub const error_count = 1;
    pub const row_count = 2;
    pub const total_ns = 3;
    pub const min_ns = 4;
    pub const max_ns = 5;
    pub const pool_wait_ns = 6;
    pub const zero_count = 7;
    pub const words = 8;
};

pub const RouteTotals = struct {
    pub const request_count = 0;
    pub const error_count = 1;
    pub const query_count = 2;
    pub const total_ns = 3;
    pub const max_ns = 4;
    pub const zero_count = 5;
    pub const name_bytes = 6;
    pub const words = 8;
};

pub const route_name_bytes_max = 256;

/// What a connection pool was doing when it was last heard of.
pub const Pool = struct {
    pub const sequence = 0;
    /// 0: no pool has the row.
    pub const name_bytes = 1;
    pub const total = 2;
    pub const idle = 3;
    pub const waiting = 4;
    pub const max = 5;
    pub const updated_ns = 6;
    /// Host, port and database, never a password: UTF-8, filled up with zeros.
    pub const name = 7;
    pub const name_bytes_max = 64;
    /// Of the words before it.
    pub const checksum = 15;
    pub const words = 16;
};

pub const pools_max = 16;

/// What the analysis found, once for each verdict, statement and route.
pub const Finding = struct {
    pub const sequence = 0;
    /// See `Verdict`; 0: the row is free.
    pub const verdict = 1;
    pub const fingerprint = 2;
    /// Its row may have been given to another statement since: the fingerprint stays.
    pub const statement_id = 3;
    pub const route_id = 4;
    /// How often it was found, and the queries and their time in all of that.
    pub const count = 5;
    pub const query_count = 6;
    pub const total_ns = 7;
    pub const first_ns = 8;
    pub const last_ns = 9;
    /// Of the words before it.
    pub const checksum = 15;
    pub const words = 16;
};

pub const findings_max = 64;

pub const Verdict = enum(u64) {
    /// A scope ran one statement so often that one statement for all would have done.
    n_plus_one = 1,
    _,
};

pub const Capacities = extern struct {
    in_flight_queries_max: u32,
    in_flight_requests_max: u32,
    recent_queries_max: u32,
    recent_requests_max: u32,
    statements_max: u32,
    routes_max: u32,

    /// A handle has 16 bits for its slot, and 2^16 of anything is far beyond the memory that a
    /// recorder should take.
    pub const limit = 1 << 16;
    /// An id has 16 bits for its row, and row 0 is not a statement's.
    pub const statements_limit = 1 << 15;

    pub fn areValid(capacities: Capacities) bool {
        inline for (std.meta.fields(Capacities)) |field| {
            const capacity = @field(capacities, field.name);
            if (capacity == 0 or capacity > limit) return false;
            if (!std.math.isPowerOfTwo(capacity)) return false;
        }
        return capacities.statements_max <= statements_limit;
    }
};

/// Offsets in words from the start of the arena.
pub const Layout = struct {
    capacities: Capacities,
    query_histogram: usize,
    in_flight_queries: usize,
    in_flight_requests: usize,
    recent_queries: usize,
    recent_requests: usize,
    pools: usize,
    findings: usize,
    statement_identities: usize,
    statement_totals: usize,
    statement_histograms: usize,
    route_totals: usize,
    route_names: usize,
    route_histograms: usize,
    text_blocks: usize,
    arena_words: usize,

    pub fn of(capacities: Capacities) Layout {
        assert(capacities.areValid());
        var end: usize = Header.words;
        // Row 0 stands for what found no place.
        const statement_rows = capacities.statements_max + 1;
        const route_rows = capacities.routes_max + 1;
        return .{
            .capacities = capacities,
            .query_histogram = take(&end, query_histogram_words),
            .in_flight_queries = take(&end, capacities.in_flight_queries_max * InFlight.words),
            .in_flight_requests = take(&end, capacities.in_flight_requests_max * InFlight.words),
            .recent_queries = take(&end, capacities.recent_queries_max * Record.words),
            .recent_requests = take(&end, capacities.recent_requests_max * Record.words),
            .pools = take(&end, pools_max * Pool.words),
            .findings = take(&end, findings_max * Finding.words),
            .statement_identities = take(&end, statement_rows * StatementIdentity.words),
            .statement_totals = take(&end, statement_rows * StatementTotals.words),
            .statement_histograms = take(&end, statement_rows * statement_histogram_words),
            .route_totals = take(&end, route_rows * RouteTotals.words),
            .route_names = take(&end, route_rows * route_name_words),
            .route_histograms = take(&end, route_rows * route_histogram_words),
            .text_blocks = take(&end, textBlockCount(capacities) * TextBlock.words),
            .arena_words = end,
        };
    }

    /// Every part begins at a cache line.
    fn take(end: *usize, words: usize) usize {
        const start = std.mem.alignForward(usize, end.*, 8);
        end.* = start + words;
        return start;
    }
};

pub fn textBlockCount(capacities: Capacities) usize {
    return capacities.statements_max * TextBlock.per_statement;
}

pub const query_histogram_words = histogram.query_shape.bucketCount() / 2;
pub const statement_histogram_words = histogram.statement_shape.bucketCount() / 2;
pub const route_histogram_words = histogram.route_shape.bucketCount() / 2;
pub const route_name_words = route_name_bytes_max / 8;

comptime {
    assert(Header.drops + Drop.kinds * Drop.words <= Header.pool_timeout_count);
    assert(Header.fault_count < Header.words);
    assert(Record.payload + Record.payload_words == Record.checksum);
    assert(EndedQuery.row_count < Record.payload_words);
    assert(InFlight.payload + InFlight.payload_words == InFlight.checksum);
    assert(InFlight.checksum < InFlight.route and InFlight.route < InFlight.words);
    assert(InFlightQuery.pool_wait_ns < InFlight.payload_words);
    assert(TextBlock.text + TextBlock.text_words == TextBlock.words);
    assert(Pool.name + Pool.name_bytes_max / 8 == Pool.checksum);
    assert(@sizeOf(Capacities) == 24);
}

test Layout {
    const main: Layout = .of(.{
        .in_flight_queries_max = 1024,
        .in_flight_requests_max = 1024,
        .recent_queries_max = 4096,
        .recent_requests_max = 1024,
        .statements_max = 2048,
        .routes_max = 256,
    });
    try std.testing.expect(main.arena_words * 8 < 8_000_000);
    try std.testing.expect(main.text_blocks > main.route_histograms);
    try std.testing.expect(main.statement_totals % 8 == 0);
    const worker: Layout = .of(.{
        .in_flight_queries_max = 256,
        .in_flight_requests_max = 256,
        .recent_queries_max = 512,
        .recent_requests_max = 128,
        .statements_max = 256,
        .routes_max = 32,
    });
    try std.testing.expect(worker.arena_words * 8 < 1_000_000);
}

test "Capacities.areValid: powers of two up to the limit" {
    const good: Capacities = .{
        .in_flight_queries_max = 1,
        .in_flight_requests_max = 2,
        .recent_queries_max = 4,
        .recent_requests_max = 8,
        .statements_max = Capacities.statements_limit,
        .routes_max = Capacities.limit,
    };
    try std.testing.expect(good.areValid());
    inline for (.{ 0, 3, Capacities.limit + 1, Capacities.limit * 2 }) |bad| {
        var capacities = good;
        capacities.recent_requests_max = bad;
        try std.testing.expect(!capacities.areValid());
    }
    var capacities = good;
    capacities.statements_max = 2 * Capacities.statements_limit;
    try std.testing.expect(!capacities.areValid());
}
