// SPDX-License-Identifier: GPL-2.0
/* One world from its beginning to its end: the queue of events and the clock. */
#include <string.h>
#include "sim.h"

/* ---- chance ---- */

uint64_t sim_random(struct sim *s)
{
	uint64_t z = s->rng += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

unsigned int sim_below(struct sim *s, unsigned int n)
{
	return (unsigned int)(((sim_random(s) >> 32) * n) >> 32);
}

bool sim_chance(struct sim *s, unsigned int of_1000)
{
	return of_1000 && sim_below(s, 1000) < of_1000;
}

int64_t sim_between(struct sim *s, int64_t low, int64_t high)
{
	return low + (int64_t)sim_below(s, (unsigned int)(high - low + 1));
}

uint32_t sim_any_honest(struct sim *s)
{
	return 1 + sim_below(s, s->plan.honest);
}

/* ---- names ---- */

struct rn_private sim_vm(int vm)
{
	return (struct rn_private){ .zone = 1, .kind = RN_KIND_ADDRESS,
				    .addr = { .len = 4, .b = { 10, 0, 0, (uint8_t)(vm + 1) } } };
}

int sim_vm_number(const struct rn_private *vm)
{
	return vm->addr.b[3] - 1;
}

/* ---- clocks ---- */

int64_t sim_gw_clock(const struct sim *s, uint32_t g)
{
	return s->now + 777777 * (int64_t)g + s->now * s->plan.ppm[g] / 1000000;
}

int64_t sim_gw_time(const struct sim *s, uint32_t g, int64_t at)
{
	int64_t left = at - sim_gw_clock(s, g);

	if (left <= 0)
		return s->now;
	/* Never early by more than the next look corrects. */
	return s->now + left - left * s->plan.ppm[g] / 1000000 + 1;
}

/* ---- the queue: a binary heap ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

void sim_at(struct sim *s, int64_t at, enum sim_event_kind kind, unsigned int a, unsigned int b,
	    uint32_t ref)
{
	struct sim_event event = { .at = at > s->now ? at : s->now, .seq = s->seq++, .ref = ref,
				   .kind = (uint8_t)kind, .a = (uint8_t)a, .b = (uint8_t)b };
	unsigned int i = s->n_queue++, up;

	if (s->n_queue == SIM_QUEUE) {
		sim_fail(s, "I11: %u events wait", s->n_queue);
		s->n_queue--;
		return;
	}
	for (; i && before(&event, &s->queue[up = (i - 1) / 2]); i = up)
		s->queue[i] = s->queue[up];
	s->queue[i] = event;
}

static struct sim_event next_event(struct sim *s)
{
	struct sim_event first = s->queue[0], last = s->queue[--s->n_queue];
	unsigned int i = 0, child;

	while ((child = 2 * i + 1) < s->n_queue) {
		if (child + 1 < s->n_queue && before(&s->queue[child + 1], &s->queue[child]))
			child++;
		if (!before(&s->queue[child], &last))
			break;
		s->queue[i] = s->queue[child];
		i = child;
	}
	s->queue[i] = last;
	return first;
}

/* ---- what happens ---- */

/* What only goes on for ever by itself, at a pace of its own. */
static void again(struct sim *s, enum sim_event_kind kind, int64_t every)
{
	if (every)
		sim_at(s, s->now + sim_between(s, 1, 2 * every), kind, 0, 0, 0);
}

static void happen_often(struct sim *s, const struct sim_event *event)
{
	switch ((enum sim_event_kind)event->kind) {
	case SIM_EV_PACKET: sim_arrive(s, event->ref); break;
	case SIM_EV_GW_WAKE: sim_gw_wake(s, event->a, event->b); break;
	case SIM_EV_CTL_WAKE: sim_ctl_wake(s, event->b); break;
	case SIM_EV_IDLE: sim_idle(s, event->a, event->b); break;
	case SIM_EV_LEASE: sim_gw_lease(s, event->a); break;
	case SIM_EV_COMMIT: sim_commit(s); break;
	case SIM_EV_SENT: sim_sent(s); break;
	case SIM_EV_TRAFFIC: sim_traffic(s, event->b); break;
	default: break;
	}
}

static void happen_seldom(struct sim *s, const struct sim_event *event)
{
	switch ((enum sim_event_kind)event->kind) {
	case SIM_EV_DIAL: sim_dial(s, event->a); break;
	case SIM_EV_GIVE_UP: sim_gw_give_up(s, event->a, event->ref); break;
	case SIM_EV_CUT_GW: sim_gw_cut(s, event->a, event->ref); break;
	case SIM_EV_CUT_CTL: sim_ctl_cut(s, event->a, event->ref); break;
	case SIM_EV_OVER: sim_ctl_over(s, event->a); break;
	case SIM_EV_HEAL: sim_heal(s, event->a, event->b); break;
	case SIM_EV_RECONCILE: sim_reconcile(s, event->a); break;
	case SIM_EV_POWER: sim_gw_power(s, event->a); break;
	case SIM_EV_BOOT: sim_ctl_boot(s); break;
	case SIM_EV_THAW:
		if (event->a)
			sim_gw_thaw(s, event->a);
		else
			sim_ctl_thaw(s);
		break;
	case SIM_EV_FAULT:
		if (!s->calm)
			sim_fault(s);
		again(s, SIM_EV_FAULT, s->calm ? 0 : s->plan.fault_every);
		break;
	case SIM_EV_ORDER:
		if (!s->calm)
			sim_order(s);
		again(s, SIM_EV_ORDER, s->calm ? 0 : s->plan.order_every);
		break;
	case SIM_EV_HOSTILE:
		if (!s->calm || s->plan.attack_goes_on)
			sim_hostile(s);
		again(s, SIM_EV_HOSTILE, s->plan.hostile_every);
		break;
	default: break;
	}
}

static void happen(struct sim *s)
{
	struct sim_event event = next_event(s);

	if (event.at > s->now)
		s->at_once = 0;
	else if (++s->at_once > 20000)
		sim_fail(s, "I11: %u events, and no time goes by", s->at_once);
	s->now = event.at;
	if (event.kind <= SIM_EV_LEASE || event.kind == SIM_EV_COMMIT ||
	    event.kind == SIM_EV_SENT || event.kind == SIM_EV_TRAFFIC)
		happen_often(s, &event);
	else
		happen_seldom(s, &event);
}

/* ---- from the beginning to the end ---- */

static void begin(struct sim *s)
{
	unsigned int i;
	uint32_t g;
	int vm;

	for (i = 0; i < SIM_PACKETS; i++)
		s->free_packet[i] = (uint16_t)i;
	s->n_free = SIM_PACKETS;
	sim_ctl_init(s);
	for (g = 1; g <= s->plan.honest; g++) {
		for (vm = 0; vm < SIM_VMS; vm++) {
			struct rn_private side = sim_vm(vm);

			own_gw_entry_init(&s->gw[g].entry[vm], &side);
			s->gw[g].wake_at[vm] = OWN_NEVER;
		}
		s->gw[g].on = true;
		s->gw[g].lease_wake = OWN_NEVER;
		sim_at(s, s->now + sim_between(s, 0, 500), SIM_EV_DIAL, g, 0, 0);
	}
	for (vm = 0; vm < (int)s->plan.vms; vm++) {
		s->vm_at[vm] = (int)sim_any_honest(s);
		s->ghost.used_at[vm] = s->now;
		sim_at(s, s->now + sim_between(s, 0, 3000), SIM_EV_TRAFFIC, 0, (unsigned int)vm, 0);
	}
	if (s->hostile)
		s->vm_at[s->plan.vms - 1] = (int)s->hostile;
	again(s, SIM_EV_FAULT, s->plan.fault_every);
	again(s, SIM_EV_ORDER, s->plan.order_every);
	again(s, SIM_EV_HOSTILE, s->plan.hostile_every);
}

static void live(struct sim *s)
{
	int64_t second;

	while (!s->failure[0] && s->steps + s->deliveries < s->plan.steps)
		happen(s);
	if (s->failure[0])
		return;
	sim_calm(s);
	for (second = s->now; !s->failure[0]; second += 1000) {
		while (s->n_queue && s->queue[0].at < second && !s->failure[0])
			happen(s);
		s->now = second;
		if (!s->failure[0] && sim_calm_second(s))
			return;
	}
}

bool sim_run(struct sim *s, uint64_t seed, bool trace, struct sim_totals *totals)
{
	int64_t start = 1000000;

	/* What grows from 0 or is written before it is read need not be cleared. */
	memset(s, 0, offsetof(struct sim, packet));
	s->n_queue = 0;
	s->n_seen = 0;
	memset(&s->ghost, 0, sizeof(s->ghost));
	s->failure[0] = 0;
	s->totals = totals;
	s->seed = seed;
	s->rng = seed * 0x2545f4914f6cdd1dull + 1;
	s->trace = trace;
	s->now = start;
	sim_plan(s);
	begin(s);
	live(s);
	totals->seeds++;
	totals->failed += s->failure[0] != 0;
	totals->steps += s->steps;
	totals->deliveries += s->deliveries;
	totals->virtual_ms += (uint64_t)(s->now - start);
	return !s->failure[0];
}
