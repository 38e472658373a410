// SPDX-License-Identifier: GPL-2.0
/*
 * nlfuzz COUNT [SEED [THREADS]]: sends messages that the spec allows, nearly allows
 * and does not allow to the module, in namespaces of their own, and expects nothing
 * but that the kernel stands, answers, and is empty at the end. As root.
 *
 * Values are those near a bound, or of mappings that may be there: one in two
 * messages is right as far as one message can be, so that the others meet a table
 * with something in it. Each thread's messages follow from SEED and its number.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/roamnat.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "nl.h"
#include "spec.h"

#define BATCH 16		/* messages in one send */
#define LIFE 20000		/* messages after which the namespace is left */
#define IDS 12			/* mappings that messages are about */
#define ERRNO_MAX 200
#define WHOLE 500000		/* messages of which each kind must have been taken */
#define LABELS 64		/* of what may be taken: commands, and kinds of mappings */
#define LABEL_KIND 48
#define BLOCK_PORTS 64
#define BLOCK_FIRST 1024

struct fuzzer {
	pthread_t thread;
	unsigned int number;
	uint64_t random, count;
	struct nl nl;
	struct nl_buf out, in;
	uint64_t incarnation, epoch;
	uint32_t kind;			/* of the message that is written */
	bool in_binding;		/* a nest of which is written now */
	bool six;			/* its addresses are those of IPv6 */
	uint8_t cmd;
	uint64_t sent, answers[ERRNO_MAX];
	/* What was written last, by sequence number, and what of it was taken. */
	unsigned char labels[256];
	uint64_t taken[LABELS];
};

