// SPDX-License-Identifier: GPL-2.0
/* The agent around the gateway's machine, as daemon/agent does it; and VMs. */
#include <string.h>
#include "sim.h"

static const char *const act_names[] = {
	[OWN_ACT_INSTALL] = "install", [OWN_ACT_HOLD] = "hold",
	[OWN_ACT_FREEZE_OUT] = "freeze moving-out", [OWN_ACT_FREEZE_REL] = "freeze releasing",
	[OWN_ACT_FLOOR] = "floor", [OWN_ACT_DELETE] = "delete", [OWN_ACT_REFUSE] = "refuse",
};

static void send(struct sim *s, uint32_t g, const struct own_act *act)
{
	sim_check_asked(s, g, &act->msg);
	if (act->to == RN_CONTROLLER && s->gw[g].session < SIM_SYNC)
		return;
	sim_post(s, g, act->to, &act->msg);
}

/* True when a result is to be given back at once. */
static bool carry_out(struct sim *s, uint32_t g, int vm, const struct own_acts *acts,
		      struct own_gw_event *result)
{
	bool again = false;
	unsigned int i;

	for (i = 0; i < acts->n; i++) {
		const struct own_act *act = &acts->act[i];
		struct rn_timer timer = { 0 };
		int err;

		if (act->type == OWN_ACT_SEND) {
			send(s, g, act);
			continue;
		}
		if (act->type == OWN_ACT_NOTE) {
			s->totals->note[act->note]++;
			continue;
		}
		err = sim_kernel_do(s, g, act, &timer);
		sim_say(s, "    gw%u kernel: %s id %llu epoch %llu: %d", g, act_names[act->type],
			(unsigned long long)act->msg.id, (unsigned long long)act->msg.epoch, err);
		if (act->type == OWN_ACT_DELETE || act->type == OWN_ACT_REFUSE)
			continue;
		if (again)
			sim_fail(s, "two kernel requests in one step of gw%u vm%d", g, vm);
		*result = (struct own_gw_event){ .type = OWN_GW_EV_KERNEL, .err = err,
						 .timer = timer };
		again = true;
	}
	return again;
}

static void queue_wake(struct sim *s, uint32_t g, int vm)
{
	struct sim_gw *gw = &s->gw[g];
	int64_t at;

	if (gw->entry[vm].wake == OWN_NEVER)
		return;
	at = sim_gw_time(s, g, gw->entry[vm].wake);
	if (at >= gw->wake_at[vm])
		return;
	gw->wake_at[vm] = at;
	sim_at(s, at, SIM_EV_GW_WAKE, g, (unsigned int)vm, 0);
}

static void step(struct sim *s, uint32_t g, int vm, const struct own_gw_event *event,
		 struct own_acts *acts)
{
	struct sim_gw *gw = &s->gw[g];
	struct own_gw_entry *e = &gw->entry[vm];
	const struct own_gw_env env = {
		.now = sim_gw_clock(s, g), .random = sim_random(s), .self = g,
		.incarnation = gw->kernel.incarnation, .mode = s->plan.mode,
		.session = gw->session >= SIM_SYNC,
	};
	uint8_t before = e->state, doing = e->doing, cause = e->cause.type;

	s->steps++;
	own_gw_step(&env, e, event, acts);
	sim_count_gw(s->totals, before, doing, event);
	if (acts->n >= OWN_ACTIONS_MAX - 1)
		sim_fail(s, "I11: gw%u vm%d: no room for actions", g, vm);
	if (before == e->state)
		return;
	if (e->state == OWN_GW_RELEASING && doing == OWN_ACT_FREEZE_REL && !cause)
		sim_check_idle(s, g, vm, &e->timer);
	s->totals->gw_move[before][e->state]++;
	sim_say(s, "    gw%u vm%d: %s -> %s", g, vm, own_gw_state_to_string(before),
		own_gw_state_to_string(e->state));
}

void sim_gw_event(struct sim *s, uint32_t g, int vm, const struct own_gw_event *first)
{
	struct own_gw_entry *e = &s->gw[g].entry[vm];
	struct own_gw_event event = *first;
	static struct own_acts acts;
	unsigned int rounds = 0;

	do {
		step(s, g, vm, &event, &acts);
		if (++rounds > 20)
			sim_fail(s, "I11: gw%u vm%d: kernel requests without end", g, vm);
	} while (carry_out(s, g, vm, &acts, &event) && !s->failure[0]);
	queue_wake(s, g, vm);
	/* The agent forgets such entries. */
	if (own_gw_entry_idle(e, sim_gw_clock(s, g))) {
		struct rn_private side = e->vm;

		own_gw_entry_init(e, &side);
	}
}

