/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hash of one side of a mapping, for every table that has struct rnat_key.
 *
 * Tenants choose their addresses and ports, and must not be able to choose their
 * bucket. The sum is the multilinear hash of Lemire and Kaser ("Strongly universal
 * string hashing is fast", 2014): over 32-bit words w with secret random 64-bit keys,
 * k + sum(k_i * w_i); the upper halves of two sides are equal with probability 2^-32
 * whatever they are, which is what a table needs of a hash. It is linear, though, and
 * one key in a hundred would crowd consecutive addresses; so it is stirred once. A
 * pseudo-random function, which siphash is, costs four times as much.
 */
#ifndef _RNAT_HASH_H
#define _RNAT_HASH_H

#include <linux/build_bug.h>
#include <linux/types.h>

#include "tuple.h"

#define RNAT_HASH_WORDS (sizeof(struct rnat_key) / sizeof(u32))

/* Of each word, of none, and the one that stirs, which is odd. */
extern u64 rnat_hash_keys[RNAT_HASH_WORDS + 2];

/* @seed changes when a table is rehashed. */
static inline u32 rnat_hash_stir(u64 sum, u32 seed)
{
	sum ^= sum >> 32 ^ seed;
	return sum * rnat_hash_keys[RNAT_HASH_WORDS + 1] >> 32;
}

/* Of an IPv4 key: the rest of its address is zero, and adds nothing. */
static inline u32 rnat_hash_words(u32 addr, u32 zone, u32 tail, u32 seed)
{
	u64 sum = rnat_hash_keys[RNAT_HASH_WORDS];

	sum += rnat_hash_keys[0] * addr;
	sum += rnat_hash_keys[4] * zone;
	sum += rnat_hash_keys[5] * tail;
	return rnat_hash_stir(sum, seed);
}

/* The last word of a key. */
static inline u32 rnat_hash_tail(__be16 port, u8 proto, u8 family)
{
#ifdef __LITTLE_ENDIAN
	return (__force u16)port | (u32)proto << 16 | (u32)family << 24;
#else
	return (u32)(__force u16)port << 16 | (u32)proto << 8 | family;
#endif
}

static inline u32 rnat_hash(const struct rnat_key *key, u32 seed)
{
	const u32 *word = (const u32 *)key;
	u64 sum;
	int i;

	BUILD_BUG_ON(sizeof(*key) != 24);
	BUILD_BUG_ON(offsetof(struct rnat_key, zone) != 16);
	if (likely(key->family == NFPROTO_IPV4))
		return rnat_hash_words(word[0], word[4], word[5], seed);
	sum = rnat_hash_keys[RNAT_HASH_WORDS];
	for (i = 0; i < RNAT_HASH_WORDS; i++)
		sum += rnat_hash_keys[i] * word[i];
	return rnat_hash_stir(sum, seed);
}

/* rnat_hash() of the key of an address mapping of IPv6 that nobody has written down. */
static inline u32 rnat_hash_address6(const struct in6_addr *addr, u32 zone,
				     u32 seed)
{
	u64 sum = rnat_hash_keys[RNAT_HASH_WORDS];
	int i;

	for (i = 0; i < 4; i++)
		sum += rnat_hash_keys[i] * (__force u32)addr->s6_addr32[i];
	sum += rnat_hash_keys[4] * zone;
	sum += rnat_hash_keys[5] * rnat_hash_tail(0, 0, NFPROTO_IPV6);
	return rnat_hash_stir(sum, seed);
}

/* For struct rhashtable_params. */
static inline u32 rnat_hash_fn(const void *key, u32 len, u32 seed)
{
	return rnat_hash(key, seed);
}

/* Once, before the first table. */
void rnat_hash_init(void);

#endif
