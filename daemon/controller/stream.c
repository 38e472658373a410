// SPDX-License-Identifier: GPL-2.0
/*
 * A list walks a snapshot of ids, a chunk per turn of the main loop, and waits
 * while the client does not read; so neither a long list nor a slow natctl
 * delays a decision. Records are never freed, so ids stay good.
 */
#include <string.h>
#include "controller/selector.h"
#include "controller/stream.h"
#include "controller/view.h"

#define CHUNK		256	/* rows of a reply: well under the frame's bound */
#define LOOK		20000	/* records looked at per turn */

struct stream {
	struct rn_job job;
	guint source;
	struct rn_selector selector;
	char *pool, *state;	/* what the selector points to */
	GArray *ids;
	guint next;
};

static void stream_free(struct stream *stream)
{
	if (stream->source)
		g_source_remove(stream->source);
	g_clear_pointer(&stream->ids, g_array_unref);
	g_free(stream->pool);
	g_free(stream->state);
	g_free(stream);
}

static void cancel(struct rn_job *job)
{
	stream_free((struct stream *)job);
}

static gboolean on_list(gpointer data);

static void go(struct stream *stream)
{
	stream->source = g_timeout_add(0, on_list, stream);
}

static void drained(struct rn_job *job)
{
	struct stream *stream = (struct stream *)job;

	if (!stream->source)
		go(stream);
}

static struct stream *stream_new(struct rn_core *core, struct rn_control_call *call)
{
	struct stream *stream = g_new0(struct stream, 1);

	stream->job = (struct rn_job){
		.core = core, .call = call, .cancel = cancel, .drained = drained,
	};
	rn_control_set_user(call, stream);
	return stream;
}

static gboolean on_list(gpointer data)
{
	struct stream *stream = data;
	struct rn_core *core = stream->job.core;
	g_autofree struct rn_view_mapping *views = g_new(struct rn_view_mapping, CHUNK);
	Roamnat__Control__V1__Mapping *list[CHUNK];
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	guint at = stream->next, n = 0;

	stream->source = 0;
	for (int looked = 0; at < stream->ids->len && n < CHUNK && looked < LOOK; at++, looked++) {
		struct rn_record *record =
			rn_records_id(core->records, g_array_index(stream->ids, uint64_t, at));

		if (!record || !rn_selector_match(core, &stream->selector, record))
			continue;
		rn_view_mapping(core, record, &views[n]);
		list[n] = &views[n].pb;
		n++;
	}
	reply.mappings = list;
	reply.n_mappings = n;
	reply.last = at == stream->ids->len;
	if ((n || reply.last) && !rn_control_reply(stream->job.call, &reply))
		return G_SOURCE_REMOVE;		/* `drained` goes on */
	stream->next = at;
	if (reply.last)
		stream_free(stream);
	else
		go(stream);
	return G_SOURCE_REMOVE;
}

void rn_stream_mappings(struct rn_core *core, struct rn_control_call *call,
			const RnRequest *request)
{
	g_autofree char *error = NULL;
	struct rn_selector selector;
	struct stream *stream;
	uint8_t code = 0;

	if (!rn_selector_parse(core, request->selector, &selector, &code, &error)) {
		rn_control_refuse(call, code, "%s", error);
		return;
	}
	stream = stream_new(core, call);
	stream->selector = selector;
	stream->pool = g_strdup(selector.pool);
	stream->selector.pool = stream->pool;
	stream->state = g_strdup(selector.state);
	stream->selector.state = stream->state;
	if (selector.has_private && !selector.state)
		stream->ids = rn_selector_owned(core, &selector);
	else
		stream->ids = rn_records_ids(core->records);
	go(stream);
}
