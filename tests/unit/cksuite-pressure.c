// SPDX-License-Identifier: GPL-2.0
/*
 * Who is slow slows its peer down, and nobody else: what one turn does for a
 * connection, what pausing does, and what the controller makes of a gateway that
 * does not read; and transfers that are too large for one message. Real connections
 * over 127.0.0.1.
 */
#include <string.h>
#include <sys/socket.h>
#include "controller/session.h"
#include "corebench.h"
#include "net/conn_priv.h"
#include "netbench.h"
#include "pki.h"
#include "suites.h"

/* ---- a connection ---- */

static void connect_both(void)
{
	dial("gw1", CONTROLLER);
	WAIT(server.ups && client.ups);
}

/* With a text, to fill queues by few. */
static gboolean ping(guint64 nonce)
{
	struct rn_msg msg = { .type = RN_MSG_PING, .nonce = nonce };

	memset(msg.text, 'x', sizeof(msg.text) - 1);
	return rn_conn_send(rn_dialer_conn(dialer), &msg);
}

/* However much has come, a turn ends after so many, or with the frame in hand. */
START_TEST(turn)
{
	const guint n = 20 * RN_CONN_TURN_MESSAGES;
	guint turns = 0;

	connect_both();
	for (guint i = 1; i <= n; i++)
		ck_assert(ping(i));
	while (server.messages < n) {
		guint before = server.messages;

		g_main_context_iteration(context, TRUE);
		ck_assert_uint_lt(server.messages - before,
				  RN_CONN_TURN_MESSAGES + RN_CONN_FRAME_MESSAGES);
		turns += server.messages > before;
	}
	ck_assert_uint_ge(turns, n / (RN_CONN_TURN_MESSAGES + RN_CONN_FRAME_MESSAGES));
}
END_TEST

/* One that is paused reads nothing and is not offended by silence; the other one
 * fills its queue to the bound, and gets rid of all of it afterwards.
 */
START_TEST(paused)
{
	guint64 sent = 0;
	guint refused = 0;

	connect_both();
	ck_assert(!rn_conn_full(rn_dialer_conn(dialer)));
	rn_conn_set_idle_timeout(server.conn, 1);
	rn_conn_pause(server.conn, TRUE);
	while (refused < 10) {
		if (ping(sent + 1))
			sent++;
		else
			refused++;
		if (!(sent % 1000) || refused)
			g_main_context_iteration(context, FALSE);
	}
	ck_assert(rn_conn_full(rn_dialer_conn(dialer)));
	ck_assert_uint_eq(server.messages, 0);
	ck_assert_uint_eq(server.downs, 0);
	ck_assert_uint_eq(client.drained, 0);
	rn_conn_set_idle_timeout(server.conn, 0);
	rn_conn_pause(server.conn, FALSE);
	WAIT(server.messages == sent);
	ck_assert_uint_eq(client.drained, 1);
	ck_assert(!rn_conn_full(rn_dialer_conn(dialer)));
}
END_TEST

/* A reset is noticed by one that does not read. */
START_TEST(paused_reset)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	connect_both();
	rn_conn_pause(server.conn, TRUE);
	ck_assert_int_eq(connect(rn_dialer_conn(dialer)->fd, &none, sizeof(none)), 0);
	WAIT(server.downs);
	assert_reason(&server, RN_CONN_ERROR_CLOSED, "ended without closing");
}
END_TEST

/* ---- a transfer in parts ---- */

static guint arrived;		/* bindings of the last transfer */

static void on_transfer(struct rn_conn *link, const struct rn_msg *msg, void *data)
{
	struct end *end = data;

	end->messages++;
	if (msg->type == RN_MSG_XFER)
		arrived = rn_bindings_count(rn_conn_bindings(link));
}

static const struct rn_conn_ops transfer_ops = { .message = on_transfer, .transfers = TRUE };
static const struct rn_conn_ops plain_ops = { .message = on_transfer };

static struct rn_bindings *large(guint n)
{
	struct rn_bindings *bindings = rn_bindings_new();
	struct rn_addr remote = { 4, { 192, 0, 2, 9 } };

