/* SPDX-License-Identifier: GPL-2.0 */
/* The failpoints around messages, by their type. */
#ifndef RN_CONTROLLER_POINT_H
#define RN_CONTROLLER_POINT_H

#include "base/failpoint.h"
#include "proto/msg.h"

#ifdef RN_FAILPOINTS
static inline void rn_point_received(uint8_t type)
{
	switch (type) {
	case RN_MSG_NATREQ:
		RN_FAILPOINT("ctl.natreq-received");
		break;
	case RN_MSG_GRANT_ACK:
		RN_FAILPOINT("ctl.grant-ack-received");
		break;
	case RN_MSG_MIG_S:
	case RN_MSG_MIG_D:
		RN_FAILPOINT("ctl.report-received");
		break;
	case RN_MSG_VERIFY_YES:
		RN_FAILPOINT("ctl.yes-received");
		break;
	case RN_MSG_REL:
		RN_FAILPOINT("ctl.rel-received");
		break;
	}
}

/* Durable, if it had to be: a message leaves. */
static inline void rn_point_send(uint8_t type, bool after)
{
#define EITHER(name) do {						\
		if (after)						\
			RN_FAILPOINT("ctl." name "-sent");		\
		else							\
			RN_FAILPOINT("ctl." name "-durable");		\
	} while (0)
	switch (type) {
	case RN_MSG_GRANT:
		EITHER("grant");
		break;
	case RN_MSG_RELOK:
		EITHER("relok");
		break;
	case RN_MSG_STALE:
		EITHER("stale");
		break;
	case RN_MSG_REGISTERED:
		EITHER("registered");
		break;
	case RN_MSG_MOVE:
		RN_FAILPOINT("ctl.move");
		break;
	case RN_MSG_VERIFY_SRC:
	case RN_MSG_VERIFY_DST:
		if (after)
			RN_FAILPOINT("ctl.verify-sent");
		break;
	case RN_MSG_INVENTORY_DONE:
		RN_FAILPOINT("ctl.inventory-done");
		break;
	}
#undef EITHER
}
#else
static inline void rn_point_received(uint8_t type)
{
	(void)type;
}

static inline void rn_point_send(uint8_t type, bool after)
{
	(void)type;
	(void)after;
}
#endif

#endif
