// SPDX-License-Identifier: GPL-2.0
#include <linux/math64.h>
#include <net/genetlink.h>

#include "block.h"
#include "map.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"

static int put_key(struct sk_buff *skb, const struct rnat_key *key,
		   int addr_attr, int port_attr, bool has_port)
{
	int len = key->family == NFPROTO_IPV6 ? sizeof(key->addr.in6) :
						sizeof(key->addr.ip);

	if (nla_put(skb, addr_attr, len, &key->addr) ||
	    (has_port && nla_put_be16(skb, port_attr, key->port)))
		return -EMSGSIZE;
	return 0;
}

static int put_timer(struct sk_buff *skb, u64 preset_ms, u64 elapsed_ms)
{
	struct nlattr *nest;

	nest = nla_nest_start(skb, ROAMNAT_A_MAPPING_TIMER);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u64_64bit(skb, ROAMNAT_A_TIMER_PRESET_MS, preset_ms,
			      ROAMNAT_A_TIMER_PAD) ||
	    nla_put_u64_64bit(skb, ROAMNAT_A_TIMER_ELAPSED_MS, elapsed_ms,
			      ROAMNAT_A_TIMER_PAD) ||
	    nla_put_u64_64bit(skb, ROAMNAT_A_TIMER_REMAINING_MS,
			      preset_ms - elapsed_ms, ROAMNAT_A_TIMER_PAD)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, ROAMNAT_A_MAPPING_PAD);
}

/* A time that may never have been. */
static int put_time(struct sk_buff *skb, int attr, u64 time)
{
	return time ? put_u64(skb, attr, time) : 0;
}

static int put_block(struct sk_buff *skb, const struct rnat_map *map)
{
	if (!map->block)
		return 0;
	if (nla_put_u32(skb, ROAMNAT_A_MAPPING_PUBLIC_PORTS,
			map->block->ports.count) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_BINDINGS, rnat_block_count(map)))
		return -EMSGSIZE;
	return 0;
}

int rnat_netlink_put_map(struct sk_buff *skb, const struct rnat_net *rn,
			 const struct rnat_map *map)
{
	bool has_ports = rnat_map_kind(map) != ROAMNAT_KIND_ADDRESS;
	struct rnat_timer timer;

	rnat_map_timer(map, &timer);
	if (put_u64(skb, ROAMNAT_A_MAPPING_ID, map->id) ||
	    put_u64(skb, ROAMNAT_A_MAPPING_EPOCH, READ_ONCE(map->epoch)) ||
	    put_u64(skb, ROAMNAT_A_MAPPING_INCARNATION,
		    READ_ONCE(map->incarnation)) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_STATE, READ_ONCE(map->state)) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_KIND, rnat_map_kind(map)) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_ZONE, map->priv.zone) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_PROTOCOL, map->priv.proto) ||
	    put_key(skb, &map->priv, ROAMNAT_A_MAPPING_PRIVATE_ADDR,
		    ROAMNAT_A_MAPPING_PRIVATE_PORT, has_ports) ||
	    put_key(skb, &map->pub, ROAMNAT_A_MAPPING_PUBLIC_ADDR,
		    ROAMNAT_A_MAPPING_PUBLIC_PORT, has_ports) ||
	    put_block(skb, map) ||
	    put_timer(skb, timer.preset_ms, timer.elapsed_ms) ||
	    (rnat_map_is_suspended(rn, map) &&
	     nla_put_flag(skb, ROAMNAT_A_MAPPING_SUSPENDED)) ||
	    (rnat_map_is_leaving(map) && READ_ONCE(map->forward) &&
	     nla_put_u32(skb, ROAMNAT_A_MAPPING_FORWARD,
			 READ_ONCE(map->forward))) ||
	    put_time(skb, ROAMNAT_A_MAPPING_FIRST_TRANSLATED_NS,
		     READ_ONCE(map->first_translated)) ||
	    put_time(skb, ROAMNAT_A_MAPPING_LAST_TRANSLATED_NS,
		     READ_ONCE(map->last_translated)))
		return -EMSGSIZE;
	return 0;
}