	for (guint i = 0; i < n; i++) {
		struct rn_binding b = {
			.proto = i < 16384 ? 17 : 6, .state = 1, .private_port = 1 + i % 65535,
			.public_port = (uint16_t)(16384 + i % 16384), .remaining = 300000,
			.remote = i, .n_remotes = 1,
		};

		g_array_append_val(bindings->list, b);
		g_array_append_val(bindings->remotes, remote);
	}
	return bindings;
}

static struct rn_msg transfer(guint64 nonce)
{
	return (struct rn_msg) {
		.type = RN_MSG_XFER, .id = 5, .epoch = 6, .nonce = nonce,
		.vm = { .kind = RN_KIND_BLOCK, .addr = { 4, { 10, 0, 0, 5 } } },
		.pub = { .port = 16384, .ports = 16384, .addr = { 4, { 203, 0, 113, 7 } } },
	};
}

static void expect_messages(const struct rn_conn_ops *ops, guint n)
{
	rn_conn_set_ops(server.conn, ops, &server);
	WAIT(server.messages == n);
	server.messages = 0;
	rn_conn_set_ops(server.conn, &net_ops, &server);
}

/* B1's word for blocks: however many bindings, all of them are there, at once. */
START_TEST(transfer_in_parts)
{
	static const guint many[] = { 1, 4096, 4097, 8192, 30000, 49152 };
	struct rn_msg msg = transfer(1);

	connect_both();
	for (guint i = 0; i < G_N_ELEMENTS(many); i++) {
		g_autoptr(RnBindings) all = large(many[i]);

		arrived = 0;
		ck_assert(rn_conn_send_with(rn_dialer_conn(dialer), &msg, all));
		expect_messages(&transfer_ops, 1);
		ck_assert_uint_eq(arrived, many[i]);
		ck_assert_ptr_null(rn_conn_bindings(server.conn));
	}
	ck_assert_uint_eq(server.conn->refused, 0);
	/* Who takes no transfers hears each message, and keeps nothing. */
	{
		g_autoptr(RnBindings) all = large(8193);

		ck_assert(rn_conn_send_with(rn_dialer_conn(dialer), &msg, all));
		expect_messages(&plain_ops, 3);
		ck_assert_uint_eq(arrived, 1);
		ck_assert_ptr_null(server.conn->joined);
	}
}
END_TEST

static void send_part(const struct rn_msg *msg, const struct rn_bindings *all, guint i)
{
	g_autoptr(RnBindings) part = rn_bindings_part(all, i);

	ck_assert(rn_conn_send_with(rn_dialer_conn(dialer), msg, part));
}

/* Of a transfer that is not whole nothing is heard, whatever is missing (I8). */
START_TEST(parts_that_do_not_fit)
{
	g_autoptr(RnBindings) all = large(8193);
	struct rn_msg msg = transfer(1), other = transfer(2), ping = { .type = RN_MSG_PING };

	connect_both();
	arrived = 0;
	send_part(&msg, all, 0);
	send_part(&msg, all, 2);	/* the second is missing */
	send_part(&msg, all, 1);	/* too late */
	send_part(&msg, all, 2);
	send_part(&msg, all, 0);
	send_part(&other, all, 1);	/* of another transfer */
	send_part(&msg, all, 2);
	ck_assert(rn_conn_send(rn_dialer_conn(dialer), &ping));
	expect_messages(&transfer_ops, 1);
	ck_assert_uint_eq(arrived, 0);
	ck_assert_ptr_null(server.conn->joined);
	send_part(&msg, all, 0);
	send_part(&other, all, 0);	/* takes its place */
	send_part(&other, all, 1);
	send_part(&other, all, 2);
	expect_messages(&transfer_ops, 1);
	ck_assert_uint_eq(arrived, 8193);
	/* The rest of one goes with the connection; ASan would say if it did not. */
	send_part(&msg, all, 0);
	ck_assert(rn_conn_send(rn_dialer_conn(dialer), &ping));
	expect_messages(&transfer_ops, 1);
	ck_assert_uint_eq(rn_bindings_count(server.conn->joined), 4096);
	ck_assert_uint_eq(server.conn->refused, 0);
}
END_TEST

