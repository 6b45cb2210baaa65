/* SPDX-License-Identifier: Apache-2.0 */
/* driver.c - runs pieces of the library on fixed data, each once to warm up and once within aq_measured,
 * which is the function that callgrind is told to count in. Each argument is a case in words (guarded.txt
 * lists those that are guarded):
 *
 *   "run OP M K N WEIGHT GROUP STORAGE" is phase 2 of v1 or v2 on one thread: WEIGHT int8 or int4, GROUP 0
 * for per channel, STORAGE plain, transposed or nz, of v2 also packed;
 *
 *   "phase1 OP" is phase 1, and the end of the executor;
 *
 *   "tile KERNEL PART ORDER" is one tile of a gemm kernel: PART gemm, rows, panel (fixpipe) or scaled, for a
 *   whole chunk in ORDER p or t.
 *
 * Prints nothing but complaints; exit code 2 with one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "antiquant.h"
#include "kernels/registry.h"
#include "support/v1.h"
#include "support/v2_case.h"

typedef void (*piece)(void *argument);

/* callgrind's --toggle-collect and --dump-after name it. */
void aq_measured(piece call, void *argument);
__attribute__((noinline)) void aq_measured(piece call, void *argument)
{
    call(argument);
    __asm__ volatile("" ::: "memory"); /* no tail call: its end is the call's end */
}

static void measure(piece call, void *argument)
{
    call(argument);
    aq_measured(call, argument);
}

__attribute__((noreturn)) static void complain(const char *what, const char *about)
{
    fprintf(stderr, "perf_guard: %s: %s\n", what, about);
    exit(2);
}

static void must(int status, const char *what)
{
    const char *text = status != 0 ? aclGetRecentErrMsg() : NULL;
    if (status != 0)
        complain(what, text != NULL ? text : "failed");
}

/* Zeroed, 64-byte aligned, never freed. */
static void *memory(size_t bytes)
{
    size_t rounded = (bytes + 64) / 64 * 64;
    void *block = aligned_alloc(64, rounded);
    if (block == NULL)
        complain("out of memory", "a case is too large");
    return memset(block, 0, rounded);
}

/* Bytes that look random, the same in every run. */
static void *bytes_of(size_t count)
{
    uint8_t *bytes = memory(count);
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(state >> 24);
    }
    return bytes;
}

/* fp16 from 1 to 2, times 2^exponent, of both signs when there are negative ones. */
static uint16_t *halves_of(size_t count, int exponent, bool negative)
{
    uint16_t *halves = bytes_of(2 * count);
    for (size_t i = 0; i < count; i++)
        halves[i] = (uint16_t)((halves[i] & (negative ? 0x83FF : 0x03FF)) | (15 + exponent) << 10);
    return halves;
}

/* ---- the operator ---- */

typedef struct operator_case {
    char op[8], weight[8], storage[16];
    int64_t m, k, n;
    int group;
    v1_call v1;
    v2_case v2;
    aclTensor *tensors[V2_TENSORS];
    aclOpExecutor *executor;
    uint64_t size;
    void *workspace;
} operator_case;

static void make_v1(operator_case *c)
{
    static int8_t diagonal[32 * 32];
    for (int i = 0; i < 32; i++)
        diagonal[i * 33] = 1;
    bool turn = strcmp(c->storage, "transposed") == 0;
    int64_t m = c->m, k = c->k, n = c->n;
    c->v1 = (v1_call){.scale = 1, .transpose_x2 = turn};
    c->v1.t[V1_X1] = v1_tensor(ACL_FLOAT16, halves_of((size_t)(m * k), 0, true), 2, m, k);
    c->v1.t[V1_X2] = v1_tensor(ACL_INT8, bytes_of((size_t)(k * n)), 2, turn ? n : k, turn ? k : n);
    c->v1.t[V1_OUT] = v1_tensor(ACL_FLOAT16, memory((size_t)(2 * m * n)), 2, m, n);
    if (m > 64) {
        c->v1.t[V1_MUL] = turn ? v1_tensor(ACL_FLOAT16, halves_of((size_t)n, -7, false), 2, n, (int64_t)1)
                               : v1_tensor(ACL_FLOAT16, halves_of((size_t)n, -7, false), 1, n);
        return;
    }
    uint64_t *words = memory(8 * (size_t)n);
    for (int64_t i = 0; i < n; i++)
        words[i] = 0x3C000000u; /* 2^-7 */
    c->v1.t[V1_DIAGONAL] = v1_tensor(ACL_INT8, diagonal, 2, (int64_t)32, (int64_t)32);
    c->v1.t[V1_OFFSET] = v1_tensor(ACL_INT32, memory(4 * (size_t)n), 1, n);
    c->v1.t[V1_SCALE] = v1_tensor(ACL_UINT64, words, 1, n);
}

