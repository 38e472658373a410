// SPDX-License-Identifier: GPL-2.0
/*
 * Every packet below, in every shape and checksum state, gets new addresses
 * and ports, and must be what it would have been if it had been sent so.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest rewrite: " fmt
#include "../rewrite.h"

#include <linux/errno.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/printk.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/ip.h>
#include "../tuple.h"
#include "packet.h"
#include "selftest.h"

#define A cpu_to_be32(0x0a000001)
#define B cpu_to_be32(0xc6336405)
#define SP cpu_to_be16(40000)
#define DP cpu_to_be16(53)
#define ROUNDS 24

static const struct rnat_packet packets[] = {
	{ "tcp", A, B, SP, DP, .proto = IPPROTO_TCP, .payload = 33 },
	{ "tcp-options", A, B, SP, DP, .proto = IPPROTO_TCP, .options = 8 },
	{ "udp", A, B, SP, DP, .proto = IPPROTO_UDP, .payload = 31 },
	{ "udp-empty", A, B, SP, DP, .proto = IPPROTO_UDP, .options = 40 },
	{ "udp-absent", A, B, SP, DP, .proto = IPPROTO_UDP, .payload = 20,
	  .absent = true },
	{ "udp-tunnel", A, B, SP, DP, .proto = IPPROTO_UDP, .payload = 61,
	  .tunnel = true },
	{ "udp-first", A, B, SP, DP, .proto = IPPROTO_UDP, .payload = 200,
	  .frag_off = IP_MF, .keep = 48 },
	{ "tcp-first", A, B, SP, DP, .proto = IPPROTO_TCP, .payload = 200,
	  .frag_off = IP_MF, .keep = 24 },
	{ "fragment", A, B, .proto = IPPROTO_UDP, .payload = 40,
	  .frag_off = IP_MF | 6 },
	{ "last", A, B, .proto = IPPROTO_TCP, .payload = 3, .frag_off = 12 },
	{ "echo", A, B, SP, SP, .proto = IPPROTO_ICMP, .type = ICMP_ECHO,
	  .payload = 57 },
	{ "reply", A, B, SP, SP, .proto = IPPROTO_ICMP, .type = ICMP_ECHOREPLY,
	  .options = 4 },
	{ "timestamp", A, B, .proto = IPPROTO_ICMP, .type = ICMP_TIMESTAMP,
	  .payload = 12 },
	{ "udplite", A, B, SP, DP, .proto = IPPROTO_UDPLITE, .payload = 9 },
	{ "dccp", A, B, SP, DP, .proto = IPPROTO_DCCP, .payload = 10 },
	{ "sctp", A, B, SP, DP, .proto = IPPROTO_SCTP, .payload = 16 },
	{ "gre", A, B, .proto = IPPROTO_GRE, .payload = 24 },
	{ "esp", A, B, .proto = IPPROTO_ESP, .payload = 5 },
};

/* Sums carry and wrap at these. */
static const u32 addrs[] = {
	0, 0xffffffff, 0x0000ffff, 0xffff0000, 0x00010000, 0x0a000001,
	0xc6336405, 0x0a00fffe,
};

struct bench {
	struct rnat_sample sample;
	struct rnat_bytes before, want;
	u32 seed;
};

/* Any sequence will do as long as it is the same at each load. */
static u32 next(struct bench *b)
{
	b->seed = b->seed * 1664525 + 1013904223;
	return b->seed;
}

static bool takes_port(const struct rnat_packet *p)
{
	if (p->frag_off & IP_OFFSET)
		return false;
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return true;
	case IPPROTO_ICMP:
		return p->type == ICMP_ECHO || p->type == ICMP_ECHOREPLY;
	}
	return false;
}

/* The packet as it is to become. */
static struct rnat_packet changed(const struct rnat_packet *p, bool dst,
				  __be32 addr, __be16 port)
{
	struct rnat_packet want = *p;

	if (dst)
		want.dst = addr;
	else
		want.src = addr;
	if (port && p->proto == IPPROTO_ICMP)
		want.sport = port;
	else if (port && dst)
		want.dport = port;
	else if (port)
		want.sport = port;
	return want;
}

