// SPDX-License-Identifier: GPL-2.0
/*
 * The gateway's machine: what messages do, and what is said once the kernel
 * has done what a promise needs. Epochs are compared here only where the kernel
 * cannot (it knows grants, not questions); the floor itself is the kernel's.
 */
#include <errno.h>
#include <string.h>
#include "own/gateway_priv.h"

static void ignore(struct gw_step *s, uint8_t code)
{
	gw_note(s, OWN_NOTE_IGNORED, code);
}

/* ---- grants (P1) ---- */

/* The transfer on which the grant rests: of that sender, and of the freeze that
 * the sender told the controller of. Another's may be a forgery of it, and one of
 * an earlier incarnation knows nothing of what the VM did since.
 */
static const struct own_gw_slot *transfer_of(const struct own_gw_entry *e,
					     const struct rn_msg *grant)
{
	unsigned int i;

	for (i = 0; i < OWN_GW_SLOTS && grant->src; i++)
		if (e->slot[i].sender == grant->src && e->slot[i].id == grant->id &&
		    e->slot[i].epoch && e->slot[i].epoch + 1 == grant->epoch &&
		    e->slot[i].timer.preset == grant->timer.preset &&
		    e->slot[i].timer.elapsed == grant->timer.elapsed)
			return &e->slot[i];
	return NULL;
}

/* Has the kernel counted on by itself, packets held included? */
static bool keeps_timer(const struct own_gw_entry *e, const struct rn_msg *grant)
{
	if (e->state == OWN_GW_SUSPENDED)
		return e->id == grant->id && e->epoch == grant->epoch;
	return e->state == OWN_GW_MOVING_IN && &e->slot[e->held] == transfer_of(e, grant);
}

static void on_grant(struct gw_step *s, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;
	bool holds = e->id == msg->id && (e->state == OWN_GW_ACTIVE ||
		     e->state == OWN_GW_SUSPENDED || gw_frozen(e));
	const struct own_gw_slot *slot;
	struct own_gw_cause cause;
	struct rn_msg *m;

	if (!s->env->incarnation || msg->incarnation != s->env->incarnation) {
		ignore(s, RN_CODE_WRONG_INCARNATION);
		return;
	}
	if (!rn_private_equal(&msg->vm, &e->vm)) {
		ignore(s, RN_CODE_BAD_MESSAGE);
		return;
	}
	if (holds && e->state == OWN_GW_ACTIVE && msg->epoch == e->epoch) {
		m = gw_send(s, RN_CONTROLLER, RN_MSG_GRANT_ACK);
		m->nonce = msg->nonce;
		return;
	}
	if (holds && (msg->epoch < e->epoch ||
		      (msg->epoch == e->epoch && gw_frozen(e)))) {
		ignore(s, RN_CODE_WRONG_EPOCH);
		return;
	}
	cause = gw_cause(msg);
	slot = transfer_of(e, msg);
	if (slot)
		/* It has counted since it came, also beside a forgery. */
		cause.timer = rn_timer_advance(slot->timer, (uint64_t)(s->env->now - slot->at));
	m = gw_kernel(s, OWN_ACT_INSTALL, &cause);
	rn_msg_copy_head(m, msg);
	m->timer = cause.timer;
	s->acts->act[s->acts->n - 1].keep_timer = keeps_timer(e, msg);
}

static void send_gone(struct gw_step *s, const struct own_gw_cause *grant)
{
	struct rn_msg *m = gw_send(s, RN_CONTROLLER, RN_MSG_REL);

	m->id = grant->id;
	m->epoch = grant->epoch;
	m->nonce = s->env->random;
}

static void kernel_floor(struct gw_step *s, const struct own_gw_cause *cause)
{
	struct rn_msg *m = gw_kernel(s, OWN_ACT_FLOOR, cause);

	m->id = cause->id;
	m->epoch = cause->epoch;
}

