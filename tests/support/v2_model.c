/* SPDX-License-Identifier: Apache-2.0 */
/* v2_model.c - see v2_model.h. One function from top to bottom in the order of the page; every sentence of it
 * is one line here that names the profile it is about. Numbers are __int128, so nothing overflows. Where the
 * page is silent the comment says what was chosen. */
#include "support/v2_model.h"

#include <string.h>

__extension__ typedef __int128 wide;

#define FAIL(name)                                                                                           \
    do {                                                                                                     \
        *check = name;                                                                                       \
        return 161002;                                                                                       \
    } while (0)

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static wide count(const v2_tensor *t)
{
    wide product = 1;
    bool empty = false;
    for (int d = 0; d < t->rank; d++) {
        if (t->dims[d] < 0)
            return -1;
        empty = empty || t->dims[d] == 0;
    }
    if (empty)
        return 0;
    for (int d = 0; d < t->rank; d++) {
        product *= t->dims[d];
        if (product > (wide)1 << 60)
            return -1;
    }
    return product;
}

static bool nz(const v2_tensor *t)
{
    return t->format == ACL_FORMAT_FRACTAL_NZ || t->format == ACL_FORMAT_FRACTAL_NZ_C0_2;
}

/* ND and what counts as ND: the named plain formats, and no format at all. */
static bool plain(const v2_tensor *t)
{
    switch ((int)t->format) {
    case -1: /* UNDEFINED */
    case 0:  /* NCHW */
    case 1:  /* NHWC */
    case 2:  /* ND */
    case 16: /* HWCN */
    case 27: /* NDHWC */
    case 30: /* NCDHW */
    case 35: /* NC */
    case 47: /* NCL */
        return true;
    default:
        return false;
    }
}

/* From the innermost dim outward: a dim other than 1 lies `step` apart. */
static bool dense_from(const v2_tensor *t, int last, wide step)
{
    for (int d = last; d >= 0; d--) {
        if (t->dims[d] == 1)
            continue;
        if (t->strides[d] != step)
            return false;
        step *= t->dims[d];
    }
    return true;
}

static bool contiguous(const v2_tensor *t)
{
    wide n = count(t);
    return n == 0 || n == 1 || dense_from(t, t->rank - 1, 1);
}

static bool transposed(const v2_tensor *t)
{
    if (t->rank < 2 || t->rank > 6)
        return false;
    int64_t rows = t->dims[t->rank - 2], columns = t->dims[t->rank - 1];
    if (rows == 1 && columns == 1)
        return false;
    return t->strides[t->rank - 2] == 1 && t->strides[t->rank - 1] == rows &&
           dense_from(t, t->rank - 3, (wide)rows * columns);
}

static bool lies(const v2_tensor *t, bool or_transposed, bool or_anyhow)
{
    return !t->given || t->rank > 8 || !plain(t) || contiguous(t) || (or_transposed && transposed(t)) ||
           or_anyhow;
}

static bool shape(const v2_tensor *t, int rank, wide a, wide b)
{
    return t->rank == rank && t->dims[0] == a && (rank == 1 || t->dims[1] == b);
}

