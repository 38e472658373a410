// SPDX-License-Identifier: GPL-2.0
/*
 * failnth: each command of the module, with its first allocation failed, its second,
 * and so on until none is left that could fail (/proc/thread-self/fail-nth). After
 * each: the command has been done, or nothing has changed; what it said is not asked,
 * because its answer may be what there was no memory for. As root, on a kernel with
 * failslab; each attempt has a namespace of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/roamnat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"

#define FAIL_MAX 200	/* allocations of one command; no command has so many */

static struct nl_buf before, after, done;

/* A timer goes on and a counter counts: neither is what a command has changed. */
static void blank(struct nl_buf *b, uint16_t type)
{
	const struct nlattr *a;
	size_t at = 0;

	while (at < b->len && (a = nl_find(b->data + at, b->len - at, type))) {
		at = (const uint8_t *)a - b->data;
		memset(b->data + at + NLA_HDRLEN, 0, a->nla_len - NLA_HDRLEN);
		at += NLA_ALIGN(a->nla_len);
	}
}

static void add(struct nl *nl, struct nl_buf *all, uint8_t cmd, uint16_t flags,
		const uint16_t *moving)
{
	int err;

	nl_out.len = 0;
	nl_begin(nl, &nl_out, cmd, flags);
	err = nl_call(nl, &nl_out, &nl_answer);
	if (err) {
		fprintf(stderr, "failnth: command %u: %s\n", cmd, strerror(-err));
		exit(1);
	}
	for (; *moving; moving++)
		blank(&nl_answer, *moving);
	memcpy(all->data + all->len, nl_answer.data, nl_answer.len);
	all->len += nl_answer.len;
}

static void snapshot(struct nl *nl, struct nl_buf *all)
{
	static const uint16_t nothing[] = { 0 }, timer[] = {
		ROAMNAT_A_MAPPING_TIMER, ROAMNAT_A_MAPPING_FIRST_TRANSLATED_NS,
		ROAMNAT_A_MAPPING_LAST_TRANSLATED_NS, 0,
	};
	static const uint16_t binding[] = { ROAMNAT_A_MAPPING_BINDING, 0 };
	static const uint16_t counters[] = {
		ROAMNAT_A_STATS_COUNTERS, ROAMNAT_A_STATS_UPCALLS, ROAMNAT_A_STATS_UPCALLS_MERGED,
		ROAMNAT_A_STATS_UPCALLS_LOST, ROAMNAT_A_STATS_IDLE_EVENTS,
		ROAMNAT_A_STATS_ICMP_SENT, ROAMNAT_A_STATS_ICMP_SUPPRESSED,
		ROAMNAT_A_STATS_STALE_REFUSED, 0,
	};

	all->len = 0;
	add(nl, all, ROAMNAT_CMD_MAPPING_GET, NLM_F_DUMP, timer);
	add(nl, all, ROAMNAT_CMD_BINDING_GET, NLM_F_DUMP, binding);
	add(nl, all, ROAMNAT_CMD_INSIDE_GET, NLM_F_DUMP, nothing);
	add(nl, all, ROAMNAT_CMD_CONFIG_GET, NLM_F_ACK, nothing);
	add(nl, all, ROAMNAT_CMD_FORWARD_GET, NLM_F_ACK, nothing);
	add(nl, all, ROAMNAT_CMD_SESSION_GET, NLM_F_ACK, nothing);
	/* The gauges: bounds must not fill up with what was refused. */
	add(nl, all, ROAMNAT_CMD_STATS_GET, NLM_F_ACK, counters);
}

static bool same(const struct nl_buf *a, const struct nl_buf *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static int fail_fd;

/* The @nth allocation from now on fails; 0 ends it: did one fail? */
static bool fail_nth(unsigned int nth)
{
	char text[16];
	ssize_t n;

	n = pread(fail_fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	dprintf(fail_fd, "%u", nth);
	return !atoi(text);
}

/* What the command does when nothing fails: that is what "done" means. */
static bool try_whole(const struct nl_command *a)
{
	struct nl nl;
	int err;

	nl_prepare(&nl, a->before);
	nl_begin_command(&nl, a);
	a->put();
	err = nl_call(&nl, &nl_out, NULL);
	snapshot(&nl, &done);
	nl_close(&nl);
	return !err;
}

static size_t differs_at(const struct nl_buf *a, const struct nl_buf *b)
{
	size_t i;

	for (i = 0; i < a->len && i < b->len && a->data[i] == b->data[i]; i++)
		;
	return i;
}

/* False: @nth is more than the command allocates. */
static bool attempt(struct nl *nl, const struct nl_command *a, unsigned int nth, bool *ok)
{
	bool fired;
	int err;

	nl_begin_command(nl, a);
	a->put();
	fail_nth(nth);
	err = nl_call(nl, &nl_out, NULL);
	fired = fail_nth(0);
	snapshot(nl, &after);
	*ok = same(&after, err ? &before : &done) || same(&after, &done);
	if (!*ok && err && a->partial) {
		nl_begin_command(nl, a);
		a->put();
		nl_call(nl, &nl_out, NULL);
		snapshot(nl, &after);
		*ok = same(&after, &done);
	}
	if (!*ok)
		printf("# %s: with allocation %u failed: %s; unlike before from byte %zu of %zu on, unlike done from %zu of %zu\n",
		       a->name, nth, strerror(-err), differs_at(&after, &before), before.len,
		       differs_at(&after, &done), done.len);
	return fired;
}

static void sweep(const struct nl_command *a)
{
	bool all = try_whole(a), ok = true, fired = true;
	unsigned int nth;
	char how[80];
	struct nl nl = { .fd = -1 };

	for (nth = 1; fired && nth < FAIL_MAX; nth++) {
		/* A namespace in which nothing has changed is as good as new. */
		if (nl.fd < 0) {
			nl_prepare(&nl, a->before);
			snapshot(&nl, &before);
		}
		fired = attempt(&nl, a, nth, &ok);
		all = all && ok;
		if (!same(&after, &before))
			nl_close(&nl);
	}
	if (nl.fd >= 0)
		nl_close(&nl);
	snprintf(how, sizeof(how), "is done or is not, whichever of %u allocations fails", nth - 2);
	nl_result(all && nth < FAIL_MAX, a->name, how);
}

int main(void)
{
	unsigned int i;

	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_fd < 0) {
		fprintf(stderr, "failnth: this kernel fails no allocations\n");
		return 1;
	}
	for (i = 0; i < nl_command_count; i++)
		sweep(&nl_commands[i]);
	return nl_end("failnth");
}
