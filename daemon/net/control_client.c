// SPDX-License-Identifier: GPL-2.0
/* natctl's side of the control socket: blocking, every wait has a bound. */
#include "net/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "net/frame.h"
#include "proto/arena.h"
#include "proto/msg.h"

#define SEND_MS		5000	/* a daemon that takes no request so long is stuck */

struct rn_control_client {
	int fd;
	char *path;
};

G_DEFINE_QUARK(rn-control-error-quark, rn_control_error)

static gboolean fail(GError **error, enum rn_control_error code, const char *path,
		     const char *text)
{
	g_set_error(error, RN_CONTROL_ERROR, code, "%s: %s", path, text);
	return FALSE;
}

struct rn_control_client *rn_control_client_open(const char *path, GError **error)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct rn_control_client *client;
	g_autofree char *text = NULL;
	int fd = -1;

	if (g_strlcpy(to.sun_path, path, sizeof(to.sun_path)) >= sizeof(to.sun_path)) {
		fail(error, RN_CONTROL_ERROR_REACH, path, "the path is too long for a socket");
		return NULL;
	}
	/* Non-blocking: a full backlog is EAGAIN and not a wait without end. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		text = g_strdup_printf("cannot reach the daemon: %s; is it running, and are you root?",
				       g_strerror(errno));
		fail(error, RN_CONTROL_ERROR_REACH, path, text);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	client = g_new0(struct rn_control_client, 1);
	client->fd = fd;
	client->path = g_strdup(path);
	return client;
}

/* until: monotonic us, 0 without end. False with error at its time. */
static gboolean wait_for(struct rn_control_client *client, short events, gint64 until,
			 GError **error)
{
	struct pollfd fd = { client->fd, events, 0 };

	for (;;) {
		gint64 left = until ? (until - g_get_monotonic_time() + 999) / 1000 : -1;
		int n;

		if (until && left <= 0)
			return fail(error, RN_CONTROL_ERROR_TIMEOUT, client->path,
				    "no answer in time; look whether it was done");
		n = poll(&fd, 1, (int)MIN(left, G_MAXINT));
		if (n > 0)
			return TRUE;
		if (n < 0 && errno != EINTR)
			return fail(error, RN_CONTROL_ERROR_CLOSED, client->path,
				    g_strerror(errno));
	}
}

static gboolean write_all(struct rn_control_client *client, const guint8 *bytes, gsize n,
			  GError **error)
{
	gint64 until = g_get_monotonic_time() + SEND_MS * 1000LL;

	while (n) {
		ssize_t done = send(client->fd, bytes, n, MSG_NOSIGNAL);

		if (done >= 0) {
			bytes += done;
			n -= (gsize)done;
		} else if (errno == EAGAIN) {
			if (!wait_for(client, POLLOUT, until, error))
				return FALSE;
		} else if (errno != EINTR) {
			return fail(error, RN_CONTROL_ERROR_CLOSED, client->path,
				    g_strerror(errno));
		}
	}
	return TRUE;
}

static gboolean read_all(struct rn_control_client *client, guint8 *bytes, gsize n, gint64 until,
			 GError **error)
{
	while (n) {
		ssize_t done = recv(client->fd, bytes, n, 0);

		if (done > 0) {
			bytes += done;
			n -= (gsize)done;
		} else if (!done) {
			return fail(error, RN_CONTROL_ERROR_CLOSED, client->path,
				    "the daemon closed the connection before it had answered");
		} else if (errno == EAGAIN) {
			if (!wait_for(client, POLLIN, until, error))
				return FALSE;
		} else if (errno != EINTR) {
			return fail(error, RN_CONTROL_ERROR_CLOSED, client->path,
				    g_strerror(errno));
		}
	}
	return TRUE;
}

gboolean rn_control_client_send(struct rn_control_client *client, const RnRequest *request,
				GError **error)
{
	gsize len = roamnat__control__v1__request__get_packed_size(request);
	g_autofree guint8 *bytes = g_malloc(RN_FRAME_HEAD + len);

	rn_frame_put_head(bytes, len);
	roamnat__control__v1__request__pack(request, bytes + RN_FRAME_HEAD);
	return write_all(client, bytes, RN_FRAME_HEAD + len, error);
}

RnReply *rn_control_client_receive(struct rn_control_client *client, unsigned int timeout_ms,
				   GError **error)
{
	gint64 until = timeout_ms ? g_get_monotonic_time() + timeout_ms * 1000LL : 0;
	g_autofree guint8 *body = NULL;
	guint8 head[RN_FRAME_HEAD];
	RnReply *reply;
	guint32 len;

	/* Not a byte more than the frame: callers poll the fd for the next. */
	if (!read_all(client, head, sizeof(head), until, error) ||
	    !rn_frame_get_head(head, RN_FRAME_MAX, &len, error))
		return NULL;
	body = g_malloc(len);
	if (!read_all(client, body, len, until, error))
		return NULL;
	reply = roamnat__control__v1__reply__unpack(NULL, len, body);
	if (!reply)
		fail(error, RN_CONTROL_ERROR_FORM, client->path,
		     "the answer is no Reply; are natctl and the daemon of one version?");
	return reply;
}

int rn_control_client_fd(const struct rn_control_client *client)
{
	return client->fd;
}

void rn_control_client_free(struct rn_control_client *client)
{
	if (!client)
		return;
	close(client->fd);
	g_free(client->path);
	g_free(client);
}
