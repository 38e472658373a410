// SPDX-License-Identifier: GPL-2.0
/*
 * natctl mapping: what this gateway's kernel translates, or what a daemon knows.
 */
#include <string.h>
#include "client.h"

static void print_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	const struct rn_selector *selector = data;
	struct rn_show view;

	for (size_t i = 0; i < reply->n_mappings; i++) {
		rn_show_from_reply(&view, reply->mappings[i]);
		if (!selector->epoch || selector->epoch == view.epoch)
			rn_show_print(ctl, &view);
	}
}

static gboolean show_daemon(struct natctl *ctl, enum rn_daemon daemon,
			    struct rn_selector *selector, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_show_selector pb;

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__MAPPING_LIST;
	request.selector = rn_show_selector_init(&pb, selector);
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	return rn_client_call(ctl, daemon, &request, FALSE, print_reply, selector, error);
}

static gboolean show_kernel(struct natctl *ctl, const struct rn_selector *selector, GError **error)
{
	g_autoptr(GArray) mappings = g_array_new(FALSE, FALSE, sizeof(struct rn_kernel_mapping));
	struct rn_kernel *kernel = rn_kernel_open(error);
	struct rn_show view;
	gboolean torn, ok;

	if (!kernel)
		return FALSE;
	ok = rn_kernel_mappings(kernel, selector, mappings, &torn, error);
	rn_kernel_free(kernel);
	if (!ok)
		return FALSE;
	for (guint i = 0; i < mappings->len; i++) {
		rn_show_from_kernel(&view, &g_array_index(mappings, struct rn_kernel_mapping, i));
		rn_show_print(ctl, &view);
	}
	if (torn)
		rn_natctl_note(ctl, "the table changed while it was read; what came or went meanwhile may be missing or old");
	return TRUE;
}

static gboolean mapping_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	struct rn_selector selector = { 0 };

	if (!rn_args_selector(args, &selector, error))
		return FALSE;
	if (ctl->server)
		return show_daemon(ctl, RN_DAEMON_ANY, &selector, error);
	/* A machine without the module can only be asked for its controller. */
	if (!rn_kernel_present() && rn_client_socket_exists(ctl, RN_DAEMON_CONTROLLER))
		return show_daemon(ctl, RN_DAEMON_CONTROLLER, &selector, error);
	if (selector.gateway || selector.pool) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "the kernel knows no owner, gateway or pool: ask the controller with -S unix:%s",
			    rn_client_path(ctl, RN_DAEMON_CONTROLLER));
		return FALSE;
	}
	return show_kernel(ctl, &selector, error);
}

/* How the user named it, for errors. */
static char *selector_name(const struct rn_selector *s)
{
	char public[RN_SIDE_TEXT], private[RN_SIDE_TEXT], proto[8];
	GString *name = g_string_new("mapping");

	rn_args_side_print(&s->public, public);
	rn_args_side_print(&s->private, private);
	if (*public)
		g_string_append_printf(name, " %s", public);
	if (*private)
		g_string_append_printf(name, " private %s", private);
	if (s->proto)
		g_string_append_printf(name, " proto %s", rn_proto_name(s->proto, proto));
	if (s->has_zone)
		g_string_append_printf(name, " zone %u", s->zone);
	if (s->id)
		g_string_append_printf(name, " id %" G_GUINT64_FORMAT, s->id);
	return g_string_free(name, FALSE);
}

static gboolean need_selector(const struct rn_selector *selector, const char *command,
			      GError **error)
{
	if (selector->public.addr.len || selector->private.addr.len || selector->id)
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
		    "mapping %s: name one mapping by its public or private address, or its id",
		    command);
	return FALSE;
}

static gboolean del_one(struct natctl *ctl, struct rn_kernel *kernel,
			const struct rn_selector *selector, GError **error)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct rn_kernel_mapping));
	g_autofree char *name = selector_name(selector);
	const struct rn_kernel_mapping *m;
	struct rn_show view;
	gboolean torn;

	if (!rn_kernel_mappings(kernel, selector, found, &torn, error))
		return FALSE;
	if (!found->len && ctl->flags & RN_FLAG_IF_EXISTS)
		return TRUE;
	if (found->len != 1) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_REFUSED,
			    found->len ? "%s: %u mappings are meant; name zone, port or id to leave one"
				       : "%s: this gateway's kernel has no such mapping",
			    name, found->len);
		return FALSE;
	}
	m = &g_array_index(found, struct rn_kernel_mapping, 0);
	rn_show_from_kernel(&view, m);
	rn_show_print(ctl, &view);
	if (rn_kernel_mapping_del(kernel, m->id, m->epoch, error))
		return TRUE;
	g_prefix_error(error, "%s: ", name);
	return FALSE;
}

/* Local, and of this moment: the controller's record stays, and with it the
 * address; the next packet gets the mapping back.
 */
static gboolean mapping_del(struct natctl *ctl, struct rn_args *args, GError **error)
{
	struct rn_selector selector = { 0 };
	struct rn_kernel *kernel;
	gboolean ok;

	if (!rn_args_selector(args, &selector, error) || !need_selector(&selector, "del", error))
		return FALSE;
	if (selector.gateway || selector.pool) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "mapping del is about this machine's kernel, which knows no gateway or pool");
		return FALSE;
	}
	kernel = rn_kernel_open(error);
	if (!kernel)
		return FALSE;
	ok = del_one(ctl, kernel, &selector, error);
	rn_kernel_free(kernel);
	return ok;
}

static gboolean mapping_release(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_selector selector = { 0 };
	g_autoptr(GError) reason = NULL;
	g_autofree char *name = NULL;
	struct rn_show_selector pb;

	if (!rn_args_selector(args, &selector, error) ||
	    !need_selector(&selector, "release", error))
		return FALSE;
	name = selector_name(&selector);
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__MAPPING_RELEASE;
	request.selector = rn_show_selector_init(&pb, &selector);
	request.wait = TRUE;
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT_WAIT;
	if (rn_client_call(ctl, RN_DAEMON_AGENT, &request, TRUE, print_reply, &selector,
			   &reason)) {
		if (!ctl->json)
			rn_client_print_result(ctl, "released", NULL);
		return TRUE;
	}
	if (ctl->flags & RN_FLAG_IF_EXISTS && reason->code == RN_EXIT_REFUSED)
		return TRUE;
	g_propagate_prefixed_error(error, g_steal_pointer(&reason), "%s: ", name);
	return FALSE;
}

static const struct rn_command commands[] = {
	{ "show", mapping_show, 0 },
	{ "list", mapping_show, 0 },
	{ "del", mapping_del, RN_FLAG_IF_EXISTS },
	{ "release", mapping_release, RN_FLAG_IF_EXISTS },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_mapping = {
	.name = "mapping",
	.commands = commands,
	.usage =
		"natctl mapping { show | list } [ SELECTOR ]\n"
		"       natctl mapping { del | release } SELECTOR [ --if-exists ]\n"
		"       SELECTOR := [ [ public ] A[:PORT|:FIRST-LAST][/PROTO] ]\n"
		"                   [ private A[:PORT][/PROTO] ] [ block N ]\n"
		"                   [ zone N ] [ proto P ] [ gateway GW ] [ pool POOL ] [ state S ]\n"
		"                   [ id N ] [ epoch N ]\n",
};
