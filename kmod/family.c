// SPDX-License-Identifier: GPL-2.0
#include "family.h"

#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/net_namespace.h>

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
