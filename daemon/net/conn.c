// SPDX-License-Identifier: GPL-2.0
/* The life of a connection: one GSource with the socket and one deadline. */
#include "net/conn_priv.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/wake.h"

struct conn_source {
	GSource source;
	struct rn_conn *conn;
};

G_DEFINE_QUARK(rn-conn-error-quark, rn_conn_error)

static void enter(struct rn_conn *conn, enum conn_state state, guint deadline_ms)
{
	conn->state = state;
	conn->deadline = deadline_ms ? g_get_monotonic_time() + deadline_ms * 1000LL : 0;
}

/* Ours is said, but closing now would make the kernel send a reset that may
 * overtake it: wait for the peer's end and read nothing.
 */
static void linger(struct rn_conn *conn)
{
	shutdown(conn->fd, SHUT_WR);
	enter(conn, CONN_LINGER, RN_CONN_CLOSE_MS);
}

void rn_conn_fail(struct rn_conn *conn, GError *reason)
{
	gboolean tell = reason && reason->code == RN_CONN_ERROR_REFUSED &&
			conn->state == CONN_HANDSHAKE;

	/* The first reason is the true one; after our own close there is none. */
	if (conn->state >= CONN_CLOSING || conn->reason)
		g_clear_error(&reason);
	else
		conn->reason = reason;
	if (tell)
		linger(conn);
	else
		enter(conn, CONN_DEAD, 0);
	g_source_set_ready_time(conn->source, 0);
}

static void step_handshake(struct rn_conn *conn)
{
	g_autofree char *why = NULL;
	int rc = rn_session_handshake(&conn->session);

	if (rc == GNUTLS_E_AGAIN)
		return;
	if (rc < 0) {
		why = rn_session_explain(&conn->session, rc);
		rn_conn_fail(conn, g_error_new_literal(RN_CONN_ERROR, RN_CONN_ERROR_REFUSED, why));
		return;
	}
	enter(conn, CONN_UP, conn->session.server && conn->owner.data ? RN_CONN_HELLO_MS : 0);
	conn->heard = g_get_monotonic_time();
	conn->was_up = TRUE;
	conn->more = TRUE;	/* records may have come with the handshake */
	if (conn->owner.up)
		conn->owner.up(conn, conn->owner.data);
	if (conn->ops && conn->ops->up)
		conn->ops->up(conn, conn->data);
}

static void step_connect(struct rn_conn *conn, GIOCondition seen)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (!seen)
		return;
	if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err) {
		rn_conn_fail(conn, g_error_new_literal(RN_CONN_ERROR, RN_CONN_ERROR_CONNECT,
						       g_strerror(err)));
		return;
	}
	conn->state = CONN_HANDSHAKE;	/* within the same deadline */
	step_handshake(conn);
}

static void step_close(struct rn_conn *conn)
{
	rn_conn_flush(conn);
	if (conn->state != CONN_CLOSING || rn_conn_has_output(conn))
		return;
	conn->blocked = gnutls_bye(conn->session.tls, GNUTLS_SHUT_WR) == GNUTLS_E_AGAIN;
	if (!conn->blocked)
		linger(conn);
}

/* Reads into nothing, a bounded piece in a turn. */
static void step_linger(struct rn_conn *conn)
{
	guint8 buf[4096];

	for (guint i = 0; i < 16; i++) {
		ssize_t n = recv(conn->fd, buf, sizeof(buf), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			enter(conn, CONN_DEAD, 0);
			return;
		}
	}
	conn->more = TRUE;
}

static void step(struct rn_conn *conn, GIOCondition seen)
{
	switch (conn->state) {
	case CONN_CONNECTING:
		step_connect(conn, seen);
		break;
	case CONN_HANDSHAKE:
		step_handshake(conn);
		break;
	case CONN_UP:
		if (!conn->paused)
			rn_conn_receive(conn);
		else if (seen & (G_IO_ERR | G_IO_HUP))
			/* poll says so whether asked or not: it would spin. */
			rn_conn_fail(conn, g_error_new_literal(RN_CONN_ERROR, RN_CONN_ERROR_CLOSED,
							       "the peer ended without closing"));
		if (conn->state == CONN_UP)
			rn_conn_flush(conn);
		break;
	case CONN_CLOSING:
		step_close(conn);
		break;
	case CONN_LINGER:
		conn->more = FALSE;
		step_linger(conn);
		break;
	case CONN_DEAD:
		break;
	}
}

static const char *deadline_text(enum conn_state state)
{
	switch (state) {
	case CONN_CONNECTING:
		return "there was no answer in 5 s";
	case CONN_HANDSHAKE:
		return "the handshake took longer than 5 s";
	case CONN_UP:
		return "it sent no HELLO that was accepted in 10 s";
	case CONN_CLOSING:
	case CONN_LINGER:
	case CONN_DEAD:
		break;
	}
	return "it did not close in time";
}

static void check_time(struct rn_conn *conn)
{
	gint64 now = g_get_monotonic_time();

	if (conn->deadline && now >= conn->deadline)
		rn_conn_fail(conn, g_error_new_literal(RN_CONN_ERROR, RN_CONN_ERROR_TIMEOUT,
						       deadline_text(conn->state)));
	if (conn->state == CONN_UP && conn->idle_us && !conn->paused &&
	    now >= conn->heard + conn->idle_us)
		rn_conn_fail(conn, g_error_new(RN_CONN_ERROR, RN_CONN_ERROR_TIMEOUT,
					       "it was silent for %" G_GINT64_FORMAT " ms",
					       conn->idle_us / 1000));
}