static void installed(struct gw_step *s, const struct own_gw_cause *grant, int err)
{
	struct own_gw_entry *e = s->e;
	bool resumed = e->state == OWN_GW_RESUMING || e->state == OWN_GW_MOVING_OUT;
	struct rn_msg *m;
	unsigned int i;
	bool go;

	if (err == -ESTALE) {
		/* Given up before: say so, or everybody waits for us (P11). */
		send_gone(s, grant);
		return;
	}
	if (err) {
		/* No room, or in somebody's way: give it back, but promise
		 * first, so that a repeated grant cannot revive it.
		 */
		gw_note(s, OWN_NOTE_REFUSED, RN_CODE_LIMIT);
		kernel_floor(s, grant);
		return;
	}
	/* The VM left before the grant came: on with it. But one that comes
	 * back because the destination did not take it stays for a while.
	 */
	go = e->left_for && (!resumed || e->again);
	e->id = grant->id;
	e->epoch = grant->epoch;
	e->pub = grant->pub;
	e->timer = grant->timer;
	/* The controller has decided; whatever was transferred is over. */
	for (i = 0; i < OWN_GW_SLOTS; i++)
		e->slot[i].epoch = 0;
	e->again = false;
	gw_enter_state(s, OWN_GW_ACTIVE);
	m = gw_send(s, RN_CONTROLLER, RN_MSG_GRANT_ACK);
	m->nonce = grant->nonce;
	gw_note(s, OWN_NOTE_ACTIVE, 0);
	if (go) {
		const struct own_gw_cause cause = { .type = RN_MSG_MOVE, .dst = e->left_for };

		gw_kernel(s, OWN_ACT_FREEZE_OUT, &cause);
	}
}

/* ---- verifications (P10) ---- */

static bool asks_us(const struct gw_step *s, const struct rn_msg *msg)
{
	return s->env->incarnation && msg->incarnation == s->env->incarnation;
}

static void on_verify_src(struct gw_step *s, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;
	bool mine = e->id == msg->id && e->state != OWN_GW_MOVING_IN &&
		    e->state != OWN_GW_NONE && e->state != OWN_GW_PENDING;
	bool left = e->left_for && e->left_for == msg->dst;
	const struct own_gw_cause question = gw_cause(msg);

	if (!asks_us(s, msg)) {
		ignore(s, RN_CODE_WRONG_INCARNATION);
		return;
	}
	if (mine && msg->epoch < e->epoch) {
		gw_answer(s, &question, RN_CODE_WRONG_EPOCH);
		return;
	}
	if (mine && msg->epoch == e->epoch) {
		switch ((enum own_gw_state)e->state) {
		case OWN_GW_ACTIVE:
		case OWN_GW_SUSPENDED:
			if (left)
				gw_kernel(s, OWN_ACT_FREEZE_OUT, &question);
			else
				gw_answer(s, &question, RN_CODE_VM_HERE);
			return;
		case OWN_GW_MOVING_OUT:
			gw_answer(s, &question, e->peer == msg->dst ? 0 : RN_CODE_VM_HERE);
			return;
		case OWN_GW_RESUMING:
		case OWN_GW_RELEASING:
			/* Frozen at this epoch, so yes is true; but only to
			 * the one that the VM went to.
			 */
			gw_answer(s, &question, left ? 0 : RN_CODE_VM_HERE);
			return;
		case OWN_GW_NONE:
		case OWN_GW_PENDING:
		case OWN_GW_MOVING_IN:
			return;		/* not mine, see above */
		}
	}
	if (e->state == OWN_GW_PENDING || e->state == OWN_GW_ACTIVE) {
		gw_answer(s, &question, RN_CODE_VM_HERE);
		return;
	}
	if (!left) {
		/* Recorded here, though we hold nothing: the grant is still on
		 * its way. Whoever asks in that moment is not the VM's gateway
		 * for that alone; a yes would hand it to any claimant (I8).
		 */
		gw_answer(s, &question, RN_CODE_NOT_CONFIRMED);
		return;
	}
	/* Whoever does not translate can promise. */
	kernel_floor(s, &question);
}

/* ---- transfers: see gateway_slot.c ---- */

static void on_xfer_ack(struct gw_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;

	if (e->state != OWN_GW_MOVING_OUT || from != e->peer || msg->id != e->id ||
	    msg->epoch != e->epoch)
		return;
	if (!msg->code) {
		e->acked = true;
		return;
	}
	/* The destination will not have it; ask for a new epoch (P4). */
	gw_note(s, OWN_NOTE_REFUSED, msg->code);
	gw_enter_state(s, OWN_GW_RESUMING);
	gw_send_open(s);
}

/* ---- the controller's other words ---- */

