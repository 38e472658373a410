// SPDX-License-Identifier: GPL-2.0
/*
 * The gateway's machine: states, timers and local events. Messages and the
 * results of kernel requests are in gateway_msg.c, transfers in gateway_slot.c.
 *
 * Safety rests on three habits. Only INSTALL makes the kernel translate, and
 * only a GRANT of our incarnation orders an INSTALL (P1, P2). Every promise
 * that leaves (XFER, MIG_S, YES, REL) is sent from the result of the kernel
 * request that made it true, never before (P3). And nothing here leaves
 * MOVING_OUT, RESUMING or RELEASING towards ACTIVE except that INSTALL (P4).
 */
#include <string.h>
#include "own/gateway_priv.h"

static const char *const state_names[OWN_GW_STATE_MAX + 1] = {
	[OWN_GW_NONE] = "none",
	[OWN_GW_PENDING] = "pending",
	[OWN_GW_MOVING_IN] = "moving-in",
	[OWN_GW_ACTIVE] = "active",
	[OWN_GW_MOVING_OUT] = "moving-out",
	[OWN_GW_RESUMING] = "resuming",
	[OWN_GW_RELEASING] = "releasing",
	[OWN_GW_SUSPENDED] = "suspended",
};

const char *own_gw_state_to_string(uint8_t state)
{
	return state <= OWN_GW_STATE_MAX ? state_names[state] : "unknown";
}

/* ---- building blocks ---- */

struct rn_msg *gw_action(struct gw_step *s, enum own_act_type type)
{
	struct rn_msg *m = &own_acts_add(s->acts, type)->msg;

	m->vm = s->e->vm;
	m->id = s->e->id;
	m->epoch = s->e->epoch;
	m->incarnation = s->env->incarnation;
	return m;
}

struct rn_msg *gw_send(struct gw_step *s, uint32_t to, enum rn_msg_type type)
{
	struct own_act *act = &s->acts->act[s->acts->n];
	struct rn_msg *m = gw_action(s, OWN_ACT_SEND);

	act->to = to;
	m->type = type;
	return m;
}

struct rn_msg *gw_kernel(struct gw_step *s, enum own_act_type type,
			 const struct own_gw_cause *cause)
{
	s->e->doing = type;
	s->e->cause = cause ? *cause : (struct own_gw_cause){ 0 };
	return gw_action(s, type);
}

struct own_gw_cause gw_cause(const struct rn_msg *msg)
{
	return (struct own_gw_cause){
		.type = msg->type, .src = msg->src, .dst = msg->dst, .id = msg->id,
		.epoch = msg->epoch, .nonce = msg->nonce, .pub = msg->pub, .timer = msg->timer,
	};
}

void gw_note(struct gw_step *s, enum own_note note, uint8_t code)
{
	struct own_act *act = &s->acts->act[s->acts->n];
	struct rn_msg *m = gw_action(s, OWN_ACT_NOTE);

	act->note = note;
	act->to_gw = s->e->peer;
	m->pub = s->e->pub;
	m->timer = s->e->timer;
	m->code = code;
}

void gw_enter_state(struct gw_step *s, enum own_gw_state state)
{
	struct own_gw_entry *e = s->e;

	e->state = state;
	e->since = s->env->now;
	e->tries = 0;
	e->retry_at = OWN_NEVER;
	e->nonce = s->env->random;
	switch (state) {
	case OWN_GW_NONE:
		e->id = 0;
		e->epoch = 0;
		e->peer = 0;
		e->left_for = 0;
		e->wanted = false;
		e->again = false;
		break;
	case OWN_GW_MOVING_OUT:
		e->acked = false;
		break;
	case OWN_GW_ACTIVE:
		e->peer = 0;
		e->wanted = false;
		break;
	case OWN_GW_PENDING:
	case OWN_GW_MOVING_IN:
	case OWN_GW_RESUMING:
	case OWN_GW_RELEASING:
	case OWN_GW_SUSPENDED:
		break;
	}
}

bool gw_frozen(const struct own_gw_entry *e)
{
	return e->state == OWN_GW_MOVING_OUT || e->state == OWN_GW_RESUMING ||
	       e->state == OWN_GW_RELEASING;
}

