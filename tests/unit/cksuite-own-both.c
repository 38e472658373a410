// SPDX-License-Identifier: GPL-2.0
/*
 * Both machines against each other, in random worlds: see world.h. Safety is
 * asserted after every step; then faults stop, the orchestrator says the
 * truth, and every VM must get what is its own.
 *
 * RN_SEED=n replays one seed and prints every step; RN_SEEDS=n runs so many.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "suites.h"
#include "world.h"

#define STEPS	400
#define SEEDS	20000

/* ---- faults ---- */

static uint32_t any_honest(struct world *w)
{
	return 1 + world_below(w, HONEST);
}

static void net_step(struct world *w)
{
	struct world_packet p;
	unsigned int i;

	if (!w->n_net)
		return;
	i = world_chance(w, 60) ? 0 : world_below(w, w->n_net);
	p = w->net[i];
	/* 10 of 100 come again later. */
	if (!world_chance(w, 10)) {
		w->n_net--;
		memmove(w->net + i, w->net + i + 1, (w->n_net - i) * sizeof(w->net[0]));
	}
	if (world_chance(w, 10))
		return;			/* lost */
	world_say(w, "deliver %s from %u to %u", rn_msg_type_to_string(p.msg.type), p.from, p.to);
	if (p.to == RN_CONTROLLER)
		ctl_deliver(w, p.from, &p.msg);
	else if (p.to != HOSTILE)
		gw_deliver(w, p.to, p.from, &p.msg);
}

/* Whatever it says, it says it as itself: the connection is authenticated. */
static void hostile_step(struct world *w)
{
	static const uint8_t types[] = {
		RN_MSG_NATREQ, RN_MSG_MIG_S, RN_MSG_MIG_D, RN_MSG_REL, RN_MSG_RESUME,
		RN_MSG_VERIFY_YES, RN_MSG_VERIFY_NO, RN_MSG_GRANT_ACK, RN_MSG_XFER, RN_MSG_XFER,
		RN_MSG_XFER_ACK, RN_MSG_GRANT, RN_MSG_STALE,
	};
	unsigned int id = 1 + world_below(w, RECORDS);
	const struct own_ctl_rec *r = &w->ctl.rec[id];
	struct rn_msg msg = {
		.type = types[world_below(w, sizeof(types))], .id = id, .incarnation = 1,
		.src = r->owner, .dst = HOSTILE, .pub = r->pub, .vm = r->vm,
		.timer = { .preset = 3600000, .remaining = 3600000 },
	};
	uint32_t to = any_honest(w);

	if (world_chance(w, 20))
		msg.vm = world_vm((int)world_below(w, VMS));
	if (!msg.vm.addr.len)
		return;
	/* It guesses epoch and nonce right more often than it could. */
	msg.epoch = r->epoch + world_below(w, 4) - (r->epoch ? 1 : 0);
	msg.nonce = world_chance(w, 50) ? r->nonce : world_random(w);
	if (world_chance(w, 20))
		msg.dst = any_honest(w);
	if (world_chance(w, 20))
		msg.incarnation = w->ctl.gw[r->owner].incarnation;
	world_say(w, "hostile %s id %u epoch %llu vm%d", rn_msg_type_to_string(msg.type), id,
		  (unsigned long long)msg.epoch, world_vm_number(&msg.vm));
	if (msg.type == RN_MSG_XFER || msg.type == RN_MSG_XFER_ACK ||
	    msg.type == RN_MSG_GRANT || msg.type == RN_MSG_STALE)
		gw_deliver(w, to, HOSTILE, &msg);
	else
		ctl_deliver(w, HOSTILE, &msg);
}

