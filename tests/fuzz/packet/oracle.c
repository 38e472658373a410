// SPDX-License-Identifier: GPL-2.0
#include "oracle.h"

#include <string.h>

enum {
	HOPS = 0, ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ROUTING = 43, FRAGMENT = 44,
	AUTH = 51, ICMP6 = 58, OPTIONS = 60, SCTP = 132, UDPLITE = 136,
};

static uint64_t add(const uint8_t *p, unsigned int from, unsigned int to)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = from; i < to; i++)
		sum += (uint64_t)p[i] << ((i - from) % 2 ? 0 : 8);
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint16_t oracle_sum(const uint8_t *p, unsigned int from, unsigned int to)
{
	return fold(add(p, from, to));
}

uint16_t oracle_pseudo_sum(const uint8_t *p, const struct oracle_header *h)
{
	uint64_t dst = h->routed ? 0 : add(p, h->dst, h->dst + h->addr_len);

	return fold(add(p, h->src, h->src + h->addr_len) + dst + h->proto + (h->end - h->l4));
}

uint16_t oracle_l4_sum(const uint8_t *p, const struct oracle_header *h)
{
	uint64_t sum = add(p, h->l4, h->end);

	return fold(sum + (h->pseudo ? oracle_pseudo_sum(p, h) : 0));
}

/* Bytes of L4 that must be there in a packet of its own. */
static unsigned int least(unsigned int proto)
{
	switch (proto) {
	case TCP: return 20;
	case DCCP:
	case SCTP: return 12;
	case UDP:
	case UDPLITE:
	case ICMP6:
	case ICMP: return 8;
	}
	return 0;
}

static unsigned int check_at(unsigned int proto)
{
	switch (proto) {
	case TCP: return 16;
	case UDP:
	case UDPLITE:
	case DCCP: return 6;
	case ICMP6:
	case ICMP: return 2;
	}
	return 0;
}

static enum oracle_kind icmp_kind(unsigned int type, bool six)
{
	static const uint8_t errors[] = { 3, 4, 5, 11, 12 };

	if (six)
		return type == 128 || type == 129 ? ORACLE_QUERY :
		       type < 128 ? ORACLE_ERROR : ORACLE_OTHER;
	if (type == 0 || type == 8)
		return ORACLE_QUERY;
	return memchr(errors, type, sizeof(errors)) ? ORACLE_ERROR : ORACLE_OTHER;
}

static void read_l4(const uint8_t *p, struct oracle_header *h, bool quoted)
{
	unsigned int room = h->end - h->l4, wanted = least(h->proto), len;
	bool six = h->addr_len == 16;

	h->good = true;
	/* That of the other family is a protocol like any. */
	if (!wanted || h->proto == (six ? ICMP : ICMP6))
		return;
	if (quoted)
		wanted = 8;
	if (room < wanted) {
		h->good = false;
		return;
	}
	if (h->proto == UDP) {
		len = oracle_get16(p, h->l4 + 4);
		if (!quoted && (len < 8 || (!h->more && len > room)))
			h->good = false;
	}
	if (h->proto == ICMP || h->proto == ICMP6) {
		h->kind = icmp_kind(p[h->l4], six);
		h->sport = h->kind == ORACLE_QUERY ? h->l4 + 4 : 0;
		h->dport = h->sport;
	} else {
		h->kind = ORACLE_PORTS;
		h->sport = h->l4;
		h->dport = h->l4 + 2;
	}
	h->l4_check = h->l4 + check_at(h->proto);
	if (h->l4_check == h->l4 || h->l4_check + 2 > h->end)
		h->l4_check = 0;
	h->may_be_absent = h->proto == UDP || h->proto == UDPLITE;
	h->pseudo = h->proto != ICMP;
}

static void read_ip4(const uint8_t *p, unsigned int ip, unsigned int end, bool gso, bool quoted,
		     struct oracle_header *h)
{
	unsigned int hlen, total, fragment;

	memset(h, 0, sizeof(*h));
	if (end < ip + 20 || p[ip] >> 4 != 4)
		return;
	hlen = (p[ip] & 15) * 4;
	total = oracle_get16(p, ip + 2);
	if (!total && gso)
		total = end - ip;
	if (quoted)
		total = end - ip;
	if (hlen < 20 || total < hlen || total > end - ip)
		return;
	h->ip = ip;
	h->ip_check = ip + 10;
	h->src = ip + 12;
	h->dst = ip + 16;
	h->addr_len = 4;
	h->l4 = ip + hlen;
	h->end = ip + total;
	h->proto = p[ip + 9];
	fragment = oracle_get16(p, ip + 6);
	h->more = (fragment & 0x3fff) == 0x2000;
	if (fragment & 0x1fff) {
		h->kind = ORACLE_FRAGMENT;
		h->good = true;
		return;
	}
	read_l4(p, h, quoted);
}

static bool is_extension(unsigned int proto)
{
	return proto == HOPS || proto == ROUTING || proto == FRAGMENT || proto == AUTH ||
	       proto == OPTIONS;
}

