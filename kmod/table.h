/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mappings of one namespace, found by private key, by public key and, for
 * commands, by id. A mapping is in all of them or in none.
 */
#ifndef _RNAT_TABLE_H
#define _RNAT_TABLE_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/hash.h>
#include <linux/in6.h>
#include <linux/rbtree.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

struct rnat_key;
struct rnat_map;
struct rnat_net;

#define RNAT_NET_BITS	16

/* A block has 2^1 to 2^15 ports. */
#define RNAT_ORDERS	16

/* Which networks may have a public address. */
struct rnat_nets {
	unsigned long *bits;
	u32 *count;		/* public sides of each bit; under the mutex */
};

struct rnat_table {
	struct rhashtable by_priv;
	struct rhashtable by_pub;
	u32 ports;		/* port mappings; read by packets */
	u32 addresses;		/* address mappings; read by packets */
	u32 orders;		/* sizes of blocks, as bits; read by packets */
	bool shared;		/* there are ports or blocks; read by packets */
	u32 blocks[RNAT_ORDERS];	/* blocks of each size */
	struct rnat_nets nets4;	/* of each /24 */
	struct rnat_nets nets6;	/* of each /64 */
	struct rb_root by_id;	/* under the mutex */
	atomic_t count;
	u32 generation;		/* of the set, for dumps; under the mutex */
};

static inline u32 rnat_table_net(__be32 addr)
{
	return ((ntohl(addr) >> 8) * GOLDEN_RATIO_32) >> (32 - RNAT_NET_BITS);
}

/*
 * Could this IPv4 address be a public one? Says yes of a stranger in 16 with a
 * million mappings, and no to nearly all that is only forwarded, by looking at
 * one bit. Under RCU.
 */
static inline bool rnat_table_may_be_public(const struct rnat_table *table,
					    __be32 addr)
{
	/* Pairs with prepare_nets(). */
	const unsigned long *nets = smp_load_acquire(&table->nets4.bits);

	return nets && test_bit(rnat_table_net(addr), nets);
}

static inline u32 rnat_table_net6(const struct in6_addr *addr)
{
	u64 net = (u64)(__force u32)addr->s6_addr32[0] << 32 |
		  (__force u32)addr->s6_addr32[1];

	return net * GOLDEN_RATIO_64 >> (64 - RNAT_NET_BITS);
}

/* The same of an IPv6 address. Public addresses are mostly of few networks. */
static inline bool rnat_table_may_be_public6(const struct rnat_table *table,
					     const struct in6_addr *addr)
{
	/* Pairs with prepare_nets(). */
	const unsigned long *nets = smp_load_acquire(&table->nets6.bits);

	return nets && test_bit(rnat_table_net6(addr), nets);
}

/* Under RCU; the mapping is good until rcu_read_unlock(). */
struct rnat_map *rnat_table_lookup_priv(struct rnat_table *table,
					const struct rnat_key *key);
struct rnat_map *rnat_table_lookup_pub(struct rnat_table *table,
				       const struct rnat_key *key);
/* The block to which the public port of @key belongs, or NULL. */
struct rnat_map *rnat_table_lookup_block(struct rnat_table *table,
					 const struct rnat_key *key);

/* Under the mutex; good until it is released. */
struct rnat_map *rnat_table_lookup_id(struct rnat_table *table, u64 id);
/* The mapping with the lowest id >= @id: the cursor of every walk. */
struct rnat_map *rnat_table_lookup_from(struct rnat_table *table, u64 id);

/*
 * Puts @map into all indexes or none: -EEXIST, -ENOMEM, or -ENOSPC above @max.
 * Its state is RNAT_STATE_NONE, so that packets that find it in one index
 * before it is in the other do not use it. Under the mutex.
 */
int rnat_table_insert(struct rnat_table *table, struct rnat_map *map, u32 max);
/* Out of all indexes; the caller frees it by RCU. Under the mutex. */
void rnat_table_remove(struct rnat_table *table, struct rnat_map *map);

/* For rnat_table_may_be_public(), of what else has public sides: as often forgotten
 * as noted. 0 or -ENOMEM. Under the mutex.
 */
int rnat_table_note_public(struct rnat_table *table,
			   const struct rnat_key *key);
void rnat_table_forget_public(struct rnat_table *table,
			      const struct rnat_key *key);

int rnat_table_init(struct rnat_table *table);
/* Frees what is in it. No packet and no command may run any more. */
void rnat_table_uninit(struct rnat_table *table);

#endif
