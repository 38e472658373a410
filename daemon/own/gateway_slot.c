// SPDX-License-Identifier: GPL-2.0
/*
 * The gateway's machine: transfers that wait for a decision (P12). Each sender
 * has a slot of its own, so that a forged transfer can neither replace nor end
 * a genuine one. One slot's transfer at most is held in the kernel; the others
 * wait beside it, or beside a frozen mapping until the controller has said
 * that its epoch is over: a peer's word never ends a promise that is open.
 */
#include <errno.h>
#include <string.h>
#include "own/gateway_priv.h"

struct own_gw_slot *gw_slot_of(struct own_gw_entry *e, uint32_t sender, uint64_t id,
			       uint64_t epoch)
{
	unsigned int i;

	for (i = 0; i < OWN_GW_SLOTS; i++)
		if (e->slot[i].sender == sender && sender && e->slot[i].id == id &&
		    e->slot[i].epoch == epoch && epoch)
			return &e->slot[i];
	return NULL;
}

/* The next transfer that waits goes into the kernel; false if there is none. */
static bool promote(struct gw_step *s)
{
	struct own_gw_entry *e = s->e;
	unsigned int i;

	for (i = 0; i < OWN_GW_SLOTS; i++) {
		const struct own_gw_slot *slot = &e->slot[i];
		const struct own_gw_cause cause = {
			.src = slot->sender, .id = slot->id, .epoch = slot->epoch,
		};
		struct rn_msg *m;

		if (!slot->sender || !slot->epoch)
			continue;
		m = gw_kernel(s, OWN_ACT_HOLD, &cause);
		m->id = slot->id;
		m->epoch = slot->epoch;
		m->incarnation = 0;
		m->pub = slot->pub;
		m->src = slot->sender;
		m->timer = rn_timer_advance(slot->timer, (uint64_t)(s->env->now - slot->at));
		return true;
	}
	return false;
}

/* The transfer in the kernel goes out of it. */
void gw_unhold(struct gw_step *s)
{
	const struct own_gw_slot *slot = &s->e->slot[s->e->held];
	struct own_act *act = &s->acts->act[s->acts->n];
	struct rn_msg *m = gw_action(s, OWN_ACT_DELETE);

	act->only_held = true;
	m->id = slot->id;
	m->epoch = slot->epoch;
}

void gw_promote(struct gw_step *s)
{
	promote(s);
}

/* The slot's transfer is over: confirmed elsewhere, refused or too old. */
void gw_slot_over(struct gw_step *s, struct own_gw_slot *slot)
{
	struct own_gw_entry *e = s->e;
	bool in_kernel = e->state == OWN_GW_MOVING_IN && slot == &e->slot[e->held];

	if (in_kernel)
		gw_unhold(s);
	if (slot->floor < slot->epoch)
		slot->floor = slot->epoch;
	slot->epoch = 0;
	if (in_kernel && !promote(s))
		gw_enter_state(s, OWN_GW_NONE);
}

/* Every sender's transfer of that epoch is over; the one in the kernel last,
 * so that no other of them takes its place.
 */
bool gw_slots_over(struct gw_step *s, uint64_t id, uint64_t epoch)
{
	struct own_gw_entry *e = s->e;
	struct own_gw_slot *last = NULL;
	bool any = false;
	unsigned int i;

	for (i = 0; i < OWN_GW_SLOTS; i++) {
		struct own_gw_slot *slot = &e->slot[i];

		if (slot->id != id || !slot->epoch || slot->epoch != epoch)
			continue;
		any = true;
		if (e->state == OWN_GW_MOVING_IN && i == e->held)
			last = slot;
		else
			gw_slot_over(s, slot);
	}
	if (last)
		gw_slot_over(s, last);
	return any;
}

/* ---- reports by the destination ---- */

