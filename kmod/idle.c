// SPDX-License-Identifier: GPL-2.0
#include "idle.h"

#include "control.h"
#include "map.h"
#include "net.h"
#include "netlink.h"

#define BATCH		64
#define VISITS		1024
#define OVER		16

/* A mapping that nobody freezes is reported again after 1, 2, 4 … 30 s. */
#define REPEAT_MAX_S	30

static u32 seconds_to_ticks(u32 seconds)
{
	return rnat_wheel_tick(seconds * NSEC_PER_SEC) + 1;
}

/* While a session uses it (S6), the first at which it could be. */
u64 rnat_idle_tick(const struct rnat_map *map, u64 now)
{
	s64 left = rnat_map_in_session(map) ? (s64)map->preset :
		   (s64)(READ_ONCE(map->last_used) + map->preset - now);

	if (left <= 0)
		return 0;
	return rnat_wheel_tick(now + left +
			       (1ULL << RNAT_WHEEL_TICK_SHIFT) - 1);
}

/* The tick at which a moved one is forgotten. */
static u64 end_tick(const struct rnat_map *map, u64 now)
{
	u64 here = rnat_wheel_tick(now);

	return here + (s32)(map->idle_next - (u32)here);
}

static u64 due(const struct hlist_node *node, u64 now)
{
	struct rnat_map *map = container_of(node, struct rnat_map, slot);

	return rnat_map_is_moved(map) ? end_tick(map, now) :
					rnat_idle_tick(map, now);
}

bool rnat_idle_is_over(const struct rnat_map *map)
{
	u64 now = rnat_clock();

	return end_tick(map, now) <= rnat_wheel_tick(now);
}

/* Looks at one mapping whose slot is due: true if it is to be reported. */
static bool visit(struct rnat_net *rn, struct rnat_map *map)
{
	u64 now = rnat_clock();
	u64 tick = rnat_idle_tick(map, now);
	u64 here = rnat_wheel_tick(now);
	bool report = false;
	u32 repeat;

	if (rnat_map_is_moved(map)) {
		if (rnat_idle_is_over(map))
			return true;
		rnat_wheel_add(&rn->idle, &map->slot, end_tick(map, now));
		return false;
	}
	if (tick > here) {
		map->shots = 0;
		rnat_wheel_add(&rn->idle, &map->slot, tick);
		return false;
	}
	if (!map->shots || (s32)((u32)here - map->idle_next) >= 0) {
		report = true;
		if (!map->shots)
			rnat_stats_inc(rn, RNAT_STAT_IDLE_EVENTS);
		repeat = min_t(u32, 1U << min_t(u8, map->shots, 5),
			       REPEAT_MAX_S);
		map->idle_next = (u32)here + seconds_to_ticks(repeat);
		map->shots = min(map->shots + 1, 100);
	}
	/* Not later than a packet that comes now could make it idle again. */
	tick = here + max_t(s32, 1, map->idle_next - (u32)here);
	tick = min(tick, here + 1 + rnat_wheel_tick(map->preset));
	rnat_wheel_add(&rn->idle, &map->slot, max(tick, here + 1));
	return report;
}

/* Takes up to BATCH idle mappings out of slots that are due. They may be
 * deleted at any time, but not freed: the caller is under RCU.
 */
static unsigned int collect(struct rnat_net *rn, struct rnat_map **batch,
			    u64 *over, unsigned int *n_over)
{
	unsigned int n = 0, visits;

	*n_over = 0;
	for (visits = 0; n < BATCH && *n_over < OVER && visits < VISITS;
	     visits++) {
		struct hlist_node *node = rnat_wheel_take(&rn->idle);
		struct rnat_map *map;

		if (!node)
			break;
		map = container_of(node, struct rnat_map, slot);
		if (!visit(rn, map))
			continue;
		if (rnat_map_is_moved(map))
			over[(*n_over)++] = map->id;
		else
			batch[n++] = map;
	}
	return n;
}

static void expire(struct work_struct *work)
{
	struct rnat_wheel *wheel = container_of(to_delayed_work(work),
						struct rnat_wheel, work);
	struct rnat_net *rn = container_of(wheel, struct rnat_net, idle);
	struct rnat_map *batch[BATCH];
	unsigned int i, n, n_over;
	u64 over[OVER];
	bool more;

	do {
		rcu_read_lock();
		spin_lock_bh(&wheel->lock);
		rnat_wheel_disarm(wheel);
		n = collect(rn, batch, over, &n_over);
		more = rnat_wheel_rearm(wheel);
		spin_unlock_bh(&wheel->lock);
		for (i = 0; i < n; i++)
			rnat_netlink_notify(rn, batch[i], ROAMNAT_EVENT_IDLE,
					    GFP_ATOMIC);
		rcu_read_unlock();
		if (n_over)
			mutex_lock(&rn->lock);
		for (i = 0; i < n_over; i++)
			rnat_control_forget(rn, over[i]);
		if (n_over)
			mutex_unlock(&rn->lock);
		cond_resched();
	} while (more);
}

void rnat_idle_start(struct rnat_net *rn, struct rnat_map *map)
{
	rnat_idle_stop(rn, map);
	if (!map->preset)
		return;
	spin_lock_bh(&rn->idle.lock);
	map->shots = 0;
	rnat_wheel_add(&rn->idle, &map->slot, rnat_idle_tick(map, rnat_clock()));
	spin_unlock_bh(&rn->idle.lock);
}

void rnat_idle_start_moved(struct rnat_net *rn, struct rnat_map *map)
{
	u64 end = rnat_clock() + rn->config.forward_ms * (u64)NSEC_PER_MSEC;

	rnat_idle_stop(rn, map);
	spin_lock_bh(&rn->idle.lock);
	map->idle_next = rnat_wheel_tick(end) + 1;
	rnat_wheel_add(&rn->idle, &map->slot, rnat_wheel_tick(end) + 1);
	spin_unlock_bh(&rn->idle.lock);
}

void rnat_idle_stop(struct rnat_net *rn, struct rnat_map *map)
{
	lockdep_assert_held(&rn->lock);
	spin_lock_bh(&rn->idle.lock);
	rnat_wheel_del(&rn->idle, &map->slot);
	spin_unlock_bh(&rn->idle.lock);
}

void rnat_idle_init(struct rnat_net *rn)
{
	rnat_wheel_init(&rn->idle, due, expire);
}

void rnat_idle_uninit(struct rnat_net *rn)
{
	rnat_wheel_stop(&rn->idle);
}