int v2_model(const v2_case *c, const char **check)
{
    const v2_tensor *x = &c->t[V2_X], *w = &c->t[V2_W], *s = &c->t[V2_S], *o = &c->t[V2_O], *y = &c->t[V2_Y];
    const v2_tensor *qs = &c->t[V2_QS], *qo = &c->t[V2_QO];
    v2_tensor b = c->t[V2_B];
    if (b.rank == 1 && b.dims[0] == 0)
        b.given = false; /* rank 1 of length 0 means none */
    bool p310 = is(c->profile, "310p"), p950 = is(c->profile, "950"), any = is(c->profile, "any");
    bool a2 = is(c->profile, "a2") || is(c->profile, "a3");

    /* 1 to 3 */
    *check = "entry point";
    if (c->op == AQ_OPERATOR_NZ && (p310 || a2))
        return 361001;
    *check = "null";
    if (!x->given || !w->given || !s->given || !y->given || c->no_workspace || c->no_executor)
        return 161001;
    *check = "no quantisation";
    if ((p310 || p950) && (qs->given || qo->given))
        return 161001;

    /* 4: weight format */
    if (c->op == AQ_OPERATOR_NZ && !nz(w))
        FAIL("weight format");
    if (!nz(w) && !plain(w))
        FAIL("weight format");
    if (p950 && c->op != AQ_OPERATOR_NZ && nz(w))
        FAIL("weight format");
    if ((p310 || a2) && w->format == ACL_FORMAT_FRACTAL_NZ_C0_2)
        FAIL("weight format");
    if (c->op == AQ_OPERATOR_V3 && c->inner != 0 && c->inner != 1)
        FAIL("innerPrecise");

    /* not on the page: what no memory holds */
    for (int i = 0; i < V2_TENSORS; i++) {
        const v2_tensor *t = i == V2_B ? &b : &c->t[i];
        if (t->given && t->rank <= 8 && (count(t) < 0 || count(t) * 16 > INT64_MAX))
            FAIL("size");
    }

    /* layouts */
    bool words = w->dtype == ACL_INT32 || w->dtype == ACL_FLOAT;
    bool nk = nz(w) && p310; /* view (n,k), always transposed */
    bool wt = nk || transposed(w) || (words && w->rank == 2 && w->dims[0] == 1 && w->dims[1] == 1);
    bool xt = transposed(x);
    if (!lies(x, true, false) || !lies(w, true, false) || !lies(s, false, wt) || !lies(o, false, wt))
        FAIL("layout");
    if (!lies(y, false, any) || !lies(qs, false, false) || !lies(qo, false, false) || !lies(&b, false, false))
        FAIL("layout");
    if (w->dtype == ACL_INT32 && w->rank != 2)
        FAIL("packed rank");
    if (w->dtype == ACL_FLOAT && (p950 || any) && w->rank != 2) /* chosen: as INT32 */
        FAIL("packed rank");

    /* dtypes of x, weight, scale, y */
    bool half = x->dtype == ACL_FLOAT16, bf16 = x->dtype == ACL_BF16;
    if (!half && !(bf16 && !p310))
        FAIL("dtype");
    bool i8 = w->dtype == ACL_INT8, i4 = w->dtype == ACL_INT4 || w->dtype == ACL_INT32;
    bool f8 = w->dtype == ACL_FLOAT8_E4M3FN || w->dtype == ACL_HIFLOAT8;
    bool f4 = w->dtype == ACL_FLOAT4_E2M1 || w->dtype == ACL_FLOAT;
    if (!i8 && !(i4 && !p310) && !((f8 || f4) && (p950 || any)))
        FAIL("dtype");
    bool s_word = s->dtype == ACL_UINT64 || s->dtype == ACL_INT64;
    bool s_mx = s->dtype == ACL_FLOAT8_E8M0 || (s->dtype == ACL_UINT8 && w->dtype == ACL_FLOAT);
    bool s_half = s->dtype == ACL_FLOAT16, s_bf16 = s->dtype == ACL_BF16;
    if (p310 && !s_half)
        FAIL("dtype");
    if (a2 && !s_half && !s_bf16 && !s_word)
        FAIL("dtype");
    if (p950 && !s_half && !s_bf16 && !s_mx)
        FAIL("dtype");
    if (any && !s_half && !s_bf16 && !s_mx && !s_word)
        FAIL("dtype");
    bool y_int8 = y->dtype == ACL_INT8;
    if (y->dtype != x->dtype && !(y_int8 && (a2 || any)))
        FAIL("dtype");
    if (y_int8 != qs->given)
        FAIL("INT8 y");
    if (nz(w) && f8)
        FAIL("NZ dtype");

    /* ranks */
    int most = p310 || any ? 6 : 2;
    if (x->rank < 2 || x->rank > most || w->rank < 2 || w->rank > most || y->rank < 2 || y->rank > most)
        FAIL("rank");

    if (o->given && o->dtype == ACL_INT32 && !s_word)
        FAIL("INT32 offset");
    if (s_word && (!half || !i8 || (o->given && o->dtype != ACL_INT32) || y->dtype != ACL_FLOAT16))
        FAIL("fixpipe dtype");
    bool mx = f4 && s_mx;
    if (!s_word && !mx) {
        if (s->dtype != x->dtype || (f4 && !nz(w))) /* FP16/BF16 scales of FP4: NZ only */
            FAIL("scale dtype");
        if (o->given && o->dtype != s->dtype)
            FAIL("scale dtype");
    }
    if (b.given) {
        bool fine = b.dtype == ACL_FLOAT16 && half;
        if (bf16 && a2)
            fine = b.dtype == ACL_FLOAT;
        if (bf16 && p950) {
            bool as_bf16 = b.dtype == ACL_BF16, as_float = b.dtype == ACL_FLOAT;
            if (f8 || f4)
                fine = as_bf16;
            else if (i8 && nz(w))
                fine = as_float;
            else
                fine = as_bf16 || as_float; /* INT4 NZ: chosen as INT4 ND */
        }
        if (any && (b.dtype == ACL_BF16 || b.dtype == ACL_FLOAT))
            fine = true;
        if (!fine)
            FAIL("bias dtype");
    }

    /* formats; y: chosen */
    if (!plain(x) || (b.given && !plain(&b)) || !plain(y))
        FAIL("format");
    const v2_tensor *exact[] = {s, o, qs, qo};
    for (int i = 0; i < 4; i++)
        if (exact[i]->given && exact[i]->format != ACL_FORMAT_ND)
            FAIL("format");
    for (int i = 0; i < 4; i++)
        if (exact[i]->given && (exact[i]->rank < 1 || exact[i]->rank > 2))
            FAIL("parameter rank");
    if (b.given && (b.rank < 1 || b.rank > (p310 || any ? 6 : 2)))
        FAIL("parameter rank");
    if (qo->given && !qs->given)
        FAIL("quantScale");
    if (qs->given && qs->dtype != ACL_UINT64 && qs->dtype != ACL_INT64)
        FAIL("quantScale");

    /* sizes */
    wide m = x->dims[x->rank - 2], k = x->dims[x->rank - 1];
    wide wk = w->dims[w->rank - (nk ? 1 : 2)], n = w->dims[w->rank - (nk ? 2 : 1)];
    if (words && wt)
        wk *= 8;
    if (words && !wt)
        n *= 8;
    if (k != wk)
        FAIL("k");
    if (count(x) == 0 || count(w) == 0)
        FAIL("empty");
    if (a2 && (k > 65535 || n > 65535 || m > (xt ? 65535 : 2147483647)))
        FAIL("limit");
    if (p310 && c->group > 0 && m * k > 512000000)
        FAIL("limit");
    if ((i4 || f4) && !any && (wt ? k : n) % 2 == 1)
        FAIL("even axis");
    if (y->dims[y->rank - 2] != m || y->dims[y->rank - 1] != n)
        FAIL("y shape");

    /* batch: numpy's rule */
    int longest = x->rank > w->rank ? x->rank : w->rank;
    if (y->rank != longest) {
        FAIL("batch");
    }
    for (int d = 0; d < longest - 2; d++) {
        int dx = d - (longest - x->rank), dw = d - (longest - w->rank);
        int64_t ex = dx < 0 ? 1 : x->dims[dx], ew = dw < 0 ? 1 : w->dims[dw];
        int64_t larger = ex > ew ? ex : ew;
        if ((ex != larger && ex != 1) || (ew != larger && ew != 1) || y->dims[d] != larger)
            FAIL("batch");
    }

    /* groups */
    int g = c->group;
    if (g < 0)
        FAIL("group size");
    if (g > 0 && !any && (g < 32 || g > k - 1 || g % 32 != 0))
        FAIL("group size");
    wide groups = g > 0 ? (k + g - 1) / g : 0;
    bool per_channel = false, per_tensor = false;
    if (g > 0) {
        if (!(nk ? shape(s, 2, n, groups) : shape(s, 2, groups, n)))
            FAIL("scale shape");
    } else {
        per_channel = shape(s, 1, n, 0) || (nk ? shape(s, 2, n, 1) : shape(s, 2, 1, n));
        per_tensor = !per_channel && (shape(s, 1, 1, 0) || (!nk && shape(s, 2, 1, 1)));
        if (!per_channel && !per_tensor)
            FAIL("scale shape");
    }
    if (o->given &&
        (o->rank != s->rank || memcmp(o->dims, s->dims, (size_t)s->rank * sizeof s->dims[0]) != 0))
        FAIL("offset shape");
    if (p950 && wt && s->rank == 2 && !transposed(s)) { /* (1,n) and (n,1) are transposed by nothing */
        bool line = s->dims[0] == 1 || s->dims[1] == 1;
        if (!line || !contiguous(s))
            FAIL("scale layout");
    }
    if (f8 && !per_channel)
        FAIL("float weight");
    if (mx && g != 32)
        FAIL("float weight");
    if ((f8 || f4) && o->given)
        FAIL("float weight");

    if (qs->given && !shape(qs, 1, 1, 0) && !shape(qs, 1, n, 0) && !shape(qs, 2, 1, n))
        FAIL("quant shape");
    if (qo->given &&
        (qo->rank != qs->rank || memcmp(qo->dims, qs->dims, (size_t)qs->rank * sizeof qs->dims[0]) != 0))
        FAIL("quant shape");
    if (b.given) {
        if (b.dims[b.rank - 1] != n)
            FAIL("bias shape");
        for (int d = 0; d < b.rank - 1; d++)
            if (b.dims[d] != 1)
                FAIL("bias shape");
    }

    /* NZ */
    if (nz(w) && a2 && i4) {
        if (per_tensor || qs->given || (per_channel && !wt))
            FAIL("NZ");
        if (g > 0 && (wt || xt || (g != 64 && g != 128) || k % g != 0 || n % 64 != 0))
            FAIL("NZ");
    }
    if (nz(w) && p950 && i8 && (!per_channel || k > 65535 || n < 2 || n > 65535))
        FAIL("NZ");
    if (nz(w) && p950 && i4 && wt)
        FAIL("NZ");
    if (nz(w) && p950 && f4 && !mx && g != 32 && g != 64 && g != 128 && g != 256)
        FAIL("NZ");
    if (p950 && !contiguous(x))
        FAIL("x contiguous");
    if (s_word && (nz(w) || !wt || xt || !per_channel || k % 64 != 0 || n % 64 != 0 || m > 96))
        FAIL("fixpipe limits");
    *check = "";
    return 0;
}
