// SPDX-License-Identifier: GPL-2.0
#include "agent/rtnl.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/filter.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/genl.h"
#include "base/log.h"

#define BATCH		128	/* requests in one message to the kernel, and at most under way */
#define REQUEST_SIZE	128	/* of one, at most */
#define ANSWER_BUFFER	(1024 * 1024)
#define EVENT_BUFFER	(16 * 1024 * 1024)
#define DUMP_BUFFER	(2 * 1024 * 1024)
#define DUMPS_MAX	16
#define NEWS_MAX	1024	/* turns; what comes meanwhile is judged afterwards */

struct agent_rtnl {
	int fd;			/* requests and their answers */
	uint32_t port;		/* its address */
	guint source;
	uint32_t seq;		/* of the first request under way */
	guint sent, answered;
	struct agent_announce_op ops[BATCH];

	struct nl_sock *sync;	/* dumps and single requests */
	struct nl_sock *events;
	guint events_source;
	const struct agent_rtnl_ops *call;
	void *data;
};

/* ---- attributes ---- */

static struct nl_msg *message(int type, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(REQUEST_SIZE);

	if (!msg || !nlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags))
		g_error("out of memory");
	return msg;
}

/* NULL never: the room was given. */
static void append(struct nl_msg *msg, const void *header, size_t len)
{
	if (nlmsg_append(msg, (void *)header, len, NLMSG_ALIGNTO) < 0)
		g_error("out of memory");
}

static void put(struct nl_msg *msg, int attr, const void *value, int len)
{
	if (nla_put(msg, attr, len, value) < 0)
		g_error("out of memory");
}

static void put_u32(struct nl_msg *msg, int attr, uint32_t value)
{
	put(msg, attr, &value, sizeof(value));
}

static uint8_t family_of(const struct rn_addr *addr)
{
	return addr->len == 4 ? AF_INET : AF_INET6;
}

static struct nl_msg *build_route(const struct agent_announce_op *op)
{
	const struct agent_announce_key *key = &op->key;
	struct rtmsg rtm = {
		.rtm_family = family_of(&key->addr),
		.rtm_dst_len = key->len,
		.rtm_table = key->table < 256 ? (uint8_t)key->table : RT_TABLE_UNSPEC,
		.rtm_protocol = AGENT_RTNL_PROTOCOL,
		.rtm_scope = key->type == RTN_UNICAST ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = key->type,
	};
	struct nl_msg *msg = op->add ?
			     message(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL) :
			     message(RTM_DELROUTE, NLM_F_ACK);

	append(msg, &rtm, sizeof(rtm));
	put(msg, RTA_DST, key->addr.b, key->addr.len);
	put_u32(msg, RTA_TABLE, key->table);
	if (key->metric)
		put_u32(msg, RTA_PRIORITY, key->metric);
	if (key->ifindex)
		put_u32(msg, RTA_OIF, key->ifindex);
	return msg;
}

static struct nl_msg *build_proxy(const struct agent_announce_op *op)
{
	const struct agent_announce_key *key = &op->key;
	const uint8_t protocol = AGENT_RTNL_PROTOCOL;
	struct ndmsg ndm = {
		.ndm_family = family_of(&key->addr),
		.ndm_ifindex = (int)key->ifindex,
		.ndm_state = NUD_PERMANENT,	/* the carrier may come and go */
		.ndm_flags = NTF_PROXY,
	};
	struct nl_msg *msg = op->add ? message(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE) :
				       message(RTM_DELNEIGH, NLM_F_ACK);

	append(msg, &ndm, sizeof(ndm));
	put(msg, NDA_DST, key->addr.b, key->addr.len);
	put(msg, NDA_PROTOCOL, &protocol, sizeof(protocol));
	return msg;
}

static gboolean read_addr(const struct nlattr *attr, uint8_t family, struct rn_addr *addr)
{
	int len = family == AF_INET ? 4 : 16;

	*addr = (struct rn_addr) { .len = (uint8_t)len };
	if (!attr)
		return TRUE;	/* ::/0 and 0.0.0.0/0 */
	if (nla_len(attr) != len)
		return FALSE;
	memcpy(addr->b, nla_data(attr), (size_t)len);
	return TRUE;
}

