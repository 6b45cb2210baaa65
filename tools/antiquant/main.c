/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the command `antiquant`: finds the sub-command and hands over. Knows no option of any of them. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "antiquant.h"
#include "cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"bench", aq_cli_bench, "how fast the operator is, beside the limits of this machine"},
    {"explain", aq_cli_explain, "what would be done for a multiplication, why, and how fast it should be"},
    {"info", aq_cli_info, "version, CPU, kernels and why some are not usable, settings"},
    {"lint", aq_cli_lint_command, "which calls, of a list or of a checkpoint, would be refused, and why"},
    {"run", aq_cli_run, "one matrix multiplication with an int8 weight, timed and checked"},
    {"verify", aq_cli_verify, "every linear layer of a safetensors checkpoint, checked against fp64"},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "antiquant %s\n", aq_version());
}

static void print_help(FILE *stream)
{
    fputs("Usage: antiquant COMMAND [OPTION...]\n"
          "fp16 times int8-weight matrix multiplication as aclnnWeightQuantBatchMatmul does it, on this "
          "CPU.\n\n",
          stream);
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n  antiquant COMMAND --help   the options of one command\n"
          "  antiquant --version        the version of the library in use\n\n"
          "Exit code: 0 fine; 1 a result broke the numerics contract, or lint found a call that is refused;\n"
          "2 bad input, usage or environment.\n"
          "Environment: ANTIQUANT_CPU, ANTIQUANT_KERNEL, ANTIQUANT_THREADS, ANTIQUANT_NUMERICS, ...\n"
          "(antiquant info shows what they came to).\n",
          stream);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return AQ_CLI_BAD;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return AQ_CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        print_version(stdout, NULL);
        return AQ_CLI_OK;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            char name[32];
            snprintf(name, sizeof name, "antiquant %s", commands[i].name);
            argv[1] = name;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    char word[64];
    aq_cli_error("no command '%s'; there are bench, explain, info, lint, run and verify (antiquant --help)",
                 aq_cli_clean(argv[1], word, sizeof word));
    return AQ_CLI_BAD;
}

/* However the process ends (argp ends it after --help): output that was not written is an error. */
static void check_output(void)
{
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        aq_cli_error("standard output: cannot write: %s", errno != 0 ? strerror(errno) : "write error");
        fflush(stderr);
        _exit(AQ_CLI_BAD);
    }
}

int main(int argc, char **argv)
{
    argp_err_exit_status = AQ_CLI_BAD;
    argp_program_version_hook = print_version;
    /* Beyond a file size limit, and into a closed pipe, a write shall fail and be reported, not end the
     * process. */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (atexit(check_output) != 0) {
        aq_cli_error("out of memory");
        return AQ_CLI_BAD;
    }
    return dispatch(argc, argv);
}
