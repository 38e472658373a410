// SPDX-License-Identifier: GPL-2.0
/*
 * What parses to what, which key follows for which kind, and that nothing
 * which is cut short or contradicts itself parses.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest tuple: " fmt
#include "../tuple.h"

#include <linux/errno.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/printk.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/ip.h>
#include <uapi/linux/roamnat.h>
#include "packet.h"
#include "selftest.h"

#define A cpu_to_be32(0x0a000001)
#define B cpu_to_be32(0xc6336405)
#define SP cpu_to_be16(40000)
#define DP cpu_to_be16(53)
#define ZONE 7

struct parse_case {
	struct rnat_packet packet;
	enum rnat_l4 l4;
	bool first_frag;
	int port_key;		/* what the key of a port mapping returns */
};

static const struct parse_case cases[] = {
	{ { "tcp", A, B, SP, DP, .proto = IPPROTO_TCP, .payload = 9 },
	  RNAT_L4_PORTS, false, 0 },
	{ { "udp", A, B, SP, DP, .proto = IPPROTO_UDP, .options = 40 },
	  RNAT_L4_PORTS, false, 0 },
	{ { "udplite", A, B, SP, DP, .proto = IPPROTO_UDPLITE },
	  RNAT_L4_PORTS, false, -EPROTONOSUPPORT },
	{ { "sctp", A, B, SP, DP, .proto = IPPROTO_SCTP },
	  RNAT_L4_PORTS, false, -EPROTONOSUPPORT },
	{ { "dccp", A, B, SP, DP, .proto = IPPROTO_DCCP },
	  RNAT_L4_PORTS, false, -EPROTONOSUPPORT },
	{ { "tcp-first", A, B, SP, DP, .proto = IPPROTO_TCP, .payload = 100,
	    .frag_off = IP_MF, .keep = 24 }, RNAT_L4_PORTS, true, 0 },
	{ { "udp-first", A, B, SP, DP, .proto = IPPROTO_UDP, .payload = 100,
	    .frag_off = IP_MF, .keep = 8 }, RNAT_L4_PORTS, true, 0 },
	{ { "fragment", A, B, .proto = IPPROTO_TCP, .payload = 8,
	    .frag_off = IP_MF | 3 }, RNAT_L4_FRAGMENT, false, -EAGAIN },
	{ { "last", A, B, .proto = IPPROTO_UDP, .payload = 1, .frag_off = 3 },
	  RNAT_L4_FRAGMENT, false, -EAGAIN },
	{ { "echo", A, B, SP, SP, .proto = IPPROTO_ICMP, .type = ICMP_ECHO },
	  RNAT_L4_QUERY, false, 0 },
	{ { "reply", A, B, SP, SP, .proto = IPPROTO_ICMP,
	    .type = ICMP_ECHOREPLY, .payload = 3 }, RNAT_L4_QUERY, false, 0 },
	{ { "timestamp", A, B, .proto = IPPROTO_ICMP, .type = ICMP_TIMESTAMP,
	    .payload = 12 }, RNAT_L4_OTHER, false, -EPROTONOSUPPORT },
	{ { "unreachable", A, B, .proto = IPPROTO_ICMP,
	    .type = ICMP_DEST_UNREACH, .payload = 28 },
	  RNAT_L4_ERROR, false, -EPROTONOSUPPORT },
	{ { "gre", A, B, .proto = IPPROTO_GRE, .payload = 4 },
	  RNAT_L4_OTHER, false, -EPROTONOSUPPORT },
	{ { "bare", A, B, .proto = IPPROTO_ESP },
	  RNAT_L4_OTHER, false, -EPROTONOSUPPORT },
};

struct bench {
	struct rnat_sample sample;
	struct rnat_bytes bytes;
};

static bool key_is(const struct rnat_key *k, __be32 addr, __be16 port, u8 proto)
{
	struct rnat_key want;

	/* Whole, because a key is hashed whole. */
	memset(&want, 0, sizeof(want));
	want.addr.ip = addr;
	want.zone = ZONE;
	want.port = port;
	want.proto = proto;
	want.family = NFPROTO_IPV4;
	return !memcmp(k, &want, sizeof(want));
}

static const char *keys_differ(const struct rnat_tuple *t, int port_key)
{
	struct rnat_key k;

	memset(&k, 0xff, sizeof(k));
	if (rnat_tuple_key_src(t, ROAMNAT_KIND_ADDRESS, ZONE, &k) ||
	    !key_is(&k, A, 0, 0))
		return "wrong source key of an address";
	if (rnat_tuple_key_dst(t, ROAMNAT_KIND_ADDRESS, ZONE, &k) ||
	    !key_is(&k, B, 0, 0))
		return "wrong destination key of an address";
	if (rnat_tuple_key_src(t, ROAMNAT_KIND_PORT, ZONE, &k) != port_key ||
	    (!port_key && !key_is(&k, A, t->sport, t->proto)))
		return "wrong source key of a port";
	if (rnat_tuple_key_dst(t, ROAMNAT_KIND_PORT, ZONE, &k) != port_key ||
	    (!port_key && !key_is(&k, B, t->dport, t->proto)))
		return "wrong destination key of a port";
	return NULL;
}

