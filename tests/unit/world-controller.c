// SPDX-License-Identifier: GPL-2.0
/* The controller of the test world: its shell, its disk and its sessions. */
#include <string.h>
#include "world.h"

bool ctl_granted(const struct own_ctl_rec *r)
{
	return r->state != OWN_CTL_FREE && r->state != OWN_CTL_QUARANTINE;
}

int ctl_record_of(const struct world *w, int vm)
{
	struct rn_private side = world_vm(vm);
	int id;

	for (id = 1; id <= RECORDS; id++)
		if (ctl_granted(&w->ctl.rec[id]) && rn_private_equal(&w->ctl.rec[id].vm, &side))
			return id;
	return 0;
}

static const struct own_ctl_gw *lookup(void *ctx, uint32_t number)
{
	static const struct own_ctl_gw nobody;
	const struct world *w = ctx;

	return number && number <= GATEWAYS ? &w->ctl.gw[number] : &nobody;
}

static void refresh(struct world *w)
{
	uint32_t g;

	for (g = 1; g <= GATEWAYS; g++) {
		struct own_ctl_gw *gw = &w->ctl.gw[g];
		bool out;

		gw->number = g;
		gw->lease = w->lease_ms && g <= 2;
		out = gw->lease && w->now >= w->ctl.lease_end[g];
		gw->live = !out;
		gw->over = out || w->ctl.fenced[g];
		gw->connected = w->gw[g].link;
		if (gw->over)
			gw->registered = false;
	}
}

static void check_step(struct world *w, unsigned int id, const struct own_ctl_rec *old,
		       const struct own_ctl_event *event)
{
	const struct own_ctl_rec *r = &w->ctl.rec[id];
	bool was = ctl_granted(old), is = ctl_granted(r);
	uint64_t asked = old->epoch < EPOCHS ? w->asked[id][old->epoch] : 0;

	if (r->epoch < old->epoch)
		world_fail(w, "I6: epoch of id %u goes back", id);
	if (event->from == HOSTILE && event->type == OWN_CTL_EV_MSG && was &&
	    old->owner != HOSTILE && (!is || r->owner != old->owner || r->epoch != old->epoch))
		world_fail(w, "I8: the hostile gateway changed id %u", id);
	if (is && r->owner == HOSTILE && world_vm_number(&r->vm) != VMS - 1)
		world_fail(w, "I8: the hostile gateway owns id %u", id);
	if (was && !is) {
		w->released_at[id] = w->now;
		if (old->owner != HOSTILE &&
		    asked != ((uint64_t)old->owner << 32 | w->ctl.gw[old->owner].incarnation))
			world_fail(w, "I4: id %u released, its owner did not ask", id);
	}
	if (!was && is) {
		int vm = world_vm_number(&r->vm);

		if (w->last_vm[id] >= 0 && w->last_vm[id] != vm &&
		    w->now < w->released_at[id] + OWN_T_QUARANTINE)
			world_fail(w, "I3: id %u granted to another VM in quarantine", id);
		w->last_vm[id] = vm;
	}
}

static void enqueue(struct world *w, const struct world_output *out)
{
	if (w->ctl.n_out == PACKETS)
		ctl_commit(w, PACKETS / 2);
	w->ctl.out[w->ctl.n_out++] = *out;
}

void ctl_event(struct world *w, unsigned int id, const struct own_ctl_event *event)
{
	struct own_ctl_env env = {
		.now = w->now, .wall = w->now, .random = world_random(w), .mode = w->mode,
		.quarantine = OWN_T_QUARANTINE, .gw = lookup, .ctx = w,
	};
	struct own_ctl_rec *r = &w->ctl.rec[id], old = *r;
	static struct own_acts acts;
	unsigned int i;

	refresh(w);
	own_ctl_step(&env, r, event, &acts);
	if (acts.n >= OWN_ACTIONS_MAX - 1)
		world_fail(w, "controller id %u: no room for actions", id);
	for (i = 0; i < acts.n; i++) {
		struct world_output out = { .save = acts.act[i].type == OWN_ACT_SAVE,
					    .to = acts.act[i].to, .msg = acts.act[i].msg,
					    .rec = *r };

		if (acts.act[i].type != OWN_ACT_NOTE)
			enqueue(w, &out);
		else
			world_say(w, "   controller: id %u %s gw%u->gw%u (%s)", id,
				  own_note_to_string(acts.act[i].note), acts.act[i].from_gw,
				  acts.act[i].to_gw, rn_code_to_string(acts.act[i].msg.code));
	}
	if (old.state != r->state || old.epoch != r->epoch)
		world_say(w, "   controller: id %u %s(gw%u,%llu) -> %s(gw%u,%llu)", id,
			  own_ctl_state_to_string(old.state), old.owner,
			  (unsigned long long)old.epoch, own_ctl_state_to_string(r->state),
			  r->owner, (unsigned long long)r->epoch);
	check_step(w, id, &old, event);
}

