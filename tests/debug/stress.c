// SPDX-License-Identifier: GPL-2.0
/*
 * stress SECONDS SEED: everything at once, in the namespaces "gw", "vm" and "srv" that
 * stress.sh made (vm - in0 gw out0 - srv). Mappings come, move, freeze and go; an agent
 * grants, refuses, says nothing, closes its socket; dumps run; packets come from both
 * sides on two CPUs; namespaces with held packets and open questions go; so do devices;
 * the module is taken out and put back by the script meanwhile, so that any command may
 * meet -ENOENT. What must come of it is nothing: the kernel's log and kmemleak judge.
 *
 * What each thread does follows from SEED and its name; when, does not.
 *
 * stress end: takes down what is left in gw, and fails unless nothing is counted then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/roamnat.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "nl.h"

#define IDS 200

struct worker {
	const char *name, *namespace;
	void (*turn)(struct worker *w);
	int cpu;			/* -1: any */
	pthread_t thread;
	uint64_t random, turns;
	struct nl nl;
	struct nl_buf out, in;
	int fd;
};

static atomic_bool over;
static atomic_uint_fast64_t incarnation = 1;

static uint64_t below(struct worker *w, uint64_t n)
{
	uint64_t z = (w->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % n;
}

static int enter(const char *name)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return err;
}

/* A socket to the module, which may have gone: then there is none. */
static bool connected(struct worker *w)
{
	return w->nl.fd >= 0 || !nl_open(&w->nl);
}

static int finish(struct worker *w)
{
	int err = nl_call(&w->nl, &w->out, NULL);

	/* The family has gone, or has another number now. */
	if (err == -ENOENT || err == -EOPNOTSUPP || err == -ENOBUFS)
		nl_close(&w->nl);
	return err;
}

static void start(struct worker *w, uint8_t cmd, uint16_t flags)
{
	w->out.len = 0;
	nl_begin(&w->nl, &w->out, cmd, flags);
}

/* ---- commands ---- */

static void put_sides(struct worker *w, unsigned int host)
{
	uint8_t priv[4] = { 10, 0, 0, host }, pub[4] = { 203, 0, 113, host };
	bool port = host % 4 == 3;

	nl_put_u32(&w->out, ROAMNAT_A_MAPPING_KIND, port ? ROAMNAT_KIND_PORT :
		   ROAMNAT_KIND_ADDRESS);
	nl_put_u32(&w->out, ROAMNAT_A_MAPPING_ZONE, 1);
	nl_put(&w->out, ROAMNAT_A_MAPPING_PRIVATE_ADDR, priv, 4);
	nl_put(&w->out, ROAMNAT_A_MAPPING_PUBLIC_ADDR, pub, 4);
	if (!port)
		return;
	nl_put_u32(&w->out, ROAMNAT_A_MAPPING_PROTOCOL, IPPROTO_UDP);
	nl_put_u16(&w->out, ROAMNAT_A_MAPPING_PRIVATE_PORT, htons(5000));
	nl_put_u16(&w->out, ROAMNAT_A_MAPPING_PUBLIC_PORT, htons(5000));
}

static void grant(struct worker *w, unsigned int host, uint32_t state)
{
	static atomic_uint_fast64_t epoch = 1;
	size_t nest;

	start(w, ROAMNAT_CMD_MAPPING_NEW, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_ID, host + (below(w, 8) ? 0 : IDS));
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_EPOCH, ++epoch);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_INCARNATION, incarnation);
	nl_put_u32(&w->out, ROAMNAT_A_MAPPING_STATE, state);
	put_sides(w, host);
	nest = nl_nest(&w->out, ROAMNAT_A_MAPPING_TIMER);
	nl_put_u64(&w->out, ROAMNAT_A_TIMER_PRESET_MS, 300);
	nl_put_u64(&w->out, ROAMNAT_A_TIMER_ELAPSED_MS, 0);
	nl_put_u64(&w->out, ROAMNAT_A_TIMER_REMAINING_MS, 300);
	nl_nest_end(&w->out, nest);
	finish(w);
}

