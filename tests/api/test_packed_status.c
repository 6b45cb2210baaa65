/* SPDX-License-Identifier: Apache-2.0 */
/* aq_pack_weight: sizes, what becomes of the tensor, which outlives the weight; and what is refused, here and
 * by what does not know the format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnnop/aclnn_cast.h"
#include "aclnnop/aclnn_npu_format_cast.h"
#include "aclnnop/aclnn_trans_matmul_weight.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_nz.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v2.h"
#include "aclnnop/aclnn_weight_quant_batch_matmul_v3.h"
#include "antiquant.h"
#include "support/child.h"
#include "support/message.h"
#include "support/nz.h"
#include "support/packed.h"
#include "support/phases.h"
#include "support/v1.h"

/* ---- sizes, what becomes of the tensor, lifetime ---- */

static uint64_t size_of(aclDataType dtype, bool transpose, int64_t a, int64_t b, int64_t stride_a,
                        int64_t stride_b)
{
    int64_t dims[2] = {a, b}, strides[2] = {stride_a, stride_b};
    uint64_t size = 4711;
    aclTensor *weight = described(dtype, ACL_FORMAT_ND, 2, dims, strides, 0, 2, dims, NULL);
    assert_int_equal(aq_packed_weight_size(weight, transpose, &size), 0);
    aclDestroyTensor(weight);
    return size;
}

/* Panels of a line: 64 columns of int8, 128 of int4. Columns of lines: an odd number. */
static void packed_sizes(void **state)
{
    (void)state;
    assert_int_equal(size_of(ACL_INT8, false, 100, 64, 64, 1), 6400);
    assert_int_equal(size_of(ACL_INT8, false, 100, 65, 65, 1), 12800);
    assert_int_equal(size_of(ACL_INT8, true, 65, 100, 1, 65), 12800); /* (n,k), n contiguous */
    assert_int_equal(size_of(ACL_INT8, false, 100, 65, 7, 3), 12800);
    assert_int_equal(size_of(ACL_INT4, false, 100, 128, 128, 1), 6400);
    assert_int_equal(size_of(ACL_INT4, false, 100, 129, 129, 1), 12800);
    assert_int_equal(size_of(ACL_INT8, false, 64, 10, 1, 64), 640);
    assert_int_equal(size_of(ACL_INT8, false, 65, 10, 1, 65), 1920); /* two lines would be even */
    assert_int_equal(size_of(ACL_INT8, true, 10, 65, 65, 1), 1920);
    assert_int_equal(size_of(ACL_INT4, false, 4096, 10, 1, 4096), 10 * 33 * 64);
    assert_int_equal(size_of(ACL_INT32, false, 100, 16, 16, 1), 6400);
    assert_int_equal(size_of(ACL_INT32, false, 16, 10, 1, 16), 640);
    assert_int_equal(size_of(ACL_INT8, false, 0, 64, 64, 1), 0);
    assert_int_equal(size_of(ACL_INT8, false, 64, 0, 0, 1), 0);
    assert_int_equal(size_of(ACL_INT8, true, 0, 64, 64, 1), 0);
}

static void tensor_of_a_packed_weight(void **state)
{
    (void)state;
    int8_t data[2 * 3 * 5] = {0};
    int64_t dims[3] = {2, 3, 5}, strides[3] = {15, 1, 3}, *got;
    uint64_t count, bytes;
    aclFormat format;
    aclDataType dtype;
    void *memory, *address;
    for (int transpose = 0; transpose < 2; transpose++) {
        aclTensor *weight = described(ACL_INT8, ACL_FORMAT_NCL, 3, dims, strides, 0, 1, dims, data);
        aclTensor *packed = pack(weight, transpose != 0, &memory);
        assert_non_null(packed);
        assert_int_equal(aq_packed_weight_size(weight, transpose != 0, &bytes), 0);
        aclDestroyTensor(weight);
        assert_int_equal(aclGetFormat(packed, &format), 0);
        assert_int_equal(format, transpose ? AQ_FORMAT_PACKED_TRANSPOSED : AQ_FORMAT_PACKED);
        assert_int_equal(aclGetDataType(packed, &dtype), 0);
        assert_int_equal(dtype, ACL_INT8);
        assert_int_equal(aclGetViewShape(packed, &got, &count), 0);
        assert_memory_equal(got, dims, sizeof dims);
        free(got);
        assert_int_equal(aclGetViewStrides(packed, &got, &count), 0);
        assert_memory_equal(got, strides, sizeof strides);
        free(got);
        assert_int_equal(aclGetStorageShape(packed, &got, &count), 0);
        assert_int_equal(count, 1);
        assert_int_equal(got[0], bytes);
        free(got);
        assert_int_equal(aclGetRawTensorAddr(packed, &address), 0);
        assert_ptr_equal(address, memory);
        assert_int_equal(aclDestroyTensor(packed), 0);
        assert_refused(aclDestroyTensor(packed), 161002, "live aclTensor");
        free(memory);
    }
}

