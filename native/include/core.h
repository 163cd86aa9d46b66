/*
 * The only way into the recording core. Every function checks what it is given and answers with a
 * status; none throws, none aborts on bad input.
 *
 * Texts are UTF-8 (other bytes are carried along), pointer and length, without a final zero.
 */
#ifndef HYPERDJANGO_CORE_H
#define HYPERDJANGO_CORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Counts up with every change to this file or to what the addon exports to JavaScript. */
#define HD_ABI_VERSION 5u

typedef enum hd_status {
  HD_OK = 0,
  HD_INVALID_ARGUMENT = 1,
  HD_OUT_OF_MEMORY = 2
} hd_status;

uint32_t hd_abi_version(void);

/* Monotonic, in nanoseconds. */
uint64_t hd_clock_now_ns(void);

/* ---- SQL ---------------------------------------------------------------------------------- */

#define HD_TEXT_BYTES_MAX 8192u
#define HD_LIST_LENGTHS_MAX 256u

typedef struct hd_sql_options {
  uint8_t placeholders;                /* 0 dollar, 1 question, 2 named, 3 format */
  uint8_t standard_conforming_strings; /* 0 unknown, 1 on, 2 off */
} hd_sql_options;

typedef struct hd_normalized {
  uint64_t fingerprint;
  uint32_t text_bytes;
  uint32_t list_lengths_count;
  uint32_t list_lengths[HD_LIST_LENGTHS_MAX];
  char text[HD_TEXT_BYTES_MAX];
} hd_normalized;

typedef struct hd_span {
  uint32_t start;
  uint32_t length;
  uint32_t kind; /* 0 literal, 1 parameter, 2 comment */
} hd_span;

hd_status hd_sql_normalize(const char *sql, size_t sql_bytes, hd_sql_options options,
                           hd_normalized *result);

/* Sets `count` to the number of spans there are, and writes as many as `spans_max` allows. */
hd_status hd_sql_scan(const char *sql, size_t sql_bytes, hd_sql_options options, hd_span *spans,
                      size_t spans_max, size_t *count);

/* ---- Recorder ------------------------------------------------------------------------------
 *
 * One writer for each recorder: the thread that calls these functions. Numbers come as JavaScript
 * has them; what is no whole number from 0 to 2^53-1 is cut to one (NaN and negatives to 0).
 */

#define HD_NO_HANDLE 0.0
#define HD_OTHER_ID 0.0

typedef struct hd_recorder hd_recorder;

/* Each a power of two, at most 65,536; `statements_max` at most 32,768. */
typedef struct hd_capacities {
  uint32_t in_flight_queries_max;
  uint32_t in_flight_requests_max;
  uint32_t recent_queries_max;
  uint32_t recent_requests_max;
  uint32_t statements_max;
  uint32_t routes_max;
} hd_capacities;

typedef struct hd_begun {
  double handle;
  double start_ns;
  double statement_id;
} hd_begun;

typedef struct hd_ended_request {
  double start_ns;
  double duration_ns; /* negative for one that ends now */
  double status_code;
  double query_count;
  double outcome; /* 0 ok, 1 error, 2 aborted by the client */
} hd_ended_request;

typedef struct hd_ended_query {
  double statement_id;
  double request_handle;
  double start_ns;
  double duration_ns;
  double pool_wait_ns;
  double outcome;   /* 0 ok; 1 error, and twice its SQLSTATE as a number of base 36 */
  double row_count; /* negative where unknown */
} hd_ended_query;

typedef struct hd_finding {
  double verdict; /* native/src/layout.zig, Verdict */
  double statement_id;
  double query_count;
  double total_ns;
} hd_finding;

typedef struct hd_pool_state {
  double total;
  double idle;
  double waiting;
  double max;
} hd_pool_state;

/* Takes all the memory that the recorder will ever have. `seed` should be random. */
hd_status hd_recorder_create(const hd_capacities *capacities, uint64_t seed,
                             hd_recorder **recorder);
void hd_recorder_destroy(hd_recorder *recorder);

/* An empty `route` stands for one that is not known yet. */
hd_status hd_recorder_begin_request(hd_recorder *recorder, const char *route, size_t route_bytes,
                                    hd_begun *begun);
/* Does nothing where the handle is not in flight. */
hd_status hd_recorder_name_request(hd_recorder *recorder, double handle, const char *route,
                                   size_t route_bytes);
/* Gives the duration; -1 where the handle has been ended before. */
hd_status hd_recorder_end_request(hd_recorder *recorder, double handle, const char *route,
                                  size_t route_bytes, const hd_ended_request *request,
                                  double *duration_ns);

/* `standard_conforming_strings`: 0 unknown, 1 on, 2 off. */
hd_status hd_recorder_begin_query(hd_recorder *recorder, const char *sql, size_t sql_bytes,
                                  double standard_conforming_strings, double request_handle,
                                  double pool_wait_ns, hd_begun *begun);
