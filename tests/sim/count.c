// SPDX-License-Identifier: GPL-2.0
/* What the worlds reached: faults, and every event in every state. */
#include <stdio.h>
#include <string.h>
#include "sim.h"

enum {
	GW_MSG = OWN_GW_EV_MAX + 1,
	GW_KERNEL = GW_MSG + RN_MSG_TYPE_MAX + 1,
	CTL_MSG = OWN_CTL_EV_MAX + 1,
};

void sim_count_gw(struct sim_totals *t, uint8_t before, uint8_t doing,
		  const struct own_gw_event *event)
{
	unsigned int cell = event->type;

	if (event->type == OWN_GW_EV_KERNEL)
		cell = GW_KERNEL + 2u * doing + (event->err != 0);
	else if (event->type == OWN_GW_EV_MSG &&
		 (event->from == RN_CONTROLLER || event->msg->type == RN_MSG_XFER ||
		  event->msg->type == RN_MSG_XFER_ACK))
		cell = GW_MSG + event->msg->type;
	t->gw[cell][before]++;
}

void sim_count_ctl(struct sim_totals *t, uint8_t before, const struct own_ctl_event *event)
{
	unsigned int cell = event->type;

	if (event->type == OWN_CTL_EV_MSG)
		cell = CTL_MSG + event->msg->type;
	t->ctl[cell][before]++;
}

static const char *const gw_events[] = {
	[OWN_GW_EV_MISS] = "miss", [OWN_GW_EV_MSG] = "forged message", [OWN_GW_EV_TIME] = "time",
	[OWN_GW_EV_IDLE] = "idle", [OWN_GW_EV_VM_LEFT] = "vm-left",
	[OWN_GW_EV_RELEASE] = "release", [OWN_GW_EV_DELETED] = "deleted",
	[OWN_GW_EV_ADOPT] = "adopt", [OWN_GW_EV_SESSION] = "session",
	[OWN_GW_EV_SUSPEND] = "suspend", [OWN_GW_EV_FLUSHED] = "flushed",
};

static const char *const ctl_events[] = {
	[OWN_CTL_EV_TIME] = "time", [OWN_CTL_EV_ALLOCATE] = "allocate",
	[OWN_CTL_EV_MIGRATE] = "migrate", [OWN_CTL_EV_TAKEOVER] = "takeover",
	[OWN_CTL_EV_FENCED] = "fenced", [OWN_CTL_EV_REGISTERED] = "registered",
	[OWN_CTL_EV_INVENTORY_END] = "inventory-end", [OWN_CTL_EV_RECLAIM] = "reclaim",
};

static const char *const requests[] = {
	[OWN_ACT_INSTALL] = "install", [OWN_ACT_HOLD] = "hold",
	[OWN_ACT_FREEZE_OUT] = "freeze-out", [OWN_ACT_FREEZE_REL] = "freeze-rel",
	[OWN_ACT_FLOOR] = "floor",
};

/* NULL: the shells never give that to the machine. */
static const char *gw_name(unsigned int cell, char buf[40])
{
	unsigned int doing = (cell - GW_KERNEL) / 2;

	if (cell < GW_MSG)
		return cell < sizeof(gw_events) / sizeof(*gw_events) ? gw_events[cell] : NULL;
	if (cell >= GW_KERNEL) {
		if (doing >= sizeof(requests) / sizeof(*requests) || !requests[doing])
			return NULL;
		snprintf(buf, 40, "%s %s", requests[doing], cell & 1 ? "fails" : "done");
		if (GW_KERNEL & 1)
			snprintf(buf, 40, "%s %s", requests[doing], cell & 1 ? "done" : "fails");
		return buf;
	}
	switch (cell - GW_MSG) {
	case RN_MSG_GRANT: case RN_MSG_DENY: case RN_MSG_VERIFY_SRC: case RN_MSG_VERIFY_DST:
	case RN_MSG_RELOK: case RN_MSG_STALE: case RN_MSG_NEVER: case RN_MSG_MOVE:
	case RN_MSG_XFER: case RN_MSG_XFER_ACK:
		return rn_msg_type_to_string((uint8_t)(cell - GW_MSG));
	}
	return NULL;
}

static const char *ctl_name(unsigned int cell)
{
	if (cell < CTL_MSG)
		return cell < sizeof(ctl_events) / sizeof(*ctl_events) ? ctl_events[cell] : NULL;
	switch (cell - CTL_MSG) {
	case RN_MSG_NATREQ: case RN_MSG_GRANT_ACK: case RN_MSG_MIG_S: case RN_MSG_MIG_D:
	case RN_MSG_REL: case RN_MSG_RESUME: case RN_MSG_VERIFY_YES: case RN_MSG_VERIFY_NO:
		return rn_msg_type_to_string((uint8_t)(cell - CTL_MSG));
	}
	return NULL;
}

static void row(const char *name, const uint64_t *n, unsigned int states)
{
	unsigned int i;

	printf("  %-18s", name);
	for (i = 0; i < states; i++)
		printf(" %11llu", (unsigned long long)n[i]);
	putchar('\n');
}

