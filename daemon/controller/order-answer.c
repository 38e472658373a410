// SPDX-License-Identifier: GPL-2.0
/* What natctl is told of an order. */
#include <string.h>
#include "controller/order-priv.h"
#include "controller/view.h"

#define CHUNK			256	/* verdicts in a reply */

/* One reply with the next of the verdicts; false if the client does not read. */
static gboolean tell_verdicts(struct rn_order *order)
{
	struct rn_core *core = order->job.core;
	guint n = MIN(order->failed->len - order->told, CHUNK);
	g_autofree struct rn_view_event *views = g_new(struct rn_view_event, n);
	Roamnat__Control__V1__Event *list[CHUNK];
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	for (guint i = 0; i < n; i++) {
		const struct rn_verdict *verdict =
			&g_array_index(order->failed, struct rn_verdict, order->told + i);
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

static char *summary(const struct rn_order *order)
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
	if (order->until_ready && order->done)
		return g_strdup_printf("ready: %s holds %u mapping%s", order->to->row.name,
				       order->done, order->done == 1 ? "" : "s");
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
	struct rn_order *order = (struct rn_order *)job;
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	g_autofree char *text = NULL;

	while (order->ids->len > 1 && order->told < order->failed->len)
		if (!tell_verdicts(order))
			return;			/* `drained` goes on */
	text = summary(order);
	reply.last = 1;
	reply.text = text;
	if (order->failed->len)
		reply.code = g_array_index(order->failed, struct rn_verdict, 0).code;
	rn_control_set_user(order->job.call, NULL);
	rn_control_reply(order->job.call, &reply);
	rn_order_free(order);
}

/* Everything that the order changed is on disk. */
static void answer_now(void *data)
{
	struct rn_order *order = data;
	guint waiting = order->waiting;

	if (!order->job.call) {
		rn_order_free(order);
		return;
	}
	rn_order_watch_none(order);
	order->waiting = waiting;	/* for the summary */
	order->answering = TRUE;
	order->job.drained = tell;
	tell(&order->job);
}

void rn_order_answer(struct rn_order *order)
{
	if (order->answered)
		return;
	order->answered = TRUE;
	/* What the destination holds it holds, whatever our disk does. */
	if (order->until_ready && !order->failed->len)
		answer_now(order);
	else
		rn_core_later(order->job.core, answer_now, order);
}