void rnat_netlink_notify(struct rnat_net *rn, const struct rnat_map *map,
			 enum roamnat_event event, gfp_t gfp)
{
	struct sk_buff *skb;
	void *hdr;

	if (!genl_has_listeners(&rnat_netlink_family, rn->net,
				ROAMNAT_NLGRP_MAPPING))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, gfp);
	if (!skb)
		goto err;
	hdr = genlmsg_put(skb, 0, 0, &rnat_netlink_family, 0,
			  ROAMNAT_CMD_MAPPING_NTF);
	if (!hdr || rnat_netlink_put_map(skb, rn, map) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_EVENT, event))
		goto err_free;
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&rnat_netlink_family, rn->net, skb, 0,
				ROAMNAT_NLGRP_MAPPING, gfp);
	return;

err_free:
	nlmsg_free(skb);
err:
	/* Listeners find out that they have missed something. */
	genl_set_err(&rnat_netlink_family, rn->net, 0, ROAMNAT_NLGRP_MAPPING,
		     -ENOBUFS);
}

static int put_miss(struct sk_buff *skb, const struct rnat_miss_info *info,
		    u32 lost)
{
	if (nla_put_u32(skb, ROAMNAT_A_MAPPING_KIND, info->kind) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_ZONE, info->key.zone) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_PROTOCOL, info->key.proto) ||
	    put_key(skb, &info->key, ROAMNAT_A_MAPPING_PRIVATE_ADDR,
		    ROAMNAT_A_MAPPING_PRIVATE_PORT,
		    info->kind != ROAMNAT_KIND_ADDRESS) ||
	    (info->ifindex &&
	     nla_put_u32(skb, ROAMNAT_A_MAPPING_IFINDEX, info->ifindex)) ||
	    put_timer(skb, info->idle_ms, 0) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_LOST, lost))
		return -EMSGSIZE;
	if (!info->id)
		return 0;
	if (put_u64(skb, ROAMNAT_A_MAPPING_ID, info->id) ||
	    put_u64(skb, ROAMNAT_A_MAPPING_EPOCH, info->epoch) ||
	    nla_put_u32(skb, ROAMNAT_A_MAPPING_STATE, info->state))
		return -EMSGSIZE;
	return 0;
}

int rnat_netlink_send_miss(struct rnat_net *rn,
			   const struct rnat_miss_info *info, u32 lost)
{
	u32 portid = READ_ONCE(rn->agent_portid);
	struct sk_buff *skb;
	void *hdr;

	if (!portid)
		return -ENOTCONN;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_ATOMIC);
	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_put(skb, 0, 0, &rnat_netlink_family, 0,
			  ROAMNAT_CMD_MISS_NTF);
	if (!hdr || put_miss(skb, info, lost)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_unicast(rn->net, skb, portid);
}

static int addr_size(u32 family)
{
	return family == NFPROTO_IPV6 ? sizeof(struct in6_addr) :
					sizeof(__be32);
}

int rnat_netlink_put_prefix(struct sk_buff *skb,
			    const struct rnat_prefix *prefix)
{
	union nf_inet_addr addr;
	struct nlattr *nest;

	rnat_inside_get_address(prefix, &addr);
	nest = nla_nest_start(skb, ROAMNAT_A_INSIDE_ENTRY);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, ROAMNAT_A_PREFIX_IFINDEX, prefix->ifindex) ||
	    nla_put(skb, ROAMNAT_A_PREFIX_ADDR, addr_size(prefix->family),
		    &addr) ||
	    nla_put_u32(skb, ROAMNAT_A_PREFIX_LEN, prefix->len) ||
	    nla_put_u32(skb, ROAMNAT_A_PREFIX_KIND, prefix->kind) ||
	    nla_put_u32(skb, ROAMNAT_A_PREFIX_ZONE, prefix->zone) ||
	    nla_put_u64_64bit(skb, ROAMNAT_A_PREFIX_IDLE_MS, prefix->idle_ms,
			      ROAMNAT_A_PREFIX_PAD) ||
	    nla_put_u32(skb, ROAMNAT_A_PREFIX_MARK, prefix->mark) ||
	    nla_put_u32(skb, ROAMNAT_A_PREFIX_MARK_MASK, prefix->mark_mask)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

