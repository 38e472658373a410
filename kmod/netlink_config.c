// SPDX-License-Identifier: GPL-2.0
/*
 * Bounds, inside prefixes, statistics.
 */
#include <net/genetlink.h>

#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "netlink_parse.h"

static const struct {
	int attr;
	size_t offset;
} bounds[] = {
#define BOUND(name, member) \
	{ ROAMNAT_A_CONFIG_##name, offsetof(struct rnat_config, member) }
	BOUND(MAX_MAPPINGS, max_mappings),
	BOUND(MAX_FLOORS, max_floors),
	BOUND(MAX_MISSES, max_misses),
	BOUND(HOLD_PACKETS, hold_packets),
	BOUND(HOLD_PACKETS_TOTAL, hold_packets_total),
	BOUND(HOLD_BYTES_TOTAL, hold_bytes_total),
	BOUND(HOLD_MS, hold_ms),
	BOUND(UPCALL_RATE, upcall_rate),
	BOUND(UPCALL_BURST, upcall_burst),
	BOUND(SOURCE_RATE, source_rate),
	BOUND(SOURCE_BURST, source_burst),
	BOUND(ICMP_RATE, icmp_rate),
	BOUND(MAX_BINDINGS, max_bindings),
	BOUND(UDP_MS, udp_ms),
	BOUND(TCP_ESTABLISHED_MS, tcp_established_ms),
	BOUND(TCP_OPENING_MS, tcp_opening_ms),
	BOUND(TCP_CLOSING_MS, tcp_closing_ms),
	BOUND(ICMP_MS, icmp_ms),
	BOUND(PORT_HOLD_OFF_MS, port_hold_off_ms),
	BOUND(FILTERING, filtering),
	BOUND(INBOUND_REFRESH, inbound_refresh),
	BOUND(PORT_PARITY, port_parity),
	BOUND(BLOCK_THRESHOLD, block_threshold),
	BOUND(HOLD_PACKETS_MOVING, hold_packets_moving),
	BOUND(MAX_FORWARDS, max_forwards),
	BOUND(FORWARD_MS, forward_ms),
#undef BOUND
};

static u32 *bound(struct rnat_net *rn, unsigned int i)
{
	return (void *)&rn->config + bounds[i].offset;
}

static struct rnat_net *net_of(struct genl_info *info)
{
	return rnat_net_get(genl_info_net(info));
}

static int reply(struct sk_buff *skb, struct genl_info *info, void *hdr,
		 int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

int roamnat_nl_config_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	unsigned int i;

	mutex_lock(&rn->lock);
	for (i = 0; i < ARRAY_SIZE(bounds); i++)
		if (info->attrs[bounds[i].attr])
			WRITE_ONCE(*bound(rn, i),
				   nla_get_u32(info->attrs[bounds[i].attr]));
	mutex_unlock(&rn->lock);
	return 0;
}

int roamnat_nl_config_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct sk_buff *msg;
	unsigned int i;
	int err = 0;
	void *hdr;

	msg = rnat_netlink_reply(info, &hdr);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&rn->lock);
	for (i = 0; !err && i < ARRAY_SIZE(bounds); i++)
		err = nla_put_u32(msg, bounds[i].attr, *bound(rn, i));
	mutex_unlock(&rn->lock);
	return reply(msg, info, hdr, err);
}

static unsigned int count_of(const struct genl_info *info, int type)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		n += nla_type(attr) == type;
	return n;
}

static int parse_inside(struct genl_info *info, unsigned int count,
			unsigned int n_exclude, struct rnat_inside **parsed)
{
	struct rnat_inside *inside;
	const struct nlattr *attr;
	unsigned int n = 0, x = 0;
	int err, rem;

	inside = rnat_inside_new(count, n_exclude);
	if (!inside)
		return -ENOMEM;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		err = 0;
		if (nla_type(attr) == ROAMNAT_A_INSIDE_ENTRY)
			err = rnat_netlink_parse_prefix(attr,
							&inside->prefix[n++],
							info->extack);
		else if (nla_type(attr) == ROAMNAT_A_INSIDE_EXCLUDE)
			err = rnat_netlink_parse_exclude(attr,
							 &inside->exclude[x++],
							 info->extack);
		if (err)
			goto err;
	}
	err = rnat_inside_seal(inside, info->extack);
	if (err)
		goto err;
	*parsed = inside;
	return 0;

err:
	rnat_inside_free_rcu(inside);
	return err;
}

int roamnat_nl_inside_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct rnat_inside *inside = NULL;
	unsigned int count = count_of(info, ROAMNAT_A_INSIDE_ENTRY);
	unsigned int n_exclude = count_of(info, ROAMNAT_A_INSIDE_EXCLUDE);
	int err;

	if (count > ROAMNAT_INSIDE_MAX) {
		GENL_SET_ERR_MSG(info, "More than 4096 prefixes; join neighbours into shorter ones");
		return -ENOSPC;
	}
	if (n_exclude > ROAMNAT_INSIDE_MAX) {
		GENL_SET_ERR_MSG(info, "More than 4096 exclusions; join neighbours into shorter ones");
		return -ENOSPC;
	}
	if (count || n_exclude) {
		err = parse_inside(info, count, n_exclude, &inside);
		if (err)
			return err;
	}
	/* Where nothing is translated, nothing is an exception. */
	if (!count) {
		rnat_inside_free_rcu(inside);
		inside = NULL;
	}
	mutex_lock(&rn->lock);
	err = rnat_net_configure(rn, inside);
	mutex_unlock(&rn->lock);
	if (err)
		GENL_SET_ERR_MSG(info, "The hooks could not be registered; free memory and try again");
	return err;
}

int roamnat_nl_inside_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct rnat_inside *inside;
	const struct rnat_prefix *prefix = NULL;
	struct sk_buff *msg;
	union nf_inet_addr addr;
	int family, err;
	u32 ifindex;
	void *hdr;

	if (GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_INSIDE_IFINDEX)) {
		GENL_SET_ERR_MSG(info, "No ifindex; name the inside interface, or ask for a dump");
		return -EINVAL;
	}
	family = rnat_netlink_parse_addr(info->attrs[ROAMNAT_A_INSIDE_ADDR],
					 &addr, info->extack);
	if (family < 0)
		return family;
	msg = rnat_netlink_reply(info, &hdr);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&rn->lock);
	inside = rcu_dereference_protected(rn->inside,
					   lockdep_is_held(&rn->lock));
	ifindex = nla_get_u32(info->attrs[ROAMNAT_A_INSIDE_IFINDEX]);
	if (inside)
		prefix = family == NFPROTO_IPV6 ?
			 rnat_inside_lookup6(inside, ifindex, &addr.in6) :
			 rnat_inside_lookup(inside, ifindex, addr.ip);
	err = prefix ? rnat_netlink_put_prefix(msg, prefix) : -ENOENT;
	mutex_unlock(&rn->lock);
	if (err == -ENOENT)
		GENL_SET_ERR_MSG(info, "The address is in no prefix of this interface; see the dump for all");
	return reply(msg, info, hdr, err);
}

int roamnat_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct sk_buff *msg;
	void *hdr;

	msg = rnat_netlink_reply(info, &hdr);
	if (!msg)
		return -ENOMEM;
	return reply(msg, info, hdr, rnat_netlink_put_stats(msg, rn));
}
