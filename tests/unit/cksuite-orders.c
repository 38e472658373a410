// SPDX-License-Identifier: GPL-2.0
/*
 * What orchestrators order, at the controller's machine: ready, drain, plan and
 * reserve (S15), and how long an order stands.
 */
#include <check.h>
#include "own/controller.h"
#include "suites.h"

enum { OWNER = 1, DEST = 2, OTHER = 3 };

static struct own_ctl_gw gateways[4];
static struct own_ctl_env env;
static struct own_ctl_rec rec;
static struct own_acts acts;

static const struct own_ctl_gw *lookup(void *ctx, uint32_t number)
{
	static const struct own_ctl_gw nobody;

	return number && number < 4 ? &gateways[number] : &nobody;
}

static unsigned int notes(uint8_t note)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < acts.n; i++)
		n += acts.act[i].type == OWN_ACT_NOTE && acts.act[i].note == note;
	return n;
}

static const struct rn_msg *sent(uint32_t to, uint8_t type)
{
	for (unsigned int i = 0; i < acts.n; i++)
		if (acts.act[i].type == OWN_ACT_SEND && acts.act[i].to == to &&
		    acts.act[i].msg.type == type)
			return &acts.act[i].msg;
	return NULL;
}

static void step(const struct own_ctl_event *event)
{
	env.random += 1000;
	own_ctl_step(&env, &rec, event, &acts);
}

static void say(uint8_t type, uint32_t from)
{
	const struct rn_msg msg = {
		.type = type, .id = rec.id, .epoch = rec.epoch, .vm = rec.vm,
		.incarnation = gateways[from].incarnation, .src = OWNER, .dst = DEST,
		.nonce = type == RN_MSG_VERIFY_YES || type == RN_MSG_VERIFY_NO ? rec.nonce : 77,
		.timer = { .preset = 60000, .elapsed = 20000, .remaining = 40000 },
	};

	step(&(struct own_ctl_event){ .type = OWN_CTL_EV_MSG, .from = from, .msg = &msg });
}

static void order(uint32_t dst, bool force)
{
	const struct rn_msg msg = { .dst = dst, .cause = RN_CAUSE_OPERATOR };

	step(&(struct own_ctl_event){ .type = OWN_CTL_EV_MIGRATE, .msg = &msg, .force = force });
}

static void after(int64_t ms)
{
	env.now += ms;
	step(&(struct own_ctl_event){ .type = OWN_CTL_EV_TIME });
}

static bool allocate(uint32_t gw, uint8_t kind, bool goes_on)
{
	const struct rn_public pub = { .addr = { 4, { 203, 0, 113, 7 } } };
	const struct rn_msg msg = {
		.type = RN_MSG_NATREQ, .incarnation = gateways[gw].incarnation,
		.vm = { .zone = 1, .kind = kind, .addr = { 4, { 10, 0, 0, 5 } } },
		.timer = { .preset = 60000 },
	};

	own_ctl_rec_init(&rec, 7, &pub);
	step(&(struct own_ctl_event){
		.type = OWN_CTL_EV_ALLOCATE, .from = gw, .msg = &msg, .force = goes_on,
	});
	return rec.state == OWN_CTL_GRANTED;
}

static void fresh(uint8_t mode)
{
	env = (struct own_ctl_env){ .now = 100000, .random = 5000, .mode = mode,
				    .quarantine = OWN_T_QUARANTINE, .gw = lookup };
	for (uint32_t i = 1; i < 4; i++)
		gateways[i] = (struct own_ctl_gw){ .number = i, .incarnation = 10 + i,
						   .registered = true, .connected = true,
						   .live = true };
}

static void granted(uint8_t mode)
{
	fresh(mode);
	ck_assert(allocate(OWNER, RN_KIND_ADDRESS, false));
	say(RN_MSG_GRANT_ACK, OWNER);
}

/* Of the ordered destination, by its yes, in the step that decides. */
START_TEST(ready_by_the_yes)
{
	granted(RN_MODE_SOURCE);
	order(DEST, false);
	ck_assert_uint_eq(notes(OWN_NOTE_READY), 0);
	say(RN_MSG_MIG_S, OWNER);
	ck_assert_uint_eq(notes(OWN_NOTE_READY), 0);
	say(RN_MSG_VERIFY_YES, DEST);
	ck_assert_uint_eq(notes(OWN_NOTE_READY), 1);
	ck_assert_uint_eq(rec.owner, DEST);
}
END_TEST

