/* SPDX-License-Identifier: Apache-2.0 */
/* dtype.c - the tables behind dtype.h. Numbers: runtime page 4.4; sizes: companions page 2.2. Says nothing of
 * what an operator supports. */
#include "tensor/dtype.h"

#include <stdint.h>

#include "antiquant.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Indexed by the number; holes have no name. */
static const struct {
    const char *name;
    uint8_t size;
} dtypes[] = {
    [ACL_FLOAT] = {"FLOAT", 4},
    [ACL_FLOAT16] = {"FLOAT16", 2},
    [ACL_INT8] = {"INT8", 1},
    [ACL_INT32] = {"INT32", 4},
    [ACL_UINT8] = {"UINT8", 1},
    [ACL_INT16] = {"INT16", 2},
    [ACL_UINT16] = {"UINT16", 2},
    [ACL_UINT32] = {"UINT32", 4},
    [ACL_INT64] = {"INT64", 8},
    [ACL_UINT64] = {"UINT64", 8},
    [ACL_DOUBLE] = {"DOUBLE", 8},
    [ACL_BOOL] = {"BOOL", 1},
    [ACL_STRING] = {"STRING", 0},
    [ACL_COMPLEX64] = {"COMPLEX64", 8},
    [ACL_COMPLEX128] = {"COMPLEX128", 16},
    [ACL_BF16] = {"BF16", 2},
    [ACL_INT4] = {"INT4", 1},   /* two to a byte, yet counted as one */
    [ACL_UINT1] = {"UINT1", 1}, /* likewise */
    [ACL_COMPLEX32] = {"COMPLEX32", 4},
    [ACL_HIFLOAT8] = {"HIFLOAT8", 1},
    [ACL_FLOAT8_E5M2] = {"FLOAT8_E5M2", 1},
    [ACL_FLOAT8_E4M3FN] = {"FLOAT8_E4M3FN", 1},
    [ACL_FLOAT8_E8M0] = {"FLOAT8_E8M0", 1},
    [ACL_FLOAT6_E3M2] = {"FLOAT6_E3M2", 1},
    [ACL_FLOAT6_E2M3] = {"FLOAT6_E2M3", 1},
    [ACL_FLOAT4_E2M1] = {"FLOAT4_E2M1", 1},
    [ACL_FLOAT4_E1M2] = {"FLOAT4_E1M2", 1},
};

static const struct {
    const char *name;
    bool is_private;
} formats[] = {
    [ACL_FORMAT_NCHW] = {"NCHW", false},
    [ACL_FORMAT_NHWC] = {"NHWC", false},
    [ACL_FORMAT_ND] = {"ND", false},
    [ACL_FORMAT_NC1HWC0] = {"NC1HWC0", true},
    [ACL_FORMAT_FRACTAL_Z] = {"FRACTAL_Z", true},
    [ACL_FORMAT_NC1HWC0_C04] = {"NC1HWC0_C04", true},
    [ACL_FORMAT_HWCN] = {"HWCN", false},
    [ACL_FORMAT_NDHWC] = {"NDHWC", false},
    [ACL_FORMAT_FRACTAL_NZ] = {"FRACTAL_NZ", true},
    [ACL_FORMAT_NCDHW] = {"NCDHW", false},
    [ACL_FORMAT_NDC1HWC0] = {"NDC1HWC0", true},
    [ACL_FRACTAL_Z_3D] = {"FRACTAL_Z_3D", true},
    [ACL_FORMAT_NC] = {"NC", false},
    [ACL_FORMAT_NCL] = {"NCL", false},
    [ACL_FORMAT_FRACTAL_NZ_C0_16] = {"FRACTAL_NZ_C0_16", true},
    [ACL_FORMAT_FRACTAL_NZ_C0_32] = {"FRACTAL_NZ_C0_32", true},
    [ACL_FORMAT_FRACTAL_NZ_C0_2] = {"FRACTAL_NZ_C0_2", true},
    [ACL_FORMAT_FRACTAL_NZ_C0_4] = {"FRACTAL_NZ_C0_4", true},
    [ACL_FORMAT_FRACTAL_NZ_C0_8] = {"FRACTAL_NZ_C0_8", true},
};

/* Callers may hand in any int: -1, which is UNDEFINED in both enumerations, becomes out of range here too. */
static bool known_dtype(int number)
{
    return number >= 0 && (size_t)number < COUNT(dtypes) && dtypes[number].name;
}

static bool known_format(int number)
{
    return number >= 0 && (size_t)number < COUNT(formats) && formats[number].name;
}

const char *aq_dtype_name(aclDataType dtype)
{
    if (dtype == ACL_DT_UNDEFINED)
        return "UNDEFINED";
    return known_dtype((int)dtype) ? dtypes[(int)dtype].name : "unknown";
}

size_t aq_dtype_size(aclDataType dtype)
{
    return known_dtype((int)dtype) ? dtypes[(int)dtype].size : 0;
}

const char *aq_format_name(aclFormat format)
{
    if (format == ACL_FORMAT_UNDEFINED)
        return "UNDEFINED";
    if ((int)format == AQ_FORMAT_PACKED || (int)format == AQ_FORMAT_PACKED_TRANSPOSED)
        return (int)format == AQ_FORMAT_PACKED ? "AQ_PACKED" : "AQ_PACKED_TRANSPOSED";
    return known_format((int)format) ? formats[(int)format].name : "unknown";
}

bool aq_format_is_private(aclFormat format)
{
    if (format == ACL_FORMAT_UNDEFINED)
        return false;
    return !known_format((int)format) || formats[(int)format].is_private;
}
