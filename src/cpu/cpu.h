/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h - which instructions and how many CPUs this machine has, and which of them may be used. Knows nothing
 * of kernels. Levels are in order of preference: a kernel for level l runs where a level >= l is in use and
 * the CPU has l. Each contains those before it, but AVX-512 does not contain AVX-VNNI.
 *
 * AMX's tile registers are 8 KiB that the system saves for each thread which used them. Linux gives them to a
 * process that asks (arch_prctl), for good: to all of its threads, those that are there already and those of
 * its children by fork, too. From then on alternate signal stacks must have room for them
 * (AT_MINSIGSTKSZ); where one is too small already, Linux refuses. So the system is asked once, when the
 * level is first asked for, and never where ANTIQUANT_CPU names a lower one. */
#ifndef AQ_CPU_CPU_H
#define AQ_CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>

typedef enum aq_cpu_level {
    AQ_CPU_SCALAR, /* the compiler's baseline for the architecture */
#if defined(__x86_64__)
    AQ_CPU_AVX2,    /* AVX2, FMA, F16C */
    AQ_CPU_AVXVNNI, /* and AVX-VNNI: the 256 bit products of CPUs that lack AVX-512, and of some that have it
                     */
    AQ_CPU_AVX512,  /* AVX2 and AVX-512 F, BW, DQ, VL */
    AQ_CPU_VNNI,    /* and AVX-512 VNNI */
    AQ_CPU_AMX,     /* and AMX TILE, INT8 */
#endif
    AQ_CPU_LEVELS
} aq_cpu_level;

/* "scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "amx": as ANTIQUANT_CPU takes it. */
const char *aq_cpu_level_name(aq_cpu_level level);
/* "AVX2, FMA, F16C". */
const char *aq_cpu_level_instructions(aq_cpu_level level);
/* CPU and operating system have all of the level. Asks the system where it must be asked. */
bool aq_cpu_level_supported(aq_cpu_level level);
/* The same without asking: false only where the answer would be false. */
bool aq_cpu_level_possible(aq_cpu_level level);

/* The level in use: the best supported one, or the one ANTIQUANT_CPU names. */
aq_cpu_level aq_cpu_level_in_use(void);

/* "" or why ANTIQUANT_CPU cannot be obeyed (unknown, or not on this CPU), with the valid values. */
const char *aq_cpu_invalid(void);

/* CPUs of the process's affinity mask, >= 1. */
int aq_cpu_count(void);

/* Which of them the calling thread is on: 0 .. aq_cpu_count() - 1, or any number >= 0 where that is not
 * known.
 */
int aq_cpu_rank(void);

/* Bytes of the data caches of one core, from the system, else 32 KiB / 1 MiB. */
size_t aq_cpu_l1d_bytes(void);
size_t aq_cpu_l2_bytes(void);

#endif