static void session_step(struct world *w)
{
	uint32_t g = any_honest(w);
	struct world_gw *gw = &w->gw[g];

	if (!gw->on) {
		if (!gw->dead && world_chance(w, 30))
			gw->on = true;
		return;
	}
	if (gw->flush)
		gw_flush(w, g);
	else if (!gw->link)
		ctl_session(w, g, true);
	else if (gw->session && world_chance(w, 5))
		gw_cut(w, g);
	if (gw->session && w->lease_ms && g <= 2) {
		struct rn_msg msg = { .type = RN_MSG_LEASE_RENEW, .nonce = (uint64_t)w->now,
				      .incarnation = gw->kernel.incarnation };

		world_post(w, g, RN_CONTROLLER, &msg);
	}
}

static void crash_step(struct world *w)
{
	uint32_t g = any_honest(w);

	switch (world_below(w, 5)) {
	case 0:
		gw_crash(w, g);
		if (world_chance(w, 40)) {
			world_say(w, "gw%u stays off", g);
			w->gw[g].on = false;
		}
		break;
	case 1:
	case 2:
		if (w->gw[g].on)
			gw_agent_restart(w, g);
		break;
	case 3:
		ctl_crash(w);
		break;
	case 4:
		if (!w->gw[g].on)
			ctl_fence(w, g);
		break;
	}
}

/* Right and wrong orders; but nobody asserts a fence that is not true. */
static void orchestrator_step(struct world *w)
{
	int vm = (int)world_below(w, VMS - 1);
	uint32_t dst = world_chance(w, 70) ? (uint32_t)w->vm_at[vm] : any_honest(w);

	if (world_chance(w, 40)) {
		w->vm_at[vm] = (int)any_honest(w);
		world_say(w, "vm%d moves to gw%d", vm, w->vm_at[vm]);
	} else if (world_chance(w, 50)) {
		ctl_order(w, vm, dst, world_chance(w, 25));
	} else {
		gw_told(w, any_honest(w), vm, dst);
	}
}

static void local_step(struct world *w)
{
	struct own_gw_event event = { .type = OWN_GW_EV_RELEASE };
	int vm = (int)world_below(w, VMS - 1);

	if (world_chance(w, 75))
		gw_packet(w, vm);
	else if (world_chance(w, 80))
		gw_idle(w, any_honest(w), 1 + world_below(w, RECORDS));
	else if (w->gw[w->vm_at[vm]].on)
		gw_event(w, (uint32_t)w->vm_at[vm], vm, &event);
}

static void time_step(struct world *w)
{
	static const int ms[] = { 1, 10, 50, 200, 500, 1000, 5000, 11000 };
	uint32_t g;

	w->now += ms[world_below(w, world_chance(w, 90) ? 6 : 8)];
	for (g = 1; g <= HONEST; g++)
		gw_time(w, g);
	ctl_time(w);
}

static void random_step(struct world *w)
{
	unsigned int what = world_below(w, 100);

	if (what < 45)
		net_step(w);
	else if (what < 57)
		ctl_commit(w, 1 + world_below(w, 8));
	else if (what < 67)
		session_step(w);
	else if (what < 77)
		local_step(w);
	else if (what < 86)
		time_step(w);
	else if (what < 92)
		orchestrator_step(w);
	else if (what < 98)
		hostile_step(w);
	else if (world_chance(w, 50))
		crash_step(w);
}

/* ---- the end: everything must come right ---- */

static void calm_gateways(struct world *w)
{
	uint32_t g;
	int vm;

	w->calm = true;
	for (g = 1; g <= HONEST; g++)
		if (!w->gw[g].on && !w->gw[g].dead)
			w->gw[g].on = true;
	for (vm = 0; vm < VMS - 1; vm++)
		while (!w->gw[w->vm_at[vm]].on)
			w->vm_at[vm] = (int)any_honest(w);
}

static void calm_deliver(struct world *w)
{
	unsigned int n = w->n_net, i;

	for (i = 0; i < n && w->n_net; i++) {
		struct world_packet p = w->net[0];

		w->n_net--;
		memmove(w->net, w->net + 1, w->n_net * sizeof(w->net[0]));
		if (p.to == RN_CONTROLLER)
			ctl_deliver(w, p.from, &p.msg);
		else if (p.to != HOSTILE)
			gw_deliver(w, p.to, p.from, &p.msg);
		ctl_commit(w, w->ctl.n_out);
	}
}

