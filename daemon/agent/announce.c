// SPDX-License-Identifier: GPL-2.0
#include "agent/announce.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include "agent/counters.h"

/* Where the kernel puts an IPv6 route that names none. */
#define METRIC6_DEFAULT	1024

/* What a mapping's state means for its address. */
enum level {
	LEVEL_NONE,
	LEVEL_KEEPS,	/* frozen: a route that is there stays */
	LEVEL_HOLDS,	/* the kernel translates */
};

struct group {
	const struct agent_announce_config *config;
	uint32_t uplink, sink;	/* interfaces, 0 absent */
	GQueue lingering;	/* struct agent_address, by due */
};

struct object {
	gboolean has;		/* in the kernel */
	gboolean busy;		/* a request is under way */
	gboolean blocked;	/* the last one was refused */
	guint seen;		/* generation of the last sync that found it */
};

struct agent_address {
	struct rn_addr addr;
	guint group;
	guint holds, keeps;	/* mappings */
	int64_t due;		/* lingering: when it ends */
	GList linger;		/* in its group's queue if data is set */
	GList dirty;		/* in announce->dirty if data is set */
	struct object objects[AGENT_OBJECT_MAX + 1];
	struct agent_unasked_item unasked;
};

struct agent_announce {
	struct group *groups;
	guint n_groups;
	GHashTable *addresses;	/* rn_addr in the address -> address */
	GQueue dirty;		/* addresses that may want a request */
	GQueue stale;		/* struct agent_announce_key to be deleted */
	struct agent_unasked *unasked;
	guint generation;
	guint there, blocked;
};

static guint addr_hash(gconstpointer key)
{
	return rn_addr_hash(key);
}

static gboolean addr_equal(gconstpointer a, gconstpointer b)
{
	return rn_addr_equal(a, b);
}

struct agent_announce *agent_announce_new(const GPtrArray *configs)
{
	struct agent_announce *announce = g_new0(struct agent_announce, 1);

	announce->n_groups = configs->len;
	announce->groups = g_new0(struct group, configs->len + 1);
	for (guint i = 0; i < configs->len; i++)
		announce->groups[i].config = configs->pdata[i];
	announce->addresses = g_hash_table_new_full(addr_hash, addr_equal, NULL, g_free);
	announce->unasked = agent_unasked_new(configs);
	return announce;
}

void agent_announce_free(struct agent_announce *announce)
{
	if (!announce)
		return;
	g_hash_table_unref(announce->addresses);
	g_queue_clear_full(&announce->stale, g_free);
	agent_unasked_free(announce->unasked);
	g_free(announce->groups);
	g_free(announce);
}

void agent_announce_set_links(struct agent_announce *announce, guint group, uint32_t uplink,
			      uint32_t sink)
{
	announce->groups[group].uplink = uplink;
	announce->groups[group].sink = sink;
}

guint agent_announce_uplink(const struct agent_announce *announce, guint group)
{
	return announce->groups[group].uplink;
}

struct agent_unasked *agent_announce_unasked(struct agent_announce *announce)
{
	return announce->unasked;
}

guint agent_announce_count(const struct agent_announce *announce)
{
	return announce->there;
}

guint agent_announce_blocked(const struct agent_announce *announce)
{
	return announce->blocked;
}

/* ---- what an address wants ---- */

static gboolean neighbours(const struct group *group)
{
	return group->config->kind == AGENT_ANNOUNCE_NEIGHBOUR;
}

/* The kernel answers ARP only for what it would send on through another interface; an
 * interface that swallows everything is that (docs/routing.md).
 */
static gboolean by_sink(const struct group *group, const struct rn_addr *addr)
{
	return neighbours(group) && addr->len == 4;
}

static gboolean wants(const struct agent_announce *announce, const struct agent_address *address,
		      enum agent_object object)
{
	const struct group *group = &announce->groups[address->group];

	if (object == AGENT_OBJECT_PROXY)
		return neighbours(group) && address->holds && group->uplink;
	if (neighbours(group))
		return address->holds && (group->sink || !by_sink(group, &address->addr));
	return address->holds || address->linger.data ||
	       (address->keeps && address->objects[object].has);
}

