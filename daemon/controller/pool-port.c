// SPDX-License-Identifier: GPL-2.0
/*
 * A pool of ports on shared addresses. A VM keeps to one public address while
 * it has a port there (paired pooling, RFC 4787 REQ-2); new VMs go round the
 * addresses that have room. On an address: the VM's own port number if it is
 * free, else one of the same parity and the same side of 1024 (RFC 4787 REQ-4
 * and REQ-3a), else one of the same side, else any that the pool has.
 */
#include <string.h>
#include "controller/pool-kind.h"

#define PROTOCOLS	3
#define WORDS		(65536 / 64)
#define EVEN		UINT64_C(0x5555555555555555)

struct ports {			/* of one address and protocol */
	uint64_t *used;		/* bit map, allocated with the first use */
	unsigned int n;		/* bits set */
	unsigned int cursor;	/* where the next search begins: old ports rest longest */
	GList link;		/* in ring[] while there is room */
};

struct address {
	struct rn_addr addr;
	struct ports ports[PROTOCOLS];
};

struct subscriber {		/* a VM with at least one port here */
	uint32_t zone;
	struct rn_addr vm;
	struct address *address;
	unsigned int n;
};

struct port_state {
	const struct rn_pool_spec *spec;
	GPtrArray *addresses;
	GHashTable *by_addr;
	GHashTable *subscribers;
	GQueue ring[PROTOCOLS];	/* addresses with room */
	unsigned int room;	/* ports of one address and protocol */
};

static int slot(uint8_t proto)
{
	switch (proto) {
	case 6:
		return 0;
	case 17:
		return 1;
	}
	return 2;
}

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

static void address_free(gpointer data)
{
	struct address *address = data;

	for (int i = 0; i < PROTOCOLS; i++)
		g_free(address->ports[i].used);
	g_free(address);
}

static void address_add(struct port_state *state, const struct rn_addr *addr)
{
	struct address *address = g_new0(struct address, 1);

	address->addr = *addr;
	g_ptr_array_add(state->addresses, address);
	g_hash_table_insert(state->by_addr, &address->addr, address);
	for (int i = 0; i < PROTOCOLS; i++) {
		address->ports[i].link.data = address;
		address->ports[i].cursor = state->spec->port_lo;
		if (state->spec->protocols & (1u << i))
			g_queue_push_tail_link(&state->ring[i], &address->ports[i].link);
	}
}

