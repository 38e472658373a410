// SPDX-License-Identifier: GPL-2.0
#include "base/random.h"

#include <glib.h>
#include <sys/random.h>

#define BATCH	32	/* 256 bytes: getrandom(2) gives so many or none */

uint64_t rn_random(void)
{
	static _Thread_local uint64_t number[BATCH];
	static _Thread_local unsigned int left;
	uint64_t value;

	if (!left) {
		if (getrandom(number, sizeof(number), 0) != sizeof(number))
			g_error("getrandom failed: the kernel is too old");
		left = BATCH;
	}
	value = number[--left];
	/* What was used is not found in a core file. */
	number[left] = 0;
	return value;
}
