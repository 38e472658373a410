// SPDX-License-Identifier: GPL-2.0
/*
 * P8: nothing that tells of a change leaves before the change is on disk. The
 * disk writes what waits in one go; a crash keeps the first part of that, and
 * between the write and the sending there is a moment for a crash, too.
 */
#include <string.h>
#include "sim.h"

static struct sim_out *push(struct sim *s, uint8_t kind)
{
	struct sim_ctl *c = &s->ctl;
	struct sim_out *out;

	if (c->tail - c->head == SIM_OUT) {
		sim_fail(s, "I11: %u outputs wait for the disk", SIM_OUT);
		c->head++;
	}
	out = &s->out[c->tail++ % SIM_OUT];
	out->kind = kind;
	return out;
}

void sim_out_send(struct sim *s, uint32_t to, const struct rn_msg *msg)
{
	struct sim_out *out = push(s, SIM_OUT_SEND);

	out->to = to;
	memcpy(out->head, msg, RN_MSG_HEAD);
}

/* One commit at a time takes all that waits. */
static void start_commit(struct sim *s)
{
	struct sim_ctl *c = &s->ctl;

	if (c->batch)
		return;
	c->batch = c->tail;
	sim_at(s, s->now + sim_between(s, 0, s->calm ? 2 : 2 * s->plan.fsync_ms), SIM_EV_COMMIT,
	       0, 0, 0);
}

void sim_out_save(struct sim *s, unsigned int id)
{
	struct sim_out *out = push(s, SIM_OUT_SAVE);
	const struct own_ctl_rec *r = &s->ctl.rec[id];

	out->id = (uint8_t)id;
	out->row = (struct sim_row){
		.state = r->state > OWN_CTL_QUARANTINE ? OWN_CTL_GRANTED : r->state,
		.owner = r->owner, .epoch = r->epoch, .preset = r->preset,
		.free_at = r->free_at, .vm = r->vm,
		/* Saved in that state only by the release itself. */
		.released_at = r->state == OWN_CTL_QUARANTINE ? s->now : 0,
	};
	start_commit(s);
}

void sim_out_save_gw(struct sim *s, uint32_t g)
{
	struct sim_out *out = push(s, SIM_OUT_SAVE_GW);

	out->to = g;
	out->incarnation = s->ctl.incarnation[g];
	out->fenced = s->ctl.fenced[g];
	start_commit(s);
}

static void write_row(struct sim *s, const struct sim_out *out)
{
	struct sim_ctl *c = &s->ctl;

	if (out->kind == SIM_OUT_SAVE) {
		c->disk[out->id] = out->row;
		sim_check_id(s, out->id);
	} else if (out->kind == SIM_OUT_SAVE_GW) {
		c->disk_incarnation[out->to] = out->incarnation;
		c->disk_fenced[out->to] = out->fenced;
	}
}

static void emit(struct sim *s, const struct sim_out *out)
{
	uint32_t conn = s->ctl.conn[out->to];
	struct rn_msg msg;

	rn_msg_clear(&msg);
	memcpy(&msg, out->head, RN_MSG_HEAD);
	sim_check_told(s, out->to, &msg);
	if (!conn)
		return;
	if (sim_is_session(msg.type))
		sim_post_session(s, RN_CONTROLLER, out->to, conn, &msg);
	else
		sim_post(s, RN_CONTROLLER, out->to, &msg);
}

void sim_out_release(struct sim *s)
{
	struct sim_ctl *c = &s->ctl;

	while (c->head < c->tail && !c->paused && !c->sent_queued && !s->failure[0]) {
		const struct sim_out *out = &s->out[c->head % SIM_OUT];

		if (out->kind != SIM_OUT_SEND && c->head >= c->durable)
			return;
		c->head++;
		if (out->kind == SIM_OUT_SEND)
			emit(s, out);
	}
}

void sim_commit(struct sim *s)
{
	struct sim_ctl *c = &s->ctl;

	if (!c->batch)
		return;			/* it crashed meanwhile */
	for (; c->durable < c->batch; c->durable++)
		if (c->durable >= c->head)
			write_row(s, &s->out[c->durable % SIM_OUT]);
	c->batch = 0;
	c->sent_queued = true;
	sim_at(s, s->now + sim_between(s, 0, 3), SIM_EV_SENT, 0, 0, 0);
}

