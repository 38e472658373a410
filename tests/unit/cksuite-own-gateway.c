// SPDX-License-Identifier: GPL-2.0
/*
 * The gateway's machine, cell by cell: each row of the table is one event in
 * one state, the state that must follow and the actions that must be ordered,
 * in their order. docs/protocol.md has the same table with the reasons.
 */
#include <check.h>
#include <string.h>
#include "gwbench.h"
#include "suites.h"

/* ---- the table ---- */

enum cell_event {
	MISS, GRANT_NEXT, GRANT_SAME, GRANT_OLD, GRANT_OTHER_INC, GRANT_OTHER_VM,
	VERIFY_SRC_LEFT, VERIFY_SRC_PEER, VERIFY_SRC_THIRD, VERIFY_SRC_OLD,
	VERIFY_SRC_OTHER_INC,
	VERIFY_DST, VERIFY_DST_OTHER_INC, MOVE_PEER, MOVE_SELF, STALE, NEVER, STALE_OTHER,
	DENY, DENY_BUSY, DENY_NOT_MINE, RELOK, XFER_SAME, XFER_NEXT, XFER_BAD_TIMER,
	XFER_ACK_OK, XFER_ACK_NO, TIME_RETRY, TIME_END, IDLE, LEFT_PEER, LEFT_SELF,
	RELEASE, DELETED, ADOPT_ACTIVE, SESSION, SUSPEND, FLUSHED, KERNEL_NOTHING, FORGED_GRANT,
	UNKNOWN,
	CELL_EVENTS,
};

static const char *const event_names[CELL_EVENTS] = {
	"miss", "grant e+1", "grant e", "grant e-1", "grant other incarnation", "grant other vm",
	"verify-src left", "verify-src peer", "verify-src third", "verify-src old", "verify-src other incarnation",
	"verify-dst", "verify-dst other incarnation", "move peer", "move self", "stale", "never",
	"stale other epoch", "deny", "deny busy", "deny not mine", "relok", "xfer e", "xfer e+1",
	"xfer bad timer", "xfer-ack ok", "xfer-ack no", "time retry", "time end", "idle",
	"left peer", "left self", "release", "deleted", "adopt active", "session", "suspend",
	"flushed", "kernel answers nobody", "grant of a peer", "unknown",
};

