// SPDX-License-Identifier: GPL-2.0
/*
 * stress run SECONDS SEED: everything at once, SIGTERM ends it earlier, in the namespaces
 * "gw", "gw2", "vm" and "srv" that stress.sh made (vm - in0 gw out0 - srv). Mappings of
 * every kind come, move to gw2 and back with their bindings, freeze and go; an agent
 * grants, refuses, says nothing, closes its socket; dumps run; packets come from both
 * sides on two CPUs; namespaces with held packets and open questions go. The script takes
 * the module out and puts it back meanwhile, and deletes the devices, so that any command
 * may meet -ENOENT. What must come of it is nothing: the kernel's log and kmemleak judge.
 *
 * What each thread does follows from SEED and its name; when, does not.
 *
 * stress tables: do both directions of what is in gw and gw2 agree?
 * stress end: takes down what is left there, and fails unless nothing is counted then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/roamnat.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

static atomic_bool over;

/* ---- who does what ---- */

static void turn_mappings(struct worker *w)
{
	unsigned int host = 1 + below(w, HOSTS);

	if (!connected(w))
		return;
	/* After a reload nothing is set. */
	if (w->turns % 64 == 0) {
		set_session(w, incarnation);
		if (w->nl.fd >= 0)
			set_inside(w, true);
		return;
	}
	switch (below(w, 16)) {
	default: grant(w, host, ROAMNAT_STATE_ACTIVE, NULL); break;
	case 8: grant(w, host, ROAMNAT_STATE_HELD, NULL); break;
	case 9:
	case 10: end_mapping(w, host, ROAMNAT_STATE_MOVING_OUT + below(w, 2)); break;
	case 11:
	case 12: end_mapping(w, host, 0); break;
	case 13:
		if (below(w, 8))
			break;
		set_session(w, 0);
		incarnation++;
		break;
	case 14:
		start(w, ROAMNAT_CMD_MAPPING_FLUSH, NLM_F_ACK);
		if (!below(w, 8))
			finish(w);
		break;
	case 15:
		if (!below(w, 8))
			set_inside(w, false);
		break;
	}
}

static void swap(struct worker *w)
{
	struct nl nl = w->nl;

	w->nl = w->other;
	w->other = nl;
}

/* A second socket, into gw2. */
static bool connected_both(struct worker *w)
{
	if (!connected(w))
		return false;
	if (w->other.fd >= 0)
		return true;
	if (enter_namespace("gw2"))
		return false;
	swap(w);
	if (connected(w))
		set_session(w, incarnation);
	swap(w);
	return !enter_namespace("gw") && w->other.fd >= 0;
}

/* From gw to gw2 or back, with what a block has: held first, then granted. */
static void turn_moves(struct worker *w)
{
	unsigned int host = 1 + below(w, HOSTS);
	bool back = below(w, 2);

	if (!connected_both(w))
		return;
	if (back)
		swap(w);
	end_mapping(w, host, ROAMNAT_STATE_MOVING_OUT);
	w->in.len = 0;
	if (w->nl.fd >= 0) {
		start(w, ROAMNAT_CMD_BINDING_GET, NLM_F_DUMP);
		nl_put_u64(&w->out, ROAMNAT_A_MAPPING_ID, host);
		if (nl_call(&w->nl, &w->out, &w->in))
			w->in.len = 0;
	}
	swap(w);
	if (w->nl.fd >= 0)
		grant(w, host, ROAMNAT_STATE_HELD, &w->in);
	if (w->nl.fd >= 0 && below(w, 4))
		grant(w, host, ROAMNAT_STATE_ACTIVE, NULL);
	if (w->nl.fd >= 0 && !below(w, 16))
		set_session(w, incarnation);
	swap(w);
	if (back)
		swap(w);
}

static void turn_dumps(struct worker *w)
{
	static const uint8_t cmds[] = {
		ROAMNAT_CMD_MAPPING_GET, ROAMNAT_CMD_INSIDE_GET, ROAMNAT_CMD_BINDING_GET,
	};

	if (!connected(w))
		return;
	if (below(w, 3)) {
		uint8_t cmd = cmds[below(w, 3)];

		start(w, cmd, NLM_F_DUMP);
		/* Zone 2 has no mapping: a walk without an answer. */
		if (cmd == ROAMNAT_CMD_MAPPING_GET && !below(w, 4))
			nl_put_u32(&w->out, ROAMNAT_A_MAPPING_ZONE, 2);
	} else {
		start(w, below(w, 2) ? ROAMNAT_CMD_STATS_GET : ROAMNAT_CMD_CONFIG_GET, NLM_F_ACK);
	}
	finish(w);
}

