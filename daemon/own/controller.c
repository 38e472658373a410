// SPDX-License-Identifier: GPL-2.0
/*
 * The controller's machine: who owns one public endpoint. Messages of gateways
 * are in controller_msg.c.
 *
 * The owner changes in ctl_switch and nowhere else, and every call of it stands
 * behind one of: a yes of the other gateway that repeats nonce, epoch, source
 * and destination (P10); a fence, together with the orchestrator's word (P14);
 * the owner's own promise, by RESUME or by a registration. SAVE is ordered
 * before each SEND that tells of it (P8).
 */
#include <string.h>
#include "own/controller_priv.h"

static const char *const state_names[OWN_CTL_STATE_MAX + 1] = {
	[OWN_CTL_FREE] = "free",
	[OWN_CTL_GRANTED] = "granted",
	[OWN_CTL_QUARANTINE] = "quarantine",
	[OWN_CTL_VERIFY_DST] = "verify-at-destination",
	[OWN_CTL_VERIFY_SRC] = "verify-at-source",
	[OWN_CTL_REVOKING] = "revoking",
};

const char *own_ctl_state_to_string(uint8_t state)
{
	return state <= OWN_CTL_STATE_MAX ? state_names[state] : "unknown";
}

const struct own_ctl_gw *ctl_gw(const struct ctl_step *s, uint32_t number)
{
	return s->env->gw(s->env->ctx, number);
}

static struct own_act *action(struct ctl_step *s, enum own_act_type type)
{
	struct own_act *act = own_acts_add(s->acts, type);

	act->msg.id = s->r->id;
	act->msg.vm = s->r->vm;
	act->msg.pub = s->r->pub;
	act->msg.epoch = s->r->epoch;
	act->msg.cause = s->r->cause;
	return act;
}

struct rn_msg *ctl_send(struct ctl_step *s, uint32_t to, enum rn_msg_type type)
{
	struct own_act *act = action(s, OWN_ACT_SEND);

	act->to = to;
	act->msg.type = type;
	act->msg.incarnation = ctl_gw(s, to)->incarnation;
	return &act->msg;
}

struct own_act *ctl_note(struct ctl_step *s, enum own_note note, uint32_t from, uint32_t to,
			 uint8_t code)
{
	struct own_act *act = action(s, OWN_ACT_NOTE);

	act->note = note;
	act->from_gw = from;
	act->to_gw = to;
	act->msg.code = code;
	return act;
}

void ctl_deny(struct ctl_step *s, uint32_t to, uint8_t code, uint64_t nonce)
{
	struct rn_msg *m = ctl_send(s, to, RN_MSG_DENY);

	m->code = code;
	m->nonce = nonce;
}

static void enter_state(struct ctl_step *s, enum own_ctl_state state)
{
	struct own_ctl_rec *r = s->r;

	r->state = state;
	r->since = s->env->now;
	r->tries = 0;
	r->retry_at = OWN_NEVER;
	switch (state) {
	case OWN_CTL_FREE:
	case OWN_CTL_QUARANTINE:
		r->move_to = 0;
		r->unacked = false;
		/* fall through */
	case OWN_CTL_GRANTED:
		r->dst = 0;
		r->nonce = 0;
		r->reply_nonce = 0;
		r->ordered = false;
		r->ready = false;
		memset(&r->timer, 0, sizeof(r->timer));
		break;
	case OWN_CTL_VERIFY_DST:
	case OWN_CTL_VERIFY_SRC:
	case OWN_CTL_REVOKING:
		break;
	}
}

bool ctl_verifying(const struct own_ctl_rec *r)
{
	return r->state == OWN_CTL_VERIFY_DST || r->state == OWN_CTL_VERIFY_SRC ||
	       r->state == OWN_CTL_REVOKING;
}

/* P13 */
static uint8_t may_hold(const struct own_ctl_gw *gw)
{
	if (!gw->number)
		return RN_CODE_UNKNOWN_GATEWAY;
	if (!gw->registered)
		return RN_CODE_NOT_REGISTERED;
	return gw->live ? RN_CODE_OK : RN_CODE_LEASE_OVER;
}

/* S15: has one more of that kind its place in what was planned? */
static uint8_t has_room(const struct own_ctl_gw *gw, uint8_t kind, uint32_t reserve)
{
	if (gw->planned && (uint64_t)gw->mappings + reserve >= gw->planned)
		return RN_CODE_PLAN_EXCEEDED;
	if (kind == RN_KIND_BLOCK && gw->planned_blocks && gw->blocks >= gw->planned_blocks)
		return RN_CODE_PLAN_EXCEEDED;
	return RN_CODE_OK;
}