/* All of it or nothing is queued. */
START_TEST(parts_and_a_full_queue)
{
	g_autoptr(RnBindings) all = large(49152);
	struct rn_msg msg = transfer(1);
	guint sent = 0;

	connect_both();
	rn_conn_pause(server.conn, TRUE);
	while (rn_conn_send_with(rn_dialer_conn(dialer), &msg, all))
		sent++;
	ck_assert_uint_ge(sent, 1);
	ck_assert_uint_le(sent, 2);
	rn_conn_pause(server.conn, FALSE);
	expect_messages(&transfer_ops, sent);
	ck_assert_uint_eq(arrived, 49152);
}
END_TEST

/* ---- the controller ---- */

static struct rn_sessions *sessions;
static struct rn_tls *tls;
static struct rn_conn *conn;	/* of gw1 */
static guint got[RN_MSG_TYPE_MAX + 1];
static struct rn_msg last_of[RN_MSG_TYPE_MAX + 1];
static gboolean down;

static void on_event(const struct rn_store_audit *event, void *data)
{
}

static void on_changed(struct rn_record *record, void *data)
{
}

static void on_relieved(void *data)
{
	rn_sessions_relieved(sessions);
}

static void on_failed(const char *message, void *data)
{
	ck_abort_msg("store: %s", message);
}

static void on_up(struct rn_conn *up, void *data)
{
	const struct rn_msg hello = { .type = RN_MSG_HELLO, .version = RN_PROTO_VERSION,
				      .mode = RN_MODE_SOURCE, .name = "gw1" };

	conn = up;
	rn_conn_send(conn, &hello);
}

static void on_message(struct rn_conn *from, const struct rn_msg *msg, void *data)
{
	got[msg->type]++;
	last_of[msg->type] = *msg;
}

static void on_down(struct rn_conn *from, const GError *reason, void *data)
{
	conn = NULL;
	down = TRUE;
}

static void session_setup(void)
{
	static const struct rn_core_hooks hooks = {
		.event = on_event, .changed = on_changed, .send = rn_session_send,
		.full = rn_session_full, .relieved = on_relieved, .failed = on_failed,
	};
	static const struct rn_conn_ops ops = {
		.up = on_up, .message = on_message, .down = on_down,
	};
	g_autofree char *endpoint = NULL;

	core_setup(&hooks);
	tls = pki_tls("controller", NULL);
	client_tls = pki_tls("gw1", NULL);
	sessions = rn_sessions_new(core, tls, NULL);
	ck_assert_ptr_nonnull(sessions);
	endpoint = g_strdup_printf("127.0.0.1:%u", rn_sessions_port(sessions));
	dialer = rn_dialer_new(client_tls, endpoint, CONTROLLER, &ops, NULL);
	WAIT_FOR(got[RN_MSG_HELLO_ACK]);
	ck_assert_uint_eq(last_of[RN_MSG_HELLO_ACK].code, 0);
}

static void session_teardown(void)
{
	rn_dialer_free(dialer);
	rn_sessions_free(sessions);
	core_teardown();
	rn_tls_free(tls);
	rn_tls_free(client_tls);
}

static uint64_t counted(enum rn_counter counter)
{
	return core->counters.value[counter];
}

/* Asks for what it has until the controller reads no more; reads nothing. */
static guint ask_without_reading(void)
{
	guint asked = 0;

	rn_conn_pause(conn, TRUE);
	while (!counted(RN_COUNTER_sessions_paused)) {
		for (guint i = 0; i < 256 && !rn_conn_full(conn); i++, asked++) {
			struct rn_msg request = request_of(1 + asked % MANY, gw1);

			ck_assert(rn_conn_send(conn, &request));
		}
		g_main_context_iteration(NULL, FALSE);
	}
	return asked;
}

/* A gateway that asks and does not read is not read: no answer is lost, and no
 * queue grows.
 */
