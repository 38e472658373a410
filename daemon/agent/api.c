// SPDX-License-Identifier: GPL-2.0
#include "agent/api_priv.h"

#include "agent/counters.h"
#include "agent/sysctl.h"
#include "base/log.h"

static const char *gateway_name(struct agent_api *api, uint32_t number)
{
	const char *name;

	if (!number)
		return "";
	if (number == agent_session_self(api->session))
		return api->config->name;
	name = agent_peer_name(api->peers, number);
	return name ? name : "unknown";
}

RnMapping *agent_api_mapping(struct agent_api *api, const struct agent_entry *entry)
{
	RnMapping *mapping = agent_select_mapping_new(entry);
	const struct own_gw_entry *own = &entry->own;
	const char *owner = "", *destination = "";

	mapping->incarnation = agent_session_incarnation(api->session);
	switch ((enum own_gw_state)own->state) {
	case OWN_GW_NONE:
	case OWN_GW_PENDING:
		break;
	case OWN_GW_MOVING_IN:
		owner = gateway_name(api, own->slot[own->held].sender);
		destination = api->config->name;
		break;
	case OWN_GW_MOVING_OUT:
		owner = api->config->name;
		destination = gateway_name(api, own->peer);
		break;
	case OWN_GW_ACTIVE:
	case OWN_GW_RESUMING:
	case OWN_GW_RELEASING:
	case OWN_GW_SUSPENDED:
		owner = api->config->name;
		break;
	}
	mapping->owner = g_strdup(owner);
	mapping->destination = g_strdup(destination);
	return mapping;
}

/* ---- verbs with one answer ---- */

static char *trouble(struct agent_api *api)
{
	const char *missing = agent_kernel_missing(api->kernel);
	const char *problem = agent_session_problem(api->session);

	return g_strdup(missing ? missing : problem ? problem : "");
}

static void show_status(struct agent_api *api, struct rn_control_call *call)
{
	Roamnat__Control__V1__Status status = ROAMNAT__CONTROL__V1__STATUS__INIT;
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	g_autofree char *text = trouble(api);
	g_autofree char *warning = agent_sysctl_trouble(api->config->announces, AGENT_SYSCTLS);

	status.daemon = (char *)"agent";
	status.name = (char *)api->config->name;
	status.version = (char *)api->version;
	status.mode = (char *)rn_mode_to_string(api->config->mode);
	status.session = (char *)agent_session_state(api->session);
	status.incarnation = agent_session_incarnation(api->session);
	status.controller = (char *)api->config->controller_endpoint;
	status.lease_ms = agent_session_lease_left(api->session);
	if (warning)
		status.warning = warning;
	reply.status = &status;
	reply.text = text;
	reply.last = TRUE;
	rn_control_reply(call, &reply);
}

static void show_stats(struct agent_api *api, struct rn_control_call *call)
{
	enum { GAUGES = 5 };
	Roamnat__Control__V1__Counter counters[AGENT_COUNTERS_MAX + 1 + GAUGES];
	Roamnat__Control__V1__Counter *pointers[AGENT_COUNTERS_MAX + 1 + GAUGES];
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	guint connected, refused, n = 0;
	guint peers = agent_peer_count(api->peers, &connected);
	guint announced = agent_route_count(api->route, &refused);
	const struct {
		const char *name, *sentence;
		guint value;
	} gauges[GAUGES] = {
		{ "entries", "Private sides that the agent knows of now.",
		  agent_entry_count(agent_core_table(api->core)) },
		{ "peers", "Other gateways that the controller has named.", peers },
		{ "peers-connected", "Of these, connected now.", connected },
		{ "routes", "Public addresses that are announced now.", announced },
		{ "routes-refused", "Requests about them that the kernel refuses now.", refused },
	};

	for (guint i = 0; i < GAUGES; i++, n++) {
		roamnat__control__v1__counter__init(&counters[n]);
		counters[n].name = (char *)gauges[i].name;
		counters[n].sentence = (char *)gauges[i].sentence;
		counters[n].value = gauges[i].value;
		pointers[n] = &counters[n];
	}
	for (guint i = 0; i <= AGENT_COUNTERS_MAX; i++, n++) {
		roamnat__control__v1__counter__init(&counters[n]);
		counters[n].name = (char *)agent_counters_name(i);
		counters[n].sentence = (char *)agent_counters_sentence(i);
		counters[n].value = agent_counters_get(i);
		pointers[n] = &counters[n];
	}
	reply.n_counters = n;
	reply.counters = pointers;
	reply.last = TRUE;
	rn_control_reply(call, &reply);
}

