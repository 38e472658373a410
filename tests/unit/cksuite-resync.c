// SPDX-License-Identifier: GPL-2.0
/*
 * One gateway with many mappings, and how little of it happens in one turn of
 * the loop: the controller's core, records and resync on a real store, with the
 * connections played here. Nothing is timed; turns are counted.
 */
#include "controller/output.h"
#include "controller/resync.h"
#include "controller/tell.h"
#include "corebench.h"
#include "suites.h"

#define HOUR_MS	3600000

static struct rn_resync resync;
static gboolean full;		/* gw1's connection */
static guint relieved;

/* What was sent, by receiver and type; the last of each. */
static guint sent[3][RN_MSG_TYPE_MAX + 1];
static struct rn_msg last[3][RN_MSG_TYPE_MAX + 1];
static GHashTable *granted;	/* id -> epoch, of gw1 */
static gboolean acks;		/* gw1 acknowledges at once */

/* ---- the connections ---- */

static gboolean on_ack(gpointer data)
{
	rn_core_message(core, gw1, data);
	rn_resync_go_on(&resync);
	return G_SOURCE_REMOVE;
}

static void acknowledge(const struct rn_msg *grant)
{
	const struct rn_msg ack = {
		.type = RN_MSG_GRANT_ACK, .id = grant->id, .epoch = grant->epoch,
		.incarnation = grant->incarnation,
	};

	g_idle_add_full(G_PRIORITY_DEFAULT, on_ack, g_memdup2(&ack, sizeof(ack)), g_free);
}

static gboolean on_send(struct rn_gateway *gw, const struct rn_msg *msg)
{
	guint to = gw->row.number;

	sent[to][msg->type]++;
	last[to][msg->type] = *msg;
	if (msg->type != RN_MSG_GRANT || gw != gw1)
		return TRUE;
	g_hash_table_insert(granted, GSIZE_TO_POINTER(msg->id), GSIZE_TO_POINTER(msg->epoch));
	if (acks)
		acknowledge(msg);
	return TRUE;
}

static gboolean on_full(struct rn_gateway *gw)
{
	return gw == gw1 && full;
}

static void on_relieved(void *data)
{
	relieved++;
	rn_resync_go_on(&resync);
}

static void on_event(const struct rn_store_audit *event, void *data)
{
}

static void on_changed(struct rn_record *record, void *data)
{
}

static void on_failed(const char *message, void *data)
{
	ck_abort_msg("store: %s", message);
}

static const struct rn_core_hooks hooks = {
	.event = on_event, .changed = on_changed, .send = on_send, .full = on_full,
	.relieved = on_relieved, .failed = on_failed,
};

static void setup(void)
{
	core_setup(&hooks);
	granted = g_hash_table_new(NULL, NULL);
	/* Connected: retries are only for those. */
	gw1->session = (struct rn_session *)core;
	gw2->session = (struct rn_session *)core;
	acks = TRUE;
}

static void teardown(void)
{
	rn_resync_stop(&resync);
	core_teardown();
	g_hash_table_unref(granted);
}

static void name(guint from, guint to)
{
	for (guint n = from; n <= to; n++) {
		const struct rn_msg msg = {
			.type = RN_MSG_INVENTORY, .id = n, .epoch = 7, .incarnation = 1,
		};

		rn_resync_named(&resync, &msg);
	}
}

static void begin(gboolean fresh)
{
	rn_resync_begin(&resync, core, gw1, fresh);
}

static void end(void)
{
	const struct rn_msg msg = { .type = RN_MSG_INVENTORY_END, .nonce = 4711 };

	rn_resync_end(&resync, &msg);
}

static guint done(void)
{
	return sent[1][RN_MSG_INVENTORY_DONE];
}

/* ---- what is granted again ---- */