void gw_send_slots(struct gw_step *s)
{
	const struct own_gw_env *env = s->env;
	struct own_gw_entry *e = s->e;
	struct rn_msg *m;
	unsigned int i;

	for (i = 0; i < OWN_GW_SLOTS && env->mode == RN_MODE_DESTINATION; i++) {
		if (!e->slot[i].sender || !e->slot[i].epoch)
			continue;
		m = gw_send(s, RN_CONTROLLER, RN_MSG_MIG_D);
		m->id = e->slot[i].id;
		m->epoch = e->slot[i].epoch;
		m->src = e->slot[i].sender;
		m->dst = env->self;
		m->timer = rn_timer_advance(e->slot[i].timer,
					    (uint64_t)(env->now - e->slot[i].at));
		m->nonce = gw_slot_nonce(e, i);
	}
}

/* Of its own, so that a refusal ends the slot that it is about. */
uint64_t gw_slot_nonce(const struct own_gw_entry *e, unsigned int i)
{
	return e->nonce + 1 + i;
}

/* ---- verification at the destination (P10) ---- */

void gw_on_verify_dst(struct gw_step *s, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;

	const struct own_gw_cause question = gw_cause(msg);

	if (gw_slot_of(e, msg->src, msg->id, msg->epoch)) {
		gw_answer(s, &question, 0);
		return;
	}
	if (e->state == OWN_GW_ACTIVE || (gw_frozen(e) && e->id == msg->id &&
					  e->epoch >= msg->epoch)) {
		gw_answer(s, &question, RN_CODE_NOT_CONFIRMED);
		return;
	}
	/* The report overtook the transfer. Answer when that comes. */
	e->asked_nonce = msg->nonce;
	e->asked_id = msg->id;
	e->asked_epoch = msg->epoch;
	e->asked_src = msg->src;
	e->asked_until = s->env->now + OWN_T_VERIFY;
}

static void answer_asked(struct gw_step *s, const struct own_gw_slot *slot)
{
	struct own_gw_entry *e = s->e;
	const struct own_gw_cause question = {
		.id = e->asked_id, .epoch = e->asked_epoch, .src = e->asked_src,
		.dst = s->env->self, .nonce = e->asked_nonce,
	};

	if (!e->asked_nonce || e->asked_src != slot->sender ||
	    e->asked_id != slot->id || e->asked_epoch != slot->epoch)
		return;
	e->asked_nonce = 0;
	gw_answer(s, &question, 0);
}

/* ---- transfers come in ---- */

static void transfer_ack(struct gw_step *s, uint32_t to, const struct own_gw_cause *xfer,
			 uint8_t code)
{
	struct rn_msg *m = gw_send(s, to, RN_MSG_XFER_ACK);

	m->id = xfer->id;
	m->epoch = xfer->epoch;
	m->incarnation = 0;
	m->nonce = xfer->nonce;
	m->code = code;
}

static struct own_gw_slot *slot_for(struct own_gw_entry *e, uint32_t sender)
{
	struct own_gw_slot *oldest = NULL;
	unsigned int i;

