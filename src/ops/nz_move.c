/* SPDX-License-Identifier: Apache-2.0 */
/* nz_move.c - the loops behind nz_move.h. A piece of work is a block of columns of one matrix: its storage is
 * dense and nobody else's. */
#include "ops/nz_move.h"

#include <string.h>

#include "base/checked.h"
#include "parallel/parallel.h"
#include "tensor/dtype.h"
#include "tensor/int4.h"

/* Elements that are not worth waking a second thread for. */
#define SERIAL 65536

aq_nz_element aq_nz_element_of(aclDataType dtype)
{
    if (dtype == ACL_INT4)
        return AQ_NZ_NIBBLES;
    bool whole = aq_nz_c0(dtype) > 0 && dtype != ACL_FLOAT4_E2M1;
    return whole ? (aq_nz_element)aq_dtype_size(dtype) : AQ_NZ_NONE;
}

void aq_nz_move_of(const aq_view *plain, const aq_nz *nz, aq_nz_element element, aq_nz_move *move)
{
    const int64_t *strides = plain->strides + plain->rank - 2;
    memset(move, 0, sizeof *move);
    move->nz = *nz;
    move->element = element;
    move->row_stride = strides[nz->transposed ? 1 : 0];
    move->column_stride = strides[nz->transposed ? 0 : 1];
    move->batch_rank = (int)plain->rank - 2;
    for (int d = 0; d < move->batch_rank; d++) {
        move->batch_dims[d] = plain->dims[d];
        move->batch_strides[d] = plain->strides[d];
    }
    move->first = element == AQ_NZ_NIBBLES ? plain->offset & 1 : 0;
}

/* From the plain array's address to the first element of matrix number batch. */
static int64_t batch_offset(const aq_nz_move *move, int64_t batch)
{
    int64_t offset = move->first;
    for (int d = move->batch_rank - 1; d >= 0; d--) {
        offset += batch % move->batch_dims[d] * move->batch_strides[d];
        batch /= move->batch_dims[d];
    }
    return offset;
}

#define COPY_STRIDED(bytes)                                                                                  \
    for (int64_t i = 0; i < count; i++)                                                                      \
        memcpy(to + i * to_stride * (bytes), from + i * from_stride * (bytes), bytes);                       \
    break

static void copy_bytes(size_t size, const char *from, int64_t from_stride, char *to, int64_t to_stride,
                       int64_t count)
{
    if (from_stride == 1 && to_stride == 1) {
        memcpy(to, from, (size_t)count * size);
        return;
    }
    switch (size) { /* copies of a constant size are one load and one store */
    case 1:
        COPY_STRIDED(1);
    case 2:
        COPY_STRIDED(2);
    case 4:
        COPY_STRIDED(4);
    case 8:
        COPY_STRIDED(8);
    default:
        COPY_STRIDED(16);
    }
}

static uint32_t word_at(const char *words, int64_t index)
{
    uint32_t word;
    memcpy(&word, words + index * (int64_t)sizeof word, sizeof word);
    return word;
}

/* Plain elements at, at + stride, ... to storage elements target, target + 1, ... */
static void fill_run(aq_nz_element element, const char *plain, int64_t at, int64_t stride, char *storage,
                     int64_t target, int64_t count)
{
    if (element == AQ_NZ_NIBBLES) {
        for (int64_t i = 0; i < count; i++)
            aq_int4_set(storage, target + i, aq_int4_bits(plain, at + i * stride));
    } else if (element == AQ_NZ_WORD_TO_NIBBLE) {
        for (int64_t i = 0; i < count; i++)
            aq_int4_set(storage, target + i, word_at(plain, at + i * stride));
    } else {
        int64_t size = (int64_t)element;
        copy_bytes((size_t)size, plain + at * size, stride, storage + target * size, 1, count);
    }
}

static void drain_run(aq_nz_element element, const char *storage, int64_t source, char *plain, int64_t at,
                      int64_t stride, int64_t count)
{
    if (element == AQ_NZ_NIBBLES) {
        for (int64_t i = 0; i < count; i++)
            aq_int4_set(plain, at + i * stride, aq_int4_bits(storage, source + i));
    } else {
        int64_t size = (int64_t)element;
        copy_bytes((size_t)size, storage + source * size, 1, plain + at * size, stride, count);
    }
}

typedef struct nz_work {
    const aq_nz_move *move;
    const void *from;
    void *to;
    int64_t blocks; /* of one matrix */
} nz_work;

static size_t storage_bytes(aq_nz_element element, int64_t elements)
{
    return element < AQ_NZ_NIBBLES ? (size_t)elements * (size_t)element : (size_t)elements / 2;
}

static void fill_block(void *context, size_t thread, size_t index)
{
    (void)thread;
    const nz_work *work = context;
    const aq_nz_move *move = work->move;
    const aq_nz *nz = &move->nz;
    int64_t batch = (int64_t)index / work->blocks, column = (int64_t)index % work->blocks * nz->c0;
    int64_t columns = aq_min_i64(nz->c0, nz->columns - column);
    int64_t at = batch_offset(move, batch) + column * move->column_stride;
    int64_t target = batch * nz->batch_stride + aq_nz_address(nz, 0, column);
    char *storage = (char *)work->to + storage_bytes(move->element, target);
    memset(storage, 0, storage_bytes(move->element, nz->block_stride));
    for (int64_t row = 0; row < nz->rows; row++)
        fill_run(move->element, work->from, at + row * move->row_stride, move->column_stride, storage,
                 row * nz->c0, columns);
}

static void drain_block(void *context, size_t thread, size_t index)
{
    (void)thread;
    const nz_work *work = context;
    const aq_nz_move *move = work->move;
    const aq_nz *nz = &move->nz;
    int64_t batch = (int64_t)index / work->blocks, column = (int64_t)index % work->blocks * nz->c0;
    int64_t columns = aq_min_i64(nz->c0, nz->columns - column);
    int64_t at = batch_offset(move, batch) + column * move->column_stride;
    int64_t source = batch * nz->batch_stride + aq_nz_address(nz, 0, column);
    for (int64_t row = 0; row < nz->rows; row++)
        drain_run(move->element, work->from, source + row * nz->c0, work->to, at + row * move->row_stride,
                  move->column_stride, columns);
}

static void move_all(const aq_nz_move *move, const void *from, void *to, int threads, aq_parallel_body body)
{
    nz_work work = {.move = move, .from = from, .to = to, .blocks = aq_nz_blocks(&move->nz)};
    if (aq_nz_elements(&move->nz) <= SERIAL)
        threads = 1;
    aq_parallel_for(threads, (size_t)(move->nz.batches * work.blocks), body, &work);
}

void aq_nz_to_storage(const aq_nz_move *move, const void *plain, void *storage, int threads)
{
    move_all(move, plain, storage, threads, fill_block);
}

void aq_nz_to_plain(const aq_nz_move *move, const void *storage, void *plain, int threads)
{
    move_all(move, storage, plain, threads, drain_block);
}
