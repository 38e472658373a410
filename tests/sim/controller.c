// SPDX-License-Identifier: GPL-2.0
/* The controller around its machine, as daemon/controller does it. */
#include <string.h>
#include "sim.h"

bool sim_granted(uint8_t state)
{
	return state != OWN_CTL_FREE && state != OWN_CTL_QUARANTINE;
}

int sim_ctl_record_of(const struct sim *s, int vm)
{
	unsigned int id;

	for (id = 1; id <= s->plan.ids; id++)
		if (sim_granted(s->ctl.rec[id].state) &&
		    sim_vm_number(&s->ctl.rec[id].vm) == vm)
			return (int)id;
	return 0;
}

static int64_t lease_over_at(const struct sim *s, uint32_t g)
{
	int64_t term = s->plan.lease_ms[g];

	return s->ctl.renewed_at[g] + term + term / 1000 + 5000;
}

void sim_ctl_refresh(struct sim *s, uint32_t g)
{
	struct sim_ctl *c = &s->ctl;
	struct own_ctl_gw *gw = &c->gw[g];
	int64_t term = s->plan.lease_ms[g];

	gw->number = g;
	gw->incarnation = c->incarnation[g];
	gw->registered = c->incarnation[g] && !c->fenced[g];
	gw->connected = c->conn[g] != 0;
	gw->lease = term != 0;
	gw->live = !term || s->now < c->renewed_at[g] + term;
	gw->over = c->fenced[g] || (term && s->now >= lease_over_at(s, g));
}

static const struct own_ctl_gw *lookup(void *ctx, uint32_t number)
{
	static const struct own_ctl_gw nobody;
	struct sim *s = ctx;

	if (!number || number > SIM_GWS || !s->ctl.gw[number].number)
		return &nobody;
	sim_ctl_refresh(s, number);
	return &s->ctl.gw[number];
}

static void queue_wake(struct sim *s, unsigned int id)
{
	int64_t wake = s->ctl.rec[id].wake;

	if (wake >= s->ctl.wake_at[id])
		return;
	s->ctl.wake_at[id] = wake;
	sim_at(s, wake, SIM_EV_CTL_WAKE, 0, id, 0);
}

static void carry_out(struct sim *s, unsigned int id, const struct own_acts *acts)
{
	unsigned int i;

	for (i = 0; i < acts->n; i++) {
		const struct own_act *act = &acts->act[i];

		if (act->type == OWN_ACT_SAVE) {
			sim_out_save(s, id);
			continue;
		}
		if (act->type == OWN_ACT_SEND) {
			sim_out_send(s, act->to, &act->msg);
			continue;
		}
		s->totals->note[act->note]++;
		sim_say(s, "    controller: id %u %s gw%u->gw%u (%s)", id,
			own_note_to_string(act->note), act->from_gw, act->to_gw,
			rn_code_to_string(act->msg.code));
	}
}

void sim_ctl_event(struct sim *s, unsigned int id, const struct own_ctl_event *event)
{
	const struct own_ctl_env env = {
		.now = s->now, .wall = s->now, .random = sim_random(s), .mode = s->plan.mode,
		.quarantine = s->plan.quarantine, .gw = lookup, .ctx = s,
	};
	struct own_ctl_rec *r = &s->ctl.rec[id];
	const struct sim_row old = { .state = r->state, .owner = r->owner, .epoch = r->epoch };
	static struct own_acts acts;

	s->steps++;
	own_ctl_step(&env, r, event, &acts);
	sim_count_ctl(s->totals, old.state, event);
	if (acts.n >= OWN_ACTIONS_MAX - 1)
		sim_fail(s, "I11: controller id %u: no room for actions", id);
	if (old.state != r->state || old.epoch != r->epoch) {
		s->totals->ctl_move[old.state][r->state]++;
		sim_say(s, "    controller: id %u %s(gw%u,%llu) -> %s(gw%u,%llu)", id,
			own_ctl_state_to_string(old.state), old.owner,
			(unsigned long long)old.epoch, own_ctl_state_to_string(r->state),
			r->owner, (unsigned long long)r->epoch);
		sim_check_ctl_step(s, id, &old, event);
		sim_check_id(s, id);
	}
	carry_out(s, id, &acts);
	queue_wake(s, id);
	sim_out_release(s);
}

void sim_ctl_wake(struct sim *s, unsigned int id)
{
	static const struct own_ctl_event event = { .type = OWN_CTL_EV_TIME };
	struct sim_ctl *c = &s->ctl;

	c->wake_at[id] = OWN_NEVER;
	if (!c->up || c->paused)
		return;			/* looked at again when it goes on */
	if (c->rec[id].wake <= s->now)
		sim_ctl_event(s, id, &event);
	else
		queue_wake(s, id);
}

/* ---- messages ---- */

static int pick(struct sim *s, const struct rn_msg *msg)
{
	unsigned int id, start = sim_below(s, s->plan.ids), i;
	bool prefer = !sim_chance(s, 200);

	/* As the shell prefers it, but not always: the pool may have been full. */
	for (id = 1; id <= s->plan.ids && prefer; id++)
		if (s->ctl.rec[id].state == OWN_CTL_QUARANTINE &&
		    rn_private_equal(&s->ctl.rec[id].vm, &msg->vm)) {
			sim_count(s, quarantine_same_vm);
			return (int)id;
		}
	for (i = 0; i < s->plan.ids; i++) {
		id = 1 + (start + i) % s->plan.ids;
		if (!own_ctl_rec_available(&s->ctl.rec[id], &msg->vm, s->now))
			continue;
		if (s->ctl.rec[id].state == OWN_CTL_QUARANTINE)
			sim_count(s, quarantine_other_vm);
		return (int)id;
	}
	return 0;
}

