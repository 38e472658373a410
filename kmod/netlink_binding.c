// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings of blocks: those that come with a grant, and those that are here.
 */
#include <linux/in.h>
#include <linux/math64.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "block.h"
#include "control.h"
#include "map.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "netlink_parse.h"

/* Longest time of a binding, as of the config. */
#define TIME_MAX_MS	604800000ULL

/* How many are looked at before others may run, and in one message. */
#define STEPS		64
#define IN_MESSAGE	32

static bool is_state_of(u8 proto, u32 state)
{
	switch ((enum roamnat_binding_state)state) {
	case ROAMNAT_BINDING_STATE_RESTING:
		return true;
	case ROAMNAT_BINDING_STATE_OPEN:
		return proto != IPPROTO_TCP;
	case ROAMNAT_BINDING_STATE_OPENING:
	case ROAMNAT_BINDING_STATE_ESTABLISHED:
	case ROAMNAT_BINDING_STATE_CLOSING:
		return proto == IPPROTO_TCP;
	}
	return false;
}

/* All but the addresses of remotes. */
static int parse_binding(struct nlattr **attrs, const struct rnat_grant *grant,
			 struct rnat_binding_info *info,
			 struct netlink_ext_ack *extack)
{
	u32 first = ntohs(grant->pub.port), port;

	memset(info, 0, sizeof(*info));
	if (!attrs[ROAMNAT_A_BINDING_PROTOCOL] ||
	    !attrs[ROAMNAT_A_BINDING_PRIVATE_PORT] ||
	    !attrs[ROAMNAT_A_BINDING_PUBLIC_PORT] ||
	    !attrs[ROAMNAT_A_BINDING_STATE] ||
	    !attrs[ROAMNAT_A_BINDING_REMAINING_MS]) {
		NL_SET_ERR_MSG(extack, "A binding is incomplete; give protocol, private-port, public-port, state and remaining-ms");
		return -EINVAL;
	}
	info->proto = nla_get_u32(attrs[ROAMNAT_A_BINDING_PROTOCOL]);
	info->priv_port = nla_get_be16(attrs[ROAMNAT_A_BINDING_PRIVATE_PORT]);
	info->pub_port = nla_get_be16(attrs[ROAMNAT_A_BINDING_PUBLIC_PORT]);
	info->state = nla_get_u32(attrs[ROAMNAT_A_BINDING_STATE]);
	info->remaining_ms = nla_get_u64(attrs[ROAMNAT_A_BINDING_REMAINING_MS]);
	info->many_remotes = attrs[ROAMNAT_A_BINDING_MANY_REMOTES];
	if (attrs[ROAMNAT_A_BINDING_REMOTE_HASH])
		info->remote_hash = nla_get_u32(attrs[ROAMNAT_A_BINDING_REMOTE_HASH]);

	if (info->proto != IPPROTO_TCP && info->proto != IPPROTO_UDP &&
	    info->proto != IPPROTO_ICMP) {
		NL_SET_ERR_MSG(extack, "A binding is of TCP, UDP or ICMP echo");
		return -EOPNOTSUPP;
	}
	if (!is_state_of(info->proto, info->state)) {
		NL_SET_ERR_MSG(extack, "A binding's state is none of its protocol");
		return -EINVAL;
	}
	port = ntohs(info->pub_port);
	if (!port || port < first || port >= first + grant->ports) {
		NL_SET_ERR_MSG(extack, "A binding's public port is not in the block");
		return -ERANGE;
	}
	if (info->remaining_ms > TIME_MAX_MS) {
		NL_SET_ERR_MSG(extack, "A binding's remaining-ms is longer than a week");
		return -ERANGE;
	}
	return 0;
}

static int parse_remotes(const struct nlattr *nest,
			 struct rnat_binding_info *info,
			 struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	int rem;

	nla_for_each_nested(attr, nest, rem) {
		if (nla_type(attr) != ROAMNAT_A_BINDING_REMOTE_ADDR)
			continue;
		if (info->remotes == ARRAY_SIZE(info->remote)) {
			NL_SET_ERR_MSG(extack, "A binding has more than 64 remote addresses");
			return -E2BIG;
		}
		if (nla_len(attr) != sizeof(__be32)) {
			NL_SET_ERR_MSG(extack, "A binding's remote-addr has a wrong length; give 4 bytes in network order");
			return -EINVAL;
		}
		info->remote[info->remotes++] = nla_get_in_addr(attr);
	}
	return 0;
}

static int parse_nest(const struct nlattr *nest, const struct rnat_grant *grant,
		      struct rnat_binding_info *info,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[ROAMNAT_A_BINDING_PAD + 1];
	int err;

	err = nla_parse_nested(attrs, ROAMNAT_A_BINDING_PAD, nest,
			       roamnat_binding_nl_policy, extack);
	if (!err)
		err = parse_binding(attrs, grant, info, extack);
	if (!err)
		err = parse_remotes(nest, info, extack);
	return err;
}

