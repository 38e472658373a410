// SPDX-License-Identifier: GPL-2.0
#include "agent/session.h"

#include <string.h>
#include "agent/counters.h"
#include "agent/timer.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/random.h"
#include "net/conn.h"

#define SILENCE_MS	5000
#define PING_MS		1000
#define RENEW_MIN	1000	/* ms between renewals, at least */
#define ANSWER_MS	5000	/* then a renewal counts as lost */
#define INVENTORY_TURN	1024	/* entries told in one turn of the loop */

struct agent_session {
	const struct agent_config *config;
	struct rn_tls *tls;
	struct agent_kernel *kernel;
	struct agent_core *core;
	struct agent_peers *peers;

	uint8_t state;			/* enter_state only */
	struct rn_dialer *dialer;
	struct rn_conn *conn;		/* not NULL from HELLO on */
	guint ping;
	char *problem;

	uint32_t self;			/* our number */
	uint64_t incarnation;		/* the kernel's; 0 suspended or never registered */
	uint64_t lease_ms;		/* term, 0 without end */
	uint64_t lease_end_ns;		/* the kernel's */
	struct agent_timer *lease;

	uint64_t nonce;			/* of HELLO, REGISTER or INVENTORY_END */
	uint64_t asked_ns;		/* when REGISTER was sent */
	uint64_t renew_nonce;		/* 0: none is under way */
	uint64_t renew_ns;		/* when it was sent */
	int64_t renew_at;

	gboolean telling;		/* the inventory, up to its end */
	guint untold;			/* entries below this place */
	guint tell;			/* source of the next turn; 0: `drained` goes on */

	void (*changed)(const char *state, void *data);
	void *changed_data;
	void (*gone)(void *data);	/* goodbye was said */
	void *gone_data;
};

static const char *const state_names[AGENT_SESSION_STATE_MAX + 1] = {
	[AGENT_SESSION_DOWN] = "down",
	[AGENT_SESSION_CONNECTING] = "connecting",
	[AGENT_SESSION_HELLO] = "hello",
	[AGENT_SESSION_REGISTERING] = "registering",
	[AGENT_SESSION_SYNC] = "sync",
	[AGENT_SESSION_UP] = "up",
};

static void set_problem(struct agent_session *session, const char *text)
{
	if (text && g_strcmp0(text, session->problem))
		rn_warn("%s", text);
	g_free(session->problem);
	session->problem = g_strdup(text);
}

static void tell_core(struct agent_session *session)
{
	agent_core_set_session(session->core, session->self, session->incarnation,
			       session->state >= AGENT_SESSION_SYNC,
			       session->state == AGENT_SESSION_SYNC);
}

static void stop_telling(struct agent_session *session)
{
	g_clear_handle_id(&session->tell, g_source_remove);
	session->telling = FALSE;
}

static void enter_state(struct agent_session *session, enum agent_session_state state)
{
	g_autofree char *status = NULL;

	if (session->state == state)
		return;
	rn_debug("session: %s -> %s", state_names[session->state], state_names[state]);
	session->state = (uint8_t)state;
	tell_core(session);
	switch (state) {
	case AGENT_SESSION_DOWN:
	case AGENT_SESSION_CONNECTING:
	case AGENT_SESSION_HELLO:
	case AGENT_SESSION_REGISTERING:
		stop_telling(session);
		break;
	case AGENT_SESSION_SYNC:
		break;
	case AGENT_SESSION_UP:
		stop_telling(session);
		set_problem(session, NULL);
		agent_counters_add(AGENT_SESSIONS, 1);
		rn_notice("session with the controller at %s is up, incarnation %" G_GUINT64_FORMAT ", %u mappings and requests",
			  session->config->controller_endpoint, session->incarnation,
			  agent_entry_count(agent_core_table(session->core)));
		break;
	}
	session->changed(state_names[state], session->changed_data);
	status = g_strdup_printf("STATUS=session with the controller: %s", state_names[state]);
	rn_notify(status);
}

static uint64_t new_nonce(struct agent_session *session)
{
	/* 0 means "none" in our bookkeeping. */
	return rn_random() | 1;
}

/* Gives the connection up; `down` follows, and the dialer dials again. */
static void abandon(struct agent_session *session, const char *why)
{
	set_problem(session, why);
	stop_telling(session);
	if (session->conn)
		rn_conn_close(session->conn);
}

