// SPDX-License-Identifier: GPL-2.0
/*
 * A pool of blocks of ports on shared addresses. All blocks of a VM are of one
 * public address (RFC 4787, REQ-2; RFC 6888, REQ-2); new VMs go round the
 * addresses that have room. Which of the free blocks of an address a VM gets is
 * drawn by lot, so that nobody can tell from his own ports where another's are
 * (RFC 6056). A draw, a use and a return cost the same however long the pool is.
 */
#include "base/random.h"
#include "controller/pool-kind.h"

struct address {
	struct rn_addr addr;
	/* With the first use: the numbers of the blocks, the free ones first, and
	 * where each number stands.
	 */
	uint16_t *order, *place;
	unsigned int n_free;
	GList link;		/* in the ring while there is room */
};

struct subscriber {		/* a VM with at least one block here */
	uint32_t zone;
	struct rn_addr vm;
	struct address *address;
	unsigned int n;
};

struct block_state {
	const struct rn_pool_spec *spec;
	GPtrArray *addresses;
	GHashTable *by_addr;
	GHashTable *subscribers;
	GQueue ring;		/* addresses with room */
	unsigned int blocks;	/* of one address */
};

static guint subscriber_hash(gconstpointer key)
{
	const struct subscriber *sub = key;

	return rn_addr_hash(&sub->vm) * 31 + sub->zone;
}

static gboolean subscriber_equal(gconstpointer a, gconstpointer b)
{
	const struct subscriber *x = a, *y = b;

	return x->zone == y->zone && rn_addr_equal(&x->vm, &y->vm);
}

static struct subscriber *subscriber_of(const struct block_state *state,
					const struct rn_private *vm)
{
	const struct subscriber key = { .zone = vm->zone, .vm = vm->addr };

	return g_hash_table_lookup(state->subscribers, &key);
}

static void address_free(gpointer data)
{
	struct address *address = data;

	g_free(address->order);
	g_free(address->place);
	g_free(address);
}

static void address_add(struct block_state *state, const struct rn_addr *addr)
{
	struct address *address = g_new0(struct address, 1);

	address->addr = *addr;
	address->n_free = state->blocks;
	address->link.data = address;
	g_ptr_array_add(state->addresses, address);
	g_hash_table_insert(state->by_addr, &address->addr, address);
	g_queue_push_tail_link(&state->ring, &address->link);
}

static void *block_new(const struct rn_pool_spec *spec, GHashTable *exclude)
{
	struct block_state *state = g_new0(struct block_state, 1);

	state->spec = spec;
	state->blocks = (spec->port_hi - spec->port_lo + 1u) / spec->block_size;
	state->addresses = g_ptr_array_new_with_free_func(address_free);
	state->by_addr = g_hash_table_new(rn_pool_addr_hash, rn_pool_addr_equal);
	state->subscribers = g_hash_table_new_full(subscriber_hash, subscriber_equal,
						   g_free, NULL);
	g_queue_init(&state->ring);
	for (gsize i = 0; i < spec->n_prefixes; i++) {
		uint64_t size = rn_pool_prefix_size(&spec->prefixes[i]);

		/* The edges of a prefix last, as in pool-address.c. */
		for (uint64_t n = 0; n < size; n++) {
			struct rn_addr addr = rn_pool_prefix_nth(&spec->prefixes[i],
								 (n + 1) % size);

			if (!g_hash_table_contains(exclude, &addr))
				address_add(state, &addr);
		}
	}
	return state;
}

static void block_free(void *data)
{
	struct block_state *state = data;

	g_hash_table_unref(state->subscribers);
	g_hash_table_unref(state->by_addr);
	g_ptr_array_unref(state->addresses);
	g_free(state);
}

/* A number below n, each as likely as the others. */
static unsigned int draw(unsigned int n)
{
	uint32_t random, limit = UINT32_MAX - UINT32_MAX % n;

	do
		random = (uint32_t)rn_random();
	while (random >= limit);
	return random % n;
}