/* In place of the tensor, which goes. */
static void pack_weight(aclTensor **weight)
{
    uint64_t size = 0;
    aclTensor *packed = NULL;
    must(aq_packed_weight_size(*weight, false, &size), "aq_packed_weight_size");
    must(aq_pack_weight(*weight, false, memory(size), size, &packed), "aq_pack_weight");
    must(aclDestroyTensor(*weight), "aclDestroyTensor");
    *weight = packed;
}

static void make_v2(operator_case *c)
{
    int64_t m = c->m, k = c->k, n = c->n, groups = c->group > 0 ? (k + c->group - 1) / c->group : 1;
    bool turn = strcmp(c->storage, "transposed") == 0;
    c->v2 = v2_plain("a2", m, k, n);
    v2_tensor *t = c->v2.t;
    t[V2_W].dtype = strcmp(c->weight, "int4") == 0 ? ACL_INT4 : ACL_INT8;
    if (c->group > 0)
        t[V2_S] = v2_2(ACL_FLOAT16, groups, n);
    if (turn) {
        t[V2_W] = v2_turned(t[V2_W]);
        t[V2_S] = v2_turned(t[V2_S]);
    }
    if (strcmp(c->storage, "nz") == 0)
        t[V2_W].format = ACL_FORMAT_FRACTAL_NZ;
    c->v2.group = c->group;
    t[V2_X].data = halves_of((size_t)(m * k), 0, true);
    t[V2_W].data = bytes_of((size_t)((k + 63) / 64 * 64 * ((n + 63) / 64 * 64))); /* NZ is padded */
    t[V2_S].data = halves_of((size_t)(groups * n), -7, false);
    t[V2_Y].data = memory((size_t)(2 * m * n));
    v2_make(&c->v2, c->tensors);
    if (strcmp(c->storage, "packed") == 0)
        pack_weight(&c->tensors[V2_W]);
}

static bool is_v1(const operator_case *c)
{
    return strcmp(c->op, "v1") == 0;
}

static void phase_1(operator_case *c)
{
    must(is_v1(c) ? v1_phase1(&c->v1, &c->size, &c->executor)
                  : v2_phase1(&c->v2, c->tensors, &c->size, &c->executor),
         "phase 1");
}

static void call_phase_1(void *argument)
{
    operator_case *c = argument;
    phase_1(c);
    must(aclDestroyAclOpExecutor(c->executor), "aclDestroyAclOpExecutor");
}

static void call_phase_2(void *argument)
{
    operator_case *c = argument;
    must(is_v1(c) ? aclnnWeightQuantBatchMatmul(c->workspace, c->size, c->executor, NULL)
                  : aclnnWeightQuantBatchMatmulV2(c->workspace, c->size, c->executor, NULL),
         "phase 2");
}

static void run_operator(operator_case *c, bool both_phases)
{
    if (is_v1(c))
        make_v1(c);
    else
        make_v2(c);
    if (!both_phases) {
        measure(call_phase_1, c);
        return;
    }
    phase_1(c);
    must(aclSetAclOpExecutorRepeatable(c->executor), "aclSetAclOpExecutorRepeatable");
    c->workspace = memory(c->size);
    measure(call_phase_2, c);
}

/* ---- one tile ---- */

typedef struct tile_case {
    const aq_kernel *kernel;
    aq_rows_job rows;
    aq_panel_job panel;
    aq_scaled_panel_job scaled;
    aq_gemm_tile gemm;
} tile_case;

static void call_rows(void *argument)
{
    const tile_case *c = argument;
    c->kernel->pack_rows(&c->rows);
}

