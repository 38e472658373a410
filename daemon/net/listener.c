// SPDX-License-Identifier: GPL-2.0
/*
 * Accepts connections. A stranger costs a handshake at most: those whose HELLO
 * was not accepted yet are bounded in number and time, and so are the lines
 * about them in the log.
 */
#include "net/conn_priv.h"

#include <errno.h>
#include <unistd.h>
#include "base/log.h"
#include "net/socket.h"

#define ACCEPT_BUDGET	16		/* in one turn of the loop */
#define PAUSE_US	(100 * 1000)	/* without file descriptors */
#define LOG_WINDOW_US	(10 * G_USEC_PER_SEC)
#define LOG_LINES	10		/* in a window */

struct rn_listener {
	GSource *source;
	gpointer tag;
	int fd;
	struct rn_tls *tls;
	GHashTable *pending;	/* connections that are not established */
	guint max_pending;
	guint64 refused;
	gint64 log_since;
	guint log_lines;
	void (*accepted)(struct rn_conn *conn, void *data);
	void *data;
};

struct listener_source {
	GSource source;
	struct rn_listener *listener;
};

static gboolean may_log(struct rn_listener *listener)
{
	gint64 now = g_get_monotonic_time();

	if (now >= listener->log_since + LOG_WINDOW_US) {
		if (listener->log_lines > LOG_LINES)
			rn_warn("%u more connections were refused",
				listener->log_lines - LOG_LINES);
		listener->log_since = now;
		listener->log_lines = 0;
	}
	return ++listener->log_lines <= LOG_LINES;
}

static void conn_down(struct rn_conn *conn, const GError *reason, void *data)
{
	struct rn_listener *listener = data;

	g_hash_table_remove(listener->pending, conn);
	if (reason && may_log(listener))
		rn_warn("%s: connection refused: %s", conn->peer, reason->message);
}

/* Out of the listener's care: established, or the listener goes. */
static void disown(struct rn_conn *conn)
{
	conn->owner = (struct rn_conn_owner) { 0 };
	if (conn->state == CONN_UP)
		conn->deadline = 0;
}

void rn_conn_established(struct rn_conn *conn)
{
	struct rn_listener *listener = conn->owner.data;

	if (!conn->session.server || !listener)
		return;
	g_hash_table_remove(listener->pending, conn);
	disown(conn);
}

static void take(struct rn_listener *listener, int fd, const char *peer)
{
	struct rn_conn *conn;

	if (g_hash_table_size(listener->pending) >= listener->max_pending) {
		close(fd);
		listener->refused++;
		if (may_log(listener))
			rn_warn("%s: connection refused: %u others have not said HELLO yet", peer,
				listener->max_pending);
		return;
	}
	conn = rn_conn_new(listener->tls, fd, TRUE, NULL, peer, NULL);
	conn->owner = (struct rn_conn_owner) { .down = conn_down, .data = listener };
	g_hash_table_add(listener->pending, conn);
	listener->accepted(conn, listener->data);
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	struct rn_listener *listener = ((struct listener_source *)source)->listener;
	char peer[RN_ENDPOINT_TEXT];

	g_source_set_ready_time(source, -1);
	g_source_modify_unix_fd(source, listener->tag, G_IO_IN);
	for (guint i = 0; i < ACCEPT_BUDGET; i++) {
		int fd = rn_socket_accept(listener->fd, peer);

		if (fd >= 0) {
			take(listener, fd, peer);
			/* `accepted` may have freed the listener. */
			if (g_source_is_destroyed(source))
				break;
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The waiting connection keeps the fd ready: look away. */
			if (may_log(listener))
				rn_warn("cannot accept connections: %s", g_strerror(errno));
			g_source_modify_unix_fd(source, listener->tag, 0);
			g_source_set_ready_time(source, g_get_monotonic_time() + PAUSE_US);
			break;
		}
		if (errno == EAGAIN)
			break;
	}
	return G_SOURCE_CONTINUE;
}

struct rn_listener *rn_listener_new(struct rn_tls *tls, const char *endpoint,
				    unsigned int max_pending,
				    void (*accepted)(struct rn_conn *conn, void *data),
				    void *data, GError **error)
{
	static GSourceFuncs funcs = { .dispatch = dispatch };
	struct rn_listener *listener;
	int fd = rn_socket_listen(endpoint, error);

	if (fd < 0)
		return NULL;
	listener = g_new0(struct rn_listener, 1);
	listener->fd = fd;
	listener->tls = tls;
	listener->pending = g_hash_table_new(NULL, NULL);
	listener->max_pending = max_pending;
	listener->accepted = accepted;
	listener->data = data;
	listener->source = g_source_new(&funcs, sizeof(struct listener_source));
	((struct listener_source *)listener->source)->listener = listener;
	listener->tag = g_source_add_unix_fd(listener->source, fd, G_IO_IN);
	g_source_attach(listener->source, g_main_context_get_thread_default());
	return listener;
}

unsigned int rn_listener_port(const struct rn_listener *listener)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);
	char text[RN_ENDPOINT_TEXT];

	if (getsockname(listener->fd, (struct sockaddr *)&at, &len) < 0)
		return 0;
	return (unsigned int)g_ascii_strtoull(g_strrstr(rn_socket_print(&at, text), ":") + 1,
					      NULL, 10);
}

guint64 rn_listener_refused(const struct rn_listener *listener)
{
	return listener->refused;
}

void rn_listener_free(struct rn_listener *listener)
{
	GHashTableIter iter;
	gpointer conn;

	if (!listener)
		return;
	g_hash_table_iter_init(&iter, listener->pending);
	while (g_hash_table_iter_next(&iter, &conn, NULL))
		disown(conn);
	g_hash_table_unref(listener->pending);
	g_source_destroy(listener->source);
	g_source_unref(listener->source);
	close(listener->fd);
	g_free(listener);
}
