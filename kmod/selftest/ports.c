// SPDX-License-Identifier: GPL-2.0
/*
 * Which ports are given: each once, of the right range and parity, until there
 * is none.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": selftest ports: " fmt
#include "../ports.h"

#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/in.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include "selftest.h"

static const u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

static int fail(const struct rnat_ports *ports, const char *what, u32 number)
{
	pr_err("%u ports from %u: %s (%u)\n", ports->count, ports->first, what,
	       number);
	return -EINVAL;
}

/* Slots and ports are one to one. */
static int check_slots(const struct rnat_ports *ports)
{
	u32 slot, port;
	u8 proto;

	for (slot = 0; slot < rnat_ports_slots(ports); slot++) {
		port = rnat_ports_port(ports, slot);
		proto = rnat_ports_proto(ports, slot);
		if (port < ports->first || port - ports->first >= ports->count)
			return fail(ports, "a port outside", port);
		if (rnat_ports_slot(ports, proto, port) != slot)
			return fail(ports, "not its slot", slot);
	}
	return 0;
}

/* All ports of one protocol for private ports of one range and parity. */
static int exhaust(struct rnat_ports *ports, u8 proto, u16 private)
{
	u32 edge = ports->first < 1024 ? min(ports->count, 1024 - ports->first) : 0;
	bool low = private < 1024 && edge && proto != IPPROTO_ICMP;
	bool high = private >= 1024 && edge < ports->count && proto != IPPROTO_ICMP;
	u32 wanted = low ? edge : high ? ports->count - edge : ports->count;
	u32 given = 0, right = 0, slot, port;

	if (!ports->first && !high)
		wanted--;	/* port 0 */
	while ((slot = rnat_ports_choose(ports, proto, private, true)) !=
	       RNAT_PORTS_NONE) {
		port = rnat_ports_port(ports, slot);
		if (rnat_ports_is_taken(ports, slot))
			return fail(ports, "given twice", port);
		if (rnat_ports_proto(ports, slot) != proto)
			return fail(ports, "of another protocol", port);
		if (!port || (low && port >= 1024) || (high && port < 1024))
			return fail(ports, "of the wrong range", port);
		/* Those of the right parity are given first. */
		if ((port & 1) == (private & 1) && right == given)
			right++;
		given++;
		rnat_ports_take(ports, slot);
	}
	if (given != wanted)
		return fail(ports, "not all given", given);
	if (proto != IPPROTO_ICMP && right < wanted / 2)
		return fail(ports, "the other parity too early", right);
	for (slot = 0; (slot = rnat_ports_next(ports, slot)) != RNAT_PORTS_NONE;
	     slot++)
		if (rnat_ports_port(ports, slot) &&
		    rnat_ports_proto(ports, slot) == proto)
			rnat_ports_give(ports, slot);
	return ports->used[rnat_ports_index(proto)] ?
	       fail(ports, "left over", ports->used[0]) : 0;
}

static int check_block(u16 first, u32 count)
{
	static const u16 privates[] = { 80, 81, 5000, 5001 };
	struct rnat_ports ports = { .first = first, .count = count };
	int i, k, ret;

	ports.taken = bitmap_zalloc(rnat_ports_slots(&ports), GFP_KERNEL);
	if (!ports.taken)
		return -ENOMEM;
	rnat_ports_init(&ports);
	ret = check_slots(&ports);
	for (i = 0; i < ARRAY_SIZE(protos); i++)
		for (k = 0; k < ARRAY_SIZE(privates); k++)
			ret = ret ?: exhaust(&ports, protos[i], privates[k]);
	bitmap_free(ports.taken);
	return ret;
}

int rnat_selftest_ports(void)
{
	static const struct {
		u16 first;
		u32 count;
	} blocks[] = {
		{ 0, 2 }, { 0, 64 }, { 0, 1024 }, { 0, 4096 }, { 512, 512 },
		{ 1024, 8 }, { 1024, 1024 }, { 65024, 512 }, { 65534, 2 },
		{ 32768, 32768 },
	};
	int i, err, ret = 0;

	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		err = check_block(blocks[i].first, blocks[i].count);
		ret = ret ?: err;
	}
	return ret;
}
