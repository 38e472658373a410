// SPDX-License-Identifier: GPL-2.0
/* The controller's core on a real store: P7, P8, P15, S14, I1 after a restore. */
#include <check.h>
#include <string.h>
#include "controller/audit.h"
#include "controller/restored.h"
#include "ctlbench.h"
#include "suites.h"

static struct ctlbench bench;

static void setup(void)
{
	bench = (struct ctlbench){ 0 };
}

static void teardown(void)
{
	ctlbench_free(&bench);
}

static void start(const char *lease, const char *extra)
{
	GError *error = NULL;

	ck_assert_msg(ctlbench_start(&bench, NULL, 3, lease, extra, &error), "%s",
		      error ? error->message : "");
	bench.registered = 0;
}

static void registered(void)
{
	for (unsigned int i = 1; i <= 3; i++)
		rn_core_register(bench.core, ctlbench_gw(&bench, i), i);
	ctlbench_settle(&bench);
}

static struct rn_msg granted(unsigned int gw, uint32_t vm)
{
	bench.grants = 0;
	ctlbench_natreq(&bench, gw, vm, vm);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.grants, 1);
	ck_assert_int_eq(bench.last.type, RN_MSG_GRANT);
	ctlbench_message(&bench, gw, RN_MSG_GRANT_ACK, &bench.last);
	return bench.last;
}

static bool same_address(struct rn_msg a, struct rn_msg b)
{
	return rn_public_equal(&a.pub, &b.pub);
}

static void release(unsigned int gw, const struct rn_msg *grant)
{
	ctlbench_message(&bench, gw, RN_MSG_REL, grant);
	ctlbench_settle(&bench);
	ck_assert_int_eq(bench.last.type, RN_MSG_RELOK);
}

static struct rn_record *record(const struct rn_msg *grant)
{
	return rn_records_id(bench.core->records, grant->id);
}

/* ---- the audit log ---- */

static const struct rn_store_page *page;
static GArray *rows;

static void on_page(const struct rn_store_page *p, void *data)
{
	ck_assert_msg(p->rows != NULL, "%s", p->error);
	page = p;
	rows = g_array_copy((GArray *)p->rows);
	*(gboolean *)data = TRUE;
}

static guint ask(const struct rn_store_query *query)
{
	gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	gboolean done = FALSE;

	g_clear_pointer(&rows, g_array_unref);
	rn_store_audit(bench.core->store, query, on_page, &done);
	while (!done && g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, FALSE);
	ck_assert(done);
	return rows->len;
}

static const struct rn_store_audit *find(const char *what)
{
	for (guint i = rows->len; i--; )
		if (!strcmp(g_array_index(rows, struct rn_store_audit, i).what, what))
			return &g_array_index(rows, struct rn_store_audit, i);
	ck_abort_msg("no event %s", what);
	return NULL;
}

static const struct rn_store_query all = { .limit = 10000 };

