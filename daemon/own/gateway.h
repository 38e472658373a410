/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mapping of one VM (or one of its ports) as its gateway sees it.
 * docs/protocol.md has the drawing and the event x state table.
 *
 *  NONE --miss--> PENDING --grant--> ACTIVE --idle--> RELEASING --answer--> NONE
 *   |                                 |  ^
 *   | transfer                        |  | grant
 *   +-----------> MOVING_IN --grant---|--+
 *                                     v  |
 *                                 MOVING_OUT --T_move--> RESUMING
 *                                     +---------stale-------+--> NONE
 */
#ifndef RN_OWN_GATEWAY_H
#define RN_OWN_GATEWAY_H

#include "own/own.h"

enum own_gw_state {
	OWN_GW_NONE,
	OWN_GW_PENDING,		/* asked for a mapping */
	OWN_GW_MOVING_IN,	/* holds a transfer, does not translate */
	OWN_GW_ACTIVE,		/* the kernel translates */
	OWN_GW_MOVING_OUT,	/* frozen, promised to `peer` */
	OWN_GW_RESUMING,	/* frozen, wants a new epoch back */
	OWN_GW_RELEASING,	/* frozen, wants to be released */
	OWN_GW_SUSPENDED,	/* of an earlier incarnation, unconfirmed */
	OWN_GW_STATE_MAX = OWN_GW_SUSPENDED,
};

/* Transfers are kept per sender, so that a forged one with a high epoch
 * cannot keep the genuine one out (P12). More senders than slots for one VM:
 * the oldest slot that is not held gives way.
 */
#define OWN_GW_SLOTS	4

struct own_gw_slot {
	uint32_t sender;	/* 0 free */
	uint64_t epoch;		/* of the transfer; 0 none */
	uint64_t floor;		/* transfers at or below are over */
	uint64_t id;
	struct rn_public pub;
	struct rn_timer timer;
	int64_t at;		/* when the timer was right */
};

/* Of the message that ordered a kernel request: what its result needs. */
struct own_gw_cause {
	uint8_t type;		/* enum rn_msg_type, 0 a local event */
	uint32_t src, dst;
	uint64_t id, epoch, nonce;
	struct rn_public pub;
	struct rn_timer timer;
};

struct own_gw_entry {
	uint8_t state;		/* enum own_gw_state; written by enter_state only */
	uint8_t tries;
	uint8_t held;		/* MOVING_IN: index of the slot in the kernel */
	bool wanted;		/* MOVING_IN: the VM's packets wait here */
	bool again;		/* frozen: move on to left_for once granted again */
	bool acked;		/* MOVING_OUT: the destination has the transfer */
	struct rn_private vm;
	struct rn_public pub;
	uint64_t id;		/* 0 while unknown */
	uint64_t epoch;
	struct rn_timer timer;	/* as the freeze or the transfer told it */
	uint32_t peer;		/* MOVING_OUT: destination */
	uint32_t left_for;	/* orchestrator: VM is at that gateway; 0 it is here */
	uint64_t nonce;		/* of the request that is open */
	int64_t since;		/* when the state was entered */
	int64_t wanted_at;	/* since when the VM's packets wait */
	int64_t retry_at;
	int64_t wake;		/* give OWN_GW_EV_TIME at or after this time */
	struct own_gw_slot slot[OWN_GW_SLOTS];

	/* A question of the controller that came before the transfer did. */
	uint64_t asked_nonce, asked_id, asked_epoch;
	uint32_t asked_src;
	int64_t asked_until;

	/* between a kernel action and its result */
	uint8_t doing;		/* enum own_act_type, 0 none */
	struct own_gw_cause cause;
};

enum own_gw_event_type {
	OWN_GW_EV_MISS = 1,	/* preset: proposed idle timeout, ms */
	OWN_GW_EV_MSG,		/* msg, from: gateway number of the connection */
	OWN_GW_EV_TIME,
	OWN_GW_EV_IDLE,		/* the kernel says so; msg.id, msg.epoch */
	OWN_GW_EV_VM_LEFT,	/* local orchestrator: gone to msg.dst (self: back) */
	OWN_GW_EV_RELEASE,	/* administrator: give it back */
	OWN_GW_EV_DELETED,	/* somebody else took it out of the kernel */
	OWN_GW_EV_KERNEL,	/* result of entry->doing: err, and timer of a freeze */
	OWN_GW_EV_ADOPT,	/* agent start: kernel holds msg in kernel_state */
	OWN_GW_EV_SESSION,	/* the controller is reachable: repeat what is open */
	OWN_GW_EV_SUSPEND,	/* the incarnation ended */
	OWN_GW_EV_FLUSHED,	/* after INVENTORY_DONE: unconfirmed ones are gone */
	OWN_GW_EV_MAX = OWN_GW_EV_FLUSHED,
};

struct own_gw_event {
	uint8_t type;
	uint8_t kernel_state;	/* ADOPT: enum roamnat_state */
	int err;		/* KERNEL: 0 or a negative errno */
	uint32_t from;
	uint64_t preset;
	struct rn_timer timer;
	const struct rn_msg *msg;
};

struct own_gw_env {
	int64_t now;		/* ms, boot-time clock */
	uint64_t random;	/* fresh for every step: nonces and jitter */
	uint32_t self;		/* own gateway number */
	uint64_t incarnation;	/* 0: not registered */
	uint8_t mode;		/* enum rn_mode */
	bool session;		/* messages to the controller will leave */
};

void own_gw_entry_init(struct own_gw_entry *entry, const struct rn_private *vm);
/* acts->n is set; entry->wake says when to give EV_TIME. An entry in NONE
 * without a slot in use (own_gw_entry_idle) may be forgotten.
 */
void own_gw_step(const struct own_gw_env *env, struct own_gw_entry *entry,
		 const struct own_gw_event *event, struct own_acts *acts);
bool own_gw_entry_idle(const struct own_gw_entry *entry, int64_t now);
const char *own_gw_state_to_string(uint8_t state);

#endif
