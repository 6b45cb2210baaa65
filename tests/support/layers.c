/* SPDX-License-Identifier: Apache-2.0 */
/* layers.c - see layers.h. */
#include "support/layers.h"

#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "support/child.h"
#include "support/v1.h"

/* m, n, k, transposed. From 2^17 multiply-adds on a layer is cut for several threads. */
static const struct {
    int64_t m, n, k;
    bool transposed;
} shapes[LAYERS] = {
    {1, 300, 512, false}, {2, 33, 40, false}, {40, 70, 96, true},
    {65, 40, 64, false},  {66, 20, 30, true}, {5, 64, 300, true},
};

static bool fill(layer *one, uint64_t *seed)
{
    int64_t m = one->m, n = one->n, k = one->k;
    one->x = malloc(layer_x_bytes(one));
    one->weight = malloc((size_t)(n * k));
    one->diagonal = calloc(32, 32);
    one->offset = calloc((size_t)n, sizeof *one->offset);
    one->word = calloc((size_t)n, sizeof *one->word);
    one->mul = calloc((size_t)n, sizeof *one->mul);
    if (!one->x || !one->weight || !one->diagonal || !one->offset || !one->word || !one->mul)
        return false;
    for (int64_t i = 0; i < m * k; i++)
        one->x[i] = v1_random_half(seed);
    for (int64_t i = 0; i < n * k; i++)
        one->weight[i] = (int8_t)v1_random(seed);
    for (size_t i = 0; i < 32; i++)
        one->diagonal[i * 33] = 1;
    for (int64_t i = 0; i < n; i++) {
        one->offset[i] = (int32_t)(v1_random(seed) % 31) - 15;
        one->word[i] = v1_word((float)(1 + v1_random(seed) % 100) / 4096.0f);
        one->mul[i] = v1_random_half(seed);
    }
    return true;
}

/* In the child, whose memory the result is. */
static const layer *asked;

static void answer_all(void *result)
{
    uint16_t(*answers)[LAYER_MOST_OUT] = result;
    if (aclrtSetDevice(0) != 0)
        _exit(1);
    for (int i = 0; i < LAYERS; i++) {
        uint64_t size = 0;
        aclOpExecutor *executor = NULL;
        if (layer_phase1(&asked[i], asked[i].x, answers[i], &size, &executor) != 0 ||
            aclnnWeightQuantBatchMatmul(NULL, 0, executor, NULL) != 0 || aclrtSynchronizeStream(NULL) != 0)
            _exit(1);
    }
}

static int find_answers(layer layers[LAYERS])
{
    static const char *const one_thread[] = {"ANTIQUANT_THREADS=1", "ANTIQUANT_SYNC=1", NULL};
    size_t size = sizeof(uint16_t[LAYERS][LAYER_MOST_OUT]);
    uint16_t(*answers)[LAYER_MOST_OUT] = malloc(size);
    asked = layers;
    int status = answers ? in_child(one_thread, answer_all, answers, size) : -1;
    for (int i = 0; i < LAYERS && status == 0; i++)
        memcpy(layers[i].answer, answers[i], sizeof layers[i].answer);
    free(answers);
    return status;
}

int layers_make(layer layers[LAYERS], uint64_t seed, bool answers)
{
    memset(layers, 0, LAYERS * sizeof *layers);
    for (int i = 0; i < LAYERS; i++) {
        layer *one = &layers[i];
        one->m = shapes[i].m;
        one->n = shapes[i].n;
        one->k = shapes[i].k;
        one->transposed = shapes[i].transposed;
        one->fixpipe = one->m <= 64;
        if (one->m * one->n > LAYER_MOST_OUT || !fill(one, &seed))
            return -1;
    }
    return answers ? find_answers(layers) : 0;
}

void layers_free(layer layers[LAYERS])
{
    for (int i = 0; i < LAYERS; i++) {
        free(layers[i].x);
        free(layers[i].weight);
        free(layers[i].diagonal);
        free(layers[i].offset);
        free(layers[i].word);
        free(layers[i].mul);
    }
}

size_t layer_x_bytes(const layer *one)
{
    return (size_t)(one->m * one->k) * sizeof(uint16_t);
}

size_t layer_out_bytes(const layer *one)
{
    return (size_t)(one->m * one->n) * sizeof(uint16_t);
}

void layer_tensors(const layer *one, void *x, void *out, aclTensor *tensors[LAYER_TENSORS])
{
    memset(tensors, 0, LAYER_TENSORS * sizeof *tensors);
    tensors[LAYER_X1] = v1_tensor(ACL_FLOAT16, x, 2, one->m, one->k);
    int64_t dims[2] = {one->k, one->n}, stored[2] = {one->n, one->k};
    tensors[LAYER_X2] = v1_strided(ACL_INT8, one->weight, 2, one->transposed ? stored : dims, NULL, 0);
    if (one->fixpipe) {
        tensors[V1_DIAGONAL] = v1_tensor(ACL_INT8, one->diagonal, 2, (int64_t)32, (int64_t)32);
        tensors[V1_OFFSET] = v1_tensor(ACL_INT32, one->offset, 1, one->n);
        tensors[V1_SCALE] = v1_tensor(ACL_UINT64, one->word, 1, one->n);
    } else {
        tensors[V1_MUL] = one->transposed ? v1_tensor(ACL_FLOAT16, one->mul, 2, one->n, (int64_t)1)
                                          : v1_tensor(ACL_FLOAT16, one->mul, 2, (int64_t)1, one->n);
    }
    tensors[LAYER_OUT] = v1_tensor(ACL_FLOAT16, out, 2, one->m, one->n);
}

void layer_destroy(aclTensor *tensors[LAYER_TENSORS])
{
    for (int t = 0; t < LAYER_TENSORS; t++)
        aclDestroyTensor(tensors[t]);
}

int layer_phase1_of(const layer *one, aclTensor *const tensors[LAYER_TENSORS], uint64_t *workspace_size,
                    aclOpExecutor **executor)
{
    v1_call call = {.transpose_x2 = one->transposed, .scale = 0.0625f, .offset = 3.0f};
    _Static_assert((int)LAYER_TENSORS == (int)V1_TENSORS && (int)LAYER_OUT == (int)V1_OUT, "one order");
    memcpy(call.t, tensors, sizeof call.t);
    return v1_phase1(&call, workspace_size, executor);
}

int layer_phase1(const layer *one, void *x, void *out, uint64_t *workspace_size, aclOpExecutor **executor)
{
    aclTensor *tensors[LAYER_TENSORS];
    layer_tensors(one, x, out, tensors);
    int status = layer_phase1_of(one, tensors, workspace_size, executor);
    layer_destroy(tensors);
    return status;
}
