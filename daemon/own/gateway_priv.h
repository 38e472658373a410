/* SPDX-License-Identifier: GPL-2.0 */
/* What gateway.c, gateway_msg.c and gateway_slot.c share; nobody else includes it. */
#ifndef RN_OWN_GATEWAY_PRIV_H
#define RN_OWN_GATEWAY_PRIV_H

#include "own/gateway.h"

struct gw_step {
	const struct own_gw_env *env;
	struct own_gw_entry *e;
	struct own_acts *acts;
};

/* The next action, zeroed but for its type and, of the message, what names
 * the entry: vm, id, epoch, incarnation.
 */
struct rn_msg *gw_action(struct gw_step *s, enum own_act_type type);
struct rn_msg *gw_send(struct gw_step *s, uint32_t to, enum rn_msg_type type);
/* Orders a kernel request whose result comes back as OWN_GW_EV_KERNEL, and
 * keeps its cause until then; NULL is a local event. It is about the entry's
 * own id and epoch unless the caller writes others into the message.
 */
struct rn_msg *gw_kernel(struct gw_step *s, enum own_act_type type,
			 const struct own_gw_cause *cause);
struct own_gw_cause gw_cause(const struct rn_msg *msg);
void gw_note(struct gw_step *s, enum own_note note, uint8_t code);
void gw_enter_state(struct gw_step *s, enum own_gw_state state);
/* Sends what is open in this state, again if need be, and sets retry_at. */
void gw_send_open(struct gw_step *s);
/* DELETE, then NONE; a transfer that waited takes the place. */
void gw_let_go(struct gw_step *s);		/* FLOOR, and then REL */
void gw_forget(struct gw_step *s);
/* The VM is at dst; 0 is here. cause is kept for the freeze. */
void gw_left(struct gw_step *s, uint32_t dst, const struct rn_msg *msg);
void gw_answer(struct gw_step *s, const struct own_gw_cause *question, uint8_t code);
bool gw_frozen(const struct own_gw_entry *e);

struct own_gw_slot *gw_slot_of(struct own_gw_entry *e, uint32_t sender, uint64_t id,
			       uint64_t epoch);
uint64_t gw_slot_nonce(const struct own_gw_entry *e, unsigned int i);
void gw_slot_over(struct gw_step *s, struct own_gw_slot *slot);
bool gw_slots_over(struct gw_step *s, uint64_t id, uint64_t epoch);
void gw_unhold(struct gw_step *s);
void gw_promote(struct gw_step *s);
void gw_send_slots(struct gw_step *s);
void gw_on_xfer(struct gw_step *s, uint32_t from, const struct rn_msg *msg);
void gw_on_verify_dst(struct gw_step *s, const struct rn_msg *msg);
void gw_held(struct gw_step *s, const struct own_gw_cause *xfer, int err);

void gw_message(struct gw_step *s, uint32_t from, const struct rn_msg *msg);
void gw_kernel_result(struct gw_step *s, const struct own_gw_event *event);

#endif
