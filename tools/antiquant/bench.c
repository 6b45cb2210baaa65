/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - `antiquant bench`: options, one process for each number of threads, table and JSON. The library
 * reads ANTIQUANT_THREADS once, so a child is forked for each number before anything is asked of it; children
 * send what they find as lines of JSON through a pipe. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "cli.h"
#include "output.h"

enum { KEY_SHAPES = 256, KEY_MODES, KEY_THREADS, KEY_SECONDS, KEY_FILTER, MOST_THREADS = 1024, SHOWN = 80 };

static const struct argp_option options[] = {
    {"shapes", KEY_SHAPES, "FILE", 0,
     "lines 'm k n weight granularity storage x [cold|hot] [offset]'; - is standard input; default: a few",
     0},
    {"modes", KEY_MODES, "LIST", 0, "numerics modes, of npu, exact and fast; default all", 0},
    {"threads", KEY_THREADS, "LIST", 0, "numbers of threads, each a run of its own; default 1,2", 0},
    {"seconds", KEY_SECONDS, "S", 0, "for each shape, mode and number of threads; default 1", 0},
    {"filter", KEY_FILTER, "REGEX", 0, "only shapes whose line matches, as '^1 .* s4 .*cold'", 0},
    {"json", 'j', "FILE", 0, "write all of it as JSON; - is standard output, the table then goes to stderr",
     0},
    {0},
};

static const char few_shapes[] = "1,16,128 4096 4096 s8,s4 channel plain f16 cold\n"
                                 "1 1024 1024 s8 channel plain f16 hot\n";

typedef struct aq_bench_command {
    aq_bench_job job;
    const char *file, *filter, *json;
    int64_t threads[AQ_BENCH_LISTED];
    int thread_counts;
} aq_bench_command;

/* The next word of a list with commas; null at its end. Cuts the list. */
static char *next_word(char **rest)
{
    return *rest == NULL ? NULL : strsep(rest, ",");
}

static void parse_modes(struct argp_state *state, char *list, aq_bench_job *job)
{
    static const char *const known[] = {"npu", "exact", "fast"};
    enum { KNOWN = sizeof known / sizeof known[0] };
    job->mode_count = 0;
    for (char *word = next_word(&list); word != NULL; word = next_word(&list)) {
        int i = 0;
        while (i < KNOWN && strcmp(word, known[i]) != 0) {
            i++;
        }
        if (i == KNOWN || job->mode_count == AQ_BENCH_LISTED) {
            argp_error(state, "--modes must be a list of npu, exact and fast, got '%s'", word);
            return;
        }
        job->modes[job->mode_count++] = known[i];
    }
}

