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
	GSourceFunc func;	/* of source */
	/* mappings */
	struct rn_selector selector;
	char *pool, *state;	/* what the selector points to */
	GArray *ids;
	guint next;
	/* audit */
	struct rn_store_query query;
	GArray *rows;		/* a page that the client did not take yet */
	gboolean reading;
	gboolean gone;		/* the client, while a page is read */
};

static void stream_free(struct stream *stream)
{
	if (stream->source)
		g_source_remove(stream->source);
	g_clear_pointer(&stream->ids, g_array_unref);
	g_clear_pointer(&stream->rows, g_array_unref);
	g_free(stream->pool);
	g_free(stream->state);
	g_free(stream);
}

static void cancel(struct rn_job *job)
{
	struct stream *stream = (struct stream *)job;

	/* The page comes back to us. */
	if (stream->reading)
		stream->gone = TRUE;
	else
		stream_free(stream);
}

static void go(struct stream *stream, GSourceFunc func)
{
	stream->func = func;
	stream->source = g_timeout_add(0, func, stream);
}

static void drained(struct rn_job *job)
{
	struct stream *stream = (struct stream *)job;

	if (stream->func && !stream->source && !stream->reading)
		go(stream, stream->func);
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

/* ---- mappings ---- */

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
		go(stream, on_list);
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
	go(stream, on_list);
}

/* ---- audit ---- */

static void on_page(const GArray *rows, const char *error, void *data);

static void read_page(struct stream *stream)
{
	stream->reading = TRUE;
	rn_store_audit(stream->job.core->store, &stream->query, on_page, stream);
}

static gboolean on_rows(gpointer data)
{
	struct stream *stream = data;
	g_autofree struct rn_view_event *views = g_new(struct rn_view_event, CHUNK);
	Roamnat__Control__V1__Event *list[CHUNK];
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;

	stream->source = 0;
	for (guint i = 0; i < stream->rows->len; i++) {
		rn_view_event(stream->job.core,
			      &g_array_index(stream->rows, struct rn_store_audit, i), &views[i]);
		list[i] = &views[i].pb;
		stream->query.after = views[i].row.rev;
	}
	reply.events = list;
	reply.n_events = stream->rows->len;
	reply.last = stream->rows->len < CHUNK;
	if (!rn_control_reply(stream->job.call, &reply))
		return G_SOURCE_REMOVE;		/* `drained` goes on */
	if (reply.last) {
		stream_free(stream);
	} else {
		g_clear_pointer(&stream->rows, g_array_unref);
		read_page(stream);
	}
	return G_SOURCE_REMOVE;
}

static void on_page(const GArray *rows, const char *error, void *data)
{
	struct stream *stream = data;

	stream->reading = FALSE;
	if (stream->gone) {
		stream_free(stream);
		return;
	}
	if (!rows) {
		struct rn_control_call *call = stream->job.call;

		stream_free(stream);
		rn_control_set_user(call, NULL);
		rn_control_refuse(call, RN_CODE_LIMIT, "%s", error);
		return;
	}
	stream->rows = g_array_copy((GArray *)rows);
	go(stream, on_rows);
}

static gboolean parse_time(const char *text, int64_t *ns)
{
	g_autoptr(GTimeZone) local = g_time_zone_new_local();
	g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, local);
	guint64 seconds;

	if (g_ascii_string_to_unsigned(text, 10, 1, INT64_MAX / 1000000000, &seconds, NULL))
		*ns = seconds * 1000000000;
	else if (time)
		*ns = g_date_time_to_unix(time) * 1000000000 +
		      (int64_t)g_date_time_get_microsecond(time) * 1000;
	else
		return FALSE;
	return TRUE;
}

void rn_stream_audit(struct rn_core *core, struct rn_control_call *call,
		     const RnRequest *request)
{
	g_autofree char *error = NULL;
	struct rn_selector selector;
	struct stream *stream;
	int64_t at = 0;
	uint8_t code = 0;

	if (!rn_selector_parse(core, request->selector, &selector, &code, &error)) {
		rn_control_refuse(call, code, "%s", error);
		return;
	}
	if (*request->reason && !parse_time(request->reason, &at)) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "`%s` is not a time such as 2026-01-31T12:00:00Z",
				  request->reason);
		return;
	}
	stream = stream_new(core, call);
	stream->query.addr = selector.public;
	stream->query.has_port = selector.public_port != 0;
	stream->query.port = selector.public_port;
	stream->query.proto = selector.proto;
	stream->query.at_ns = request->at_ns ? (int64_t)request->at_ns : at;
	stream->query.limit = CHUNK;
	read_page(stream);
}
