// SPDX-License-Identifier: GPL-2.0
/*
 * Messages in and out of a connection that is up. What one turn of the loop may
 * do is bounded, both ways, so that a peer with much to say delays no other. The
 * send queue is bounded in bytes; who minds that it is full hears `drained`.
 */
#include "net/conn_priv.h"

#include <string.h>
#include "base/log.h"
#include "proto/codec.h"

#define RECORD	16384	/* plaintext bytes of a TLS record */

static gboolean is_next(const struct rn_conn *conn, const struct rn_msg *msg)
{
	const struct rn_bindings *part = conn->bindings, *joined = conn->joined;

	return joined && part->part == joined->part && part->parts == joined->parts &&
	       msg->id == conn->join.id && msg->epoch == conn->join.epoch &&
	       msg->nonce == conn->join.nonce;
}

/*
 * The parts of a transfer follow one another. FALSE: this is one, and not the last;
 * or one before it is missing, and its sender will say it all again. There is one
 * transfer in parts for each connection, and it goes with that, so a peer can make
 * no more wait here than a block has (is_part in binding.c).
 */
static gboolean join(struct rn_conn *conn, const struct rn_msg *msg)
{
	const struct rn_bindings *part = conn->bindings;

	if (!part || !part->parts || !conn->ops || !conn->ops->transfers)
		return TRUE;
	if (!part->part) {
		g_clear_pointer(&conn->joined, rn_bindings_free);
		conn->joined = rn_bindings_new();
		conn->joined->parts = part->parts;
		conn->join = *msg;
	} else if (!is_next(conn, msg)) {
		g_clear_pointer(&conn->joined, rn_bindings_free);
		return FALSE;
	}
	rn_bindings_append(conn->joined, part);
	conn->joined->part++;
	if (conn->joined->part < part->parts)
		return FALSE;
	conn->bindings = conn->joined;
	return TRUE;
}

static gboolean on_message(const struct rn_msg *msg, void *ctx)
{
	struct rn_conn *conn = ctx;

	conn->heard = g_get_monotonic_time();
	conn->turn++;
	if (join(conn, msg) && conn->ops && conn->ops->message)
		conn->ops->message(conn, msg, conn->data);
	if (conn->bindings && conn->bindings == conn->joined)
		g_clear_pointer(&conn->joined, rn_bindings_free);
	conn->bindings = NULL;
	return conn->state == CONN_UP;
}

static void on_bindings(const struct rn_bindings *bindings, void *ctx)
{
	struct rn_conn *conn = ctx;

	conn->bindings = bindings;
}

const struct rn_bindings *rn_conn_bindings(const struct rn_conn *conn)
{
	return conn->bindings;
}

/* The answer names nothing but the nonce, so that no state machine can take it
 * for a decision about a mapping.
 */
static gboolean on_refused(const struct rn_msg *msg, const GError *why, void *ctx)
{
	struct rn_conn *conn = ctx;
	struct rn_msg deny = {
		.type = RN_MSG_DENY,
		.code = RN_CODE_BAD_MESSAGE,
		.nonce = msg->nonce,
	};

	conn->heard = g_get_monotonic_time();
	conn->turn++;
	g_strlcpy(deny.text, why->message, sizeof(deny.text));
	/* 1, 2, 4, 8, ...: a peer must not fill the log. */
	if (!(conn->refused & (conn->refused + 1)))
		rn_warn("%s (%s): message refused: %s (%u before)", conn->peer,
			conn->session.identity, why->message, conn->refused);
	conn->refused++;
	rn_conn_send(conn, &deny);
	if (conn->ops && conn->ops->refused)
		conn->ops->refused(conn, conn->data);
	return conn->state == CONN_UP;
}

static gboolean on_frame(const guint8 *bytes, gsize len, void *ctx)
{
	static const struct rn_codec_sink sink = { on_message, on_refused, on_bindings };
	struct rn_conn *conn = ctx;
	g_autoptr(GError) why = NULL;

	if (!rn_codec_decode(bytes, len, &sink, conn, &why))
		rn_conn_fail(conn, g_error_new_literal(RN_CONN_ERROR, RN_CONN_ERROR_FRAME,
						       why->message));
	return conn->state == CONN_UP;
}

static void receive_failed(struct rn_conn *conn, int code)
{
	g_autofree char *why = NULL;

	switch (code) {
	case 0:
	case GNUTLS_E_PREMATURE_TERMINATION:
		rn_conn_fail(conn, g_error_new(RN_CONN_ERROR, RN_CONN_ERROR_CLOSED, "the peer %s",
					       code ? "ended without closing" : "closed"));
		return;
	}
	why = rn_session_explain(&conn->session, code);
	rn_conn_fail(conn, g_error_new_literal(RN_CONN_ERROR,
					       code == GNUTLS_E_FATAL_ALERT_RECEIVED ?
					       RN_CONN_ERROR_REFUSED : RN_CONN_ERROR_CLOSED, why));
}

/* Until E_AGAIN: a record that is decrypted already does not wake the fd. */
void rn_conn_receive(struct rn_conn *conn)
{
	g_autoptr(GError) why = NULL;
	guint8 buf[RECORD];

	conn->more = FALSE;
	conn->turn = 0;
	for (guint i = 0; i < RN_CONN_TURN_RECORDS && conn->turn < RN_CONN_TURN_MESSAGES &&
	     conn->state == CONN_UP && !conn->paused; i++) {
		ssize_t n = gnutls_record_recv(conn->session.tls, buf, sizeof(buf));

		if (n == GNUTLS_E_AGAIN)
			return;
		if (n < 0 && !gnutls_error_is_fatal((int)n))
			continue;
		if (n <= 0) {
			receive_failed(conn, (int)n);
			return;
		}
		if (!rn_frame_feed(&conn->reader, buf, (gsize)n, on_frame, conn, &why)) {
			rn_conn_fail(conn, g_error_new_literal(RN_CONN_ERROR, RN_CONN_ERROR_FRAME,
							       why->message));
			return;
		}
	}
	conn->more = conn->state == CONN_UP && !conn->paused;
}

