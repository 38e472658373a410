// SPDX-License-Identifier: GPL-2.0
/* natctl route: what the agent of this gateway announces. */
#include "client.h"

static void print_route(struct natctl *ctl, const Roamnat__Control__V1__Route *r)
{
	struct rn_print *print = ctl->print;

	rn_print_open(print);
	rn_print_string(print, NULL, "address", r->address);
	rn_print_string(print, "kind", "kind", r->kind);
	rn_print_string(print, "dev", "dev", r->device);
	rn_print_uint(print, "table", "table", r->table);
	if (r->metric || ctl->json)
		rn_print_uint(print, "metric", "metric", r->metric);
	rn_print_string(print, "state", "state", r->state);
	if (r->linger_ms)
		rn_print_ms(print, "left", "linger_ms", r->linger_ms);
	rn_print_uint(print, "mappings", "mappings", r->mappings);
	rn_print_string(print, "announce", "announce", r->announce);
	rn_print_close(print);
}

static void print_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	for (size_t i = 0; i < reply->n_routes; i++)
		print_route(ctl, reply->routes[i]);
}

static gboolean route_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;

	if (!rn_args_end(args, error))
		return FALSE;
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__ROUTE_LIST;
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	return rn_client_call(ctl, RN_DAEMON_AGENT, &request, FALSE, print_reply, NULL, error);
}

static const struct rn_command commands[] = {
	{ "show", route_show, 0 },
	{ "list", route_show, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_route = {
	.name = "route",
	.commands = commands,
	.usage = "natctl route { show | list }\n",
};
