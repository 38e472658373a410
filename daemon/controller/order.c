// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <string.h>
#include "base/log.h"
#include "controller/order.h"
#include "controller/selector.h"
#include "controller/session.h"
#include "controller/tell.h"
#include "controller/view.h"

#define TAKEOVER	ROAMNAT__CONTROL__V1__REQUEST__VERB__TAKEOVER
#define TIMEOUT_DEFAULT_MS	30000
#define TIMEOUT_MAX_MS		3600000
#define TURN_US			10000	/* for records begun in a turn of the loop */
#define CHUNK			256	/* verdicts in a reply */
#define FULL_MS			20	/* until a gateway that has enough to read is looked at */

/* Of a mapping that did not move. */
struct verdict {
	uint64_t id;
	uint8_t code;
};

struct order {
	struct rn_job job;
	uint8_t verb;
	uint8_t cause;
	bool force, fenced, wait, wait_lease;
	struct rn_gateway *to;
	char *by, *reason;
	GArray *ids;
	guint begun;		/* of ids */
	guint waiting, done, already;
	GArray *failed;		/* struct verdict */
	guint told;		/* of failed */
	char *text;		/* of the first failure */
	guint idle, timeout, fence;
	GPtrArray *to_fence;	/* gateways that proved silent */
	gboolean answered;	/* the answer waits for the disk */
	gboolean answering;	/* and is being sent */
};

static void watch_end(struct order *order, struct rn_record *record)
{
	record->watches = g_slist_remove(record->watches, order);
	order->waiting--;
}

static void watch_none(struct order *order)
{
	for (guint i = 0; i < order->begun && order->waiting; i++) {
		struct rn_record *record = rn_records_id(order->job.core->records,
							 g_array_index(order->ids, uint64_t, i));

		if (record && g_slist_find(record->watches, order))
			watch_end(order, record);
	}
}

static void order_free(struct order *order)
{
	watch_none(order);
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
	struct order *order = (struct order *)job;

	/* Once its answer is queued, that frees the order. */
	job->call = NULL;
	if (!order->answered || order->answering)
		order_free(order);
}

/* One reply with the next of the verdicts; false if the client does not read. */
static gboolean tell_verdicts(struct order *order)
{
	struct rn_core *core = order->job.core;
	guint n = MIN(order->failed->len - order->told, CHUNK);
	g_autofree struct rn_view_event *views = g_new(struct rn_view_event, n);
	Roamnat__Control__V1__Event *list[CHUNK];
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	for (guint i = 0; i < n; i++) {
		const struct verdict *verdict =
			&g_array_index(order->failed, struct verdict, order->told + i);
		const struct rn_record *record = rn_records_id(core->records, verdict->id);
		struct rn_store_audit row = {
			.time_ns = g_get_real_time() * 1000, .what = "refused",
			.id = verdict->id, .epoch = record->own.epoch,
			.vm = record->own.vm, .pub = record->own.pub,
			.from = record->own.owner, .to = order->to->row.number,
			.cause = order->cause,
		};

		g_snprintf(row.text, sizeof(row.text), "%s (%s)",
			   rn_code_to_sentence(verdict->code), rn_code_to_string(verdict->code));
		rn_view_event(core, &row, &views[i]);
		list[i] = &views[i].pb;
	}
	reply.events = list;
	reply.n_events = n;
	if (!rn_control_reply(order->job.call, &reply))
		return FALSE;
	order->told += n;
	return TRUE;
}

static char *summary(const struct order *order)
{
	if (order->failed->len) {
		if (order->ids->len == 1)
			return g_strdup(order->text);
		return g_strdup_printf("%u of %u mappings: %s", order->failed->len,
				       order->ids->len, order->text);
	}
	if (order->waiting)
		return g_strdup_printf("%u mapping%s told to move to %s", order->waiting,
				       order->waiting == 1 ? "" : "s", order->to->row.name);
	if (order->already == order->ids->len)
		return g_strdup_printf("already on %s, nothing to do", order->to->row.name);
	if (!order->already)
		return g_strdup_printf("%u mapping%s moved to %s", order->done,
				       order->done == 1 ? "" : "s", order->to->row.name);
	return g_strdup_printf("%u of %u mappings moved to %s, the others were there",
			       order->done, order->ids->len, order->to->row.name);
}

/* Of several mappings each that did not move is named before the sum. */
static void tell(struct rn_job *job)
{
	struct order *order = (struct order *)job;
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	g_autofree char *text = NULL;

	while (order->ids->len > 1 && order->told < order->failed->len)
		if (!tell_verdicts(order))
			return;			/* `drained` goes on */
	text = summary(order);
	reply.last = 1;
	reply.text = text;
	if (order->failed->len)
		reply.code = g_array_index(order->failed, struct verdict, 0).code;
	rn_control_set_user(order->job.call, NULL);
	rn_control_reply(order->job.call, &reply);
	order_free(order);
}

