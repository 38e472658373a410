// SPDX-License-Identifier: GPL-2.0
/* The toy kernel of a gateway: the rules of kmod/control.c, without packets. */
#include <errno.h>
#include <string.h>
#include "sim.h"

bool sim_lease_runs(const struct sim *s, uint32_t g)
{
	const struct sim_kernel *k = &s->gw[g].kernel;

	return !k->lease_end || sim_gw_clock(s, g) < k->lease_end;
}

bool sim_current(const struct sim_kernel *k, const struct sim_map *m)
{
	return k->incarnation && m->incarnation == k->incarnation;
}

static bool is_translating(const struct sim *s, uint32_t g, const struct sim_map *m)
{
	return m->state == SIM_ACTIVE && sim_current(&s->gw[g].kernel, m) && sim_lease_runs(s, g);
}

/* After every change of a map or of the incarnation. */
static void changed(struct sim *s, uint32_t g, unsigned int id)
{
	const struct sim_kernel *k = &s->gw[g].kernel;
	const struct sim_map *m = &k->map[id];
	uint8_t bit = (uint8_t)(1 << g);

	if (m->state == SIM_ACTIVE && sim_current(k, m))
		s->ghost.active[id] |= bit;
	else
		s->ghost.active[id] &= (uint8_t)~bit;
	sim_check_id(s, id);
}

static void raise_floor(struct sim_kernel *k, uint64_t id, uint64_t epoch)
{
	if (k->floor[id] < epoch)
		k->floor[id] = epoch;
}

struct sim_map *sim_map_of(struct sim *s, uint32_t g, int vm, unsigned int *id)
{
	struct sim_kernel *k = &s->gw[g].kernel;
	unsigned int i;

	for (i = 1; i <= s->plan.ids; i++)
		if (k->map[i].state && k->map[i].vm == vm) {
			*id = i;
			return &k->map[i];
		}
	return NULL;
}

struct rn_timer sim_map_timer(const struct sim *s, uint32_t g, const struct sim_map *m)
{
	bool runs = m->state == SIM_ACTIVE || m->state == SIM_HELD;
	int64_t elapsed = runs ? sim_gw_clock(s, g) - m->last_used : m->frozen_elapsed;

	if (elapsed > m->preset)
		elapsed = m->preset;
	return (struct rn_timer){ .preset = (uint64_t)m->preset, .elapsed = (uint64_t)elapsed,
				  .remaining = (uint64_t)(m->preset - elapsed) };
}

/* ---- mapping-new ---- */

static bool same_sides(const struct sim_map *m, const struct rn_msg *msg)
{
	return m->vm == sim_vm_number(&msg->vm) && rn_public_equal(&m->pub, &msg->pub);
}

static int check_epoch(const struct sim *s, uint32_t g, const struct rn_msg *msg, uint8_t state)
{
	const struct sim_kernel *k = &s->gw[g].kernel;
	const struct sim_map *m = &k->map[msg->id];

	if (msg->epoch <= k->floor[msg->id])
		return -ESTALE;
	if (!m->state)
		return 0;
	if (state == SIM_HELD && is_translating(s, g, m))
		return -EBUSY;
	if (msg->epoch < m->epoch && (m->state != SIM_HELD || state == SIM_HELD))
		return -ESTALE;
	return 0;
}

/* Other ids with one of the sides: may they give way, and then they do. */
static int rivals(struct sim *s, uint32_t g, const struct rn_msg *msg, uint8_t state, bool remove)
{
	struct sim_kernel *k = &s->gw[g].kernel;
	int vm = sim_vm_number(&msg->vm);
	unsigned int i;

	for (i = 1; i <= s->plan.ids; i++) {
		struct sim_map *m = &k->map[i];

		if (i == msg->id || !m->state ||
		    (m->vm != vm && !rn_public_equal(&m->pub, &msg->pub)))
			continue;
		if (remove)
			sim_kernel_remove(s, g, i);
		else if (state == SIM_HELD || is_translating(s, g, m))
			return -EEXIST;
	}
	return 0;
}

