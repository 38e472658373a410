// SPDX-License-Identifier: GPL-2.0
/*
 * Which interfaces have the fast path.
 */
#include <linux/rtnetlink.h>
#include <net/genetlink.h>

#include "fast.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"

static struct rnat_net *net_of(struct genl_info *info)
{
	return rnat_net_get(genl_info_net(info));
}

int roamnat_nl_fast_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	const struct nlattr *attr;
	u32 count = 0, *ifindex;
	int err, rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		count += nla_type(attr) == ROAMNAT_A_FAST_IFINDEX;
	if (count > ROAMNAT_FAST_MAX) {
		GENL_SET_ERR_MSG(info, "More than 1024 interfaces; leave those with little traffic out");
		return -ENOSPC;
	}
	ifindex = kcalloc(count, sizeof(*ifindex), GFP_KERNEL);
	if (!ifindex)
		return -ENOMEM;
	count = 0;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		if (nla_type(attr) == ROAMNAT_A_FAST_IFINDEX)
			ifindex[count++] = nla_get_u32(attr);
	rtnl_lock();
	mutex_lock(&rn->lock);
	err = rnat_fast_set(rn, ifindex, count, info->extack);
	mutex_unlock(&rn->lock);
	rtnl_unlock();
	kfree(ifindex);
	return err;
}

int roamnat_nl_fast_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	u32 i, count, *ifindex;
	struct sk_buff *msg;
	int err = -ENOMEM;
	void *hdr;

	ifindex = kcalloc(ROAMNAT_FAST_MAX, sizeof(*ifindex), GFP_KERNEL);
	if (!ifindex)
		return -ENOMEM;
	mutex_lock(&rn->lock);
	count = rnat_fast_list(rn, ifindex, ROAMNAT_FAST_MAX);
	mutex_unlock(&rn->lock);
	msg = genlmsg_new(count * nla_total_size(sizeof(u32)), GFP_KERNEL);
	if (!msg)
		goto out;
	hdr = genlmsg_put_reply(msg, info, &rnat_netlink_family, 0,
				info->genlhdr->cmd);
	err = hdr ? 0 : -EMSGSIZE;
	for (i = 0; !err && i < count; i++)
		err = nla_put_u32(msg, ROAMNAT_A_FAST_IFINDEX, ifindex[i]);
	if (err) {
		nlmsg_free(msg);
		goto out;
	}
	genlmsg_end(msg, hdr);
	err = genlmsg_reply(msg, info);
out:
	kfree(ifindex);
	return err;
}
