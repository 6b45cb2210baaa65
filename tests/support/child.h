/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - runs a piece of a test in a process of its own, for what is read or decided once per process
 * (the environment, the CPU level, the init count). */
#ifndef AQ_TESTS_SUPPORT_CHILD_H
#define AQ_TESTS_SUPPORT_CHILD_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Forks; in the child removes every ANTIQUANT_ variable, sets variables ("NAME=value", null-terminated),
 * calls body(memory) with size zeroed bytes that it shares with the parent, and ends with 0. The parent
 * copies those bytes to result. Returns the child's wait status: 0 when body returned; -1 when there was no
 * child. */
static inline int in_child(const char *const *variables, void (*body)(void *result), void *result,
                           size_t size)
{
    static const char *const known[] = {"CPU",    "KERNEL",  "THREADS", "STREAM_ROWS", "NUMERICS", "PROFILE",
                                        "STATUS", "DEVICES", "SYNC",    "GUARD",       "VERBOSE",  "TRACE"};
    void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
            char name[32] = "ANTIQUANT_";
            unsetenv(strcat(name, known[i]));
        }
        for (; *variables; variables++) {
            char name[64] = "";
            const char *equals = strchr(*variables, '=');
            memcpy(name, *variables, (size_t)(equals - *variables));
            setenv(name, equals + 1, 1);
        }
        body(shared);
        _exit(0);
    }
    int status = -1;
    if (child > 0)
        waitpid(child, &status, 0);
    memcpy(result, shared, size);
    munmap(shared, size);
    return status;
}

#endif
