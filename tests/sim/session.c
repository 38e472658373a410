// SPDX-License-Identifier: GPL-2.0
/*
 * HELLO, REGISTER, INVENTORY and leases, at both ends, in the order in which
 * daemon/agent/session.c and daemon/controller/session.c do them.
 */
#include "sim.h"

enum { ANSWER_MS = 5000, RENEW_MIN = 1000 };

bool sim_is_session(uint8_t type)
{
	switch (type) {
	case RN_MSG_HELLO:
	case RN_MSG_HELLO_ACK:
	case RN_MSG_REGISTER:
	case RN_MSG_REGISTERED:
	case RN_MSG_INVENTORY:
	case RN_MSG_INVENTORY_END:
	case RN_MSG_INVENTORY_DONE:
	case RN_MSG_LEASE_RENEW:
	case RN_MSG_LEASE:
		return true;
	}
	return false;
}

/* ---- the agent ---- */

static void say_to_controller(struct sim *s, uint32_t g, struct rn_msg *msg, uint8_t type)
{
	msg->type = type;
	sim_post_session(s, g, RN_CONTROLLER, s->gw[g].conn, msg);
}

void sim_dial(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	struct rn_msg msg = { .mode = s->plan.mode, .incarnation = gw->kernel.incarnation };

	if (!gw->on || gw->paused || gw->session != SIM_DOWN)
		return;
	if (!s->ctl.up || s->blocked[g][0] || s->blocked[0][g]) {
		sim_at(s, s->now + sim_between(s, 500, 3000), SIM_EV_DIAL, g, 0, 0);
		return;
	}
	gw->conn = ++s->conns;
	gw->session = SIM_HELLO;
	gw->nonce = sim_random(s) | 1;
	msg.nonce = gw->nonce;
	if (gw->wrong_mode)
		msg.mode = (uint8_t)(RN_MODE_SOURCE + RN_MODE_DESTINATION - msg.mode);
	s->stream_at[g][0] = s->now;
	s->stream_at[0][g] = s->now;
	say_to_controller(s, g, &msg, RN_MSG_HELLO);
	sim_at(s, s->now + 30000, SIM_EV_GIVE_UP, g, 0, gw->conn);
}

void sim_gw_cut(struct sim *s, uint32_t g, uint32_t conn)
{
	struct sim_gw *gw = &s->gw[g];

	if (!gw->on || !conn || gw->conn != conn)
		return;
	if (gw->paused) {
		gw->cut = true;
		return;
	}
	sim_count(s, cut);
	sim_say(s, "gw%u: connection %u is over", g, conn);
	gw->session = SIM_DOWN;
	gw->conn = 0;
	sim_at(s, s->now + sim_between(s, 0, 10), SIM_EV_CUT_CTL, g, 0, conn);
	sim_at(s, s->now + sim_between(s, 100, 3000), SIM_EV_DIAL, g, 0, 0);
}

void sim_gw_give_up(struct sim *s, uint32_t g, uint32_t conn)
{
	if (s->gw[g].session < SIM_UP)
		sim_gw_cut(s, g, conn);
}

void sim_break(struct sim *s, uint32_t g, int64_t ms)
{
	sim_at(s, s->now + sim_between(s, 0, ms), SIM_EV_CUT_GW, g, 0, s->gw[g].conn);
	sim_at(s, s->now + sim_between(s, 0, ms), SIM_EV_CUT_CTL, g, 0, s->ctl.conn[g]);
}

static void queue_lease(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	int64_t at = OWN_NEVER;

	if (gw->kernel.incarnation && gw->kernel.lease_end)
		at = gw->kernel.lease_end;
	if (gw->session >= SIM_SYNC && gw->lease_ms && gw->renew_at < at)
		at = gw->renew_at;
	if (at == OWN_NEVER)
		return;
	at = sim_gw_time(s, g, at);
	if (at >= gw->lease_wake)
		return;
	gw->lease_wake = at;
	sim_at(s, at, SIM_EV_LEASE, g, 0, 0);
}

static void suspend(struct sim *s, uint32_t g)
{
	sim_kernel_session(s, g, 0, 0);
	s->gw[g].renew_nonce = 0;
	sim_gw_everyone(s, g, OWN_GW_EV_SUSPEND);
}

