// SPDX-License-Identifier: GPL-2.0
#include "agent/route.h"

#include <net/if.h>
#include "agent/announce.h"
#include "agent/counters.h"
#include "agent/garp.h"
#include "agent/rtnl.h"
#include "agent/sysctl.h"
#include "agent/timer.h"
#include "base/log.h"

#define SINK		"roamnat-sink"
#define RETRY_MIN	1000	/* ms, until the kernel's routes are compared again */
#define RETRY_MAX	60000

struct agent_route {
	const struct agent_config *config;
	struct agent_announce *announce;
	struct agent_rtnl *rtnl;
	struct agent_garp *garp;	/* NULL: no neighbours */
	struct agent_timer *linger;
	struct agent_timer *retry;
	int64_t retry_ms;
	guint pump, sync;		/* sources of the next turn */
	int refused;			/* errno that was told last */
	char *trouble;			/* of sysctls, that was told last; or NULL */
	gboolean started;
	gboolean compared;		/* with the kernel, once at least */
	gboolean unread;		/* the last comparison failed */
	gboolean neighbours;
	gboolean *up;			/* per group: its uplink */
};

static const struct agent_announce_config *group_of(const struct agent_route *route, guint i)
{
	return route->config->announces->pdata[i];
}

/* ---- requests ---- */

static void rearm(struct agent_route *route)
{
	agent_timer_set(route->linger, agent_announce_due(route->announce));
	if (route->garp)
		agent_garp_rearm(route->garp);
	if (!agent_announce_blocked(route->announce)) {
		route->retry_ms = 0;
		route->refused = 0;
		return;
	}
	if (route->retry_ms)
		return;
	route->retry_ms = RETRY_MIN;
	agent_timer_set(route->retry, agent_timer_now() + route->retry_ms);
}

static gboolean pump_now(gpointer data)
{
	struct agent_route *route = data;

	if (agent_rtnl_pump(route->rtnl))
		return G_SOURCE_CONTINUE;
	route->pump = 0;
	rearm(route);
	return G_SOURCE_REMOVE;
}

static void pump_soon(struct agent_route *route)
{
	if (route->started && !route->pump)
		route->pump = g_idle_add_full(G_PRIORITY_DEFAULT, pump_now, route, NULL);
}

static gboolean on_next(struct agent_announce_op *op, void *data)
{
	struct agent_route *route = data;

	return agent_announce_next(route->announce, op);
}

static void on_done(const struct agent_announce_op *op, int err, void *data)
{
	struct agent_route *route = data;
	char text[RN_ADDR_TEXT];

	/* Of many with one reason, the first. */
	if (err && op->add && err != route->refused) {
		rn_warn("%s %s is not announced: the kernel says: %s; trying again",
			op->key.object == AGENT_OBJECT_PROXY ? "neighbour" : "route",
			rn_addr_print(&op->key.addr, text), g_strerror(err));
		route->refused = err;
	}
	agent_announce_done(route->announce, op, err, agent_timer_now());
}

/* ---- comparing with the kernel ---- */

static void found(const struct agent_announce_key *key, void *data)
{
	struct agent_route *route = data;

	agent_announce_found(route->announce, key);
}

static gboolean sync_now(gpointer data)
{
	struct agent_route *route = data;
	g_autoptr(GError) error = NULL;

	agent_rtnl_news(route->rtnl);
	route->sync = 0;
	agent_announce_sync_begin(route->announce);
	/* The first time also what an earlier configuration answered for. */
	route->unread = !agent_rtnl_dump(route->neighbours || !route->compared, found, route,
					 &error);
	if (route->unread) {
		rn_err("the kernel's routes were not read: %s; trying again", error->message);
		route->retry_ms = CLAMP(route->retry_ms * 2, RETRY_MIN, RETRY_MAX);
		agent_timer_set(route->retry, agent_timer_now() + route->retry_ms);
		return G_SOURCE_REMOVE;
	}
	route->compared = TRUE;
	agent_announce_sync_end(route->announce, agent_timer_now());
	pump_soon(route);
	return G_SOURCE_REMOVE;
}