/* May this mapping move to that gateway? */
uint8_t ctl_may_take(const struct ctl_step *s, uint32_t gateway)
{
	const struct own_ctl_gw *gw = ctl_gw(s, gateway);
	uint8_t code = may_hold(gw);

	if (code || (s->r->move_force && s->r->move_to == gateway))
		return code;
	return gw->drained ? RN_CODE_DRAINED : has_room(gw, s->r->vm.kind, gw->reserve);
}

uint8_t ctl_may_report(const struct ctl_step *s, uint32_t dst)
{
	const struct own_ctl_rec *r = s->r;

	if (r->stay_epoch == r->epoch && s->env->now < r->stay_until)
		return RN_CODE_CANCELLED;
	return ctl_may_take(s, dst);
}

void ctl_ready(struct ctl_step *s)
{
	struct own_ctl_rec *r = s->r;

	if (r->ready || r->move_to != r->dst)
		return;
	r->ready = true;
	ctl_note(s, OWN_NOTE_READY, r->owner, r->dst, 0);
}

/* ---- decisions ---- */

void ctl_send_grant(struct ctl_step *s, uint64_t nonce, const struct rn_timer *timer)
{
	struct own_ctl_rec *r = s->r;
	struct rn_msg *m = ctl_send(s, r->owner, RN_MSG_GRANT);

	m->nonce = nonce;
	m->timer = (struct rn_timer){ .preset = r->preset, .remaining = r->preset };
	if (timer && timer->preset)
		m->timer = *timer;
	else if (!timer && r->unacked && r->grant_timer.preset &&
		 r->grant_incarnation == m->incarnation)
		/* Said again, so it has gone on since (S7). A new incarnation
		 * may have lost what the VM did since then: from the beginning.
		 */
		m->timer = rn_timer_advance(r->grant_timer,
					    (uint64_t)(s->env->now - r->grant_at));
	if (timer || !r->unacked || r->grant_incarnation != m->incarnation) {
		r->grant_timer = m->timer;
		r->grant_at = s->env->now;
		r->grant_incarnation = m->incarnation;
	}
	m->src = r->grant_src;
	r->unacked = true;
	r->retry_at = s->env->now + own_backoff(r->tries, s->env->random);
}

void ctl_switch(struct ctl_step *s, uint32_t to, enum own_note note, uint32_t verified_by)
{
	struct own_ctl_rec *r = s->r;
	uint32_t from = r->owner;
	uint64_t epoch = r->epoch, nonce = r->reply_nonce;
	struct rn_timer timer = r->timer;
	struct own_act *act;
	struct rn_msg *m;

	r->epoch++;
	r->owner = to;
	if (timer.preset)
		r->preset = timer.preset;
	enter_state(s, OWN_CTL_GRANTED);
	r->grant_src = note == OWN_NOTE_MOVED ? from : 0;
	if (r->move_to == to)
		r->move_to = 0;
	action(s, OWN_ACT_SAVE);
	act = ctl_note(s, note, from, to, 0);
	act->verified_by = verified_by;
	ctl_send_grant(s, nonce, &timer);
	if (to != from) {
		m = ctl_send(s, from, RN_MSG_STALE);
		m->epoch = epoch;
	}
}

void ctl_release(struct ctl_step *s)
{
	struct own_ctl_rec *r = s->r;

	enter_state(s, OWN_CTL_QUARANTINE);
	r->free_at = s->env->wall + s->env->quarantine;
	action(s, OWN_ACT_SAVE);
	ctl_note(s, OWN_NOTE_RELEASED, r->owner, 0, 0);
}

void ctl_settle(struct ctl_step *s)
{
	enter_state(s, OWN_CTL_GRANTED);
	/* A grant that nobody acknowledged is said again now, not later: the
	 * next claim could come before (I8).
	 */
	if (s->r->unacked)
		ctl_send_grant(s, 0, NULL);
}

/* The orchestrator knows better than whoever claimed, or than its own older
 * order. Only a report by the source stands: it is frozen and waits for this.
 */
static bool give_way(struct ctl_step *s, uint32_t dst)
{
	struct own_ctl_rec *r = s->r;

	if (!ctl_verifying(r) || r->dst == dst)
		return true;
	if (r->state == OWN_CTL_VERIFY_DST)
		return false;
	ctl_deny(s, r->dst, RN_CODE_BUSY, r->reply_nonce);
	ctl_settle(s);
	return true;
}

