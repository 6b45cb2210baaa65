/* SPDX-License-Identifier: Apache-2.0 */
/* v2_random.c - see v2_random.h. */
#include "support/v2_random.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PICK(array)  ((array)[v2_rand(state, COUNT(array))])

/* splitmix64 */
uint64_t v2_rand(uint64_t *state, uint64_t below)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % below;
}

static bool chance(uint64_t *state, unsigned percent)
{
    return v2_rand(state, 100) < percent;
}

static const int64_t some_m[] = {1, 1, 2, 3, 17, 64, 96, 97, 128, 65535, 65536, INT64_C(2147483648), 8000000};
static const int64_t some_k[] = {1, 8, 31, 32, 33, 64, 64, 96, 128, 128, 256, 512, 65535, 65536, 70000};
static const int64_t some_n[] = {1, 2, 7, 8, 16, 63, 64, 64, 128, 192, 65535, 65536, 70000};
static const int some_groups[] = {32, 32, 32, 64, 64, 128, 256, 33, 1, 16, 512, -1};

/* Sizes of a mode. */
typedef struct sizes {
    int64_t m, k, n;
    int group;
} sizes;

static sizes random_sizes(uint64_t *state)
{
    sizes z = {PICK(some_m), PICK(some_k), PICK(some_n), 0};
    if (chance(state, 60)) {
        z.m %= 1024;
        z.k = 32 * (int64_t)(1 + v2_rand(state, 16));
        z.n =
            chance(state, 50) ? 64 * (int64_t)(1 + v2_rand(state, 4)) : 2 * (int64_t)(1 + v2_rand(state, 40));
        z.m += z.m == 0;
    }
    if (chance(state, 45))
        z.group = PICK(some_groups);
    return z;
}

static v2_tensor maybe_turned(uint64_t *state, v2_tensor t, unsigned percent)
{
    return chance(state, percent) ? v2_turned(t) : t;
}

/* The weight (k,n) in one of its types, and whether it counts as transposed. */
static v2_tensor random_weight(uint64_t *state, const v2_case *c, sizes z, bool *turned)
{
    static const aclDataType small[] = {ACL_INT8, ACL_INT8, ACL_INT4, ACL_INT32};
    static const aclDataType large[] = {ACL_INT8,          ACL_INT4,     ACL_INT32,
                                        ACL_FLOAT8_E4M3FN, ACL_HIFLOAT8, ACL_FLOAT4_E2M1,
                                        ACL_FLOAT,         ACL_INT8,     ACL_FLOAT4_E2M1};
    bool has_floats = strcmp(c->profile, "950") == 0 || strcmp(c->profile, "any") == 0;
    bool p310 = strcmp(c->profile, "310p") == 0;
    aclDataType dtype = p310 ? ACL_INT8 : has_floats ? PICK(large) : PICK(small);
    bool words = dtype == ACL_INT32 || dtype == ACL_FLOAT;
    bool may_nz = c->op == AQ_OPERATOR_NZ || strcmp(c->profile, "950") != 0;
    bool nz = may_nz && chance(state, c->op == AQ_OPERATOR_NZ ? 95 : 30);
    *turned = chance(state, 50);
    v2_tensor w;
    if (nz && p310) {
        w = v2_2(dtype, z.n, z.k);
        *turned = true;
    } else if (*turned) {
        w = v2_2t(dtype, words ? z.k / 8 : z.k, z.n);
    } else {
        w = v2_2(dtype, z.k, words ? z.n / 8 : z.n);
    }
    if (nz)
        w.format = has_floats && chance(state, 20) ? ACL_FORMAT_FRACTAL_NZ_C0_2 : ACL_FORMAT_FRACTAL_NZ;
    return w;
}

static v2_tensor random_scale(uint64_t *state, const v2_case *c, sizes z, aclDataType dtype, bool turned)
{
    bool nk = strcmp(c->profile, "310p") == 0 && c->t[V2_W].format == ACL_FORMAT_FRACTAL_NZ;
    if (z.group > 0) {
        int64_t groups = (z.k + z.group - 1) / z.group;
        v2_tensor s = nk ? v2_2(dtype, z.n, groups) : v2_2(dtype, groups, z.n);
        return maybe_turned(state, s, turned ? 70 : 3);
    }
    switch (v2_rand(state, 6)) {
    case 0:
        return v2_1(dtype, 1);
    case 1:
        return v2_2(dtype, 1, 1);
    case 2:
        return nk ? v2_2(dtype, z.n, 1) : maybe_turned(state, v2_2(dtype, 1, z.n), 20);
    default:
        return v2_1(dtype, z.n);
    }
}