/* ---- the lease ---- */

static gboolean lapsed(const struct agent_session *session)
{
	return session->lease_end_ns && agent_timer_now_ns() >= session->lease_end_ns;
}

static void rearm_lease(struct agent_session *session)
{
	int64_t at = OWN_NEVER;

	if (session->incarnation && session->lease_end_ns)
		at = (int64_t)(session->lease_end_ns / 1000000) + 1;
	if (session->state >= AGENT_SESSION_SYNC && session->lease_ms)
		at = MIN(at, session->renew_at);
	agent_timer_set(session->lease, at);
}

/* The kernel's promise of a registration: nothing is translated any more. */
static gboolean suspend(struct agent_session *session)
{
	g_autoptr(GError) error = NULL;

	if (!agent_kernel_session_set(session->kernel, 0, 0, &error)) {
		g_autofree char *why = g_strdup_printf("cannot suspend before a registration: %s",
						       error->message);

		abandon(session, why);
		return FALSE;
	}
	session->incarnation = 0;
	session->lease_end_ns = 0;
	session->renew_nonce = 0;
	tell_core(session);
	agent_core_everyone(session->core, OWN_GW_EV_SUSPEND);
	return TRUE;
}

static void start_registration(struct agent_session *session)
{
	struct rn_msg msg = { .type = RN_MSG_REGISTER };

	enter_state(session, AGENT_SESSION_REGISTERING);
	if (!suspend(session))
		return;
	rearm_lease(session);
	session->nonce = new_nonce(session);
	msg.nonce = session->nonce;
	session->asked_ns = agent_timer_now_ns();
	agent_counters_add(AGENT_REGISTRATIONS, 1);
	RN_FAILPOINT("agent.before-register");
	rn_conn_send(session->conn, &msg);
	RN_FAILPOINT("agent.after-register");
}

static uint64_t lease_end(uint64_t from_ns, uint64_t lease_ms)
{
	return lease_ms ? from_ns + lease_ms * 1000000 : 0;
}

/* From when a request was sent, so that we stop before the controller thinks so. */
static gboolean set_lease(struct agent_session *session, uint64_t incarnation, uint64_t from_ns,
			  uint64_t lease_ms, GError **error)
{
	uint64_t end = lease_end(from_ns, lease_ms);

	if (!agent_kernel_session_set(session->kernel, incarnation, end, error))
		return FALSE;
	session->incarnation = incarnation;
	session->lease_ms = lease_ms;
	session->lease_end_ns = end;
	return TRUE;
}

static void send_renewal(struct agent_session *session)
{
	struct rn_msg msg = { .type = RN_MSG_LEASE_RENEW, .incarnation = session->incarnation };
	uint64_t now = agent_timer_now_ns();

	session->renew_at = (int64_t)(now / 1000000) +
			    (int64_t)MAX(session->lease_ms / 10, RENEW_MIN);
	if (session->renew_nonce && now - session->renew_ns < (uint64_t)ANSWER_MS * 1000000)
		return;
	msg.nonce = new_nonce(session);
	if (!rn_conn_send(session->conn, &msg))
		return;
	session->renew_nonce = msg.nonce;
	session->renew_ns = now;
}

static void on_lease(struct agent_session *session, const struct rn_msg *msg)
{
	g_autoptr(GError) error = NULL;

	if (msg->nonce != session->renew_nonce || !session->renew_nonce)
		return;
	session->renew_nonce = 0;
	if (msg->code == RN_CODE_LEASE_OVER || msg->code == RN_CODE_NOT_REGISTERED ||
	    msg->code == RN_CODE_WRONG_INCARNATION) {
		rn_notice("the controller does not renew the lease: %s; registering anew",
			  rn_code_to_sentence(msg->code));
		start_registration(session);
		return;
	}
	if (msg->code) {
		rn_warn("the controller does not renew the lease: %s", msg->text[0] ? msg->text :
			rn_code_to_sentence(msg->code));
		return;
	}
	if (msg->incarnation != session->incarnation)
		return;
	if (!set_lease(session, session->incarnation, session->renew_ns, msg->lease_ms, &error)) {
		rn_warn("the renewed lease was not taken: %s; registering anew", error->message);
		start_registration(session);
		return;
	}
	agent_counters_add(AGENT_LEASE_RENEWALS, 1);
	rearm_lease(session);
}

