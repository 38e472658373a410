// SPDX-License-Identifier: GPL-2.0
/*
 * kmod's pure files, tuple.c, rewrite.c and icmp.c, as they are, on whatever
 * bytes libFuzzer thinks of. For each packet:
 *
 *   what is read is what oracle.c reads;
 *   a translated packet has the new address and port, each checksum that was right
 *   is right when computed anew, and no other byte has changed;
 *   translated back it is the packet that it was, byte for byte;
 *   a refused one, or one for which there was no memory, is as it was.
 *
 * An input is sixteen bytes that say what to do (struct order) and the packet.
 */
#include <linux/skbuff.h>
#include <linux/netfilter.h>
#include <net/checksum.h>
#include <stdio.h>
#include <stdlib.h>
#include <uapi/linux/roamnat.h>

#include "icmp.h"
#include "oracle.h"
#include "rewrite.h"
#include "tuple.h"

struct order {
	u8 flags;		/* enum flag */
	u8 summed;		/* CHECKSUM_* in the lowest bits, FRAMED, TUNNEL */
	u8 linear;		/* bytes that are */
	u8 padded;		/* by the link layer, up to 7 */
	u8 addr[4];
	__be16 port;
	u8 kind;
	u8 reserved[5];
};

enum flag {
	MEND = 1,		/* lengths and checksums are made right first */
	TO_SOURCE = 2,
	WITH_PORT = 4,
	NO_MEMORY = 8,
	GSO = 16,
	AIM = 32,		/* at the port with which the checksum would be 0 */
	SIX = 64,		/* IPv6 */
};

#define FRAMED 4		/* data begins at the link layer's header */
#define TUNNEL 8		/* a pending checksum is somewhere else */
#define FRAME_LEN 14

