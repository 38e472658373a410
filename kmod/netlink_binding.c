// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings of blocks. Not yet: every command says so.
 */
#include <net/genetlink.h>

#include "netlink.h"
#include "netlink_gen.h"

int roamnat_nl_binding_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	GENL_SET_ERR_MSG(info, "Blocks of ports are not translated by this version");
	return -EOPNOTSUPP;
}

int roamnat_nl_binding_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	NL_SET_ERR_MSG(cb->extack, "Blocks of ports are not translated by this version");
	return -EOPNOTSUPP;
}
