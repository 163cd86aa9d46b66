//! Where everything lies in a recorder's arena, word for word.
//!
//! The arena is one block of 64-bit words, so that a copy of it, wherever it comes from, can be
//! read by whoever knows the capacities. `src/engine/layout.ts` is the same description for the
//! reader and the portable engine; `version` changes with either, and the conformance suite
//! compares the two.

const std = @import("std");
const histogram = @import("histogram.zig");
const assert = std.debug.assert;

/// "HYPERDJ1" in little-endian bytes.
pub const magic: u64 = 0x314a_4452_4550_5948;
pub const version: u64 = 1;

/// Words of the header.
pub const Header = struct {
    pub const magic_word = 0;
    pub const version_word = 1;
    pub const arena_words = 2;
    /// Six words, in the order of `Capacities`.
    pub const capacities = 3;
    /// Ended queries and requests so far: the rings' write positions.
    pub const query_count = 16;
    pub const request_count = 17;
    /// Rows in use, row 0 ("other") included.
    pub const statement_count = 18;
    pub const route_count = 19;
    pub const text_bytes_used = 20;
    pub const dropped_queries = 21;
    pub const dropped_requests = 22;
    pub const dropped_statements = 23;

    pub const words = 64;
};

/// Words of an in-flight slot: sequence, handle (0 while free), then the payload.
pub const InFlightQuery = struct {
    pub const request_handle = 0;
    pub const start_ns = 1;
    pub const statement_id = 2;
    pub const pool_wait_ns = 3;
    pub const payload_words = 4;
    /// One cache line for each slot.
    pub const slot_words = 8;
};

pub const InFlightRequest = struct {
    pub const start_ns = 0;
    pub const payload_words = 1;
    pub const slot_words = 4;
};

/// Payload of a ring record. The sequence word stands before it.
pub const EndedQuery = struct {
    pub const request_handle = 0;
    pub const start_ns = 1;
    pub const duration_ns = 2;
    pub const pool_wait_ns = 3;
    /// Statement in the low half, outcome in the high one.
    pub const statement_and_outcome = 4;
    /// All bits set where it is unknown.
    pub const row_count = 5;
};

pub const EndedRequest = struct {
    pub const start_ns = 0;
    pub const duration_ns = 1;
    /// Route in the low half, status code in the high one.
    pub const route_and_status = 2;
    /// Query count in the low half, outcome in the high one.
    pub const queries_and_outcome = 3;
};

/// One cache line for each record.
pub const record_words = 8;

/// Words of a statement's identity: fingerprint; offset (low half) and length of its text.
pub const identity_words = 2;

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

/// On average; a single text takes up to 8 kB of what all of them have.
pub const text_bytes_per_statement = 512;

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

    pub fn areValid(capacities: Capacities) bool {
        inline for (std.meta.fields(Capacities)) |field| {
            const capacity = @field(capacities, field.name);
            if (capacity == 0 or capacity > limit) return false;
            if (!std.math.isPowerOfTwo(capacity)) return false;
        }
        return true;
    }
};

/// Offsets in words from the start of the arena.
pub const Layout = struct {
    capacities: Capacities,
    in_flight_queries: usize,
    in_flight_requests: usize,
    recent_queries: usize,
    recent_requests: usize,
    statement_identities: usize,
    statement_totals: usize,
    statement_histograms: usize,
    route_totals: usize,
    route_names: usize,
    route_histograms: usize,
    texts: usize,
    arena_words: usize,

    pub fn of(capacities: Capacities) Layout {
        assert(capacities.areValid());
        var end: usize = Header.words;
        // Row 0 stands for what found no place.
        const statement_rows = capacities.statements_max + 1;
        const route_rows = capacities.routes_max + 1;
        return .{
            .capacities = capacities,
            .in_flight_queries = take(
                &end,
                capacities.in_flight_queries_max * InFlightQuery.slot_words,
            ),
            .in_flight_requests = take(
                &end,
                capacities.in_flight_requests_max * InFlightRequest.slot_words,
            ),
            .recent_queries = take(&end, capacities.recent_queries_max * record_words),
            .recent_requests = take(&end, capacities.recent_requests_max * record_words),
            .statement_identities = take(&end, statement_rows * identity_words),
            .statement_totals = take(&end, statement_rows * StatementTotals.words),
            .statement_histograms = take(&end, statement_rows * statement_histogram_words),
            .route_totals = take(&end, route_rows * RouteTotals.words),
            .route_names = take(&end, route_rows * route_name_words),
            .route_histograms = take(&end, route_rows * route_histogram_words),
            .texts = take(&end, capacities.statements_max * text_bytes_per_statement / 8),
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

pub const statement_histogram_words = histogram.statement_shape.bucketCount() / 2;
pub const route_histogram_words = histogram.route_shape.bucketCount() / 2;
pub const route_name_words = route_name_bytes_max / 8;

comptime {
    assert(Header.dropped_statements < Header.words);
    assert(2 + InFlightQuery.payload_words <= InFlightQuery.slot_words);
    assert(2 + InFlightRequest.payload_words <= InFlightRequest.slot_words);
    assert(1 + EndedQuery.row_count < record_words);
    assert(@sizeOf(Capacities) == 24);
}

test Layout {
    const layout: Layout = .of(.{
        .in_flight_queries_max = 1024,
        .in_flight_requests_max = 1024,
        .recent_queries_max = 4096,
        .recent_requests_max = 1024,
        .statements_max = 2048,
        .routes_max = 256,
    });
    try std.testing.expect(layout.arena_words * 8 < 8 << 20);
    try std.testing.expect(layout.texts > layout.route_histograms);
    try std.testing.expect(layout.statement_totals % 8 == 0);
}

test "Capacities.areValid: powers of two up to the limit" {
    const good: Capacities = .{
        .in_flight_queries_max = 1,
        .in_flight_requests_max = 2,
        .recent_queries_max = 4,
        .recent_requests_max = 8,
        .statements_max = 16,
        .routes_max = Capacities.limit,
    };
    try std.testing.expect(good.areValid());
    inline for (.{ 0, 3, Capacities.limit + 1, Capacities.limit * 2 }) |bad| {
        var capacities = good;
        capacities.recent_requests_max = bad;
        try std.testing.expect(!capacities.areValid());
    }
}
