// SPDX-License-Identifier: GPL-2.0
#include "agent/kmsg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/roamnat.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <string.h>

static struct nla_policy mapping_policy[ROAMNAT_A_MAPPING_MAX + 1] = {
	[ROAMNAT_A_MAPPING_ID] = { .type = NLA_U64 },
	[ROAMNAT_A_MAPPING_EPOCH] = { .type = NLA_U64 },
	[ROAMNAT_A_MAPPING_INCARNATION] = { .type = NLA_U64 },
	[ROAMNAT_A_MAPPING_STATE] = { .type = NLA_U32 },
	[ROAMNAT_A_MAPPING_KIND] = { .type = NLA_U32 },
	[ROAMNAT_A_MAPPING_ZONE] = { .type = NLA_U32 },
	[ROAMNAT_A_MAPPING_PROTOCOL] = { .type = NLA_U32 },
	[ROAMNAT_A_MAPPING_PRIVATE_ADDR] = { .type = NLA_UNSPEC },
	[ROAMNAT_A_MAPPING_PRIVATE_PORT] = { .type = NLA_U16 },
	[ROAMNAT_A_MAPPING_PUBLIC_ADDR] = { .type = NLA_UNSPEC },
	[ROAMNAT_A_MAPPING_PUBLIC_PORT] = { .type = NLA_U16 },
	[ROAMNAT_A_MAPPING_TIMER] = { .type = NLA_NESTED },
	[ROAMNAT_A_MAPPING_EVENT] = { .type = NLA_U32 },
	[ROAMNAT_A_MAPPING_IFINDEX] = { .type = NLA_U32 },
	[ROAMNAT_A_MAPPING_LOST] = { .type = NLA_U32 },
	[ROAMNAT_A_MAPPING_PUBLIC_PORTS] = { .type = NLA_U32 },
	[ROAMNAT_A_MAPPING_BINDINGS] = { .type = NLA_U32 },
};

static struct nla_policy timer_policy[ROAMNAT_A_TIMER_MAX + 1] = {
	[ROAMNAT_A_TIMER_PRESET_MS] = { .type = NLA_U64 },
	[ROAMNAT_A_TIMER_ELAPSED_MS] = { .type = NLA_U64 },
	[ROAMNAT_A_TIMER_REMAINING_MS] = { .type = NLA_U64 },
};

static struct nla_policy session_policy[ROAMNAT_A_SESSION_MAX + 1] = {
	[ROAMNAT_A_SESSION_INCARNATION] = { .type = NLA_U64 },
	[ROAMNAT_A_SESSION_LEASE_END_NS] = { .type = NLA_U64 },
	[ROAMNAT_A_SESSION_VERSION] = { .type = NLA_STRING },
};

G_DEFINE_QUARK(agent-kmsg-error-quark, agent_kmsg_error)

static gboolean wrong(GError **error, const char *what)
{
	g_set_error(error, AGENT_KMSG_ERROR, 0,
		    "kernel: its message has a bad %s: agent and module are of different releases, install the same",
		    what);
	return FALSE;
}