static gboolean block_pick(void *data, const struct rn_private *vm, struct rn_public *pub)
{
	struct block_state *state = data;
	struct subscriber *sub = subscriber_of(state, vm);
	struct address *address;
	unsigned int n;
	GList *link;

	if (sub) {
		address = sub->address;
		if (!address->n_free)
			return FALSE;
	} else {
		link = g_queue_pop_head_link(&state->ring);
		if (!link)
			return FALSE;
		g_queue_push_tail_link(&state->ring, link);
		address = link->data;
	}
	n = draw(address->n_free);
	if (address->order)
		n = address->order[n];
	*pub = (struct rn_public){
		.port = state->spec->port_lo + n * state->spec->block_size,
		.ports = state->spec->block_size, .addr = address->addr,
	};
	return TRUE;
}

/* The block with this number to this place, and that which was there to its. */
static void move_to(struct address *address, unsigned int number, unsigned int place)
{
	unsigned int other = address->order[place], from = address->place[number];

	address->order[from] = other;
	address->place[other] = from;
	address->order[place] = number;
	address->place[number] = place;
}

static unsigned int number_of(const struct block_state *state, const struct rn_public *pub)
{
	return (pub->port - state->spec->port_lo) / state->spec->block_size;
}

static void block_use(void *data, const struct rn_public *pub)
{
	struct block_state *state = data;
	struct address *address = g_hash_table_lookup(state->by_addr, &pub->addr);
	unsigned int number = number_of(state, pub);

	if (!address)
		return;
	if (!address->order) {
		address->order = g_new(uint16_t, state->blocks);
		address->place = g_new(uint16_t, state->blocks);
		for (unsigned int i = 0; i < state->blocks; i++) {
			address->order[i] = i;
			address->place[i] = i;
		}
	}
	if (address->place[number] >= address->n_free)
		return;
	move_to(address, number, --address->n_free);
	if (!address->n_free)
		g_queue_unlink(&state->ring, &address->link);
}

static void block_give(void *data, const struct rn_public *pub)
{
	struct block_state *state = data;
	struct address *address = g_hash_table_lookup(state->by_addr, &pub->addr);
	unsigned int number = number_of(state, pub);

	if (!address || !address->order || address->place[number] < address->n_free)
		return;
	if (!address->n_free)
		g_queue_push_tail_link(&state->ring, &address->link);
	move_to(address, number, address->n_free++);
	if (address->n_free == state->blocks) {
		g_clear_pointer(&address->order, g_free);
		g_clear_pointer(&address->place, g_free);
	}
}

static void block_pair(void *data, const struct rn_public *pub, const struct rn_private *vm,
		       int change)
{
	struct block_state *state = data;
	struct subscriber *sub = subscriber_of(state, vm);

	if (change > 0) {
		if (!sub) {
			sub = g_new0(struct subscriber, 1);
			sub->zone = vm->zone;
			sub->vm = vm->addr;
			sub->address = g_hash_table_lookup(state->by_addr, &pub->addr);
			g_hash_table_add(state->subscribers, sub);
		}
		sub->n++;
	} else if (sub && --sub->n == 0) {
		g_hash_table_remove(state->subscribers, sub);
	}
}

static const struct rn_addr *block_paired(const void *data, const struct rn_private *vm)
{
	const struct subscriber *sub = subscriber_of(data, vm);

	return sub ? &sub->address->addr : NULL;
}

static uint64_t block_total(const void *data)
{
	const struct block_state *state = data;

	return (uint64_t)state->addresses->len * state->blocks;
}

const struct rn_pool_kind rn_pool_kind_block = {
	.new = block_new,
	.free = block_free,
	.pick = block_pick,
	.use = block_use,
	.give = block_give,
	.pair = block_pair,
	.paired = block_paired,
	.total = block_total,
};
