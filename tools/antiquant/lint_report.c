/* SPDX-License-Identifier: Apache-2.0 */
/* lint_report.c - asks the table of rules, prints and collects what it answers. Knows no rule itself. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "lint.h"
#include "output.h"

static const char *const split_names[] = {
    [AQ_CLI_WHOLE] = "whole", [AQ_CLI_COLUMN] = "column", [AQ_CLI_ROW] = "row"};

static bool same_answer(const aq_verdict *a, const aq_verdict *b)
{
    return a->status == b->status && strcmp(a->argument, b->argument) == 0 && strcmp(a->rule, b->rule) == 0 &&
           strcmp(a->actual, b->actual) == 0 && strcmp(a->nearest, b->nearest) == 0;
}

static bool refused(const aq_verdict *verdict)
{
    return verdict->rule[0] != '\0';
}

/* "  a2 a3: antiquantGroupSize must be ..., found 33; legal would be 64 (operators page 3.3, ...)". */
static void print_answers(const aq_cli_lint *lint, const aq_verdict *verdicts, bool legal_too)
{
    for (int i = 0; i < lint->profile_count; i++) {
        bool said = !legal_too && !refused(&verdicts[i]);
        for (int j = 0; j < i && !said; j++) {
            said = same_answer(&verdicts[i], &verdicts[j]);
        }
        if (said) {
            continue;
        }
        printf("   ");
        for (int j = i; j < lint->profile_count; j++) {
            if (same_answer(&verdicts[i], &verdicts[j])) {
                printf(" %s", lint->profiles[j]);
            }
        }
        const aq_verdict *v = &verdicts[i];
        if (!refused(v)) {
            puts(": legal");
        } else {
            printf(": %s: %s; found %s%s%s (%s)\n", v->argument, v->rule, v->actual,
                   v->nearest[0] != '\0' ? "; legal would be " : "", v->nearest, v->check);
        }
    }
}

static void print_call(const aq_cli_lint *lint, const char *op, const char *name, const aq_cli_shard *shard,
                       const aq_verdict *verdicts)
{
    char clean[72];
    aq_cli_clean(name, clean, sizeof clean);
    if (shard == NULL) {
        printf("%s (%s)\n", clean, op);
    } else if (shard->split == AQ_CLI_WHOLE) {
        printf("%s, whole: k %lld, n %lld\n", clean, (long long)shard->k, (long long)shard->n);
    } else {
        printf("%s, %s parallel over %lld: k %lld, n %lld\n", clean, split_names[shard->split],
               (long long)shard->degree, (long long)shard->k, (long long)shard->n);
    }
    print_answers(lint, verdicts, shard == NULL);
}

static json_t *answer_json(const char *profile, const aq_verdict *v)
{
    return refused(v) ? json_pack("{s:s, s:b, s:o, s:s, s:s, s:s, s:s, s:s}", "profile", profile, "legal", 0,
                                  "status", v->status != 0 ? json_integer(v->status) : json_null(),
                                  "argument", v->argument, "rule", v->rule, "actual", v->actual, "nearest",
                                  v->nearest, "check", v->check)
                      : json_pack("{s:s, s:b}", "profile", profile, "legal", 1);
}

static bool collect(aq_cli_lint *lint, const char *op, const char *name, const aq_cli_shard *shard,
                    const aq_verdict *verdicts)
{
    json_t *answers = json_array();
    for (int i = 0; i < lint->profile_count; i++) {
        json_array_append_new(answers, answer_json(lint->profiles[i], &verdicts[i]));
    }
    json_t *result = json_pack("{s:s, s:s, s:o}", "name", name, "op", op, "answers", answers);
    bool good = json_array_size(answers) == (size_t)lint->profile_count && result != NULL;
    if (good && shard != NULL) {
        good = json_object_set_new(result, "tp", json_integer(shard->degree)) == 0 &&
               json_object_set_new(result, "split", json_string(split_names[shard->split])) == 0 &&
               json_object_set_new(result, "k", json_integer(shard->k)) == 0 &&
               json_object_set_new(result, "n", json_integer(shard->n)) == 0;
    }
    if (!good || json_array_append(lint->results, result) != 0) {
        aq_cli_error("out of memory for the JSON of a call");
        good = false;
    }
    json_decref(result);
    return good;
}

bool aq_cli_lint_call(aq_cli_lint *lint, const aq_call *call, const char *name, const aq_cli_shard *shard,
                      const aq_verdict *broken, aq_cli_tally *tally)
{
    aq_verdict verdicts[AQ_CLI_PROFILES];
    aq_call asked = *call;
    int64_t no = 0;
    for (int i = 0; i < lint->profile_count; i++) {
        asked.profile = lint->profiles[i];
        if (broken != NULL) {
            verdicts[i] = *broken;
        } else if (!aq_cli_acl(aq_explain_call(&asked, &verdicts[i]), "aq_explain_call")) {
            return false;
        }
        no += refused(&verdicts[i]);
        if (tally != NULL) {
            tally->legal[i] += !refused(&verdicts[i]);
        }
    }
    if (tally != NULL) {
        tally->shards++;
    }
    lint->asked += lint->profile_count;
    lint->refused += no;
    if (shard == NULL || no > 0) {
        print_call(lint, call->op, name, shard, verdicts);
    }
    return lint->results == NULL || collect(lint, call->op, name, shard, verdicts);
}

void aq_cli_lint_tallies(const aq_cli_lint *lint)
{
    printf("%slegal layers\n%8s  %-7s %7s", lint->refused > 0 ? "\n" : "", "degree", "split", "layers");
    for (int i = 0; i < lint->profile_count; i++) {
        printf(" %6s", lint->profiles[i]);
    }
    puts("");
    for (int d = 0; d < lint->degree_count; d++) {
        for (int split = AQ_CLI_WHOLE; split <= AQ_CLI_ROW; split++) {
            const aq_cli_tally *tally = &lint->tallies[d][split];
            if (tally->shards == 0) {
                continue;
            }
            printf("%8lld  %-7s %7lld", (long long)lint->degrees[d], split_names[split],
                   (long long)tally->shards);
            for (int i = 0; i < lint->profile_count; i++) {
                printf(" %6lld", (long long)tally->legal[i]);
            }
            puts("");
        }
    }
}

bool aq_cli_lint_json(aq_cli_lint *lint, const char *input, const char *path)
{
    char clean[512];
    json_t *profiles = json_array();
    for (int i = 0; i < lint->profile_count; i++) {
        json_array_append_new(profiles, json_string(lint->profiles[i]));
    }
    json_t *all = json_pack("{s:s, s:s, s:o, s:o, s:{s:I, s:I, s:s}}", "antiquant", aq_version(), "input",
                            aq_cli_clean(input, clean, sizeof clean), "profiles", profiles, "results",
                            lint->results, "summary", "asked", (json_int_t)lint->asked, "refused",
                            (json_int_t)lint->refused, "result", lint->refused > 0 ? "refused" : "legal");
    lint->results = NULL;
    bool good = aq_cli_output_json(path, all);
    json_decref(all);
    return good;
}
