// SPDX-License-Identifier: GPL-2.0
/*
 * The controller's machine, cell by cell: one event in one state, the state
 * that must follow and the actions in their order. SAVE stands before every
 * message that tells of a change (P8). docs/protocol.md has the reasons.
 */
#include <check.h>
#include <string.h>
#include "ctlcells.h"
#include "own/controller.h"
#include "suites.h"

enum { OWNER = 1, DEST = 2, OTHER = 3, ID = 7, EPOCH = 5, NOW = 100000, WALL = 900000 };

static struct own_ctl_gw gateways[4];
static struct own_ctl_env env;
static struct own_ctl_rec rec;
static struct own_acts acts;
static uint8_t last_event, last_msg;	/* what the machine was given last */

static const struct own_ctl_gw *lookup(void *ctx, uint32_t number)
{
	static const struct own_ctl_gw nobody;

	(void)ctx;
	return number && number < 4 ? &gateways[number] : &nobody;
}

static const char *act_name(const struct own_act *act)
{
	static char text[40];
	const char *name = "?";

	if (act->type == OWN_ACT_SAVE)
		return "SAVE";
	if (act->type != OWN_ACT_SEND)
		return NULL;
	switch (act->msg.type) {
	case RN_MSG_GRANT: name = "grant"; break;
	case RN_MSG_DENY: name = "deny"; break;
	case RN_MSG_VERIFY_SRC: name = "ask-src"; break;
	case RN_MSG_VERIFY_DST: name = "ask-dst"; break;
	case RN_MSG_RELOK: name = "relok"; break;
	case RN_MSG_STALE: name = "stale"; break;
	case RN_MSG_NEVER: name = "never"; break;
	case RN_MSG_MOVE: name = "move"; break;
	}
	strcpy(text, name);
	text[strlen(name)] = (char)('0' + act->to);
	text[strlen(name) + 1] = 0;
	return text;
}

/* "SAVE grant2 stale1": what was ordered, and to whom. */
static const char *told(void)
{
	static char text[256];
	unsigned int i;

	text[0] = 0;
	for (i = 0; i < acts.n; i++) {
		const char *name = act_name(&acts.act[i]);

		if (!name)
			continue;
		if (text[0])
			strcat(text, " ");
		strcat(text, name);
	}
	return text;
}

static bool noted(uint8_t note)
{
	unsigned int i;

	for (i = 0; i < acts.n; i++)
		if (acts.act[i].type == OWN_ACT_NOTE && acts.act[i].note == note)
			return true;
	return false;
}

static struct rn_private vm(uint8_t last)
{
	return (struct rn_private){ .zone = 1, .kind = RN_KIND_ADDRESS,
				    .addr = { .len = 4, .b = { 10, 0, 0, last } } };
}

/* As the gateway `from` would say it, all of it right. */
static struct rn_msg message(uint8_t type, uint32_t from)
{
	return (struct rn_msg){
		.type = type, .id = ID, .epoch = EPOCH, .vm = vm(5), .nonce = 77,
		.incarnation = lookup(NULL, from)->incarnation, .src = OWNER, .dst = DEST,
		.timer = { .preset = 60000, .elapsed = 20000, .remaining = 40000 },
	};
}

static void step(uint8_t type, uint32_t from, const struct rn_msg *msg)
{
	struct own_ctl_event event = { .type = type, .from = from, .msg = msg };

	last_event = type;
	last_msg = type == OWN_CTL_EV_MSG ? msg->type : 0;
	env.random += 1000;
	own_ctl_step(&env, &rec, &event, &acts);
}

static void give(uint8_t type, uint32_t from)
{
	struct rn_msg msg = message(type, from);

	if (type == RN_MSG_VERIFY_YES || type == RN_MSG_VERIFY_NO)
		msg.nonce = rec.nonce;
	step(OWN_CTL_EV_MSG, from, &msg);
}

static void order(uint8_t type, uint32_t dst)
{
	struct rn_msg msg = { .dst = dst, .cause = RN_CAUSE_OPERATOR };

	step(type, 0, &msg);
}

