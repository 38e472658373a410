// SPDX-License-Identifier: GPL-2.0
/*
 * spin SECONDS: what is left of a CPU. Counts how often it can read the clock, and the
 * longest time between two readings, in which the kernel did something else. In a
 * guest whose clock counts instructions, fewer rounds are instructions of the kernel.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t start = now(), last = start, worst = 0, rounds = 0, t;

	if (!seconds) {
		fprintf(stderr, "usage: spin SECONDS\n");
		return 2;
	}
	do {
		t = now();
		if (t - last > worst)
			worst = t - last;
		last = t;
		rounds++;
	} while (t < start + seconds * 1000000000ULL);
	printf("{\"rounds\":%llu,\"worst_us\":%.1f}\n", (unsigned long long)rounds, worst / 1e3);
	return 0;
}