/* Takes what it is asked, answers some of it, and is gone now and then. */
static void turn_agent(struct worker *w)
{
	struct nl_buf *in = &w->in;
	const struct nlattr *addr;
	struct timespec nap = { .tv_nsec = 2000000 };
	ssize_t n;
	uint8_t host;

	if (!connected(w))
		return;
	if (w->turns % 50 == 0) {
		if (w->turns % 500 == 0 && w->turns)
			nl_close(&w->nl);
		if (!connected(w))
			return;
		start(w, ROAMNAT_CMD_AGENT_REGISTER, NLM_F_ACK);
		finish(w);
		return;
	}
	n = recv(w->nl.fd, in->data, sizeof(in->data), MSG_DONTWAIT);
	if (n < NLMSG_HDRLEN + 4) {
		nanosleep(&nap, NULL);
		return;
	}
	addr = nl_find(in->data + NLMSG_HDRLEN + 4, n - NLMSG_HDRLEN - 4,
		       ROAMNAT_A_MAPPING_PRIVATE_ADDR);
	if (!addr || addr->nla_len < 8)
		return;
	host = ((const uint8_t *)addr)[addr->nla_len - 1];
	switch (below(w, 4)) {
	case 0:
		break;
	case 1:
		start(w, ROAMNAT_CMD_MISS_REFUSE, NLM_F_ACK);
		put_sides(w, host);
		nl_put_u64(&w->out, ROAMNAT_A_MAPPING_HOLD_OFF_MS, below(w, 200));
		w->out.msg->nlmsg_len = w->out.len;
		finish(w);
		break;
	default:
		grant(w, host, ROAMNAT_STATE_ACTIVE, NULL);
		break;
	}
}

/* ICMP echo or error, TCP, UDP from a few ports; some of it nonsense. */
static size_t put_l4(struct worker *w, uint8_t *l4, uint8_t *protocol, bool six)
{
	uint16_t ports[2] = { htons(5000 + below(w, 8)), htons(1024 + below(w, 64 * HOSTS)) };
	bool inside = !strcmp(w->namespace, "vm");

	if (!inside && !below(w, 2))
		ports[1] = htons(5000);
	memcpy(l4, &ports[!inside], 2);
	memcpy(l4 + 2, &ports[inside], 2);
	switch (below(w, 4)) {
	case 0:
		*protocol = IPPROTO_TCP;
		l4[12] = 0x50;
		l4[13] = below(w, 2) ? 0x02 : below(w, 64);
		return 20;
	case 1:
		*protocol = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		memset(l4, 0, 4);
		l4[0] = six ? 128 + below(w, 2) : below(w, 2) ? 8 : below(w, 14);
		memcpy(l4 + 4, &ports[!inside], 2);
		return 8;
	case 2:
		if (!below(w, 4))
			*protocol = below(w, 140);
	}
	l4[5] = 8;
	return 8;
}

