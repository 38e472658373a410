// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "client.h"

struct wanted {
	const char *name;	/* NULL: all */
	guint shown;
};

static void print_gateway(struct natctl *ctl, const Roamnat__Control__V1__Gateway *g)
{
	struct rn_print *print = ctl->print;

	rn_print_open(print);
	rn_print_string(print, NULL, "name", g->name);
	rn_print_string(print, "state", "state", g->state);
	rn_print_flag(print, "drained", "drained", g->drained);
	rn_print_uint(print, "incarnation", "incarnation", g->incarnation);
	rn_print_uint(print, "mappings", "mappings", g->mappings);
	if (g->planned || ctl->json)
		rn_print_uint(print, "planned", "planned", g->planned);
	if (g->reserve || ctl->json)
		rn_print_uint(print, "reserve", "reserve", g->reserve);
	if (g->planned_blocks || ctl->json)
		rn_print_uint(print, "planned-blocks", "planned_blocks", g->planned_blocks);
	if (g->planned_blocks || ctl->json)
		rn_print_uint(print, "blocks", "blocks", g->blocks);
	if (g->coming || ctl->json)
		rn_print_uint(print, "coming", "coming", g->coming);
	if (g->overload || ctl->json)
		rn_print_uint(print, "overload", "overload", g->overload);
	if (g->lease_ms || ctl->json)
		rn_print_ms(print, "lease", "lease_ms", g->lease_ms);
	if (strcmp(g->state, "never"))
		rn_print_ms(print, "heard", "last_heard_ms", g->last_heard_ms);
	if (ctl->details)
		rn_print_line(print);
	if (ctl->details || ctl->json) {
		rn_print_uint(print, "number", "number", g->number);
		rn_print_string(print, "identity", "identity", g->identity);
		rn_print_string(print, "endpoint", "endpoint", g->endpoint);
	}
	rn_print_close(print);
}

static void print_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	struct wanted *wanted = data;

	for (size_t i = 0; i < reply->n_gateways; i++) {
		if (wanted->name && strcmp(wanted->name, reply->gateways[i]->name))
			continue;
		print_gateway(ctl, reply->gateways[i]);
		wanted->shown++;
	}
}

static gboolean gateway_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_selector selector = { .gateway = rn_args_next(args) };
	struct wanted wanted = { .name = selector.gateway };
	struct rn_show_selector pb;

	if (!rn_args_end(args, error))
		return FALSE;
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_LIST;
	request.selector = rn_show_selector_init(&pb, &selector);
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	if (!rn_client_call(ctl, RN_DAEMON_CONTROLLER, &request, FALSE, print_reply, &wanted,
			    error))
		return FALSE;
	if (wanted.shown || !wanted.name)
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_REFUSED,
		    "gateway %s is not in the controller's configuration", wanted.name);
	return FALSE;
}

/* Its name, then "reason TEXT" if any, then nothing. */
static gboolean take_gateway(struct rn_args *args, const char *command, const char **name,
			     char **reason, GError **error)
{
	const char *text;

	*name = rn_args_next(args);
	if (!*name) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE, "%s: which gateway?", command);
		return FALSE;
	}
	if (rn_args_take(args, "reason")) {
		text = rn_args_value(args, "reason", error);
		if (!text)
			return FALSE;
		*reason = (char *)text;
	}
	return rn_args_end(args, error);
}

static gboolean say(struct natctl *ctl, RnRequest *request, const char *command,
		    const char *name, GError **error)
{
	struct rn_selector selector = { .gateway = name };
	struct rn_show_selector pb;

	request->selector = rn_show_selector_init(&pb, &selector);
	request->timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	if (rn_client_call(ctl, RN_DAEMON_CONTROLLER, request, TRUE, NULL, NULL, error)) {
		rn_client_print_result(ctl, "done", NULL);
		return TRUE;
	}
	g_prefix_error(error, "%s %s: ", command, name);
	return FALSE;
}

static gboolean gateway_fence(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	const char *name;

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_FENCE;
	if (!take_gateway(args, "gateway fence", &name, &request.reason, error))
		return FALSE;
	if (!*request.reason) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "gateway fence wants \"reason TEXT\": who knows that %s is off, for the audit log",
			    name);
		return FALSE;
	}
	return say(ctl, &request, "gateway fence", name, error);
}

static gboolean drain_or_undrain(struct natctl *ctl, struct rn_args *args, gboolean undo,
				 GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	const char *command = undo ? "undrain" : "drain", *name;

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_DRAIN;
	request.undo = undo;
	return take_gateway(args, command, &name, &request.reason, error) &&
	       say(ctl, &request, command, name, error);
}

static gboolean drain_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	return drain_or_undrain(ctl, args, FALSE, error);
}

static gboolean undrain_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	return drain_or_undrain(ctl, args, TRUE, error);
}

static const struct rn_command drain_commands[] = {
	{ "drain", drain_run, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_drain = {
	.name = "drain",
	.commands = drain_commands,
	.bare = TRUE,
	.usage = "natctl drain GATEWAY [ reason TEXT ]\n",
};

static const struct rn_command undrain_commands[] = {
	{ "undrain", undrain_run, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_undrain = {
	.name = "undrain",
	.commands = undrain_commands,
	.bare = TRUE,
	.usage = "natctl undrain GATEWAY [ reason TEXT ]\n",
};

static const struct rn_command commands[] = {
	{ "show", gateway_show, 0 },
	{ "list", gateway_show, 0 },
	{ "fence", gateway_fence, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_gateway = {
	.name = "gateway",
	.commands = commands,
	.usage =
		"natctl gateway { show | list } [ NAME ]\n"
		"       natctl gateway fence NAME reason TEXT\n",
};
