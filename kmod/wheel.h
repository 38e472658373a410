/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hierarchical timer wheel of ticks of 2^27 ns (134 ms), for things whose
 * deadline moves away with every packet. Packets do not touch it: a thing lies
 * in the slot in which it may be due at the earliest, and when that slot is
 * due its owner says whether it really is, or for when to put it back. So work
 * is proportional to what is due, whatever the table holds.
 *
 * The lock is taken by the owner, who may protect more with it.
 */
#ifndef _RNAT_WHEEL_H
#define _RNAT_WHEEL_H

#include <linux/bits.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#define RNAT_WHEEL_LEVELS	3
#define RNAT_WHEEL_BITS		8
#define RNAT_WHEEL_SLOTS	BIT(RNAT_WHEEL_BITS)
#define RNAT_WHEEL_TICK_SHIFT	27

/* The tick at which the thing is to be looked at, as far as is known now. */
typedef u64 (*rnat_wheel_due)(const struct hlist_node *node, u64 now);

struct rnat_wheel {
	spinlock_t lock;	/* protects all here, and the nodes */
	u64 tick;		/* every slot before this one is empty */
	u32 count;		/* nodes in the wheel */
	u64 armed;		/* tick at which work will run; 0: it runs */
	bool dead;
	rnat_wheel_due due;
	DECLARE_BITMAP(busy[RNAT_WHEEL_LEVELS], RNAT_WHEEL_SLOTS);
	struct hlist_head slot[RNAT_WHEEL_LEVELS][RNAT_WHEEL_SLOTS];
	struct delayed_work work;
};

static inline u64 rnat_wheel_tick(u64 ns)
{
	return ns >> RNAT_WHEEL_TICK_SHIFT;
}

/* @work takes what is due by rnat_wheel_take(), then rnat_wheel_rearm(). */
void rnat_wheel_init(struct rnat_wheel *wheel, rnat_wheel_due due,
		     work_func_t work);
/* Its work runs no more when this returns. */
void rnat_wheel_stop(struct rnat_wheel *wheel);

/* All below under the lock. @node is in no list. */
void rnat_wheel_add(struct rnat_wheel *wheel, struct hlist_node *node, u64 tick);
/* Nothing if it is not in the wheel. */
void rnat_wheel_del(struct rnat_wheel *wheel, struct hlist_node *node);
/* Takes out a node whose slot is due; NULL if there is none (any more). */
struct hlist_node *rnat_wheel_take(struct rnat_wheel *wheel);
/* At the beginning of a run of work: it sees to what is added meanwhile. */
void rnat_wheel_disarm(struct rnat_wheel *wheel);
/* At its end: true if more is due already, else the work is armed. */
bool rnat_wheel_rearm(struct rnat_wheel *wheel);

#endif
