// SPDX-License-Identifier: GPL-2.0
#include "agent/inside.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <string.h>
#include "agent/fast.h"
#include "base/log.h"

struct agent_inside {
	const struct agent_config *config;
	struct agent_kernel *kernel;
	struct agent_forward *forward;	/* depends on interfaces too */
	struct agent_fast *fast;	/* and so does this */
	struct nl_sock *links;
	guint source;
	guint later;		/* applies once for many events of one turn */
	guint *ifindex;		/* per group as applied, 0 absent */
	gboolean applied;
};

static void say(const struct agent_inside_config *group, guint before, guint now, gboolean first)
{
	if (!now && (before || first))
		rn_warn("[inside %s]: there is no interface %s; its prefixes are translated when it appears",
			group->name, group->interface);
	else if (now && now != before)
		rn_info("[inside %s]: interface %s has index %u", group->name, group->interface,
			now);
}

/* Of the interface and the zone of the group, whatever its prefixes. */
static void append_excludes(const struct agent_inside_config *group, guint ifindex,
			    GArray *prefixes)
{
	for (gsize j = 0; j < group->n_excludes; j++) {
		struct agent_kmsg_prefix exclude = {
			.ifindex = ifindex,
			.prefix = group->excludes[j],
			.zone = group->zone,
			.exclude = true,
		};

		g_array_append_val(prefixes, exclude);
	}
}

static GArray *prefixes_of(struct agent_inside *inside)
{
	GArray *prefixes = g_array_new(FALSE, TRUE, sizeof(struct agent_kmsg_prefix));

	for (guint i = 0; i < inside->config->insides->len; i++) {
		const struct agent_inside_config *group = inside->config->insides->pdata[i];

		for (gsize j = 0; inside->ifindex[i] && j < group->n_prefixes; j++) {
			struct agent_kmsg_prefix prefix = {
				.ifindex = inside->ifindex[i],
				.prefix = group->prefixes[j],
				.zone = group->zone,
				.kind = group->kind,
				.idle_ms = group->idle_ms,
				.mark = group->mark,
				.mark_mask = group->mark_mask,
			};

			g_array_append_val(prefixes, prefix);
		}
		if (inside->ifindex[i])
			append_excludes(group, inside->ifindex[i], prefixes);
	}
	return prefixes;
}

/* Looks the names up; true if any is another interface than before. */
static gboolean resolve(struct agent_inside *inside)
{
	gboolean changed = FALSE;

	for (guint i = 0; i < inside->config->insides->len; i++) {
		const struct agent_inside_config *group = inside->config->insides->pdata[i];
		guint now = if_nametoindex(group->interface);

		say(group, inside->ifindex[i], now, !inside->applied);
		changed |= now != inside->ifindex[i];
		inside->ifindex[i] = now;
	}
	return changed;
}

static void apply(struct agent_inside *inside, gboolean anyway)
{
	g_autoptr(GArray) prefixes = NULL;
	g_autoptr(GError) error = NULL;

	if (!resolve(inside) && inside->applied && !anyway)
		return;
	inside->applied = TRUE;
	if (agent_kernel_missing(inside->kernel))
		return;		/* agent_inside_apply follows when it is there */
	prefixes = prefixes_of(inside);
	if (agent_kernel_inside_set(inside->kernel, (void *)prefixes->data, prefixes->len,
				    &error)) {
		rn_info("%u inside prefixes and excluded destinations are in force", prefixes->len);
		return;
	}
	rn_err("inside prefixes were not changed: %s", error->message);
	/* An interface went away in between: its event is on the way. */
	inside->applied = FALSE;
}

void agent_inside_apply(struct agent_inside *inside)
{
	apply(inside, TRUE);
	agent_forward_apply(inside->forward, TRUE);
	agent_fast_apply(inside->fast, TRUE);
}

static gboolean apply_later(gpointer data)
{
	struct agent_inside *inside = data;

	inside->later = 0;
	apply(inside, FALSE);
	agent_forward_apply(inside->forward, FALSE);
	agent_fast_apply(inside->fast, FALSE);
	return G_SOURCE_REMOVE;
}

static void on_link(struct nlmsghdr *hdr, void *data)
{
	struct agent_inside *inside = data;
	const struct ifinfomsg *link;

	if ((hdr->nlmsg_type != RTM_NEWLINK && hdr->nlmsg_type != RTM_DELLINK) ||
	    !nlmsg_valid_hdr(hdr, sizeof(*link)))
		return;
	/* The kernel forgot its prefixes, also if one of the same name and
	 * index takes its place at once.
	 */
	link = nlmsg_data(hdr);
	for (guint i = 0; hdr->nlmsg_type == RTM_DELLINK && i < inside->config->insides->len; i++)
		if ((int)inside->ifindex[i] == link->ifi_index)
			inside->applied = FALSE;
	if (hdr->nlmsg_type == RTM_DELLINK)
		agent_fast_forget(inside->fast, link->ifi_index);
	/* After the netlink queue is empty, so that a burst costs one look-up. */
	if (!inside->later)
		inside->later = g_idle_add(apply_later, inside);
}

static gboolean readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			 gpointer data)
{
	struct agent_inside *inside = data;

	if (!agent_genl_drain(inside->links, on_link, inside) && !inside->later)
		inside->later = g_idle_add(apply_later, inside);
	return G_SOURCE_CONTINUE;
}

struct agent_inside *agent_inside_new(const struct agent_config *config,
				      struct agent_kernel *kernel,
				      struct agent_forward *forward, GError **error)
{
	struct agent_inside *inside = g_new0(struct agent_inside, 1);
	int err;

	inside->config = config;
	inside->kernel = kernel;
	inside->forward = forward;
	inside->fast = agent_fast_new(config, kernel);
	inside->ifindex = g_new0(guint, config->insides->len + 1);
	inside->links = agent_genl_open(NETLINK_ROUTE, error);
	if (!inside->links)
		goto failed;
	err = nl_socket_add_membership(inside->links, RTNLGRP_LINK);
	if (err < 0) {
		g_set_error(error, AGENT_KERNEL_ERROR, EIO,
			    "netlink: cannot watch the interfaces: %s", nl_geterror(err));
		goto failed;
	}
	nl_socket_set_nonblocking(inside->links);
	inside->source = g_unix_fd_add(nl_socket_get_fd(inside->links), G_IO_IN, readable, inside);
	return inside;

failed:
	agent_inside_free(inside);
	return NULL;
}

void agent_inside_free(struct agent_inside *inside)
{
	if (!inside)
		return;
	g_clear_handle_id(&inside->later, g_source_remove);
	g_clear_handle_id(&inside->source, g_source_remove);
	nl_socket_free(inside->links);
	agent_fast_free(inside->fast);
	g_free(inside->ifindex);
	g_free(inside);
}
