// SPDX-License-Identifier: GPL-2.0
/* The gateways of the test world: a toy kernel, and the agent's shell. */
#include <errno.h>
#include <string.h>
#include "world.h"

static bool lease_runs(const struct world *w, const struct toy_kernel *k)
{
	return !k->lease_end || w->now < k->lease_end;
}

const struct toy_map *toy_translating(const struct world *w, uint32_t g, unsigned int id)
{
	const struct toy_kernel *k = &w->gw[g].kernel;
	const struct toy_map *m = &k->map[id];

	return w->gw[g].on && m->state == TOY_ACTIVE && k->incarnation &&
	       m->incarnation == k->incarnation && lease_runs(w, k) ? m : NULL;
}

static void raise_floor(struct toy_kernel *k, uint64_t id, uint64_t epoch)
{
	if (k->floor[id] < epoch)
		k->floor[id] = epoch;
}

static bool current(const struct toy_kernel *k, const struct toy_map *m)
{
	return k->incarnation && m->incarnation == k->incarnation;
}

static int toy_new(struct toy_kernel *k, const struct rn_msg *msg, uint8_t state, bool keep_timer)
{
	struct toy_map *m = &k->map[msg->id];
	int vm = world_vm_number(&msg->vm);
	unsigned int i;

	if (!k->incarnation)
		return -ESTALE;
	if (state == TOY_ACTIVE && msg->incarnation != k->incarnation)
		return -ESTALE;
	if (m->state == state && m->epoch == msg->epoch && current(k, m) && m->vm == vm)
		return 0;
	if (msg->epoch <= k->floor[msg->id])
		return -ESTALE;
	if (state == TOY_HELD && m->state == TOY_ACTIVE && current(k, m))
		return -EBUSY;
	if (m->state && msg->epoch < m->epoch && (m->state != TOY_HELD || state == TOY_HELD))
		return -ESTALE;
	for (i = 1; i <= RECORDS; i++) {
		struct toy_map *other = &k->map[i];

		if (i == msg->id || !other->state || other->vm != vm)
			continue;
		if (state == TOY_HELD || (other->state == TOY_ACTIVE && current(k, other)))
			return -EEXIST;
		other->state = TOY_NONE;
	}
	if (!keep_timer || !m->state)
		m->timer = msg->timer;
	if (state == TOY_ACTIVE)
		raise_floor(k, msg->id, msg->epoch);
	m->state = state;
	m->vm = vm;
	m->epoch = msg->epoch;
	m->incarnation = k->incarnation;
	m->pub = msg->pub;
	return 0;
}

static int toy_freeze(struct world *w, struct toy_kernel *k, const struct rn_msg *msg,
		      uint8_t state, struct rn_timer *timer)
{
	struct toy_map *m = &k->map[msg->id];

	if (!m->state)
		return -ENOENT;
	if (m->epoch != msg->epoch)
		return -ESTALE;
	if (m->state == TOY_HELD)
		return -EBUSY;
	if (m->state == TOY_ACTIVE)
		m->timer = rn_timer_advance(m->timer, world_below(w, 2) ? m->timer.preset : 20000);
	m->state = state;
	raise_floor(k, msg->id, msg->epoch);
	*timer = m->timer;
	return 0;
}

int toy_kernel_do(struct world *w, uint32_t g, const struct own_act *act, struct rn_timer *timer)
{
	struct toy_kernel *k = &w->gw[g].kernel;
	const struct rn_msg *msg = &act->msg;
	struct toy_map *m;

	if (!msg->id || msg->id > RECORDS)
		return -ENOENT;
	m = &k->map[msg->id];
	switch ((enum own_act_type)act->type) {
	case OWN_ACT_INSTALL:
		return toy_new(k, msg, TOY_ACTIVE, act->keep_timer);
	case OWN_ACT_HOLD:
		return toy_new(k, msg, TOY_HELD, false);
	case OWN_ACT_FREEZE_OUT:
		return toy_freeze(w, k, msg, TOY_MOVING_OUT, timer);
	case OWN_ACT_FREEZE_REL:
		return toy_freeze(w, k, msg, TOY_RELEASING, timer);
	case OWN_ACT_FLOOR:
		if (m->state == TOY_ACTIVE && m->epoch <= msg->epoch && current(k, m))
			return -EBUSY;
		raise_floor(k, msg->id, msg->epoch);
		return 0;
	case OWN_ACT_DELETE:
		if (!m->state)
			return -ENOENT;
		if (m->epoch != msg->epoch)
			return -ESTALE;
		if (act->only_held && (m->state != TOY_HELD || m->vm != world_vm_number(&msg->vm)))
			return -EBUSY;
		if (m->state != TOY_HELD)
			raise_floor(k, msg->id, msg->epoch);
		m->state = TOY_NONE;
		return 0;
	case OWN_ACT_REFUSE:
	case OWN_ACT_SEND:
	case OWN_ACT_SAVE:
	case OWN_ACT_NOTE:
		break;
	}
	return 0;
}

