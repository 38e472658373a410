/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Per-CPU counters. The first ones are indexed by ROAMNAT_A_COUNTER_*, so that
 * a drop reason and its netlink attribute are one number.
 */
#ifndef _RNAT_STATS_H
#define _RNAT_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <uapi/linux/roamnat.h>

struct rnat_net;

enum rnat_stat {
	RNAT_STAT_UPCALLS = __ROAMNAT_A_COUNTER_MAX,
	RNAT_STAT_UPCALLS_MERGED,
	RNAT_STAT_UPCALLS_LOST,
	RNAT_STAT_IDLE_EVENTS,
	RNAT_STAT_ICMP_SENT,
	RNAT_STAT_ICMP_SUPPRESSED,
	RNAT_STAT_STALE_REFUSED,
	RNAT_STAT_FAST,
	RNAT_STAT_COUNT,
};

struct rnat_stats {
	u64 n[RNAT_STAT_COUNT];
};

/* @i is an enum rnat_stat or a ROAMNAT_A_COUNTER_*. Any context. */
#define rnat_stats_inc(rn, i)	this_cpu_inc((rn)->stats->n[i])

u64 rnat_stats_sum(const struct rnat_net *rn, unsigned int i);
int rnat_stats_init(struct rnat_net *rn);
void rnat_stats_uninit(struct rnat_net *rn);

#endif