/* Not needed: memory, for a weight without elements. Bytes beyond the size that was told stay what they are.
 */
static void edges_of_memory(void **state)
{
    (void)state;
    int64_t empty[2] = {0, 7}, dims[2] = {3, 70};
    aclTensor *packed = NULL, *weight = described(ACL_INT8, ACL_FORMAT_ND, 2, empty, NULL, 0, 2, empty, NULL);
    assert_int_equal(aq_pack_weight(weight, false, NULL, 0, &packed), 0);
    assert_non_null(packed);
    aclDestroyTensor(packed);
    aclDestroyTensor(weight);
    uint64_t seed = 3;
    unsigned char *data = block(3 * 70, &seed), memory[3 * 128 + 8];
    memset(memory, 0x6B, sizeof memory);
    weight = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, data);
    assert_int_equal(aq_pack_weight(weight, false, memory, sizeof memory, &packed), 0);
    for (int k = 0; k < 3; k++)
        for (int j = 0; j < 128; j++)
            assert_int_equal(memory[j / 64 * 3 * 64 + k * 64 + j % 64], j < 70 ? data[k * 70 + j] : 0);
    for (size_t i = 3 * 128; i < sizeof memory; i++)
        assert_int_equal(memory[i], 0x6B);
    aclDestroyTensor(packed);
    aclDestroyTensor(weight);
    free(data);
}

/* ---- what is refused ---- */

typedef struct refusal {
    aclDataType dtype;
    int format, rank;
    int64_t dims[9], strides[9];
    bool transpose;
    const char *text;
} refusal;