void sim_gw_everyone(struct sim *s, uint32_t g, enum own_gw_event_type type)
{
	struct own_gw_event event = { .type = (uint8_t)type };
	int vm;

	for (vm = 0; vm < (int)s->plan.vms; vm++)
		if (!own_gw_entry_idle(&s->gw[g].entry[vm], sim_gw_clock(s, g)))
			sim_gw_event(s, g, vm, &event);
}

void sim_gw_message(struct sim *s, uint32_t g, uint32_t from, const struct rn_msg *msg)
{
	struct own_gw_event event = { .type = OWN_GW_EV_MSG, .from = from, .msg = msg };
	struct sim_gw *gw = &s->gw[g];
	int vm;

	if (from == RN_CONTROLLER && gw->session < SIM_SYNC)
		return;
	if (msg->vm.addr.len) {
		sim_gw_event(s, g, sim_vm_number(&msg->vm), &event);
		return;
	}
	for (vm = 0; vm < (int)s->plan.vms; vm++)
		if (gw->entry[vm].id == msg->id && msg->id) {
			sim_gw_event(s, g, vm, &event);
			return;
		}
}

void sim_gw_wake(struct sim *s, uint32_t g, int vm)
{
	struct own_gw_event event = { .type = OWN_GW_EV_TIME };
	struct sim_gw *gw = &s->gw[g];

	gw->wake_at[vm] = OWN_NEVER;
	if (gw->paused || !gw->on)
		return;			/* looked at again when it goes on */
	if (gw->entry[vm].wake <= sim_gw_clock(s, g))
		sim_gw_event(s, g, vm, &event);
	else
		queue_wake(s, g, vm);
}

/* ---- the kernel's events ---- */

static void miss(struct sim *s, uint32_t g, int vm)
{
	struct rn_msg msg = { .vm = sim_vm(vm) };
	struct own_gw_event event = { .type = OWN_GW_EV_MISS, .preset = s->plan.preset[g],
				      .msg = &msg };
	struct own_gw_entry *e = &s->gw[g].entry[vm];
	const struct sim_map *m;
	unsigned int id;

	m = sim_map_of(s, g, vm, &id);
	if (m) {
		msg.id = id;
		msg.epoch = m->epoch;
		/* The kernel is asked what holds now. */
		if (e->state == OWN_GW_ACTIVE && e->id == id && e->epoch == m->epoch)
			return;
	}
	sim_say(s, "vm%d sends at gw%u: miss", vm, g);
	sim_gw_event(s, g, vm, &event);
}

static void packet(struct sim *s, uint32_t g, int vm)
{
	struct sim_gw *gw = &s->gw[g];
	struct sim_map *m;
	unsigned int id;

	if (!gw->on)
		return;
	m = sim_map_of(s, g, vm, &id);
	if (m && m->state == SIM_ACTIVE) {
		/* Translated; or dropped, where it is suspended. */
		if (sim_current(&gw->kernel, m) && sim_lease_runs(s, g)) {
			m->last_used = sim_gw_clock(s, g);
			s->ghost.used_at[vm] = s->now;
		}
		return;
	}
	if (m && m->state == SIM_HELD) {
		m->last_used = sim_gw_clock(s, g);
		m->touched = true;
		m->held_at = s->now;
	}
	if (gw->kernel.refused_until[vm] > sim_gw_clock(s, g))
		return;
	if (gw->paused)
		gw->missed |= 1u << vm;
	else
		miss(s, g, vm);
}

/* It talks, and is silent for longer than its idle time now and then. */
void sim_traffic(struct sim *s, int vm)
{
	int64_t wait = sim_between(s, 1, 2 * s->plan.talk_ms);

	if (s->vm_at[vm] != (int)s->hostile && (!s->calm || s->talks[vm]))
		packet(s, (uint32_t)s->vm_at[vm], vm);
	if (s->calm)
		wait = 600;
	else if (sim_chance(s, 50))
		wait = sim_between(s, 0, 2 * (int64_t)s->plan.preset[1]);
	sim_at(s, s->now + wait, SIM_EV_TRAFFIC, 0, (unsigned int)vm, 0);
}