/* By its report, once; and ready is no ownership: the source says no. */
START_TEST(ready_by_the_report)
{
	granted(RN_MODE_DESTINATION);
	order(DEST, false);
	say(RN_MSG_MIG_D, DEST);
	ck_assert_uint_eq(notes(OWN_NOTE_READY), 1);
	ck_assert(rec.ready);
	ck_assert_uint_eq(rec.owner, OWNER);
	say(RN_MSG_MIG_D, DEST);
	ck_assert_uint_eq(notes(OWN_NOTE_READY), 0);
	say(RN_MSG_VERIFY_NO, OWNER);
	ck_assert_uint_eq(rec.owner, OWNER);
	ck_assert(!rec.ready);
	ck_assert_ptr_null(sent(DEST, RN_MSG_GRANT));
}
END_TEST

/* Who claims or reports what nobody ordered there is not told to be ready (I8). */
START_TEST(ready_only_by_order)
{
	granted(RN_MODE_DESTINATION);
	say(RN_MSG_MIG_D, DEST);
	ck_assert_uint_eq(notes(OWN_NOTE_READY), 0);
	granted(RN_MODE_DESTINATION);
	order(OTHER, false);
	say(RN_MSG_MIG_D, DEST);
	ck_assert_uint_eq(notes(OWN_NOTE_READY), 0);
	/* The order comes later: then its next report counts. */
	granted(RN_MODE_DESTINATION);
	say(RN_MSG_MIG_D, DEST);
	order(DEST, false);
	say(RN_MSG_MIG_D, DEST);
	ck_assert_uint_eq(notes(OWN_NOTE_READY), 1);
}
END_TEST

/* Silence and a claim do not end an order before its time. */
START_TEST(a_claim_does_not_end_an_order)
{
	granted(RN_MODE_SOURCE);
	order(DEST, false);
	for (int64_t t = 0; t + 2 * OWN_T_VERIFY < OWN_T_ORDER; t += 2 * OWN_T_VERIFY) {
		say(RN_MSG_NATREQ, DEST);
		ck_assert_int_eq(rec.state, OWN_CTL_VERIFY_SRC);
		after(OWN_T_VERIFY);
		ck_assert_int_eq(rec.state, OWN_CTL_REVOKING);
		after(OWN_T_VERIFY);
		ck_assert_int_eq(rec.state, OWN_CTL_GRANTED);
		ck_assert_uint_eq(rec.owner, OWNER);
		ck_assert_uint_eq(rec.move_to, DEST);
		/* The source is back, and hears of it. */
		after(OWN_RETRY_MIN);
		ck_assert_ptr_nonnull(sent(OWNER, RN_MSG_MOVE));
		env.now -= OWN_RETRY_MIN;
	}
	say(RN_MSG_NATREQ, DEST);
	after(OWN_T_VERIFY);
	after(OWN_T_VERIFY);
	ck_assert_uint_eq(rec.move_to, 0);
	ck_assert_uint_eq(rec.owner, OWNER);
}
END_TEST

/* A cancelled order: the claimant is denied, the source told, a late yes ignored. */
START_TEST(cancelled_while_the_source_is_asked)
{
	struct rn_msg yes;

	granted(RN_MODE_DESTINATION);
	order(DEST, false);
	say(RN_MSG_MIG_D, DEST);
	yes = (struct rn_msg){
		.type = RN_MSG_VERIFY_YES, .id = rec.id, .epoch = rec.epoch, .src = OWNER,
		.dst = DEST, .nonce = rec.nonce, .incarnation = gateways[OWNER].incarnation,
	};
	order(OWNER, false);
	ck_assert_int_eq(rec.state, OWN_CTL_GRANTED);
	ck_assert_ptr_nonnull(sent(DEST, RN_MSG_DENY));
	ck_assert_ptr_nonnull(sent(OWNER, RN_MSG_MOVE));
	step(&(struct own_ctl_event){ .type = OWN_CTL_EV_MSG, .from = OWNER, .msg = &yes });
	ck_assert_uint_eq(rec.owner, OWNER);
	/* It had frozen: back at a new epoch (P4). */
	say(RN_MSG_RESUME, OWNER);
	ck_assert_uint_eq(rec.owner, OWNER);
	ck_assert_uint_eq(rec.epoch, yes.epoch + 1);
}
END_TEST