static void reboot(struct world *w)
{
	uint32_t g;
	int id;

	for (id = 1; id <= RECORDS; id++) {
		const struct own_ctl_rec *d = &w->ctl.disk[id];
		struct own_ctl_rec *r = &w->ctl.rec[id];

		own_ctl_rec_init(r, d->id, &d->pub);
		r->state = d->state > OWN_CTL_QUARANTINE ? OWN_CTL_GRANTED : d->state;
		r->epoch = d->epoch;
		r->owner = d->owner;
		r->vm = d->vm;
		r->preset = d->preset;
		r->free_at = d->free_at;
	}
	for (g = 1; g <= GATEWAYS; g++) {
		memset(&w->ctl.gw[g], 0, sizeof(w->ctl.gw[g]));
		w->ctl.gw[g].incarnation = w->ctl.disk_incarnation[g];
		w->ctl.gw[g].registered = g == HOSTILE;
		w->ctl.fenced[g] = false;
		/* P7: every lease counts as fresh. */
		w->ctl.lease_end[g] = w->now + w->lease_ms + w->lease_ms / 1000 + 5000;
		if (g != HOSTILE)
			gw_cut(w, g);
	}
	w->ctl.n_out = 0;
	w->ctl.up = true;
	refresh(w);
}

void ctl_init(struct world *w)
{
	int id;

	for (id = 1; id <= RECORDS; id++) {
		struct rn_public pub = { .addr = { .len = 4, .b = { 203, 0, 113, (uint8_t)id } } };

		own_ctl_rec_init(&w->ctl.disk[id], (uint64_t)id, &pub);
		w->last_vm[id] = -1;
	}
	w->ctl.disk_incarnation[HOSTILE] = 1;
	reboot(w);
}

/* Everything that is not on the disk is lost, answers that wait for it too. */
void ctl_crash(struct world *w)
{
	world_say(w, "controller restarts, %u outputs lost", w->ctl.n_out);
	reboot(w);
}

static void ghost_grant(struct world *w, uint32_t to, const struct rn_msg *msg)
{
	uint8_t *owner;

	if (msg->epoch >= EPOCHS) {
		world_fail(w, "epochs of id %u run away", (unsigned int)msg->id);
		return;
	}
	owner = &w->granted[msg->id][msg->epoch];
	if (*owner && *owner != to)
		world_fail(w, "I6: id %u epoch %u granted to gw%u and gw%u",
			   (unsigned int)msg->id, (unsigned int)msg->epoch, *owner, to);
	*owner = (uint8_t)to;
}

void ctl_commit(struct world *w, unsigned int n)
{
	unsigned int i;

	if (n > w->ctl.n_out)
		n = w->ctl.n_out;
	for (i = 0; i < n; i++) {
		const struct world_output *out = &w->ctl.out[i];

		if (out->save) {
			w->ctl.disk[out->rec.id] = out->rec;
			continue;
		}
		if (out->msg.type == RN_MSG_GRANT)
			ghost_grant(w, out->to, &out->msg);
		world_post(w, RN_CONTROLLER, out->to, &out->msg);
	}
	w->ctl.n_out -= n;
	memmove(w->ctl.out, w->ctl.out + n, w->ctl.n_out * sizeof(w->ctl.out[0]));
}

/* ---- what comes in ---- */

static void on_natreq(struct world *w, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_event event = { .type = OWN_CTL_EV_MSG, .from = from, .msg = msg };
	int vm = world_vm_number(&msg->vm), id = ctl_record_of(w, vm), i;

	if (id) {
		ctl_event(w, (unsigned int)id, &event);
		return;
	}
	/* Who may ask for a VM that has nothing yet is not the machine's to
	 * judge, so the hostile gateway asks only for its own here.
	 */
	if (from == HOSTILE && vm != VMS - 1)
		return;
	for (i = 1; i <= RECORDS && !id; i++)
		if (w->ctl.rec[i].state == OWN_CTL_QUARANTINE &&
		    rn_private_equal(&w->ctl.rec[i].vm, &msg->vm))
			id = i;
	for (i = 1; i <= RECORDS && !id; i++)
		if (own_ctl_rec_available(&w->ctl.rec[i], &msg->vm, w->now))
			id = i;
	event.type = OWN_CTL_EV_ALLOCATE;
	if (id)
		ctl_event(w, (unsigned int)id, &event);
}

static void on_renew(struct world *w, uint32_t from, const struct rn_msg *msg)
{
	struct world_output out = { .to = from };
	int id;

	refresh(w);
	if (!w->ctl.gw[from].registered || w->ctl.gw[from].over ||
	    msg->incarnation != w->ctl.gw[from].incarnation)
		return;
	for (id = 1; id <= RECORDS; id++)
		if (w->ctl.rec[id].state == OWN_CTL_REVOKING && w->ctl.rec[id].owner == from)
			return;		/* P6 */
	w->ctl.lease_end[from] = w->now + w->lease_ms + w->lease_ms / 1000 + 5000;
	out.msg = *msg;
	out.msg.type = RN_MSG_LEASE;
	enqueue(w, &out);
}