static void calm_sessions(struct world *w)
{
	uint32_t g;

	for (g = 1; g <= HONEST; g++) {
		struct rn_msg msg = { .type = RN_MSG_LEASE_RENEW, .nonce = (uint64_t)w->now };

		if (!w->gw[g].on)
			continue;
		if (w->gw[g].flush)
			gw_flush(w, g);
		else if (!w->gw[g].link)
			ctl_session(w, g, false);
		msg.incarnation = w->gw[g].kernel.incarnation;
		if (w->gw[g].session && w->lease_ms && g <= 2 && w->now % 2000 == 0)
			world_post(w, g, RN_CONTROLLER, &msg);
	}
}

static void calm_orchestrator(struct world *w)
{
	uint32_t g;
	int vm;

	for (vm = 0; vm < VMS - 1; vm++) {
		int id = ctl_record_of(w, vm);
		uint32_t at = (uint32_t)w->vm_at[vm], owner = id ? w->ctl.rec[id].owner : 0;

		if (owner && owner <= HONEST && !w->gw[owner].on) {
			ctl_fence(w, owner);
			ctl_order(w, vm, at, true);
		} else if (owner) {
			ctl_order(w, vm, at, false);
		}
		for (g = 1; g <= HONEST; g++)
			gw_told(w, g, vm, at);
	}
}

/* Mappings that their VM does not use end by their idle timer. */
static void calm_idle(struct world *w)
{
	unsigned int id;
	uint32_t g;

	for (g = 1; g <= HONEST; g++)
		for (id = 1; id <= RECORDS; id++) {
			const struct toy_map *m = &w->gw[g].kernel.map[id];

			if (m->state == TOY_ACTIVE &&
			    (!w->talks[m->vm] || w->vm_at[m->vm] != (int)g)) {
				w->gw[g].kernel.map[id].timer = (struct rn_timer){
					.preset = 300000, .elapsed = 300000 };
				gw_idle(w, g, id);
			}
		}
}

static bool settled(struct world *w, bool attacked)
{
	uint32_t g;
	int vm, id;

	for (vm = 0; vm < VMS - 1; vm++) {
		id = ctl_record_of(w, vm);
		if (!w->talks[vm] && id)
			return false;
		if (w->talks[vm] &&
		    (!id || !toy_translating(w, (uint32_t)w->vm_at[vm], (unsigned int)id)))
			return false;
		for (g = 1; g <= HONEST && !attacked; g++) {
			const struct own_gw_entry *e = &w->gw[g].entry[vm];

			if (!own_gw_entry_idle(e, w->now) && e->state != OWN_GW_ACTIVE)
				return false;
		}
	}
	for (id = 1; id <= RECORDS && !attacked; id++)
		if (w->ctl.rec[id].state > OWN_CTL_QUARANTINE)
			return false;
	return true;
}

static void explain(struct world *w)
{
	uint32_t g;
	int i;

	for (i = 1; i <= RECORDS; i++)
		world_say(w, "id %d vm%d %s gw%u epoch %llu", i,
			  world_vm_number(&w->ctl.rec[i].vm),
			  own_ctl_state_to_string(w->ctl.rec[i].state), w->ctl.rec[i].owner,
			  (unsigned long long)w->ctl.rec[i].epoch);
	for (g = 1; g <= HONEST; g++)
		for (i = 0; i < VMS; i++)
			world_say(w, "gw%u vm%d %s id %llu epoch %llu%s%s", g, i,
				  own_gw_state_to_string(w->gw[g].entry[i].state),
				  (unsigned long long)w->gw[g].entry[i].id,
				  (unsigned long long)w->gw[g].entry[i].epoch,
				  w->vm_at[i] == (int)g ? " VM is here" : "",
				  w->talks[i] ? " and talks" : "");
}