static void fresh(uint8_t mode)
{
	struct rn_public pub = { .addr = { .len = 4, .b = { 203, 0, 113, 7 } } };
	uint32_t i;

	env = (struct own_ctl_env){ .now = NOW, .wall = WALL, .random = 5000, .mode = mode,
				    .quarantine = OWN_T_QUARANTINE, .gw = lookup };
	for (i = 1; i < 4; i++)
		gateways[i] = (struct own_ctl_gw){ .number = i, .incarnation = 10 + i,
						   .registered = true, .connected = true,
						   .live = true };
	own_ctl_rec_init(&rec, ID, &pub);
	rec.epoch = EPOCH - 1;
	acts.n = 0;
}

static void reach(enum own_ctl_state state)
{
	struct rn_msg request = message(RN_MSG_NATREQ, OWNER);

	if (state == OWN_CTL_FREE)
		return;
	step(OWN_CTL_EV_ALLOCATE, OWNER, &request);
	give(RN_MSG_GRANT_ACK, OWNER);
	if (state == OWN_CTL_QUARANTINE)
		give(RN_MSG_REL, OWNER);
	if (state == OWN_CTL_VERIFY_DST) {
		env.mode = RN_MODE_SOURCE;
		give(RN_MSG_MIG_S, OWNER);
	}
	if (state == OWN_CTL_VERIFY_SRC) {
		env.mode = RN_MODE_DESTINATION;
		give(RN_MSG_MIG_D, DEST);
	}
	if (state == OWN_CTL_REVOKING) {
		order(OWN_CTL_EV_TAKEOVER, DEST);
		env.now += OWN_T_VERIFY;
		step(OWN_CTL_EV_TIME, 0, NULL);
	}
	ck_assert_str_eq(own_ctl_state_to_string(rec.state), own_ctl_state_to_string(state));
}

/* ---- the table ---- */

static void changed(uint8_t type, uint32_t from, int epoch, int incarnation)
{
	struct rn_msg msg = message(type, from);

	msg.epoch += (uint64_t)(int64_t)epoch;
	msg.incarnation += (uint64_t)(int64_t)incarnation;
	step(OWN_CTL_EV_MSG, from, &msg);
}

static void answer(uint32_t from, uint64_t nonce, uint32_t dst, uint64_t incarnation)
{
	struct rn_msg msg = message(RN_MSG_VERIFY_YES, from);

	msg.nonce = rec.nonce + nonce;
	msg.dst = dst;
	msg.incarnation += incarnation;
	step(OWN_CTL_EV_MSG, from, &msg);
}

static void allocate(uint8_t last)
{
	struct rn_msg msg = message(RN_MSG_NATREQ, DEST);

	msg.vm = vm(last);
	step(OWN_CTL_EV_ALLOCATE, DEST, &msg);
}

static void after(int64_t ms)
{
	env.now += ms;
	step(OWN_CTL_EV_TIME, 0, NULL);
}

