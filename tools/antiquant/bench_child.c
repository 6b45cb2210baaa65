/* SPDX-License-Identifier: Apache-2.0 */
/* bench_child.c - the process that measures one number of threads: shapes, modes, records as JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "antiquant.h"
#include "bench.h"
#include "bench_case.h"
#include "bench_measure.h"
#include "bench_probe.h"
#include "cli.h"
#include "output.h"

static const size_t cold_bytes = (size_t)256
                                 << 20;   /* more than any last level cache we know of a few cores */
static const double largest_error = 0.05; /* no mode and no type comes near; a wrong answer does */

/* Rates of all probes, for the limits of the whole run. */
typedef struct aq_bench_rates {
    double *all;
    int64_t count;
} aq_bench_rates;

typedef struct aq_bench_session {
    const aq_bench_job *job;
    int threads;
    FILE *out;
    aq_cli_device device;
    aq_bench_probe *probe;
    aq_bench_rates read, peak;
} aq_bench_session;

static bool keep(aq_bench_rates *rates, double rate)
{
    double *more = realloc(rates->all, (size_t)(rates->count + 1) * sizeof *more);
    if (more == NULL) {
        aq_cli_error("out of memory for %lld rates", (long long)rates->count);
        return false;
    }
    rates->all = more;
    rates->all[rates->count++] = rate;
    return true;
}

static bool send(aq_bench_session *session, const char *name, json_t *value)
{
    json_t *line = json_pack("{s:o}", name, value);
    bool good = line != NULL && json_dumpf(line, session->out, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 &&
                fputc('\n', session->out) != EOF && fflush(session->out) == 0;
    json_decref(line);
    if (!good) {
        aq_cli_error("cannot send what was measured");
    }
    return good;
}

static json_t *spread(const aq_bench_spread *spread)
{
    return spread->runs == 0
               ? json_null()
               : json_pack("{s:f, s:f, s:f, s:I}", "median", 1e6 * spread->median, "p10", 1e6 * spread->p10,
                           "p90", 1e6 * spread->p90, "runs", (json_int_t)spread->runs);
}

static json_t *record_of(const aq_bench_session *session, const aq_bench_case *made, const char *mode,
                         const aq_bench_times *times, double error, double rounding)
{
    static const char *const limits[] = {"read", "min(peak, read)", "peak"};
    const aq_bench_shape *shape = &made->shape;
    char words[AQ_BENCH_WORDS];
    json_t *record = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:b, s:i, s:s?}", "who", "antiquant",
        "version", aq_version(), "keeps_x", "16 bit", "mode", mode, "x", shape->bf16 ? "bf16" : "f16",
        "weight", shape->int4 ? "s4" : "s8", "granularity", aq_bench_granularity(shape, words), "storage",
        aq_bench_storage_name(shape->storage), "offset", shape->offset, "m", (json_int_t)shape->m, "k",
        (json_int_t)shape->k, "n", (json_int_t)shape->n, "cold", shape->cold, "threads", session->threads,
        "kernel", aq_bench_case_kernel(made, mode));
    json_t *measured = json_pack(
        "{s:o, s:f, s:f, s:s, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o}", "us", spread(&times->run), "gb_s",
        1e-9 * made->bytes / times->run.median, "gflop_s", 1e-9 * made->flops / times->run.median, "limit",
        limits[times->limit], "share", times->share.median, "share_p10", times->share.p10, "share_p90",
        times->share.p90, "error", aq_cli_json_number(error), "error_rounding", aq_cli_json_number(rounding),
        "us_call", spread(&times->call), "us_empty", spread(&times->empty), "us_over", spread(&times->over));
    if (record == NULL || measured == NULL || json_object_update(record, measured) != 0 ||
        (times->read.runs > 0 &&
         json_object_set_new(record, "read_gb_s", json_real(1e-9 * times->read.median)) != 0) ||
        (times->peak.runs > 0 &&
         json_object_set_new(record, "peak_gflops", json_real(1e-9 * times->peak.median)) != 0)) {
        json_decref(record);
        record = NULL;
    }
    json_decref(measured);
    return record;
}

