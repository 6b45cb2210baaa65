/* SPDX-License-Identifier: Apache-2.0 */
/* v2_model.h - operators page 3.3 as a plain list of sentences, written from the page and with nothing of
 * src/: what the library's verdict on a call has to be. */
#ifndef AQ_TESTS_V2_MODEL_H
#define AQ_TESTS_V2_MODEL_H

#include "support/v2_case.h"

/* Status of phase 1. *check: name of the first check that fails, "" when none does. */
int v2_model(const v2_case *c, const char **check);

#endif
