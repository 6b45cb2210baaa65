/* SPDX-License-Identifier: Apache-2.0 */
/* chip.h - the chips whose limits can be asked for with ANTIQUANT_PROFILE (operators page 3.1): numbers and
 * names. What they limit is known further up (ops/profiles.h). */
#ifndef AQ_BASE_CHIP_H
#define AQ_BASE_CHIP_H

#include <stdbool.h>

typedef enum aq_chip { AQ_CHIP_A2, AQ_CHIP_310P, AQ_CHIP_A3, AQ_CHIP_950, AQ_CHIP_ANY, AQ_CHIPS } aq_chip;

/* As ANTIQUANT_PROFILE takes it: "a2". */
const char *aq_chip_name(aq_chip chip);

/* As aclrtGetSocName tells it: "Ascend910B3". */
const char *aq_chip_soc(aq_chip chip);

/* "a2, 310p, a3, 950, any": the default first. */
extern const char aq_chip_names[];

/* false: no chip of that name. */
bool aq_chip_of(const char *name, aq_chip *chip);

#endif
