// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the frequency of this machine's time stamp counter in kHz. An emulated
 * guest reads the same counter; if it measured the frequency itself against an
 * emulated timer, on a busy machine it would be wrong by a factor of up to 100.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

struct point {
	uint64_t ns, tsc;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* Of many readings the one that took least: nobody interrupted it. */
static struct point read_both(void)
{
	struct point best = { 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		uint64_t before = now(), tsc = __rdtsc(), after = now();

		if (after - before < least) {
			least = after - before;
			best.ns = before + least / 2;
			best.tsc = tsc;
		}
	}
	return best;
}

int main(void)
{
	struct timespec wait = { .tv_nsec = 100000000 };
	struct point a = read_both(), b;

	nanosleep(&wait, NULL);
	b = read_both();
	printf("%.0f\n", (b.tsc - a.tsc) * 1e6 / (b.ns - a.ns));
	return 0;
}