/* The same for a statement whose identity is known, or HD_OTHER_ID. */
hd_status hd_recorder_begin_statement(hd_recorder *recorder, double statement_id,
                                      double request_handle, double pool_wait_ns,
                                      hd_begun *begun);
/* A caller waits for a pool client from now on. */
hd_status hd_recorder_begin_wait(hd_recorder *recorder, double statement_id,
                                 double request_handle, hd_begun *begun);
/* Sets `wait_ns` to -1 for a handle that is no wait in flight; `start_ns` is for HD_NO_HANDLE. */
hd_status hd_recorder_end_wait(hd_recorder *recorder, double handle, double is_timed_out,
                               double start_ns, double *wait_ns);
/* Sets `duration_ns` to -1 for a handle that is no query in flight. */
hd_status hd_recorder_end_query(hd_recorder *recorder, double handle, double outcome,
                                double row_count, double *duration_ns);

/* Sets HD_OTHER_ID where there is no room for the statement. */
hd_status hd_recorder_intern_statement(hd_recorder *recorder, const char *sql, size_t sql_bytes,
                                       double standard_conforming_strings, double *statement_id);
hd_status hd_recorder_record_query(hd_recorder *recorder, const hd_ended_query *query);

hd_status hd_recorder_record_finding(hd_recorder *recorder, const char *route, size_t route_bytes,
                                     const hd_finding *finding);
/* `row` is the caller's choice, from 0 on; an empty name frees it. */
hd_status hd_recorder_record_pool(hd_recorder *recorder, double row, const char *name,
                                  size_t name_bytes, const hd_pool_state *state);

/* A fault of the tool's own was caught. */
hd_status hd_recorder_record_fault(hd_recorder *recorder);

/* Copies words of the arena (native/src/layout.zig), each of them whole and in order. */
hd_status hd_recorder_read(const hd_recorder *recorder, double first_word, uint64_t *target,
                           size_t words);

/* ---- Segment --------------------------------------------------------------------------------
 *
 * One for each process and image of the addon, made by the first thread that joins, never given
 * back. A thread has what it joined until it leaves; only `hd_segment_read` is for any thread.
 */

typedef struct hd_thread hd_thread;

typedef struct hd_string {
  const char *data;
  size_t bytes;
} hd_string;

typedef struct hd_segment_options {
  hd_string folder; /* empty for private memory */
  hd_string app_name;
  hd_string script_name;
  hd_string runtime_version;
  hd_capacities main_capacities;
  hd_capacities worker_capacities;
  uint64_t generation; /* random */
  uint64_t boot_id;
  uint64_t process_start_ticks;
  uint64_t place; /* of the application, 0 where it has none */
} hd_segment_options;

typedef struct hd_thread_options {
  uint64_t seed; /* random */
  void *loop;    /* uv_loop_t, or NULL */
  uint32_t thread_id;
  uint32_t is_main;
} hd_thread_options;

typedef struct hd_thread_state {
  hd_recorder *recorder; /* valid until the thread leaves; NULL where it found no arena */
  hd_string path;        /* empty where the memory is private; valid for ever */
  hd_string reason;      /* empty where all is as wanted; valid until the thread leaves */
  double arena_index;    /* -1 where there is none */
  double first_word;     /* of the arena in the segment */
  uint32_t watches_loop; /* 1 where the heartbeat's thread looks at the event loop */
  uint32_t knows_exit_code;
} hd_thread_state;

hd_status hd_segment_join(const hd_segment_options *options, const hd_thread_options *thread,
                          hd_thread **joined);
void hd_thread_leave(hd_thread *thread);
hd_status hd_thread_describe(hd_thread *thread, hd_thread_state *state);
void hd_thread_record_overhead(hd_thread *thread, double query_count, double total_ns);
/* What the thread uses and no hook reaches, a bit for each library. */
void hd_thread_set_unseen(hd_thread *thread, uint32_t libraries);
/* What the heartbeat does, for a thread whose loop it cannot look at. */
void hd_thread_beat(hd_thread *thread);

hd_status hd_segment_read(double first_word, uint64_t *target, size_t words);
void hd_segment_set_app_name(const char *name, size_t bytes);
/* If the process ended now, whether it would be by an exception that nobody caught. */
void hd_segment_set_uncaught_exception(int is_uncaught);
void hd_segment_note_exit_code(double code);

/* ---- File locks -----------------------------------------------------------------------------
 *
 * Results below 0 are negated `errno`s; ENOSYS where there are no such locks.
 */

/* 1 while some process holds the file, 0 when its owner is dead. `path` ends with a zero. */
int32_t hd_file_is_locked(const char *path);
/* A file descriptor, which holds the lock until it is closed; -EAGAIN where it is held. */
int32_t hd_file_try_lock(const char *path);
/* Gives back the room that pages of zeros take in a file that nobody holds: how many bytes. */
int64_t hd_file_punch_holes(const char *path);

#ifdef __cplusplus
}
#endif

#endif