static void start_registration(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	struct rn_msg msg = { .nonce = sim_random(s) | 1 };

	gw->session = SIM_REGISTERING;
	suspend(s, g);
	gw->nonce = msg.nonce;
	gw->asked_at = sim_gw_clock(s, g);
	say_to_controller(s, g, &msg, RN_MSG_REGISTER);
}

static void send_renewal(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	int64_t now = sim_gw_clock(s, g), every = gw->lease_ms / 10;
	struct rn_msg msg = { .incarnation = gw->kernel.incarnation };

	gw->renew_at = now + (every > RENEW_MIN ? every : RENEW_MIN);
	if (gw->renew_nonce && now - gw->renew_sent < ANSWER_MS)
		return;
	gw->renew_nonce = sim_random(s) | 1;
	gw->renew_sent = now;
	msg.nonce = gw->renew_nonce;
	say_to_controller(s, g, &msg, RN_MSG_LEASE_RENEW);
}

static void start_sync(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	struct rn_msg msg = { .incarnation = gw->kernel.incarnation };
	int vm;

	gw->session = SIM_SYNC;
	gw->nonce = sim_random(s) | 1;
	gw->renew_nonce = 0;
	gw->renew_at = sim_gw_clock(s, g) + RENEW_MIN;
	if (gw->lease_ms || gw->kernel.lease_end)
		send_renewal(s, g);
	queue_lease(s, g);
	for (vm = 0; vm < (int)s->plan.vms; vm++) {
		const struct own_gw_entry *e = &gw->entry[vm];

		/* A transfer that waits is no possession, and what is suspended
		 * must be granted again, or the flush takes it.
		 */
		if (e->state < OWN_GW_ACTIVE || e->state == OWN_GW_SUSPENDED)
			continue;
		msg.id = e->id;
		msg.epoch = e->epoch;
		say_to_controller(s, g, &msg, RN_MSG_INVENTORY);
	}
	msg.id = 0;
	msg.epoch = 0;
	msg.nonce = gw->nonce;
	say_to_controller(s, g, &msg, RN_MSG_INVENTORY_END);
}

void sim_gw_lease(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];

	gw->lease_wake = OWN_NEVER;
	if (gw->paused || !gw->on)
		return;
	if (gw->kernel.incarnation && !sim_lease_runs(s, g)) {
		sim_count(s, lease_lapsed);
		sim_say(s, "gw%u: its lease has run out", g);
		if (gw->session >= SIM_SYNC)
			start_registration(s, g);
		else
			suspend(s, g);
	} else if (gw->session >= SIM_SYNC && gw->lease_ms &&
		   sim_gw_clock(s, g) >= gw->renew_at) {
		send_renewal(s, g);
	}
	queue_lease(s, g);
}

static void on_lease(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	struct sim_gw *gw = &s->gw[g];

	if (gw->session < SIM_SYNC || !gw->renew_nonce || msg->nonce != gw->renew_nonce)
		return;
	gw->renew_nonce = 0;
	if (msg->code == RN_CODE_LEASE_OVER || msg->code == RN_CODE_NOT_REGISTERED ||
	    msg->code == RN_CODE_WRONG_INCARNATION) {
		start_registration(s, g);
		return;
	}
	if (msg->code || msg->incarnation != gw->kernel.incarnation)
		return;
	gw->lease_ms = (int64_t)msg->lease_ms;
	if (sim_kernel_session(s, g, msg->incarnation,
			       msg->lease_ms ? gw->renew_sent + gw->lease_ms : 0))
		start_registration(s, g);
	queue_lease(s, g);
}

static void on_hello_ack(struct sim *s, uint32_t g, uint32_t conn, const struct rn_msg *msg)
{
	struct sim_gw *gw = &s->gw[g];

	if (gw->session != SIM_HELLO || msg->nonce != gw->nonce)
		return;
	if (msg->code) {
		sim_gw_cut(s, g, conn);
		return;
	}
	gw->lease_ms = (int64_t)msg->lease_ms;
	if (gw->kernel.incarnation && gw->kernel.incarnation == msg->incarnation &&
	    sim_lease_runs(s, g)) {
		sim_count(s, reconnected);
		start_sync(s, g);
	} else {
		start_registration(s, g);
	}
}

