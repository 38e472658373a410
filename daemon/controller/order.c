// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "base/log.h"
#include "controller/order-priv.h"
#include "controller/selector.h"
#include "controller/session.h"
#include "controller/tell.h"

#define TIMEOUT_DEFAULT_MS	30000
#define TIMEOUT_MAX_MS		3600000
#define TURN_US			10000	/* for records begun in a turn of the loop */
#define FULL_MS			20	/* until a gateway that has enough to read is looked at */

static void watch_end(struct rn_order *order, struct rn_record *record)
{
	rn_watch_end(&order->watch, record);
	order->waiting--;
}

void rn_order_watch_none(struct rn_order *order)
{
	for (guint i = 0; i < order->begun && order->waiting; i++) {
		struct rn_record *record = rn_records_id(order->job.core->records,
							 g_array_index(order->ids, uint64_t, i));

		if (record && rn_watch_watches(&order->watch, record))
			watch_end(order, record);
	}
}

void rn_order_free(struct rn_order *order)
{
	rn_order_watch_none(order);
	if (order->idle)
		g_source_remove(order->idle);
	if (order->timeout)
		g_source_remove(order->timeout);
	if (order->fence)
		g_source_remove(order->fence);
	g_ptr_array_unref(order->to_fence);
	g_array_unref(order->ids);
	g_array_unref(order->failed);
	g_free(order->text);
	g_free(order->by);
	g_free(order->reason);
	g_free(order);
}

static void cancel(struct rn_job *job)
{
	struct rn_order *order = (struct rn_order *)job;

	/* Once its answer is queued, that frees the order. */
	job->call = NULL;
	if (!order->answered || order->answering)
		rn_order_free(order);
}

static void on_changed(struct rn_watch *watch, struct rn_record *record)
{
	struct rn_order *order = (struct rn_order *)((char *)watch -
						     G_STRUCT_OFFSET(struct rn_order, watch));

	if (rn_order_judge(order, record))
		return;
	watch_end(order, record);
	rn_order_check_end(order);
}

static gboolean on_timeout(gpointer data)
{
	struct rn_order *order = data;

	order->timeout = 0;
	for (guint i = 0; i < order->begun; i++) {
		const struct rn_record *record =
			rn_records_id(order->job.core->records,
				      g_array_index(order->ids, uint64_t, i));

		if (record && rn_watch_watches(&order->watch, record))
			rn_order_fail(order, record, RN_CODE_NO_ANSWER,
				      "%u of %u not on %s yet, the order stands for a while: look with natctl mapping show",
				      order->waiting, order->ids->len, order->to->row.name);
	}
	rn_order_answer(order);
	return G_SOURCE_REMOVE;
}

/* ---- begin ---- */

void rn_order_sign(struct rn_record *record, const char *by, const char *reason)
{
	rn_record_forget_order(record);
	record->by = g_strdup(by);
	record->reason = *reason ? g_strdup(reason) : NULL;
}

static void begin_one(struct rn_order *order, struct rn_record *record)
{
	bool takeover = order->verb == RN_ORDER_TAKEOVER;
	const struct rn_msg msg = {
		.dst = order->to->row.number, .cause = order->cause, .vm = record->own.vm,
		.id = record->own.id,
	};
	const struct own_ctl_event event = {
		.type = takeover ? OWN_CTL_EV_TAKEOVER : OWN_CTL_EV_MIGRATE,
		.force = order->force, .msg = &msg,
	};
	const struct rn_cause_of cause = { .by = order->by };
	struct rn_core *core = order->job.core;
	uint8_t code;
	bool there;

	rn_tell_catch_up(core, record);
	there = record->own.owner == order->to->row.number &&
		record->own.state == OWN_CTL_GRANTED;
	/* A VM that came back before anybody else got it: the owner is told. */
	if (there && (takeover || !record->own.move_to)) {
		order->already++;
		return;
	}
	record->code = RN_CODE_OK;
	code = there || order->force || record->coming_queue == order->to->row.number ?
		RN_CODE_OK :
		rn_core_plan_refuses(core, order->to, record->own.vm.kind, true);
	if (code) {
		record->code = code;
		rn_counters_refused(&core->counters, code);
		if (rn_order_judge(order, record))
			rn_order_fail(order, record, RN_CODE_BUSY, "%s",
				      "it moves already: wait for the end of that");
		return;
	}
	rn_order_sign(record, order->by, order->reason);
	/* Not watched during the step, so that it does not end the order here. */
	rn_core_step(core, record, &event, &cause);
	/* Refused while another decision about it is under way. */
	if (record->code == RN_CODE_BUSY && record->own.dst != order->to->row.number &&
	    record->own.state != OWN_CTL_GRANTED) {
		rn_order_fail(order, record, RN_CODE_BUSY, "%s", rn_code_to_sentence(RN_CODE_BUSY));
		return;
	}
	if (!rn_order_judge(order, record))
		return;
	rn_watch_begin(&order->watch, record);
	order->waiting++;
}