/* The epoch at which a mapping is here, 0 if it is not. */
static uint64_t epoch_of(struct worker *w, uint64_t id)
{
	const struct nlattr *a;

	start(w, ROAMNAT_CMD_MAPPING_GET, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_ID, id);
	if (nl_call(&w->nl, &w->out, &w->in))
		return 0;
	a = nl_find(w->in.data, w->in.len, ROAMNAT_A_MAPPING_EPOCH);
	return a ? nl_number(a) : 0;
}

static void set_session(struct worker *w, uint64_t to)
{
	start(w, ROAMNAT_CMD_SESSION_SET, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_SESSION_INCARNATION, to);
	nl_put_u64(&w->out, ROAMNAT_A_SESSION_LEASE_END_NS, 0);
	finish(w);
}

static void set_inside(struct worker *w, bool on)
{
	uint8_t addr[4] = { 10, 0, 0, 0 };
	unsigned int kind;
	size_t nest;

	start(w, ROAMNAT_CMD_INSIDE_SET, NLM_F_ACK);
	for (kind = ROAMNAT_KIND_ADDRESS; on && kind <= ROAMNAT_KIND_PORT; kind++) {
		nest = nl_nest(&w->out, ROAMNAT_A_INSIDE_ENTRY);
		nl_put_u32(&w->out, ROAMNAT_A_PREFIX_IFINDEX, if_nametoindex("in0"));
		addr[3] = kind == ROAMNAT_KIND_PORT ? 128 : 0;
		nl_put(&w->out, ROAMNAT_A_PREFIX_ADDR, addr, 4);
		nl_put_u32(&w->out, ROAMNAT_A_PREFIX_LEN, kind == ROAMNAT_KIND_PORT ? 25 : 24);
		nl_put_u32(&w->out, ROAMNAT_A_PREFIX_KIND, kind);
		nl_put_u32(&w->out, ROAMNAT_A_PREFIX_ZONE, 1);
		nl_nest_end(&w->out, nest);
	}
	finish(w);
}

static void end_mapping(struct worker *w, uint64_t id, uint8_t cmd, uint32_t state)
{
	uint64_t epoch = epoch_of(w, id);

	if (!epoch || w->nl.fd < 0)
		return;
	start(w, cmd, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_ID, id);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_EPOCH, epoch);
	if (state)
		nl_put_u32(&w->out, ROAMNAT_A_MAPPING_STATE, state);
	finish(w);
}

/* ---- who does what ---- */