static void lease_due(void *data)
{
	struct agent_session *session = data;

	if (session->incarnation && lapsed(session)) {
		agent_counters_add(AGENT_LEASE_LAPSES, 1);
		rn_warn("the lease has run out: nothing is translated until the controller at %s answers",
			session->config->controller_endpoint);
		if (session->state >= AGENT_SESSION_SYNC)
			start_registration(session);
		else
			suspend(session);
	} else if (session->state >= AGENT_SESSION_SYNC && session->lease_ms) {
		send_renewal(session);
	}
	rearm_lease(session);
}

/* ---- the inventory ---- */

static void tell_one(uint64_t id, uint64_t epoch, void *data)
{
	struct agent_session *session = data;
	struct rn_msg msg = { .type = RN_MSG_INVENTORY, .id = id, .epoch = epoch,
			      .incarnation = session->incarnation };

	RN_FAILPOINT("agent.inventory-item");
	/* One that was not taken is granted again, and acknowledged as known. */
	if (!rn_conn_send(session->conn, &msg))
		agent_counters_add(AGENT_MESSAGES_UNSENT, 1);
}

static gboolean tell_some(gpointer data)
{
	struct agent_session *session = data;
	struct rn_msg end = { .type = RN_MSG_INVENTORY_END, .incarnation = session->incarnation,
			      .nonce = session->nonce };

	if (!rn_conn_full(session->conn)) {
		agent_core_inventory(session->core, &session->untold, INVENTORY_TURN, tell_one,
				     session);
		if (session->untold)
			return G_SOURCE_CONTINUE;
		if (rn_conn_send(session->conn, &end))
			session->telling = FALSE;
		RN_FAILPOINT("agent.inventory-sent");
	}
	session->tell = 0;
	return G_SOURCE_REMOVE;
}

static void tell_soon(struct agent_session *session)
{
	if (!session->tell)
		session->tell = g_idle_add_full(G_PRIORITY_DEFAULT, tell_some, session, NULL);
}

static void start_sync(struct agent_session *session)
{
	enter_state(session, AGENT_SESSION_SYNC);
	session->nonce = new_nonce(session);
	session->renew_nonce = 0;
	session->renew_at = agent_timer_now() + (int64_t)MAX(session->lease_ms / 10, RENEW_MIN);
	/* The term may have been changed while we were away. */
	if (session->lease_ms || session->lease_end_ns)
		send_renewal(session);
	rearm_lease(session);
	session->telling = TRUE;
	session->untold = G_MAXUINT;
	RN_FAILPOINT("agent.inventory");
	tell_soon(session);
}

static void on_inventory_done(struct agent_session *session, const struct rn_msg *msg)
{
	g_autoptr(GError) error = NULL;

	if (session->state != AGENT_SESSION_SYNC || msg->nonce != session->nonce)
		return;
	RN_FAILPOINT("agent.before-flush");
	if (!agent_kernel_mapping_flush(session->kernel, session->incarnation, &error)) {
		g_autofree char *why = g_strdup_printf("cannot flush what was not confirmed: %s",
						       error->message);

		abandon(session, why);
		return;
	}
	RN_FAILPOINT("agent.after-flush");
	agent_core_everyone(session->core, OWN_GW_EV_FLUSHED);
	agent_peer_done(session->peers);
	rn_dialer_established(session->dialer);
	enter_state(session, AGENT_SESSION_UP);
	agent_core_everyone(session->core, OWN_GW_EV_SESSION);
}

/* ---- beginning ---- */

static void on_hello_ack(struct agent_session *session, const struct rn_msg *msg)
{
	g_autofree char *why = NULL;

	if (session->state != AGENT_SESSION_HELLO || msg->nonce != session->nonce)
		return;
	if (msg->code) {
		agent_counters_add(AGENT_SESSION_REFUSALS, 1);
		why = g_strdup_printf("the controller refuses this gateway: %s", msg->text[0] ?
				      msg->text : rn_code_to_sentence(msg->code));
	} else if (msg->version != RN_PROTO_VERSION) {
		why = g_strdup_printf("the controller speaks version %u of the protocol, not %u: install the same release",
				      msg->version, RN_PROTO_VERSION);
	} else if (msg->mode != session->config->mode) {
		why = g_strdup_printf("the controller is configured with report-from=%s, this gateway is not: make them the same",
				      rn_mode_to_string(msg->mode));
	} else if (!msg->gateway) {
		why = g_strdup("the controller gave this gateway no number");
	}
	if (why) {
		abandon(session, why);
		return;
	}

	session->self = msg->gateway;
	session->lease_ms = msg->lease_ms;
	tell_core(session);
	agent_peer_begin(session->peers);
	if (session->incarnation && session->incarnation == msg->incarnation && !lapsed(session))
		start_sync(session);
	else
		start_registration(session);
}