void sim_idle_start(struct sim *s, uint32_t g, unsigned int id)
{
	struct sim_map *m = &s->gw[g].kernel.map[id];

	if (m->idle_queued)
		return;
	m->idle_queued = true;
	sim_at(s, sim_gw_time(s, g, m->last_used + m->preset), SIM_EV_IDLE, g, id, 0);
}

static void tell_idle(struct sim *s, uint32_t g, unsigned int id, uint64_t epoch)
{
	struct rn_msg msg = { .id = id, .epoch = epoch };
	struct own_gw_event event = { .type = OWN_GW_EV_IDLE, .msg = &msg };
	int vm;

	for (vm = 0; vm < (int)s->plan.vms; vm++)
		if (s->gw[g].entry[vm].id == id) {
			sim_count(s, idle_reported);
			sim_say(s, "id %u is idle at gw%u", id, g);
			sim_gw_event(s, g, vm, &event);
			return;
		}
}

void sim_idle(struct sim *s, uint32_t g, unsigned int id)
{
	struct sim_gw *gw = &s->gw[g];
	struct sim_map *m = &gw->kernel.map[id];

	m->idle_queued = false;
	if (m->state != SIM_ACTIVE)
		return;
	if (sim_gw_clock(s, g) < m->last_used + m->preset) {
		sim_idle_start(s, g, id);
		return;
	}
	m->idle_queued = true;
	sim_at(s, s->now + sim_between(s, 1000, 30000), SIM_EV_IDLE, g, id, 0);
	/* Without a session the mapping stays: nobody could give a new one. */
	if (gw->paused)
		gw->idle_epoch[id] = m->epoch;
	else if (gw->session >= SIM_SYNC)
		tell_idle(s, g, id, m->epoch);
}

/* ---- the administrator and the hypervisor ---- */

void sim_gw_told(struct sim *s, uint32_t g, int vm, uint32_t dst)
{
	struct rn_msg msg = { .type = RN_MSG_MOVE, .vm = sim_vm(vm), .dst = dst };
	struct own_gw_event event = { .type = OWN_GW_EV_VM_LEFT, .msg = &msg };

	if (!s->gw[g].on || s->gw[g].paused)
		return;
	/* As natctl does, it names what the agent knows. */
	if (own_gw_entry_idle(&s->gw[g].entry[vm], sim_gw_clock(s, g)))
		return;
	sim_say(s, "gw%u is told that vm%d is at gw%u", g, vm, dst);
	msg.id = s->gw[g].entry[vm].id;
	msg.epoch = s->gw[g].entry[vm].epoch;
	sim_gw_event(s, g, vm, &event);
}

void sim_gw_release(struct sim *s, uint32_t g, int vm)
{
	struct own_gw_event event = { .type = OWN_GW_EV_RELEASE };

	if (!s->gw[g].on || s->gw[g].paused)
		return;
	sim_say(s, "release of vm%d at gw%u by hand", vm, g);
	sim_gw_event(s, g, vm, &event);
}

/* Somebody else takes it out of the kernel, which promises never to go back. */
void sim_gw_deleted(struct sim *s, uint32_t g, unsigned int id)
{
	struct sim_map *m = &s->gw[g].kernel.map[id];
	struct rn_msg msg = { .id = id, .epoch = m->epoch, .vm = sim_vm(m->vm) };
	struct own_gw_event event = { .type = OWN_GW_EV_DELETED, .msg = &msg };
	uint64_t *floor = &s->gw[g].kernel.floor[id];
	int vm = m->vm;

	if (!m->state)
		return;
	sim_say(s, "id %u is deleted in the kernel of gw%u", id, g);
	if (m->state != SIM_HELD && *floor < m->epoch)
		*floor = m->epoch;
	sim_kernel_remove(s, g, id);
	if (s->gw[g].paused || sim_chance(s, 200))
		sim_at(s, s->now + sim_between(s, 0, 20000), SIM_EV_RECONCILE, g, 0, 0);
	else if (s->gw[g].entry[vm].id == id && s->gw[g].entry[vm].epoch == msg.epoch)
		sim_gw_event(s, g, vm, &event);
}

