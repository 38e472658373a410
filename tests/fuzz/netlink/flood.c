// SPDX-License-Identifier: GPL-2.0
/*
 * flood SOURCES: first packets of many sources, in the namespaces vm1 and gw1 of a
 * scenario: what is below the bounds is held and loses nothing, what is above them is
 * dropped and counted, one by one, and who has a mapping does not notice. As root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/roamnat.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "commands.h"

#define HOLD 4096		/* hold-packets-total of the flood */
#define ESTABLISHED_EVERY 50	/* one packet of the known VM after so many strangers */

static struct nl nl;
static int raw;
static unsigned int passed, failed;

static void result(bool ok, const char *what)
{
	if (ok)
		passed++;
	else
		failed++;
	printf("%s %u - %s\n", ok ? "ok" : "not ok", passed + failed, what);
	fflush(stdout);
}

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	close(fd);
}

/* ---- the gateway ---- */

static uint64_t stat_of(uint16_t type, bool counter)
{
	const struct nlattr *a;

	nl_command(&nl, ROAMNAT_CMD_STATS_GET);
	if (nl_call(&nl, &nl_out, &nl_answer))
		die("stats-get");
	a = nl_find(nl_answer.data, nl_answer.len, counter ? ROAMNAT_A_STATS_COUNTERS : type);
	if (a && counter)
		a = nl_find((const uint8_t *)a + NLA_HDRLEN, a->nla_len - NLA_HDRLEN, type);
	return a ? nl_number(a) : 0;
}

/* Every packet is in one of these, or still held. */
static uint64_t all_counted(void)
{
	uint64_t sum = stat_of(ROAMNAT_A_STATS_HELD_PACKETS, false);
	unsigned int i;

	for (i = 1; i <= ROAMNAT_A_COUNTER_MAX; i++)
		sum += stat_of(i, true);
	return sum;
}

static void set_bounds(uint32_t hold, uint32_t misses, uint32_t hold_ms)
{
	nl_command(&nl, ROAMNAT_CMD_CONFIG_SET);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_HOLD_PACKETS_TOTAL, hold);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_MAX_MISSES, misses);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_HOLD_MS, hold_ms);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_UPCALL_RATE, 1000000000);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_UPCALL_BURST, 1000000000);
	nl_must(&nl, "config-set");
}

static void set_inside(bool on)
{
	uint8_t addr[4] = { 10, 0, 0, 0 };
	size_t nest;

	nl_command(&nl, ROAMNAT_CMD_INSIDE_SET);
	if (on) {
		nest = nl_nest(&nl_out, ROAMNAT_A_INSIDE_ENTRY);
		nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_IFINDEX, if_nametoindex("in0"));
		nl_put(&nl_out, ROAMNAT_A_PREFIX_ADDR, addr, 4);
		nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_LEN, 8);
		nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_KIND, ROAMNAT_KIND_ADDRESS);
		nl_put_u32(&nl_out, ROAMNAT_A_PREFIX_ZONE, 1);
		nl_nest_end(&nl_out, nest);
	}
	nl_must(&nl, "inside-set");
}

/* The public address of 10.a.b.c is 198.a.b.c. */
static void grant(const uint8_t *addr)
{
	uint8_t pub[4] = { 198, addr[1], addr[2], addr[3] };
	size_t nest;

	nl_command(&nl, ROAMNAT_CMD_MAPPING_NEW);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, 1 + (addr[1] << 16 | addr[2] << 8 | addr[3]));
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_EPOCH, 1);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_INCARNATION, 1);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, ROAMNAT_STATE_ACTIVE);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_KIND, ROAMNAT_KIND_ADDRESS);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_ZONE, 1);
	nl_put(&nl_out, ROAMNAT_A_MAPPING_PRIVATE_ADDR, addr, 4);
	nl_put(&nl_out, ROAMNAT_A_MAPPING_PUBLIC_ADDR, pub, 4);
	nest = nl_nest(&nl_out, ROAMNAT_A_MAPPING_TIMER);
	nl_put_u64(&nl_out, ROAMNAT_A_TIMER_PRESET_MS, 0);
	nl_put_u64(&nl_out, ROAMNAT_A_TIMER_ELAPSED_MS, 0);
	nl_put_u64(&nl_out, ROAMNAT_A_TIMER_REMAINING_MS, 0);
	nl_nest_end(&nl_out, nest);
	nl_must(&nl, "mapping-new");
}

/* ---- packets ---- */

