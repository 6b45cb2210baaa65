/* SPDX-License-Identifier: Apache-2.0 */
/* trans_quant_param.c - aclnnTransQuantParam: scales and offsets into quantisation words. A host function; it
 * knows no tensor and no stream. Layout of a word: companions page 2.1. */
#include "aclnnop/aclnn_trans_quant_param.h"

#include <math.h>

#include "base/float16.h"
#include "base/float_environment.h"
#include "base/memory.h"
#include "ops/finding.h"
#include "ops/quant_word.h"

#define PAGE "companions page 2.1"

/* Words are padded to a multiple of this; only one word stays one. */
#define PADDING 16u

static const char function[] = "aclnnTransQuantParam";

static int check(const float *scaleArray, uint64_t scaleSize, const float *offsetArray, uint64_t offsetSize,
                 uint64_t *const *quantParam, const uint64_t *quantParamSize)
{
    aq_finding finding = {.argument = NULL};
    if (offsetArray != NULL && offsetSize == 0) {
        finding.argument = "offsetSize";
        aq_say_rule(&finding, "must be the number of offsets, > 0, when offsetArray is given");
        aq_say_actual(&finding, "0");
        aq_say_nearest(&finding, "1, or a null offsetArray");
    } else if (offsetArray == NULL && offsetSize != 0) {
        finding.argument = "offsetArray";
        aq_say_rule(&finding, "must not be null when offsetSize is not 0");
        aq_say_actual(&finding, "null, offsetSize = %llu", (unsigned long long)offsetSize);
        aq_say_nearest(&finding, "offsetSize 0");
    } else if (scaleArray == NULL) {
        finding.argument = "scaleArray";
        aq_say_rule(&finding, "must not be null");
        aq_say_actual(&finding, "null");
    } else if (scaleSize == 0) {
        finding.argument = "scaleSize";
        aq_say_rule(&finding, "must be the number of scales, > 0");
        aq_say_actual(&finding, "0");
        aq_say_nearest(&finding, "1");
    }
    if (finding.argument != NULL)
        return aq_refuse_finding(ACLNN_ERR_PARAM_INVALID, function, PAGE, &finding);
    if (quantParam == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, "quantParam", PAGE);
    if (quantParamSize == NULL)
        return aq_refuse_null_argument(ACLNN_ERR_PARAM_NULLPTR, function, "quantParamSize", PAGE);
    return 0;
}

aclnnStatus aclnnTransQuantParam(const float *scaleArray, uint64_t scaleSize, const float *offsetArray,
                                 uint64_t offsetSize, uint64_t **quantParam, uint64_t *quantParamSize)
{
    int status = check(scaleArray, scaleSize, offsetArray, offsetSize, quantParam, quantParamSize);
    if (status != 0)
        return status;
    uint64_t count = scaleSize > offsetSize ? scaleSize : offsetSize;
    uint64_t *words = NULL;
    if (count <= SIZE_MAX / sizeof *words - PADDING) { /* else padding or bytes would overflow */
        count = count == 1 ? 1 : (count + PADDING - 1) / PADDING * PADDING;
        words = aq_calloc((size_t)count, sizeof *words);
    }
    if (words == NULL)
        return aq_error(ACLNN_ERR_INNER_NULLPTR, "%s: out of memory for %llu words", function,
                        (unsigned long long)count);
    fenv_t callers;
    aq_float_environment_enter(&callers);
    for (uint64_t i = 0; i < scaleSize; i++)
        words[i] = AQ_QUANT_HAS_SCALE | aq_f32_bits(scaleArray[i]);
    for (uint64_t i = 0; i < offsetSize; i++)
        words[i] |= aq_quant_offset_bits(offsetArray[i], roundf); /* half away from zero */
    aq_float_environment_leave(&callers);
    *quantParam = words;
    *quantParamSize = count;
    return 0;
}
