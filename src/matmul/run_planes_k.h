/* SPDX-License-Identifier: Apache-2.0 */
/* run_planes_k.h - integer kernels where several tasks share the k of a slice of columns. */
#ifndef AQ_MATMUL_RUN_PLANES_K_H
#define AQ_MATMUL_RUN_PLANES_K_H

#include "matmul/run.h"

/* The steps of run_planes.c that such a run is put together from, too. thread: whose scratch they use. */
typedef struct aq_planes_steps {
    void (*make_digits)(void *run, size_t thread, size_t rows); /* of the rows-th AQ_DIGIT_ROWS rows */
    void (*sum_slice)(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n);
    void (*finish_row)(const aq_matrix_run *run, size_t thread, int64_t row, int64_t column, int64_t n);
    void (*finish_by_fma)(const aq_matrix_run *run, size_t thread, int64_t column, int64_t n);
    char *(*digits)(const aq_matrix_run *run, size_t thread, int64_t tile);
    float *(*x_totals)(const aq_matrix_run *run, size_t thread);
    int32_t *(*by_fma)(const aq_matrix_run *run, size_t thread);
    float *(*sums)(const aq_matrix_run *run, size_t thread, int64_t p, int64_t row);
} aq_planes_steps;

/* The whole matrix, all of whose rows are one block. */
void aq_run_planes_by_k(aq_matrix_run *run, const aq_planes_steps *steps);

#endif
