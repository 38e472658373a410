/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One public endpoint as the controller sees it: who owns it, at which epoch,
 * for which VM. docs/protocol.md has the drawing and the table.
 *
 *  FREE --request--> GRANTED --report--> VERIFY_AT_DST / VERIFY_AT_SRC --yes--> GRANTED
 *   ^                   |                             | silent, orchestrator
 *   +-- QUARANTINE <----+ release                     v
 *                                                  REVOKING --fenced--> GRANTED
 */
#ifndef RN_OWN_CONTROLLER_H
#define RN_OWN_CONTROLLER_H

#include "own/own.h"

enum own_ctl_state {
	OWN_CTL_FREE,
	OWN_CTL_GRANTED,
	OWN_CTL_QUARANTINE,	/* durable up to here */
	OWN_CTL_VERIFY_DST,	/* reported by the source, asking the destination */
	OWN_CTL_VERIFY_SRC,	/* reported by the destination, or claimed: asking the source */
	OWN_CTL_REVOKING,	/* the source is silent */
	OWN_CTL_STATE_MAX = OWN_CTL_REVOKING,
};

struct own_ctl_rec {
	/* durable; the verifying states are stored as GRANTED */
	uint8_t state;		/* enum own_ctl_state; written by enter_state only */
	uint64_t id;
	uint64_t epoch;		/* last one granted, 0 never */
	uint32_t owner;		/* while not FREE; of the last grant otherwise */
	struct rn_private vm;	/* of the last grant, so that it can have it back */
	struct rn_public pub;
	uint64_t preset;	/* idle timeout, ms */
	int64_t free_at;	/* QUARANTINE: end, ms of the realtime clock */

	/* volatile: a verification */
	uint32_t dst;		/* who gets it if the answer is yes */
	uint64_t nonce;		/* P10 */
	uint64_t asked_incarnation;	/* of the peer that was asked */
	uint64_t reply_nonce;	/* of the request that waits for it */
	struct rn_timer timer;	/* as the owner told it: MIG_S, RESUME or its yes */
	bool ordered;		/* the orchestrator says that the VM is at dst (P14) */
	uint8_t cause;		/* enum rn_cause */
	int64_t since, retry_at, wake;
	uint8_t tries;

	/* volatile: a migration that the orchestrator ordered, until it is done */
	uint32_t move_to;	/* 0 none */
	uint64_t move_nonce;
	bool move_force;	/* plan and drain may be overridden (S15) */
	bool ready;		/* and its destination said that it holds this epoch */
	int64_t move_until;
	uint64_t stay_epoch;	/* cancelled: it stays while this is the epoch, ... */
	int64_t stay_until;	/* ... for the time of an order */
	bool unacked;		/* the grant was not acknowledged yet */
	struct rn_timer grant_timer;	/* as the grant carried it, to say it again */
	int64_t grant_at;
	uint64_t grant_incarnation;	/* to which it was said */
	uint32_t grant_src;	/* whose transfer that timer is of, 0 nobody's */
};

/* A gateway, as far as decisions need it. */
struct own_ctl_gw {
	uint32_t number;	/* 0: no such gateway */
	uint64_t incarnation;	/* durable; 0 never registered */
	bool registered;	/* its current incarnation is in use */
	bool connected;
	bool live;		/* its lease may still be running; true without lease */
	bool lease;		/* it has one: silence ends by itself */
	bool over;		/* its lease is certainly over, or it is fenced (P14) */
	uint32_t planned;	/* mappings, 0 no limit */
	uint32_t reserve;	/* of those, not for what moves there */
	uint32_t mappings;	/* owned now */
	uint32_t planned_blocks, blocks;	/* the same of blocks of ports */
	bool drained;		/* nothing new */
};

enum own_ctl_event_type {
	OWN_CTL_EV_MSG = 1,	/* msg, from: gateway number of the connection */
	OWN_CTL_EV_TIME,
	OWN_CTL_EV_ALLOCATE,	/* FREE or QUARANTINE: msg is the NATREQ of `from`, preset set */
	OWN_CTL_EV_MIGRATE,	/* orchestrator: VM left for msg.dst; msg.cause; force */
	OWN_CTL_EV_TAKEOVER,	/* orchestrator: VM is at msg.dst, the owner is dead */
	OWN_CTL_EV_FENCED,	/* `from` is certainly not translating any more */
	OWN_CTL_EV_REGISTERED,	/* `from` has a new incarnation: its table is empty or suspended */
	OWN_CTL_EV_INVENTORY_END,	/* `from` did not name this record: grant again */
	OWN_CTL_EV_RECLAIM,	/* the owner is over, and nobody wants its mapping */
	OWN_CTL_EV_MAX = OWN_CTL_EV_RECLAIM,
};

struct own_ctl_event {
	uint8_t type;
	uint32_t from;
	bool force;		/* plan and drain; of ALLOCATE only the drain */
	const struct rn_msg *msg;
};

struct own_ctl_env {
	int64_t now;		/* ms, monotonic */
	int64_t wall;		/* ms, realtime: only for the quarantine */
	uint64_t random;	/* fresh for every step */
	uint8_t mode;		/* enum rn_mode */
	int64_t quarantine;	/* ms */
	/* Never NULL; number 0 when there is no such gateway. */
	const struct own_ctl_gw *(*gw)(void *ctx, uint32_t number);
	void *ctx;
};

void own_ctl_rec_init(struct own_ctl_rec *rec, uint64_t id, const struct rn_public *pub);
void own_ctl_step(const struct own_ctl_env *env, struct own_ctl_rec *rec,
		  const struct own_ctl_event *event, struct own_acts *acts);
/* May vm have it now? FREE, quarantine over, or quarantine of the same VM. */
bool own_ctl_rec_available(const struct own_ctl_rec *rec, const struct rn_private *vm,
			   int64_t wall);
const char *own_ctl_state_to_string(uint8_t state);

#endif
