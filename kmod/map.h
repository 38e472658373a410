/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One mapping: its two sides, its state and its idle clock.
 *
 * Packets find it under RCU and read state, incarnation and keys; they write
 * only last_used, last_translated, first_translated and touched. All else is
 * written under the namespace's mutex.
 */
#ifndef _RNAT_MAP_H
#define _RNAT_MAP_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <uapi/linux/roamnat.h>

#include "clock.h"
#include "tuple.h"

struct rnat_block;
struct rnat_net;

/* The state of a mapping that is not in the table yet, or not any more: to
 * packets it does not exist. The others are enum roamnat_state.
 */
#define RNAT_STATE_NONE	0

/* The gate of an active one that is not draining. */
#ifdef __LITTLE_ENDIAN
#define RNAT_GATE_OPEN	ROAMNAT_STATE_ACTIVE
#else
#define RNAT_GATE_OPEN	(ROAMNAT_STATE_ACTIVE << 8)
#endif

struct rnat_map {
	/* cache line 1: found by */
	struct rhash_head by_priv;
	struct rnat_key priv;
	struct rhash_head by_pub;
	struct rnat_key pub;

	/* cache line 2: judged and marked by */
	union {
		struct {
			u8 state;
			u8 draining;	/* held packets leave, new ones queue up */
		};
		u16 gate;		/* both, for who wants nearly all to pass */
	};
	u8 touched;		/* a packet was held since it is HELD */
	u8 order;		/* log2 of a block's ports, else 0; never changes */
	u32 idle_next;		/* wheel tick of the next one, or of the end
				 * of a moved one; idle.lock
				 */
	u64 incarnation;
	u64 epoch;
	u64 last_used;		/* boot-time ns; also the idle clock's zero */
	u64 last_translated;	/* ns, 0: never at this epoch */
	u64 first_translated;
	u64 preset;		/* ns, 0: never idle */
	u64 id;

	/* cache line 3: for commands and blocks */
	struct rb_node by_id;
	union {
		struct hlist_node slot;	/* in the wheel; under idle.lock */
		struct rcu_head rcu;	/* when it is in no table any more */
	};
	u64 frozen_elapsed;	/* ns, while frozen */
	struct rnat_block *block; /* of kind block; freed with it */
	u8 shots;		/* idle events sent; under idle.lock */
	u8 awaited;		/* moving-out: packets wait for @forward */
	u16 forward;		/* moving-out, moved: way to take; 0: none yet */
	u32 sessions;		/* open bindings; under the shard's lock */
};

struct rnat_timer {
	u64 preset_ms;
	u64 elapsed_ms;
};

/* Longest idle timeout that is accepted: ten years. */
#define RNAT_MAP_PRESET_MAX_MS	(3650ULL * 24 * 3600 * 1000)

static inline u32 rnat_map_kind(const struct rnat_map *map)
{
	if (map->block)
		return ROAMNAT_KIND_BLOCK;
	return map->priv.proto ? ROAMNAT_KIND_PORT : ROAMNAT_KIND_ADDRESS;
}

static inline bool rnat_map_is_frozen(const struct rnat_map *map)
{
	u8 state = READ_ONCE(map->state);

	return state == ROAMNAT_STATE_MOVING_OUT ||
	       state == ROAMNAT_STATE_RELEASING ||
	       state == ROAMNAT_STATE_MOVED;
}

/* It is another gateway's, and here so that late packets follow it. */
static inline bool rnat_map_is_moved(const struct rnat_map *map)
{
	return READ_ONCE(map->state) == ROAMNAT_STATE_MOVED;
}

/*
 * A packet was translated. @refresh: it also restarts the idle timer. The
 * coarse clock moves once a tick, so a busy mapping's cache line is written
 * once a tick and not once a packet.
 */
static inline void rnat_map_mark_translated(struct rnat_map *map, u64 now,
					    bool refresh)
{
	if (READ_ONCE(map->last_translated) != now) {
		WRITE_ONCE(map->last_translated, now);
		if (unlikely(!READ_ONCE(map->first_translated)))
			WRITE_ONCE(map->first_translated, now);
	}
	if (refresh && READ_ONCE(map->last_used) != now)
		WRITE_ONCE(map->last_used, now);
}

struct rnat_map *rnat_map_new(gfp_t gfp);
/* For one that no packet can have seen. */
void rnat_map_free(struct rnat_map *map);
/* For one that was in the table: after a grace period. */
void rnat_map_free_rcu(struct rnat_map *map);

/* What rnat_map_judge() says besides counters. */
#define RNAT_MAP_TRANSLATE	0
#define RNAT_MAP_FORWARD	(U32_MAX - 3)
#define RNAT_MAP_HOLD		(U32_MAX - 1)
#define RNAT_MAP_NONE		U32_MAX

/*
 * May it translate? 0, or why the mapping does not translate at
 * @now as the ROAMNAT_A_COUNTER_DROP_* of an inbound packet. Under RCU.
 */
u32 rnat_map_blocked(const struct rnat_net *rn, const struct rnat_map *map,
		     u64 now);
/*
 * What becomes of a packet of this mapping: RNAT_MAP_TRANSLATE, RNAT_MAP_HOLD,
 * RNAT_MAP_FORWARD (by the way map->forward), RNAT_MAP_NONE (as if there were no
 * mapping), or the counter that it is to be dropped with. Under RCU.
 */
u32 rnat_map_judge(const struct rnat_net *rn, const struct rnat_map *map,
		   u64 now, bool outbound);
/* The same of one that was held, and is not held again. */
u32 rnat_map_judge_held(const struct rnat_net *rn, const struct rnat_map *map,
			u64 now);
/* Is it on its way to another gateway that awaits its packets, or there? */
bool rnat_map_is_leaving(const struct rnat_map *map);
bool rnat_map_is_suspended(const struct rnat_net *rn,
			   const struct rnat_map *map);

/* Does a session use it? Then its idle timer does not run (S6); it was started
 * anew when the last one ended, which whoever reads false also sees.
 */
static inline bool rnat_map_in_session(const struct rnat_map *map)
{
	/* Pairs with end_session(). */
	return smp_load_acquire(&map->sessions);
}

/* Reads the idle timer; elapsed never exceeds preset. */
void rnat_map_timer(const struct rnat_map *map, struct rnat_timer *timer);

int rnat_map_init(void);
void rnat_map_uninit(void);

#endif