static const char *apply(struct bench *b, bool dst, __be32 addr, __be16 port)
{
	const union nf_inet_addr to = { .ip = addr };
	struct rnat_sample *s = &b->sample;
	struct rnat_tuple t;
	int err;

	if (rnat_tuple_parse(s->skb, s->nhoff, &t))
		return "it does not parse";
	if (dst)
		err = rnat_rewrite_dst(s->skb, &t, &to, port);
	else
		err = rnat_rewrite_src(s->skb, &t, &to, port);
	if (err)
		return "it was refused";
	return rnat_sample_differs(s, &b->want);
}

static int one(struct bench *b, const struct rnat_packet *p,
	       enum rnat_shape shape, enum rnat_csum csum, int round)
{
	bool dst = round & 1;
	bool has_port = (round & 2) && takes_port(p);
	u32 addr = round < 2 * ARRAY_SIZE(addrs) ? addrs[round / 2] : next(b);
	__be16 port = has_port ? cpu_to_be16(next(b) >> 16 | 1) : 0;
	struct rnat_packet want = changed(p, dst, cpu_to_be32(addr), port);
	const char *what;
	int err;

	rnat_packet_build(p, &b->before);
	rnat_packet_build(&want, &b->want);
	if (has_port && (round & 4)) {
		port = rnat_packet_zeroing_port(&b->want, port) ?: port;
		want = changed(p, dst, cpu_to_be32(addr), port);
		rnat_packet_build(&want, &b->want);
	}
	err = rnat_sample_make(&b->sample, p, &b->before, shape, csum);
	if (err)
		return err;
	what = apply(b, dst, cpu_to_be32(addr), port);
	if (what)
		pr_err("%s, shape %d, csum %d, %s to %08x, port %u: %s\n",
		       p->name, shape, csum, dst ? "dst" : "src", addr,
		       be16_to_cpu(port), what);
	rnat_sample_free(&b->sample);
	return what ? -EINVAL : 0;
}

/* A tuple that does not fit: refused, and nothing written. */
static int refuse(struct bench *b, const struct rnat_packet *p,
		  unsigned int len, __be16 port)
{
	const union nf_inet_addr to = { .ip = B };
	struct rnat_sample *s = &b->sample;
	const char *what = NULL;
	struct rnat_tuple t;
	int err;

	rnat_packet_build(p, &b->before);
	err = rnat_sample_make(s, p, &b->before, RNAT_SHAPE_SPLIT,
			       RNAT_CSUM_NONE);
	if (err)
		return err;
	if (rnat_tuple_parse(s->skb, 0, &t))
		what = "it does not parse";
	else if (pskb_trim(s->skb, len))
		what = "no memory";
	else if (rnat_rewrite_src(s->skb, &t, &to, port) != -EBADMSG)
		what = "it was not refused";
	else
		what = rnat_sample_touched(s);
	if (what)
		pr_err("%s, cut to %u, port %u: %s\n", p->name, len,
		       be16_to_cpu(port), what);
	rnat_sample_free(s);
	return what ? -EINVAL : 0;
}

static int refuse_all(struct bench *b)
{
	const struct rnat_packet *p;
	int i, err, ret = 0;

	for (i = 0; i < ARRAY_SIZE(packets); i++) {
		p = &packets[i];
		rnat_packet_build(p, &b->before);
		err = refuse(b, p, sizeof(struct iphdr) - 1, 0);
		if (!err && !takes_port(p))
			err = refuse(b, p, b->before.len, SP);
		if (!err && takes_port(p))
			err = refuse(b, p, b->before.thoff + 4, SP);
		ret = ret ?: err;
	}
	return ret;
}

static int rewrite_all(struct bench *b, const struct rnat_packet *p)
{
	int shape, csum, round, err = 0;

	for (shape = 0; shape < RNAT_SHAPE_MAX; shape++)
		for (csum = 0; csum < RNAT_CSUM_MAX; csum++) {
			if (!rnat_packet_can(p, csum))
				continue;
			for (round = 0; !err && round < ROUNDS; round++)
				err = one(b, p, shape, csum, round);
		}
	return err;
}

int rnat_selftest_rewrite(void)
{
	struct bench *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int i, err, ret = 0;

	if (!b)
		return -ENOMEM;
	b->seed = 1;
	for (i = 0; i < ARRAY_SIZE(packets); i++) {
		err = rewrite_all(b, &packets[i]);
		ret = ret ?: err;
	}
	err = refuse_all(b);
	kfree(b);
	return ret ?: err;
}
