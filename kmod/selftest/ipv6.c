// SPDX-License-Identifier: GPL-2.0
/*
 * IPv6: what parses to what, behind every extension header; every packet, in
 * every shape and checksum state, gets new addresses, and so do the quotes of
 * ICMPv6 errors about it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest ipv6: " fmt
#include <linux/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/printk.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <uapi/linux/roamnat.h>
#include "../icmp.h"
#include "../rewrite.h"
#include "../tuple.h"
#include "packet.h"
#include "selftest.h"

static const struct in6_addr a = { .s6_addr = { 0xfd, 0, 1, 2, [15] = 5 } };
static const struct in6_addr b6 = { .s6_addr = { 0x20, 1, 0xd, 0xb8, [15] = 9 } };
static const struct in6_addr router = { .s6_addr = { 0x20, 1, [14] = 1, 1 } };

/* Sums carry and wrap at these. */
static const struct in6_addr addrs[] = {
	{ .s6_addr = { 0x20, 1, 0xd, 0xb8, 0xff, 0xff, [14] = 0x12, 0x34 } },
	{ .s6_addr = { [0 ... 15] = 0xff } },
	{ .s6_addr = { 0 } },
	{ .s6_addr = { 0xff, 0xff, 0, 1, [14] = 0xff, 0xfe } },
};

#define SP cpu_to_be16(40000)
#define DP cpu_to_be16(53)
#define IP6(n, ...) \
	{ .name = (n), .src6 = &a, .dst6 = &b6, .sport = SP, .dport = DP, __VA_ARGS__ }
#define BARE(n, ...) { .name = (n), .src6 = &a, .dst6 = &b6, __VA_ARGS__ }
#define ALL_EXT (RNAT_EXT_HOP | RNAT_EXT_DEST | RNAT_EXT_ROUTED | RNAT_EXT_AUTH)

static const struct parse_case {
	struct rnat_packet packet;
	enum rnat_l4 l4;
	bool first_frag, on_link, routed;
} cases[] = {
	{ IP6("tcp", .proto = IPPROTO_TCP, .payload = 33), RNAT_L4_PORTS },
	{ IP6("udp", .proto = IPPROTO_UDP, .payload = 31), RNAT_L4_PORTS },
	{ IP6("udp-absent", .proto = IPPROTO_UDP, .payload = 20, .absent = true),
	  RNAT_L4_PORTS },
	{ IP6("udp-tunnel", .proto = IPPROTO_UDP, .payload = 61, .tunnel = true),
	  RNAT_L4_PORTS },
	{ IP6("udplite", .proto = IPPROTO_UDPLITE, .payload = 9), RNAT_L4_PORTS },
	{ IP6("dccp", .proto = IPPROTO_DCCP, .payload = 10), RNAT_L4_PORTS },
	{ IP6("sctp", .proto = IPPROTO_SCTP, .payload = 16), RNAT_L4_PORTS },
	{ IP6("tcp-hop", .proto = IPPROTO_TCP, .ext = RNAT_EXT_HOP),
	  RNAT_L4_PORTS },
	{ IP6("tcp-all", .proto = IPPROTO_TCP, .payload = 8, .ext = ALL_EXT),
	  RNAT_L4_PORTS },
	{ IP6("udp-auth", .proto = IPPROTO_UDP, .payload = 3,
	      .ext = RNAT_EXT_AUTH), RNAT_L4_PORTS },
	{ IP6("tcp-route", .proto = IPPROTO_TCP, .payload = 5,
	      .ext = RNAT_EXT_ROUTE), RNAT_L4_PORTS, .routed = true },
	{ BARE("ping-route", .proto = IPPROTO_ICMPV6, .type = 128, .sport = SP,
	       .dport = SP, .payload = 5, .ext = RNAT_EXT_ROUTE),
	  RNAT_L4_QUERY, .routed = true },
	{ IP6("udp-first", .proto = IPPROTO_UDP, .payload = 200, .keep = 48,
	      .frag_off = IP_MF), RNAT_L4_PORTS, .first_frag = true },
	{ IP6("tcp-first", .proto = IPPROTO_TCP, .payload = 200, .keep = 24,
	      .frag_off = IP_MF, .ext = ALL_EXT), RNAT_L4_PORTS,
	  .first_frag = true },
	{ BARE("fragment", .proto = IPPROTO_UDP, .payload = 40,
	       .frag_off = IP_MF | 6), RNAT_L4_FRAGMENT },
	{ BARE("last", .proto = IPPROTO_TCP, .payload = 3, .frag_off = 0x1fff,
	       .ext = RNAT_EXT_HOP), RNAT_L4_FRAGMENT },
	{ BARE("echo", .proto = IPPROTO_ICMPV6, .type = ICMPV6_ECHO_REQUEST,
	       .sport = SP, .dport = SP, .payload = 57), RNAT_L4_QUERY },
	{ BARE("reply", .proto = IPPROTO_ICMPV6, .type = ICMPV6_ECHO_REPLY,
	       .sport = SP, .dport = SP, .ext = RNAT_EXT_DEST), RNAT_L4_QUERY },
	{ BARE("node-info", .proto = IPPROTO_ICMPV6, .type = 139, .payload = 16),
	  RNAT_L4_OTHER },
	{ BARE("neighbour", .proto = IPPROTO_ICMPV6, .type = 135, .payload = 16),
	  RNAT_L4_OTHER, .on_link = true },
	{ BARE("listener", .proto = IPPROTO_ICMPV6, .type = 143, .payload = 20,
	       .ext = RNAT_EXT_HOP), RNAT_L4_OTHER, .on_link = true },
	{ BARE("gre", .proto = IPPROTO_GRE, .payload = 24), RNAT_L4_OTHER },
	{ BARE("esp", .proto = IPPROTO_ESP, .payload = 5, .ext = RNAT_EXT_DEST),
	  RNAT_L4_OTHER },
	{ BARE("none", .proto = IPPROTO_NONE), RNAT_L4_OTHER },
	{ BARE("icmp of IPv4", .proto = IPPROTO_ICMP, .type = ICMP_TIMESTAMP,
	       .payload = 8), RNAT_L4_OTHER },
};