static void on_move(struct gw_step *s, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;
	const struct own_gw_cause cause = gw_cause(msg);
	uint32_t dst = msg->dst == s->env->self ? 0 : msg->dst;

	if (!asks_us(s, msg)) {
		ignore(s, RN_CODE_WRONG_INCARNATION);
		return;
	}
	if (e->id == msg->id && e->epoch == msg->epoch)
		gw_left(s, dst, msg);
	else if (e->state == OWN_GW_NONE && dst)
		/* Recorded here, but gone: let go of it, promise first. */
		kernel_floor(s, &cause);
}

/* STALE and NEVER: the epoch is over, or never was. */
static void on_over(struct gw_step *s, const struct rn_msg *msg)
{
	const struct own_gw_cause cause = { .type = msg->type };
	struct own_gw_entry *e = s->e;

	if (gw_slots_over(s, msg->id, msg->epoch))
		return;
	if (e->id != msg->id || e->epoch != msg->epoch)
		return;
	/* "Over" stays true, "never issued" does not: said of a forged
	 * transfer, it may come after the epoch was granted to us. Without a
	 * nonce it answers the inventory.
	 */
	if (msg->type == RN_MSG_NEVER && msg->nonce && msg->nonce != e->nonce)
		return;
	if (gw_frozen(e) || e->state == OWN_GW_SUSPENDED)
		gw_forget(s);
	else if (e->state == OWN_GW_ACTIVE)
		/* The record is somebody else's: stop at once. Only a wrong
		 * assertion of fencing leads here.
		 */
		gw_kernel(s, OWN_ACT_FREEZE_REL, &cause);
}

/* A refusal of a report by the destination ends that sender's slot. */
static bool slot_denied(struct gw_step *s, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;
	unsigned int i;

	for (i = 0; i < OWN_GW_SLOTS; i++)
		if (e->slot[i].epoch && msg->nonce == gw_slot_nonce(e, i)) {
			gw_slot_over(s, &e->slot[i]);
			return true;
		}
	return false;
}

static void on_deny(struct gw_step *s, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;
	struct rn_msg *m;

	if (msg->code == RN_CODE_BUSY || msg->code == RN_CODE_NOT_REGISTERED ||
	    msg->code == RN_CODE_LEASE_OVER || msg->code == RN_CODE_WRONG_INCARNATION)
		return;			/* not for now: the retry goes on */
	if (slot_denied(s, msg) || msg->nonce != e->nonce)
		return;
	switch ((enum own_gw_state)e->state) {
	case OWN_GW_PENDING:
		m = gw_action(s, OWN_ACT_REFUSE);
		m->code = msg->code;
		s->acts->act[s->acts->n - 1].ms = OWN_T_NEGATIVE;
		gw_note(s, OWN_NOTE_REFUSED, msg->code);
		gw_enter_state(s, OWN_GW_NONE);
		break;
	case OWN_GW_MOVING_OUT:
		gw_note(s, OWN_NOTE_REFUSED, msg->code);
		gw_enter_state(s, OWN_GW_RESUMING);
		gw_send_open(s);
		break;
	case OWN_GW_RELEASING:
	case OWN_GW_RESUMING:
		gw_forget(s);
		break;
	case OWN_GW_MOVING_IN:
		/* The VM's own request; the transfer is still undecided. */
		e->wanted = false;
		break;
	case OWN_GW_NONE:
	case OWN_GW_ACTIVE:
	case OWN_GW_SUSPENDED:
		break;
	}
}

void gw_message(struct gw_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;

	if (msg->type == RN_MSG_XFER && from != RN_CONTROLLER) {
		gw_on_xfer(s, from, msg);
		return;
	}
	if (msg->type == RN_MSG_XFER_ACK && from != RN_CONTROLLER) {
		on_xfer_ack(s, from, msg);
		return;
	}
	if (from != RN_CONTROLLER) {
		gw_note(s, OWN_NOTE_ALARM, RN_CODE_BAD_MESSAGE);
		return;
	}
	switch (msg->type) {
	case RN_MSG_GRANT:
		on_grant(s, msg);
		break;
	case RN_MSG_VERIFY_SRC:
		on_verify_src(s, msg);
		break;
	case RN_MSG_VERIFY_DST:
		if (asks_us(s, msg))
			gw_on_verify_dst(s, msg);
		else
			ignore(s, RN_CODE_WRONG_INCARNATION);
		break;
	case RN_MSG_MOVE:
		on_move(s, msg);
		break;
	case RN_MSG_STALE:
	case RN_MSG_NEVER:
		on_over(s, msg);
		break;
	case RN_MSG_DENY:
		on_deny(s, msg);
		break;
	case RN_MSG_RELOK:
		if (e->state == OWN_GW_RELEASING && e->id == msg->id && e->epoch == msg->epoch)
			gw_forget(s);
		break;
	default:
		gw_note(s, OWN_NOTE_IGNORED, RN_CODE_BAD_MESSAGE);
		break;
	}
}

