/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.c - looks at the machine once, at the first question, and weighs ANTIQUANT_CPU against it. An override
 * that cannot be obeyed leaves the best level in use and a text; refusing is up to the callers. */
#include "cpu/cpu.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#endif

#include "base/settings.h"

#define DEFAULT_L1D_BYTES ((size_t)32 << 10)
#define DEFAULT_L2_BYTES  ((size_t)1 << 20)
#define MAX_MASK_CPUS     (1 << 20) /* more than any kernel is built for; ends the search for the mask's size */

static const struct {
    const char *name;
    const char *instructions;
} levels[AQ_CPU_LEVELS] = {
#if defined(__x86_64__)
    [AQ_CPU_SCALAR] = {"scalar", "x86-64 baseline"}, [AQ_CPU_AVX2] = {"avx2", "AVX2, FMA, F16C"},
    [AQ_CPU_AVXVNNI] = {"avxvnni", "AVX-VNNI"},      [AQ_CPU_AVX512] = {"avx512", "AVX-512 F, BW, DQ, VL"},
    [AQ_CPU_VNNI] = {"avx512vnni", "AVX-512 VNNI"},  [AQ_CPU_AMX] = {"amx", "AMX TILE, INT8"},
#else
    [AQ_CPU_SCALAR] = {"scalar", "the architecture's baseline"},
#endif
};

static bool possible[AQ_CPU_LEVELS]; /* as far as can be seen without asking the system */
static aq_cpu_level in_use;
static char invalid[512];
static int cpu_count;
static uint16_t ranks[CPU_SETSIZE]; /* of a CPU among those of the mask */
static size_t l1d_bytes;
static size_t l2_bytes;

#if defined(__x86_64__)
/* Not every compiler's __builtin_cpu_supports knows this one. It uses AVX registers: AVX2 vouches for those.
 */
static bool has_f16c(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
}

/* Likewise: EAX of leaf 7, subleaf 1. */
static bool has_avxvnni(void)
{
    enum { AVX_VNNI_BIT = 1 << 4 };
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & AVX_VNNI_BIT);
}

/* And the operating system knows tiles: bits 17 and 18 of XCR0, which AVX2 vouches can be read. */
static bool has_amx_int8(void)
{
    enum { AMX_BITS = 1 << 24 | 1 << 25, TILE_STATES = 3 << 17 };
    unsigned eax, ebx, ecx, edx, low, high;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (edx & AMX_BITS) != AMX_BITS)
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & TILE_STATES) == TILE_STATES;
}

static bool tiles_granted;

/* Granting twice is granting once; nothing takes it back. */
static void ask_for_tiles(void)
{
#if defined(__linux__)
    enum { REQUEST_PERMISSION = 0x1023 /* ARCH_REQ_XCOMP_PERM, Linux 5.16 */, TILE_DATA = 18 };
    tiles_granted = syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#endif
}

static bool may_use_tiles(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ask_for_tiles);
    return tiles_granted;
}
#endif

static bool is_supported(aq_cpu_level level)
{
#if defined(__x86_64__)
    if (level == AQ_CPU_AMX)
        return possible[level] && may_use_tiles();
#endif
    return possible[level];
}

/* The compiler's run-time library asks the CPU and, for AVX and AVX-512 registers, XGETBV whether the
 * operating system saves them. */
static void look_at_levels(void)
{
    possible[AQ_CPU_SCALAR] = true;
#if defined(__x86_64__)
    possible[AQ_CPU_AVX2] = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    possible[AQ_CPU_AVXVNNI] = possible[AQ_CPU_AVX2] && has_avxvnni();
    possible[AQ_CPU_AVX512] = possible[AQ_CPU_AVX2] && __builtin_cpu_supports("avx512f") &&
                              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                              __builtin_cpu_supports("avx512vl");
    possible[AQ_CPU_VNNI] = possible[AQ_CPU_AVX512] && __builtin_cpu_supports("avx512vnni");
    possible[AQ_CPU_AMX] = possible[AQ_CPU_VNNI] && has_amx_int8();
#endif
}

