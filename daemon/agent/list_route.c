// SPDX-License-Identifier: GPL-2.0
/*
 * ROUTE_LIST: what is announced, as it was when the call began; a part in a turn of the
 * loop, the next one when the client has room.
 */
#include "agent/api_priv.h"

#define PART	256		/* routes; far below RN_FRAME_MAX */

typedef Roamnat__Control__V1__Route RnRoute;

struct list {
	struct agent_call base;
	struct agent_api *api;
	GArray *views;		/* struct agent_announce_view */
	guint next;
	guint source;		/* the next part */
};

static void list_free(struct agent_call *base)
{
	struct list *list = (struct list *)base;

	g_clear_handle_id(&list->source, g_source_remove);
	g_array_unref(list->views);
	g_free(list);
}

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

static void fill(const struct list *list, const struct agent_announce_view *view, RnRoute *route,
		 char *text)
{
	const struct agent_announce_config *config =
		list->api->config->announces->pdata[view->group];

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

/* False: no room; nothing was sent. */
static gboolean send_part(struct list *list)
{
	guint n = MIN(PART, list->views->len - list->next);
	g_autofree RnRoute *routes = g_new(RnRoute, n);
	g_autofree RnRoute **pointers = g_new(RnRoute *, n);
	g_autofree char *texts = g_malloc(n * RN_ADDR_TEXT);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	for (guint i = 0; i < n; i++) {
		fill(list, &g_array_index(list->views, struct agent_announce_view, list->next + i),
		     &routes[i], texts + i * RN_ADDR_TEXT);
		pointers[i] = &routes[i];
	}
	reply.n_routes = n;
	reply.routes = pointers;
	reply.last = list->next + n == list->views->len;
	if (!rn_control_reply(list->base.call, &reply))
		return FALSE;
	list->next += n;
	return TRUE;
}

static gboolean go_on(gpointer data)
{
	struct list *list = data;
	guint before = list->next;

	if (!send_part(list)) {
		list->source = 0;	/* `drained` goes on */
		return G_SOURCE_REMOVE;
	}
	if (list->next < list->views->len && list->next > before)
		return G_SOURCE_CONTINUE;
	list->source = 0;
	list_free(&list->base);
	return G_SOURCE_REMOVE;
}

static void list_drained(struct agent_call *base)
{
	struct list *list = (struct list *)base;

	if (!list->source)
		list->source = g_idle_add(go_on, list);
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
	struct list *list = g_new0(struct list, 1);

	list->base = (struct agent_call) { call, list_drained, list_free };
	list->api = api;
	list->views = g_array_new(FALSE, FALSE, sizeof(struct agent_announce_view));
	agent_route_each(api->route, add, list->views);
	g_array_sort(list->views, compare);
	rn_control_set_user(call, list);
	list_drained(&list->base);
}