/* Who would be told first has enough to read; a takeover grants at once. */
static bool full(const struct rn_order *order, const struct rn_record *record)
{
	struct rn_gateway *owner = rn_gateways_number(order->job.core->gateways,
						      record->own.owner);

	return rn_session_full(order->to) || (owner && rn_session_full(owner));
}

static gboolean on_begin(gpointer data)
{
	struct rn_order *order = data;
	gint64 until = g_get_monotonic_time() + TURN_US;

	while (order->begun < order->ids->len && g_get_monotonic_time() < until) {
		uint64_t id = g_array_index(order->ids, uint64_t, order->begun);
		struct rn_record *record = rn_records_id(order->job.core->records, id);

		if (record && full(order, record)) {
			order->idle = g_timeout_add(FULL_MS, on_begin, order);
			return G_SOURCE_REMOVE;
		}
		order->begun++;
		if (record)
			begin_one(order, record);
	}
	if (order->begun < order->ids->len)
		return G_SOURCE_CONTINUE;
	order->idle = 0;
	rn_order_check_end(order);
	return G_SOURCE_REMOVE;
}

/* One VM, unless a whole gateway is meant: the same private address in two zones
 * is two VMs.
 */
static gboolean one_zone(struct rn_core *core, const struct rn_selector *selector,
			 const GArray *ids)
{
	uint32_t zone = 0;

	if (selector->has_zone || !selector->has_private)
		return TRUE;
	for (guint i = 0; i < ids->len; i++) {
		const struct rn_record *record =
			rn_records_id(core->records, g_array_index(ids, uint64_t, i));

		if (i && record->own.vm.zone != zone)
			return FALSE;
		zone = record->own.vm.zone;
	}
	return TRUE;
}

GArray *rn_order_select(struct rn_core *core, struct rn_control_call *call,
			const RnRequest *request)
{
	g_autoptr(GArray) ids = NULL;
	g_autofree char *error = NULL;
	struct rn_selector selector;
	uint8_t code = 0;

	if (!rn_selector_parse(core, request->selector, &selector, &code, &error)) {
		rn_control_refuse(call, code, "%s", error);
		return NULL;
	}
	if (!selector.has_private && !selector.has_public && !selector.id && !selector.gateway) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "which VM? Name its private address, its public one, or a whole gateway");
		return NULL;
	}
	ids = rn_selector_owned(core, &selector);
	if (!ids->len) {
		rn_control_refuse(call, RN_CODE_UNKNOWN_VM,
				  "no mapping of that VM: natctl mapping show lists them");
		return NULL;
	}
	if (!one_zone(core, &selector, ids)) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "%s is a VM in several zones: add zone NUMBER",
				  request->selector->private_);
		return NULL;
	}
	return g_steal_pointer(&ids);
}

