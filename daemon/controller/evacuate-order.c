// SPDX-License-Identifier: GPL-2.0
/* natctl evacuate: what it asks, and what it is told. */
#include <string.h>
#include "controller/evacuate.h"
#include "controller/standing.h"
#include "controller/view.h"

#define IN_FLIGHT_DEFAULT	256
#define IN_FLIGHT_MAX		4096
#define CHUNK			256	/* mappings in a reply */
#define TURN_US			10000	/* of a dry run in a turn of the loop */

/* ---- what is told ---- */

struct view {
	Roamnat__Control__V1__Evacuation pb;
	Roamnat__Control__V1__Target target[RN_STORE_TARGETS], *list[RN_STORE_TARGETS];
};

static void view_targets(const struct rn_spread *spread, struct view *view)
{
	for (guint i = 0; i < spread->n; i++) {
		const struct rn_gateway *gw = spread->target[i].gw;
		Roamnat__Control__V1__Target *target = &view->target[i];

		roamnat__control__v1__target__init(target);
		target->name = (char *)gw->row.name;
		target->mappings = gw->owned.length;
		target->planned = gw->plan.planned;
		target->reserve = gw->plan.reserve;
		target->takes = spread->target[i].takes.mappings;
		view->list[i] = target;
	}
	view->pb.targets = view->list;
	view->pb.n_targets = spread->n;
}

static void view_init(const struct rn_gateway *gw, const struct rn_spread *spread,
		      const struct rn_store_evacuation *row, struct view *view)
{
	roamnat__control__v1__evacuation__init(&view->pb);
	view_targets(spread, view);
	view->pb.gateway = (char *)gw->row.name;
	view->pb.state = (char *)rn_evacuation_state_to_string(row->state);
	view->pb.total = row->total;
	view->pb.moved = row->moved;
	view->pb.left = gw->owned.length;
	view->pb.force = row->force;
	view->pb.by = (char *)row->by;
	view->pb.reason = (char *)row->reason;
	view->pb.began_ns = row->began_ns;
	view->pb.ended_ns = row->ended_ns;
	view->pb.text = (char *)row->text;
}

static void view_evacuation(const struct rn_evacuation *e, struct view *view)
{
	view_init(e->gw, &e->spread, &e->row, view);
	view->pb.failed = e->codes->len;
	view->pb.in_flight = e->in_flight;
	if (e->waits)
		view->pb.text = e->waits;
}

static void reply_one(struct rn_control_call *call, struct view *view)
{
	Roamnat__Control__V1__Evacuation *list = &view->pb;
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	reply.evacuations = &list;
	reply.n_evacuations = 1;
	reply.last = 1;
	rn_control_reply(call, &reply);
}

/* ---- dry run ---- */

static void targets_of(struct rn_core *core, const struct rn_store_evacuation *row,
		       struct rn_spread *spread)
{
	*spread = (struct rn_spread){ .core = core, .force = row->force };
	for (uint32_t i = 0; i < row->n_targets; i++)
		spread->target[spread->n++].gw =
			rn_gateways_number(core->gateways, row->target[i]);
}

struct dry {
	struct rn_job job;
	struct rn_gateway *gw;
	struct rn_spread spread;
	struct rn_store_evacuation row;
	GArray *ids;
	guint next, misfits;
	guint source;
};

static void dry_free(struct dry *dry)
{
	if (dry->source)
		g_source_remove(dry->source);
	rn_spread_uninit(&dry->spread);
	g_array_unref(dry->ids);
	g_free(dry);
}

static void dry_cancel(struct rn_job *job)
{
	dry_free((struct dry *)job);
}

static void dry_end(struct dry *dry)
{
	struct rn_control_call *call = dry->job.call;
	struct view view;

	view_init(dry->gw, &dry->spread, &dry->row, &view);
	view.pb.total = dry->ids->len;
	view.pb.failed = dry->misfits;
	rn_control_set_user(call, NULL);
	reply_one(call, &view);
	dry_free(dry);
}

/* One that has no place, and why. */
static void misfit(const struct dry *dry, const struct rn_record *record, uint8_t code,
		   struct rn_view_event *view)
{
	struct rn_store_audit row = {
		.time_ns = g_get_real_time() * 1000, .what = "no-room", .code = code,
		.id = record->own.id, .epoch = record->own.epoch, .vm = record->own.vm,
		.pub = record->own.pub, .from = record->own.owner,
	};

