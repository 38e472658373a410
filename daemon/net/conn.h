/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mutually authenticated connection that carries messages, on the GLib main
 * context. TLS 1.3 only; both sides check chain, key purpose, expiry and
 * revocation; ALPN roamnat/1. There is no plaintext mode.
 *
 * The handshake proves an identity (URI SAN). Whether that identity may do
 * anything is the caller's decision, after `up`.
 */
#ifndef RN_NET_CONN_H
#define RN_NET_CONN_H

#include <glib.h>
#include "net/tls.h"
#include "proto/binding.h"
#include "proto/msg.h"

struct rn_conn;
struct rn_listener;
struct rn_dialer;

#define RN_CONN_ERROR	rn_conn_error_quark()
enum rn_conn_error {
	RN_CONN_ERROR_CONNECT,	/* no TCP connection */
	RN_CONN_ERROR_REFUSED,	/* we refused the peer, or it refused us */
	RN_CONN_ERROR_CLOSED,	/* the peer ended it, or the network did */
	RN_CONN_ERROR_TIMEOUT,	/* handshake, HELLO or idle */
	RN_CONN_ERROR_FRAME,	/* what came is not roamnat/1 */
};

GQuark rn_conn_error_quark(void);

struct rn_conn_ops {
	/* Handshake done. */
	void (*up)(struct rn_conn *conn, void *data);
	/* One message of a frame, checked for form only. */
	void (*message)(struct rn_conn *conn, const struct rn_msg *msg, void *data);
	/* One that is malformed, and was answered so; may be NULL. */
	void (*refused)(struct rn_conn *conn, void *data);
	/* rn_conn_full was true, and half of that is sent by now. */
	void (*drained)(struct rn_conn *conn, void *data);
	/* Exactly once, also when `up` never came; conn is freed on return.
	 * reason is NULL when we closed it.
	 */
	void (*down)(struct rn_conn *conn, const GError *reason, void *data);
	/* The peer may send transfers: one that comes in parts is heard as one message,
	 * when the last part is here.
	 */
	gboolean transfers;
};

/* Queues msg; messages queued in one turn of the loop share frames. False when
 * the queue is at its bound: the message was not taken. Also false, without
 * `drained`, before `up` and after rn_conn_close.
 */
gboolean rn_conn_send(struct rn_conn *conn, const struct rn_msg *msg);
/* The same with the bindings of a transfer; NULL for none. If they need several
 * messages, all of these are taken, one behind the other, or none: false also while
 * rn_conn_full.
 */
gboolean rn_conn_send_with(struct rn_conn *conn, const struct rn_msg *msg,
			   const struct rn_bindings *bindings);
/* Inside ops->message: the bindings that came with it, NULL for none. With
 * ops->transfers they are all that there are.
 */
const struct rn_bindings *rn_conn_bindings(const struct rn_conn *conn);
/* So much waits for the peer that who can wait should wait for `drained`; the
 * rest of the queue is for those who cannot.
 */
gboolean rn_conn_full(const struct rn_conn *conn);
/* Stops reading, at the end of the frame in hand: the peer fills its own queue
 * then. Meanwhile it may be silent. Use it at one end only, or both wait.
 */
void rn_conn_pause(struct rn_conn *conn, gboolean pause);
/* Sends what is queued, then closes; `down` follows from the main loop. */
void rn_conn_close(struct rn_conn *conn);
void rn_conn_set_ops(struct rn_conn *conn, const struct rn_conn_ops *ops, void *data);
/* Verified URI SAN of the peer, NULL before `up`. */
const char *rn_conn_identity(const struct rn_conn *conn);
/* "198.51.100.11:41234" */
const char *rn_conn_peer(const struct rn_conn *conn);
void *rn_conn_data(const struct rn_conn *conn);
/* No message for this long, after `up`: down with an error. 0 turns it off. */
void rn_conn_set_idle_timeout(struct rn_conn *conn, unsigned int ms);

/* endpoint: ADDRESS:PORT or [ADDRESS]:PORT. `accepted` is called for each
 * connection before its handshake and must rn_conn_set_ops. At most
 * max_pending connections may be without HELLO at a time (the caller says
 * rn_conn_established after it accepted one); further ones are closed and counted.
 */
struct rn_listener *rn_listener_new(struct rn_tls *tls, const char *endpoint,
				    unsigned int max_pending,
				    void (*accepted)(struct rn_conn *conn, void *data),
				    void *data, GError **error);
void rn_conn_established(struct rn_conn *conn);
/* Where it listens, for an endpoint with port 0. */
unsigned int rn_listener_port(const struct rn_listener *listener);
/* Connections closed because of max_pending. */
guint64 rn_listener_refused(const struct rn_listener *listener);
/* Accepted connections go on. */
void rn_listener_free(struct rn_listener *listener);

/* Keeps a connection to endpoint, whose certificate must carry identity:
 * connects, and after `down` connects again with back-off 0.2 s to 10 s and
 * jitter. The back-off starts over only after rn_dialer_established, because in
 * TLS 1.3 a client's handshake succeeds before it was judged.
 */
struct rn_dialer *rn_dialer_new(struct rn_tls *tls, const char *endpoint,
				const char *identity, const struct rn_conn_ops *ops,
				void *data);
void rn_dialer_established(struct rn_dialer *dialer);
/* NULL while there is no connection that is up. */
struct rn_conn *rn_dialer_conn(struct rn_dialer *dialer);
/* Closes the connection; none of ops is called any more. */
void rn_dialer_free(struct rn_dialer *dialer);

#endif
