// SPDX-License-Identifier: GPL-2.0
/*
 * The gateway's machine, rule by rule: what is said after the kernel has
 * answered, timers that travel, forged transfers.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include "gwbench.h"
#include "suites.h"

static void is_in(enum own_gw_state state, const char *actions)
{
	ck_assert_str_eq(own_gw_state_to_string(entry.state), own_gw_state_to_string(state));
	ck_assert_str_eq(told(), actions);
}

START_TEST(S1_S3_first_packet_asks_once)
{
	struct rn_msg grant = message(RN_MSG_GRANT);

	fresh(RN_MODE_SOURCE);
	step(OWN_GW_EV_MISS, 0, NULL);
	is_in(OWN_GW_PENDING, "natreq");
	ck_assert(rn_private_equal(&sent(RN_MSG_NATREQ)->vm, &grant.vm));
	ck_assert_uint_eq(sent(RN_MSG_NATREQ)->timer.preset, 300000);
	step(OWN_GW_EV_MISS, 0, NULL);
	is_in(OWN_GW_PENDING, "");
	give(RN_CONTROLLER, &grant);
	is_in(OWN_GW_PENDING, "INSTALL");
	kernel(0);
	is_in(OWN_GW_ACTIVE, "ack");
	ck_assert_int_eq(entry.wake, OWN_NEVER);
}
END_TEST

START_TEST(P3_transfer_only_after_the_freeze)
{
	struct rn_msg left = message(RN_MSG_MOVE);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_ACTIVE);
	step(OWN_GW_EV_VM_LEFT, 0, &left);
	is_in(OWN_GW_ACTIVE, "FREEZE-OUT");
	kernel(0);
	is_in(OWN_GW_MOVING_OUT, "xfer mig-s");
	fresh(RN_MODE_DESTINATION);
	reach(OWN_GW_MOVING_OUT);
	is_in(OWN_GW_MOVING_OUT, "xfer");
}
END_TEST

START_TEST(P3_yes_only_after_the_freeze)
{
	struct rn_msg ask = message(RN_MSG_VERIFY_SRC);

	fresh(RN_MODE_DESTINATION);
	reach(OWN_GW_ACTIVE);
	entry.left_for = PEER;
	give(RN_CONTROLLER, &ask);
	is_in(OWN_GW_ACTIVE, "FREEZE-OUT");
	kernel(0);
	is_in(OWN_GW_MOVING_OUT, "yes xfer");
	ck_assert_uint_eq(sent(RN_MSG_VERIFY_YES)->nonce, 99);
	ck_assert_uint_eq(sent(RN_MSG_VERIFY_YES)->dst, PEER);
	ck_assert_uint_eq(sent(RN_MSG_VERIFY_YES)->src, SELF);
	ck_assert_uint_eq(sent(RN_MSG_VERIFY_YES)->epoch, EPOCH);
	ck_assert_uint_eq(sent(RN_MSG_VERIFY_YES)->timer.elapsed, 60000);	/* S7 */
}
END_TEST

START_TEST(P3_yes_of_who_holds_nothing_needs_a_floor)
{
	struct rn_msg ask = message(RN_MSG_VERIFY_SRC);

	fresh(RN_MODE_DESTINATION);
	entry.left_for = PEER;
	give(RN_CONTROLLER, &ask);
	is_in(OWN_GW_NONE, "FLOOR");
	kernel(0);
	is_in(OWN_GW_NONE, "yes");
	entry.left_for = PEER;
	give(RN_CONTROLLER, &ask);
	kernel(-EBUSY);
	is_in(OWN_GW_NONE, "no");
}
END_TEST

START_TEST(P3_a_freeze_that_fails_promises_nothing)
{
	struct rn_msg ask = message(RN_MSG_VERIFY_SRC);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_ACTIVE);
	entry.left_for = PEER;
	give(RN_CONTROLLER, &ask);
	kernel(-ENOMEM);
	is_in(OWN_GW_ACTIVE, "no");
	/* The kernel has nothing: promise that, then give the record back. */
	give(RN_CONTROLLER, &ask);
	kernel(-ENOENT);
	is_in(OWN_GW_ACTIVE, "no FLOOR");
	kernel(0);
	is_in(OWN_GW_RELEASING, "rel");
}
END_TEST