/* ---- results of kernel requests ---- */

static void frozen_out(struct gw_step *s, const struct own_gw_cause *cause)
{
	struct own_gw_entry *e = s->e;

	e->peer = cause->dst;
	gw_enter_state(s, OWN_GW_MOVING_OUT);
	gw_note(s, OWN_NOTE_FROZEN, 0);
	if (cause->type == RN_MSG_VERIFY_SRC)
		gw_answer(s, cause, 0);
	gw_send_open(s);
}

static void frozen_rel(struct gw_step *s, const struct own_gw_cause *cause)
{
	struct own_gw_entry *e = s->e;

	if (cause->type == RN_MSG_STALE || cause->type == RN_MSG_NEVER) {
		gw_note(s, OWN_NOTE_ALARM, RN_CODE_WRONG_EPOCH);
		gw_forget(s);
		return;
	}
	gw_note(s, OWN_NOTE_FROZEN, 0);
	/* A packet came between the idle event and the freeze: the VM is in
	 * use, so ask for it back instead of letting go.
	 */
	if (cause->type != RN_MSG_REL && e->timer.preset && e->timer.remaining)
		gw_enter_state(s, OWN_GW_RESUMING);
	else
		gw_enter_state(s, OWN_GW_RELEASING);
	gw_send_open(s);
}

static void floor_set(struct gw_step *s, const struct own_gw_cause *cause, int err)
{
	struct own_gw_entry *e = s->e;

	if (err) {
		gw_note(s, OWN_NOTE_REFUSED, RN_CODE_LIMIT);
		if (cause->type == RN_MSG_VERIFY_SRC)
			gw_answer(s, cause, RN_CODE_VM_HERE);
		/* All others are asked again; of what is gone from the kernel
		 * nobody else would tell. Busy means that it is there.
		 */
		if (cause->type == RN_MSG_REL && err != -EBUSY && e->state == OWN_GW_ACTIVE)
			e->retry_at = s->env->now + OWN_RETRY_MAX;
		return;
	}
	if (cause->type == RN_MSG_REL) {
		gw_enter_state(s, OWN_GW_RELEASING);
		gw_send_open(s);
		return;
	}
	if (cause->type != RN_MSG_VERIFY_SRC) {
		send_gone(s, cause);
		return;
	}
	gw_answer(s, cause, 0);
	if (e->state == OWN_GW_MOVING_IN) {
		/* What was held here can only be of an epoch that is over. */
		gw_slot_over(s, &e->slot[e->held]);
	} else if (e->id == cause->id && e->state != OWN_GW_NONE) {
		gw_forget(s);
	}
}

void gw_kernel_result(struct gw_step *s, const struct own_gw_event *event)
{
	struct own_gw_entry *e = s->e;
	const struct own_gw_cause cause = e->cause;
	uint8_t did = e->doing;

	e->doing = 0;
	memset(&e->cause, 0, sizeof(e->cause));
	switch (did) {
	case OWN_ACT_INSTALL:
		installed(s, &cause, event->err);
		return;
	case OWN_ACT_HOLD:
		gw_held(s, &cause, event->err);
		return;
	case OWN_ACT_FLOOR:
		floor_set(s, &cause, event->err);
		return;
	}
	if (did != OWN_ACT_FREEZE_OUT && did != OWN_ACT_FREEZE_REL)
		return;
	if (event->err) {
		if (cause.type == RN_MSG_VERIFY_SRC)
			gw_answer(s, &cause, RN_CODE_VM_HERE);
		gw_note(s, OWN_NOTE_REFUSED, RN_CODE_WRONG_EPOCH);
		/* Where the kernel has nothing at this epoch, what remains is
		 * to promise that and to let go of the record. Any other error
		 * leaves it translating, and all who asked will ask again.
		 */
		if (event->err == -ENOENT || event->err == -ESTALE)
			gw_let_go(s);
		return;
	}
	e->timer = event->timer;
	if (did == OWN_ACT_FREEZE_OUT)
		frozen_out(s, &cause);
	else
		frozen_rel(s, &cause);
}
