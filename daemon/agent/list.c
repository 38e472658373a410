// SPDX-License-Identifier: GPL-2.0
/*
 * MAPPING_LIST: which entries is decided at once, what they look like when
 * their page goes out.
 */
#include <linux/roamnat.h>
#include "agent/pages.h"

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

/* Of the VMs (struct rn_private) that still have a mapping. */
static gboolean send_page(const struct agent_pages *pages, guint end, gboolean last)
{
	g_autoptr(GPtrArray) page = g_ptr_array_new_with_free_func(agent_select_mapping_free);
	struct agent_table *table = agent_core_table(pages->api->core);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	for (guint i = pages->next; i < end; i++) {
		const struct agent_entry *entry = agent_entry_lookup(table,
				&g_array_index(pages->items, struct rn_private, i));
		RnMapping *mapping;

		if (!entry)
			continue;
		mapping = agent_api_mapping(pages->api, entry);
		read_timer(pages->api, entry, mapping);
		g_ptr_array_add(page, mapping);
	}
	reply.n_mappings = page->len;
	reply.mappings = (RnMapping **)page->pdata;
	reply.last = last;
	return rn_control_reply(pages->base.call, &reply);
}

void agent_list_begin(struct agent_api *api, struct rn_control_call *call,
		      const struct agent_select *select)
{
	struct agent_table *table = agent_core_table(api->core);
	gboolean ours = !select->gateway || !g_strcmp0(select->gateway, api->config->name);
	struct agent_pages *pages = agent_pages_new(api, call, sizeof(struct rn_private),
						    send_page);

	for (guint i = 0; ours && i < agent_entry_count(table); i++) {
		const struct agent_entry *entry = agent_entry_at(table, i);

		if (agent_select_match(select, entry))
			g_array_append_val(pages->items, entry->own.vm);
	}
	agent_pages_begin(pages);
}
