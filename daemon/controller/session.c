// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "base/failpoint.h"
#include "base/log.h"
#include "base/random.h"
#include "controller/resync.h"
#include "controller/session.h"

#define PENDING_MAX	64	/* connections without HELLO */
#define IDLE_MS		5000	/* silent for so long: closed */
#define SLOW_MS		10000	/* and one that does not read for so long */

struct rn_sessions {
	struct rn_core *core;
	struct rn_listener *listener;
	GHashTable *all;	/* struct rn_session, also before HELLO */
	guint tick;
	gboolean ending;
};

struct rn_session {
	struct rn_sessions *sessions;
	struct rn_conn *conn;
	struct rn_gateway *gw;	/* NULL before HELLO, and once it is cut */
	gboolean closing, paused;
	int64_t full_since;	/* the connection is full; 0 it is not */
	uint64_t registered;	/* unit of the store that makes the incarnation durable */
	struct rn_resync resync;
};

static struct rn_core *core_of(const struct rn_session *session)
{
	return session->sessions->core;
}

/* ---- sending ---- */

static void session_close(struct rn_session *session)
{
	if (session->closing)
		return;
	session->closing = TRUE;
	rn_conn_close(session->conn);
}

/* It connects again, and its inventory tells what it misses. */
static void close_slow(struct rn_session *session)
{
	rn_count(&core_of(session)->counters, sessions_slow);
	rn_warn("gateway %s does not read its messages: connection closed",
		session->gw ? session->gw->row.name : "?");
	session_close(session);
}

/* Its requests cause answers, and others wait for the same disk: not read while
 * either has enough to do. Nobody else stops reading, or both ends might wait.
 */
static void check_pressure(struct rn_session *session)
{
	gboolean full = rn_conn_full(session->conn);

	if (!full)
		session->full_since = 0;
	else if (!session->full_since)
		session->full_since = rn_core_now();
	full = full || rn_core_behind(core_of(session));
	if (full && !session->paused)
		rn_count(&core_of(session)->counters, sessions_paused);
	session->paused = full;
	rn_conn_pause(session->conn, full);
}

static gboolean send_now(struct rn_session *session, const struct rn_msg *msg)
{
	if (session->closing)
		return FALSE;
	if (!rn_conn_send(session->conn, msg)) {
		close_slow(session);
		return FALSE;
	}
	if (!session->full_since && rn_conn_full(session->conn))
		check_pressure(session);
	return TRUE;
}

gboolean rn_session_send(struct rn_gateway *gw, const struct rn_msg *msg)
{
	return gw->session && send_now(gw->session, msg);
}

gboolean rn_session_full(struct rn_gateway *gw)
{
	return gw->session && rn_conn_full(gw->session->conn);
}

static void on_drained(struct rn_conn *conn G_GNUC_UNUSED, void *data)
{
	struct rn_session *session = data;

	check_pressure(session);
	rn_resync_go_on(&session->resync);
}

void rn_sessions_relieved(struct rn_sessions *sessions)
{
	GHashTableIter iter;
	gpointer data;

	g_hash_table_iter_init(&iter, sessions->all);
	while (g_hash_table_iter_next(&iter, &data, NULL)) {
		struct rn_session *session = data;

		check_pressure(session);
		rn_resync_go_on(&session->resync);
	}
}

/* ---- HELLO ---- */

static void refuse_hello(struct rn_session *session, uint8_t code, const char *name)
{
	struct rn_core *core = core_of(session);
	struct rn_msg answer = {
		.type = RN_MSG_HELLO_ACK, .version = RN_PROTO_VERSION,
		.mode = core->config->mode, .code = code,
	};

	if (code == RN_CODE_WRONG_MODE)
		g_snprintf(answer.text, sizeof(answer.text),
			   "the controller has report-from=%s: set the same in agent.conf",
			   rn_mode_to_string(core->config->mode));
	else if (code == RN_CODE_UNKNOWN_GATEWAY)
		g_snprintf(answer.text, sizeof(answer.text),
			   "no [gateway %.60s] with identity %.120s in controller.conf",
			   name, rn_conn_identity(session->conn));
	else
		g_strlcpy(answer.text, rn_code_to_sentence(code), sizeof(answer.text));
	rn_count(&core->counters, sessions_refused);
	rn_warn("connection of %s (%s, calls itself %s) refused: %s",
		rn_conn_identity(session->conn), rn_conn_peer(session->conn), name, answer.text);
	rn_conn_send(session->conn, &answer);
	session_close(session);
}

