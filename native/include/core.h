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
#define HD_ABI_VERSION 1u

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

#ifdef __cplusplus
}
#endif

#endif