/* The MOVE was on its way when the order was cancelled: the source obeys it first. */
START_TEST(cancelled_before_the_source_heard_of_it)
{
	static const uint8_t modes[] = { RN_MODE_SOURCE, RN_MODE_DESTINATION };

	for (int i = 0; i < 2; i++) {
		uint32_t from = i ? DEST : OWNER;

		granted(modes[i]);
		order(DEST, false);
		order(OWNER, false);
		say(i ? RN_MSG_MIG_D : RN_MSG_MIG_S, from);
		ck_assert_int_eq(rec.state, OWN_CTL_GRANTED);
		ck_assert_int_eq(sent(from, RN_MSG_DENY)->code, RN_CODE_CANCELLED);
		/* It resumes, and that was that: what is reported now is new. */
		say(RN_MSG_RESUME, OWNER);
		say(RN_MSG_GRANT_ACK, OWNER);
		say(i ? RN_MSG_MIG_D : RN_MSG_MIG_S, from);
		ck_assert_int_ne(rec.state, OWN_CTL_GRANTED);
		/* Not for ever, and not against a later order. */
		for (int late = 0; late < 2; late++) {
			granted(modes[i]);
			order(DEST, false);
			order(OWNER, false);
			if (late)
				after(OWN_T_ORDER);
			else
				order(DEST, false);
			say(i ? RN_MSG_MIG_D : RN_MSG_MIG_S, from);
			ck_assert_int_ne(rec.state, OWN_CTL_GRANTED);
		}
	}
}
END_TEST

START_TEST(drained_takes_nothing_new)
{
	fresh(RN_MODE_SOURCE);
	gateways[DEST].drained = true;
	ck_assert(!allocate(DEST, RN_KIND_ADDRESS, false));
	ck_assert_int_eq(sent(DEST, RN_MSG_DENY)->code, RN_CODE_DRAINED);
	ck_assert(allocate(DEST, RN_KIND_BLOCK, true));
	/* What it has goes on. */
	say(RN_MSG_RESUME, DEST);
	ck_assert_ptr_nonnull(sent(DEST, RN_MSG_GRANT));
	granted(RN_MODE_SOURCE);
	gateways[DEST].drained = true;
	say(RN_MSG_NATREQ, DEST);
	ck_assert_int_eq(sent(DEST, RN_MSG_DENY)->code, RN_CODE_DRAINED);
	say(RN_MSG_MIG_S, OWNER);
	ck_assert_int_eq(sent(OWNER, RN_MSG_DENY)->code, RN_CODE_DRAINED);
	order(DEST, false);
	ck_assert_ptr_null(sent(OWNER, RN_MSG_MOVE));
	ck_assert_uint_eq(rec.move_to, 0);
	order(DEST, true);
	ck_assert_ptr_nonnull(sent(OWNER, RN_MSG_MOVE));
	/* Taken on the way, it returns to the drained one. */
	granted(RN_MODE_SOURCE);
	say(RN_MSG_MIG_S, OWNER);
	gateways[OWNER].drained = true;
	say(RN_MSG_VERIFY_NO, DEST);
	ck_assert_uint_eq(rec.owner, OWNER);
	ck_assert_ptr_nonnull(sent(OWNER, RN_MSG_GRANT));
}
END_TEST

/* S15: the reserve is for VMs that start there, blocks have a plan of their own. */
START_TEST(reserve_and_blocks)
{
	granted(RN_MODE_SOURCE);
	gateways[DEST].planned = 10;
	gateways[DEST].reserve = 3;
	gateways[DEST].mappings = 6;
	order(DEST, false);
	ck_assert_uint_eq(rec.move_to, DEST);
	gateways[DEST].mappings = 7;
	order(OWNER, false);
	order(DEST, false);
	ck_assert_uint_eq(rec.move_to, 0);
	order(DEST, true);
	ck_assert_uint_eq(rec.move_to, DEST);
	ck_assert(allocate(DEST, RN_KIND_ADDRESS, false));
	gateways[DEST].mappings = 10;
	ck_assert(!allocate(DEST, RN_KIND_ADDRESS, false));
	ck_assert_int_eq(sent(DEST, RN_MSG_DENY)->code, RN_CODE_PLAN_EXCEEDED);
	gateways[DEST].planned = 0;
	gateways[DEST].planned_blocks = 2;
	gateways[DEST].blocks = 2;
	ck_assert(allocate(DEST, RN_KIND_ADDRESS, false));
	ck_assert(!allocate(DEST, RN_KIND_BLOCK, true));
}
END_TEST

Suite *suite_orders(void)
{
	Suite *suite = suite_create("orders");
	TCase *tc = tcase_create("orders");

	tcase_add_test(tc, ready_by_the_yes);
	tcase_add_test(tc, ready_by_the_report);
	tcase_add_test(tc, ready_only_by_order);
	tcase_add_test(tc, a_claim_does_not_end_an_order);
	tcase_add_test(tc, cancelled_while_the_source_is_asked);
	tcase_add_test(tc, cancelled_before_the_source_heard_of_it);
	tcase_add_test(tc, drained_takes_nothing_new);
	tcase_add_test(tc, reserve_and_blocks);
	suite_add_tcase(suite, tc);
	return suite;
}
