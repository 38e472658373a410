// SPDX-License-Identifier: GPL-2.0
#include "controller/evacuate.h"
#include "controller/standing.h"

struct rn_gateway *rn_standing_gateway(struct rn_core *core, struct rn_control_call *call,
				       const RnRequest *request)
{
	const char *name = request->selector ? request->selector->gateway : "";
	struct rn_gateway *gw = rn_gateways_name(core->gateways, name);

	if (!gw)
		rn_control_refuse(call, RN_CODE_UNKNOWN_GATEWAY,
				  "no gateway `%s`: natctl gateway show lists them", name);
	return gw;
}

/* When it is on disk. */
static void answer_done(void *data)
{
	struct rn_job *job = data;
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	reply.last = 1;
	if (job->call) {
		rn_control_set_user(job->call, NULL);
		rn_control_reply(job->call, &reply);
	}
	g_free(job);
}

static void cancel(struct rn_job *job)
{
	job->call = NULL;	/* answer_done frees it */
}

static void answer_later(struct rn_core *core, struct rn_control_call *call)
{
	struct rn_job *job = g_new0(struct rn_job, 1);

	*job = (struct rn_job){ .core = core, .call = call, .cancel = cancel };
	rn_control_set_user(call, job);
	rn_core_later(core, answer_done, job);
}

void rn_standing_fence(struct rn_core *core, struct rn_control_call *call,
		       const RnRequest *request)
{
	struct rn_gateway *gw = rn_standing_gateway(core, call, request);

	if (!gw)
		return;
	if (!*request->reason) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "to fence asserts that a gateway is off and goes to the audit log: add reason TEXT");
		return;
	}
	if (gw->session) {
		rn_control_refuse(call, RN_CODE_BUSY,
				  "%s is connected, so it is not off: power it off (or shut its port) first",
				  gw->row.name);
		return;
	}
	rn_core_fence(core, gw, rn_control_caller(call), request->reason);
	answer_later(core, call);
}

void rn_standing_set_drained(struct rn_core *core, struct rn_gateway *gw, bool drained,
			     const char *by, const char *reason)
{
	const struct rn_store_unit unit = { .gateway = &gw->row };

	if (gw->row.drained == drained)
		return;
	gw->row.drained = drained;
	rn_gateway_refresh(gw, rn_core_now());
	core->saved = rn_store_put(core->store, &unit);
	rn_core_tell(core, gw, drained ? "drained" : "undrained", by, reason, true);
}

void rn_standing_drain(struct rn_core *core, struct rn_control_call *call,
		       const RnRequest *request)
{
	struct rn_gateway *gw = rn_standing_gateway(core, call, request);

	if (!gw)
		return;
	if (request->undo && rn_evacuation_running(gw)) {
		rn_control_refuse(call, RN_CODE_BUSY,
				  "%s is being evacuated: natctl evacuate cancel %s first",
				  gw->row.name, gw->row.name);
		return;
	}
	rn_standing_set_drained(core, gw, !request->undo, rn_control_caller(call),
				request->reason);
	answer_later(core, call);
}
