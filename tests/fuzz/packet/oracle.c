// SPDX-License-Identifier: GPL-2.0
#include "oracle.h"

#include <string.h>

enum { ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, SCTP = 132, UDPLITE = 136 };

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
	return fold(add(p, h->src, h->src + h->addr_len) + add(p, h->dst, h->dst + h->addr_len) +
		    h->proto + (h->end - h->l4));
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
	case ICMP: return 2;
	}
	return 0;
}

static enum oracle_kind icmp_kind(unsigned int type)
{
	static const uint8_t errors[] = { 3, 4, 5, 11, 12 };

	if (type == 0 || type == 8)
		return ORACLE_QUERY;
	return memchr(errors, type, sizeof(errors)) ? ORACLE_ERROR : ORACLE_OTHER;
}

static void read_l4(const uint8_t *p, struct oracle_header *h, bool quoted)
{
	unsigned int room = h->end - h->l4, wanted = least(h->proto), len;

	h->good = true;
	if (!wanted)
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
	if (h->proto == ICMP) {
		h->kind = icmp_kind(p[h->l4]);
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

void oracle_read(const uint8_t *p, unsigned int ip, unsigned int end, bool gso,
		 struct oracle *o)
{
	struct oracle_header *outer = &o->outer, *quote = &o->quote;

	memset(o, 0, sizeof(*o));
	read_ip4(p, ip, end, gso, false, outer);
	if (!outer->good || outer->kind != ORACLE_ERROR)
		return;
	read_ip4(p, outer->l4 + 8, outer->end, false, true, quote);
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