static void add_batch(uint64_t *state, v2_case *c)
{
    static const int which[] = {V2_X, V2_W, V2_Y};
    int64_t b = 1 + (int64_t)v2_rand(state, 3);
    bool of_x = chance(state, 60), of_w = chance(state, 60);
    for (int i = 0; i < 3; i++) {
        v2_tensor *t = &c->t[which[i]];
        bool turned = t->strides[0] == 1 && t->dims[0] > 1;
        int64_t dim = which[i] == V2_Y ? (of_x || of_w ? b : 1) : (which[i] == V2_X ? of_x : of_w) ? b : 1;
        v2_tensor made = v2_3(t->dtype, dim, t->dims[0], t->dims[1]);
        made.format = t->format;
        if (which[i] != V2_W || chance(state, 70) || dim > 1)
            *t = turned ? v2_turned(made) : made;
    }
}

v2_case v2_random_mode(uint64_t *state)
{
    v2_case c = {.profile = v2_profiles[v2_rand(state, 5)]};
    bool large = strcmp(c.profile, "950") == 0 || strcmp(c.profile, "any") == 0;
    bool p310 = strcmp(c.profile, "310p") == 0, quantises = !p310 && strcmp(c.profile, "950") != 0;
    c.op = large && chance(state, 40) ? AQ_OPERATOR_NZ : chance(state, 50) ? AQ_OPERATOR_V2 : AQ_OPERATOR_V3;
    c.inner = (int)v2_rand(state, 2);
    sizes z = random_sizes(state);
    aclDataType xd = p310 || chance(state, 50) ? ACL_FLOAT16 : ACL_BF16, sd = xd;
    bool turned;
    c.t[V2_W] = random_weight(state, &c, z, &turned);
    aclDataType wd = c.t[V2_W].dtype;
    bool f4 = wd == ACL_FLOAT4_E2M1 || wd == ACL_FLOAT, f8 = wd == ACL_FLOAT8_E4M3FN || wd == ACL_HIFLOAT8;
    if (f4 && chance(state, 75)) {
        sd = wd == ACL_FLOAT && chance(state, 40) ? ACL_UINT8 : ACL_FLOAT8_E8M0;
        z.group = 32;
    }
    if (f8)
        z.group = 0;
    bool fixpipe =
        quantises && wd == ACL_INT8 && c.t[V2_W].format == ACL_FORMAT_ND && turned && chance(state, 40);
    if (fixpipe) {
        xd = ACL_FLOAT16;
        sd = chance(state, 50) ? ACL_UINT64 : ACL_INT64;
        z.group = 0;
        z.m = 1 + (z.m % 96);
    }
    c.group = z.group;
    c.t[V2_X] = maybe_turned(state, v2_2(xd, z.m, z.k), 15);
    c.t[V2_S] = random_scale(state, &c, z, sd, turned);
    if (!f4 && !f8 && chance(state, 40)) {
        c.t[V2_O] = c.t[V2_S];
        if (fixpipe)
            c.t[V2_O].dtype = ACL_INT32;
    }
    c.t[V2_Y] = v2_2(xd, z.m, z.n);
    if (quantises && !fixpipe && chance(state, 25)) {
        c.t[V2_Y].dtype = ACL_INT8;
        c.t[V2_QS] =
            chance(state, 50) ? v2_1(ACL_UINT64, chance(state, 50) ? 1 : z.n) : v2_2(ACL_INT64, 1, z.n);
        if (chance(state, 50)) {
            c.t[V2_QO] = c.t[V2_QS];
            c.t[V2_QO].dtype = ACL_FLOAT;
        }
    }
    if (chance(state, 50)) {
        static const aclDataType biases[] = {ACL_BF16, ACL_FLOAT, ACL_FLOAT};
        aclDataType bd = xd == ACL_FLOAT16 ? ACL_FLOAT16 : PICK(biases);
        c.t[V2_B] = chance(state, 50) ? v2_1(bd, z.n) : v2_2(bd, 1, z.n);
    }
    if ((p310 || strcmp(c.profile, "any") == 0) && wd != ACL_INT32 && wd != ACL_FLOAT && chance(state, 30))
        add_batch(state, &c);
    return c;
}

