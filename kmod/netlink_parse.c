// SPDX-License-Identifier: GPL-2.0
#include "netlink_parse.h"

#include <linux/in.h>
#include <net/genetlink.h>
#include <net/ipv6.h>

#include "block.h"
#include "control.h"
#include "inside.h"
#include "map.h"
#include "netlink_gen.h"

int rnat_netlink_parse_addr(const struct nlattr *attr,
			    union nf_inet_addr *addr,
			    struct netlink_ext_ack *extack)
{
	if (!attr) {
		NL_SET_ERR_MSG(extack, "An address is missing; give 4 bytes in network order, or 16 of IPv6");
		return -EINVAL;
	}
	memset(addr, 0, sizeof(*addr));
	switch (nla_len(attr)) {
	case sizeof(addr->ip):
		addr->ip = nla_get_in_addr(attr);
		return NFPROTO_IPV4;
	case sizeof(addr->in6):
		addr->in6 = nla_get_in6_addr(attr);
		return NFPROTO_IPV6;
	}
	NL_SET_ERR_MSG_ATTR(extack, attr, "An address has a wrong length; give 4 bytes in network order, or 16 of IPv6");
	return -EINVAL;
}

static int parse_key(struct genl_info *info, int addr_attr, int port_attr,
		     struct rnat_key *key)
{
	struct nlattr **attrs = info->attrs;
	int family;

	memset(key, 0, sizeof(*key));
	if (attrs[ROAMNAT_A_MAPPING_PROTOCOL])
		key->proto = nla_get_u32(attrs[ROAMNAT_A_MAPPING_PROTOCOL]);
	if (attrs[port_attr])
		key->port = nla_get_be16(attrs[port_attr]);
	family = rnat_netlink_parse_addr(attrs[addr_attr], &key->addr,
					 info->extack);
	if (family < 0)
		return family;
	key->family = family;
	return 0;
}

int rnat_netlink_parse_priv(struct genl_info *info, struct rnat_key *key)
{
	int err;

	err = parse_key(info, ROAMNAT_A_MAPPING_PRIVATE_ADDR,
			ROAMNAT_A_MAPPING_PRIVATE_PORT, key);
	if (!err && info->attrs[ROAMNAT_A_MAPPING_ZONE])
		key->zone = nla_get_u32(info->attrs[ROAMNAT_A_MAPPING_ZONE]);
	return err;
}

int rnat_netlink_parse_pub(struct genl_info *info, struct rnat_key *key)
{
	return parse_key(info, ROAMNAT_A_MAPPING_PUBLIC_ADDR,
			 ROAMNAT_A_MAPPING_PUBLIC_PORT, key);
}

static int parse_timer(struct genl_info *info, struct rnat_grant *grant)
{
	struct nlattr *attrs[ROAMNAT_A_TIMER_PAD + 1];
	struct nlattr *nest = info->attrs[ROAMNAT_A_MAPPING_TIMER];
	u64 remaining;
	int err;

	grant->has_timer = nest;
	if (!nest)
		return 0;
	err = nla_parse_nested(attrs, ROAMNAT_A_TIMER_PAD, nest,
			       roamnat_timer_nl_policy, info->extack);
	if (err)
		return err;
	if (!attrs[ROAMNAT_A_TIMER_PRESET_MS] ||
	    !attrs[ROAMNAT_A_TIMER_ELAPSED_MS] ||
	    !attrs[ROAMNAT_A_TIMER_REMAINING_MS]) {
		GENL_SET_ERR_MSG(info, "The timer is incomplete; give preset-ms, elapsed-ms and remaining-ms");
		return -EINVAL;
	}
	grant->preset_ms = nla_get_u64(attrs[ROAMNAT_A_TIMER_PRESET_MS]);
	grant->elapsed_ms = nla_get_u64(attrs[ROAMNAT_A_TIMER_ELAPSED_MS]);
	remaining = nla_get_u64(attrs[ROAMNAT_A_TIMER_REMAINING_MS]);
	if (grant->preset_ms > RNAT_MAP_PRESET_MAX_MS) {
		GENL_SET_ERR_MSG(info, "preset-ms is longer than ten years; give 0 for a mapping that never becomes idle");
		return -ERANGE;
	}
	if (grant->elapsed_ms > grant->preset_ms ||
	    remaining != grant->preset_ms - grant->elapsed_ms) {
		GENL_SET_ERR_MSG(info, "elapsed-ms and remaining-ms do not add up to preset-ms; send the timer as it was read");
		return -EINVAL;
	}
	return 0;
}

