/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets made from a description: once as bytes with every checksum computed
 * from scratch, once as an skb in some shape and checksum state.
 */
#ifndef _RNAT_SELFTEST_PACKET_H
#define _RNAT_SELFTEST_PACKET_H

#include <linux/bits.h>
#include <linux/types.h>

struct in6_addr;
struct sk_buff;

#define RNAT_PACKET_MAX 512

/* Where the tests of tunnels put a checksum into the payload. */
#define RNAT_PACKET_INNER_START 4
#define RNAT_PACKET_INNER_CHECK 6
#define RNAT_PACKET_INNER_SEED cpu_to_be16(0x1234)

/* Extension headers, in the order in which they come. */
#define RNAT_EXT_HOP	BIT(0)
#define RNAT_EXT_DEST	BIT(1)
#define RNAT_EXT_ROUTED	BIT(2)	/* all stops passed */
#define RNAT_EXT_ROUTE	BIT(3)	/* one to go: rnat_packet_last is the last */
#define RNAT_EXT_AUTH	BIT(4)

extern const struct in6_addr rnat_packet_last;

/**
 * struct rnat_packet - what to build
 * @name:     for messages
 * @src:      addresses
 * @dst:      "
 * @sport:    ports; the ICMP id is @sport
 * @dport:    "
 * @frag_off: as in the IP header, host order: with an offset, no L4 header
 * @payload:  bytes after the L4 header
 * @keep:     bytes kept after the IP header, which says so unless @quoted;
 *            0 keeps all. Checksums are those of the whole
 * @proto:    IPPROTO_*
 * @type:     ICMP type
 * @options:  bytes of IP options, a multiple of 4
 * @absent:   UDP checksum 0
 * @src6:     if not NULL, it is IPv6, and these are the addresses; @frag_off then
 * @dst6:     says whether there is a fragment header
 * @ext:      RNAT_EXT_*
 * @tunnel:   the payload has a checksum inside
 * @quoted:   @keep cuts, but the IP header goes on telling the whole length
 * @quote:    what an ICMP error quotes instead of @payload
 */
struct rnat_packet {
	const char *name;
	__be32 src, dst;
	__be16 sport, dport;
	u16 frag_off, payload, keep;
	u8 proto, type, options, ext;
	const struct in6_addr *src6, *dst6;
	bool absent, tunnel, quoted;
	const struct rnat_packet *quote;
};

/* The bytes, and where in them checksums are, and which may not become 0. */
struct rnat_bytes {
	u8 data[RNAT_PACKET_MAX];
	unsigned int len;
	unsigned int thoff;
	int check;			/* of L4, or -1 */
	int nr_sums;
	struct {
		u16 at;
		bool udp;
	} sums[4];
};

void rnat_packet_build(const struct rnat_packet *p, struct rnat_bytes *b);

/*
 * The port instead of @port with which the UDP checksum in @b would come out as
 * 0, which must be sent as all ones; 0 if there is no such checksum.
 */
__be16 rnat_packet_zeroing_port(const struct rnat_bytes *b, __be16 port);

/* How the bytes lie in the skb. */
enum rnat_shape {
	RNAT_SHAPE_LINEAR,
	RNAT_SHAPE_CLONED,
	RNAT_SHAPE_SPLIT,		/* IP header linear, the rest in pages */
	RNAT_SHAPE_SPLIT_CLONED,
	RNAT_SHAPE_PAGES,		/* nothing linear */
	RNAT_SHAPE_FRAMED,		/* starts at the link layer header, padded */
	RNAT_SHAPE_MAX,
};

enum rnat_csum {
	RNAT_CSUM_NONE,
	RNAT_CSUM_UNNECESSARY,
	RNAT_CSUM_COMPLETE,
	RNAT_CSUM_PARTIAL,
	RNAT_CSUM_GSO,			/* PARTIAL, to be segmented */
	RNAT_CSUM_TUNNEL,		/* PARTIAL, about what is inside */
	RNAT_CSUM_TUNNEL_GSO,		/* the same, to be segmented */
	RNAT_CSUM_MAX,
};

/* An skb under test and the clone that must not see what happens to it. */
struct rnat_sample {
	struct sk_buff *skb, *clone;
	unsigned int nhoff, pad, thoff, check;
	enum rnat_csum csum;
	u8 before[RNAT_PACKET_MAX];
	u8 after[RNAT_PACKET_MAX];
};

bool rnat_packet_can(const struct rnat_packet *p, enum rnat_csum csum);
int rnat_sample_make(struct rnat_sample *s, const struct rnat_packet *p,
		     const struct rnat_bytes *b, enum rnat_shape shape,
		     enum rnat_csum csum);
void rnat_sample_free(struct rnat_sample *s);

/* NULL if the skb has become @want and all else is as it was, or what differs. */
const char *rnat_sample_differs(struct rnat_sample *s,
				const struct rnat_bytes *want);

/* NULL if no byte was touched. */
const char *rnat_sample_touched(struct rnat_sample *s);

#endif
