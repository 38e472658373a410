// SPDX-License-Identifier: GPL-2.0
/*
 * Durable grants per second: the controller's core, own machine, pools and store
 * as they are, without connections. A grant counts when its message leaves, which
 * is when its commit is on disk; each is acknowledged as a gateway does. Beside
 * it, and in the same run on the same file system, what the disk itself does:
 * 4 kB written and fdatasync'ed in a loop.
 *
 *   grants [DIRECTORY [RUNS]]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "ctlbench.h"

#define GATEWAYS	50
#define FSYNCS		300

struct load {
	const char *name;
	unsigned int window;	/* requests under way, over all gateways */
	unsigned int total;
};

static const struct load loads[] = {
	{ "single, one at a time", 1, 1000 },
	{ "50 gateways, one each", GATEWAYS, 20000 },
	{ "50 gateways, 40 each", GATEWAYS * 40, 100000 },
	{ "50 gateways, 400 each", GATEWAYS * 400, 100000 },
};

#define LOADS	G_N_ELEMENTS(loads)

struct run {
	struct ctlbench bench;
	const struct load *load;
	unsigned int asked, granted;
	gint64 *begun, *took;	/* µs, by request */
	GArray *acks;		/* struct ack */
};

struct ack {
	unsigned int gw;
	struct rn_msg msg;
};

static void on_sent(struct ctlbench *bench, struct rn_gateway *gw, const struct rn_msg *msg)
{
	struct run *run = bench->user;
	struct ack ack = { .gw = gw->row.number, .msg = *msg };

	if (msg->type != RN_MSG_GRANT)
		return;
	run->took[msg->nonce - 1] = g_get_monotonic_time() - run->begun[msg->nonce - 1];
	run->granted++;
	g_array_append_val(run->acks, ack);
}

static void ask(struct run *run)
{
	unsigned int i = run->asked++;

	run->begun[i] = g_get_monotonic_time();
	ctlbench_natreq(&run->bench, 1 + i % GATEWAYS, 1 + i, 1 + i);
}

/* Not from within the sending. */
static void acknowledge(struct run *run)
{
	for (guint i = 0; i < run->acks->len; i++) {
		const struct ack *ack = &g_array_index(run->acks, struct ack, i);

		ctlbench_message(&run->bench, ack->gw, RN_MSG_GRANT_ACK, &ack->msg);
	}
	g_array_set_size(run->acks, 0);
}

static int compare(const void *a, const void *b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return x < y ? -1 : x > y;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct result {
	double rate;		/* grants per second */
	double p50, p99;	/* ms */
	double group;		/* grants of a commit */
	double cpu;		/* µs of all threads for a grant */
};

static void registered(struct run *run)
{
	for (unsigned int i = 1; i <= GATEWAYS; i++)
		rn_core_register(run->bench.core, ctlbench_gw(&run->bench, i), i);
	ctlbench_settle(&run->bench);
}

static double cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static struct result measure(const char *dir, const struct load *load)
{
	struct run run = { .load = load };
	g_autoptr(GError) error = NULL;
	g_autofree char *template = g_build_filename(dir, "grants-XXXXXX", NULL);
	struct rn_store_stats before, after;
	struct result result;
	double cpu;
	gint64 start;

	run.begun = g_new0(gint64, load->total);
	run.took = g_new0(gint64, load->total);
	run.acks = g_array_new(FALSE, FALSE, sizeof(struct ack));
	if (!g_mkdtemp(template) ||
	    !ctlbench_start(&run.bench, template, GATEWAYS, "0", NULL, &error))
		g_error("%s: %s", template, error ? error->message : "cannot be made");
	registered(&run);
	run.bench.user = &run;
	run.bench.sent = on_sent;
	before = rn_store_stats(run.bench.core->store);
	cpu = cpu_us();
	start = g_get_monotonic_time();
	while (run.granted < load->total) {
		while (run.asked < load->total && run.asked - run.granted < load->window)
			ask(&run);
		g_main_context_iteration(NULL, TRUE);
		acknowledge(&run);
	}
	result.rate = load->total * 1e6 / (g_get_monotonic_time() - start);
	result.cpu = (cpu_us() - cpu) / load->total;
	after = rn_store_stats(run.bench.core->store);
	qsort(run.took, load->total, sizeof(*run.took), compare);
	result.p50 = run.took[load->total / 2] / 1000.0;
	result.p99 = run.took[load->total * 99 / 100] / 1000.0;
	result.group = (double)load->total / (after.commits - before.commits);
	ctlbench_free(&run.bench);
	g_array_unref(run.acks);
	g_free(run.begun);
	g_free(run.took);
	return result;
}

/* fdatasync's per second */
static double disk(const char *dir)
{
	g_autofree char *file = g_build_filename(dir, "grants-fsync", NULL);
	static const char block[4096] = "x";
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	gint64 start = g_get_monotonic_time();

	for (int i = 0; i < FSYNCS; i++)
		if (pwrite(fd, block, sizeof(block), (off_t)i * 4096) != sizeof(block) ||
		    fdatasync(fd) < 0)
			g_error("%s: write fails", file);
	start = g_get_monotonic_time() - start;
	close(fd);
	unlink(file);
	return FSYNCS * 1e6 / start;
}

static GLogWriterOutput quiet(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	return level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL) ?
		g_log_writer_standard_streams(level, fields, n, data) : G_LOG_WRITER_HANDLED;
}

static double median(double *values, int n)
{
	qsort(values, n, sizeof(*values), compare_double);
	return values[n / 2];
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "build";
	int runs = argc > 2 ? CLAMP(atoi(argv[2]), 1, 99) : 5;
	double rate[LOADS][99], p50[LOADS][99], p99[LOADS][99], group[LOADS][99], cpu[LOADS][99];
	double ratio[LOADS][99], fsyncs[99 * LOADS];
	int n = 0;

	g_log_set_writer_func(quiet, NULL, NULL);
	/* Disk and store in turns, so that both meet the same weather. */
	for (int i = 0; i < runs; i++) {
		for (gsize l = 0; l < LOADS; l++) {
			double before = disk(dir);
			struct result r = measure(dir, &loads[l]);

			fsyncs[n] = (before + disk(dir)) / 2;
			rate[l][i] = r.rate;
			p50[l][i] = r.p50;
			p99[l][i] = r.p99;
			group[l][i] = r.group;
			cpu[l][i] = r.cpu;
			ratio[l][i] = r.rate / fsyncs[n++];
		}
	}
	printf("disk: %.0f fdatasync of 4 kB per second (median of %d)\n", median(fsyncs, n), n);
	for (gsize l = 0; l < LOADS; l++)
		printf("%-24s %7.0f durable grants/s, %6.2f for each fdatasync; p50 %.2f ms, p99 %.2f ms; %.0f in a commit; %.1f us of CPU\n",
		       loads[l].name, median(rate[l], runs), median(ratio[l], runs),
		       median(p50[l], runs), median(p99[l], runs), median(group[l], runs),
		       median(cpu[l], runs));
	printf("(medians of %d runs)\n", runs);
	return 0;
}
