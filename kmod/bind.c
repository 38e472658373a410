// SPDX-License-Identifier: GPL-2.0
#include "bind.h"

#include <linux/in.h>

#include "binding.h"
#include "block.h"
#include "inside.h"
#include "map.h"
#include "net.h"
#include "tcp.h"
#include "tuple.h"

/* How often the tables are looked at when they change meanwhile. */
#define LOOK_MAX	4
#define AGAIN		(U32_MAX - 2)

/* A VM whose first block is gone may have later ones; but who has none costs
 * a look-up for each gap.
 */
#define GAPS_MAX	2

static u32 judge(const struct rnat_bind *bind, const struct rnat_map *map)
{
	if (!bind->resumed)
		return rnat_map_judge(bind->rn, map, bind->now, true);
	return rnat_map_judge_held(bind->rn, map, bind->now);
}

/* RFC 7857, section 2.1 */
static bool opens(const struct rnat_bind *bind)
{
	return bind->tuple->proto != IPPROTO_TCP ||
	       rnat_tcp_opens(rnat_tcp_flags(bind->skb, bind->tuple));
}

static u32 verdict(int err)
{
	switch (err) {
	case 0:
		return RNAT_MAP_TRANSLATE;
	case -EAGAIN:
		return AGAIN;
	case -ENOSPC:
		return ROAMNAT_A_COUNTER_DROP_BLOCK_FULL;
	case -EDQUOT:
		return ROAMNAT_A_COUNTER_DROP_BINDINGS_FULL;
	}
	return ROAMNAT_A_COUNTER_DROP_MEMORY;
}

/* What is there of the VM's blocks. */
struct look {
	struct rnat_key key;		/* of the block that is looked at */
	u32 gap;			/* lowest index that is not there */
	bool active;			/* there is one that translates */
	u32 blocked;			/* what the first one says that does not */
	struct rnat_map *blocked_map;
};

/* Tries the VM's block of @look->key; false if the next one is to be tried. */
static bool try_block(struct rnat_bind *bind, struct look *look,
		      struct rnat_map *map, u32 *what)
{
	bool filling;

	*what = judge(bind, map);
	if (*what != RNAT_MAP_TRANSLATE) {
		if (!look->blocked) {
			look->blocked = *what;
			look->blocked_map = map;
		}
		return false;
	}
	bind->map = map;
	bind->binding = NULL;
	/* The VM has an address of its own from earlier. */
	if (!map->block)
		return true;
	look->active = true;
	if (!opens(bind))
		return false;
	if (bind->asked)
		return !rnat_block_is_full(map, bind->tuple);
	*what = verdict(rnat_block_bind(bind->rn, map, bind->key, bind->tuple,
					bind->now, &bind->binding, &filling));
	/* Another gateway's word asks for no block; the VM's own packets will. */
	if (filling && !bind->forwarded)
		rnat_upcall_filling(bind->rn, map, bind->prefix);
	return *what != ROAMNAT_A_COUNTER_DROP_BLOCK_FULL;
}

/* None of the VM's blocks takes it. */
static u32 give_up(struct rnat_bind *bind, struct look *look)
{
	if (look->blocked) {
		bind->map = look->blocked_map;
		*bind->key = bind->map->priv;
		return look->blocked;
	}
	if (look->active && !opens(bind))
		return ROAMNAT_A_COUNTER_DROP_NOT_FIRST;
	if (look->gap == ROAMNAT_BLOCKS_MAX || (bind->resumed && look->gap))
		return ROAMNAT_A_COUNTER_DROP_BLOCK_FULL;
	if (bind->resumed)
		return ROAMNAT_A_COUNTER_DROP_STALE_HOLD;
	if (bind->forwarded)
		return look->active ? ROAMNAT_A_COUNTER_DROP_BLOCK_FULL :
				      ROAMNAT_A_COUNTER_DROP_FORWARD_NOBODY;
	look->key.port = htons(look->gap);
	*bind->key = look->key;
	return RNAT_MAP_HOLD;
}

static u32 make(struct rnat_bind *bind)
{
	struct look look = {
		.key = *bind->key,
		.gap = ROAMNAT_BLOCKS_MAX,
	};
	u32 i, gaps = 0, what;
	struct rnat_map *map;

	look.key.proto = 0;
	for (i = 0; i < ROAMNAT_BLOCKS_MAX && gaps < GAPS_MAX; i++) {
		look.key.port = htons(i);
		map = rnat_table_lookup_priv(&bind->rn->table, &look.key);
		if (!map) {
			look.gap = min(look.gap, i);
			gaps++;
		} else if (try_block(bind, &look, map, &what)) {
			return what;
		}
	}
	return give_up(bind, &look);
}

static u32 revive(struct rnat_bind *bind)
{
	u32 what = judge(bind, bind->map);

	if (what == RNAT_MAP_HOLD)
		*bind->key = bind->map->priv;
	if (what != RNAT_MAP_TRANSLATE)
		return what;
	if (!opens(bind))
		return ROAMNAT_A_COUNTER_DROP_NOT_FIRST;
	if (bind->asked)
		return RNAT_MAP_TRANSLATE;
	return verdict(rnat_block_revive(bind->rn, bind->binding, bind->tuple,
					 bind->now));
}

u32 rnat_bind_source(struct rnat_bind *bind)
{
	u32 what;
	int looks;

	for (looks = 0; looks < LOOK_MAX; looks++) {
		bind->binding = rnat_binding_lookup_priv(bind->rn, bind->key);
		if (!bind->binding) {
			what = make(bind);
		} else {
			bind->map = bind->binding->map;
			if (likely(rnat_binding_is_open(bind->binding)))
				return RNAT_MAP_TRANSLATE;
			what = revive(bind);
		}
		if (what != AGAIN)
			return what;
	}
	return ROAMNAT_A_COUNTER_DROP_STALE_HOLD;
}