static void send_peers(struct rn_session *session)
{
	const GPtrArray *all = core_of(session)->gateways->by_number;

	for (guint i = 1; i < all->len; i++) {
		const struct rn_gateway *gw = all->pdata[i];
		struct rn_msg peer = { .type = RN_MSG_PEER };

		if (!gw || gw == session->gw || !gw->enabled)
			continue;
		peer.gateway = gw->row.number;
		g_strlcpy(peer.name, gw->row.name, sizeof(peer.name));
		g_strlcpy(peer.identity, gw->row.identity, sizeof(peer.identity));
		g_strlcpy(peer.text, gw->endpoint, sizeof(peer.text));
		rn_core_send(core_of(session), session->gw->row.number, &peer);
	}
}

static uint8_t judge_hello(struct rn_core *core, const struct rn_gateway *gw,
			   const struct rn_msg *msg)
{
	if (msg->version != RN_PROTO_VERSION)
		return RN_CODE_VERSION;
	if (!gw || strcmp(gw->row.name, msg->name))
		return RN_CODE_UNKNOWN_GATEWAY;
	if (!gw->enabled)
		return RN_CODE_DISABLED;
	return msg->mode == core->config->mode ? RN_CODE_OK : RN_CODE_WRONG_MODE;
}

static void on_hello(struct rn_session *session, const struct rn_msg *msg)
{
	struct rn_core *core = core_of(session);
	struct rn_gateway *gw = rn_gateways_identity(core->gateways,
						     rn_conn_identity(session->conn));
	struct rn_msg answer = {
		.type = RN_MSG_HELLO_ACK, .version = RN_PROTO_VERSION, .nonce = msg->nonce,
		.mode = core->config->mode,
	};
	uint8_t code = judge_hello(core, gw, msg);

	if (code) {
		refuse_hello(session, code, msg->name);
		return;
	}
	rn_session_cut(gw, "it connected again");
	session->gw = gw;
	gw->session = session;
	rn_resync_begin(&session->resync, core, gw, FALSE);
	gw->heard_at = rn_core_now();
	rn_gateway_refresh(gw, gw->heard_at);
	rn_conn_established(session->conn);
	rn_count(&core->counters, sessions_up);
	answer.gateway = gw->row.number;
	answer.lease_ms = gw->lease_ms;
	answer.incarnation = gw->row.incarnation;
	g_strlcpy(answer.name, core->config->name, sizeof(answer.name));
	/* Through the queue: a change of the row may still be on its way to disk. */
	rn_core_send(core, gw->row.number, &answer);
	send_peers(session);
	rn_core_tell(core, gw, "connected", NULL, rn_conn_peer(session->conn), false);
}

/* ---- inventory ---- */

static uint8_t judge_inventory(struct rn_session *session, const struct rn_msg *msg)
{
	struct rn_gateway *gw = session->gw;

	rn_gateway_refresh(gw, rn_core_now());
	if (!gw->own.registered)
		return RN_CODE_NOT_REGISTERED;
	if (msg->incarnation != gw->row.incarnation)
		return RN_CODE_WRONG_INCARNATION;
	return gw->own.live ? RN_CODE_OK : RN_CODE_LEASE_OVER;
}

static void on_inventory(struct rn_session *session, const struct rn_msg *msg)
{
	RN_FAILPOINT("ctl.inventory");
	rn_resync_named(&session->resync, msg);
}

static void on_inventory_end(struct rn_session *session, const struct rn_msg *msg)
{
	rn_resync_end(&session->resync, msg);
}

static void on_register(struct rn_session *session, const struct rn_msg *msg)
{
	struct rn_core *core = core_of(session);

	/* One at a time: the one before is not on disk yet. */
	if (session->registered > core->durable) {
		rn_count(&core->counters, messages_bad);
		return;
	}
	rn_resync_begin(&session->resync, core, session->gw, TRUE);
	rn_core_register(core, session->gw, msg->nonce);
	session->registered = core->saved;
}