	g_snprintf(row.text, sizeof(row.text), "%s (%s)", rn_code_to_sentence(code),
		   rn_code_to_string(code));
	rn_view_event(dry->job.core, &row, view);
}

static gboolean on_dry(gpointer data)
{
	struct dry *dry = data;
	g_autofree struct rn_view_event *views = g_new(struct rn_view_event, CHUNK);
	gint64 until = g_get_monotonic_time() + TURN_US;
	Roamnat__Control__V1__Event *list[CHUNK];
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	guint n = 0;

	while (dry->next < dry->ids->len && n < CHUNK && g_get_monotonic_time() < until) {
		const struct rn_record *record =
			rn_records_id(dry->job.core->records,
				      g_array_index(dry->ids, uint64_t, dry->next++));
		uint8_t code;

		if (!record || !rn_record_owned(record) || record->own.move_to ||
		    rn_spread_pick(&dry->spread, record, &code))
			continue;
		misfit(dry, record, code, &views[n]);
		list[n] = &views[n].pb;
		n++;
	}
	dry->misfits += n;
	reply.events = list;
	reply.n_events = n;
	/* A client that does not read misses names; the sum has all. */
	if (n)
		rn_control_reply(dry->job.call, &reply);
	if (dry->next < dry->ids->len)
		return G_SOURCE_CONTINUE;
	dry->source = 0;
	dry_end(dry);
	return G_SOURCE_REMOVE;
}

static void dry_run(struct rn_core *core, struct rn_control_call *call, struct rn_gateway *gw,
		    const struct rn_store_evacuation *row)
{
	struct dry *dry = g_new0(struct dry, 1);

	dry->job = (struct rn_job){ .core = core, .call = call, .cancel = dry_cancel };
	dry->gw = gw;
	dry->row = *row;
	targets_of(core, row, &dry->spread);
	rn_spread_init(&dry->spread, true);
	dry->ids = g_array_sized_new(FALSE, FALSE, sizeof(uint64_t), gw->owned.length);
	for (const GList *l = gw->owned.head; l; l = l->next) {
		const struct rn_record *record = l->data;

		g_array_append_val(dry->ids, record->own.id);
	}
	rn_control_set_user(call, dry);
	dry->source = g_idle_add_full(G_PRIORITY_DEFAULT, on_dry, dry, NULL);
}

/* ---- begin, cancel, list ---- */

static bool take_target(struct rn_core *core, struct rn_control_call *call,
			const struct rn_gateway *from, const char *name,
			struct rn_store_evacuation *row)
{
	struct rn_gateway *to = rn_gateways_name(core->gateways, name);

	if (!to || !to->enabled)
		rn_control_refuse(call, RN_CODE_UNKNOWN_GATEWAY,
				  "no gateway `%s`, or it is disabled: natctl gateway show lists them",
				  name);
	else if (to == from)
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "%s cannot be evacuated to itself", name);
	else if (to->row.drained && !row->force)
		rn_control_refuse(call, RN_CODE_DRAINED,
				  "%s is drained: natctl undrain it, leave it out, or say force reason TEXT",
				  name);
	else
		row->target[row->n_targets++] = to->row.number;
	return row->n_targets && to && row->target[row->n_targets - 1] == to->row.number;
}

static bool take_request(struct rn_core *core, struct rn_control_call *call,
			 const struct rn_gateway *gw, const RnRequest *request,
			 struct rn_store_evacuation *row)
{
	if (request->in_flight > IN_FLIGHT_MAX || request->n_targets > RN_STORE_TARGETS ||
	    !request->n_targets) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "1 to %d gateways to go to, and at most %d in flight",
				  RN_STORE_TARGETS, IN_FLIGHT_MAX);
		return false;
	}
	if (request->force && !*request->reason) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "force overrides plans and goes to the audit log: add reason TEXT");
		return false;
	}
	*row = (struct rn_store_evacuation){
		.gateway = gw->row.number, .force = request->force,
		.in_flight = request->in_flight ? request->in_flight : IN_FLIGHT_DEFAULT,
	};
	g_strlcpy(row->by, rn_control_caller(call), sizeof(row->by));
	g_strlcpy(row->reason, request->reason, sizeof(row->reason));
	for (size_t i = 0; i < request->n_targets; i++)
		if (!take_target(core, call, gw, request->targets[i], row))
			return false;
	return true;
}

