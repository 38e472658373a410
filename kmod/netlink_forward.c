// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to other gateways, and which mappings' late packets take them.
 */
#include <net/genetlink.h>

#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"

int roamnat_nl_forward_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return -EOPNOTSUPP;
}

int roamnat_nl_forward_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return -EOPNOTSUPP;
}

int roamnat_nl_mapping_forward_doit(struct sk_buff *skb, struct genl_info *info)
{
	return -EOPNOTSUPP;
}
