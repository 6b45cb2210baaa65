/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - the environment variables of runtime page 4.8, read once, at the first call that needs them.
 *
 * This file only reads and parses. Whether a CPU level or a kernel of that name exists is known further up
 * (cpu/cpu.h, kernels/registry.h), which report through their own functions. */
#ifndef AQ_BASE_SETTINGS_H
#define AQ_BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/chip.h"

typedef enum aq_numerics_mode { AQ_NUMERICS_NPU, AQ_NUMERICS_EXACT, AQ_NUMERICS_FAST } aq_numerics_mode;

/* The modes by name; false: no such mode, *mode is unchanged. */
#define AQ_NUMERICS_NAMES "npu, exact, fast"
bool aq_numerics_of(const char *name, aq_numerics_mode *mode);
const char *aq_numerics_name(aq_numerics_mode mode);

typedef struct aq_settings {
    const char *cpu;    /* ANTIQUANT_CPU as written, null when unset or empty or "best" */
    const char *kernel; /* ANTIQUANT_KERNEL as written, null when unset or empty */
    int threads;        /* ANTIQUANT_THREADS, 0 when unset: usable CPUs */
    int stream_rows;    /* ANTIQUANT_STREAM_ROWS, -1 when unset: each kernel knows its own */
    aq_numerics_mode numerics;
    aq_chip chip;       /* ANTIQUANT_PROFILE */
    bool device_status; /* ANTIQUANT_STATUS=device: V1's null checks answer 161002 */
    uint32_t devices;   /* ANTIQUANT_DEVICES */
    bool synchronous;   /* ANTIQUANT_SYNC=1: tasks run in the caller's thread */
    bool guard;         /* ANTIQUANT_GUARD=1: device memory lies between inaccessible pages */
    int verbose;        /* ANTIQUANT_VERBOSE */
    const char
        *trace; /* ANTIQUANT_TRACE, null when unset or empty; base/trace.h says whether it can be written */
    char invalid[512]; /* "" or the first invalid variable, its value and the valid ones */
} aq_settings;

/* Never null; the same object for the whole process. Strings are copies: later setenv calls change nothing.
 */
const aq_settings *aq_settings_get(void);

/* A value for a message: as it is, but for control characters, quotes and bytes that are not ASCII, which
 * become
 * '?', and with "..." after AQ_SHOWN_VALUE bytes, so that the valid values still fit beside it. Returns text.
 */
#define AQ_SHOWN_VALUE 40
char *aq_settings_shown(const char *value, char text[AQ_SHOWN_VALUE + 4]);

#endif
