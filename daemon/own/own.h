/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two ownership machines share: time, and the actions they order.
 *
 * A machine is a pure function: (environment, record, event) -> (record,
 * actions). It does no I/O, reads no clock and draws no random number; the
 * shell around it (agent, controller, simulator) carries the actions out in
 * their order, and reports the result of those that say so as a new event
 * before it gives the same record any other event.
 */
#ifndef RN_OWN_OWN_H
#define RN_OWN_OWN_H

#include <limits.h>
#include "proto/msg.h"

#define OWN_NEVER	INT64_MAX	/* a wake-up that is not wanted */
#define OWN_ACTIONS_MAX	12		/* no step orders more */

/* Times in ms. The first four are of docs/protocol.md. */
#define OWN_T_REQUEST	5000	/* PENDING without an answer */
#define OWN_T_VERIFY	5000	/* a verification without an answer */
#define OWN_T_MOVE	10000	/* MOVING_OUT before the source asks to resume */
#define OWN_T_HOLD	60000	/* MOVING_IN without a grant */
#define OWN_T_STARVE	1000	/* MOVING_IN before a waiting VM's request goes out too */
#define OWN_T_NEGATIVE	30000	/* further packets of a refused VM are dropped */
#define OWN_T_QUARANTINE 120000	/* default, P15 */
#define OWN_T_ORDER	30000	/* an orchestrator's order that nobody carries out */
#define OWN_RETRY_MIN	200
#define OWN_RETRY_MAX	10000

enum own_act_type {
	OWN_ACT_SEND = 1,	/* msg to the gateway `to`, or to RN_CONTROLLER */

	/* gateway: kernel requests, each reported back as OWN_GW_EV_KERNEL */
	OWN_ACT_INSTALL,	/* msg is the grant: state active */
	OWN_ACT_HOLD,		/* msg is the transfer: state held */
	OWN_ACT_FREEZE_OUT,	/* msg.id, msg.epoch: state moving-out */
	OWN_ACT_FREEZE_REL,	/* msg.id, msg.epoch: state releasing */
	OWN_ACT_FLOOR,		/* msg.id, msg.epoch */
	/* gateway: kernel requests whose result changes nothing */
	OWN_ACT_DELETE,		/* msg.id, msg.epoch; absent is fine; see only_held */
	OWN_ACT_REFUSE,		/* msg.vm, msg.code; hold-off `ms` */

	/* controller: durable before any later OWN_ACT_SEND leaves (P8) */
	OWN_ACT_SAVE,

	/* both: told to the log, the audit and natctl monitor; changes nothing */
	OWN_ACT_NOTE,
};

/* What happened, in the words of the audit log. */
enum own_note {
	OWN_NOTE_GRANTED = 1,	/* first allocation */
	OWN_NOTE_MOVED,		/* owner changed after verification */
	OWN_NOTE_RETURNED,	/* migration refused or resumed: same owner, next epoch */
	OWN_NOTE_TAKEN_OVER,	/* owner changed after fencing */
	OWN_NOTE_RELEASED,
	OWN_NOTE_VERIFYING,
	OWN_NOTE_REVOKING,	/* the source is silent, waiting for a fence */
	OWN_NOTE_REFUSED,	/* msg.code says why */
	OWN_NOTE_ALARM,		/* refused, and nobody honest would have asked */
	OWN_NOTE_FROZEN,	/* gateway */
	OWN_NOTE_HELD,		/* gateway: transfer taken in */
	OWN_NOTE_ACTIVE,	/* gateway */
	OWN_NOTE_GONE,		/* gateway: record and table end here */
	OWN_NOTE_IGNORED,	/* of another incarnation, stale, or repeated */
	OWN_NOTE_READY,		/* the ordered destination holds it; decides nothing */
	OWN_NOTE_MAX = OWN_NOTE_READY,
};

struct own_act {
	uint8_t type;		/* enum own_act_type */
	uint8_t note;		/* enum own_note */
	uint32_t to;		/* SEND */
	uint32_t from_gw, to_gw;	/* NOTE: owner before and after, or requester */
	uint32_t verified_by;	/* NOTE */
	int64_t ms;		/* REFUSE */
	bool keep_timer;	/* INSTALL: the timer in the kernel goes on, whatever msg says */
	/* DELETE: only while the kernel has it in state held and for msg.vm.
	 * What a peer transfers can name the id and epoch of another VM's
	 * mapping, and a grant of that may have taken its place meanwhile.
	 */
	bool only_held;
	struct rn_msg msg;
};

struct own_acts {
	unsigned int n;
	struct own_act act[OWN_ACTIONS_MAX];
};

/* The next action, empty but for its type; act->n counts it. No step comes near
 * the bound; losing the last action is still better than writing past the array.
 */
struct own_act *own_acts_add(struct own_acts *acts, enum own_act_type type);

const char *own_note_to_string(uint8_t note);

/* Back-off of the tries'th retry: doubles from MIN to MAX, with up to a
 * quarter of jitter taken from random.
 */
int64_t own_backoff(unsigned int tries, uint64_t random);

#endif
