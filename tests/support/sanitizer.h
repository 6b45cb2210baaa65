/* SPDX-License-Identifier: Apache-2.0 */
/* sanitizer.h - whether this is a build with one, and with which. */
#ifndef TESTS_SUPPORT_SANITIZER_H
#define TESTS_SUPPORT_SANITIZER_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_THREAD_SANITIZER 1
#elif __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(UNDER_THREAD_SANITIZER)
#define UNDER_THREAD_SANITIZER 1
#endif
#if !defined(UNDER_THREAD_SANITIZER)
#define UNDER_THREAD_SANITIZER 0
#endif
#if !defined(UNDER_SANITIZER) && (defined(__SANITIZE_ADDRESS__) || UNDER_THREAD_SANITIZER)
#define UNDER_SANITIZER 1
#elif !defined(UNDER_SANITIZER)
#define UNDER_SANITIZER 0
#endif

#endif
