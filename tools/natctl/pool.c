// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "client.h"

struct wanted {
	const char *name;	/* NULL: all */
	guint shown;
};

static void print_pool(struct natctl *ctl, const Roamnat__Control__V1__Pool *p)
{
	struct rn_print *print = ctl->print;

	rn_print_open(print);
	rn_print_string(print, NULL, "name", p->name);
	rn_print_string(print, "prefix", "prefix", p->prefix);
	rn_print_string(print, "kind", "kind", p->kind);
	rn_print_string(print, "ports", "ports", p->ports);
	rn_print_uint(print, "total", "total", p->total);
	rn_print_uint(print, "granted", "granted", p->granted);
	rn_print_uint(print, "quarantined", "quarantined", p->quarantined);
	rn_print_uint(print, "free", "free", p->free);
	rn_print_close(print);
}

static void print_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	struct wanted *wanted = data;

	for (size_t i = 0; i < reply->n_pools; i++) {
		if (wanted->name && strcmp(wanted->name, reply->pools[i]->name))
			continue;
		print_pool(ctl, reply->pools[i]);
		wanted->shown++;
	}
}

static gboolean pool_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_selector selector = { .pool = rn_args_next(args) };
	struct wanted wanted = { .name = selector.pool };
	struct rn_show_selector pb;

	if (!rn_args_end(args, error))
		return FALSE;
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__POOL_LIST;
	request.selector = rn_show_selector_init(&pb, &selector);
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	if (!rn_client_call(ctl, RN_DAEMON_CONTROLLER, &request, FALSE, print_reply, &wanted,
			    error))
		return FALSE;
	if (wanted.shown || !wanted.name)
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_REFUSED,
		    "pool %s is not in the controller's configuration", wanted.name);
	return FALSE;
}

static const struct rn_command commands[] = {
	{ "show", pool_show, 0 },
	{ "list", pool_show, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_pool = {
	.name = "pool",
	.commands = commands,
	.usage = "natctl pool { show | list } [ NAME ]\n",
};
