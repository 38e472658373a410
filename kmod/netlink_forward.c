// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to other gateways, and which mappings' late packets take them.
 */
#include <net/genetlink.h>

#include "control.h"
#include "forward.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "netlink_parse.h"

/* All attributes of one way, with what nlattrs add. */
#define WAY_SIZE	96

static struct rnat_net *net_of(struct genl_info *info)
{
	return rnat_net_get(genl_info_net(info));
}

static int parse_hop(const struct nlattr *attr, int family,
		     union nf_inet_addr *addr, struct netlink_ext_ack *extack)
{
	int got = rnat_netlink_parse_addr(attr, addr, extack);

	if (got < 0)
		return got;
	if (got == family)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, attr, "A next hop is of the other family; next-hop is of IPv4, next-hop6 of IPv6");
	return -EINVAL;
}

static int parse_way(const struct nlattr *nest, struct rnat_way *way,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[ROAMNAT_A_WAY_PAD + 1];
	union nf_inet_addr hop;
	int err;

	err = nla_parse_nested(attrs, ROAMNAT_A_WAY_PAD, nest,
			       roamnat_way_nl_policy, extack);
	if (err)
		return err;
	if (!attrs[ROAMNAT_A_WAY_NUMBER] || !attrs[ROAMNAT_A_WAY_IFINDEX]) {
		NL_SET_ERR_MSG(extack, "A way is incomplete; give number and ifindex");
		return -EINVAL;
	}
	memset(way, 0, sizeof(*way));
	way->number = nla_get_u32(attrs[ROAMNAT_A_WAY_NUMBER]);
	way->ifindex = nla_get_u32(attrs[ROAMNAT_A_WAY_IFINDEX]);
	way->has_zone = attrs[ROAMNAT_A_WAY_ZONE];
	if (way->has_zone)
		way->zone = nla_get_u32(attrs[ROAMNAT_A_WAY_ZONE]);
	if (attrs[ROAMNAT_A_WAY_NEXT_HOP]) {
		err = parse_hop(attrs[ROAMNAT_A_WAY_NEXT_HOP], NFPROTO_IPV4,
				&hop, extack);
		if (err)
			return err;
		way->has_hop = true;
		way->hop = hop.ip;
	}
	if (attrs[ROAMNAT_A_WAY_NEXT_HOP6]) {
		err = parse_hop(attrs[ROAMNAT_A_WAY_NEXT_HOP6], NFPROTO_IPV6,
				&hop, extack);
		if (err)
			return err;
		way->has_hop6 = true;
		way->hop6 = hop.in6;
	}
	return 0;
}

static int parse_ways(struct genl_info *info, u32 count,
		      struct rnat_ways **parsed)
{
	struct rnat_ways *ways = rnat_forward_new(count);
	const struct nlattr *attr;
	u32 n = 0;
	int err, rem;

	if (!ways)
		return -ENOMEM;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != ROAMNAT_A_FORWARD_ENTRY)
			continue;
		err = parse_way(attr, &ways->way[n++], info->extack);
		if (err)
			goto err_free;
	}
	err = rnat_forward_seal(ways, info->extack);
	if (err)
		goto err_free;
	*parsed = ways;
	return 0;

err_free:
	kvfree(ways);
	return err;
}

int roamnat_nl_forward_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct rnat_ways *ways = NULL;
	const struct nlattr *attr;
	u32 count = 0;
	int err, rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		count += nla_type(attr) == ROAMNAT_A_FORWARD_ENTRY;
	if (count > ROAMNAT_FORWARD_MAX) {
		GENL_SET_ERR_MSG(info, "More than 1024 ways; let gateways share a device, each with its next hop");
		return -ENOSPC;
	}
	if (count) {
		err = parse_ways(info, count, &ways);
		if (err)
			return err;
	}
	mutex_lock(&rn->lock);
	rnat_forward_set(rn, ways);
	mutex_unlock(&rn->lock);
	return 0;
}

static int put_way(struct sk_buff *skb, const struct rnat_way *way)
{
	struct nlattr *nest = nla_nest_start(skb, ROAMNAT_A_FORWARD_ENTRY);

	if (!nest ||
	    nla_put_u32(skb, ROAMNAT_A_WAY_NUMBER, way->number) ||
	    nla_put_u32(skb, ROAMNAT_A_WAY_IFINDEX, way->ifindex) ||
	    (way->has_hop &&
	     nla_put_in_addr(skb, ROAMNAT_A_WAY_NEXT_HOP, way->hop)) ||
	    (way->has_hop6 &&
	     nla_put_in6_addr(skb, ROAMNAT_A_WAY_NEXT_HOP6, &way->hop6)) ||
	    (way->has_zone &&
	     nla_put_u32(skb, ROAMNAT_A_WAY_ZONE, way->zone)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int roamnat_nl_forward_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct rnat_ways *ways;
	struct sk_buff *msg;
	int err = 0;
	void *hdr;
	u32 i;

	msg = genlmsg_new(ROAMNAT_FORWARD_MAX * WAY_SIZE, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	hdr = genlmsg_put_reply(msg, info, &rnat_netlink_family, 0,
				info->genlhdr->cmd);
	if (!hdr) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	mutex_lock(&rn->lock);
	ways = rcu_dereference_protected(rn->ways, lockdep_is_held(&rn->lock));
	for (i = 0; ways && i < ways->count && !err; i++)
		err = put_way(msg, &ways->way[i]);
	mutex_unlock(&rn->lock);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

int roamnat_nl_mapping_forward_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	struct rnat_net *rn = net_of(info);
	u32 state;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_MAPPING_ID) ||
	    GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_MAPPING_EPOCH) ||
	    GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_MAPPING_FORWARD)) {
		GENL_SET_ERR_MSG(info, "No id, no epoch or no way; name the mapping by both, and where its packets go by forward");
		return -EINVAL;
	}
	state = attrs[ROAMNAT_A_MAPPING_STATE] ?
		nla_get_u32(attrs[ROAMNAT_A_MAPPING_STATE]) : 0;
	if (state != ROAMNAT_STATE_MOVING_OUT && state != ROAMNAT_STATE_MOVED) {
		GENL_SET_ERR_MSG(info, "The state is missing or wrong; say moving-out while it is not confirmed, or moved");
		return -EINVAL;
	}
	mutex_lock(&rn->lock);
	err = rnat_control_forward(rn, nla_get_u64(attrs[ROAMNAT_A_MAPPING_ID]),
				   nla_get_u64(attrs[ROAMNAT_A_MAPPING_EPOCH]),
				   state,
				   nla_get_u32(attrs[ROAMNAT_A_MAPPING_FORWARD]),
				   info->extack);
	mutex_unlock(&rn->lock);
	return err;
}