static void happen(enum cell_event what)
{
	struct rn_msg m = message(0);

	switch (what) {
	case MISS:
		step(OWN_GW_EV_MISS, 0, NULL);
		return;
	case TIME_RETRY:
		env.now += 300;
		step(OWN_GW_EV_TIME, 0, NULL);
		return;
	case TIME_END:
		env.now += OWN_T_HOLD;
		step(OWN_GW_EV_TIME, 0, NULL);
		return;
	case IDLE:
		step(OWN_GW_EV_IDLE, 0, &m);
		return;
	case LEFT_SELF:
		m.dst = SELF;
		/* fall through */
	case LEFT_PEER:
		step(OWN_GW_EV_VM_LEFT, 0, &m);
		return;
	case RELEASE:
		step(OWN_GW_EV_RELEASE, 0, NULL);
		return;
	case DELETED:
		step(OWN_GW_EV_DELETED, 0, &m);
		return;
	case ADOPT_ACTIVE:
		give_adopt(2, &m);
		return;
	case KERNEL_NOTHING:
		kernel(0);
		return;
	case SESSION:
		step(OWN_GW_EV_SESSION, 0, NULL);
		return;
	case SUSPEND:
		step(OWN_GW_EV_SUSPEND, 0, NULL);
		return;
	case FLUSHED:
		step(OWN_GW_EV_FLUSHED, 0, NULL);
		return;
	case FORGED_GRANT:
		m.type = RN_MSG_GRANT;
		m.epoch++;
		give(THIRD, &m);
		return;
	case GRANT_NEXT:
		m.epoch++;
		/* fall through */
	case GRANT_SAME:
		m.type = RN_MSG_GRANT;
		break;
	case GRANT_OLD:
		m.type = RN_MSG_GRANT;
		m.epoch--;
		break;
	case GRANT_OTHER_INC:
		m.type = RN_MSG_GRANT;
		m.epoch++;
		m.incarnation++;
		break;
	case GRANT_OTHER_VM:
		m.type = RN_MSG_GRANT;
		m.epoch++;
		m.vm.addr.b[3]++;
		break;
	case VERIFY_SRC_OLD:
		m.epoch--;
		m.type = RN_MSG_VERIFY_SRC;
		break;
	case VERIFY_SRC_LEFT:
		entry.left_for = PEER;
		m.type = RN_MSG_VERIFY_SRC;
		break;
	case VERIFY_SRC_OTHER_INC:
		m.incarnation++;
		/* fall through */
	case VERIFY_SRC_PEER:
		m.type = RN_MSG_VERIFY_SRC;
		break;
	case VERIFY_SRC_THIRD:
		m.type = RN_MSG_VERIFY_SRC;
		m.dst = THIRD;
		break;
	case VERIFY_DST_OTHER_INC:
		m.incarnation++;
		/* fall through */
	case VERIFY_DST:
		m.type = RN_MSG_VERIFY_DST;
		m.src = PEER;
		m.dst = SELF;
		break;
	case MOVE_SELF:
		m.dst = SELF;
		/* fall through */
	case MOVE_PEER:
		m.type = RN_MSG_MOVE;
		break;
	case STALE:
		m.type = RN_MSG_STALE;
		break;
	case NEVER:
		m.type = RN_MSG_NEVER;
		break;
	case STALE_OTHER:
		m.type = RN_MSG_STALE;
		m.epoch += 9;
		break;
	case DENY:
	case DENY_BUSY:
	case DENY_NOT_MINE:
		m.type = RN_MSG_DENY;
		m.code = what == DENY_BUSY ? RN_CODE_BUSY : RN_CODE_NOT_OWNER;
		m.nonce = what == DENY_NOT_MINE ? entry.nonce + 500 : entry.nonce;
		break;
	case RELOK:
		m.type = RN_MSG_RELOK;
		break;
	case XFER_NEXT:
		m.epoch++;
		/* fall through */
	case XFER_SAME:
		m.type = RN_MSG_XFER;
		give(PEER, &m);
		return;
	case XFER_BAD_TIMER:
		m.type = RN_MSG_XFER;
		m.epoch++;
		m.timer.elapsed++;
		give(PEER, &m);
		return;
	case XFER_ACK_OK:
	case XFER_ACK_NO:
		m.type = RN_MSG_XFER_ACK;
		m.code = what == XFER_ACK_NO ? RN_CODE_LIMIT : 0;
		give(PEER, &m);
		return;
	case UNKNOWN:
		m.type = RN_MSG_HELLO;
		break;
	case CELL_EVENTS:
		return;
	}
	give(RN_CONTROLLER, &m);
}

/* Short names: the cells below read as state, actions. */
enum {
	NO = OWN_GW_NONE, PE = OWN_GW_PENDING, MI = OWN_GW_MOVING_IN, AC = OWN_GW_ACTIVE,
	MO = OWN_GW_MOVING_OUT, RS = OWN_GW_RESUMING, RL = OWN_GW_RELEASING,
	SU = OWN_GW_SUSPENDED,
};

struct cell {
	uint8_t next;
	const char *acts;
};

/* Mode source. A kernel request (upper case) leaves the state as it is until
 * its result comes; results have their tests below.
 */