static void happen(enum cell_event what)
{
	switch (what) {
	case NATREQ_OWNER: give(RN_MSG_NATREQ, OWNER); return;
	case NATREQ_DEST: give(RN_MSG_NATREQ, DEST); return;
	case NATREQ_OTHER: give(RN_MSG_NATREQ, OTHER); return;
	case ALLOCATE_SAME: allocate(5); return;
	case ALLOCATE_OTHER_VM: allocate(6); return;
	case MIG_S_OWNER: env.mode = RN_MODE_SOURCE; give(RN_MSG_MIG_S, OWNER); return;
	case MIG_S_OTHER: env.mode = RN_MODE_SOURCE; give(RN_MSG_MIG_S, OTHER); return;
	case MIG_D_DEST: env.mode = RN_MODE_DESTINATION; give(RN_MSG_MIG_D, DEST); return;
	case MIG_D_OTHER: env.mode = RN_MODE_DESTINATION; give(RN_MSG_MIG_D, OTHER); return;
	case REL_OWNER: give(RN_MSG_REL, OWNER); return;
	case REL_DEST: give(RN_MSG_REL, DEST); return;
	case REL_OLD: changed(RN_MSG_REL, OWNER, -1, 0); return;
	case REL_FUTURE: changed(RN_MSG_REL, OWNER, 1, 0); return;
	case REL_OTHER_INC: changed(RN_MSG_REL, OWNER, 0, -1); return;
	case RESUME_OWNER: give(RN_MSG_RESUME, OWNER); return;
	case RESUME_OTHER: give(RN_MSG_RESUME, OTHER); return;
	case RESUME_OLD: changed(RN_MSG_RESUME, OWNER, -1, 0); return;
	case YES_SRC: give(RN_MSG_VERIFY_YES, OWNER); return;
	case YES_DST: give(RN_MSG_VERIFY_YES, DEST); return;
	case YES_NONCE: answer(OWNER, 1, DEST, 0); return;
	case YES_THIRD: answer(OWNER, 0, OTHER, 0); return;
	case YES_OTHER_INC: answer(OWNER, 0, DEST, 1); return;
	case NO_SRC: give(RN_MSG_VERIFY_NO, OWNER); return;
	case NO_DST: give(RN_MSG_VERIFY_NO, DEST); return;
	case ACK: give(RN_MSG_GRANT_ACK, OWNER); return;
	case TIME_RETRY: after(300); return;
	case TIME_END: after(OWN_T_VERIFY); return;
	case MIGRATE_DEST: order(OWN_CTL_EV_MIGRATE, DEST); return;
	case MIGRATE_OWNER: order(OWN_CTL_EV_MIGRATE, OWNER); return;
	case TAKEOVER_DEST: order(OWN_CTL_EV_TAKEOVER, DEST); return;
	case TAKEOVER_OTHER: order(OWN_CTL_EV_TAKEOVER, OTHER); return;
	case FENCED: gateways[OWNER].over = true; step(OWN_CTL_EV_FENCED, OWNER, NULL); return;
	case FENCED_NOT_OVER: step(OWN_CTL_EV_FENCED, OWNER, NULL); return;
	case REGISTERED_OWNER: step(OWN_CTL_EV_REGISTERED, OWNER, NULL); return;
	case REGISTERED_DEST: step(OWN_CTL_EV_REGISTERED, DEST, NULL); return;
	case INVENTORY_OWNER: step(OWN_CTL_EV_INVENTORY_END, OWNER, NULL); return;
	case INVENTORY_DEST: step(OWN_CTL_EV_INVENTORY_END, DEST, NULL); return;
	case RECLAIM: gateways[OWNER].over = true; step(OWN_CTL_EV_RECLAIM, 0, NULL); return;
	case RECLAIM_NOT_OVER: step(OWN_CTL_EV_RECLAIM, 0, NULL); return;
	case UNKNOWN: give(RN_MSG_XFER, OWNER); return;
	case CELL_EVENTS: return;
	}
}

START_TEST(cells)
{
	enum cell_event what = (enum cell_event)(_i / (OWN_CTL_STATE_MAX + 1));
	enum own_ctl_state state = (enum own_ctl_state)(_i % (OWN_CTL_STATE_MAX + 1));
	const struct cell *cell = &ctl_cells[what][state];
	uint64_t epoch;
	uint32_t owner;

	fresh(RN_MODE_SOURCE);
	reach(state);
	epoch = rec.epoch;
	owner = rec.owner;
	happen(what);
	ck_assert_msg(cell->acts && rec.state == cell->next && !strcmp(told(), cell->acts),
		      "event %d in %s: -> %s, \"%s\", expected %s, \"%s\"", what,
		      own_ctl_state_to_string((uint8_t)state), own_ctl_state_to_string(rec.state),
		      told(), own_ctl_state_to_string(cell->next), cell->acts);
	/* P1, P8: nothing durable changes without a SAVE, and a change of
	 * owner takes a new epoch.
	 */
	if (!strstr(cell->acts, "SAVE"))
		ck_assert(rec.epoch == epoch && rec.owner == owner);
	ck_assert(rec.owner == owner || rec.epoch == epoch + 1);
}
END_TEST

