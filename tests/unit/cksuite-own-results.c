// SPDX-License-Identifier: GPL-2.0
/*
 * The gateway's machine: what the kernel answers to each request, in each state
 * in which it can be asked; docs/protocol.md, "After the kernel has answered".
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include "gwbench.h"
#include "suites.h"

enum result {
	INSTALL_DONE, INSTALL_STALE, INSTALL_FULL, HOLD_DONE, HOLD_STALE, HOLD_FULL,
	OUT_DONE, OUT_GONE, OUT_FULL, REL_DONE, REL_GONE, REL_FULL, FLOOR_DONE, FLOOR_BUSY,
	RESULTS,
};

static const int errors[RESULTS] = {
	0, -ESTALE, -ENOSPC, 0, -ESTALE, -ENOSPC, 0, -ENOENT, -ENOSPC, 0, -ENOENT, -ENOSPC,
	0, -EBUSY,
};

static const uint8_t requests[RESULTS] = {
	OWN_ACT_INSTALL, OWN_ACT_INSTALL, OWN_ACT_INSTALL, OWN_ACT_HOLD, OWN_ACT_HOLD,
	OWN_ACT_HOLD, OWN_ACT_FREEZE_OUT, OWN_ACT_FREEZE_OUT, OWN_ACT_FREEZE_OUT,
	OWN_ACT_FREEZE_REL, OWN_ACT_FREEZE_REL, OWN_ACT_FREEZE_REL, OWN_ACT_FLOOR,
	OWN_ACT_FLOOR,
};

/* What orders the request, if anything does in this state. */
static void order(uint8_t request)
{
	struct rn_msg m = message(0);

	switch (request) {
	case OWN_ACT_INSTALL:
		m.type = RN_MSG_GRANT;
		m.epoch++;
		give(RN_CONTROLLER, &m);
		return;
	case OWN_ACT_HOLD:
		m.type = RN_MSG_XFER;
		m.epoch++;
		give(PEER, &m);
		return;
	case OWN_ACT_FREEZE_REL:
		step(OWN_GW_EV_IDLE, 0, &m);
		return;
	case OWN_ACT_FLOOR:
		if (entry.state == OWN_GW_ACTIVE) {
			step(OWN_GW_EV_MISS, 0, NULL);
			return;
		}
		/* fall through */
	case OWN_ACT_FREEZE_OUT:
		entry.left_for = PEER;
		m.type = RN_MSG_VERIFY_SRC;
		give(RN_CONTROLLER, &m);
		return;
	}
}

enum {
	NO = OWN_GW_NONE, PE = OWN_GW_PENDING, MI = OWN_GW_MOVING_IN, AC = OWN_GW_ACTIVE,
	MO = OWN_GW_MOVING_OUT, RS = OWN_GW_RESUMING, RL = OWN_GW_RELEASING,
	SU = OWN_GW_SUSPENDED,
};

static const struct cell {
	uint8_t next;
	const char *acts;	/* "-": nothing orders that request here */
} table[RESULTS][OWN_GW_STATE_MAX + 1] = {
	/* none, pending, moving-in, active,
	 * moving-out, resuming, releasing, suspended
	 */
	[INSTALL_DONE] = {
		{ AC, "ack" }, { AC, "ack" }, { AC, "ack" }, { AC, "ack" },
		{ AC, "ack" }, { AC, "ack" }, { AC, "ack" }, { AC, "ack" },
	},
	[INSTALL_STALE] = {
		{ NO, "rel" }, { PE, "rel" }, { MI, "rel" }, { AC, "rel" },
		{ MO, "rel" }, { RS, "rel" }, { RL, "rel" }, { SU, "rel" },
	},
	[INSTALL_FULL] = {
		{ NO, "FLOOR" }, { PE, "FLOOR" }, { MI, "FLOOR" }, { AC, "FLOOR" },
		{ MO, "FLOOR" }, { RS, "FLOOR" }, { RL, "FLOOR" }, { SU, "FLOOR" },
	},
	[HOLD_DONE] = {
		{ MI, "xfer-ack" }, { MI, "xfer-ack" }, { MI, "xfer-ack" }, { AC, "-" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "-" },
	},
	[HOLD_STALE] = {
		{ NO, "xfer-ack" }, { PE, "xfer-ack" }, { NO, "xfer-ack" }, { AC, "-" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "-" },
	},
	[HOLD_FULL] = {
		{ NO, "xfer-ack" }, { PE, "xfer-ack" }, { NO, "xfer-ack" }, { AC, "-" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "-" },
	},
	[OUT_DONE] = {
		{ NO, "-" }, { PE, "-" }, { MI, "-" }, { MO, "yes xfer mig-s" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { MO, "yes xfer mig-s" },
	},
	[OUT_GONE] = {
		{ NO, "-" }, { PE, "-" }, { MI, "-" }, { AC, "no FLOOR" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "no FLOOR" },
	},
	[OUT_FULL] = {
		{ NO, "-" }, { PE, "-" }, { MI, "-" }, { AC, "no" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "no" },
	},
	[REL_DONE] = {
		{ NO, "-" }, { PE, "-" }, { MI, "-" }, { RL, "rel" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "-" },
	},
	[REL_GONE] = {
		{ NO, "-" }, { PE, "-" }, { MI, "-" }, { AC, "FLOOR" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "-" },
	},
	[REL_FULL] = {
		{ NO, "-" }, { PE, "-" }, { MI, "-" }, { AC, "" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "-" },
	},
	[FLOOR_DONE] = {
		{ NO, "yes" }, { PE, "-" }, { NO, "yes DELETE" }, { RL, "rel" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "-" },
	},
	[FLOOR_BUSY] = {
		{ NO, "no" }, { PE, "-" }, { MI, "no" }, { AC, "" },
		{ MO, "-" }, { RS, "-" }, { RL, "-" }, { SU, "-" },
	},
};

START_TEST(results)
{
	enum result what = (enum result)(_i / (OWN_GW_STATE_MAX + 1));
	enum own_gw_state state = (enum own_gw_state)(_i % (OWN_GW_STATE_MAX + 1));
	const struct cell *cell = &table[what][state];
	const char *said = "-";

	fresh(RN_MODE_SOURCE);
	reach(state);
	order(requests[what]);
	if (entry.doing == requests[what]) {
		kernel(errors[what]);
		said = told();
	}
	ck_assert_msg(cell->acts && entry.state == cell->next && !strcmp(said, cell->acts),
		      "request %d, result %d in %s: -> %s, \"%s\", expected %s, \"%s\"",
		      requests[what], errors[what], own_gw_state_to_string((uint8_t)state),
		      own_gw_state_to_string(entry.state), said,
		      own_gw_state_to_string(cell->next), cell->acts);
}
END_TEST

Suite *suite_own_results(void)
{
	Suite *suite = suite_create("own-results");
	TCase *tcase = tcase_create("P1-P4, P11: every result of the kernel in every state");

	tcase_add_loop_test(tcase, results, 0, RESULTS * (OWN_GW_STATE_MAX + 1));
	suite_add_tcase(suite, tcase);
	return suite;
}