/* ---- the agent ---- */

static const char *const act_names[] = {
	[OWN_ACT_INSTALL] = "install", [OWN_ACT_HOLD] = "hold",
	[OWN_ACT_FREEZE_OUT] = "freeze moving-out", [OWN_ACT_FREEZE_REL] = "freeze releasing",
	[OWN_ACT_FLOOR] = "floor", [OWN_ACT_DELETE] = "delete",
};

static void ghost_rel(struct world *w, uint32_t g, const struct rn_msg *msg)
{
	if (msg->type == RN_MSG_REL && msg->id && msg->id <= RECORDS && msg->epoch < EPOCHS)
		w->asked[msg->id][msg->epoch] = (uint64_t)g << 32 | msg->incarnation;
}

/* True when a result is to be given back at once. */
static bool carry_out(struct world *w, uint32_t g, int vm, const struct own_acts *acts,
		      struct own_gw_event *result)
{
	bool again = false;
	unsigned int i;

	for (i = 0; i < acts->n; i++) {
		const struct own_act *act = &acts->act[i];
		struct rn_timer timer = { 0 };
		int err;

		if (act->type == OWN_ACT_SEND) {
			ghost_rel(w, g, &act->msg);
			world_post(w, g, act->to, &act->msg);
		}
		if (act->type < OWN_ACT_INSTALL || act->type > OWN_ACT_DELETE)
			continue;
		err = toy_kernel_do(w, g, act, &timer);
		world_say(w, "   gw%u kernel: %s id %llu epoch %llu -> %d", g, act_names[act->type],
			  (unsigned long long)act->msg.id, (unsigned long long)act->msg.epoch, err);
		if (act->type == OWN_ACT_DELETE)
			continue;
		if (again)
			world_fail(w, "two kernel requests in one step of gw%u vm%d", g, vm);
		*result = (struct own_gw_event){ .type = OWN_GW_EV_KERNEL, .err = err,
						 .timer = timer };
		again = true;
	}
	return again;
}

void gw_event(struct world *w, uint32_t g, int vm, const struct own_gw_event *first)
{
	struct world_gw *gw = &w->gw[g];
	struct own_gw_entry *e = &gw->entry[vm];
	struct own_gw_event event = *first;
	static struct own_acts acts;
	unsigned int rounds = 0;
	uint8_t before = e->state;

	do {
		struct own_gw_env env = {
			.now = w->now, .random = world_random(w), .self = g,
			.incarnation = gw->kernel.incarnation, .mode = w->mode,
			.session = gw->session,
		};

		own_gw_step(&env, e, &event, &acts);
		if (acts.n >= OWN_ACTIONS_MAX - 1)
			world_fail(w, "gw%u vm%d: no room for actions", g, vm);
		if (++rounds > 20)
			world_fail(w, "gw%u vm%d: kernel requests without end", g, vm);
	} while (carry_out(w, g, vm, &acts, &event) && !w->failure[0]);
	if (before != e->state)
		world_say(w, "   gw%u vm%d: %s -> %s", g, vm, own_gw_state_to_string(before),
			  own_gw_state_to_string(e->state));
	/* The agent forgets such entries. */
	if (own_gw_entry_idle(e, w->now)) {
		struct rn_private side = e->vm;

		own_gw_entry_init(e, &side);
	}
}

void gw_everyone(struct world *w, uint32_t g, enum own_gw_event_type type)
{
	struct own_gw_event event = { .type = type };
	int vm;

	for (vm = 0; vm < VMS; vm++)
		gw_event(w, g, vm, &event);
}

void gw_deliver(struct world *w, uint32_t g, uint32_t from, const struct rn_msg *msg)
{
	struct own_gw_event event = { .type = OWN_GW_EV_MSG, .from = from, .msg = msg };
	struct world_gw *gw = &w->gw[g];
	int vm;

	if (!gw->on)
		return;
	if (msg->type == RN_MSG_LEASE) {
		/* The nonce is the time at which the renewal was sent. */
		int64_t end = (int64_t)msg->nonce + w->lease_ms;

		if (msg->incarnation == gw->kernel.incarnation && gw->kernel.lease_end > w->now &&
		    end > gw->kernel.lease_end)
			gw->kernel.lease_end = end;
		return;
	}
	if (msg->vm.addr.len) {
		gw_event(w, g, world_vm_number(&msg->vm), &event);
		return;
	}
	for (vm = 0; vm < VMS; vm++)
		if (gw->entry[vm].id == msg->id) {
			gw_event(w, g, vm, &event);
			return;
		}
}