/* Everything that the order changed is on disk. */
static void answer_now(void *data)
{
	struct order *order = data;
	guint waiting = order->waiting;

	if (!order->job.call) {
		order_free(order);
		return;
	}
	watch_none(order);
	order->waiting = waiting;	/* for the summary */
	order->answering = TRUE;
	order->job.drained = tell;
	tell(&order->job);
}

static void answer(struct order *order)
{
	if (order->answered)
		return;
	order->answered = TRUE;
	rn_core_later(order->job.core, answer_now, order);
}

static void fail(struct order *order, const struct rn_record *record, uint8_t code,
		 const char *format, ...) G_GNUC_PRINTF(4, 5);

static void fail(struct order *order, const struct rn_record *record, uint8_t code,
		 const char *format, ...)
{
	const struct verdict verdict = { .id = record->own.id, .code = code };
	va_list args;

	g_array_append_val(order->failed, verdict);
	if (order->text)
		return;
	va_start(args, format);
	order->text = g_strdup_vprintf(format, args);
	va_end(args);
}

/* ---- outcome ---- */

static gboolean on_fence(gpointer data)
{
	struct order *order = data;
	struct rn_core *core = order->job.core;

	/* The last of these may answer, and free the order, from its step. */
	g_autoptr(GPtrArray) gateways = g_steal_pointer(&order->to_fence);
	g_autofree char *by = g_strdup(order->by);
	g_autofree char *reason = g_strdup(order->reason);

	order->to_fence = g_ptr_array_new();
	order->fence = 0;
	for (guint i = 0; i < gateways->len; i++) {
		rn_session_cut(gateways->pdata[i], "declared off by an operator");
		rn_core_fence(core, gateways->pdata[i], by, reason);
	}
	return G_SOURCE_REMOVE;
}

static void fence_soon(struct order *order, struct rn_gateway *gw)
{
	if (!g_ptr_array_find(order->to_fence, gw, NULL))
		g_ptr_array_add(order->to_fence, gw);
	if (!order->fence)
		order->fence = g_idle_add_full(G_PRIORITY_DEFAULT, on_fence, order, NULL);
}

/* A lease ends by itself, and then the order is carried out; nothing else does
 * that without somebody's word.
 */
static void not_fenced(struct order *order, const struct rn_record *record,
		       const struct rn_gateway *owner)
{
	if (owner->lease_ms && record->own.state == OWN_CTL_REVOKING)
		fail(order, record, RN_CODE_NO_ANSWER,
		     "%s does not answer, but may translate until its lease ends: the order stands until then; if it is off, repeat with fenced reason TEXT",
		     owner->row.name);
	else
		fail(order, record, RN_CODE_NOT_FENCED,
		     "%s does not answer, but may still translate: power it off (or shut its port), then repeat with fenced reason TEXT",
		     owner->row.name);
}

/* True while the record is undecided. */
static bool judge(struct order *order, struct rn_record *record)
{
	const struct own_ctl_rec *own = &record->own;
	struct rn_gateway *owner = rn_gateways_number(order->job.core->gateways, own->owner);
	uint32_t to = order->to->row.number;
	char pub[RN_SIDE_TEXT];

	if (own->state == OWN_CTL_GRANTED && own->owner == to) {
		order->done++;
		return false;
	}
	rn_public_print(&own->pub, pub);
	if (!rn_record_owned(record)) {
		fail(order, record, RN_CODE_UNKNOWN_VM, "%s was released meanwhile", pub);
		return false;
	}
	if (own->state == OWN_CTL_REVOKING && order->verb == TAKEOVER) {
		if (order->fenced) {
			fence_soon(order, owner);
			return true;
		}
		if (owner->lease_ms && order->wait_lease)
			return true;	/* its lease will end */
		not_fenced(order, record, owner);
		return false;
	}
	if (own->state != OWN_CTL_GRANTED || own->move_to == to)
		return true;
	if (record->code == RN_CODE_NOT_FENCED)
		not_fenced(order, record, owner);
	else if (record->code == RN_CODE_VM_HERE)
		fail(order, record, RN_CODE_VM_HERE, "%s: %s answers that the VM is still there: move the VM first, or natctl migrate when it has moved",
		     pub, owner->row.name);
	else if (record->code == RN_CODE_PLAN_EXCEEDED)
		fail(order, record, RN_CODE_PLAN_EXCEEDED, "%s: %u mappings were planned for %s and it has %u: choose another gateway, or repeat with force reason TEXT",
		     pub, order->to->plan.planned, order->to->row.name,
		     order->to->owned.length);
	else
		fail(order, record, record->code ? record->code : RN_CODE_NOT_CONFIRMED, "%s stays on %s: %s",
		     pub, owner ? owner->row.name : "?",
		     rn_code_to_sentence(record->code ? record->code : RN_CODE_NOT_CONFIRMED));
	return false;
}

static void check_end(struct order *order)
{
	if (order->begun < order->ids->len)
		return;
	if (!order->waiting || !order->wait)
		answer(order);
}

void rn_order_changed(struct rn_record *record)
{
	g_autoptr(GSList) watches = g_slist_copy(record->watches);

	for (GSList *l = watches; l; l = l->next) {
		struct order *order = l->data;

		/* An order before this one may have ended by this one's step. */
		if (!g_slist_find(record->watches, order) || judge(order, record))
			continue;
		watch_end(order, record);
		check_end(order);
	}
}

