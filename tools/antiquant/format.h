/* SPDX-License-Identifier: Apache-2.0 */
/* format.h - the options --op, --weight, --group, --x and --asymmetric, which verify and lint share. */
#ifndef AQ_CLI_FORMAT_H
#define AQ_CLI_FORMAT_H

#include <argp.h>

#include "weights.h"

/* A child parser whose input is an aq_cli_format; what no option says stays as it was. */
extern const struct argp aq_cli_format_argp;

#endif
