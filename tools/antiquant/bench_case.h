/* SPDX-License-Identifier: Apache-2.0 */
/* bench_case.h - one shape with its data on the device: copies of a random weight, x, y, their tensors, and
 * what the answer should be. Functions that return bool have printed the reason when they return false. */
#ifndef AQ_CLI_BENCH_CASE_H
#define AQ_CLI_BENCH_CASE_H

#include "bench_shapes.h"
#include "device.h"

/* A weight in its storage, its scales and offsets behind it. */
typedef struct aq_bench_copy {
    char *data;
    aclTensor *weight, *scale, *offset; /* offset: null without */
} aq_bench_copy;

typedef struct aq_bench_case {
    aq_bench_shape shape;
    size_t copy_bytes; /* of one copy, all that a run reads of it */
    double bytes;      /* that and x and y */
    double flops;
    int64_t copies, next; /* the next run takes copy `next` */
    aq_bench_copy *copy;
    void *arena, *x, *y; /* device memory */
    aclTensor *x_tensor, *y_tensor;
    struct aq_bench_sample *sample; /* of the answer, in fp64 */
} aq_bench_case;

/* Asks phase 1 whether it takes the shape; no data is made. */
bool aq_bench_case_legal(const aq_bench_shape *shape);

/* Zero the struct before; free after, also when make failed. Copies fill at least `fill` bytes; at least
 * one. */
bool aq_bench_case_make(aq_cli_device *device, const aq_bench_shape *shape, size_t fill, aq_bench_case *made);
void aq_bench_case_free(aq_bench_case *made);

/* A run with the next copy: phase 1, the numerics mode and a workspace for it, phase 2 with synchronise. */
bool aq_bench_phase1(aq_bench_case *made, uint64_t *size, aclOpExecutor **executor);
bool aq_bench_choose(aq_cli_device *device, const char *mode, uint64_t *size, aclOpExecutor *executor);
bool aq_bench_phase2(aq_cli_device *device, uint64_t size, aclOpExecutor *executor);

/* The kernel that phase 1 chooses, as aq_explain_matmul tells; null where it cannot be told. */
const char *aq_bench_case_kernel(const aq_bench_case *made, const char *mode);

/* Relative Frobenius errors against weights that are not rounded: of what is in y, and of the exact answer
 * rounded to y's type. */
bool aq_bench_case_error(const aq_bench_case *made, double *error, double *rounding);

#endif