static void refusals(void **state)
{
    (void)state;
    static const refusal rows_of[] = {
        {ACL_FLOAT16, ACL_FORMAT_ND, 2, {4, 4}, {4, 1}, false, "INT8, INT4 or INT32"},
        {ACL_FLOAT8_E4M3FN, ACL_FORMAT_ND, 2, {4, 4}, {4, 1}, false, "FLOAT8_E4M3FN"},
        {ACL_INT4, ACL_FORMAT_ND, 2, {4, 4}, {4, 1}, true, "dtype must be INT8 with transpose"},
        {ACL_INT8, ACL_FORMAT_FRACTAL_NZ, 2, {4, 4}, {4, 1}, true, "with transpose"},
        {ACL_INT8, ACL_FORMAT_FRACTAL_Z, 2, {4, 4}, {4, 1}, false, "FRACTAL_NZ"},
        {ACL_INT8, AQ_FORMAT_PACKED, 2, {4, 4}, {4, 1}, false, "AQ_PACKED"},
        {ACL_INT8, AQ_FORMAT_PACKED_TRANSPOSED, 2, {4, 4}, {4, 1}, true, "AQ_PACKED_TRANSPOSED"},
        {ACL_INT8, ACL_FORMAT_ND, 1, {4}, {1}, false, "nearest legal: rank 2"},
        {ACL_INT8,
         ACL_FORMAT_ND,
         9,
         {1, 1, 1, 1, 1, 1, 1, 1, 1},
         {1, 1, 1, 1, 1, 1, 1, 1, 1},
         false,
         "rank 8"},
        {ACL_INT8, ACL_FORMAT_FRACTAL_NZ, 7, {1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1}, false, "rank 6"},
        {ACL_INT32, ACL_FORMAT_ND, 3, {1, 4, 4}, {16, 4, 1}, false, "rank must be 2 for packed words"},
        {ACL_INT8, ACL_FORMAT_ND, 2, {-1, 4}, {4, 1}, false, "negative"},
        {ACL_INT8, ACL_FORMAT_ND, 2, {INT64_MAX, 4}, {4, 1}, false, "64 bits"},
        {ACL_INT8, ACL_FORMAT_ND, 2, {2, 4}, {INT64_MAX, INT64_MAX}, false, "64 bits"},
        {ACL_INT8, ACL_FORMAT_ND, 2, {INT64_MAX / 8, 2}, {0, 1}, false, "64 bits"}, /* not but for the padding
                                                                                     */
        {ACL_INT32, ACL_FORMAT_ND, 2, {4, 4}, {8, 1}, false, "contiguous or transposed"},
    };
    uint64_t size = 4711;
    int8_t memory[64] = {0};
    for (size_t i = 0; i < sizeof rows_of / sizeof rows_of[0]; i++) {
        const refusal *r = &rows_of[i];
        aclTensor *weight = described(r->dtype, (aclFormat)r->format, r->rank, r->dims, r->strides, 0,
                                      r->rank, r->dims, memory),
                  *packed = NULL;
        assert_refused(aq_packed_weight_size(weight, r->transpose, &size), 161002, r->text);
        assert_refused(aq_pack_weight(weight, r->transpose, memory, sizeof memory, &packed), 161002, r->text);
        assert_refused(aq_pack_weight(weight, r->transpose, memory, sizeof memory, &packed), 161002,
                       "argument: weight\n");
        assert_null(packed);
        aclDestroyTensor(weight);
        assert_refused(aq_packed_weight_size(weight, r->transpose, &size), 161002, "live aclTensor");
    }
    assert_int_equal(size, 4711);
}

static void nulls_and_sizes(void **state)
{
    (void)state;
    int8_t data[16] = {0}, memory[256] = {0};
    uint64_t size = 4711;
    int64_t dims[2] = {4, 4};
    aclTensor *weight = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, data),
              *without = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, NULL), *packed = NULL;
    assert_refused(aq_packed_weight_size(NULL, false, &size), 161001, "argument: weight\n");
    assert_refused(aq_packed_weight_size(weight, false, NULL), 161001, "argument: size\n");
    assert_refused(aq_pack_weight(NULL, false, memory, 256, &packed), 161001, "argument: weight\n");
    assert_refused(aq_pack_weight(weight, false, memory, 256, NULL), 161001, "argument: packed_weight\n");
    assert_refused(aq_pack_weight(weight, false, NULL, 256, &packed), 161001, "argument: packed\n");
    assert_refused(aq_pack_weight(without, false, memory, 256, &packed), 161001, "its data");
    assert_refused(aq_pack_weight(weight, false, memory, 255, &packed), 161002, "nearest legal: 256");
    assert_null(packed);
    assert_int_equal(aq_packed_weight_size(without, false, &size), 0);
    assert_int_equal(size, 256);
    assert_int_equal(aq_pack_weight(weight, false, memory, 256, &packed), 0);
    aclDestroyTensor(weight), aclDestroyTensor(without), aclDestroyTensor(packed);
}

