/* SPDX-License-Identifier: Apache-2.0 */
/* bench_shapes.h - the lines of a shapes file (bench/README.md): what `antiquant bench` runs. */
#ifndef AQ_CLI_BENCH_SHAPES_H
#define AQ_CLI_BENCH_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum aq_bench_storage {
    AQ_BENCH_PLAIN,
    AQ_BENCH_TRANSPOSED,
    AQ_BENCH_NZ,
    AQ_BENCH_PACKED, /* plain, packed by aq_pack_weight */
    AQ_BENCH_PACKED_TRANSPOSED,
    AQ_BENCH_STORAGES
} aq_bench_storage;

enum { AQ_BENCH_TENSOR = -1, AQ_BENCH_CHANNEL = 0 }; /* as a group */

typedef struct aq_bench_shape {
    int64_t m, k, n;
    bool int4, bf16, cold, offset;
    int64_t group; /* values along k that share a scale, AQ_BENCH_TENSOR or AQ_BENCH_CHANNEL */
    aq_bench_storage storage;
} aq_bench_shape;

typedef struct aq_bench_shapes {
    aq_bench_shape *all; /* release with free() */
    size_t count;
} aq_bench_shapes;

/* Appends the shapes of a file ("-": standard input), or of a text when `text` is not null; `name` is for
 * messages. Only those whose description matches the extended regular expression `filter`, unless that is
 * null. False, with a message that names file, line, word and what is valid, when something is wrong. */
bool aq_bench_shapes_read(const char *name, const char *text, const char *filter, aq_bench_shapes *shapes);

enum { AQ_BENCH_WORDS = 32, AQ_BENCH_DESCRIPTION = 160 };
const char *aq_bench_storage_name(aq_bench_storage storage);

/* Whether its matrix is stored (n,k). */
static inline bool aq_bench_turned(const aq_bench_shape *shape)
{
    return shape->storage == AQ_BENCH_TRANSPOSED || shape->storage == AQ_BENCH_PACKED_TRANSPOSED;
}

static inline bool aq_bench_packed(const aq_bench_shape *shape)
{
    return shape->storage == AQ_BENCH_PACKED || shape->storage == AQ_BENCH_PACKED_TRANSPOSED;
}

/* "tensor", "channel", "group 128". Returns words. */
const char *aq_bench_granularity(const aq_bench_shape *shape, char words[AQ_BENCH_WORDS]);

/* "1 4096 4096 s8 channel plain f16 cold", as a line of a file. Returns text. */
const char *aq_bench_describe(const aq_bench_shape *shape, char text[AQ_BENCH_DESCRIPTION]);

/* Of k values, how many scales. */
int64_t aq_bench_groups(const aq_bench_shape *shape);

#endif
