/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Attributes to structs. A refusal leaves a sentence in the extack.
 */
#ifndef _RNAT_NETLINK_PARSE_H
#define _RNAT_NETLINK_PARSE_H

#include <linux/types.h>

struct genl_info;
struct netlink_ext_ack;
struct nlattr;
struct rnat_exclude;
struct rnat_grant;
struct rnat_key;
struct rnat_prefix;
struct sk_buff;
union nf_inet_addr;

#define RNAT_HOLD_OFF_MAX_MS	(24ULL * 3600 * 1000)

/* An address of exactly its length: NFPROTO_IPV4, NFPROTO_IPV6, or -EINVAL. */
int rnat_netlink_parse_addr(const struct nlattr *attr, union nf_inet_addr *addr,
			    struct netlink_ext_ack *extack);
int rnat_netlink_parse_priv(struct genl_info *info, struct rnat_key *key);
int rnat_netlink_parse_pub(struct genl_info *info, struct rnat_key *key);
int rnat_netlink_parse_grant(struct genl_info *info, struct rnat_grant *grant);
/* Checks the bindings that come with a block, for grant->next_binding. */
int rnat_netlink_parse_bindings(struct genl_info *info,
				struct rnat_grant *grant);
int rnat_netlink_parse_prefix(const struct nlattr *nest,
			      struct rnat_prefix *prefix,
			      struct netlink_ext_ack *extack);
int rnat_netlink_parse_exclude(const struct nlattr *nest,
			       struct rnat_exclude *exclude,
			       struct netlink_ext_ack *extack);

/* An empty reply to the request, NULL without memory. */
struct sk_buff *rnat_netlink_reply(struct genl_info *info, void **hdr);

#endif
