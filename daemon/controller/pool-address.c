// SPDX-License-Identifier: GPL-2.0
/*
 * A pool of whole addresses. Addresses that were never used are handed out by
 * a cursor, so that an IPv6 prefix costs no memory; given-back ones wait in a
 * queue behind them, so that the longest unused goes first and a VM that comes
 * back late finds its address as often as possible. When very many wait, they are
 * used again before new ones: a pool of IPv6 is never used up, and the records of
 * all that it ever gave out would grow for ever.
 */
#include "controller/pool-kind.h"

#define BACK_MAX	65536	/* wait; as many as a prefix of 16 host bits has */

struct back {			/* a free address that was used before */
	struct rn_addr addr;
	GList link;
};

struct address_state {
	const struct rn_pool_spec *spec;
	GHashTable *exclude;	/* of the pool */
	GHashTable *used;	/* struct rn_addr, its own key */
	GHashTable *back;	/* struct back by address */
	GQueue queue;		/* of struct back, oldest first */
	gsize prefix;		/* cursor: of spec->prefixes */
	uint64_t next;
	uint64_t total;		/* or UINT64_MAX, if there are more */
};

static void *address_new(const struct rn_pool_spec *spec, GHashTable *exclude)
{
	struct address_state *state = g_new0(struct address_state, 1);
	GHashTableIter iter;
	gpointer addr;

	state->spec = spec;
	state->exclude = exclude;
	state->used = g_hash_table_new_full(rn_pool_addr_hash, rn_pool_addr_equal, g_free, NULL);
	state->back = g_hash_table_new_full(rn_pool_addr_hash, rn_pool_addr_equal, NULL, g_free);
	g_queue_init(&state->queue);
	for (gsize i = 0; i < spec->n_prefixes; i++) {
		uint64_t size = rn_pool_prefix_size(&spec->prefixes[i]);

		state->total = size > UINT64_MAX - state->total ? UINT64_MAX : state->total + size;
		g_hash_table_iter_init(&iter, exclude);
		while (g_hash_table_iter_next(&iter, &addr, NULL))
			if (rn_prefix_contains(&spec->prefixes[i], addr))
				state->total--;
	}
	return state;
}

static void address_free(void *data)
{
	struct address_state *state = data;

	g_hash_table_unref(state->used);
	g_hash_table_unref(state->back);
	g_free(state);
}

/* The n-th to be handed out. The first and the last of a prefix come last: where
 * the pool is a connected network they are no good addresses for a host.
 */
static struct rn_addr nth(const struct rn_prefix *prefix, uint64_t n)
{
	return rn_pool_prefix_nth(prefix, (n + 1) % rn_pool_prefix_size(prefix));
}

/* The cursor passes each address that is used or excluded only once. */
static gboolean pick_new(struct address_state *state, struct rn_addr *addr)
{
	for (; state->prefix < state->spec->n_prefixes; state->prefix++, state->next = 0) {
		const struct rn_prefix *prefix = &state->spec->prefixes[state->prefix];

		for (; state->next < rn_pool_prefix_size(prefix); state->next++) {
			*addr = nth(prefix, state->next);
			if (!g_hash_table_contains(state->used, addr) &&
			    !g_hash_table_contains(state->back, addr) &&
			    !g_hash_table_contains(state->exclude, addr))
				return TRUE;
		}
	}
	return FALSE;
}

static gboolean address_pick(void *data, const struct rn_private *vm, struct rn_public *pub)
{
	struct address_state *state = data;
	const struct back *back;

	(void)vm;
	*pub = (struct rn_public){ 0 };
	if (g_queue_get_length(&state->queue) < BACK_MAX && pick_new(state, &pub->addr))
		return TRUE;
	if (g_queue_is_empty(&state->queue))
		return FALSE;
	back = state->queue.head->data;
	pub->addr = back->addr;
	return TRUE;
}

static void address_use(void *data, const struct rn_public *pub)
{
	struct address_state *state = data;
	struct back *back = g_hash_table_lookup(state->back, &pub->addr);

	if (back) {
		g_queue_unlink(&state->queue, &back->link);
		g_hash_table_remove(state->back, &pub->addr);
	}
	g_hash_table_add(state->used, g_memdup2(&pub->addr, sizeof(pub->addr)));
}

static void address_give(void *data, const struct rn_public *pub)
{
	struct address_state *state = data;
	struct back *back;

	if (!g_hash_table_remove(state->used, &pub->addr))
		return;
	back = g_new0(struct back, 1);
	back->addr = pub->addr;
	back->link.data = back;
	g_hash_table_insert(state->back, &back->addr, back);
	g_queue_push_tail_link(&state->queue, &back->link);
}

static void address_pair(void *data, const struct rn_public *pub, const struct rn_private *vm,
			 int change)
{
	(void)data;
	(void)pub;
	(void)vm;
	(void)change;
}

static uint64_t address_total(const void *data)
{
	return ((const struct address_state *)data)->total;
}

const struct rn_pool_kind rn_pool_kind_address = {
	.new = address_new,
	.free = address_free,
	.pick = address_pick,
	.use = address_use,
	.give = address_give,
	.pair = address_pair,
	.total = address_total,
};
