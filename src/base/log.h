/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - the one log of the process (runtime page 4.7): the library's own lines and those of aclAppLog. It
 * decides which lines are written and where; it never fails, allocates, or changes errno or the thread's
 * error text. */
#ifndef AQ_BASE_LOG_H
#define AQ_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* Numbers of aclLogLevel. */
typedef enum aq_log_level { AQ_LOG_DEBUG, AQ_LOG_INFO, AQ_LOG_WARNING, AQ_LOG_ERROR } aq_log_level;

/* Bytes of the longest line, its end included; longer ones are cut and end in "...". */
#define AQ_LOG_LINE 4096

/* Bytes of a file after which a new one is begun. */
#define AQ_LOG_FILE (16 << 20)

/* Whether lines of this level are written: for those whose text costs something to make. */
bool aq_log_wants(aq_log_level level);

/* One line of the library's. A text of several lines becomes one: "refused; argument: x2; rule: ...". */
void aq_log(aq_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One line of the program's, with where it comes from; null texts are left empty. */
void aq_log_program(aq_log_level level, const char *function, const char *source, uint32_t number,
                    const char *format, va_list arguments) __attribute__((format(printf, 5, 0)));

#endif
