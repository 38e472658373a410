// SPDX-License-Identifier: GPL-2.0
/* ROUTE_LIST: what is announced, as it was when the call began. */
#include "agent/pages.h"

typedef Roamnat__Control__V1__Route RnRoute;

static const char *state_to_string(enum agent_announce_state state)
{
	switch (state) {
	case AGENT_ANNOUNCE_THERE:
		return "announced";
	case AGENT_ANNOUNCE_COMING:
		return "coming";
	case AGENT_ANNOUNCE_LINGERING:
		return "lingering";
	case AGENT_ANNOUNCE_ENDING:
		return "ending";
	case AGENT_ANNOUNCE_REFUSED:
		return "refused";
	}
	return "";
}

static void fill(const struct agent_api *api, const struct agent_announce_view *view,
		 RnRoute *route, char *text)
{
	const struct agent_announce_config *config = api->config->announces->pdata[view->group];

	roamnat__control__v1__route__init(route);
	route->address = (char *)rn_addr_print(&view->addr, text);
	route->kind = (char *)(config->kind == AGENT_ANNOUNCE_ROUTE ? "route" : "neighbour");
	route->announce = config->name;
	route->state = (char *)state_to_string(view->state);
	route->mappings = view->mappings;
	if (config->interface)
		route->device = (char *)config->interface;
	route->table = view->table;
	route->metric = view->metric;
	route->linger_ms = view->linger_ms;
}

static gboolean send_page(const struct agent_pages *pages, guint end, gboolean last)
{
	guint n = end - pages->next;
	g_autofree RnRoute *routes = g_new(RnRoute, n);
	g_autofree RnRoute **pointers = g_new(RnRoute *, n);
	g_autofree char *texts = g_malloc(n * RN_ADDR_TEXT);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	for (guint i = 0; i < n; i++) {
		fill(pages->api, &g_array_index(pages->items, struct agent_announce_view,
						pages->next + i),
		     &routes[i], texts + i * RN_ADDR_TEXT);
		pointers[i] = &routes[i];
	}
	reply.n_routes = n;
	reply.routes = pointers;
	reply.last = last;
	return rn_control_reply(pages->base.call, &reply);
}

static void add(const struct agent_announce_view *view, void *data)
{
	GArray *views = data;

	g_array_append_val(views, *view);
}

static gint compare(gconstpointer a, gconstpointer b)
{
	const struct agent_announce_view *x = a, *y = b;

	return rn_addr_compare(&x->addr, &y->addr);
}

void agent_list_routes_begin(struct agent_api *api, struct rn_control_call *call)
{
	struct agent_pages *pages = agent_pages_new(api, call, sizeof(struct agent_announce_view),
						    send_page);

	agent_route_each(api->route, add, pages->items);
	g_array_sort(pages->items, compare);
	agent_pages_begin(pages);
}
