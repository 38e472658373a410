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
	uint32_t overload;	/* threshold, 0 none */
	bool over;		/* above the threshold, and told so */
};

/* May one more go there, when it owns `mappings` and `coming` are on their way? */
bool rn_plan_allows(const struct rn_plan *plan, uint32_t mappings, uint32_t coming);

/* Tells the event once per crossing: true when mappings has just reached the
 * threshold. It is told again only after the number fell a tenth below it.
 */
bool rn_plan_crossed(struct rn_plan *plan, uint32_t mappings);

#endif
