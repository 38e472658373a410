// SPDX-License-Identifier: GPL-2.0
/*
 * One client of the control socket. It has one request at a time: while that
 * is open nothing is read, so that requests cannot pile up.
 */
#include "net/control_priv.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "net/frame.h"
#include "proto/arena.h"
#include "proto/msg.h"

/* A call is its client: there is never more than one. */
struct rn_control_call {
	struct rn_control *control;
	GSource *source;
	gpointer tag;
	int fd;
	char *caller;
	struct rn_frame_reader reader;
	GByteArray *out;
	gsize sent;		/* of out */
	gboolean busy;		/* a request is open */
	gboolean starved;	/* a reply was not taken */
	gboolean finished;	/* close when out is sent */
	void *user;
};

struct call_source {
	GSource source;
	struct rn_control_call *call;
};

static gsize queued(const struct rn_control_call *call)
{
	return call->out->len - call->sent;
}

static void wake(struct rn_control_call *call)
{
	g_source_set_ready_time(call->source, 0);
}

static void append_reply(struct rn_control_call *call, const RnReply *reply, gsize len)
{
	guint before = call->out->len;

	g_byte_array_set_size(call->out, before + RN_FRAME_HEAD + (guint)len);
	rn_frame_put_head(call->out->data + before, len);
	roamnat__control__v1__reply__pack(reply, call->out->data + before + RN_FRAME_HEAD);
}

static void end_call(struct rn_control_call *call)
{
	call->busy = FALSE;
	call->starved = FALSE;
	call->user = NULL;
}

gboolean rn_control_reply(struct rn_control_call *call, const RnReply *reply)
{
	gsize len = roamnat__control__v1__reply__get_packed_size(reply);

	if (len > RN_FRAME_MAX) {
		rn_err("control socket: a reply of %zu bytes does not fit a frame", len);
		rn_control_refuse(call, RN_CODE_LIMIT, "the answer is too long to be sent");
		return TRUE;
	}
	/* The end is always taken: it is small, and the last of this call. */
	if (!reply->last && queued(call) >= RN_CONTROL_QUEUE_MAX) {
		call->starved = TRUE;
		return FALSE;
	}
	append_reply(call, reply, len);
	if (reply->last)
		end_call(call);
	wake(call);
	return TRUE;
}

void rn_control_refuse(struct rn_control_call *call, unsigned int code, const char *format, ...)
{
	RnReply reply = ROAMNAT__CONTROL__V1__REPLY__INIT;
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	reply.code = code;
	reply.text = text;
	reply.last = TRUE;
	rn_control_reply(call, &reply);
}

const char *rn_control_caller(const struct rn_control_call *call)
{
	return call->caller;
}

void rn_control_set_user(struct rn_control_call *call, void *user)
{
	call->user = user;
}

void *rn_control_user(const struct rn_control_call *call)
{
	return call->user;
}

/* What can be said without knowing any mapping. */
static gboolean check_request(const RnRequest *request, GError **error)
{
	const ProtobufCEnumDescriptor *verbs = &roamnat__control__v1__request__verb__descriptor;

	if (!rn_arena_check_strings(&request->base, error))
		return FALSE;
	if (request->verb == ROAMNAT__CONTROL__V1__REQUEST__VERB__NONE ||
	    !protobuf_c_enum_descriptor_get_value(verbs, (int)request->verb)) {
		g_set_error(error, RN_CONTROL_ERROR, RN_CONTROL_ERROR_FORM,
			    "verb %u is not known here; are natctl and the daemon of one version?",
			    (guint)request->verb);
		return FALSE;
	}
	if (request->cause > RN_CAUSE_OVERLOAD) {
		g_set_error(error, RN_CONTROL_ERROR, RN_CONTROL_ERROR_FORM,
			    "cause %u is not known", request->cause);
		return FALSE;
	}
	return TRUE;
}

static gboolean on_frame(const guint8 *bytes, gsize len, void *ctx)
{
	struct rn_control_call *call = ctx;
	g_autoptr(GError) why = NULL;
	struct rn_arena arena;
	RnRequest *request;

	/* Before the request is looked at: refusing ends a call too. */
	call->busy = TRUE;
	rn_arena_init(&arena, RN_CONTROL_REQUEST_CAP);
	request = roamnat__control__v1__request__unpack(&arena.allocator, len, bytes);
	if (!request) {
		call->finished = TRUE;
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE, "that is no Request");
	} else if (!check_request(request, &why)) {
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE, "%s", why->message);
	} else {
		call->control->ops->request(call, request, call->control->data);
	}
	rn_arena_free(&arena);
	return !call->finished;
}