/* A new event, message or state without a cell makes this fail. */
START_TEST(nothing_is_missing_in_the_table)
{
	enum own_ctl_state state = (enum own_ctl_state)_i;
	bool event[OWN_CTL_EV_MAX + 1] = { false }, msg[RN_MSG_TYPE_MAX + 1] = { false };
	uint8_t i;
	int what;

	for (what = 0; what < CELL_EVENTS; what++) {
		ck_assert_ptr_nonnull(ctl_cells[what][state].acts);
		fresh(RN_MODE_SOURCE);
		reach(state);
		happen((enum cell_event)what);
		event[last_event] = true;
		msg[last_msg] = true;
	}
	for (i = 1; i <= OWN_CTL_EV_MAX; i++)
		ck_assert_msg(event[i], "event %d has no cell", i);
	/* What has no cell is refused, and changes nothing. */
	for (i = 1; i <= RN_MSG_TYPE_MAX; i++) {
		if (msg[i] && i != RN_MSG_XFER)
			continue;
		fresh(RN_MODE_SOURCE);
		reach(state);
		give(i, OWNER);
		ck_assert_msg(rec.state == state && !strcmp(told(), "deny1"), "%s: -> %s, \"%s\"",
			      rn_msg_type_to_string(i), own_ctl_state_to_string(rec.state), told());
	}
}
END_TEST

/* ---- rules ---- */

START_TEST(S14_forged_release_in_every_field)
{
	uint32_t from;
	int epoch, inc;

	for (from = OWNER; from <= OTHER; from++)
		for (epoch = -1; epoch <= 1; epoch++)
			for (inc = -1; inc <= 1; inc++) {
				bool right = from == OWNER && !epoch && !inc;

				fresh(RN_MODE_SOURCE);
				reach(OWN_CTL_GRANTED);
				changed(RN_MSG_REL, from, epoch, inc);
				ck_assert_int_eq(rec.state == OWN_CTL_QUARANTINE, right);
				ck_assert_uint_eq(rec.owner, OWNER);
				ck_assert_uint_eq(rec.epoch, EPOCH);
				ck_assert_int_eq(strncmp(told(), "deny", 4) == 0, !right);
				/* The late word of an old owner is no alarm. */
				if (!right && (epoch >= 0 || inc))
					ck_assert(noted(OWN_NOTE_ALARM));
			}
}
END_TEST

START_TEST(S13_a_repeated_release_gets_the_same_answer)
{
	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_QUARANTINE);
	ck_assert_str_eq(told(), "SAVE relok1");
	give(RN_MSG_REL, OWNER);
	ck_assert_str_eq(told(), "relok1");
	ck_assert_int_eq(rec.state, OWN_CTL_QUARANTINE);
}
END_TEST

START_TEST(S7_the_timer_is_carried_also_when_said_again)
{
	struct rn_msg claim;

	/* Only the owner's word of the timer counts. */
	fresh(RN_MODE_DESTINATION);
	reach(OWN_CTL_GRANTED);
	claim = message(RN_MSG_MIG_D, DEST);
	claim.timer = (struct rn_timer){ .preset = 60000, .elapsed = 60000 };
	step(OWN_CTL_EV_MSG, DEST, &claim);
	give(RN_MSG_VERIFY_YES, OWNER);
	ck_assert_str_eq(told(), "SAVE grant2 stale1");
	ck_assert_uint_eq(acts.act[2].msg.timer.preset, 60000);
	ck_assert_uint_eq(acts.act[2].msg.timer.elapsed, 20000);
	ck_assert_uint_eq(acts.act[2].msg.timer.remaining, 40000);
	ck_assert_uint_eq(acts.act[2].msg.src, OWNER);
	after(1000);
	ck_assert_str_eq(told(), "grant2");
	ck_assert_uint_eq(acts.act[0].msg.timer.elapsed, 21000);
	ck_assert_uint_eq(acts.act[0].msg.src, OWNER);
}
END_TEST

/* The GRANT_ACK was lost, the VM used the mapping, the gateway crashed:
 * counted on, the timer would end it under the VM's hands.
 */
START_TEST(I5_a_new_incarnation_gets_the_whole_timer)
{
	struct rn_msg request;

	fresh(RN_MODE_SOURCE);
	request = message(RN_MSG_NATREQ, OWNER);
	step(OWN_CTL_EV_ALLOCATE, OWNER, &request);
	env.now += 50000;
	gateways[OWNER].incarnation++;
	step(OWN_CTL_EV_INVENTORY_END, OWNER, NULL);
	ck_assert_str_eq(told(), "grant1");
	ck_assert_uint_eq(acts.act[0].msg.timer.elapsed, 0);
	env.now += 50;
	step(OWN_CTL_EV_INVENTORY_END, OWNER, NULL);
	ck_assert_uint_eq(acts.act[0].msg.timer.elapsed, 50);
}
END_TEST