static void on_registered(struct sim *s, uint32_t g, uint32_t conn, const struct rn_msg *msg)
{
	struct sim_gw *gw = &s->gw[g];

	if (gw->session != SIM_REGISTERING || msg->nonce != gw->nonce)
		return;
	gw->lease_ms = (int64_t)msg->lease_ms;
	if (!msg->incarnation ||
	    sim_kernel_session(s, g, msg->incarnation,
			       gw->lease_ms ? gw->asked_at + gw->lease_ms : 0))
		sim_gw_cut(s, g, conn);
	else
		start_sync(s, g);
}

static void on_inventory_done(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	if (s->gw[g].session != SIM_SYNC || msg->nonce != s->gw[g].nonce)
		return;
	sim_kernel_flush(s, g);
	sim_gw_everyone(s, g, OWN_GW_EV_FLUSHED);
	s->gw[g].session = SIM_UP;
	sim_gw_everyone(s, g, OWN_GW_EV_SESSION);
}

void sim_gw_session_message(struct sim *s, uint32_t g, uint32_t conn, const struct rn_msg *msg)
{
	switch (msg->type) {
	case RN_MSG_HELLO_ACK:
		on_hello_ack(s, g, conn, msg);
		break;
	case RN_MSG_REGISTERED:
		on_registered(s, g, conn, msg);
		break;
	case RN_MSG_INVENTORY_DONE:
		on_inventory_done(s, g, msg);
		break;
	case RN_MSG_LEASE:
		on_lease(s, g, msg);
		break;
	}
}

/* ---- the controller ---- */

static void ctl_hello(struct sim *s, uint32_t g, uint32_t conn, const struct rn_msg *msg)
{
	struct sim_ctl *c = &s->ctl;
	struct rn_msg answer = { .type = RN_MSG_HELLO_ACK, .nonce = msg->nonce,
				 .lease_ms = (uint64_t)s->plan.lease_ms[g],
				 .incarnation = c->incarnation[g] };

	if (conn < c->conn[g])
		return;			/* a newer one of this identity is there */
	if (msg->mode != s->plan.mode) {
		sim_count(s, mode_refused);
		answer.code = RN_CODE_WRONG_MODE;
		sim_post_session(s, RN_CONTROLLER, g, conn, &answer);
		return;
	}
	c->conn[g] = conn;
	c->serial_of[g] = ++c->serial;
	c->fresh[g] = false;
	c->registered[g] = 0;
	sim_ctl_refresh(s, g);
	/* Through the queue: a change of the row may still be on its way to disk. */
	sim_out_send(s, g, &answer);
}

static void ctl_register(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	struct sim_ctl *c = &s->ctl;
	struct rn_msg answer = { .type = RN_MSG_REGISTERED, .nonce = msg->nonce,
				 .lease_ms = (uint64_t)s->plan.lease_ms[g] };

	if (c->registered[g] > c->durable)
		return;			/* one at a time */
	sim_count(s, registered);
	c->serial_of[g] = ++c->serial;
	c->fresh[g] = true;
	c->incarnation[g]++;
	c->fenced[g] = false;
	sim_ctl_lease_start(s, g);
	sim_ctl_refresh(s, g);
	sim_out_save_gw(s, g);
	c->registered[g] = c->tail;
	answer.incarnation = c->incarnation[g];
	sim_say(s, "controller: gw%u registers, incarnation %llu", g,
		(unsigned long long)answer.incarnation);
	sim_out_send(s, g, &answer);
	sim_ctl_everyone(s, g, OWN_CTL_EV_REGISTERED);
}

static uint8_t judge(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	const struct own_ctl_gw *gw = &s->ctl.gw[g];

	sim_ctl_refresh(s, g);
	if (!gw->registered)
		return RN_CODE_NOT_REGISTERED;
	if (msg->incarnation != gw->incarnation)
		return RN_CODE_WRONG_INCARNATION;
	return gw->live ? RN_CODE_OK : RN_CODE_LEASE_OVER;
}