struct bench {
	struct rnat_sample sample;
	struct rnat_bytes before, want;
	struct rnat_packet error, quote, want_error, want_quote;
};

static const char *parses_wrong(struct bench *b, const struct parse_case *c)
{
	const struct rnat_packet *p = &c->packet;
	struct rnat_sample *s = &b->sample;
	struct rnat_key key, want;
	struct rnat_tuple t;

	if (rnat_tuple_parse6(s->skb, s->nhoff, &t))
		return "it does not parse";
	if (!rnat_tuple_parse(s->skb, s->nhoff, &t))
		return "it parses as IPv4";
	if (rnat_tuple_parse6(s->skb, s->nhoff, &t) ||
	    !ipv6_addr_equal(&t.src.in6, p->src6) ||
	    !ipv6_addr_equal(&t.dst.in6, p->dst6) ||
	    t.family != NFPROTO_IPV6 || t.proto != p->proto)
		return "wrong addresses";
	if (t.nhoff != s->nhoff || t.thoff != s->nhoff + b->before.thoff)
		return "wrong offsets";
	if (t.sport != p->sport || t.dport != p->dport)
		return "wrong ports";
	if (t.l4 != c->l4 || t.first_frag != c->first_frag ||
	    t.on_link != c->on_link || t.routed != c->routed)
		return "wrong class";
	memset(&want, 0, sizeof(want));
	want.addr.in6 = *p->src6;
	want.family = NFPROTO_IPV6;
	want.zone = 7;
	if (rnat_tuple_key_src(&t, ROAMNAT_KIND_ADDRESS, 7, &key) ||
	    memcmp(&key, &want, sizeof(key)))
		return "wrong key";
	return rnat_sample_touched(s);
}

static int parse_one(struct bench *b, const struct parse_case *c)
{
	const char *what;
	int shape, err;

	rnat_packet_build(&c->packet, &b->before);
	for (shape = 0; shape < RNAT_SHAPE_MAX; shape++) {
		err = rnat_sample_make(&b->sample, &c->packet, &b->before, shape,
				       RNAT_CSUM_NONE);
		if (err)
			return err;
		what = parses_wrong(b, c);
		rnat_sample_free(&b->sample);
		if (what) {
			pr_err("%s, shape %d: %s\n", c->packet.name, shape, what);
			return -EINVAL;
		}
	}
	return 0;
}

/* The first @len bytes of b->before must not parse. */
static int refuse(struct bench *b, const struct rnat_packet *p, const char *why,
		  unsigned int len)
{
	struct rnat_sample *s = &b->sample;
	struct rnat_tuple t;
	int err;

	err = rnat_sample_make(s, p, &b->before, RNAT_SHAPE_PAGES, RNAT_CSUM_NONE);
	if (err)
		return err;
	err = pskb_trim(s->skb, len);
	if (!err && rnat_tuple_parse6(s->skb, 0, &t) != -EBADMSG) {
		pr_err("%s, %s, %u bytes: it parses\n", p->name, why, len);
		err = -EINVAL;
	}
	rnat_sample_free(s);
	return err;
}

/* Cut, and telling its old length; then cut, and telling that, as long as
 * there is a header that is not whole.
 */