static void send_from(unsigned int source)
{
	uint8_t p[60] = { 0x45, 0, 0, 60, 0, 1, 0, 0, 64, 17 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	static const uint8_t server[4] = { 192, 0, 2, 2 };

	p[12] = 10;
	p[13] = source >> 16;
	p[14] = source >> 8;
	p[15] = source;
	memcpy(p + 16, server, 4);
	p[21] = 9;
	p[23] = 9;
	p[25] = 40;
	memcpy(&to.sin_addr, server, 4);
	if (sendto(raw, p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("sendto");
}

/* ---- what is shown ---- */

/* An agent, on a socket of its own, that answers each question with a grant. */
static unsigned int answer(int small, unsigned int first, unsigned int count)
{
	static uint8_t seen[1 << 16];
	struct nl agent;
	unsigned int granted = 0;
	uint8_t data[8192];

	memset(seen, 0, sizeof(seen));
	if (nl_open(&agent))
		die("a socket");
	if (small)
		setsockopt(agent.fd, SOL_SOCKET, SO_RCVBUF, &(int){ 2048 }, sizeof(int));
	nl_out.len = 0;
	nl_begin(&agent, &nl_out, ROAMNAT_CMD_AGENT_REGISTER, NLM_F_ACK);
	if (nl_call(&agent, &nl_out, NULL))
		die("agent-register");
	enter("vm1");
	for (unsigned int i = 0; i < count; i++)
		send_from(first + i);
	enter("gw1");
	while (granted < count) {
		ssize_t n = recv(agent.fd, data, sizeof(data), 0);
		const struct nlattr *a;
		const uint8_t *addr;
		unsigned int which;

		if (n < 0 && errno == ENOBUFS)
			continue;
		if (n < 20)
			break;
		a = nl_find(data + 20, n - 20, ROAMNAT_A_MAPPING_PRIVATE_ADDR);
		if (!a || a->nla_len != 8)
			continue;
		addr = (const uint8_t *)a + NLA_HDRLEN;
		which = (addr[1] << 16 | addr[2] << 8 | addr[3]) - first;
		if (which >= count || seen[which])
			continue;
		seen[which] = 1;
		grant(addr);
		granted++;
	}
	nl_close(&agent);
	return granted;
}

static void below_bounds(void)
{
	uint64_t before = stat_of(ROAMNAT_A_COUNTER_OUT_TRANSLATED, true);

	result(answer(false, 1 << 16, 1000) == 1000, "each of 1000 new sources is asked about");
	result(stat_of(ROAMNAT_A_COUNTER_OUT_TRANSLATED, true) == before + 1000,
	       "and each first packet leaves, translated: nothing is lost below the bounds");
	before = stat_of(ROAMNAT_A_COUNTER_OUT_TRANSLATED, true);
	result(answer(true, 2 << 16, 40) == 40 && stat_of(ROAMNAT_A_STATS_UPCALLS_LOST, false),
	       "R30 an agent whose socket is too small is asked again");
	result(stat_of(ROAMNAT_A_COUNTER_OUT_TRANSLATED, true) == before + 40,
	       "R30 and these lose nothing either");
}

static uint64_t slab_kb(void)
{
	char line[128];
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long long kb = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Slab: %llu", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb;
}

static void flood(unsigned int sources)
{
	uint64_t counted = all_counted(), out = stat_of(ROAMNAT_A_COUNTER_OUT_TRANSLATED, true);
	uint64_t before = slab_kb(), most = 0, bytes = 0, full, held, slab, known = 0;
	struct nl deaf;
	unsigned int i;

	/* An agent that does not even read. */
	if (nl_open(&deaf))
		die("a socket");
	nl_out.len = 0;
	nl_begin(&deaf, &nl_out, ROAMNAT_CMD_AGENT_REGISTER, NLM_F_ACK);
	nl_must(&deaf, "agent-register");
	set_bounds(HOLD, 2 * HOLD, 60000);
	full = stat_of(ROAMNAT_A_COUNTER_DROP_HOLD_TOTAL, true);
	enter("vm1");
	for (i = 0; i < sources; i++) {
		send_from((3 << 16) + i);
		if (i % ESTABLISHED_EVERY == 0) {
			send_from(5);
			known++;
		}
		if (i % 8192)
			continue;
		held = stat_of(ROAMNAT_A_STATS_HELD_PACKETS, false);
		most = held > most ? held : most;
		held = stat_of(ROAMNAT_A_STATS_HELD_BYTES, false);
		bytes = held > bytes ? held : bytes;
	}
	enter("gw1");
	held = stat_of(ROAMNAT_A_STATS_HELD_PACKETS, false);
	most = held > most ? held : most;
	slab = slab_kb();
	printf("# %u sources: at most %llu packets, %llu bytes held; slab %llu, then %llu kB\n",
	       sources, (unsigned long long)most, (unsigned long long)bytes,
	       (unsigned long long)before, (unsigned long long)slab);
	result(most == HOLD && bytes <= 33554432, "exactly hold-packets-total packets are held");
	full = stat_of(ROAMNAT_A_COUNTER_DROP_HOLD_TOTAL, true) - full;
	full += stat_of(ROAMNAT_A_COUNTER_DROP_MISSES_FULL, true);
	result(full + stat_of(ROAMNAT_A_COUNTER_DROP_DEADLINE, true) + held == sources,
	       "and every other one is counted as dropped");
	result(stat_of(ROAMNAT_A_COUNTER_OUT_TRANSLATED, true) == out + known,
	       "a VM that has a mapping lost nothing by it");
	result(all_counted() == counted + sources + known, "R32 each packet is in one counter");
	nl_close(&deaf);
	set_inside(false);
	result(!stat_of(ROAMNAT_A_STATS_HELD_PACKETS, false) &&
	       !stat_of(ROAMNAT_A_STATS_HELD_BYTES, false) &&
	       !stat_of(ROAMNAT_A_STATS_MISSES, false), "R24 all of it is given back");
	usleep(100000);		/* a grace period */
	printf("# slab afterwards: %llu kB\n", (unsigned long long)slab_kb());
}

int main(int argc, char **argv)
{
	unsigned int sources = argc > 1 ? strtoul(argv[1], NULL, 0) : 50000;
	uint8_t vm[4] = { 10, 0, 0, 5 };

	enter("vm1");
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	enter("gw1");
	if (raw < 0 || nl_open(&nl))
		die("a socket");
	nl_command(&nl, ROAMNAT_CMD_SESSION_SET);
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_INCARNATION, 1);
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_LEASE_END_NS, 0);
	nl_must(&nl, "session-set");
	set_bounds(16384, 16384, 60000);
	set_inside(true);
	grant(vm);
	below_bounds();
	flood(sources);
	printf("flood: %u passed, %u failed\n", passed, failed);
	return failed != 0;
}