static gboolean on_timeout(gpointer data)
{
	struct order *order = data;

	order->timeout = 0;
	for (guint i = 0; i < order->begun; i++) {
		const struct rn_record *record =
			rn_records_id(order->job.core->records,
				      g_array_index(order->ids, uint64_t, i));

		if (record && g_slist_find(record->watches, order))
			fail(order, record, RN_CODE_NO_ANSWER,
			     "%u of %u not on %s yet, the order stands for a while: look with natctl mapping show",
			     order->waiting, order->ids->len, order->to->row.name);
	}
	answer(order);
	return G_SOURCE_REMOVE;
}

/* ---- begin ---- */

/* What happens to the record now was ordered by this one, for the audit. */
static void sign(const struct order *order, struct rn_record *record)
{
	rn_record_forget_order(record);
	record->by = g_strdup(order->by);
	record->reason = *order->reason ? g_strdup(order->reason) : NULL;
}

static void begin_one(struct order *order, struct rn_record *record)
{
	bool takeover = order->verb == TAKEOVER;
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
	if (!there && !order->force && record->coming_queue != order->to->row.number &&
	    !rn_core_plan_allows(core, order->to)) {
		record->code = RN_CODE_PLAN_EXCEEDED;
		rn_counters_refused(&core->counters, RN_CODE_PLAN_EXCEEDED);
		if (judge(order, record))
			fail(order, record, RN_CODE_BUSY, "%s",
			     "it moves already: wait for the end of that");
		return;
	}
	sign(order, record);
	/* Not watched during the step, so that it does not end the order here. */
	rn_core_step(core, record, &event, &cause);
	/* Refused while another decision about it is under way. */
	if (record->code == RN_CODE_BUSY && record->own.dst != order->to->row.number &&
	    record->own.state != OWN_CTL_GRANTED) {
		fail(order, record, RN_CODE_BUSY, "%s", rn_code_to_sentence(RN_CODE_BUSY));
		return;
	}
	if (!judge(order, record))
		return;
	record->watches = g_slist_prepend(record->watches, order);
	order->waiting++;
}

/* Who would be told first has enough to read; a takeover grants at once. */
static bool full(const struct order *order, const struct rn_record *record)
{
	struct rn_gateway *owner = rn_gateways_number(order->job.core->gateways,
						      record->own.owner);

	return rn_session_full(order->to) || (owner && rn_session_full(owner));
}

static gboolean on_begin(gpointer data)
{
	struct order *order = data;
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
	check_end(order);
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

static GArray *select_records(struct rn_core *core, struct rn_control_call *call,
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

static struct rn_gateway *destination(struct rn_core *core, struct rn_control_call *call,
				      const RnRequest *request)
{
	struct rn_gateway *to = rn_gateways_name(core->gateways, request->to);

	if (!to) {
		rn_control_refuse(call, RN_CODE_UNKNOWN_GATEWAY,
				  "no gateway `%s`: natctl gateway show lists them", request->to);
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

static struct order *order_new(struct rn_core *core, struct rn_control_call *call,
			       const RnRequest *request)
{
	struct rn_gateway *to = destination(core, call, request);
	GArray *ids = to ? select_records(core, call, request) : NULL;
	struct order *order;

	if (!ids)
		return NULL;
	order = g_new0(struct order, 1);
	order->job = (struct rn_job){ .core = core, .call = call, .cancel = cancel };
	order->verb = request->verb;
	order->force = request->force;
	order->fenced = request->fenced;
	order->wait = request->wait;
	order->cause = request->cause;
	order->to = to;
	order->ids = ids;
	order->by = g_strdup(rn_control_caller(call));
	order->reason = g_strdup(request->reason);
	order->failed = g_array_new(FALSE, FALSE, sizeof(struct verdict));
	order->to_fence = g_ptr_array_new();
	order->timeout = g_timeout_add(request->timeout_ms ?
				       MIN(request->timeout_ms, TIMEOUT_MAX_MS) :
				       TIMEOUT_DEFAULT_MS, on_timeout, order);
	rn_count(&core->counters, orders);
	rn_control_set_user(call, order);
	return order;
}

static void order_begin(struct order *order)
{
	order->idle = g_idle_add_full(G_PRIORITY_DEFAULT, on_begin, order, NULL);
}

void rn_order_migrate(struct rn_core *core, struct rn_control_call *call,
		      const RnRequest *request)
{
	struct order *order;

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
static void fence_silent(struct order *order)
{
	struct rn_core *core = order->job.core;

	for (guint i = 0; i < order->ids->len; i++) {
		struct rn_record *record =
			rn_records_id(core->records, g_array_index(order->ids, uint64_t, i));
		struct rn_gateway *owner = rn_gateways_number(core->gateways, record->own.owner);

		if (!owner || owner == order->to || owner->session)
			continue;
		/* One that waits for the fence moves at once. */
		sign(order, record);
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
	struct order *order;

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