static void turn_mappings(struct worker *w)
{
	unsigned int host = 1 + below(w, IDS);

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
	default: grant(w, host, ROAMNAT_STATE_ACTIVE); break;
	case 8: grant(w, host, ROAMNAT_STATE_HELD); break;
	case 9:
	case 10:
		end_mapping(w, host, ROAMNAT_CMD_MAPPING_FREEZE,
			    ROAMNAT_STATE_MOVING_OUT + below(w, 2));
		break;
	case 11:
	case 12:
		end_mapping(w, host, ROAMNAT_CMD_MAPPING_DEL, 0);
		break;
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

static void turn_dumps(struct worker *w)
{
	static const uint8_t cmds[] = { ROAMNAT_CMD_MAPPING_GET, ROAMNAT_CMD_INSIDE_GET };

	if (!connected(w))
		return;
	if (below(w, 3)) {
		uint8_t cmd = cmds[below(w, 2)];

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
	host = ((const uint8_t *)addr)[NLA_HDRLEN + 3];
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
		grant(w, host, ROAMNAT_STATE_ACTIVE);
		break;
	}
}

/* From whatever address it likes: IP_HDRINCL. */
static void turn_packets(struct worker *w)
{
	bool inside = !strcmp(w->namespace, "vm");
	uint8_t p[128] = { 0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17 };
	uint8_t host = 1 + below(w, IDS);
	uint8_t priv[4] = { 10, 0, 0, host }, pub[4] = { 203, 0, 113, host };
	uint8_t server[4] = { 192, 0, 2, 2 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	size_t len = 28 + below(w, 80);

	if (w->fd < 0)
		w->fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	memcpy(p + 12, inside ? priv : server, 4);
	memcpy(p + 16, inside ? server : pub, 4);
	if (inside && !below(w, 8))
		memcpy(p + 16, pub, 4);		/* a hairpin, mostly of somebody else */
	p[20] = 5000 >> 8;
	p[21] = 5000 & 0xff;
	memcpy(p + 22, p + 20, 2);
	p[25] = len - 20;
	if (!below(w, 16))
		p[9] = 1 + below(w, 140);
	if (!below(w, 16))
		p[6] = 0x20;			/* a first fragment that stays alone */
	memcpy(&to.sin_addr, p + 16, 4);
	sendto(w->fd, p, len, 0, (struct sockaddr *)&to, sizeof(to));
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
			grant(w, i, i % 2 ? ROAMNAT_STATE_ACTIVE : ROAMNAT_STATE_HELD);
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
		uint8_t pub[4] = { 203, 0, 113, 1 + below(w, 8) };
		struct ifreq route = { .ifr_name = "lo" };

		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, route.ifr_name, 2);
		memcpy(&to.sin_addr, pub, 4);
		sendto(fd, "held", 4, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	}
	close(fd);
	if (w->nl.fd >= 0)
		nl_close(&w->nl);
}

/* The inside device of the gateway goes away under held packets and comes again. */
static void turn_devices(struct worker *w)
{
	struct timespec nap = { .tv_nsec = 300000000 };
	struct ifreq request = { .ifr_name = "in0" };

	if (w->fd < 0)
		w->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	request.ifr_flags = w->turns % 2 ? IFF_UP : 0;
	ioctl(w->fd, SIOCSIFFLAGS, &request);
	nanosleep(&nap, NULL);
}

static struct worker workers[] = {
	{ .name = "mappings", .namespace = "gw", .turn = turn_mappings, .cpu = -1 },
	{ .name = "agent", .namespace = "gw", .turn = turn_agent, .cpu = -1 },
	{ .name = "dumps", .namespace = "gw", .turn = turn_dumps, .cpu = -1 },
	{ .name = "inside", .namespace = "vm", .turn = turn_packets, .cpu = 0 },
	{ .name = "outside", .namespace = "srv", .turn = turn_packets, .cpu = 1 },
	{ .name = "namespaces", .namespace = "gw", .turn = turn_namespaces, .cpu = -1 },
	{ .name = "devices", .namespace = "gw", .turn = turn_devices, .cpu = -1 },
};

#define WORKERS (sizeof(workers) / sizeof(workers[0]))

static void *run(void *arg)
{
	struct worker *w = arg;

	if (enter(w->namespace)) {
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

static int take_down(struct worker *w)
{
	static const uint16_t gauges[] = {
		ROAMNAT_A_STATS_MAPPINGS, ROAMNAT_A_STATS_MISSES, ROAMNAT_A_STATS_HELD_PACKETS,
		ROAMNAT_A_STATS_HELD_BYTES, ROAMNAT_A_STATS_BINDINGS,
	};
	unsigned int i, left = 0;

	if (enter("gw") || !connected(w))
		return 1;
	set_session(w, 0);
	start(w, ROAMNAT_CMD_MAPPING_FLUSH, NLM_F_ACK);
	left += !!finish(w);
	set_inside(w, false);
	start(w, ROAMNAT_CMD_STATS_GET, NLM_F_ACK);
	left += !!nl_call(&w->nl, &w->out, &w->in);
	for (i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		const struct nlattr *a = nl_find(w->in.data, w->in.len, gauges[i]);

		if (!a || !nl_number(a))
			continue;
		printf("# stress: gauge %u is %llu\n", gauges[i], (unsigned long long)nl_number(a));
		left++;
	}
	return left != 0;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? strtoul(argv[1], NULL, 0) : 120;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	struct timespec all = { .tv_sec = seconds };
	unsigned int i;

	if (argc > 1 && !strcmp(argv[1], "end")) {
		workers[0].nl.fd = -1;
		return take_down(&workers[0]);
	}
	printf("# stress: seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	for (i = 0; i < WORKERS; i++) {
		workers[i].random = seed * 100 + i;
		workers[i].nl.fd = -1;
		workers[i].fd = -1;
		if (pthread_create(&workers[i].thread, NULL, run, &workers[i]))
			return 1;
	}
	nanosleep(&all, NULL);
	over = true;
	for (i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < WORKERS; i++)
		printf("# stress: %-10s %llu turns\n", workers[i].name,
		       (unsigned long long)workers[i].turns);
	return 0;
}