static void set_timer(struct sim *s, uint32_t g, struct sim_map *m, const struct rn_timer *timer)
{
	int64_t now = sim_gw_clock(s, g), last = now - (int64_t)timer->elapsed;

	if (m->touched && m->last_used > last)
		last = m->last_used;
	m->preset = (int64_t)timer->preset;
	m->last_used = last;
	m->touched = false;
}

static void keep_timer(struct sim *s, uint32_t g, struct sim_map *m)
{
	if (m->state != SIM_ACTIVE && m->state != SIM_HELD)
		m->last_used = sim_gw_clock(s, g) - m->frozen_elapsed;
	m->touched = false;
}

static int map_new(struct sim *s, uint32_t g, const struct rn_msg *msg, uint8_t state, bool keep)
{
	struct sim_kernel *k = &s->gw[g].kernel;
	struct sim_map *m = &k->map[msg->id];
	int err;

	if (!k->incarnation || (state == SIM_ACTIVE && msg->incarnation != k->incarnation))
		return -ESTALE;
	if (m->state == state && m->epoch == msg->epoch && sim_current(k, m) && same_sides(m, msg))
		return 0;
	err = check_epoch(s, g, msg, state);
	if (!err)
		err = rivals(s, g, msg, state, false);
	if (err)
		return err;
	if (keep && (!m->state || !same_sides(m, msg) || state != SIM_ACTIVE))
		return -EINVAL;
	rivals(s, g, msg, state, true);
	if (m->state && (!same_sides(m, msg) || (state != SIM_ACTIVE && m->state == SIM_ACTIVE)))
		sim_kernel_remove(s, g, (unsigned int)msg->id);
	if (!m->state)
		m->touched = false;
	if (state == SIM_ACTIVE)
		raise_floor(k, msg->id, msg->epoch);
	/* Packets that were held leave now, if the lease runs. */
	if (m->touched && state == SIM_ACTIVE && sim_lease_runs(s, g) &&
	    s->ghost.used_at[m->vm] < m->held_at)
		s->ghost.used_at[m->vm] = m->held_at;
	if (keep)
		keep_timer(s, g, m);
	else
		set_timer(s, g, m, &msg->timer);
	m->state = state;
	m->vm = sim_vm_number(&msg->vm);
	m->pub = msg->pub;
	m->epoch = msg->epoch;
	m->incarnation = k->incarnation;
	changed(s, g, (unsigned int)msg->id);
	if (state == SIM_ACTIVE)
		sim_idle_start(s, g, (unsigned int)msg->id);
	return 0;
}

/* ---- the other requests ---- */

static int freeze(struct sim *s, uint32_t g, const struct rn_msg *msg, uint8_t state,
		  struct rn_timer *timer)
{
	struct sim_kernel *k = &s->gw[g].kernel;
	struct sim_map *m = &k->map[msg->id];
	int64_t elapsed = sim_gw_clock(s, g) - m->last_used;

	if (!m->state)
		return -ENOENT;
	if (m->epoch != msg->epoch)
		return -ESTALE;
	if (m->state == SIM_HELD)
		return -EBUSY;
	raise_floor(k, msg->id, msg->epoch);
	if (m->state == SIM_ACTIVE)
		m->frozen_elapsed = elapsed > 0 ? elapsed : 0;
	m->state = state;
	*timer = sim_map_timer(s, g, m);
	changed(s, g, (unsigned int)msg->id);
	return 0;
}

static int set_floor(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	struct sim_kernel *k = &s->gw[g].kernel;
	const struct sim_map *m = &k->map[msg->id];

	if (m->epoch <= msg->epoch && is_translating(s, g, m))
		return -EBUSY;
	raise_floor(k, msg->id, msg->epoch);
	return 0;
}