static void sync_soon(struct agent_route *route)
{
	if (route->started && !route->sync)
		route->sync = g_idle_add_full(G_PRIORITY_DEFAULT, sync_now, route, NULL);
}

static void retry_due(void *data)
{
	struct agent_route *route = data;

	if (!agent_announce_blocked(route->announce) && !route->unread)
		return;
	/* Doubled as long as something is refused; rearm ends it. */
	route->retry_ms = CLAMP(route->retry_ms * 2, RETRY_MIN, RETRY_MAX);
	agent_timer_set(route->retry, agent_timer_now() + route->retry_ms);
	sync_soon(route);
}

static void on_lost(void *data)
{
	struct agent_route *route = data;

	agent_counters_add(AGENT_ROUTE_OVERRUNS, 1);
	agent_announce_forget(route->announce);
	sync_soon(route);
}

static void on_overrun(void *data)
{
	struct agent_route *route = data;

	agent_counters_add(AGENT_ROUTE_OVERRUNS, 1);
	sync_soon(route);
}

static void on_gone(const struct agent_announce_key *key, void *data)
{
	struct agent_route *route = data;
	char text[RN_ADDR_TEXT];

	rn_debug("the route of %s was deleted by somebody else",
		 rn_addr_print(&key->addr, text));
	agent_announce_gone(route->announce, key);
	pump_soon(route);
}

static void on_foreign(const struct rn_addr *addr, void *data)
{
	struct agent_route *route = data;

	if (!addr || agent_announce_knows(route->announce, addr))
		sync_soon(route);
}

/* ---- interfaces ---- */

static void say_uplink(const struct agent_announce_config *config, uint32_t before, uint32_t now)
{
	if (!now)
		rn_warn("[announce %s]: there is no interface %s; nobody on its wire is answered",
			config->name, config->interface);
	else if (now != before)
		rn_info("[announce %s]: interface %s has index %u", config->name,
			config->interface, now);
}

/* TRUE: its entries have to be looked at again; the kernel forgets them with the link. */
static gboolean look_at(struct agent_route *route, guint i, uint32_t sink)
{
	const struct agent_announce_config *config = group_of(route, i);
	uint32_t before = agent_announce_uplink(route->announce, i), now;
	g_autoptr(GError) error = NULL;

	if (config->kind != AGENT_ANNOUNCE_NEIGHBOUR)
		return FALSE;
	now = if_nametoindex(config->interface);
	if (now != before || !route->started)
		say_uplink(config, before, now);
	agent_announce_set_links(route->announce, i, now, sink);
	if (now && now != before && !agent_rtnl_answer_at_once(route->rtnl, now, &error))
		rn_warn("[announce %s]: neighbours are answered late: %s", config->name,
			error->message);
	return now != before;
}

/* What the kernel is not set up for, once for each thing that is wrong. */
static void say_sysctls(struct agent_route *route)
{
	g_autofree char *trouble = agent_sysctl_trouble(route->config->announces, AGENT_SYSCTLS);

	if (trouble && g_strcmp0(trouble, route->trouble))
		rn_warn("%s", trouble);
	g_free(route->trouble);
	route->trouble = g_steal_pointer(&trouble);
}

static void look_at_all(struct agent_route *route)
{
	g_autoptr(GError) error = NULL;
	uint32_t sink = 0;

	if (!route->neighbours)
		return;
	sink = agent_rtnl_sink(route->rtnl, SINK, &error);
	if (!sink)
		rn_err("the interface " SINK " could not be made, so no ARP is answered: %s",
		       error->message);
	for (guint i = 0; i < route->config->announces->len; i++)
		look_at(route, i, sink);
	say_sysctls(route);
}

