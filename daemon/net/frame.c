// SPDX-License-Identifier: GPL-2.0
/* Memory grows with the bytes that came, not with the length announced. */
#include "net/frame.h"

#include <string.h>
#include "proto/codec.h"

void rn_frame_put_head(guint8 head[RN_FRAME_HEAD], gsize len)
{
	guint32 wire = GUINT32_TO_BE((guint32)len);

	memcpy(head, &wire, sizeof(wire));
}

gboolean rn_frame_get_head(const guint8 head[RN_FRAME_HEAD], gsize max, guint32 *len,
			   GError **error)
{
	guint32 wire;

	memcpy(&wire, head, sizeof(wire));
	*len = GUINT32_FROM_BE(wire);
	if (*len && *len <= max)
		return TRUE;
	g_set_error(error, RN_CODEC_ERROR, RN_CODEC_ERROR_FRAME,
		    "a frame of %u bytes was announced, 1 to %zu are allowed", *len, max);
	return FALSE;
}

void rn_frame_reader_init(struct rn_frame_reader *reader, gsize max)
{
	*reader = (struct rn_frame_reader) { .max = max, .body = g_byte_array_new() };
}

void rn_frame_reader_clear(struct rn_frame_reader *reader)
{
	g_clear_pointer(&reader->body, g_byte_array_unref);
}

/* Takes what head still misses; returns how many bytes that were. */
static gsize take_head(struct rn_frame_reader *reader, const guint8 *bytes, gsize n)
{
	gsize take = MIN(n, RN_FRAME_HEAD - reader->got);

	memcpy(reader->head + reader->got, bytes, take);
	reader->got += (guint)take;
	return take;
}

gboolean rn_frame_feed(struct rn_frame_reader *reader, const guint8 *bytes, gsize n,
		       gboolean (*frame)(const guint8 *bytes, gsize len, void *ctx), void *ctx,
		       GError **error)
{
	while (n) {
		const guint8 *body = bytes;
		gsize take;

		if (reader->got < RN_FRAME_HEAD) {
			take = take_head(reader, bytes, n);
			bytes += take;
			n -= take;
			if (reader->got == RN_FRAME_HEAD &&
			    !rn_frame_get_head(reader->head, reader->max, &reader->len, error))
				return FALSE;
			continue;
		}
		take = MIN(n, reader->len - reader->body->len);
		/* A frame that came in one piece is judged where it lies. */
		if (take < reader->len) {
			g_byte_array_append(reader->body, bytes, (guint)take);
			body = reader->body->data;
		}
		bytes += take;
		n -= take;
		if (take < reader->len && reader->body->len < reader->len)
			continue;
		reader->got = 0;
		if (!frame(body, reader->len, ctx))
			return TRUE;
		g_byte_array_set_size(reader->body, 0);
	}
	return TRUE;
}
