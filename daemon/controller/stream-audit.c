// SPDX-License-Identifier: GPL-2.0
/*
 * The audit log and backups for natctl. The store's threads read; a page comes
 * back to the main loop, and waits while the client does not take it.
 */
#include <string.h>
#include "controller/selector.h"
#include "controller/stream.h"
#include "controller/view.h"

#define CHUNK	256	/* rows of a reply: well under the frame's bound */
#define NOTES	2

struct stream {
	struct rn_job job;
	guint source;
	struct rn_store_query query;
	struct rn_store_page page;
	GArray *rows;		/* of page, as long as the client did not take it */
	gboolean reading;
	gboolean gone;		/* the client, while a page is read */
};

static void stream_free(struct stream *stream)
{
	if (stream->source)
		g_source_remove(stream->source);
	g_clear_pointer(&stream->rows, g_array_unref);
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

static gboolean on_rows(gpointer data);

static void go(struct stream *stream)
{
	stream->source = g_timeout_add(0, on_rows, stream);
}

static void drained(struct rn_job *job)
{
	struct stream *stream = (struct stream *)job;

	if (!stream->source && !stream->reading)
		go(stream);
}

/* ---- what the log cannot say ---- */

static char *time_text(int64_t ns)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(ns / 1000000000);

	return time ? g_date_time_format_iso8601(time) : g_strdup("?");
}

/* Is what was asked older than what is kept? */
static bool too_old(const struct stream *stream)
{
	const struct rn_store_query *query = &stream->query;
	int64_t from = query->at_ns ? query->at_ns : query->since_ns;

	return from && from < stream->page.begins_ns;
}

static void add_notes(const struct stream *stream, RnReply *reply, char *notes[NOTES])
{
	const struct rn_store_page *page = &stream->page;
	g_autofree char *from = time_text(page->gap_from_ns);
	g_autofree char *to = time_text(page->gap_to_ns);
	g_autofree char *begins = time_text(page->begins_ns);

	if (page->begins_ns && (too_old(stream) || !stream->query.at_ns)) {
		notes[reply->n_notes++] =
			g_strdup_printf("the audit log begins at %s (keep= in controller.conf): of the time before it only tells who had an address then",
					begins);
		reply->unknown = too_old(stream);
	}
	if (page->twice) {
		notes[reply->n_notes++] =
			g_strdup_printf("the clock was set back: the time from %s to %s came twice, and these are the answers for both",
					from, to);
	} else if (page->gap_to_ns) {
		notes[reply->n_notes++] =
			g_strdup_printf("the store was restored from a backup: what happened from %s to %s is not known",
					from, to);
		reply->unknown = TRUE;
	}
	reply->notes = notes;
}

/* ---- pages ---- */

static void on_page(const struct rn_store_page *page, void *data)
{
	struct stream *stream = data;

	stream->reading = FALSE;
	if (stream->gone) {
		stream_free(stream);
		return;
	}
	if (!page->rows) {
		struct rn_control_call *call = stream->job.call;

		stream_free(stream);
		rn_control_set_user(call, NULL);
		rn_control_refuse(call, RN_CODE_LIMIT, "%s", page->error);
		return;
	}
	stream->page = *page;
	stream->rows = g_array_copy((GArray *)page->rows);
	/* What is older than the log itself only seems to be an answer. */
	if (stream->query.at_ns && too_old(stream))
		g_array_set_size(stream->rows, 0);
	go(stream);
}

static void read_page(struct stream *stream)
{
	stream->reading = TRUE;
	rn_store_audit(stream->job.core->store, &stream->query, on_page, stream);
}

