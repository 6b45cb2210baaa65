/* SPDX-License-Identifier: Apache-2.0 */
/* verbose.h - ANTIQUANT_VERBOSE: a line on stderr for each run of an operator (runtime page 4.7). */
#ifndef AQ_RUNTIME_VERBOSE_H
#define AQ_RUNTIME_VERBOSE_H

#include <stdint.h>

#include "runtime/executor.h"

/* After a run of op's plan that took ns and gave status. With ANTIQUANT_VERBOSE=2 the lines of its details
 * too.
 */
void aq_verbose_tell(const aq_op *op, const void *plan, int64_t ns, int status);

#endif
