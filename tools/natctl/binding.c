// SPDX-License-Identifier: GPL-2.0
/*
 * natctl binding: which private port has which public port of a block, as this
 * gateway's kernel has it. Nobody else knows: no daemon is asked for them.
 */
#include <linux/roamnat.h>
#include "kernel.h"
#include "natctl.h"

struct shown {
	struct natctl *ctl;
	const struct rn_selector *selector;
	GHashTable *blocks;	/* by id: struct rn_kernel_mapping */
};

/* Of a side that names a port; a row of ports names the block. */
static gboolean wanted(const struct rn_side *side, guint16 port)
{
	return !side->port || side->ports || side->port == port;
}

static void print_binding(const struct rn_kernel_binding *b, void *data)
{
	struct shown *shown = data;
	const struct rn_selector *s = shown->selector;
	const struct rn_kernel_mapping *m = g_hash_table_lookup(shown->blocks, &b->id);
	struct rn_print *print = shown->ctl->print;
	const char *state = rn_kernel_binding_state_to_string(b->state);
	char side[RN_SIDE_TEXT], proto[8];

	if (!m || !wanted(&s->public, b->public_port) || !wanted(&s->private, b->private_port) ||
	    (s->proto && s->proto != b->proto) || (s->state && g_strcmp0(s->state, state)))
		return;
	rn_print_open(print);
	rn_print_string(print, NULL, "protocol", rn_proto_name(b->proto, proto));
	rn_print_string(print, NULL, "public",
			rn_side_print(&m->public.addr, b->public_port, 0, side));
	rn_print_string(print, "private", "private",
			rn_side_print(&m->private.addr, b->private_port, 0, side));
	rn_print_uint(print, "zone", "zone", m->private.zone);
	rn_print_uint(print, "block", "block", m->private.port);
	rn_print_string(print, "state", "state", state);
	rn_print_ms(print, "elapsed", "elapsed_ms", b->elapsed);
	rn_print_ms(print, "remaining", "remaining_ms", b->remaining);
	rn_print_flag(print, "many-remotes", "many_remotes", b->many_remotes);
	if (b->remotes)
		rn_print_uint(print, "remotes", "remotes", b->remotes);
	rn_print_uint(print, shown->ctl->details ? "id" : RN_PRINT_JSON_ONLY, "id", b->id);
	rn_print_close(print);
}

static gboolean show(struct natctl *ctl, const struct rn_selector *selector,
		     struct rn_kernel *kernel, GError **error)
{
	g_autoptr(GArray) mappings = g_array_new(FALSE, FALSE, sizeof(struct rn_kernel_mapping));
	g_autoptr(GHashTable) blocks = g_hash_table_new(g_int64_hash, g_int64_equal);
	struct shown shown = { ctl, selector, blocks };
	struct rn_selector of = *selector;
	gboolean torn;
	guint64 id, last = 0;

	/* These are of the bindings, not of the block. */
	of.state = NULL;
	of.proto = 0;
	of.private.port = 0;
	if (!rn_kernel_mappings(kernel, &of, mappings, &torn, error))
		return FALSE;
	for (guint i = 0; i < mappings->len; i++) {
		struct rn_kernel_mapping *m = &g_array_index(mappings, struct rn_kernel_mapping, i);

		if (m->private.kind != RN_KIND_BLOCK)
			continue;
		last = m->id;
		g_hash_table_insert(blocks, &m->id, m);
	}
	if (!g_hash_table_size(blocks))
		return TRUE;
	/* One dump of all costs less than one for each. */
	id = g_hash_table_size(blocks) == 1 ? last : 0;
	return rn_kernel_bindings(kernel, id, print_binding, &shown, error);
}

static gboolean binding_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	struct rn_selector selector = { 0 };
	struct rn_kernel *kernel;
	gboolean ok;

	if (!rn_args_selector(args, &selector, error))
		return FALSE;
	if (ctl->server || selector.gateway || selector.pool) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "bindings are in the kernel of the gateway that translates: ask there, without -S, gateway and pool");
		return FALSE;
	}
	kernel = rn_kernel_open(error);
	if (!kernel)
		return FALSE;
	ok = show(ctl, &selector, kernel, error);
	rn_kernel_free(kernel);
	return ok;
}

static const struct rn_command commands[] = {
	{ "show", binding_show, 0 },
	{ "list", binding_show, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_binding = {
	.name = "binding",
	.commands = commands,
	.usage =
		"natctl binding { show | list } [ SELECTOR ]\n"
		"       SELECTOR := [ [ public ] A[:PORT|:FIRST-LAST][/PROTO] ]\n"
		"                   [ private A[:PORT] ] [ zone N ] [ block N ] [ proto P ]\n"
		"                   [ state S ] [ id N ]\n",
};