static void call_panel(void *argument)
{
    const tile_case *c = argument;
    c->kernel->pack_panel(&c->panel);
}

static void call_scaled(void *argument)
{
    const tile_case *c = argument;
    c->kernel->pack_scaled(&c->scaled);
}

static void call_gemm(void *argument)
{
    const tile_case *c = argument;
    c->kernel->gemm(&c->gemm);
}

static float *floats_of(int64_t count, float value)
{
    float *floats = memory(4 * (size_t)count);
    for (int64_t i = 0; i < count; i++)
        floats[i] = value;
    return floats;
}

static void run_tile(const aq_kernel *kernel, const char *part, aq_order order)
{
    int64_t k = aq_chunk_length(order), mr = kernel->mr, nr = kernel->nr;
    aq_weight weight = {.data = bytes_of((size_t)(k * nr)),
                        .stride_k = order == AQ_ORDER_P ? nr : 1,
                        .stride_n = order == AQ_ORDER_P ? 1 : k};
    aq_scaled scaled = {.half = AQ_F16, .group = k, .scale = halves_of((size_t)nr, -7, false), .scale_n = 1};
    aq_columns columns = {.offset = memory(4 * (size_t)nr), .scale = floats_of(nr, 0x1p-7f)};
    float *packed = floats_of(k * mr, 0.5f), *panel = floats_of(k * nr, 0.5f);
    tile_case c = {.kernel = kernel};
    c.rows = (aq_rows_job){.order = order,
                           .x = halves_of((size_t)(mr * k), 0, true),
                           .stride_m = k,
                           .stride_k = 1,
                           .rows = mr,
                           .k = k,
                           .steps = k,
                           .packed = packed};
    c.panel = (aq_panel_job){
        .order = order, .weight = weight, .columns = columns, .k = k, .n = nr, .steps = k, .panel = panel};
    c.scaled = (aq_scaled_panel_job){
        .order = order, .weight = &weight, .scaled = &scaled, .k = k, .n = nr, .steps = k, .panel = panel};
    c.gemm = (aq_gemm_tile){.order = order,
                            .packed = packed,
                            .panel = panel,
                            .steps = k,
                            .sum = floats_of(mr * nr, 0),
                            .sum_stride = nr,
                            .rows = mr,
                            .columns = nr};
    if (strcmp(part, "gemm") == 0)
        measure(call_gemm, &c);
    else if (strcmp(part, "rows") == 0)
        measure(call_rows, &c);
    else if (strcmp(part, "panel") == 0)
        measure(call_panel, &c);
    else if (strcmp(part, "scaled") == 0 && kernel->pack_scaled != NULL)
        measure(call_scaled, &c);
    else
        complain(kernel->name, "has no such part");
}

static const aq_kernel *kernel_named(const char *name)
{
    for (size_t i = 0; i < aq_kernel_table_size(); i++)
        if (strcmp(aq_kernel_at(i)->name, name) == 0 && aq_kernel_at(i)->role == AQ_ROLE_GEMM)
            return aq_kernel_at(i);
    complain(name, "no gemm kernel of that name");
}

/* ---- words ---- */

static void run_case(const char *words)
{
    char kernel[64], part[16], order[4];
    operator_case c;
    memset(&c, 0, sizeof c);
    if (sscanf(words, "run %7s %ld %ld %ld %7s %d %15s", c.op, &c.m, &c.k, &c.n, c.weight, &c.group,
               c.storage) == 7) {
        run_operator(&c, true);
    } else if (sscanf(words, "phase1 %7s", c.op) == 1) {
        c.m = 1;
        c.k = c.n = 256;
        run_operator(&c, false);
    } else if (sscanf(words, "tile %63s %15s %3s", kernel, part, order) == 3) {
        run_tile(kernel_named(kernel), part, strcmp(order, "t") == 0 ? AQ_ORDER_T : AQ_ORDER_P);
    } else {
        complain(words, "no such case");
    }
}

int main(int argc, char **argv)
{
    must(aclrtSetDevice(0), "aclrtSetDevice");
    for (int i = 1; i < argc; i++)
        run_case(argv[i]);
    return 0;
}
