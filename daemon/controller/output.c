// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "base/log.h"
#include "controller/audit.h"
#include "controller/output.h"
#include "controller/point.h"

/* Refusals of one gateway that go to the audit log, per minute: enough to see
 * what it does, too few to fill the disk.
 */
#define AUDITED_REFUSALS	30

struct output {
	GList link;
	uint64_t seq;		/* leaves when this unit is durable */
	struct rn_msg *msg;	/* a message, ... */
	uint32_t to;
	struct rn_store_audit *event;	/* ... an event, ... */
	void (*func)(void *data);	/* ... or a call */
	void *data;
};

static void output_free(struct output *out)
{
	g_free(out->msg);
	g_free(out->event);
	g_free(out);
}

static struct output *push(struct rn_core *core)
{
	struct output *out = g_new0(struct output, 1);

	out->link.data = out;
	out->seq = core->saved;
	g_queue_push_tail_link(&core->out, &out->link);
	return out;
}

static void emit(struct rn_core *core, const struct output *out)
{
	struct rn_gateway *gw;

	if (out->msg) {
		rn_point_send(out->msg->type, false);
		gw = rn_gateways_number(core->gateways, out->to);
		if (!gw || !core->hooks->send(gw, out->msg))
			rn_count(&core->counters, messages_unsent);
		rn_point_send(out->msg->type, true);
	} else if (out->event) {
		core->hooks->event(out->event, core->hooks_data);
	} else {
		out->func(out->data);
	}
}

void rn_output_release(struct rn_core *core)
{
	while (!core->failed && !g_queue_is_empty(&core->out)) {
		struct output *out = core->out.head->data;

		if (out->seq > core->durable)
			break;
		g_queue_unlink(&core->out, &out->link);
		emit(core, out);
		output_free(out);
	}
	if (!core->behind || core->failed || core->out.length > RN_CORE_OUT_MAX / 2)
		return;
	core->behind = FALSE;
	core->hooks->relieved(core->hooks_data);
}

gboolean rn_core_behind(struct rn_core *core)
{
	if (core->out.length >= RN_CORE_OUT_MAX)
		core->behind = TRUE;
	return core->behind;
}

void rn_output_clear(struct rn_core *core)
{
	while (!g_queue_is_empty(&core->out)) {
		struct output *out = g_queue_pop_head_link(&core->out)->data;

		output_free(out);
	}
}

void rn_output_message(struct rn_core *core, uint32_t to, const struct rn_msg *msg)
{
	struct output *out = push(core);

	out->msg = g_memdup2(msg, sizeof(*msg));
	out->to = to;
	if (msg->code && !*msg->text)
		g_strlcpy(out->msg->text, rn_code_to_sentence(msg->code),
			  sizeof(out->msg->text));
}

void rn_output_event(struct rn_core *core, const struct rn_store_audit *event)
{
	push(core)->event = g_memdup2(event, sizeof(*event));
}

void rn_output_call(struct rn_core *core, void (*func)(void *data), void *data)
{
	struct output *out = push(core);

	out->func = func;
	out->data = data;
}

/* ---- notes ---- */

static const char *what_of(const struct own_act *act, const struct rn_cause_of *cause)
{
	return act->note == OWN_NOTE_RELEASED && cause->reclaim ? "reclaimed" :
	       own_note_to_string(act->note);
}

/* Who asked for a move that nobody ordered: the one that did not answer. */
static const char *asked_by(struct rn_core *core, const struct own_act *act,
			    const struct rn_cause_of *cause)
{
	if (act->note == OWN_NOTE_MOVED && act->verified_by)
		return rn_gateways_to_name(core->gateways, act->verified_by == act->to_gw ?
					   act->from_gw : act->to_gw);
	return cause->by ? cause->by : cause->gw ? cause->gw->row.name : "";
}

static void note_to_event(struct rn_core *core, const struct own_act *act,
			  const struct rn_record *record, uint64_t epoch,
			  const struct rn_cause_of *cause, struct rn_store_audit *event)
{
	const char *by = record && record->by ? record->by : NULL;

	*event = (struct rn_store_audit){
		.code = act->msg.code,
		.cause = act->msg.cause,
		.id = act->msg.id,
		.epoch = act->msg.epoch,
		.epoch_from = epoch,
		.vm = act->msg.vm,
		.pub = act->msg.pub,
		.from = act->from_gw,
		.to = act->to_gw,
		.verified_by = act->verified_by,
	};
	switch ((enum own_note)act->note) {
	case OWN_NOTE_GRANTED:
	case OWN_NOTE_RELEASED:
		event->cause = 0;	/* of an earlier migration */
		event->ownership = true;
		break;
	case OWN_NOTE_MOVED:
	case OWN_NOTE_RETURNED:
	case OWN_NOTE_TAKEN_OVER:
		event->ownership = true;
		break;
	case OWN_NOTE_REFUSED:
	case OWN_NOTE_ALARM:
		/* Of the requester, not of an order under way. */
		event->cause = 0;
		event->epoch_from = cause->epoch;
		by = NULL;
		break;
	case OWN_NOTE_VERIFYING:
	case OWN_NOTE_REVOKING:
	case OWN_NOTE_FROZEN:
	case OWN_NOTE_HELD:
	case OWN_NOTE_ACTIVE:
	case OWN_NOTE_GONE:
	case OWN_NOTE_IGNORED:
	case OWN_NOTE_READY:
		break;
	}
	g_strlcpy(event->what, what_of(act, cause), sizeof(event->what));
	if (!by)
		by = asked_by(core, act, cause);
	g_strlcpy(event->by, by, sizeof(event->by));
	g_strlcpy(event->text, *act->msg.text ? act->msg.text :
		  act->msg.code ? rn_code_to_sentence(act->msg.code) :
		  event->ownership && record && record->reason ? record->reason : "",
		  sizeof(event->text));
}