/* Notifications were lost, and the agent dumps the kernel's table. */
void sim_reconcile(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	unsigned int id;
	int vm;

	if (gw->paused)
		sim_at(s, s->now + 10000, SIM_EV_RECONCILE, g, 0, 0);
	if (gw->paused || !gw->on)
		return;
	for (vm = 0; vm < (int)s->plan.vms; vm++) {
		const struct own_gw_entry *e = &gw->entry[vm];
		struct rn_msg msg = { .id = e->id, .epoch = e->epoch, .vm = e->vm };
		struct own_gw_event event = { .type = OWN_GW_EV_DELETED, .msg = &msg };

		if (e->state > OWN_GW_PENDING && !sim_map_of(s, g, vm, &id))
			sim_gw_event(s, g, vm, &event);
	}
}

/* ---- ends and beginnings ---- */

static void forget_agent(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	uint32_t conn = gw->conn;
	int vm;

	for (vm = 0; vm < (int)s->plan.vms; vm++) {
		struct rn_private side = sim_vm(vm);

		own_gw_entry_init(&gw->entry[vm], &side);
	}
	sim_drop_inbox(s, g);
	gw->paused = false;
	gw->missed = 0;
	memset(gw->idle_epoch, 0, sizeof(gw->idle_epoch));
	gw->cut = false;
	gw->session = SIM_DOWN;
	gw->conn = 0;
	gw->renew_nonce = 0;
	if (conn)
		sim_at(s, s->now + sim_between(s, 0, 6000), SIM_EV_CUT_CTL, g, 0, conn);
}

/* The kernel keeps its table, and the new agent adopts it. */
void sim_agent_restart(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	unsigned int id;

	sim_say(s, "agent of gw%u restarts", g);
	forget_agent(s, g);
	for (id = 1; id <= s->plan.ids; id++) {
		const struct sim_map *m = &gw->kernel.map[id];
		struct rn_msg msg = { .id = id, .epoch = m->epoch, .incarnation = m->incarnation,
				      .pub = m->pub };
		struct own_gw_event event = { .type = OWN_GW_EV_ADOPT, .msg = &msg,
					      .kernel_state = m->state };
		uint8_t state = gw->entry[m->vm].state;

		if (!m->state || (state != OWN_GW_NONE && state != OWN_GW_PENDING))
			continue;
		msg.vm = sim_vm(m->vm);
		msg.timer = sim_map_timer(s, g, m);
		sim_gw_event(s, g, m->vm, &event);
	}
	sim_gw_lease(s, g);
	sim_at(s, s->now + sim_between(s, 0, 2000), SIM_EV_DIAL, g, 0, 0);
}

void sim_gw_crash(struct sim *s, uint32_t g, int64_t off_ms)
{
	sim_say(s, "gw%u crashes%s", g, off_ms < 0 ? " for ever" : "");
	s->gw[g].on = false;
	s->gw[g].dead = off_ms < 0;
	sim_kernel_clear(s, g);
	forget_agent(s, g);
	if (off_ms >= 0)
		sim_at(s, s->now + off_ms, SIM_EV_POWER, g, 0, 0);
}

void sim_gw_power(struct sim *s, uint32_t g)
{
	if (s->gw[g].on || s->gw[g].dead)
		return;
	sim_say(s, "gw%u is on again", g);
	s->gw[g].on = true;
	sim_at(s, s->now + sim_between(s, 0, 2000), SIM_EV_DIAL, g, 0, 0);
}

void sim_gw_thaw(struct sim *s, uint32_t g)
{
	struct sim_gw *gw = &s->gw[g];
	unsigned int id;
	int vm;

	if (!gw->paused)
		return;
	sim_say(s, "agent of gw%u goes on, %u messages wait", g, gw->n_inbox);
	gw->paused = false;
	if (sim_chance(s, 500))
		sim_gw_lease(s, g);
	sim_hand_over(s, g);
	for (vm = 0; vm < (int)s->plan.vms; vm++) {
		if (gw->missed & 1u << vm)
			miss(s, g, vm);
		queue_wake(s, g, vm);
	}
	gw->missed = 0;
	for (id = 1; id <= s->plan.ids; id++) {
		if (gw->idle_epoch[id] && gw->session >= SIM_SYNC)
			tell_idle(s, g, id, gw->idle_epoch[id]);
		gw->idle_epoch[id] = 0;
	}
	if (gw->cut)
		sim_gw_cut(s, g, gw->conn);
	gw->cut = false;
	sim_gw_lease(s, g);
	if (gw->session == SIM_DOWN)
		sim_at(s, s->now + sim_between(s, 0, 2000), SIM_EV_DIAL, g, 0, 0);
}