static void refuse(struct sim *s, uint32_t to, const struct rn_msg *msg, uint8_t code)
{
	struct rn_msg deny = { .type = RN_MSG_DENY, .code = code, .id = msg->id, .vm = msg->vm,
			       .epoch = msg->epoch, .nonce = msg->nonce,
			       .incarnation = s->ctl.incarnation[to] };

	sim_out_send(s, to, &deny);
	sim_out_release(s);
}

static void allocate(struct sim *s, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_event event = { .type = OWN_CTL_EV_ALLOCATE, .from = from, .msg = msg };
	int id;

	/* Who may ask for a VM that has nothing yet is not the machine's to
	 * judge, so the hostile gateway asks only for its own here.
	 */
	if (from == s->hostile && sim_vm_number(&msg->vm) != (int)s->plan.vms - 1)
		return;
	id = pick(s, msg);
	if (id)
		sim_ctl_event(s, (unsigned int)id, &event);
	else
		refuse(s, from, msg, RN_CODE_POOL_EMPTY);
}

static bool names_vm(uint8_t type)
{
	return type == RN_MSG_MIG_S || type == RN_MSG_MIG_D || type == RN_MSG_REL ||
	       type == RN_MSG_RESUME;
}

void sim_ctl_message(struct sim *s, uint32_t from, const struct rn_msg *msg)
{
	const struct own_ctl_event event = { .type = OWN_CTL_EV_MSG, .from = from, .msg = msg };
	const struct own_ctl_rec *r;
	int id;

	if (msg->type == RN_MSG_NATREQ) {
		id = sim_ctl_record_of(s, sim_vm_number(&msg->vm));
		if (id)
			sim_ctl_event(s, (unsigned int)id, &event);
		else
			allocate(s, from, msg);
		return;
	}
	if (!msg->id || msg->id > s->plan.ids)
		return;
	r = &s->ctl.rec[msg->id];
	if (names_vm(msg->type) && msg->epoch >= r->epoch &&
	    !rn_private_equal(&msg->vm, &r->vm)) {
		refuse(s, from, msg, RN_CODE_BAD_MESSAGE);
		return;
	}
	sim_ctl_event(s, (unsigned int)msg->id, &event);
}

/* ---- gateways ---- */

void sim_ctl_everyone(struct sim *s, uint32_t g, enum own_ctl_event_type type)
{
	const struct own_ctl_event event = { .type = (uint8_t)type, .from = g };
	unsigned int id;

	for (id = 1; id <= s->plan.ids; id++) {
		const struct own_ctl_rec *r = &s->ctl.rec[id];

		if (sim_granted(r->state) && r->state != OWN_CTL_GRANTED &&
		    (r->owner == g || (r->dst == g && type == OWN_CTL_EV_REGISTERED)))
			sim_ctl_event(s, id, &event);
	}
}

void sim_ctl_lease_start(struct sim *s, uint32_t g)
{
	s->ctl.renewed_at[g] = s->now;
	if (s->plan.lease_ms[g])
		sim_at(s, lease_over_at(s, g), SIM_EV_OVER, g, 0, 0);
}

/* Every renewal has queued one of these; only the last one finds it over. */
void sim_ctl_over(struct sim *s, uint32_t g)
{
	if (!s->ctl.up || s->ctl.paused || !s->ctl.incarnation[g] ||
	    s->now < lease_over_at(s, g))
		return;
	sim_count(s, lease_over);
	sim_say(s, "controller: the lease of gw%u is over", g);
	sim_ctl_refresh(s, g);
	sim_check_over(s, g);
	sim_ctl_everyone(s, g, OWN_CTL_EV_FENCED);
}

/* The operator has switched it off, and says so. */
void sim_ctl_fence(struct sim *s, uint32_t g)
{
	struct sim_ctl *c = &s->ctl;

	sim_count(s, fenced);
	sim_say(s, "operator: gw%u is fenced", g);
	if (!c->fenced[g]) {
		c->incarnation[g]++;
		c->fenced[g] = true;
		sim_out_save_gw(s, g);
	}
	sim_ctl_refresh(s, g);
	sim_check_over(s, g);
	sim_ctl_everyone(s, g, OWN_CTL_EV_FENCED);
	sim_out_release(s);
}

void sim_ctl_order(struct sim *s, int vm, uint32_t dst, enum own_ctl_event_type type)
{
	struct rn_msg msg = { .dst = dst, .cause = RN_CAUSE_OPERATOR };
	struct own_ctl_event event = { .type = (uint8_t)type, .msg = &msg };
	int id = sim_ctl_record_of(s, vm);

	if (type == OWN_CTL_EV_TAKEOVER)
		msg.cause = RN_CAUSE_DEAD;
	if (!id || !s->ctl.up || s->ctl.paused)
		return;
	sim_say(s, "orchestrator: %s vm%d, gw%u",
		type == OWN_CTL_EV_TAKEOVER ? "take over" :
		type == OWN_CTL_EV_RECLAIM ? "reclaim" : "migrate", vm, dst);
	sim_ctl_event(s, (unsigned int)id, &event);
}

void sim_ctl_init(struct sim *s)
{
	struct sim_ctl *c = &s->ctl;

	if (s->hostile) {
		c->disk_incarnation[s->hostile] = 1;
		c->conn[s->hostile] = ++s->conns;
	}
	c->head = 0;
	c->durable = 0;
	c->tail = 0;
	sim_ctl_boot(s);
}