START_TEST(asks_and_reads_not)
{
	guint asked = ask_without_reading();

	ck_assert(rn_session_full(gw1));
	/* Far below where the connection would be closed. */
	ck_assert(gw1->session);
	ck_assert_uint_lt(counted(RN_COUNTER_messages), asked);
	rn_conn_pause(conn, FALSE);
	WAIT_FOR(counted(RN_COUNTER_messages) > asked);
	WAIT_FOR(got[RN_MSG_GRANT] >= asked);
	ck_assert_uint_eq(counted(RN_COUNTER_sessions_slow), 0);
	ck_assert(!rn_session_full(gw1));
}
END_TEST

/* For so long that it is no use any more: closed, and it may come again. */
START_TEST(reads_not_for_long)
{
	ask_without_reading();
	WAIT_FOR(counted(RN_COUNTER_sessions_slow));
	WAIT_FOR(!gw1->session);
	if (conn)
		rn_conn_pause(conn, FALSE);
	WAIT_FOR(down);
	WAIT_FOR(got[RN_MSG_HELLO_ACK] == 2);
}
END_TEST

/* What others cause to be said to it is bounded too. */
START_TEST(told_too_much)
{
	struct rn_msg move = { .type = RN_MSG_MOVE };
	gsize bytes = 0;

	memset(move.text, 'x', sizeof(move.text) - 1);
	rn_conn_pause(conn, TRUE);
	for (; !counted(RN_COUNTER_sessions_slow); bytes += sizeof(move.text)) {
		ck_assert_uint_lt(bytes, 2 * RN_CONN_QUEUE_MAX);
		rn_core_send(core, 1, &move);
	}
	ck_assert_uint_gt(bytes, RN_CONN_QUEUE_MAX / 2);
	ck_assert_uint_eq(counted(RN_COUNTER_sessions_slow), 1);
	WAIT_FOR(!gw1->session);
	ck_assert_uint_eq(counted(RN_COUNTER_sessions_slow), 1);
}
END_TEST

/* While 4096 outputs wait for the disk nothing is read. */
START_TEST(disk_behind)
{
	uint64_t durable = core->durable;
	guint asked, handled;

	core->saved = G_MAXUINT64;
	for (asked = 0; asked < 2 * RN_CORE_OUT_MAX; asked++) {
		struct rn_msg request = request_of(1 + asked % MANY, gw1);

		ck_assert(rn_conn_send(conn, &request));
	}
	WAIT_FOR(counted(RN_COUNTER_sessions_paused));
	handled = core->out.length;
	/* Nor is anything said again: some grants are due after 0.2 s. */
	WAIT_FOR(counted(RN_COUNTER_postponed));
	ck_assert_uint_eq(core->out.length, handled);
	ck_assert_uint_lt(handled, RN_CORE_OUT_MAX + 2 * RN_CONN_FRAME_MESSAGES);
	core->saved = durable;
	core->durable = G_MAXUINT64;
	rn_core_send(core, 1, &(struct rn_msg) { .type = RN_MSG_PONG });
	/* The HELLO too. */
	WAIT_FOR(counted(RN_COUNTER_messages) > asked);
	WAIT_FOR(got[RN_MSG_GRANT] >= asked);
	core->durable = durable;
}
END_TEST

Suite *suite_pressure(void)
{
	Suite *suite = suite_create("pressure");
	TCase *net = tcase_create("conn");
	TCase *controller = tcase_create("controller");

	tcase_set_timeout(net, 60);
	tcase_add_unchecked_fixture(net, pki_make, pki_remove);
	tcase_add_checked_fixture(net, net_setup, net_teardown);
	tcase_add_test(net, turn);
	tcase_add_test(net, paused);
	tcase_add_test(net, paused_reset);
	tcase_add_test(net, transfer_in_parts);
	tcase_add_test(net, parts_that_do_not_fit);
	tcase_add_test(net, parts_and_a_full_queue);
	suite_add_tcase(suite, net);
	tcase_set_timeout(controller, 60);
	tcase_add_unchecked_fixture(controller, pki_make, pki_remove);
	tcase_add_checked_fixture(controller, session_setup, session_teardown);
	tcase_add_test(controller, asks_and_reads_not);
	tcase_add_test(controller, reads_not_for_long);
	tcase_add_test(controller, told_too_much);
	tcase_add_test(controller, disk_behind);
	suite_add_tcase(suite, controller);
	return suite;
}
