// SPDX-License-Identifier: GPL-2.0
/*
 * The controller's machine: messages of gateways. `from` is the number of the
 * authenticated identity. Nothing in a message is believed before it was held
 * against the record: owner, epoch and incarnation (P5, P9, P12).
 */
#include <string.h>
#include "own/controller_priv.h"

/* An epoch that is not the record's: over, or never issued. */
static void answer_epoch(struct ctl_step *s, uint32_t from, const struct rn_msg *msg)
{
	bool never = msg->epoch > s->r->epoch;
	struct rn_msg *m = ctl_send(s, from, never ? RN_MSG_NEVER : RN_MSG_STALE);

	m->vm = msg->vm;
	m->epoch = msg->epoch;
	m->nonce = msg->nonce;
	ctl_note(s, never ? OWN_NOTE_ALARM : OWN_NOTE_REFUSED, from, 0, RN_CODE_WRONG_EPOCH);
}

static void refuse(struct ctl_step *s, uint32_t from, const struct rn_msg *msg,
		   enum own_note note, uint8_t code)
{
	struct rn_msg *m;

	ctl_deny(s, from, code, msg->nonce);
	m = &s->acts->act[s->acts->n - 1].msg;
	m->epoch = msg->epoch;
	m->vm = msg->vm;
	ctl_note(s, note, from, 0, code);
}

static bool granted(const struct own_ctl_rec *r)
{
	return r->state == OWN_CTL_GRANTED || ctl_verifying(r);
}

static void on_natreq(struct ctl_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_rec *r = s->r;
	uint8_t code;

	if (!granted(r))
		return;			/* the shell allocates */
	if (r->owner == from && r->state == OWN_CTL_VERIFY_DST) {
		/* It reported that it gave this epoch up. */
		refuse(s, from, msg, OWN_NOTE_REFUSED, RN_CODE_BUSY);
		return;
	}
	if (r->owner == from) {
		ctl_send_grant(s, msg->nonce, NULL);
		return;
	}
	if (ctl_verifying(r)) {
		if (r->dst == from)
			r->reply_nonce = msg->nonce;
		else
			refuse(s, from, msg, OWN_NOTE_REFUSED, RN_CODE_BUSY);
		return;
	}
	code = ctl_may_take(s, from);
	if (code) {
		refuse(s, from, msg, OWN_NOTE_REFUSED, code);
		return;
	}
	ctl_verify(s, OWN_CTL_VERIFY_SRC, from, msg);
}

static void on_mig_s(struct ctl_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_rec *r = s->r;
	uint8_t code;

	if (msg->epoch != r->epoch) {
		answer_epoch(s, from, msg);
		return;
	}
	if (r->owner != from || !granted(r)) {
		refuse(s, from, msg, OWN_NOTE_ALARM, RN_CODE_NOT_OWNER);
		return;
	}
	if (s->env->mode != RN_MODE_SOURCE) {
		refuse(s, from, msg, OWN_NOTE_REFUSED, RN_CODE_WRONG_MODE);
		return;
	}
	if (ctl_verifying(r)) {
		if (r->dst != msg->dst)
			refuse(s, from, msg, OWN_NOTE_REFUSED, RN_CODE_BUSY);
		return;
	}
	code = msg->dst == from ? RN_CODE_UNKNOWN_GATEWAY : ctl_may_report(s, msg->dst);
	/* A destination that is only away for the moment may come back within
	 * T_move; the source's retry asks again.
	 */
	if (code == RN_CODE_NOT_REGISTERED)
		return;
	if (code) {
		refuse(s, from, msg, OWN_NOTE_REFUSED, code);
		return;
	}
	r->unacked = false;		/* it speaks of this epoch, so it has the grant */
	ctl_verify(s, OWN_CTL_VERIFY_DST, msg->dst, msg);
}

static void on_mig_d(struct ctl_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_rec *r = s->r;
	uint8_t code;

	if (granted(r) && r->owner == from && msg->epoch < r->epoch) {
		ctl_send_grant(s, msg->nonce, NULL);	/* done already */
		return;
	}
	if (msg->epoch != r->epoch) {
		answer_epoch(s, from, msg);
		return;
	}
	if (!granted(r) || r->owner != msg->src || r->owner == from) {
		refuse(s, from, msg, OWN_NOTE_ALARM, RN_CODE_NOT_OWNER);
		return;
	}
	if (s->env->mode != RN_MODE_DESTINATION) {
		refuse(s, from, msg, OWN_NOTE_REFUSED, RN_CODE_WRONG_MODE);
		return;
	}
	if (ctl_verifying(r)) {
		if (r->dst != from) {
			refuse(s, from, msg, OWN_NOTE_REFUSED, RN_CODE_BUSY);
			return;
		}
		r->reply_nonce = msg->nonce;
		ctl_ready(s);
		return;
	}
	code = ctl_may_report(s, from);
	if (code) {
		refuse(s, from, msg, OWN_NOTE_REFUSED, code);
		return;
	}
	ctl_verify(s, OWN_CTL_VERIFY_SRC, from, msg);
	ctl_ready(s);
}

