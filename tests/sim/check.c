// SPDX-License-Identifier: GPL-2.0
/*
 * What must hold, whatever happened. Each check looks only at what the last
 * event touched: every change of a kernel's map, of a record or of the disk
 * calls sim_check_id; what a lease's end changes is checked when it ends.
 */
#include "sim.h"

static bool is_over(const struct sim *s, uint32_t g)
{
	int64_t term = s->plan.lease_ms[g];

	return s->ctl.fenced[g] ||
	       (term && s->now >= s->ctl.renewed_at[g] + term + term / 1000 + 5000);
}

static void check_recorded(struct sim *s, uint32_t g, unsigned int id, const struct sim_map *m)
{
	const struct sim_row *disk = &s->ctl.disk[id];
	const struct own_ctl_rec *r = &s->ctl.rec[id];
	bool up = s->ctl.up;

	if (!sim_granted(disk->state) || (up && !sim_granted(r->state)))
		sim_fail(s, "I3: gw%u translates id %u, which is free", g, id);
	else if (disk->owner != g || disk->epoch != m->epoch ||
		 sim_vm_number(&disk->vm) != m->vm ||
		 (up && (r->owner != g || r->epoch != m->epoch)))
		sim_fail(s, "I1b: gw%u translates id %u at epoch %llu, recorded gw%u at %llu, on disk gw%u at %llu",
			 g, id, (unsigned long long)m->epoch, r->owner,
			 (unsigned long long)r->epoch, disk->owner,
			 (unsigned long long)disk->epoch);
	if (up && is_over(s, g))
		sim_fail(s, "I9: gw%u translates id %u, its lease is over", g, id);
}

void sim_check_id(struct sim *s, unsigned int id)
{
	struct sim_ghost *ghost = &s->ghost;
	unsigned int bits = ghost->active[id];
	uint32_t who = 0;

	for (; bits; bits &= bits - 1) {
		uint32_t g = (uint32_t)__builtin_ctz(bits);
		const struct sim_map *m = &s->gw[g].kernel.map[id];

		if (!sim_lease_runs(s, g))
			continue;
		if (who)
			sim_fail(s, "I1: gw%u and gw%u both translate id %u", who, g, id);
		who = g;
		if (m->epoch < ghost->top[id] ||
		    (m->epoch == ghost->top[id] && ghost->top_gw[id] != g))
			sim_fail(s, "I6: gw%u translates id %u at epoch %llu, after gw%u did at %llu",
				 g, id, (unsigned long long)m->epoch, ghost->top_gw[id],
				 (unsigned long long)ghost->top[id]);
		ghost->top[id] = m->epoch;
		ghost->top_gw[id] = g;
		check_recorded(s, g, id, m);
	}
}

/* The controller believes that g translates nothing any more. */
void sim_check_over(struct sim *s, uint32_t g)
{
	unsigned int id;

	for (id = 1; id <= s->plan.ids; id++)
		if (s->ghost.active[id] & 1u << g && sim_lease_runs(s, g))
			sim_fail(s, "I9: gw%u translates id %u, its lease is over", g, id);
}

/* ---- what the controller decides ---- */

static void check_released(struct sim *s, unsigned int id, const struct sim_row *old,
			   const struct own_ctl_event *event)
{
	unsigned int slot = (unsigned int)(old->epoch % SIM_ASKED);
	bool asked = s->ghost.asked[id][slot].epoch == old->epoch &&
		     s->ghost.asked[id][slot].gw == old->owner &&
		     s->ghost.asked[id][slot].incarnation == s->ctl.incarnation[old->owner];

	s->ghost.released_at[id] = s->now;
	if (old->owner == s->hostile || asked)
		return;
	if (event->type == OWN_CTL_EV_RECLAIM && is_over(s, old->owner))
		return;
	sim_fail(s, "I4: id %u released, its owner gw%u did not ask", id, old->owner);
}

static void check_allocated(struct sim *s, unsigned int id)
{
	const struct own_ctl_rec *r = &s->ctl.rec[id];
	int vm = sim_vm_number(&r->vm);
	unsigned int other;

	if (s->ghost.last_vm[id] >= 0 && s->ghost.last_vm[id] != vm &&
	    s->now < s->ghost.released_at[id] + s->plan.quarantine)
		sim_fail(s, "I3: id %u granted to another VM in quarantine", id);
	s->ghost.last_vm[id] = vm;
	for (other = 1; other <= s->plan.ids; other++)
		if (other != id && sim_granted(s->ctl.rec[other].state) &&
		    sim_vm_number(&s->ctl.rec[other].vm) == vm)
			sim_fail(s, "I7: ids %u and %u are of one VM", id, other);
}

