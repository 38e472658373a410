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
	nl_result(!status, who, expect_eperm ? "may read statistics and nothing else" :
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

/* ---- who may not listen ---- */

static int join(struct nl *nl)
{
	static const char group[] = ROAMNAT_MCGRP_MAPPING;
	const struct nlattr *a;
	unsigned int id;

	nl_out.len = 0;
	nl->family = GENL_ID_CTRL;
	nl_begin(nl, &nl_out, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	nl_put(&nl_out, CTRL_ATTR_FAMILY_NAME, ROAMNAT_FAMILY_NAME, sizeof(ROAMNAT_FAMILY_NAME));
	if (nl_call(nl, &nl_out, &nl_answer))
		return -ENOENT;
	a = nl_find(nl_answer.data, nl_answer.len, CTRL_ATTR_MCAST_GROUPS);
	/* The list has one entry, which has a name and a number. */
	if (a)
		a = nl_find(a + 2, a->nla_len - 2 * NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_ID);
	if (!a || !memmem(nl_answer.data, nl_answer.len, group, sizeof(group)))
		return -ENOENT;
	id = nl_number(a);
	return setsockopt(nl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &id, sizeof(id)) ?
	       -errno : 0;
}

static bool root(void)
{
	return true;
}

/* The group tells which mappings there are, and when they are used. */
static void listens(const char *who, bool (*become)(void), int want)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct nl nl;
		int err;

		if (!become() || nl_open(&nl))
			_exit(100);
		err = join(&nl);
		if (err != want)
			printf("# %s: joining the group: %s\n", who, strerror(-err));
		fflush(stdout);
		_exit(err != want);
	}
	waitpid(pid, &status, 0);
	nl_result(!status, who, want ? "may not join the group" : "may join the group");
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
	nl_prepare(&nl, NL_SESSION);
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
	nl_result(set && !wrong, "R21", "config-set takes each bound's ends and nothing beyond");
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
	nl_put_grant(&(struct nl_grant){ .id = id, .epoch = 9, .state = ROAMNAT_STATE_ACTIVE,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = host });
	return nl_call(nl, &nl_out, NULL);
}

static void floors(void)
{
	uint64_t before, id;
	bool ok = true;
	struct nl nl;

	nl_prepare(&nl, NL_SESSION);
	before = gauge(&nl, ROAMNAT_A_STATS_FLOORS);
	nl_command(&nl, ROAMNAT_CMD_CONFIG_SET);
	nl_put_u32(&nl_out, ROAMNAT_A_CONFIG_MAX_MAPPINGS, 2);
	nl_must(&nl, "config-set");
	for (id = 100; id < 105; id++)
		ok = ok && grant(&nl, id, id) == -ENOSPC;
	nl_result(ok, "R24", "no grant is taken above max-mappings");
	nl_result(gauge(&nl, ROAMNAT_A_STATS_FLOORS) == before, "R24",
		  "and a refused one leaves no floor, of which there is a bound, too");
	nl_result(!grant(&nl, 200, 2) && gauge(&nl, ROAMNAT_A_STATS_MAPPINGS) == 5, "R24",
		  "one that takes another's place is taken though there are more than the bound");
	nl_close(&nl);
}

/* ---- what goes out ---- */

static const size_t widths[] = { [SPEC_U16] = 2, [SPEC_U32] = 4, [SPEC_U64] = 8 };

/* Attributes that are not as wide as their type, unknown ones, and filled padding. */
static unsigned int odd(const struct spec_set *set, const uint8_t *p, size_t len)
{
	const struct nlattr *a;
	const struct spec_attr *is;
	unsigned int wrong = 0;
	size_t at, i, size;

	for (at = 0; at + NLA_HDRLEN <= len; at += NLA_ALIGN(a->nla_len)) {
		a = (const struct nlattr *)(p + at);
		if (a->nla_len < NLA_HDRLEN || a->nla_len > len - at)
			return wrong + 1;
		is = spec_attr(set, a->nla_type & NLA_TYPE_MASK);
		size = a->nla_len - NLA_HDRLEN;
		if (!is || (is->kind < SPEC_BINARY && size != widths[is->kind]) ||
		    (is->kind == SPEC_BINARY && size != 4 && size != 16) ||
		    ((is->kind == SPEC_PAD || is->kind == SPEC_FLAG) && size))
			wrong++;
		else if (is->kind == SPEC_NEST)
			wrong += odd(is->nested, (const uint8_t *)(a + 1), size);
		for (i = a->nla_len; i < (size_t)NLA_ALIGN(a->nla_len) && at + i < len; i++)
			wrong += !!p[at + i];
	}
	return wrong;
}

static const struct spec_set *set_of(uint8_t cmd)
{
	unsigned int i;

	for (i = 0; i < spec_op_count && spec_ops[i].cmd != cmd; i++)
		;
	return i < spec_op_count ? spec_ops[i].set : NULL;
}

static void answers(void)
{
	unsigned int i, n = 0, wrong = 0;
	struct nl nl;

	for (i = 0; i < nl_command_count; i++) {
		const struct nl_command *c = &nl_commands[i];
		unsigned int bad;

		nl_prepare(&nl, c->before);
		nl_begin_command(&nl, c);
		c->put();
		bad = nl_call(&nl, &nl_out, &nl_answer) ? 0 :
		      odd(set_of(c->cmd), nl_answer.data, nl_answer.len);
		if (bad)
			printf("# the answer to %s has %u odd attributes\n", c->name, bad);
		n += nl_answer.len != 0;
		wrong += bad;
		nl_close(&nl);
	}
	nl_result(n > 10 && !wrong, "R20",
		  "answers have attributes of the spec's widths, and zeros between them");
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

	nl_prepare(&nl, NL_SESSION);
	nl_result(give_lo(own) && grant(&nl, 100, 9) == -EADDRINUSE, "R27",
		  "the gateway's own address is refused as a public one");
	nl_result(!grant(&nl, 101, 8), "R27", "another address is not");
	nl_close(&nl);
}

int main(void)
{
	refused("R19 nobody", nobody, true);
	refused("R19 root of a user namespace", own_user, true);
	refused("R19 root of a user namespace with its network", own_both, false);
	listens("R19 root", root, 0);
	listens("R19 nobody", nobody, -EPERM);
	listens("R19 root of a user namespace", own_user, -EPERM);
	listens("R19 root of a user namespace with its network", own_both, 0);
	bounds();
	floors();
	answers();
	own_address();
	return nl_end("nlrules");
}