void ctl_deliver(struct world *w, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_event event = { .type = OWN_CTL_EV_MSG, .from = from, .msg = msg };

	if (!w->ctl.up)
		return;
	if (msg->type == RN_MSG_NATREQ)
		on_natreq(w, from, msg);
	else if (msg->type == RN_MSG_LEASE_RENEW)
		on_renew(w, from, msg);
	else if (msg->id && msg->id <= RECORDS)
		ctl_event(w, (unsigned int)msg->id, &event);
}

static void tell_over(struct world *w, uint32_t g)
{
	struct own_ctl_event event = { .type = OWN_CTL_EV_FENCED, .from = g };
	unsigned int id;

	for (id = 1; id <= RECORDS; id++)
		if (w->ctl.rec[id].owner == g)
			ctl_event(w, id, &event);
}

void ctl_time(struct world *w)
{
	struct own_ctl_event event = { .type = OWN_CTL_EV_TIME };
	unsigned int id;
	uint32_t g;

	for (id = 1; id <= RECORDS; id++)
		if (w->ctl.rec[id].wake <= w->now)
			ctl_event(w, id, &event);
	refresh(w);
	for (g = 1; g <= HONEST; g++)
		if (w->ctl.gw[g].lease && w->ctl.gw[g].over)
			tell_over(w, g);
}

void ctl_order(struct world *w, int vm, uint32_t dst, bool takeover)
{
	struct rn_msg msg = { .dst = dst, .cause = takeover ? RN_CAUSE_DEAD : RN_CAUSE_OPERATOR };
	struct own_ctl_event event = {
		.type = takeover ? OWN_CTL_EV_TAKEOVER : OWN_CTL_EV_MIGRATE, .msg = &msg,
	};
	int id = ctl_record_of(w, vm);

	if (!id)
		return;
	world_say(w, "orchestrator: %s vm%d to gw%u", takeover ? "take over" : "migrate", vm, dst);
	ctl_event(w, (unsigned int)id, &event);
}

/* The operator has switched it off, and says so. */
void ctl_fence(struct world *w, uint32_t g)
{
	world_say(w, "operator: gw%u is fenced", g);
	w->ctl.fenced[g] = true;
	refresh(w);
	tell_over(w, g);
}

/* ---- sessions ---- */

static void register_anew(struct world *w, uint32_t g)
{
	struct own_ctl_event event = { .type = OWN_CTL_EV_REGISTERED, .from = g };
	unsigned int id;

	ctl_commit(w, w->ctl.n_out);
	w->ctl.gw[g].incarnation = ++w->ctl.disk_incarnation[g];
	w->ctl.fenced[g] = false;
	w->ctl.lease_end[g] = w->now + w->lease_ms + w->lease_ms / 1000 + 5000;
	refresh(w);
	w->ctl.gw[g].registered = true;
	for (id = 1; id <= RECORDS; id++)
		if (ctl_granted(&w->ctl.rec[id]) &&
		    (w->ctl.rec[id].owner == g || w->ctl.rec[id].dst == g))
			ctl_event(w, id, &event);
}

static void inventory(struct world *w, uint32_t g, bool anew)
{
	const struct toy_kernel *k = &w->gw[g].kernel;
	struct own_ctl_event end = { .type = OWN_CTL_EV_INVENTORY_END, .from = g };
	unsigned int id;

	for (id = 1; id <= RECORDS; id++) {
		const struct own_ctl_rec *r = &w->ctl.rec[id];
		const struct toy_map *m = &k->map[id];
		bool there = m->state && m->state != TOY_HELD;
		/* What is suspended needs its grant, also when the session
		 * broke between the registration and the inventory.
		 */
		bool named = there && m->incarnation == k->incarnation;
		bool mine = ctl_granted(r) && r->owner == g;
		struct world_output out = { .to = g };

		if (there && !(mine && m->epoch == r->epoch)) {
			out.msg.type = m->epoch > r->epoch ? RN_MSG_NEVER : RN_MSG_STALE;
			out.msg.id = id;
			out.msg.epoch = m->epoch;
			enqueue(w, &out);
		}
		if (mine && (anew || !named || m->epoch != r->epoch))
			ctl_event(w, id, &end);
	}
}

bool ctl_session(struct world *w, uint32_t g, bool lossy)
{
	struct world_gw *gw = &w->gw[g];
	struct toy_kernel *k = &gw->kernel;
	bool anew;

	refresh(w);
	gw->session = false;
	gw->flush = false;
	anew = !k->incarnation || k->incarnation != w->ctl.gw[g].incarnation || w->ctl.gw[g].over;
	world_say(w, "gw%u connects%s", g, anew ? " and registers" : "");
	if (anew) {
		int64_t sent = w->now;

		gw_suspend(w, g);
		if (lossy && world_chance(w, 20))
			return false;
		register_anew(w, g);
		if (lossy && world_chance(w, 20))
			return false;	/* the answer is lost */
		k->incarnation = w->ctl.gw[g].incarnation;
		k->lease_end = w->ctl.gw[g].lease ? sent + w->lease_ms : 0;
		memset(k->floor, 0, sizeof(k->floor));
	}
	w->ctl.gw[g].registered = true;
	gw->link = true;
	if (lossy && world_chance(w, 10)) {
		gw->link = false;
		return false;
	}
	inventory(w, g, anew);
	gw->flush = true;
	return true;
}
