// SPDX-License-Identifier: GPL-2.0
#include "overlap.h"

#include <linux/in.h>
#include <linux/sched.h>

#include "map.h"
#include "net.h"

struct look {
	struct rnat_net *rn;
	u64 id;
	rnat_overlap_is is;
};

/* The mapping of that key, if it is one that is looked for. */
static struct rnat_map *probe(const struct look *look,
			      const struct rnat_key *key)
{
	struct rnat_map *map;

	/* The mutex keeps it, RCU is for the hash table. */
	rcu_read_lock();
	map = rnat_table_lookup_pub(&look->rn->table, key);
	rcu_read_unlock();
	return map && map->id != look->id && look->is(look->rn, map) ? map :
								       NULL;
}

/* A block that begins at one of the ports from @first on, below @end. */
static struct rnat_map *find_blocks(const struct look *look,
				    const struct rnat_key *pub, u32 first,
				    u32 end)
{
	u32 orders = look->rn->table.orders, order, at;
	struct rnat_key key = *pub;
	struct rnat_map *map;

	key.proto = 0;
	for (order = 0; orders >> order; order++) {
		if (!(orders >> order & 1))
			continue;
		for (at = round_down(first, 1U << order); at < end;
		     at += 1U << order) {
			key.port = htons(at);
			map = probe(look, &key);
			if (map && map->block && map->order == order)
				return map;
			if (at % 1024 == 0)
				cond_resched();
		}
	}
	return NULL;
}

/* A port mapping of one of these ports. */
static struct rnat_map *find_ports(const struct look *look,
				   const struct rnat_key *pub, u32 first,
				   u32 end)
{
	static const u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct rnat_key key = *pub;
	struct rnat_map *map;
	unsigned int i;
	u32 at;

	for (at = first; look->rn->table.ports && at < end; at++) {
		key.port = htons(at);
		for (i = 0; i < ARRAY_SIZE(protos); i++) {
			key.proto = protos[i];
			map = probe(look, &key);
			if (map)
				return map;
		}
		if (at % 1024 == 0)
			cond_resched();
	}
	return NULL;
}

struct rnat_map *rnat_overlap_find(struct rnat_net *rn,
				   const struct rnat_key *pub, u32 ports,
				   u64 id, rnat_overlap_is is)
{
	const struct look look = { .rn = rn, .id = id, .is = is };
	u32 first = ntohs(pub->port), end = first + ports;
	struct rnat_key whole = *pub;
	struct rnat_map *map;

	lockdep_assert_held(&rn->lock);
	if (!ports) {
		/* of an address: whatever block it has */
		end = pub->proto ? first + 1 : 65536;
		return find_blocks(&look, pub, first, end);
	}
	whole.port = 0;
	map = probe(&look, &whole);
	if (map && !map->block)
		return map;
	map = find_blocks(&look, pub, first, end);
	return map ? map : find_ports(&look, pub, first, end);
}
