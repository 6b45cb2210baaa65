/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.h - a model on disk, one file or sharded, and which of its tensors are linear layers. */
#ifndef AQ_CLI_CHECKPOINT_H
#define AQ_CLI_CHECKPOINT_H

#include "safetensors.h"

/* Which tensors are taken. With neither globs nor all, the rule: a 2-D float tensor NAME.weight is a linear
 * layer unless a part of its name between dots contains "embed" or "norm", or is wte, wpe, shared or
 * relative_attention_bias (embeddings of GPT-2 and T5); capitals do not matter. */
typedef struct aq_cli_choice {
    const char **globs; /* takes 2-D float tensors whose name matches one of these instead */
    size_t glob_count;
    bool all; /* takes every 2-D float tensor instead */
} aq_cli_choice;

/* A linear layer y = x W^T + bias, W stored (n,k). */
typedef struct aq_cli_linear {
    const aq_cli_safetensors *file;
    const aq_cli_tensor *weight; /* F32, F16 or BF16 */
    const aq_cli_safetensors *bias_file;
    const aq_cli_tensor *bias; /* NAME.bias with n elements; null when there is none */
    int64_t n, k;
} aq_cli_linear;

typedef struct aq_cli_checkpoint {
    aq_cli_safetensors *files;
    char **file_names; /* as the index calls them */
    size_t file_count;
    size_t tensor_count;   /* in all files */
    aq_cli_linear *layers; /* in the order of their names, numbers compared as numbers */
    size_t layer_count;
} aq_cli_checkpoint;

/* path: a safetensors file, a *.index.json, or a folder with model.safetensors or
 * model.safetensors.index.json. False, with a message, when it cannot be read, breaks the format, or has no
 * layer to take. */
bool aq_cli_checkpoint_open(const char *path, const aq_cli_choice *choice, aq_cli_checkpoint *opened);
void aq_cli_checkpoint_close(aq_cli_checkpoint *opened);

#endif
