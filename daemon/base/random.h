/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RN_BASE_RANDOM_H
#define RN_BASE_RANDOM_H

#include <stdint.h>

/* A number that nobody can guess (P10). Of the kernel's, which are fetched many at a
 * time; each thread has its own.
 */
uint64_t rn_random(void);

#endif
