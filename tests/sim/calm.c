// SPDX-License-Identifier: GPL-2.0
/*
 * The end. Faults stop; the orchestrator says the truth or, where nobody died
 * for ever, nothing at all; and everything must come right by itself (I2, I10):
 * who talks is translated for by the gateway at which it is, who is silent has
 * given its address back.
 */
#include "sim.h"

static void repair(struct sim *s)
{
	uint32_t a, b;

	for (a = 0; a <= s->plan.honest; a++)
		for (b = 0; b <= s->plan.honest; b++)
			sim_heal(s, a, b);
	for (a = 1; a <= s->plan.honest; a++) {
		sim_gw_power(s, a);
		sim_gw_thaw(s, a);
		if (!s->gw[a].wrong_mode)
			continue;
		s->gw[a].wrong_mode = false;
		if (s->gw[a].on)
			sim_agent_restart(s, a);
	}
	sim_ctl_boot(s);
	sim_ctl_thaw(s);
}

void sim_calm(struct sim *s)
{
	uint32_t g = sim_any_honest(s);
	int vm;

	if (s->plan.kill_one) {
		sim_count(s, killed_for_ever);
		sim_gw_crash(s, g, -1);
	}
	sim_say(s, "==== faults stop; %s%s", s->plan.helped ? "the orchestrator helps" :
		"no orchestrator", s->plan.attack_goes_on ? ", the attack goes on" : "");
	s->calm = true;
	s->calm_since = s->now;
	s->settle_after = s->now + (sim_chance(s, 200) ? sim_between(s, 0, 200000) : 2000);
	repair(s);
	for (vm = 0; vm < (int)s->plan.vms; vm++) {
		s->talks[vm] = sim_chance(s, 700);
		while (s->vm_at[vm] != (int)s->hostile && !s->gw[s->vm_at[vm]].on)
			s->vm_at[vm] = (int)sim_any_honest(s);
	}
	if (s->plan.attack_goes_on)
		sim_count(s, attacked_end);
	if (!s->plan.helped)
		sim_count(s, unhelped_end);
}

static void orchestrator(struct sim *s)
{
	uint32_t g;
	int vm;

	for (vm = 0; vm < (int)s->plan.vms - (s->hostile != 0); vm++) {
		int id = sim_ctl_record_of(s, vm);
		uint32_t at = (uint32_t)s->vm_at[vm], owner = id ? s->ctl.rec[id].owner : 0;

		if (owner && owner != s->hostile && s->gw[owner].dead) {
			if (!s->ctl.fenced[owner])
				sim_ctl_fence(s, owner);
			sim_ctl_order(s, vm, at, OWN_CTL_EV_TAKEOVER);
		} else if (owner) {
			sim_ctl_order(s, vm, at, OWN_CTL_EV_MIGRATE);
		}
		for (g = 1; g <= s->plan.honest; g++)
			sim_gw_told(s, g, vm, at);
	}
}

static bool translates(struct sim *s, int vm, int id)
{
	uint32_t g = (uint32_t)s->vm_at[vm];

	return s->ghost.active[id] & 1u << g && sim_lease_runs(s, g);
}

static bool settled(struct sim *s)
{
	int vm, id, last = (int)s->plan.vms - (s->hostile != 0);
	uint32_t g;

	for (vm = 0; vm < last; vm++) {
		id = sim_ctl_record_of(s, vm);
		if (s->talks[vm] ? !id || !translates(s, vm, id) : id != 0)
			return false;
	}
	/* What the attack starts need not have ended. */
	if (s->plan.attack_goes_on)
		return true;
	for (vm = 0; vm < last; vm++)
		for (g = 1; g <= s->plan.honest; g++) {
			const struct own_gw_entry *e = &s->gw[g].entry[vm];

			if (!own_gw_entry_idle(e, sim_gw_clock(s, g)) &&
			    e->state != OWN_GW_ACTIVE)
				return false;
		}
	for (id = 1; id <= (int)s->plan.ids; id++)
		if (s->ctl.rec[id].state > OWN_CTL_QUARANTINE)
			return false;
	return true;
}

static void explain(struct sim *s)
{
	uint32_t g;
	int i;

	for (i = 1; i <= (int)s->plan.ids; i++)
		sim_say(s, "id %d vm%d %s gw%u epoch %llu", i,
			sim_vm_number(&s->ctl.rec[i].vm),
			own_ctl_state_to_string(s->ctl.rec[i].state), s->ctl.rec[i].owner,
			(unsigned long long)s->ctl.rec[i].epoch);
	for (g = 1; g <= s->plan.honest; g++)
		for (i = 0; i < (int)s->plan.vms; i++)
			sim_say(s, "gw%u session %u%s vm%d %s id %llu epoch %llu%s%s", g,
				s->gw[g].session, s->gw[g].dead ? " (dead)" : "", i,
				own_gw_state_to_string(s->gw[g].entry[i].state),
				(unsigned long long)s->gw[g].entry[i].id,
				(unsigned long long)s->gw[g].entry[i].epoch,
				s->vm_at[i] == (int)g ? " VM is here" : "",
				s->talks[i] ? " and talks" : "");
}

bool sim_calm_second(struct sim *s)
{
	int64_t since = s->now - s->calm_since, longest = 600000;
	uint32_t g;

	for (g = 1; g <= s->plan.honest; g++) {
		int64_t need = 600000 + 2 * (int64_t)s->plan.preset[g] + 2 * s->plan.lease_ms[g];

		if (need > longest)
			longest = need;
	}
	if (s->plan.helped && since / 1000 % 7 == 0)
		orchestrator(s);
	if (s->now >= s->settle_after && settled(s))
		return true;
	if (since <= longest)
		return false;
	if (s->trace)
		explain(s);
	sim_fail(s, "I2, I10: not settled after %lld s", (long long)since / 1000);
	return true;
}
