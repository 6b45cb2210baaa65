/* SPDX-License-Identifier: Apache-2.0 */
/* nz_move.h - moves matrices between strided arrays and FRACTAL_NZ storage, one block of columns at a time.
 * Knows sizes of elements, not their meaning; nothing of tensors. */
#ifndef AQ_OPS_NZ_MOVE_H
#define AQ_OPS_NZ_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/fractal_nz.h"

/* How an element of the plain array becomes one of the storage, and back. */
typedef enum aq_nz_element {
    AQ_NZ_NONE = 0,
    AQ_NZ_BYTES_1 = 1,
    AQ_NZ_BYTES_2 = 2,
    AQ_NZ_BYTES_4 = 4,
    AQ_NZ_BYTES_8 = 8,
    AQ_NZ_BYTES_16 = 16,
    AQ_NZ_NIBBLES = 32,   /* 4 bits on both sides */
    AQ_NZ_WORD_TO_NIBBLE, /* int32 on the plain side, its low 4 bits in the storage; into storage only */
} aq_nz_element;

typedef struct aq_nz_move {
    aq_nz nz;
    aq_nz_element element;
    /* The plain array, distances in its elements: along the stored matrix's rows and columns, and along the
     * leading dims. */
    int64_t row_stride, column_stride;
    int batch_rank;
    int64_t batch_dims[AQ_MAX_RANK], batch_strides[AQ_MAX_RANK];
    int64_t first; /* where its first element is from the address; not 0 only for an odd nibble */
} aq_nz_move;

/* plain: the strided array's view, of the same shape as the one nz was made of. first is that of an address
 * which aq_view_address gave. */
void aq_nz_move_of(const aq_view *plain, const aq_nz *nz, aq_nz_element element, aq_nz_move *move);

/* What moves elements of dtype unchanged; AQ_NZ_NONE: nothing here does. */
aq_nz_element aq_nz_element_of(aclDataType dtype);

/* All of it, on up to threads threads. To storage: padding becomes zero. To plain: threads must be 1 where
 * elements may share bytes. The two sides must not overlap. */
void aq_nz_to_storage(const aq_nz_move *move, const void *plain, void *storage, int threads);
void aq_nz_to_plain(const aq_nz_move *move, const void *storage, void *plain, int threads);

#endif