static void converge(struct world *w)
{
	bool attacked = world_chance(w, 30), dead = false, helped;
	int64_t end, start;
	uint32_t g;

	for (g = 1; g <= HONEST; g++)
		dead |= w->gw[g].dead;
	helped = dead || world_chance(w, 60);
	calm_gateways(w);
	w->now = (w->now / 100 + 1) * 100;
	start = w->now;
	end = start + 600000;
	world_say(w, "==== calm, %s%s", helped ? "the orchestrator helps" : "no orchestrator",
		  attacked ? ", the attack goes on" : "");
	for (; w->now < end && !w->failure[0]; w->now += 100) {
		int vm;

		w->step++;
		calm_sessions(w);
		calm_deliver(w);
		for (g = 1; g <= HONEST; g++)
			gw_time(w, g);
		ctl_time(w);
		ctl_commit(w, w->ctl.n_out);
		for (vm = 0; vm < VMS - 1 && w->now % 500 == 0; vm++)
			if (w->talks[vm])
				gw_packet(w, vm);
		if (helped && (w->now - start) % 7000 == 0)
			calm_orchestrator(w);
		if ((w->now - start) % 31000 == 30900)
			calm_idle(w);
		if (attacked && world_chance(w, 25))
			hostile_step(w);
		world_check(w);
		if (w->now > start + 1000 && settled(w, attacked))
			return;
	}
	explain(w);
	world_fail(w, "I2/I10: not settled after 600 s");
}

static bool run(uint64_t seed, bool trace)
{
	static struct world w;
	uint32_t g;
	int vm;

	memset(&w, 0, sizeof(w));
	w.seed = seed;
	w.rng = seed * 0x2545f4914f6cdd1dull + 1;
	w.trace = trace;
	w.now = 1000000;
	w.mode = world_chance(&w, 50) ? RN_MODE_SOURCE : RN_MODE_DESTINATION;
	w.lease_ms = world_chance(&w, 40) ? 20000 : 0;
	ctl_init(&w);
	for (g = 1; g <= HONEST; g++) {
		for (vm = 0; vm < VMS; vm++) {
			struct rn_private side = world_vm(vm);

			own_gw_entry_init(&w.gw[g].entry[vm], &side);
		}
		w.gw[g].on = true;
	}
	w.gw[HOSTILE].on = true;
	w.gw[HOSTILE].link = true;
	w.vm_at[VMS - 1] = HOSTILE;
	for (vm = 0; vm < VMS - 1; vm++) {
		w.vm_at[vm] = (int)any_honest(&w);
		w.talks[vm] = world_chance(&w, 70);
	}
	for (w.step = 0; w.step < STEPS && !w.failure[0]; w.step++) {
		random_step(&w);
		world_check(&w);
	}
	g = any_honest(&w);
	if (world_chance(&w, 20) && !w.failure[0]) {
		gw_crash(&w, g);
		w.gw[g].on = false;
		w.gw[g].dead = true;
	}
	if (!w.failure[0])
		converge(&w);
	if (w.failure[0])
		fprintf(stderr, "seed %llu step %u: %s (RN_SEED=%llu shows it)\n",
			(unsigned long long)seed, w.step, w.failure, (unsigned long long)seed);
	return !w.failure[0];
}

START_TEST(random_worlds)
{
	const char *one = getenv("RN_SEED"), *many = getenv("RN_SEEDS");
	unsigned long long seed, seeds = many ? strtoull(many, NULL, 0) : SEEDS;
	unsigned int failed = 0;

	if (one) {
		ck_assert(run(strtoull(one, NULL, 0), true));
		return;
	}
	for (seed = 1; seed <= seeds && failed < 20; seed++)
		failed += !run(seed, false);
	ck_assert_msg(!failed, "%u of %llu seeds failed", failed, seed - 1);
}
END_TEST

Suite *suite_own_both(void)
{
	Suite *suite = suite_create("own-both");
	TCase *tcase = tcase_create("S1-S14 B1 B2: random worlds");

	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, random_worlds);
	suite_add_tcase(suite, tcase);
	return suite;
}