static void on_rel(struct ctl_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_rec *r = s->r;
	struct rn_msg *m;

	if (r->owner != from) {
		/* S14. Of an older epoch it is the late word of an old owner;
		 * of this one or a later one nobody honest would say it.
		 */
		refuse(s, from, msg, msg->epoch < r->epoch ? OWN_NOTE_REFUSED : OWN_NOTE_ALARM,
		       RN_CODE_NOT_OWNER);
		return;
	}
	if (msg->epoch != r->epoch) {
		refuse(s, from, msg, msg->epoch < r->epoch ? OWN_NOTE_REFUSED : OWN_NOTE_ALARM,
		       RN_CODE_WRONG_EPOCH);
		return;
	}
	switch ((enum own_ctl_state)r->state) {
	case OWN_CTL_VERIFY_DST:
		refuse(s, from, msg, OWN_NOTE_REFUSED, RN_CODE_BUSY);
		return;
	case OWN_CTL_VERIFY_SRC:
	case OWN_CTL_REVOKING:
		/* It never translates at this epoch again, which is a yes. It
		 * gives the address to the claimant only where the orchestrator
		 * named that one too; else anybody could wait for a release.
		 */
		if (r->ordered) {
			ctl_switch(s, r->dst, OWN_NOTE_MOVED, from);
			return;
		}
		ctl_deny(s, r->dst, RN_CODE_BUSY, r->reply_nonce);
		ctl_release(s);
		break;
	case OWN_CTL_GRANTED:
		/* Gone, where the orchestrator wanted it moved: as good as moved. */
		if (r->move_to && r->move_to != from && !ctl_may_take(s, r->move_to)) {
			ctl_switch(s, r->move_to, OWN_NOTE_MOVED, from);
			return;
		}
		ctl_release(s);
		break;
	case OWN_CTL_QUARANTINE:
	case OWN_CTL_FREE:
		break;			/* said before: the same answer */
	}
	m = ctl_send(s, from, RN_MSG_RELOK);
	m->vm = msg->vm;
	m->nonce = msg->nonce;
}

static void on_resume(struct ctl_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_rec *r = s->r;

	if (msg->epoch != r->epoch) {
		answer_epoch(s, from, msg);
		return;
	}
	if (r->owner != from || !granted(r)) {
		struct rn_msg *m = ctl_send(s, from, RN_MSG_STALE);

		m->vm = msg->vm;
		m->nonce = msg->nonce;
		ctl_note(s, r->owner != from ? OWN_NOTE_ALARM : OWN_NOTE_REFUSED, from, 0,
			 RN_CODE_NOT_OWNER);
		return;
	}
	if (ctl_verifying(r)) {
		refuse(s, from, msg, OWN_NOTE_REFUSED, RN_CODE_BUSY);
		return;
	}
	if (rn_timer_valid(&msg->timer))
		r->timer = msg->timer;
	r->reply_nonce = msg->nonce;
	ctl_switch(s, from, OWN_NOTE_RETURNED, from);
}

static void on_verified(struct ctl_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_rec *r = s->r;
	bool at_dst = r->state == OWN_CTL_VERIFY_DST;
	uint32_t dst = r->dst, peer = at_dst ? r->dst : r->owner;
	uint64_t nonce = r->reply_nonce;
	bool yes = msg->type == RN_MSG_VERIFY_YES;

	if (!ctl_verifying(r) || from != peer || msg->nonce != r->nonce ||
	    msg->epoch != r->epoch || msg->src != r->owner || msg->dst != r->dst) {
		/* A late answer to a question that is settled is no alarm. */
		ctl_note(s, OWN_NOTE_IGNORED, from, 0, RN_CODE_BAD_MESSAGE);
		return;
	}
	if (yes) {
		if (at_dst)
			ctl_ready(s);
		else if (rn_timer_valid(&msg->timer))
			r->timer = msg->timer;
		ctl_switch(s, dst, OWN_NOTE_MOVED, from);
		return;
	}
	if (at_dst) {
		ctl_note(s, OWN_NOTE_REFUSED, r->owner, dst, RN_CODE_NOT_CONFIRMED);
		ctl_switch(s, r->owner, OWN_NOTE_RETURNED, 0);
		return;
	}
	/* A takeover is answered by that: the owner is not dead. A migration is
	 * not: the MOVE may never have reached an owner that was cut off, and
	 * is said now.
	 */
	if (r->cause == RN_CAUSE_DEAD)
		r->move_to = 0;
	ctl_settle(s);
	ctl_note(s, OWN_NOTE_REFUSED, r->owner, dst,
		 msg->code == RN_CODE_VM_HERE ? RN_CODE_VM_HERE : RN_CODE_NOT_CONFIRMED);
	ctl_deny(s, dst, RN_CODE_NOT_CONFIRMED, nonce);
}

void ctl_message(struct ctl_step *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_rec *r = s->r;
	const struct own_ctl_gw *gw = ctl_gw(s, from);

	if (!gw->number)
		return;
	if (!gw->registered || msg->incarnation != gw->incarnation) {
		/* Of an incarnation that is over, or of one to come: in either
		 * case nothing that may change a record (P5, P9).
		 */
		refuse(s, from, msg, msg->type == RN_MSG_REL ? OWN_NOTE_ALARM : OWN_NOTE_REFUSED,
		       RN_CODE_WRONG_INCARNATION);
		return;
	}
	switch (msg->type) {
	case RN_MSG_NATREQ:
		on_natreq(s, from, msg);
		break;
	case RN_MSG_MIG_S:
		on_mig_s(s, from, msg);
		break;
	case RN_MSG_MIG_D:
		on_mig_d(s, from, msg);
		break;
	case RN_MSG_REL:
		on_rel(s, from, msg);
		break;
	case RN_MSG_RESUME:
		on_resume(s, from, msg);
		break;
	case RN_MSG_VERIFY_YES:
	case RN_MSG_VERIFY_NO:
		on_verified(s, from, msg);
		break;
	case RN_MSG_GRANT_ACK:
		if (r->owner == from && r->epoch == msg->epoch && r->unacked) {
			r->unacked = false;
			if (!ctl_verifying(r))
				r->retry_at = OWN_NEVER;
		}
		break;
	default:
		refuse(s, from, msg, OWN_NOTE_ALARM, RN_CODE_BAD_MESSAGE);
		break;
	}
}