/* The nest of the next binding, or NULL. */
static const struct nlattr *next_nest(struct rnat_grant *grant)
{
	const struct nlattr *attr;

	while (nla_ok(grant->binding, grant->binding_rem)) {
		attr = grant->binding;
		grant->binding = nla_next(attr, &grant->binding_rem);
		if (nla_type(attr) == ROAMNAT_A_MAPPING_BINDING)
			return attr;
	}
	return NULL;
}

static void rewind(struct rnat_grant *grant, const struct nlmsghdr *nlh)
{
	grant->binding = nlmsg_attrdata(nlh, GENL_HDRLEN);
	grant->binding_rem = nlmsg_attrlen(nlh, GENL_HDRLEN);
}

/* They have been checked, and are read once more, so that no copy is kept. */
static bool next_binding(struct rnat_grant *grant,
			 struct rnat_binding_info *info)
{
	const struct nlattr *nest = next_nest(grant);

	return nest && !parse_nest(nest, grant, info, NULL);
}

int rnat_netlink_parse_bindings(struct genl_info *info,
				struct rnat_grant *grant)
{
	struct rnat_binding_info binding;
	const struct nlattr *nest;
	int err;

	if (!info->attrs[ROAMNAT_A_MAPPING_BINDING])
		return 0;
	rewind(grant, info->nlhdr);
	while ((nest = next_nest(grant))) {
		err = parse_nest(nest, grant, &binding, info->extack);
		if (err)
			return err;
		cond_resched();
	}
	rewind(grant, info->nlhdr);
	grant->next_binding = next_binding;
	return 0;
}

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, ROAMNAT_A_BINDING_PAD);
}

static int put_binding(struct sk_buff *skb, const struct rnat_binding_info *info)
{
	struct nlattr *nest;
	u8 i;

	nest = nla_nest_start(skb, ROAMNAT_A_MAPPING_BINDING);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, ROAMNAT_A_BINDING_PROTOCOL, info->proto) ||
	    nla_put_be16(skb, ROAMNAT_A_BINDING_PRIVATE_PORT, info->priv_port) ||
	    nla_put_be16(skb, ROAMNAT_A_BINDING_PUBLIC_PORT, info->pub_port) ||
	    nla_put_u32(skb, ROAMNAT_A_BINDING_STATE, info->state) ||
	    put_u64(skb, ROAMNAT_A_BINDING_ELAPSED_MS, info->elapsed_ms) ||
	    put_u64(skb, ROAMNAT_A_BINDING_REMAINING_MS, info->remaining_ms) ||
	    (info->many_remotes &&
	     nla_put_flag(skb, ROAMNAT_A_BINDING_MANY_REMOTES)) ||
	    (info->remote_hash &&
	     nla_put_u32(skb, ROAMNAT_A_BINDING_REMOTE_HASH, info->remote_hash)))
		goto err;
	for (i = 0; i < info->remotes; i++)
		if (nla_put_in_addr(skb, ROAMNAT_A_BINDING_REMOTE_ADDR,
				    info->remote[i]))
			goto err;
	nla_nest_end(skb, nest);
	return 0;

err:
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}

static int put_id(struct sk_buff *skb, const struct rnat_map *map)
{
	if (nla_put_u64_64bit(skb, ROAMNAT_A_MAPPING_ID, map->id,
			      ROAMNAT_A_MAPPING_PAD) ||
	    nla_put_u64_64bit(skb, ROAMNAT_A_MAPPING_EPOCH, map->epoch,
			      ROAMNAT_A_MAPPING_PAD))
		return -EMSGSIZE;
	return 0;
}

/* The block of the request, or NULL with a sentence. Under the mutex. */
static struct rnat_map *find_block(struct rnat_net *rn, const struct nlattr *id,
				   struct netlink_ext_ack *extack)
{
	struct rnat_map *map;

	map = rnat_table_lookup_id(&rn->table, nla_get_u64(id));
	if (map && map->block)
		return map;
	NL_SET_ERR_MSG(extack, "No block has this id; list mappings with a dump");
	return NULL;
}

/* The binding that the request names by one of its ports. Under RCU. */
static bool find_binding(struct rnat_net *rn, struct genl_info *info,
			 const struct rnat_map *map,
			 struct rnat_binding_info *found)
{
	struct nlattr *priv = info->attrs[ROAMNAT_A_MAPPING_PRIVATE_PORT];
	struct nlattr *pub = info->attrs[ROAMNAT_A_MAPPING_PUBLIC_PORT];
	struct rnat_key key = priv ? map->priv : map->pub;
	struct rnat_binding *binding;

	key.port = nla_get_be16(priv ? priv : pub);
	key.proto = nla_get_u32(info->attrs[ROAMNAT_A_MAPPING_PROTOCOL]);
	binding = priv ? rnat_binding_lookup_priv(rn, &key) :
			 rnat_binding_lookup_pub(rn, &key);
	return binding && binding->map == map &&
	       rnat_block_describe(rn, binding, found);
}

