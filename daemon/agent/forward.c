// SPDX-License-Identifier: GPL-2.0
#include "agent/forward.h"

#include <net/if.h>
#include <string.h>
#include "base/log.h"

struct agent_forward {
	const struct agent_config *config;
	struct agent_kernel *kernel;
	guint *ifindex;		/* per group as applied, 0 absent */
	gboolean applied;
};

static const struct agent_forward_config *group_of(const struct agent_forward *forward, guint i)
{
	return forward->config->forwards->pdata[i];
}

/* Looks the names up; true if any is another device than before. */
static gboolean resolve(struct agent_forward *forward)
{
	gboolean changed = FALSE;

	for (guint i = 0; i < forward->config->forwards->len; i++) {
		const struct agent_forward_config *group = group_of(forward, i);
		guint now = if_nametoindex(group->device);

		if (!now && (forward->ifindex[i] || !forward->applied))
			rn_warn("[forward %s]: there is no interface %s; late packets for %s are dropped until it appears",
				group->name, group->device, group->gateway);
		changed |= now != forward->ifindex[i];
		forward->ifindex[i] = now;
	}
	return changed;
}

void agent_forward_apply(struct agent_forward *forward, gboolean anyway)
{
	g_autoptr(GArray) ways = g_array_new(FALSE, TRUE, sizeof(struct agent_kmsg_way));
	g_autoptr(GError) error = NULL;

	if (!resolve(forward) && !anyway)
		return;
	forward->applied = TRUE;
	if (agent_kernel_missing(forward->kernel))
		return;		/* it is applied anyway when that is there */
	for (guint i = 0; i < forward->config->forwards->len; i++) {
		const struct agent_forward_config *group = group_of(forward, i);
		struct agent_kmsg_way way = {
			.number = i + 1, .ifindex = forward->ifindex[i], .zone = group->zone,
			.any_zone = group->any_zone, .hop = group->hop, .hop6 = group->hop6,
		};

		if (way.ifindex)
			g_array_append_val(ways, way);
	}
	if (!agent_kernel_forward_set(forward->kernel, (void *)ways->data, ways->len, &error))
		rn_err("ways to other gateways were not changed: %s", error->message);
	else if (forward->config->forwards->len)
		rn_info("%u ways to other gateways are in force", ways->len);
}

uint32_t agent_forward_way(const struct agent_forward *forward, const char *gateway,
			   uint32_t zone)
{
	uint32_t any = 0;

	for (guint i = 0; gateway && i < forward->config->forwards->len; i++) {
		const struct agent_forward_config *group = group_of(forward, i);

		if (!forward->ifindex[i] || strcmp(group->gateway, gateway))
			continue;
		if (group->any_zone)
			any = i + 1;
		else if (group->zone == zone)
			return i + 1;
	}
	return any;
}

struct agent_forward *agent_forward_new(const struct agent_config *config,
					struct agent_kernel *kernel)
{
	struct agent_forward *forward = g_new0(struct agent_forward, 1);

	forward->config = config;
	forward->kernel = kernel;
	forward->ifindex = g_new0(guint, config->forwards->len + 1);
	return forward;
}

void agent_forward_free(struct agent_forward *forward)
{
	if (!forward)
		return;
	g_free(forward->ifindex);
	g_free(forward);
}
