// SPDX-License-Identifier: GPL-2.0
/*
 * nlrules: what the module refuses, and to whom. Rules of docs/kernel-rules.md, on
 * any kernel, as root.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/roamnat.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "spec.h"

static unsigned int passed, failed;

static void result(bool ok, const char *what, const char *how)
{
	if (ok)
		passed++;
	else
		failed++;
	printf("%s %u - %s %s\n", ok ? "ok" : "not ok", passed + failed, what, how);
	fflush(stdout);
}

/* ---- who may not ---- */

static int ask(struct nl *nl, const struct spec_op *op, bool dump)
{
	nl_out.len = 0;
	nl_begin(nl, &nl_out, op->cmd, dump ? NLM_F_DUMP : NLM_F_ACK);
	return nl_call(nl, &nl_out, &nl_answer);
}

/* In a child, so that what is given up is not given up for good. */
static void refused(const char *who, bool (*become)(void), bool expect_eperm)
{
	unsigned int i, wrong = 0;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct nl nl;
		int err;

		if (!become() || nl_open(&nl))
			_exit(100);
		for (i = 0; i < spec_op_count; i++) {
			const struct spec_op *op = &spec_ops[i];
			bool eperm = op->admin && expect_eperm;

			err = ask(&nl, op, false);
			if (op->dump && (err == -EPERM) == eperm)
				err = ask(&nl, op, true);
			if ((err == -EPERM) == eperm)
				continue;
			printf("# %s: %s answers %s\n", who, op->name, strerror(-err));
			wrong++;
		}
		fflush(stdout);
		_exit(wrong);
	}
	waitpid(pid, &status, 0);
	result(!status, who, expect_eperm ? "may read statistics and nothing else" :
	       "may do everything in its own");
}

static bool nobody(void)
{
	return !setgid(65534) && !setuid(65534);
}

static bool own_user(void)
{
	return !unshare(CLONE_NEWUSER);
}

static bool own_both(void)
{
	return !unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

/* ---- values at a bound, and one beyond ---- */

static int set_bound(struct nl *nl, const struct spec_attr *a, uint64_t value)
{
	nl_command(nl, ROAMNAT_CMD_CONFIG_SET);
	nl_put_u32(&nl_out, a->type, value);
	return nl_call(nl, &nl_out, NULL);
}

static void bounds(void)
{
	const struct spec_set *set = NULL;
	unsigned int i, wrong = 0;
	struct nl nl;

	for (i = 0; i < spec_op_count; i++)
		if (spec_ops[i].cmd == ROAMNAT_CMD_CONFIG_SET)
			set = spec_ops[i].set;
	nl_prepare(&nl, false);
	for (i = 0; set && i < set->count; i++) {
		const struct spec_attr *a = &set->attrs[i];
		bool ok = !set_bound(&nl, a, a->low) && !set_bound(&nl, a, a->high);

		if (a->low)
			ok = ok && set_bound(&nl, a, a->low - 1) == -ERANGE;
		if (a->high < UINT32_MAX)
			ok = ok && set_bound(&nl, a, a->high + 1) == -ERANGE;
		if (ok)
			continue;
		printf("# a bound of %s is not kept\n", a->name);
		wrong++;
	}
	nl_close(&nl);
	result(set && !wrong, "R21", "config-set takes each bound's ends and nothing beyond");
}

/* ---- what is refused leaves nothing ---- */

static uint64_t gauge(struct nl *nl, uint16_t type)
{
	const struct nlattr *a;

	nl_command(nl, ROAMNAT_CMD_STATS_GET);
	if (nl_call(nl, &nl_out, &nl_answer))
		return UINT64_MAX;
	a = nl_find(nl_answer.data, nl_answer.len, type);
	return a ? nl_number(a) : UINT64_MAX;
}

static int grant(struct nl *nl, uint64_t id, uint8_t host)
{
	nl_command(nl, ROAMNAT_CMD_MAPPING_NEW);
	nl_put_grant(&(struct nl_grant){ id, 9, ROAMNAT_STATE_ACTIVE, ROAMNAT_KIND_ADDRESS, host });
	return nl_call(nl, &nl_out, NULL);
}

static void floors(void)
{
	uint64_t before, id;
	bool ok = true;
	struct nl nl;

	nl_prepare(&nl, false);
	before = gauge(&nl, ROAMNAT_A_STATS_FLOORS);
	nl_command(&nl, ROAMNAT_CMD_CONFIG_SET);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_MAX_MAPPINGS, 2);
	nl_must(&nl, "config-set");
	for (id = 100; id < 105; id++)
		ok = ok && grant(&nl, id, id) == -ENOSPC;
	result(ok, "R24", "no grant is taken above max-mappings");
	result(gauge(&nl, ROAMNAT_A_STATS_FLOORS) == before, "R24",
	       "and a refused one leaves no floor, of which there is a bound, too");
	result(!grant(&nl, 200, 2) && gauge(&nl, ROAMNAT_A_STATS_MAPPINGS) == 3, "R24",
	       "one that takes another's place is taken though there are more than the bound");
	nl_close(&nl);
}

/* ---- addresses that are nobody's to give ---- */

static bool give_lo(const uint8_t *addr)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	memcpy(&in.sin_addr, addr, 4);
	memcpy(&request.ifr_addr, &in, sizeof(in));
	err = ioctl(fd, SIOCSIFADDR, &request);
	close(fd);
	return !err;
}

static void own_address(void)
{
	static const uint8_t own[4] = { 203, 0, 113, 9 };
	struct nl nl;

	nl_prepare(&nl, false);
	result(give_lo(own) && grant(&nl, 100, 9) == -EADDRINUSE, "R27",
	       "the gateway's own address is refused as a public one");
	result(!grant(&nl, 101, 8), "R27", "another address is not");
	nl_close(&nl);
}

int main(void)
{
	refused("R19 nobody", nobody, true);
	refused("R19 root of a user namespace", own_user, true);
	refused("R19 root of a user namespace with its network", own_both, false);
	bounds();
	floors();
	own_address();
	printf("nlrules: %u passed, %u failed\n", passed, failed);
	return failed != 0;
}
