/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - for cmocka tests: a status and the text behind it, which must name what was wrong. */
#ifndef AQ_TESTS_MESSAGE_H
#define AQ_TESTS_MESSAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "acl/acl.h"

/* status was returned, and the pending text (which this takes) contains word. */
#define assert_refused(call, status, word)                                                                   \
    do {                                                                                                     \
        (void)aclGetRecentErrMsg();                                                                          \
        assert_int_equal(call, status);                                                                      \
        const char *message_ = aclGetRecentErrMsg();                                                         \
        assert_non_null(message_);                                                                           \
        if (!strstr(message_, word))                                                                         \
            fail_msg("no \"%s\" in: %s", word, message_);                                                    \
    } while (0)

#endif