void rn_output_log(const struct rn_core *core, const struct rn_store_audit *event, uint8_t note)
{
	char pub[RN_SIDE_TEXT] = "-", vm[RN_SIDE_TEXT] = "-";
	const char *from = event->from ? rn_gateways_to_name(core->gateways, event->from) : "-";
	const char *to = event->to ? rn_gateways_to_name(core->gateways, event->to) : "-";
	g_autofree char *epoch = NULL;
	g_autofree char *line = NULL;

	if (!event->pub.addr.len && !event->vm.kind) {
		if (!event->from)
			rn_warn("%s: %s", event->what, event->text);
		else
			rn_notice("gateway %s: %s by %s%s%s", from, event->what, event->by,
				  *event->text ? ": " : "", event->text);
		return;
	}
	if (event->pub.addr.len)
		rn_public_print(&event->pub, pub);
	if (event->vm.kind)
		rn_private_print(&event->vm, vm);
	epoch = g_strdup_printf("%" G_GUINT64_FORMAT, event->epoch);
	line = g_strdup_printf("%s%s: public %s private %s epoch %s from %s to %s by %s%s%s",
			       note == OWN_NOTE_ALARM ? "alarm, " : "", event->what, pub, vm,
			       epoch, from, to, *event->by ? event->by : "-",
			       *event->text ? ": " : "", event->text);
	if (note == OWN_NOTE_ALARM) {
		rn_warn("%s", line);
		return;
	}
	rn_event(line, "ROAMNAT_WHAT", event->what, "ROAMNAT_PUBLIC", pub,
		 "ROAMNAT_PRIVATE", vm, "ROAMNAT_EPOCH", epoch, "ROAMNAT_FROM", from,
		 "ROAMNAT_TO", to, "ROAMNAT_BY", event->by, NULL);
}

bool rn_output_allowed(struct rn_core *core, struct rn_gateway *gw)
{
	int64_t now = rn_core_now();

	if (!gw)
		return true;
	if (now - gw->refusals_since >= 60000) {
		gw->refusals_since = now;
		gw->refusals = 0;
	}
	if (gw->refusals++ < AUDITED_REFUSALS)
		return true;
	rn_count(&core->counters, refusals_unaudited);
	return false;
}

static void count_note(struct rn_core *core, const struct own_act *act, bool reclaim)
{
	switch ((enum own_note)act->note) {
	case OWN_NOTE_GRANTED:
		rn_count(&core->counters, grants_first);
		break;
	case OWN_NOTE_MOVED:
		rn_count(&core->counters, moved);
		break;
	case OWN_NOTE_RETURNED:
		rn_count(&core->counters, returned);
		break;
	case OWN_NOTE_TAKEN_OVER:
		rn_count(&core->counters, taken_over);
		break;
	case OWN_NOTE_RELEASED:
		if (reclaim)
			rn_count(&core->counters, reclaimed);
		else
			rn_count(&core->counters, released);
		break;
	case OWN_NOTE_ALARM:
		rn_count(&core->counters, alarms);
		rn_counters_refused(&core->counters, act->msg.code);
		break;
	case OWN_NOTE_REFUSED:
		rn_counters_refused(&core->counters, act->msg.code);
		break;
	case OWN_NOTE_IGNORED:
		rn_count(&core->counters, ignored);
		break;
	case OWN_NOTE_READY:
		rn_count(&core->counters, ready);
		break;
	case OWN_NOTE_VERIFYING:
	case OWN_NOTE_REVOKING:
	case OWN_NOTE_FROZEN:
	case OWN_NOTE_HELD:
	case OWN_NOTE_ACTIVE:
	case OWN_NOTE_GONE:
		break;
	}
}

void rn_output_order_over(struct rn_core *core, const struct rn_record *record, uint32_t to)
{
	const struct own_ctl_rec *own = &record->own;
	uint8_t code = own->move_to ? RN_CODE_BUSY : record->code;
	struct rn_store_audit event = {
		.rev = ++core->rev, .time_ns = rn_audit_time(core), .what = "failed",
		.code = code, .cause = own->cause, .id = own->id, .epoch = own->epoch,
		.vm = own->vm, .pub = own->pub, .from = own->owner, .to = to,
	};

	g_strlcpy(event.by, record->by ? record->by : "", sizeof(event.by));
	g_strlcpy(event.text, own->move_to ? "replaced by a later order" :
		  rn_record_owned(record) ? rn_code_to_sentence(code ? code : RN_CODE_CANCELLED) :
		  "released meanwhile", sizeof(event.text));
	rn_count(&core->counters, orders_failed);
	rn_output_event(core, &event);
}

bool rn_output_take(struct rn_core *core, const struct own_act *act,
		    const struct rn_record *record, uint64_t epoch,
		    const struct rn_cause_of *cause, struct rn_store_audit *event)
{
	bool refusal = act->note == OWN_NOTE_REFUSED || act->note == OWN_NOTE_ALARM;

	count_note(core, act, cause->reclaim);
	event->rev = 0;
	if (act->note == OWN_NOTE_IGNORED ||
	    (refusal && !rn_output_allowed(core, cause->gw)))
		return false;
	note_to_event(core, act, record, epoch, cause, event);
	event->time_ns = rn_audit_time(core);
	event->rev = ++core->rev;
	if (act->note == OWN_NOTE_VERIFYING || act->note == OWN_NOTE_READY)
		return false;
	rn_output_log(core, event, act->note);
	return true;
}
