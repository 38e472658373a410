/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct rn_msg <-> the bytes of one Frame (roamnat.proto), without the length
 * before it. Decoding trusts nothing: memory is capped, and each message is
 * judged by itself, so that one bad message does not take others with it.
 */
#ifndef RN_PROTO_CODEC_H
#define RN_PROTO_CODEC_H

#include <glib.h>
#include "proto/binding.h"
#include "proto/msg.h"

/* No frame has more messages; keeps honest frames far below RN_ARENA_CAP. */
#define RN_FRAME_MESSAGES	4096

#define RN_CODEC_ERROR		rn_codec_error_quark()
enum rn_codec_error {
	RN_CODEC_ERROR_FRAME,	/* these bytes are no Frame: nothing was delivered */
	RN_CODEC_ERROR_LIMIT,	/* more memory or messages than allowed: the same */
	RN_CODEC_ERROR_TYPE,	/* one message: its type is not known */
	RN_CODEC_ERROR_FIELD,	/* one message: a field is out of its range */
};

GQuark rn_codec_error_quark(void);

struct rn_codec_sink {
	/* A message that is good in form. FALSE: deliver no more of this frame. */
	gboolean (*message)(const struct rn_msg *msg, void *ctx);
	/* A message that was refused. Only nonce is set in msg, for the answer;
	 * why names the type and the field. FALSE as above.
	 */
	gboolean (*refused)(const struct rn_msg *msg, const GError *why, void *ctx);
	/* Before `message`: the bindings of a transfer that has some. Valid until
	 * `message` returns. May be NULL: they are left out.
	 */
	void (*bindings)(const struct rn_bindings *bindings, void *ctx);
};

/* Appends msg to the Frame that frame holds. FALSE, and frame is as it was, if
 * it would grow over RN_FRAME_MAX bytes or count is RN_FRAME_MESSAGES already.
 */
gboolean rn_codec_append(GByteArray *frame, gsize count, const struct rn_msg *msg);
/* The same with bindings, of a transfer; NULL for none. */
gboolean rn_codec_append_with(GByteArray *frame, gsize count, const struct rn_msg *msg,
			      const struct rn_bindings *bindings);
/* Appends as many of msgs as one frame takes, returns how many: the caller goes
 * on with the others in the next frame. frame must be empty.
 */
gsize rn_codec_encode(const struct rn_msg *msgs, gsize n, GByteArray *frame);
/* Delivers every message of a frame in its order. FALSE if bytes are no frame. */
gboolean rn_codec_decode(const guint8 *bytes, gsize len, const struct rn_codec_sink *sink,
			 void *ctx, GError **error);

#endif
