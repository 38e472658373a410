// SPDX-License-Identifier: GPL-2.0
/*
 * What would happen to a packet: one is built, and led through the same code
 * as real ones, which changes nothing while it is asked.
 */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/genetlink.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ip_fib.h>

#include "hook.h"
#include "net.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "netlink_parse.h"

#define HEADROOM	64
#define L4_MAX		sizeof(struct tcphdr)

struct question {
	u32 ifindex;
	u8 proto;
	u8 family;
	__be16 sport, dport;
	union nf_inet_addr src, dst;
};

static int parse(struct genl_info *info, struct question *q)
{
	struct nlattr **attrs = info->attrs;
	int family;

	if (GENL_REQ_ATTR_CHECK(info, ROAMNAT_A_PACKET_PROTOCOL)) {
		GENL_SET_ERR_MSG(info, "No protocol; give its IP protocol number");
		return -EINVAL;
	}
	memset(q, 0, sizeof(*q));
	q->proto = nla_get_u32(attrs[ROAMNAT_A_PACKET_PROTOCOL]);
	if (attrs[ROAMNAT_A_PACKET_IFINDEX])
		q->ifindex = nla_get_u32(attrs[ROAMNAT_A_PACKET_IFINDEX]);
	if (attrs[ROAMNAT_A_PACKET_SPORT])
		q->sport = nla_get_be16(attrs[ROAMNAT_A_PACKET_SPORT]);
	if (attrs[ROAMNAT_A_PACKET_DPORT])
		q->dport = nla_get_be16(attrs[ROAMNAT_A_PACKET_DPORT]);
	family = rnat_netlink_parse_addr(attrs[ROAMNAT_A_PACKET_SRC], &q->src,
					 info->extack);
	if (family < 0)
		return family;
	q->family = family;
	family = rnat_netlink_parse_addr(attrs[ROAMNAT_A_PACKET_DST], &q->dst,
					 info->extack);
	if (family < 0)
		return family;
	if (family != q->family) {
		GENL_SET_ERR_MSG(info, "Source and destination are of two families; give two of one");
		return -EINVAL;
	}
	return 0;
}

static unsigned int fill_l4(const struct question *q, void *l4)
{
	struct icmphdr *icmp = l4;
	struct tcphdr *tcp = l4;

	memset(l4, 0, L4_MAX);
	switch (q->proto) {
	case IPPROTO_TCP:
		tcp->doff = sizeof(*tcp) / 4;
		tcp->syn = 1;
		break;
	case IPPROTO_ICMP:
		icmp->type = ICMP_ECHO;
		icmp->un.echo.id = q->sport;
		return sizeof(*icmp);
	case IPPROTO_ICMPV6:
		icmp->type = ICMPV6_ECHO_REQUEST;
		icmp->un.echo.id = q->sport;
		return sizeof(*icmp);
	}
	/* Of what has ports, all have them first. */
	tcp->source = q->sport;
	tcp->dest = q->dport;
	if (q->proto != IPPROTO_UDP)
		return sizeof(*tcp);
	((struct udphdr *)l4)->len = htons(sizeof(struct udphdr));
	return sizeof(struct udphdr);
}

static void fill_ip(const struct question *q, struct sk_buff *skb,
		    unsigned int len)
{
	struct iphdr *ip = skb_put_zero(skb, sizeof(*ip));

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->ttl = IPDEFTTL;
	ip->protocol = q->proto;
	ip->tot_len = htons(sizeof(*ip) + len);
	ip->saddr = q->src.ip;
	ip->daddr = q->dst.ip;
	ip_send_check(ip);
	skb->protocol = htons(ETH_P_IP);
}

