/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was planned for each data centre (S15), and when one has too much (S8).
 * Pure.
 */
#ifndef RN_CONTROLLER_PLAN_H
#define RN_CONTROLLER_PLAN_H

#include <stdbool.h>
#include <stdint.h>

struct rn_plan {
	uint32_t planned;	/* mappings, 0 no limit */
	uint32_t blocks;	/* of those, blocks of ports; 0 no limit */
	uint32_t reserve;	/* of the planned ones, not for what moves there */
	uint32_t overload;	/* threshold, 0 none */
	bool over;		/* above the threshold, and told so */
};

/* May one more go there, when it owns `mappings` and `coming` are on their way? */
bool rn_plan_allows(const struct rn_plan *plan, uint32_t mappings, uint32_t coming);

/* What has a place already, and what is on its way. */
struct rn_plan_use {
	uint32_t mappings, blocks;	/* blocks are counted in mappings too */
};

/* How many more may go there; moving: not those of the reserve. */
uint32_t rn_plan_room(const struct rn_plan *plan, const struct rn_plan_use *use, bool block,
		      bool moving);

/* Tells the event once per crossing: true when mappings has just reached the
 * threshold. It is told again only after the number fell a tenth below it.
 */
bool rn_plan_crossed(struct rn_plan *plan, uint32_t mappings);

#endif
