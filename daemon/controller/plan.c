// SPDX-License-Identifier: GPL-2.0
#include "controller/plan.h"

bool rn_plan_allows(const struct rn_plan *plan, uint32_t mappings, uint32_t coming)
{
	return !plan->planned || (uint64_t)mappings + coming < plan->planned;
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