/* Claimed by a stranger with a timer of its own when the owner is declared dead. */
START_TEST(I5_a_takeover_does_not_take_the_claimants_timer)
{
	struct rn_msg claim;
	unsigned int i;

	fresh(RN_MODE_DESTINATION);
	reach(OWN_CTL_GRANTED);
	claim = message(RN_MSG_MIG_D, OTHER);
	claim.timer = (struct rn_timer){ .preset = 1000, .elapsed = 1000 };
	step(OWN_CTL_EV_MSG, OTHER, &claim);
	ck_assert_int_eq(rec.state, OWN_CTL_VERIFY_SRC);
	gateways[OWNER].over = true;
	order(OWN_CTL_EV_TAKEOVER, DEST);
	ck_assert_str_eq(told(), "deny3 SAVE grant2 stale1");
	for (i = 0; acts.act[i].msg.type != RN_MSG_GRANT; i++)
		;
	ck_assert_uint_eq(acts.act[i].msg.timer.preset, 60000);
	ck_assert_uint_eq(acts.act[i].msg.nonce, 0);
	ck_assert_uint_eq(acts.act[i].msg.src, 0);
}
END_TEST

START_TEST(S15_the_plan_is_kept_unless_forced)
{
	struct rn_msg msg = { .dst = DEST };
	struct own_ctl_event event = { .type = OWN_CTL_EV_MIGRATE, .msg = &msg };

	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_GRANTED);
	gateways[DEST].planned = 4;
	gateways[DEST].mappings = 4;
	own_ctl_step(&env, &rec, &event, &acts);
	ck_assert_str_eq(told(), "");
	ck_assert(noted(OWN_NOTE_REFUSED));
	event.force = true;
	own_ctl_step(&env, &rec, &event, &acts);
	ck_assert_str_eq(told(), "move1");
}
END_TEST

START_TEST(P6_P13_no_grant_without_a_live_lease)
{
	fresh(RN_MODE_SOURCE);
	gateways[DEST].live = false;
	allocate(5);
	ck_assert_str_eq(told(), "deny2");
	gateways[DEST].live = true;
	gateways[DEST].registered = false;
	allocate(5);
	ck_assert_str_eq(told(), "deny2");
}
END_TEST

START_TEST(P14_takeover_needs_all_three)
{
	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_GRANTED);
	give(RN_MSG_NATREQ, DEST);
	gateways[OWNER].over = true;
	after(OWN_T_VERIFY);
	ck_assert_uint_eq(rec.owner, OWNER);	/* the claimant's word is not enough */
	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_REVOKING);
	step(OWN_CTL_EV_FENCED, OWNER, NULL);
	ck_assert_uint_eq(rec.owner, OWNER);	/* not fenced */
	gateways[OWNER].over = true;
	step(OWN_CTL_EV_FENCED, OWNER, NULL);
	ck_assert_uint_eq(rec.owner, DEST);
	ck_assert_str_eq(told(), "SAVE grant2 stale1");
}
END_TEST

START_TEST(P15_quarantine_is_for_others)
{
	struct rn_private same = vm(5), other = vm(6);

	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_QUARANTINE);
	ck_assert(own_ctl_rec_available(&rec, &same, WALL));
	ck_assert(!own_ctl_rec_available(&rec, &other, WALL + OWN_T_QUARANTINE - 1));
	ck_assert(own_ctl_rec_available(&rec, &other, WALL + OWN_T_QUARANTINE));
}
END_TEST

START_TEST(P16_the_other_report_mode_is_refused)
{
	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_GRANTED);
	give(RN_MSG_MIG_D, DEST);
	ck_assert_str_eq(told(), "deny2");
	fresh(RN_MODE_DESTINATION);
	reach(OWN_CTL_GRANTED);
	give(RN_MSG_MIG_S, OWNER);
	ck_assert_str_eq(told(), "deny1");
}
END_TEST

