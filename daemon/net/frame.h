/* SPDX-License-Identifier: GPL-2.0 */
/* A 32-bit length in network order, then so many bytes: stream -> frames. */
#ifndef RN_NET_FRAME_H
#define RN_NET_FRAME_H

#include <glib.h>

#define RN_FRAME_HEAD	4

struct rn_frame_reader {
	guint8 head[RN_FRAME_HEAD];
	guint got;		/* bytes of head */
	guint32 len;		/* of the frame, once head is complete */
	gsize max;
	GByteArray *body;	/* what came so far of it */
};

void rn_frame_reader_init(struct rn_frame_reader *reader, gsize max);
void rn_frame_reader_clear(struct rn_frame_reader *reader);
/* Calls frame for each frame that bytes complete, until it says FALSE; the rest
 * of bytes is dropped then. A length of 0 or over max sets error and returns
 * FALSE, before any memory is taken for it.
 */
gboolean rn_frame_feed(struct rn_frame_reader *reader, const guint8 *bytes, gsize n,
		       gboolean (*frame)(const guint8 *bytes, gsize len, void *ctx), void *ctx,
		       GError **error);

void rn_frame_put_head(guint8 head[RN_FRAME_HEAD], gsize len);
/* FALSE as in rn_frame_feed. */
gboolean rn_frame_get_head(const guint8 head[RN_FRAME_HEAD], gsize max, guint32 *len,
			   GError **error);

#endif