static int refuse_cut(struct bench *b, const struct parse_case *c)
{
	const struct rnat_packet *p = &c->packet;
	unsigned int len, headers;
	int err = 0;

	rnat_packet_build(p, &b->before);
	for (len = 0; !err && len < b->before.len; len++)
		err = refuse(b, p, "cut", len);
	headers = b->before.thoff;
	if (c->l4 == RNAT_L4_PORTS || c->l4 == RNAT_L4_QUERY)
		headers += 8;
	for (len = sizeof(struct ipv6hdr); !err && len < headers; len++) {
		b->before.data[4] = 0;
		b->before.data[5] = len - sizeof(struct ipv6hdr);
		err = refuse(b, p, "says that it is cut", len);
	}
	return err;
}

/* @n extension headers of 8 bytes each, then TCP. */
static int walk(struct bench *b, int n, u8 length, int want)
{
	static const struct rnat_packet p = IP6("walk", .proto = IPPROTO_TCP,
						.payload = 100);
	unsigned int at = sizeof(struct ipv6hdr);
	struct rnat_tuple t;
	int i, err;

	rnat_packet_build(&p, &b->before);
	b->before.data[6] = n ? IPPROTO_DSTOPTS : IPPROTO_TCP;
	for (i = 0; i < n; i++, at += 8) {
		b->before.data[at] = i + 1 < n ? IPPROTO_DSTOPTS : IPPROTO_TCP;
		b->before.data[at + 1] = length;
	}
	err = rnat_sample_make(&b->sample, &p, &b->before, RNAT_SHAPE_PAGES,
			       RNAT_CSUM_NONE);
	if (err)
		return err;
	err = rnat_tuple_parse6(b->sample.skb, 0, &t);
	rnat_sample_free(&b->sample);
	if (err == want)
		return 0;
	pr_err("%d extension headers of length %u: %d\n", n, length, err);
	return -EINVAL;
}

static const char *apply(struct bench *b, bool dst, const struct in6_addr *addr)
{
	const union nf_inet_addr to = { .in6 = *addr };
	struct rnat_sample *s = &b->sample;
	struct rnat_tuple t;
	int err;

	if (rnat_tuple_parse6(s->skb, s->nhoff, &t))
		return "it does not parse";
	err = dst ? rnat_rewrite_dst(s->skb, &t, &to, 0) :
		    rnat_rewrite_src(s->skb, &t, &to, 0);
	return err ? "it was refused" : rnat_sample_differs(s, &b->want);
}

static int rewrite_one(struct bench *b, const struct rnat_packet *p, int shape,
		       int csum, int round)
{
	const struct in6_addr *addr = &addrs[round / 2];
	struct rnat_packet want = *p;
	bool dst = round & 1;
	const char *what;
	int err;

	*(dst ? &want.dst6 : &want.src6) = addr;
	rnat_packet_build(p, &b->before);
	rnat_packet_build(&want, &b->want);
	err = rnat_sample_make(&b->sample, p, &b->before, shape, csum);
	if (err)
		return err;
	what = apply(b, dst, addr);
	if (what)
		pr_err("%s, shape %d, csum %d, %s to %pI6c: %s\n", p->name,
		       shape, csum, dst ? "dst" : "src", addr, what);
	rnat_sample_free(&b->sample);
	return what ? -EINVAL : 0;
}

static int rewrite_all(struct bench *b, const struct rnat_packet *p)
{
	int shape, csum, round, err = 0;

	for (shape = 0; shape < RNAT_SHAPE_MAX; shape++)
		for (csum = 0; csum < RNAT_CSUM_MAX; csum++) {
			if (!rnat_packet_can(p, csum))
				continue;
			for (round = 0; !err && round < 2 * ARRAY_SIZE(addrs); round++)
				err = rewrite_one(b, p, shape, csum, round);
		}
	return err;
}

static void describe(struct bench *b, const struct rnat_packet *quote, u8 type,
		     u8 keep)
{
	b->quote = *quote;
	b->quote.keep = keep;
	b->quote.quoted = true;
	b->error = (struct rnat_packet) {
		.name = "error", .src6 = &router, .dst6 = quote->src6,
		.proto = IPPROTO_ICMPV6, .type = type, .quote = &b->quote,
		.ext = keep == 20 ? RNAT_EXT_HOP : 0,
	};
}

static const char *apply_error(struct bench *b, bool dst,
			       const struct in6_addr *addr)
{
	const union nf_inet_addr to = { .in6 = *addr };
	struct rnat_sample *s = &b->sample;
	struct rnat_tuple outer, inner;
	int err;

	if (rnat_tuple_parse6(s->skb, s->nhoff, &outer) ||
	    outer.l4 != RNAT_L4_ERROR)
		return "it does not parse";
	if (rnat_icmp_quote(s->skb, &outer, &inner))
		return "the quote does not parse";
	if (inner.sport != b->quote.sport || inner.proto != b->quote.proto)
		return "the quote parses wrong";
	if (dst)
		err = rnat_icmp_rewrite_dst(s->skb, &outer, &inner, &to, 0) ?:
		      rnat_rewrite_src(s->skb, &outer, &to, 0);
	else
		err = rnat_icmp_rewrite_src(s->skb, &outer, &inner, &to, 0) ?:
		      rnat_rewrite_dst(s->skb, &outer, &to, 0);
	return err ? "it was refused" : rnat_sample_differs(s, &b->want);
}

