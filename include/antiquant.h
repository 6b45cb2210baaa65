/* SPDX-License-Identifier: Apache-2.0 */
/* antiquant.h - what antiquant offers beside the aclnn interface: who am I, which kernels are here, what was
 * chosen; and what it can do beyond it. Nothing in this header is needed to run an aclnn program.
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

/** The numerics mode in force, "npu", "exact" or "fast" (numerics page 5). Never null. */
AQ_API const char *aq_numerics(void);

struct aclOpExecutor;
struct aclTensor;

/** Storage formats (aclFormat) of the weights that aq_pack_weight makes. The operators of this library that
 * multiply by a weight take them as the weight, everything else refuses them as a format that it does not
 * know. Where the elements lie is described in docs/PACKING.md and may change from version to version: pack
 * again rather than keep packed bytes in a file. */
enum {
    AQ_FORMAT_PACKED = 0x41515001,
    AQ_FORMAT_PACKED_TRANSPOSED = 0x41515002 /**< view (n,k): for V1 with transposeX2 */
};

/** Bytes that aq_pack_weight needs for a weight: as many as the weight has, its rows rounded up to 64 columns
 * (int4: 128), or its columns to 64 or 128 k and often 64 or 128 more where k is contiguous. Reads no data.
 *
 * @param weight, transpose as for aq_pack_weight; the weight's data may be null.
 * @param size caller-owned, not null; written only on success. 0 for a weight without elements.
 * @return as aq_pack_weight, where it says so of weight and size. */
AQ_API int aq_packed_weight_size(const struct aclTensor *weight, bool transpose, uint64_t *size);

/** Packs a weight for repeated use: once copied into the order in which kernels read it, it is multiplied
 * faster and to the same bits, in every numerics mode, on every CPU level. Never needed: every operator takes
 * the weight as it is. Costs a copy, and the memory of one. When it pays: docs/PACKING.md.
 *
 * Runs in the calling thread and the pool of ANTIQUANT_THREADS, and is done when it returns; streams that
 * still write the weight have to be waited for. Callable from any thread.
 *
 * @param weight the weight of aclnnWeightQuantBatchMatmul (V1: x2, INT8, rank 2 to 8), or of V2, V3 or Nz
 *   (INT8, INT4, or INT32 that holds eight int4; rank 2 to 8, INT32 rank 2; also in FRACTAL_NZ, but not on
 *   profile 310p, where the view of such a weight is (n,k)). Any strides (INT32: contiguous or transposed),
 *   any offset, also no elements. Live; not used after the call, so it may be destroyed and its data freed.
 * @param transpose false: the weight's matrices are (k,n), as V2, V3 and Nz have them, and V1 without
 *   transposeX2. true: they are (n,k), for V1 with transposeX2; INT8 and ND only.
 * @param packed memory of the caller, of at least aq_packed_weight_size bytes; best aligned to 64, as
 *   aclrtMalloc gives it. Not the weight's own, nor overlapping it. May be null for a weight without
 * elements.
 * @param size bytes of packed.
 * @param packed_weight not null; written only on success: a tensor over packed, with shape, strides and dtype
 *   of the weight, offset 0, format AQ_FORMAT_PACKED or AQ_FORMAT_PACKED_TRANSPOSED, one storage dim (its
 *   bytes). Pass it in the weight's place, as often as wanted; release it with aclDestroyTensor, packed after
 *   the last use.
 * @return 0; 161001 weight, size or packed_weight is null, or packed or the weight's data is while it has
 *   elements; 161002 weight is no live tensor, its dtype, format, rank or strides are not those above, its
 *   bytes do not fit 64 bits, or size is too small; 561000 an environment variable is invalid; 561103 out of
 *   memory for the tensor. aclGetRecentErrMsg() tells. On failure packed is untouched. */
AQ_API int aq_pack_weight(const struct aclTensor *weight, bool transpose, void *packed, uint64_t size,
                          struct aclTensor **packed_weight);

