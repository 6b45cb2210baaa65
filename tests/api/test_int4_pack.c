/* SPDX-License-Identifier: Apache-2.0 */
/* aclnnConvertWeightToINT4Pack (companions page 2.3): every nibble of every layout against the page's
 * formulas, the whole pack compared; that all is done when phase 1 returns; and its checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_convert_weight_to_int4_pack.h"
#include "base/memory.h"
#include "support/child.h"
#include "support/message.h"
#include "support/nz.h"
#include "support/phases.h"
#include "support/v1.h"

#define PACK(weight, pack)                                                                                   \
    aclnnConvertWeightToINT4PackGetWorkspaceSize(weight, pack, &phase_size, &phase_executor)

/* A weight of batches x rows x columns int32 values in memory with gaps, dense, or transposed. */
typedef enum order { DENSE, GAPS, TRANSPOSED, BACKWARDS, ORDERS } order;

typedef struct source {
    int64_t batches, rows, columns; /* batches 0: rank 2 */
    int32_t *memory;
    unsigned char *nibbles; /* the dense matrices, two to a byte */
    aclTensor *tensor;
} source;

static source make_source(int64_t batches, int64_t rows, int64_t columns, order o, uint64_t *seed)
{
    int64_t b = batches > 0 ? batches : 1, pitch = columns + (o == GAPS ? 3 : 0);
    source s = {.batches = batches, .rows = rows, .columns = columns};
    int64_t strides[3] = {rows * pitch, pitch, 1}, offset = o == GAPS ? 5 : 0;
    if (o == TRANSPOSED)
        strides[1] = 1, strides[2] = rows;
    if (o == BACKWARDS)
        strides[2] = -1, offset = columns - 1;
    size_t count = (size_t)(b * rows * pitch + (o == GAPS ? 5 : 0));
    s.memory = malloc(count * sizeof *s.memory);
    for (size_t i = 0; i < count; i++)
        s.memory[i] = (int32_t)v1_random(seed); /* only the low 4 bits count */
    s.nibbles = calloc((size_t)(b * rows * columns + 1) / 2, 1);
    for (int64_t i = 0; i < b * rows * columns; i++) {
        int64_t at = offset + i / (rows * columns) * strides[0] + i / columns % rows * strides[1] +
                     i % columns * strides[2];
        s.nibbles[i / 2] = (unsigned char)(s.nibbles[i / 2] | (s.memory[at] & 15) << (i % 2 * 4));
    }
    const int64_t dims[3] = {batches, rows, columns};
    int skip = batches > 0 ? 0 : 1;
    s.tensor = aclCreateTensor(dims + skip, (uint64_t)(3 - skip), ACL_INT32, strides + skip, offset,
                               ACL_FORMAT_ND, NULL, 0, s.memory);
    return s;
}

static void free_source(source *s)
{
    aclDestroyTensor(s->tensor);
    free(s->memory);
    free(s->nibbles);
}

/* c0 in nibbles; 0: an ND pack. lead: elements of offset. storage: give the dims of the storage. */
static void check(const source *s, aclDataType dtype, int64_t c0, bool transposed, bool storage, int64_t lead)
{
    int64_t b = s->batches > 0 ? s->batches : 1, per = dtype == ACL_INT32 ? 8 : 1;
    int64_t rows = transposed ? s->columns : s->rows, columns = transposed ? s->rows : s->columns;
    unsigned char *dense = calloc((size_t)(b * rows * columns + 1) / 2, 1), *expected = dense;
    for (int64_t i = 0; i < b * rows * columns; i++) {
        int64_t r = i / columns % rows, c = i % columns;
        nz_copy(dense, i, s->nibbles,
                i / (rows * columns) * rows * columns + (transposed ? c * rows + r : r * columns + c), 4);
    }
    int64_t size = c0 > 0 ? nz_size(rows, columns, c0) : rows * columns;
    if (c0 > 0) {
        expected = nz_of(dense, b, rows, columns, c0, 4);
        free(dense);
    }
    size_t bytes = (size_t)(b * size) / 2, before = (size_t)(lead * (per == 8 ? 4 : 1)) / (per == 8 ? 1 : 2);
    unsigned char *memory = malloc(before + bytes);
    memset(memory, 0xD7, before + bytes);
    const int64_t dims[3] = {s->batches, s->rows, s->columns / per};
    const int64_t strides[3] = {s->rows * s->columns / per, transposed ? 1 : s->columns / per,
                                transposed ? s->rows : 1};
    int skip = s->batches > 0 ? 0 : 1;
    int64_t blocks[5] = {s->batches, 0, (rows + 15) / 16, 16, c0 / per};
    if (c0 > 0)
        blocks[1] = (columns + c0 - 1) / c0;
    aclTensor *pack = aclCreateTensor(dims + skip, (uint64_t)(3 - skip), dtype, strides + skip, lead,
                                      c0 > 0 ? ACL_FORMAT_FRACTAL_NZ : ACL_FORMAT_ND, blocks + skip,
                                      storage ? (uint64_t)(5 - skip) : 1, memory);
    phase_reset();
    assert_int_equal(PACK(s->tensor, pack), 0);
    phase_check_untouched();
    for (size_t i = 0; i < before; i++)
        assert_int_equal(memory[i], 0xD7);
    assert_memory_equal(memory + before, expected, bytes);
    assert_int_equal(aclnnConvertWeightToINT4Pack(NULL, 7, phase_executor, (aclrtStream)&phase_size), 0);
    assert_memory_equal(memory + before, expected, bytes);
    aclDestroyTensor(pack);
    free(expected);
    free(memory);
}