static int error_one(struct bench *b, int shape, int csum, int round)
{
	const struct in6_addr *addr = &addrs[round / 2];
	bool dst = round & 1;
	const char *what;
	int err;

	b->want_error = b->error;
	b->want_quote = b->quote;
	b->want_error.quote = &b->want_quote;
	*(dst ? &b->want_quote.dst6 : &b->want_quote.src6) = addr;
	*(dst ? &b->want_error.src6 : &b->want_error.dst6) = addr;
	rnat_packet_build(&b->error, &b->before);
	rnat_packet_build(&b->want_error, &b->want);
	err = rnat_sample_make(&b->sample, &b->error, &b->before, shape, csum);
	if (err)
		return err;
	what = apply_error(b, dst, addr);
	if (what)
		pr_err("type %u about %s, %u kept, shape %d, csum %d, %s to %pI6c: %s\n",
		       b->error.type, b->quote.name, b->quote.keep, shape, csum,
		       dst ? "dst" : "src", addr, what);
	rnat_sample_free(&b->sample);
	return what ? -EINVAL : 0;
}

static int error_all(struct bench *b, const struct rnat_packet *quote)
{
	static const u8 types[] = { ICMPV6_DEST_UNREACH, ICMPV6_PKT_TOOBIG, 100 };
	static const u8 keeps[] = { 8, 15, 16, 18, 20, 0 };
	int k, shape, csum, round, err = 0;

	for (k = 0; k < ARRAY_SIZE(keeps); k++) {
		describe(b, quote, types[k % ARRAY_SIZE(types)], keeps[k]);
		for (shape = 0; shape < RNAT_SHAPE_MAX; shape++)
			for (csum = 0; csum < RNAT_CSUM_MAX; csum++) {
				if (!rnat_packet_can(&b->error, csum))
					continue;
				for (round = 0; !err && round < 4; round++)
					err = error_one(b, shape, csum, round);
			}
	}
	return err;
}

/* The quote of a wrong error, or one about an error, is not believed. */
static int refuse_error(struct bench *b, const char *why, int at, u8 flip)
{
	struct rnat_tuple outer, inner;
	int err;

	rnat_packet_build(&b->error, &b->before);
	b->before.data[at] ^= flip;
	err = rnat_sample_make(&b->sample, &b->error, &b->before,
			       RNAT_SHAPE_SPLIT, RNAT_CSUM_NONE);
	if (err)
		return err;
	err = rnat_tuple_parse6(b->sample.skb, 0, &outer) ?:
	      rnat_icmp_quote(b->sample.skb, &outer, &inner);
	rnat_sample_free(&b->sample);
	if (err == -EBADMSG)
		return 0;
	pr_err("%s: not refused (%d)\n", why, err);
	return -EINVAL;
}

static int refuse_errors(struct bench *b)
{
	static const struct rnat_packet nested = BARE("nested",
		.proto = IPPROTO_ICMPV6, .type = ICMPV6_TIME_EXCEED, .payload = 48);
	int err, ret;

	describe(b, &cases[0].packet, ICMPV6_DEST_UNREACH, 28);
	ret = refuse_error(b, "wrong checksum", 8 + 15, 1);
	err = refuse_error(b, "a quote of IPv4", 48, 0x20);
	ret = ret ?: err;
	describe(b, &cases[0].packet, ICMPV6_DEST_UNREACH, 7);
	err = refuse_error(b, "a quote of 7 bytes", 48, 0);
	ret = ret ?: err;
	describe(b, &nested, ICMPV6_DEST_UNREACH, 0);
	err = refuse_error(b, "an error about an error", 48, 0);
	return ret ?: err;
}

int rnat_selftest_ipv6(void)
{
	struct bench *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int i, err, ret = 0;

	if (!b)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		err = parse_one(b, &cases[i]) ?: refuse_cut(b, &cases[i]) ?:
		      rewrite_all(b, &cases[i].packet) ?:
		      error_all(b, &cases[i].packet);
		ret = ret ?: err;
	}
	err = walk(b, 8, 0, 0) ?: walk(b, 9, 0, -EBADMSG) ?:
	      walk(b, 1, 255, -EBADMSG) ?: refuse_errors(b);
	kfree(b);
	return ret ?: err;
}