static void *port_new(const struct rn_pool_spec *spec, GHashTable *exclude)
{
	struct port_state *state = g_new0(struct port_state, 1);

	state->spec = spec;
	state->room = spec->port_hi - spec->port_lo + 1;
	state->addresses = g_ptr_array_new_with_free_func(address_free);
	state->by_addr = g_hash_table_new(rn_pool_addr_hash, rn_pool_addr_equal);
	state->subscribers = g_hash_table_new_full(subscriber_hash, subscriber_equal,
						   g_free, NULL);
	for (int i = 0; i < PROTOCOLS; i++)
		g_queue_init(&state->ring[i]);
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

static void port_free(void *data)
{
	struct port_state *state = data;

	g_hash_table_unref(state->subscribers);
	g_hash_table_unref(state->by_addr);
	g_ptr_array_unref(state->addresses);
	g_free(state);
}

/* First free port in [lo, hi] whose parity is in mask; -1 when there is none. */
static int scan(const struct ports *ports, unsigned int lo, unsigned int hi, uint64_t mask)
{
	if (lo > hi)
		return -1;
	for (unsigned int word = lo / 64; word <= hi / 64; word++) {
		uint64_t open = mask & (ports->used ? ~ports->used[word] : UINT64_MAX);

		if (word == lo / 64)
			open &= UINT64_MAX << (lo % 64);
		if (word == hi / 64)
			open &= UINT64_MAX >> (63 - hi % 64);
		if (open)
			return word * 64 + __builtin_ctzll(open);
	}
	return -1;
}

/* The same from the cursor on, and then from the beginning. */
static int scan_round(const struct ports *ports, unsigned int lo, unsigned int hi, uint64_t mask)
{
	unsigned int from = CLAMP(ports->cursor, lo, hi);
	int port;

	if (lo > hi)
		return -1;
	port = scan(ports, from, hi, mask);
	return port >= 0 || from == lo ? port : scan(ports, lo, from - 1, mask);
}

static int pick_port(const struct port_state *state, const struct ports *ports, uint16_t wish)
{
	unsigned int lo = state->spec->port_lo, hi = state->spec->port_hi;
	unsigned int side_lo = wish < 1024 ? lo : MAX(lo, 1024);
	unsigned int side_hi = wish < 1024 ? MIN(hi, 1023) : hi;
	uint64_t parity = wish & 1 ? ~EVEN : EVEN;
	int port;

	if (ports->n >= state->room)
		return -1;
	if (wish >= lo && wish <= hi && scan(ports, wish, wish, UINT64_MAX) >= 0)
		return wish;
	port = scan_round(ports, side_lo, side_hi, parity);
	if (port < 0)
		port = scan_round(ports, side_lo, side_hi, UINT64_MAX);
	if (port < 0)
		port = scan_round(ports, lo, hi, parity);
	return port < 0 ? scan_round(ports, lo, hi, UINT64_MAX) : port;
}

static gboolean port_pick(void *data, const struct rn_private *vm, struct rn_public *pub)
{
	struct port_state *state = data;
	const struct subscriber key = { .zone = vm->zone, .vm = vm->addr };
	struct subscriber *sub = g_hash_table_lookup(state->subscribers, &key);
	int s = slot(vm->proto), port = -1;
	struct address *address = NULL;

	if (sub) {
		address = sub->address;
		port = pick_port(state, &address->ports[s], vm->port);
	}
	if (port < 0) {
		GList *link = g_queue_pop_head_link(&state->ring[s]);

		if (!link)
			return FALSE;
		g_queue_push_tail_link(&state->ring[s], link);
		address = link->data;
		port = pick_port(state, &address->ports[s], vm->port);
	}
	*pub = (struct rn_public){ .proto = vm->proto, .port = port, .addr = address->addr };
	return port >= 0;
}

static void port_use(void *data, const struct rn_public *pub)
{
	struct port_state *state = data;
	struct address *address = g_hash_table_lookup(state->by_addr, &pub->addr);
	struct ports *ports;
	uint64_t bit = UINT64_C(1) << (pub->port % 64);

	if (!address)
		return;
	ports = &address->ports[slot(pub->proto)];
	if (!ports->used)
		ports->used = g_new0(uint64_t, WORDS);
	if (ports->used[pub->port / 64] & bit)
		return;
	ports->used[pub->port / 64] |= bit;
	ports->n++;
	ports->cursor = pub->port == state->spec->port_hi ? state->spec->port_lo : pub->port + 1;
	if (ports->n == state->room)
		g_queue_unlink(&state->ring[slot(pub->proto)], &ports->link);
}

static void port_give(void *data, const struct rn_public *pub)
{
	struct port_state *state = data;
	struct address *address = g_hash_table_lookup(state->by_addr, &pub->addr);
	struct ports *ports = address ? &address->ports[slot(pub->proto)] : NULL;
	uint64_t bit = UINT64_C(1) << (pub->port % 64);

	if (!ports || !ports->used || !(ports->used[pub->port / 64] & bit))
		return;
	if (ports->n == state->room)
		g_queue_push_tail_link(&state->ring[slot(pub->proto)], &ports->link);
	ports->used[pub->port / 64] &= ~bit;
	if (--ports->n == 0)
		g_clear_pointer(&ports->used, g_free);
}

static void port_pair(void *data, const struct rn_public *pub, const struct rn_private *vm,
		      int change)
{
	struct port_state *state = data;
	const struct subscriber key = { .zone = vm->zone, .vm = vm->addr };
	struct subscriber *sub = g_hash_table_lookup(state->subscribers, &key);

	if (change > 0) {
		if (!sub) {
			sub = g_memdup2(&key, sizeof(key));
			sub->address = g_hash_table_lookup(state->by_addr, &pub->addr);
			g_hash_table_add(state->subscribers, sub);
		}
		sub->n++;
	} else if (sub && --sub->n == 0) {
		g_hash_table_remove(state->subscribers, sub);
	}
}

static uint64_t port_total(const void *data)
{
	const struct port_state *state = data;

	return (uint64_t)state->addresses->len * state->room *
	       __builtin_popcount(state->spec->protocols);
}

const struct rn_pool_kind rn_pool_kind_port = {
	.new = port_new,
	.free = port_free,
	.pick = port_pick,
	.use = port_use,
	.give = port_give,
	.pair = port_pair,
	.total = port_total,
};
