// SPDX-License-Identifier: GPL-2.0
/*
 * natctl migrate: the orchestrator (a person, or a script of a cloud manager)
 * tells the controller that a VM left for another gateway.
 */
#include <string.h>
#include "client.h"
#include "migrate.h"

static void print_outcome(struct natctl *ctl, const RnReply *reply, void *data)
{
	gboolean *printed = data;
	struct rn_show view;

	for (size_t i = 0; i < reply->n_events; i++)
		rn_show_event(ctl, reply->events[i], FALSE);
	for (size_t i = 0; i < reply->n_mappings; i++) {
		rn_show_from_reply(&view, reply->mappings[i]);
		rn_show_print(ctl, &view);
	}
	if (reply->text && *reply->text && !reply->n_events && !reply->n_mappings) {
		rn_client_print_result(ctl, "done", reply->text);
		*printed = TRUE;
	}
	if (reply->n_events || reply->n_mappings)
		*printed = TRUE;
}

gboolean rn_migrate_call(struct natctl *ctl, RnRequest *request, const char *name, GError **error)
{
	gboolean printed = FALSE;

	request->wait = !(ctl->flags & RN_FLAG_NO_WAIT);
	request->until_ready = request->wait && ctl->until_ready;
	request->timeout_ms = ctl->timeout_ms ? ctl->timeout_ms :
			      request->wait ? RN_CLIENT_TIMEOUT_WAIT : RN_CLIENT_TIMEOUT;
	if (!rn_client_call(ctl, RN_DAEMON_CONTROLLER, request, TRUE, print_outcome, &printed,
			    error)) {
		g_prefix_error(error, "%s: ", name);
		return FALSE;
	}
	if (!printed)
		rn_client_print_result(ctl, request->wait ? "done" : "begun", NULL);
	return TRUE;
}

gboolean rn_migrate_check_wait(const struct natctl *ctl, GError **error)
{
	if ((ctl->flags & RN_FLAG_WAIT) && (ctl->flags & RN_FLAG_NO_WAIT)) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "--wait and --no-wait exclude each other");
		return FALSE;
	}
	return TRUE;
}

gboolean rn_migrate_take_reason(struct rn_args *args, const char *keyword, char **reason,
				GError **error)
{
	const char *text;

	if (!rn_args_take(args, "reason")) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "\"%s\" wants \"reason TEXT\" after it, for the audit log", keyword);
		return FALSE;
	}
	text = rn_args_value(args, "reason", error);
	if (!text)
		return FALSE;
	*reason = (char *)text;
	return TRUE;
}

static gboolean take_cause(struct rn_args *args, guint32 *cause, GError **error)
{
	const char *word = rn_args_value(args, "cause", error);

	if (!word)
		return FALSE;
	if (!strcmp(word, "operator")) {
		*cause = RN_CAUSE_OPERATOR;
	} else if (!strcmp(word, "overload")) {
		*cause = RN_CAUSE_OVERLOAD;
	} else {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "\"cause\" is operator or overload, not \"%s\"; for a dead source use natctl takeover",
			    word);
		return FALSE;
	}
	return TRUE;
}

static gboolean parse(struct rn_args *args, struct rn_selector *selector, RnRequest *request,
		      GError **error)
{
	gboolean taken;

	/* The private address may stand without its keyword. */
	if (rn_args_peek(args) && strpbrk(rn_args_peek(args), ".:")) {
		if (!rn_args_side(rn_args_next(args), &selector->private, error))
			return FALSE;
		selector->proto = selector->private.proto;
	}
	while (rn_args_peek(args)) {
		if (rn_args_take(args, "to")) {
			request->to = (char *)rn_args_value(args, "to", error);
			if (!request->to)
				return FALSE;
		} else if (rn_args_take(args, "cause")) {
			if (!take_cause(args, &request->cause, error))
				return FALSE;
		} else if (rn_args_take(args, "force")) {
			request->force = TRUE;
			if (!rn_migrate_take_reason(args, "force", &request->reason, error))
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

/* What a migration or its cancelling is of. */
static gboolean check_vm(const struct rn_selector *selector, const char *command, GError **error)
{
	if (selector->private.addr.len || selector->public.addr.len || selector->id)
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
		    "%s: which VM? Give its private address", command);
	return FALSE;
}

static char *name_vm(const struct rn_selector *selector, const char *command)
{
	char text[RN_SIDE_TEXT];

	return g_strdup_printf("%s %s", command,
			       rn_args_side_print(selector->private.addr.len ?
						  &selector->private : &selector->public,
						  text));
}

static gboolean cancel_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_selector selector = { 0 };
	g_autofree char *name = NULL;
	struct rn_show_selector pb;

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__MIGRATE_CANCEL;
	if (!parse(args, &selector, &request, error) ||
	    !check_vm(&selector, "migrate cancel", error))
		return FALSE;
	if (*request.to || request.force) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "migrate cancel takes no \"%s\": the mapping stays where it is",
			    *request.to ? "to" : "force");
		return FALSE;
	}
	request.selector = rn_show_selector_init(&pb, &selector);
	name = name_vm(&selector, "migrate cancel");
	return rn_migrate_call(ctl, &request, name, error);
}

static gboolean migrate_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_selector selector = { 0 };
	g_autofree char *vm = NULL, *name = NULL;
	struct rn_show_selector pb;

	if (rn_args_take(args, "cancel"))
		return cancel_run(ctl, args, error);
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__MIGRATE;
	request.cause = RN_CAUSE_OPERATOR;
	if (!parse(args, &selector, &request, error) || !rn_migrate_check_wait(ctl, error) ||
	    !check_vm(&selector, "migrate", error))
		return FALSE;
	if (!*request.to) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "migrate: to which gateway? Say \"to GATEWAY\"");
		return FALSE;
	}
	request.selector = rn_show_selector_init(&pb, &selector);
	vm = name_vm(&selector, "migrate");
	name = g_strdup_printf("%s to %s", vm, request.to);
	return rn_migrate_call(ctl, &request, name, error);
}

static const struct rn_command commands[] = {
	{ "migrate", migrate_run, RN_FLAG_WAIT | RN_FLAG_NO_WAIT },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_migrate = {
	.name = "migrate",
	.commands = commands,
	.bare = TRUE,
	.usage =
		"natctl migrate [ private ] A[:PORT][/PROTO] [ zone N ] to GATEWAY\n"
		"                  [ cause { operator | overload } ] [ force reason TEXT ]\n"
		"                  [ --wait [ ready | done ] | --no-wait ]\n"
		"       natctl migrate cancel [ private ] A[:PORT][/PROTO] [ zone N ]\n",
};