static void make_key(const struct agent_announce *announce, const struct agent_address *address,
		     enum agent_object object, struct agent_announce_key *key)
{
	const struct group *group = &announce->groups[address->group];

	*key = (struct agent_announce_key) { .addr = address->addr, .object = (uint8_t)object,
					     .len = (uint8_t)(address->addr.len * 8) };
	if (object == AGENT_OBJECT_PROXY) {
		key->ifindex = group->uplink;
		return;
	}
	key->type = RTN_BLACKHOLE;
	key->table = group->config->table;
	key->metric = group->config->metric;
	if (!key->metric && address->addr.len == 16)
		key->metric = METRIC6_DEFAULT;
	if (by_sink(group, &address->addr)) {
		key->type = RTN_UNICAST;
		key->ifindex = group->sink;
	}
}

static gboolean same_key(const struct agent_announce_key *a, const struct agent_announce_key *b)
{
	return rn_addr_equal(&a->addr, &b->addr) && a->len == b->len && a->object == b->object &&
	       a->type == b->type && a->table == b->table && a->metric == b->metric &&
	       a->ifindex == b->ifindex;
}

static struct agent_address *lookup(struct agent_announce *announce, const struct rn_addr *addr)
{
	return g_hash_table_lookup(announce->addresses, addr);
}

gboolean agent_announce_knows(struct agent_announce *announce, const struct rn_addr *addr)
{
	return lookup(announce, addr) != NULL;
}

/* The group with the longest prefix; n_groups: none. */
static guint group_of(const struct agent_announce *announce, const struct rn_addr *addr)
{
	guint found = announce->n_groups;
	int longest = -1;

	for (guint i = 0; i < announce->n_groups; i++) {
		const struct agent_announce_config *config = announce->groups[i].config;

		for (gsize j = 0; j < config->n_prefixes; j++)
			if ((int)config->prefixes[j].len > longest &&
			    rn_prefix_contains(&config->prefixes[j], addr)) {
				longest = config->prefixes[j].len;
				found = i;
			}
	}
	return found;
}

static struct agent_address *lookup_or_add(struct agent_announce *announce,
					   const struct rn_addr *addr, gboolean shared)
{
	struct agent_address *address = lookup(announce, addr);
	guint group = address ? address->group : group_of(announce, addr);

	if (group == announce->n_groups || (shared && !announce->groups[group].config->shared))
		return NULL;
	if (address)
		return address;
	address = g_new0(struct agent_address, 1);
	address->addr = *addr;
	address->group = group;
	address->unasked.addr = *addr;
	address->unasked.group = group;
	g_hash_table_insert(announce->addresses, &address->addr, address);
	return address;
}

/* ---- what has to be asked ---- */

static void set_has(struct agent_announce *announce, struct agent_address *address,
		    enum agent_object object, gboolean has)
{
	struct object *o = &address->objects[object];

	if (object == AGENT_OBJECT_ROUTE)
		announce->there += (guint)has - (guint)o->has;
	if (object == AGENT_OBJECT_PROXY && !has)
		agent_unasked_stop(announce->unasked, &address->unasked);
	o->has = has;
}

static void set_blocked(struct agent_announce *announce, struct object *object, gboolean blocked)
{
	announce->blocked += (guint)blocked - (guint)object->blocked;
	object->blocked = blocked;
}

/* TRUE: with *add, a request. */
static gboolean needs(const struct agent_announce *announce, const struct agent_address *address,
		      enum agent_object object, gboolean *add)
{
	const struct object *o = &address->objects[object];

	*add = wants(announce, address, object);
	return !o->busy && !o->blocked && o->has != *add;
}

/* What is added: the route first, then the answer that needs it; deleted the other
 * way round.
 */
static gboolean next_of(const struct agent_announce *announce,
			const struct agent_address *address, enum agent_object *object,
			gboolean *add)
{
	*object = AGENT_OBJECT_PROXY;
	if (needs(announce, address, *object, add) && !*add)
		return TRUE;
	*object = AGENT_OBJECT_ROUTE;
	if (needs(announce, address, *object, add))
		return TRUE;
	*object = AGENT_OBJECT_PROXY;
	return needs(announce, address, *object, add);
}