START_TEST(P12_the_report_names_the_owner_or_is_refused)
{
	struct rn_msg msg;

	fresh(RN_MODE_DESTINATION);
	reach(OWN_CTL_GRANTED);
	msg = message(RN_MSG_MIG_D, DEST);
	msg.src = OTHER;
	step(OWN_CTL_EV_MSG, DEST, &msg);
	ck_assert_str_eq(told(), "deny2");
	ck_assert(noted(OWN_NOTE_ALARM));
}
END_TEST

START_TEST(orders_win_over_claims)
{
	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_GRANTED);
	give(RN_MSG_NATREQ, OTHER);
	order(OWN_CTL_EV_TAKEOVER, DEST);
	ck_assert_str_eq(told(), "deny3 ask-src1");
	ck_assert_uint_eq(rec.dst, DEST);
	give(RN_MSG_REL, OWNER);
	ck_assert_uint_eq(rec.owner, DEST);
}
END_TEST

START_TEST(a_moved_mapping_that_is_gone_goes_to_the_destination)
{
	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_GRANTED);
	order(OWN_CTL_EV_MIGRATE, DEST);
	ck_assert_str_eq(told(), "move1");
	give(RN_MSG_REL, OWNER);
	ck_assert_str_eq(told(), "SAVE grant2 stale1");
}
END_TEST

/* The source was cut off when the order came, and never heard of it. */
START_TEST(an_order_outlives_the_silence_of_the_source)
{
	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_GRANTED);
	order(OWN_CTL_EV_MIGRATE, DEST);
	give(RN_MSG_NATREQ, DEST);
	ck_assert_str_eq(told(), "ask-src1");
	after(OWN_T_VERIFY);
	ck_assert_uint_eq(rec.state, OWN_CTL_REVOKING);
	give(RN_MSG_VERIFY_NO, OWNER);
	ck_assert_str_eq(told(), "deny2");
	after(OWN_RETRY_MIN);
	ck_assert_str_eq(told(), "move1");

	fresh(RN_MODE_SOURCE);
	reach(OWN_CTL_GRANTED);
	order(OWN_CTL_EV_TAKEOVER, DEST);
	after(OWN_T_VERIFY);
	ck_assert_uint_eq(rec.state, OWN_CTL_REVOKING);
	give(RN_MSG_VERIFY_NO, OWNER);
	ck_assert_uint_eq(rec.move_to, 0);	/* it is not dead */
}
END_TEST

Suite *suite_own_controller(void)
{
	Suite *suite = suite_create("own-controller");
	TCase *tcase = tcase_create("P1-P16: every event in every state");

	tcase_add_loop_test(tcase, cells, 0, CELL_EVENTS * (OWN_CTL_STATE_MAX + 1));
	tcase_add_loop_test(tcase, nothing_is_missing_in_the_table, 0, OWN_CTL_STATE_MAX + 1);
	tcase_add_test(tcase, S7_the_timer_is_carried_also_when_said_again);
	tcase_add_test(tcase, I5_a_new_incarnation_gets_the_whole_timer);
	tcase_add_test(tcase, I5_a_takeover_does_not_take_the_claimants_timer);
	tcase_add_test(tcase, S13_a_repeated_release_gets_the_same_answer);
	tcase_add_test(tcase, S14_forged_release_in_every_field);
	tcase_add_test(tcase, S15_the_plan_is_kept_unless_forced);
	tcase_add_test(tcase, P6_P13_no_grant_without_a_live_lease);
	tcase_add_test(tcase, P12_the_report_names_the_owner_or_is_refused);
	tcase_add_test(tcase, P14_takeover_needs_all_three);
	tcase_add_test(tcase, P15_quarantine_is_for_others);
	tcase_add_test(tcase, P16_the_other_report_mode_is_refused);
	tcase_add_test(tcase, orders_win_over_claims);
	tcase_add_test(tcase, a_moved_mapping_that_is_gone_goes_to_the_destination);
	tcase_add_test(tcase, an_order_outlives_the_silence_of_the_source);
	suite_add_tcase(suite, tcase);
	return suite;
}
