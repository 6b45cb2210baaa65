/* SPDX-License-Identifier: Apache-2.0 */
/* dtype.h - the one table of data types and formats: number, name, size. */
#ifndef AQ_TENSOR_DTYPE_H
#define AQ_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "acl/acl_base.h"

/* "FLOAT16", as messages name it; "unknown" for a number that is none. Never null. */
const char *aq_dtype_name(aclDataType dtype);

/* Bytes per element as aclDataTypeSize counts them (INT4 and UINT1 -> 1; STRING, UNDEFINED, unknown -> 0). */
size_t aq_dtype_size(aclDataType dtype);

/* "ND", "FRACTAL_NZ", ...; "unknown". Never null. */
const char *aq_format_name(aclFormat format);

/* A format that orders elements in blocks of its own: FRACTAL_*, NC1HWC0*, NDC1HWC0, and numbers that are no
 * format. All others (ND, NCHW, NHWC, NCL, ..., and UNDEFINED) are strided arrays: operator page 1.3,
 * check 2a. */
bool aq_format_is_private(aclFormat format);

#endif
