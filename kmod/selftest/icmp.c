// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors about every kind of packet, cut at various lengths: the quote
 * gets a new source or destination, and so does the error around it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest icmp: " fmt
#include "../icmp.h"

#include <linux/errno.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/printk.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/ip.h>
#include "../rewrite.h"
#include "../tuple.h"
#include "packet.h"
#include "selftest.h"

#define A cpu_to_be32(0xc6336405)
#define B cpu_to_be32(0x08080808)
#define ROUTER cpu_to_be32(0xcb007101)
#define SP cpu_to_be16(40000)
#define DP cpu_to_be16(53)
#define ROUNDS 8

static const struct rnat_packet quotes[] = {
	{ "tcp", A, B, SP, DP, .proto = IPPROTO_TCP, .payload = 40 },
	{ "udp", A, B, SP, DP, .proto = IPPROTO_UDP, .payload = 33 },
	{ "udp-absent", A, B, SP, DP, .proto = IPPROTO_UDP, .payload = 30,
	  .absent = true },
	{ "udp-first", A, B, SP, DP, .proto = IPPROTO_UDP, .payload = 30,
	  .frag_off = IP_MF },
	{ "fragment", A, B, .proto = IPPROTO_UDP, .payload = 30, .frag_off = 4 },
	{ "echo", A, B, SP, SP, .proto = IPPROTO_ICMP, .type = ICMP_ECHO,
	  .payload = 24 },
	{ "udplite", A, B, SP, DP, .proto = IPPROTO_UDPLITE, .payload = 25 },
	{ "dccp", A, B, SP, DP, .proto = IPPROTO_DCCP, .payload = 24 },
	{ "sctp", A, B, SP, DP, .proto = IPPROTO_SCTP, .payload = 24 },
	{ "gre", A, B, .proto = IPPROTO_GRE, .payload = 24 },
};

static const u8 options[] = { 0, 4, 40 };
static const u8 keeps[] = { 8, 15, 16, 18, 28, 0 };
static const u8 types[] = { ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED };
static const u32 addrs[] = { 0x0a000001, 0xffffffff, 0, 0x0a01ffff };

struct bench {
	struct rnat_sample sample;
	struct rnat_bytes before, want;
	struct rnat_packet error, quote, want_error, want_quote;
};

static bool takes_port(const struct rnat_packet *p)
{
	if (p->frag_off & IP_OFFSET)
		return false;
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
	case IPPROTO_ICMP:
		return true;
	}
	return false;
}

/* @b->want: what the error looks like on the other side of the translation. */
static void change(struct bench *b, bool dst, __be32 addr, __be16 port)
{
	b->want_error = b->error;
	b->want_quote = b->quote;
	b->want_error.quote = &b->want_quote;
	/* Who sent the quoted packet is told of it, and the other way round. */
	if (dst) {
		b->want_quote.dst = addr;
		b->want_error.src = addr;
	} else {
		b->want_quote.src = addr;
		b->want_error.dst = addr;
	}
	if (port && b->quote.proto == IPPROTO_ICMP)
		b->want_quote.sport = port;
	else if (port && dst)
		b->want_quote.dport = port;
	else if (port)
		b->want_quote.sport = port;
}

static const char *apply(struct bench *b, bool dst, __be32 addr, __be16 port)
{
	const union nf_inet_addr to = { .ip = addr };
	struct rnat_sample *s = &b->sample;
	struct rnat_tuple outer, inner;
	int err;

	if (rnat_tuple_parse(s->skb, s->nhoff, &outer))
		return "it does not parse";
	if (rnat_icmp_quote(s->skb, &outer, &inner))
		return "the quote does not parse";
	if (inner.src.ip != b->quote.src || inner.dst.ip != b->quote.dst ||
	    inner.sport != b->quote.sport || inner.dport != b->quote.dport)
		return "the quote parses wrong";
	if (dst)
		err = rnat_icmp_rewrite_dst(s->skb, &outer, &inner, &to, port) ?:
		      rnat_rewrite_src(s->skb, &outer, &to, 0);
	else
		err = rnat_icmp_rewrite_src(s->skb, &outer, &inner, &to, port) ?:
		      rnat_rewrite_dst(s->skb, &outer, &to, 0);
	if (err)
		return "it was refused";
	return rnat_sample_differs(s, &b->want);
}

