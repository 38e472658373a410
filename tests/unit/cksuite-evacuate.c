// SPDX-License-Identifier: GPL-2.0
/*
 * Evacuations, on the controller's core and a real store: plans (S15), pace, end,
 * cancelling, and that they go on after a restart (P8). Gateways are played.
 */
#include <check.h>
#include <string.h>
#include "controller/evacuate.h"
#include "controller/standing.h"
#include "ctlbench.h"
#include "suites.h"

enum { VMS = 40 };

static struct ctlbench bench;
static guint most;		/* in flight */
static gboolean deaf;		/* nobody obeys a MOVE */
static struct rn_evacuation *current;

struct answer {
	uint32_t gw;
	uint8_t type;
	struct rn_msg about;
};

static gboolean on_answer(gpointer data)
{
	struct answer *answer = data;

	if (bench.core)
		ctlbench_message(&bench, answer->gw, answer->type, &answer->about);
	g_free(answer);
	return G_SOURCE_REMOVE;
}

/* What a gateway with all its VMs moved says. */
static void on_sent(struct ctlbench *b, struct rn_gateway *gw, const struct rn_msg *msg)
{
	struct answer *answer;
	uint8_t type = 0;

	if (current)
		most = MAX(most, current->in_flight);
	switch (msg->type) {
	case RN_MSG_MOVE: type = deaf ? 0 : RN_MSG_MIG_S; break;
	case RN_MSG_VERIFY_DST: type = RN_MSG_VERIFY_YES; break;
	case RN_MSG_GRANT: type = RN_MSG_GRANT_ACK; break;
	}
	if (!type)
		return;
	answer = g_new0(struct answer, 1);
	answer->gw = gw->row.number;
	answer->type = type;
	answer->about = *msg;
	g_idle_add(on_answer, answer);
}

static void connect_all(void)
{
	for (unsigned int i = 1; i <= 3; i++) {
		struct rn_gateway *gw = ctlbench_gw(&bench, i);

		/* Nobody looks into it: what is sent goes to on_sent. */
		gw->session = (struct rn_session *)&bench;
		rn_gateway_refresh(gw, rn_core_now());
	}
}

static void start(void)
{
	GError *error = NULL;

	ck_assert_msg(ctlbench_start(&bench, NULL, 3, "0", NULL, &error), "%s",
		      error ? error->message : "");
	bench.sent = on_sent;
	for (unsigned int i = 1; i <= 3; i++)
		if (!ctlbench_gw(&bench, i)->row.incarnation)
			rn_core_register(bench.core, ctlbench_gw(&bench, i), i);
	ctlbench_settle(&bench);
	connect_all();
}

static void setup(void)
{
	bench = (struct ctlbench){ 0 };
	current = NULL;
	most = 0;
	deaf = FALSE;
	start();
	for (uint32_t vm = 1; vm <= VMS; vm++)
		ctlbench_natreq(&bench, 1, vm, vm);
	ctlbench_settle(&bench);
	while (ctlbench_gw(&bench, 1)->unacked)
		g_main_context_iteration(NULL, TRUE);
}

static void teardown(void)
{
	current = NULL;
	for (unsigned int i = 1; bench.core && i <= 3; i++)
		ctlbench_gw(&bench, i)->session = NULL;
	ctlbench_free(&bench);
}

static guint owned(unsigned int gw)
{
	return ctlbench_gw(&bench, gw)->owned.length;
}

static void begin(uint32_t in_flight, bool force, uint32_t to, uint32_t and_to)
{
	struct rn_store_evacuation row = {
		.in_flight = in_flight, .force = force, .target = { to, and_to },
		.n_targets = and_to ? 2 : 1, .by = "uid 0 (root)", .reason = "site 1 is shut down",
	};

	current = rn_evacuation_begin(bench.core, ctlbench_gw(&bench, 1), &row);
}

static void until(uint8_t state)
{
	gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

	while (current->row.state != state && g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_str_eq(rn_evacuation_state_to_string(current->row.state),
			 rn_evacuation_state_to_string(state));
	ctlbench_settle(&bench);
}

START_TEST(all_go_and_no_more_at_a_time_than_said)
{
	begin(4, false, 2, 3);
	until(RN_EVACUATION_DONE);
	ck_assert_uint_eq(owned(1), 0);
	ck_assert_uint_eq(owned(2), VMS / 2);
	ck_assert_uint_eq(owned(3), VMS / 2);
	ck_assert_uint_eq(current->row.moved, VMS);
	ck_assert_uint_eq(current->row.total, VMS);
	ck_assert_uint_eq(most, 4);
	ck_assert(ctlbench_gw(&bench, 1)->row.drained);
	/* Nothing new there. */
	bench.denies = 0;
	ctlbench_natreq(&bench, 1, 99, 99);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.denies, 1);
	rn_standing_set_drained(bench.core, ctlbench_gw(&bench, 1), false, "uid 0 (root)", "");
	ctlbench_natreq(&bench, 1, 99, 99);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(owned(1), 1);
}
END_TEST