static int delete(struct sim *s, uint32_t g, const struct own_act *act)
{
	struct sim_kernel *k = &s->gw[g].kernel;
	const struct rn_msg *msg = &act->msg;
	const struct sim_map *m = &k->map[msg->id];

	if (!m->state)
		return -ENOENT;
	if (m->epoch != msg->epoch)
		return -ESTALE;
	if (act->only_held && (m->state != SIM_HELD || m->vm != sim_vm_number(&msg->vm)))
		return -EBUSY;
	if (m->state != SIM_HELD)
		raise_floor(k, msg->id, msg->epoch);
	sim_kernel_remove(s, g, (unsigned int)msg->id);
	return 0;
}

void sim_kernel_remove(struct sim *s, uint32_t g, unsigned int id)
{
	s->gw[g].kernel.map[id].state = SIM_NONE;
	changed(s, g, id);
}

int sim_kernel_do(struct sim *s, uint32_t g, const struct own_act *act, struct rn_timer *timer)
{
	const struct rn_msg *msg = &act->msg;

	if (act->type == OWN_ACT_REFUSE) {
		s->gw[g].kernel.refused_until[sim_vm_number(&msg->vm)] =
			sim_gw_clock(s, g) + act->ms;
		return 0;
	}
	if (!msg->id || msg->id > s->plan.ids)
		return -ENOENT;
	if (!s->calm && act->type != OWN_ACT_DELETE && sim_chance(s, s->plan.full)) {
		sim_count(s, no_memory);
		return -ENOMEM;
	}
	switch ((enum own_act_type)act->type) {
	case OWN_ACT_INSTALL:
		return map_new(s, g, msg, SIM_ACTIVE, act->keep_timer);
	case OWN_ACT_HOLD:
		return map_new(s, g, msg, SIM_HELD, false);
	case OWN_ACT_FREEZE_OUT:
		return freeze(s, g, msg, SIM_MOVING_OUT, timer);
	case OWN_ACT_FREEZE_REL:
		return freeze(s, g, msg, SIM_RELEASING, timer);
	case OWN_ACT_FLOOR:
		return set_floor(s, g, msg);
	case OWN_ACT_DELETE:
		return delete(s, g, act);
	case OWN_ACT_REFUSE:
	case OWN_ACT_SEND:
	case OWN_ACT_SAVE:
	case OWN_ACT_NOTE:
		break;
	}
	return 0;
}

/* ---- the session ---- */

static void all_changed(struct sim *s, uint32_t g)
{
	unsigned int id;

	for (id = 1; id <= s->plan.ids; id++)
		if (s->gw[g].kernel.map[id].state)
			changed(s, g, id);
}

int sim_kernel_session(struct sim *s, uint32_t g, uint64_t incarnation, int64_t lease_end)
{
	struct sim_kernel *k = &s->gw[g].kernel;

	if (!incarnation) {
		k->incarnation = 0;
	} else if (incarnation == k->incarnation) {
		if (!sim_lease_runs(s, g))
			return -ESTALE;
		k->lease_end = lease_end;
	} else {
		if (k->incarnation)
			return -EBUSY;
		if (incarnation <= k->incarnation_max)
			return -ESTALE;
		memset(k->floor, 0, sizeof(k->floor));
		k->incarnation_max = incarnation;
		k->lease_end = lease_end;
		k->incarnation = incarnation;
	}
	all_changed(s, g);
	return 0;
}

void sim_kernel_flush(struct sim *s, uint32_t g)
{
	struct sim_kernel *k = &s->gw[g].kernel;
	unsigned int id;

	for (id = 1; id <= s->plan.ids; id++)
		if (k->map[id].state && !sim_current(k, &k->map[id]))
			sim_kernel_remove(s, g, id);
}

/* The machine is off: everything that it knew is gone. */
void sim_kernel_clear(struct sim *s, uint32_t g)
{
	struct sim_kernel *k = &s->gw[g].kernel;
	bool queued[SIM_IDS + 1];
	unsigned int id;

	for (id = 1; id <= s->plan.ids; id++)
		queued[id] = k->map[id].idle_queued;
	memset(k, 0, sizeof(*k));
	for (id = 1; id <= s->plan.ids; id++) {
		k->map[id].idle_queued = queued[id];
		s->ghost.active[id] &= (uint8_t)~(1 << g);
	}
}
