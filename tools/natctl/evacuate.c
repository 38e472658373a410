// SPDX-License-Identifier: GPL-2.0
/*
 * natctl evacuate: all mappings of a gateway go to others, so many at a time. The
 * controller goes on with it by itself; here it is begun, asked about and ended.
 */
#include <string.h>
#include "migrate.h"

#define TIMEOUT_WAIT	3600000		/* ms: so many mappings take their time */

static void print_target(struct rn_print *print, const Roamnat__Control__V1__Target *target,
			 gboolean dry)
{
	rn_print_line(print);
	rn_print_string(print, "to", NULL, target->name);
	if (dry)
		rn_print_uint(print, "takes", NULL, target->takes);
	rn_print_uint(print, "mappings", NULL, target->mappings);
	if (target->planned)
		rn_print_uint(print, "planned", NULL, target->planned);
	if (target->reserve)
		rn_print_uint(print, "reserve", NULL, target->reserve);
}

/* In JSON the names, and beside each name its figures. */
static void print_targets_json(struct rn_print *print,
			       const Roamnat__Control__V1__Evacuation *e)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (size_t i = 0; i < e->n_targets; i++) {
		g_autofree char *key = g_strdup_printf("takes_%s", e->targets[i]->name);

		g_string_append_printf(names, "%s%s", i ? "," : "", e->targets[i]->name);
		rn_print_uint(print, NULL, key, e->targets[i]->takes);
	}
	rn_print_string(print, NULL, "to", names->str);
}

static void print_evacuation(struct natctl *ctl, const Roamnat__Control__V1__Evacuation *e)
{
	struct rn_print *print = ctl->print;
	gboolean dry = !strcmp(e->state, "planned");

	rn_print_open(print);
	rn_print_string(print, "evacuation of", "gateway", e->gateway);
	rn_print_string(print, "state", "state", e->state);
	rn_print_uint(print, "total", "total", e->total);
	if (!dry || ctl->json) {
		rn_print_uint(print, "moved", "moved", e->moved);
		rn_print_uint(print, "left", "left", e->left);
	}
	if (e->in_flight || ctl->json)
		rn_print_uint(print, "in-flight", "in_flight", e->in_flight);
	if (e->failed || ctl->json)
		rn_print_uint(print, dry ? "no-room" : "failed", "failed", e->failed);
	rn_print_flag(print, "force", "force", e->force);
	rn_print_string(print, "by", "by", e->by);
	rn_print_string(print, "reason", "reason", e->reason);
	rn_print_string(print, "--", "text", e->text);
	if (ctl->json)
		print_targets_json(print, e);
	for (size_t i = 0; i < e->n_targets && !ctl->json; i++)
		print_target(print, e->targets[i], dry);
	if (ctl->json) {
		rn_print_uint(print, NULL, "began_ns", e->began_ns);
		rn_print_uint(print, NULL, "ended_ns", e->ended_ns);
	}
	rn_print_close(print);
}

static void print_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	for (size_t i = 0; i < reply->n_events; i++)
		rn_show_event(ctl, reply->events[i], FALSE);
	for (size_t i = 0; i < reply->n_evacuations; i++)
		print_evacuation(ctl, reply->evacuations[i]);
}

static gboolean call(struct natctl *ctl, RnRequest *request, const char *gateway, gboolean changes,
		     GError **error)
{
	struct rn_selector selector = { .gateway = gateway };
	struct rn_show_selector pb;

	request->selector = rn_show_selector_init(&pb, &selector);
	request->timeout_ms = ctl->timeout_ms ? ctl->timeout_ms :
			      request->wait || request->dry_run ? TIMEOUT_WAIT : RN_CLIENT_TIMEOUT;
	if (rn_client_call(ctl, RN_DAEMON_CONTROLLER, request, changes, print_reply, NULL, error))
		return TRUE;
	g_prefix_error(error, "evacuate %s: ", gateway ? gateway : "show");
	return FALSE;
}

static gboolean show_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	const char *gateway = rn_args_next(args);

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATION_LIST;
	return rn_args_end(args, error) && call(ctl, &request, gateway, FALSE, error);
}

static gboolean cancel_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	const char *gateway = rn_args_value(args, "cancel", error);

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATE_CANCEL;
	return gateway && rn_args_end(args, error) && call(ctl, &request, gateway, TRUE, error);
}

static gboolean parse(struct rn_args *args, RnRequest *request, char ***targets, GError **error)
{
	const char *names;
	guint64 value;

	while (rn_args_peek(args)) {
		if (rn_args_take(args, "to")) {
			names = rn_args_value(args, "to", error);
			if (!names)
				return FALSE;
			g_strfreev(*targets);
			*targets = g_strsplit(names, ",", -1);
		} else if (rn_args_take(args, "in-flight")) {
			if (!rn_args_uint(args, "in-flight", 4096, &value, error))
				return FALSE;
			request->in_flight = value;
		} else if (rn_args_take(args, "force")) {
			request->force = TRUE;
			if (!rn_migrate_take_reason(args, "force", &request->reason, error))
				return FALSE;
		} else if (rn_args_take(args, "reason")) {
			names = rn_args_value(args, "reason", error);
			if (!names)
				return FALSE;
			request->reason = (char *)names;
		} else {
			return rn_args_end(args, error);
		}
	}
	if (*targets && **targets)
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
		    "evacuate: to which gateways? Say \"to GATEWAY[,GATEWAY...]\"");
	return FALSE;
}

static gboolean evacuate_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	g_auto(GStrv) targets = NULL;
	const char *gateway;

	if (rn_args_take(args, "show") || rn_args_take(args, "list"))
		return show_run(ctl, args, error);
	if (rn_args_take(args, "cancel"))
		return cancel_run(ctl, args, error);
	gateway = rn_args_next(args);
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATE;
	if (!gateway) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE, "evacuate: which gateway?");
		return FALSE;
	}
	if (!parse(args, &request, &targets, error) || !rn_migrate_check_wait(ctl, error))
		return FALSE;
	if (ctl->until_ready) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "evacuate: --wait ready is for one VM, look with natctl monitor");
		return FALSE;
	}
	request.targets = targets;
	request.n_targets = g_strv_length(targets);
	request.dry_run = (ctl->flags & RN_FLAG_DRY_RUN) != 0;
	request.wait = (ctl->flags & RN_FLAG_WAIT) != 0;
	return call(ctl, &request, gateway, !request.dry_run, error);
}

static const struct rn_command commands[] = {
	{ "evacuate", evacuate_run, RN_FLAG_WAIT | RN_FLAG_NO_WAIT | RN_FLAG_DRY_RUN },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_evacuate = {
	.name = "evacuate",
	.commands = commands,
	.bare = TRUE,
	.usage =
		"natctl evacuate GATEWAY to GATEWAY[,GATEWAY...] [ in-flight N ]\n"
		"                  [ [ force ] reason TEXT ] [ --dry-run | --wait | --no-wait ]\n"
		"       natctl evacuate { show | list } [ GATEWAY ]\n"
		"       natctl evacuate cancel GATEWAY\n",
};
