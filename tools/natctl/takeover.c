// SPDX-License-Identifier: GPL-2.0
/*
 * natctl takeover: the source is silent. Without "fenced" the controller waits
 * until the source's lease ends or it registers anew; with it the operator
 * asserts that the source is off, which must be true (docs/protocol.md, P14).
 */
#include <string.h>
#include "migrate.h"

/* The source may stand without its keyword: an address is a VM, else a gateway. */
static void take_source(struct rn_args *args, struct rn_selector *selector)
{
	const char *word = rn_args_peek(args);

	if (!word || !strcmp(word, "private") || !strcmp(word, "gateway") || !strcmp(word, "to") ||
	    !strcmp(word, "zone"))
		return;
	if (rn_args_side(word, &selector->private, NULL)) {
		selector->proto = selector->private.proto;
		rn_args_next(args);
		return;
	}
	memset(&selector->private, 0, sizeof(selector->private));
	selector->gateway = rn_args_next(args);
}

static gboolean parse(struct rn_args *args, struct rn_selector *selector, RnRequest *request,
		      GError **error)
{
	gboolean taken;

	take_source(args, selector);
	while (rn_args_peek(args)) {
		if (rn_args_take(args, "to")) {
			request->to = (char *)rn_args_value(args, "to", error);
			if (!request->to)
				return FALSE;
		} else if (rn_args_take(args, "fenced")) {
			request->fenced = TRUE;
			if (!rn_migrate_take_reason(args, "fenced", &request->reason, error))
				return FALSE;
		} else if (rn_args_take(args, "force")) {
			request->force = TRUE;
			/* One reason does for both. */
			if ((!*request->reason || !strcmp(rn_args_peek(args) ?: "", "reason")) &&
			    !rn_migrate_take_reason(args, "force", &request->reason, error))
				return FALSE;
		} else {
			if (!rn_args_selector_word(args, selector, &taken, error))
				return FALSE;
			if (!taken)
				return rn_args_end(args, error);
		}
	}
	return TRUE;
}

static gboolean check(const struct rn_selector *selector, const RnRequest *request, GError **error)
{
	const char *text = NULL;

	if (!selector->gateway == !selector->private.addr.len)
		text = "takeover: of what? Give a dead GATEWAY, or the private address of one VM";
	else if (!*request->to)
		text = "takeover: to which gateway? Say \"to GATEWAY\"";
	else if (selector->gateway && !strcmp(selector->gateway, request->to))
		text = "takeover: source and destination are the same gateway";
	if (!text)
		return TRUE;
	g_set_error_literal(error, RN_NATCTL_ERROR, RN_EXIT_USAGE, text);
	return FALSE;
}

static gboolean takeover_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_selector selector = { 0 };
	g_autofree char *name = NULL;
	struct rn_show_selector pb;
	char text[RN_SIDE_TEXT];

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__TAKEOVER;
	request.cause = RN_CAUSE_DEAD;
	if (!parse(args, &selector, &request, error) || !check(&selector, &request, error) ||
	    !rn_migrate_check_wait(ctl, error))
		return FALSE;
	if (ctl->until_ready) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "takeover: a dead source hands nothing over, so nobody is ready before it is done");
		return FALSE;
	}
	request.selector = rn_show_selector_init(&pb, &selector);
	name = g_strdup_printf("takeover %s to %s", selector.gateway ? selector.gateway :
			       rn_args_side_print(&selector.private, text), request.to);
	return rn_migrate_call(ctl, &request, name, error);
}

static const struct rn_command commands[] = {
	{ "takeover", takeover_run, RN_FLAG_WAIT | RN_FLAG_NO_WAIT },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_takeover = {
	.name = "takeover",
	.commands = commands,
	.bare = TRUE,
	.usage =
		"natctl takeover { GATEWAY | private A[:PORT][/PROTO] [ zone N ] } to GATEWAY\n"
		"                  [ fenced reason TEXT ] [ force reason TEXT ] [ --wait | --no-wait ]\n",
};