/* FALSE: it is no route of a family of ours. *protocol: whose it is. */
static gboolean parse_route(struct nlmsghdr *hdr, struct agent_announce_key *key,
			    uint8_t *protocol)
{
	struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *rtm;

	if (!nlmsg_valid_hdr(hdr, sizeof(*rtm)) ||
	    nlmsg_parse(hdr, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return FALSE;
	rtm = nlmsg_data(hdr);
	memset(key, 0, sizeof(*key));
	if ((rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) ||
	    (rtm->rtm_flags & RTM_F_CLONED) ||
	    !read_addr(tb[RTA_DST], rtm->rtm_family, &key->addr))
		return FALSE;
	*protocol = rtm->rtm_protocol;
	key->len = rtm->rtm_dst_len;
	key->object = AGENT_OBJECT_ROUTE;
	key->type = rtm->rtm_type;
	key->table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : rtm->rtm_table;
	if (tb[RTA_PRIORITY])
		key->metric = nla_get_u32(tb[RTA_PRIORITY]);
	/* Of IPv6 a blackhole has one, too. */
	if (tb[RTA_OIF] && rtm->rtm_type == RTN_UNICAST)
		key->ifindex = nla_get_u32(tb[RTA_OIF]);
	return TRUE;
}

static gboolean parse_proxy(struct nlmsghdr *hdr, struct agent_announce_key *key,
			    uint8_t *protocol)
{
	struct nlattr *tb[NDA_MAX + 1];
	const struct ndmsg *ndm;

	if (!nlmsg_valid_hdr(hdr, sizeof(*ndm)) ||
	    nlmsg_parse(hdr, sizeof(*ndm), tb, NDA_MAX, NULL) < 0)
		return FALSE;
	ndm = nlmsg_data(hdr);
	memset(key, 0, sizeof(*key));
	if ((ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) ||
	    !(ndm->ndm_flags & NTF_PROXY) || !tb[NDA_DST] ||
	    !read_addr(tb[NDA_DST], ndm->ndm_family, &key->addr))
		return FALSE;
	*protocol = tb[NDA_PROTOCOL] ? nla_get_u8(tb[NDA_PROTOCOL]) : 0;
	key->len = (uint8_t)(key->addr.len * 8);
	key->object = AGENT_OBJECT_PROXY;
	key->ifindex = (uint32_t)ndm->ndm_ifindex;
	return TRUE;
}

/* ---- requests ---- */

static void answer(struct agent_rtnl *rtnl, const struct nlmsghdr *hdr)
{
	const struct nlmsgerr *err = nlmsg_data(hdr);
	guint place = hdr->nlmsg_seq - rtnl->seq;

	if (hdr->nlmsg_type != NLMSG_ERROR || place >= rtnl->sent)
		return;
	rtnl->answered++;
	rtnl->call->done(&rtnl->ops[place], -err->error, rtnl->data);
	if (rtnl->answered == rtnl->sent) {
		rtnl->seq += rtnl->sent;
		rtnl->sent = 0;
		rtnl->answered = 0;
	}
}

static void lose(struct agent_rtnl *rtnl)
{
	rtnl->seq += BATCH;
	rtnl->sent = 0;
	rtnl->answered = 0;
	rtnl->call->lost(rtnl->data);
}

void agent_rtnl_answers(struct agent_rtnl *rtnl)
{
	char buf[32 * 1024] __attribute__((aligned(NLMSG_ALIGNTO)));

	while (rtnl->sent) {
		ssize_t n = recv(rtnl->fd, buf, sizeof(buf), MSG_DONTWAIT);
		struct nlmsghdr *hdr = (struct nlmsghdr *)buf;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			lose(rtnl);
			return;
		}
		if (n <= 0)
			return;
		for (int left = (int)n; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left))
			answer(rtnl, hdr);
	}
}