int rnat_netlink_put_exclude(struct sk_buff *skb,
			     const struct rnat_exclude *exclude)
{
	union nf_inet_addr addr;
	struct nlattr *nest;

	rnat_wide_get(&exclude->first, exclude->family, &addr);
	nest = nla_nest_start(skb, ROAMNAT_A_INSIDE_EXCLUDE);
	if (!nest)
		return -EMSGSIZE;
	if ((exclude->ifindex &&
	     nla_put_u32(skb, ROAMNAT_A_PREFIX_IFINDEX, exclude->ifindex)) ||
	    nla_put(skb, ROAMNAT_A_PREFIX_ADDR, addr_size(exclude->family),
		    &addr) ||
	    nla_put_u32(skb, ROAMNAT_A_PREFIX_LEN, exclude->len) ||
	    (exclude->has_zone &&
	     nla_put_u32(skb, ROAMNAT_A_PREFIX_ZONE, exclude->zone))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_counters(struct sk_buff *skb, const struct rnat_net *rn)
{
	struct nlattr *nest;
	int i;

	nest = nla_nest_start(skb, ROAMNAT_A_STATS_COUNTERS);
	if (!nest)
		return -EMSGSIZE;
	for (i = 1; i <= ROAMNAT_A_COUNTER_MAX; i++)
		if (i != ROAMNAT_A_COUNTER_PAD &&
		    nla_put_u64_64bit(skb, i, rnat_stats_sum(rn, i),
				      ROAMNAT_A_COUNTER_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int rnat_netlink_put_stats(struct sk_buff *skb, struct rnat_net *rn)
{
	static const struct {
		int attr;
		enum rnat_stat stat;
	} sums[] = {
		{ ROAMNAT_A_STATS_UPCALLS, RNAT_STAT_UPCALLS },
		{ ROAMNAT_A_STATS_UPCALLS_MERGED, RNAT_STAT_UPCALLS_MERGED },
		{ ROAMNAT_A_STATS_UPCALLS_LOST, RNAT_STAT_UPCALLS_LOST },
		{ ROAMNAT_A_STATS_IDLE_EVENTS, RNAT_STAT_IDLE_EVENTS },
		{ ROAMNAT_A_STATS_ICMP_SENT, RNAT_STAT_ICMP_SENT },
		{ ROAMNAT_A_STATS_ICMP_SUPPRESSED, RNAT_STAT_ICMP_SUPPRESSED },
		{ ROAMNAT_A_STATS_STALE_REFUSED, RNAT_STAT_STALE_REFUSED },
		{ ROAMNAT_A_STATS_FAST, RNAT_STAT_FAST },
	};
	unsigned int i;

	if (put_counters(skb, rn) ||
	    nla_put_u32(skb, ROAMNAT_A_STATS_MAPPINGS,
			atomic_read(&rn->table.count)) ||
	    nla_put_u32(skb, ROAMNAT_A_STATS_FLOORS,
			READ_ONCE(rn->floor_count)) ||
	    nla_put_u32(skb, ROAMNAT_A_STATS_MISSES,
			READ_ONCE(rn->upcall.miss_count)) ||
	    nla_put_u32(skb, ROAMNAT_A_STATS_HELD_PACKETS,
			READ_ONCE(rn->upcall.held_packets)) ||
	    nla_put_u32(skb, ROAMNAT_A_STATS_HELD_BYTES,
			READ_ONCE(rn->upcall.held_bytes)) ||
	    nla_put_u32(skb, ROAMNAT_A_STATS_BINDINGS,
			atomic_read(&rn->bindings.count)) ||
	    nla_put_u32(skb, ROAMNAT_A_STATS_FORWARDS,
			READ_ONCE(rn->forward_count)))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(sums); i++)
		if (nla_put_u64_64bit(skb, sums[i].attr,
				      rnat_stats_sum(rn, sums[i].stat),
				      ROAMNAT_A_STATS_PAD))
			return -EMSGSIZE;
	return 0;
}