/* The kernel lost it, and had no room for the promise: nobody else would tell. */
START_TEST(I2_what_the_kernel_lost_is_given_back_in_the_end)
{
	struct rn_msg gone = message(0);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_ACTIVE);
	step(OWN_GW_EV_DELETED, 0, &gone);
	is_in(OWN_GW_ACTIVE, "FLOOR");
	kernel(-ENOMEM);
	ck_assert_int_eq(entry.wake, NOW + OWN_RETRY_MAX);
	env.now += OWN_RETRY_MAX;
	step(OWN_GW_EV_TIME, 0, NULL);
	is_in(OWN_GW_ACTIVE, "FLOOR");
	kernel(-EBUSY);				/* it is there after all */
	ck_assert_int_eq(entry.wake, OWN_NEVER);
	step(OWN_GW_EV_DELETED, 0, &gone);
	kernel(0);
	is_in(OWN_GW_RELEASING, "rel");
}
END_TEST

START_TEST(P4_time_out_asks_and_never_thaws)
{
	struct rn_msg grant = message(RN_MSG_GRANT);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_RESUMING);
	give(RN_CONTROLLER, &grant);
	is_in(OWN_GW_RESUMING, "");	/* of the epoch that was given up */
	grant.epoch++;
	give(RN_CONTROLLER, &grant);
	kernel(0);
	is_in(OWN_GW_ACTIVE, "ack");
}
END_TEST

START_TEST(P4_a_third_destination_needs_a_new_epoch)
{
	struct rn_msg grant = message(RN_MSG_GRANT), left = message(RN_MSG_MOVE);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_OUT);
	left.dst = THIRD;
	give(RN_CONTROLLER, &left);
	is_in(OWN_GW_RESUMING, "resume");
	grant.epoch++;
	give(RN_CONTROLLER, &grant);
	kernel(0);
	is_in(OWN_GW_ACTIVE, "ack FREEZE-OUT");
	kernel(0);
	is_in(OWN_GW_MOVING_OUT, "xfer mig-s");
	ck_assert_uint_eq(sent(RN_MSG_MIG_S)->dst, THIRD);
}
END_TEST

START_TEST(P11_gone_is_said)
{
	struct rn_msg grant = message(RN_MSG_GRANT);

	fresh(RN_MODE_SOURCE);
	give(RN_CONTROLLER, &grant);
	kernel(-ESTALE);
	is_in(OWN_GW_NONE, "rel");
	ck_assert_uint_eq(sent(RN_MSG_REL)->epoch, EPOCH);
	/* No room: promise first, then give it back. */
	give(RN_CONTROLLER, &grant);
	kernel(-ENOSPC);
	is_in(OWN_GW_NONE, "FLOOR");
	kernel(0);
	is_in(OWN_GW_NONE, "rel");
}
END_TEST

START_TEST(P11_recorded_here_but_gone)
{
	struct rn_msg move = message(RN_MSG_MOVE);

	fresh(RN_MODE_SOURCE);
	give(RN_CONTROLLER, &move);
	is_in(OWN_GW_NONE, "FLOOR");
	kernel(0);
	is_in(OWN_GW_NONE, "rel");
}
END_TEST

START_TEST(S7_the_timer_is_carried)
{
	struct rn_msg xfer = message(RN_MSG_XFER);

	fresh(RN_MODE_DESTINATION);
	give(PEER, &xfer);
	is_in(OWN_GW_NONE, "HOLD");
	ck_assert_uint_eq(acts.act[acts.n - 1].msg.timer.remaining, 40000);
	kernel(0);
	is_in(OWN_GW_MOVING_IN, "xfer-ack mig-d");
	ck_assert_uint_eq(sent(RN_MSG_MIG_D)->timer.elapsed, 20000);
	/* It counts on while it waits. */
	env.now += 300;
	step(OWN_GW_EV_TIME, 0, NULL);
	ck_assert_uint_eq(sent(RN_MSG_MIG_D)->timer.elapsed, 20300);
	ck_assert_uint_eq(sent(RN_MSG_MIG_D)->timer.remaining, 39700);
}
END_TEST

