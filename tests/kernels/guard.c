/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - arenas between inaccessible pages, poison, and signal handlers on a stack of their own. */
#include "kernels/guard.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/checker.h"
#include "support/sanitizer.h"

enum {
    ARENA_BYTES = 4 << 20, /* the largest array of any case, with room to spare */
    ISLANDS = 64,
    MARGIN = 1024 /* bytes poisoned and looked at on the side away from the guard page */
};

typedef struct arena {
    unsigned char *flush, *islands;
    ck_rows placed;
    bool on_islands;
    unsigned char *copy;
    size_t copy_size;
} arena;

static arena arenas[CK_ARRAYS];
static int64_t page;

/* As fp32: a quiet NaN, so that what is read there by mistake cannot leave a sum as it should be. */
static const unsigned char poison[4] = {0x5A, 0x5A, 0xC0, 0x7F};

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static unsigned char *map_arena(int64_t bytes)
{
    unsigned char *map =
        mmap(NULL, (size_t)(bytes + 2 * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        die("kernel_checker: mmap");
    return map + page;
}

static void open_pages(unsigned char *at, int64_t bytes)
{
    if (mprotect(at, (size_t)bytes, PROT_READ | PROT_WRITE) != 0)
        die("kernel_checker: mprotect");
}

static void map_arrays(arena *a)
{
    a->flush = map_arena(ARENA_BYTES);
    open_pages(a->flush, ARENA_BYTES);
    a->islands = map_arena(ISLANDS * 2 * page);
    for (int i = 0; i < ISLANDS; i++)
        open_pages(a->islands + i * 2 * page, page);
}

/* The bytes before and after row `r` that belong to no row: [*begin, row) and [row end, *end). */
static void around_row(const arena *a, int64_t r, unsigned char **begin, unsigned char **end)
{
    const ck_rows *p = &a->placed;
    unsigned char *row = p->base + r * p->stride;
    if (a->on_islands) {
        *begin = a->islands + r * 2 * page;
        *end = *begin + page;
        return;
    }
    *begin = row;
    *end = row + p->stride;
    if (r == 0)
        *begin = row - a->flush < MARGIN ? a->flush : row - MARGIN;
    if (r == p->rows - 1)
        *end = a->flush + ARENA_BYTES - (row + p->row_bytes) < MARGIN ? a->flush + ARENA_BYTES
                                                                      : row + p->row_bytes + MARGIN;
}

static void pour(unsigned char *begin, const unsigned char *end)
{
    size_t size = (size_t)(end - begin), done = 0;
    for (; done < size && done < sizeof poison; done++)
        begin[done] = poison[(uintptr_t)(begin + done) % sizeof poison];
    for (; done < size; done *= 2)
        memcpy(begin + done, begin, done < size - done ? done : size - done);
}

static bool is_poison(const unsigned char *begin, const unsigned char *end)
{
    size_t size = (size_t)(end - begin);
    for (size_t i = 0; i < size && i < sizeof poison; i++)
        if (begin[i] != poison[(uintptr_t)(begin + i) % sizeof poison])
            return false;
    return size <= sizeof poison || memcmp(begin, begin + sizeof poison, size - sizeof poison) == 0;
}

ck_rows ck_place(ck_array array, ck_layout layout, int64_t rows, int64_t row_bytes, int64_t gap,
                 int64_t alignment)
{
    arena *a = &arenas[array];
    if (a->flush == NULL)
        map_arrays(a);
    bool right = layout == CK_RIGHT || layout == CK_ISLANDS_RIGHT;
    a->on_islands = layout >= CK_ISLANDS_LEFT && rows <= ISLANDS && row_bytes <= page;
    int64_t room = page, span = row_bytes;
    a->placed = (ck_rows){a->islands, 2 * page, rows, row_bytes};
    if (!a->on_islands) {
        int64_t stride = (row_bytes + gap + alignment - 1) / alignment * alignment;
        room = ARENA_BYTES;
        span = (rows - 1) * stride + row_bytes;
        a->placed = (ck_rows){a->flush, stride, rows, row_bytes};
        if (span > room) {
            fprintf(stderr, "kernel_checker: a case needs %lld bytes\n", (long long)span);
            exit(2);
        }
    }
    if (right)
        a->placed.base += (room - span) / alignment * alignment;
    for (int64_t r = 0; r < rows; r++) {
        unsigned char *begin, *end;
        around_row(a, r, &begin, &end);
        pour(begin, end);
    }
    return a->placed;
}

void ck_remember(ck_array array)
{
    arena *a = &arenas[array];
    size_t row_bytes = (size_t)a->placed.row_bytes, size = (size_t)a->placed.rows * row_bytes;
    if (size > a->copy_size) {
        free(a->copy);
        a->copy = malloc(size);
        if (a->copy == NULL)
            die("kernel_checker: malloc");
        a->copy_size = size;
    }
    for (int64_t r = 0; r < a->placed.rows; r++)
        memcpy(a->copy + (size_t)r * row_bytes, a->placed.base + r * a->placed.stride, row_bytes);
}

void ck_expect_poison_around(ck_array array, const char *name)
{
    const arena *a = &arenas[array];
    for (int64_t r = 0; r < a->placed.rows; r++) {
        unsigned char *row = a->placed.base + r * a->placed.stride, *begin, *end;
        around_row(a, r, &begin, &end);
        if (!is_poison(begin, row)) {
            ck_fail("wrote before row %lld of %s", (long long)r, name);
            return;
        }
        if (!is_poison(row + a->placed.row_bytes, end)) {
            ck_fail("wrote after row %lld of %s", (long long)r, name);
            return;
        }
    }
}

void ck_expect_unchanged(ck_array array, const char *name)
{
    const arena *a = &arenas[array];
    size_t row_bytes = (size_t)a->placed.row_bytes;
    for (int64_t r = 0; r < a->placed.rows; r++)
        if (memcmp(a->copy + (size_t)r * row_bytes, a->placed.base + r * a->placed.stride, row_bytes) != 0) {
            ck_fail("changed row %lld of its input %s", (long long)r, name);
            return;
        }
    ck_expect_poison_around(array, name);
}

const char *ck_layout_name(ck_layout layout)
{
    static const char *const names[CK_LAYOUTS] = {"left", "right", "left islands", "right islands"};
    return names[layout];
}

static sigjmp_buf landing;
static volatile sig_atomic_t in_flight;
static void *volatile fault_address;

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!in_flight) { /* not a kernel's: let it end the program */
        signal(number, SIG_DFL);
        return;
    }
    fault_address = info->si_addr;
    siglongjmp(landing, number);
}

bool ck_catches_crashes(void)
{
    return !UNDER_SANITIZER;
}

void ck_guard_start(void)
{
    page = sysconf(_SC_PAGESIZE);
    if (!ck_catches_crashes())
        return;
    static unsigned char
        stack_bytes[64 << 10]; /* AVX-512 frames are some KiB; MINSIGSTKSZ may be too small */
    stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes};
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    if (sigaltstack(&stack, NULL) != 0)
        die("kernel_checker: sigaltstack");
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (sigaction(signals[i], &action, NULL) != 0)
            die("kernel_checker: sigaction");
}

bool ck_survives(void (*call)(void *), void *argument)
{
    int number = sigsetjmp(landing, 1);
    if (number == 0) {
        in_flight = 1;
        call(argument);
        in_flight = 0;
        return true;
    }
    in_flight = 0;
    ck_fail("crashed: %s at address %p", strsignal(number), fault_address);
    return false;
}
