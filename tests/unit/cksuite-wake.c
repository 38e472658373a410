// SPDX-License-Identifier: GPL-2.0
/* Deadlines of the loop that move, and numbers that nobody guesses. */
#include <glib.h>
#include "base/random.h"
#include "base/wake.h"
#include "suites.h"

static int dispatched;
static gint64 due, ended;

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	gint64 now = g_get_monotonic_time();

	dispatched++;
	if (now >= due) {
		ended = now;
		due = G_MAXINT64;
		rn_wake_at(source, -1);
		return G_SOURCE_CONTINUE;
	}
	rn_wake_at(source, due);
	return G_SOURCE_CONTINUE;
}

static GSource *begin(void)
{
	static GSourceFuncs funcs = { .dispatch = dispatch };
	GSource *source = g_source_new(&funcs, sizeof(GSource));

	dispatched = 0;
	ended = 0;
	g_source_attach(source, NULL);
	return source;
}

static void end(GSource *source)
{
	g_source_destroy(source);
	g_source_unref(source);
}

START_TEST(moves_away)
{
	GSource *source = begin();
	gint64 now = g_get_monotonic_time(), first = now + G_TIME_SPAN_HOUR, late;

	rn_wake_at(source, first);
	/* A thousand changes, and the loop hears of none. */
	for (int i = 1; i <= 1000; i++) {
		rn_wake_at(source, first + i);
		ck_assert_int_eq(g_source_get_ready_time(source), first);
	}
	rn_wake_at(source, -1);
	ck_assert_int_eq(g_source_get_ready_time(source), first);

	/* Nor is it late: once too early, and then at the right time. */
	rn_wake_at(source, now + 20000);
	late = now + 40000;
	due = late;
	rn_wake_at(source, due);
	while (!ended)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_int_ge(ended, late);
	ck_assert_int_le(dispatched, 2);
	ck_assert_int_eq(g_source_get_ready_time(source), -1);
	end(source);
}
END_TEST

START_TEST(comes_nearer)
{
	GSource *source = begin();
	gint64 now = g_get_monotonic_time();

	rn_wake_at(source, now + G_TIME_SPAN_HOUR);
	due = now + 5000;
	rn_wake_at(source, due);
	ck_assert_int_eq(g_source_get_ready_time(source), due);
	while (!ended)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_int_ge(ended, now + 5000);
	/* After its time, and after "never", any time is set. */
	rn_wake_at(source, now + 10 * G_TIME_SPAN_HOUR);
	ck_assert_int_eq(g_source_get_ready_time(source), now + 10 * G_TIME_SPAN_HOUR);
	/* "At once" is not put off. */
	rn_wake_at(source, 0);
	ck_assert_int_eq(g_source_get_ready_time(source), 0);
	end(source);
}
END_TEST

START_TEST(no_number_comes_again)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

	for (int i = 0; i < 10000; i++) {
		gint64 *number = g_new(gint64, 1);

		*number = (gint64)rn_random();
		ck_assert(g_hash_table_add(seen, number));
	}
}
END_TEST

Suite *suite_wake(void)
{
	Suite *suite = suite_create("wake");
	TCase *tc = tcase_create("wake");

	tcase_add_test(tc, moves_away);
	tcase_add_test(tc, comes_nearer);
	tcase_add_test(tc, no_number_comes_again);
	suite_add_tcase(suite, tc);
	return suite;
}
