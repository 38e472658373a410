// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions, mappings, floors and misses: parse, refuse with a sentence, call
 * control.c under the mutex. Configuration is in netlink_config.c.
 */
#include "netlink.h"

#include <linux/netlink.h>
#include <net/genetlink.h>

#include "control.h"
#include "floor.h"
#include "map.h"
#include "net.h"
#include "netlink_gen.h"
#include "netlink_parse.h"

/* The generated group, which only the administrator of the namespace may
 * listen to.
 */
static const struct genl_multicast_group groups[] = {
	[ROAMNAT_NLGRP_MAPPING] = {
		.name = ROAMNAT_MCGRP_MAPPING,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family rnat_netlink_family __ro_after_init = {
	.name = ROAMNAT_FAMILY_NAME,
	.version = ROAMNAT_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = roamnat_nl_ops,
	.n_ops = ARRAY_SIZE(roamnat_nl_ops),
	.resv_start_op = ROAMNAT_CMD_AGENT_REGISTER,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

static struct rnat_net *net_of(const struct genl_info *info)
{
	return rnat_net_get(genl_info_net((struct genl_info *)info));
}

struct sk_buff *rnat_netlink_reply(struct genl_info *info, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put_reply(skb, info, &rnat_netlink_family, 0,
				 info->genlhdr->cmd);
	if (*hdr)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

static int put_session(struct sk_buff *skb, const struct rnat_net *rn,
		       bool with_agent)
{
	u32 portid = READ_ONCE(rn->agent_portid);

	if (nla_put_u64_64bit(skb, ROAMNAT_A_SESSION_INCARNATION,
			      rn->incarnation, ROAMNAT_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, ROAMNAT_A_SESSION_LEASE_END_NS,
			      rn->lease_end, ROAMNAT_A_SESSION_PAD) ||
	    (with_agent &&
	     nla_put_u32(skb, ROAMNAT_A_SESSION_AGENT_PORTID, portid)) ||
	    nla_put_string(skb, ROAMNAT_A_SESSION_VERSION, RNAT_VERSION))
		return -EMSGSIZE;
	return 0;
}

static int reply_session(struct genl_info *info, bool with_agent)
{
	struct rnat_net *rn = net_of(info);
	struct sk_buff *skb;
	void *hdr;
	int err;

	skb = rnat_netlink_reply(info, &hdr);
	if (!skb)
		return -ENOMEM;
	mutex_lock(&rn->lock);
	err = put_session(skb, rn, with_agent);
	mutex_unlock(&rn->lock);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

int roamnat_nl_agent_register_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	u32 old;

	old = cmpxchg(&rn->agent_portid, 0, info->snd_portid);
	if (old && old != info->snd_portid) {
		GENL_SET_ERR_MSG(info, "Another agent is registered in this namespace; stop it first");
		return -EBUSY;
	}
	rnat_upcall_repeat(rn);
	return reply_session(info, false);
}

int roamnat_nl_session_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	u64 incarnation, lease_end = 0;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_SESSION_INCARNATION)) {
		GENL_SET_ERR_MSG(info, "No incarnation; name the one of the registration, or 0 to suspend");
		return -EINVAL;
	}
	incarnation = nla_get_u64(info->attrs[ROAMNAT_A_SESSION_INCARNATION]);
	if (info->attrs[ROAMNAT_A_SESSION_LEASE_END_NS]) {
		lease_end = nla_get_u64(info->attrs[ROAMNAT_A_SESSION_LEASE_END_NS]);
	} else if (incarnation) {
		GENL_SET_ERR_MSG(info, "No lease-end-ns; name it, or 0 for a lease that does not end");
		return -EINVAL;
	}
	mutex_lock(&rn->lock);
	err = rnat_control_session(rn, incarnation, lease_end, info->extack);
	mutex_unlock(&rn->lock);
	return err;
}

int roamnat_nl_session_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return reply_session(info, true);
}

