// SPDX-License-Identifier: GPL-2.0
#include "controller/tell.h"

void rn_tell_catch_up(struct rn_core *core, struct rn_record *record)
{
	struct rn_gateway *gw = rn_gateways_number(core->gateways, record->asked_queue);
	struct own_ctl_event event = { .from = record->asked_queue };
	struct rn_cause_of cause = { 0 };

	/* Marked before the step, which would tell it again. */
	if (!gw || !rn_records_told(record, gw))
		return;
	event.type = gw->tell.type;
	cause.by = gw->tell.by;
	if (!cause.by)
		cause.gw = gw;
	rn_core_step(core, record, &event, &cause);
}

/* True when some are left. */
static bool tell_some(struct rn_core *core, const struct rn_gateway *gw)
{
	struct rn_record *record = rn_records_untold(gw);

	for (int n = 0; record && n < RN_CORE_TURN; n++) {
		rn_tell_catch_up(core, record);
		record = rn_records_untold(gw);
	}
	return record;
}

static gboolean on_tell(gpointer data)
{
	struct rn_core *core = data;
	GList *link = g_queue_pop_head_link(&core->tell);
	struct rn_gateway *gw = link->data;

	gw->tell.linked = tell_some(core, gw);
	if (gw->tell.linked)
		g_queue_push_tail_link(&core->tell, link);
	if (!g_queue_is_empty(&core->tell))
		return G_SOURCE_CONTINUE;
	core->telling = 0;
	return G_SOURCE_REMOVE;
}

void rn_tell_finish(struct rn_core *core, struct rn_gateway *gw)
{
	while (tell_some(core, gw))
		;
}

void rn_tell_records(struct rn_core *core, struct rn_gateway *gw, uint8_t type, const char *by)
{
	g_free(gw->tell.by);
	gw->tell.by = g_strdup(by);
	gw->tell.type = type;
	gw->tell.serial++;
	if (!tell_some(core, gw) || gw->tell.linked)
		return;
	gw->tell.linked = true;
	g_queue_push_tail_link(&core->tell, &gw->tell.link);
	if (!core->telling)
		core->telling = g_idle_add_full(G_PRIORITY_DEFAULT, on_tell, core, NULL);
}

void rn_tell_stop(struct rn_core *core)
{
	if (core->telling)
		g_source_remove(core->telling);
	core->telling = 0;
	while (g_queue_pop_head_link(&core->tell))
		;
}
