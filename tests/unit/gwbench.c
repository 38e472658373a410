// SPDX-License-Identifier: GPL-2.0
/* See gwbench.h. */
#include <check.h>
#include <string.h>
#include "gwbench.h"

struct own_gw_env env;
struct own_gw_entry entry;
struct own_acts acts;
struct last_given last;

/* Letters of the actions, so that a whole answer fits into a cell. */
static const struct {
	uint8_t type;
	const char *name;
} letters[] = {
	{ RN_MSG_NATREQ, "natreq" }, { RN_MSG_GRANT_ACK, "ack" }, { RN_MSG_MIG_S, "mig-s" },
	{ RN_MSG_MIG_D, "mig-d" }, { RN_MSG_REL, "rel" }, { RN_MSG_RESUME, "resume" },
	{ RN_MSG_VERIFY_YES, "yes" }, { RN_MSG_VERIFY_NO, "no" }, { RN_MSG_XFER, "xfer" },
	{ RN_MSG_XFER_ACK, "xfer-ack" },
};

static const char *act_name(const struct own_act *act)
{
	unsigned int i;

	switch ((enum own_act_type)act->type) {
	case OWN_ACT_SEND:
		for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
			if (letters[i].type == act->msg.type)
				return letters[i].name;
		return "?";
	case OWN_ACT_INSTALL:
		return "INSTALL";
	case OWN_ACT_HOLD:
		return "HOLD";
	case OWN_ACT_FREEZE_OUT:
		return "FREEZE-OUT";
	case OWN_ACT_FREEZE_REL:
		return "FREEZE-REL";
	case OWN_ACT_FLOOR:
		return "FLOOR";
	case OWN_ACT_DELETE:
		return "DELETE";
	case OWN_ACT_REFUSE:
		return "REFUSE";
	case OWN_ACT_SAVE:
	case OWN_ACT_NOTE:
		break;
	}
	return NULL;
}

const char *told(void)
{
	static char text[256];
	unsigned int i;

	text[0] = 0;
	for (i = 0; i < acts.n; i++) {
		const char *name = act_name(&acts.act[i]);

		if (!name)
			continue;
		if (text[0])
			strcat(text, " ");
		strcat(text, name);
	}
	return text;
}

const struct rn_msg *sent(uint8_t type)
{
	unsigned int i;

	for (i = 0; i < acts.n; i++)
		if (acts.act[i].type == OWN_ACT_SEND && acts.act[i].msg.type == type)
			return &acts.act[i].msg;
	ck_abort_msg("%s was not sent", rn_msg_type_to_string(type));
	return NULL;
}

struct rn_private vm(void)
{
	return (struct rn_private){ .zone = 1, .kind = RN_KIND_ADDRESS,
				    .addr = { .len = 4, .b = { 10, 0, 0, 5 } } };
}

struct rn_msg message(uint8_t type)
{
	return (struct rn_msg){
		.type = type, .id = ID, .epoch = EPOCH, .incarnation = INC, .vm = vm(),
		.pub = { .addr = { .len = 4, .b = { 203, 0, 113, 7 } } },
		.src = SELF, .dst = PEER, .nonce = 99,
		.timer = { .preset = 60000, .elapsed = 20000, .remaining = 40000 },
	};
}

static void happens(const struct own_gw_event *event)
{
	last.event = event->type;
	last.from = event->from;
	last.msg = event->type == OWN_GW_EV_MSG ? event->msg->type : 0;
	env.random += 1000;
	own_gw_step(&env, &entry, event, &acts);
}

void step(uint8_t type, uint32_t from, const struct rn_msg *msg)
{
	struct own_gw_event event = { .type = type, .from = from, .msg = msg, .preset = 300000 };

	happens(&event);
}

void give_adopt(uint8_t kernel_state, const struct rn_msg *msg)
{
	struct own_gw_event event = { .type = OWN_GW_EV_ADOPT, .kernel_state = kernel_state,
				      .msg = msg };

	happens(&event);
}

void give(uint32_t from, const struct rn_msg *msg)
{
	step(OWN_GW_EV_MSG, from, msg);
}

void kernel(int err)
{
	struct own_gw_event event = {
		.type = OWN_GW_EV_KERNEL, .err = err,
		.timer = { .preset = 60000, .elapsed = 60000 },
	};

	happens(&event);
}

void fresh(uint8_t mode)
{
	struct rn_private side = vm();

	env = (struct own_gw_env){ .now = NOW, .random = 5000, .self = SELF, .incarnation = INC,
				   .mode = mode, .session = true };
	own_gw_entry_init(&entry, &side);
	acts.n = 0;
}

void reach(enum own_gw_state state)
{
	struct rn_msg grant = message(RN_MSG_GRANT), xfer = message(RN_MSG_XFER);
	struct rn_msg left = message(RN_MSG_MOVE), rel = message(0);

	if (state == OWN_GW_NONE)
		return;
	if (state == OWN_GW_PENDING) {
		step(OWN_GW_EV_MISS, 0, NULL);
		return;
	}
	if (state == OWN_GW_MOVING_IN) {
		give(PEER, &xfer);
		kernel(0);
		return;
	}
	give(RN_CONTROLLER, &grant);
	kernel(0);
	if (state == OWN_GW_MOVING_OUT || state == OWN_GW_RESUMING) {
		step(OWN_GW_EV_VM_LEFT, 0, &left);
		kernel(0);
	}
	if (state == OWN_GW_RESUMING) {
		env.now += OWN_T_MOVE;
		step(OWN_GW_EV_TIME, 0, NULL);
	}
	if (state == OWN_GW_RELEASING) {
		step(OWN_GW_EV_IDLE, 0, &rel);
		kernel(0);
	}
	if (state == OWN_GW_SUSPENDED)
		step(OWN_GW_EV_SUSPEND, 0, NULL);
	ck_assert_str_eq(own_gw_state_to_string(entry.state), own_gw_state_to_string(state));
}