START_TEST(S7_the_timer_stands_still_at_the_source)
{
	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_OUT);
	env.now += 300;
	step(OWN_GW_EV_TIME, 0, NULL);
	ck_assert_uint_eq(sent(RN_MSG_XFER)->timer.elapsed, 60000);
	ck_assert_uint_eq(sent(RN_MSG_XFER)->timer.remaining, 0);
}
END_TEST

START_TEST(S7_the_grant_keeps_what_the_kernel_counted)
{
	struct rn_msg grant = message(RN_MSG_GRANT);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_IN);
	grant.epoch++;
	grant.src = PEER;
	give(RN_CONTROLLER, &grant);
	ck_assert(acts.act[acts.n - 1].keep_timer);
	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_IN);
	grant.timer = (struct rn_timer){ .preset = 1000, .remaining = 1000 };
	give(RN_CONTROLLER, &grant);
	ck_assert(!acts.act[acts.n - 1].keep_timer);	/* held was a forgery */
}
END_TEST

/* A stranger's transfer with the right id, epoch and preset ended the mapping
 * as soon as it was granted: its timer went on in place of the genuine one's.
 */
START_TEST(I5_a_forged_transfer_does_not_change_the_timer)
{
	struct rn_msg grant = message(RN_MSG_GRANT), forged = message(RN_MSG_XFER);

	grant.epoch++;
	grant.src = PEER;
	forged.timer = (struct rn_timer){ .preset = 60000, .elapsed = 60000 };
	fresh(RN_MODE_SOURCE);
	give(THIRD, &forged);
	is_in(OWN_GW_NONE, "HOLD");
	kernel(0);
	forged.timer = message(RN_MSG_XFER).timer;
	give(PEER, &forged);			/* the genuine one waits beside it */
	is_in(OWN_GW_MOVING_IN, "xfer-ack");
	env.now += 100;
	give(RN_CONTROLLER, &grant);
	is_in(OWN_GW_MOVING_IN, "INSTALL");
	ck_assert(!acts.act[acts.n - 1].keep_timer);
	ck_assert_uint_eq(acts.act[acts.n - 1].msg.timer.elapsed, 20100);
	/* Nor where the grant rests on no transfer at all. */
	fresh(RN_MODE_SOURCE);
	give(THIRD, &forged);
	kernel(0);
	grant.src = 0;
	grant.timer = (struct rn_timer){ .preset = 60000, .remaining = 60000 };
	give(RN_CONTROLLER, &grant);
	ck_assert(!acts.act[acts.n - 1].keep_timer);
	ck_assert_uint_eq(acts.act[acts.n - 1].msg.timer.elapsed, 0);
	/* Nor one of the right sender that is of an earlier freeze. */
	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_IN);
	grant.src = PEER;
	give(RN_CONTROLLER, &grant);
	ck_assert(!acts.act[acts.n - 1].keep_timer);
	ck_assert_uint_eq(acts.act[acts.n - 1].msg.timer.elapsed, 0);
	/* Nor what is left here of an earlier epoch. */
	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_SUSPENDED);
	give(RN_CONTROLLER, &grant);
	is_in(OWN_GW_SUSPENDED, "INSTALL");
	ck_assert(!acts.act[acts.n - 1].keep_timer);
}
END_TEST

START_TEST(S6_a_packet_before_the_freeze_keeps_the_mapping)
{
	struct rn_msg idle = message(0);
	struct own_gw_event event = { .type = OWN_GW_EV_KERNEL,
				      .timer = { .preset = 60000, .remaining = 60000 } };

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_ACTIVE);
	step(OWN_GW_EV_IDLE, 0, &idle);
	own_gw_step(&env, &entry, &event, &acts);
	is_in(OWN_GW_RESUMING, "resume");
}
END_TEST

START_TEST(S13_deleted_only_after_the_answer)
{
	struct rn_msg ok = message(RN_MSG_RELOK);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_RELEASING);
	is_in(OWN_GW_RELEASING, "rel");
	ck_assert_uint_eq(sent(RN_MSG_REL)->incarnation, INC);
	ok.epoch--;
	give(RN_CONTROLLER, &ok);
	is_in(OWN_GW_RELEASING, "");
	ok.epoch++;
	give(RN_CONTROLLER, &ok);
	is_in(OWN_GW_NONE, "DELETE");
}
END_TEST