/* Nothing is left of it, neither here nor in the kernel. */
static gboolean is_over(const struct agent_address *address)
{
	for (int i = 0; i <= AGENT_OBJECT_MAX; i++)
		if (address->objects[i].has || address->objects[i].busy ||
		    address->objects[i].blocked)
			return FALSE;
	return !address->holds && !address->keeps && !address->linger.data &&
	       !address->dirty.data;
}

static void mark(struct agent_announce *announce, struct agent_address *address)
{
	enum agent_object object;
	gboolean add;

	if (address->dirty.data || !next_of(announce, address, &object, &add))
		return;
	address->dirty.data = address;
	g_queue_push_tail_link(&announce->dirty, &address->dirty);
}

/* After any change; the address may be gone on return. */
static void settle(struct agent_announce *announce, struct agent_address *address)
{
	mark(announce, address);
	if (is_over(address))
		g_hash_table_remove(announce->addresses, &address->addr);
}

gboolean agent_announce_next(struct agent_announce *announce, struct agent_announce_op *op)
{
	struct agent_announce_key *stale;
	struct agent_address *address;
	enum agent_object object;

	/* First, because it may have the place of one that is to be added. */
	stale = g_queue_pop_head(&announce->stale);
	if (stale) {
		*op = (struct agent_announce_op) { .key = *stale };
		g_free(stale);
		return TRUE;
	}
	while ((address = g_queue_peek_head(&announce->dirty))) {
		if (next_of(announce, address, &object, &op->add)) {
			address->objects[object].busy = TRUE;
			op->address = address;
			make_key(announce, address, object, &op->key);
			return TRUE;
		}
		g_queue_unlink(&announce->dirty, &address->dirty);
		address->dirty.data = NULL;
		settle(announce, address);
	}
	return FALSE;
}

gboolean agent_announce_waiting(const struct agent_announce *announce)
{
	return announce->dirty.length || announce->stale.length;
}

static void count(const struct agent_announce_op *op)
{
	if (!op->address)
		agent_counters_add(AGENT_ROUTES_STALE, 1);
	else if (op->key.object == AGENT_OBJECT_PROXY)
		agent_counters_add(op->add ? AGENT_NEIGHBOURS_ANSWERED : AGENT_NEIGHBOURS_LEFT, 1);
	else
		agent_counters_add(op->add ? AGENT_ROUTES_ANNOUNCED : AGENT_ROUTES_WITHDRAWN, 1);
}

void agent_announce_done(struct agent_announce *announce, const struct agent_announce_op *op,
			 int err, int64_t now)
{
	struct agent_address *address = op->address;
	struct object *o;

	if (!op->add && (err == ESRCH || err == ENOENT || err == ENODEV))
		err = 0;
	if (err)
		agent_counters_add(AGENT_ROUTES_FAILED, 1);
	else
		count(op);
	if (!address)
		return;
	o = &address->objects[op->key.object];
	o->busy = FALSE;
	set_blocked(announce, o, err != 0);
	if (!err) {
		set_has(announce, address, op->key.object, op->add);
		if (op->add && op->key.object == AGENT_OBJECT_PROXY)
			agent_unasked_start(announce->unasked, &address->unasked, now);
	}
	settle(announce, address);
}

/* ---- lingering ---- */

static void stop_lingering(struct agent_announce *announce, struct agent_address *address)
{
	if (!address->linger.data)
		return;
	g_queue_unlink(&announce->groups[address->group].lingering, &address->linger);
	address->linger.data = NULL;
}

static void start_lingering(struct agent_announce *announce, struct agent_address *address,
			    int64_t now)
{
	const struct object *route = &address->objects[AGENT_OBJECT_ROUTE];
	struct group *group = &announce->groups[address->group];

	if (!group->config->linger_ms || (!route->has && !route->busy))
		return;
	address->due = now + (int64_t)group->config->linger_ms;
	address->linger.data = address;
	g_queue_push_tail_link(&group->lingering, &address->linger);
}

