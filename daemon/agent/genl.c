// SPDX-License-Identifier: GPL-2.0
#include "agent/genl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define MSG_BUFFER	(64 * 1024)
#define ANSWER_SECONDS	5	/* the kernel never needs it; better than for ever */
#define DRAIN_MAX	256

GQuark agent_genl_error_quark(void)
{
	return g_quark_from_static_string("roamnat-kernel");
}

struct request {
	uint32_t seq;
	agent_genl_reply reply;
	gboolean (*each)(struct nlmsghdr *hdr, void *data);
	void *data;
	gboolean done;
	gboolean interrupted;
	int err;		/* negative errno */
	char text[256];
};

static gboolean fail(GError **error, int nlerr, const char *doing)
{
	g_set_error(error, AGENT_KERNEL_ERROR, EIO, "netlink: %s: %s", doing, nl_geterror(nlerr));
	return FALSE;
}

struct nl_sock *agent_genl_open(int protocol, GError **error)
{
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	struct nl_sock *sock = nl_socket_alloc();
	int one = 1, err, fd;

	if (!sock) {
		fail(error, -NLE_NOMEM, "cannot open a socket");
		return NULL;
	}
	err = nl_connect(sock, protocol);
	if (err < 0) {
		nl_socket_free(sock);
		fail(error, err, "cannot open a socket");
		return NULL;
	}
	fd = nl_socket_get_fd(sock);
	/* Without these we would only lose the sentences. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	nl_socket_set_msg_buf_size(sock, MSG_BUFFER);
	nl_socket_disable_msg_peek(sock);
	return sock;
}

void agent_genl_grow(struct nl_sock *sock, int bytes)
{
	int fd = nl_socket_get_fd(sock);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

struct nl_msg *agent_genl_message(int family, int flags, uint8_t cmd, size_t payload)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLMSG_HDRLEN + GENL_HDRLEN + payload);

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, cmd, 1))
		g_error("out of memory");
	return msg;
}

/* What is of another request is a notification, which has sequence 0, or too late. */
static int on_sequence(struct nl_msg *msg, void *data)
{
	struct request *request = data;
	uint32_t seq = nlmsg_hdr(msg)->nlmsg_seq;

	return seq == request->seq || seq == 0 ? NL_OK : NL_SKIP;
}

static int on_valid(struct nl_msg *msg, void *data)
{
	struct request *request = data;

	if (request->reply)
		request->reply(nlmsg_hdr(msg), request->data);
	if (!request->each || request->each(nlmsg_hdr(msg), request->data))
		return NL_OK;
	request->done = TRUE;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *data)
{
	struct request *request = data;

	if (nlmsg_hdr(msg)->nlmsg_seq != request->seq)
		return NL_SKIP;
	request->done = TRUE;
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *data)
{
	struct request *request = data;
	struct nlmsghdr *hdr = nlmsg_hdr(msg);

	/* A dump's own error sits in its end. */
	if (nlmsg_datalen(hdr) >= (int)sizeof(int) && *(int *)nlmsg_data(hdr) < 0)
		request->err = *(int *)nlmsg_data(hdr);
	request->done = TRUE;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg G_GNUC_UNUSED, void *data)
{
	struct request *request = data;

	request->interrupted = TRUE;
	return NL_OK;
}

static void read_sentence(struct request *request, struct nlmsghdr *hdr, struct nlmsgerr *err)
{
	size_t skip = sizeof(*err);
	struct nlattr *text;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - NLMSG_HDRLEN;
	if (hdr->nlmsg_len < NLMSG_HDRLEN + NLMSG_ALIGN(skip))
		return;
	text = nla_find((struct nlattr *)((char *)err + NLMSG_ALIGN(skip)),
			(int)(hdr->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(skip)),
			NLMSGERR_ATTR_MSG);
	if (text)
		nla_strlcpy(request->text, text, sizeof(request->text));
}

static int on_error(struct sockaddr_nl *from G_GNUC_UNUSED, struct nlmsgerr *err, void *data)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)((char *)err - NLMSG_HDRLEN);
	struct request *request = data;

	if (hdr->nlmsg_seq != request->seq)
		return NL_SKIP;
	request->err = err->error;
	request->done = TRUE;
	read_sentence(request, hdr, err);
	return NL_STOP;
}

static struct nl_cb *callbacks(struct request *request)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		g_error("out of memory");
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, request);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, request);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, request);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, request);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, request);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, request);
	return cb;
}

static gboolean ask(struct nl_sock *sock, struct nl_msg *msg, struct request *request,
		    GError **error)
{
	struct nl_cb *cb;
	int err;

	err = nl_send_auto(sock, msg);
	request->seq = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	if (err < 0)
		return fail(error, err, "cannot send to the kernel");

	cb = callbacks(request);
	err = 0;
	while (!request->done && err >= 0)
		err = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);

	if (!request->done)
		return fail(error, err, "no answer from the kernel");
	if (!request->err)
		return TRUE;
	g_set_error(error, AGENT_KERNEL_ERROR, -request->err, "kernel: %s",
		    request->text[0] ? request->text : g_strerror(-request->err));
	return FALSE;
}

gboolean agent_genl_request(struct nl_sock *sock, struct nl_msg *msg, agent_genl_reply reply,
			    void *data, gboolean *interrupted, GError **error)
{
	struct request request = { .reply = reply, .data = data };
	gboolean ok = ask(sock, msg, &request, error);

	if (interrupted && request.done)
		*interrupted = request.interrupted;
	return ok;
}

gboolean agent_genl_read(struct nl_sock *sock, struct nl_msg *msg,
			 gboolean (*each)(struct nlmsghdr *hdr, void *data), void *data,
			 GError **error)
{
	struct request request = { .each = each, .data = data };

	return ask(sock, msg, &request, error);
}

static int any_sequence(struct nl_msg *msg G_GNUC_UNUSED, void *data G_GNUC_UNUSED)
{
	return NL_OK;
}

gboolean agent_genl_drain(struct nl_sock *sock, agent_genl_reply reply, void *data)
{
	struct request request = { .reply = reply, .data = data };
	struct nl_cb *cb = callbacks(&request);
	gboolean whole = TRUE;
	int err = 0;

	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	for (int i = 0; i < DRAIN_MAX && err >= 0; i++)
		err = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	/* libnl's word for ENOBUFS */
	if (err == -NLE_NOMEM)
		whole = FALSE;
	return whole;
}
