/* SPDX-License-Identifier: GPL-2.0 */
/* The failpoints around what own/ orders and what comes in, by its type. */
#ifndef RN_AGENT_POINT_H
#define RN_AGENT_POINT_H

#include "base/failpoint.h"
#include "own/own.h"

#ifdef RN_FAILPOINTS
static inline void agent_point_send(uint8_t type, bool after)
{
#define EITHER(name) do {						\
		if (after)						\
			RN_FAILPOINT("agent.after-" name);		\
		else							\
			RN_FAILPOINT("agent.before-" name);		\
	} while (0)
	switch (type) {
	case RN_MSG_NATREQ:
		EITHER("natreq");
		break;
	case RN_MSG_GRANT_ACK:
		EITHER("grant-ack");
		break;
	case RN_MSG_XFER:
		EITHER("xfer");
		break;
	case RN_MSG_XFER_ACK:
		EITHER("xfer-ack");
		break;
	case RN_MSG_MIG_S:
		EITHER("mig-s");
		break;
	case RN_MSG_MIG_D:
		EITHER("mig-d");
		break;
	case RN_MSG_VERIFY_YES:
		EITHER("yes");
		break;
	case RN_MSG_REL:
		EITHER("rel");
		break;
	}
}

static inline void agent_point_act(const struct own_act *act, bool after)
{
	switch ((enum own_act_type)act->type) {
	case OWN_ACT_INSTALL:
		EITHER("install");
		break;
	case OWN_ACT_HOLD:
		EITHER("hold");
		break;
	case OWN_ACT_FREEZE_OUT:
		EITHER("freeze-out");
		break;
	case OWN_ACT_FREEZE_REL:
		EITHER("freeze-rel");
		break;
	case OWN_ACT_DELETE:
		EITHER("delete");
		break;
	case OWN_ACT_SEND:
		agent_point_send(act->msg.type, after);
		break;
	case OWN_ACT_FLOOR:
	case OWN_ACT_REFUSE:
	case OWN_ACT_SAVE:
	case OWN_ACT_NOTE:
		break;
	}
#undef EITHER
}

static inline void agent_point_received(uint8_t type)
{
	switch (type) {
	case RN_MSG_GRANT:
		RN_FAILPOINT("agent.grant-received");
		break;
	case RN_MSG_MOVE:
		RN_FAILPOINT("agent.move-received");
		break;
	case RN_MSG_XFER:
		RN_FAILPOINT("agent.xfer-received");
		break;
	case RN_MSG_XFER_ACK:
		RN_FAILPOINT("agent.xfer-ack-received");
		break;
	case RN_MSG_VERIFY_SRC:
	case RN_MSG_VERIFY_DST:
		RN_FAILPOINT("agent.verify-received");
		break;
	case RN_MSG_STALE:
		RN_FAILPOINT("agent.stale-received");
		break;
	case RN_MSG_RELOK:
		RN_FAILPOINT("agent.relok-received");
		break;
	}
}
#else
static inline void agent_point_act(const struct own_act *act, bool after)
{
	(void)act;
	(void)after;
}

static inline void agent_point_received(uint8_t type)
{
	(void)type;
}
#endif

#endif
