/* SPDX-License-Identifier: Apache-2.0 */
/* float_environment.h - arithmetic under rounding to nearest, with subnormals and without traps, whatever the
 * caller set: threads inherit their maker's environment, and a program linked with -ffast-math flushes
 * subnormals. */
#ifndef AQ_BASE_FLOAT_ENVIRONMENT_H
#define AQ_BASE_FLOAT_ENVIRONMENT_H

#include <fenv.h>

/* The thread's environment becomes the default one; saved keeps what it was. */
static inline void aq_float_environment_enter(fenv_t *saved)
{
    (void)fegetenv(saved);
    (void)fesetenv(FE_DFL_ENV);
}

static inline void aq_float_environment_leave(const fenv_t *saved)
{
    (void)fesetenv(saved);
}

#endif
