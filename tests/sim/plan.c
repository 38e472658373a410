// SPDX-License-Identifier: GPL-2.0
/*
 * What kind of world a seed is. Faults are switched on and off whole, because
 * a world in which everything happens at once never gets far into a state that
 * needs a quiet minute.
 */
#include "sim.h"

static int64_t one_of(struct sim *s, const int64_t *choice, unsigned int n)
{
	return choice[sim_below(s, n)];
}

#define ONE_OF(s, ...) \
	one_of(s, (const int64_t[]){ __VA_ARGS__ }, \
	       sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))

static void plan_gateways(struct sim *s)
{
	struct sim_plan *p = &s->plan;
	bool leases = sim_chance(s, 500);
	uint32_t g;

	p->honest = (unsigned int)sim_between(s, 2, SIM_HONEST);
	p->hostile = sim_chance(s, 700);
	s->hostile = p->hostile ? p->honest + 1 : 0;
	p->vms = (unsigned int)sim_between(s, 2, SIM_VMS);
	p->ids = (unsigned int)sim_between(s, p->vms, SIM_IDS);
	for (g = 1; g <= p->honest; g++) {
		if (leases && sim_chance(s, 700))
			p->lease_ms[g] = ONE_OF(s, 5000, 20000, 60000, 300000);
		if (sim_chance(s, 500))
			p->ppm[g] = (int32_t)sim_between(s, -999, 999);
	}
}

static void plan_idle(struct sim *s)
{
	struct sim_plan *p = &s->plan;
	bool skewed = sim_chance(s, 200);
	int64_t preset = ONE_OF(s, 2000, 15000, 60000, 300000);
	uint32_t g;

	for (g = 1; g <= SIM_GWS; g++) {
		if (skewed)
			preset = ONE_OF(s, 2000, 15000, 60000, 300000);
		p->preset[g] = (uint64_t)preset;
	}
}

void sim_plan(struct sim *s)
{
	struct sim_plan *p = &s->plan;

	plan_gateways(s);
	p->mode = sim_chance(s, 500) ? RN_MODE_SOURCE : RN_MODE_DESTINATION;
	p->stream = sim_chance(s, 300);
	p->delays = (int)sim_between(s, 0, 2);
	p->lose = (unsigned int)ONE_OF(s, 0, 0, 10, 50, 200, 500);
	p->repeat = (unsigned int)ONE_OF(s, 0, 0, 20, 100, 300);
	p->full = sim_chance(s, 200) ? (unsigned int)ONE_OF(s, 5, 50, 300) : 0;
	p->fault_every = ONE_OF(s, 0, 1000, 5000, 20000, 100000);
	p->order_every = ONE_OF(s, 50, 200, 1000, 5000, 20000);
	if (p->hostile)
		p->hostile_every = ONE_OF(s, 20, 100, 500, 3000);
	p->target = -1;
	if (p->hostile && sim_chance(s, 400))
		p->target = (int)sim_below(s, p->vms - 1);
	p->attack_goes_on = p->hostile && sim_chance(s, 400);
	p->crash = sim_chance(s, 600) ? (unsigned int)ONE_OF(s, 1, 3) : 0;
	p->partition = sim_chance(s, 600) ? (unsigned int)ONE_OF(s, 1, 3) : 0;
	p->pause = sim_chance(s, 400) ? (unsigned int)ONE_OF(s, 1, 3) : 0;
	p->skew = sim_chance(s, 200);
	p->delete_map = sim_chance(s, 300);
	plan_idle(s);
	p->quarantine = ONE_OF(s, 0, 1000, 20000, OWN_T_QUARANTINE);
	p->fsync_ms = ONE_OF(s, 1, 10, 100, 1000);
	p->talk_ms = ONE_OF(s, 100, 500, 3000);
	p->steps = (unsigned int)ONE_OF(s, 500, 2000, 5000, 20000);
	p->kill_one = sim_chance(s, 150);
	p->helped = p->kill_one || sim_chance(s, 600);
	if (!p->stream)
		return;
	/* What TCP makes of it: nothing is lost, but connections are. */
	p->lose = 0;
	p->repeat = 0;
}