/* Who asked, who verified, epochs before and after, when, and why not. */
START_TEST(events_have_all_fields)
{
	struct rn_msg yes, grant, wrong;
	const struct rn_store_audit *event;
	int64_t begin = g_get_real_time() * 1000;

	start("0", NULL);
	registered();
	grant = granted(1, 7);
	/* gw1 reports that it gave the mapping to gw2, and gw2 says so. */
	wrong = grant;
	wrong.dst = 2;
	ctlbench_message(&bench, 1, RN_MSG_MIG_S, &wrong);
	ctlbench_settle(&bench);
	ck_assert_int_eq(bench.last.type, RN_MSG_VERIFY_DST);
	yes = bench.last;
	ctlbench_message(&bench, 2, RN_MSG_VERIFY_YES, &yes);
	ctlbench_settle(&bench);
	/* gw1 wants to release what it had (S14). */
	ctlbench_message(&bench, 1, RN_MSG_REL, &grant);
	ctlbench_settle(&bench);
	ck_assert_int_eq(bench.last.type, RN_MSG_DENY);
	grant.epoch = 2;
	release(2, &grant);
	rn_core_fence(bench.core, ctlbench_gw(&bench, 3), "uid 0 (root)", "power is off");
	ctlbench_settle(&bench);
	ask(&all);

	event = find("registered");
	ck_assert_uint_eq(event->from, 3);
	ck_assert_str_eq(event->by, "gw3");
	event = find("granted");
	ck_assert_uint_eq(event->to, 1);
	ck_assert_str_eq(event->by, "gw1");
	ck_assert_uint_eq(event->epoch_from, 0);
	ck_assert_uint_eq(event->epoch, 1);
	ck_assert(event->ownership);
	event = find("moved");
	ck_assert_uint_eq(event->from, 1);
	ck_assert_uint_eq(event->to, 2);
	ck_assert_uint_eq(event->verified_by, 2);
	ck_assert_uint_eq(event->epoch_from, 1);
	ck_assert_uint_eq(event->epoch, 2);
	ck_assert_str_eq(event->by, "gw1");
	event = find("refused");
	ck_assert(!event->ownership);
	ck_assert_uint_eq(event->from, 1);
	ck_assert_str_eq(event->by, "gw1");
	ck_assert_uint_eq(event->epoch_from, 1);	/* that it named */
	ck_assert_uint_eq(event->epoch, 2);		/* that it is */
	ck_assert_uint_ne(event->code, 0);
	ck_assert_str_ne(event->text, "");
	event = find("released");
	ck_assert(event->ownership);
	ck_assert_uint_eq(event->from, 2);
	ck_assert_uint_eq(event->to, 0);
	event = find("fenced");
	ck_assert_uint_eq(event->from, 3);
	ck_assert_str_eq(event->by, "uid 0 (root)");
	ck_assert_str_eq(event->text, "power is off");
	for (guint i = 0; i < rows->len; i++) {
		event = &g_array_index(rows, struct rn_store_audit, i);
		ck_assert_int_ge(event->time_ns, begin);
		ck_assert_int_le(event->time_ns, g_get_real_time() * 1000);
		begin = event->time_ns;
	}
}
END_TEST

/* A stranger with a certificate does not fill the disk (I11). */
START_TEST(refusals_of_one_gateway_are_bounded)
{
	struct rn_msg grant;
	guint before;

	start("0", NULL);
	registered();
	grant = granted(1, 7);
	before = ask(&all);
	bench.denies = 0;
	for (int i = 0; i < 1000; i++)
		ctlbench_message(&bench, 2, RN_MSG_REL, &grant);
	ctlbench_settle(&bench);
	/* Each is answered and counted, few are written. */
	ck_assert_uint_eq(bench.denies, 1000);
	ck_assert_uint_eq(bench.core->counters.value[RN_COUNTER_alarms], 1000);
	ck_assert_uint_le(ask(&all) - before, 30);
	ck_assert_uint_ge(rows->len - before, 20);
	/* Nobody else's refusals are left out for that. */
	ctlbench_message(&bench, 3, RN_MSG_REL, &grant);
	ctlbench_settle(&bench);
	before = rows->len;
	ck_assert_uint_eq(ask(&all), before + 1);
	/* And the owner's grants and releases never. */
	release(1, &grant);
	ck_assert_uint_eq(ask(&all), before + 2);
}
END_TEST

/* ---- quarantine over a restart ---- */

static void restart(const char *extra)
{
	ctlbench_stop(&bench);
	start("0", extra);
}

START_TEST(quarantine_survives_a_restart)
{
	struct rn_msg grant;
	int64_t until;

	start("0", "quarantine=120s");
	registered();
	grant = granted(1, 7);
	release(1, &grant);
	restart("quarantine=120s");
	until = record(&grant)->own.free_at;
	ck_assert_int_gt(until, rn_core_wall() + 110000);
	ck_assert_int_le(until, rn_core_wall() + 120000);
	/* Another VM gets another address, the same VM its own. */
	registered();
	ck_assert(!same_address(granted(1, 8), grant));
	ck_assert(same_address(granted(2, 7), grant));
}
END_TEST

