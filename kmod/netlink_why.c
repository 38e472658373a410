// SPDX-License-Identifier: GPL-2.0
/*
 * What would happen to a packet. Not yet: the command says so.
 */
#include <net/genetlink.h>

#include "netlink.h"
#include "netlink_gen.h"

int roamnat_nl_why_doit(struct sk_buff *skb, struct genl_info *info)
{
	GENL_SET_ERR_MSG(info, "This version does not say what would happen to a packet; see the counters");
	return -EOPNOTSUPP;
}
