/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One binding: a private port of a block's VM and a public port of the block,
 * of one protocol. It has no keys of its own: the addresses are those of its
 * mapping, which outlives it.
 *
 * Packets find it under RCU; they write last_used, and nothing else. All else
 * is written under the lock of its block's shard (block.h).
 */
#ifndef _RNAT_BINDING_H
#define _RNAT_BINDING_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <uapi/linux/roamnat.h>

struct rnat_key;
struct rnat_map;
struct rnat_net;
struct rnat_shard;

/* A binding that is in no table any more. The others are enum
 * roamnat_binding_state.
 */
#define RNAT_BINDING_GONE	0

/* The addresses that a binding has sent to and may be answered by. */
struct rnat_remotes {
	struct rcu_head rcu;
	u8 size;
	u8 count;
	u8 next;		/* gives way, when count is ROAMNAT_REMOTES_MAX */
	__be32 addr[];
};

struct rnat_binding {
	struct rhash_head by_priv;
	struct rhash_head by_pub;
	struct rnat_map *map;		/* of a block; lives longer */
	union {
		struct hlist_node slot;	/* in the shard's wheel */
		struct rcu_head rcu;	/* when it is gone */
	};
	struct rnat_remotes __rcu *remotes; /* with filtering only */
	u32 last_used;			/* stamp; while resting, since when */
	u32 remote;			/* rnat_tcp_remote() */
	__be16 priv_port;
	__be16 pub_port;
	u8 proto;
	u8 state;
	u8 seen;			/* RNAT_TCP_* */
};

/* All bindings of one namespace. */
struct rnat_bindings {
	struct rhashtable by_priv;
	struct rhashtable by_pub;
	atomic_t count;
	struct rnat_shard *shards;	/* from the first block on */
	u32 shard_mask;
};

/*
 * Stamps are boot time in units of 2^20 ns, which is a millisecond, nearly. 32
 * bits of them last for 52 days, and no binding goes on for so long without
 * being looked at: timers are bounded to a week.
 */
#define RNAT_STAMP_SHIFT	20

static inline u32 rnat_stamp(u64 ns)
{
	return ns >> RNAT_STAMP_SHIFT;
}

/* How long before @stamp it was last used, in ns; packets on another CPU may
 * have a newer clock.
 */
static inline u64 rnat_binding_age(const struct rnat_binding *binding,
				   u32 stamp)
{
	s32 age = stamp - READ_ONCE(binding->last_used);

	return age > 0 ? (u64)age << RNAT_STAMP_SHIFT : 0;
}

/* As rnat_map_mark_translated(): a cache line is written once a tick. */
static inline void rnat_binding_mark(struct rnat_binding *binding, u64 now)
{
	if (READ_ONCE(binding->last_used) != rnat_stamp(now))
		WRITE_ONCE(binding->last_used, rnat_stamp(now));
}

/* For how long it stays as it is without being used, in ns; from the config. */
u64 rnat_binding_time(const struct rnat_net *rn,
		      const struct rnat_binding *binding);
/* Translated, and not only remembered? */
static inline bool rnat_binding_is_open(const struct rnat_binding *binding)
{
	u8 state = READ_ONCE(binding->state);

	return state != RNAT_BINDING_GONE &&
	       state != ROAMNAT_BINDING_STATE_RESTING;
}

/* Under RCU. Keys as of port mappings. */
struct rnat_binding *rnat_binding_lookup_priv(struct rnat_net *rn,
					      const struct rnat_key *key);
struct rnat_binding *rnat_binding_lookup_pub(struct rnat_net *rn,
					     const struct rnat_key *key);

/* Into both tables or none: -EEXIST, -ENOMEM. Under the shard's lock. */
int rnat_binding_insert(struct rnat_net *rn, struct rnat_binding *binding);
/* Out of both; freed by RCU. Under the shard's lock. */
void rnat_binding_remove(struct rnat_net *rn, struct rnat_binding *binding);

/* NULL without memory. Counted: -EDQUOT above max-bindings. */
struct rnat_binding *rnat_binding_new(struct rnat_net *rn);
/* For one that was in no table. */
void rnat_binding_free(struct rnat_net *rn, struct rnat_binding *binding);

/* Has it sent to @addr? Under RCU. */
bool rnat_binding_knows(const struct rnat_binding *binding, __be32 addr);
/* It may be answered by @addr. 0 or -ENOMEM. Under the shard's lock. */
int rnat_binding_learn(struct rnat_binding *binding, __be32 addr);

int rnat_bindings_init(struct rnat_net *rn);
/* Frees what is in it. No packet, no command and no timer may run any more. */
void rnat_bindings_uninit(struct rnat_net *rn);
int rnat_binding_init(void);
void rnat_binding_uninit(void);

#endif
