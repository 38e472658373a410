/* SPDX-License-Identifier: GPL-2.0 */
/*
 * May a mapping translate now? The rule, for map.c, which says what becomes of the
 * packets of one that may not, and for quick.c, which only wants those of one that may.
 */
#ifndef _RNAT_JUDGE_H
#define _RNAT_JUDGE_H

#include "map.h"
#include "net.h"

static inline bool rnat_judge_lease_is_over(const struct rnat_net *rn, u64 now)
{
	u64 end = READ_ONCE(rn->lease_end);

	return end && now >= end;
}

/*
 * Pairs with the smp_store_release()s in control.c. Who sees a state or an
 * incarnation sees what was written before it; so nobody translates at an old
 * epoch with a new incarnation, or passes packets that are still held.
 */
static inline u32 rnat_judge_state(const struct rnat_net *rn, const struct rnat_map *map,
				   u8 state, u64 now)
{
	u64 incarnation;

	switch (state) {
	case ROAMNAT_STATE_ACTIVE:
		break;
	case ROAMNAT_STATE_MOVING_OUT:
	case ROAMNAT_STATE_MOVED:
		return ROAMNAT_A_COUNTER_DROP_MOVING_OUT;
	case ROAMNAT_STATE_RELEASING:
		return ROAMNAT_A_COUNTER_DROP_RELEASING;
	case ROAMNAT_STATE_HELD:
	case RNAT_STATE_NONE:
		return ROAMNAT_A_COUNTER_DROP_SUSPENDED;
	}

	/* Pairs with rnat_control_session(): the lease comes with it. */
	incarnation = smp_load_acquire(&rn->incarnation);
	if (!incarnation)
		return ROAMNAT_A_COUNTER_DROP_SUSPENDED;
	/* Pairs with enter_granted(): the epoch comes with it. */
	if (smp_load_acquire(&map->incarnation) != incarnation)
		return ROAMNAT_A_COUNTER_DROP_SUSPENDED;
	if (rnat_judge_lease_is_over(rn, now))
		return ROAMNAT_A_COUNTER_DROP_LEASE;
	return 0;
}

/*
 * It translates, and nothing is in the way: as rnat_map_judge() says
 * RNAT_MAP_TRANSLATE. An active mapping has an incarnation, so that one of no
 * session is nobody's. The gate comes last: who has seen an incarnation sees that
 * held packets leave first. Under RCU.
 */
static inline bool rnat_judge_is_clear(const struct rnat_net *rn,
				       const struct rnat_map *map, u64 now)
{
	/* Pairs with rnat_control_session(): the lease comes with it. */
	u64 incarnation = smp_load_acquire(&rn->incarnation);

	/* Pairs with enter_granted(): the epoch comes with it, and draining. */
	if (unlikely(smp_load_acquire(&map->incarnation) != incarnation))
		return false;
	if (unlikely(rnat_judge_lease_is_over(rn, now)))
		return false;
	/* Pairs with the stores of a state in control.c. */
	return likely(smp_load_acquire(&map->gate) == RNAT_GATE_OPEN);
}

#endif