START_TEST(test_difference)
{
	const struct rn_msg old = { .type = RN_MSG_INVENTORY, .id = 9, .epoch = 6 };
	const struct rn_msg new = { .type = RN_MSG_INVENTORY, .id = 9, .epoch = 8 };
	const struct rn_msg unknown = { .type = RN_MSG_INVENTORY, .id = MANY + 1, .epoch = 1 };

	begin(FALSE);
	name(1, 8);
	rn_resync_named(&resync, &old);
	ck_assert_uint_eq(last[1][RN_MSG_STALE].epoch, 6);
	rn_resync_named(&resync, &new);
	ck_assert_uint_eq(last[1][RN_MSG_NEVER].epoch, 8);
	rn_resync_named(&resync, &unknown);
	ck_assert_uint_eq(last[1][RN_MSG_NEVER].id, MANY + 1);
	name(10, MANY);
	end();
	WAIT_FOR(done());
	ck_assert_uint_eq(last[1][RN_MSG_INVENTORY_DONE].nonce, 4711);
	ck_assert_uint_eq(g_hash_table_size(granted), 1);
	ck_assert_ptr_eq(g_hash_table_lookup(granted, GSIZE_TO_POINTER(9)), GSIZE_TO_POINTER(7));
}
END_TEST

/* A registration ends what was named before; what was named in the inventory of
 * an earlier connection counts no more either.
 */
START_TEST(test_all_again)
{
	begin(_i);
	name(1, MANY);
	if (!_i)
		begin(FALSE);
	end();
	WAIT_FOR(done());
	ck_assert_uint_eq(g_hash_table_size(granted), MANY);
	/* On a slow machine some are said again. */
	ck_assert_uint_ge(sent[1][RN_MSG_GRANT], MANY);
	WAIT_FOR(!gw1->unacked);
}
END_TEST

/* gw1 loses mappings to gw2, and gets others, while its queue is walked. */
START_TEST(test_queue_changes)
{
	struct rn_record *record;
	guint lost = 0;

	begin(FALSE);
	end();
	while (!done()) {
		GList *next = gw1->inventory.next;
		GList *behind = next ? next->next : NULL;
		struct rn_private vm;

		if (next && lost < 10) {
			record = next->data;
			vm = record->own.vm;
			record->own.owner = 2;
			rn_records_update(core->records, record, &vm);
			lost++;
			ck_assert_ptr_eq(gw1->inventory.next, behind);
		}
		g_main_context_iteration(NULL, TRUE);
	}
	ck_assert_uint_eq(lost, 10);
	ck_assert_uint_eq(g_hash_table_size(granted), MANY - 10);
}
END_TEST

/* ---- how much at a time ---- */

/* No turn grants more than it may, and a request of gw2 that comes between two
 * turns is answered before the next.
 */
START_TEST(test_turns)
{
	struct rn_record *record = rn_records_id(core->records, MANY);
	struct rn_private vm = record->own.vm;
	struct rn_msg request;
	guint turns = 0;

	record->own.owner = 2;
	rn_records_update(core->records, record, &vm);
	begin(FALSE);
	end();
	while (!done()) {
		guint before = sent[1][RN_MSG_GRANT];

		g_main_context_iteration(NULL, TRUE);
		/* And as many that are said again, on a slow machine. */
		ck_assert_uint_le(sent[1][RN_MSG_GRANT] - before, 2 * RN_CORE_TURN);
		turns++;
		request = request_of(MANY, gw2);
		rn_core_message(core, gw2, &request);
		ck_assert_uint_eq(sent[2][RN_MSG_GRANT], turns);
	}
	ck_assert_uint_ge(turns, MANY / RN_CORE_TURN);
	ck_assert_uint_eq(g_hash_table_size(granted), MANY - 1);
}
END_TEST

/* What is named is only looked at; that too is bounded. */
START_TEST(test_look)
{
	guint turns = 0;

	begin(FALSE);
	name(1, MANY);
	end();
	for (; !done(); turns++)
		g_main_context_iteration(NULL, TRUE);
	ck_assert_uint_ge(turns, MANY / RN_RESYNC_LOOK + 1);
	ck_assert_uint_eq(sent[1][RN_MSG_GRANT], 0);
}
END_TEST

/* Until it acknowledges, a gateway gets no more than the window; if it never
 * does, some more each second.
 */