static int get(struct rnat_net *rn, struct genl_info *info, struct sk_buff *skb)
{
	struct rnat_binding_info found;
	struct rnat_map *map;
	bool there;

	map = find_block(rn, info->attrs[ROAMNAT_A_MAPPING_ID], info->extack);
	if (!map)
		return -ENOENT;
	rcu_read_lock();
	there = find_binding(rn, info, map, &found);
	rcu_read_unlock();
	if (!there) {
		GENL_SET_ERR_MSG(info, "The block has no such binding; list them with a dump");
		return -ENOENT;
	}
	return put_id(skb, map) || put_binding(skb, &found) ? -EMSGSIZE : 0;
}

int roamnat_nl_binding_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = rnat_net_get(genl_info_net(info));
	struct nlattr **attrs = info->attrs;
	struct sk_buff *msg;
	void *hdr;
	int err;

	if (!attrs[ROAMNAT_A_MAPPING_ID] || !attrs[ROAMNAT_A_MAPPING_PROTOCOL] ||
	    !attrs[ROAMNAT_A_MAPPING_PRIVATE_PORT] ==
	    !attrs[ROAMNAT_A_MAPPING_PUBLIC_PORT]) {
		GENL_SET_ERR_MSG(info, "Name the binding by the block's id, its protocol, and its private or its public port");
		return -EINVAL;
	}
	msg = rnat_netlink_reply(info, &hdr);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&rn->lock);
	err = get(rn, info, msg);
	mutex_unlock(&rn->lock);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}

/* Where a dump stands. */
struct dump {
	u64 id;			/* of the block */
	u64 only;		/* of the only one, 0: all */
	u32 slot;		/* in it; rnat_block_next() */
	bool begun;
	bool done;
};

static int begin_dump(struct rnat_net *rn, struct netlink_callback *cb,
		      struct dump *dump)
{
	struct nlattr *attrs[ROAMNAT_A_MAPPING_PUBLIC_PORT + 1];
	struct nlattr *id;
	int err;

	err = genlmsg_parse(cb->nlh, &rnat_netlink_family, attrs,
			    ROAMNAT_A_MAPPING_PUBLIC_PORT,
			    roamnat_binding_get_nl_policy, cb->extack);
	if (err)
		return err;
	id = attrs[ROAMNAT_A_MAPPING_ID];
	if (id && !find_block(rn, id, cb->extack))
		return -ENOENT;
	dump->only = id ? nla_get_u64(id) : 0;
	dump->id = dump->only;
	dump->begun = true;
	return 0;
}

/* Bindings of @map into one message. 0 when all are through, else -EMSGSIZE;
 * @n: how many there are in the message.
 */
static int put_bindings(struct sk_buff *skb, struct rnat_net *rn,
			const struct rnat_map *map, u32 *slot, unsigned int *n)
{
	struct rnat_binding_info info;
	struct rnat_binding *binding;
	u32 next = *slot;
	int err = 0;

	rcu_read_lock();
	while (*n < IN_MESSAGE) {
		binding = rnat_block_next(rn, map, &next);
		if (!binding)
			break;
		if (rnat_block_describe(rn, binding, &info)) {
			err = put_binding(skb, &info);
			if (err)
				break;
			++*n;
		}
		*slot = next;
	}
	rcu_read_unlock();
	return *n == IN_MESSAGE ? -EMSGSIZE : err;
}

/* The rest of a block, as many messages as fit: -EMSGSIZE if not all did. */
static int dump_block(struct sk_buff *skb, struct netlink_callback *cb,
		      struct rnat_net *rn, const struct rnat_map *map,
		      struct dump *dump)
{
	unsigned int n;
	void *hdr;
	int err;

	do {
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				  cb->nlh->nlmsg_seq, &rnat_netlink_family,
				  NLM_F_MULTI, ROAMNAT_CMD_BINDING_GET);
		if (!hdr)
			return -EMSGSIZE;
		n = 0;
		err = put_id(skb, map);
		if (!err)
			err = put_bindings(skb, rn, map, &dump->slot, &n);
		if (!n) {
			genlmsg_cancel(skb, hdr);
			return err;
		}
		genlmsg_end(skb, hdr);
	} while (err);
	return 0;
}

int roamnat_nl_binding_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct rnat_net *rn = rnat_net_get(sock_net(cb->skb->sk));
	struct dump *dump = (struct dump *)cb->ctx;
	unsigned int steps = 0;
	struct rnat_map *map;
	int err = 0;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	mutex_lock(&rn->lock);
	if (!dump->begun)
		err = begin_dump(rn, cb, dump);
	while (!err && !dump->done &&
	       (map = rnat_table_lookup_from(&rn->table, dump->id))) {
		if (dump->only && map->id != dump->only)
			break;
		/* Another block than that where the last message ended. */
		if (map->id != dump->id)
			dump->slot = 0;
		dump->id = map->id;
		if (map->block && dump_block(skb, cb, rn, map, dump))
			break;
		dump->slot = 0;
		dump->id++;
		dump->done = dump->only || !dump->id;
		if (++steps % STEPS == 0)
			cond_resched();
	}
	mutex_unlock(&rn->lock);
	return err ? err : skb->len;
}
