// SPDX-License-Identifier: GPL-2.0
#include "find.h"

#include "net.h"
#include "table.h"
#include "tuple.h"

static struct rnat_map *use(struct rnat_binding *found,
			    struct rnat_binding **binding)
{
	if (!found || !rnat_binding_is_open(found))
		return NULL;
	*binding = found;
	return found->map;
}

/* A block that begins at port 0 has the key of an address. */
struct rnat_map *rnat_find_whole(struct rnat_net *rn,
				 const struct rnat_key *key)
{
	struct rnat_map *map = rnat_table_lookup_pub(&rn->table, key);

	return map && !map->block ? map : NULL;
}

struct rnat_map *rnat_find_public(struct rnat_net *rn,
				  const struct rnat_tuple *t,
				  rnat_key_of key_of,
				  struct rnat_binding **binding)
{
	struct rnat_map *map = NULL;
	struct rnat_key key;

	*binding = NULL;
	if ((READ_ONCE(rn->table.ports) || READ_ONCE(rn->table.orders)) &&
	    !key_of(t, ROAMNAT_KIND_PORT, 0, &key)) {
		if (READ_ONCE(rn->table.orders))
			map = use(rnat_binding_lookup_pub(rn, &key), binding);
		if (!map && READ_ONCE(rn->table.ports))
			map = rnat_table_lookup_pub(&rn->table, &key);
	}
	if (!map && READ_ONCE(rn->table.addresses) &&
	    !key_of(t, ROAMNAT_KIND_ADDRESS, 0, &key))
		map = rnat_find_whole(rn, &key);
	return map;
}

struct rnat_map *rnat_find_private(struct rnat_net *rn,
				   const struct rnat_key *key, u32 kind,
				   struct rnat_binding **binding)
{
	struct rnat_map *map;

	*binding = NULL;
	if (kind == ROAMNAT_KIND_BLOCK)
		return use(rnat_binding_lookup_priv(rn, key), binding);
	map = rnat_table_lookup_priv(&rn->table, key);
	/* Of when the prefix was of blocks. */
	return map && !map->block ? map : NULL;
}

bool rnat_find_is_block(struct rnat_net *rn, const struct rnat_tuple *t)
{
	struct rnat_key key;

	if (!READ_ONCE(rn->table.orders) ||
	    rnat_tuple_key_dst(t, ROAMNAT_KIND_BLOCK, 0, &key))
		return false;
	return rnat_table_lookup_block(&rn->table, &key);
}
