/* SPDX-License-Identifier: Apache-2.0 */
/* antiquant.h - what antiquant offers beside the aclnn interface: who am I, which kernels are here, what was
 * chosen. Nothing in this header is needed to run an aclnn program.
 *
 * All functions are safe to call from any thread, before aclInit and after aclFinalize. Strings they hand out
 * are static: never free them; they stay valid until the process ends. */
#ifndef ANTIQUANT_H
#define ANTIQUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define AQ_API __attribute__((visibility("default")))
#else
#define AQ_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define AQ_VERSION_MAJOR 0
#define AQ_VERSION_MINOR 1
#define AQ_VERSION_PATCH 0

/** The version of the library that is loaded, for example "0.1.0". Never null. */
AQ_API const char *aq_version(void);

/** What the environment variables of antiquant came to: null when all are valid, else one text that names the
 * variable, the value found and every valid value (the same text that aclGetRecentErrMsg gives after a phase
 * 1 refused with 561000). The variables are read once, at the first call that needs them. */
AQ_API const char *aq_settings_error(void);

/** The numerics mode in force, for example "npu" (numerics page 5). Never null. */
AQ_API const char *aq_numerics(void);

/** The intra-operator thread count in force: ANTIQUANT_THREADS, else the CPUs of the affinity mask. >= 1. */
AQ_API int aq_thread_count(void);

/** The CPU's own name where the system tells it, else the architecture. Never null. */
AQ_API const char *aq_cpu_model(void);

/** A named set of instructions. Levels are cumulative: each contains those before it. */
typedef struct aq_cpu_level_info {
    const char *name;         /**< as ANTIQUANT_CPU takes it: "scalar", "avx2", "avx512" */
    const char *instructions; /**< what it needs, for people: "AVX2, FMA, F16C" */
    bool supported;           /**< this CPU and operating system have all of it */
    bool in_use;              /**< the level that kernels are chosen from, after ANTIQUANT_CPU */
} aq_cpu_level_info;

/** Number of CPU levels known on this architecture; at least 1 ("scalar"). */
AQ_API size_t aq_cpu_level_count(void);

/** Describes CPU level @p index (0 is "scalar"). Returns 0, or 161002 when @p index is out of range, or
 * 161001 when @p info is null. @p info is caller-owned and written only on success. */
AQ_API int aq_cpu_level_get(size_t index, aq_cpu_level_info *info);

/** A matrix multiplication kernel compiled into this library. */
typedef struct aq_kernel_info {
    const char *name;     /**< as ANTIQUANT_KERNEL takes it */
    const char *level;    /**< CPU level it needs */
    const char *role;     /**< "stream" (few rows, reads the weight once) or "gemm" (many rows) */
    const char *declines; /**< null when it can be chosen in this process, else why not */
} aq_kernel_info;

/** Number of kernels compiled in, best first, the reference last; at least 1. */
AQ_API size_t aq_kernel_count(void);

/** Describes kernel @p index. Statuses as aq_cpu_level_get. */
AQ_API int aq_kernel_get(size_t index, aq_kernel_info *info);

/** What V1 of the operator would run for one matrix, contiguous tensors assumed. */
typedef struct aq_explanation {
    const char *path;   /**< "fixpipe" (m <= 64) or "composed" */
    const char *kernel; /**< name of the kernel that is chosen */
    const char *order;  /**< "P" or "T", the order of the sum over k (numerics page 5) */
    int threads;        /**< threads it is spread over */
    char why[1024];     /**< one line for each better kernel that declined; empty if none did */
} aq_explanation;

/** Explains the choice for op(x1) (m,k) times op(x2) (k,n). @p transpose_x2: x2 is stored (n,k).
 * Returns 0; 161001 when @p explanation is null; 161002 for m, k or n < 1 or a product beyond 64 bits; 561000
 * when an environment variable is invalid. Nothing is run; @p explanation is written only on success. */
AQ_API int aq_explain(int64_t m, int64_t k, int64_t n, bool transpose_x2, aq_explanation *explanation);

#ifdef __cplusplus
}
#endif
#endif