static void ctl_inventory(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	const struct own_ctl_rec *r = &s->ctl.rec[msg->id];
	struct rn_msg answer = { .id = msg->id, .epoch = msg->epoch, .nonce = msg->nonce,
				 .incarnation = s->ctl.incarnation[g] };

	if (sim_granted(r->state) && r->owner == g && r->epoch == msg->epoch) {
		s->ctl.named[msg->id] = s->ctl.serial_of[g];
		return;
	}
	answer.type = msg->epoch <= r->epoch ? RN_MSG_STALE : RN_MSG_NEVER;
	if (msg->epoch == r->epoch)
		answer.vm = r->vm;
	sim_out_send(s, g, &answer);
}

static void ctl_inventory_end(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	const struct own_ctl_event end = { .type = OWN_CTL_EV_INVENTORY_END, .from = g };
	struct sim_ctl *c = &s->ctl;
	struct rn_msg done = { .type = RN_MSG_INVENTORY_DONE, .nonce = msg->nonce,
			       .incarnation = c->incarnation[g] };
	unsigned int id;

	for (id = 1; id <= s->plan.ids; id++)
		if (sim_granted(c->rec[id].state) && c->rec[id].owner == g &&
		    (c->fresh[g] || c->named[id] != c->serial_of[g]))
			sim_ctl_event(s, id, &end);
	c->fresh[g] = false;
	sim_out_send(s, g, &done);
}

/* P6 */
static void ctl_renew(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	struct sim_ctl *c = &s->ctl;
	struct rn_msg answer = { .type = RN_MSG_LEASE, .nonce = msg->nonce,
				 .incarnation = c->incarnation[g],
				 .lease_ms = (uint64_t)s->plan.lease_ms[g] };
	unsigned int id;

	sim_ctl_refresh(s, g);
	for (id = 1; id <= s->plan.ids; id++)
		if (c->rec[id].state == OWN_CTL_REVOKING && c->rec[id].owner == g)
			answer.code = RN_CODE_NO_ANSWER;
	if (msg->incarnation != c->incarnation[g] || c->fenced[g])
		answer.code = RN_CODE_WRONG_INCARNATION;
	else if (!answer.code && !c->gw[g].live)
		answer.code = RN_CODE_LEASE_OVER;
	if (answer.code) {
		sim_count(s, renewal_refused);
		answer.lease_ms = 0;
	} else {
		sim_ctl_lease_start(s, g);
	}
	sim_out_send(s, g, &answer);
}

void sim_ctl_session_message(struct sim *s, uint32_t g, uint32_t conn, const struct rn_msg *msg)
{
	uint8_t code = 0;

	if (msg->type == RN_MSG_INVENTORY || msg->type == RN_MSG_INVENTORY_END)
		code = judge(s, g, msg);
	if (code) {
		struct rn_msg deny = { .type = RN_MSG_DENY, .code = code, .nonce = msg->nonce,
				       .id = msg->id, .epoch = msg->epoch,
				       .incarnation = s->ctl.incarnation[g] };

		sim_out_send(s, g, &deny);
		sim_out_release(s);
		return;
	}
	switch (msg->type) {
	case RN_MSG_HELLO:
		ctl_hello(s, g, conn, msg);
		break;
	case RN_MSG_REGISTER:
		ctl_register(s, g, msg);
		break;
	case RN_MSG_INVENTORY:
		ctl_inventory(s, g, msg);
		break;
	case RN_MSG_INVENTORY_END:
		ctl_inventory_end(s, g, msg);
		break;
	case RN_MSG_LEASE_RENEW:
		ctl_renew(s, g, msg);
		break;
	}
	sim_out_release(s);
}

void sim_ctl_cut(struct sim *s, uint32_t g, uint32_t conn)
{
	struct sim_ctl *c = &s->ctl;

	if (!conn || c->conn[g] != conn)
		return;
	if (c->paused) {
		sim_at(s, s->now + 500, SIM_EV_CUT_CTL, g, 0, conn);
		return;
	}
	c->conn[g] = 0;
	sim_ctl_refresh(s, g);
	sim_at(s, s->now + sim_between(s, 0, 10), SIM_EV_CUT_GW, g, 0, conn);
}
