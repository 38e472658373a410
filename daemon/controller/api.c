// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "controller/api.h"
#include "controller/evacuate.h"
#include "controller/order.h"
#include "controller/restored.h"
#include "controller/selector.h"
#include "controller/standing.h"
#include "controller/stream.h"
#include "controller/view.h"

struct rn_api {
	struct rn_core *core;
	struct rn_control *control;
	GPtrArray *monitors;	/* struct monitor */
};

struct monitor {
	struct rn_job job;
	struct rn_api *api;
	uint64_t lost;		/* events that the client was too slow for */
};

/* ---- monitor ---- */

static void monitor_cancel(struct rn_job *job)
{
	struct monitor *monitor = (struct monitor *)job;

	g_ptr_array_remove_fast(monitor->api->monitors, monitor);
	g_free(monitor);
}

static gboolean monitor_send(struct monitor *monitor, Roamnat__Control__V1__Event *event)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	reply.events = &event;
	reply.n_events = 1;
	return rn_control_reply(monitor->job.call, &reply);
}

static gboolean monitor_tell_lost(struct monitor *monitor)
{
	Roamnat__Control__V1__Event event = ROAMNAT__CONTROL__V1__EVENT__INIT;
	g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT
						" events were lost: read faster, or look with audit",
						monitor->lost);

	event.what = "lost";
	event.text = text;
	event.time_ns = g_get_real_time() * 1000;
	if (!monitor_send(monitor, &event))
		return FALSE;
	monitor->lost = 0;
	return TRUE;
}

static void monitor_drained(struct rn_job *job)
{
	struct monitor *monitor = (struct monitor *)job;

	if (monitor->lost)
		monitor_tell_lost(monitor);
}

void rn_api_event(struct rn_api *api, const struct rn_store_audit *event)
{
	struct rn_view_event view;

	if (!api->monitors->len)
		return;
	rn_view_event(api->core, event, &view);
	for (guint i = 0; i < api->monitors->len; i++) {
		struct monitor *monitor = api->monitors->pdata[i];

		if ((!monitor->lost || monitor_tell_lost(monitor)) &&
		    monitor_send(monitor, &view.pb))
			continue;
		monitor->lost++;
		rn_count(&api->core->counters, events_lost);
	}
}

static void monitor_new(struct rn_api *api, struct rn_control_call *call)
{
	struct monitor *monitor = g_new0(struct monitor, 1);

	monitor->job = (struct rn_job){
		.core = api->core, .call = call, .cancel = monitor_cancel,
		.drained = monitor_drained,
	};
	monitor->api = api;
	g_ptr_array_add(api->monitors, monitor);
	rn_control_set_user(call, monitor);
}

/* ---- short answers ---- */

static void reply_status(struct rn_core *core, struct rn_control_call *call)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	Roamnat__Control__V1__Status status = ROAMNAT__CONTROL__V1__STATUS__INIT;
	g_autofree char *waits = rn_restored_text(core);

	status.daemon = "controller";
	status.name = (char *)core->config->name;
	status.version = ROAMNAT_VERSION;
	status.mode = (char *)rn_mode_to_string(core->config->mode);
	status.store = (char *)core->config->store;
	if (waits)
		status.waits = waits;
	reply.status = &status;
	reply.last = 1;
	rn_control_reply(call, &reply);
}

static void reply_gateways(struct rn_core *core, struct rn_control_call *call)
{
	const GPtrArray *all = core->gateways->by_number;
	g_autofree Roamnat__Control__V1__Gateway *rows =
		g_new(Roamnat__Control__V1__Gateway, all->len);
	g_autofree Roamnat__Control__V1__Gateway **list =
		g_new(Roamnat__Control__V1__Gateway *, all->len);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	for (guint i = 1; i < all->len; i++) {
		if (!all->pdata[i])
			continue;
		rn_view_gateway(all->pdata[i], &rows[reply.n_gateways]);
		list[reply.n_gateways] = &rows[reply.n_gateways];
		reply.n_gateways++;
	}
	reply.gateways = list;
	reply.last = 1;
	rn_control_reply(call, &reply);
}

static void reply_pools(struct rn_core *core, struct rn_control_call *call)
{
	guint n = rn_pools_count(core->pools);
	g_autofree struct rn_view_pool *views = g_new(struct rn_view_pool, n);
	g_autofree Roamnat__Control__V1__Pool **list = g_new(Roamnat__Control__V1__Pool *, n);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	rn_pools_expire(core->pools, rn_core_wall());
	for (guint i = 0; i < n; i++) {
		rn_view_pool(rn_pools_nth(core->pools, i), &views[i]);
		list[i] = &views[i].pb;
	}
	reply.pools = list;
	reply.n_pools = n;
	reply.last = 1;
	rn_control_reply(call, &reply);
	for (guint i = 0; i < n; i++)
		rn_view_pool_clear(&views[i]);
}

struct counter_list {
	GArray *rows;		/* Roamnat__Control__V1__Counter */
	GStringChunk *texts;
};

static void add_counter(const char *name, uint64_t value, const char *sentence, void *data)
{
	struct counter_list *list = data;
	Roamnat__Control__V1__Counter row = ROAMNAT__CONTROL__V1__COUNTER__INIT;

	row.name = g_string_chunk_insert(list->texts, name);
	row.value = value;
	row.sentence = g_string_chunk_insert(list->texts, sentence);
	g_array_append_val(list->rows, row);
}

