/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What conn.c, conn_io.c, listener.c and dialer.c share.
 *
 *   CONNECTING ──► HANDSHAKE ──► UP ──► CLOSING ──► LINGER ──► DEAD
 *        └─────────────┴─────────┴────────┴───────────────────►┘
 *
 * Only the source's dispatch frees a connection, at its end, when it is DEAD.
 * So every callback may call everything, and nobody holds a dead pointer.
 */
#ifndef RN_NET_CONN_PRIV_H
#define RN_NET_CONN_PRIV_H

#include "net/conn.h"
#include "net/frame.h"
#include "net/session.h"

#define RN_CONN_HANDSHAKE_MS	5000
#define RN_CONN_HELLO_MS	10000	/* accepted: until rn_conn_established */
#define RN_CONN_CLOSE_MS	2000
#define RN_CONN_QUEUE_FULL	(1024 * 1024)		/* bytes */
#define RN_CONN_QUEUE_MAX	(4 * 1024 * 1024)
/* In one turn of the loop, then others have theirs. */
#define RN_CONN_TURN_MESSAGES	64	/* received; the last frame is finished */
#define RN_CONN_TURN_RECORDS	64	/* received, or sent */
/* Of a frame that we send, so that the peer's turns are short too: for each the
 * agent may ask a kernel that is slow.
 */
#define RN_CONN_FRAME_MESSAGES	64

enum conn_state {
	CONN_CONNECTING,	/* TCP */
	CONN_HANDSHAKE,
	CONN_UP,
	CONN_CLOSING,		/* what is queued goes out, then close_notify */
	CONN_LINGER,		/* ours is said; until the peer's end, unread */
	CONN_DEAD,		/* `down` is due */
};

/* The listener or dialer that made the connection: told before ops->down. */
struct rn_conn_owner {
	void (*up)(struct rn_conn *conn, void *data);
	void (*down)(struct rn_conn *conn, const GError *reason, void *data);
	void *data;
};

struct rn_conn {
	GSource *source;
	gpointer tag;		/* of fd in source; NULL without fd */
	GIOCondition wanted;	/* what the loop looks for there */
	int fd;
	enum conn_state state;
	gint64 deadline;	/* of this state, monotonic us; 0 none */
	gint64 idle_us;
	gint64 heard;		/* the last message */
	gboolean was_up;
	gboolean more;		/* the last receive stopped at its budget */
	gboolean paused;	/* rn_conn_pause */
	guint turn;		/* messages received in this turn */
	GError *reason;
	char *peer;
	struct rn_session session;
	struct rn_frame_reader reader;
	guint refused;		/* messages refused by the decoder */
	const struct rn_bindings *bindings;	/* of the message in hand */
	struct rn_bindings *joined;	/* parts of a transfer; `part`: the next */
	struct rn_msg join;		/* the transfer; id, epoch, nonce */

	GByteArray *batch;	/* head and body of the frame that grows */
	gsize batch_count;
	GQueue queue;		/* GByteArrays that are ready */
	gsize queue_bytes;	/* of queue, not sent */
	gsize sent;		/* of the first in queue */
	gboolean blocked;	/* the socket takes no more */
	gboolean was_full;	/* `drained` is due */

	struct rn_conn_owner owner;
	const struct rn_conn_ops *ops;
	void *data;
};

/* Takes fd, which is connected or (dialing) connecting. On failure, and with
 * fd < 0 and a reason, the connection is there and goes down from the loop.
 */
struct rn_conn *rn_conn_new(struct rn_tls *tls, int fd, gboolean accepted, const char *expected,
			    const char *peer, GError *reason);
/* Ends the connection; takes reason. */
void rn_conn_fail(struct rn_conn *conn, GError *reason);
gboolean rn_conn_is_up(const struct rn_conn *conn);

/* conn_io.c */
void rn_conn_receive(struct rn_conn *conn);
void rn_conn_flush(struct rn_conn *conn);
gboolean rn_conn_has_output(const struct rn_conn *conn);
void rn_conn_clear_output(struct rn_conn *conn);

#endif
