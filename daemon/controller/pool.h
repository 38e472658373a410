/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which public endpoint a private side gets. Pure: no clock, no I/O; knows
 * endpoints, not records. Nothing here is durable: the controller tells it at
 * start what the store says is in use.
 *
 * An endpoint is free, granted, or in quarantine until a time (P15). Picking
 * costs O(1) amortized for address pools and one walk over the 65536-bit map
 * of one address at most for port pools, whatever the size of the pool. Which
 * block of an address comes next is random (base/random.h), all else is not.
 */
#ifndef RN_CONTROLLER_POOL_H
#define RN_CONTROLLER_POOL_H

#include <glib.h>
#include "base/addr.h"

/* Pools of ports and blocks keep a map per address; more addresses are refused. */
#define RN_POOL_PORT_ADDRESSES	65536

enum rn_pool_protocol {		/* bits of rn_pool_spec.protocols */
	RN_POOL_TCP = 1,
	RN_POOL_UDP = 2,
	RN_POOL_ICMP = 4,
};

struct rn_pool_spec {
	const char *name;
	uint8_t kind;			/* enum rn_kind */
	const struct rn_prefix *prefixes;
	gsize n_prefixes;
	uint16_t port_lo, port_hi;	/* pools of ports and of blocks */
	uint16_t block_size;		/* pools of blocks: a power of two */
	uint16_t blocks_per_vm;
	unsigned int protocols;		/* port pools: enum rn_pool_protocol */
	const uint32_t *zones;		/* n_zones 0: all */
	gsize n_zones;
	const struct rn_addr *exclude;
	gsize n_exclude;
	uint64_t idle_ms;		/* 0: as the gateway wishes */
};

struct rn_pool_counts {
	uint64_t total, granted, quarantined;
};

struct rn_pools;
struct rn_pool;

/* A private side that always has this public side, which nobody else gets. */
struct rn_static {
	const char *name;
	struct rn_private vm;
	struct rn_public pub;
	const char *gateway;	/* where it is granted unasked; NULL nowhere */
	uint64_t idle_ms;	/* 0: never given back */
};

struct rn_pools *rn_pools_new(void);
void rn_pools_free(struct rn_pools *pools);
/* Copies spec. Refuses a prefix that overlaps one of an earlier pool. */
gboolean rn_pools_add(struct rn_pools *pools, const struct rn_pool_spec *spec, GError **error);

/* Copies fixed. Refuses a public side that is in no pool of its kind, or is excluded
 * from it, and either side of an earlier one.
 */
gboolean rn_pools_reserve(struct rn_pools *pools, const struct rn_static *fixed, GError **error);
/* That of vm; NULL for none. */
const struct rn_static *rn_pools_static(const struct rn_pools *pools, const struct rn_private *vm);
/* All of them: struct rn_static. */
const GPtrArray *rn_pools_statics(const struct rn_pools *pools);

/*
 * Picks an endpoint for vm without taking it: `earlier`, where it was last (or
 * NULL), when that is neither granted nor out of the configuration, else a free
 * one. wall is ms of the realtime clock. NULL when there is none; *why says so
 * in a sentence.
 */
const struct rn_pool *rn_pools_pick(struct rn_pools *pools, const struct rn_private *vm,
				    const struct rn_public *earlier, int64_t wall,
				    struct rn_public *pub, const char **why);
/* pub is granted to vm now. An endpoint of no pool is left alone, here and below. */
void rn_pools_grant(struct rn_pools *pools, const struct rn_public *pub,
		    const struct rn_private *vm);
/* pub, granted to vm until now, may not be given to another before `until`. */
void rn_pools_quarantine(struct rn_pools *pools, const struct rn_public *pub,
			 const struct rn_private *vm, int64_t until);
/* Ends the quarantines that are over. rn_pools_pick does it by itself. */
void rn_pools_expire(struct rn_pools *pools, int64_t wall);

/* A sentence, if pub is part of a block pool whose blocks are not like it: of another
 * size, or elsewhere. NULL if there is nothing wrong.
 */
char *rn_pools_misfit(const struct rn_pools *pools, const struct rn_public *pub);
/* The pool that pub belongs to, NULL if none does any more. */
const struct rn_pool *rn_pools_lookup(const struct rn_pools *pools, const struct rn_public *pub);
guint rn_pools_count(const struct rn_pools *pools);
const struct rn_pool *rn_pools_nth(const struct rn_pools *pools, guint n);
const struct rn_pool_spec *rn_pool_spec(const struct rn_pool *pool);
struct rn_pool_counts rn_pool_counts(const struct rn_pool *pool);

#endif