static void all_layouts(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{0, 1, 8},   {0, 16, 64},  {0, 17, 72},   {0, 40, 136},
                                        {0, 5, 24},  {3, 33, 128}, {2, 1, 8},     {1, 7, 200},
                                        {5, 16, 16}, {0, 1, 2},    {0, 3, 2},     {2, 19, 38},
                                        {0, 15, 66}, {3, 31, 126}, {0, 700, 258}, {0, 513, 512}};
    uint64_t seed = 4;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int o = 0; o < ORDERS; o++) {
            source s = make_source(shapes[i][0], shapes[i][1], shapes[i][2], (order)o, &seed);
            check(&s, ACL_INT4, 0, false, false, 0);
            check(&s, ACL_INT4, 0, false, false, 6);
            check(&s, ACL_INT4, 64, false, false, 0);
            for (int64_t c0 = 16; c0 <= 64; c0 *= 2) {
                check(&s, ACL_INT4, c0, false, true, 0);
                check(&s, ACL_INT4, c0, true, true, 4);
            }
            check(&s, ACL_INT4, 64, true, false, 0);
            if (s.columns % 8 == 0) {
                check(&s, ACL_INT32, 0, false, false, 0);
                check(&s, ACL_INT32, 0, false, false, 3);
                check(&s, ACL_INT32, 64, false, false, 0);
                check(&s, ACL_INT32, 64, false, true, 1);
                check(&s, ACL_INT32, 16, false, true, 0);
            }
            free_source(&s);
        }
}

/* By hand: -8..7 into four words, low nibble first. */
static void by_hand(void **state)
{
    (void)state;
    int32_t values[16];
    uint32_t words[2] = {0, 0};
    for (int i = 0; i < 16; i++)
        values[i] = i - 8;
    aclTensor *weight = v1_tensor(ACL_INT32, values, 2, INT64_C(1), INT64_C(16));
    aclTensor *pack = v1_tensor(ACL_INT32, words, 2, INT64_C(1), INT64_C(2));
    assert_int_equal(aclnnConvertWeightToINT4PackGetWorkspaceSize(weight, pack, NULL, NULL), 0);
    assert_int_equal(words[0], 0xFEDCBA98);
    assert_int_equal(words[1], 0x76543210);
    aclDestroyTensor(pack);
    words[0] = words[1] = 0;
    pack = v1_tensor(ACL_INT4, words, 2, INT64_C(1), INT64_C(16));
    assert_int_equal(aclnnConvertWeightToINT4PackGetWorkspaceSize(weight, pack, NULL, NULL), 0);
    assert_int_equal(words[0], 0xFEDCBA98);
    assert_int_equal(words[1], 0x76543210);
    aclDestroyTensor(pack);
    aclDestroyTensor(weight);
    assert_int_equal(aclnnConvertWeightToINT4Pack(NULL, 0, NULL, NULL), 0);
}

typedef struct described {
    aclDataType dtype;
    aclFormat format;
    int rank;
    int64_t dims[7];
    const int64_t *strides;
    int64_t offset;
} described;

static const int64_t gaps[2] = {17, 1}, turned[2] = {1, 4}, turned_words[2] = {1, 4}, far[2] = {INT64_MAX, 1};

#define ND ACL_FORMAT_ND
#define NZ ACL_FORMAT_FRACTAL_NZ

