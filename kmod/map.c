// SPDX-License-Identifier: GPL-2.0
#include "map.h"

#include <linux/math64.h>
#include <linux/slab.h>

#include "judge.h"

static struct kmem_cache *map_cache __read_mostly;

struct rnat_map *rnat_map_new(gfp_t gfp)
{
	struct rnat_map *map = kmem_cache_zalloc(map_cache, gfp);

	if (!map)
		return NULL;
	RB_CLEAR_NODE(&map->by_id);
	INIT_HLIST_NODE(&map->slot);
	return map;
}

void rnat_map_free(struct rnat_map *map)
{
	if (!map)
		return;
	kfree(map->block);
	kmem_cache_free(map_cache, map);
}

static void free_rcu(struct rcu_head *rcu)
{
	rnat_map_free(container_of(rcu, struct rnat_map, rcu));
}

/* Not kfree_rcu(): rcu_barrier() does not wait for its batches on every
 * kernel, and the cache must be empty before it is destroyed.
 */
void rnat_map_free_rcu(struct rnat_map *map)
{
	call_rcu(&map->rcu, free_rcu);
}

u32 rnat_map_blocked(const struct rnat_net *rn, const struct rnat_map *map,
		     u64 now)
{
	/* Pairs with the stores of a state in control.c. */
	return rnat_judge_state(rn, map, smp_load_acquire(&map->state), now);
}

/* Draining comes with the way. */
static bool has_way(const struct rnat_map *map)
{
	/* Pairs with rnat_control_forward(). */
	return smp_load_acquire(&map->forward);
}

static u32 judge_leaving(const struct rnat_map *map)
{
	if (has_way(map))
		return READ_ONCE(map->draining) ? RNAT_MAP_HOLD :
						  RNAT_MAP_FORWARD;
	if (READ_ONCE(map->awaited))
		return RNAT_MAP_HOLD;
	return ROAMNAT_A_COUNTER_DROP_MOVING_OUT;
}

bool rnat_map_is_leaving(const struct rnat_map *map)
{
	/* Pairs with the stores of a state in control.c. */
	switch (smp_load_acquire(&map->state)) {
	case ROAMNAT_STATE_MOVED:
		return true;
	case ROAMNAT_STATE_MOVING_OUT:
		return READ_ONCE(map->awaited) || READ_ONCE(map->forward);
	}
	return false;
}

u32 rnat_map_judge_held(const struct rnat_net *rn, const struct rnat_map *map,
			u64 now)
{
	/* Pairs with the stores of a state in control.c. */
	u8 state = smp_load_acquire(&map->state);

	if (!rnat_judge_state(rn, map, state, now))
		return RNAT_MAP_TRANSLATE;
	if ((state == ROAMNAT_STATE_MOVING_OUT ||
	     state == ROAMNAT_STATE_MOVED) && has_way(map))
		return RNAT_MAP_FORWARD;
	return ROAMNAT_A_COUNTER_DROP_STALE_HOLD;
}

u32 rnat_map_judge(const struct rnat_net *rn, const struct rnat_map *map,
		   u64 now, bool outbound)
{
	/* Pairs with the stores of a state in control.c. */
	u8 state = smp_load_acquire(&map->state);
	u32 blocked = rnat_judge_state(rn, map, state, now);

	if (!blocked)
		return READ_ONCE(map->draining) ? RNAT_MAP_HOLD :
						  RNAT_MAP_TRANSLATE;
	if (state == ROAMNAT_STATE_HELD)
		return RNAT_MAP_HOLD;
	if (state == ROAMNAT_STATE_MOVING_OUT || state == ROAMNAT_STATE_MOVED)
		return judge_leaving(map);
	if (state == RNAT_STATE_NONE)
		return outbound ? RNAT_MAP_HOLD : RNAT_MAP_NONE;
	/* A release or a registration ends with a grant or with nothing in
	 * the way. A move and a lapsed lease mean that another gateway may be
	 * translating.
	 */
	if (outbound && (blocked == ROAMNAT_A_COUNTER_DROP_RELEASING ||
			 blocked == ROAMNAT_A_COUNTER_DROP_SUSPENDED))
		return RNAT_MAP_HOLD;
	return blocked;
}

bool rnat_map_is_suspended(const struct rnat_net *rn,
			   const struct rnat_map *map)
{
	u64 incarnation = READ_ONCE(rn->incarnation);

	return !incarnation || READ_ONCE(map->incarnation) != incarnation ||
	       rnat_judge_lease_is_over(rn, rnat_clock());
}

void rnat_map_timer(const struct rnat_map *map, struct rnat_timer *timer)
{
	u64 preset = READ_ONCE(map->preset);
	s64 elapsed;

	if (rnat_map_is_frozen(map))
		elapsed = READ_ONCE(map->frozen_elapsed);
	else if (rnat_map_in_session(map))
		elapsed = 0;
	else
		elapsed = rnat_clock() - READ_ONCE(map->last_used);

	/* A packet on another CPU may have a newer clock than we read. */
	elapsed = clamp_t(s64, elapsed, 0, preset);
	timer->preset_ms = div_u64(preset, NSEC_PER_MSEC);
	timer->elapsed_ms = div_u64(elapsed, NSEC_PER_MSEC);
}

int rnat_map_init(void)
{
	BUILD_BUG_ON(sizeof(struct rnat_map) > 192);
	BUILD_BUG_ON(offsetof(struct rnat_map, by_id) > 128);

	map_cache = KMEM_CACHE(rnat_map, SLAB_HWCACHE_ALIGN);
	return map_cache ? 0 : -ENOMEM;
}

void rnat_map_uninit(void)
{
	rcu_barrier();
	kmem_cache_destroy(map_cache);
}