static void show_config(struct agent_api *api, struct rn_control_call *call)
{
	g_autofree char *text = rn_config_to_text(api->config->file);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	reply.config = text;
	reply.last = TRUE;
	rn_control_reply(call, &reply);
}

static void show_list(struct agent_api *api, struct rn_control_call *call,
		      const RnRequest *request)
{
	g_autoptr(GError) error = NULL;
	struct agent_select select;

	if (agent_select_parse(request->selector, &select, &error))
		agent_list_begin(api, call, &select);
	else
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE, "%s", error->message);
}

/* ---- the socket ---- */

static void on_request(struct rn_control_call *call, const RnRequest *request, void *data)
{
	struct agent_api *api = data;

	switch (request->verb) {
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__STATUS:
		show_status(api, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MAPPING_LIST:
		show_list(api, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MAPPING_RELEASE:
		agent_order_release(api, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MIGRATE:
		agent_order_migrate(api, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__STATS:
		show_stats(api, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MONITOR:
		agent_monitor_begin(api, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__CONFIG_SHOW:
		show_config(api, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__ROUTE_LIST:
		agent_list_routes_begin(api, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__TAKEOVER:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_LIST:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__POOL_LIST:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__AUDIT:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__STORE_BACKUP:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MIGRATE_CANCEL:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_FENCE:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_DRAIN:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATE:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATE_CANCEL:
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATION_LIST:
		rn_control_refuse(call, RN_CODE_NOT_OWNER,
				  "a gateway cannot answer that: ask the controller, whose gateway this is at %s",
				  api->config->controller_endpoint);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__NONE:
	case _ROAMNAT__CONTROL__V1__REQUEST__VERB_IS_INT_SIZE:
		break;
	}
	rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
			  "this agent does not know that request: natctl and agent are of different versions");
}

static void on_cancelled(struct rn_control_call *call, void *data G_GNUC_UNUSED)
{
	struct agent_call *user = rn_control_user(call);

	if (user)
		user->free(user);
}

static void on_drained(struct rn_control_call *call, void *data G_GNUC_UNUSED)
{
	struct agent_call *user = rn_control_user(call);

	if (user)
		user->drained(user);
}

static const struct rn_control_ops ops = {
	.request = on_request,
	.cancelled = on_cancelled,
	.drained = on_drained,
};

/* ---- what the core and the session tell ---- */

void agent_api_noted(struct agent_api *api, const struct agent_entry *entry,
		     const struct own_act *note)
{
	RnEvent event = ROAMNAT__CONTROL__V1__EVENT__INIT;
	RnMapping *mapping;

	if (note->note == OWN_NOTE_IGNORED)
		return;
	mapping = agent_api_mapping(api, entry);
	event.what = (char *)own_note_to_string(note->note);
	event.mapping = mapping;
	event.from = (char *)gateway_name(api, note->from_gw);
	event.to = (char *)gateway_name(api, note->to_gw);
	event.by = (char *)"";
	if (note->msg.code)
		event.text = (char *)rn_code_to_sentence(note->msg.code);
	agent_monitor_tell(api, &event);
	agent_select_mapping_free(mapping);
}

void agent_api_stepped(struct agent_api *api, const struct agent_entry *entry)
{
	if (api->orders->len)
		agent_order_stepped(api, entry);
}

void agent_api_said(struct agent_api *api, const char *what, const char *text)
{
	RnEvent event = ROAMNAT__CONTROL__V1__EVENT__INIT;

	event.what = (char *)what;
	event.text = (char *)text;
	agent_monitor_tell(api, &event);
}

struct agent_api *agent_api_new(const struct agent_config *config, const char *version,
				struct agent_kernel *kernel, struct agent_core *core,
				struct agent_peers *peers, struct agent_session *session,
				const struct agent_route *route, GError **error)
{
	struct agent_api *api = g_new0(struct agent_api, 1);

	api->config = config;
	api->version = version;
	api->kernel = kernel;
	api->core = core;
	api->peers = peers;
	api->session = session;
	api->route = route;
	api->orders = g_ptr_array_new();
	api->monitors = g_ptr_array_new();
	api->control = rn_control_new(config->control_socket, &ops, api, error);
	if (api->control)
		return api;
	agent_api_free(api);
	return NULL;
}

void agent_api_free(struct agent_api *api)
{
	if (!api)
		return;
	/* Cancels the calls, which frees what hangs on them. */
	g_clear_pointer(&api->control, rn_control_free);
	g_ptr_array_unref(api->orders);
	g_ptr_array_unref(api->monitors);
	g_free(api);
}
