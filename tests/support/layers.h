/* SPDX-License-Identifier: Apache-2.0 */
/* layers.h - a handful of small layers for tests and benchmarks of the runtime: calls of
 * aclnnWeightQuantBatchMatmul on both of its paths, few rows and many, with and without threads, whose
 * answers are computed once, in one thread of another process. */
#ifndef AQ_TESTS_LAYERS_H
#define AQ_TESTS_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aclnn/acl_meta.h"

enum { LAYERS = 6, LAYER_MOST_OUT = 3200 };

/* Operands in plain memory. */
typedef struct layer {
    int64_t m, n, k;
    bool transposed; /* the weight is stored (n, k) */
    bool fixpipe;    /* m <= 64: operator page 1.1 */
    uint16_t *x;
    int8_t *weight, *diagonal;
    int32_t *offset;
    uint64_t *word;
    uint16_t *mul;
    uint16_t answer[LAYER_MOST_OUT];
} layer;

/* Fills layers with operands from seed (not 0) and, unless it is null, with their answers. Before the
 * process's first use of the library, since the answers come from a forked child. 0; else what failed. */
int layers_make(layer layers[LAYERS], uint64_t seed, bool answers);
void layers_free(layer layers[LAYERS]);

size_t layer_x_bytes(const layer *layer);
size_t layer_out_bytes(const layer *layer);

/* The tensors of the layer, in prototype order, x and out as given (may be null); and their end. */
enum { LAYER_X1, LAYER_X2, LAYER_OUT = 8, LAYER_TENSORS };
void layer_tensors(const layer *layer, void *x, void *out, aclTensor *tensors[LAYER_TENSORS]);
void layer_destroy(aclTensor *tensors[LAYER_TENSORS]);

int layer_phase1_of(const layer *layer, aclTensor *const tensors[LAYER_TENSORS], uint64_t *workspace_size,
                    aclOpExecutor **executor);
/* With tensors that are gone again when it returns. */
int layer_phase1(const layer *layer, void *x, void *out, uint64_t *workspace_size, aclOpExecutor **executor);

#endif