/* What the store says about time, as if the clock had been set by ms meanwhile. */
static void shift(int64_t ms)
{
	g_autoptr(GString) path = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	struct rn_store_audit event = { .what = "registered", .from = 1, .by = "gw1" };
	const struct rn_store_unit unit = { .audit = &event, .n_audit = 1 };
	struct rn_record *r;
	GHashTableIter iter;
	gpointer value;

	/* Everything was written by a clock that was ms ahead of ours. */
	g_hash_table_iter_init(&iter, bench.core->records->by_id);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct rn_store_mapping row;
		const struct rn_store_unit again = { .mapping = &row };

		r = value;
		row = rn_record_row(r);
		row.free_at += ms;
		rn_store_put(bench.core->store, &again);
	}
	event.rev = ++bench.core->rev;
	event.time_ns = (g_get_real_time() / 1000 + ms) * 1000000;
	rn_store_put(bench.core->store, &unit);
	ctlbench_settle(&bench);
}

/* Set back by a day, or forward by one: neither endless nor too short. */
START_TEST(quarantine_survives_a_clock)
{
	static const int64_t day = 86400000;
	struct rn_msg grant;
	int64_t left;

	start("0", "quarantine=120s");
	registered();
	grant = granted(1, 7);
	release(1, &grant);
	shift(_i ? day : -day);
	restart("quarantine=120s");
	left = record(&grant)->own.free_at - rn_core_wall();
	ck_assert_int_gt(left, 110000);
	ck_assert_int_le(left, 120000);
	/* The log says that the clock was set back; forward it looks like time. */
	ctlbench_settle(&bench);
	ask(&all);
	if (_i)
		ck_assert_ptr_nonnull(find("clock-set"));
	/* And it is so in the store now, whatever happens next. */
	restart("quarantine=120s");
	left = record(&grant)->own.free_at - rn_core_wall();
	ck_assert_int_gt(left, 110000);
	ck_assert_int_le(left, 120000);
}
END_TEST

START_TEST(quarantine_that_is_over_stays_over)
{
	struct rn_msg grant;

	start("0", "quarantine=1ms");
	registered();
	grant = granted(1, 7);
	release(1, &grant);
	g_usleep(2000);
	granted(1, 8);			/* the log goes on after its end */
	restart("quarantine=120s");
	ck_assert_int_le(record(&grant)->own.free_at, rn_core_wall() + 1);
}
END_TEST

/* ---- leases and reclaim ---- */

static void lapse(unsigned int number, int64_t ago_ms)
{
	struct rn_gateway *gw = ctlbench_gw(&bench, number);

	/* As if its last renewal had been so long ago. */
	gw->renewed_at = rn_core_now() - (int64_t)RN_LEASE_OVER(gw->lease_ms) - ago_ms;
	rn_heap_set(&bench.core->gateways->leases, &gw->lease, rn_core_now());
	rn_core_arm(bench.core);
	g_main_context_iteration(NULL, TRUE);
	ctlbench_settle(&bench);
}

static unsigned int owned(unsigned int gw)
{
	return ctlbench_gw(&bench, gw)->owned.length;
}

static void wait_free(unsigned int gw)
{
	gint64 until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;

	while (owned(gw) && g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, TRUE);
	ctlbench_settle(&bench);
}

START_TEST(lease_over_is_reclaimed)
{
	const struct rn_store_audit *event;
	struct rn_msg grant = { 0 };

	start("10s", "reclaim=50ms");
	registered();
	for (int vm = 1; vm <= 700; vm++)
		grant = granted(1, vm);
	granted(2, 1001);
	lapse(1, 0);
	ck_assert_uint_eq(owned(1), 700);	/* not yet: T_reclaim */
	wait_free(1);
	ck_assert_uint_eq(owned(1), 0);
	ck_assert_uint_eq(owned(2), 1);
	ck_assert_int_eq(record(&grant)->own.state, OWN_CTL_QUARANTINE);
	ck_assert_uint_eq(bench.core->counters.value[RN_COUNTER_reclaimed], 700);
	ck_assert_uint_eq(bench.core->counters.value[RN_COUNTER_released], 0);
	ask(&all);
	event = find("lease-over");
	ck_assert_uint_eq(event->from, 1);
	event = find("reclaimed");
	ck_assert(event->ownership);
	ck_assert_uint_eq(event->from, 1);
	ck_assert_uint_eq(event->to, 0);
	ck_assert_uint_eq(event->epoch, 1);
	ck_assert_str_eq(event->by, "controller");
}
END_TEST

/* A gateway that is cut off translates for the term that it was promised, whatever
 * the controller's file says since its restart.
 */
