// SPDX-License-Identifier: GPL-2.0
#include "floor.h"

#include <linux/sched.h>
#include <linux/slab.h>

#include "net.h"

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

u64 rnat_floor_get(const struct rnat_net *rn, u64 id)
{
	struct floor *floor;

	lockdep_assert_held(&rn->lock);
	floor = lookup(rn, id);
	return floor ? floor->epoch : 0;
}

int rnat_floor_raise(struct rnat_net *rn, u64 id, u64 epoch)
{
	struct floor *floor;

	lockdep_assert_held(&rn->lock);
	floor = lookup(rn, id);
	if (floor) {
		floor->epoch = max(floor->epoch, epoch);
		return 0;
	}
	if (rn->floor_count >= rn->config.max_floors)
		return -ENOSPC;
	floor = kmem_cache_zalloc(floor_cache, GFP_KERNEL_ACCOUNT);
	if (!floor)
		return -ENOMEM;
	floor->id = id;
	floor->epoch = epoch;
	rb_find_add(&floor->node, &rn->floors, cmp_node);
	rn->floor_count++;
	return 0;
}

void rnat_floor_unreserve(struct rnat_net *rn, u64 id)
{
	struct floor *floor;

	lockdep_assert_held(&rn->lock);
	floor = lookup(rn, id);
	if (!floor || floor->epoch)
		return;
	rb_erase(&floor->node, &rn->floors);
	kmem_cache_free(floor_cache, floor);
	rn->floor_count--;
}

void rnat_floor_flush(struct rnat_net *rn)
{
	struct floor *floor, *next;

	rbtree_postorder_for_each_entry_safe(floor, next, &rn->floors, node) {
		kmem_cache_free(floor_cache, floor);
		cond_resched();
	}
	rn->floors = RB_ROOT;
	rn->floor_count = 0;
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