gboolean agent_rtnl_pump(struct agent_rtnl *rtnl)
{
	g_autoptr(GByteArray) batch = NULL;
	ssize_t n;

	agent_rtnl_answers(rtnl);
	if (rtnl->sent)
		return FALSE;
	batch = g_byte_array_new();
	while (rtnl->sent < BATCH && rtnl->call->next(&rtnl->ops[rtnl->sent], rtnl->data)) {
		const struct agent_announce_op *op = &rtnl->ops[rtnl->sent];
		struct nl_msg *msg = op->key.object == AGENT_OBJECT_ROUTE ? build_route(op) :
									    build_proxy(op);
		struct nlmsghdr *hdr = nlmsg_hdr(msg);

		hdr->nlmsg_seq = rtnl->seq + rtnl->sent++;
		hdr->nlmsg_pid = rtnl->port;
		hdr->nlmsg_flags |= NLM_F_REQUEST;
		g_byte_array_append(batch, (const guint8 *)hdr, NLMSG_ALIGN(hdr->nlmsg_len));
		nlmsg_free(msg);
	}
	if (!rtnl->sent)
		return FALSE;
	do
		n = send(rtnl->fd, batch->data, batch->len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		rn_warn("netlink: requests about routes were not taken: %s", g_strerror(errno));
		lose(rtnl);
		return FALSE;
	}
	agent_rtnl_answers(rtnl);
	return TRUE;
}

static gboolean readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			 gpointer data)
{
	struct agent_rtnl *rtnl = data;
	char byte;

	/* What nobody waits for any more. */
	while (!rtnl->sent && recv(rtnl->fd, &byte, 1, MSG_DONTWAIT) >= 0)
		;
	while (agent_rtnl_pump(rtnl))
		;
	return G_SOURCE_CONTINUE;
}

static gboolean open_requests(struct agent_rtnl *rtnl, GError **error)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	int one = 1, bytes = ANSWER_BUFFER;

	rtnl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (rtnl->fd < 0 || bind(rtnl->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(rtnl->fd, (struct sockaddr *)&addr, &len)) {
		g_set_error(error, AGENT_KERNEL_ERROR, errno,
			    "netlink: cannot open a socket for routes: %s", g_strerror(errno));
		return FALSE;
	}
	rtnl->port = addr.nl_pid;
	/* Answers do not repeat the request. */
	setsockopt(rtnl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (setsockopt(rtnl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(rtnl->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	rtnl->source = g_unix_fd_add(rtnl->fd, G_IO_IN, readable, rtnl);
	return TRUE;
}

/* ---- news ---- */

static void on_route_event(struct agent_rtnl *rtnl, struct nlmsghdr *hdr)
{
	struct agent_announce_key key;
	uint8_t protocol;

	if (hdr->nlmsg_pid == rtnl->port || !parse_route(hdr, &key, &protocol))
		return;
	if (key.len != key.addr.len * 8)
		rtnl->call->foreign(NULL, rtnl->data);	/* with our number only: filtered */
	else if (protocol == AGENT_RTNL_PROTOCOL && hdr->nlmsg_type == RTM_DELROUTE)
		rtnl->call->gone(&key, rtnl->data);
	else
		rtnl->call->foreign(protocol == AGENT_RTNL_PROTOCOL ? NULL : &key.addr,
				    rtnl->data);
}

static void on_event(struct nlmsghdr *hdr, void *data)
{
	struct agent_rtnl *rtnl = data;
	const struct ifinfomsg *link;

	switch (hdr->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		on_route_event(rtnl, hdr);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (!nlmsg_valid_hdr(hdr, sizeof(*link)))
			break;
		link = nlmsg_data(hdr);
		rtnl->call->link((uint32_t)link->ifi_index,
				 hdr->nlmsg_type == RTM_DELLINK ? 0 : link->ifi_flags,
				 rtnl->data);
		break;
	}
}

static gboolean events_readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
				gpointer data)
{
	struct agent_rtnl *rtnl = data;

	/* What somebody deleted after us is judged by what the kernel told us. */
	agent_rtnl_answers(rtnl);
	if (!agent_genl_drain(rtnl->events, on_event, rtnl))
		rtnl->call->overrun(rtnl->data);
	return G_SOURCE_CONTINUE;
}

void agent_rtnl_news(struct agent_rtnl *rtnl)
{
	struct pollfd poll_fd = { .events = POLLIN };

	if (!rtnl->events)
		return;
	poll_fd.fd = nl_socket_get_fd(rtnl->events);
	for (int i = 0; i < NEWS_MAX && poll(&poll_fd, 1, 0) > 0; i++)
		events_readable(poll_fd.fd, G_IO_IN, rtnl);
}

/* A router's table changes all the time. Only news of our protocol number come in, and
 * of host routes, which may take the place of ours.
 */
static gboolean filter_events(struct nl_sock *sock)
{
	enum { TYPE = 4, FAMILY = NLMSG_HDRLEN, LEN = FAMILY + 1, PROTOCOL = FAMILY + 5 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, g_htons(RTM_NEWROUTE), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, g_htons(RTM_DELROUTE), 0, 7),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, PROTOCOL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AGENT_RTNL_PROTOCOL, 5, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, LEN),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 128, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 32, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FAMILY),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, G_MAXUINT32),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = G_N_ELEMENTS(code), .filter = code };

	return !setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_ATTACH_FILTER, &program,
			   sizeof(program));
}

