// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <string.h>
#include <sys/socket.h>
#include "genl.h"
#include "natctl.h"

/* Events are small; this is room for about ten thousand of them. */
#define EVENT_BUFFER (4 * 1024 * 1024)

struct rn_genl {
	struct nl_sock *sock;
	int family;
	char *name;
};

struct call {
	rn_genl_reply_fn reply;
	void *data;
	gboolean done;
	gboolean interrupted;
	int err;		/* negative errno of the kernel */
	char *text;		/* extended ack */
};

static gboolean set_nl_error(GError **error, const char *what, int nlerr)
{
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE, "%s: %s", what,
		    nl_geterror(nlerr));
	return FALSE;
}

struct rn_genl *rn_genl_open(const char *family, GError **error)
{
	struct rn_genl *genl = g_new0(struct rn_genl, 1);
	int one = 1, rc;

	genl->name = g_strdup(family);
	genl->sock = nl_socket_alloc();
	rc = genl->sock ? genl_connect(genl->sock) : -NLE_NOMEM;
	if (rc < 0) {
		set_nl_error(error, "cannot open a netlink socket", rc);
		goto err;
	}
	/* Older kernels lack it; then there are error numbers only. */
	(void)setsockopt(nl_socket_get_fd(genl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &one,
			 sizeof(one));
	genl->family = genl_ctrl_resolve(genl->sock, family);
	if (genl->family < 0) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE,
			    "the kernel module %s is not loaded on this machine: modprobe %s",
			    family, family);
		goto err;
	}
	return genl;
err:
	rn_genl_free(genl);
	return NULL;
}

void rn_genl_free(struct rn_genl *genl)
{
	if (!genl)
		return;
	nl_socket_free(genl->sock);
	g_free(genl->name);
	g_free(genl);
}

struct nl_msg *rn_genl_request(struct rn_genl *genl, guint8 cmd, gboolean dump)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, genl->family, 0,
				 dump ? NLM_F_DUMP : NLM_F_ACK, cmd, 1))
		g_error("out of memory");
	return msg;
}

/* Finds the sentence among the attributes that end an ack. */
static char *extack_text(const void *tlvs, int len)
{
	struct nlattr *attr = nla_find((struct nlattr *)tlvs, len, NLMSGERR_ATTR_MSG);

	return attr ? g_strndup(nla_data(attr), nla_len(attr)) : NULL;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *hdr = nlmsg_data(nlmsg_hdr(msg));
	struct call *call = arg;

	if (!genlmsg_valid_hdr(nlmsg_hdr(msg), 0))
		return NL_SKIP;
	if (call->reply)
		call->reply(genlmsg_attrdata(hdr, 0), genlmsg_attrlen(hdr, 0), hdr->cmd,
			    call->data);
	return NL_OK;
}

/* Events answer no request. */
static int on_event_seq(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;

	call->done = TRUE;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;

	call->interrupted = TRUE;
	return NL_OK;
}

/* The end of a dump, which may carry an error of its own. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	struct call *call = arg;
	int len = nlmsg_datalen(hdr);

	call->done = TRUE;
	if (len >= (int)sizeof(int))
		memcpy(&call->err, nlmsg_data(hdr), sizeof(int));
	if (call->err < 0 && hdr->nlmsg_flags & NLM_F_ACK_TLVS)
		call->text = extack_text((char *)nlmsg_data(hdr) + sizeof(int), len - sizeof(int));
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *addr, struct nlmsgerr *err, void *arg)
{
	struct nlmsghdr *hdr = (struct nlmsghdr *)err - 1;
	struct call *call = arg;
	int skip = sizeof(*err);

	call->done = TRUE;
	call->err = err->error;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - NLMSG_HDRLEN;
	if (hdr->nlmsg_flags & NLM_F_ACK_TLVS && nlmsg_datalen(hdr) > skip)
		call->text = extack_text((char *)err + skip, nlmsg_datalen(hdr) - skip);
	return NL_STOP;
}

static struct nl_cb *new_callbacks(struct call *call)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_CUSTOM);

	if (!cb)
		g_error("out of memory");
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, call);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, call);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, call);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, call);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, call);
	return cb;
}

static void set_kernel_error(const struct call *call, GError **error)
{
	int code = call->err == -ESTALE ? RN_EXIT_CONFLICT : RN_EXIT_REFUSED;

	if (call->text)
		g_set_error(error, RN_NATCTL_ERROR, code, "%s", call->text);
	else if (call->err == -EPERM || call->err == -EACCES)
		g_set_error(error, RN_NATCTL_ERROR, code,
			    "only root of this network namespace may do that: try with sudo");
	else
		g_set_error(error, RN_NATCTL_ERROR, code, "the kernel refused: %s",
			    g_strerror(-call->err));
}

gboolean rn_genl_call(struct rn_genl *genl, struct nl_msg *msg, rn_genl_reply_fn reply,
		      void *data, gboolean *interrupted, GError **error)
{
	struct call call = { .reply = reply, .data = data };
	struct nl_cb *cb = new_callbacks(&call);
	gboolean ok = FALSE;
	int rc;

	rc = nl_send_auto(genl->sock, msg);
	nlmsg_free(msg);
	while (rc >= 0 && !call.done)
		rc = nl_recvmsgs(genl->sock, cb);
	if (!call.done)
		set_nl_error(error, "netlink", rc);
	else if (call.err)
		set_kernel_error(&call, error);
	else
		ok = TRUE;
	if (interrupted)
		*interrupted = call.interrupted;
	nl_cb_put(cb);
	g_free(call.text);
	return ok;
}

gboolean rn_genl_join(struct rn_genl *genl, const char *group, GError **error)
{
	int rc = genl_ctrl_resolve_grp(genl->sock, genl->name, group);

	if (rc >= 0)
		rc = nl_socket_add_membership(genl->sock, rc);
	if (rc < 0)
		return set_nl_error(error, "cannot subscribe to the kernel's events", rc);
	nl_socket_set_buffer_size(genl->sock, EVENT_BUFFER, 0);
	nl_socket_set_nonblocking(genl->sock);
	return TRUE;
}

int rn_genl_fd(const struct rn_genl *genl)
{
	return nl_socket_get_fd(genl->sock);
}

gboolean rn_genl_receive(struct rn_genl *genl, rn_genl_reply_fn reply, void *data,
			 gboolean *lost, GError **error)
{
	struct call call = { .reply = reply, .data = data };
	struct nl_cb *cb = new_callbacks(&call);
	int rc;

	*lost = FALSE;
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_event_seq, NULL);
	while ((rc = nl_recvmsgs(genl->sock, cb)) >= 0)
		;
	nl_cb_put(cb);
	g_free(call.text);
	if (rc == -NLE_NOMEM) {		/* libnl's word for ENOBUFS */
		*lost = TRUE;
		return TRUE;
	}
	return rc == -NLE_AGAIN ? TRUE : set_nl_error(error, "kernel events", rc);
}