static int one(struct bench *b, enum rnat_shape shape, enum rnat_csum csum,
	       int round)
{
	bool dst = round & 1;
	__be32 addr = cpu_to_be32(addrs[round / 2]);
	__be16 port = 0;
	const char *what;
	int err;

	if (takes_port(&b->quote) && (round & 2))
		port = cpu_to_be16(65535 - round * 77);
	change(b, dst, addr, port);
	rnat_packet_build(&b->error, &b->before);
	rnat_packet_build(&b->want_error, &b->want);
	if (port && (round & 4)) {
		port = rnat_packet_zeroing_port(&b->want, port) ?: port;
		change(b, dst, addr, port);
		rnat_packet_build(&b->want_error, &b->want);
	}
	err = rnat_sample_make(&b->sample, &b->error, &b->before, shape, csum);
	if (err)
		return err;
	what = apply(b, dst, addr, port);
	if (what)
		pr_err("type %d about %s, %d bytes of options, %d kept, shape %d, csum %d, %s to %08x, port %u: %s\n",
		       b->error.type, b->quote.name, b->quote.options,
		       b->quote.keep, shape, csum, dst ? "dst" : "src",
		       be32_to_cpu(addr), be16_to_cpu(port), what);
	rnat_sample_free(&b->sample);
	return what ? -EINVAL : 0;
}

static void describe(struct bench *b, const struct rnat_packet *quote,
		     u8 type, u8 opts, u8 keep)
{
	b->quote = *quote;
	b->quote.options = opts;
	b->quote.keep = keep;
	b->quote.quoted = true;
	b->error = (struct rnat_packet) {
		.name = "error", .src = ROUTER, .dst = A,
		.proto = IPPROTO_ICMP, .type = type,
		.options = opts == 4 ? 12 : 0, .quote = &b->quote,
	};
}

static int rewrite_one(struct bench *b)
{
	int shape, csum, round, err = 0;

	for (shape = 0; shape < RNAT_SHAPE_MAX; shape++)
		for (csum = 0; csum < RNAT_CSUM_MAX; csum++) {
			if (!rnat_packet_can(&b->error, csum))
				continue;
			for (round = 0; !err && round < ROUNDS; round++)
				err = one(b, shape, csum, round);
		}
	return err;
}

static int rewrite_all(struct bench *b, const struct rnat_packet *quote)
{
	int t, o, k, err, ret = 0;

	for (t = 0; t < ARRAY_SIZE(types); t++)
		for (o = 0; o < ARRAY_SIZE(options); o++)
			for (k = 0; k < ARRAY_SIZE(keeps); k++) {
				describe(b, quote, types[t], options[o], keeps[k]);
				err = rewrite_one(b);
				ret = ret ?: err;
			}
	return ret;
}

/* The first fragment of an error, whose checksum only the receiver can check. */
static int rewrite_fragment(struct bench *b)
{
	describe(b, &quotes[1], ICMP_DEST_UNREACH, 0, 0);
	b->error.frag_off = IP_MF;
	b->error.keep = 40;
	return rewrite_one(b);
}

