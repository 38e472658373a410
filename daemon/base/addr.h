/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Addresses and the two sides of a mapping. Plain values: compare with
 * rn_*_equal, never with memcmp, and pass by pointer.
 */
#ifndef RN_BASE_ADDR_H
#define RN_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text that rn_addr_print, rn_private_print, rn_public_print write. */
#define RN_ADDR_TEXT	46
#define RN_SIDE_TEXT	96

enum rn_kind {			/* numbers as in roamnat.h, enum roamnat_kind */
	RN_KIND_ADDRESS = 1,
	RN_KIND_PORT = 2,
	RN_KIND_BLOCK = 3,
};

struct rn_addr {
	uint8_t len;		/* 4, 16, or 0 for none */
	uint8_t b[16];		/* network order; unused bytes are 0 */
};

struct rn_prefix {
	struct rn_addr addr;	/* host bits are 0 */
	uint8_t len;
};

/* The private side: which VM, and for a port mapping which of its ports, for a
 * block of ports which of its blocks, from 0.
 */
struct rn_private {
	uint32_t zone;
	uint8_t kind;		/* enum rn_kind */
	uint8_t proto;		/* IP protocol of a port mapping, else 0 */
	uint16_t port;		/* host order; 0 for an address mapping */
	struct rn_addr addr;
};

struct rn_public {
	uint8_t proto;
	uint16_t port;		/* of a block the first */
	uint16_t ports;		/* of a block how many, a power of two; else 0 */
	struct rn_addr addr;
};

/* An idle timer as durations in ms; preset = elapsed + remaining (S7). */
struct rn_timer {
	uint64_t preset;
	uint64_t elapsed;
	uint64_t remaining;
};

bool rn_addr_parse(const char *text, struct rn_addr *addr);
char *rn_addr_print(const struct rn_addr *addr, char buf[RN_ADDR_TEXT]);
bool rn_addr_equal(const struct rn_addr *a, const struct rn_addr *b);
int rn_addr_compare(const struct rn_addr *a, const struct rn_addr *b);
unsigned int rn_addr_hash(const struct rn_addr *addr);

/* "198.51.100.11:7414" or "[2001:db8::1]:7414"; numbers only, no names. */
bool rn_endpoint_parse(const char *text, struct rn_addr *addr, uint16_t *port);

/* "203.0.113.0/24"; a prefix with host bits set is refused. */
bool rn_prefix_parse(const char *text, struct rn_prefix *prefix);
bool rn_prefix_contains(const struct rn_prefix *prefix, const struct rn_addr *addr);

bool rn_private_equal(const struct rn_private *a, const struct rn_private *b);
unsigned int rn_private_hash(const struct rn_private *side);
/* "10.0.0.5 zone 1", "10.0.0.5:80/tcp zone 1" or "10.0.0.5 block 0 zone 1" */
char *rn_private_print(const struct rn_private *side, char buf[RN_SIDE_TEXT]);

bool rn_public_equal(const struct rn_public *a, const struct rn_public *b);
unsigned int rn_public_hash(const struct rn_public *side);
/* The address, or "ADDRESS:PORT", or of a block "ADDRESS:FIRST-LAST"; with
 * brackets for IPv6. "" for no address.
 */
char *rn_side_print(const struct rn_addr *addr, uint16_t port, uint16_t ports,
		    char buf[RN_SIDE_TEXT]);
/* What rn_side_print prints; port and ports are 0 if there are none. */
bool rn_side_parse(const char *text, struct rn_addr *addr, uint16_t *port, uint16_t *ports);
/* "203.0.113.7", "203.0.113.7:40001/tcp" or "203.0.113.7:1024-1535" */
char *rn_public_print(const struct rn_public *side, char buf[RN_SIDE_TEXT]);
/* ports is a power of two, and port a multiple of it; no block begins at 0. */
bool rn_block_valid(uint32_t port, uint32_t ports);

/* "address", "port", "block"; "" for another */
const char *rn_kind_to_string(uint8_t kind);

/* tcp, udp, icmp, or a number */
const char *rn_proto_name(uint8_t proto, char buf[8]);
bool rn_proto_parse(const char *text, uint8_t *proto);

/* False when the three do not add up or preset is 0 and another is not. */
bool rn_timer_valid(const struct rn_timer *timer);
/* The timer after ms more without traffic; remaining stops at 0. */
struct rn_timer rn_timer_advance(struct rn_timer timer, uint64_t ms);

#endif
