// SPDX-License-Identifier: GPL-2.0
/* Endpoints are numbers: a name would have to be resolved, which blocks. */
#include "net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>
#include "base/addr.h"
#include "net/conn.h"

gboolean rn_socket_parse(const char *endpoint, struct sockaddr_storage *to, socklen_t *len,
			 GError **error)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct rn_addr addr;
	uint16_t port;

	if (!rn_endpoint_parse(endpoint, &addr, &port)) {
		g_set_error(error, RN_CONN_ERROR, RN_CONN_ERROR_CONNECT,
			    "`%s' is not ADDRESS:PORT or [ADDRESS]:PORT in numbers", endpoint);
		return FALSE;
	}
	memset(to, 0, sizeof(*to));
	if (addr.len == 4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr.b, 4);
		*len = sizeof(*in);
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, addr.b, 16);
		*len = sizeof(*in6);
	}
	return TRUE;
}

char *rn_socket_print(const struct sockaddr_storage *from, char buf[RN_ENDPOINT_TEXT])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	struct rn_addr addr = { 0 };
	char text[RN_ADDR_TEXT];

	if (from->ss_family == AF_INET) {
		addr.len = 4;
		memcpy(addr.b, &in->sin_addr, 4);
		g_snprintf(buf, RN_ENDPOINT_TEXT, "%s:%u", rn_addr_print(&addr, text),
			   ntohs(in->sin_port));
	} else {
		addr.len = 16;
		memcpy(addr.b, &in6->sin6_addr, 16);
		g_snprintf(buf, RN_ENDPOINT_TEXT, "[%s]:%u", rn_addr_print(&addr, text),
			   ntohs(in6->sin6_port));
	}
	return buf;
}

/* Messages are small and wait for answers. */
static void set_nodelay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int fail(int fd, const char *what, const char *endpoint, GError **error)
{
	g_set_error(error, RN_CONN_ERROR, RN_CONN_ERROR_CONNECT, "cannot %s %s: %s", what,
		    endpoint, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int rn_socket_connect(const char *endpoint, GError **error)
{
	struct sockaddr_storage to;
	socklen_t len;
	int fd;

	if (!rn_socket_parse(endpoint, &to, &len, error))
		return -1;
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(fd, "open a socket for", endpoint, error);
	set_nodelay(fd);
	if (connect(fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		return fail(fd, "connect to", endpoint, error);
	return fd;
}

int rn_socket_listen(const char *endpoint, GError **error)
{
	struct sockaddr_storage at;
	socklen_t len;
	int fd, one = 1;

	if (!rn_socket_parse(endpoint, &at, &len, error))
		return -1;
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(fd, "open a socket for", endpoint, error);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (at.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, SOMAXCONN) < 0)
		return fail(fd, "listen on", endpoint, error);
	return fd;
}

int rn_socket_accept(int listener, char peer[RN_ENDPOINT_TEXT])
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	set_nodelay(fd);
	rn_socket_print(&from, peer);
	return fd;
}
