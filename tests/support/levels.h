/* SPDX-License-Identifier: Apache-2.0 */
/* levels.h - the CPU levels there are. */
#ifndef AQ_TESTS_SUPPORT_LEVELS_H
#define AQ_TESTS_SUPPORT_LEVELS_H

#include "antiquant.h"
#include "support/child.h"

typedef struct levels {
    size_t count;
    aq_cpu_level_info level[8];
} levels;

static inline void levels_of_this_process(void *result)
{
    levels *all = result;
    all->count = aq_cpu_level_count();
    for (size_t i = 0; i < all->count; i++)
        aq_cpu_level_get(i, &all->level[i]);
}

/* Asked in a child: settings are read once a process, and children inherit what this one has read. 0, or not.
 */
static inline int ask_levels(levels *all)
{
    const char *const none[] = {NULL};
    return in_child(none, levels_of_this_process, all, sizeof *all);
}

#endif