static void explain_invalid(const char *wanted)
{
    char names[128];
    size_t length = 0;
    for (int level = 0; level < AQ_CPU_LEVELS && length < sizeof names; level++)
        length += (size_t)snprintf(names + length, sizeof names - length, ", %s%s", levels[level].name,
                                   is_supported((aq_cpu_level)level) ? "" : " (not on this CPU)");
    char shown[AQ_SHOWN_VALUE + 4];
    snprintf(invalid, sizeof invalid, "ANTIQUANT_CPU=\"%s\" is not valid; valid values: best%s",
             aq_settings_shown(wanted, shown), names);
}

static void choose_level(void)
{
    const char *wanted = aq_settings_get()->cpu;
    for (int level = 0; wanted != NULL && level < AQ_CPU_LEVELS; level++) {
        if (strcmp(wanted, levels[level].name) == 0 && is_supported((aq_cpu_level)level)) {
            in_use = (aq_cpu_level)level;
            return;
        }
    }
    for (int level = 0; level < AQ_CPU_LEVELS; level++)
        if (is_supported((aq_cpu_level)level))
            in_use = (aq_cpu_level)level;
    if (wanted != NULL)
        explain_invalid(wanted);
}

/* The affinity mask's size is not known before: the system refuses one that is too small. */
static int count_cpus(void)
{
    for (int cpus = CPU_SETSIZE; cpus <= MAX_MASK_CPUS; cpus *= 4) {
        cpu_set_t *mask = CPU_ALLOC((size_t)cpus);
        if (!mask)
            break;
        size_t bytes = CPU_ALLOC_SIZE((size_t)cpus);
        int count = sched_getaffinity(0, bytes, mask) == 0 ? CPU_COUNT_S(bytes, mask) : 0;
        CPU_FREE(mask);
        if (count > 0)
            return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* sysconf answers 0 or -1 where it does not know. */
static size_t cache_bytes(int name, size_t otherwise)
{
    long bytes = sysconf(name);
    return bytes > 0 ? (size_t)bytes : otherwise;
}

/* Beyond CPU_SETSIZE, and where the mask cannot be read, a CPU's number has to do. */
static void rank_cpus(void)
{
    cpu_set_t mask;
    const bool known = sched_getaffinity(0, sizeof mask, &mask) == 0;
    uint16_t rank = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        ranks[cpu] = known ? rank : (uint16_t)cpu;
        if (known && CPU_ISSET(cpu, &mask))
            rank++;
    }
}

static void look(void)
{
    look_at_levels();
    choose_level();
    cpu_count = count_cpus();
    rank_cpus();
    l1d_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, DEFAULT_L1D_BYTES);
    l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, DEFAULT_L2_BYTES);
}

static void look_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look);
}

const char *aq_cpu_level_name(aq_cpu_level level)
{
    return levels[level].name;
}

const char *aq_cpu_level_instructions(aq_cpu_level level)
{
    return levels[level].instructions;
}

bool aq_cpu_level_supported(aq_cpu_level level)
{
    look_once();
    return is_supported(level);
}

bool aq_cpu_level_possible(aq_cpu_level level)
{
    look_once();
    return possible[level];
}

aq_cpu_level aq_cpu_level_in_use(void)
{
    look_once();
    return in_use;
}

const char *aq_cpu_invalid(void)
{
    look_once();
    return invalid;
}

int aq_cpu_count(void)
{
    look_once();
    return cpu_count;
}

int aq_cpu_rank(void)
{
    look_once();
    const int cpu = sched_getcpu();
    return cpu < 0 ? 0 : cpu < CPU_SETSIZE ? ranks[cpu] : cpu;
}

size_t aq_cpu_l1d_bytes(void)
{
    look_once();
    return l1d_bytes;
}

size_t aq_cpu_l2_bytes(void)
{
    look_once();
    return l2_bytes;
}