static void head(const char *title, unsigned int states, const char *(*name)(uint8_t state))
{
	unsigned int i;

	printf("%-20s", title);
	for (i = 0; i < states; i++)
		printf(" %11.11s", name((uint8_t)i));
	putchar('\n');
}

static void report_cells(const struct sim_totals *t)
{
	unsigned int cell;
	char buf[40];

	head("gateway", OWN_GW_STATE_MAX + 1, own_gw_state_to_string);
	for (cell = 1; cell < SIM_GW_CELLS; cell++)
		if (gw_name(cell, buf))
			row(gw_name(cell, buf), t->gw[cell], OWN_GW_STATE_MAX + 1);
	head("controller", OWN_CTL_STATE_MAX + 1, own_ctl_state_to_string);
	for (cell = 1; cell < SIM_CTL_CELLS; cell++)
		if (ctl_name(cell))
			row(ctl_name(cell), t->ctl[cell], OWN_CTL_STATE_MAX + 1);
}

/* Cells that no shell gives to the machine: nothing is asked, queued or kept there. */
static bool gw_impossible(unsigned int cell, unsigned int state)
{
	bool translates = state == OWN_GW_ACTIVE || state == OWN_GW_SUSPENDED;

	if (cell == OWN_GW_EV_TIME)
		return translates;
	if (cell == OWN_GW_EV_ADOPT)
		return state > OWN_GW_PENDING;
	if (cell == OWN_GW_EV_IDLE || cell == OWN_GW_EV_DELETED)
		return state <= OWN_GW_PENDING;
	if (cell == OWN_GW_EV_SESSION)
		return state == OWN_GW_SUSPENDED;	/* just flushed */
	switch (cell < GW_KERNEL ? 0 : (cell - GW_KERNEL) / 2) {
	case OWN_ACT_HOLD:
		return state > OWN_GW_MOVING_IN;
	case OWN_ACT_FREEZE_OUT:
		return !translates;
	case OWN_ACT_FREEZE_REL:
		return state != OWN_GW_ACTIVE;
	}
	return false;
}

static bool ctl_impossible(unsigned int cell, unsigned int state)
{
	bool idle = state == OWN_CTL_FREE || state == OWN_CTL_QUARANTINE;

	switch (cell) {
	case OWN_CTL_EV_ALLOCATE:
		return !idle;
	case OWN_CTL_EV_FENCED:
	case OWN_CTL_EV_REGISTERED:
		return idle || state == OWN_CTL_GRANTED;
	case OWN_CTL_EV_TIME:
	case OWN_CTL_EV_MIGRATE:
	case OWN_CTL_EV_TAKEOVER:
	case OWN_CTL_EV_INVENTORY_END:
	case OWN_CTL_EV_RECLAIM:
	case CTL_MSG + RN_MSG_NATREQ:
		return idle;
	}
	return false;
}

static void report_missing(const struct sim_totals *t)
{
	unsigned int cell, state, missing = 0;
	char buf[40];

	printf("never reached:");
	for (cell = 1; cell < SIM_GW_CELLS; cell++)
		for (state = 0; state <= OWN_GW_STATE_MAX && gw_name(cell, buf); state++)
			if (!t->gw[cell][state] && !gw_impossible(cell, state) && ++missing)
				printf(" gateway %s in %s;", gw_name(cell, buf),
				       own_gw_state_to_string((uint8_t)state));
	for (cell = 1; cell < SIM_CTL_CELLS; cell++)
		for (state = 0; state <= OWN_CTL_STATE_MAX && ctl_name(cell); state++)
			if (!t->ctl[cell][state] && !ctl_impossible(cell, state) && ++missing)
				printf(" controller %s in %s;", ctl_name(cell),
				       own_ctl_state_to_string((uint8_t)state));
	printf(" %u cells\n", missing);
}

static void report_moves(const struct sim_totals *t)
{
	unsigned int a, b;

	head("from \\ to", OWN_GW_STATE_MAX + 1, own_gw_state_to_string);
	for (a = 0; a <= OWN_GW_STATE_MAX; a++)
		row(own_gw_state_to_string((uint8_t)a), t->gw_move[a], OWN_GW_STATE_MAX + 1);
	head("from \\ to", OWN_CTL_STATE_MAX + 1, own_ctl_state_to_string);
	for (a = 0; a <= OWN_CTL_STATE_MAX; a++)
		row(own_ctl_state_to_string((uint8_t)a), t->ctl_move[a], OWN_CTL_STATE_MAX + 1);
	printf("notes:");
	for (b = 1; b <= OWN_NOTE_MAX; b++)
		printf(" %s %llu", own_note_to_string((uint8_t)b), (unsigned long long)t->note[b]);
	putchar('\n');
}

void sim_report(const struct sim_totals *t)
{
	static const char *const names[] = {
#define X(name) #name,
		SIM_FAULTS(X)
#undef X
	};
	unsigned int i;

	for (i = 0; i < SIM_FAULT_KINDS; i++)
		printf("  %-20s %12llu%s", names[i], (unsigned long long)t->fault[i],
		       i % 3 == 2 || i + 1 == SIM_FAULT_KINDS ? "\n" : "");
	report_cells(t);
	report_moves(t);
	report_missing(t);
}