void sim_check_ctl_step(struct sim *s, unsigned int id, const struct sim_row *old,
			const struct own_ctl_event *event)
{
	const struct own_ctl_rec *r = &s->ctl.rec[id];
	bool was = sim_granted(old->state), is = sim_granted(r->state);
	bool other = r->owner != old->owner || r->epoch != old->epoch;

	if (r->epoch < old->epoch || (r->owner != old->owner && r->epoch == old->epoch))
		sim_fail(s, "I6: id %u goes from gw%u at epoch %llu to gw%u at %llu", id,
			 old->owner, (unsigned long long)old->epoch, r->owner,
			 (unsigned long long)r->epoch);
	if (s->hostile && event->type == OWN_CTL_EV_MSG && event->from == s->hostile && was &&
	    old->owner != s->hostile && (!is || other))
		sim_fail(s, "I8: the hostile gateway changed id %u", id);
	if (is && s->hostile && r->owner == s->hostile &&
	    sim_vm_number(&r->vm) != (int)s->plan.vms - 1)
		sim_fail(s, "I8: the hostile gateway owns id %u", id);
	if (was && !is)
		check_released(s, id, old, event);
	else if (!was && is)
		check_allocated(s, id);
}

/* ---- what is said ---- */

static void check_grant(struct sim *s, uint32_t to, const struct rn_msg *msg)
{
	const struct sim_row *disk = &s->ctl.disk[msg->id];
	uint8_t *owner = &s->ghost.granted[msg->id][msg->epoch % SIM_EPOCHS];

	if (msg->epoch >= SIM_EPOCHS) {
		sim_fail(s, "I11: epochs of id %u run away", (unsigned int)msg->id);
		return;
	}
	if (*owner && *owner != to)
		sim_fail(s, "I6: id %u epoch %u granted to gw%u and gw%u", (unsigned int)msg->id,
			 (unsigned int)msg->epoch, *owner, to);
	*owner = (uint8_t)to;
	if (disk->epoch < msg->epoch ||
	    (disk->epoch == msg->epoch &&
	     (disk->owner != to || !rn_private_equal(&disk->vm, &msg->vm))))
		sim_fail(s, "I12: id %u epoch %llu is granted to gw%u, on disk is gw%u at %llu",
			 (unsigned int)msg->id, (unsigned long long)msg->epoch, to, disk->owner,
			 (unsigned long long)disk->epoch);
}

void sim_check_told(struct sim *s, uint32_t to, const struct rn_msg *msg)
{
	const struct sim_row *disk = &s->ctl.disk[msg->id <= s->plan.ids ? msg->id : 0];
	bool over = disk->epoch > msg->epoch;
	bool same = disk->epoch == msg->epoch, granted = sim_granted(disk->state);

	switch (msg->type) {
	case RN_MSG_GRANT:
		check_grant(s, to, msg);
		break;
	case RN_MSG_RELOK:
		if (!over && !(same && !granted))
			sim_fail(s, "I12: gw%u hears that id %u is released, the disk does not know",
				 to, (unsigned int)msg->id);
		break;
	case RN_MSG_STALE:
		if (!over && !(same && (!granted || disk->owner != to)))
			sim_fail(s, "I12: gw%u hears that id %u epoch %llu is over, the disk does not know",
				 to, (unsigned int)msg->id, (unsigned long long)msg->epoch);
		break;
	case RN_MSG_REGISTERED:
		if (s->ctl.disk_incarnation[to] < msg->incarnation)
			sim_fail(s, "I12: gw%u hears of incarnation %llu, the disk does not know",
				 to, (unsigned long long)msg->incarnation);
		break;
	}
}

void sim_check_asked(struct sim *s, uint32_t g, const struct rn_msg *msg)
{
	unsigned int slot = (unsigned int)(msg->epoch % SIM_ASKED);

	if (msg->type != RN_MSG_REL || !msg->id || msg->id > s->plan.ids)
		return;
	s->ghost.asked[msg->id][slot].epoch = msg->epoch;
	s->ghost.asked[msg->id][slot].gw = g;
	s->ghost.asked[msg->id][slot].incarnation = msg->incarnation;
}

/* I5, never early: two clocks may differ by 0.1 % each, and by what a step takes. */
void sim_check_idle(struct sim *s, uint32_t g, int vm, const struct rn_timer *timer)
{
	int64_t idle = s->now - s->ghost.used_at[vm], preset = (int64_t)timer->preset;
	uint64_t id = s->gw[g].entry[vm].id;
	bool known = false;
	uint32_t i;

	/* What the hostile gateway says of its own VM is its own affair. */
	if (s->hostile && vm == (int)s->plan.vms - 1)
		return;
	/* Of one that is not its own any more the release is refused. */
	if (!id || id > s->plan.ids || !sim_granted(s->ctl.rec[id].state) ||
	    s->ctl.rec[id].owner != g || s->ctl.rec[id].epoch != s->gw[g].entry[vm].epoch)
		return;
	for (i = 1; i <= s->plan.honest; i++)
		known |= timer->preset == s->plan.preset[i];
	if (!known)
		sim_fail(s, "I5: gw%u has an idle timeout of %lld ms that nobody asked for", g,
			 (long long)preset);
	if (idle < preset - preset / 400 - 20)
		sim_fail(s, "I5: gw%u releases the mapping of vm%d after %lld of %lld ms", g, vm,
			 (long long)idle, (long long)preset);
}
