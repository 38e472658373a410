// SPDX-License-Identifier: GPL-2.0
/*
 * What the agent hears of notifications that were lost. The kernel's own sockets
 * do it, with a protocol that user space may send on, in a network namespace of
 * the test.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/genl.h"
#include "suites.h"

#define GROUP		1
#define SENT		1000
#define PAYLOAD		512

static guint heard;

static void on_reply(struct nlmsghdr *hdr, void *data)
{
	heard++;
}

static void notify(int fd)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 << (GROUP - 1) };
	struct {
		struct nlmsghdr hdr;
		char payload[PAYLOAD];
	} msg = { .hdr = { .nlmsg_len = sizeof(msg), .nlmsg_type = NLMSG_MIN_TYPE } };

	sendto(fd, &msg, sizeof(msg), 0, (const struct sockaddr *)&to, sizeof(to));
}

/* True when the socket still has something. */
static gboolean readable(struct nl_sock *sock)
{
	char byte;

	return recv(nl_socket_get_fd(sock), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Lost ones are told once, though many were; those that came are heard, and
 * afterwards all is well again.
 */
START_TEST(overrun)
{
	struct nl_sock *sock;
	guint overruns = 0;
	int fd, small = 1;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		g_printerr("genl: no namespace of its own (%s): not tested\n", g_strerror(errno));
		return;
	}
	sock = agent_genl_open(NETLINK_USERSOCK, NULL);
	ck_assert_ptr_nonnull(sock);
	ck_assert_int_eq(nl_socket_add_membership(sock, GROUP), 0);
	nl_socket_set_nonblocking(sock);
	setsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK);
	ck_assert_int_ge(fd, 0);
	for (guint i = 0; i < SENT; i++)
		notify(fd);
	for (guint i = 0; i < SENT; i++)
		overruns += !agent_genl_drain(sock, on_reply, NULL);
	ck_assert_uint_eq(overruns, 1);
	ck_assert_uint_gt(heard, 0);
	ck_assert_uint_lt(heard, SENT);
	ck_assert(!readable(sock));
	heard = 0;
	notify(fd);
	ck_assert(agent_genl_drain(sock, on_reply, NULL));
	ck_assert_uint_eq(heard, 1);
	close(fd);
	nl_socket_free(sock);
}
END_TEST

Suite *suite_genl(void)
{
	Suite *suite = suite_create("genl");
	TCase *tc = tcase_create("overrun");

	tcase_add_test(tc, overrun);
	suite_add_tcase(suite, tc);
	return suite;
}