static int check_ports(struct genl_info *info, const struct rnat_grant *grant)
{
	if (grant->priv.family != NFPROTO_IPV4) {
		GENL_SET_ERR_MSG(info, "IPv6 has no port mappings, only address mappings; say kind address");
		return -EOPNOTSUPP;
	}
	switch (grant->priv.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
		break;
	default:
		GENL_SET_ERR_MSG(info, "A port mapping carries TCP, UDP or ICMP echo; use an address mapping for other protocols");
		return -EOPNOTSUPP;
	}
	if (grant->priv.port && grant->pub.port)
		return 0;
	GENL_SET_ERR_MSG(info, "A port mapping needs a private and a public port above 0");
	return -EINVAL;
}

static int check_block(struct genl_info *info, const struct rnat_grant *grant)
{
	u32 first = ntohs(grant->pub.port);

	if (grant->priv.proto) {
		GENL_SET_ERR_MSG(info, "A block has ports of every protocol; leave the protocol out");
		return -EINVAL;
	}
	if (grant->pub.family != NFPROTO_IPV4) {
		GENL_SET_ERR_MSG(info, "A block has ports of an IPv4 address; use address mappings for IPv6");
		return -EOPNOTSUPP;
	}
	if (ntohs(grant->priv.port) >= ROAMNAT_BLOCKS_MAX) {
		GENL_SET_ERR_MSG(info, "private-port is the index of a block, 0 to 63");
		return -ERANGE;
	}
	if (grant->ports < 2 || !is_power_of_2(grant->ports) ||
	    first % grant->ports) {
		GENL_SET_ERR_MSG(info, "public-ports is not a power of two from 2 to 32768, or public-port no multiple of it");
		return -EINVAL;
	}
	return 0;
}

static int check_kind(struct genl_info *info, struct rnat_grant *grant)
{
	struct nlattr *attr = info->attrs[ROAMNAT_A_MAPPING_KIND];

	if (!attr) {
		GENL_SET_ERR_MSG(info, "No kind; say address, port or block");
		return -EINVAL;
	}
	grant->kind = nla_get_u32(attr);
	if (grant->kind == ROAMNAT_KIND_BLOCK)
		return check_block(info, grant);
	if (grant->ports || info->attrs[ROAMNAT_A_MAPPING_BINDING]) {
		GENL_SET_ERR_MSG(info, "Only a block has public-ports and bindings; leave them out, or say kind block");
		return -EINVAL;
	}
	if (grant->kind == ROAMNAT_KIND_PORT)
		return check_ports(info, grant);
	if (!grant->priv.proto && !grant->priv.port && !grant->pub.port)
		return 0;
	GENL_SET_ERR_MSG(info, "An address mapping has no protocol and no ports; leave them out, or say kind port");
	return -EINVAL;
}

static bool is_host4(__be32 addr)
{
	return !ipv4_is_multicast(addr) && !ipv4_is_lbcast(addr) &&
	       !ipv4_is_zeronet(addr) && !ipv4_is_loopback(addr);
}

/* One that means the same host wherever it is routed to: not of a link, and
 * none of those that have an IPv4 address in them, mapped or below ::/96.
 */