/* Each row has later faults as well where it can. */
static const struct {
    const char *argument, *text;
    described weight, pack;
} rows[] = {
    {"weight",
     "actual: FLOAT ",
     {ACL_FLOAT, NZ, 1, {3}, NULL, 0},
     {ACL_INT8, ACL_FORMAT_NC1HWC0, 4, {3}, NULL, 0}},
    {"weight", "nearest legal: INT32", {ACL_INT4, NZ, 1, {3}, NULL, 0}, {ACL_INT4, NZ, 1, {3}, NULL, 0}},
    {"weightInt4Pack",
     "actual: INT8",
     {ACL_INT32, NZ, 1, {3}, NULL, 0},
     {ACL_INT8, ACL_FORMAT_NC1HWC0, 4, {3}, NULL, 0}},
    {"weight",
     "FRACTAL_NZ (29)",
     {ACL_INT32, NZ, 1, {3}, NULL, 0},
     {ACL_INT4, ACL_FORMAT_NC1HWC0, 4, {3}, NULL, 0}},
    {"weightInt4Pack",
     "NC1HWC0",
     {ACL_INT32, ND, 1, {3}, NULL, 0},
     {ACL_INT4, ACL_FORMAT_NC1HWC0, 4, {3}, NULL, 0}},
    {"weightInt4Pack",
     "FRACTAL_NZ_C0_2",
     {ACL_INT32, ND, 1, {3}, NULL, 0},
     {ACL_INT4, ACL_FORMAT_FRACTAL_NZ_C0_2, 4, {3}, NULL, 0}},
    {"weight", "nearest legal: rank 2", {ACL_INT32, ND, 1, {3}, NULL, 0}, {ACL_INT4, ND, 1, {3}, NULL, 0}},
    {"weight",
     "nearest legal: rank 3",
     {ACL_INT32, ND, 4, {-1, 1, 4, 3}, NULL, 0},
     {ACL_INT4, ND, 1, {3}, NULL, 0}},
    {"weightInt4Pack",
     "rank must be weight's",
     {ACL_INT32, ND, 2, {-4, 3}, NULL, 0},
     {ACL_INT4, ND, 3, {1, 4, 3}, NULL, 0}},
    {"weight", "negative", {ACL_INT32, ND, 2, {-4, 3}, NULL, 0}, {ACL_INT4, ND, 2, {3, 3}, NULL, 0}},
    {"weight", "64 bits", {ACL_INT32, ND, 2, {INT64_MAX, 3}, NULL, 0}, {ACL_INT4, ND, 2, {3, 3}, NULL, 0}},
    {"weight", "multiple of 2", {ACL_INT32, ND, 2, {4, 3}, NULL, 0}, {ACL_INT4, ND, 2, {3, 3}, gaps, 1}},
    {"weight",
     "nearest legal: last dim 2",
     {ACL_INT32, ND, 2, {4, 1}, NULL, 0},
     {ACL_INT4, ND, 2, {3, 3}, NULL, 0}},
    {"weight", "multiple of 8", {ACL_INT32, ND, 2, {4, 12}, NULL, 0}, {ACL_INT32, ND, 2, {4, 12}, gaps, 0}},
    {"weight",
     "nearest legal: last dim 16",
     {ACL_INT32, ND, 2, {4, 22}, NULL, 0},
     {ACL_INT32, ND, 2, {4, 22}, NULL, 0}},
    {"weightInt4Pack",
     "nearest legal: shape (4,16)",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT4, ND, 2, {4, 2}, gaps, 1}},
    {"weightInt4Pack",
     "nearest legal: shape (4,2)",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT32, ND, 2, {4, 16}, gaps, 0}},
    {"weightInt4Pack",
     "actual: shape (8,2)",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT32, ND, 2, {8, 2}, NULL, 0}},
    {"weightInt4Pack",
     "actual: strides (17,1)",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT4, ND, 2, {4, 16}, gaps, 1}},
    {"weightInt4Pack",
     "contiguous",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT4, ND, 2, {4, 16}, turned, 0}},
    {"weightInt4Pack",
     "contiguous",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT32, NZ, 2, {4, 2}, turned_words, 0}},
    {"weightInt4Pack",
     "nearest legal: offset 2",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT4, ND, 2, {4, 16}, NULL, 3}},
    {"weightInt4Pack",
     "offset must be even",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT4, NZ, 2, {4, 16}, turned, -1}},
    {"weight", "64 bits", {ACL_INT32, ND, 2, {4, 16}, far, 0}, {ACL_INT4, ND, 2, {4, 16}, NULL, 0}},
    {"weightInt4Pack",
     "64 bits",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT4, NZ, 2, {4, 16}, NULL, INT64_MAX - 1}},
    {"weightInt4Pack",
     "64 bits",
     {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
     {ACL_INT32, ND, 2, {4, 2}, NULL, INT64_MAX}},
};