static void fill_ip6(const struct question *q, struct sk_buff *skb,
		     unsigned int len)
{
	struct ipv6hdr *ip6 = skb_put_zero(skb, sizeof(*ip6));

	ip6->version = 6;
	ip6->hop_limit = IPDEFTTL;
	ip6->nexthdr = q->proto;
	ip6->payload_len = htons(len);
	ip6->saddr = q->src.in6;
	ip6->daddr = q->dst.in6;
	skb->protocol = htons(ETH_P_IPV6);
}

static struct sk_buff *build(const struct question *q, struct net_device *in)
{
	struct sk_buff *skb;
	u8 l4[L4_MAX];
	unsigned int len = fill_l4(q, l4);

	skb = alloc_skb(HEADROOM + sizeof(struct ipv6hdr) + L4_MAX, GFP_ATOMIC);
	if (!skb)
		return NULL;
	skb_reserve(skb, HEADROOM);
	skb_reset_network_header(skb);
	if (q->family == NFPROTO_IPV6)
		fill_ip6(q, skb, len);
	else
		fill_ip(q, skb, len);
	skb_set_transport_header(skb, skb->len);
	skb_put_data(skb, l4, len);
	skb->dev = in;
	return skb;
}

static struct net_device *route4(struct net *net, __be32 src, __be32 dst,
				 u32 iif, u32 mark, bool *local)
{
	struct flowi4 fl4 = {
		.flowi4_iif = iif,
		.flowi4_mark = mark,
		.flowi4_scope = RT_SCOPE_UNIVERSE,
		.saddr = src,
		.daddr = dst,
	};
	struct fib_result res;

	if (fib_lookup(net, &fl4, &res, FIB_LOOKUP_NOREF))
		return NULL;
	*local = res.type == RTN_LOCAL;
	if (res.type != RTN_UNICAST && res.type != RTN_LOCAL)
		return NULL;
	return FIB_RES_DEV(res);
}

/* Under RCU, as the device is. */
static struct net_device *route6(struct net *net, const struct in6_addr *src,
				 const struct in6_addr *dst, u32 iif, u32 mark,
				 bool *local)
{
	struct flowi6 fl6 = {
		.flowi6_iif = iif,
		.flowi6_mark = mark,
		.saddr = *src,
		.daddr = *dst,
	};
	struct net_device *dev = NULL;
	struct dst_entry *dst_entry;

	dst_entry = (struct dst_entry *)ip6_route_lookup(net, &fl6, NULL, 0);
	if (!dst_entry->error) {
		*local = ((struct rt6_info *)dst_entry)->rt6i_flags & RTF_LOCAL;
		dev = dst_entry->dev;
	}
	dst_release(dst_entry);
	return dev;
}

/* Where a packet of these addresses would go; NULL: nowhere. */
static struct net_device *route(struct net *net, u8 family,
				const union nf_inet_addr *src,
				const union nf_inet_addr *dst, u32 iif,
				u32 mark, bool *local)
{
	*local = false;
	if (family == NFPROTO_IPV6)
		return route6(net, &src->in6, &dst->in6, iif, mark, local);
	return route4(net, src->ip, dst->ip, iif, mark, local);
}

static void read_back(const struct sk_buff *skb, struct question *q)
{
	__be16 ports[3];

	if (q->family == NFPROTO_IPV6) {
		q->src.in6 = ipv6_hdr(skb)->saddr;
		q->dst.in6 = ipv6_hdr(skb)->daddr;
	} else {
		q->src.ip = ip_hdr(skb)->saddr;
		q->dst.ip = ip_hdr(skb)->daddr;
	}
	/* Our own packet, built above: the bytes are there. */
	memcpy(ports, skb_transport_header(skb), sizeof(ports));
	if (q->proto == IPPROTO_ICMP || q->proto == IPPROTO_ICMPV6) {
		q->sport = ports[2];
		return;
	}
	q->sport = ports[0];
	q->dport = ports[1];
}

/* Under RCU and without softirqs, as a packet is. */
static int ask(struct rnat_net *rn, struct question *q,
	       struct rnat_answer *answer, struct netlink_ext_ack *extack)
{
	static const union nf_inet_addr none;
	struct net_device *in, *out;
	struct nf_hook_state state;
	struct sk_buff *skb;
	bool local, undecided;

