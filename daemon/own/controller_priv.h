/* SPDX-License-Identifier: GPL-2.0 */
/* What controller.c and controller_msg.c share; nobody else includes it. */
#ifndef RN_OWN_CONTROLLER_PRIV_H
#define RN_OWN_CONTROLLER_PRIV_H

#include "own/controller.h"

struct ctl_step {
	const struct own_ctl_env *env;
	struct own_ctl_rec *r;
	struct own_acts *acts;
};

const struct own_ctl_gw *ctl_gw(const struct ctl_step *s, uint32_t number);
struct rn_msg *ctl_send(struct ctl_step *s, uint32_t to, enum rn_msg_type type);
struct own_act *ctl_note(struct ctl_step *s, enum own_note note, uint32_t from, uint32_t to,
			 uint8_t code);
void ctl_deny(struct ctl_step *s, uint32_t to, uint8_t code, uint64_t nonce);
void ctl_send_grant(struct ctl_step *s, uint64_t nonce, const struct rn_timer *timer);
/* Next epoch for `to`, durable, granted; note says why. */
void ctl_switch(struct ctl_step *s, uint32_t to, enum own_note note, uint32_t verified_by);
void ctl_release(struct ctl_step *s);
void ctl_verify(struct ctl_step *s, enum own_ctl_state state, uint32_t dst,
		const struct rn_msg *report);
void ctl_settle(struct ctl_step *s);	/* back to GRANTED, nothing changed */
uint8_t ctl_may_take(const struct ctl_step *s, uint32_t gateway);
/* The same for one that is reported to move there: not after a cancelled order. */
uint8_t ctl_may_report(const struct ctl_step *s, uint32_t dst);
/* dst says that it holds this epoch: told once, if the order is to there. */
void ctl_ready(struct ctl_step *s);
bool ctl_verifying(const struct own_ctl_rec *r);

void ctl_message(struct ctl_step *s, uint32_t from, const struct rn_msg *msg);

#endif
