/* SPDX-License-Identifier: Apache-2.0 */
/* start_thread.h - threads of the library's own. Knows not what they do. */
#ifndef AQ_BASE_START_THREAD_H
#define AQ_BASE_START_THREAD_H

#include <pthread.h>

/* As pthread_create. The program's signals stay with the program's threads; only those that a fault raises in
 * the thread itself are open in it, or the program's handler for them would not be called. */
int aq_start_thread(pthread_t *thread, void *(*run)(void *argument), void *argument);

#endif
