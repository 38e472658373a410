// SPDX-License-Identifier: GPL-2.0
#include "wheel.h"

#include <linux/bitmap.h>

#include "clock.h"

#define SLOT_MASK	(RNAT_WHEEL_SLOTS - 1)
#define SPAN		(1ULL << (RNAT_WHEEL_LEVELS * RNAT_WHEEL_BITS))

static u64 current_tick(void)
{
	return rnat_wheel_tick(rnat_clock());
}

static void place(struct rnat_wheel *wheel, struct hlist_node *node, u64 tick)
{
	unsigned int level = 0, slot;

	tick = clamp(tick, wheel->tick, wheel->tick + SPAN - 1);
	while (tick - wheel->tick >= 1ULL << ((level + 1) * RNAT_WHEEL_BITS))
		level++;
	slot = (tick >> (level * RNAT_WHEEL_BITS)) & SLOT_MASK;
	hlist_add_head(node, &wheel->slot[level][slot]);
	__set_bit(slot, wheel->busy[level]);
}

/* The next tick at which there is something to do; only while count > 0. */
static u64 next_tick(const struct rnat_wheel *wheel)
{
	unsigned int index = wheel->tick & SLOT_MASK;
	unsigned int slot;

	slot = find_next_bit(wheel->busy[0], RNAT_WHEEL_SLOTS, index);
	if (slot < RNAT_WHEEL_SLOTS)
		return wheel->tick - index + slot;
	/* the turn of the wheel, where the next level is distributed */
	return wheel->tick - index + RNAT_WHEEL_SLOTS;
}

static void arm(struct rnat_wheel *wheel)
{
	u64 tick;

	if (!wheel->count || wheel->dead) {
		wheel->armed = U64_MAX;
		return;
	}
	tick = next_tick(wheel);
	if (tick >= wheel->armed)
		return;
	wheel->armed = tick;
	mod_delayed_work(system_wq, &wheel->work,
			 rnat_clock_delay(tick << RNAT_WHEEL_TICK_SHIFT));
}

static void distribute(struct rnat_wheel *wheel, unsigned int level)
{
	unsigned int slot = (wheel->tick >> (level * RNAT_WHEEL_BITS)) &
			    SLOT_MASK;
	struct hlist_node *node, *next;
	struct hlist_head list;
	u64 now = rnat_clock();

	hlist_move_list(&wheel->slot[level][slot], &list);
	__clear_bit(slot, wheel->busy[level]);
	hlist_for_each_safe(node, next, &list) {
		hlist_del_init(node);
		place(wheel, node, wheel->due(node, now));
	}
}

/* At each turn of a wheel the slot of the next one that begins now. */
static void turn(struct rnat_wheel *wheel)
{
	if (wheel->tick & SLOT_MASK)
		return;
	if (!((wheel->tick >> RNAT_WHEEL_BITS) & SLOT_MASK))
		distribute(wheel, 2);
	distribute(wheel, 1);
}

void rnat_wheel_add(struct rnat_wheel *wheel, struct hlist_node *node, u64 tick)
{
	lockdep_assert_held(&wheel->lock);
	if (!wheel->count++)
		wheel->tick = current_tick();
	place(wheel, node, tick);
	arm(wheel);
}

/* The slot's bit stays set when this was its last: the visit finds it empty. */
void rnat_wheel_del(struct rnat_wheel *wheel, struct hlist_node *node)
{
	lockdep_assert_held(&wheel->lock);
	if (hlist_unhashed(node))
		return;
	hlist_del_init(node);
	wheel->count--;
}

struct hlist_node *rnat_wheel_take(struct rnat_wheel *wheel)
{
	struct hlist_head *slot;
	struct hlist_node *node;
	u64 now = current_tick();

	lockdep_assert_held(&wheel->lock);
	while (wheel->count && wheel->tick <= now) {
		slot = &wheel->slot[0][wheel->tick & SLOT_MASK];
		node = slot->first;
		if (node) {
			rnat_wheel_del(wheel, node);
			return node;
		}
		__clear_bit(wheel->tick & SLOT_MASK, wheel->busy[0]);
		wheel->tick++;
		turn(wheel);
		if (wheel->tick <= now)
			wheel->tick = min(next_tick(wheel), now + 1);
		/* stepping over the turn must not skip it */
		turn(wheel);
	}
	return NULL;
}

void rnat_wheel_disarm(struct rnat_wheel *wheel)
{
	lockdep_assert_held(&wheel->lock);
	wheel->armed = 0;
}

bool rnat_wheel_rearm(struct rnat_wheel *wheel)
{
	lockdep_assert_held(&wheel->lock);
	if (wheel->count && wheel->tick <= current_tick() && !wheel->dead)
		return true;
	wheel->armed = U64_MAX;
	arm(wheel);
	return false;
}

void rnat_wheel_init(struct rnat_wheel *wheel, rnat_wheel_due due,
		     work_func_t work)
{
	spin_lock_init(&wheel->lock);
	wheel->armed = U64_MAX;
	wheel->due = due;
	INIT_DELAYED_WORK(&wheel->work, work);
}

void rnat_wheel_stop(struct rnat_wheel *wheel)
{
	spin_lock_bh(&wheel->lock);
	wheel->dead = true;
	spin_unlock_bh(&wheel->lock);
	cancel_delayed_work_sync(&wheel->work);
}
