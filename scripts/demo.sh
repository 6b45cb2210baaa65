#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo, once everything is built: demo.sh BUILD_DIR.
set -eu
cd "$(dirname "$0")/.."
antiquant=$1/bin/antiquant

echo "== 1. The model: all-MiniLM-L6-v2, a small transformer"
model=$(scripts/fetch_model.py)
echo "$model, checksum verified"
echo
echo "== 2. The machine"
"$antiquant" info
echo
echo "== 3. Every linear layer, quantised to int8 and multiplied by aclnnWeightQuantBatchMatmul"
"$antiquant" verify "$model"
echo
echo "== 4. The sample of the operator's documentation, whose answer is 8, 8, -508, 252"
"$1/bin/examples/weight_quant_batch_matmul"
echo
echo "Next: make install PREFIX=DIR, and see examples/ for how a program calls the operator."