static int put_private(struct nl_msg *nl, const struct rn_private *vm)
{
	NLA_PUT_U32(nl, ROAMNAT_A_MAPPING_ZONE, vm->zone);
	NLA_PUT_U32(nl, ROAMNAT_A_MAPPING_PROTOCOL, vm->proto);
	NLA_PUT(nl, ROAMNAT_A_MAPPING_PRIVATE_ADDR, vm->addr.len, vm->addr.b);
	NLA_PUT_U16(nl, ROAMNAT_A_MAPPING_PRIVATE_PORT, htons(vm->port));
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

static int put_timer(struct nl_msg *nl, const struct rn_timer *timer)
{
	struct nlattr *nest = nla_nest_start(nl, ROAMNAT_A_MAPPING_TIMER | NLA_F_NESTED);

	if (!nest)
		return -EMSGSIZE;
	NLA_PUT_U64(nl, ROAMNAT_A_TIMER_PRESET_MS, timer->preset);
	NLA_PUT_U64(nl, ROAMNAT_A_TIMER_ELAPSED_MS, timer->elapsed);
	NLA_PUT_U64(nl, ROAMNAT_A_TIMER_REMAINING_MS, timer->remaining);
	nla_nest_end(nl, nest);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_id(struct nl_msg *nl, uint64_t id, uint64_t epoch, uint32_t state)
{
	NLA_PUT_U64(nl, ROAMNAT_A_MAPPING_ID, id);
	NLA_PUT_U64(nl, ROAMNAT_A_MAPPING_EPOCH, epoch);
	if (state)
		NLA_PUT_U32(nl, ROAMNAT_A_MAPPING_STATE, state);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_leaving(struct nl_msg *nl, uint64_t id, uint64_t epoch, uint32_t state,
			     uint32_t way)
{
	if (agent_kmsg_build_id(nl, id, epoch, state))
		return -EMSGSIZE;
	if (way)
		NLA_PUT_U32(nl, ROAMNAT_A_MAPPING_FORWARD, way);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_way(struct nl_msg *nl, const struct agent_kmsg_way *way)
{
	struct nlattr *nest = nla_nest_start(nl, ROAMNAT_A_FORWARD_ENTRY | NLA_F_NESTED);

	if (!nest)
		return -EMSGSIZE;
	NLA_PUT_U32(nl, ROAMNAT_A_WAY_NUMBER, way->number);
	NLA_PUT_U32(nl, ROAMNAT_A_WAY_IFINDEX, way->ifindex);
	if (way->hop.len)
		NLA_PUT(nl, ROAMNAT_A_WAY_NEXT_HOP, way->hop.len, way->hop.b);
	if (way->hop6.len)
		NLA_PUT(nl, ROAMNAT_A_WAY_NEXT_HOP6, way->hop6.len, way->hop6.b);
	if (!way->any_zone)
		NLA_PUT_U32(nl, ROAMNAT_A_WAY_ZONE, way->zone);
	nla_nest_end(nl, nest);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_fast(struct nl_msg *nl, const uint32_t *ifindex, size_t n)
{
	for (size_t i = 0; i < n; i++)
		NLA_PUT_U32(nl, ROAMNAT_A_FAST_IFINDEX, ifindex[i]);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_mapping(struct nl_msg *nl, const struct rn_msg *msg, uint32_t state,
			     gboolean keep_timer)
{
	if (agent_kmsg_build_id(nl, msg->id, msg->epoch, state) ||
	    put_private(nl, &msg->vm) || (!keep_timer && put_timer(nl, &msg->timer)))
		return -EMSGSIZE;
	NLA_PUT_U64(nl, ROAMNAT_A_MAPPING_INCARNATION, msg->incarnation);
	NLA_PUT_U32(nl, ROAMNAT_A_MAPPING_KIND, msg->vm.kind);
	NLA_PUT(nl, ROAMNAT_A_MAPPING_PUBLIC_ADDR, msg->pub.addr.len, msg->pub.addr.b);
	NLA_PUT_U16(nl, ROAMNAT_A_MAPPING_PUBLIC_PORT, htons(msg->pub.port));
	if (msg->pub.ports)
		NLA_PUT_U32(nl, ROAMNAT_A_MAPPING_PUBLIC_PORTS, msg->pub.ports);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_floor(struct nl_msg *nl, uint64_t id, uint64_t epoch)
{
	NLA_PUT_U64(nl, ROAMNAT_A_FLOOR_ID, id);
	NLA_PUT_U64(nl, ROAMNAT_A_FLOOR_EPOCH, epoch);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_flush(struct nl_msg *nl, uint64_t incarnation)
{
	NLA_PUT_U64(nl, ROAMNAT_A_MAPPING_INCARNATION, incarnation);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_refuse(struct nl_msg *nl, const struct rn_private *vm, uint64_t hold_off_ms)
{
	if (put_private(nl, vm))
		return -EMSGSIZE;
	NLA_PUT_U64(nl, ROAMNAT_A_MAPPING_HOLD_OFF_MS, hold_off_ms);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_session(struct nl_msg *nl, uint64_t incarnation, uint64_t lease_end_ns)
{
	NLA_PUT_U64(nl, ROAMNAT_A_SESSION_INCARNATION, incarnation);
	NLA_PUT_U64(nl, ROAMNAT_A_SESSION_LEASE_END_NS, lease_end_ns);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_register(struct nl_msg *nl, const char *version)
{
	NLA_PUT_STRING(nl, ROAMNAT_A_SESSION_VERSION, version);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_prefix(struct nl_msg *nl, const struct agent_kmsg_prefix *prefix)
{
	int type = prefix->exclude ? ROAMNAT_A_INSIDE_EXCLUDE : ROAMNAT_A_INSIDE_ENTRY;
	struct nlattr *nest = nla_nest_start(nl, type | NLA_F_NESTED);

	if (!nest)
		return -EMSGSIZE;
	NLA_PUT_U32(nl, ROAMNAT_A_PREFIX_IFINDEX, prefix->ifindex);
	NLA_PUT(nl, ROAMNAT_A_PREFIX_ADDR, prefix->prefix.addr.len, prefix->prefix.addr.b);
	NLA_PUT_U32(nl, ROAMNAT_A_PREFIX_LEN, prefix->prefix.len);
	NLA_PUT_U32(nl, ROAMNAT_A_PREFIX_ZONE, prefix->zone);
	if (!prefix->exclude) {
		NLA_PUT_U32(nl, ROAMNAT_A_PREFIX_KIND, prefix->kind);
		NLA_PUT_U64(nl, ROAMNAT_A_PREFIX_IDLE_MS, prefix->idle_ms);
	}
	if (prefix->mark_mask) {
		NLA_PUT_U32(nl, ROAMNAT_A_PREFIX_MARK, prefix->mark);
		NLA_PUT_U32(nl, ROAMNAT_A_PREFIX_MARK_MASK, prefix->mark_mask);
	}
	nla_nest_end(nl, nest);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

int agent_kmsg_build_bounds(struct nl_msg *nl, const struct agent_kmsg_bound *bounds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		NLA_PUT_U32(nl, bounds[i].attr, bounds[i].value);
	return 0;

nla_put_failure:
	return -EMSGSIZE;
}

static uint64_t get_u64(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static uint32_t get_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static uint16_t get_port(struct nlattr *attr)
{
	return attr ? ntohs(nla_get_u16(attr)) : 0;
}

static bool get_addr(struct nlattr *attr, struct rn_addr *addr)
{
	int len = attr ? nla_len(attr) : 0;

	if (len != 0 && len != 4 && len != 16)
		return false;
	addr->len = (uint8_t)len;
	if (len)
		memcpy(addr->b, nla_data(attr), (size_t)len);
	return true;
}

/* A miss carries the proposed preset alone, so the sum is not checked here. */
static bool get_timer(struct nlattr *attr, struct rn_timer *timer)
{
	struct nlattr *tb[ROAMNAT_A_TIMER_MAX + 1];

	if (!attr)
		return true;
	if (nla_parse_nested(tb, ROAMNAT_A_TIMER_MAX, attr, timer_policy) < 0)
		return false;
	timer->preset = get_u64(tb[ROAMNAT_A_TIMER_PRESET_MS]);
	timer->elapsed = get_u64(tb[ROAMNAT_A_TIMER_ELAPSED_MS]);
	timer->remaining = get_u64(tb[ROAMNAT_A_TIMER_REMAINING_MS]);
	return true;
}

gboolean agent_kmsg_parse_mapping(struct nlmsghdr *hdr, struct agent_kmsg_mapping *mapping,
				  GError **error)
{
	struct nlattr *tb[ROAMNAT_A_MAPPING_MAX + 1];
	uint32_t proto, kind, state, event, ports;

	memset(mapping, 0, sizeof(*mapping));
	if (!genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_parse(hdr, 0, tb, ROAMNAT_A_MAPPING_MAX, mapping_policy) < 0)
		return wrong(error, "form");

	proto = get_u32(tb[ROAMNAT_A_MAPPING_PROTOCOL]);
	kind = get_u32(tb[ROAMNAT_A_MAPPING_KIND]);
	state = get_u32(tb[ROAMNAT_A_MAPPING_STATE]);
	event = get_u32(tb[ROAMNAT_A_MAPPING_EVENT]);
	if (proto > 255)
		return wrong(error, "protocol");
	if (!kind)
		kind = proto ? RN_KIND_PORT : RN_KIND_ADDRESS;
	ports = get_u32(tb[ROAMNAT_A_MAPPING_PUBLIC_PORTS]);
	if (kind > RN_KIND_BLOCK)
		return wrong(error, "kind");
	if (ports && !rn_block_valid(get_port(tb[ROAMNAT_A_MAPPING_PUBLIC_PORT]), ports))
		return wrong(error, "public-ports");
	if (state > ROAMNAT_STATE_MOVED)
		return wrong(error, "state");
	if (event > ROAMNAT_EVENT_FILLING)
		return wrong(error, "event");
	if (!get_addr(tb[ROAMNAT_A_MAPPING_PRIVATE_ADDR], &mapping->vm.addr))
		return wrong(error, "private-addr");
	if (!get_addr(tb[ROAMNAT_A_MAPPING_PUBLIC_ADDR], &mapping->pub.addr))
		return wrong(error, "public-addr");
	if (!get_timer(tb[ROAMNAT_A_MAPPING_TIMER], &mapping->timer))
		return wrong(error, "timer");

	mapping->id = get_u64(tb[ROAMNAT_A_MAPPING_ID]);
	mapping->epoch = get_u64(tb[ROAMNAT_A_MAPPING_EPOCH]);
	mapping->incarnation = get_u64(tb[ROAMNAT_A_MAPPING_INCARNATION]);
	mapping->vm.zone = get_u32(tb[ROAMNAT_A_MAPPING_ZONE]);
	mapping->vm.kind = (uint8_t)kind;
	mapping->vm.proto = (uint8_t)proto;
	mapping->vm.port = get_port(tb[ROAMNAT_A_MAPPING_PRIVATE_PORT]);
	mapping->pub.proto = (uint8_t)proto;
	mapping->pub.port = get_port(tb[ROAMNAT_A_MAPPING_PUBLIC_PORT]);
	mapping->pub.ports = (uint16_t)ports;
	mapping->bindings = get_u32(tb[ROAMNAT_A_MAPPING_BINDINGS]);
	mapping->ifindex = get_u32(tb[ROAMNAT_A_MAPPING_IFINDEX]);
	mapping->lost = get_u32(tb[ROAMNAT_A_MAPPING_LOST]);
	mapping->state = (uint8_t)state;
	mapping->event = (uint8_t)event;
	mapping->suspended = tb[ROAMNAT_A_MAPPING_SUSPENDED] != NULL;
	return TRUE;
}

gboolean agent_kmsg_parse_session(struct nlmsghdr *hdr, struct agent_kmsg_session *session,
				  GError **error)
{
	struct nlattr *tb[ROAMNAT_A_SESSION_MAX + 1];

	memset(session, 0, sizeof(*session));
	if (!genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_parse(hdr, 0, tb, ROAMNAT_A_SESSION_MAX, session_policy) < 0)
		return wrong(error, "form");
	session->incarnation = get_u64(tb[ROAMNAT_A_SESSION_INCARNATION]);
	session->lease_end_ns = get_u64(tb[ROAMNAT_A_SESSION_LEASE_END_NS]);
	if (tb[ROAMNAT_A_SESSION_VERSION])
		nla_strlcpy(session->version, tb[ROAMNAT_A_SESSION_VERSION],
			    sizeof(session->version));
	return TRUE;
}

gboolean agent_kmsg_parse_config(struct nlmsghdr *hdr, uint32_t *values, GError **error)
{
	struct nlattr *tb[ROAMNAT_A_CONFIG_MAX + 1];

	if (!genlmsg_valid_hdr(hdr, 0) ||
	    genlmsg_parse(hdr, 0, tb, ROAMNAT_A_CONFIG_MAX, NULL) < 0)
		return wrong(error, "form");
	for (int i = 1; i <= ROAMNAT_A_CONFIG_MAX; i++) {
		if (tb[i] && nla_len(tb[i]) != sizeof(uint32_t))
			return wrong(error, "bound");
		values[i] = get_u32(tb[i]);
	}
	return TRUE;
}

void agent_kmsg_to_event(const struct agent_kmsg_mapping *mapping, uint8_t type,
			 struct own_gw_event *event, struct rn_msg *msg)
{
	memset(msg, 0, sizeof(*msg));
	msg->id = mapping->id;
	msg->epoch = mapping->epoch;
	msg->incarnation = mapping->incarnation;
	msg->vm = mapping->vm;
	msg->pub = mapping->pub;
	msg->timer = mapping->timer;

	memset(event, 0, sizeof(*event));
	event->type = type;
	event->kernel_state = mapping->state;
	event->preset = mapping->timer.preset;
	event->timer = mapping->timer;
	event->msg = msg;
}