struct rn_gateway *rn_order_destination(struct rn_core *core, struct rn_control_call *call,
					const char *name)
{
	struct rn_gateway *to = rn_gateways_name(core->gateways, name);

	if (!to) {
		rn_control_refuse(call, RN_CODE_UNKNOWN_GATEWAY,
				  "no gateway `%s`: natctl gateway show lists them", name);
		return NULL;
	}
	rn_gateway_refresh(to, rn_core_now());
	if (!to->own.registered || !to->own.connected) {
		rn_control_refuse(call, RN_CODE_NOT_REGISTERED,
				  "%s is %s: start roamnat-agent there, then repeat",
				  to->row.name, rn_gateway_state(to));
		return NULL;
	}
	return to;
}

static struct rn_order *order_new(struct rn_core *core, struct rn_control_call *call,
				  const RnRequest *request)
{
	struct rn_gateway *to = rn_order_destination(core, call, request->to);
	GArray *ids = to ? rn_order_select(core, call, request) : NULL;
	struct rn_order *order;

	if (!ids)
		return NULL;
	order = g_new0(struct rn_order, 1);
	order->job = (struct rn_job){ .core = core, .call = call, .cancel = cancel };
	order->watch.changed = on_changed;
	order->verb = request->verb;
	order->force = request->force;
	order->fenced = request->fenced;
	order->wait = request->wait;
	order->until_ready = request->wait && request->until_ready;
	order->cause = request->cause;
	order->to = to;
	order->ids = ids;
	order->by = g_strdup(rn_control_caller(call));
	order->reason = g_strdup(request->reason);
	order->failed = g_array_new(FALSE, FALSE, sizeof(struct rn_verdict));
	order->to_fence = g_ptr_array_new();
	order->timeout = g_timeout_add(request->timeout_ms ?
				       MIN(request->timeout_ms, TIMEOUT_MAX_MS) :
				       TIMEOUT_DEFAULT_MS, on_timeout, order);
	rn_count(&core->counters, orders);
	rn_control_set_user(call, order);
	return order;
}

static void order_begin(struct rn_order *order)
{
	order->idle = g_idle_add_full(G_PRIORITY_DEFAULT, on_begin, order, NULL);
}

void rn_order_migrate(struct rn_core *core, struct rn_control_call *call,
		      const RnRequest *request)
{
	struct rn_order *order;

	if (request->cause > RN_CAUSE_OVERLOAD) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "cause is none of operator, dead, overload");
		return;
	}
	order = order_new(core, call, request);
	if (!order)
		return;
	if (!order->cause)
		order->cause = RN_CAUSE_OPERATOR;
	order_begin(order);
}

/*
 * A gateway that is not connected is fenced at once. One that seems to be is
 * asked first: if it answers that the VM is there, then it is not off, whatever
 * the operator believes; if it is silent, it is fenced when the question ends.
 */
static void fence_silent(struct rn_order *order)
{
	struct rn_core *core = order->job.core;

	for (guint i = 0; i < order->ids->len; i++) {
		struct rn_record *record =
			rn_records_id(core->records, g_array_index(order->ids, uint64_t, i));
		struct rn_gateway *owner = rn_gateways_number(core->gateways, record->own.owner);

		if (!owner || owner == order->to || owner->session)
			continue;
		/* One that waits for the fence moves at once. */
		rn_order_sign(record, order->by, order->reason);
		if (!g_ptr_array_find(order->to_fence, owner, NULL))
			g_ptr_array_add(order->to_fence, owner);
	}
	for (guint i = 0; i < order->to_fence->len; i++)
		rn_core_fence(core, order->to_fence->pdata[i], order->by, order->reason);
	g_ptr_array_set_size(order->to_fence, 0);
}

void rn_order_takeover(struct rn_core *core, struct rn_control_call *call,
		       const RnRequest *request)
{
	struct rn_order *order;

	if (request->fenced && !*request->reason) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "fenced asserts that a gateway is off and goes to the audit log: add reason TEXT");
		return;
	}
	order = order_new(core, call, request);
	if (!order)
		return;
	order->cause = RN_CAUSE_DEAD;
	/* The answer is the outcome; only for the end of a lease, which may be
	 * far, one has to ask to wait.
	 */
	order->wait_lease = order->wait;
	order->wait = true;
	if (order->fenced)
		fence_silent(order);
	order_begin(order);
}
