// SPDX-License-Identifier: GPL-2.0
/* What became of each mapping of an order. */
#include <stdarg.h>
#include "controller/order-priv.h"
#include "controller/session.h"

void rn_order_fail(struct rn_order *order, const struct rn_record *record, uint8_t code,
		   const char *format, ...)
{
	const struct rn_verdict verdict = { .id = record->own.id, .code = code };
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
	struct rn_order *order = data;
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

static void fence_soon(struct rn_order *order, struct rn_gateway *gw)
{
	if (!g_ptr_array_find(order->to_fence, gw, NULL))
		g_ptr_array_add(order->to_fence, gw);
	if (!order->fence)
		order->fence = g_idle_add_full(G_PRIORITY_DEFAULT, on_fence, order, NULL);
}

/* A lease ends by itself, and then the order is carried out; nothing else does
 * that without somebody's word.
 */
static void not_fenced(struct rn_order *order, const struct rn_record *record,
		       const struct rn_gateway *owner)
{
	if (owner->lease_ms && record->own.state == OWN_CTL_REVOKING)
		rn_order_fail(order, record, RN_CODE_NO_ANSWER,
			      "%s does not answer, but may translate until its lease ends: the order stands until then; if it is off, repeat with fenced reason TEXT",
			      owner->row.name);
	else
		rn_order_fail(order, record, RN_CODE_NOT_FENCED,
			      "%s does not answer, but may still translate: power it off (or shut its port), then repeat with fenced reason TEXT",
			      owner->row.name);
}

/* Why it stays where it is. */
static void stays(struct rn_order *order, const struct rn_record *record,
		  const struct rn_gateway *owner)
{
	uint8_t code = record->code ? record->code : RN_CODE_NOT_CONFIRMED;
	char pub[RN_SIDE_TEXT];

	rn_public_print(&record->own.pub, pub);
	if (code == RN_CODE_NOT_FENCED)
		not_fenced(order, record, owner);
	else if (code == RN_CODE_VM_HERE)
		rn_order_fail(order, record, code, "%s: %s answers that the VM is still there: move the VM first, or natctl migrate when it has moved",
			      pub, owner->row.name);
	else if (code == RN_CODE_PLAN_EXCEEDED)
		rn_order_fail(order, record, code, "%s: %u mappings were planned for %s and it has %u%s: choose another gateway, or repeat with force reason TEXT",
			      pub, order->to->plan.planned, order->to->row.name,
			      order->to->owned.length,
			      order->to->plan.reserve ? " (less its reserve)" : "");
	else if (code == RN_CODE_DRAINED)
		rn_order_fail(order, record, code, "%s: %s is drained: choose another gateway, natctl undrain it, or repeat with force reason TEXT",
			      pub, order->to->row.name);
	else
		rn_order_fail(order, record, code, "%s stays on %s: %s", pub,
			      owner ? owner->row.name : "?", rn_code_to_sentence(code));
}

/* The order's VM may go on at its destination. */
static bool ready(const struct rn_order *order, const struct own_ctl_rec *own)
{
	uint32_t to = order->to->row.number;

	return (own->state == OWN_CTL_GRANTED && own->owner == to) ||
	       (order->until_ready && own->ready && own->dst == to);
}

bool rn_order_judge(struct rn_order *order, struct rn_record *record)
{
	const struct own_ctl_rec *own = &record->own;
	struct rn_gateway *owner = rn_gateways_number(order->job.core->gateways, own->owner);
	uint32_t to = order->to->row.number;
	char pub[RN_SIDE_TEXT];

	if (ready(order, own)) {
		order->done++;
		return false;
	}
	rn_public_print(&own->pub, pub);
	if (!rn_record_owned(record)) {
		rn_order_fail(order, record, RN_CODE_UNKNOWN_VM, "%s was released meanwhile", pub);
		return false;
	}
	if (own->state == OWN_CTL_REVOKING && order->verb == RN_ORDER_TAKEOVER) {
		if (order->fenced) {
			fence_soon(order, owner);
			return true;
		}
		if (owner->lease_ms && order->wait_lease)
			return true;	/* its lease will end */
		not_fenced(order, record, owner);
		return false;
	}
	if (own->move_to && own->move_to != to) {
		rn_order_fail(order, record, RN_CODE_BUSY, "%s: a later order moves it to %s", pub,
			      rn_gateways_to_name(order->job.core->gateways, own->move_to));
		return false;
	}
	if (own->state != OWN_CTL_GRANTED || own->move_to == to)
		return true;
	stays(order, record, owner);
	return false;
}

void rn_order_check_end(struct rn_order *order)
{
	if (order->begun < order->ids->len)
		return;
	if (!order->waiting || !order->wait)
		rn_order_answer(order);
}
