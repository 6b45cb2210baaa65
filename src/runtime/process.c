/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - the process's init count, the configuration file's check, versions and the last error's text.
 * Nothing else in the runtime depends on the init count (runtime page 4.2). */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "acl/acl.h"
#include "aclnn/aclnn_base.h"
#include "base/json_check.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/trace.h"
#include "runtime/refuse.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t init_count;
static bool ended; /* by a finalize, with no aclInit since */

static int refuse_config(int status, const char *rule, const char *actual, const char *nearest)
{
    return aq_refuse(status, &(aq_refusal){.function = "aclInit",
                                           .argument = "configPath",
                                           .rule = rule,
                                           .actual = actual,
                                           .nearest = nearest,
                                           .page = AQ_RUNTIME_PAGE});
}

/* The settings in a configuration are for devices that this library does not have: it is only checked. */
static int check_config(const char *path)
{
    char actual[128];
    FILE *file = fopen(path, "re");
    if (!file)
        return refuse_config(100003, "must be a file that can be read", strerror(errno), "null or \"\"");
    size_t offset;
    errno = 0;
    bool valid = aq_json_check(file, &offset);
    int read_error = ferror(file) ? errno : 0;
    fclose(file);
    if (read_error)
        return refuse_config(100003, "must be a file that can be read", strerror(read_error), "null or \"\"");
    if (valid)
        return 0;
    snprintf(actual, sizeof actual, "no JSON value: byte %zu does not fit", offset);
    return refuse_config(100006, "must be one JSON value, nested at most 128 deep", actual, "{}");
}

/* Needs the lock. */
static int init(const char *configPath)
{
    if (init_count > 0) {
        init_count++;
        return aq_error(100002, "aclInit: initialised already; the init count is now %llu",
                        (unsigned long long)init_count);
    }
    int status = configPath && *configPath ? check_config(configPath) : 0;
    if (!status) {
        init_count = 1;
        ended = false;
    }
    return status;
}

aclError aclInit(const char *configPath)
{
    pthread_mutex_lock(&lock);
    int status = init(configPath);
    pthread_mutex_unlock(&lock);
    if (!status)
        aq_log(AQ_LOG_INFO, "aclInit");
    return status;
}

aclError aclFinalize(void)
{
    pthread_mutex_lock(&lock);
    bool again = ended;
    init_count = 0;
    ended = true;
    pthread_mutex_unlock(&lock);
    aq_log(AQ_LOG_INFO, "aclFinalize");
    aq_trace_flush(false);
    return again ? aq_error(100037, "aclFinalize: no aclInit since the last finalize") : 0;
}

aclError aclFinalizeReference(uint64_t *refCount)
{
    if (!refCount)
        return aq_runtime_refuse_null("aclFinalizeReference", "refCount");
    pthread_mutex_lock(&lock);
    bool initialised = init_count > 0;
    uint64_t left = initialised ? --init_count : 0;
    if (initialised && left == 0)
        ended = true;
    pthread_mutex_unlock(&lock);
    if (!initialised)
        return aq_error(100037, "aclFinalizeReference: the init count is 0 already");
    *refCount = left;
    if (left == 0)
        aq_trace_flush(false);
    return 0;
}

aclError aclrtGetVersion(int32_t *majorVersion, int32_t *minorVersion, int32_t *patchVersion)
{
    if (!majorVersion || !minorVersion || !patchVersion)
        return aq_runtime_refuse_null("aclrtGetVersion", !majorVersion   ? "majorVersion"
                                                         : !minorVersion ? "minorVersion"
                                                                         : "patchVersion");
    *majorVersion = 1; /* 1.13.0, runtime page 4.3 */
    *minorVersion = 13;
    *patchVersion = 0;
    return 0;
}

const char *aclrtGetSocName(void)
{
    return aq_chip_soc(aq_settings_get()->chip);
}

const char *aclGetRecentErrMsg(void)
{
    return aq_take_error();
}

aclnnStatus aclnnInit(const char *configPath)
{
    (void)configPath; /* nothing to set up, so nothing to configure */
    return 0;
}

aclnnStatus aclnnFinalize(void)
{
    return 0;
}
