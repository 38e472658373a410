/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ports of a block: who has which, for how long, and who gets one next.
 *
 * Blocks are spread over shards, each with a lock and a timer wheel. The lock
 * is taken to make a binding, to end one, and when one changes its state; not
 * by a packet whose binding stays as it is.
 */
#ifndef _RNAT_BLOCK_H
#define _RNAT_BLOCK_H

#include <linux/types.h>
#include <uapi/linux/roamnat.h>

#include "ports.h"
#include "wheel.h"

struct rnat_binding;
struct rnat_key;
struct rnat_map;
struct rnat_net;
struct rnat_tuple;
struct sk_buff;

struct rnat_shard {
	struct rnat_wheel wheel;	/* its lock is the shard's */
	struct rnat_net *rn;
} ____cacheline_aligned_in_smp;

/* All under the shard's lock, but what never changes. */
struct rnat_block {
	struct rnat_shard *shard;
	struct rnat_ports ports;
	bool dead;			/* no binding is made any more */
	bool frozen;			/* time stands still */
	u8 told;			/* protocols whose filling is known */
	u32 frozen_at;			/* stamp */
	unsigned long taken[];		/* of ports */
};

/* A binding as it travels. */
struct rnat_binding_info {
	__be16 priv_port;
	__be16 pub_port;
	u8 proto;
	u8 state;			/* enum roamnat_binding_state */
	bool many_remotes;
	u32 remote_hash;		/* 0: unknown */
	u64 elapsed_ms;
	u64 remaining_ms;
	u8 remotes;
	__be32 remote[ROAMNAT_REMOTES_MAX];
};

/* Process context, under the mutex. NULL without memory; freed with its map. */
struct rnat_block *rnat_block_new(struct rnat_net *rn, const struct rnat_key *pub,
				  u32 ports);

/*
 * Makes a binding for the private side @key in @map's block, by the packet @t.
 * -ENOSPC if it is full, -EDQUOT if max-bindings exist, -ENOMEM; -EAGAIN if
 * another CPU was faster or the block is leaving: look again. Under RCU.
 * @filling: with this binding so much is in use that it should be told.
 */
int rnat_block_bind(struct rnat_net *rn, struct rnat_map *map,
		    const struct rnat_key *key, const struct rnat_tuple *t,
		    u64 now, struct rnat_binding **bound, bool *filling);
/* Is no port free for a new binding of @t's protocol? Without a lock. */
bool rnat_block_is_full(const struct rnat_map *map, const struct rnat_tuple *t);
/* A packet that opens one comes to a binding that rests. -EAGAIN as above. */
int rnat_block_revive(struct rnat_net *rn, struct rnat_binding *binding,
		      const struct rnat_tuple *t, u64 now);
/* A packet of it was translated; @use: it restarts timers in general. */
void rnat_block_use(struct rnat_net *rn, struct rnat_binding *binding,
		    const struct sk_buff *skb, const struct rnat_tuple *t,
		    u64 now, bool outbound, bool use);
/* It sends to @addr, and may be answered from there. 0 or -ENOMEM. */
int rnat_block_learn(struct rnat_binding *binding, __be32 addr);

/* For commands, under the mutex. No packet makes a binding meanwhile. */
void rnat_block_freeze(struct rnat_map *map);
/* Timers go on from where they stood. Nothing if they run. */
void rnat_block_thaw(struct rnat_net *rn, struct rnat_map *map);
/* All its bindings go, and there will be none any more. */
void rnat_block_clear(struct rnat_net *rn, struct rnat_map *map);
/* 0; -EEXIST if something here is in its way; -EDQUOT, -ENOMEM as above. */
int rnat_block_install(struct rnat_net *rn, struct rnat_map *map,
		       const struct rnat_binding_info *info);

/*
 * The bindings of a block, one after the other: the first one at or after
 * @cursor (0 to begin with), which is moved behind it. Under RCU; NULL at the
 * end. One that begins or ends meanwhile may be missing.
 */
struct rnat_binding *rnat_block_next(struct rnat_net *rn,
				     const struct rnat_map *map, u32 *cursor);
u32 rnat_block_count(const struct rnat_map *map);
/* False if it is gone meanwhile. Under RCU. */
bool rnat_block_describe(struct rnat_net *rn, const struct rnat_binding *binding,
			 struct rnat_binding_info *info);

void rnat_blocks_uninit(struct rnat_net *rn);

#endif
