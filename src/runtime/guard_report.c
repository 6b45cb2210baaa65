/* SPDX-License-Identifier: Apache-2.0 */
/* guard_report.c - the handler of SIGSEGV with ANTIQUANT_GUARD=1: says on stderr which block an access missed
 * and by how far, then leaves the signal to whoever had it before. Everything after the installation may run
 * at any moment, in any thread: no locks, no allocation, no stdio.
 *
 * The only place where the library prints: the variable asks for it, and there is no caller to tell. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime/guard_internal.h"

static struct sigaction before;

typedef struct line {
    char text[512];
    size_t length;
} line;

static void add(line *to, const char *text)
{
    for (; *text && to->length < sizeof to->text; text++)
        to->text[to->length++] = *text;
}

static void add_number(line *to, uintptr_t number, unsigned base)
{
    char digits[24];
    size_t first = sizeof digits - 1;
    digits[first] = '\0';
    do {
        digits[--first] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    add(to, base == 16 ? "0x" : "");
    add(to, digits + first);
}

static void add_bytes(line *to, uintptr_t number, const char *where)
{
    add_number(to, number, 10);
    add(to, number == 1 ? " byte " : " bytes ");
    add(to, where);
}

static void describe(line *to, const struct aq_guard *block, uintptr_t address)
{
    uintptr_t begin = atomic_load(&block->begin), end = begin + atomic_load(&block->usable);
    bool freed = atomic_load(&block->freed);
    const char *function = atomic_load(&block->function);
    add(to, "antiquant: ANTIQUANT_GUARD: access to ");
    add_number(to, address, 16);
    add(to, ", ");
    if (address < begin)
        add_bytes(to, begin - address, "before the begin of ");
    else if (address >= end)
        add_bytes(to, address - end + 1, "beyond the end of ");
    else
        add_bytes(to, address - begin, "from the begin of ");
    add(to, freed ? "a freed block of " : "a block of ");
    add(to, function ? function : "?");
    add(to, ": ");
    add_bytes(to, atomic_load(&block->asked), "asked for, ");
    add_bytes(to, end - begin, "usable, at ");
    add_number(to, begin, 16);
    add(to, "\n");
}

/* The block in or beside which address lies, where an access faults; null when there is none. */
static const struct aq_guard *find(uintptr_t address)
{
    for (const aq_guard_chunk *chunk = atomic_load(&aq_guard_newest_chunk); chunk; chunk = chunk->next)
        for (size_t i = 0; i < AQ_GUARDS_OF_A_CHUNK; i++) {
            const struct aq_guard *block = &chunk->records[i];
            uintptr_t map = atomic_load(&block->map);
            if (map && address >= map && address - map < atomic_load(&block->map_bytes))
                return block;
        }
    return NULL;
}

/* As if this handler had never been there. A fault comes again when the handler returns; a signal that
 * somebody sent does not. */
static void pass_on(int signal, siginfo_t *info, void *context)
{
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(signal, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(signal);
    } else {
        sigaction(signal, &before, NULL);
        if (info->si_code <= 0)
            raise(signal);
    }
}

static void handle(int signal, siginfo_t *info, void *context)
{
    int error = errno;
    const struct aq_guard *block = info->si_code > 0 ? find((uintptr_t)info->si_addr) : NULL;
    if (block) {
        line message = {.length = 0};
        describe(&message, block, (uintptr_t)info->si_addr);
        ssize_t written = write(STDERR_FILENO, message.text, message.length);
        (void)written; /* there is nobody to tell */
    }
    errno = error;
    pass_on(signal, info, context);
}

void aq_guard_report_faults(void)
{
    if (sigaction(SIGSEGV, NULL, &before) != 0)
        return;
    struct sigaction ours = {.sa_flags = SA_SIGINFO | (before.sa_flags & (SA_ONSTACK | SA_NODEFER))};
    ours.sa_sigaction = handle;
    ours.sa_mask = before.sa_mask;
    sigaction(SIGSEGV, &ours, NULL);
}