void rn_evacuation_answer(struct rn_core *core, const struct rn_store_evacuation *row,
			  uint8_t code, struct rn_job *job)
{
	struct rn_control_call *call = job->call;
	struct rn_spread spread;
	struct view view;

	g_free(job);
	if (!call)
		return;
	rn_control_set_user(call, NULL);
	if (code) {
		rn_control_refuse(call, code, "%s", row->text);
		return;
	}
	targets_of(core, row, &spread);
	view_init(rn_gateways_number(core->gateways, row->gateway), &spread, row, &view);
	reply_one(call, &view);
}

static void job_cancel(struct rn_job *job)
{
	job->call = NULL;	/* whoever was to answer frees it */
}

static struct rn_job *job_new(struct rn_core *core, struct rn_control_call *call)
{
	struct rn_job *job = g_new0(struct rn_job, 1);

	*job = (struct rn_job){ .core = core, .call = call, .cancel = job_cancel };
	rn_control_set_user(call, job);
	return job;
}

/* That it was begun, or cancelled, is on disk. */
struct begun {
	struct rn_job *job;
	struct rn_gateway *gw;
};

static void answer_begun(void *data)
{
	struct begun *begun = data;
	struct rn_control_call *call = begun->job->call;
	struct view view;

	if (call) {
		view_evacuation(begun->gw->evacuation, &view);
		rn_control_set_user(call, NULL);
		reply_one(call, &view);
	}
	g_free(begun->job);
	g_free(begun);
}

static void answer_later(struct rn_core *core, struct rn_control_call *call,
			 struct rn_gateway *gw)
{
	struct begun *begun = g_new(struct begun, 1);

	*begun = (struct begun){ .job = job_new(core, call), .gw = gw };
	rn_core_later(core, answer_begun, begun);
}

void rn_evacuate(struct rn_core *core, struct rn_control_call *call, const RnRequest *request)
{
	struct rn_gateway *gw = rn_standing_gateway(core, call, request);
	struct rn_store_evacuation row;

	if (!gw || !take_request(core, call, gw, request, &row))
		return;
	if (request->dry_run) {
		dry_run(core, call, gw, &row);
		return;
	}
	if (rn_evacuation_running(gw)) {
		rn_control_refuse(call, RN_CODE_BUSY,
				  "%s is being evacuated already: natctl evacuate show, or cancel it first",
				  gw->row.name);
		return;
	}
	rn_evacuation_begin(core, gw, &row);
	if (request->wait)
		rn_evacuation_wait(gw->evacuation, job_new(core, call));
	else
		answer_later(core, call, gw);
}

void rn_evacuate_cancel(struct rn_core *core, struct rn_control_call *call,
			const RnRequest *request)
{
	struct rn_gateway *gw = rn_standing_gateway(core, call, request);

	if (!gw)
		return;
	if (!rn_evacuation_running(gw)) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE, "%s is not being evacuated",
				  gw->row.name);
		return;
	}
	rn_evacuation_cancel(gw->evacuation, rn_control_caller(call));
	answer_later(core, call, gw);
}

void rn_evacuate_list(struct rn_core *core, struct rn_control_call *call,
		      const RnRequest *request)
{
	const char *name = request->selector ? request->selector->gateway : "";
	const GPtrArray *all = core->gateways->by_number;
	g_autofree struct view *views = g_new(struct view, all->len);
	g_autofree Roamnat__Control__V1__Evacuation **list =
		g_new(Roamnat__Control__V1__Evacuation *, all->len);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	if (*name && !rn_standing_gateway(core, call, request))
		return;
	for (guint i = 1; i < all->len; i++) {
		const struct rn_gateway *gw = all->pdata[i];
		struct view *view = &views[reply.n_evacuations];

		if (!gw || !gw->evacuation || (*name && strcmp(name, gw->row.name)))
			continue;
		view_evacuation(gw->evacuation, view);
		list[reply.n_evacuations++] = &view->pb;
	}
	reply.evacuations = list;
	reply.last = 1;
	rn_control_reply(call, &reply);
}
