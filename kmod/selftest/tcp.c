// SPDX-License-Identifier: GPL-2.0
/*
 * Lives of TCP connections, segment by segment, and what the binding is after
 * each (RFC 7857, section 2).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest tcp: " fmt
#include "../tcp.h"

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <uapi/linux/roamnat.h>
#include "selftest.h"

#define S	RNAT_TCP_FLAG_SYN
#define F	(RNAT_TCP_FLAG_FIN | RNAT_TCP_FLAG_ACK)
#define R	RNAT_TCP_FLAG_RST
#define A	RNAT_TCP_FLAG_ACK

#define OPENING		ROAMNAT_BINDING_STATE_OPENING
#define ESTABLISHED	ROAMNAT_BINDING_STATE_ESTABLISHED
#define CLOSING		ROAMNAT_BINDING_STATE_CLOSING

/* Two remote endpoints; the lowest bits are not theirs. */
#define ONE	0x100
#define TWO	0x200

/* A segment, and what is true after it. */
struct step {
	u8 flags;
	bool outbound;
	u32 remote;
	u8 state;
	bool use;
};

/* The binding begins with a SYN to ONE. */
static const struct life {
	const char *name;
	struct step steps[10];
} lives[] = {
	{ "a connection", {
		{ S, true, ONE, OPENING, true },
		{ A, true, ONE, OPENING, false },
		{ S | A, false, ONE, ESTABLISHED, true },
		{ A, true, ONE, ESTABLISHED, true },
		{ F, true, ONE, ESTABLISHED, true },
		{ A, false, ONE, ESTABLISHED, true },
		{ F, false, ONE, CLOSING, true },
		{ A, true, ONE, CLOSING, false },
		{ F, false, ONE, CLOSING, false },
	} },
	{ "both open", {
		{ S, false, ONE, ESTABLISHED, true },
		{ S | A, true, ONE, ESTABLISHED, true },
	} },
	{ "refused", {
		{ R | A, false, ONE, CLOSING, false },
		{ S, true, ONE, OPENING, true },
		{ S | A, false, ONE, ESTABLISHED, true },
	} },
	{ "a reset that is not believed", {
		{ S | A, false, ONE, ESTABLISHED, true },
		{ R, false, ONE, CLOSING, false },
		{ R, false, ONE, CLOSING, false },
		{ A, true, ONE, ESTABLISHED, true },
		{ F, true, ONE, ESTABLISHED, true },
		{ F, false, ONE, CLOSING, true },
		{ A, true, ONE, CLOSING, false },
	} },
	{ "used again for another", {
		{ S | A, false, ONE, ESTABLISHED, true },
		{ R, true, ONE, CLOSING, false },
		{ S, true, TWO, OPENING, true },
		{ S | A, false, TWO, ESTABLISHED, true },
		{ A, false, ONE, ESTABLISHED, false },
		{ R, false, TWO, CLOSING, false },
	} },
	{ "a stranger", {
		{ S | A, false, ONE, ESTABLISHED, true },
		{ S, false, TWO, ESTABLISHED, false },
		{ R | A, true, TWO, ESTABLISHED, false },
		{ R, false, TWO, ESTABLISHED, false },
		{ F, false, TWO, ESTABLISHED, false },
	} },
	{ "many", {
		{ S | A, false, ONE, ESTABLISHED, true },
		{ S, true, TWO, ESTABLISHED, true },
		{ R, false, ONE, ESTABLISHED, false },
		{ F, false, TWO, ESTABLISHED, true },
		{ F, true, TWO, ESTABLISHED, true },
		{ S, true, ONE, ESTABLISHED, true },
	} },
};

static int live(const struct life *life)
{
	struct rnat_tcp tcp = { };
	unsigned int i;
	bool use;

	rnat_tcp_begin(&tcp, ONE);
	for (i = 0; i < ARRAY_SIZE(life->steps); i++) {
		const struct step *s = &life->steps[i];

		if (!s->remote)
			break;
		use = rnat_tcp_advance(&tcp, s->flags, s->remote, s->outbound);
		if (tcp.state == s->state && use == s->use)
			continue;
		pr_err("%s: segment %u: state %u, use %d; wanted %u, %d\n",
		       life->name, i, tcp.state, use, s->state, s->use);
		return -EINVAL;
	}
	return 0;
}

/* A binding that came without its remote endpoint takes the next one. */
static int adopt(void)
{
	struct rnat_tcp tcp = { .state = ESTABLISHED };

	rnat_tcp_advance(&tcp, A, TWO, false);
	rnat_tcp_advance(&tcp, A, ONE, true);
	if (tcp.remote == ONE && !(tcp.seen & RNAT_TCP_MANY))
		return 0;
	pr_err("an unknown remote: %#x, seen %#x\n", tcp.remote, tcp.seen);
	return -EINVAL;
}

static int open_by(u8 flags, bool wanted)
{
	if (rnat_tcp_opens(flags) == wanted)
		return 0;
	pr_err("flags %#x: %s open\n", flags, wanted ? "do not" : "must not");
	return -EINVAL;
}

int rnat_selftest_tcp(void)
{
	int i, err, ret = 0;

	for (i = 0; i < ARRAY_SIZE(lives); i++) {
		err = live(&lives[i]);
		ret = ret ?: err;
	}
	ret = ret ?: adopt();
	ret = ret ?: open_by(S, true);
	ret = ret ?: open_by(S | A, false);
	ret = ret ?: open_by(S | R, false);
	ret = ret ?: open_by(A, false);
	return ret;
}
