/* SPDX-License-Identifier: Apache-2.0 */
/* bench_data.h - random matrices for `antiquant bench`, on the host, and their product in fp64. Calls nothing
 * of the library. */
#ifndef AQ_CLI_BENCH_DATA_H
#define AQ_CLI_BENCH_DATA_H

#include "bench_shapes.h"

/* All of it as the operator gets it, but for FRACTAL_NZ, which is plain here. Scales and offsets lie as the
 * weight does: (groups,n), or (n,groups) when it is transposed. */
typedef struct aq_bench_data {
    int8_t *q;                /* one value a byte, also for int4 */
    uint16_t *scale, *offset; /* x's type; offset null without */
    int64_t scales;
    uint16_t *x; /* (m,k) */
} aq_bench_data;

/* Rows and columns spread over y, and the exact answer there. */
typedef struct aq_bench_sample {
    int64_t rows, columns, row_step, column_step;
    double *exact; /* (rows,columns) */
} aq_bench_sample;

/* Zero the struct before; free after, also when make failed. */
bool aq_bench_data_make(const aq_bench_shape *shape, aq_bench_data *data);
void aq_bench_data_free(aq_bench_data *data);

/* Null, with a message, when out of memory. */
aq_bench_sample *aq_bench_sample_make(const aq_bench_shape *shape, const aq_bench_data *data);
void aq_bench_sample_free(aq_bench_sample *sample); /* null is fine */

#endif