int roamnat_nl_mapping_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct rnat_grant grant;
	int err;

	err = rnat_netlink_parse_grant(info, &grant);
	if (err)
		return err;
	mutex_lock(&rn->lock);
	err = rnat_control_new(rn, &grant, info->extack);
	mutex_unlock(&rn->lock);
	return err;
}

static int require_version(struct genl_info *info)
{
	if (!GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_MAPPING_ID) &&
	    !GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_MAPPING_EPOCH))
		return 0;
	GENL_SET_ERR_MSG(info, "No id or no epoch; name the mapping by both");
	return -EINVAL;
}

int roamnat_nl_mapping_freeze_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct sk_buff *reply;
	struct rnat_map *map;
	void *hdr;
	u32 state;
	int err;

	err = require_version(info);
	if (err)
		return err;
	state = info->attrs[ROAMNAT_A_MAPPING_STATE] ?
		nla_get_u32(info->attrs[ROAMNAT_A_MAPPING_STATE]) : 0;
	if (state != ROAMNAT_STATE_MOVING_OUT &&
	    state != ROAMNAT_STATE_RELEASING) {
		GENL_SET_ERR_MSG(info, "The state to freeze in is missing or wrong; say moving-out or releasing");
		return -EINVAL;
	}
	/* Before the freeze: a promise that is made must be heard. */
	reply = rnat_netlink_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&rn->lock);
	err = rnat_control_freeze(rn, nla_get_u64(info->attrs[ROAMNAT_A_MAPPING_ID]),
				  nla_get_u64(info->attrs[ROAMNAT_A_MAPPING_EPOCH]),
				  state, info->attrs[ROAMNAT_A_MAPPING_FORWARD],
				  &map, info->extack);
	if (!err)
		err = rnat_netlink_put_map(reply, rn, map);
	mutex_unlock(&rn->lock);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

int roamnat_nl_mapping_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	int err;

	err = require_version(info);
	if (err)
		return err;
	mutex_lock(&rn->lock);
	err = rnat_control_del(rn, nla_get_u64(info->attrs[ROAMNAT_A_MAPPING_ID]),
			       nla_get_u64(info->attrs[ROAMNAT_A_MAPPING_EPOCH]),
			       info->extack);
	mutex_unlock(&rn->lock);
	return err;
}

int roamnat_nl_mapping_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[ROAMNAT_A_MAPPING_INCARNATION];
	struct rnat_net *rn = net_of(info);
	int err = 0;

	mutex_lock(&rn->lock);
	if (attr && nla_get_u64(attr) != rn->incarnation) {
		rnat_stats_inc(rn, RNAT_STAT_STALE_REFUSED);
		GENL_SET_ERR_MSG(info, "The incarnation is not the session's; read it with session-get");
		err = -ESTALE;
	} else {
		rnat_control_flush(rn);
	}
	mutex_unlock(&rn->lock);
	return err;
}

/* The mapping that the request names in one of three ways. Under the mutex. */
static struct rnat_map *find_map(struct rnat_net *rn, struct genl_info *info,
				 const struct rnat_key *key)
{
	struct nlattr *id = info->attrs[ROAMNAT_A_MAPPING_ID];
	struct rnat_map *map;

	if (id)
		return rnat_table_lookup_id(&rn->table, nla_get_u64(id));
	rcu_read_lock();
	if (info->attrs[ROAMNAT_A_MAPPING_PRIVATE_ADDR])
		map = rnat_table_lookup_priv(&rn->table, key);
	else
		map = rnat_table_lookup_pub(&rn->table, key);
	rcu_read_unlock();
	return map;
}