static bool is_host6(const struct in6_addr *addr)
{
	const __be32 *word = addr->s6_addr32;
	int type = ipv6_addr_type(addr);

	return (type & IPV6_ADDR_UNICAST) && !(type & IPV6_ADDR_LINKLOCAL) &&
	       !ipv6_addr_v4mapped(addr) && (word[0] | word[1] | word[2]);
}

static bool is_host(const struct rnat_key *key)
{
	return key->family == NFPROTO_IPV6 ? is_host6(&key->addr.in6) :
					     is_host4(key->addr.ip);
}

static int check_addresses(struct genl_info *info,
			   const struct rnat_grant *grant)
{
	if (grant->priv.family != grant->pub.family) {
		GENL_SET_ERR_MSG(info, "One address is IPv4 and the other is IPv6; a mapping joins two of one family");
		return -EINVAL;
	}
	if (!is_host(&grant->priv) || !is_host(&grant->pub)) {
		GENL_SET_ERR_MSG(info, "An address is not that of one host; give unicast addresses");
		return -EINVAL;
	}
	return 0;
}

int rnat_netlink_parse_grant(struct genl_info *info, struct rnat_grant *grant)
{
	struct nlattr **attrs = info->attrs;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_MAPPING_ID) ||
	    GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_MAPPING_EPOCH) ||
	    GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_MAPPING_INCARNATION)) {
		GENL_SET_ERR_MSG(info, "No id, no epoch or no incarnation; a mapping needs all three");
		return -EINVAL;
	}
	memset(grant, 0, sizeof(*grant));
	grant->id = nla_get_u64(attrs[ROAMNAT_A_MAPPING_ID]);
	grant->epoch = nla_get_u64(attrs[ROAMNAT_A_MAPPING_EPOCH]);
	grant->incarnation = nla_get_u64(attrs[ROAMNAT_A_MAPPING_INCARNATION]);
	if (attrs[ROAMNAT_A_MAPPING_STATE])
		grant->state = nla_get_u32(attrs[ROAMNAT_A_MAPPING_STATE]);
	if (grant->state != ROAMNAT_STATE_ACTIVE &&
	    grant->state != ROAMNAT_STATE_HELD) {
		GENL_SET_ERR_MSG(info, "The state of a new mapping is missing or wrong; say active for a grant or held for a transfer");
		return -EINVAL;
	}
	if (attrs[ROAMNAT_A_MAPPING_PUBLIC_PORTS])
		grant->ports = nla_get_u32(attrs[ROAMNAT_A_MAPPING_PUBLIC_PORTS]);
	err = rnat_netlink_parse_priv(info, &grant->priv);
	if (!err)
		err = rnat_netlink_parse_pub(info, &grant->pub);
	if (!err)
		err = check_kind(info, grant);
	if (!err)
		err = check_addresses(info, grant);
	if (!err)
		err = parse_timer(info, grant);
	if (!err)
		err = rnat_netlink_parse_bindings(info, grant);
	return err;
}

static u32 get_u32(struct nlattr **attrs, int type)
{
	return attrs[type] ? nla_get_u32(attrs[type]) : 0;
}

#define HOST_BITS "A prefix does not begin at its first address; clear the host bits"

/* The policy sees to that of IPv6. */
static int check_len(int family, u32 len, struct netlink_ext_ack *extack)
{
	if (family == NFPROTO_IPV6 || len <= 32)
		return 0;
	NL_SET_ERR_MSG(extack, "A prefix of IPv4 is longer than 32 bits; give 0 to 32");
	return -ERANGE;
}

/* First and last address of addr/len, which must have no host bits. */
static int parse_range(struct nlattr **attrs, struct rnat_exclude *exclude,
		       struct netlink_ext_ack *extack)
{
	union nf_inet_addr addr;
	int family, err;

