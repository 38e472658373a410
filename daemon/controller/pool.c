// SPDX-License-Identifier: GPL-2.0
/*
 * Pools side by side: which one serves a private side, which one an endpoint
 * belongs to, and the quarantine, which is the same for all kinds.
 */
#include "controller/heap.h"
#include "controller/pool-kind.h"

#define RN_POOL_ERROR	g_quark_from_static_string("rn-pool")

struct rn_pool {
	struct rn_pool_spec spec;	/* owns what it points to */
	const struct rn_pool_kind *kind;
	void *state;
	GHashTable *exclude;		/* struct rn_addr of spec.exclude */
	struct rn_pool_counts counts;
};

/* An endpoint that is not free; absent from the table means free. */
struct endpoint {
	struct rn_public pub;
	struct rn_pool *pool;
	struct rn_heap_node node;	/* in the heap: quarantined */
};

struct span {
	struct rn_prefix prefix;
	struct rn_pool *pool;
};

struct rn_pools {
	GPtrArray *pools;
	GArray *spans;			/* sorted by address, disjoint */
	GHashTable *endpoints;
	struct rn_heap quarantine;
	GPtrArray *statics;		/* struct rn_static */
	GHashTable *static_vms;		/* of them, by private side */
	GHashTable *static_pubs;	/* and by public side */
};

guint rn_pool_addr_hash(gconstpointer addr)
{
	return rn_addr_hash(addr);
}

gboolean rn_pool_addr_equal(gconstpointer a, gconstpointer b)
{
	return rn_addr_equal(a, b);
}

static guint private_hash(gconstpointer vm)
{
	return rn_private_hash(vm);
}

static gboolean private_equal(gconstpointer a, gconstpointer b)
{
	return rn_private_equal(a, b);
}

static guint public_hash(gconstpointer pub)
{
	return rn_public_hash(pub);
}

static gboolean public_equal(gconstpointer a, gconstpointer b)
{
	return rn_public_equal(a, b);
}

uint64_t rn_pool_prefix_size(const struct rn_prefix *prefix)
{
	unsigned int bits = prefix->addr.len * 8 - prefix->len;

	return UINT64_C(1) << MIN(bits, 62);
}

struct rn_addr rn_pool_prefix_nth(const struct rn_prefix *prefix, uint64_t n)
{
	struct rn_addr addr = prefix->addr;

	/* Host bits are 0, so this cannot carry beyond the prefix. */
	for (int i = addr.len - 1; i >= 0 && n; i--, n >>= 8)
		addr.b[i] |= n & 0xff;
	return addr;
}

static void pool_free(gpointer data)
{
	struct rn_pool *pool = data;

	if (pool->state)
		pool->kind->free(pool->state);
	g_hash_table_unref(pool->exclude);
	g_free((char *)pool->spec.name);
	g_free((void *)pool->spec.prefixes);
	g_free((void *)pool->spec.zones);
	g_free((void *)pool->spec.exclude);
	g_free(pool);
}

static void static_free(gpointer data)
{
	struct rn_static *fixed = data;

	g_free((char *)fixed->name);
	g_free((char *)fixed->gateway);
	g_free(fixed);
}

struct rn_pools *rn_pools_new(void)
{
	struct rn_pools *pools = g_new0(struct rn_pools, 1);

	pools->pools = g_ptr_array_new_with_free_func(pool_free);
	pools->spans = g_array_new(FALSE, FALSE, sizeof(struct span));
	pools->endpoints = g_hash_table_new_full(public_hash, public_equal, NULL, g_free);
	rn_heap_init(&pools->quarantine);
	pools->statics = g_ptr_array_new_with_free_func(static_free);
	pools->static_vms = g_hash_table_new(private_hash, private_equal);
	pools->static_pubs = g_hash_table_new(public_hash, public_equal);
	return pools;
}