static void on_registered(struct agent_session *session, const struct rn_msg *msg)
{
	g_autoptr(GError) error = NULL;

	if (session->state != AGENT_SESSION_REGISTERING || msg->nonce != session->nonce)
		return;
	RN_FAILPOINT("agent.before-session-set");
	if (!msg->incarnation ||
	    !set_lease(session, msg->incarnation, session->asked_ns, msg->lease_ms, &error)) {
		g_autofree char *why = g_strdup_printf("incarnation %" G_GUINT64_FORMAT
						       " was not taken: %s", msg->incarnation,
						       error ? error->message : "it is 0");

		abandon(session, why);
		return;
	}
	RN_FAILPOINT("agent.after-session-set");
	rn_notice("registered with the controller as gateway %u, incarnation %" G_GUINT64_FORMAT,
		  session->self, session->incarnation);
	start_sync(session);
}

static void forbidden(struct agent_session *session, const struct rn_msg *msg)
{
	g_autofree char *why = g_strdup_printf("the controller sent %s, which it may not",
					       rn_msg_type_to_string(msg->type));

	agent_counters_add(AGENT_MESSAGES_FORBIDDEN, 1);
	abandon(session, why);
}

static void on_message(struct rn_conn *conn, const struct rn_msg *msg, void *data)
{
	struct agent_session *session = data;
	struct rn_msg pong = { .type = RN_MSG_PONG, .nonce = msg->nonce };

	if (conn != session->conn)
		return;
	switch ((enum rn_msg_type)msg->type) {
	case RN_MSG_HELLO_ACK:
		on_hello_ack(session, msg);
		return;
	case RN_MSG_PING:
		rn_conn_send(conn, &pong);
		return;
	case RN_MSG_PONG:
		return;
	case RN_MSG_REGISTERED:
		on_registered(session, msg);
		return;
	case RN_MSG_LEASE:
		if (session->state >= AGENT_SESSION_SYNC)
			on_lease(session, msg);
		return;
	case RN_MSG_PEER:
		if (session->state > AGENT_SESSION_HELLO)
			agent_peer_named(session->peers, session->self, msg);
		return;
	case RN_MSG_INVENTORY_DONE:
		on_inventory_done(session, msg);
		return;
	case RN_MSG_GRANT:
	case RN_MSG_DENY:
	case RN_MSG_VERIFY_SRC:
	case RN_MSG_VERIFY_DST:
	case RN_MSG_RELOK:
	case RN_MSG_STALE:
	case RN_MSG_NEVER:
	case RN_MSG_MOVE:
		/* Before SYNC they are of an incarnation that has ended. */
		if (session->state >= AGENT_SESSION_SYNC)
			agent_core_message(session->core, RN_CONTROLLER, msg);
		return;
	case RN_MSG_HELLO:
	case RN_MSG_REGISTER:
	case RN_MSG_NATREQ:
	case RN_MSG_GRANT_ACK:
	case RN_MSG_MIG_S:
	case RN_MSG_MIG_D:
	case RN_MSG_REL:
	case RN_MSG_RESUME:
	case RN_MSG_VERIFY_YES:
	case RN_MSG_VERIFY_NO:
	case RN_MSG_INVENTORY:
	case RN_MSG_INVENTORY_END:
	case RN_MSG_LEASE_RENEW:
	case RN_MSG_XFER:
	case RN_MSG_XFER_ACK:
		forbidden(session, msg);
		return;
	}
}

/* ---- the connection ---- */

static gboolean send_ping(gpointer data)
{
	struct agent_session *session = data;
	struct rn_msg ping = { .type = RN_MSG_PING };

	rn_conn_send(session->conn, &ping);
	return G_SOURCE_CONTINUE;
}