void sim_sent(struct sim *s)
{
	struct sim_ctl *c = &s->ctl;
	uint64_t i;

	c->sent_queued = false;
	if (!c->up)
		return;
	sim_out_release(s);
	for (i = c->durable > c->head ? c->durable : c->head; i < c->tail; i++)
		if (s->out[i % SIM_OUT].kind != SIM_OUT_SEND) {
			start_commit(s);
			return;
		}
}

/* ---- a crash, and what the next start finds ---- */

void sim_ctl_crash(struct sim *s, int64_t down_ms)
{
	struct sim_ctl *c = &s->ctl;
	uint64_t i, kept = c->durable;
	uint32_t g;

	if (c->batch) {
		sim_count(s, crash_torn);
		kept += sim_below(s, (unsigned int)(c->batch - c->durable) + 1);
		for (i = c->durable; i < kept; i++)
			if (i >= c->head)
				write_row(s, &s->out[i % SIM_OUT]);
	}
	if (c->head < c->durable)
		sim_count(s, crash_unsent);
	sim_say(s, "controller crashes: %llu outputs lost, %llu of them were on disk",
		(unsigned long long)(c->tail - c->head),
		(unsigned long long)(kept > c->head ? kept - c->head : 0));
	c->up = false;
	c->paused = false;
	c->batch = 0;
	c->sent_queued = false;
	c->head = c->tail;
	c->durable = c->tail;
	sim_drop_inbox(s, RN_CONTROLLER);
	for (g = 1; g <= s->plan.honest; g++) {
		sim_at(s, s->now + sim_between(s, 0, 1000), SIM_EV_CUT_GW, g, 0, c->conn[g]);
		c->conn[g] = 0;
	}
	sim_at(s, s->now + down_ms, SIM_EV_BOOT, 0, 0, 0);
}

static void load(struct sim *s, unsigned int id)
{
	const struct rn_public pub = { .addr = { .len = 4, .b = { 203, 0, 113, (uint8_t)id } } };
	const struct sim_row *row = &s->ctl.disk[id];
	struct own_ctl_rec *r = &s->ctl.rec[id];

	own_ctl_rec_init(r, id, &pub);
	r->state = row->state;
	r->epoch = row->epoch;
	r->owner = row->owner;
	r->vm = row->vm;
	r->preset = row->preset;
	r->free_at = row->free_at;
	/* What was not on disk was told to nobody: it never happened. */
	s->ghost.last_vm[id] = row->epoch ? sim_vm_number(&row->vm) : -1;
	s->ghost.released_at[id] = row->released_at;
	s->ctl.wake_at[id] = OWN_NEVER;
	s->ctl.named[id] = 0;
}

void sim_ctl_boot(struct sim *s)
{
	struct sim_ctl *c = &s->ctl;
	unsigned int id;
	uint32_t g;

	if (c->up)
		return;
	sim_say(s, "controller starts");
	c->up = true;
	for (id = 1; id <= s->plan.ids; id++)
		load(s, id);
	for (g = 1; g <= s->plan.honest + (s->hostile != 0); g++) {
		c->incarnation[g] = c->disk_incarnation[g];
		c->fenced[g] = c->disk_fenced[g];
		c->serial_of[g] = 0;
		c->fresh[g] = false;
		c->registered[g] = 0;
		sim_ctl_lease_start(s, g);	/* P7: every lease counts as fresh */
		sim_ctl_refresh(s, g);
	}
	for (id = 1; id <= s->plan.ids; id++)
		sim_check_id(s, id);
}

void sim_ctl_thaw(struct sim *s)
{
	struct sim_ctl *c = &s->ctl;
	bool time_first = sim_chance(s, 500);
	unsigned int id, round;
	uint32_t g;

	if (!c->paused)
		return;
	sim_say(s, "controller goes on, %u messages wait", c->n_inbox);
	c->paused = false;
	sim_out_release(s);
	for (round = 0; round < 2; round++) {
		if (round == time_first) {
			sim_hand_over(s, RN_CONTROLLER);
			continue;
		}
		for (g = 1; g <= s->plan.honest; g++)
			if (s->plan.lease_ms[g])
				sim_ctl_over(s, g);
		for (id = 1; id <= s->plan.ids; id++)
			sim_ctl_wake(s, id);
	}
	sim_sent(s);
}
