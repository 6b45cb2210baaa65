/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - what the sub-commands of `antiquant` share: exit codes, messages, checked helpers. The command
 * knows the library by its public headers alone. Functions that return bool have printed the reason when they
 * return false. */
#ifndef AQ_CLI_H
#define AQ_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AQ_CLI_OK = 0,
    AQ_CLI_BROKEN = 1, /* a result broke the numerics contract; lint: a call is refused */
    AQ_CLI_BAD = 2     /* bad input, usage or environment; nothing was judged */
};

#if defined(__GNUC__)
#define AQ_CLI_PRINTF(at, args) __attribute__((format(printf, at, args)))
#else
#define AQ_CLI_PRINTF(at, args)
#endif

/* A sub-command: argv[0] is "antiquant NAME". Returns the exit code. */
int aq_cli_bench(int argc, char **argv);
int aq_cli_explain(int argc, char **argv);
int aq_cli_info(int argc, char **argv);
int aq_cli_lint_command(int argc, char **argv);
int aq_cli_run(int argc, char **argv);
int aq_cli_verify(int argc, char **argv);

/* One line on stderr, "antiquant: ...". Takes a progress line off the terminal first. */
void aq_cli_error(const char *format, ...) AQ_CLI_PRINTF(1, 2);

/* True when status is 0; else reports the call, the status and the text of aclGetRecentErrMsg. */
bool aq_cli_acl(int status, const char *call);

/* False, with a message, when a variable of antiquant has no valid value. */
bool aq_cli_settings_valid(void);

/* False, with a message, when the numerics mode in force is neither `npu` nor `exact`, whose bounds the
 * oracle knows. */
bool aq_cli_numerics_known(void);
bool aq_cli_exact(void); /* it is `exact` */

/* The progress line, shown only when stderr is a terminal. A null format takes it away. */
void aq_cli_progress(const char *format, ...) AQ_CLI_PRINTF(1, 2);

/* Copies hostile text: bytes outside printable ASCII become \xHH, the middle of what is longer than size - 1
 * becomes "...". Returns buffer. size >= 16. */
const char *aq_cli_clean(const char *text, char *buffer, size_t size);

/* Zeroed memory for count elements (at least one), or null with a message that names `what`. Release with
 * free(). */
void *aq_cli_alloc(int64_t count, size_t size, const char *what);

/* A decimal integer in [least, most]; the whole text must be one. Prints nothing. */
bool aq_cli_parse_count(const char *text, int64_t least, int64_t most, int64_t *value);

/* The same for the argument of an option; anything else is a usage error, which ends the process with exit
 * code 2. */
struct argp_state;
int64_t aq_cli_option(const struct argp_state *state, const char *option, const char *text, int64_t least,
                      int64_t most);

/* a * b, or false (nothing printed) when it does not fit; both must be >= 0. */
bool aq_cli_multiply(int64_t a, int64_t b, int64_t *product);

double aq_cli_seconds(void); /* of a monotonic clock */

#endif
