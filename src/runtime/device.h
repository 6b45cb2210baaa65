/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - how many devices there are. */
#ifndef AQ_RUNTIME_DEVICE_H
#define AQ_RUNTIME_DEVICE_H

#include <stdint.h>

/* ANTIQUANT_DEVICES, less those that ASCEND_RT_VISIBLE_DEVICES hides. May be 0. */
uint32_t aq_device_count(void);

/* 0, or 107001 with its text. */
int aq_device_check(const char *function, const char *argument, int32_t device);

#endif
