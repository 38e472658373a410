// SPDX-License-Identifier: GPL-2.0
/*
 * MAPPING_LIST: which entries is decided at once, what they look like when
 * their part goes out. A part per turn of the loop, the next one when the client
 * has room.
 */
#include <linux/roamnat.h>
#include "agent/api_priv.h"

#define PART	256		/* mappings; far below RN_FRAME_MAX */

struct list {
	struct agent_call base;
	struct agent_api *api;
	GArray *vms;		/* struct rn_private */
	guint next;
	guint source;		/* the next part */
};

static void list_free(struct agent_call *base)
{
	struct list *list = (struct list *)base;

	g_clear_handle_id(&list->source, g_source_remove);
	g_array_unref(list->vms);
	g_free(list);
}

/* The timer of an active mapping runs in the kernel. */
static void read_timer(struct agent_api *api, const struct agent_entry *entry, RnMapping *mapping)
{
	struct agent_kmsg_mapping now;

	if (entry->own.state != OWN_GW_ACTIVE ||
	    !agent_kernel_mapping_get(api->kernel, entry->own.id, &now, NULL))
		return;
	mapping->preset_ms = now.timer.preset;
	mapping->elapsed_ms = now.timer.elapsed;
	mapping->remaining_ms = now.timer.remaining;
}

/* False: no room; nothing was sent. */
static gboolean send_part(struct list *list)
{
	g_autoptr(GPtrArray) part = g_ptr_array_new_with_free_func(agent_select_mapping_free);
	struct agent_table *table = agent_core_table(list->api->core);
	guint end = MIN(list->next + PART, list->vms->len);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	for (guint i = list->next; i < end; i++) {
		const struct agent_entry *entry = agent_entry_lookup(table,
				&g_array_index(list->vms, struct rn_private, i));
		RnMapping *mapping;

		if (!entry)
			continue;
		mapping = agent_api_mapping(list->api, entry);
		read_timer(list->api, entry, mapping);
		g_ptr_array_add(part, mapping);
	}
	reply.n_mappings = part->len;
	reply.mappings = (RnMapping **)part->pdata;
	reply.last = end == list->vms->len;
	if (!rn_control_reply(list->base.call, &reply))
		return FALSE;
	list->next = end;
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
	if (list->next < list->vms->len && list->next > before)
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

void agent_list_begin(struct agent_api *api, struct rn_control_call *call,
		      const struct agent_select *select)
{
	struct agent_table *table = agent_core_table(api->core);
	gboolean ours = !select->gateway || !g_strcmp0(select->gateway, api->config->name);
	struct list *list = g_new0(struct list, 1);

	list->base = (struct agent_call) { call, list_drained, list_free };
	list->api = api;
	list->vms = g_array_new(FALSE, FALSE, sizeof(struct rn_private));
	for (guint i = 0; ours && i < agent_entry_count(table); i++) {
		const struct agent_entry *entry = agent_entry_at(table, i);

		if (agent_select_match(select, entry))
			g_array_append_val(list->vms, entry->own.vm);
	}
	rn_control_set_user(call, list);
	list_drained(&list->base);
}