START_TEST(test_window)
{
	struct rn_msg ack = { .type = RN_MSG_GRANT_ACK, .epoch = 7, .incarnation = 1 };
	GHashTableIter iter;
	gpointer id;
	guint n = 0;

	acks = FALSE;
	begin(FALSE);
	end();
	WAIT_FOR(resync.stall);
	ck_assert_uint_eq(g_hash_table_size(granted), RN_RESYNC_WINDOW);
	ck_assert_uint_eq(gw1->unacked, RN_RESYNC_WINDOW);
	g_hash_table_iter_init(&iter, granted);
	while (g_hash_table_iter_next(&iter, &id, NULL) && n++ < RN_RESYNC_WINDOW / 2) {
		ack.id = GPOINTER_TO_SIZE(id);
		rn_core_message(core, gw1, &ack);
		ck_assert_uint_eq(resync.source, 0);
		rn_resync_go_on(&resync);
	}
	ck_assert_uint_ne(resync.source, 0);
	WAIT_FOR(resync.stall);
	ck_assert_uint_eq(gw1->unacked, RN_RESYNC_WINDOW);
	ck_assert_uint_eq(g_hash_table_size(granted), RN_RESYNC_WINDOW * 3 / 2);
	WAIT_FOR(gw1->unacked > RN_RESYNC_WINDOW);
	ck_assert_uint_eq(core->counters.value[RN_COUNTER_resync_stalls], 1);
	ck_assert_uint_eq(gw1->unacked, RN_RESYNC_WINDOW + RN_CORE_TURN);
}
END_TEST

/* A gateway that does not read is granted nothing, nor told anything again. */
START_TEST(test_full)
{
	guint before;

	acks = FALSE;
	begin(FALSE);
	end();
	WAIT_FOR(sent[1][RN_MSG_GRANT]);
	full = TRUE;
	before = sent[1][RN_MSG_GRANT];
	WAIT_FOR(core->counters.value[RN_COUNTER_postponed] >= before);
	ck_assert_uint_eq(sent[1][RN_MSG_GRANT], before);
	ck_assert_uint_eq(resync.source, 0);
	full = FALSE;
	rn_resync_go_on(&resync);
	WAIT_FOR(sent[1][RN_MSG_GRANT] >= 2 * before);
}
END_TEST

/* A disk that is behind stops it; once it has caught up, that is told. */
START_TEST(test_behind)
{
	uint64_t saved;
	guint before;

	begin(FALSE);
	name(1, MANY);
	end();
	saved = core->saved;
	core->saved = G_MAXUINT64;
	for (guint n = 0; n < RN_CORE_OUT_MAX; n++) {
		const struct rn_msg msg = { .type = RN_MSG_LEASE };

		ck_assert(!rn_core_behind(core));
		rn_core_send(core, 1, &msg);
	}
	ck_assert(rn_core_behind(core));
	before = core->out.length;
	for (guint n = 0; n < 100; n++)
		g_main_context_iteration(NULL, FALSE);
	ck_assert(!done());
	ck_assert_uint_eq(core->out.length, before);
	ck_assert_uint_eq(relieved, 0);
	core->saved = saved;
	core->durable = G_MAXUINT64;
	rn_output_release(core);
	ck_assert_uint_eq(relieved, 1);
	WAIT_FOR(done());
}
END_TEST

/* ---- what happens to a gateway ---- */

static void revoke_all(void)
{
	for (guint n = 1; n <= MANY; n++) {
		struct rn_record *record = rn_records_id(core->records, n);
		struct rn_private vm = record->own.vm;

		record->own.state = OWN_CTL_REVOKING;
		record->own.dst = 2;
		record->own.since = rn_core_now() + HOUR_MS;	/* never over */
		record->own.retry_at = OWN_NEVER;
		record->own.ordered = true;
		rn_records_update(core->records, record, &vm);
	}
	ck_assert_uint_eq(gw1->revoking, MANY);
}

/* gw1 registers while all its mappings wait to be taken over: that takes turns,
 * and in between it gets back none of them (I1), however it asks.
 */
