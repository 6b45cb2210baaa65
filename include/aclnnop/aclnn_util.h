/* SPDX-License-Identifier: Apache-2.0 */
/* aclnn_util.h - the mark that operators are exported with. Source: runtime page 4.1. */
#ifndef ACLNNOP_ACLNN_UTIL_H
#define ACLNNOP_ACLNN_UTIL_H

/** Marks a function that libopapi exports. */
#if defined(__GNUC__)
#define ACLNN_API __attribute__((visibility("default")))
#else
#define ACLNN_API
#endif

#endif
