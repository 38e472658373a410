// SPDX-License-Identifier: GPL-2.0
#include "nl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/roamnat.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

void nl_begin(struct nl *nl, struct nl_buf *b, uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr *genl;

	b->len = NLMSG_ALIGN(b->len);
	b->msg = (struct nlmsghdr *)(b->data + b->len);
	memset(b->msg, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	b->msg->nlmsg_type = nl->family;
	b->msg->nlmsg_flags = NLM_F_REQUEST | flags;
	b->msg->nlmsg_seq = ++nl->seq;
	genl = NLMSG_DATA(b->msg);
	genl->cmd = cmd;
	genl->version = ROAMNAT_FAMILY_VERSION;
	b->len += NLMSG_HDRLEN + GENL_HDRLEN;
	b->msg->nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
}

void nl_put(struct nl_buf *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = { .nla_len = NLA_HDRLEN + len, .nla_type = type };
	size_t all = NLA_ALIGN(NLA_HDRLEN + len);

	if (b->len + all > sizeof(b->data))
		return;
	memset(b->data + b->len, 0, all);
	memcpy(b->data + b->len, &attr, sizeof(attr));
	if (len)
		memcpy(b->data + b->len + NLA_HDRLEN, data, len);
	b->len += all;
	b->msg->nlmsg_len += all;
}

void nl_put_u16(struct nl_buf *b, uint16_t type, uint16_t value)
{
	nl_put(b, type, &value, sizeof(value));
}

void nl_put_u32(struct nl_buf *b, uint16_t type, uint32_t value)
{
	nl_put(b, type, &value, sizeof(value));
}

void nl_put_u64(struct nl_buf *b, uint16_t type, uint64_t value)
{
	nl_put(b, type, &value, sizeof(value));
}

size_t nl_nest(struct nl_buf *b, uint16_t type)
{
	size_t at = b->len;

	nl_put(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_buf *b, size_t nest)
{
	struct nlattr *attr = (struct nlattr *)(b->data + nest);

	attr->nla_len = b->len - nest;
}

const struct nlattr *nl_find(const void *attrs, size_t len, uint16_t type)
{
	const struct nlattr *a = attrs;

	while (len >= NLA_HDRLEN && a->nla_len >= NLA_HDRLEN && a->nla_len <= len) {
		size_t all = NLA_ALIGN(a->nla_len);

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		if (all >= len)
			return NULL;
		a = (const struct nlattr *)((const uint8_t *)a + all);
		len -= all;
	}
	return NULL;
}

uint64_t nl_number(const struct nlattr *attr)
{
	uint64_t value = 0;
	size_t len = attr ? attr->nla_len - NLA_HDRLEN : 0;

	memcpy(&value, (const uint8_t *)attr + NLA_HDRLEN, len < 8 ? len : 8);
	return value;
}

/* What one datagram says about request @seq: 1 when it is not the end yet. */
static int take(const uint8_t *data, ssize_t len, uint32_t seq, struct nl_buf *answer)
{
	const struct nlmsghdr *msg = (const struct nlmsghdr *)data;

	for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
		size_t size = msg->nlmsg_len - NLMSG_HDRLEN;

		if (msg->nlmsg_seq != seq)
			continue;
		if (msg->nlmsg_type == NLMSG_ERROR || msg->nlmsg_type == NLMSG_DONE) {
			int err;

			memcpy(&err, NLMSG_DATA(msg), sizeof(err));
			return err;
		}
		if (!answer || size < GENL_HDRLEN)
			continue;
		size -= GENL_HDRLEN;
		if (answer->len + size <= sizeof(answer->data)) {
			memcpy(answer->data + answer->len,
			       (const uint8_t *)NLMSG_DATA(msg) + GENL_HDRLEN, size);
			answer->len += size;
		}
	}
	return 1;
}

int nl_call(struct nl *nl, struct nl_buf *b, struct nl_buf *answer)
{
	uint32_t seq = b->msg->nlmsg_seq;
	uint8_t data[32768];
	int ret = 1;

	if (answer)
		answer->len = 0;
	if (send(nl->fd, b->data, b->len, 0) < 0)
		return -errno;
	while (ret > 0) {
		ssize_t n = recv(nl->fd, data, sizeof(data), 0);

		if (n < 0)
			return -errno;
		ret = take(data, n, seq, answer);
	}
	return ret;
}

int nl_open(struct nl *nl)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	struct timeval limit = { .tv_sec = 60 };
	socklen_t len = sizeof(addr);
	struct nl_buf b = { .len = 0 }, answer;
	const struct nlattr *id;
	int err, size = 4 << 20;

	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl->fd < 0)
		return -errno;
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	bind(nl->fd, (struct sockaddr *)&addr, sizeof(addr));
	getsockname(nl->fd, (struct sockaddr *)&addr, &len);
	nl->portid = addr.nl_pid;
	nl->seq = 0;
	nl->family = GENL_ID_CTRL;
	nl_begin(nl, &b, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	nl_put(&b, CTRL_ATTR_FAMILY_NAME, ROAMNAT_FAMILY_NAME, sizeof(ROAMNAT_FAMILY_NAME));
	err = nl_call(nl, &b, &answer);
	id = err ? NULL : nl_find(answer.data, answer.len, CTRL_ATTR_FAMILY_ID);
	if (id) {
		nl->family = nl_number(id);
		return 0;
	}
	nl_close(nl);
	return err ? err : -ENOENT;
}

void nl_close(struct nl *nl)
{
	close(nl->fd);
	nl->fd = -1;
}