static void on_up(struct rn_conn *conn, void *data)
{
	struct agent_session *session = data;
	struct rn_msg hello = { .type = RN_MSG_HELLO, .version = RN_PROTO_VERSION };

	session->conn = conn;
	session->nonce = new_nonce(session);
	hello.mode = session->config->mode;
	hello.incarnation = session->incarnation;
	hello.nonce = session->nonce;
	g_strlcpy(hello.name, session->config->name, sizeof(hello.name));
	rn_conn_set_idle_timeout(conn, SILENCE_MS);
	session->ping = g_timeout_add(PING_MS, send_ping, session);
	enter_state(session, AGENT_SESSION_HELLO);
	rn_conn_send(conn, &hello);
}

static void on_drained(struct rn_conn *conn, void *data)
{
	struct agent_session *session = data;

	if (conn == session->conn && session->telling)
		tell_soon(session);
}

static void on_down(struct rn_conn *conn G_GNUC_UNUSED, const GError *reason, void *data)
{
	struct agent_session *session = data;

	session->conn = NULL;
	g_clear_handle_id(&session->ping, g_source_remove);
	if (reason) {
		/* The dialer puts it into the log. */
		g_free(session->problem);
		session->problem = g_strdup_printf("no connection with the controller at %s: %s",
						   session->config->controller_endpoint,
						   reason->message);
	}
	if (session->state != AGENT_SESSION_DOWN)
		enter_state(session, AGENT_SESSION_CONNECTING);
	rearm_lease(session);
	if (session->gone)
		session->gone(session->gone_data);
}

static const struct rn_conn_ops ops = {
	.up = on_up,
	.message = on_message,
	.drained = on_drained,
	.down = on_down,
};

void agent_session_start(struct agent_session *session, const struct agent_kmsg_session *kernel)
{
	session->incarnation = kernel->incarnation;
	session->lease_end_ns = kernel->lease_end_ns;
	tell_core(session);
	enter_state(session, AGENT_SESSION_CONNECTING);
	rearm_lease(session);
	session->dialer = rn_dialer_new(session->tls, session->config->controller_endpoint,
					session->config->controller_identity, &ops, session);
}

void agent_session_stop(struct agent_session *session)
{
	session->conn = NULL;
	g_clear_handle_id(&session->ping, g_source_remove);
	g_clear_pointer(&session->dialer, rn_dialer_free);
	session->incarnation = 0;
	session->lease_end_ns = 0;
	enter_state(session, AGENT_SESSION_DOWN);
	tell_core(session);
	rearm_lease(session);
}

void agent_session_goodbye(struct agent_session *session, void (*done)(void *data), void *data)
{
	session->gone = done;
	session->gone_data = data;
	if (session->conn)
		rn_conn_close(session->conn);
	else
		done(data);
}

gboolean agent_session_send(struct agent_session *session, const struct rn_msg *msg)
{
	return session->state >= AGENT_SESSION_SYNC && rn_conn_send(session->conn, msg);
}

const char *agent_session_state(const struct agent_session *session)
{
	return state_names[session->state];
}

uint32_t agent_session_self(const struct agent_session *session)
{
	return session->self;
}

uint64_t agent_session_incarnation(const struct agent_session *session)
{
	return session->incarnation;
}

uint64_t agent_session_lease_left(const struct agent_session *session)
{
	uint64_t now = agent_timer_now_ns();

	/* 1 rather than 0, which means that it does not end. */
	if (!session->lease_end_ns)
		return 0;
	return session->lease_end_ns > now ? MAX((session->lease_end_ns - now) / 1000000, 1) : 1;
}

const char *agent_session_problem(const struct agent_session *session)
{
	return session->problem;
}

struct agent_session *agent_session_new(const struct agent_config *config, struct rn_tls *tls,
					struct agent_kernel *kernel, struct agent_core *core,
					struct agent_peers *peers,
					void (*changed)(const char *state, void *data),
					void *data)
{
	struct agent_session *session = g_new0(struct agent_session, 1);

	session->config = config;
	session->tls = tls;
	session->kernel = kernel;
	session->core = core;
	session->peers = peers;
	session->changed = changed;
	session->changed_data = data;
	session->lease = agent_timer_new(lease_due, session);
	return session;
}

void agent_session_free(struct agent_session *session)
{
	if (!session)
		return;
	agent_session_stop(session);
	agent_timer_free(session->lease);
	g_free(session->problem);
	g_free(session);
}