/* Changes one byte of a good error, or cuts it; it must not be believed. */
static int refuse(struct bench *b, const struct rnat_packet *quote,
		  const char *name, unsigned int keep, int at, u8 value,
		  bool mend)
{
	struct rnat_tuple outer, inner;
	struct rnat_bytes *bytes = &b->before;
	struct rnat_sample *s = &b->sample;
	__sum16 *sum;
	int err;

	describe(b, quote, ICMP_DEST_UNREACH, 0, keep);
	rnat_packet_build(&b->error, bytes);
	sum = (__sum16 *)(bytes->data + bytes->check);
	if (at >= 0)
		bytes->data[at] ^= value;
	if (mend) {
		*sum = 0;
		*sum = csum_fold(csum_partial(bytes->data + bytes->thoff,
					      bytes->len - bytes->thoff, 0));
	}
	err = rnat_sample_make(s, &b->error, bytes, RNAT_SHAPE_SPLIT,
			       RNAT_CSUM_NONE);
	if (err)
		return err;
	err = rnat_tuple_parse(s->skb, 0, &outer) ?:
	      rnat_icmp_quote(s->skb, &outer, &inner);
	rnat_sample_free(s);
	if (err == -EBADMSG)
		return 0;
	pr_err("%s: not refused (%d)\n", name, err);
	return -EINVAL;
}

#define INNER (sizeof(struct iphdr) + sizeof(struct icmphdr))

static int refuse_all(struct bench *b)
{
	static const struct bad_quote {
		const char *name;
		u8 quote, keep;
		s8 at;
		u8 flip;
		bool mend;
	} bad[] = {
		{ "bad checksum", 0, 28, INNER + 30, 1, false },
		{ "bad quoted IP checksum", 0, 28, INNER + 10, 1, true },
		{ "quoted IPv6", 0, 28, INNER, 0x20, true },
		{ "quoted header of 16 bytes", 0, 28, INNER, 0x01, true },
		{ "quoted header beyond the end", 0, 8, INNER, 0x0a, true },
		{ "quoted GRE header beyond the end", 9, 8, INNER, 0x0a, true },
		{ "not an error", 0, 28, sizeof(struct iphdr),
		  ICMP_DEST_UNREACH ^ ICMP_ECHO, true },
	};
	const struct bad_quote *q;
	int err, keep, ret = 0;

	for (keep = 1; keep < 8; keep++) {
		err = refuse(b, &quotes[0], "short quote", keep, -1, 0, false);
		ret = ret ?: err;
	}
	for (q = bad; q < bad + ARRAY_SIZE(bad); q++) {
		err = refuse(b, &quotes[q->quote], q->name, q->keep, q->at,
			     q->flip, q->mend);
		ret = ret ?: err;
	}
	return ret;
}

/* An error about an error (RFC 1122, 3.2.2: there is none). */
static int refuse_nested(struct bench *b)
{
	static const struct rnat_packet nested = {
		"nested", A, B, .proto = IPPROTO_ICMP,
		.type = ICMP_DEST_UNREACH, .payload = 28,
	};
	struct rnat_tuple outer, inner;
	int err;

	describe(b, &nested, ICMP_TIME_EXCEEDED, 0, 0);
	rnat_packet_build(&b->error, &b->before);
	err = rnat_sample_make(&b->sample, &b->error, &b->before,
			       RNAT_SHAPE_LINEAR, RNAT_CSUM_NONE);
	if (err)
		return err;
	err = rnat_tuple_parse(b->sample.skb, 0, &outer) ?:
	      rnat_icmp_quote(b->sample.skb, &outer, &inner);
	rnat_sample_free(&b->sample);
	if (err == -EBADMSG)
		return 0;
	pr_err("nested: not refused (%d)\n", err);
	return -EINVAL;
}

int rnat_selftest_icmp(void)
{
	struct bench *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int i, err, ret = 0;

	if (!b)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(quotes); i++) {
		err = rewrite_all(b, &quotes[i]);
		ret = ret ?: err;
	}
	err = rewrite_fragment(b);
	ret = ret ?: err;
	err = refuse_all(b);
	ret = ret ?: err;
	err = refuse_nested(b);
	kfree(b);
	return ret ?: err;
}