/* One reply; a page of two times can be twice as long. */
static gboolean send_rows(struct stream *stream)
{
	guint n = MIN(stream->rows->len, CHUNK);
	g_autofree struct rn_view_event *views = g_new(struct rn_view_event, n);
	Roamnat__Control__V1__Event *list[CHUNK];
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	char *notes[NOTES] = { NULL };
	gboolean sent;

	for (guint i = 0; i < n; i++) {
		rn_view_event(stream->job.core,
			      &g_array_index(stream->rows, struct rn_store_audit, i), &views[i]);
		list[i] = &views[i].pb;
	}
	reply.events = list;
	reply.n_events = n;
	reply.last = n == stream->rows->len && !stream->page.next;
	if (reply.last)
		add_notes(stream, &reply, notes);
	sent = rn_control_reply(stream->job.call, &reply);
	for (int i = 0; i < NOTES; i++)
		g_free(notes[i]);
	if (sent)
		g_array_remove_range(stream->rows, 0, n);
	return sent;
}

static gboolean on_rows(gpointer data)
{
	struct stream *stream = data;
	bool last;

	stream->source = 0;
	do {
		last = stream->rows->len <= CHUNK && !stream->page.next;
		if (!send_rows(stream))
			return G_SOURCE_REMOVE;		/* `drained` goes on */
	} while (stream->rows->len);
	if (last) {
		stream_free(stream);
		return G_SOURCE_REMOVE;
	}
	g_clear_pointer(&stream->rows, g_array_unref);
	stream->query.after = stream->page.next;
	read_page(stream);
	return G_SOURCE_REMOVE;
}

void rn_stream_audit(struct rn_core *core, struct rn_control_call *call,
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
	if (request->at_ns && !selector.has_public && !selector.has_private) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "at a time, of what? Name a public or a private address");
		return;
	}
	stream = g_new0(struct stream, 1);
	stream->job = (struct rn_job){
		.core = core, .call = call, .cancel = cancel, .drained = drained,
	};
	rn_control_set_user(call, stream);
	stream->query = (struct rn_store_query){
		.addr = selector.public,
		.has_port = selector.public_port != 0,
		.port = selector.public_port,
		.proto = selector.proto,
		.vm = selector.private,
		.has_zone = selector.has_zone,
		.zone = selector.zone,
		.gateway = selector.gateway ? selector.gateway->row.number : 0,
		.at_ns = MIN(request->at_ns, INT64_MAX),
		.since_ns = MIN(request->since_ns, INT64_MAX),
		.until_ns = MIN(request->until_ns, INT64_MAX),
		.limit = CHUNK,
	};
	read_page(stream);
}

/* ---- backup ---- */

struct backup {
	struct rn_job job;
	char *file;
	gboolean gone;
};

static void backup_cancel(struct rn_job *job)
{
	/* It goes on, and nobody is told. */
	((struct backup *)job)->gone = TRUE;
}

static void on_backup(const char *error, uint64_t bytes, void *data)
{
	struct backup *backup = data;
	struct rn_control_call *call = backup->gone ? NULL : backup->job.call;
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	g_autofree char *text = NULL;

	if (call)
		rn_control_set_user(call, NULL);
	if (call && error) {
		rn_control_refuse(call, RN_CODE_LIMIT, "%s", error);
	} else if (call) {
		text = g_strdup_printf("%s: %" G_GUINT64_FORMAT " bytes, checked and on disk",
				       backup->file, bytes);
		reply.text = text;
		reply.last = 1;
		rn_control_reply(call, &reply);
	}
	g_free(backup->file);
	g_free(backup);
}

void rn_stream_backup(struct rn_core *core, struct rn_control_call *call,
		      const RnRequest *request)
{
	g_autoptr(GError) error = NULL;
	struct backup *backup;

	if (*request->file != '/') {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE,
				  "`%s` is no absolute path: the controller's directory is not yours",
				  request->file);
		return;
	}
	backup = g_new0(struct backup, 1);
	backup->job = (struct rn_job){ .core = core, .call = call, .cancel = backup_cancel };
	backup->file = g_strdup(request->file);
	if (!rn_store_backup(core->store, request->file, on_backup, backup, &error)) {
		rn_control_refuse(call, RN_CODE_BUSY, "%s", error->message);
		g_free(backup->file);
		g_free(backup);
		return;
	}
	rn_control_set_user(call, backup);
}
