/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The messages of docs/protocol.md as plain structs. codec.c turns them into
 * frames and back; own/ consumes and produces them; nothing here does I/O.
 * Which fields a message uses is said beside its type; the others are zero.
 */
#ifndef RN_PROTO_MSG_H
#define RN_PROTO_MSG_H

#include <string.h>
#include "base/addr.h"

#define RN_PROTO_VERSION	1
#define RN_FRAME_MAX		(256 * 1024)
#define RN_NAME_MAX		64	/* with the final NUL */
#define RN_TEXT_MAX		256

/* The controller is gateway number 0 as sender and receiver. */
#define RN_CONTROLLER		0

enum rn_mode {			/* S10: who reports a migration */
	RN_MODE_SOURCE = 1,
	RN_MODE_DESTINATION = 2,
};

enum rn_cause {			/* S8: why a migration was started */
	RN_CAUSE_OPERATOR = 1,
	RN_CAUSE_DEAD = 2,
	RN_CAUSE_OVERLOAD = 3,
};

enum rn_msg_type {
	/* any -> any, first on a connection: version, name, mode, incarnation, nonce */
	RN_MSG_HELLO = 1,
	/* answer: version, gateway (the peer's number), mode, lease_ms, nonce; or code, text */
	RN_MSG_HELLO_ACK,
	RN_MSG_PING,		/* nonce */
	RN_MSG_PONG,		/* nonce */

	/* gateway -> controller */
	RN_MSG_REGISTER,	/* nonce: my table is empty or suspended */
	RN_MSG_NATREQ,		/* vm, timer.preset (wish), incarnation, nonce */
	RN_MSG_GRANT_ACK,	/* id, epoch, incarnation */
	RN_MSG_MIG_S,		/* id, vm, epoch, incarnation, dst, timer, nonce */
	RN_MSG_MIG_D,		/* id, vm, epoch, incarnation, src, timer, nonce */
	RN_MSG_REL,		/* id, vm, epoch, incarnation, nonce */
	RN_MSG_RESUME,		/* id, vm, epoch, incarnation, nonce */
	/* id, epoch, incarnation, src, dst, nonce of the question; timer of a source */
	RN_MSG_VERIFY_YES,
	RN_MSG_VERIFY_NO,	/* the same without timer, code, text */
	RN_MSG_INVENTORY,	/* id, epoch, incarnation: I hold this */
	RN_MSG_INVENTORY_END,	/* incarnation, nonce: that was all; send what I miss */
	RN_MSG_LEASE_RENEW,	/* incarnation, nonce */

	/* controller -> gateway */
	RN_MSG_REGISTERED,	/* incarnation, lease_ms, nonce of the REGISTER */
	/* id, vm, pub, epoch, incarnation, timer, src (whose transfer), nonce (0: unasked) */
	RN_MSG_GRANT,
	RN_MSG_DENY,		/* vm, id, epoch, code, text, nonce: refused, nothing changed */
	/* Both: id, vm, epoch, incarnation, src, dst, nonce. */
	RN_MSG_VERIFY_SRC,	/* did you give it up to dst? */
	RN_MSG_VERIFY_DST,	/* do you hold it? */
	RN_MSG_RELOK,		/* id, epoch, nonce */
	RN_MSG_STALE,		/* id, vm, epoch, nonce: that epoch is over */
	RN_MSG_NEVER,		/* id, vm, epoch, nonce: that epoch was never issued */
	RN_MSG_MOVE,		/* id, vm, epoch, dst, cause, nonce: I hear the VM left for dst */
	RN_MSG_LEASE,		/* incarnation, lease_ms, nonce of the renewal; code if refused */
	RN_MSG_PEER,		/* gateway, name, identity, endpoint; endpoint "" means removed */
	RN_MSG_INVENTORY_DONE,	/* incarnation, nonce: every grant of yours was sent again */

	/* gateway -> gateway */
	RN_MSG_XFER,		/* id, vm, pub, epoch, timer, nonce */
	RN_MSG_XFER_ACK,	/* id, epoch, nonce; code and text if it was refused */
	RN_MSG_TYPE_MAX = RN_MSG_XFER_ACK,
};

enum rn_code {
	RN_CODE_OK = 0,
	RN_CODE_NOT_OWNER,	/* the release attack of S14, and the like */
	RN_CODE_WRONG_EPOCH,
	RN_CODE_WRONG_INCARNATION,
	RN_CODE_NOT_REGISTERED,
	RN_CODE_LEASE_OVER,
	RN_CODE_POOL_EMPTY,
	RN_CODE_PLAN_EXCEEDED,	/* S15 */
	RN_CODE_NOT_CONFIRMED,	/* the other gateway said no */
	RN_CODE_NO_ANSWER,	/* the other gateway is silent */
	RN_CODE_NOT_FENCED,	/* and nobody said that it is off */
	RN_CODE_VM_HERE,	/* the source still serves the VM */
	RN_CODE_UNKNOWN_VM,
	RN_CODE_UNKNOWN_GATEWAY,
	RN_CODE_WRONG_MODE,
	RN_CODE_BUSY,		/* another decision about it is under way */
	RN_CODE_BAD_TIMER,
	RN_CODE_LATE_TRANSFER,
	RN_CODE_BAD_MESSAGE,
	RN_CODE_VERSION,
	RN_CODE_DISABLED,
	RN_CODE_LIMIT,
	RN_CODE_DRAINED,	/* nothing new for that gateway */
	RN_CODE_CANCELLED,	/* of an order: withdrawn */
	RN_CODE_MAX = RN_CODE_CANCELLED,
};

struct rn_msg {
	uint8_t type;		/* enum rn_msg_type */
	uint8_t code;		/* enum rn_code */
	uint8_t mode;		/* enum rn_mode */
	uint8_t cause;		/* enum rn_cause */
	uint32_t version;
	uint32_t gateway;
	uint32_t src, dst;	/* gateway numbers */
	uint64_t id;
	uint64_t epoch;
	uint64_t incarnation;
	uint64_t nonce;
	uint64_t lease_ms;
	struct rn_private vm;
	struct rn_public pub;
	struct rn_timer timer;
	char name[RN_NAME_MAX];
	char identity[RN_TEXT_MAX];
	char text[RN_TEXT_MAX];	/* sentence of a refusal; endpoint of a PEER */
};

/* All but the texts, which few messages have and which are five times as long. */
#define RN_MSG_HEAD		offsetof(struct rn_msg, name)

/* Texts become empty; what is behind their final NUL stays as it was. */
static inline void rn_msg_clear(struct rn_msg *msg)
{
	memset(msg, 0, RN_MSG_HEAD);
	msg->name[0] = 0;
	msg->identity[0] = 0;
	msg->text[0] = 0;
}

/* Leaves the texts of `to` alone. */
static inline void rn_msg_copy_head(struct rn_msg *to, const struct rn_msg *from)
{
	memcpy(to, from, RN_MSG_HEAD);
}

const char *rn_msg_type_to_string(uint8_t type);
const char *rn_code_to_string(uint8_t code);		/* "not-owner" */
const char *rn_code_to_sentence(uint8_t code);
const char *rn_cause_to_string(uint8_t cause);
const char *rn_mode_to_string(uint8_t mode);		/* "source", "destination" */

#endif
