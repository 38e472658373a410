// SPDX-License-Identifier: GPL-2.0
/* Words for the numbers of msg.h. */
#include "proto/msg.h"

struct words {
	const char *name;
	const char *sentence;
};

static const char *const type_names[RN_MSG_TYPE_MAX + 1] = {
	[RN_MSG_HELLO] = "HELLO",
	[RN_MSG_HELLO_ACK] = "HELLO_ACK",
	[RN_MSG_PING] = "PING",
	[RN_MSG_PONG] = "PONG",
	[RN_MSG_REGISTER] = "REGISTER",
	[RN_MSG_NATREQ] = "NATREQ",
	[RN_MSG_GRANT_ACK] = "GRANT_ACK",
	[RN_MSG_MIG_S] = "MIG_S",
	[RN_MSG_MIG_D] = "MIG_D",
	[RN_MSG_REL] = "REL",
	[RN_MSG_RESUME] = "RESUME",
	[RN_MSG_VERIFY_YES] = "VERIFY_YES",
	[RN_MSG_VERIFY_NO] = "VERIFY_NO",
	[RN_MSG_INVENTORY] = "INVENTORY",
	[RN_MSG_INVENTORY_END] = "INVENTORY_END",
	[RN_MSG_LEASE_RENEW] = "LEASE_RENEW",
	[RN_MSG_REGISTERED] = "REGISTERED",
	[RN_MSG_GRANT] = "GRANT",
	[RN_MSG_DENY] = "DENY",
	[RN_MSG_VERIFY_SRC] = "VERIFY_SRC",
	[RN_MSG_VERIFY_DST] = "VERIFY_DST",
	[RN_MSG_RELOK] = "RELOK",
	[RN_MSG_STALE] = "STALE",
	[RN_MSG_NEVER] = "NEVER",
	[RN_MSG_MOVE] = "MOVE",
	[RN_MSG_LEASE] = "LEASE",
	[RN_MSG_PEER] = "PEER",
	[RN_MSG_INVENTORY_DONE] = "INVENTORY_DONE",
	[RN_MSG_XFER] = "XFER",
	[RN_MSG_XFER_ACK] = "XFER_ACK",
};

static const struct words codes[RN_CODE_MAX + 1] = {
	[RN_CODE_OK] = { "ok", "done" },
	[RN_CODE_NOT_OWNER] = { "not-owner",
		"the requester is not the recorded owner of the mapping" },
	[RN_CODE_WRONG_EPOCH] = { "wrong-epoch",
		"the mapping was granted anew since the epoch that the request names" },
	[RN_CODE_WRONG_INCARNATION] = { "wrong-incarnation",
		"the gateway registered anew since it made the request" },
	[RN_CODE_NOT_REGISTERED] = { "not-registered",
		"the gateway has to register before it asks for anything" },
	[RN_CODE_LEASE_OVER] = { "lease-over",
		"the gateway's lease is over; it has to register anew" },
	[RN_CODE_POOL_EMPTY] = { "pool-empty",
		"no pool for this kind, protocol and zone has a free address; enlarge one" },
	[RN_CODE_PLAN_EXCEEDED] = { "plan-exceeded",
		"the gateway would hold more mappings than are planned for it; "
		"raise planned= or use force" },
	[RN_CODE_NOT_CONFIRMED] = { "not-confirmed",
		"the other gateway does not confirm the migration" },
	[RN_CODE_NO_ANSWER] = { "no-answer",
		"the other gateway does not answer; the migration needs it, or a fence" },
	[RN_CODE_NOT_FENCED] = { "not-fenced",
		"the owner is silent and nobody asserted that it is off; "
		"make sure, then say so with --fenced" },
	[RN_CODE_VM_HERE] = { "vm-here",
		"the source still serves the VM" },
	[RN_CODE_UNKNOWN_VM] = { "unknown-vm",
		"there is no such mapping" },
	[RN_CODE_UNKNOWN_GATEWAY] = { "unknown-gateway",
		"the gateway is not in the controller's configuration" },
	[RN_CODE_WRONG_MODE] = { "wrong-mode",
		"the gateway's report-from= differs from the controller's" },
	[RN_CODE_BUSY] = { "busy",
		"another decision about the mapping is under way; ask again when it is taken" },
	[RN_CODE_BAD_TIMER] = { "bad-timer",
		"elapsed and remaining time of the idle timer do not add up to its preset" },
	[RN_CODE_LATE_TRANSFER] = { "late-transfer",
		"the transfer took so long that its idle timer is no longer true" },
	[RN_CODE_BAD_MESSAGE] = { "bad-message",
		"the message cannot be understood" },
	[RN_CODE_VERSION] = { "version",
		"the two sides speak different versions of the protocol; upgrade the older" },
	[RN_CODE_DISABLED] = { "disabled",
		"the gateway is disabled in the controller's configuration" },
	[RN_CODE_LIMIT] = { "limit",
		"a bound is reached; ask again later" },
	[RN_CODE_DRAINED] = { "drained",
		"the gateway is drained and takes nothing new; "
		"natctl undrain it, or use force" },
	[RN_CODE_CANCELLED] = { "cancelled",
		"the order was withdrawn" },
};

static const char *const cause_names[] = {
	[0] = "none",
	[RN_CAUSE_OPERATOR] = "operator",
	[RN_CAUSE_DEAD] = "dead",
	[RN_CAUSE_OVERLOAD] = "overload",
};

const char *rn_msg_type_to_string(uint8_t type)
{
	if (type > RN_MSG_TYPE_MAX || !type_names[type])
		return "unknown";
	return type_names[type];
}

const char *rn_code_to_string(uint8_t code)
{
	return code > RN_CODE_MAX ? "unknown" : codes[code].name;
}

const char *rn_code_to_sentence(uint8_t code)
{
	if (code > RN_CODE_MAX)
		return "refused for a reason that this version does not know";
	return codes[code].sentence;
}

const char *rn_cause_to_string(uint8_t cause)
{
	return cause > RN_CAUSE_OVERLOAD ? "unknown" : cause_names[cause];
}

const char *rn_mode_to_string(uint8_t mode)
{
	switch ((enum rn_mode)mode) {
	case RN_MODE_SOURCE:
		return "source";
	case RN_MODE_DESTINATION:
		return "destination";
	}
	return "unknown";
}
