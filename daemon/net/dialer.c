// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps one connection. It logs when the reason why there is none changes, not
 * at every attempt.
 */
#include "net/conn_priv.h"

#include <string.h>
#include "base/log.h"
#include "net/socket.h"
#include "own/own.h"

struct rn_dialer {
	struct rn_tls *tls;
	char *endpoint;
	char *identity;
	const struct rn_conn_ops *ops;
	void *data;
	struct rn_conn *conn;	/* NULL while waiting */
	GSource *timer;
	guint tries;		/* since rn_dialer_established */
	char *said;		/* the last reason in the log */
};

static void say(struct rn_dialer *dialer, const GError *reason, gint64 again_ms)
{
	const char *text = reason ? reason->message : "closed by us";

	if (!g_strcmp0(dialer->said, text)) {
		rn_debug("%s: %s; again in %" G_GINT64_FORMAT " ms", dialer->endpoint, text,
			 again_ms);
		return;
	}
	g_free(dialer->said);
	dialer->said = g_strdup(text);
	rn_notice("%s (%s): no connection: %s; trying again until there is one",
		  dialer->endpoint, dialer->identity, text);
}

static void wait(struct rn_dialer *dialer, gint64 ms);

static void conn_down(struct rn_conn *conn, const GError *reason, void *data)
{
	guint64 random = (guint64)g_random_int() << 32 | g_random_int();
	struct rn_dialer *dialer = data;
	gint64 ms = own_backoff(dialer->tries, random);

	dialer->conn = NULL;
	dialer->tries++;
	say(dialer, reason, ms);
	wait(dialer, ms);
}

static gboolean dial(void *data)
{
	struct rn_dialer *dialer = data;
	GError *reason = NULL;
	int fd = rn_socket_connect(dialer->endpoint, &reason);

	g_clear_pointer(&dialer->timer, g_source_unref);
	dialer->conn = rn_conn_new(dialer->tls, fd, FALSE, dialer->identity, dialer->endpoint,
				   reason);
	dialer->conn->owner = (struct rn_conn_owner) { .down = conn_down, .data = dialer };
	rn_conn_set_ops(dialer->conn, dialer->ops, dialer->data);
	return G_SOURCE_REMOVE;
}

static void wait(struct rn_dialer *dialer, gint64 ms)
{
	dialer->timer = g_timeout_source_new((guint)ms);
	g_source_set_callback(dialer->timer, dial, dialer, NULL);
	g_source_attach(dialer->timer, g_main_context_get_thread_default());
}

/* The first attempt too is made by the loop: no callback before we return. */
struct rn_dialer *rn_dialer_new(struct rn_tls *tls, const char *endpoint,
				const char *identity, const struct rn_conn_ops *ops,
				void *data)
{
	struct rn_dialer *dialer = g_new0(struct rn_dialer, 1);

	dialer->tls = tls;
	dialer->endpoint = g_strdup(endpoint);
	dialer->identity = g_strdup(identity);
	dialer->ops = ops;
	dialer->data = data;
	wait(dialer, 0);
	return dialer;
}

void rn_dialer_established(struct rn_dialer *dialer)
{
	dialer->tries = 0;
	g_clear_pointer(&dialer->said, g_free);
}

struct rn_conn *rn_dialer_conn(struct rn_dialer *dialer)
{
	return dialer->conn && rn_conn_is_up(dialer->conn) ? dialer->conn : NULL;
}

void rn_dialer_free(struct rn_dialer *dialer)
{
	if (!dialer)
		return;
	if (dialer->timer) {
		g_source_destroy(dialer->timer);
		g_source_unref(dialer->timer);
	}
	if (dialer->conn) {
		dialer->conn->owner = (struct rn_conn_owner) { 0 };
		rn_conn_set_ops(dialer->conn, NULL, NULL);
		rn_conn_close(dialer->conn);
	}
	g_free(dialer->endpoint);
	g_free(dialer->identity);
	g_free(dialer->said);
	g_free(dialer);
}