START_TEST(P10_the_question_may_overtake_the_transfer)
{
	struct rn_msg ask = message(RN_MSG_VERIFY_DST), xfer = message(RN_MSG_XFER);

	fresh(RN_MODE_SOURCE);
	ask.src = PEER;
	ask.dst = SELF;
	give(RN_CONTROLLER, &ask);
	is_in(OWN_GW_NONE, "");
	ck_assert(!own_gw_entry_idle(&entry, env.now));
	give(PEER, &xfer);
	kernel(0);
	is_in(OWN_GW_MOVING_IN, "xfer-ack yes");
	ck_assert_uint_eq(sent(RN_MSG_VERIFY_YES)->nonce, 99);
	ck_assert_uint_eq(sent(RN_MSG_VERIFY_YES)->src, PEER);
}
END_TEST

START_TEST(P12_a_forged_transfer_waits_beside_the_genuine_one)
{
	struct rn_msg forged = message(RN_MSG_XFER), deny = message(RN_MSG_DENY);

	fresh(RN_MODE_DESTINATION);
	forged.epoch += 1000;
	give(THIRD, &forged);
	kernel(0);
	forged.epoch = EPOCH;
	give(PEER, &forged);
	is_in(OWN_GW_MOVING_IN, "xfer-ack mig-d mig-d");
	ck_assert_uint_ne(acts.act[1].msg.nonce, acts.act[2].msg.nonce);
	/* The refusal of one report ends that one only. */
	deny.code = RN_CODE_NOT_OWNER;
	deny.nonce = acts.act[1].msg.nonce;
	give(RN_CONTROLLER, &deny);
	is_in(OWN_GW_MOVING_IN, "DELETE HOLD");
	ck_assert_uint_eq(acts.act[1].msg.src, PEER);
	ck_assert(acts.act[0].only_held);
	kernel(0);
	is_in(OWN_GW_MOVING_IN, "mig-d");
}
END_TEST

START_TEST(P12_a_transfer_never_ends_a_promise)
{
	struct rn_msg xfer = message(RN_MSG_XFER), over = message(RN_MSG_STALE);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_OUT);
	xfer.epoch++;
	give(THIRD, &xfer);
	is_in(OWN_GW_MOVING_OUT, "xfer-ack");
	give(RN_CONTROLLER, &over);
	is_in(OWN_GW_NONE, "DELETE HOLD");
	kernel(0);
	is_in(OWN_GW_MOVING_IN, "");
}
END_TEST

START_TEST(P12_transfers_cannot_starve_the_vm)
{
	struct rn_msg xfer = message(RN_MSG_XFER);
	unsigned int i;
	bool asked = false;

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_IN);
	step(OWN_GW_EV_MISS, 0, NULL);
	for (i = 0; i < 20 && !asked; i++) {
		env.now += 100;
		xfer.epoch++;
		give(PEER, &xfer);
		kernel(0);
		asked = strstr(told(), "natreq") != NULL;
	}
	ck_assert(asked);
	ck_assert_int_le(env.now, NOW + OWN_T_STARVE + 200);
}
END_TEST

START_TEST(P12_late_transfer_is_refused)
{
	struct rn_msg xfer = message(RN_MSG_XFER), over = message(RN_MSG_STALE);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_IN);
	give(RN_CONTROLLER, &over);
	is_in(OWN_GW_NONE, "DELETE");
	give(PEER, &xfer);
	is_in(OWN_GW_NONE, "xfer-ack");
	ck_assert_uint_eq(sent(RN_MSG_XFER_ACK)->code, RN_CODE_WRONG_EPOCH);
}
END_TEST

START_TEST(P5_a_suspended_mapping_is_confirmed_or_forgotten)
{
	struct rn_msg grant = message(RN_MSG_GRANT);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_SUSPENDED);
	env.incarnation = ++grant.incarnation;
	give(RN_CONTROLLER, &grant);
	is_in(OWN_GW_SUSPENDED, "INSTALL");
	ck_assert(acts.act[acts.n - 1].keep_timer);
	kernel(0);
	is_in(OWN_GW_ACTIVE, "ack");
	/* One that was moving goes on moving. */
	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_MOVING_OUT);
	entry.left_for = PEER;
	step(OWN_GW_EV_SUSPEND, 0, NULL);
	env.incarnation = grant.incarnation;
	give(RN_CONTROLLER, &grant);
	kernel(0);
	is_in(OWN_GW_ACTIVE, "ack FREEZE-OUT");
}
END_TEST