int roamnat_nl_mapping_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct rnat_key key = { };
	struct sk_buff *reply;
	struct rnat_map *map;
	void *hdr;
	int err = 0;

	if (info->attrs[ROAMNAT_A_MAPPING_ID])
		;
	else if (info->attrs[ROAMNAT_A_MAPPING_PRIVATE_ADDR])
		err = rnat_netlink_parse_priv(info, &key);
	else if (info->attrs[ROAMNAT_A_MAPPING_PUBLIC_ADDR])
		err = rnat_netlink_parse_pub(info, &key);
	else
		err = -EINVAL;
	if (err) {
		if (err == -EINVAL && !key.family)
			GENL_SET_ERR_MSG(info, "Name the mapping by its id, its private side or its public side");
		return err;
	}
	reply = rnat_netlink_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&rn->lock);
	map = find_map(rn, info, &key);
	err = map ? rnat_netlink_put_map(reply, rn, map) : -ENOENT;
	mutex_unlock(&rn->lock);
	if (err) {
		if (err == -ENOENT)
			GENL_SET_ERR_MSG(info, "No such mapping here; list them with a dump");
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

int roamnat_nl_floor_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	int err;

	if (GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_FLOOR_ID) ||
	    GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_FLOOR_EPOCH)) {
		GENL_SET_ERR_MSG(info, "No id or no epoch; a floor needs both");
		return -EINVAL;
	}
	mutex_lock(&rn->lock);
	err = rnat_control_floor(rn, nla_get_u64(info->attrs[ROAMNAT_A_FLOOR_ID]),
				 nla_get_u64(info->attrs[ROAMNAT_A_FLOOR_EPOCH]),
				 info->extack);
	mutex_unlock(&rn->lock);
	return err;
}

int roamnat_nl_floor_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = net_of(info);
	struct sk_buff *reply;
	u64 id, epoch;
	void *hdr;

	if (GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_FLOOR_ID)) {
		GENL_SET_ERR_MSG(info, "No id; name the one whose floor is wanted");
		return -EINVAL;
	}
	id = nla_get_u64(info->attrs[ROAMNAT_A_FLOOR_ID]);
	reply = rnat_netlink_reply(info, &hdr);
	if (!reply)
		return -ENOMEM;
	mutex_lock(&rn->lock);
	epoch = rnat_floor_get(rn, id);
	mutex_unlock(&rn->lock);
	if (nla_put_u64_64bit(reply, ROAMNAT_A_FLOOR_ID, id,
			      ROAMNAT_A_FLOOR_PAD) ||
	    nla_put_u64_64bit(reply, ROAMNAT_A_FLOOR_EPOCH, epoch,
			      ROAMNAT_A_FLOOR_PAD)) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

int roamnat_nl_miss_refuse_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[ROAMNAT_A_MAPPING_HOLD_OFF_MS];
	struct rnat_net *rn = net_of(info);
	u64 hold_off = attr ? nla_get_u64(attr) : 0;
	struct rnat_key key;
	int err;

	err = rnat_netlink_parse_priv(info, &key);
	if (err)
		return err;
	if (hold_off > RNAT_HOLD_OFF_MAX_MS) {
		GENL_SET_ERR_MSG(info, "hold-off-ms is longer than a day; refuse again instead");
		return -ERANGE;
	}
	mutex_lock(&rn->lock);
	err = rnat_upcall_refuse(rn, &key, hold_off);
	mutex_unlock(&rn->lock);
	if (err)
		GENL_SET_ERR_MSG(info, "Nobody waits for this private side; the miss has ended already");
	return err;
}

/* An agent that dies leaves mappings as they are: traffic must not notice. */
static int netlink_event(struct notifier_block *nb, unsigned long event,
			 void *ptr)
{
	struct netlink_notify *notify = ptr;
	struct rnat_net *rn;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC ||
	    !notify->portid)
		return NOTIFY_DONE;
	rn = rnat_net_get(notify->net);
	cmpxchg(&rn->agent_portid, notify->portid, 0);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = {
	.notifier_call = netlink_event,
};

int rnat_netlink_init(void)
{
	int err;

	err = netlink_register_notifier(&netlink_notifier);
	if (err)
		return err;
	err = genl_register_family(&rnat_netlink_family);
	if (err)
		netlink_unregister_notifier(&netlink_notifier);
	return err;
}

void rnat_netlink_uninit(void)
{
	genl_unregister_family(&rnat_netlink_family);
	netlink_unregister_notifier(&netlink_notifier);
}