static gboolean open_events(struct agent_rtnl *rtnl, GError **error)
{
	int err;

	rtnl->events = agent_genl_open(NETLINK_ROUTE, error);
	if (!rtnl->events)
		return FALSE;
	agent_genl_grow(rtnl->events, EVENT_BUFFER);
	if (!filter_events(rtnl->events))
		rn_debug("netlink: all news of routes come in, unfiltered");
	err = nl_socket_add_memberships(rtnl->events, RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE,
					RTNLGRP_IPV6_ROUTE, 0);
	if (err < 0) {
		g_set_error(error, AGENT_KERNEL_ERROR, EIO, "netlink: cannot watch the routes: %s",
			    nl_geterror(err));
		return FALSE;
	}
	nl_socket_set_nonblocking(rtnl->events);
	rtnl->events_source = g_unix_fd_add(nl_socket_get_fd(rtnl->events), G_IO_IN,
					    events_readable, rtnl);
	return TRUE;
}

/* ---- dumps and single requests ---- */

struct dump {
	gboolean (*parse)(struct nlmsghdr *hdr, struct agent_announce_key *key,
			  uint8_t *protocol);
	void (*each)(const struct agent_announce_key *key, void *data);
	void *data;
	GArray *keys;
};

static void on_dumped(struct nlmsghdr *hdr, void *data)
{
	struct dump *dump = data;
	struct agent_announce_key key;
	uint8_t protocol;

	if (dump->parse(hdr, &key, &protocol) && protocol == AGENT_RTNL_PROTOCOL)
		g_array_append_val(dump->keys, key);
}