struct sample {
	struct order order;
	struct sk_buff skb;
	unsigned int ip;
	struct oracle before;
	u8 bytes[ORACLE_MAX];	/* as they were */
	bool valid;		/* so were the checksums that a receiver looks at */
	struct rnat_tuple tuple, quote;
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define CHECK(ok, what) do {						\
	if (!(ok)) {							\
		fprintf(stderr, "fuzz: line %d: %s\n", __LINE__, what);	\
		abort();						\
	}								\
} while (0)

static bool has(const struct sample *s, enum flag flag)
{
	return s->order.flags & flag;
}

/* ---- how the bytes become an skb ---- */

static void look(struct sample *s, const u8 *bytes, unsigned int len, struct oracle *o)
{
	oracle_read(bytes, s->ip, len, has(s, GSO), has(s, SIX), o);
}

/* A pending checksum has the pseudo header's part in it. */
static bool is_pending(const struct sample *s)
{
	return s->skb.ip_summed == CHECKSUM_PARTIAL &&
	       (s->skb.gso || s->skb.csum_start == s->before.outer.l4);
}

static void set_checksum_state(struct sample *s)
{
	const struct oracle_header *h = &s->before.outer;
	struct sk_buff *skb = &s->skb;

	skb->ip_summed = s->order.summed & 3;
	if (skb->ip_summed == CHECKSUM_COMPLETE)
		skb->csum = skb_checksum(skb, s->ip, skb->len - s->ip, 0);
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return;
	/* Only what has ports is left to a device, and only when it is whole. */
	if (!h->good || !h->l4_check || !h->pseudo || h->more || h->kind == ORACLE_ERROR) {
		skb->ip_summed = CHECKSUM_NONE;
		return;
	}
	skb->csum_start = s->order.summed & TUNNEL ? h->end : h->l4;
	if (is_pending(s)) {
		oracle_put16(s->bytes, h->l4_check, oracle_pseudo_sum(s->bytes, h));
		memcpy(skb->data, s->bytes, skb_headlen(skb));
		memcpy(skb->pages, s->bytes + skb_headlen(skb), skb->data_len);
	}
}

static bool make(struct sample *s, const u8 *data, size_t size)
{
	struct sk_buff *skb = &s->skb;
	unsigned int len, head;

	if (size < sizeof(s->order) || size - sizeof(s->order) > ORACLE_MAX - FRAME_LEN)
		return false;
	memset(s, 0, offsetof(struct sample, bytes));
	memcpy(&s->order, data, sizeof(s->order));
	s->ip = s->order.summed & FRAMED ? FRAME_LEN : 0;
	len = s->ip + size - sizeof(s->order);
	memset(s->bytes, 0x55, s->ip);
	memcpy(s->bytes + s->ip, data + sizeof(s->order), size - sizeof(s->order));
	if (has(s, MEND))
		oracle_straighten(s->bytes, s->ip, len - min_t(unsigned int, s->order.padded & 7,
							       len - s->ip), has(s, SIX));
	look(s, s->bytes, len, &s->before);

	skb->len = len;
	head = min_t(unsigned int, len, s->ip + s->order.linear);
	skb->data_len = len - head;
	skb->gso = has(s, GSO);
	skb->data = malloc(head);
	skb->pages = malloc(skb->data_len);
	CHECK(skb->data && skb->pages, "no memory");
	memcpy(skb->data, s->bytes, head);
	memcpy(skb->pages, s->bytes + head, skb->data_len);
	set_checksum_state(s);
	/* The bytes may happen to sum up to what a pending one has in its place. */
	s->valid = !is_pending(s) && !oracle_wrong(s->bytes, &s->before);
	return true;
}

static void now(const struct sample *s, u8 *bytes)
{
	CHECK(!skb_copy_bits(&s->skb, 0, bytes, s->skb.len), "the skb lost bytes");
}

/* ---- what must be true ---- */

static void check_read(const struct sample *s, const struct rnat_tuple *t,
		       const struct oracle_header *h)
{
	static const u8 kinds[] = {
		[ORACLE_OTHER] = RNAT_L4_OTHER, [ORACLE_FRAGMENT] = RNAT_L4_FRAGMENT,
		[ORACLE_PORTS] = RNAT_L4_PORTS, [ORACLE_QUERY] = RNAT_L4_QUERY,
		[ORACLE_ERROR] = RNAT_L4_ERROR,
	};
	const u8 *p = s->bytes;

	CHECK(t->l4 == kinds[h->kind], "another kind of packet");
	CHECK(t->proto == h->proto, "another protocol");
	CHECK(t->nhoff == h->ip && t->thoff == h->l4, "headers are elsewhere");
	CHECK(!memcmp(&t->src, p + h->src, h->addr_len), "another source");
	CHECK(!memcmp(&t->dst, p + h->dst, h->addr_len), "another destination");
	CHECK(ntohs(t->sport) == (h->sport ? oracle_get16(p, h->sport) : 0), "another port");
	CHECK(ntohs(t->dport) == (h->dport ? oracle_get16(p, h->dport) : 0), "another port");
	CHECK(t->first_frag == h->more, "another fragment");
}

static void check_key(const struct rnat_tuple *t, u32 kind)
{
	struct rnat_key key, zero = { };
	int err = rnat_tuple_key_src(t, kind, 7, &key);

	if (err)
		return;
	CHECK(key.zone == 7 && key.family == t->family, "another key");
	if (kind == ROAMNAT_KIND_ADDRESS)
		CHECK(!key.port && !key.proto, "an address has no port");
	else
		CHECK(key.port == t->sport && key.proto == t->proto, "another port");
	CHECK(!memcmp((u8 *)&key.addr + 4, (u8 *)&zero.addr + 4, 12) || t->family != NFPROTO_IPV4,
	      "a key with something left in it");
}

static void check_untouched(const struct sample *s, const char *when)
{
	u8 bytes[ORACLE_MAX];

	now(s, bytes);
	CHECK(!memcmp(bytes, s->bytes, s->skb.len), when);
}

struct field {
	unsigned int at, len;
};

static bool is_in(const struct field *fields, unsigned int n, unsigned int at)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (fields[i].at && at >= fields[i].at && at < fields[i].at + fields[i].len)
			return true;
	return false;
}

/* What may change when this side of the header gets an address and a port. */
static unsigned int fields_of(const struct oracle_header *h, bool source, bool port,
			      struct field *f)
{
	f[0] = (struct field){ source ? h->src : h->dst, h->addr_len };
	f[1] = (struct field){ h->ip_check, 2 };
	f[2] = (struct field){ h->l4_check, 2 };
	f[3] = (struct field){ port ? (source ? h->sport : h->dport) : 0, 2 };
	return 4;
}

static void check_sums(const struct sample *s, const u8 *bytes, const struct oracle *after)
{
	const struct oracle_header *h = &after->outer;
	unsigned int sum;

	if (s->valid)
		CHECK(!oracle_wrong(bytes, after), "a checksum is wrong");
	sum = oracle_pseudo_sum(bytes, h);
	if (is_pending(s))
		CHECK(oracle_get16(bytes, h->l4_check) % 0xffff == sum % 0xffff,
		      "a pending checksum is wrong");
	if (s->skb.ip_summed != CHECKSUM_COMPLETE)
		return;
	sum = oracle_sum(bytes, s->ip, s->skb.len);
	CHECK((u16)~csum_fold(s->skb.csum) % 0xffff == ntohs(sum) % 0xffff,
	      "skb->csum is not that of the bytes");
}

