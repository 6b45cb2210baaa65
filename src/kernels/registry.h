/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - the table of kernels and the choice from it. */
#ifndef AQ_KERNELS_REGISTRY_H
#define AQ_KERNELS_REGISTRY_H

#include <stddef.h>

#include "kernels/kernel.h"

/* "stream", "gemm", "planes". */
const char *aq_role_name(aq_role role);

size_t aq_kernel_table_size(void);
const aq_kernel *aq_kernel_at(size_t index);

/* null: may be chosen in this process; else why not ("needs avx512, ANTIQUANT_CPU is avx2"), static text. */
const char *aq_kernel_unusable(const aq_kernel *kernel);

/* The first usable kernel of the role that takes the query. Null for AQ_ROLE_STREAM when none does;
 * AQ_ROLE_GEMM always has the reference, AQ_ROLE_PLANES null where its arithmetic does not serve.
 * ANTIQUANT_KERNEL narrows the choice to the kernel of that name: a
 * gemm kernel then serves all row counts, a stream kernel has the reference beside it. */
const aq_kernel *aq_kernel_choose(aq_role role, const aq_kernel_query *query);

/* Appends a line "name: reason" for each kernel better than chosen, whole lines as long as they fit size.
 * not_asked: the reason of those that would take the query. */
void aq_kernel_why_not(aq_role role, const aq_kernel_query *query, const aq_kernel *chosen,
                       const char *not_asked, char *text, size_t size);

/* "" or why ANTIQUANT_KERNEL cannot be obeyed, with the valid names. */
const char *aq_kernel_setting_invalid(void);

#endif
