/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A second opinion about a packet, from its bytes alone and written without a look
 * at kmod/: where its fields and checksums are, and whether each of those is right
 * when it is computed anew over all that it covers.
 */
#ifndef _FUZZ_ORACLE_H
#define _FUZZ_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_MAX 2048		/* bytes of a packet */

enum oracle_kind { ORACLE_OTHER, ORACLE_FRAGMENT, ORACLE_PORTS, ORACLE_QUERY, ORACLE_ERROR };

/* One IP packet, or the beginning of one. Offsets are from the first byte. */
struct oracle_header {
	bool good;		/* it can be translated */
	enum oracle_kind kind;
	uint8_t proto;
	bool more;		/* a first fragment */
	unsigned int ip, l4, end;
	unsigned int src, dst, addr_len;
	unsigned int sport, dport;	/* 0: none */
	unsigned int ip_check;		/* 0: none */
	unsigned int l4_check;		/* 0: none, or not quoted */
	bool may_be_absent;		/* 0 there means that there is none */
	bool pseudo;			/* it covers the addresses */
	bool routed;			/* but another destination */
};

struct oracle {
	struct oracle_header outer;
	struct oracle_header quote;	/* of an error; .good only then */
};

/*
 * By the version in the first byte, of IPv4 or of IPv6, as @six says.
 * @gso: a total length of 0 means all there is. @end is that of the bytes, with
 * what the link layer has padded.
 */
void oracle_read(const uint8_t *p, unsigned int ip, unsigned int end, bool gso,
		 bool six, struct oracle *o);

/* What the header's L4 checksum covers, its own field included, folded: 0xffff
 * if it is right. @pseudo_only: the part of the pseudo header, not inverted.
 */
uint16_t oracle_l4_sum(const uint8_t *p, const struct oracle_header *h);
uint16_t oracle_pseudo_sum(const uint8_t *p, const struct oracle_header *h);
uint16_t oracle_sum(const uint8_t *p, unsigned int from, unsigned int to);

/* Writes every checksum that there is as it must be, inner ones first. */
void oracle_mend(uint8_t *p, const struct oracle *o);

/*
 * Makes a packet of whatever is in [@ip, @end): version and lengths, those of a quote
 * too, and every checksum that there is.
 */
void oracle_straighten(uint8_t *p, unsigned int ip, unsigned int end, bool six);

/* Is each of them right (an absent one is)? Else the offset of one that is not. */
unsigned int oracle_wrong(const uint8_t *p, const struct oracle *o);

static inline unsigned int oracle_get16(const uint8_t *p, unsigned int at)
{
	return p[at] << 8 | p[at + 1];
}

static inline void oracle_put16(uint8_t *p, unsigned int at, unsigned int value)
{
	p[at] = value >> 8;
	p[at + 1] = value;
}

#endif
