// SPDX-License-Identifier: GPL-2.0
#include "agent/fast.h"

#include <net/if.h>
#include "base/log.h"

struct agent_fast {
	char **names;
	guint n;
	struct agent_kernel *kernel;
	uint32_t *ifindex;	/* of each name as applied, 0 absent */
	gboolean applied;
};

/* Looks the names up; true if any is another interface than before. */
static gboolean resolve(struct agent_fast *fast)
{
	gboolean changed = FALSE;

	for (guint i = 0; i < fast->n; i++) {
		guint now = if_nametoindex(fast->names[i]);

		if (!now && (fast->ifindex[i] || !fast->applied))
			rn_warn("[fast]: there is no interface %s; it gets the fast path when it appears",
				fast->names[i]);
		changed |= now != fast->ifindex[i];
		fast->ifindex[i] = now;
	}
	return changed;
}

void agent_fast_apply(struct agent_fast *fast, gboolean anyway)
{
	g_autofree uint32_t *there = g_new(uint32_t, fast->n + 1);
	g_autoptr(GError) error = NULL;
	size_t n = 0;

	if (!resolve(fast) && !anyway)
		return;
	fast->applied = TRUE;
	if (agent_kernel_missing(fast->kernel))
		return;		/* it is applied anyway when that is there */
	for (guint i = 0; i < fast->n; i++)
		if (fast->ifindex[i])
			there[n++] = fast->ifindex[i];
	/* One that goes away in between is the next event. */
	if (!agent_kernel_fast_set(fast->kernel, there, n, &error))
		rn_err("the interfaces of the fast path were not changed: %s", error->message);
	else if (fast->n)
		rn_info("%zu interfaces have the fast path", n);
}

void agent_fast_forget(struct agent_fast *fast, guint ifindex)
{
	for (guint i = 0; i < fast->n; i++)
		if (fast->ifindex[i] == ifindex)
			fast->ifindex[i] = 0;
}

struct agent_fast *agent_fast_new(const struct agent_config *config, struct agent_kernel *kernel)
{
	struct agent_fast *fast = g_new0(struct agent_fast, 1);

	fast->names = config->fast;
	fast->n = g_strv_length(config->fast);
	fast->kernel = kernel;
	fast->ifindex = g_new0(uint32_t, fast->n + 1);
	return fast;
}

void agent_fast_free(struct agent_fast *fast)
{
	if (!fast)
		return;
	g_free(fast->ifindex);
	g_free(fast);
}
