/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Idle timers. Callers say "this mapping is active now" and "it is not any
 * more"; only this file knows deadlines. Packets write last_used and know
 * nothing of this file.
 *
 * A hierarchical wheel for each namespace, of ticks of 2^27 ns (134 ms). A
 * mapping lies in the slot in which it may be idle at the earliest. When the
 * slot is due its last_used is read: is it newer, the mapping goes to a later
 * slot. So work is proportional to what is due, whatever the table holds, and
 * a mapping is reported at most two ticks late.
 */
#ifndef _RNAT_IDLE_H
#define _RNAT_IDLE_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct rnat_map;
struct rnat_net;

#define RNAT_IDLE_LEVELS	3
#define RNAT_IDLE_BITS		8
#define RNAT_IDLE_SLOTS		BIT(RNAT_IDLE_BITS)

struct rnat_idle {
	spinlock_t lock;	/* protects all here, and slot of each map */
	u64 tick;		/* every slot before this one is empty */
	u32 count;		/* mappings in the wheel */
	u64 armed;		/* the tick at which work will run */
	bool dead;
	DECLARE_BITMAP(busy[RNAT_IDLE_LEVELS], RNAT_IDLE_SLOTS);
	struct hlist_head slot[RNAT_IDLE_LEVELS][RNAT_IDLE_SLOTS];
	struct delayed_work work;
};

/* The mapping is active, its last_used and preset are set. Also when it was
 * started before and these have changed. Under the mutex.
 */
void rnat_idle_start(struct rnat_net *rn, struct rnat_map *map);
/* It is active no more. After this the wheel does not know it. */
void rnat_idle_stop(struct rnat_net *rn, struct rnat_map *map);

void rnat_idle_init(struct rnat_net *rn);
void rnat_idle_uninit(struct rnat_net *rn);

#endif
