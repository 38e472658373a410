// SPDX-License-Identifier: GPL-2.0
#include "agent/family.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/family.h>
#include <netlink/genl/genl.h>
#include "agent/genl.h"
#include "base/log.h"

struct agent_family {
	char *name;
	struct nl_sock *ask;
	struct nl_sock *events;
	guint source;
	void (*changed)(int family, void *data);
	void *data;
};

static void on_event(struct nlmsghdr *hdr, void *data)
{
	struct agent_family *family = data;
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	struct genlmsghdr *genl;

	if (hdr->nlmsg_type != GENL_ID_CTRL || !genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_parse(hdr, 0, tb, CTRL_ATTR_MAX, NULL) < 0)
		return;
	if (!tb[CTRL_ATTR_FAMILY_NAME] || !tb[CTRL_ATTR_FAMILY_ID] ||
	    nla_strcmp(tb[CTRL_ATTR_FAMILY_NAME], family->name))
		return;
	genl = genlmsg_hdr(hdr);
	if (genl->cmd == CTRL_CMD_NEWFAMILY)
		family->changed(nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]), family->data);
	else if (genl->cmd == CTRL_CMD_DELFAMILY)
		family->changed(0, family->data);
}

/* By reading the list: asking by name would load a module that an
 * administrator has just removed.
 */
static int find_in_list(struct agent_family *family)
{
	struct genl_family *found;
	struct nl_cache *cache;
	int id = 0;

	if (genl_ctrl_alloc_cache(family->ask, &cache) < 0)
		return 0;
	found = genl_ctrl_search_by_name(cache, family->name);
	if (found) {
		id = (int)genl_family_get_id(found);
		genl_family_put(found);
	}
	nl_cache_free(cache);
	return id;
}

static gboolean readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			 gpointer data)
{
	struct agent_family *family = data;

	if (!agent_genl_drain(family->events, on_event, family)) {
		rn_debug("lost notifications about netlink families; reading their list");
		family->changed(find_in_list(family), family->data);
	}
	return G_SOURCE_CONTINUE;
}

struct agent_family *agent_family_new(const char *name,
				      void (*changed)(int family, void *data), void *data,
				      GError **error)
{
	struct agent_family *family = g_new0(struct agent_family, 1);
	int group, err;

	family->name = g_strdup(name);
	family->changed = changed;
	family->data = data;
	family->ask = agent_genl_open(NETLINK_GENERIC, error);
	if (!family->ask)
		goto failed;
	family->events = agent_genl_open(NETLINK_GENERIC, error);
	if (!family->events)
		goto failed;

	group = genl_ctrl_resolve_grp(family->ask, "nlctrl", "notify");
	err = group < 0 ? group : nl_socket_add_membership(family->events, group);
	if (err < 0) {
		g_set_error(error, AGENT_KERNEL_ERROR, EIO,
			    "netlink: cannot watch the families: %s", nl_geterror(err));
		goto failed;
	}
	nl_socket_set_nonblocking(family->events);
	family->source = g_unix_fd_add(nl_socket_get_fd(family->events), G_IO_IN, readable,
				       family);
	return family;

failed:
	agent_family_free(family);
	return NULL;
}

int agent_family_resolve(struct agent_family *family)
{
	int id = genl_ctrl_resolve(family->ask, family->name);

	return MAX(id, 0);
}

int agent_family_group(struct agent_family *family, const char *group)
{
	return genl_ctrl_resolve_grp(family->ask, family->name, group);
}

void agent_family_free(struct agent_family *family)
{
	if (!family)
		return;
	g_clear_handle_id(&family->source, g_source_remove);
	nl_socket_free(family->events);
	nl_socket_free(family->ask);
	g_free(family->name);
	g_free(family);
}
