/* SPDX-License-Identifier: Apache-2.0 */
/* lint_shards.c - the linear layers of a checkpoint, whole and cut for tensor parallelism: column parallel
 * splits n, row parallel splits k, and a shard holds whole groups (page 7). Only shapes are looked at. */
#include <stdio.h>

#include "acl/acl.h"
#include "cli.h"
#include "lint.h"

/* The storage of one call's tensors. */
typedef struct aq_cli_shapes {
    int64_t x[2], weight[2], weight_strides[2], scale[2], scale_strides[2], n[1], y[2];
} aq_cli_shapes;

static aq_call_tensor tensor(aclDataType type, size_t rank, const int64_t *dims, const int64_t *strides)
{
    return (aq_call_tensor){.given = true,
                            .dtype = type,
                            .format = ACL_FORMAT_ND,
                            .rank = rank,
                            .dims = dims,
                            .strides = strides};
}

/* The call of `antiquant verify`: the weight stored [n,k] and seen as (k,n), scales of groups likewise. */
static aq_call call_of(const aq_cli_lint *lint, const aq_cli_shard *shard, bool bias, aq_cli_shapes *s)
{
    const aq_cli_format *format = &lint->format;
    int64_t k = shard->k, n = shard->n, groups = aq_cli_groups(format, k);
    aclDataType type = format->bf16 ? ACL_BF16 : ACL_FLOAT16;
    *s = (aq_cli_shapes){.x = {lint->rows, k},
                         .weight = {k, n},
                         .weight_strides = {1, k},
                         .scale = {groups, n},
                         .scale_strides = {1, groups},
                         .n = {n},
                         .y = {lint->rows, n}};
    aq_call call = {.op = format->op == AQ_CLI_V3 ? "V3" : "V2", .antiquant_group_size = (int)format->group};
    call.tensors[AQ_CALL_X] = tensor(type, 2, s->x, NULL);
    call.tensors[AQ_CALL_WEIGHT] =
        tensor(format->int4 ? ACL_INT4 : ACL_INT8, 2, s->weight, s->weight_strides);
    aq_call_tensor scale =
        format->group > 0 ? tensor(type, 2, s->scale, s->scale_strides) : tensor(type, 1, s->n, NULL);
    call.tensors[AQ_CALL_ANTIQUANT_SCALE] = scale;
    if (format->asymmetric) {
        call.tensors[AQ_CALL_ANTIQUANT_OFFSET] = scale;
    }
    if (bias) {
        call.tensors[AQ_CALL_BIAS] = tensor(format->bf16 ? ACL_FLOAT : type, 1, s->n, NULL);
    }
    call.tensors[AQ_CALL_Y] = tensor(type, 2, s->y, NULL);
    return call;
}

/* length, of the axis `name`, does not part evenly. */
static void say_uneven(const char *name, int64_t length, int64_t degree, aq_verdict *broken)
{
    snprintf(broken->rule, sizeof broken->rule, "%s must be a multiple of the tensor-parallel degree %lld",
             name, (long long)degree);
    snprintf(broken->actual, sizeof broken->actual, "%s = %lld", name, (long long)length);
    int64_t padded = length + (degree - length % degree);
    snprintf(broken->nearest, sizeof broken->nearest, "%s = %lld, padded with zeros", name,
             (long long)padded);
}

/* Row shards of k / degree values would share a group of the whole weight. */
static void say_groups(int64_t k, int64_t degree, int64_t group, aq_verdict *broken)
{
    enum { STEP = 32 /* group sizes are its multiples: operators page 3.1 */ };
    int64_t shard = k / degree, smaller = group < shard ? group : shard - 1, fewer = degree - 1;
    snprintf(broken->rule, sizeof broken->rule, "a row-parallel shard must hold whole groups of %lld",
             (long long)group);
    snprintf(broken->actual, sizeof broken->actual, "k / %lld = %lld", (long long)degree, (long long)shard);
    for (smaller -= smaller % STEP; smaller > 0 && shard % smaller != 0; smaller -= STEP) {
    }
    for (; fewer > 1 && (k % fewer != 0 || k / fewer % group != 0); fewer--) {
    }
    if (smaller > 0) {
        snprintf(broken->nearest, sizeof broken->nearest,
                 "antiquantGroupSize %lld, or a tensor-parallel degree of %lld", (long long)smaller,
                 (long long)fewer);
    } else {
        snprintf(broken->nearest, sizeof broken->nearest, "a tensor-parallel degree of %lld",
                 (long long)fewer);
    }
}

/* Cuts the layer. False when that cannot be done evenly; *broken then says why. */
static bool cut(const aq_cli_linear *layer, int64_t degree, aq_cli_split split, int64_t group,
                aq_cli_shard *shard, aq_verdict *broken)
{
    *shard = (aq_cli_shard){.degree = degree,
                            .n = split == AQ_CLI_COLUMN ? layer->n / degree : layer->n,
                            .k = split == AQ_CLI_ROW ? layer->k / degree : layer->k,
                            .split = split};
    *broken = (aq_verdict){.argument = "weight", .check = "page 7: tensor parallel"};
    if (split == AQ_CLI_COLUMN && layer->n % degree != 0) {
        say_uneven("n", layer->n, degree, broken);
    } else if (split == AQ_CLI_ROW && layer->k % degree != 0) {
        say_uneven("k", layer->k, degree, broken);
    } else if (split == AQ_CLI_ROW && group > 0 && shard->k % group != 0) {
        say_groups(layer->k, degree, group, broken);
    }
    return broken->rule[0] == '\0';
}

bool aq_cli_lint_checkpoint(aq_cli_lint *lint, const aq_cli_checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->layer_count; i++) {
        const aq_cli_linear *layer = &checkpoint->layers[i];
        for (int d = 0; d < lint->degree_count; d++) {
            int64_t degree = lint->degrees[d];
            for (int split = degree == 1 ? AQ_CLI_WHOLE : AQ_CLI_COLUMN;
                 split <= (degree == 1 ? AQ_CLI_WHOLE : AQ_CLI_ROW); split++) {
                aq_cli_shard shard;
                aq_verdict broken;
                aq_cli_shapes shapes;
                bool even = cut(layer, degree, (aq_cli_split)split, lint->format.group, &shard, &broken);
                aq_call call = call_of(lint, &shard, layer->bias != NULL, &shapes);
                if (!aq_cli_lint_call(lint, &call, layer->weight->name, &shard, even ? NULL : &broken,
                                      &lint->tallies[d][split])) {
                    return false;
                }
            }
        }
    }
    return true;
}
