/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of several gateways gets a mapping (S15). All mappings of a VM go to one;
 * else each goes to the one that has most room left in its plan, and where none is
 * planned, to the one that has fewest.
 */
#ifndef RN_CONTROLLER_SPREAD_H
#define RN_CONTROLLER_SPREAD_H

#include "controller/core.h"

struct rn_spread_target {
	struct rn_gateway *gw;
	struct rn_plan_use takes;	/* of a dry run */
};

struct rn_spread {
	struct rn_core *core;
	bool force;		/* plans do not count */
	guint n;
	struct rn_spread_target target[RN_STORE_TARGETS];
	GHashTable *vms;	/* of a dry run: where each VM goes; else NULL */
};

/* core, force and targets are set by the caller; dry: nothing will move. */
void rn_spread_init(struct rn_spread *spread, bool dry);
void rn_spread_uninit(struct rn_spread *spread);
/* Where to; NULL: *code says why nowhere. Only connected gateways are taken into
 * account unless it is a dry run: RN_CODE_NOT_REGISTERED if there are none now.
 */
struct rn_gateway *rn_spread_pick(struct rn_spread *spread, const struct rn_record *record,
				  uint8_t *code);

#endif