static void ask(struct ctl_step *s)
{
	struct own_ctl_rec *r = s->r;
	bool at_dst = r->state == OWN_CTL_VERIFY_DST;
	uint32_t peer = at_dst ? r->dst : r->owner;
	struct rn_msg *m = ctl_send(s, peer, at_dst ? RN_MSG_VERIFY_DST : RN_MSG_VERIFY_SRC);

	m->src = r->owner;
	m->dst = r->dst;
	m->nonce = r->nonce;
	r->asked_incarnation = m->incarnation;
	r->retry_at = s->env->now + own_backoff(r->tries, s->env->random);
	if (r->tries < UINT8_MAX)
		r->tries++;
}

void ctl_verify(struct ctl_step *s, enum own_ctl_state state, uint32_t dst,
		const struct rn_msg *report)
{
	struct own_ctl_rec *r = s->r;

	enter_state(s, state);
	r->dst = dst;
	r->nonce = s->env->random | 1;
	r->reply_nonce = report ? report->nonce : 0;
	r->ordered = r->ordered || r->move_to == dst;
	/* Of the owner; what a claimant says of the timer may be old or forged. */
	memset(&r->timer, 0, sizeof(r->timer));
	if (report && report->type == RN_MSG_MIG_S && rn_timer_valid(&report->timer))
		r->timer = report->timer;
	ctl_note(s, OWN_NOTE_VERIFYING, r->owner, dst, 0);
	ask(s);
}

/* ---- the orchestrator and the state of gateways ---- */

static void send_move(struct ctl_step *s)
{
	struct own_ctl_rec *r = s->r;
	struct rn_msg *m = ctl_send(s, r->owner, RN_MSG_MOVE);

	m->dst = r->move_to;
	m->nonce = r->move_nonce;
	r->retry_at = s->env->now + own_backoff(r->tries, s->env->random);
	if (r->tries < UINT8_MAX)
		r->tries++;
}

static void refuse_order(struct ctl_step *s, uint32_t dst, uint8_t code)
{
	s->r->move_to = 0;
	s->r->move_force = false;
	ctl_note(s, OWN_NOTE_REFUSED, s->r->owner, dst, code);
}

/* An order is to be obeyed: remembered if so. */
static bool take_order(struct ctl_step *s, const struct own_ctl_event *event)
{
	struct own_ctl_rec *r = s->r;
	uint32_t dst = event->msg->dst;
	uint8_t code;

	if (r->state == OWN_CTL_VERIFY_DST && r->dst != dst && !ctl_gw(s, r->owner)->over) {
		ctl_note(s, OWN_NOTE_REFUSED, r->owner, dst, RN_CODE_BUSY);
		return false;
	}
	r->move_to = dst;
	r->move_force = event->force;
	code = ctl_may_take(s, dst);
	if (code) {
		refuse_order(s, dst, code);
		return false;
	}
	r->stay_epoch = 0;
	r->move_nonce = s->env->random;
	r->move_until = s->env->now + OWN_T_ORDER;
	return true;
}

static void stay(struct ctl_step *s)
{
	struct own_ctl_rec *r = s->r;
	struct rn_msg *m = ctl_send(s, r->owner, RN_MSG_MOVE);

	m->dst = r->owner;
	m->nonce = s->env->random;
	r->move_to = 0;
	/* The source may obey the MOVE before this one, and report that. */
	r->stay_epoch = r->epoch;
	r->stay_until = s->env->now + OWN_T_ORDER;
}

static void on_migrate(struct ctl_step *s, const struct own_ctl_event *event)
{
	struct own_ctl_rec *r = s->r;
	uint32_t dst = event->msg->dst;

	if (r->state == OWN_CTL_FREE || r->state == OWN_CTL_QUARANTINE) {
		ctl_note(s, OWN_NOTE_REFUSED, 0, dst, RN_CODE_UNKNOWN_VM);
		return;
	}
	if (r->owner == dst && give_way(s, dst)) {
		/* The VM is back before anybody else got it. */
		if (r->move_to)
			stay(s);
		return;
	}
	if (!take_order(s, event))
		return;
	give_way(s, dst);
	r->cause = event->msg->cause;
	r->ordered = ctl_verifying(r);
	if (!ctl_verifying(r)) {
		r->tries = 0;
		send_move(s);
	}
}

