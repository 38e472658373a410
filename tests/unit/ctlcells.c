// SPDX-License-Identifier: GPL-2.0
/* See ctlcells.h. */
#include "ctlcells.h"

enum {
	FR = OWN_CTL_FREE, GR = OWN_CTL_GRANTED, QU = OWN_CTL_QUARANTINE,
	VD = OWN_CTL_VERIFY_DST, VS = OWN_CTL_VERIFY_SRC, RV = OWN_CTL_REVOKING,
};

const struct cell ctl_cells[CELL_EVENTS][OWN_CTL_STATE_MAX + 1] = {
	/* free, granted, quarantine,
	 * verify-at-destination, verify-at-source, revoking
	 */
	[NATREQ_OWNER] = {
		{ FR, "" }, { GR, "grant1" }, { QU, "" },
		{ VD, "deny1" }, { VS, "grant1" }, { RV, "grant1" },
	},
	[NATREQ_DEST] = {
		{ FR, "" }, { VS, "ask-src1" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[NATREQ_OTHER] = {
		{ FR, "" }, { VS, "ask-src1" }, { QU, "" },
		{ VD, "deny3" }, { VS, "deny3" }, { RV, "deny3" },
	},
	[ALLOCATE_SAME] = {
		{ GR, "SAVE grant2" }, { GR, "deny2" }, { GR, "SAVE grant2" },
		{ VD, "deny2" }, { VS, "deny2" }, { RV, "deny2" },
	},
	[ALLOCATE_OTHER_VM] = {
		{ GR, "SAVE grant2" }, { GR, "deny2" }, { QU, "deny2" },
		{ VD, "deny2" }, { VS, "deny2" }, { RV, "deny2" },
	},
	[MIG_S_OWNER] = {
		{ FR, "never1" }, { VD, "ask-dst2" }, { QU, "deny1" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[MIG_S_OTHER] = {
		{ FR, "never3" }, { GR, "deny3" }, { QU, "deny3" },
		{ VD, "deny3" }, { VS, "deny3" }, { RV, "deny3" },
	},
	[MIG_D_DEST] = {
		{ FR, "never2" }, { VS, "ask-src1" }, { QU, "deny2" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[MIG_D_OTHER] = {
		{ FR, "never3" }, { VS, "ask-src1" }, { QU, "deny3" },
		{ VD, "deny3" }, { VS, "deny3" }, { RV, "deny3" },
	},
	[REL_OWNER] = {
		{ FR, "deny1" }, { QU, "SAVE relok1" }, { QU, "relok1" },
		{ VD, "deny1" }, { QU, "deny2 SAVE relok1" }, { GR, "SAVE grant2 stale1" },
	},
	[REL_DEST] = {
		{ FR, "deny2" }, { GR, "deny2" }, { QU, "deny2" },
		{ VD, "deny2" }, { VS, "deny2" }, { RV, "deny2" },
	},
	[REL_OLD] = {
		{ FR, "deny1" }, { GR, "deny1" }, { QU, "deny1" },
		{ VD, "deny1" }, { VS, "deny1" }, { RV, "deny1" },
	},
	[REL_FUTURE] = {
		{ FR, "deny1" }, { GR, "deny1" }, { QU, "deny1" },
		{ VD, "deny1" }, { VS, "deny1" }, { RV, "deny1" },
	},
	[REL_OTHER_INC] = {
		{ FR, "deny1" }, { GR, "deny1" }, { QU, "deny1" },
		{ VD, "deny1" }, { VS, "deny1" }, { RV, "deny1" },
	},
	[RESUME_OWNER] = {
		{ FR, "never1" }, { GR, "SAVE grant1" }, { QU, "stale1" },
		{ VD, "deny1" }, { VS, "deny1" }, { RV, "deny1" },
	},
	[RESUME_OTHER] = {
		{ FR, "never3" }, { GR, "stale3" }, { QU, "stale3" },
		{ VD, "stale3" }, { VS, "stale3" }, { RV, "stale3" },
	},
	[RESUME_OLD] = {
		{ FR, "stale1" }, { GR, "stale1" }, { QU, "stale1" },
		{ VD, "stale1" }, { VS, "stale1" }, { RV, "stale1" },
	},
	[YES_SRC] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { GR, "SAVE grant2 stale1" }, { GR, "SAVE grant2 stale1" },
	},
	[YES_DST] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ GR, "SAVE grant2 stale1" }, { VS, "" }, { RV, "" },
	},
	[YES_NONCE] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[YES_THIRD] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[YES_OTHER_INC] = {
		{ FR, "deny1" }, { GR, "deny1" }, { QU, "deny1" },
		{ VD, "deny1" }, { VS, "deny1" }, { RV, "deny1" },
	},
	[NO_SRC] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { GR, "deny2" }, { GR, "deny2" },
	},
	[NO_DST] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ GR, "SAVE grant1" }, { VS, "" }, { RV, "" },
	},
	[ACK] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[TIME_RETRY] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "ask-dst2" }, { VS, "ask-src1" }, { RV, "ask-src1" },
	},
	[TIME_END] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ GR, "SAVE grant1" }, { GR, "deny2" }, { GR, "deny2" },
	},
	[MIGRATE_DEST] = {
		{ FR, "" }, { GR, "move1" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[MIGRATE_OWNER] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { GR, "deny2" }, { GR, "deny2 move1" },
	},
	[TAKEOVER_DEST] = {
		{ FR, "" }, { VS, "ask-src1" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[TAKEOVER_OTHER] = {
		{ FR, "" }, { VS, "ask-src1" }, { QU, "" },
		{ VD, "" }, { VS, "deny2 ask-src1" }, { VS, "deny2 ask-src1" },
	},
	[FENCED] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { GR, "SAVE grant2 stale1" },
	},
	[FENCED_NOT_OVER] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[REGISTERED_OWNER] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { VS, "ask-src1" }, { GR, "SAVE grant2 stale1" },
	},
	[REGISTERED_DEST] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "ask-dst2" }, { VS, "" }, { RV, "" },
	},
	[INVENTORY_OWNER] = {
		{ FR, "" }, { GR, "grant1" }, { QU, "" },
		{ VD, "" }, { VS, "grant1" }, { RV, "grant1" },
	},
	[INVENTORY_DEST] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[RECLAIM] = {
		{ FR, "" }, { QU, "SAVE" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[RECLAIM_NOT_OVER] = {
		{ FR, "" }, { GR, "" }, { QU, "" },
		{ VD, "" }, { VS, "" }, { RV, "" },
	},
	[UNKNOWN] = {
		{ FR, "deny1" }, { GR, "deny1" }, { QU, "deny1" },
		{ VD, "deny1" }, { VS, "deny1" }, { RV, "deny1" },
	},
};