/* From whatever address it likes: IP_HDRINCL. */
static void send4(struct worker *w, unsigned int host)
{
	static const uint8_t server[4] = { 192, 0, 2, 2 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	bool inside = !strcmp(w->namespace, "vm");
	uint8_t p[128] = { 0x45, 0, 0, 0, 0, 1, 0, 0, 64, IPPROTO_UDP };
	uint8_t priv[16], pub[16];
	size_t len;

	host_sides(host, priv, pub);
	memcpy(p + 12, inside ? priv : server, 4);
	memcpy(p + 16, inside ? server : pub, 4);
	if (inside && !below(w, 8))
		memcpy(p + 16, pub, 4);		/* a hairpin, mostly of somebody else */
	len = 20 + put_l4(w, p + 20, p + 9, false);
	if (!below(w, 16))
		p[6] = 0x20;			/* a first fragment that stays alone */
	memcpy(&to.sin_addr, p + 16, 4);
	sendto(w->fd, p, len, 0, (struct sockaddr *)&to, sizeof(to));
}

static void send6(struct worker *w, unsigned int host)
{
	static const uint8_t server[16] = { 0x20, 1, 0xd, 0xb8, 0xff, [15] = 2 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	bool inside = !strcmp(w->namespace, "vm");
	uint8_t p[128] = { 0x60, 0, 0, 0, 0, 0, IPPROTO_UDP, 64 };
	uint8_t priv[16], pub[16];

	host_sides(host, priv, pub);
	memcpy(p + 8, inside ? priv : server, 16);
	memcpy(p + 24, inside ? server : pub, 16);
	if (inside && !below(w, 8))
		memcpy(p + 24, pub, 16);
	p[5] = put_l4(w, p + 40, p + 6, true);
	memcpy(&to.sin6_addr, p + 24, 16);
	sendto(w->fd6, p, 40 + p[5], 0, (struct sockaddr *)&to, sizeof(to));
}

static void turn_packets(struct worker *w)
{
	unsigned int host = 1 + below(w, HOSTS);

	if (w->fd < 0) {
		w->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
		w->fd6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	}
	if (kind_of(host) == HOST_SIX)
		send6(w, host);
	else
		send4(w, host);
}

/* lo is a device as good as any: packets from an address of it, to a stranger. */
static void turn_namespaces(struct worker *w)
{
	uint8_t addr[4] = { 10, 0, 0, 0 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	unsigned int i;
	size_t nest;
	int fd;

	if (unshare(CLONE_NEWNET))
		return;
	if (!nl_open(&w->nl)) {
		set_session(w, 1);
		for (i = 1; i <= 8 && w->nl.fd >= 0; i++)
			grant(w, i, i % 2 ? ROAMNAT_STATE_ACTIVE : ROAMNAT_STATE_HELD, NULL);
	}
	if (w->nl.fd >= 0) {
		start(w, ROAMNAT_CMD_INSIDE_SET, NLM_F_ACK);
		nest = nl_nest(&w->out, ROAMNAT_A_INSIDE_ENTRY);
		nl_put_u32(&w->out, ROAMNAT_A_PREFIX_IFINDEX, 1);
		nl_put(&w->out, ROAMNAT_A_PREFIX_ADDR, addr, 4);
		nl_put_u32(&w->out, ROAMNAT_A_PREFIX_LEN, 24);
		nl_put_u32(&w->out, ROAMNAT_A_PREFIX_KIND, ROAMNAT_KIND_ADDRESS);
		nl_nest_end(&w->out, nest);
		finish(w);
	}
	/* Own packets to the public side of a held mapping wait in LOCAL_OUT. */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ioctl(fd, SIOCSIFFLAGS, &request);
	for (i = 0; i < 32; i++) {
		uint8_t pub[4] = { 203, 0, 113, 4 * (1 + below(w, 2)) };
		struct ifreq route = { .ifr_name = "lo" };

		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, route.ifr_name, 2);
		memcpy(&to.sin_addr, pub, 4);
		sendto(fd, "held", 4, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	}
	close(fd);
	if (w->nl.fd >= 0)
		nl_close(&w->nl);
}

static struct worker workers[] = {
	{ .name = "mappings", .namespace = "gw", .turn = turn_mappings, .cpu = -1 },
	{ .name = "agent", .namespace = "gw", .turn = turn_agent, .cpu = -1 },
	{ .name = "dumps", .namespace = "gw", .turn = turn_dumps, .cpu = -1 },
	{ .name = "inside", .namespace = "vm", .turn = turn_packets, .cpu = 0 },
	{ .name = "outside", .namespace = "srv", .turn = turn_packets, .cpu = 1 },
	{ .name = "namespaces", .namespace = "gw", .turn = turn_namespaces, .cpu = -1 },
	{ .name = "moves", .namespace = "gw", .turn = turn_moves, .cpu = -1 },
};

#define WORKERS (sizeof(workers) / sizeof(workers[0]))
static pthread_t threads[WORKERS];

static void *run(void *arg)
{
	struct worker *w = arg;

	if (enter_namespace(w->namespace)) {
		fprintf(stderr, "stress: there is no namespace %s\n", w->namespace);
		exit(1);
	}
	if (w->cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(w->cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	for (; !over; w->turns++)
		w->turn(w);
	if (w->nl.fd >= 0)
		nl_close(&w->nl);
	return NULL;
}

/* In both gateways, one after the other. */
static int in_both(unsigned int (*check)(struct worker *w))
{
	static const char * const names[] = { "gw", "gw2" };
	unsigned int i, wrong = 0;

	for (i = 0; i < 2; i++) {
		struct worker *w = &workers[i];

		w->nl.fd = -1;
		w->namespace = names[i];
		if (enter_namespace(names[i]) || !connected(w))
			return 1;
		wrong += check(w);
	}
	return wrong != 0;
}

static int run_all(unsigned int seconds, uint64_t seed)
{
	struct timespec all = { .tv_sec = seconds };
	sigset_t end;
	unsigned int i;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &end, NULL);

	printf("# stress: seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	for (i = 0; i < WORKERS; i++) {
		workers[i].random = seed * 100 + i;
		workers[i].nl.fd = -1;
		workers[i].other.fd = -1;
		workers[i].fd = -1;
		if (pthread_create(&threads[i], NULL, run, &workers[i]))
			return 1;
	}
	sigtimedwait(&end, NULL, &all);
	over = true;
	for (i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < WORKERS; i++)
		printf("# stress: %-10s %llu turns\n", workers[i].name,
		       (unsigned long long)workers[i].turns);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "end"))
		return in_both(take_down);
	if (argc == 2 && !strcmp(argv[1], "tables"))
		/* Empty tables would prove nothing. */
		return in_both(check_tables) || tables_mappings < 10;
	if (argc == 4 && !strcmp(argv[1], "run"))
		return run_all(strtoul(argv[2], NULL, 0), strtoull(argv[3], NULL, 0));
	fprintf(stderr, "usage: stress run SECONDS SEED | tables | end\n");
	return 2;
}