START_TEST(test_told_in_turns)
{
	struct rn_msg request, named = { .type = RN_MSG_INVENTORY, .id = MANY - 1, .epoch = 7 };
	guint turns = 0;

	revoke_all();
	rn_core_register(core, gw1, 1);
	ck_assert_uint_eq(gw1->revoking, MANY - RN_CORE_TURN);
	request = request_of(MANY, gw1);
	rn_core_message(core, gw1, &request);
	begin(TRUE);
	rn_resync_named(&resync, &named);
	ck_assert_uint_eq(rn_records_id(core->records, MANY)->own.owner, 2);
	ck_assert_uint_eq(rn_records_id(core->records, MANY - 1)->own.owner, 2);
	end();
	while (gw1->revoking || !done()) {
		guint before = gw1->revoking;

		g_main_context_iteration(NULL, TRUE);
		/* Its own turn, and a turn of the resync. */
		ck_assert_uint_le(before - gw1->revoking, 2 * RN_CORE_TURN);
		turns++;
	}
	ck_assert_uint_ge(turns, MANY / RN_CORE_TURN / 2 - 1);
	ck_assert_uint_eq(sent[1][RN_MSG_GRANT], 0);
	ck_assert_uint_eq(gw1->owned.length, 0);
	ck_assert_uint_eq(gw2->owned.length, MANY);
	WAIT_FOR(sent[2][RN_MSG_GRANT] >= MANY);
	ck_assert_uint_eq(last[2][RN_MSG_GRANT].epoch, 8);
}
END_TEST

/* Fenced, and back before all were told: each record gets both, in order. */
START_TEST(test_told_twice)
{
	revoke_all();
	rn_core_fence(core, gw1, "operator", "off");
	ck_assert_uint_eq(gw1->revoking, MANY - RN_CORE_TURN);
	rn_core_register(core, gw1, 1);
	ck_assert_uint_eq(gw1->revoking, 0);
	ck_assert_uint_eq(gw2->owned.length, MANY);
	WAIT_FOR(!core->telling);
}
END_TEST

/* What is not in a verification costs nothing, and what came into one after
 * the event does not hear of it.
 */
START_TEST(test_not_told)
{
	struct rn_record *record = rn_records_id(core->records, 1);
	struct rn_private vm = record->own.vm;
	uint64_t steps = core->rev;

	rn_core_register(core, gw1, 1);
	ck_assert_uint_eq(core->rev, steps + 1);
	ck_assert_uint_eq(core->telling, 0);
	record->own.state = OWN_CTL_REVOKING;
	record->own.dst = 2;
	record->own.since = rn_core_now() + HOUR_MS;
	rn_records_update(core->records, record, &vm);
	rn_tell_catch_up(core, record);
	ck_assert_uint_eq(record->own.owner, 1);
	rn_core_register(core, gw1, 1);
	ck_assert_uint_eq(record->own.owner, 2);
}
END_TEST

/* The one that is asked matters: a destination that registers is asked again, in
 * its new incarnation; the source's registration changes nothing.
 */
START_TEST(test_destination_told)
{
	struct rn_record *record = rn_records_id(core->records, 1);
	struct rn_private vm = record->own.vm;

	record->own.state = OWN_CTL_VERIFY_DST;
	record->own.dst = 2;
	record->own.since = rn_core_now() + HOUR_MS;
	record->own.retry_at = OWN_NEVER;
	rn_records_update(core->records, record, &vm);
	rn_core_register(core, gw1, 1);
	WAIT_FOR(sent[1][RN_MSG_REGISTERED]);
	ck_assert_uint_eq(sent[2][RN_MSG_VERIFY_DST], 0);
	rn_core_register(core, gw2, 1);
	WAIT_FOR(sent[2][RN_MSG_VERIFY_DST] == 1);
	ck_assert_uint_eq(last[2][RN_MSG_VERIFY_DST].incarnation, 2);
	ck_assert_uint_eq(sent[2][RN_MSG_REGISTERED], 1);
}
END_TEST

Suite *suite_resync(void)
{
	Suite *suite = suite_create("resync");
	TCase *tc = tcase_create("resync");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_difference);
	tcase_add_loop_test(tc, test_all_again, 0, 2);
	tcase_add_test(tc, test_queue_changes);
	tcase_add_test(tc, test_turns);
	tcase_add_test(tc, test_look);
	tcase_add_test(tc, test_window);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_behind);
	tcase_add_test(tc, test_told_in_turns);
	tcase_add_test(tc, test_told_twice);
	tcase_add_test(tc, test_not_told);
	tcase_add_test(tc, test_destination_told);
	suite_add_tcase(suite, tc);
	return suite;
}