/* Reads no more than the frame that comes, the next one stays in the socket.
 * FALSE when there is nothing more to be had.
 */
static gboolean receive(struct rn_control_call *call)
{
	struct rn_frame_reader *reader = &call->reader;
	g_autoptr(GError) why = NULL;
	guint8 buf[4096];
	gsize want = reader->got < RN_FRAME_HEAD ? RN_FRAME_HEAD - reader->got :
						   reader->len - reader->body->len;
	ssize_t n = recv(call->fd, buf, MIN(want, sizeof(buf)), 0);

	if (n < 0 && errno == EINTR)
		return TRUE;
	if (n < 0 && errno == EAGAIN)
		return FALSE;
	if (n <= 0) {
		call->finished = TRUE;
	} else if (!rn_frame_feed(reader, buf, (gsize)n, on_frame, call, &why)) {
		call->finished = TRUE;
		rn_control_refuse(call, RN_CODE_BAD_MESSAGE, "%s", why->message);
	}
	return !call->busy && !call->finished;
}

/* FALSE when the client is gone. */
static gboolean flush(struct rn_control_call *call)
{
	while (queued(call)) {
		ssize_t n = send(call->fd, call->out->data + call->sent, queued(call),
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno != EINTR)
			return FALSE;
		if (n > 0)
			call->sent += (gsize)n;
	}
	/* Moves at most as much as was sent since the last time. */
	if (call->sent > call->out->len / 2 || !queued(call)) {
		g_byte_array_remove_range(call->out, 0, (guint)call->sent);
		call->sent = 0;
	}
	return TRUE;
}

static void tell_drained(struct rn_control_call *call)
{
	const struct rn_control_ops *ops = call->control->ops;

	if (!call->starved || queued(call) > RN_CONTROL_QUEUE_MAX / 2)
		return;
	call->starved = FALSE;
	if (ops->drained)
		ops->drained(call, call->control->data);
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
	struct rn_control_call *call = ((struct call_source *)source)->call;
	GIOCondition seen = g_source_query_unix_fd(source, call->tag);
	gboolean reads, gone;

	g_source_set_ready_time(source, -1);
	while (!call->busy && !call->finished && receive(call))
		;
	gone = (seen & (G_IO_HUP | G_IO_ERR)) || !flush(call) ||
	       (call->finished && !call->busy && !queued(call));
	if (gone) {
		g_hash_table_remove(call->control->clients, call);
		return G_SOURCE_REMOVE;
	}
	tell_drained(call);
	reads = !call->busy && !call->finished;
	g_source_modify_unix_fd(source, call->tag,
				(reads ? G_IO_IN : 0) | (queued(call) ? G_IO_OUT : 0));
	return G_SOURCE_CONTINUE;
}

void rn_control_client_add(struct rn_control *control, int fd, uid_t uid, pid_t pid)
{
	static GSourceFuncs funcs = { .dispatch = dispatch };
	struct rn_control_call *call = g_new0(struct rn_control_call, 1);

	call->control = control;
	call->fd = fd;
	call->caller = g_strdup_printf("uid %u (%s) pid %d", uid, uid ? g_get_user_name() : "root",
				       pid);
	call->out = g_byte_array_new();
	rn_frame_reader_init(&call->reader, RN_CONTROL_REQUEST_MAX);
	call->source = g_source_new(&funcs, sizeof(struct call_source));
	((struct call_source *)call->source)->call = call;
	call->tag = g_source_add_unix_fd(call->source, fd, G_IO_IN);
	g_source_attach(call->source, g_main_context_get_thread_default());
	g_hash_table_add(control->clients, call);
}

void rn_control_client_drop(void *client)
{
	struct rn_control_call *call = client;

	if (call->busy && call->control->ops->cancelled)
		call->control->ops->cancelled(call, call->control->data);
	flush(call);
	g_source_destroy(call->source);
	g_source_unref(call->source);
	close(call->fd);
	rn_frame_reader_clear(&call->reader);
	g_byte_array_unref(call->out);
	g_free(call->caller);
	g_free(call);
}