static void change_dims(uint64_t *state, v2_tensor *t)
{
    static const int64_t some[] = {0, 1, 2, 32, 64, -1, 65536, INT64_C(1) << 40, INT64_MAX};
    v2_tensor old = *t;
    int64_t dims[V2_MAX_RANK];
    memcpy(dims, t->dims, sizeof dims);
    int rank = t->rank;
    switch (v2_rand(state, 5)) {
    case 0: /* one dim more in front */
        if (rank < V2_MAX_RANK) {
            memmove(dims + 1, t->dims, sizeof dims - sizeof dims[0]);
            dims[0] = 1 + (int64_t)v2_rand(state, 2);
            rank++;
        }
        break;
    case 1: /* one less */
        if (rank > 0)
            memmove(dims, t->dims + 1, (size_t)--rank * sizeof dims[0]);
        break;
    case 2:
        if (rank > 0)
            dims[v2_rand(state, (uint64_t)rank)] = PICK(some);
        break;
    case 3:
        if (rank > 0)
            dims[v2_rand(state, (uint64_t)rank)] += chance(state, 50) ? 1 : -1;
        break;
    default:
        rank = (int)v2_rand(state, V2_MAX_RANK + 1);
        for (int d = 0; d < rank; d++)
            dims[d] = 1 + (int64_t)v2_rand(state, 4);
        break;
    }
    *t = v2_dims(old.dtype, rank, dims);
    t->format = old.format;
    if (old.rank >= 2 && old.strides[old.rank - 2] == 1 && old.dims[old.rank - 1] > 1)
        *t = v2_turned(*t);
}

static void change_strides(uint64_t *state, v2_tensor *t)
{
    static const int64_t some[] = {0, 1, 2, 32, 64, 1000, -1};
    int d = (int)v2_rand(state, (uint64_t)(t->rank > 0 ? t->rank : 1));
    switch (v2_rand(state, 3)) {
    case 0:
        *t = v2_turned(*t);
        break;
    case 1: {
        v2_tensor dense = v2_dims(t->dtype, t->rank, t->dims);
        memcpy(t->strides, dense.strides, sizeof t->strides);
        break;
    }
    default:
        t->strides[d] = chance(state, 50) ? PICK(some) : t->strides[d] + 1;
        break;
    }
}

static void change_storage(uint64_t *state, v2_tensor *t)
{
    t->storage_rank = (int)v2_rand(state, V2_MAX_RANK + 1);
    for (int d = 0; d < t->storage_rank; d++)
        t->storage[d] = (int64_t)v2_rand(state, 70);
}

void v2_random_change(uint64_t *state, v2_case *c)
{
    static const aclDataType dtypes[] = {
        ACL_FLOAT16,     ACL_BF16,          ACL_FLOAT,    ACL_INT8,         ACL_INT4,       ACL_INT32,
        ACL_UINT64,      ACL_INT64,         ACL_UINT8,    ACL_FLOAT8_E8M0,  ACL_DOUBLE,     ACL_BOOL,
        ACL_FLOAT4_E2M1, ACL_FLOAT8_E4M3FN, ACL_HIFLOAT8, ACL_DT_UNDEFINED, (aclDataType)99};
    static const aclFormat formats[] = {ACL_FORMAT_ND,         ACL_FORMAT_NCHW,
                                        ACL_FORMAT_NHWC,       ACL_FORMAT_NCL,
                                        ACL_FORMAT_FRACTAL_NZ, ACL_FORMAT_FRACTAL_NZ_C0_2,
                                        ACL_FORMAT_FRACTAL_Z,  ACL_FORMAT_FRACTAL_NZ_C0_16,
                                        ACL_FORMAT_UNDEFINED,  (aclFormat)77};
    static const int ints[] = {0, 1, 2, -1, 31, 32, 48, 64, 96, 128, INT32_MAX, INT32_MIN};
    v2_tensor *t = &c->t[v2_rand(state, V2_TENSORS)];
    switch (v2_rand(state, 12)) {
    case 0:
        t->given = !t->given && t->dtype != 0;
        break;
    case 1: /* one appears that looks like another */
        *t = c->t[v2_rand(state, V2_TENSORS)];
        break;
    case 2:
    case 3:
        t->dtype = PICK(dtypes);
        break;
    case 4:
        t->format = PICK(formats);
        break;
    case 5:
    case 6:
        change_dims(state, t);
        break;
    case 7:
    case 8:
        change_strides(state, t);
        break;
    case 9:
        change_storage(state, t);
        break;
    case 10:
        c->group = PICK(ints);
        break;
    default:
        switch (v2_rand(state, 4)) {
        case 0:
            c->op = (int)v2_rand(state, 3);
            break;
        case 1:
            c->inner = PICK(ints);
            break;
        case 2:
            c->profile = v2_profiles[v2_rand(state, 5)];
            break;
        default:
            c->no_workspace = chance(state, 50);
            c->no_executor = !c->no_workspace;
        }
    }
}

v2_case v2_random(uint64_t *state)
{
    v2_case c = v2_random_mode(state);
    uint64_t changes = chance(state, 40) ? 0 : chance(state, 60) ? 1 : 1 + v2_rand(state, 4);
    while (changes-- > 0)
        v2_random_change(state, &c);
    return c;
}
