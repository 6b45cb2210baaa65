/* SPDX-License-Identifier: Apache-2.0 */
/* quiet_log.c - in every test program: tests refuse thousands of calls on purpose, and would leave a log of
 * that in the home of whoever runs them. Those that test the log set its level themselves. */
#include <stdlib.h>

__attribute__((constructor)) static void be_quiet(void)
{
    setenv("ASCEND_GLOBAL_LOG_LEVEL", "4", 0);
}