void rn_pools_free(struct rn_pools *pools)
{
	if (!pools)
		return;
	rn_heap_uninit(&pools->quarantine);
	g_hash_table_unref(pools->static_vms);
	g_hash_table_unref(pools->static_pubs);
	g_ptr_array_unref(pools->statics);
	g_hash_table_unref(pools->endpoints);
	g_array_unref(pools->spans);
	g_ptr_array_unref(pools->pools);
	g_free(pools);
}

static int span_compare(gconstpointer a, gconstpointer b)
{
	const struct span *x = a, *y = b;

	if (x->prefix.addr.len != y->prefix.addr.len)
		return x->prefix.addr.len < y->prefix.addr.len ? -1 : 1;
	return rn_addr_compare(&x->prefix.addr, &y->prefix.addr);
}

/* The last span that begins at or before addr, if it contains addr. */
static const struct span *span_lookup(const struct rn_pools *pools, const struct rn_addr *addr)
{
	const struct span key = { .prefix = { .addr = *addr } };
	guint lo = 0, hi = pools->spans->len;
	const struct span *span;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;

		if (span_compare(&g_array_index(pools->spans, struct span, mid), &key) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	span = &g_array_index(pools->spans, struct span, lo - 1);
	if (span->prefix.addr.len != addr->len || !rn_prefix_contains(&span->prefix, addr))
		return NULL;
	return span;
}

static gboolean prefixes_overlap(const struct rn_prefix *a, const struct rn_prefix *b)
{
	return a->addr.len == b->addr.len &&
	       (rn_prefix_contains(a, &b->addr) || rn_prefix_contains(b, &a->addr));
}

static gboolean spans_add(struct rn_pools *pools, struct rn_pool *pool, GError **error)
{
	for (gsize i = 0; i < pool->spec.n_prefixes; i++) {
		struct span span = { pool->spec.prefixes[i], pool };
		char text[RN_ADDR_TEXT];

		for (guint j = 0; j < pools->spans->len; j++) {
			const struct span *other = &g_array_index(pools->spans, struct span, j);

			if (!prefixes_overlap(&span.prefix, &other->prefix))
				continue;
			g_set_error(error, RN_POOL_ERROR, 0,
				    "pool %s: %s/%u overlaps a prefix of pool %s: an address belongs to one pool, take it out of one of them",
				    pool->spec.name, rn_addr_print(&span.prefix.addr, text),
				    span.prefix.len, other->pool->spec.name);
			return FALSE;
		}
		g_array_append_val(pools->spans, span);
	}
	g_array_sort(pools->spans, span_compare);
	return TRUE;
}

static gboolean block_spec_valid(const struct rn_pool_spec *spec, GError **error)
{
	uint32_t size = spec->block_size, end = spec->port_hi + 1u;

	if (!rn_block_valid(spec->port_lo, size) || end < spec->port_lo + size || end % size) {
		g_set_error(error, RN_POOL_ERROR, 0,
			    "pool %s: %u-%u is no row of blocks of %u ports: block-size is a power of two, and both the first port and the one behind the last are multiples of it",
			    spec->name, spec->port_lo, spec->port_hi, size);
		return FALSE;
	}
	return TRUE;
}

static gboolean port_spec_valid(const struct rn_pool_spec *spec, GError **error)
{
	uint64_t addresses = 0;

	for (gsize i = 0; i < spec->n_prefixes; i++) {
		if (spec->prefixes[i].addr.len != 4) {
			g_set_error(error, RN_POOL_ERROR, 0,
				    "pool %s: IPv6 has address mappings only: take kind=address",
				    spec->name);
			return FALSE;
		}
		addresses += rn_pool_prefix_size(&spec->prefixes[i]);
		if (addresses > RN_POOL_PORT_ADDRESSES) {
			g_set_error(error, RN_POOL_ERROR, 0,
				    "pool %s: a pool of ports has at most %d addresses: take longer prefixes or several pools",
				    spec->name, RN_POOL_PORT_ADDRESSES);
			return FALSE;
		}
	}
	if (spec->kind == RN_KIND_BLOCK)
		return block_spec_valid(spec, error);
	if (spec->port_lo > spec->port_hi || !spec->protocols) {
		g_set_error(error, RN_POOL_ERROR, 0,
			    "pool %s: a port pool needs ports LOW-HIGH and a protocol",
			    spec->name);
		return FALSE;
	}
	return TRUE;
}

gboolean rn_pools_add(struct rn_pools *pools, const struct rn_pool_spec *spec, GError **error)
{
	struct rn_pool *pool = g_new0(struct rn_pool, 1);

	pool->spec = *spec;
	pool->spec.name = g_strdup(spec->name);
	pool->spec.prefixes = g_memdup2(spec->prefixes, spec->n_prefixes * sizeof(*spec->prefixes));
	pool->spec.zones = g_memdup2(spec->zones, spec->n_zones * sizeof(*spec->zones));
	pool->spec.exclude = g_memdup2(spec->exclude, spec->n_exclude * sizeof(*spec->exclude));
	pool->exclude = g_hash_table_new(rn_pool_addr_hash, rn_pool_addr_equal);
	for (gsize i = 0; i < spec->n_exclude; i++)
		g_hash_table_add(pool->exclude, (void *)&pool->spec.exclude[i]);
	g_ptr_array_add(pools->pools, pool);

	if (spec->kind != RN_KIND_ADDRESS && !port_spec_valid(spec, error))
		return FALSE;
	if (!spans_add(pools, pool, error))
		return FALSE;
	pool->kind = spec->kind == RN_KIND_PORT ? &rn_pool_kind_port :
		     spec->kind == RN_KIND_BLOCK ? &rn_pool_kind_block : &rn_pool_kind_address;
	pool->state = pool->kind->new(&pool->spec, pool->exclude);
	pool->counts.total = pool->kind->total(pool->state);
	return TRUE;
}

static unsigned int protocol_bit(uint8_t proto)
{
	switch (proto) {
	case 6:
		return RN_POOL_TCP;
	case 17:
		return RN_POOL_UDP;
	case 1:
	case 58:
		return RN_POOL_ICMP;
	}
	return 0;
}

static gboolean pool_has(const struct rn_pool *pool, const struct rn_public *pub)
{
	if (g_hash_table_contains(pool->exclude, &pub->addr))
		return FALSE;
	if (pool->spec.kind == RN_KIND_ADDRESS)
		return pub->proto == 0 && pub->port == 0;
	if (pool->spec.kind == RN_KIND_BLOCK)
		return !pub->proto && pub->ports == pool->spec.block_size &&
		       !(pub->port % pub->ports) && pub->port >= pool->spec.port_lo &&
		       pub->port <= pool->spec.port_hi;
	return (pool->spec.protocols & protocol_bit(pub->proto)) &&
	       pub->port >= pool->spec.port_lo && pub->port <= pool->spec.port_hi;
}

const struct rn_pool *rn_pools_lookup(const struct rn_pools *pools, const struct rn_public *pub)
{
	const struct span *span = span_lookup(pools, &pub->addr);

	return span && pool_has(span->pool, pub) ? span->pool : NULL;
}

char *rn_pools_misfit(const struct rn_pools *pools, const struct rn_public *pub)
{
	const struct span *span = span_lookup(pools, &pub->addr);
	const struct rn_pool_spec *spec = span ? &span->pool->spec : NULL;
	char text[RN_SIDE_TEXT];

	if (!spec || spec->kind != RN_KIND_BLOCK || pool_has(span->pool, pub) ||
	    g_hash_table_contains(span->pool->exclude, &pub->addr))
		return NULL;
	return g_strdup_printf("%s is in use, and [pool %s] has blocks of %u ports in %u-%u: give another prefix to that pool, or the old values until it is released",
			       rn_public_print(pub, text), spec->name, spec->block_size,
			       spec->port_lo, spec->port_hi);
}

static gboolean pool_serves(const struct rn_pool *pool, const struct rn_private *vm)
{
	if (pool->spec.kind != vm->kind || pool->spec.prefixes[0].addr.len != vm->addr.len)
		return FALSE;
	if (vm->kind == RN_KIND_PORT && !(pool->spec.protocols & protocol_bit(vm->proto)))
		return FALSE;
	for (gsize i = 0; i < pool->spec.n_zones; i++)
		if (pool->spec.zones[i] == vm->zone)
			return TRUE;
	return pool->spec.n_zones == 0;
}

static gboolean reserve_fails(GError **error, const struct rn_static *fixed, const char *what)
{
	char vm[RN_SIDE_TEXT], pub[RN_SIDE_TEXT];

	g_set_error(error, RN_POOL_ERROR, 0, "static %s: %s for %s: %s", fixed->name,
		    rn_public_print(&fixed->pub, pub), rn_private_print(&fixed->vm, vm), what);
	return FALSE;
}

gboolean rn_pools_reserve(struct rn_pools *pools, const struct rn_static *fixed, GError **error)
{
	const struct span *span = span_lookup(pools, &fixed->pub.addr);
	struct rn_pool *pool = span ? span->pool : NULL;
	struct rn_static *copy;

	if (!pool || pool->spec.kind != fixed->vm.kind)
		return reserve_fails(error, fixed,
				     "in no pool of that kind: add its prefix to one");
	if (g_hash_table_contains(pool->exclude, &fixed->pub.addr))
		return reserve_fails(error, fixed,
				     "the pool excludes it: take it out of exclude=, static keeps others from it too");
	if (!pool_has(pool, &fixed->pub))
		return reserve_fails(error, fixed,
				     "the pool does not have that port or protocol");
	if (g_hash_table_contains(pools->static_vms, &fixed->vm) ||
	    g_hash_table_contains(pools->static_pubs, &fixed->pub))
		return reserve_fails(error, fixed,
				     "one of the two is another [static]'s already: keep one");
	copy = g_memdup2(fixed, sizeof(*fixed));
	copy->name = g_strdup(fixed->name);
	copy->gateway = g_strdup(fixed->gateway);
	g_ptr_array_add(pools->statics, copy);
	g_hash_table_insert(pools->static_vms, &copy->vm, copy);
	g_hash_table_insert(pools->static_pubs, &copy->pub, copy);
	/* Never picked for another, and never given back. */
	pool->kind->use(pool->state, &copy->pub);
	return TRUE;
}

const struct rn_static *rn_pools_static(const struct rn_pools *pools, const struct rn_private *vm)
{
	return g_hash_table_lookup(pools->static_vms, vm);
}

const GPtrArray *rn_pools_statics(const struct rn_pools *pools)
{
	return pools->statics;
}

/* Its own, unless another VM has it from before it was static. */
static const struct rn_pool *pick_static(struct rn_pools *pools, const struct rn_static *fixed,
					 const struct rn_public *earlier, struct rn_public *pub,
					 const char **why)
{
	const struct endpoint *used = g_hash_table_lookup(pools->endpoints, &fixed->pub);

	if (used && (!used->node.index || !earlier || !rn_public_equal(earlier, &fixed->pub))) {
		*why = "its static public side is still another VM's, or in quarantine after that "
		       "one: release it there, or wait";
		return NULL;
	}
	*pub = fixed->pub;
	return rn_pools_lookup(pools, pub);
}

/* The pool, and its address, that vm has to keep to. */
static const struct rn_pool *find_paired(const struct rn_pools *pools,
					 const struct rn_private *vm, const struct rn_addr **addr)
{
	for (guint i = 0; i < pools->pools->len; i++) {
		const struct rn_pool *pool = pools->pools->pdata[i];

		if (!pool->kind->paired || pool->spec.kind != vm->kind)
			continue;
		*addr = pool->kind->paired(pool->state, vm);
		if (*addr)
			return pool;
	}
	return NULL;
}

const struct rn_pool *rn_pools_pick(struct rn_pools *pools, const struct rn_private *vm,
				    const struct rn_public *earlier, int64_t wall,
				    struct rn_public *pub, const char **why)
{
	const struct rn_pool *last = earlier ? rn_pools_lookup(pools, earlier) : NULL;
	const struct rn_addr *addr = NULL;
	const struct rn_pool *paired = find_paired(pools, vm, &addr);

	const struct rn_static *fixed = rn_pools_static(pools, vm);

	rn_pools_expire(pools, wall);
	if (fixed)
		return pick_static(pools, fixed, earlier, pub, why);
	if (last && g_hash_table_contains(pools->static_pubs, earlier))
		last = NULL;
	if (last && pool_serves(last, vm) && (!addr || rn_addr_equal(addr, &earlier->addr))) {
		const struct endpoint *used = g_hash_table_lookup(pools->endpoints, earlier);

		if (!used || used->node.index) {
			*pub = *earlier;
			return last;
		}
	}
	*why = "no pool serves this zone, kind, protocol and address family: "
	       "add one to controller.conf";
	for (guint i = 0; i < pools->pools->len; i++) {
		struct rn_pool *pool = pools->pools->pdata[i];

		if (!pool_serves(pool, vm) || (paired && paired != pool))
			continue;
		if (pool->kind->pick(pool->state, vm, pub))
			return pool;
		*why = paired ?
		       "all blocks of the VM's public address are in use or in quarantine" :
		       "every pool that serves this zone is in use or in quarantine: enlarge one";
	}
	return NULL;
}

static void heap_leave(struct rn_pools *pools, struct endpoint *ep)
{
	if (!ep->node.index)
		return;
	rn_heap_remove(&pools->quarantine, &ep->node);
	ep->pool->counts.quarantined--;
}

void rn_pools_grant(struct rn_pools *pools, const struct rn_public *pub,
		    const struct rn_private *vm)
{
	struct rn_pool *pool = (struct rn_pool *)rn_pools_lookup(pools, pub);
	struct endpoint *ep;

	if (!pool)
		return;
	ep = g_hash_table_lookup(pools->endpoints, pub);
	if (ep && !ep->node.index)
		return;
	if (ep) {
		heap_leave(pools, ep);
	} else {
		ep = g_new0(struct endpoint, 1);
		ep->pub = *pub;
		ep->pool = pool;
		g_hash_table_insert(pools->endpoints, &ep->pub, ep);
		pool->kind->use(pool->state, pub);
	}
	pool->counts.granted++;
	pool->kind->pair(pool->state, pub, vm, 1);
}

void rn_pools_quarantine(struct rn_pools *pools, const struct rn_public *pub,
			 const struct rn_private *vm, int64_t until)
{
	struct rn_pool *pool = (struct rn_pool *)rn_pools_lookup(pools, pub);
	struct endpoint *ep;

	if (!pool)
		return;
	ep = g_hash_table_lookup(pools->endpoints, pub);
	if (!ep) {
		/* In quarantine when the controller started. */
		rn_pools_grant(pools, pub, vm);
		ep = g_hash_table_lookup(pools->endpoints, pub);
	}
	if (!ep->node.index) {
		pool->counts.granted--;
		pool->counts.quarantined++;
		pool->kind->pair(pool->state, pub, vm, -1);
	}
	rn_heap_set(&pools->quarantine, &ep->node, until);
}

void rn_pools_expire(struct rn_pools *pools, int64_t wall)
{
	struct rn_heap_node *node;

	while ((node = rn_heap_first(&pools->quarantine)) && node->due <= wall) {
		struct endpoint *ep = (struct endpoint *)((char *)node -
							  G_STRUCT_OFFSET(struct endpoint, node));

		heap_leave(pools, ep);
		if (!g_hash_table_contains(pools->static_pubs, &ep->pub))
			ep->pool->kind->give(ep->pool->state, &ep->pub);
		g_hash_table_remove(pools->endpoints, &ep->pub);
	}
}

guint rn_pools_count(const struct rn_pools *pools)
{
	return pools->pools->len;
}

const struct rn_pool *rn_pools_nth(const struct rn_pools *pools, guint n)
{
	return pools->pools->pdata[n];
}

const struct rn_pool_spec *rn_pool_spec(const struct rn_pool *pool)
{
	return &pool->spec;
}

struct rn_pool_counts rn_pool_counts(const struct rn_pool *pool)
{
	return pool->counts;
}
