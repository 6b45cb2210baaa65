/* SPDX-License-Identifier: Apache-2.0 */
/* info.c - `antiquant info`: what the library found here and what it made of its settings. */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "antiquant.h"
#include "cli.h"
#include "output.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
    if (key != 'j') {
        return ARGP_ERR_UNKNOWN;
    }
    *(char **)state->input = arg;
    return 0;
}

static const struct argp_option options[] = {
    {"json", 'j', "FILE", 0, "write all of it to FILE as JSON too", 0},
    {0},
};

static void print_levels(json_t *list)
{
    puts("\nCPU levels, each with all before it (ANTIQUANT_CPU)");
    for (size_t i = 0; i < aq_cpu_level_count(); i++) {
        aq_cpu_level_info level;
        if (aq_cpu_level_get(i, &level) != 0) {
            continue;
        }
        const char *state = level.in_use      ? "in use"
                            : level.supported ? "supported, not in use"
                                              : "not supported by this CPU or system";
        printf("  %-8s %s%s%s%s\n", level.name, state, level.instructions[0] != '\0' ? " (" : "",
               level.instructions, level.instructions[0] != '\0' ? ")" : "");
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:b}", "name", level.name, "instructions",
                                              level.instructions, "supported", level.supported, "in_use",
                                              level.in_use));
    }
}

static void print_kernels(json_t *list)
{
    size_t usable = 0;
    puts("\nkernels, best first (ANTIQUANT_KERNEL)");
    for (size_t i = 0; i < aq_kernel_count(); i++) {
        aq_kernel_info kernel;
        if (aq_kernel_get(i, &kernel) != 0) {
            continue;
        }
        usable += kernel.declines == NULL;
        printf("  %-30s %-7s %-7s %s%s\n", kernel.name, kernel.level, kernel.role,
               kernel.declines == NULL ? "usable" : "not usable: ",
               kernel.declines == NULL ? "" : kernel.declines);
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s?}", "name", kernel.name, "level", kernel.level,
                                        "role", kernel.role, "declines", kernel.declines));
    }
    printf("  %zu of %zu usable\n", usable, aq_kernel_count());
}

int aq_cli_info(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Prints the version, the CPU and its levels, the kernels and why some are not usable, the number of "
        "threads "
        "and the numerics mode. Exit code 2 when an environment variable of antiquant has no valid value.",
        NULL,
        NULL,
        NULL};
    char *file = NULL;
    error_t error = argp_parse(&argp, argc, argv, 0, NULL, &file);
    if (error != 0) {
        aq_cli_error("options: %s", strerror(error));
        return AQ_CLI_BAD;
    }
    const char *wrong = aq_settings_error();
    json_t *levels = json_array(), *kernels = json_array();

    printf("antiquant  %s\nCPU        %s\nthreads    %d\nnumerics   %s\nsettings   %s\n", aq_version(),
           aq_cpu_model(), aq_thread_count(), aq_numerics(),
           wrong == NULL ? "valid" : "NOT VALID, see below");
    print_levels(levels);
    print_kernels(kernels);

    json_t *all = json_pack("{s:s, s:s, s:i, s:s, s:s?, s:o, s:o}", "version", aq_version(), "cpu",
                            aq_cpu_model(), "threads", aq_thread_count(), "numerics", aq_numerics(),
                            "settings_error", wrong, "levels", levels, "kernels", kernels);
    bool good = file == NULL || aq_cli_output_json(file, all);
    json_decref(all);
    if (!aq_cli_settings_valid() || !good) {
        return AQ_CLI_BAD;
    }
    return AQ_CLI_OK;
}