/* Every other function refuses the format, by its name; V1 another transposeX2, V2 a transposed one. */
static void strangers(void **state)
{
    (void)state;
    int8_t data[16] = {0};
    void *memory[2];
    int64_t dims[2] = {4, 4};
    aclTensor *weight = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, data),
              *to = described(ACL_FLOAT16, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, NULL),
              *scale = described(ACL_FLOAT16, ACL_FORMAT_ND, 1, dims, NULL, 0, 1, dims, NULL),
              *packed[2] = {pack(weight, false, &memory[0]), pack(weight, true, &memory[1])};
    phase_reset();
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "AQ_PACKED (" : "AQ_PACKED_TRANSPOSED (";
        assert_refused(aclnnCastGetWorkspaceSize(packed[i], ACL_FLOAT16, to, &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnNpuFormatCastGetWorkspaceSize(packed[i], weight, &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnNpuFormatCastGetWorkspaceSize(weight, packed[i], &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnTransMatmulWeightGetWorkspaceSize(packed[i], &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnWeightQuantBatchMatmulGetWorkspaceSize(to, packed[i], weight, scale, scale, NULL,
                                                                   NULL, NULL, false, i == 0, 1, 0, to,
                                                                   &phase_size, &phase_executor),
                       161002,
                       i == 0 ? "nearest legal: transposeX2 = false" : "nearest legal: transposeX2 = true");
        assert_refused(aclnnWeightQuantBatchMatmulGetWorkspaceSize(packed[i], weight, weight, scale, scale,
                                                                   NULL, NULL, NULL, false, false, 1, 0, to,
                                                                   &phase_size, &phase_executor),
                       161002, name);
        assert_refused(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(packed[i], weight, scale, NULL, NULL,
                                                                     NULL, NULL, 0, to, &phase_size,
                                                                     &phase_executor),
                       161002, "argument: x\n");
    }
    assert_refused(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(to, packed[1], scale, NULL, NULL, NULL, NULL,
                                                                 0, to, &phase_size, &phase_executor),
                   161002, "AQ_PACKED_TRANSPOSED (");
    aclTensor *floats =
        described(ACL_FLOAT8_E4M3FN, (aclFormat)AQ_FORMAT_PACKED, 2, dims, NULL, 0, 2, dims, data);
    assert_refused(aclnnWeightQuantBatchMatmulV2GetWorkspaceSize(to, floats, scale, NULL, NULL, NULL, NULL, 0,
                                                                 to, &phase_size, &phase_executor),
                   161002, "must be INT8, INT4 or INT32");
    phase_check_untouched();
    aclTensor *all[] = {weight, to, scale, packed[0], packed[1], floats};
    for (int i = 0; i < 6; i++)
        aclDestroyTensor(all[i]);
    free(memory[0]), free(memory[1]);
}

typedef struct invalid {
    int status[2], nz_on_310p;
    bool named;
} invalid;

static void with_wrong_environment(void *result)
{
    invalid *found = result;
    int8_t data[16] = {0}, memory[256];
    int64_t dims[2] = {4, 4};
    uint64_t size = 0;
    aclTensor *weight = described(ACL_INT8, ACL_FORMAT_ND, 2, dims, NULL, 0, 2, dims, data), *packed = NULL;
    found->status[0] = aq_packed_weight_size(weight, false, &size);
    found->status[1] = aq_pack_weight(weight, false, memory, sizeof memory, &packed);
    const char *why = aclGetRecentErrMsg();
    found->named = why && strstr(why, "ANTIQUANT_CPU");
    aclDestroyTensor(weight);
}

static void nz_on_310p(void *result)
{
    invalid *found = result;
    int64_t dims[2] = {4, 4};
    uint64_t size = 0;
    aclTensor *weight = described(ACL_INT8, ACL_FORMAT_FRACTAL_NZ, 2, dims, NULL, 0, 2, dims, NULL);
    found->nz_on_310p = aq_packed_weight_size(weight, false, &size);
    const char *why = aclGetRecentErrMsg();
    found->named = why && strstr(why, "310p");
    aclDestroyTensor(weight);
}

static void environments(void **state)
{
    (void)state;
    invalid found;
    assert_int_equal(in_child((const char *const[]){"ANTIQUANT_CPU=abacus", NULL}, with_wrong_environment,
                              &found, sizeof found),
                     0);
    assert_int_equal(found.status[0], 561000);
    assert_int_equal(found.status[1], 561000);
    assert_true(found.named);
    assert_int_equal(
        in_child((const char *const[]){"ANTIQUANT_PROFILE=310p", NULL}, nz_on_310p, &found, sizeof found), 0);
    assert_int_equal(found.nz_on_310p, 161002);
    assert_true(found.named);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environments), /* before all others: its children read the settings anew */
        cmocka_unit_test(packed_sizes),    cmocka_unit_test(tensor_of_a_packed_weight),
        cmocka_unit_test(edges_of_memory), cmocka_unit_test(refusals),
        cmocka_unit_test(nulls_and_sizes), cmocka_unit_test(strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