static void on_link(uint32_t ifindex, uint32_t flags, void *data)
{
	struct agent_route *route = data;
	gboolean changed = FALSE;
	uint32_t sink;

	if (!route->neighbours)
		return;
	sink = if_nametoindex(SINK);
	changed = sink == ifindex && !(flags & IFF_UP);
	for (guint i = 0; i < route->config->announces->len; i++) {
		changed |= look_at(route, i, sink);
		if (agent_announce_uplink(route->announce, i) != ifindex)
			continue;
		/* Down: the entries are gone. Up: neighbours may be others. */
		if (route->up[i] != ((flags & IFF_RUNNING) != 0)) {
			route->up[i] = (flags & IFF_RUNNING) != 0;
			changed = TRUE;
			if (route->up[i])
				agent_route_again(route);
		}
	}
	if (changed) {
		if (route->started)
			look_at_all(route);
		sync_soon(route);
	}
}

static const struct agent_rtnl_ops rtnl_ops = {
	.next = on_next,
	.done = on_done,
	.lost = on_lost,
	.gone = on_gone,
	.foreign = on_foreign,
	.link = on_link,
	.overrun = on_overrun,
};

/* ---- from above ---- */

void agent_route_entered(struct agent_route *route, struct agent_entry *entry)
{
	gboolean urgent;

	agent_rtnl_answers(route->rtnl);
	urgent = agent_announce_entered(route->announce, entry, agent_timer_now());
	if (urgent && route->started)
		agent_rtnl_pump(route->rtnl);
	agent_timer_set(route->linger, agent_announce_due(route->announce));
	if (agent_announce_waiting(route->announce))
		pump_soon(route);
}

static void linger_due(void *data)
{
	struct agent_route *route = data;

	agent_announce_time(route->announce, agent_timer_now());
	agent_timer_set(route->linger, agent_announce_due(route->announce));
	pump_soon(route);
}

void agent_route_start(struct agent_route *route)
{
	if (route->started)
		return;
	look_at_all(route);
	route->started = TRUE;
	sync_now(route);
}

void agent_route_again(struct agent_route *route)
{
	if (!route->garp)
		return;
	agent_announce_again(route->announce, agent_timer_now());
	agent_garp_rearm(route->garp);
}

guint agent_route_count(const struct agent_route *route, guint *refused)
{
	*refused = agent_announce_blocked(route->announce);
	return agent_announce_count(route->announce);
}

void agent_route_each(const struct agent_route *route,
		      void (*each)(const struct agent_announce_view *view, void *data),
		      void *data)
{
	agent_announce_each(route->announce, agent_timer_now(), each, data);
}

struct agent_route *agent_route_new(const struct agent_config *config, GError **error)
{
	struct agent_route *route = g_new0(struct agent_route, 1);

	route->config = config;
	route->up = g_new0(gboolean, config->announces->len + 1);
	for (guint i = 0; i < config->announces->len; i++) {
		const struct agent_announce_config *group = config->announces->pdata[i];

		route->neighbours |= group->kind == AGENT_ANNOUNCE_NEIGHBOUR;
	}
	route->announce = agent_announce_new(config->announces);
	route->linger = agent_timer_new(linger_due, route);
	route->retry = agent_timer_new(retry_due, route);
	route->rtnl = agent_rtnl_new(config->announces->len > 0, &rtnl_ops, route, error);
	if (route->rtnl && route->neighbours)
		route->garp = agent_garp_new(config->announces, route->announce, error);
	if (route->rtnl && (route->garp || !route->neighbours))
		return route;
	agent_route_free(route);
	return NULL;
}

void agent_route_free(struct agent_route *route)
{
	if (!route)
		return;
	g_clear_handle_id(&route->pump, g_source_remove);
	g_clear_handle_id(&route->sync, g_source_remove);
	if (route->started && route->rtnl) {
		agent_announce_time(route->announce, INT64_MAX);
		while (agent_rtnl_pump(route->rtnl))
			;
	}
	agent_garp_free(route->garp);
	agent_rtnl_free(route->rtnl);
	agent_timer_free(route->retry);
	agent_timer_free(route->linger);
	agent_announce_free(route->announce);
	g_free(route->trouble);
	g_free(route->up);
	g_free(route);
}