static void on_takeover(struct ctl_step *s, const struct own_ctl_event *event)
{
	struct own_ctl_rec *r = s->r;
	uint32_t dst = event->msg->dst;

	if (r->state == OWN_CTL_FREE || r->state == OWN_CTL_QUARANTINE || r->owner == dst) {
		ctl_note(s, OWN_NOTE_REFUSED, 0, dst, RN_CODE_UNKNOWN_VM);
		return;
	}
	if (!take_order(s, event))
		return;
	r->cause = RN_CAUSE_DEAD;
	/* Before anything else: the claimant is to hear of it, and its nonce is
	 * not that of dst's request.
	 */
	give_way(s, dst);
	if (ctl_gw(s, r->owner)->over) {
		ctl_switch(s, dst, OWN_NOTE_TAKEN_OVER, 0);
		return;
	}
	r->ordered = true;
	if (!ctl_verifying(r))
		ctl_verify(s, OWN_CTL_VERIFY_SRC, dst, NULL);
}

static void on_fenced(struct ctl_step *s, uint32_t from)
{
	struct own_ctl_rec *r = s->r;

	if (r->owner != from || !ctl_gw(s, from)->over)
		return;
	if (r->state == OWN_CTL_REVOKING || (r->state == OWN_CTL_VERIFY_SRC && r->ordered))
		ctl_switch(s, r->dst, OWN_NOTE_TAKEN_OVER, 0);
}

static void on_registered(struct ctl_step *s, uint32_t from)
{
	struct own_ctl_rec *r = s->r;

	if (r->state == OWN_CTL_REVOKING && r->owner == from)
		/* Its table is empty or suspended: that is its promise (P5). */
		ctl_switch(s, r->dst, OWN_NOTE_TAKEN_OVER, from);
	else if ((r->state == OWN_CTL_VERIFY_SRC && r->owner == from) ||
		 (r->state == OWN_CTL_VERIFY_DST && r->dst == from))
		ask(s);
}

static void on_allocate(struct ctl_step *s, const struct own_ctl_event *event)
{
	const struct rn_msg *msg = event->msg;
	uint32_t from = event->from;
	const struct own_ctl_gw *gw = ctl_gw(s, from);
	struct own_ctl_rec *r = s->r;
	uint8_t code = may_hold(gw);

	if (!code)
		code = gw->drained && !event->force ? RN_CODE_DRAINED :
		       has_room(gw, msg->vm.kind, 0);
	if (msg->incarnation != gw->incarnation)
		code = RN_CODE_WRONG_INCARNATION;
	else if (!code && !own_ctl_rec_available(r, &msg->vm, s->env->wall))
		code = RN_CODE_BUSY;
	if (code) {
		struct own_act *act = ctl_note(s, OWN_NOTE_REFUSED, 0, from, code);
		struct rn_msg *m;

		act->msg.vm = msg->vm;
		ctl_deny(s, from, code, msg->nonce);
		m = &s->acts->act[s->acts->n - 1].msg;
		m->vm = msg->vm;
		return;
	}
	r->vm = msg->vm;
	r->owner = from;
	r->epoch++;
	r->preset = msg->timer.preset;
	r->cause = 0;
	r->grant_src = 0;
	enter_state(s, OWN_CTL_GRANTED);
	action(s, OWN_ACT_SAVE);
	ctl_note(s, OWN_NOTE_GRANTED, 0, from, 0);
	ctl_send_grant(s, msg->nonce, &r->timer);
}

/* ---- time ---- */

static void verification_over(struct ctl_step *s)
{
	struct own_ctl_rec *r = s->r;
	uint32_t dst = r->dst;
	uint64_t nonce = r->reply_nonce;

	switch ((enum own_ctl_state)r->state) {
	case OWN_CTL_VERIFY_DST:
		/* The source is frozen at this epoch, so it needs the next. */
		ctl_note(s, OWN_NOTE_REFUSED, r->owner, dst, RN_CODE_NO_ANSWER);
		r->timer = (struct rn_timer){ 0 };
		ctl_switch(s, r->owner, OWN_NOTE_RETURNED, 0);
		return;
	case OWN_CTL_VERIFY_SRC:
		if (r->ordered) {
			enter_state(s, OWN_CTL_REVOKING);
			ctl_note(s, OWN_NOTE_REVOKING, r->owner, dst, 0);
			if (ctl_gw(s, r->owner)->over)
				ctl_switch(s, dst, OWN_NOTE_TAKEN_OVER, 0);
			else
				ask(s);
			return;
		}
		ctl_settle(s);
		ctl_note(s, OWN_NOTE_REFUSED, r->owner, dst, RN_CODE_NO_ANSWER);
		ctl_deny(s, dst, RN_CODE_NO_ANSWER, nonce);
		return;
	case OWN_CTL_REVOKING:
		if (ctl_gw(s, r->owner)->over) {
			ctl_switch(s, dst, OWN_NOTE_TAKEN_OVER, 0);
			return;
		}
		if (ctl_gw(s, r->owner)->lease) {
			r->since = s->env->now;
			return;		/* its end comes as FENCED */
		}
		/* A migration was ordered for T_order, not until somebody claims. */
		if (r->cause == RN_CAUSE_DEAD || s->env->now >= r->move_until)
			r->move_to = 0;
		ctl_settle(s);
		ctl_note(s, OWN_NOTE_REFUSED, r->owner, dst, RN_CODE_NOT_FENCED);
		ctl_deny(s, dst, RN_CODE_NOT_FENCED, nonce);
		return;
	case OWN_CTL_FREE:
	case OWN_CTL_GRANTED:
	case OWN_CTL_QUARANTINE:
		return;
	}
}

