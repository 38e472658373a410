/* SPDX-License-Identifier: GPL-2.0 */
/* Two ends of a connection over 127.0.0.1, and what happens to them. */
#ifndef TEST_NETBENCH_H
#define TEST_NETBENCH_H

#include <check.h>
#include "net/conn.h"

#define BOUND_MS	9000
#define CONTROLLER	"spiffe://test/controller"

/* One end of a connection and what happened to it. */
struct end {
	struct rn_conn *conn;
	guint ups, downs, messages, drained;
	gboolean established;	/* say so in `up` */
	guint burst;		/* PINGs to send in `up`, then close */
	struct rn_msg last;
	char *identity;
	char *reason;		/* of the last down; NULL we closed */
	int code;
};

extern GMainContext *context;
extern struct rn_tls *server_tls, *client_tls;
extern struct rn_listener *listener;
extern struct rn_dialer *dialer;
extern struct end server, client;
extern const struct rn_conn_ops net_ops;	/* of both ends; data is the end */

/* Runs the loop until condition, at most BOUND_MS. */
#define WAIT(condition) do {								\
	GSource *bound = g_timeout_source_new(BOUND_MS);				\
	gboolean over = FALSE;								\
											\
	g_source_set_callback(bound, net_bound, &over, NULL);				\
	g_source_attach(bound, context);						\
	while (!(condition) && !over)							\
		g_main_context_iteration(context, TRUE);				\
	g_source_destroy(bound);							\
	g_source_unref(bound);								\
	ck_assert_msg(!over, "never: %s (server: %s; client: %s)", #condition,		\
		      server.reason ? server.reason : "-",				\
		      client.reason ? client.reason : "-");				\
} while (0)

gboolean net_bound(void *data);	/* of WAIT */
/* The callback of the listener; data is the end. */
void net_accepted(struct rn_conn *conn, void *data);
/* Fixtures: the server listens; nobody is connected any more. */
void net_setup(void);
void net_teardown(void);
/* The client is rn_dialer with the certificate of `name`. */
void dial(const char *name, const char *identity);
void assert_reason(const struct end *end, int code, const char *word);

#endif
