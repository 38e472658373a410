// SPDX-License-Identifier: GPL-2.0
#include "ports.h"

#include <linux/bitmap.h>
#include <linux/in.h>
#include <linux/kernel.h>
#include <linux/random.h>

/* Ports below this are kept among themselves (RFC 4787, REQ-3). */
#define WELL_KNOWN	1024

u8 rnat_ports_index(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 0;
	case IPPROTO_UDP:
		return 1;
	}
	return 2;
}

/*
 * For each protocol, the even ports first and then the odd ones, so that those
 * of one parity are found as a range.
 */
u32 rnat_ports_slot(const struct rnat_ports *ports, u8 proto, u16 port)
{
	u32 offset = port - ports->first;

	return rnat_ports_index(proto) * ports->count +
	       (offset & 1) * (ports->count / 2) + offset / 2;
}

u16 rnat_ports_port(const struct rnat_ports *ports, u32 slot)
{
	u32 half = ports->count / 2;

	slot &= ports->count - 1;
	return ports->first + (slot < half ? 2 * slot : 2 * (slot - half) + 1);
}

u8 rnat_ports_proto(const struct rnat_ports *ports, u32 slot)
{
	static const u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };

	return protos[slot / ports->count];
}

void rnat_ports_init(struct rnat_ports *ports)
{
	u32 i;

	for (i = 0; !ports->first && i < RNAT_PORTS_PROTOS; i++)
		__set_bit(i * ports->count, ports->taken);
}

/* A random one of the slots from @low on, below @high; @high if none is free. */
static u32 find_free(const struct rnat_ports *ports, u32 low, u32 high)
{
	u32 start, slot;

	if (low >= high)
		return high;
	start = low + reciprocal_scale(get_random_u32(), high - low);
	slot = find_next_zero_bit(ports->taken, high, start);
	if (slot < high)
		return slot;
	slot = find_next_zero_bit(ports->taken, start, low);
	return slot < start ? slot : high;
}

u32 rnat_ports_choose(const struct rnat_ports *ports, u8 proto, u16 private,
		      bool parity)
{
	u32 half = ports->count / 2, low = 0, high = half, edge = 0;
	u32 base = rnat_ports_index(proto) * ports->count;
	bool has_range = rnat_ports_index(proto) != 2;
	u32 odd = private & 1, i, slot, end;

	/* Of a half, the slots below the edge are of well-known ports. */
	if (ports->first < WELL_KNOWN)
		edge = min_t(u32, half, (WELL_KNOWN - ports->first) / 2);
	if (has_range && private < WELL_KNOWN && edge)
		high = edge;
	else if (has_range && private >= WELL_KNOWN && edge < half)
		low = edge;
	if (!parity || !has_range)
		odd = get_random_u32() & 1;
	for (i = 0; i < 2; i++, odd ^= 1) {
		end = base + odd * half + high;
		slot = find_free(ports, base + odd * half + low, end);
		if (slot < end)
			return slot;
	}
	return RNAT_PORTS_NONE;
}

void rnat_ports_take(struct rnat_ports *ports, u32 slot)
{
	__set_bit(slot, ports->taken);
	ports->used[slot / ports->count]++;
}

void rnat_ports_give(struct rnat_ports *ports, u32 slot)
{
	__clear_bit(slot, ports->taken);
	ports->used[slot / ports->count]--;
}

bool rnat_ports_is_taken(const struct rnat_ports *ports, u32 slot)
{
	return test_bit(slot, ports->taken);
}

u32 rnat_ports_next(const struct rnat_ports *ports, u32 slot)
{
	slot = find_next_bit(ports->taken, rnat_ports_slots(ports), slot);
	return slot < rnat_ports_slots(ports) ? slot : RNAT_PORTS_NONE;
}
