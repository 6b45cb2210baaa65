/* SPDX-License-Identifier: Apache-2.0 */
/* description.h - what one run of an operator is, in words and numbers: filled in by the operator from its
 * plan, told by ANTIQUANT_VERBOSE, ANTIQUANT_TRACE and the log. Knows no operator. */
#ifndef AQ_RUNTIME_DESCRIPTION_H
#define AQ_RUNTIME_DESCRIPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/json_write.h"

#define AQ_DETAILS_SIZE                                                                                      \
    6144 /* room for the lines of aq_op's details: a kernel not taken is one of 50 to 120 */

/* Comes zeroed; what an operator does not have stays so and is not told. */
typedef struct aq_description {
    char shape[192];    /* "m=1 k=4096 n=4096", batch dims in front: "batch=2x3 m=..." */
    char dtypes[64];    /* inputs, then the output: "FLOAT16,INT8,FLOAT16" */
    const char *path;   /* static texts, or null: "fixpipe" */
    const char *kernel; /* "stream_f16_s8c_1x64_avx512" */
    const char *isa;    /* "avx512" */
    const char *order;  /* of the sum over k: "P", "T" */
    int threads;        /* 0: not known */
    int64_t bytes;      /* of a multiplication the weight's, of others all that is read and written: GB/s */
    int64_t flops;      /* multiplications and additions: GFLOP/s */
} aq_description;

/* "shape m=1 k=4096 n=4096, dtypes ..., kernel ...", for people; ns: how long it took, 0 = not run yet.
 * Cut to size. */
void aq_description_text(const aq_description *description, int64_t ns, char *text, size_t size);

/* The same as members of a JSON object. */
void aq_description_members(const aq_description *description, int64_t ns, aq_json *members);

/* count bytes in ns, as GB/s; 0 when ns is. */
double aq_gigabytes_per_second(int64_t count, int64_t ns);

#endif