/* P6 */
static void on_renew(struct rn_session *session, const struct rn_msg *msg)
{
	struct rn_core *core = core_of(session);
	struct rn_gateway *gw = session->gw;
	struct rn_msg answer = {
		.type = RN_MSG_LEASE, .nonce = msg->nonce, .lease_ms = gw->lease_ms,
		.incarnation = gw->row.incarnation,
	};

	if (msg->incarnation != gw->row.incarnation || gw->row.fenced)
		answer.code = RN_CODE_WRONG_INCARNATION;
	else if (gw->revoking)
		answer.code = RN_CODE_NO_ANSWER;
	else if (!rn_gateway_renew(core->gateways, gw, rn_core_now()))
		answer.code = RN_CODE_LEASE_OVER;
	if (answer.code) {
		answer.lease_ms = 0;
		rn_count(&core->counters, renewals_refused);
	} else {
		rn_count(&core->counters, renewals);
	}
	rn_core_send(core, gw->row.number, &answer);
}

/* ---- messages ---- */

static void judged(struct rn_session *session, const struct rn_msg *msg,
		   void (*handle)(struct rn_session *session, const struct rn_msg *msg))
{
	uint8_t code = judge_inventory(session, msg);

	if (code)
		rn_core_refuse(core_of(session), session->gw, msg, OWN_NOTE_REFUSED, code, NULL);
	else
		handle(session, msg);
}

static void bad_message(struct rn_session *session, const struct rn_msg *msg)
{
	struct rn_core *core = core_of(session);
	g_autofree char *text = NULL;

	rn_count(&core->counters, messages_bad);
	text = g_strdup_printf("%s is not for a gateway to send here",
			       rn_msg_type_to_string(msg->type));
	rn_core_refuse(core, session->gw, msg, OWN_NOTE_ALARM, RN_CODE_BAD_MESSAGE, text);
}

static void on_ready_message(struct rn_session *session, const struct rn_msg *msg)
{
	struct rn_msg pong = { .type = RN_MSG_PONG, .nonce = msg->nonce };

	switch ((enum rn_msg_type)msg->type) {
	case RN_MSG_PING:
		send_now(session, &pong);
		return;
	case RN_MSG_PONG:
		return;
	case RN_MSG_REGISTER:
		on_register(session, msg);
		return;
	case RN_MSG_INVENTORY:
		judged(session, msg, on_inventory);
		return;
	case RN_MSG_INVENTORY_END:
		judged(session, msg, on_inventory_end);
		return;
	case RN_MSG_LEASE_RENEW:
		on_renew(session, msg);
		return;
	case RN_MSG_NATREQ:
	case RN_MSG_GRANT_ACK:
	case RN_MSG_MIG_S:
	case RN_MSG_MIG_D:
	case RN_MSG_REL:
	case RN_MSG_RESUME:
	case RN_MSG_VERIFY_YES:
	case RN_MSG_VERIFY_NO:
		rn_core_message(core_of(session), session->gw, msg);
		/* One grant less may be on its way. */
		rn_resync_go_on(&session->resync);
		return;
	case RN_MSG_HELLO:
	case RN_MSG_HELLO_ACK:
	case RN_MSG_REGISTERED:
	case RN_MSG_GRANT:
	case RN_MSG_DENY:
	case RN_MSG_VERIFY_SRC:
	case RN_MSG_VERIFY_DST:
	case RN_MSG_RELOK:
	case RN_MSG_STALE:
	case RN_MSG_NEVER:
	case RN_MSG_MOVE:
	case RN_MSG_LEASE:
	case RN_MSG_PEER:
	case RN_MSG_INVENTORY_DONE:
	case RN_MSG_XFER:
	case RN_MSG_XFER_ACK:
		break;
	}
	bad_message(session, msg);
}

static void on_message(struct rn_conn *conn, const struct rn_msg *msg, void *data)
{
	struct rn_session *session = data;

	(void)conn;
	if (session->closing)
		return;
	rn_count(&core_of(session)->counters, messages);
	if (session->gw) {
		session->gw->heard_at = rn_core_now();
		on_ready_message(session, msg);
		check_pressure(session);
	} else if (msg->type == RN_MSG_HELLO) {
		on_hello(session, msg);
	} else {
		rn_count(&core_of(session)->counters, messages_bad);
		refuse_hello(session, RN_CODE_BAD_MESSAGE, "?");
	}
}

/* ---- connections ---- */

static void leave_gateway(struct rn_session *session, const char *reason)
{
	struct rn_gateway *gw = session->gw;
	struct rn_core *core = core_of(session);

	rn_resync_stop(&session->resync);
	session->gw = NULL;
	if (!gw || gw->session != session)
		return;
	gw->session = NULL;
	rn_gateway_refresh(gw, rn_core_now());
	rn_count(&core->counters, sessions_lost);
	if (!session->sessions->ending)
		rn_core_tell(core, gw, "silent", NULL, reason, false);
}

