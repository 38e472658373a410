/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Misses: packets whose mapping may not translate here (yet), the question to
 * the agent about it, and the time for which its answer "no" is remembered.
 *
 *   first packet ──► WAITING ── grant ──► packets leave in order ──► gone
 *                    │  ▲  └─── last packet past its deadline ─────► gone
 *             refuse │  │ packet after
 *                    ▼  │ the hold-off
 *                   REFUSED ─── end of the hold-off ───────────────► gone
 *
 * Everything is bounded by struct rnat_config, and happens under one lock that
 * packets of translating mappings never take.
 */
#ifndef _RNAT_UPCALL_H
#define _RNAT_UPCALL_H

#include <linux/list.h>
#include <linux/netfilter.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "tuple.h"

struct rnat_map;
struct rnat_net;
struct rnat_prefix;

struct rnat_upcall {
	spinlock_t lock;		/* protects all here */
	struct rhashtable misses;	/* by private key */
	struct list_head waiting;	/* by time of the next upcall */
	struct list_head refused;	/* by end of hold-off */
	struct list_head held;		/* packets of all misses, by arrival */
	u32 miss_count;
	u32 held_packets;
	u32 held_bytes;
	u32 lost;			/* since the last one delivered */
	u64 armed;			/* when work will run, U64_MAX: not */
	bool dead;
	struct delayed_work work;
};

/* A packet that waits. It holds references to devices and to its socket, but
 * no pointer to a mapping: when it leaves, everything is looked up again.
 */
struct rnat_held {
	struct list_head of_miss;
	struct list_head of_all;
	struct rnat_miss *miss;
	struct sk_buff *skb;
	struct net_device *dev;		/* skb->dev */
	struct nf_hook_state state;
	struct rnat_tuple tuple;
	u32 truesize;
	u64 since;
};

/* What miss-ntf says. */
struct rnat_miss_info {
	struct rnat_key key;
	u32 kind;		/* enum roamnat_kind */
	u32 ifindex;		/* 0: the packet came from outside */
	u64 idle_ms;
	u64 id;			/* 0: no entry is in the way */
	u64 epoch;
	u32 state;		/* active: but suspended */
};

/*
 * Holds the packet until its mapping may translate. @prefix is that of its
 * source, NULL for an inbound packet. 0: the packet is stolen. -EAGAIN: the
 * mapping has changed meanwhile, look it up again. Else the counter that it is
 * to be dropped with. Under RCU, any softirq.
 */
int rnat_upcall_hold(struct rnat_net *rn, struct sk_buff *skb,
		     const struct nf_hook_state *state,
		     const struct rnat_key *key, const struct rnat_tuple *tuple,
		     struct rnat_prefix *prefix);

/*
 * So much of the block @map is in use that the VM needs the next one soon: tells
 * listeners, and asks for it without a packet that waits, unless it is there.
 * Under RCU, any softirq.
 */
void rnat_upcall_filling(struct rnat_net *rn, const struct rnat_map *map,
			 struct rnat_prefix *prefix);

/* What rnat_upcall_hold() would answer to a packet that is only asked about,
 * but for rate limits: 0 it would be held, else a counter. Under RCU.
 */
u32 rnat_upcall_peek(struct rnat_net *rn, const struct sk_buff *skb,
		     const struct rnat_key *key);

/*
 * Lets the packets of @map go, in order, through rnat_hook_resume(), then
 * clears map->draining. New ones queue up behind them meanwhile. Process
 * context, under the mutex, so that @map stays.
 */
void rnat_upcall_drain(struct rnat_net *rn, struct rnat_map *map);

/* The agent's "no". -ENOENT if there is no such miss. Under the mutex. */
int rnat_upcall_refuse(struct rnat_net *rn, const struct rnat_key *key,
		       u64 hold_off_ms);
/* A new agent is there: all questions are asked again at once. */
void rnat_upcall_repeat(struct rnat_net *rn);
/* Drops the held packets that came or would leave by @dev; NULL: all. */
void rnat_upcall_flush(struct rnat_net *rn, const struct net_device *dev);
/* Flushes, and nothing is held any more. */
void rnat_upcall_stop(struct rnat_net *rn);

int rnat_upcall_init(struct rnat_net *rn);
void rnat_upcall_uninit(struct rnat_net *rn);

#endif