static void reply_stats(struct rn_core *core, struct rn_control_call *call)
{
	struct counter_list list = {
		.rows = g_array_new(FALSE, FALSE, sizeof(Roamnat__Control__V1__Counter)),
		.texts = g_string_chunk_new(4096),
	};
	struct rn_store_stats store = rn_store_stats(core->store);
	g_autofree Roamnat__Control__V1__Counter **pointers = NULL;
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	rn_counters_foreach(&core->counters, add_counter, &list);
	add_counter("mappings", g_hash_table_size(core->records->by_id),
		    "public endpoints that were ever used", &list);
	add_counter("store_commits", store.commits, "transactions on disk", &list);
	add_counter("store_units", store.units, "decisions and events in them", &list);
	add_counter("store_rows", store.rows, "rows in them", &list);
	add_counter("store_largest_group", store.largest_group,
		    "most decisions that shared one transaction", &list);
	add_counter("store_slowest_us", store.slowest_us, "slowest transaction, µs", &list);
	add_counter("output_waiting", core->out.length,
		    "messages, events and answers that wait for the disk now", &list);
	pointers = g_new(Roamnat__Control__V1__Counter *, list.rows->len);
	for (guint i = 0; i < list.rows->len; i++)
		pointers[i] = &g_array_index(list.rows, Roamnat__Control__V1__Counter, i);
	reply.counters = pointers;
	reply.n_counters = list.rows->len;
	reply.last = 1;
	rn_control_reply(call, &reply);
	g_array_unref(list.rows);
	g_string_chunk_free(list.texts);
}

static void reply_config(struct rn_core *core, struct rn_control_call *call)
{
	g_autofree char *text = rn_config_to_text(core->config->file);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	reply.config = text;
	reply.last = 1;
	rn_control_reply(call, &reply);
}

static const char *owner_of(const struct rn_core *core, uint64_t id)
{
	return rn_gateways_to_name(core->gateways,
				   rn_records_id(core->records, id)->own.owner);
}

static void refuse_release(struct rn_core *core, struct rn_control_call *call,
			   const RnRequest *request)
{
	const char *owner = "its owner";
	g_autofree char *error = NULL;
	struct rn_selector selector;
	uint8_t code = 0;

	if (!rn_selector_parse(core, request->selector, &selector, &code, &error)) {
		rn_control_refuse(call, code, "%s", error);
		return;
	}
	if (selector.has_private || selector.id || selector.has_public) {
		g_autoptr(GArray) ids = rn_selector_owned(core, &selector);

		if (ids->len)
			owner = owner_of(core, g_array_index(ids, uint64_t, 0));
	}
	/* S13: a release is a promise of the owner's kernel, nobody else can give it. */
	rn_control_refuse(call, RN_CODE_NOT_OWNER,
			  "only the owner can release a mapping: ask the gateway, natctl mapping release on %s",
			  owner);
}

static void on_request(struct rn_control_call *call, const RnRequest *request, void *data)
{
	struct rn_api *api = data;
	struct rn_core *core = api->core;

	switch ((int)request->verb) {
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__STATUS:
		reply_status(core, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MAPPING_LIST:
		rn_stream_mappings(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MAPPING_RELEASE:
		refuse_release(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MIGRATE:
		rn_order_migrate(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__TAKEOVER:
		rn_order_takeover(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MIGRATE_CANCEL:
		rn_order_cancel(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_FENCE:
		rn_standing_fence(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_DRAIN:
		rn_standing_drain(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATE:
		rn_evacuate(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATE_CANCEL:
		rn_evacuate_cancel(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATION_LIST:
		rn_evacuate_list(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__GATEWAY_LIST:
		reply_gateways(core, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__POOL_LIST:
		reply_pools(core, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__STATS:
		reply_stats(core, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__MONITOR:
		monitor_new(api, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__CONFIG_SHOW:
		reply_config(core, call);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__AUDIT:
		rn_stream_audit(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__STORE_BACKUP:
		rn_stream_backup(core, call, request);
		return;
	case ROAMNAT__CONTROL__V1__REQUEST__VERB__ROUTE_LIST:
		rn_control_refuse(call, RN_CODE_NOT_OWNER,
				  "the controller announces nothing: ask the agent of a gateway");
		return;
	}
	/* Of a natctl newer than we are: any number may come. */
	rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
			  "the controller does not know request %d: upgrade it",
			  (int)request->verb);
}

static void on_cancelled(struct rn_control_call *call, void *data)
{
	struct rn_job *job = rn_control_user(call);

	(void)data;
	if (job)
		job->cancel(job);
}

static void on_drained(struct rn_control_call *call, void *data)
{
	struct rn_job *job = rn_control_user(call);

	(void)data;
	if (job && job->drained)
		job->drained(job);
}

struct rn_api *rn_api_new(struct rn_core *core, GError **error)
{
	static const struct rn_control_ops ops = {
		.request = on_request, .cancelled = on_cancelled, .drained = on_drained,
	};
	struct rn_api *api = g_new0(struct rn_api, 1);

	api->core = core;
	api->monitors = g_ptr_array_new();
	api->control = rn_control_new(core->config->control_socket, &ops, api, error);
	if (api->control)
		return api;
	rn_api_free(api);
	return NULL;
}

void rn_api_free(struct rn_api *api)
{
	if (!api)
		return;
	if (api->control)
		rn_control_free(api->control);
	g_ptr_array_unref(api->monitors);
	g_free(api);
}
