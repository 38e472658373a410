// SPDX-License-Identifier: GPL-2.0
/* Orders that an orchestrator takes back: docs/protocol.md, "A cancelled order". */
#include "controller/order-priv.h"
#include "controller/tell.h"

struct cancelled {
	struct rn_control_call *call;
	guint n, late, none;
	uint32_t asked;		/* who answers the late one */
};

static void cancel_one(struct rn_core *core, struct rn_record *record, const char *by,
		       struct cancelled *c)
{
	const struct own_ctl_rec *own = &record->own;
	const struct rn_msg msg = { .dst = own->owner, .vm = own->vm, .id = own->id };
	const struct own_ctl_event event = { .type = OWN_CTL_EV_MIGRATE, .msg = &msg };
	const struct rn_cause_of cause = { .by = by };

	rn_tell_catch_up(core, record);
	if (own->state == OWN_CTL_VERIFY_DST) {
		c->late++;
		c->asked = own->dst;
	} else if (!own->move_to) {
		c->none++;
	} else {
		record->code = RN_CODE_CANCELLED;
		rn_core_step(core, record, &event, &cause);
		c->n++;
	}
}

void rn_order_cancel(struct rn_core *core, struct rn_control_call *call,
		     const RnRequest *request)
{
	g_autoptr(GArray) ids = rn_order_select(core, call, request);
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	struct cancelled c = { .call = call };
	g_autofree char *text = NULL;

	if (!ids)
		return;
	for (guint i = 0; i < ids->len; i++) {
		struct rn_record *record =
			rn_records_id(core->records, g_array_index(ids, uint64_t, i));

		if (record)
			cancel_one(core, record, rn_control_caller(call), &c);
	}
	if (c.late) {
		rn_control_refuse(call, RN_CODE_BUSY,
				  "too late for %u of %u: %s is asked already whether it holds it; if it has moved, natctl migrate it back",
				  c.late, ids->len,
				  rn_gateways_to_name(core->gateways, c.asked));
		return;
	}
	text = c.n ? g_strdup_printf("%u order%s withdrawn", c.n, c.n == 1 ? "" : "s") :
		g_strdup("no order stands, nothing to cancel");
	reply.text = text;
	reply.last = 1;
	rn_control_reply(call, &reply);
}
