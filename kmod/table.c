// SPDX-License-Identifier: GPL-2.0
#include "table.h"

#include <linux/rhashtable.h>
#include <linux/slab.h>

#include "grow.h"
#include "hash.h"
#include "map.h"

static int cmp_priv(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct rnat_map *map = obj;

	return !rnat_key_equal(arg->key, &map->priv);
}

static int cmp_pub(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct rnat_map *map = obj;

	return !rnat_key_equal(arg->key, &map->pub);
}

static const struct rhashtable_params priv_params = {
	.key_len = sizeof(struct rnat_key),
	.key_offset = offsetof(struct rnat_map, priv),
	.head_offset = offsetof(struct rnat_map, by_priv),
	.hashfn = rnat_hash_fn,
	.obj_cmpfn = cmp_priv,
	.automatic_shrinking = true,
};

static const struct rhashtable_params pub_params = {
	.key_len = sizeof(struct rnat_key),
	.key_offset = offsetof(struct rnat_map, pub),
	.head_offset = offsetof(struct rnat_map, by_pub),
	.hashfn = rnat_hash_fn,
	.obj_cmpfn = cmp_pub,
	.automatic_shrinking = true,
};

struct rnat_map *rnat_table_lookup_priv(struct rnat_table *table,
					const struct rnat_key *key)
{
	return rhashtable_lookup(&table->by_priv, key, priv_params);
}

struct rnat_map *rnat_table_lookup_pub(struct rnat_table *table,
				       const struct rnat_key *key)
{
	return rhashtable_lookup(&table->by_pub, key, pub_params);
}

/* Each size that is in use may have it: mostly that is one. */
struct rnat_map *rnat_table_lookup_block(struct rnat_table *table,
					 const struct rnat_key *key)
{
	u32 orders = READ_ONCE(table->orders), order;
	struct rnat_key first = *key;
	struct rnat_map *map;

	first.proto = 0;
	for (order = 0; orders >> order; order++) {
		if (!(orders >> order & 1))
			continue;
		first.port = htons(round_down(ntohs(key->port), 1U << order));
		map = rnat_table_lookup_pub(table, &first);
		if (map && map->block && map->order == order)
			return map;
	}
	return NULL;
}

struct rnat_map *rnat_table_lookup_from(struct rnat_table *table, u64 id)
{
	struct rb_node *node = table->by_id.rb_node;
	struct rnat_map *found = NULL;