/* RFC 768: 0 says that there is none. */
static void check_present(const struct sample *s, const u8 *bytes, const struct oracle_header *h)
{
	if (h->good && h->may_be_absent && h->l4_check)
		CHECK(!oracle_get16(bytes, h->l4_check) == !oracle_get16(s->bytes, h->l4_check),
		      "a checksum came or went");
}

static void check_changed(const struct sample *s, const u8 *bytes, const struct field *fields,
			  unsigned int n)
{
	unsigned int i;

	for (i = 0; i < s->skb.len; i++)
		CHECK(bytes[i] == s->bytes[i] || is_in(fields, n, i),
		      "a byte has changed that must not");
}

/* The packet that it was; only 0xffff, which no sender computes, may have become 0. */
static void check_back(const struct sample *s, const struct field *fields, unsigned int n)
{
	u8 bytes[ORACLE_MAX];
	unsigned int i;

	now(s, bytes);
	for (i = 0; i < n; i++) {
		const struct field *f = &fields[i];

		if (f->at && oracle_get16(s->bytes, f->at) == 0xffff &&
		    !oracle_get16(bytes, f->at))
			oracle_put16(bytes, f->at, 0xffff);
	}
	CHECK(!memcmp(bytes, s->bytes, s->skb.len), "back again it is another packet");
}

/* ---- there and back ---- */

static int parse(struct sample *s)
{
	return has(s, SIX) ? rnat_tuple_parse6(&s->skb, s->ip, &s->tuple) :
			     rnat_tuple_parse(&s->skb, s->ip, &s->tuple);
}

/* Both sides of one translation of an error, as hook.c does it. */
static int translate_error(struct sample *s, bool source, const union nf_inet_addr *addr,
			   __be16 port)
{
	int err;

	if (source) {	/* an error from inside quotes what was sent there */
		err = rnat_icmp_rewrite_dst(&s->skb, &s->tuple, &s->quote, addr, port);
		return err ?: rnat_rewrite_src(&s->skb, &s->tuple, addr, 0);
	}
	err = rnat_icmp_rewrite_src(&s->skb, &s->tuple, &s->quote, addr, port);
	return err ?: rnat_rewrite_dst(&s->skb, &s->tuple, addr, 0);
}

static int translate(struct sample *s, bool source, const union nf_inet_addr *addr, __be16 port)
{
	if (s->tuple.l4 == RNAT_L4_ERROR)
		return translate_error(s, source, addr, port);
	return source ? rnat_rewrite_src(&s->skb, &s->tuple, addr, port) :
			rnat_rewrite_dst(&s->skb, &s->tuple, addr, port);
}

static bool port_fits(const struct sample *s)
{
	const struct oracle_header *h = s->before.outer.kind == ORACLE_ERROR ?
					&s->before.quote : &s->before.outer;

	if (h->kind == ORACLE_QUERY)
		return h == &s->before.outer || h->l4_check;
	return h->kind == ORACLE_PORTS && (h == &s->before.quote || h->proto != 132);
}

static void there(struct sample *s, bool source, const union nf_inet_addr *addr, __be16 port)
{
	const struct oracle_header *q = &s->before.quote;
	bool error = s->before.outer.kind == ORACLE_ERROR;
	struct field fields[8];
	struct oracle after;
	u8 bytes[ORACLE_MAX];
	unsigned int n, at;

	now(s, bytes);
	look(s, bytes, s->skb.len, &after);
	CHECK(after.outer.good == s->before.outer.good, "it became another kind of packet");
	n = fields_of(&s->before.outer, source, port && !error, fields);
	if (error)
		n += fields_of(q, !source, port, fields + n);
	check_changed(s, bytes, fields, n);
	CHECK(!memcmp(bytes + fields[0].at, addr, fields[0].len), "not the new address");
	if (error)
		CHECK(!memcmp(bytes + fields[4].at, addr, fields[4].len), "not the new address");
	at = fields[error ? 7 : 3].at;
	if (at)
		CHECK(!memcmp(bytes + at, &port, 2), "not the new port");
	check_sums(s, bytes, &after);
	check_present(s, bytes, &s->before.outer);
	check_present(s, bytes, q);
}