	for (i = 0; i < OWN_GW_SLOTS; i++)
		if (e->slot[i].sender == sender)
			return &e->slot[i];
	for (i = 0; i < OWN_GW_SLOTS; i++)
		if (!e->slot[i].sender)
			return &e->slot[i];
	for (i = 0; i < OWN_GW_SLOTS; i++) {
		if (e->state == OWN_GW_MOVING_IN && i == e->held)
			continue;
		if (!oldest || e->slot[i].at < oldest->at)
			oldest = &e->slot[i];
	}
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

static uint8_t judge_transfer(const struct own_gw_entry *e, uint32_t from,
			      const struct rn_msg *msg)
{
	unsigned int i;

	if (!msg->id || !msg->epoch || !msg->pub.addr.len ||
	    !rn_private_equal(&msg->vm, &e->vm))
		return RN_CODE_BAD_MESSAGE;
	if (!rn_timer_valid(&msg->timer))
		return RN_CODE_BAD_TIMER;
	if (e->state == OWN_GW_ACTIVE)
		return e->id == msg->id ? RN_CODE_WRONG_EPOCH : RN_CODE_BUSY;
	if (gw_frozen(e) && e->id == msg->id && msg->epoch <= e->epoch)
		return RN_CODE_WRONG_EPOCH;
	for (i = 0; i < OWN_GW_SLOTS; i++)
		if (e->slot[i].sender == from && e->slot[i].id == msg->id &&
		    (msg->epoch <= e->slot[i].floor || msg->epoch < e->slot[i].epoch))
			return RN_CODE_WRONG_EPOCH;
	return RN_CODE_OK;
}

static void fill_slot(struct gw_step *s, struct own_gw_slot *slot, uint32_t from,
		      const struct rn_msg *msg)
{
	if (slot->id != msg->id)
		slot->floor = 0;
	slot->sender = from;
	slot->id = msg->id;
	slot->epoch = msg->epoch;
	slot->pub = msg->pub;
	slot->timer = msg->timer;
	slot->at = s->env->now;
}

void gw_on_xfer(struct gw_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_gw_entry *e = s->e;
	uint8_t code = judge_transfer(e, from, msg);
	struct own_gw_cause cause = gw_cause(msg);
	struct own_gw_slot *slot;
	bool beside = e->state == OWN_GW_MOVING_IN || gw_frozen(e);

	if (e->state == OWN_GW_SUSPENDED || !s->env->incarnation)
		return;			/* he tries again; we shall know more */
	if (code) {
		transfer_ack(s, from, &cause, code);
		return;
	}
	slot = slot_for(e, from);
	if (slot->epoch == msg->epoch && slot->id == msg->id) {
		transfer_ack(s, from, &cause, 0);
		return;
	}
	if (e->state == OWN_GW_MOVING_IN && slot == &e->slot[e->held]) {
		gw_unhold(s);
		beside = false;
	}
	fill_slot(s, slot, from, msg);
	if (!beside) {
		struct rn_msg *m;

		cause.src = from;
		m = gw_kernel(s, OWN_ACT_HOLD, &cause);
		rn_msg_copy_head(m, msg);
		m->src = from;
		return;
	}
	/* Something else is in the kernel. This one waits beside it; the
	 * controller knows which is genuine.
	 */
	transfer_ack(s, from, &cause, 0);
	answer_asked(s, slot);
	if (s->env->session)
		gw_send_slots(s);
}

/* What the kernel said to OWN_ACT_HOLD. */
void gw_held(struct gw_step *s, const struct own_gw_cause *xfer, int err)
{
	struct own_gw_entry *e = s->e;
	struct own_gw_slot *slot = gw_slot_of(e, xfer->src, xfer->id, xfer->epoch);

	if (!slot)
		return;
	if (err) {
		transfer_ack(s, slot->sender, xfer,
			     err == -ESTALE ? RN_CODE_WRONG_EPOCH : RN_CODE_LIMIT);
		if (err == -ESTALE)
			slot->floor = slot->epoch;
		slot->epoch = 0;
		if (!promote(s) && e->state == OWN_GW_MOVING_IN)
			gw_enter_state(s, OWN_GW_NONE);
		return;
	}
	e->held = (uint8_t)(slot - e->slot);
	e->id = slot->id;
	e->epoch = slot->epoch;
	e->pub = slot->pub;
	if (e->state == OWN_GW_PENDING) {
		e->wanted = true;
		e->wanted_at = s->env->now;
	}
	gw_enter_state(s, OWN_GW_MOVING_IN);
	e->left_for = 0;
	e->peer = slot->sender;
	if (xfer->type == RN_MSG_XFER)
		transfer_ack(s, slot->sender, xfer, 0);
	gw_note(s, OWN_NOTE_HELD, 0);
	answer_asked(s, slot);
	gw_send_open(s);
}
