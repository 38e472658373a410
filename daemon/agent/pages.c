// SPDX-License-Identifier: GPL-2.0
#include "agent/pages.h"

static void pages_free(struct agent_call *base)
{
	struct agent_pages *pages = (struct agent_pages *)base;

	g_clear_handle_id(&pages->source, g_source_remove);
	g_array_unref(pages->items);
	g_free(pages);
}

static gboolean go_on(gpointer data)
{
	struct agent_pages *pages = data;
	guint end = MIN(pages->next + AGENT_PAGE, pages->items->len);
	gboolean last = end == pages->items->len;

	if (!pages->send(pages, end, last)) {
		pages->source = 0;	/* `drained` goes on */
		return G_SOURCE_REMOVE;
	}
	pages->next = end;
	if (!last)
		return G_SOURCE_CONTINUE;
	pages->source = 0;
	pages_free(&pages->base);
	return G_SOURCE_REMOVE;
}

static void drained(struct agent_call *base)
{
	struct agent_pages *pages = (struct agent_pages *)base;

	if (!pages->source)
		pages->source = g_idle_add(go_on, pages);
}

struct agent_pages *agent_pages_new(struct agent_api *api, struct rn_control_call *call,
				    guint item_size,
				    gboolean (*send)(const struct agent_pages *pages, guint end,
						     gboolean last))
{
	struct agent_pages *pages = g_new0(struct agent_pages, 1);

	pages->base = (struct agent_call) { call, drained, pages_free };
	pages->api = api;
	pages->items = g_array_new(FALSE, FALSE, item_size);
	pages->send = send;
	return pages;
}

void agent_pages_begin(struct agent_pages *pages)
{
	rn_control_set_user(pages->base.call, pages);
	drained(&pages->base);
}
