// SPDX-License-Identifier: GPL-2.0
/*
 * sim [--first N] [--seeds N | --events N] [--failures N] [--quiet] [--cells]
 * sim --seed N [--trace]
 * Runs worlds, one for each seed; a world that breaks an invariant is run again
 * and its last lines are shown. The last line counts worlds.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "sim.h"

static struct sim sim;
static struct sim_totals totals;

struct options {
	uint64_t first, seeds, events, failures;
	bool one, trace, quiet, cells;
};

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void tell(uint64_t seed, const char *failure, uint64_t events)
{
	static struct sim_totals again;

	printf("seed %llu, event %llu: %s\n", (unsigned long long)seed,
	       (unsigned long long)events, failure);
	sim_trace_begin(false);
	sim_run(&sim, seed, true, &again);
	sim_trace_end();
	printf("(make sim SEED=%llu shows all of it)\n", (unsigned long long)seed);
}

static void progress(uint64_t seed)
{
	uint64_t events = totals.steps + totals.deliveries;

	printf("sim: seed %llu, %llu failed, %llu events (%llu steps, %llu deliveries), %.0f events/s of CPU, %.0f days\n",
	       (unsigned long long)seed, (unsigned long long)totals.failed,
	       (unsigned long long)events, (unsigned long long)totals.steps,
	       (unsigned long long)totals.deliveries, (double)events / seconds(),
	       (double)totals.virtual_ms / 86400000);
	fflush(stdout);
}

static void run_many(const struct options *o)
{
	uint64_t seed = o->first, next = 100000000, events = 0;

	for (; totals.failed < o->failures; seed++) {
		if (o->events ? events >= o->events : totals.seeds >= o->seeds)
			break;
		if (!sim_run(&sim, seed, false, &totals)) {
			char failure[sizeof(sim.failure)];

			snprintf(failure, sizeof(failure), "%s", sim.failure);
			if (o->quiet)
				printf("seed %llu: %s\n", (unsigned long long)seed, failure);
			else
				tell(seed, failure, sim.steps + sim.deliveries);
		}
		events = totals.steps + totals.deliveries;
		if (events >= next) {
			next += 100000000;
			progress(seed);
		}
	}
	progress(seed - 1);
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option long_options[] = {
		{ "first", required_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "events", required_argument, NULL, 'e' },
		{ "failures", required_argument, NULL, 'x' },
		{ "seed", required_argument, NULL, 's' }, { "trace", no_argument, NULL, 't' },
		{ "quiet", no_argument, NULL, 'q' }, { "cells", no_argument, NULL, 'c' }, { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		uint64_t value = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (c) {
		case 'f': o->first = value; break;
		case 'n': o->seeds = value; break;
		case 'e': o->events = value; break;
		case 'x': o->failures = value; break;
		case 's': o->one = true; o->first = value; break;
		case 't': o->trace = true; break;
		case 'q': o->quiet = true; break;
		case 'c': o->cells = true; break;
		default: return false;
		}
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct options o = { .first = 1, .seeds = 1000, .failures = 10 };

	if (!parse(argc, argv, &o)) {
		fprintf(stderr, "usage: sim [--first N] [--seeds N | --events N] [--failures N] [--quiet] [--cells] | --seed N [--trace]\n");
		return 2;
	}
	if (o.one) {
		sim_trace_begin(o.trace);
		if (!sim_run(&sim, o.first, true, &totals)) {
			sim_trace_end();
			printf("seed %llu: %s\n", (unsigned long long)o.first, sim.failure);
		}
	} else {
		run_many(&o);
	}
	if (o.cells)
		sim_report(&totals);
	printf("sim: %llu passed, %llu failed\n",
	       (unsigned long long)(totals.seeds - totals.failed),
	       (unsigned long long)totals.failed);
	return totals.failed != 0;
}