static GIOCondition wanted(const struct rn_conn *conn)
{
	switch (conn->state) {
	case CONN_CONNECTING:
		return G_IO_OUT;
	case CONN_HANDSHAKE:
		return gnutls_record_get_direction(conn->session.tls) ? G_IO_OUT : G_IO_IN;
	case CONN_UP:
		return (conn->paused ? 0 : G_IO_IN) | (conn->blocked ? G_IO_OUT : 0);
	case CONN_CLOSING:
		return conn->blocked ? G_IO_OUT : 0;
	case CONN_LINGER:
		return G_IO_IN;
	case CONN_DEAD:
		break;
	}
	return 0;
}

/* When to be called without the socket being ready; -1 never. */
static gint64 wake(const struct rn_conn *conn)
{
	gboolean sends = conn->state == CONN_UP || conn->state == CONN_CLOSING;
	gint64 at = conn->deadline ? conn->deadline : -1;

	if (conn->state == CONN_DEAD || conn->more)
		return 0;
	if (sends && !conn->blocked &&
	    (rn_conn_has_output(conn) || conn->state == CONN_CLOSING))
		return 0;
	if (conn->state == CONN_UP && conn->idle_us && !conn->paused &&
	    (at < 0 || at > conn->heard + conn->idle_us))
		at = conn->heard + conn->idle_us;
	return at;
}

static void arm(struct rn_conn *conn)
{
	GIOCondition now = wanted(conn);

	/* Each call writes to the loop's own wake-up descriptor. */
	if (conn->tag && now != conn->wanted)
		g_source_modify_unix_fd(conn->source, conn->tag, now);
	conn->wanted = now;
	rn_wake_at(conn->source, wake(conn));
}

/* Tells owner and user, then frees. */
static void finish(struct rn_conn *conn)
{
	const struct rn_conn_ops *ops = conn->ops;

	if (conn->owner.down)
		conn->owner.down(conn, conn->reason, conn->owner.data);
	if (ops && ops->down)
		ops->down(conn, conn->reason, conn->data);
	rn_session_clear(&conn->session);
	rn_frame_reader_clear(&conn->reader);
	rn_conn_clear_output(conn);
	if (conn->fd >= 0)
		close(conn->fd);
	g_clear_error(&conn->reason);
	g_free(conn->peer);
	g_source_unref(conn->source);
	rn_bindings_free(conn->joined);
	g_free(conn);
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	struct rn_conn *conn = ((struct conn_source *)source)->conn;
	GIOCondition seen = conn->tag ? g_source_query_unix_fd(source, conn->tag) : 0;

	step(conn, seen);
	check_time(conn);
	if (conn->state == CONN_DEAD) {
		finish(conn);
		return G_SOURCE_REMOVE;
	}
	arm(conn);
	return G_SOURCE_CONTINUE;
}

struct rn_conn *rn_conn_new(struct rn_tls *tls, int fd, gboolean accepted, const char *expected,
			    const char *peer, GError *reason)
{
	static GSourceFuncs funcs = { .dispatch = dispatch };
	struct rn_conn *conn = g_new0(struct rn_conn, 1);

	conn->source = g_source_new(&funcs, sizeof(struct conn_source));
	((struct conn_source *)conn->source)->conn = conn;
	conn->fd = fd;
	conn->peer = g_strdup(peer);
	g_queue_init(&conn->queue);
	rn_frame_reader_init(&conn->reader, RN_FRAME_MAX);
	enter(conn, accepted ? CONN_HANDSHAKE : CONN_CONNECTING, RN_CONN_HANDSHAKE_MS);
	if (fd >= 0 && rn_session_init(&conn->session, tls, fd, accepted, expected, &reason)) {
		conn->wanted = accepted ? G_IO_IN : G_IO_OUT;
		conn->tag = g_source_add_unix_fd(conn->source, fd, conn->wanted);
		g_source_set_ready_time(conn->source, conn->deadline);
	} else {
		conn->reason = reason;
		enter(conn, CONN_DEAD, 0);
		g_source_set_ready_time(conn->source, 0);
	}
	g_source_attach(conn->source, g_main_context_get_thread_default());
	return conn;
}

void rn_conn_close(struct rn_conn *conn)
{
	switch (conn->state) {
	case CONN_CONNECTING:
	case CONN_HANDSHAKE:
		enter(conn, CONN_DEAD, 0);
		break;
	case CONN_UP:
		enter(conn, CONN_CLOSING, RN_CONN_CLOSE_MS);
		break;
	case CONN_CLOSING:
	case CONN_LINGER:
	case CONN_DEAD:
		return;
	}
	conn->more = FALSE;
	g_source_set_ready_time(conn->source, conn->blocked ? conn->deadline : 0);
}

void rn_conn_pause(struct rn_conn *conn, gboolean pause)
{
	if (conn->paused == pause)
		return;
	conn->paused = pause;
	conn->more = !pause && conn->state == CONN_UP;
	/* We did not listen, so it was not silent. */
	conn->heard = g_get_monotonic_time();
	g_source_set_ready_time(conn->source, 0);
}

gboolean rn_conn_is_up(const struct rn_conn *conn)
{
	return conn->state == CONN_UP;
}

void rn_conn_set_ops(struct rn_conn *conn, const struct rn_conn_ops *ops, void *data)
{
	conn->ops = ops;
	conn->data = data;
}

const char *rn_conn_identity(const struct rn_conn *conn)
{
	return conn->was_up ? conn->session.identity : NULL;
}

const char *rn_conn_peer(const struct rn_conn *conn)
{
	return conn->peer;
}

void *rn_conn_data(const struct rn_conn *conn)
{
	return conn->data;
}

void rn_conn_set_idle_timeout(struct rn_conn *conn, unsigned int ms)
{
	conn->idle_us = ms * 1000LL;
	conn->heard = g_get_monotonic_time();
	g_source_set_ready_time(conn->source, 0);
}