static uint64_t next(struct fuzzer *f)
{
	/* splitmix64 */
	uint64_t z = (f->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* 0: of all there are. */
static uint64_t below(struct fuzzer *f, uint64_t n)
{
	uint64_t value = next(f);

	return n ? value % n : value;
}

static bool chance(struct fuzzer *f, unsigned int percent)
{
	return below(f, 100) < percent;
}

static void die(const struct fuzzer *f, const char *what, int err)
{
	fprintf(stderr, "nlfuzz: thread %u after %llu messages: %s: %s\n", f->number,
		(unsigned long long)f->sent, what, strerror(-err));
	exit(1);
}

/* ---- values ---- */

static uint64_t boundary(struct fuzzer *f, const struct spec_attr *a)
{
	uint64_t bit = 1ULL << below(f, 64);

	switch (below(f, 8)) {
	case 0: return a->low;
	case 1: return a->low - 1;
	case 2: return a->low + 1;
	case 3: return a->high;
	case 4: return a->high + 1;
	case 5: return bit - 1 + below(f, 3);
	case 6: return 0;
	}
	return next(f);
}

/* Of a block's mapping there is no protocol; of its bindings, and of packets, there is. */
static bool wants_protocol(const struct fuzzer *f)
{
	return f->kind == ROAMNAT_KIND_PORT || f->in_binding ||
	       f->cmd == ROAMNAT_CMD_WHY || f->cmd == ROAMNAT_CMD_BINDING_GET;
}

static uint16_t likely_port(struct fuzzer *f, const struct spec_attr *a)
{
	bool public = strstr(a->name, "public");

	if (f->in_binding || f->cmd == ROAMNAT_CMD_BINDING_GET)
		return htons(public ? BLOCK_FIRST + below(f, BLOCK_PORTS) : 5000 + below(f, 4));
	if (f->cmd == ROAMNAT_CMD_WHY)
		return htons(chance(f, 50) ? 5000 + below(f, 4) :
			     BLOCK_FIRST + below(f, BLOCK_PORTS));
	if (f->kind == ROAMNAT_KIND_ADDRESS)
		return 0;
	if (f->kind == ROAMNAT_KIND_PORT)
		return htons((1 + below(f, 4)) << 8);
	/* The index of a block, and its first port. */
	return htons(public ? BLOCK_FIRST + BLOCK_PORTS * below(f, 3) : below(f, 3));
}

/* One that a message which is meant well would have. */
static uint64_t likely_value(struct fuzzer *f, const struct spec_attr *a)
{
	static const unsigned char protocols[] = { 6, 17, 1 };

	if (!strcmp(a->name, "id") || !strcmp(a->name, "mapping-id"))
		return 1 + below(f, IDS);
	if (!strcmp(a->name, "epoch"))
		return f->epoch + below(f, 4) - 1;
	if (!strcmp(a->name, "incarnation"))
		return f->incarnation;
	if (!strcmp(a->name, "lease-end-ns"))
		return 0;
	if (!strcmp(a->name, "kind"))
		return f->kind;
	if (!strcmp(a->name, "state") && f->in_binding)
		return a->low + below(f, 5);
	if (!strcmp(a->name, "state") && f->cmd == ROAMNAT_CMD_MAPPING_NEW)
		return chance(f, 70) ? ROAMNAT_STATE_ACTIVE : ROAMNAT_STATE_HELD;
	if (!strcmp(a->name, "state"))
		return ROAMNAT_STATE_MOVING_OUT + below(f, 2);
	if (!strcmp(a->name, "public-ports"))
		return f->kind == ROAMNAT_KIND_BLOCK ? BLOCK_PORTS : 0;
	if (!strcmp(a->name, "protocol"))
		return wants_protocol(f) ? protocols[below(f, 3)] : 0;
	if (strstr(a->name, "port"))
		return likely_port(f, a);
	if (!strcmp(a->name, "ifindex") || !strcmp(a->name, "zone"))
		return 1;
	if (!strcmp(a->name, "len"))
		return 8 * (1 + below(f, 4));
	if (!strcmp(a->name, "mark") || !strcmp(a->name, "mark-mask"))
		return 0;
	if (strstr(a->name, "-ms"))
		return 1000 * (1 + below(f, 10));
	return a->high > a->low ? a->low + below(f, a->high - a->low + 1) : boundary(f, a);
}

static size_t address(struct fuzzer *f, const struct spec_attr *a, uint8_t *to)
{
	static const uint8_t bases[][4] = { { 10, 0, 0 }, { 203, 0, 113 }, { 192, 0, 2 } };
	static const uint8_t bases6[][4] = { { 0xfd, 0, 0, 10 }, { 0x20, 1, 0xd, 0xb8 } };
	bool public = strstr(a->name, "public") || (!strcmp(a->name, "dst") && chance(f, 50));
	/* One to an id, mostly, so that rivals are not the rule. */
	uint8_t host = strcmp(a->name, "addr") ? 1 + below(f, IDS) : 0;

	memset(to, 0, 16);
	if (f->six) {
		memcpy(to, bases6[public], 4);
		to[15] = host;
	} else {
		memcpy(to, bases[strcmp(a->name, "remote-addr") ? public : 2], 4);
		to[3] = host;
	}
	if (chance(f, 95))
		return f->six ? 16 : 4;
	to[0] = chance(f, 50) ? next(f) : to[0];
	return chance(f, 50) ? 16 : below(f, 20);
}

static void put_set(struct fuzzer *f, const struct spec_set *set, const unsigned short *types,
		    unsigned int count, bool wild);

static void put_timer(struct fuzzer *f)
{
	uint64_t preset = 1000 * below(f, 100), elapsed = preset ? below(f, preset + 1) : 0;

	nl_put_u64(&f->out, ROAMNAT_A_TIMER_PRESET_MS, preset);
	nl_put_u64(&f->out, ROAMNAT_A_TIMER_ELAPSED_MS, elapsed);
	nl_put_u64(&f->out, ROAMNAT_A_TIMER_REMAINING_MS, preset - elapsed);
}

static void put_nest(struct fuzzer *f, const struct spec_attr *a, bool wild)
{
	unsigned short types[64];
	unsigned int i, n = a->nested->count < 64 ? a->nested->count : 64;
	size_t nest;

	nest = nl_nest(&f->out, wild && chance(f, 10) ? a->type & ~NLA_F_NESTED : a->type);
	for (i = 0; i < n; i++)
		types[i] = a->nested->attrs[i].type;
	f->in_binding = !strcmp(a->name, "binding");
	if (!strcmp(a->name, "timer") && (!wild || chance(f, 50)))
		put_timer(f);
	else
		put_set(f, a->nested, types, n, wild);
	f->in_binding = false;
	nl_nest_end(&f->out, nest);
}

static size_t width(enum spec_kind kind)
{
	return kind == SPEC_U16 ? 2 : kind == SPEC_U32 ? 4 : 8;
}

/* @wild: any of what can be wrong with one attribute, or its value. */
static void put_attr(struct fuzzer *f, const struct spec_attr *a, bool wild)
{
	static const uint8_t junk[NL_MAX / 2];
	uint8_t data[128];
	uint64_t value;
	size_t len = 0;

	memset(data, 0, sizeof(data));
	switch (a->kind) {
	case SPEC_NEST:
		if (!wild || chance(f, 80)) {
			put_nest(f, a, wild);
			return;
		}
		break;
	case SPEC_U16:
	case SPEC_U32:
	case SPEC_U64:
		value = wild && chance(f, 60) ? boundary(f, a) : likely_value(f, a);
		len = width(a->kind);
		memcpy(data, &value, sizeof(value));
		break;
	case SPEC_BINARY:
		len = address(f, a, data);
		break;
	case SPEC_STRING:
		len = below(f, 80);
		memset(data, 'v', len);
		break;
	case SPEC_FLAG:
	case SPEC_PAD:
		break;
	}
	if (wild && chance(f, 20))
		len = below(f, sizeof(data));
	if (wild && chance(f, 1))
		nl_put(&f->out, a->type, junk, below(f, sizeof(junk)));
	else
		nl_put(&f->out, a->type | (wild && chance(f, 5) ? next(f) & 0xc000 : 0), data, len);
}

static void put_set(struct fuzzer *f, const struct spec_set *set, const unsigned short *types,
		    unsigned int count, bool wild)
{
	unsigned int i, k;

	for (i = 0; i < count; i++) {
		const struct spec_attr *a = spec_attr(set, types[i]);

		if (!a || a->kind == SPEC_PAD || (wild && chance(f, 10)))
			continue;
		/* One side is asked for, not both. */
		if (!wild && strstr(a->name, "public") && f->cmd == ROAMNAT_CMD_BINDING_GET)
			continue;
		/* Nothing but a block has bindings. */
		if (!strcmp(a->name, "binding") && !wild && f->kind != ROAMNAT_KIND_BLOCK)
			continue;
		/* What a command takes either of, and lists that may be empty. */
		if (chance(f, 1))
			continue;
		put_attr(f, a, wild && chance(f, 30));
		for (k = 0; wild && chance(f, 10) && k < 4; k++)
			put_attr(f, a, true);
	}
	if (wild && chance(f, 10))
		put_attr(f, &set->attrs[below(f, set->count)], true);
	if (wild && chance(f, 5))
		nl_put(&f->out, next(f), &f->random, below(f, 9));
}

/* ---- messages ---- */

static void damage(struct fuzzer *f)
{
	struct nlmsghdr *msg = f->out.msg;
	struct genlmsghdr *genl = NLMSG_DATA(msg);
	size_t body = msg->nlmsg_len - NLMSG_HDRLEN;
	uint8_t *at = (uint8_t *)genl + below(f, body);

	switch (below(f, 8)) {
	case 0: genl->cmd = next(f); break;
	case 1: genl->version = next(f); break;
	case 2: genl->reserved = next(f); break;
	case 3: msg->nlmsg_flags = NLM_F_REQUEST | next(f); break;
	case 4: *at ^= 1 << below(f, 8); break;
	case 5: *at = next(f); break;
	case 6: msg->nlmsg_len -= below(f, body); break;
	case 7: memset(at, 0xff, body - (at - (uint8_t *)genl)); break;
	}
}

static const struct spec_op *op_of(uint8_t cmd)
{
	unsigned int i;

	for (i = 0; i < spec_op_count - 1 && spec_ops[i].cmd != cmd; i++)
		;
	return &spec_ops[i];
}

static void write_message(struct fuzzer *f)
{
	static const uint8_t filling[] = {
		ROAMNAT_CMD_MAPPING_NEW, ROAMNAT_CMD_MAPPING_NEW, ROAMNAT_CMD_MAPPING_FREEZE,
		ROAMNAT_CMD_MAPPING_DEL,
	};
	const struct spec_op *op = &spec_ops[below(f, spec_op_count)];
	bool wild = chance(f, 50);
	uint16_t flags = NLM_F_ACK;

	/* The commands that fill the table are wanted more often. */
	if (chance(f, 30))
		op = op_of(filling[below(f, 4)]);
	if (op->dump && chance(f, 30))
		flags = NLM_F_DUMP;
	f->kind = 1 + below(f, 3);
	f->six = f->kind == ROAMNAT_KIND_ADDRESS && chance(f, 40);
	if (op->cmd == ROAMNAT_CMD_CONFIG_SET && !wild)
		op = &spec_ops[below(f, spec_op_count)];
	f->cmd = op->cmd;
	f->labels[(f->nl.seq + 1) % 256] = op->cmd != ROAMNAT_CMD_MAPPING_NEW ? op - spec_ops :
					   LABEL_KIND + (f->six ? 0 : f->kind);
	nl_begin(&f->nl, &f->out, op->cmd, flags);
	put_set(f, op->set, op->request, op->request_count, wild);
	if (wild && chance(f, 30))
		damage(f);
	if (chance(f, 2))
		f->epoch++;
}

/* A registration as an agent makes it. */
static void write_session(struct fuzzer *f)
{
	unsigned char label = op_of(ROAMNAT_CMD_SESSION_SET) - spec_ops;

	f->labels[(f->nl.seq + 1) % 256] = label;
	f->labels[(f->nl.seq + 2) % 256] = label;
	nl_begin(&f->nl, &f->out, ROAMNAT_CMD_SESSION_SET, NLM_F_ACK);
	nl_put_u64(&f->out, ROAMNAT_A_SESSION_INCARNATION, 0);
	f->incarnation++;
	nl_begin(&f->nl, &f->out, ROAMNAT_CMD_SESSION_SET, NLM_F_ACK);
	nl_put_u64(&f->out, ROAMNAT_A_SESSION_INCARNATION, f->incarnation);
	nl_put_u64(&f->out, ROAMNAT_A_SESSION_LEASE_END_NS, 0);
}

static void count_answers(struct fuzzer *f, ssize_t len)
{
	const struct nlmsghdr *msg = (const struct nlmsghdr *)f->in.data;

	for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
		int err;

		if (msg->nlmsg_type != NLMSG_ERROR && msg->nlmsg_type != NLMSG_DONE)
			continue;
		memcpy(&err, NLMSG_DATA(msg), sizeof(err));
		if (err > 0 || err <= -ERRNO_MAX)
			die(f, "an answer that is no error number", err);
		f->answers[-err]++;
		f->taken[f->labels[msg->nlmsg_seq % 256]] += !err;
	}
}

static void drain(struct fuzzer *f)
{
	ssize_t n;

	while ((n = recv(f->nl.fd, f->in.data, sizeof(f->in.data), MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == ENOBUFS))
		if (n > 0)
			count_answers(f, n);
}

static void send_batch(struct fuzzer *f)
{
	unsigned int i;

	f->out.len = 0;
	if (chance(f, 3))
		write_session(f);
	for (i = 0; i < BATCH; i++) {
		write_message(f);
		/* A length that lies ends the batch: the rest would not be read. */
		if (NLMSG_ALIGN(f->out.msg->nlmsg_len) !=
		    f->out.len - ((uint8_t *)f->out.msg - f->out.data) ||
		    f->out.len > NL_MAX / 2)
			break;
	}
	f->sent += i < BATCH ? i + 1 : i;
	if (send(f->nl.fd, f->out.data, f->out.len, 0) < 0 && errno != EINVAL && errno != ENOBUFS)
		die(f, "send", -errno);
	drain(f);
}

/* ---- a namespace's life ---- */

static uint64_t gauge(struct fuzzer *f, uint16_t type)
{
	const struct nlattr *a;
	int err;

	f->out.len = 0;
	nl_begin(&f->nl, &f->out, ROAMNAT_CMD_STATS_GET, NLM_F_ACK);
	err = nl_call(&f->nl, &f->out, &f->in);
	a = err ? NULL : nl_find(f->in.data, f->in.len, type);
	if (!a)
		die(f, "stats-get", err);
	return nl_number(a);
}

static void call(struct fuzzer *f, const char *what)
{
	int err = nl_call(&f->nl, &f->out, NULL);

	if (err)
		die(f, what, err);
}

static void enter(struct fuzzer *f)
{
	int err = unshare(CLONE_NEWNET) ? -errno : nl_open(&f->nl);

	if (err)
		die(f, "a namespace", err);
	f->incarnation = 0;
	f->epoch = 1;
	f->out.len = 0;
	write_session(f);
	call(f, "session-set");
}

/* Half of them are taken down by hand first, the others go with all they have. */
static void leave(struct fuzzer *f)
{
	drain(f);
	if (chance(f, 50)) {
		f->out.len = 0;
		nl_begin(&f->nl, &f->out, ROAMNAT_CMD_SESSION_SET, NLM_F_ACK);
		nl_put_u64(&f->out, ROAMNAT_A_SESSION_INCARNATION, 0);
		call(f, "session-set 0");
		f->out.len = 0;
		nl_begin(&f->nl, &f->out, ROAMNAT_CMD_MAPPING_FLUSH, NLM_F_ACK);
		call(f, "mapping-flush");
		f->out.len = 0;
		nl_begin(&f->nl, &f->out, ROAMNAT_CMD_INSIDE_SET, NLM_F_ACK);
		call(f, "inside-set");
		if (gauge(f, ROAMNAT_A_STATS_MAPPINGS) || gauge(f, ROAMNAT_A_STATS_BINDINGS) ||
		    gauge(f, ROAMNAT_A_STATS_MISSES) ||
		    gauge(f, ROAMNAT_A_STATS_HELD_PACKETS) || gauge(f, ROAMNAT_A_STATS_HELD_BYTES))
			die(f, "something is left", -EEXIST);
	}
	nl_close(&f->nl);
}

static void *run(void *arg)
{
	struct fuzzer *f = arg;
	uint64_t life;

	while (f->sent < f->count) {
		enter(f);
		life = f->sent + LIFE;
		while (f->sent < life && f->sent < f->count)
			send_batch(f);
		leave(f);
		if (!f->number) {
			printf("# nlfuzz: %llu messages\n", (unsigned long long)f->sent);
			fflush(stdout);
		}
	}
	return NULL;
}

static const char *label(unsigned int i)
{
	static const char * const kinds[] = {
		"of IPv6", "of an address", "of a port", "of a block",
	};

	return i >= LABEL_KIND ? kinds[i - LABEL_KIND] : spec_ops[i].name;
}

/* No packet comes here, so nothing is waited for; and a way to another gateway is wanted
 * of a mapping that is frozen at that moment.
 */
static bool is_rare(uint8_t cmd)
{
	return cmd == ROAMNAT_CMD_MISS_REFUSE || cmd == ROAMNAT_CMD_MAPPING_FORWARD;
}

/* How many kinds of messages were never taken: those have not been tried. */
static unsigned int report_taken(const struct fuzzer *fuzzers, unsigned int threads)
{
	unsigned int i, k, untaken = 0;

	for (i = 0; i < LABEL_KIND + 4; i++) {
		uint64_t n = 0;

		if (i < LABEL_KIND && (i >= spec_op_count ||
				       spec_ops[i].cmd == ROAMNAT_CMD_MAPPING_NEW))
			continue;
		for (k = 0; k < threads; k++)
			n += fuzzers[k].taken[i];
		printf("# nlfuzz: %10llu taken: %s%s\n", (unsigned long long)n,
		       i < LABEL_KIND ? "" : "mapping-new ", label(i));
		untaken += !n && (i >= LABEL_KIND || !is_rare(spec_ops[i].cmd));
	}
	return untaken;
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 100000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	unsigned int i, k, threads = argc > 3 ? strtoul(argv[3], NULL, 0) : 2;
	struct fuzzer *fuzzers = calloc(threads, sizeof(*fuzzers));
	uint64_t sent = 0, answers[ERRNO_MAX] = { 0 };
	struct timespec a, b;
	unsigned int untaken;
	double seconds;

	if (!fuzzers || !threads)
		return 1;
	printf("# nlfuzz: seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < threads; i++) {
		fuzzers[i].number = i;
		fuzzers[i].random = seed * 1000 + i;
		fuzzers[i].count = count / threads;
		if (pthread_create(&fuzzers[i].thread, NULL, run, &fuzzers[i]))
			return 1;
	}
	for (i = 0; i < threads; i++) {
		pthread_join(fuzzers[i].thread, NULL);
		sent += fuzzers[i].sent;
		for (k = 0; k < ERRNO_MAX; k++)
			answers[k] += fuzzers[i].answers[k];
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	seconds = b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9;
	printf("# nlfuzz: %llu messages in %.0f s, %.0f a second\n", (unsigned long long)sent,
	       seconds, sent / seconds);
	for (k = 0; k < ERRNO_MAX; k++)
		if (answers[k])
			printf("# nlfuzz: %10llu %s\n", (unsigned long long)answers[k],
			       k ? strerror(k) : "taken");
	untaken = report_taken(fuzzers, threads);
	free(fuzzers);
	/* Without these the table was empty and little was tried. */
	return (!untaken || sent < WHOLE) && answers[0] && answers[ESTALE] && answers[EINVAL] &&
	       (answers[EEXIST] || answers[EBUSY]) ? 0 : 1;
}