void gw_time(struct world *w, uint32_t g)
{
	struct own_gw_event event = { .type = OWN_GW_EV_TIME };
	struct world_gw *gw = &w->gw[g];
	int vm;

	if (!gw->on)
		return;
	for (vm = 0; vm < VMS; vm++)
		if (gw->entry[vm].wake <= w->now)
			gw_event(w, g, vm, &event);
	if (gw->kernel.incarnation && !lease_runs(w, &gw->kernel)) {
		world_say(w, "lease of gw%u is over", g);
		gw_suspend(w, g);
	}
}

/* The VM sends; where nobody translates for it the kernel tells the agent. */
void gw_packet(struct world *w, int vm)
{
	uint32_t g = (uint32_t)w->vm_at[vm];
	struct world_gw *gw = &w->gw[g];
	struct rn_msg msg = { .vm = world_vm(vm) };
	struct own_gw_event event = { .type = OWN_GW_EV_MISS, .preset = 300000, .msg = &msg };
	unsigned int id;

	if (!gw->on)
		return;
	for (id = 1; id <= RECORDS; id++) {
		struct toy_map *m = &gw->kernel.map[id];

		if (!m->state || m->vm != vm)
			continue;
		m->timer.elapsed = 0;
		m->timer.remaining = m->timer.preset;
		if (m->state == TOY_ACTIVE)
			return;		/* translated, or dropped as suspended */
		msg.id = id;
		msg.epoch = m->epoch;
	}
	world_say(w, "vm%d sends at gw%u: miss", vm, g);
	gw_event(w, g, vm, &event);
}

void gw_idle(struct world *w, uint32_t g, unsigned int id)
{
	const struct toy_map *m = toy_translating(w, g, id);
	struct rn_msg msg = { .id = id };
	struct own_gw_event event = { .type = OWN_GW_EV_IDLE, .msg = &msg };

	if (!m)
		return;
	msg.epoch = m->epoch;
	world_say(w, "id %u is idle at gw%u", id, g);
	gw_event(w, g, m->vm, &event);
}

void gw_told(struct world *w, uint32_t g, int vm, uint32_t dst)
{
	struct rn_msg msg = { .type = RN_MSG_MOVE, .vm = world_vm(vm), .dst = dst };
	struct own_gw_event event = { .type = OWN_GW_EV_VM_LEFT, .msg = &msg };

	if (!w->gw[g].on)
		return;
	world_say(w, "gw%u is told that vm%d is at gw%u", g, vm, dst);
	msg.id = w->gw[g].entry[vm].id;
	msg.epoch = w->gw[g].entry[vm].epoch;
	gw_event(w, g, vm, &event);
}

void gw_cut(struct world *w, uint32_t g)
{
	w->gw[g].link = false;
	w->gw[g].session = false;
	w->gw[g].flush = false;
}

static void forget_entries(struct world *w, uint32_t g)
{
	int vm;

	for (vm = 0; vm < VMS; vm++) {
		struct rn_private side = world_vm(vm);

		own_gw_entry_init(&w->gw[g].entry[vm], &side);
	}
	gw_cut(w, g);
}

void gw_agent_restart(struct world *w, uint32_t g)
{
	struct world_gw *gw = &w->gw[g];
	unsigned int id;

	world_say(w, "agent of gw%u restarts", g);
	forget_entries(w, g);
	for (id = 1; id <= RECORDS; id++) {
		const struct toy_map *m = &gw->kernel.map[id];
		struct rn_msg msg = { .id = id, .epoch = m->epoch, .incarnation = m->incarnation,
				      .pub = m->pub, .timer = m->timer };
		struct own_gw_event event = { .type = OWN_GW_EV_ADOPT, .msg = &msg,
					      .kernel_state = m->state };

		if (!m->state)
			continue;
		msg.vm = world_vm(m->vm);
		gw_event(w, g, m->vm, &event);
	}
}

void gw_crash(struct world *w, uint32_t g)
{
	world_say(w, "gw%u crashes", g);
	memset(&w->gw[g].kernel, 0, sizeof(w->gw[g].kernel));
	forget_entries(w, g);
}

/* Before REGISTER, and when the lease has run out. */
void gw_suspend(struct world *w, uint32_t g)
{
	struct world_gw *gw = &w->gw[g];

	gw->kernel.incarnation = 0;
	gw_cut(w, g);
	gw_everyone(w, g, OWN_GW_EV_SUSPEND);
}

void gw_flush(struct world *w, uint32_t g)
{
	struct world_gw *gw = &w->gw[g];
	unsigned int id;

	if (!gw->flush)
		return;
	world_say(w, "gw%u: INVENTORY_DONE, flush", g);
	gw->flush = false;
	gw->session = true;
	for (id = 1; id <= RECORDS; id++)
		if (gw->kernel.map[id].incarnation != gw->kernel.incarnation)
			gw->kernel.map[id].state = TOY_NONE;
	gw_everyone(w, g, OWN_GW_EV_FLUSHED);
	gw_everyone(w, g, OWN_GW_EV_SESSION);
}
