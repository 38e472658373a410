/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The root of everything that belongs to one network namespace: a gateway.
 */
#ifndef _RNAT_NET_H
#define _RNAT_NET_H

#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/rbtree.h>
#include <linux/rhashtable-types.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#include "binding.h"
#include "inside.h"
#include "limit.h"
#include "stats.h"
#include "table.h"
#include "upcall.h"
#include "wheel.h"

struct rnat_fast;

enum rnat_hook_index {
	RNAT_HOOK_PRE_ROUTING,
	RNAT_HOOK_LOCAL_OUT,
	RNAT_HOOK_POST_ROUTING,
	RNAT_HOOK_COUNT,
};

/* The bounds; roamnat.yaml says what each means. Written under the mutex,
 * read by packets with READ_ONCE.
 */
struct rnat_config {
	u32 max_mappings;
	u32 max_floors;
	u32 max_misses;
	u32 hold_packets;
	u32 hold_packets_total;
	u32 hold_bytes_total;
	u32 hold_ms;
	u32 upcall_rate;
	u32 upcall_burst;
	u32 source_rate;
	u32 source_burst;
	u32 icmp_rate;
	u32 max_bindings;
	u32 udp_ms;
	u32 tcp_established_ms;
	u32 tcp_opening_ms;
	u32 tcp_closing_ms;
	u32 icmp_ms;
	u32 port_hold_off_ms;
	u32 filtering;			/* enum roamnat_filtering */
	u32 inbound_refresh;
	u32 port_parity;
	u32 block_threshold;		/* percent */
	u32 hold_packets_moving;
	u32 max_forwards;
	u32 forward_ms;
};

struct rnat_net {
	/* Read by every packet, written rarely and under @lock. */
	struct rnat_inside __rcu *inside;
	u64 way_ifaces;			/* bits of ifindex % 64 that have ways */
	struct rnat_stats __percpu *stats;
	u64 incarnation;		/* 0: nothing is translated */
	u64 lease_end;			/* boot-time clock; 0: does not end */
	struct rnat_ways __rcu *ways;	/* to other gateways; forward.c */
	struct net *net;		/* lives longer than this struct */
	struct rnat_table table;
	struct rnat_bindings bindings;

	/* Serializes every command; packets never take it. */
	struct mutex lock;
	u64 incarnation_max;		/* highest ever set; under @lock */
	u32 agent_portid;		/* cleared by the netlink notifier */
	struct rnat_config config;
	struct rb_root floors;		/* under @lock; floor.c */
	struct rb_root old_floors;	/* of @floor_work, which frees them */
	struct work_struct floor_work;
	u32 floor_count;		/* under @lock */
	u32 forward_count;		/* mappings that moved; under @lock */
	struct rnat_wheel idle;		/* of active mappings; idle.c */
	struct rnat_upcall upcall;
	struct rnat_limit limit;
	struct rnat_bucket unreach;	/* ICMP errors; under upcall.lock */
	struct nf_hook_ops ops[2 * RNAT_HOOK_COUNT];	/* IPv4, then IPv6 */
	struct rnat_fast *fast;		/* NULL: no interface has it; @lock */
	u32 inside_generation;		/* of @inside, for dumps; @lock */
	bool hooked;			/* under @lock */
	bool hooked6;			/* under @lock */
	bool defrag;			/* under @lock */
};

struct rnat_net *rnat_net_get(const struct net *net);

/*
 * Replaces the set of inside prefixes and registers or unregisters the hooks
 * to match. Takes over @inside (NULL: none). Called under the mutex.
 */
int rnat_net_configure(struct rnat_net *rn, struct rnat_inside *inside);

int rnat_net_init(void);
void rnat_net_uninit(void);

#endif