static const char *parses_wrong(struct bench *b, const struct parse_case *c)
{
	const struct rnat_packet *p = &c->packet;
	struct rnat_sample *s = &b->sample;
	struct rnat_tuple t;

	if (rnat_tuple_parse(s->skb, s->nhoff, &t))
		return "it does not parse";
	if (t.src.ip != p->src || t.dst.ip != p->dst ||
	    t.family != NFPROTO_IPV4 || t.proto != p->proto)
		return "wrong addresses";
	if (t.nhoff != s->nhoff || t.thoff != s->nhoff + b->bytes.thoff)
		return "wrong offsets";
	if (t.sport != p->sport || t.dport != p->dport)
		return "wrong ports";
	if (t.l4 != c->l4 || t.first_frag != c->first_frag)
		return "wrong class";
	return keys_differ(&t, c->port_key) ?: rnat_sample_touched(s);
}

static int parse_one(struct bench *b, const struct parse_case *c)
{
	const char *what;
	int shape, err;

	rnat_packet_build(&c->packet, &b->bytes);
	for (shape = 0; shape < RNAT_SHAPE_MAX; shape++) {
		err = rnat_sample_make(&b->sample, &c->packet, &b->bytes, shape,
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

/* @b->bytes, of which the skb has only the first @len, must not parse. */
static int refuse(struct bench *b, const struct rnat_packet *p,
		  const char *why, unsigned int len)
{
	struct rnat_sample *s = &b->sample;
	struct rnat_tuple t;
	int err;

	err = rnat_sample_make(s, p, &b->bytes, RNAT_SHAPE_PAGES, RNAT_CSUM_NONE);
	if (err)
		return err;
	err = pskb_trim(s->skb, len);
	if (!err && rnat_tuple_parse(s->skb, 0, &t) != -EBADMSG) {
		pr_err("%s, %s, %u bytes: it parses\n", p->name, why, len);
		err = -EINVAL;
	}
	rnat_sample_free(s);
	return err;
}

static int refuse_cut(struct bench *b, const struct rnat_packet *p)
{
	unsigned int len;
	int err = 0;

	rnat_packet_build(p, &b->bytes);
	for (len = 0; !err && len < b->bytes.len; len++)
		err = refuse(b, p, "cut", len);
	return err;
}

/* One field of a good packet set to what it must not be. */
static const struct bad_field {
	const char *why;
	u8 at, size;
	u16 value;
	u8 proto;
} bad_fields[] = {
	{ "version 6", 0, 1, 0x65, IPPROTO_TCP },
	{ "header of 16 bytes", 0, 1, 0x44, IPPROTO_TCP },
	{ "header of 60 bytes", 0, 1, 0x4f, IPPROTO_TCP },
	{ "total length 0", 2, 2, 0, IPPROTO_TCP },
	{ "total length 19", 2, 2, 19, IPPROTO_TCP },
	{ "TCP header cut", 2, 2, 39, IPPROTO_TCP },
	{ "more than there is", 2, 2, 53, IPPROTO_TCP },
	{ "UDP header cut", 2, 2, 27, IPPROTO_UDP },
	{ "UDP length 7", 24, 2, 7, IPPROTO_UDP },
	{ "UDP length 0", 24, 2, 0, IPPROTO_UDP },
	{ "UDP longer than IP", 24, 2, 21, IPPROTO_UDP },
	{ "ICMP header cut", 2, 2, 27, IPPROTO_ICMP },
	{ "SCTP header cut", 2, 2, 31, IPPROTO_SCTP },
};

static int refuse_field(struct bench *b, const struct bad_field *f)
{
	struct rnat_packet p = {
		"field", A, B, SP, DP, .proto = f->proto, .type = ICMP_ECHO,
		.payload = 12,
	};
	__be16 value = cpu_to_be16(f->value);

	rnat_packet_build(&p, &b->bytes);
	if (f->size == 1)
		b->bytes.data[f->at] = f->value;
	else
		memcpy(b->bytes.data + f->at, &value, sizeof(value));
	return refuse(b, &p, f->why, b->bytes.len);
}

/* A super-packet too long for the IP header to say how long. */
static int parse_unsaid(struct bench *b)
{
	static const struct rnat_packet big = {
		"big", A, B, SP, DP, .proto = IPPROTO_TCP, .payload = 80,
	};
	struct rnat_tuple t;
	int err;

	rnat_packet_build(&big, &b->bytes);
	memset(b->bytes.data + 2, 0, 2);
	err = rnat_sample_make(&b->sample, &big, &b->bytes, RNAT_SHAPE_SPLIT,
			       RNAT_CSUM_GSO);
	if (err)
		return err;
	if (rnat_tuple_parse(b->sample.skb, 0, &t) || t.l4 != RNAT_L4_PORTS) {
		pr_err("big: it does not parse\n");
		err = -EINVAL;
	}
	rnat_sample_free(&b->sample);
	return err;
}

/* RFC 1858: the first fragment leaves the checksum to the second. */
static int refuse_tiny(struct bench *b)
{
	static const struct rnat_packet tiny = {
		"tiny", A, B, SP, DP, .proto = IPPROTO_TCP, .payload = 80,
		.frag_off = IP_MF, .keep = 16,
	};

	rnat_packet_build(&tiny, &b->bytes);
	return refuse(b, &tiny, "first fragment", b->bytes.len);
}

int rnat_selftest_tuple(void)
{
	struct bench *b = kzalloc(sizeof(*b), GFP_KERNEL);
	int i, err, ret = 0;

	if (!b)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		err = parse_one(b, &cases[i]) ?: refuse_cut(b, &cases[i].packet);
		ret = ret ?: err;
	}
	for (i = 0; i < ARRAY_SIZE(bad_fields); i++) {
		err = refuse_field(b, &bad_fields[i]);
		ret = ret ?: err;
	}
	err = parse_unsaid(b);
	ret = ret ?: err;
	err = refuse_tiny(b);
	kfree(b);
	return ret ?: err;
}