void gw_forget(struct gw_step *s)
{
	gw_action(s, OWN_ACT_DELETE);
	gw_note(s, OWN_NOTE_GONE, 0);
	gw_enter_state(s, OWN_GW_NONE);
	gw_promote(s);
}

void gw_answer(struct gw_step *s, const struct own_gw_cause *question, uint8_t code)
{
	struct rn_msg *m = gw_send(s, RN_CONTROLLER,
				   code ? RN_MSG_VERIFY_NO : RN_MSG_VERIFY_YES);

	m->id = question->id;
	m->epoch = question->epoch;
	m->src = question->src;
	m->dst = question->dst;
	m->nonce = question->nonce;
	m->code = code;
	/* What the freeze read goes with the promise (S7). */
	if (!code && gw_frozen(s->e) && s->e->id == question->id &&
	    s->e->epoch == question->epoch)
		m->timer = s->e->timer;
}

/* ---- what is open, and when to say it again ---- */

static void send_moving_in(struct gw_step *s)
{
	struct own_gw_entry *e = s->e;
	struct rn_msg *m;

	/* A forged transfer must not starve the VM: after a while its own
	 * request goes out beside the transfer (I8).
	 */
	if (e->wanted && s->env->now >= e->wanted_at + OWN_T_STARVE) {
		m = gw_send(s, RN_CONTROLLER, RN_MSG_NATREQ);
		m->id = 0;
		m->epoch = 0;
		m->timer = e->timer;
		m->nonce = e->nonce;
	}
}

static void send_moving_out(struct gw_step *s)
{
	struct own_gw_entry *e = s->e;
	struct rn_msg *m;

	if (!e->acked) {
		m = gw_send(s, e->peer, RN_MSG_XFER);
		m->pub = e->pub;
		m->timer = e->timer;
		m->nonce = e->nonce;
	}
	if (s->env->mode == RN_MODE_SOURCE && s->env->session) {
		m = gw_send(s, RN_CONTROLLER, RN_MSG_MIG_S);
		m->src = s->env->self;
		m->dst = e->peer;
		m->timer = e->timer;
		m->nonce = e->nonce;
	}
}

