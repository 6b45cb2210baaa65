/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - aclAppLog: the program's lines in the library's log. */
#include <stdarg.h>
#include <stddef.h>

#include "acl/acl_base.h"
#include "base/log.h"

void aclAppLog(aclLogLevel logLevel, const char *func, const char *file, uint32_t line, const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    aq_log_program((aq_log_level)logLevel, func, file, line, fmt, arguments);
    va_end(arguments);
}