	if (q->ifindex)
		in = dev_get_by_index_rcu(rn->net, q->ifindex);
	else
		in = route(rn->net, q->family, &none, &q->src, LOOPBACK_IFINDEX,
			   0, &local);
	if (!in) {
		NL_SET_ERR_MSG(extack, "Nothing says where the packet comes from: no such interface, or no route to its source; name another interface");
		return -ENODEV;
	}
	skb = build(q, in);
	if (!skb)
		return -ENOMEM;
	nf_hook_state_init(&state, NF_INET_PRE_ROUTING, q->family, in, NULL,
			   NULL, rn->net, NULL);
	undecided = rnat_hook_ask(rn, skb, &state, answer);
	read_back(skb, q);
	out = route(rn->net, q->family, &q->src, &q->dst, in->ifindex,
		    skb->mark, &local);
	if (out && !local)
		answer->out_ifindex = out->ifindex;
	if (!undecided)
		goto out;
	if (out && !local) {
		nf_hook_state_init(&state, NF_INET_POST_ROUTING, q->family, in,
				   out, NULL, rn->net, NULL);
		rnat_hook_ask(rn, skb, &state, answer);
	}
	if (!out && !answer->counter) {
		kfree_skb(skb);
		NL_SET_ERR_MSG(extack, "There is no route to its destination; the kernel would drop it before it is translated");
		return -EHOSTUNREACH;
	}
	/* From inside to the gateway itself: nobody translates its source. */
	if (local && !answer->counter)
		answer->counter = ROAMNAT_A_COUNTER_PASS_INSIDE;
out:
	read_back(skb, q);
	if (answer->any_port)
		q->sport = 0;
	kfree_skb(skb);
	return 0;
}

static int put(struct sk_buff *msg, const struct question *q,
	       const struct rnat_answer *answer)
{
	int len = q->family == NFPROTO_IPV6 ? sizeof(struct in6_addr) :
					      sizeof(struct in_addr);

	if ((answer->counter &&
	     nla_put_u32(msg, ROAMNAT_A_PACKET_COUNTER, answer->counter)) ||
	    nla_put_u32(msg, ROAMNAT_A_PACKET_HOOK, answer->hook) ||
	    nla_put(msg, ROAMNAT_A_PACKET_SRC, len, &q->src) ||
	    nla_put(msg, ROAMNAT_A_PACKET_DST, len, &q->dst) ||
	    nla_put_be16(msg, ROAMNAT_A_PACKET_SPORT, q->sport) ||
	    nla_put_be16(msg, ROAMNAT_A_PACKET_DPORT, q->dport) ||
	    (answer->id &&
	     nla_put_u64_64bit(msg, ROAMNAT_A_PACKET_MAPPING_ID, answer->id,
			       ROAMNAT_A_PACKET_PAD)) ||
	    (answer->out_ifindex &&
	     nla_put_u32(msg, ROAMNAT_A_PACKET_OUT_IFINDEX,
			 answer->out_ifindex)))
		return -EMSGSIZE;
	return 0;
}

int roamnat_nl_why_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct rnat_net *rn = rnat_net_get(genl_info_net(info));
	struct rnat_answer answer = { };
	struct sk_buff *msg;
	struct question q;
	void *hdr;
	int err;

	err = parse(info, &q);
	if (err)
		return err;
	local_bh_disable();
	rcu_read_lock();
	err = ask(rn, &q, &answer, info->extack);
	rcu_read_unlock();
	local_bh_enable();
	if (err)
		return err;
	msg = rnat_netlink_reply(info, &hdr);
	if (!msg)
		return -ENOMEM;
	err = put(msg, &q, &answer);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, hdr);
	return genlmsg_reply(msg, info);
}
