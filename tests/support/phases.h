/* SPDX-License-Identifier: Apache-2.0 */
/* phases.h - for tests of operators with two phases: phase 1 with outputs that must stay as they are when it
 * refuses, and phase 2 with the workspace that phase 1 asked for. */
#ifndef AQ_TESTS_PHASES_H
#define AQ_TESTS_PHASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"
#include "aclnn/aclnn_base.h"

/* What the tests hand to phase 1. */
static uint64_t phase_size;
static aclOpExecutor *phase_executor;

#define PHASE_UNTOUCHED 4711

static inline void phase_reset(void)
{
    phase_size = PHASE_UNTOUCHED;
    phase_executor = (aclOpExecutor *)&phase_size;
    (void)aclGetRecentErrMsg();
}

static inline void phase_check_untouched(void)
{
    assert_int_equal(phase_size, PHASE_UNTOUCHED);
    assert_ptr_equal(phase_executor, (aclOpExecutor *)&phase_size);
}

/* The call gives status, writes neither phase_size nor phase_executor, and its message names argument and
 * contains text. */
#define PHASE1_REFUSED(status_, argument_, text_, ...)                                                       \
    do {                                                                                                     \
        phase_reset();                                                                                       \
        assert_int_equal(__VA_ARGS__, status_);                                                              \
        const char *message_ = aclGetRecentErrMsg();                                                         \
        assert_non_null(message_);                                                                           \
        if (!strstr(message_, "argument: " argument_ "\n") || !strstr(message_, text_))                      \
            fail_msg("no \"%s\", \"%s\" in: %s", argument_, text_, message_);                                \
        phase_check_untouched();                                                                             \
    } while (0)

/* Phase 2 with phase_executor on the default stream, then waits. with_workspace: of the size that phase 1
 * told, else none and the library brings it. The first status that is not 0, else 0. */
static inline int phase2(aclnnStatus (*function)(void *, uint64_t, aclOpExecutor *, aclrtStream),
                         int with_workspace)
{
    void *workspace = NULL;
    uint64_t size = with_workspace ? phase_size : 0;
    if (size > 0)
        assert_int_equal(aclrtMalloc(&workspace, size, ACL_MEM_MALLOC_NORMAL_ONLY), 0);
    int status = function(workspace, size, phase_executor, NULL);
    if (status == 0)
        status = aclrtSynchronizeStream(NULL);
    if (workspace)
        assert_int_equal(aclrtFree(workspace), 0);
    return status;
}

#endif