static const struct cell table[CELL_EVENTS][OWN_GW_STATE_MAX + 1] = {
	/* none, pending, moving-in, active,
	 * moving-out, resuming, releasing, suspended
	 */
	[MISS] = {
		{ PE, "natreq" }, { PE, "" }, { MI, "" }, { AC, "FLOOR" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[GRANT_NEXT] = {
		{ NO, "INSTALL" }, { PE, "INSTALL" }, { MI, "INSTALL" }, { AC, "INSTALL" },
		{ MO, "INSTALL" }, { RS, "INSTALL" }, { RL, "INSTALL" }, { SU, "INSTALL" },
	},
	[GRANT_SAME] = {
		{ NO, "INSTALL" }, { PE, "INSTALL" }, { MI, "INSTALL" }, { AC, "ack" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "INSTALL" },
	},
	[GRANT_OLD] = {
		{ NO, "INSTALL" }, { PE, "INSTALL" }, { MI, "INSTALL" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[GRANT_OTHER_INC] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[GRANT_OTHER_VM] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[VERIFY_SRC_LEFT] = {
		{ NO, "FLOOR" }, { PE, "no" }, { MI, "FLOOR" }, { AC, "FREEZE-OUT" },
		{ MO, "yes" }, { RS, "yes" }, { RL, "yes" }, { SU, "FREEZE-OUT" },
	},
	[VERIFY_SRC_PEER] = {
		{ NO, "no" }, { PE, "no" }, { MI, "no" }, { AC, "no" },
		{ MO, "yes" }, { RS, "yes" }, { RL, "no" }, { SU, "no" },
	},
	[VERIFY_SRC_THIRD] = {
		{ NO, "no" }, { PE, "no" }, { MI, "no" }, { AC, "no" },
		{ MO, "no" }, { RS, "no" }, { RL, "no" }, { SU, "no" },
	},
	[VERIFY_SRC_OLD] = {
		{ NO, "no" }, { PE, "no" }, { MI, "no" }, { AC, "no" },
		{ MO, "no" }, { RS, "no" }, { RL, "no" }, { SU, "no" },
	},
	[VERIFY_SRC_OTHER_INC] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[VERIFY_DST] = {
		{ NO, "" }, { PE, "" }, { MI, "yes" }, { AC, "no" },
		{ MO, "no" }, { RS, "no" }, { RL, "no" }, { SU, "" },
	},
	[VERIFY_DST_OTHER_INC] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[MOVE_PEER] = {
		{ NO, "FLOOR" }, { PE, "" }, { MI, "" }, { AC, "FREEZE-OUT" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[MOVE_SELF] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ RS, "resume" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[STALE] = {
		{ NO, "" }, { PE, "" }, { NO, "DELETE" }, { AC, "FREEZE-REL" },
		{ NO, "DELETE" }, { NO, "DELETE" }, { NO, "DELETE" }, { NO, "DELETE" },
	},
	[NEVER] = {
		{ NO, "" }, { PE, "" }, { NO, "DELETE" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[STALE_OTHER] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[DENY] = {
		{ NO, "" }, { NO, "REFUSE" }, { MI, "" }, { AC, "" },
		{ RS, "resume" }, { NO, "DELETE" }, { NO, "DELETE" }, { SU, "" },
	},
	[DENY_BUSY] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[DENY_NOT_MINE] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[RELOK] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { NO, "DELETE" }, { SU, "" },
	},
	[XFER_SAME] = {
		{ NO, "HOLD" }, { PE, "HOLD" }, { MI, "xfer-ack" }, { AC, "xfer-ack" },
		{ MO, "xfer-ack" }, { RS, "xfer-ack" }, { RL, "xfer-ack" }, { SU, "" },
	},
	[XFER_NEXT] = {
		{ NO, "HOLD" }, { PE, "HOLD" }, { MI, "DELETE HOLD" }, { AC, "xfer-ack" },
		{ MO, "xfer-ack" }, { RS, "xfer-ack" }, { RL, "xfer-ack" }, { SU, "" },
	},
	[XFER_BAD_TIMER] = {
		{ NO, "xfer-ack" }, { PE, "xfer-ack" }, { MI, "xfer-ack" }, { AC, "xfer-ack" },
		{ MO, "xfer-ack" }, { RS, "xfer-ack" }, { RL, "xfer-ack" }, { SU, "" },
	},
	[XFER_ACK_OK] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[XFER_ACK_NO] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ RS, "resume" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[TIME_RETRY] = {
		{ NO, "" }, { PE, "natreq" }, { MI, "" }, { AC, "" },
		{ MO, "xfer mig-s" }, { RS, "resume" }, { RL, "rel" }, { SU, "" },
	},
	[TIME_END] = {
		{ NO, "" }, { NO, "" }, { NO, "DELETE" }, { AC, "" },
		{ RS, "resume" }, { RS, "resume" }, { RL, "rel" }, { SU, "" },
	},
	[IDLE] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "FREEZE-REL" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[LEFT_PEER] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "FREEZE-OUT" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[LEFT_SELF] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ RS, "resume" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[RELEASE] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "FREEZE-REL" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[DELETED] = {
		{ NO, "" }, { PE, "" }, { NO, "DELETE" }, { AC, "FLOOR" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[ADOPT_ACTIVE] = {
		{ AC, "" }, { AC, "" }, { AC, "" }, { AC, "" },
		{ AC, "" }, { AC, "" }, { AC, "" }, { AC, "" },
	},
	[SESSION] = {
		{ NO, "" }, { PE, "natreq" }, { MI, "" }, { AC, "" },
		{ MO, "xfer mig-s" }, { RS, "resume" }, { RL, "rel" }, { SU, "" },
	},
	[SUSPEND] = {
		{ NO, "" }, { PE, "" }, { NO, "DELETE" }, { SU, "" },
		{ SU, "" }, { SU, "" }, { SU, "" }, { SU, "" },
	},
	[FLUSHED] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { NO, "" },
	},
	[KERNEL_NOTHING] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[FORGED_GRANT] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
	[UNKNOWN] = {
		{ NO, "" }, { PE, "" }, { MI, "" }, { AC, "" },
		{ MO, "" }, { RS, "" }, { RL, "" }, { SU, "" },
	},
};

START_TEST(cells)
{
	enum cell_event what = (enum cell_event)(_i / (OWN_GW_STATE_MAX + 1));
	enum own_gw_state state = (enum own_gw_state)(_i % (OWN_GW_STATE_MAX + 1));
	const struct cell *cell = &table[what][state];

	fresh(RN_MODE_SOURCE);
	reach(state);
	happen(what);
	ck_assert_msg(cell->acts != NULL, "no cell for %s in %s: -> %s, \"%s\"", event_names[what],
		      own_gw_state_to_string((uint8_t)state),
		      own_gw_state_to_string(entry.state), told());
	ck_assert_msg(entry.state == cell->next && !strcmp(told(), cell->acts),
		      "%s in %s: -> %s, \"%s\", expected %s, \"%s\"", event_names[what],
		      own_gw_state_to_string((uint8_t)state), own_gw_state_to_string(entry.state),
		      told(), own_gw_state_to_string(cell->next), cell->acts);
	ck_assert_uint_lt(acts.n, OWN_ACTIONS_MAX - 1);
}
END_TEST

/* A new event, message or state without a cell makes this fail. */
START_TEST(nothing_is_missing_in_the_table)
{
	enum own_gw_state state = (enum own_gw_state)_i;
	bool event[OWN_GW_EV_MAX + 1] = { false }, msg[RN_MSG_TYPE_MAX + 1] = { false };
	int what, i;

	for (what = 0; what < CELL_EVENTS; what++) {
		ck_assert_ptr_nonnull(table[what][state].acts);
		ck_assert_ptr_nonnull(event_names[what]);
		fresh(RN_MODE_SOURCE);
		reach(state);
		happen((enum cell_event)what);
		event[last.event] = true;
		if (last.from == RN_CONTROLLER || last.msg == RN_MSG_XFER ||
		    last.msg == RN_MSG_XFER_ACK)
			msg[last.msg] = true;
	}
	for (i = 1; i <= OWN_GW_EV_MAX; i++)
		ck_assert_msg(event[i], "event %d has no cell", i);
	/* What has no cell, or comes from the wrong side, does nothing. */
	for (i = 1; i <= 2 * RN_MSG_TYPE_MAX; i++) {
		struct rn_msg m = message((uint8_t)(1 + i % RN_MSG_TYPE_MAX));
		bool peer = i > RN_MSG_TYPE_MAX, has = m.type == RN_MSG_XFER ||
			    m.type == RN_MSG_XFER_ACK;

		if (peer ? has : msg[m.type] && !has)
			continue;
		fresh(RN_MODE_SOURCE);
		reach(state);
		give(peer ? PEER : RN_CONTROLLER, &m);
		ck_assert_msg(entry.state == state && !*told() && !entry.doing,
			      "%s of %s: -> %s, \"%s\"", rn_msg_type_to_string(m.type),
			      peer ? "a peer" : "the controller",
			      own_gw_state_to_string(entry.state), told());
	}
}
END_TEST

Suite *suite_own_gateway(void)
{
	Suite *suite = suite_create("own-gateway");
	TCase *tcase = tcase_create("P1-P14: every event in every state");

	tcase_add_loop_test(tcase, cells, 0, CELL_EVENTS * (OWN_GW_STATE_MAX + 1));
	tcase_add_loop_test(tcase, nothing_is_missing_in_the_table, 0, OWN_GW_STATE_MAX + 1);
	suite_add_tcase(suite, tcase);
	return suite;
}