static void back(struct sample *s, bool source, __be16 port)
{
	const struct oracle_header *q = &s->before.quote, *h = &s->before.outer;
	bool error = h->kind == ORACLE_ERROR;
	union nf_inet_addr outer = { }, inner = { };
	struct field sums[] = {
		{ h->ip_check, 2 }, { h->l4_check, 2 }, { q->ip_check, 2 }, { q->l4_check, 2 },
	};
	unsigned int at;
	int err;

	memcpy(&outer, s->bytes + (source ? h->src : h->dst), h->addr_len);
	CHECK(!parse(s), "what was translated is malformed");
	if (error) {
		CHECK(!rnat_icmp_quote(&s->skb, &s->tuple, &s->quote),
		      "what was translated quotes nothing");
		memcpy(&inner, s->bytes + (source ? q->dst : q->src), q->addr_len);
		at = source ? q->dport : q->sport;
		if (port)
			memcpy(&port, s->bytes + at, 2);
		if (source)
			err = rnat_icmp_rewrite_dst(&s->skb, &s->tuple, &s->quote, &inner, port);
		else
			err = rnat_icmp_rewrite_src(&s->skb, &s->tuple, &s->quote, &inner, port);
		port = 0;
	} else {
		at = source ? h->sport : h->dport;
		if (port)
			memcpy(&port, s->bytes + at, 2);
		err = 0;
	}
	if (!err)
		err = source ? rnat_rewrite_src(&s->skb, &s->tuple, &outer, port) :
			       rnat_rewrite_dst(&s->skb, &s->tuple, &outer, port);
	CHECK(!err, "it cannot be translated back");
	check_back(s, sums, 4);
}

/* Port 0 means that the port stays, so there is no way back to it. */
static bool had_no_port(const struct sample *s, bool source)
{
	const struct oracle_header *h = &s->before.outer;
	unsigned int at = source ? h->sport : h->dport;

	if (h->kind == ORACLE_ERROR)
		at = source ? s->before.quote.dport : s->before.quote.sport;
	return !oracle_get16(s->bytes, at);
}

/* That of the order; of IPv6, with what else there is to vary. */
static void choose_address(const struct sample *s, union nf_inet_addr *addr)
{
	u8 *p = (u8 *)addr;

	memset(addr, 0, sizeof(*addr));
	if (has(s, SIX)) {
		memcpy(p, "\x20\x01\x0d\xb8", 4);
		memcpy(p + 7, s->order.reserved, sizeof(s->order.reserved));
		p += 12;
	}
	memcpy(p, s->order.addr, sizeof(s->order.addr));
}

/* The new port, or the one that makes up for all else that the checksum covers. */
static __be16 choose_port(const struct sample *s, bool source, const union nf_inet_addr *addr)
{
	const struct oracle_header *h = &s->before.outer;
	const u8 *p = s->bytes;
	unsigned int sum, from;

	if (!has(s, WITH_PORT))
		return 0;
	if (h->kind == ORACLE_ERROR) {
		h = &s->before.quote;
		source = !source;
	}
	if (!has(s, AIM) || !h->good || !h->l4_check)
		return s->order.port;
	from = source ? h->src : h->dst;
	sum = oracle_get16(p, h->l4_check) + oracle_get16(p, source ? h->sport : h->dport) +
	      oracle_sum(p, from, from + h->addr_len) + 0xffff -
	      oracle_sum((const u8 *)addr, 0, h->addr_len);
	return htons(sum % 0xffff);
}

static void run(struct sample *s)
{
	__be16 port = 0;
	bool source = has(s, TO_SOURCE);
	union nf_inet_addr addr = { };
	int err;

	err = parse(s);
	check_untouched(s, "reading has written");
	CHECK(!err == s->before.outer.good, "only one of us takes the packet");
	if (err)
		return;
	check_read(s, &s->tuple, &s->before.outer);
	check_key(&s->tuple, ROAMNAT_KIND_ADDRESS);
	check_key(&s->tuple, ROAMNAT_KIND_PORT);

	if (s->tuple.l4 == RNAT_L4_ERROR) {
		err = rnat_icmp_quote(&s->skb, &s->tuple, &s->quote);
		check_untouched(s, "reading has written");
		/* With a routing header the oracle does not know the last destination. */
		if (s->valid && !s->before.outer.routed)
			CHECK(!err == s->before.quote.good, "only one of us takes the quote");
		if (err)
			return;
		check_read(s, &s->quote, &s->before.quote);
	}
	choose_address(s, &addr);
	port = choose_port(s, source, &addr);
	s->skb.no_memory = has(s, NO_MEMORY);
	err = translate(s, source, &addr, port);
	if (err) {
		check_untouched(s, "a refusal has written");
		CHECK(s->skb.no_memory || (port && !port_fits(s)), "it was refused without need");
		return;
	}
	there(s, source, &addr, port);
	if (!port || !had_no_port(s, source))
		back(s, source, port);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct sample s;

	if (!make(&s, data, size))
		return 0;
	run(&s);
	free(s.skb.data);
	free(s.skb.pages);
	return 0;
}
