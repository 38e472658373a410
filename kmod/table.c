// SPDX-License-Identifier: GPL-2.0
#include "table.h"

#include <linux/rhashtable.h>
#include <linux/siphash.h>

#include "map.h"

static hsiphash_key_t hash_key __read_mostly;

/* A keyed hash: tenants choose their addresses and ports, and must not be able
 * to choose their bucket. @seed changes when a table is rehashed.
 */
u32 rnat_table_hash(const void *key, u32 len, u32 seed)
{
	hsiphash_key_t k = { { hash_key.key[0] ^ seed, hash_key.key[1] } };

	return hsiphash(key, len, &k);
}

static const struct rhashtable_params priv_params = {
	.key_len = sizeof(struct rnat_key),
	.key_offset = offsetof(struct rnat_map, priv),
	.head_offset = offsetof(struct rnat_map, by_priv),
	.hashfn = rnat_table_hash,
	.automatic_shrinking = true,
};

static const struct rhashtable_params pub_params = {
	.key_len = sizeof(struct rnat_key),
	.key_offset = offsetof(struct rnat_map, pub),
	.head_offset = offsetof(struct rnat_map, by_pub),
	.hashfn = rnat_table_hash,
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
	table->generation++;
}

int rnat_table_insert(struct rnat_table *table, struct rnat_map *map, u32 max)
{
	int err;

	if ((u32)atomic_inc_return(&table->count) > max) {
		err = -ENOSPC;
		goto err_count;
	}
	err = rhashtable_lookup_insert_fast(&table->by_priv, &map->by_priv,
					    priv_params);
	if (err)
		goto err_count;
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
err_count:
	atomic_dec(&table->count);
	/* Both mean that the hash table cannot grow fast enough now. */
	return err == -EBUSY || err == -E2BIG ? -ENOMEM : err;
}

void rnat_table_remove(struct rnat_table *table, struct rnat_map *map)
{
	rhashtable_remove_fast(&table->by_pub, &map->by_pub, pub_params);
	rhashtable_remove_fast(&table->by_priv, &map->by_priv, priv_params);
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

void rnat_table_uninit(struct rnat_table *table)
{
	rhashtable_destroy(&table->by_pub);
	rhashtable_free_and_destroy(&table->by_priv, free_map, NULL);
}

void rnat_table_seed(void)
{
	get_random_bytes(&hash_key, sizeof(hash_key));
}
