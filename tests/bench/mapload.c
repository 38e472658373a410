// SPDX-License-Identifier: GPL-2.0
/*
 * mapload: puts many mappings into the kernel of this namespace, as its agent, and
 * says how long that took; dumps them; or shows what one costs. For benchmarks.
 *
 *   mapload -i in0 [-6] [-k address|block] [-o FIRST] [-n COUNT] [-p PORTS [-b]] [-s SECONDS]
 *           [-I INCARNATION] [-F] [-d] [-f in0 -f out0]
 *
 * Mapping i, of COUNT from FIRST (0) on, is 10.16.0.0 + i to 100.64.0.0 + i; with -6
 * fd00:16:: + i to 2001:db8:64:: + i; a block is PORTS ports of that address, 8 unless
 * told, from 1024 on. -b: each of its ports has a UDP session. -s: the idle timeout, 7440
 * unless told; the mappings have been idle for parts of it, evenly. -I: the session's
 * incarnation, 1 unless told; another one that is in force ends. Afterwards -F flushes the
 * mappings that are of earlier ones, and -d dumps; with -n 0 only these. -f gives an
 * interface the fast path. Prints one JSON object for each thing done. The mappings stay.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/roamnat.h>
#include <net/if.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "agent/genl.h"
#include "agent/kmsg.h"

#define BATCH_BYTES	(64 * 1024)
#define BLOCK_FIRST	1024

static struct {
	const char *interface;
	bool six, dump, bound, flush;
	uint8_t kind;
	uint32_t first, count, ports;
	uint64_t incarnation;
	uint64_t idle;		/* ms */
	uint32_t fast[16];	/* ifindex */
	size_t n_fast;
} opt = {
	.kind = RN_KIND_ADDRESS, .count = 1024, .ports = 8, .incarnation = 1, .idle = 7440000,
};

static struct nl_sock *sock;
static int family;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "mapload: %s: %s\n", what, why);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void request(struct nl_msg *msg, int err, const char *what)
{
	g_autoptr(GError) error = NULL;

	if (err)
		die(what, "the message is too small");
	if (!agent_genl_request(sock, msg, NULL, NULL, NULL, &error))
		die(what, error->message);
}

static struct nl_msg *message(uint8_t cmd)
{
	return agent_genl_message(family, NLM_F_ACK, cmd, 512);
}

static struct rn_addr nth(const char *first, uint32_t n)
{
	struct rn_addr addr;
	int i;

	rn_addr_parse(first, &addr);
	for (i = 0; i < 4; i++)
		addr.b[addr.len - 1 - i] += n >> (8 * i);
	return addr;
}

static struct nl_msg *session(uint64_t incarnation)
{
	struct nl_msg *msg = message(ROAMNAT_CMD_SESSION_SET);

	if (agent_kmsg_build_session(msg, incarnation, 0))
		die("session-set", "the message is too small");
	return msg;
}

static void enter_session(void)
{
	g_autoptr(GError) error = NULL;

	if (agent_genl_request(sock, session(opt.incarnation), NULL, NULL, NULL, &error))
		return;
	request(session(0), 0, "session-set");
	request(session(opt.incarnation), 0, "session-set");
}

static void prepare(void)
{
	struct agent_kmsg_prefix prefix = {
		.ifindex = if_nametoindex(opt.interface),
		.kind = opt.kind, .zone = 1, .idle_ms = opt.idle,
	};
	struct nl_msg *msg;

	if (!prefix.ifindex)
		die(opt.interface, "there is no such interface");
	rn_prefix_parse(opt.six ? "fd00:16::/64" : "10.16.0.0/12", &prefix.prefix);
	msg = message(ROAMNAT_CMD_AGENT_REGISTER);
	request(msg, agent_kmsg_build_register(msg, "mapload"), "agent-register");
	enter_session();
	msg = message(ROAMNAT_CMD_INSIDE_SET);
	request(msg, agent_kmsg_build_prefix(msg, &prefix), "inside-set");
	msg = message(ROAMNAT_CMD_FAST_SET);
	request(msg, agent_kmsg_build_fast(msg, opt.fast, opt.n_fast), "fast-set");
}

/* One for each port of a block. */
static const struct rn_bindings *bindings(void)
{
	static struct rn_bindings *all;

	if (all || !opt.bound)
		return all;
	all = rn_bindings_new();
	for (uint32_t i = 0; i < opt.ports; i++) {
		struct rn_binding b = {
			.proto = IPPROTO_UDP, .state = ROAMNAT_BINDING_STATE_OPEN,
			.private_port = 5000 + i, .public_port = BLOCK_FIRST + i,
			.remaining = 300000,
		};

		g_array_append_val(all->list, b);
	}
	return all;
}

static struct nl_msg *grant(uint32_t n)
{
	size_t room = 512 + agent_kmsg_bindings_size(bindings());
	struct nl_msg *nl = agent_genl_message(family, 0, ROAMNAT_CMD_MAPPING_NEW, room);
	uint64_t idle = opt.idle * (n - opt.first) / opt.count;
	struct rn_msg msg;
	int err;