	while (node) {
		struct rnat_map *map = rb_entry(node, struct rnat_map, by_id);

		if (map->id >= id) {
			found = map;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

struct rnat_map *rnat_table_lookup_id(struct rnat_table *table, u64 id)
{
	struct rnat_map *map = rnat_table_lookup_from(table, id);

	return map && map->id == id ? map : NULL;
}

static int cmp_id(struct rb_node *node, const struct rb_node *other)
{
	u64 a = rb_entry(node, struct rnat_map, by_id)->id;
	u64 b = rb_entry(other, struct rnat_map, by_id)->id;

	return a < b ? -1 : a > b;
}

static u32 *count_of(struct rnat_table *table, const struct rnat_map *map)
{
	if (map->block)
		return &table->blocks[map->order];
	return map->priv.proto ? &table->ports : &table->addresses;
}

/* One more or one less of this kind. */
static void count(struct rnat_table *table, const struct rnat_map *map, u32 add)
{
	u32 *n = count_of(table, map);

	WRITE_ONCE(*n, *n + add);
	if (map->block && *n)
		WRITE_ONCE(table->orders, table->orders | BIT(map->order));
	else if (map->block)
		WRITE_ONCE(table->orders, table->orders & ~BIT(map->order));
	WRITE_ONCE(table->shared, table->ports || table->orders);
	table->generation++;
}

static int prepare_nets(struct rnat_nets *nets)
{
	unsigned long *bits;
	u32 *count;

	if (nets->bits)
		return 0;
	bits = kvzalloc(BITS_TO_BYTES(1 << RNAT_NET_BITS), GFP_KERNEL_ACCOUNT);
	count = kvcalloc(1 << RNAT_NET_BITS, sizeof(*count),
			 GFP_KERNEL_ACCOUNT);
	if (!bits || !count) {
		kvfree(bits);
		kvfree(count);
		return -ENOMEM;
	}
	nets->count = count;
	/* Pairs with rnat_table_may_be_public(). */
	smp_store_release(&nets->bits, bits);
	return 0;
}

static struct rnat_nets *nets_of(struct rnat_table *table,
				 const struct rnat_key *key, u32 *net)
{
	if (key->family == NFPROTO_IPV6) {
		*net = rnat_table_net6(&key->addr.in6);
		return &table->nets6;
	}
	*net = rnat_table_net(key->addr.ip);
	return &table->nets4;
}

int rnat_table_note_public(struct rnat_table *table,
			   const struct rnat_key *key)
{
	struct rnat_nets *nets;
	u32 net;
	int err;

	nets = nets_of(table, key, &net);
	err = prepare_nets(nets);
	if (err)
		return err;
	if (!nets->count[net]++)
		set_bit(net, nets->bits);
	return 0;
}

void rnat_table_forget_public(struct rnat_table *table,
			      const struct rnat_key *key)
{
	struct rnat_nets *nets;
	u32 net;

	nets = nets_of(table, key, &net);
	if (!--nets->count[net])
		clear_bit(net, nets->bits);
}

int rnat_table_insert(struct rnat_table *table, struct rnat_map *map, u32 max)
{
	int err;

	if ((u32)atomic_inc_return(&table->count) > max) {
		err = -ENOSPC;
		goto err_count;
	}
	err = rnat_table_note_public(table, &map->pub);
	if (err)
		goto err_count;
	rnat_grow_late(&table->by_priv);
	rnat_grow_late(&table->by_pub);
	err = rhashtable_lookup_insert_fast(&table->by_priv, &map->by_priv,
					    priv_params);
	if (err)
		goto err_net;
	err = rhashtable_lookup_insert_fast(&table->by_pub, &map->by_pub,
					    pub_params);
	if (err)
		goto err_priv;
	if (rb_find_add(&map->by_id, &table->by_id, cmp_id)) {
		err = -EEXIST;
		goto err_pub;
	}
	count(table, map, 1);
	return 0;

err_pub:
	rhashtable_remove_fast(&table->by_pub, &map->by_pub, pub_params);
err_priv:
	rhashtable_remove_fast(&table->by_priv, &map->by_priv, priv_params);
err_net:
	rnat_table_forget_public(table, &map->pub);
err_count:
	atomic_dec(&table->count);
	/* Both mean that the hash table cannot grow fast enough now. */
	return err == -EBUSY || err == -E2BIG ? -ENOMEM : err;
}

void rnat_table_remove(struct rnat_table *table, struct rnat_map *map)
{
	rhashtable_remove_fast(&table->by_pub, &map->by_pub, pub_params);
	rhashtable_remove_fast(&table->by_priv, &map->by_priv, priv_params);
	rnat_table_forget_public(table, &map->pub);
	rb_erase(&map->by_id, &table->by_id);
	atomic_dec(&table->count);
	count(table, map, -1);
}

int rnat_table_init(struct rnat_table *table)
{
	int err;

	table->by_id = RB_ROOT;
	atomic_set(&table->count, 0);
	err = rhashtable_init(&table->by_priv, &priv_params);
	if (err)
		return err;
	err = rhashtable_init(&table->by_pub, &pub_params);
	if (err)
		rhashtable_destroy(&table->by_priv);
	return err;
}

static void free_map(void *map, void *arg)
{
	rnat_map_free_rcu(map);
}

static void free_nets(struct rnat_nets *nets)
{
	kvfree(nets->bits);
	kvfree(nets->count);
}

void rnat_table_uninit(struct rnat_table *table)
{
	rhashtable_destroy(&table->by_pub);
	rhashtable_free_and_destroy(&table->by_priv, free_map, NULL);
	free_nets(&table->nets4);
	free_nets(&table->nets6);
}