static void adopt(uint8_t kernel_state, uint64_t incarnation)
{
	struct rn_msg msg = message(0);
	struct own_gw_event event = { .type = OWN_GW_EV_ADOPT, .kernel_state = kernel_state,
				      .msg = &msg };

	fresh(RN_MODE_SOURCE);
	msg.incarnation = incarnation;
	own_gw_step(&env, &entry, &event, &acts);
}

START_TEST(P5_a_new_agent_goes_on_with_what_the_kernel_knows)
{
	adopt(1, INC);
	is_in(OWN_GW_NONE, "DELETE");
	adopt(2, INC);
	is_in(OWN_GW_ACTIVE, "");
	adopt(3, INC);
	is_in(OWN_GW_RESUMING, "resume");
	adopt(4, INC);
	is_in(OWN_GW_RELEASING, "rel");
	adopt(2, INC - 1);
	is_in(OWN_GW_SUSPENDED, "");
}
END_TEST

START_TEST(never_ends_only_what_it_answers)
{
	struct rn_msg never = message(RN_MSG_NEVER);

	fresh(RN_MODE_SOURCE);
	reach(OWN_GW_ACTIVE);
	give(RN_CONTROLLER, &never);
	is_in(OWN_GW_ACTIVE, "");
	never.nonce = 0;		/* of the inventory */
	give(RN_CONTROLLER, &never);
	is_in(OWN_GW_ACTIVE, "FREEZE-REL");
	kernel(0);
	is_in(OWN_GW_NONE, "DELETE");
}
END_TEST

Suite *suite_own_promises(void)
{
	Suite *suite = suite_create("own-promises");
	TCase *tcase = tcase_create("gateway");

	tcase_add_test(tcase, S1_S3_first_packet_asks_once);
	tcase_add_test(tcase, P3_transfer_only_after_the_freeze);
	tcase_add_test(tcase, P3_yes_only_after_the_freeze);
	tcase_add_test(tcase, P3_yes_of_who_holds_nothing_needs_a_floor);
	tcase_add_test(tcase, P3_a_freeze_that_fails_promises_nothing);
	tcase_add_test(tcase, I2_what_the_kernel_lost_is_given_back_in_the_end);
	tcase_add_test(tcase, P4_time_out_asks_and_never_thaws);
	tcase_add_test(tcase, P4_a_third_destination_needs_a_new_epoch);
	tcase_add_test(tcase, P5_a_suspended_mapping_is_confirmed_or_forgotten);
	tcase_add_test(tcase, P5_a_new_agent_goes_on_with_what_the_kernel_knows);
	tcase_add_test(tcase, P10_the_question_may_overtake_the_transfer);
	tcase_add_test(tcase, P11_gone_is_said);
	tcase_add_test(tcase, P11_recorded_here_but_gone);
	tcase_add_test(tcase, P12_a_forged_transfer_waits_beside_the_genuine_one);
	tcase_add_test(tcase, P12_a_transfer_never_ends_a_promise);
	tcase_add_test(tcase, P12_transfers_cannot_starve_the_vm);
	tcase_add_test(tcase, P12_late_transfer_is_refused);
	tcase_add_test(tcase, S6_a_packet_before_the_freeze_keeps_the_mapping);
	tcase_add_test(tcase, S7_the_timer_is_carried);
	tcase_add_test(tcase, S7_the_timer_stands_still_at_the_source);
	tcase_add_test(tcase, S7_the_grant_keeps_what_the_kernel_counted);
	tcase_add_test(tcase, I5_a_forged_transfer_does_not_change_the_timer);
	tcase_add_test(tcase, S13_deleted_only_after_the_answer);
	tcase_add_test(tcase, never_ends_only_what_it_answers);
	suite_add_tcase(suite, tcase);
	return suite;
}
