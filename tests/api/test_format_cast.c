/* SPDX-License-Identifier: Apache-2.0 */
/* aclnnNpuFormatCast (companions page 2.4): the shape of a result; ND to FRACTAL_NZ against the page's
 * formula with all types, ragged shapes, batches, strides and transposes; and back again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aclnnop/aclnn_npu_format_cast.h"
#include "support/nz.h"
#include "support/phases.h"
#include "support/v1.h"

static const struct {
    aclDataType dtype;
    int bits;
    int64_t c0;
} types[] = {{ACL_INT8, 8, 32},         {ACL_FLOAT16, 16, 16}, {ACL_FLOAT, 32, 8},  {ACL_INT4, 4, 64},
             {ACL_INT32, 32, 8},        {ACL_BF16, 16, 16},    {ACL_UINT8, 8, 32},  {ACL_BOOL, 8, 32},
             {ACL_INT16, 16, 16},       {ACL_DOUBLE, 64, 4},   {ACL_INT64, 64, 4},  {ACL_COMPLEX128, 128, 2},
             {ACL_HIFLOAT8, 8, 32},     {ACL_UINT16, 16, 16},  {ACL_UINT32, 32, 8}, {ACL_UINT64, 64, 4},
             {ACL_FLOAT8_E4M3FN, 8, 32}};
enum { TYPES = sizeof types / sizeof types[0] };

/* ---- aclnnNpuFormatCastCalculateSizeAndFormat ---- */

static void check_shape(aclDataType dtype, int additional, int64_t c0, uint64_t rank, const int64_t *dims,
                        const int64_t *strides)
{
    aclTensor *tensor = aclCreateTensor(dims, rank, dtype, strides, 0, ACL_FORMAT_ND, dims, rank, NULL);
    int64_t *shape = NULL, expected[8];
    uint64_t size = 0;
    int format = 0;
    assert_int_equal(aclnnNpuFormatCastCalculateSizeAndFormat(tensor, 29, additional, &shape, &size, &format),
                     0);
    assert_int_equal(format, 29);
    assert_int_equal(size, rank + 2);
    memcpy(expected, dims, (rank - 2) * sizeof *dims);
    expected[rank - 2] = (dims[rank - 1] + c0 - 1) / c0;
    expected[rank - 1] = (dims[rank - 2] + 15) / 16;
    expected[rank] = 16;
    expected[rank + 1] = c0;
    assert_memory_equal(shape, expected, size * sizeof *shape);
    free(shape);
    aclDestroyTensor(tensor);
}

static void shapes_of_results(void **state)
{
    (void)state;
    static const int64_t dims[6] = {2, 3, 1, 5, 510, 270}, empty[2] = {0, 40}, turned[2] = {1, 510};
    for (int t = 0; t < TYPES; t++)
        for (uint64_t rank = 2; rank <= 6; rank++) {
            check_shape(types[t].dtype, -1, types[t].c0, rank, dims + 6 - rank, NULL);
            check_shape(ACL_INT8, (int)types[t].dtype, types[t].c0, rank, dims + 6 - rank, NULL);
        }
    check_shape(ACL_INT8, -1, 32, 2, empty, NULL);
    check_shape(ACL_INT8, -1, 32, 2, dims + 4, turned); /* the result is made contiguous */
    aclTensor *tensor = aclCreateTensor(dims, 3, ACL_INT4, NULL, 0, ACL_FORMAT_FRACTAL_NZ, dims, 3, NULL);
    int64_t *shape;
    uint64_t size;
    int format;
    assert_int_equal(aclnnNpuFormatCastCalculateSizeAndFormat(tensor, 2, -1, &shape, &size, &format), 0);
    assert_int_equal(format, 2);
    assert_int_equal(size, 3);
    assert_memory_equal(shape, dims, 3 * sizeof *dims);
    free(shape);
    aclDestroyTensor(tensor);
}

/* ---- the cast ---- */

static void *random_bytes(size_t size, uint64_t *seed)
{
    unsigned char *bytes = malloc(size + 1);
    for (size_t i = 0; i <= size; i++)
        bytes[i] = (unsigned char)v1_random(seed);
    return bytes;
}