static void begin_batch(struct rn_conn *conn)
{
	static const guint8 head[RN_FRAME_HEAD];

	conn->batch = g_byte_array_new();
	g_byte_array_append(conn->batch, head, sizeof(head));
	conn->batch_count = 0;
}

static void end_batch(struct rn_conn *conn)
{
	if (!conn->batch)
		return;
	rn_frame_put_head(conn->batch->data, conn->batch->len - RN_FRAME_HEAD);
	conn->queue_bytes += conn->batch->len;
	g_queue_push_tail(&conn->queue, g_steal_pointer(&conn->batch));
}

gboolean rn_conn_has_output(const struct rn_conn *conn)
{
	return conn->batch || conn->queue.length;
}

void rn_conn_clear_output(struct rn_conn *conn)
{
	GByteArray *frame;

	g_clear_pointer(&conn->batch, g_byte_array_unref);
	while ((frame = g_queue_pop_head(&conn->queue)))
		g_byte_array_unref(frame);
	conn->queue_bytes = 0;
	conn->sent = 0;
}

static gsize queued(const struct rn_conn *conn)
{
	return conn->queue_bytes + (conn->batch ? conn->batch->len : 0);
}

gboolean rn_conn_full(const struct rn_conn *conn)
{
	return queued(conn) >= RN_CONN_QUEUE_FULL;
}

static gboolean append(struct rn_conn *conn, const struct rn_msg *msg,
		       const struct rn_bindings *bindings)
{
	if (conn->batch && conn->batch_count == RN_CONN_FRAME_MESSAGES)
		end_batch(conn);
	if (!conn->batch)
		begin_batch(conn);
	if (!rn_codec_append_with(conn->batch, conn->batch_count, msg, bindings)) {
		if (conn->batch_count)
			end_batch(conn);
		if (!conn->batch)
			begin_batch(conn);
		/* One message is far below the bound of a frame; and bindings are
		 * too, or the caller did not keep to theirs.
		 */
		if (!rn_codec_append_with(conn->batch, 0, msg, bindings)) {
			g_assert(bindings);
			return FALSE;
		}
	}
	conn->batch_count++;
	if (rn_conn_full(conn))
		conn->was_full = TRUE;
	/* Sent in the next turn, so that what follows shares the frame. */
	if (!conn->blocked)
		g_source_set_ready_time(conn->source, 0);
	return TRUE;
}

static gboolean append_parts(struct rn_conn *conn, const struct rn_msg *msg,
			     const struct rn_bindings *bindings)
{
	guint parts = rn_bindings_parts(bindings);

	for (guint i = 0; i < parts; i++) {
		g_autoptr(RnBindings) part = rn_bindings_part(bindings, i);

		if (!append(conn, msg, part))
			return FALSE;
	}
	return TRUE;
}

gboolean rn_conn_send_with(struct rn_conn *conn, const struct rn_msg *msg,
			   const struct rn_bindings *bindings)
{
	if (conn->state != CONN_UP || queued(conn) >= RN_CONN_QUEUE_MAX)
		return FALSE;
	if (rn_bindings_count(bindings) <= RN_BINDINGS_MAX)
		return append(conn, msg, bindings);
	return !rn_conn_full(conn) && append_parts(conn, msg, bindings);
}

gboolean rn_conn_send(struct rn_conn *conn, const struct rn_msg *msg)
{
	return rn_conn_send_with(conn, msg, NULL);
}

/* After E_AGAIN GnuTLS wants the same bytes again: the first frame of the queue
 * stays where it is until it is sent.
 */
static gboolean send_first(struct rn_conn *conn)
{
	GByteArray *frame = g_queue_peek_head(&conn->queue);
	g_autofree char *why = NULL;
	ssize_t n;

	n = gnutls_record_send(conn->session.tls, frame->data + conn->sent,
			       MIN(frame->len - conn->sent, RECORD));
	if (n == GNUTLS_E_AGAIN) {
		conn->blocked = TRUE;
		return FALSE;
	}
	if (n < 0) {
		if (!gnutls_error_is_fatal((int)n))
			return TRUE;
		why = rn_session_explain(&conn->session, (int)n);
		rn_conn_fail(conn, g_error_new_literal(RN_CONN_ERROR, RN_CONN_ERROR_CLOSED, why));
		return FALSE;
	}
	conn->sent += (gsize)n;
	conn->queue_bytes -= (gsize)n;
	if (conn->sent == frame->len) {
		g_byte_array_unref(g_queue_pop_head(&conn->queue));
		conn->sent = 0;
	}
	return TRUE;
}

void rn_conn_flush(struct rn_conn *conn)
{
	conn->blocked = FALSE;
	end_batch(conn);
	for (guint i = 0; i < RN_CONN_TURN_RECORDS && !g_queue_is_empty(&conn->queue) &&
	     send_first(conn); i++)
		;
	if (conn->state != CONN_UP || !conn->was_full || conn->queue_bytes > RN_CONN_QUEUE_FULL / 2)
		return;
	conn->was_full = FALSE;
	if (conn->ops && conn->ops->drained)
		conn->ops->drained(conn, conn->data);
}