START_TEST(plans_are_respected_and_what_stays_is_said)
{
	struct rn_plan *two = &ctlbench_gw(&bench, 2)->plan;
	struct rn_plan *three = &ctlbench_gw(&bench, 3)->plan;

	two->planned = 15;
	two->reserve = 5;
	three->planned = 12;
	begin(7, false, 2, 3);
	until(RN_EVACUATION_INCOMPLETE);
	ck_assert_uint_eq(owned(2), 10);
	ck_assert_uint_eq(owned(3), 12);
	ck_assert_uint_eq(owned(1), VMS - 22);
	ck_assert_str_eq(current->row.text, "18 mappings did not move: plan-exceeded 18");
	/* Audibly. */
	begin(64, true, 3, 0);
	until(RN_EVACUATION_DONE);
	ck_assert_uint_eq(owned(3), VMS - 10);
}
END_TEST

/* All mappings of a VM go to one gateway, or stay. */
START_TEST(a_vm_is_not_parted)
{
	struct rn_gateway *gw = ctlbench_gw(&bench, 1);
	const struct rn_msg more = {
		.type = RN_MSG_NATREQ, .incarnation = gw->row.incarnation, .nonce = 9,
		.vm = { .zone = 1, .kind = RN_KIND_ADDRESS, .addr = { 4, { 10, 0, 0, 1 } } },
		.timer = { .preset = 60000 },
	};
	struct rn_spread spread = { .core = bench.core, .n = 2, };
	const GQueue *host;
	uint8_t code;

	(void)more;
	spread.target[0].gw = ctlbench_gw(&bench, 2);
	spread.target[1].gw = ctlbench_gw(&bench, 3);
	rn_spread_init(&spread, true);
	host = rn_records_host(bench.core->records, &more.vm.addr);
	ck_assert_ptr_nonnull(host);
	gw = rn_spread_pick(&spread, host->head->data, &code);
	ck_assert_ptr_nonnull(gw);
	for (int i = 0; i < 5; i++)
		ck_assert_ptr_eq(rn_spread_pick(&spread, host->head->data, &code), gw);
	/* There is no room for the seventh, though the other gateway has some. */
	gw->plan.planned = 6;
	ck_assert_ptr_null(rn_spread_pick(&spread, host->head->data, &code));
	ck_assert_int_eq(code, RN_CODE_PLAN_EXCEEDED);
	rn_spread_uninit(&spread);
}
END_TEST

START_TEST(it_goes_on_after_a_restart)
{
	struct rn_gateway *gw;
	guint before;

	begin(2, false, 2, 3);
	while (owned(1) > VMS / 2)
		g_main_context_iteration(NULL, TRUE);
	before = owned(1);
	ck_assert_uint_gt(before, 0);
	current = NULL;
	for (unsigned int i = 1; i <= 3; i++)
		ctlbench_gw(&bench, i)->session = NULL;
	ctlbench_stop(&bench);
	while (g_main_context_iteration(NULL, FALSE))
		;
	start();
	gw = ctlbench_gw(&bench, 1);
	ck_assert(gw->row.drained);
	ck_assert(rn_evacuation_running(gw));
	current = gw->evacuation;
	ck_assert_str_eq(current->row.reason, "site 1 is shut down");
	ck_assert_uint_eq(current->row.in_flight, 2);
	until(RN_EVACUATION_DONE);
	ck_assert_uint_eq(owned(1), 0);
	ck_assert_uint_eq(owned(2) + owned(3), VMS);
	/* And once more: it is over. */
	current = NULL;
	for (unsigned int i = 1; i <= 3; i++)
		ctlbench_gw(&bench, i)->session = NULL;
	ctlbench_stop(&bench);
	start();
	ck_assert(!rn_evacuation_running(ctlbench_gw(&bench, 1)));
	ck_assert_int_eq(ctlbench_gw(&bench, 1)->evacuation->row.state, RN_EVACUATION_DONE);
}
END_TEST

START_TEST(cancelled_what_has_not_begun_stays)
{
	guint on_way;

	deaf = TRUE;
	begin(5, false, 2, 0);
	while (current->in_flight < 5)
		g_main_context_iteration(NULL, TRUE);
	on_way = ctlbench_gw(&bench, 2)->coming.length;
	ck_assert_uint_eq(on_way, 5);
	rn_evacuation_cancel(current, "uid 0 (root)");
	ctlbench_settle(&bench);
	ck_assert_int_eq(current->row.state, RN_EVACUATION_CANCELLED);
	ck_assert_uint_eq(owned(1), VMS);
	ck_assert_uint_eq(ctlbench_gw(&bench, 2)->coming.length, on_way);
	ck_assert(!rn_evacuation_running(ctlbench_gw(&bench, 1)));
}
END_TEST

/* Nobody to go to: it waits, and says for what. */
START_TEST(it_waits_for_a_gateway)
{
	ctlbench_gw(&bench, 2)->session = NULL;
	begin(5, false, 2, 0);
	while (!current->waits)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_ptr_nonnull(strstr(current->waits, "none of the gateways is connected"));
	ck_assert_uint_eq(owned(1), VMS);
	connect_all();
	until(RN_EVACUATION_DONE);
	ck_assert_uint_eq(owned(2), VMS);
}
END_TEST

Suite *suite_evacuate(void)
{
	Suite *suite = suite_create("evacuate");
	TCase *tc = tcase_create("evacuate");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_go_and_no_more_at_a_time_than_said);
	tcase_add_test(tc, plans_are_respected_and_what_stays_is_said);
	tcase_add_test(tc, a_vm_is_not_parted);
	tcase_add_test(tc, it_goes_on_after_a_restart);
	tcase_add_test(tc, cancelled_what_has_not_begun_stays);
	tcase_add_test(tc, it_waits_for_a_gateway);
	suite_add_tcase(suite, tc);
	return suite;
}
