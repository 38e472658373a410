// SPDX-License-Identifier: GPL-2.0
#include "idle.h"

#include <linux/bitmap.h>

#include "map.h"
#include "net.h"
#include "netlink.h"

#define TICK_SHIFT	27
#define SLOT_MASK	(RNAT_IDLE_SLOTS - 1)
#define SPAN		(1ULL << (RNAT_IDLE_LEVELS * RNAT_IDLE_BITS))
#define BATCH		64

/* A mapping that nobody freezes is reported again after 1, 2, 4 … 30 s. */
#define REPEAT_MAX_S	30

static u64 current_tick(void)
{
	return rnat_clock() >> TICK_SHIFT;
}

static u32 seconds_to_ticks(u32 seconds)
{
	return ((seconds * NSEC_PER_SEC) >> TICK_SHIFT) + 1;
}

/* The first tick at which the mapping is idle unless a packet comes. */
static u64 idle_tick(const struct rnat_map *map, u64 now)
{
	s64 left = READ_ONCE(map->last_used) + map->preset - now;

	if (left <= 0)
		return 0;
	return (now + left + (1ULL << TICK_SHIFT) - 1) >> TICK_SHIFT;
}

static void place(struct rnat_idle *idle, struct rnat_map *map, u64 tick)
{
	unsigned int level = 0, slot;

	tick = clamp(tick, idle->tick, idle->tick + SPAN - 1);
	while (tick - idle->tick >= 1ULL << ((level + 1) * RNAT_IDLE_BITS))
		level++;
	slot = (tick >> (level * RNAT_IDLE_BITS)) & SLOT_MASK;
	hlist_add_head(&map->slot, &idle->slot[level][slot]);
	__set_bit(slot, idle->busy[level]);
}

/* The next tick at which there is something to do; only while count > 0. */
static u64 next_tick(const struct rnat_idle *idle)
{
	unsigned int index = idle->tick & SLOT_MASK;
	unsigned int slot;

	slot = find_next_bit(idle->busy[0], RNAT_IDLE_SLOTS, index);
	if (slot < RNAT_IDLE_SLOTS)
		return idle->tick - index + slot;
	/* the turn of the wheel, where the next level is distributed */
	return idle->tick - index + RNAT_IDLE_SLOTS;
}

static void arm(struct rnat_idle *idle)
{
	u64 tick;

	if (!idle->count || idle->dead) {
		idle->armed = U64_MAX;
		return;
	}
	tick = next_tick(idle);
	if (tick >= idle->armed)
		return;
	idle->armed = tick;
	mod_delayed_work(system_wq, &idle->work,
			 rnat_clock_delay(tick << TICK_SHIFT));
}

static void distribute(struct rnat_idle *idle, unsigned int level)
{
	unsigned int slot = (idle->tick >> (level * RNAT_IDLE_BITS)) &
			    SLOT_MASK;
	struct hlist_head list;
	struct hlist_node *next;
	struct rnat_map *map;
	u64 now = rnat_clock();

	hlist_move_list(&idle->slot[level][slot], &list);
	__clear_bit(slot, idle->busy[level]);
	hlist_for_each_entry_safe(map, next, &list, slot) {
		hlist_del_init(&map->slot);
		place(idle, map, idle_tick(map, now));
	}
}

/* At each turn of a wheel the slot of the next one that begins now. */
static void turn(struct rnat_idle *idle)
{
	if (idle->tick & SLOT_MASK)
		return;
	if (!((idle->tick >> RNAT_IDLE_BITS) & SLOT_MASK))
		distribute(idle, 2);
	distribute(idle, 1);
}

/* Looks at one mapping whose slot is due: true if it is to be reported. */
static bool visit(struct rnat_idle *idle, struct rnat_map *map)
{
	struct rnat_net *rn = container_of(idle, struct rnat_net, idle);
	u64 now = rnat_clock();
	u64 tick = idle_tick(map, now);
	u64 here = now >> TICK_SHIFT;
	bool report = false;
	u32 repeat;

	hlist_del_init(&map->slot);
	if (tick > here) {
		map->shots = 0;
		place(idle, map, tick);
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
	tick = min(tick, here + 1 + (map->preset >> TICK_SHIFT));
	place(idle, map, max(tick, here + 1));
	return report;
}

/* Takes up to BATCH idle mappings out of slots that are due. They may be
 * deleted at any time, but not freed: the caller is under RCU.
 */
static unsigned int collect(struct rnat_idle *idle, struct rnat_map **batch,
			    unsigned int *visits)
{
	unsigned int n = 0;
	u64 now = current_tick();

	while (idle->count && idle->tick <= now) {
		struct hlist_head *slot =
			&idle->slot[0][idle->tick & SLOT_MASK];

		while (!hlist_empty(slot)) {
			struct rnat_map *map;

			if (n == BATCH || ++*visits % 1024 == 0)
				return n;
			map = hlist_entry(slot->first, struct rnat_map, slot);
			if (visit(idle, map))
				batch[n++] = map;
		}
		__clear_bit(idle->tick & SLOT_MASK, idle->busy[0]);
		idle->tick++;
		turn(idle);
		if (idle->tick <= now)
			idle->tick = min(next_tick(idle), now + 1);
		/* stepping over the turn must not skip it */
		turn(idle);
	}
	return n;
}

static void expire(struct work_struct *work)
{
	struct rnat_idle *idle = container_of(to_delayed_work(work),
					      struct rnat_idle, work);
	struct rnat_net *rn = container_of(idle, struct rnat_net, idle);
	struct rnat_map *batch[BATCH];
	unsigned int i, n, visits = 0;
	bool more;

	do {
		rcu_read_lock();
		spin_lock_bh(&idle->lock);
		idle->armed = U64_MAX;
		n = collect(idle, batch, &visits);
		more = idle->count && idle->tick <= current_tick();
		if (!more)
			arm(idle);
		spin_unlock_bh(&idle->lock);
		for (i = 0; i < n; i++)
			rnat_netlink_notify(rn, batch[i], ROAMNAT_EVENT_IDLE,
					    GFP_ATOMIC);
		rcu_read_unlock();
		cond_resched();
	} while (more && !READ_ONCE(idle->dead));
}

void rnat_idle_start(struct rnat_net *rn, struct rnat_map *map)
{
	struct rnat_idle *idle = &rn->idle;

	rnat_idle_stop(rn, map);
	if (!map->preset)
		return;
	spin_lock_bh(&idle->lock);
	map->shots = 0;
	if (!idle->count++)
		idle->tick = current_tick();
	place(idle, map, idle_tick(map, rnat_clock()));
	arm(idle);
	spin_unlock_bh(&idle->lock);
}

/* The slot's bit stays set when this was its last: the visit finds it empty. */
void rnat_idle_stop(struct rnat_net *rn, struct rnat_map *map)
{
	struct rnat_idle *idle = &rn->idle;

	lockdep_assert_held(&rn->lock);
	spin_lock_bh(&idle->lock);
	if (!hlist_unhashed(&map->slot)) {
		hlist_del_init(&map->slot);
		idle->count--;
	}
	spin_unlock_bh(&idle->lock);
}

void rnat_idle_init(struct rnat_net *rn)
{
	spin_lock_init(&rn->idle.lock);
	rn->idle.armed = U64_MAX;
	INIT_DELAYED_WORK(&rn->idle.work, expire);
}

void rnat_idle_uninit(struct rnat_net *rn)
{
	spin_lock_bh(&rn->idle.lock);
	rn->idle.dead = true;
	spin_unlock_bh(&rn->idle.lock);
	cancel_delayed_work_sync(&rn->idle.work);
}