int64_t agent_announce_due(const struct agent_announce *announce)
{
	int64_t due = INT64_MAX;

	for (guint i = 0; i < announce->n_groups; i++) {
		const struct agent_address *address =
			g_queue_peek_head(&announce->groups[i].lingering);

		if (address)
			due = MIN(due, address->due);
	}
	return due;
}

void agent_announce_time(struct agent_announce *announce, int64_t now)
{
	for (guint i = 0; i < announce->n_groups; i++) {
		struct agent_address *address;

		while ((address = g_queue_peek_head(&announce->groups[i].lingering)) &&
		       address->due <= now) {
			stop_lingering(announce, address);
			settle(announce, address);
		}
	}
}

/* ---- mappings ---- */

static enum level level_of(const struct own_gw_entry *own)
{
	switch ((enum own_gw_state)own->state) {
	case OWN_GW_ACTIVE:
		return LEVEL_HOLDS;
	case OWN_GW_MOVING_OUT:		/* until the controller has said whose it is */
	case OWN_GW_RELEASING:
		return LEVEL_KEEPS;
	case OWN_GW_NONE:
	case OWN_GW_PENDING:
	case OWN_GW_MOVING_IN:
	case OWN_GW_RESUMING:
	case OWN_GW_SUSPENDED:
		break;
	}
	return LEVEL_NONE;
}

static void count_level(struct agent_address *address, enum level level, int n)
{
	if (address && level == LEVEL_HOLDS)
		address->holds += (guint)n;
	else if (address && level == LEVEL_KEEPS)
		address->keeps += (guint)n;
}

/* TRUE: an answer to neighbours has to end before anything else is said. */
static gboolean changed(struct agent_announce *announce, struct agent_address *address,
			gboolean was_held, int64_t now)
{
	gboolean held = address->holds || address->keeps;
	gboolean urgent = !address->holds && address->objects[AGENT_OBJECT_PROXY].has;

	if (held)
		stop_lingering(announce, address);
	else if (was_held)
		start_lingering(announce, address, now);
	mark(announce, address);
	if (urgent && address->dirty.data) {
		g_queue_unlink(&announce->dirty, &address->dirty);
		g_queue_push_head_link(&announce->dirty, &address->dirty);
	}
	settle(announce, address);
	return urgent;
}

gboolean agent_announce_entered(struct agent_announce *announce, struct agent_entry *entry,
				int64_t now)
{
	enum level level = level_of(&entry->own);
	struct agent_address *before = entry->announced, *address = NULL;
	gboolean held_before, held = FALSE, urgent = FALSE;

	if (level == LEVEL_NONE && !before)
		return FALSE;
	if (level != LEVEL_NONE && entry->own.pub.addr.len)
		address = lookup_or_add(announce, &entry->own.pub.addr,
					entry->own.vm.kind != RN_KIND_ADDRESS);
	if (address == before && (!address || level == entry->announced_as))
		return FALSE;

	held_before = before && (before->holds || before->keeps);
	held = address && (address->holds || address->keeps);
	count_level(address, level, 1);
	count_level(before, entry->announced_as, -1);
	entry->announced = address;
	entry->announced_as = (uint8_t)level;
	if (address && address != before)
		urgent |= changed(announce, address, held, now);
	if (before)
		urgent |= changed(announce, before, held_before, now);
	return urgent;
}

void agent_announce_again(struct agent_announce *announce, int64_t now)
{
	struct agent_address *address;
	GHashTableIter iter;

	g_hash_table_iter_init(&iter, announce->addresses);
	while (g_hash_table_iter_next(&iter, NULL, (void **)&address))
		if (address->objects[AGENT_OBJECT_PROXY].has)
			agent_unasked_start(announce->unasked, &address->unasked, now);
}