static void restart_with_lease(const char *before, const char *after)
{
	start(before, NULL);
	registered();
	granted(1, 7);
	ctlbench_stop(&bench);
	start(after, NULL);
}

static bool over_after(unsigned int number, int64_t ms)
{
	struct rn_gateway *gw = ctlbench_gw(&bench, number);

	rn_gateway_refresh(gw, gw->renewed_at + ms);
	return gw->own.over;
}

START_TEST(P7_a_promised_term_outlives_the_configuration)
{
	restart_with_lease("100s", "10s");
	ck_assert(!over_after(1, RN_LEASE_OVER(100000) - 1));
	ck_assert(over_after(1, RN_LEASE_OVER(100000)));
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 1);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.last.lease_ms, 10000);
	ck_assert(over_after(1, RN_LEASE_OVER(10000)));
	ctlbench_stop(&bench);
	/* That one is promised now, and to the others still the first. */
	start("1000s", NULL);
	ck_assert(over_after(1, RN_LEASE_OVER(10000)));
	ck_assert(over_after(2, RN_LEASE_OVER(100000)));
	ck_assert(!over_after(2, RN_LEASE_OVER(100000) - 1));
}
END_TEST

START_TEST(P7_a_promise_without_end_has_none)
{
	restart_with_lease("0", "10s");
	ck_assert(!over_after(1, 1000 * RN_LEASE_OVER(10000)));
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 1);
	ctlbench_settle(&bench);
	ck_assert(over_after(1, RN_LEASE_OVER(10000)));
}
END_TEST

START_TEST(reclaim_is_off_without_being_asked_for)
{
	start("10s", NULL);
	registered();
	granted(1, 7);
	lapse(1, 100000000);
	lapse(1, 100000000);
	ck_assert_uint_eq(owned(1), 1);
}
END_TEST

/* An assertion is no lease: what a fenced gateway had waits for a takeover. */
START_TEST(fenced_is_not_reclaimed)
{
	start("10s", "reclaim=1ms");
	registered();
	granted(1, 7);
	rn_core_fence(bench.core, ctlbench_gw(&bench, 1), "me", "off");
	lapse(1, 0);
	lapse(1, 100);
	ck_assert_uint_eq(owned(1), 1);
}
END_TEST

START_TEST(registered_again_is_not_reclaimed)
{
	start("10s", "reclaim=50ms");
	registered();
	granted(1, 7);
	lapse(1, 0);
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 9);
	g_usleep(100000);
	for (int i = 0; i < 20; i++)
		g_main_context_iteration(NULL, FALSE);
	ck_assert_uint_eq(owned(1), 1);
}
END_TEST

/* ---- a restored store ---- */

static void restore(const char *const *off)
{
	g_autofree char *path = g_build_filename(bench.dir, "c.db", NULL);
	GError *error = NULL;

	ctlbench_stop(&bench);
	ck_assert_msg(rn_store_restore(path, off, "me", &error), "%s",
		      error ? error->message : "");
}

START_TEST(restored_waits_for_everybody)
{
	struct rn_msg grant;
	g_autofree char *text = NULL;

	start("0", "quarantine=50ms");
	registered();
	grant = granted(1, 7);
	restore(NULL);
	start("0", "quarantine=50ms");
	/* None of the old incarnations is current, so each has to register; */
	ck_assert_uint_gt(ctlbench_gw(&bench, 1)->row.incarnation, RN_STORE_STEP);
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 1);
	rn_core_register(bench.core, ctlbench_gw(&bench, 3), 3);
	ctlbench_settle(&bench);
	/* and nobody is answered before the last one did (I1). */
	ck_assert_uint_eq(bench.registered, 0);
	text = rn_restored_text(bench.core);
	ck_assert_msg(strstr(text, "gw2") && !strstr(text, "gw1"), "%s", text);
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 1);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.registered, 0);
	rn_core_register(bench.core, ctlbench_gw(&bench, 2), 2);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.registered, 3);
	/* The VM has its address, at an epoch that never was. */
	ck_assert(same_address(granted(1, 7), grant));
	ck_assert_uint_eq(bench.last.epoch, 1 + RN_STORE_STEP);
	/* No other one may get any for the time of a quarantine. */
	bench.denies = 0;
	ctlbench_natreq(&bench, 1, 8, 8);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.denies, 1);
	ck_assert_int_eq(bench.last.code, RN_CODE_BUSY);
	g_usleep(60000);
	while (bench.core->restored)
		g_main_context_iteration(NULL, TRUE);
	granted(1, 8);
	ck_assert_uint_gt(bench.last.id, RN_STORE_STEP);
	/* It is over, and stays so. */
	ctlbench_stop(&bench);
	start("0", NULL);
	ck_assert(!bench.core->restored);
}
END_TEST

