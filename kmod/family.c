// SPDX-License-Identifier: GPL-2.0
#include "family.h"

#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/addrconf.h>
#include <net/net_namespace.h>
#include <net/route.h>

bool rnat_family_is_ours(struct net *net, const struct sk_buff *skb, u8 pf)
{
	const struct in6_addr *dst;

	if (!rnat_family_is_6(pf))
		return inet_addr_type(net, ip_hdr(skb)->daddr) != RTN_UNICAST;
	dst = &ipv6_hdr(skb)->daddr;
	return rnat_family_is_local(dst) || ipv6_chk_addr(net, dst, NULL, 0);
}

int rnat_family_reroute(const struct nf_hook_state *state, struct sk_buff *skb)
{
	if (state->pf == NFPROTO_IPV6)
		return nf_ip6_route_me_harder(state->net, state->sk, skb);
	return ip_route_me_harder(state->net, state->sk, skb, RTN_UNSPEC);
}

const struct nf_hook_entries *
rnat_family_hooks(const struct nf_hook_state *state)
{
	if (state->pf == NFPROTO_IPV6)
		return rcu_dereference(state->net->nf.hooks_ipv6[state->hook]);
	return rcu_dereference(state->net->nf.hooks_ipv4[state->hook]);
}
