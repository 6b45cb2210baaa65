/* SPDX-License-Identifier: Apache-2.0 */
/* memory_info.c - aclrtGetMemInfo: how much memory this process may have, from the machine and from the
 * control group (container) around it, whichever is less. Must not know of blocks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "acl/acl_rt.h"
#include "runtime/context.h"
#include "runtime/refuse.h"

/* A number in decimal, after spaces; "max" is none. */
static bool parse(const char *text, unsigned long long *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    bool valid = end != text && errno == 0;
    if (valid)
        *value = number;
    return valid;
}

/* The number after "name " or "name:" at the start of a line of a file like /proc/meminfo. */
static bool read_entry(const char *path, const char *name, unsigned long long *value)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char line[256];
    size_t length = strlen(name);
    bool found = false;
    while (!found && fgets(line, sizeof line, file))
        found = strncmp(line, name, length) == 0 && (line[length] == ' ' || line[length] == ':') &&
                parse(line + length + 1, value);
    fclose(file);
    return found;
}

/* The number that a file of one line consists of. */
static bool read_number(const char *path, unsigned long long *value)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char line[64];
    bool found = fgets(line, sizeof line, file) && parse(line, value);
    fclose(file);
    return found;
}

/* Both versions of control groups, as a container sees its own at the root. What the kernel keeps only as a
 * cache of files is given up under pressure, so it counts as free. */
static void apply_group_limit(unsigned long long *available, unsigned long long *total)
{
    static const struct {
        const char *limit, *usage, *details, *cache;
    } groups[] = {
        {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat",
         "inactive_file"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes",
         "/sys/fs/cgroup/memory/memory.stat", "total_inactive_file"},
    };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        unsigned long long limit, usage, cache = 0;
        if (!read_number(groups[i].limit, &limit) || !read_number(groups[i].usage, &usage))
            continue;
        read_entry(groups[i].details, groups[i].cache, &cache);
        usage -= cache < usage ? cache : usage;
        unsigned long long left = usage < limit ? limit - usage : 0;
        if (limit < *total)
            *total = limit;
        if (left < *available)
            *available = left;
    }
}

aclError aclrtGetMemInfo(aclrtMemAttr attr, size_t *free, size_t *total)
{
    static const char function[] = "aclrtGetMemInfo";
    if (!free || !total)
        return aq_runtime_refuse_null(function, free ? "total" : "free");
    if ((unsigned)attr > ACL_HBM_MEM_NORMAL) {
        char actual[16];
        snprintf(actual, sizeof actual, "%d", (int)attr);
        return aq_refuse(100000, &(aq_refusal){.function = function,
                                               .argument = "attr",
                                               .rule = "must be a value of aclrtMemAttr, 0 to 5",
                                               .actual = actual,
                                               .nearest = "ACL_HBM_MEM (1)",
                                               .page = AQ_RUNTIME_PAGE});
    }
    if (!aq_context_is_current())
        return aq_runtime_refuse_no_context(function);
    struct sysinfo machine;
    if (sysinfo(&machine) != 0)
        return aq_error(507000, "%s: the system does not tell how much memory it has", function);
    unsigned long long all = (unsigned long long)machine.totalram * machine.mem_unit;
    unsigned long long available = (unsigned long long)machine.freeram * machine.mem_unit;
    unsigned long long kib; /* includes caches that the kernel would give up, which sysinfo does not */
    if (read_entry("/proc/meminfo", "MemAvailable", &kib))
        available = kib * 1024;
    apply_group_limit(&available, &all);
    *total = (size_t)all;
    *free = (size_t)(available < all ? available : all);
    return 0;
}
