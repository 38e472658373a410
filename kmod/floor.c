// SPDX-License-Identifier: GPL-2.0
#include "floor.h"

#include <linux/sched.h>
#include <linux/slab.h>

#include "map.h"
#include "net.h"
#include "table.h"

struct floor {
	struct rb_node node;
	u64 id;
	u64 epoch;
};

static struct kmem_cache *floor_cache __read_mostly;

static int cmp_key(const void *key, const struct rb_node *node)
{
	u64 id = *(const u64 *)key;
	u64 other = rb_entry(node, struct floor, node)->id;

	return id < other ? -1 : id > other;
}

static int cmp_node(struct rb_node *node, const struct rb_node *other)
{
	return cmp_key(&rb_entry(node, struct floor, node)->id, other);
}

static struct floor *lookup(const struct rnat_net *rn, u64 id)
{
	struct rb_node *node = rb_find(&id, &rn->floors, cmp_key);

	return node ? rb_entry(node, struct floor, node) : NULL;
}

/* Only a grant brings a mapping into another state than these two. */
static bool is_floor(const struct rnat_net *rn, const struct rnat_map *map)
{
	return map->state != RNAT_STATE_NONE &&
	       map->state != ROAMNAT_STATE_HELD &&
	       map->incarnation == rn->incarnation_max;
}

u64 rnat_floor_get(struct rnat_net *rn, u64 id)
{
	const struct rnat_map *map;
	const struct floor *floor;
	u64 epoch = 0;

	lockdep_assert_held(&rn->lock);
	floor = lookup(rn, id);
	if (floor)
		epoch = floor->epoch;
	map = rnat_table_lookup_id(&rn->table, id);
	if (map && is_floor(rn, map))
		epoch = max(epoch, map->epoch);
	return epoch;
}

bool rnat_floor_has_room(struct rnat_net *rn, u64 id)
{
	/* No grant has epoch 0. */
	return rn->floor_count < rn->config.max_floors ||
	       rnat_floor_get(rn, id);
}

static struct floor *add(struct rnat_net *rn, u64 id, gfp_t gfp)
{
	struct floor *floor = kmem_cache_zalloc(floor_cache, gfp);

	if (!floor)
		return NULL;
	floor->id = id;
	rb_find_add(&floor->node, &rn->floors, cmp_node);
	return floor;
}

int rnat_floor_raise(struct rnat_net *rn, u64 id, u64 epoch)
{
	u64 old = rnat_floor_get(rn, id);
	struct floor *floor;

	if (epoch <= old)
		return 0;
	floor = lookup(rn, id);
	if (!floor) {
		if (!rnat_floor_has_room(rn, id))
			return -ENOSPC;
		floor = add(rn, id, GFP_KERNEL_ACCOUNT);
		if (!floor)
			return -ENOMEM;
		rn->floor_count += !old;
	}
	floor->epoch = epoch;
	return 0;
}

void rnat_floor_enter(struct rnat_net *rn, const struct rnat_map *map)
{
	struct floor *floor;

	lockdep_assert_held(&rn->lock);
	floor = lookup(rn, map->id);
	if (floor) {
		rb_erase(&floor->node, &rn->floors);
		kmem_cache_free(floor_cache, floor);
	} else if (!is_floor(rn, map)) {
		rn->floor_count++;
	}
}

/*
 * Without the entry a late grant would be taken, and two gateways would translate: that
 * is the one thing that must not be (P1, P11). Who deletes cannot be told to do it
 * again, because a rival, a timer or a flush deletes, too. So it waits for its 40
 * bytes, in process context, and takes what is set aside for such. The mapping, five
 * times that size, is freed next.
 */
void rnat_floor_leave(struct rnat_net *rn, const struct rnat_map *map)
{
	struct floor *floor;

	lockdep_assert_held(&rn->lock);
	if (!is_floor(rn, map))
		return;
	floor = lookup(rn, map->id);
	if (!floor)
		floor = add(rn, map->id, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	floor->epoch = max(floor->epoch, map->epoch);
}

static void free_all(struct rb_root *floors)
{
	struct floor *floor, *next;

	rbtree_postorder_for_each_entry_safe(floor, next, floors, node) {
		kmem_cache_free(floor_cache, floor);
		cond_resched();
	}
	*floors = RB_ROOT;
}

/* Takes no lock: rnat_floor_flush() waits for it before it gives it more. */
static void free_old(struct work_struct *work)
{
	struct rnat_net *rn = container_of(work, struct rnat_net, floor_work);

	free_all(&rn->old_floors);
}

void rnat_floor_flush(struct rnat_net *rn)
{
	lockdep_assert_held(&rn->lock);
	rn->floor_count = 0;
	if (RB_EMPTY_ROOT(&rn->floors))
		return;
	flush_work(&rn->floor_work);
	rn->old_floors = rn->floors;
	rn->floors = RB_ROOT;
	queue_work(system_unbound_wq, &rn->floor_work);
}

void rnat_floor_start(struct rnat_net *rn)
{
	rn->floors = RB_ROOT;
	rn->old_floors = RB_ROOT;
	INIT_WORK(&rn->floor_work, free_old);
}

void rnat_floor_stop(struct rnat_net *rn)
{
	flush_work(&rn->floor_work);
	free_all(&rn->floors);
}

int rnat_floor_init(void)
{
	floor_cache = kmem_cache_create("rnat_floor", sizeof(struct floor), 0,
					0, NULL);
	return floor_cache ? 0 : -ENOMEM;
}

void rnat_floor_uninit(void)
{
	kmem_cache_destroy(floor_cache);
}