START_TEST(restored_goes_on_waiting_after_a_restart)
{
	start("0", "quarantine=50ms");
	registered();
	restore(NULL);
	start("0", "quarantine=50ms");
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 1);
	ctlbench_settle(&bench);
	ctlbench_stop(&bench);
	start("0", "quarantine=50ms");
	ck_assert_uint_eq(bench.core->unheard, 2);
	rn_core_register(bench.core, ctlbench_gw(&bench, 2), 1);
	rn_core_fence(bench.core, ctlbench_gw(&bench, 3), "me", "off");
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.registered, 1);
}
END_TEST

START_TEST(restored_without_one_that_is_off)
{
	static const char *const off[] = { "gw2", NULL };

	start("0", NULL);
	registered();
	restore(off);
	start("0", NULL);
	ck_assert(ctlbench_gw(&bench, 2)->row.fenced);
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 1);
	rn_core_register(bench.core, ctlbench_gw(&bench, 3), 3);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.registered, 2);
}
END_TEST

START_TEST(restored_and_the_lease_is_over)
{
	start("10s", NULL);
	registered();
	restore(NULL);
	start("10s", NULL);
	rn_core_register(bench.core, ctlbench_gw(&bench, 1), 1);
	rn_core_register(bench.core, ctlbench_gw(&bench, 3), 3);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.registered, 0);
	lapse(2, 0);
	ck_assert_uint_eq(bench.registered, 2);
}
END_TEST

/* ---- retention ---- */

START_TEST(old_rows_go_by_themselves)
{
	struct rn_msg grant;
	gint64 until;

	start("0", "[audit]\nkeep=60s");
	registered();
	grant = granted(1, 7);
	/* As if all that were two minutes old. */
	bench.core->oldest_ns -= INT64_C(120000000000);
	shift(0);
	rn_core_arm(bench.core);
	while (!bench.core->counters.value[RN_COUNTER_prunings])
		g_main_context_iteration(NULL, TRUE);
	ctlbench_settle(&bench);
	ck_assert_uint_eq(bench.core->counters.value[RN_COUNTER_prunings], 1);
	/* They are not, by their own times, so nothing went. */
	until = ask(&all);
	ck_assert_int_ge(until, 5);
	ck_assert_ptr_nonnull(find("granted"));
	ck_assert_int_gt(rn_audit_wake(bench.core), rn_core_now() + 50000);
	release(1, &grant);
}
END_TEST

Suite *suite_ctl_core(void)
{
	Suite *suite = suite_create("ctl_core");
	TCase *tc = tcase_create("ctl_core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, events_have_all_fields);
	tcase_add_test(tc, refusals_of_one_gateway_are_bounded);
	tcase_add_test(tc, quarantine_survives_a_restart);
	tcase_add_loop_test(tc, quarantine_survives_a_clock, 0, 2);
	tcase_add_test(tc, quarantine_that_is_over_stays_over);
	tcase_add_test(tc, lease_over_is_reclaimed);
	tcase_add_test(tc, P7_a_promised_term_outlives_the_configuration);
	tcase_add_test(tc, P7_a_promise_without_end_has_none);
	tcase_add_test(tc, reclaim_is_off_without_being_asked_for);
	tcase_add_test(tc, fenced_is_not_reclaimed);
	tcase_add_test(tc, registered_again_is_not_reclaimed);
	tcase_add_test(tc, restored_waits_for_everybody);
	tcase_add_test(tc, restored_goes_on_waiting_after_a_restart);
	tcase_add_test(tc, restored_without_one_that_is_off);
	tcase_add_test(tc, restored_and_the_lease_is_over);
	tcase_add_test(tc, old_rows_go_by_themselves);
	suite_add_tcase(suite, tc);
	return suite;
}