static void on_time(struct ctl_step *s)
{
	struct own_ctl_rec *r = s->r;
	int64_t now = s->env->now;

	if (ctl_verifying(r)) {
		if (now >= r->since + OWN_T_VERIFY)
			verification_over(s);
		else if (now >= r->retry_at)
			ask(s);
		return;
	}
	if (r->move_to && now >= r->move_until) {
		ctl_note(s, OWN_NOTE_REFUSED, r->owner, r->move_to, RN_CODE_NO_ANSWER);
		r->move_to = 0;
	}
	if (now < r->retry_at)
		return;
	r->retry_at = OWN_NEVER;
	if (r->state != OWN_CTL_GRANTED || !ctl_gw(s, r->owner)->connected)
		return;			/* its next inventory settles it */
	if (r->unacked) {
		if (r->tries < UINT8_MAX)
			r->tries++;
		ctl_send_grant(s, 0, NULL);
		r->retry_at = now + own_backoff(r->tries, s->env->random);
	} else if (r->move_to) {
		send_move(s);
	}
}

static int64_t next_wake(const struct own_ctl_rec *r)
{
	int64_t wake = r->retry_at;

	if (ctl_verifying(r) && r->since + OWN_T_VERIFY < wake)
		wake = r->since + OWN_T_VERIFY;
	if (!ctl_verifying(r) && r->move_to && r->move_until < wake)
		wake = r->move_until;
	return wake;
}

void own_ctl_step(const struct own_ctl_env *env, struct own_ctl_rec *r,
		  const struct own_ctl_event *event, struct own_acts *acts)
{
	struct ctl_step s = { .env = env, .r = r, .acts = acts };

	acts->n = 0;
	switch ((enum own_ctl_event_type)event->type) {
	case OWN_CTL_EV_MSG:
		ctl_message(&s, event->from, event->msg);
		break;
	case OWN_CTL_EV_TIME:
		on_time(&s);
		break;
	case OWN_CTL_EV_ALLOCATE:
		on_allocate(&s, event);
		break;
	case OWN_CTL_EV_MIGRATE:
		on_migrate(&s, event);
		break;
	case OWN_CTL_EV_TAKEOVER:
		on_takeover(&s, event);
		break;
	case OWN_CTL_EV_FENCED:
		on_fenced(&s, event->from);
		break;
	case OWN_CTL_EV_REGISTERED:
		on_registered(&s, event->from);
		break;
	case OWN_CTL_EV_INVENTORY_END:
		/* Not while the destination is asked: its yes rests on the
		 * source's report, and a grant of the same epoch to a new
		 * incarnation of the source would take that back.
		 */
		if (r->owner == event->from && r->state != OWN_CTL_VERIFY_DST &&
		    (r->state == OWN_CTL_GRANTED || ctl_verifying(r)))
			ctl_send_grant(&s, 0, NULL);
		break;
	case OWN_CTL_EV_RECLAIM:
		if (r->state == OWN_CTL_GRANTED && ctl_gw(&s, r->owner)->over)
			ctl_release(&s);
		break;
	}
	/* An order that waited for a grant to be acknowledged, or for a resume. */
	if (r->state == OWN_CTL_GRANTED && r->move_to && !r->unacked && r->retry_at == OWN_NEVER)
		r->retry_at = env->now + OWN_RETRY_MIN;
	r->wake = next_wake(r);
}

void own_ctl_rec_init(struct own_ctl_rec *r, uint64_t id, const struct rn_public *pub)
{
	memset(r, 0, sizeof(*r));
	r->id = id;
	r->pub = *pub;
	r->retry_at = OWN_NEVER;
	r->wake = OWN_NEVER;
}

bool own_ctl_rec_available(const struct own_ctl_rec *r, const struct rn_private *vm, int64_t wall)
{
	if (r->state == OWN_CTL_FREE)
		return true;
	if (r->state != OWN_CTL_QUARANTINE)
		return false;
	return wall >= r->free_at || rn_private_equal(&r->vm, vm);
}
