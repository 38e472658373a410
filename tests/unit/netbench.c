// SPDX-License-Identifier: GPL-2.0
/* See netbench.h. */
#include <string.h>
#include "netbench.h"
#include "pki.h"

GMainContext *context;
struct rn_tls *server_tls, *client_tls;
struct rn_listener *listener;
struct rn_dialer *dialer;
struct end server, client;

static void on_up(struct rn_conn *conn, void *data)
{
	struct end *end = data;

	end->ups++;
	g_free(end->identity);
	end->identity = g_strdup(rn_conn_identity(conn));
	if (end->established)
		rn_conn_established(conn);
	for (guint i = 1; i <= end->burst; i++)
		ck_assert(rn_conn_send(conn, &(struct rn_msg) { .type = RN_MSG_PING, .nonce = i }));
	if (end->burst)
		rn_conn_close(conn);
}

static void on_message(struct rn_conn *conn, const struct rn_msg *msg, void *data)
{
	struct end *end = data;

	end->messages++;
	if (msg->type == RN_MSG_PING)
		ck_assert_uint_eq(msg->nonce, end->messages);
	end->last = *msg;
}

static void on_drained(struct rn_conn *conn, void *data)
{
	struct end *end = data;

	end->drained++;
}

static void on_down(struct rn_conn *conn, const GError *reason, void *data)
{
	struct end *end = data;

	end->downs++;
	if (end->conn == conn)
		end->conn = NULL;
	g_free(end->reason);
	end->reason = reason ? g_strdup(reason->message) : NULL;
	end->code = reason ? reason->code : -1;
}

const struct rn_conn_ops net_ops = {
	.up = on_up, .message = on_message, .drained = on_drained, .down = on_down,
};

void net_accepted(struct rn_conn *conn, void *data)
{
	server.conn = conn;
	rn_conn_set_ops(conn, &net_ops, data);
}

gboolean net_bound(void *data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

static GLogWriterOutput silence(GLogLevelFlags level, const GLogField *fields, gsize n, void *data)
{
	return G_LOG_WRITER_HANDLED;
}

void net_setup(void)
{
	g_autoptr(GError) error = NULL;

	/* Refusals are the subject here, not what the log says about them. */
	g_log_set_writer_func(silence, NULL, NULL);
	context = g_main_context_default();
	memset(&server, 0, sizeof(server));
	memset(&client, 0, sizeof(client));
	server.established = TRUE;
	server_tls = pki_tls("controller", "crl.pem");
	listener = rn_listener_new(server_tls, "127.0.0.1:0", 4, net_accepted, &server, &error);
	ck_assert_msg(listener != NULL, "%s", error ? error->message : "");
}

void dial(const char *name, const char *identity)
{
	g_autofree char *endpoint = g_strdup_printf("127.0.0.1:%u", rn_listener_port(listener));

	client_tls = pki_tls(name, NULL);
	dialer = rn_dialer_new(client_tls, endpoint, identity, &net_ops, &client);
}

void net_teardown(void)
{
	rn_dialer_free(dialer);
	dialer = NULL;
	if (server.conn)
		rn_conn_close(server.conn);
	WAIT(!server.conn);
	rn_listener_free(listener);
	/* What closes in the background has to be gone for the leak checker. */
	while (g_main_context_iteration(context, FALSE))
		;
	rn_tls_free(client_tls);
	rn_tls_free(server_tls);
	client_tls = NULL;
	g_free(server.identity);
	g_free(server.reason);
	g_free(client.identity);
	g_free(client.reason);
}

void assert_reason(const struct end *end, int code, const char *word)
{
	ck_assert_ptr_nonnull(end->reason);
	ck_assert_msg(strstr(end->reason, word) != NULL, "`%s' lacks `%s'", end->reason, word);
	ck_assert_int_eq(end->code, code);
}
