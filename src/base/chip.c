/* SPDX-License-Identifier: Apache-2.0 */
/* chip.c - the names of operators page 3.1. */
#include "base/chip.h"

#include <string.h>

static const struct {
    const char *name, *soc;
} chips[AQ_CHIPS] = {
    [AQ_CHIP_A2] = {"a2", "Ascend910B3"},    [AQ_CHIP_310P] = {"310p", "Ascend310P3"},
    [AQ_CHIP_A3] = {"a3", "Ascend910_9392"}, [AQ_CHIP_950] = {"950", "Ascend950"},
    [AQ_CHIP_ANY] = {"any", "Ascend910B3"},
};

const char aq_chip_names[] = "a2, 310p, a3, 950, any";

const char *aq_chip_name(aq_chip chip)
{
    return chips[chip].name;
}

const char *aq_chip_soc(aq_chip chip)
{
    return chips[chip].soc;
}

bool aq_chip_of(const char *name, aq_chip *chip)
{
    for (int i = 0; i < AQ_CHIPS; i++) {
        if (strcmp(name, chips[i].name) != 0)
            continue;
        *chip = (aq_chip)i;
        return true;
    }
    return false;
}
