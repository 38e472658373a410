// SPDX-License-Identifier: GPL-2.0
#include "controller/plan.h"

bool rn_plan_allows(const struct rn_plan *plan, uint32_t mappings, uint32_t coming)
{
	return !plan->planned || (uint64_t)mappings + coming < plan->planned;
}

static uint32_t left(uint32_t limit, uint64_t used)
{
	return !limit ? UINT32_MAX : used < limit ? (uint32_t)(limit - used) : 0;
}

uint32_t rn_plan_room(const struct rn_plan *plan, const struct rn_plan_use *use, bool block,
		      bool moving)
{
	uint32_t room = left(plan->planned, (uint64_t)use->mappings +
			     (moving ? plan->reserve : 0));
	uint32_t blocks = block ? left(plan->blocks, use->blocks) : UINT32_MAX;

	return room < blocks ? room : blocks;
}

bool rn_plan_crossed(struct rn_plan *plan, uint32_t mappings)
{
	if (!plan->overload)
		return false;
	if (!plan->over && mappings >= plan->overload) {
		plan->over = true;
		return true;
	}
	/* Without a gap, one mapping that comes and goes would tell it each time. */
	if (plan->over && mappings < plan->overload - plan->overload / 10)
		plan->over = false;
	return false;
}