static void cast(const aclTensor *src, aclTensor *dst)
{
    phase_reset();
    assert_int_equal(aclnnNpuFormatCastGetWorkspaceSize(src, dst, &phase_size, &phase_executor), 0);
    assert_int_equal(phase_size, 0);
    assert_int_equal(phase2(aclnnNpuFormatCast, 1), 0);
}

/* A strided plain array: how the view of batches x view_rows x view_columns lies in memory. */
typedef struct layout {
    int64_t dims[3], strides[3], offset, span; /* span: elements of memory */
} layout;

enum { DENSE, GAPS, TURNED, BACKWARDS, LAYOUTS };

static layout layout_of(int kind, int64_t batches, int64_t rows, int64_t columns)
{
    int64_t pitch = columns + (kind == GAPS ? 3 : 0);
    layout l = {.dims = {batches, rows, columns}, .strides = {rows * pitch, pitch, 1}};
    l.offset = kind == GAPS ? 3 : 0;
    if (kind == TURNED)
        l.strides[1] = 1, l.strides[2] = rows;
    if (kind == BACKWARDS) {
        l.strides[1] = -pitch;
        l.offset = (rows - 1) * pitch;
    }
    l.span = l.offset + batches * rows * pitch;
    return l;
}

static int64_t place(const layout *l, int64_t element)
{
    int64_t c = element % l->dims[2], r = element / l->dims[2] % l->dims[1];
    int64_t b = element / l->dims[2] / l->dims[1];
    return l->offset + b * l->strides[0] + r * l->strides[1] + c * l->strides[2];
}

/* c0: of the storage. said: its dims are those of the formula, else a plain length. turned: the NZ side's
 * strides mark a transpose. */
static void round_trip(int type, const layout *from, const layout *to, int64_t c0, bool said, bool turned,
                       uint64_t *seed)
{
    int bits = types[type].bits;
    aclDataType dtype = types[type].dtype;
    int64_t b = from->dims[0], view_rows = from->dims[1], view_columns = from->dims[2];
    int64_t rows = turned ? view_columns : view_rows, columns = turned ? view_rows : view_columns;
    int64_t matrix = rows * columns;
    void *source = random_bytes(nz_bytes(from->span, bits), seed);
    void *dense = calloc(nz_bytes(b * matrix, bits) + 1, 1);
    for (int64_t i = 0; i < b * matrix; i++) {
        int64_t r = i / view_columns % view_rows, c = i % view_columns;
        nz_copy(dense, i / matrix * matrix + (turned ? c * columns + r : r * columns + c), source,
                place(from, i), bits);
    }
    void *expected = nz_of(dense, b, rows, columns, c0, bits);
    size_t lead = 2, room = nz_bytes(b * nz_size(rows, columns, c0), bits);
    unsigned char *storage = malloc(nz_bytes((int64_t)lead, bits) + room), *first = storage;
    first += nz_bytes((int64_t)lead, bits);
    memset(storage, 0x91, (size_t)(first - storage) + room);

    const int64_t nz_strides[3] = {matrix, turned ? 1 : view_columns, turned ? view_rows : 1};
    const int64_t blocks[5] = {b, (columns + c0 - 1) / c0, (rows + 15) / 16, 16, c0}, length[1] = {matrix};
    aclTensor *src =
        aclCreateTensor(from->dims, 3, dtype, from->strides, from->offset, ACL_FORMAT_NCL, length, 1, source);
    aclTensor *nz = aclCreateTensor(from->dims, 3, dtype, nz_strides, (int64_t)lead, ACL_FORMAT_FRACTAL_NZ,
                                    said ? blocks : length, said ? 5 : 1, storage);
    cast(src, nz);
    assert_int_equal(storage[0], 0x91);
    assert_memory_equal(first, expected, room);

    /* and back, into another layout */
    void *result = random_bytes(nz_bytes(to->span, bits), seed);
    void *wanted = malloc(nz_bytes(to->span, bits) + 1);
    memcpy(wanted, result, nz_bytes(to->span, bits) + 1);
    for (int64_t i = 0; i < b * matrix; i++)
        nz_copy(wanted, place(to, i), source, place(from, i), bits);
    aclTensor *dst =
        aclCreateTensor(to->dims, 3, dtype, to->strides, to->offset, ACL_FORMAT_ND, length, 1, result);
    cast(nz, dst);
    assert_memory_equal(result, wanted, nz_bytes(to->span, bits) + 1);

    aclDestroyTensor(src);
    aclDestroyTensor(nz);
    aclDestroyTensor(dst);
    free(source);
    free(dense);
    free(expected);
    free(storage);
    free(result);
    free(wanted);
}