void gw_send_open(struct gw_step *s)
{
	struct own_gw_entry *e = s->e;
	enum rn_msg_type type = 0;
	struct rn_msg *m;

	switch ((enum own_gw_state)e->state) {
	case OWN_GW_ACTIVE:
		return;			/* see on_time */
	case OWN_GW_NONE:
	case OWN_GW_SUSPENDED:
		e->retry_at = OWN_NEVER;
		return;
	case OWN_GW_MOVING_OUT:
		send_moving_out(s);
		break;
	case OWN_GW_MOVING_IN:
		if (s->env->session)
			send_moving_in(s);
		break;
	case OWN_GW_PENDING:
		type = RN_MSG_NATREQ;
		break;
	case OWN_GW_RESUMING:
		type = RN_MSG_RESUME;
		break;
	case OWN_GW_RELEASING:
		type = RN_MSG_REL;
		break;
	}
	if (type && s->env->session) {
		m = gw_send(s, RN_CONTROLLER, type);
		m->timer = e->timer;
		m->nonce = e->nonce;
	}
	if (s->env->session)
		gw_send_slots(s);
	e->retry_at = s->env->now + own_backoff(e->tries, s->env->random);
	if (e->tries < UINT8_MAX)
		e->tries++;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_wake(const struct own_gw_entry *e)
{
	int64_t wake = e->retry_at;

	switch ((enum own_gw_state)e->state) {
	case OWN_GW_PENDING:
		return earlier(wake, e->since + OWN_T_REQUEST);
	case OWN_GW_MOVING_IN:
		return earlier(wake, e->since + OWN_T_HOLD);
	case OWN_GW_MOVING_OUT:
		return earlier(wake, e->since + OWN_T_MOVE);
	case OWN_GW_RESUMING:
	case OWN_GW_RELEASING:
		return wake;
	case OWN_GW_NONE:
		/* Only so that the shell can forget the entry then. */
		return e->asked_nonce ? e->asked_until : OWN_NEVER;
	case OWN_GW_ACTIVE:
		return wake;
	case OWN_GW_SUSPENDED:
		return OWN_NEVER;
	}
	return OWN_NEVER;
}

/* ---- local events ---- */

/* The kernel seems to have nothing here any more. A notification may be older
 * than the grant it seems to contradict, so the kernel promises first: it
 * refuses while it translates, and then nothing was lost.
 */
void gw_let_go(struct gw_step *s)
{
	const struct own_gw_cause gone = { .type = RN_MSG_REL, .id = s->e->id,
					   .epoch = s->e->epoch };

	gw_kernel(s, OWN_ACT_FLOOR, &gone);
}

static void on_miss(struct gw_step *s, const struct own_gw_event *event)
{
	struct own_gw_entry *e = s->e;

	switch ((enum own_gw_state)e->state) {
	case OWN_GW_NONE:
		gw_enter_state(s, OWN_GW_PENDING);
		e->left_for = 0;
		e->timer = (struct rn_timer){ .preset = event->preset,
					      .remaining = event->preset };
		gw_send_open(s);
		break;
	case OWN_GW_MOVING_IN:
		if (!e->wanted)
			e->wanted_at = s->env->now;
		e->wanted = true;
		if (!e->timer.preset)
			e->timer.preset = event->preset;
		if (s->env->now < e->wanted_at + OWN_T_STARVE)
			e->retry_at = earlier(e->retry_at, e->wanted_at + OWN_T_STARVE);
		break;
	case OWN_GW_ACTIVE:
		/* The kernel has nothing where we thought to translate:
		 * somebody else deleted it and we missed the notification.
		 */
		if (!event->msg || !event->msg->id)
			gw_let_go(s);
		break;
	case OWN_GW_PENDING:
	case OWN_GW_MOVING_OUT:
	case OWN_GW_RESUMING:
	case OWN_GW_RELEASING:
	case OWN_GW_SUSPENDED:
		break;
	}
}

static void on_time(struct gw_step *s)
{
	struct own_gw_entry *e = s->e;
	int64_t now = s->env->now;

	if (e->asked_nonce && now >= e->asked_until)
		e->asked_nonce = 0;
	if (e->state == OWN_GW_PENDING && now >= e->since + OWN_T_REQUEST) {
		/* The kernel drops what it holds by itself; the next packet
		 * asks again. Only a refusal is remembered.
		 */
		gw_note(s, OWN_NOTE_REFUSED, RN_CODE_NO_ANSWER);
		gw_enter_state(s, OWN_GW_NONE);
		return;
	}
	if (e->state == OWN_GW_MOVING_IN && now >= e->since + OWN_T_HOLD) {
		gw_slot_over(s, &e->slot[e->held]);
		return;
	}
	if (e->state == OWN_GW_MOVING_OUT && now >= e->since + OWN_T_MOVE) {
		gw_enter_state(s, OWN_GW_RESUMING);
		gw_send_open(s);
		return;
	}
	if (now < e->retry_at)
		return;
	if (e->state == OWN_GW_ACTIVE) {
		/* The kernel had nothing, and no room for the promise. */
		e->retry_at = OWN_NEVER;
		gw_let_go(s);
		return;
	}
	gw_send_open(s);
}

void gw_left(struct gw_step *s, uint32_t dst, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;

	e->left_for = dst;
	if (e->state == OWN_GW_ACTIVE && dst) {
		const struct own_gw_cause cause = gw_cause(msg);

		gw_kernel(s, OWN_ACT_FREEZE_OUT, &cause);
	} else if (e->state == OWN_GW_MOVING_OUT && dst != e->peer) {
		/* Back here, or on to a third one: the promise to the first
		 * stands, so only a new epoch can help (P4).
		 */
		gw_enter_state(s, OWN_GW_RESUMING);
		e->again = dst != 0;
		gw_send_open(s);
	} else if (e->state == OWN_GW_RESUMING) {
		e->again = dst != 0;
	}
}

static void on_adopt(struct gw_step *s, const struct own_gw_event *event)
{
	/* Kernel states by the numbers of roamnat.h. */
	enum { HELD = 1, ACTIVE, MOVING_OUT, RELEASING };
	const struct rn_msg *msg = event->msg;
	struct own_gw_entry *e = s->e;

	e->id = msg->id;
	e->epoch = msg->epoch;
	e->pub = msg->pub;
	e->timer = msg->timer;
	if (event->kernel_state == HELD) {
		/* Who sent it died with the last agent; he sends it again. */
		gw_forget(s);
		return;
	}
	if (!s->env->incarnation || msg->incarnation != s->env->incarnation) {
		gw_enter_state(s, OWN_GW_SUSPENDED);
		return;
	}
	switch (event->kernel_state) {
	case ACTIVE:
		gw_enter_state(s, OWN_GW_ACTIVE);
		break;
	case MOVING_OUT:
		gw_enter_state(s, OWN_GW_RESUMING);
		gw_send_open(s);
		break;
	case RELEASING:
		gw_enter_state(s, OWN_GW_RELEASING);
		gw_send_open(s);
		break;
	}
}

static void on_suspend(struct gw_step *s)
{
	struct own_gw_entry *e = s->e;

	e->asked_nonce = 0;
	if (e->state == OWN_GW_MOVING_IN) {
		gw_unhold(s);
		gw_enter_state(s, OWN_GW_NONE);
	} else if (e->state == OWN_GW_ACTIVE || gw_frozen(e)) {
		/* Promises were made in the incarnation that ended; the
		 * kernel's table waits to be confirmed or flushed.
		 */
		gw_enter_state(s, OWN_GW_SUSPENDED);
	}
	memset(e->slot, 0, sizeof(e->slot));
}

static void on_deleted(struct gw_step *s)
{
	struct own_gw_entry *e = s->e;

	if (e->state == OWN_GW_MOVING_IN)
		gw_slot_over(s, &e->slot[e->held]);
	else if (e->state == OWN_GW_ACTIVE)
		gw_let_go(s);
}

static bool names_entry(const struct own_gw_entry *e, const struct rn_msg *msg)
{
	return msg && msg->id == e->id && msg->epoch == e->epoch;
}

void own_gw_step(const struct own_gw_env *env, struct own_gw_entry *e,
		 const struct own_gw_event *event, struct own_acts *acts)
{
	struct gw_step s = { .env = env, .e = e, .acts = acts };

	acts->n = 0;
	switch ((enum own_gw_event_type)event->type) {
	case OWN_GW_EV_MISS:
		on_miss(&s, event);
		break;
	case OWN_GW_EV_MSG:
		gw_message(&s, event->from, event->msg);
		break;
	case OWN_GW_EV_TIME:
		on_time(&s);
		break;
	case OWN_GW_EV_IDLE:
		if (e->state == OWN_GW_ACTIVE && names_entry(e, event->msg))
			gw_kernel(&s, OWN_ACT_FREEZE_REL, NULL);
		break;
	case OWN_GW_EV_VM_LEFT:
		gw_left(&s, event->msg->dst == env->self ? 0 : event->msg->dst, event->msg);
		break;
	case OWN_GW_EV_RELEASE:
		if (e->state == OWN_GW_ACTIVE) {
			const struct own_gw_cause cause = { .type = RN_MSG_REL };

			gw_kernel(&s, OWN_ACT_FREEZE_REL, &cause);
		}
		break;
	case OWN_GW_EV_DELETED:
		if (e->state == OWN_GW_MOVING_IN || names_entry(e, event->msg))
			on_deleted(&s);
		break;
	case OWN_GW_EV_KERNEL:
		gw_kernel_result(&s, event);
		break;
	case OWN_GW_EV_ADOPT:
		on_adopt(&s, event);
		break;
	case OWN_GW_EV_SESSION:
		e->tries = 0;
		gw_send_open(&s);
		break;
	case OWN_GW_EV_SUSPEND:
		on_suspend(&s);
		break;
	case OWN_GW_EV_FLUSHED:
		if (e->state == OWN_GW_SUSPENDED)
			gw_enter_state(&s, OWN_GW_NONE);
		break;
	}
	e->wake = next_wake(e);
}

void own_gw_entry_init(struct own_gw_entry *e, const struct rn_private *vm)
{
	memset(e, 0, sizeof(*e));
	e->vm = *vm;
	e->retry_at = OWN_NEVER;
	e->wake = OWN_NEVER;
}

bool own_gw_entry_idle(const struct own_gw_entry *e, int64_t now)
{
	unsigned int i;

	if (e->state != OWN_GW_NONE || e->doing)
		return false;
	if (e->asked_nonce && now < e->asked_until)
		return false;
	for (i = 0; i < OWN_GW_SLOTS; i++)
		if (e->slot[i].epoch)
			return false;
	return true;
}