static void on_up(struct rn_conn *conn, void *data)
{
	(void)data;
	rn_conn_set_idle_timeout(conn, IDLE_MS);
}

static void on_down(struct rn_conn *conn, const GError *reason, void *data)
{
	struct rn_session *session = data;

	if (reason && !session->gw && !session->closing) {
		rn_count(&core_of(session)->counters, sessions_refused);
		rn_info("connection from %s ended before HELLO: %s", rn_conn_peer(conn),
			reason->message);
	}
	leave_gateway(session, reason ? reason->message : "closed");
	g_hash_table_remove(session->sessions->all, session);
}

static void on_refused(struct rn_conn *conn, void *data)
{
	struct rn_session *session = data;

	(void)conn;
	rn_count(&core_of(session)->counters, messages_bad);
}

static void session_free(gpointer data)
{
	struct rn_session *session = data;

	rn_resync_stop(&session->resync);
	g_free(session);
}

static void on_accepted(struct rn_conn *conn, void *data)
{
	static const struct rn_conn_ops ops = {
		.up = on_up, .message = on_message, .refused = on_refused,
		.drained = on_drained, .down = on_down,
	};
	struct rn_sessions *sessions = data;
	struct rn_session *session = g_new0(struct rn_session, 1);

	session->sessions = sessions;
	session->conn = conn;
	g_hash_table_add(sessions->all, session);
	rn_conn_set_ops(conn, &ops, session);
}

void rn_session_cut(struct rn_gateway *gw, const char *reason)
{
	struct rn_session *session = gw->session;

	if (!session)
		return;
	leave_gateway(session, reason);
	session_close(session);
}

static gboolean on_tick(gpointer data)
{
	struct rn_sessions *sessions = data;
	const GPtrArray *all = sessions->core->gateways->by_number;

	for (guint i = 1; i < all->len; i++) {
		struct rn_gateway *gw = all->pdata[i];
		struct rn_msg ping = { .type = RN_MSG_PING, .nonce = rn_random() };
		struct rn_session *session = gw ? gw->session : NULL;

		if (!session || session->closing)
			continue;
		/* There is enough for it to read. */
		if (!session->full_since)
			send_now(session, &ping);
		else if (rn_core_now() - session->full_since >= SLOW_MS)
			close_slow(session);
	}
	return G_SOURCE_CONTINUE;
}

struct rn_sessions *rn_sessions_new(struct rn_core *core, struct rn_tls *tls, GError **error)
{
	struct rn_sessions *sessions = g_new0(struct rn_sessions, 1);

	sessions->core = core;
	sessions->all = g_hash_table_new_full(NULL, NULL, session_free, NULL);
	sessions->listener = rn_listener_new(tls, core->config->listen, PENDING_MAX, on_accepted,
					     sessions, error);
	if (!sessions->listener) {
		rn_sessions_free(sessions);
		return NULL;
	}
	sessions->tick = g_timeout_add(1000, on_tick, sessions);
	return sessions;
}

unsigned int rn_sessions_port(const struct rn_sessions *sessions)
{
	return rn_listener_port(sessions->listener);
}

static gboolean keep_turning(gpointer data)
{
	(void)data;
	return G_SOURCE_CONTINUE;
}

void rn_sessions_free(struct rn_sessions *sessions)
{
	GHashTableIter iter;
	gpointer session;
	gint64 until = g_get_monotonic_time() + G_USEC_PER_SEC;
	guint waker;

	if (!sessions)
		return;
	sessions->ending = TRUE;
	if (sessions->tick)
		g_source_remove(sessions->tick);
	if (sessions->listener)
		rn_listener_free(sessions->listener);
	g_hash_table_iter_init(&iter, sessions->all);
	while (g_hash_table_iter_next(&iter, &session, NULL))
		session_close(session);
	/* `down` comes from the main loop; a second is enough to say goodbye. */
	waker = g_timeout_add(50, keep_turning, NULL);
	while (g_hash_table_size(sessions->all) && g_get_monotonic_time() < until)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(waker);
	if (g_hash_table_size(sessions->all))
		return;		/* their connections still name them; the process ends */
	g_hash_table_unref(sessions->all);
	g_free(sessions);
}