static void round_trips(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},  {1, 16, 16}, {2, 17, 33}, {3, 15, 65}, {1, 1, 70},
                                       {2, 70, 1}, {1, 33, 64}, {4, 5, 3},   {1, 100, 47}};
    uint64_t seed = 9;
    for (int type = 0; type < TYPES; type++)
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
            for (int kind = 0; kind < LAYOUTS; kind++) {
                layout from = layout_of(kind, sizes[s][0], sizes[s][1], sizes[s][2]);
                layout to = layout_of((kind + (int)s) % LAYOUTS, sizes[s][0], sizes[s][1], sizes[s][2]);
                bool one = sizes[s][1] * sizes[s][2] == 1;
                round_trip(type, &from, &to, types[type].c0, true, false, &seed);
                round_trip(type, &from, &to, types[type].c0, false, !one, &seed);
                round_trip(type, &from, &to, 16, true, !one, &seed);
                if (s % 3 == 0)
                    round_trip(type, &from, &to, 64, true, false, &seed);
            }
}

/* Enough for several threads. */
static void large(void **state)
{
    (void)state;
    uint64_t seed = 10;
    for (int type = 0; type < 4; type++) {
        layout dense = layout_of(DENSE, 2, 515, 261), turned = layout_of(TURNED, 2, 515, 261);
        round_trip(type, &dense, &turned, types[type].c0, true, false, &seed);
        round_trip(type, &turned, &dense, types[type].c0, true, true, &seed);
    }
}

/* Every element of the plain result at one place: none is lost, and nothing else is written. */
static void overlapping_result(void **state)
{
    (void)state;
    enum { ROWS = 400, COLUMNS = 300 };
    static signed char plain[ROWS * COLUMNS], out[3];
    const int64_t dims[2] = {ROWS, COLUMNS}, strides[2] = {0, 0};
    for (int i = 0; i < ROWS * COLUMNS; i++)
        plain[i] = 7;
    void *storage = nz_of(plain, 1, ROWS, COLUMNS, 32, 8);
    aclTensor *nz = aclCreateTensor(dims, 2, ACL_INT8, NULL, 0, ACL_FORMAT_FRACTAL_NZ, NULL, 0, storage);
    aclTensor *dst = aclCreateTensor(dims, 2, ACL_INT8, strides, 1, ACL_FORMAT_ND, NULL, 0, out);
    cast(nz, dst);
    assert_int_equal(out[0], 0);
    assert_int_equal(out[1], 7);
    assert_int_equal(out[2], 0);
    aclDestroyTensor(nz);
    aclDestroyTensor(dst);
    free(storage);
}

static void empty(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{0, 4, 5}, {2, 0, 5}, {2, 4, 0}, {1, INT64_MAX, 0}};
    static const int64_t blocks[5] = {1, 2, 3, 4, 5};
    for (int s = 0; s < 4; s++) {
        aclTensor *nd = aclCreateTensor(shapes[s], 3, ACL_INT8, NULL, 0, ACL_FORMAT_ND, NULL, 0, NULL);
        aclTensor *nz =
            aclCreateTensor(shapes[s], 3, ACL_INT8, NULL, 0, ACL_FORMAT_FRACTAL_NZ, blocks, 5, NULL);
        cast(nd, nz);
        cast(nz, nd);
        aclDestroyTensor(nd);
        aclDestroyTensor(nz);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes_of_results), cmocka_unit_test(round_trips),
                                       cmocka_unit_test(large), cmocka_unit_test(overlapping_result),
                                       cmocka_unit_test(empty)};
    return cmocka_run_group_tests_name("format_cast", tests, v1_setup, NULL);
}