/* A socket of its own: one that was left in the middle of a dump is no good. */
static gboolean dump_all(struct dump *dump, int type, const void *header, size_t len,
			 GError **error)
{
	struct nl_sock *sock = agent_genl_open(NETLINK_ROUTE, error);
	gboolean interrupted = TRUE, ok = TRUE;
	int one = 1;

	if (!sock)
		return FALSE;
	agent_genl_grow(sock, DUMP_BUFFER);
	/* So that the kernel leaves out other protocols' routes; older ones do not. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	for (int i = 0; i < DUMPS_MAX && interrupted && ok; i++) {
		struct nl_msg *msg = message(type, NLM_F_DUMP);

		append(msg, header, len);
		g_array_set_size(dump->keys, 0);
		ok = agent_genl_request(sock, msg, on_dumped, dump, &interrupted, error);
	}
	nl_socket_free(sock);
	if (ok && interrupted) {
		g_set_error(error, AGENT_KERNEL_ERROR, EAGAIN,
			    "netlink: routes changed during each of %d dumps", DUMPS_MAX);
		return FALSE;
	}
	for (guint i = 0; ok && i < dump->keys->len; i++)
		dump->each(&g_array_index(dump->keys, struct agent_announce_key, i), dump->data);
	return ok;
}

gboolean agent_rtnl_dump(gboolean proxies,
			 void (*each)(const struct agent_announce_key *key, void *data),
			 void *data, GError **error)
{
	struct dump dump = { .parse = parse_route, .each = each, .data = data };
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	g_autoptr(GArray) keys = NULL;

	keys = g_array_new(FALSE, FALSE, sizeof(struct agent_announce_key));
	dump.keys = keys;
	for (guint i = 0; i < G_N_ELEMENTS(families); i++) {
		struct rtmsg rtm = { .rtm_family = families[i],
				     .rtm_protocol = AGENT_RTNL_PROTOCOL };

		if (!dump_all(&dump, RTM_GETROUTE, &rtm, sizeof(rtm), error))
			return FALSE;
	}
	dump.parse = parse_proxy;
	for (guint i = 0; proxies && i < G_N_ELEMENTS(families); i++) {
		struct ndmsg ndm = { .ndm_family = families[i], .ndm_flags = NTF_PROXY };

		if (!dump_all(&dump, RTM_GETNEIGH, &ndm, sizeof(ndm), error))
			return FALSE;
	}
	return TRUE;
}

uint32_t agent_rtnl_sink(struct agent_rtnl *rtnl, const char *name, GError **error)
{
	struct ifinfomsg link = { .ifi_flags = IFF_UP | IFF_NOARP,
				  .ifi_change = IFF_UP | IFF_NOARP };
	struct nl_msg *msg = message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE);
	struct nlattr *info;

	append(msg, &link, sizeof(link));
	put(msg, IFLA_IFNAME, name, (int)strlen(name) + 1);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	put(msg, IFLA_INFO_KIND, "dummy", sizeof("dummy"));
	nla_nest_end(msg, info);
	if (!agent_genl_request(rtnl->sync, msg, NULL, NULL, NULL, error))
		return 0;
	return if_nametoindex(name);
}

gboolean agent_rtnl_answer_at_once(struct agent_rtnl *rtnl, uint32_t ifindex, GError **error)
{
	static const struct {
		uint8_t family;
		const char *table;
	} tables[] = { { AF_INET, "arp_cache" }, { AF_INET6, "ndisc_cache" } };

	for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
		struct ndtmsg ndtm = { .ndtm_family = tables[i].family };
		struct nl_msg *msg = message(RTM_SETNEIGHTBL, NLM_F_ACK);
		const uint64_t none = 0;
		struct nlattr *parms;

		append(msg, &ndtm, sizeof(ndtm));
		put(msg, NDTA_NAME, tables[i].table, (int)strlen(tables[i].table) + 1);
		parms = nla_nest_start(msg, NDTA_PARMS);
		put_u32(msg, NDTPA_IFINDEX, ifindex);
		put(msg, NDTPA_PROXY_DELAY, &none, sizeof(none));
		nla_nest_end(msg, parms);
		/* An interface without IPv6 has none of its parameters. */
		if (!agent_genl_request(rtnl->sync, msg, NULL, NULL, NULL, i ? NULL : error) && !i)
			return FALSE;
	}
	return TRUE;
}

struct agent_rtnl *agent_rtnl_new(gboolean watch, const struct agent_rtnl_ops *ops, void *data,
				  GError **error)
{
	struct agent_rtnl *rtnl = g_new0(struct agent_rtnl, 1);

	rtnl->fd = -1;
	rtnl->seq = 1;
	rtnl->call = ops;
	rtnl->data = data;
	rtnl->sync = agent_genl_open(NETLINK_ROUTE, error);
	if (rtnl->sync && open_requests(rtnl, error) && (!watch || open_events(rtnl, error)))
		return rtnl;
	agent_rtnl_free(rtnl);
	return NULL;
}

void agent_rtnl_free(struct agent_rtnl *rtnl)
{
	if (!rtnl)
		return;
	g_clear_handle_id(&rtnl->source, g_source_remove);
	g_clear_handle_id(&rtnl->events_source, g_source_remove);
	if (rtnl->fd >= 0)
		close(rtnl->fd);
	nl_socket_free(rtnl->events);
	nl_socket_free(rtnl->sync);
	g_free(rtnl);
}