	rn_msg_clear(&msg);
	msg.type = RN_MSG_GRANT;
	msg.id = n + 1 + (opt.six ? 1ULL << 32 : 0) + (opt.kind == RN_KIND_BLOCK ? 1ULL << 33 : 0);
	msg.epoch = 1;
	msg.incarnation = opt.incarnation;
	msg.vm.zone = 1;
	msg.vm.kind = opt.kind;
	msg.vm.addr = nth(opt.six ? "fd00:16::" : "10.16.0.0", n);
	msg.pub.addr = nth(opt.six ? "2001:db8:64::" : "100.64.0.0", n);
	if (opt.kind == RN_KIND_BLOCK) {
		msg.pub.port = BLOCK_FIRST;
		msg.pub.ports = opt.ports;
	}
	msg.timer = (struct rn_timer) { opt.idle, idle, opt.idle - idle };
	err = agent_kmsg_build_mapping(nl, &msg, ROAMNAT_STATE_ACTIVE, FALSE);
	for (guint i = 0; !err && i < rn_bindings_count(bindings()); i++)
		err = agent_kmsg_build_binding(nl, bindings(), i);
	if (err)
		die("mapping-new", "the message is too small");
	return nl;
}

/* Many requests in one message; only the last one is answered, unless one fails. */
static void send_batch(const char *bytes, size_t len)
{
	char reply[8192];
	const struct nlmsghdr *hdr = (void *)reply;
	const struct nlmsgerr *err = NLMSG_DATA(hdr);
	int fd = nl_socket_get_fd(sock);

	if (send(fd, bytes, len, 0) != (ssize_t)len)
		die("send", strerror(errno));
	/* An agent is asked, too, while packets come. */
	do {
		if (recv(fd, reply, sizeof(reply), 0) < (ssize_t)NLMSG_LENGTH(sizeof(*err)))
			die("recv", strerror(errno));
	} while (hdr->nlmsg_type != NLMSG_ERROR);
	if (err->error)
		die("mapping-new", strerror(-err->error));
}

static double install(void)
{
	static char batch[BATCH_BYTES];
	double start = now(), building = 0;
	size_t len = 0;

	for (uint32_t i = 0; i < opt.count; i++) {
		double t = now();
		struct nl_msg *msg = grant(opt.first + i);
		struct nlmsghdr *hdr;

		nl_complete_msg(sock, msg);
		hdr = nlmsg_hdr(msg);
		if (i + 1 == opt.count || len + 2 * NLMSG_ALIGN(hdr->nlmsg_len) > sizeof(batch))
			hdr->nlmsg_flags |= NLM_F_ACK;
		memcpy(batch + len, hdr, hdr->nlmsg_len);
		len += NLMSG_ALIGN(hdr->nlmsg_len);
		building += now() - t;
		if (hdr->nlmsg_flags & NLM_F_ACK) {
			send_batch(batch, len);
			len = 0;
		}
		nlmsg_free(msg);
	}
	printf("{\"what\":\"install\",\"mappings\":%u,\"seconds\":%.6f,\"of_them_building\":%.6f}\n",
	       opt.count, now() - start, building);
	return now() - start;
}

static void flush(void)
{
	struct nl_msg *msg = message(ROAMNAT_CMD_MAPPING_FLUSH);
	double start = now();

	request(msg, agent_kmsg_build_flush(msg, opt.incarnation), "mapping-flush");
	printf("{\"what\":\"flush\",\"seconds\":%.6f}\n", now() - start);
}

static gboolean each(struct nlmsghdr *hdr G_GNUC_UNUSED, void *data)
{
	++*(uint32_t *)data;
	return TRUE;
}

static void dump(void)
{
	struct nl_msg *msg = agent_genl_message(family, NLM_F_DUMP, ROAMNAT_CMD_MAPPING_GET, 64);
	g_autoptr(GError) error = NULL;
	double start = now();
	uint32_t got = 0;

	if (!agent_genl_read(sock, msg, each, &got, &error))
		die("dump", error->message);
	printf("{\"what\":\"dump\",\"mappings\":%u,\"seconds\":%.6f}\n", got, now() - start);
}

static uint8_t kind_of(const char *name)
{
	return strcmp(name, "block") ? RN_KIND_ADDRESS : RN_KIND_BLOCK;
}

static const char usage[] =
	"mapload -i INTERFACE [-6] [-k KIND] [-o FIRST] [-n COUNT] [-p PORTS [-b]] [-s SECONDS] "
	"[-I INCARNATION] [-F] [-d] [-f INTERFACE]";

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	int c;

	while ((c = getopt(argc, argv, "i:6k:o:n:p:bs:I:Fdf:")) != -1) {
		switch (c) {
		case 'i': opt.interface = optarg; break;
		case '6': opt.six = true; break;
		case 'k': opt.kind = kind_of(optarg); break;
		case 'o': opt.first = strtoul(optarg, NULL, 10); break;
		case 'n': opt.count = strtoul(optarg, NULL, 10); break;
		case 'p': opt.ports = strtoul(optarg, NULL, 10); break;
		case 'b': opt.bound = true; break;
		case 's': opt.idle = strtoull(optarg, NULL, 10) * 1000; break;
		case 'I': opt.incarnation = strtoull(optarg, NULL, 10); break;
		case 'F': opt.flush = true; break;
		case 'd': opt.dump = true; break;
		case 'f':
			if (opt.n_fast < G_N_ELEMENTS(opt.fast))
				opt.fast[opt.n_fast++] = if_nametoindex(optarg);
			break;
		default: die("usage", usage);
		}
	}
	if (!opt.interface)
		die("usage", usage);
	sock = agent_genl_open(NETLINK_GENERIC, &error);
	if (!sock)
		die("socket", error->message);
	agent_genl_grow(sock, 1 << 20);
	family = genl_ctrl_resolve(sock, ROAMNAT_FAMILY_NAME);
	if (family < 0)
		die("roamnat", "the module is not loaded");
	prepare();
	if (opt.count)
		install();
	if (opt.flush)
		flush();
	if (opt.dump)
		dump();
	nl_socket_free(sock);
	return 0;
}