/* AQ_CLI_BROKEN when the answer is wrong. */
static int measure_mode(aq_bench_session *session, aq_bench_case *made, const char *mode)
{
    aq_bench_times times;
    double error = NAN, rounding = NAN;
    uint64_t size = 0;
    aclOpExecutor *executor = NULL;
    if (!aq_bench_phase1(made, &size, &executor) ||
        !aq_bench_choose(&session->device, mode, &size, executor) ||
        !aq_bench_phase2(&session->device, size, executor) || !aq_bench_case_error(made, &error, &rounding) ||
        !aq_bench_measure(&session->device, session->probe, made, mode, session->job->seconds, &times) ||
        (made->shape.cold && times.read.runs > 0 && !keep(&session->read, times.read.median)) ||
        (times.peak.runs > 0 && !keep(&session->peak, times.peak.median)) ||
        !send(session, "record", record_of(session, made, mode, &times, error, rounding))) {
        return AQ_CLI_BAD;
    }
    if (!(error <= largest_error)) {
        char text[AQ_BENCH_DESCRIPTION];
        aq_cli_error("wrong answer: relative error %g of shape '%s', mode %s, %d threads", error,
                     aq_bench_describe(&made->shape, text), mode, session->threads);
        return AQ_CLI_BROKEN;
    }
    return AQ_CLI_OK;
}

static int measure_shapes(aq_bench_session *session)
{
    const aq_bench_job *job = session->job;
    int code = AQ_CLI_OK;
    for (size_t i = 0; i < job->shapes.count && code != AQ_CLI_BAD; i++) {
        const aq_bench_shape *shape = &job->shapes.all[i];
        char text[AQ_BENCH_DESCRIPTION];
        aq_bench_case made = {0};
        aq_cli_progress("%d threads, %zu of %zu: %s", session->threads, i + 1, job->shapes.count,
                        aq_bench_describe(shape, text));
        bool good = aq_bench_case_make(&session->device, shape, shape->cold ? cold_bytes : 0, &made);
        code = good ? code : AQ_CLI_BAD;
        for (int mode = 0; mode < job->mode_count && code != AQ_CLI_BAD; mode++) {
            int one = measure_mode(session, &made, job->modes[mode]);
            code = one > code ? one : code;
        }
        aq_bench_case_free(&made);
    }
    aq_cli_progress(NULL);
    return code;
}

/* Medians; what no shape needed is probed by itself. */
static bool send_limits(aq_bench_session *session)
{
    const char *level;
    double found = aq_bench_probe_cold(session->probe, &level);
    if ((session->peak.count == 0 &&
         !keep(&session->peak, aq_bench_probe_multiply(session->probe, NULL, 0.02))) ||
        (session->read.count == 0 && !keep(&session->read, found))) {
        return false;
    }
    aq_bench_spread read = aq_bench_spread_of(session->read.all, session->read.count);
    aq_bench_spread peak = aq_bench_spread_of(session->peak.all, session->peak.count);
    return send(session, "limit",
                json_pack("{s:i, s:f, s:f, s:s}", "threads", session->threads, "peak_gflops",
                          1e-9 * peak.median, "read_gb_s", 1e-9 * read.median, "read_with", level));
}

static bool all_legal(const aq_bench_shapes *shapes)
{
    for (size_t i = 0; i < shapes->count; i++) {
        if (!aq_bench_case_legal(&shapes->all[i])) {
            return false;
        }
    }
    return true;
}

int aq_bench_child(const aq_bench_job *job, int threads, FILE *out)
{
    char number[16];
    snprintf(number, sizeof number, "%d", threads);
    /* `any`: what one chip refuses and another takes can be measured all the same. */
    if (setenv("ANTIQUANT_THREADS", number, 1) != 0 || setenv("ANTIQUANT_PROFILE", "any", 1) != 0 ||
        !aq_cli_settings_valid()) {
        return AQ_CLI_BAD;
    }
    aq_bench_session session = {.job = job, .threads = threads, .out = out};
    json_t *machine = aq_bench_machine();
    int code = machine != NULL && send(&session, "machine", machine) && aq_cli_device_open(&session.device) &&
                       all_legal(&job->shapes)
                   ? AQ_CLI_OK
                   : AQ_CLI_BAD;
    session.probe = code == AQ_CLI_OK ? aq_bench_probe_start(threads) : NULL;
    if (session.probe != NULL) {
        code = measure_shapes(&session);
    } else {
        code = AQ_CLI_BAD;
    }
    if (code != AQ_CLI_BAD && !send_limits(&session)) {
        code = AQ_CLI_BAD;
    }
    aq_bench_probe_stop(session.probe);
    aq_cli_device_close(&session.device);
    free(session.read.all);
    free(session.peak.all);
    return code;
}