static enum agent_announce_state state_of(const struct agent_announce *announce,
					  const struct agent_address *address)
{
	gboolean has_all = TRUE;

	for (int i = 0; i <= AGENT_OBJECT_MAX; i++) {
		if (address->objects[i].blocked)
			return AGENT_ANNOUNCE_REFUSED;
		has_all &= address->objects[i].has || !wants(announce, address, i);
	}
	if (address->linger.data)
		return AGENT_ANNOUNCE_LINGERING;
	if (!wants(announce, address, AGENT_OBJECT_ROUTE))
		return AGENT_ANNOUNCE_ENDING;
	return has_all ? AGENT_ANNOUNCE_THERE : AGENT_ANNOUNCE_COMING;
}

void agent_announce_each(struct agent_announce *announce, int64_t now,
			 void (*each)(const struct agent_announce_view *view, void *data),
			 void *data)
{
	struct agent_address *address;
	struct agent_announce_key key;
	GHashTableIter iter;

	g_hash_table_iter_init(&iter, announce->addresses);
	while (g_hash_table_iter_next(&iter, NULL, (void **)&address)) {
		struct agent_announce_view view = {
			.addr = address->addr,
			.group = address->group,
			.state = state_of(announce, address),
			.mappings = address->holds,
		};

		make_key(announce, address, AGENT_OBJECT_ROUTE, &key);
		view.table = key.table;
		view.metric = key.metric;
		if (address->linger.data)
			view.linger_ms = (uint64_t)MAX(address->due - now, 0);
		each(&view, data);
	}
}

/* ---- what the kernel has ---- */

void agent_announce_forget(struct agent_announce *announce)
{
	struct agent_address *address;
	GHashTableIter iter;

	g_hash_table_iter_init(&iter, announce->addresses);
	while (g_hash_table_iter_next(&iter, NULL, (void **)&address))
		for (int i = 0; i <= AGENT_OBJECT_MAX; i++)
			address->objects[i].busy = FALSE;
}

void agent_announce_sync_begin(struct agent_announce *announce)
{
	announce->generation++;
	g_queue_clear_full(&announce->stale, g_free);
}

/* The address whose object it is; NULL: it is none of ours, or wrong. */
static struct agent_address *owner_of(struct agent_announce *announce,
				      const struct agent_announce_key *key)
{
	struct agent_address *address = lookup(announce, &key->addr);
	struct agent_announce_key right;

	if (!address)
		return NULL;
	make_key(announce, address, key->object, &right);
	return same_key(key, &right) ? address : NULL;
}

void agent_announce_found(struct agent_announce *announce, const struct agent_announce_key *key)
{
	struct agent_address *address = owner_of(announce, key);

	if (address) {
		address->objects[key->object].seen = announce->generation;
	} else {
		struct agent_announce_key *copy = g_new(struct agent_announce_key, 1);

		*copy = *key;
		g_queue_push_tail(&announce->stale, copy);
	}
}

void agent_announce_sync_end(struct agent_announce *announce, int64_t now)
{
	struct agent_address *address;
	GHashTableIter iter;

	g_hash_table_iter_init(&iter, announce->addresses);
	while (g_hash_table_iter_next(&iter, NULL, (void **)&address)) {
		for (int i = 0; i <= AGENT_OBJECT_MAX; i++) {
			struct object *o = &address->objects[i];
			gboolean seen = o->seen == announce->generation;

			set_blocked(announce, o, FALSE);
			if (o->busy || o->has == seen)
				continue;
			if (!seen && wants(announce, address, i))
				agent_counters_add(AGENT_ROUTES_REPAIRED, 1);
			set_has(announce, address, i, seen);
		}
		mark(announce, address);
		if (is_over(address))
			g_hash_table_iter_remove(&iter);
	}
}

void agent_announce_gone(struct agent_announce *announce, const struct agent_announce_key *key)
{
	struct agent_address *address = owner_of(announce, key);
	struct object *o = address ? &address->objects[key->object] : NULL;

	if (!o || o->busy || !o->has)
		return;
	if (wants(announce, address, key->object))
		agent_counters_add(AGENT_ROUTES_REPAIRED, 1);
	set_has(announce, address, key->object, FALSE);
	settle(announce, address);
}
