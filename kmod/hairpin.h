/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last packet on each CPU that came from inside and got its private destination here
 * (RFC 4787, REQ-9). On its way to POST_ROUTING it looks like one between two inside
 * networks, and so does what the gateway's own ICMP errors quote of it: only this tells
 * such an error, which the same CPU makes on that way, that its receiver knows the public
 * destination alone (REQ-13).
 */
#ifndef _RNAT_HAIRPIN_H
#define _RNAT_HAIRPIN_H

#include <linux/types.h>

struct rnat_net;
struct rnat_tuple;
struct sk_buff;

/* In PRE_ROUTING, behind the translation. Nothing of it is kept but numbers. */
void rnat_hairpin_note(const struct rnat_net *rn, const struct sk_buff *skb, u8 pf);

/* In POST_ROUTING: it has got that far, and what looks like it is another one. */
void rnat_hairpin_forget(void);

/* Is the packet that @quote was parsed from, in @skb, this CPU's last? Says so once. */
bool rnat_hairpin_was_last(const struct rnat_net *rn, const struct sk_buff *skb,
			   const struct rnat_tuple *quote);

#endif