static void parse_threads(struct argp_state *state, char *list, aq_bench_command *command)
{
    command->thread_counts = 0;
    for (char *word = next_word(&list); word != NULL; word = next_word(&list)) {
        if (command->thread_counts == AQ_BENCH_LISTED) {
            argp_error(state, "--threads takes at most %d numbers", AQ_BENCH_LISTED);
            return;
        }
        command->threads[command->thread_counts++] = aq_cli_option(state, "--threads", word, 1, MOST_THREADS);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    aq_bench_command *command = state->input;
    char *end = NULL;
    switch (key) {
    case KEY_SHAPES:
        command->file = arg;
        break;
    case KEY_MODES:
        parse_modes(state, arg, &command->job);
        break;
    case KEY_THREADS:
        parse_threads(state, arg, command);
        break;
    case KEY_SECONDS:
        command->job.seconds = strtod(arg, &end);
        if (end == arg || *end != '\0' || !(command->job.seconds > 0.0 && command->job.seconds <= 3600.0)) {
            argp_error(state, "--seconds must be a number above 0 and up to 3600, got '%s'", arg);
        }
        break;
    case KEY_FILTER:
        command->filter = arg;
        break;
    case 'j':
        command->json = arg;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* What all children found. */
typedef struct aq_bench_found {
    json_t *machine, *limits, *records;
    FILE *table;
    int lines;
} aq_bench_found;

/* One line from a child: the machine, a limit or a record. */
static bool take(aq_bench_found *found, const char *line)
{
    json_error_t error;
    json_t *sent = json_loads(line, 0, &error), *part;
    if ((part = json_object_get(sent, "machine")) != NULL) {
        json_object_update_missing(found->machine, part);
    } else if ((part = json_object_get(sent, "limit")) != NULL) {
        json_array_append(found->limits, part);
    } else if ((part = json_object_get(sent, "record")) != NULL) {
        json_array_append(found->records, part);
        aq_bench_print(found->table, part, found->lines++ == 0);
    } else {
        aq_cli_error("a process that measured sent a line that is not JSON: %s", error.text);
    }
    json_decref(sent);
    return part != NULL;
}

/* The exit code of a child that has closed its end of the pipe. */
static int await(pid_t child, int64_t threads)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        aq_cli_error("the process that measured %lld threads was ended by signal %d", (long long)threads,
                     WTERMSIG(status));
        return AQ_CLI_BAD;
    }
    return WEXITSTATUS(status);
}

static int run_child(const aq_bench_command *command, int64_t threads, aq_bench_found *found)
{
    int ends[2];
    fflush(stdout);
    pid_t child = pipe(ends) == 0 ? fork() : -1;
    if (child < 0) {
        aq_cli_error("cannot start a process: %s", strerror(errno));
        return AQ_CLI_BAD;
    }
    if (child == 0) {
        close(ends[0]);
        FILE *out = fdopen(ends[1], "w");
        int code = out != NULL ? aq_bench_child(&command->job, (int)threads, out) : AQ_CLI_BAD;
        free(command->job.shapes.all);
        exit(out != NULL && fclose(out) != 0 ? AQ_CLI_BAD : code);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    char *line = NULL;
    size_t size = 0;
    bool good = in != NULL;
    while (in != NULL && getline(&line, &size, in) >= 0) {
        good = take(found, line) && good;
    }
    free(line);
    if (in != NULL) {
        fclose(in);
    }
    int code = await(child, threads);
    return code == AQ_CLI_OK && !good ? AQ_CLI_BAD : code;
}

/* path: null is standard output. The members of the machine and of each limit and record on a line of their
 * own: small, and fit to be compared. */
static bool write_all(const aq_bench_found *found, const char *path)
{
    const size_t flags = JSON_REAL_PRECISION(6);
    const struct {
        const char *name;
        const json_t *list;
    } lists[] = {{"limits", found->limits}, {"records", found->records}};
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    bool good = file != NULL && fprintf(file, "{\n\"schema\": %d,\n\"machine\": ", AQ_BENCH_SCHEMA) > 0 &&
                json_dumpf(found->machine, file, flags) == 0;
    for (size_t i = 0; good && i < sizeof lists / sizeof lists[0]; i++) {
        good = fprintf(file, ",\n\"%s\": [", lists[i].name) > 0;
        for (size_t l = 0; good && l < json_array_size(lists[i].list); l++) {
            good = fputs(l > 0 ? ",\n" : "\n", file) >= 0 &&
                   json_dumpf(json_array_get(lists[i].list, l), file, flags) == 0;
        }
        good = good && fputs("]", file) >= 0;
    }
    good = good && fputs("}\n", file) >= 0;
    good = file != NULL && fclose(file) == 0 && good;
    if (!good) {
        aq_cli_error("out of memory for the JSON text");
    }
    if (good && path == NULL) {
        fwrite(text, 1, size, stdout); /* the end of the process looks whether it was written */
    } else if (good) {
        good = aq_cli_output_write(path, text, size, "", 0);
    }
    free(text);
    return good;
}

static int bench(const aq_bench_command *command)
{
    bool to_stdout = command->json != NULL && strcmp(command->json, "-") == 0;
    aq_bench_found found = {json_object(), json_array(), json_array(), to_stdout ? stderr : stdout, 0};
    int code = AQ_CLI_OK;
    for (int i = 0; i < command->thread_counts && code != AQ_CLI_BAD; i++) {
        int child = run_child(command, command->threads[i], &found);
        code = child > code ? child : code;
    }
    double load[1];
    if (getloadavg(load, 1) == 1) {
        json_object_set_new(found.machine, "load_end", json_real(load[0]));
    }
    if (command->json != NULL && found.lines > 0 && !write_all(&found, to_stdout ? NULL : command->json)) {
        code = AQ_CLI_BAD;
    }
    json_decref(found.machine);
    json_decref(found.limits);
    json_decref(found.records);
    return code;
}

int aq_cli_bench(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Times aclnnWeightQuantBatchMatmulV2 beside what the machine can do at most: 'read' is plain vector "
        "loads of the same bytes, 'peak' fp32 multiply-adds, both on as many threads, probed between any two "
        "runs.\v"
        "Cold weights are cycled over more than 256 MB. A run is phase 2 and synchronise. Shares of the "
        "limit "
        "are medians of ratios of neighbours in time. bench/README.md describes shapes and JSON.",
        NULL,
        NULL,
        NULL};
    aq_bench_command command = {.job = {.modes = {"npu", "exact", "fast"}, .mode_count = 3, .seconds = 1.0},
                                .threads = {1, 2},
                                .thread_counts = 2};
    error_t error = argp_parse(&argp, argc, argv, 0, NULL, &command);
    if (error != 0) {
        aq_cli_error("options: %s", strerror(error));
        return AQ_CLI_BAD;
    }
    if (!aq_bench_shapes_read(command.file != NULL ? command.file : "the shapes that come with the command",
                              command.file != NULL ? NULL : few_shapes, command.filter,
                              &command.job.shapes)) {
        free(command.job.shapes.all);
        return AQ_CLI_BAD;
    }
    int code = AQ_CLI_BAD;
    if (command.job.shapes.count == 0) {
        aq_cli_error("no shape%s", command.filter != NULL ? " matches --filter" : " in the file");
    } else if (command.json == NULL || strcmp(command.json, "-") == 0 ||
               aq_cli_output_possible(command.json)) {
        code = bench(&command);
    }
    free(command.job.shapes.all);
    return code;
}
