// SPDX-License-Identifier: GPL-2.0
/* The part of kmsg.h that is about bindings. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/roamnat.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <string.h>
#include "agent/kmsg.h"

#define BINDING_SIZE	96	/* attributes of one, without remotes */
#define REMOTE_SIZE	8

static struct nla_policy binding_policy[ROAMNAT_A_BINDING_MAX + 1] = {
	[ROAMNAT_A_BINDING_PROTOCOL] = { .type = NLA_U32 },
	[ROAMNAT_A_BINDING_PRIVATE_PORT] = { .type = NLA_U16 },
	[ROAMNAT_A_BINDING_PUBLIC_PORT] = { .type = NLA_U16 },
	[ROAMNAT_A_BINDING_STATE] = { .type = NLA_U32 },
	[ROAMNAT_A_BINDING_ELAPSED_MS] = { .type = NLA_U64 },
	[ROAMNAT_A_BINDING_REMAINING_MS] = { .type = NLA_U64 },
	[ROAMNAT_A_BINDING_REMOTE_ADDR] = { .type = NLA_UNSPEC },
	[ROAMNAT_A_BINDING_REMOTE_HASH] = { .type = NLA_U32 },
};

size_t agent_kmsg_bindings_size(const struct rn_bindings *bindings)
{
	return bindings ? bindings->list->len * BINDING_SIZE +
			  bindings->remotes->len * REMOTE_SIZE : 0;
}

int agent_kmsg_build_binding(struct nl_msg *nl, const struct rn_bindings *bindings, guint i)
{
	const struct rn_binding *b = &g_array_index(bindings->list, struct rn_binding, i);
	struct nlattr *nest = nla_nest_start(nl, ROAMNAT_A_MAPPING_BINDING | NLA_F_NESTED);

	if (!nest)
		return -EMSGSIZE;
	NLA_PUT_U32(nl, ROAMNAT_A_BINDING_PROTOCOL, b->proto);
	NLA_PUT_U16(nl, ROAMNAT_A_BINDING_PRIVATE_PORT, htons(b->private_port));
	NLA_PUT_U16(nl, ROAMNAT_A_BINDING_PUBLIC_PORT, htons(b->public_port));
	NLA_PUT_U32(nl, ROAMNAT_A_BINDING_STATE, b->state);
	NLA_PUT_U64(nl, ROAMNAT_A_BINDING_ELAPSED_MS, b->elapsed);
	NLA_PUT_U64(nl, ROAMNAT_A_BINDING_REMAINING_MS, b->remaining);
	for (guint k = 0; k < b->n_remotes; k++) {
		const struct rn_addr *addr = &g_array_index(bindings->remotes, struct rn_addr,
							    b->remote + k);

		NLA_PUT(nl, ROAMNAT_A_BINDING_REMOTE_ADDR, addr->len, addr->b);
	}
	if (b->many_remotes)
		NLA_PUT_FLAG(nl, ROAMNAT_A_BINDING_MANY_REMOTES);
	if (b->remote_hash)
		NLA_PUT_U32(nl, ROAMNAT_A_BINDING_REMOTE_HASH, b->remote_hash);
	nla_nest_end(nl, nest);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

static gboolean wrong(GError **error, const char *what)
{
	g_set_error(error, AGENT_KMSG_ERROR, 0,
		    "kernel: a binding has a bad %s: agent and module are of different releases, install the same",
		    what);
	return FALSE;
}

/* The attribute comes once for each. */
static void take_remotes(struct nlattr *nest, struct rn_bindings *bindings, struct rn_binding *b)
{
	struct nlattr *attr;
	int rest;

	b->remote = bindings->remotes->len;
	nla_for_each_nested(attr, nest, rest) {
		struct rn_addr addr = { .len = 4 };

		if (nla_type(attr) != ROAMNAT_A_BINDING_REMOTE_ADDR || nla_len(attr) != 4 ||
		    b->n_remotes == RN_BINDING_REMOTES_MAX)
			continue;
		memcpy(addr.b, nla_data(attr), 4);
		g_array_append_val(bindings->remotes, addr);
		b->n_remotes++;
	}
}

static gboolean take(struct nlattr *nest, struct rn_bindings *bindings, GError **error)
{
	struct nlattr *tb[ROAMNAT_A_BINDING_MAX + 1];
	struct rn_binding b = { 0 };
	uint32_t proto, state;

	if (nla_parse_nested(tb, ROAMNAT_A_BINDING_MAX, nest, binding_policy) < 0)
		return wrong(error, "form");
	if (!tb[ROAMNAT_A_BINDING_PROTOCOL] || !tb[ROAMNAT_A_BINDING_PRIVATE_PORT] ||
	    !tb[ROAMNAT_A_BINDING_PUBLIC_PORT] || !tb[ROAMNAT_A_BINDING_STATE] ||
	    !tb[ROAMNAT_A_BINDING_ELAPSED_MS] || !tb[ROAMNAT_A_BINDING_REMAINING_MS])
		return wrong(error, "number of attributes");
	proto = nla_get_u32(tb[ROAMNAT_A_BINDING_PROTOCOL]);
	state = nla_get_u32(tb[ROAMNAT_A_BINDING_STATE]);
	if (proto > 255 || state > 255)
		return wrong(error, "protocol or state");
	b.proto = (uint8_t)proto;
	b.state = (uint8_t)state;
	b.private_port = ntohs(nla_get_u16(tb[ROAMNAT_A_BINDING_PRIVATE_PORT]));
	b.public_port = ntohs(nla_get_u16(tb[ROAMNAT_A_BINDING_PUBLIC_PORT]));
	b.elapsed = nla_get_u64(tb[ROAMNAT_A_BINDING_ELAPSED_MS]);
	b.remaining = nla_get_u64(tb[ROAMNAT_A_BINDING_REMAINING_MS]);
	b.many_remotes = tb[ROAMNAT_A_BINDING_MANY_REMOTES] != NULL;
	if (tb[ROAMNAT_A_BINDING_REMOTE_HASH])
		b.remote_hash = nla_get_u32(tb[ROAMNAT_A_BINDING_REMOTE_HASH]);
	take_remotes(nest, bindings, &b);
	g_array_append_val(bindings->list, b);
	return TRUE;
}

gboolean agent_kmsg_parse_bindings(struct nlmsghdr *hdr, struct rn_bindings *bindings,
				   GError **error)
{
	struct nlattr *attr;
	int rest;

	if (!genlmsg_valid_hdr(hdr, 0))
		return wrong(error, "form");
	nla_for_each_attr(attr, genlmsg_attrdata(genlmsg_hdr(hdr), 0),
			  genlmsg_attrlen(genlmsg_hdr(hdr), 0), rest)
		if (nla_type(attr) == ROAMNAT_A_MAPPING_BINDING && !take(attr, bindings, error))
			return FALSE;
	return TRUE;
}
