/* SPDX-License-Identifier: Apache-2.0 */
/* scalars.c - the three helpers of acl_base.h for single values and element sizes. The two conversions are
 * not IEEE where the exponent is all ones (companions page 2.2): nothing inside the library computes with
 * them. */
#include "acl/acl_base.h"
#include "base/float16.h"
#include "tensor/dtype.h"

float aclFloat16ToFloat(aclFloat16 value)
{
    uint32_t magnitude = value & 0x7FFFu;
    if (magnitude < 0x7C00u)
        return aq_f16_to_f32(value);
    /* exponent 31 like any other: 2^16 * 1.fraction */
    float number = (float)(1024 + (magnitude & 0x3FFu)) * 64.0f;
    return value & 0x8000u ? -number : number;
}

aclFloat16 aclFloatToFloat16(float value)
{
    aclFloat16 rounded = aq_f32_to_f16(value);
    if ((rounded & 0x7FFFu) >= 0x7C00u) /* inf or NaN, given or rounded to */
        return (aclFloat16)((rounded & 0x8000u) | 0x7BFFu);
    return rounded;
}

size_t aclDataTypeSize(aclDataType dataType)
{
    return aq_dtype_size(dataType);
}