	family = rnat_netlink_parse_addr(attrs[ROAMNAT_A_PREFIX_ADDR], &addr,
					 extack);
	if (family < 0)
		return family;
	exclude->family = family;
	exclude->len = get_u32(attrs, ROAMNAT_A_PREFIX_LEN);
	err = check_len(family, exclude->len, extack);
	if (err)
		return err;
	exclude->first = rnat_wide_of(family, &addr);
	err = rnat_wide_last(&exclude->first, family, exclude->len,
			     &exclude->last);
	if (err)
		NL_SET_ERR_MSG(extack, HOST_BITS);
	return err;
}

int rnat_netlink_parse_exclude(const struct nlattr *nest,
			       struct rnat_exclude *exclude,
			       struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[ROAMNAT_A_PREFIX_PAD + 1];
	int err;

	err = nla_parse_nested(attrs, ROAMNAT_A_PREFIX_PAD, nest,
			       roamnat_prefix_nl_policy, extack);
	if (err)
		return err;
	if (!attrs[ROAMNAT_A_PREFIX_LEN]) {
		NL_SET_ERR_MSG(extack, "An exclusion is incomplete; give addr and len");
		return -EINVAL;
	}
	memset(exclude, 0, sizeof(*exclude));
	exclude->ifindex = get_u32(attrs, ROAMNAT_A_PREFIX_IFINDEX);
	exclude->has_zone = attrs[ROAMNAT_A_PREFIX_ZONE];
	exclude->zone = get_u32(attrs, ROAMNAT_A_PREFIX_ZONE);
	return parse_range(attrs, exclude, extack);
}

int rnat_netlink_parse_prefix(const struct nlattr *nest,
			      struct rnat_prefix *prefix,
			      struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[ROAMNAT_A_PREFIX_PAD + 1];
	union nf_inet_addr addr;
	int family, err;

	err = nla_parse_nested(attrs, ROAMNAT_A_PREFIX_PAD, nest,
			       roamnat_prefix_nl_policy, extack);
	if (err)
		return err;
	if (!attrs[ROAMNAT_A_PREFIX_IFINDEX] || !attrs[ROAMNAT_A_PREFIX_LEN] ||
	    !attrs[ROAMNAT_A_PREFIX_KIND]) {
		NL_SET_ERR_MSG(extack, "A prefix is incomplete; give ifindex, addr, len and kind");
		return -EINVAL;
	}
	family = rnat_netlink_parse_addr(attrs[ROAMNAT_A_PREFIX_ADDR], &addr,
					 extack);
	if (family < 0)
		return family;
	memset(prefix, 0, sizeof(*prefix));
	prefix->family = family;
	prefix->ifindex = get_u32(attrs, ROAMNAT_A_PREFIX_IFINDEX);
	prefix->len = get_u32(attrs, ROAMNAT_A_PREFIX_LEN);
	prefix->kind = get_u32(attrs, ROAMNAT_A_PREFIX_KIND);
	prefix->zone = get_u32(attrs, ROAMNAT_A_PREFIX_ZONE);
	prefix->mark = get_u32(attrs, ROAMNAT_A_PREFIX_MARK);
	prefix->mark_mask = get_u32(attrs, ROAMNAT_A_PREFIX_MARK_MASK);
	if (attrs[ROAMNAT_A_PREFIX_IDLE_MS])
		prefix->idle_ms = nla_get_u64(attrs[ROAMNAT_A_PREFIX_IDLE_MS]);

	if (family == NFPROTO_IPV6 && prefix->kind != ROAMNAT_KIND_ADDRESS) {
		NL_SET_ERR_MSG(extack, "IPv6 has only address mappings; say kind address");
		return -EOPNOTSUPP;
	}
	err = check_len(family, prefix->len, extack);
	if (err)
		return err;
	if (prefix->idle_ms > RNAT_MAP_PRESET_MAX_MS) {
		NL_SET_ERR_MSG(extack, "idle-ms is longer than ten years; give 0 for never");
		return -ERANGE;
	}
	err = rnat_inside_set_address(prefix, &addr);
	if (err)
		NL_SET_ERR_MSG(extack, HOST_BITS);
	return err;
}