static aclTensor *make(const described *d, void *data)
{
    aclTensor *tensor = aclCreateTensor(d->dims, (uint64_t)d->rank, d->dtype, d->strides, d->offset,
                                        d->format, d->dims, (uint64_t)d->rank, data);
    assert_non_null(tensor);
    return tensor;
}

static void rules_in_order(void **state)
{
    (void)state;
    static unsigned char memory[4096], before[4096];
    memset(memory, 0x3C, sizeof memory);
    memcpy(before, memory, sizeof memory);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        aclTensor *weight = make(&rows[i].weight, memory), *pack = make(&rows[i].pack, memory);
        char argument[48] = "argument: ";
        strcat(strcat(argument, rows[i].argument), "\n");
        phase_reset();
        assert_int_equal(PACK(weight, pack), 161002);
        const char *message = aclGetRecentErrMsg();
        assert_non_null(message);
        if (!strstr(message, argument) || !strstr(message, rows[i].text) ||
            !strstr(message, "companions page 2.3"))
            fail_msg("no \"%s\", \"%s\" in: %s", argument, rows[i].text, message);
        phase_check_untouched();
        aclDestroyTensor(weight);
        aclDestroyTensor(pack);
    }
    assert_memory_equal(memory, before, sizeof memory);
}

static void nulls_and_empty(void **state)
{
    (void)state;
    static const described bad = {ACL_INT8, NZ, 1, {3}, NULL, 0},
                           weight = {ACL_INT32, ND, 2, {4, 16}, NULL, 0},
                           pack = {ACL_INT4, ND, 2, {4, 16}, NULL, 0},
                           plain = {ACL_INT32, ACL_FORMAT_NCL, 3, {0, 4, 8}, NULL, 0},
                           empty = {ACL_INT4, ACL_FORMAT_NCL, 3, {0, 4, 8}, NULL, 0},
                           none = {ACL_INT32, ND, 2, {INT64_MAX, 0}, NULL, 0};
    unsigned char memory[512] = {0};
    aclTensor *t = make(&bad, memory), *w = make(&weight, memory), *p = make(&pack, memory);
    aclTensor *no_w = make(&weight, NULL), *no_p = make(&pack, NULL);
    PHASE1_REFUSED(161001, "weight", "null", PACK(NULL, NULL));
    PHASE1_REFUSED(161001, "weightInt4Pack", "null", PACK(t, NULL));
    PHASE1_REFUSED(161002, "weight", "live aclTensor", PACK((aclTensor *)memory, t));
    PHASE1_REFUSED(161002, "weightInt4Pack", "live aclTensor", PACK(t, (aclTensor *)memory));
    PHASE1_REFUSED(161001, "weight's data", "null", PACK(no_w, no_p));
    PHASE1_REFUSED(161001, "weightInt4Pack's data", "null", PACK(w, no_p));
    PHASE1_REFUSED(161002, "weight", "actual: INT4", PACK(no_p, no_w));
    aq_memory_fail_from(1); /* there is nothing to allocate */
    assert_int_equal(PACK(w, p), 0);
    aq_memory_fail_from(0);
    aclTensor *e[3] = {make(&plain, NULL), make(&empty, NULL), make(&none, NULL)};
    assert_int_equal(PACK(e[0], e[1]), 0);
    assert_int_equal(PACK(e[2], e[2]), 0);
    for (int i = 0; i < 3; i++)
        aclDestroyTensor(e[i]);
    aclDestroyTensor(t);
    aclDestroyTensor(w);
    aclDestroyTensor(p);
    aclDestroyTensor(no_w);
    aclDestroyTensor(no_p);
}

static void ask_with_bad_setting(void *result)
{
    *(int *)result = aclnnConvertWeightToINT4PackGetWorkspaceSize(NULL, NULL, NULL, NULL);
}

static void invalid_setting(void **state)
{
    (void)state;
    const char *const variables[] = {"ANTIQUANT_CPU=abacus", NULL};
    int status = 0;
    assert_int_equal(in_child(variables, ask_with_bad_setting, &status, sizeof status), 0);
    assert_int_equal(status, 561000);
}

int main(void)
{
    /* First the one that forks before this process has read its settings. */
    const struct CMUnitTest tests[] = {cmocka_unit_test(invalid_setting), cmocka_unit_test(all_layouts),
                                       cmocka_unit_test(by_hand), cmocka_unit_test(rules_in_order),
                                       cmocka_unit_test(nulls_and_empty)};
    return cmocka_run_group_tests_name("int4_pack", tests, NULL, NULL);
}