/* Over one extension header: false if it is not whole. */
static bool step(const uint8_t *p, struct oracle_header *h)
{
	const uint8_t *ext = p + h->l4;
	unsigned int len;

	if (h->end - h->l4 < 8)
		return false;
	len = h->proto == AUTH ? (ext[1] + 2) * 4 : (ext[1] + 1) * 8;
	if (h->proto == FRAGMENT) {
		unsigned int word = oracle_get16(p, h->l4 + 2);

		len = 8;
		if (word >> 3)
			h->kind = ORACLE_FRAGMENT;
		else
			h->more = word & 1;
	}
	if (h->proto == ROUTING && ext[3])
		h->routed = true;
	if (len > h->end - h->l4)
		return false;
	h->proto = ext[0];
	h->l4 += len;
	return true;
}

static void read_ip6(const uint8_t *p, unsigned int ip, unsigned int end, bool gso, bool quoted,
		     struct oracle_header *h)
{
	unsigned int total, n;

	memset(h, 0, sizeof(*h));
	if (end < ip + 40 || p[ip] >> 4 != 6)
		return;
	total = 40 + oracle_get16(p, ip + 4);
	if (quoted || (gso && total == 40))
		total = end - ip;
	if (total > end - ip)
		return;
	h->ip = ip;
	h->src = ip + 8;
	h->dst = ip + 24;
	h->addr_len = 16;
	h->l4 = ip + 40;
	h->end = ip + total;
	h->proto = p[ip + 6];
	for (n = 0; is_extension(h->proto) && h->kind != ORACLE_FRAGMENT; n++)
		if (n == 8 || !step(p, h))
			return;
	if (h->kind == ORACLE_FRAGMENT)
		h->good = true;
	else
		read_l4(p, h, quoted);
}

static void read_ip(const uint8_t *p, unsigned int ip, unsigned int end, bool gso, bool quoted,
		    bool six, struct oracle_header *h)
{
	if (six)
		read_ip6(p, ip, end, gso, quoted, h);
	else
		read_ip4(p, ip, end, gso, quoted, h);
}

void oracle_read(const uint8_t *p, unsigned int ip, unsigned int end, bool gso,
		 bool six, struct oracle *o)
{
	struct oracle_header *outer = &o->outer, *quote = &o->quote;

	memset(o, 0, sizeof(*o));
	read_ip(p, ip, end, gso, false, six, outer);
	if (!outer->good || outer->kind != ORACLE_ERROR)
		return;
	read_ip(p, outer->l4 + 8, outer->end, false, true, six, quote);
	if (quote->kind == ORACLE_ERROR)
		quote->good = false;
}

static void mend_header(uint8_t *p, const struct oracle_header *h)
{
	unsigned int value;

	if (h->ip_check) {
		oracle_put16(p, h->ip_check, 0);
		oracle_put16(p, h->ip_check, (uint16_t)~oracle_sum(p, h->ip, h->l4));
	}
	if (!h->l4_check || (h->may_be_absent && !oracle_get16(p, h->l4_check)))
		return;
	oracle_put16(p, h->l4_check, 0);
	value = (uint16_t)~oracle_l4_sum(p, h);
	oracle_put16(p, h->l4_check, h->may_be_absent && !value ? 0xffff : value);
}

void oracle_mend(uint8_t *p, const struct oracle *o)
{
	if (o->quote.good)
		mend_header(p, &o->quote);
	if (o->outer.good)
		mend_header(p, &o->outer);
}

static void straighten_ip(uint8_t *p, unsigned int ip, unsigned int end, bool six)
{
	if (end < ip + (six ? 40 : 20))
		return;
	p[ip] = (six ? 0x60 : 0x40) | (p[ip] & 15);
	if (six) {
		oracle_put16(p, ip + 4, end - ip - 40);
		return;
	}
	if ((p[ip] & 15) < 5 || ip + (p[ip] & 15) * 4u > end)
		p[ip] = 0x45;
	oracle_put16(p, ip + 2, end - ip);
}

void oracle_straighten(uint8_t *p, unsigned int ip, unsigned int end, bool six)
{
	struct oracle o;
	struct oracle_header *h = &o.outer;

	straighten_ip(p, ip, end, six);
	oracle_read(p, ip, end, false, six, &o);
	if (h->proto == UDP && h->l4 && h->kind != ORACLE_FRAGMENT && h->end - h->l4 >= 8)
		oracle_put16(p, h->l4 + 4, h->end - h->l4);
	if (h->kind == ORACLE_ERROR && h->l4)
		straighten_ip(p, h->l4 + 8, h->end, six);
	oracle_read(p, ip, end, false, six, &o);
	oracle_mend(p, &o);
}

static unsigned int wrong_in(const uint8_t *p, const struct oracle_header *h)
{
	if (h->ip_check && oracle_sum(p, h->ip, h->l4) != 0xffff)
		return h->ip_check;
	if (!h->l4_check || (h->may_be_absent && !oracle_get16(p, h->l4_check)))
		return 0;
	return oracle_l4_sum(p, h) == 0xffff ? 0 : h->l4_check;
}

unsigned int oracle_wrong(const uint8_t *p, const struct oracle *o)
{
	unsigned int at = o->outer.good ? wrong_in(p, &o->outer) : 0;

	if (!at && o->quote.good)
		at = wrong_in(p, &o->quote);
	return at;
}