/** Changes the numerics mode of one matrix multiplication between its two phases; ANTIQUANT_NUMERICS is the
 * mode of those that are not asked. The choice holds for every run of a repeatable executor from then on.
 *
 * @param executor from phase 1 of aclnnWeightQuantBatchMatmul, V2, V3 or Nz, live; not used by another thread
 *   meanwhile. Stays the caller's.
 * @param mode "npu", "exact" or "fast" (numerics page 5); not null, read during the call only.
 * @param workspace_size bytes of workspace that phase 2 now asks for, in place of what phase 1 told; not
 *   null, written only on success.
 * @return 0; 161001 an argument is null; 161002 no such mode, or an executor of another operator; 561000 the
 *   executor is not live, or an environment variable is invalid. On failure nothing has changed. */
AQ_API int aq_executor_set_numerics(struct aclOpExecutor *executor, const char *mode,
                                    uint64_t *workspace_size);

/** The intra-operator thread count in force: ANTIQUANT_THREADS, else the CPUs of the affinity mask. >= 1. */
AQ_API int aq_thread_count(void);

/** The CPU's own name where the system tells it, else the architecture. Never null. */
AQ_API const char *aq_cpu_model(void);

/** A named set of instructions. Each contains those before it, but AVX-512 does not contain AVX-VNNI. */
typedef struct aq_cpu_level_info {
    const char
        *name; /**< as ANTIQUANT_CPU takes it: "scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "amx" */
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
    const char *role;     /**< "stream" (few rows, reads the weight once), "gemm" (many rows), "planes"
                               (integers: modes exact and fast) */
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

/** A multiplication that is described instead of made: one matrix, contiguous x and y, no bias, no
 * quantisation of y. Zeroed, but for what is said. */
typedef struct aq_matmul {
    const char *op;       /**< "V1" (aclnnWeightQuantBatchMatmul), "V2", "V3", "Nz", or the whole name */
    const char *profile;  /**< of V2, V3 and Nz: "310p", "a2", ...; null: the one of ANTIQUANT_PROFILE */
    const char *numerics; /**< "npu" or "exact"; null: the mode of ANTIQUANT_NUMERICS */
    /** Of the weight: null or "plain", n contiguous; "transposed", k contiguous; "nz", FRACTAL_NZ;
     * "nz-transposed", FRACTAL_NZ of the transpose; "packed" and "packed-transposed", what aq_pack_weight
     * makes of the first two. */
    const char *storage;
    int64_t m, k, n; /**< y (m,n) = x (m,k) times weight (k,n); each at least 1 */
    int x_dtype;     /**< aclDataType of x, y and the scales, for example ACL_FLOAT16 */
    int weight_dtype;
    int group_size; /**< k of a group of scales (antiquantGroupSize); 0: one scale for each column */
    bool offset;    /**< with offsets (antiquantOffset; V1: addOffset, and deqOffset in any case) */
    /** What the machine can do with the threads of the answer, as the caller has measured it. 0: not known,
     * and the times that need it are 0 too. */
    double read;       /**< bytes read from memory, GB/s */
    double peak;       /**< fp32 multiply-adds, GFLOP/s (a multiply-add is two) */
    double level_peak; /**< the same within the CPU level of the answer; 0: as peak */
} aq_matmul;

/** What phase 1 would plan for it. */
typedef struct aq_matmul_explanation {
    const char *path;     /**< "fixpipe", "composed" or "scaled" */
    const char *numerics; /**< "npu" or "exact" */
    const char *kernel;   /**< name of the kernel that is chosen */
    const char *level;    /**< CPU level that it needs */
    const char *role;     /**< "stream", "gemm" or "planes" */
    const char *order;    /**< "P" or "T", the order of the sum over k (numerics page 5) */
    int threads;          /**< threads it is spread over */
    int tile_rows;        /**< of the kernel's tile; stream: at most so many rows of x at a time */
    int tile_columns;
    int64_t chunk;       /**< k of one chunk of the sum */
    int64_t packed_rows; /**< rows of x that are packed at a time; 0: x is not packed (stream) */
    int64_t task_rows;   /**< what a thread takes in one go */
    int64_t task_columns;
    int64_t tasks;        /**< of these, for packed_rows rows */
    const char *panel;    /**< null, or why the slow generic packer makes the weight */
    int64_t weight_bytes; /**< that the multiplication reads or writes at least once */
    int64_t parameter_bytes;
    int64_t x_bytes;
    int64_t y_bytes;
    int64_t workspace_bytes; /**< that it works in; phase 1 asks for room to align it on top */
    double flops;            /**< 2 m n k */
    double intensity;        /**< flops for each byte of weight, parameters, x and y */
    /** The roofline, in microseconds: all bytes at the read limit, all flops at the peak, and the longer of
     * the two. No run that finds its operands in memory, and multiplies in fp32, can be shorter. */
    double read_us, peak_us, roof_us;
    /** What the kernel should take by a simple model of its work (docs/KERNELS.md): it also has to make the
     * weights, and fills whole tiles. 0: there is no model, or a limit is missing. */
    double expected_us;
    double share;    /**< roof_us / expected_us; 0: not known */
    char lines[768]; /**< tiles, bytes and work in words, a line each */
    char why[5120];  /**< "KERNEL: REASON" for each better kernel that declined, a line each */
} aq_matmul_explanation;

/** Explains what phase 1 plans for @p call, by asking the rules and the plan that phase 1 asks. Nothing is
 * run, read, or measured.
 *
 * @param call caller-owned, not null.
 * @param explanation caller-owned, not null; written only when 0 is returned.
 * @return 0; 161001 @p call, its op or @p explanation is null; 161002 no such op, profile, mode or storage,
 * m, k or n < 1, a negative or infinite limit, a group for V1; what phase 1 answers when it refuses the call;
 * 561000 an environment variable is invalid. aclGetRecentErrMsg() tells. */
AQ_API int aq_explain_matmul(const aq_matmul *call, aq_matmul_explanation *explanation);

/** One tensor of a call that is described instead of made. Zeroed: a null pointer. */
typedef struct aq_call_tensor {
    bool given;                  /**< false: null, and nothing else here counts */
    int dtype, format;           /**< aclDataType, aclFormat */
    size_t rank;                 /**< 0 to 8; more is refused as phase 1 would */
    const int64_t *dims;         /**< rank of them; null only when rank is 0 */
    const int64_t *strides;      /**< elements, rank of them; null: contiguous */
    size_t storage_rank;         /**< 0: unknown. Matters for FRACTAL_NZ only */
    const int64_t *storage_dims; /**< storage_rank of them */
} aq_call_tensor;

/** Tensors of a call, in the order of the operator's arguments. */
enum {
    AQ_CALL_X,
    AQ_CALL_WEIGHT,
    AQ_CALL_ANTIQUANT_SCALE,
    AQ_CALL_ANTIQUANT_OFFSET,
    AQ_CALL_QUANT_SCALE,
    AQ_CALL_QUANT_OFFSET,
    AQ_CALL_BIAS,
    AQ_CALL_Y,
    AQ_CALL_TENSORS
};

/** A call of phase 1 of aclnnWeightQuantBatchMatmulV2, V3 or Nz. */
typedef struct aq_call {
    const char *op;      /**< "aclnnWeightQuantBatchMatmulV2", "...V3", "...Nz", or the end of it: "V2" */
    const char *profile; /**< "310p", "a2", "a3", "950", "any"; null: the one of ANTIQUANT_PROFILE */
    aq_call_tensor tensors[AQ_CALL_TENSORS];
    int antiquant_group_size;
    int inner_precise; /**< V3; elsewhere it does not count */
} aq_call;

/** What phase 1 would say. Texts are empty when status is 0. */
typedef struct aq_verdict {
    int status;         /**< 0: it would accept; else 161001, 161002 or 361001 */
    char argument[64];  /**< what is refused, as the operator names it: "antiquantScale" */
    char rule[256];     /**< what must hold */
    char actual[192];   /**< what was found */
    char nearest[192];  /**< the nearest legal value; empty where there is none to name */
    char check[96];     /**< where the rule is written: "operators page 3.3, check 4: scale shape" */
    char message[1024]; /**< all of it, as aclGetRecentErrMsg would give it */
} aq_verdict;

/** Asks the table of rules that phase 1 asks (operators page 3.3; docs/SUPPORT.md), for any profile, without
 * a tensor and without running anything. Out-parameters of phase 1 count as given. Sets no error text but its
 * own.
 *
 * @param call caller-owned, not null.
 * @param verdict caller-owned, not null; written only when 0 is returned.
 * @return 0: @p verdict says what phase 1 would say; 161001 @p call, its op, @p verdict, or dims of a tensor
 * of rank > 0 are null; 161002 no such op or profile; 561000 an environment variable is invalid. */
AQ_API int aq_explain_call(const aq_call *call, aq_verdict *verdict);

#ifdef __cplusplus
}
#endif
#endif
