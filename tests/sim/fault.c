// SPDX-License-Identifier: GPL-2.0
/* What goes wrong, and what the orchestrator orders, rightly or wrongly. */
#include "sim.h"

static void crash(struct sim *s)
{
	uint32_t g = sim_any_honest(s);
	unsigned int what = sim_below(s, 10);

	if (what < 3) {
		if (!s->gw[g].on)
			return;
		sim_count(s, gateway_crash);
		sim_gw_crash(s, g, sim_chance(s, 500) ? sim_between(s, 100, 5000) :
			     sim_between(s, 5000, 200000));
	} else if (what < 6) {
		if (!s->gw[g].on)
			return;
		sim_count(s, agent_restart);
		sim_agent_restart(s, g);
	} else if (s->ctl.up) {
		sim_count(s, controller_crash);
		sim_ctl_crash(s, sim_chance(s, 700) ? sim_between(s, 10, 2000) :
			      sim_between(s, 2000, 60000));
	}
}

static void partition(struct sim *s)
{
	uint32_t a = sim_any_honest(s), b = sim_chance(s, 600) ? 0 : sim_any_honest(s);
	bool both = sim_chance(s, 500);

	if (a == b)
		return;
	if (both)
		sim_count(s, partition_both);
	else
		sim_count(s, partition_one);
	if (sim_chance(s, 500))
		sim_partition(s, a, b, both);
	else
		sim_partition(s, b, a, both);
}

static void pause_one(struct sim *s)
{
	uint32_t g = sim_chance(s, 300) ? 0 : sim_any_honest(s);
	int64_t ms = sim_chance(s, 500) ? sim_between(s, 50, 4000) : sim_between(s, 4000, 120000);

	if (g ? s->gw[g].paused || !s->gw[g].on : s->ctl.paused || !s->ctl.up)
		return;
	sim_say(s, "%s %u is paused for %lld ms", g ? "agent of gw" : "controller", g,
		(long long)ms);
	if (g) {
		sim_count(s, agent_paused);
		s->gw[g].paused = true;
	} else {
		sim_count(s, controller_paused);
		s->ctl.paused = true;
	}
	sim_at(s, s->now + ms, SIM_EV_THAW, g, 0, 0);
	/* Whoever hears nothing for 5 s closes; the paused one sees it later. */
	if (ms < 5000)
		return;
	if (g)
		sim_break(s, g, 6000);
	else
		for (g = 1; g <= s->plan.honest; g++)
			sim_break(s, g, 6000);
}

/* Restarted with the other report mode, or with the right one again. */
static void skew(struct sim *s)
{
	uint32_t g = sim_any_honest(s);

	if (!s->gw[g].on)
		return;
	sim_count(s, wrong_mode);
	s->gw[g].wrong_mode = !s->gw[g].wrong_mode;
	sim_agent_restart(s, g);
}

static void delete_map(struct sim *s)
{
	uint32_t g = sim_any_honest(s);

	if (!s->gw[g].on)
		return;
	sim_count(s, deleted);
	sim_gw_deleted(s, g, 1 + sim_below(s, s->plan.ids));
}

static void break_one(struct sim *s)
{
	sim_break(s, sim_any_honest(s), 3000);
}

void sim_fault(struct sim *s)
{
	const struct {
		unsigned int weight;
		void (*happens)(struct sim *s);
	} faults[] = {
		{ s->plan.crash, crash }, { s->plan.partition, partition },
		{ s->plan.pause, pause_one }, { s->plan.skew, skew },
		{ s->plan.delete_map, delete_map }, { 2, break_one },
	};
	unsigned int i, n = sizeof(faults) / sizeof(faults[0]), sum = 0, what;

	for (i = 0; i < n; i++)
		sum += faults[i].weight;
	what = sim_below(s, sum);
	for (i = 0; what >= faults[i].weight; i++)
		what -= faults[i].weight;
	faults[i].happens(s);
}

/* ---- the orchestrator ---- */

static void takeover_gateway(struct sim *s, uint32_t g)
{
	int vm;

	sim_count(s, takeover_gateway);
	for (vm = 0; vm < (int)s->plan.vms; vm++) {
		int id = sim_ctl_record_of(s, vm);

		if (id && s->ctl.rec[id].owner == g && s->vm_at[vm] != (int)s->hostile)
			sim_ctl_order(s, vm, (uint32_t)s->vm_at[vm], OWN_CTL_EV_TAKEOVER);
	}
}

static void order_one(struct sim *s, int vm)
{
	bool wrong = sim_chance(s, 250);
	uint32_t dst = wrong ? sim_any_honest(s) : (uint32_t)s->vm_at[vm];
	unsigned int what = sim_below(s, 100);
	uint32_t g = sim_any_honest(s);

	if (wrong)
		sim_count(s, order_wrong);
	if (what < 45) {
		sim_count(s, order_migrate);
		sim_ctl_order(s, vm, dst, OWN_CTL_EV_MIGRATE);
	} else if (what < 60) {
		sim_count(s, order_takeover);
		sim_ctl_order(s, vm, dst, OWN_CTL_EV_TAKEOVER);
	} else if (what < 95) {
		sim_gw_told(s, g, vm, dst);
	} else if (what < 97) {
		sim_count(s, reclaim);
		sim_ctl_order(s, vm, 0, OWN_CTL_EV_RECLAIM);
	} else {
		sim_count(s, released_by_hand);
		sim_gw_release(s, g, vm);
	}
}

void sim_order(struct sim *s)
{
	int vm = (int)sim_below(s, s->plan.vms - (s->hostile ? 1 : 0));
	uint32_t from = (uint32_t)s->vm_at[vm], g = sim_any_honest(s);

	/* A VM moves to where its gateway works, more often than not. */
	if (sim_chance(s, 400)) {
		uint32_t to = sim_any_honest(s);

		if (!s->gw[to].on && sim_chance(s, 800))
			return;
		sim_count(s, vm_moved);
		sim_say(s, "vm%d moves from gw%u to gw%u", vm, from, to);
		s->vm_at[vm] = (int)to;
		if (sim_chance(s, 400))
			sim_gw_told(s, from, vm, to);
		if (sim_chance(s, 400))
			sim_ctl_order(s, vm, to, OWN_CTL_EV_MIGRATE);
		return;
	}
	/* Nobody asserts a fence that is not true. */
	if (!s->gw[g].on && s->ctl.up && !s->ctl.paused && sim_chance(s, 300)) {
		sim_ctl_fence(s, g);
		if (sim_chance(s, 500))
			takeover_gateway(s, g);
		return;
	}
	if (sim_chance(s, 20))
		takeover_gateway(s, g);
	else
		order_one(s, vm);
}
