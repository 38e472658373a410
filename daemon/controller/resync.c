// SPDX-License-Identifier: GPL-2.0
#include "controller/allocate.h"
#include "controller/resync.h"
#include "controller/tell.h"

static void turn_soon(struct rn_resync *resync);

void rn_resync_stop(struct rn_resync *resync)
{
	g_clear_handle_id(&resync->source, g_source_remove);
	g_clear_handle_id(&resync->stall, g_source_remove);
	if (resync->going)
		resync->gw->inventory.next = NULL;
	resync->going = FALSE;
}

void rn_resync_begin(struct rn_resync *resync, struct rn_core *core, struct rn_gateway *gw,
		     gboolean fresh)
{
	rn_resync_stop(resync);
	resync->core = core;
	resync->gw = gw;
	resync->fresh = fresh;
	gw->inventory.serial++;
}

void rn_resync_named(struct rn_resync *resync, const struct rn_msg *msg)
{
	struct rn_core *core = resync->core;
	struct rn_record *record = rn_records_id(core->records, msg->id);
	struct rn_gateway *gw = resync->gw;
	struct rn_msg answer = {
		.id = msg->id, .epoch = msg->epoch, .nonce = msg->nonce,
		.incarnation = gw->row.incarnation,
	};

	if (record)
		rn_tell_catch_up(core, record);
	if (record && rn_record_owned(record) && record->own.owner == gw->row.number &&
	    record->own.epoch == msg->epoch) {
		if (!resync->fresh)
			record->named = gw->inventory.serial;
		return;
	}
	answer.type = record && msg->epoch <= record->own.epoch ? RN_MSG_STALE : RN_MSG_NEVER;
	answer.vm = msg->vm;
	if (record && !answer.vm.kind && msg->epoch == record->own.epoch)
		answer.vm = record->own.vm;
	rn_core_send(core, gw->row.number, &answer);
}

/* ---- granting again ---- */

static void done(struct rn_resync *resync)
{
	struct rn_msg msg = {
		.type = RN_MSG_INVENTORY_DONE,
		.incarnation = resync->gw->row.incarnation,
		.nonce = resync->end_nonce,
	};

	resync->fresh = FALSE;
	resync->going = FALSE;
	rn_allocate_home(resync->core, resync->gw);
	rn_core_send(resync->core, resync->gw->row.number, &msg);
}

/* Looks at the next record; true when that was granted again. */
static gboolean look(struct rn_resync *resync)
{
	struct rn_inventory *inventory = &resync->gw->inventory;
	const struct own_ctl_event event = {
		.type = OWN_CTL_EV_INVENTORY_END, .from = resync->gw->row.number,
	};
	const struct rn_cause_of cause = { .gw = resync->gw };
	struct rn_record *record = inventory->next->data;

	inventory->next = inventory->next->next;
	if (record->named == inventory->serial)
		return FALSE;
	/* Before the step, which may put it at the end of the queue. */
	record->named = inventory->serial;
	rn_count(&resync->core->counters, resynced);
	rn_core_step(resync->core, record, &event, &cause);
	return TRUE;
}

static gboolean window_open(const struct rn_resync *resync)
{
	return resync->gw->unacked < RN_RESYNC_WINDOW;
}

/* Some steps, as long as `more` holds; true when there is nothing left. */
static gboolean go(struct rn_resync *resync, gboolean (*more)(const struct rn_resync *resync))
{
	const struct rn_inventory *inventory = &resync->gw->inventory;
	int granted = 0;

	for (int n = 0; n < RN_RESYNC_LOOK && granted < RN_CORE_TURN && inventory->next &&
	     (!more || more(resync)); n++)
		granted += look(resync);
	if (inventory->next)
		return FALSE;
	done(resync);
	return TRUE;
}

/* The gateway may be unable to acknowledge some: that must not end all. */
static gboolean on_stall(gpointer data)
{
	struct rn_resync *resync = data;

	if (resync->gw->unacked < resync->stalled) {	/* slow, but it goes on */
		resync->stalled = resync->gw->unacked;
		return G_SOURCE_CONTINUE;
	}
	resync->stall = 0;
	rn_count(&resync->core->counters, resync_stalls);
	if (!resync->core->hooks->full(resync->gw) && !go(resync, NULL))
		turn_soon(resync);
	return G_SOURCE_REMOVE;
}

static gboolean on_turn(gpointer data)
{
	struct rn_resync *resync = data;

	/* `drained` and `relieved` go on. */
	if (resync->core->hooks->full(resync->gw) || rn_core_behind(resync->core)) {
		resync->source = 0;
		return G_SOURCE_REMOVE;
	}
	if (!window_open(resync)) {
		resync->source = 0;
		resync->stalled = resync->gw->unacked;
		if (!resync->stall)
			resync->stall = g_timeout_add(RN_RESYNC_STALL_MS, on_stall, resync);
		return G_SOURCE_REMOVE;
	}
	if (!go(resync, window_open))
		return G_SOURCE_CONTINUE;
	resync->source = 0;
	return G_SOURCE_REMOVE;
}

static void turn_soon(struct rn_resync *resync)
{
	if (resync->source)
		return;
	resync->source = g_idle_add_full(G_PRIORITY_DEFAULT, on_turn, resync, NULL);
	g_source_set_name_by_id(resync->source, "resync");
}

void rn_resync_go_on(struct rn_resync *resync)
{
	if (!resync->going || resync->source)
		return;
	/* While the window is full, half of it is worth a turn. */
	if (resync->stall && resync->gw->unacked > RN_RESYNC_WINDOW / 2)
		return;
	g_clear_handle_id(&resync->stall, g_source_remove);
	turn_soon(resync);
}

void rn_resync_end(struct rn_resync *resync, const struct rn_msg *msg)
{
	resync->end_nonce = msg->nonce;
	if (resync->going)
		return;			/* said again while it is under way */
	resync->going = TRUE;
	resync->gw->inventory.next = resync->gw->owned.head;
	turn_soon(resync);
}
