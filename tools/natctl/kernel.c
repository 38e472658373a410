// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <linux/roamnat.h>
#include <string.h>
#include "genl.h"
#include "kernel.h"
#include "natctl.h"

/* A dump that was interrupted so often is shown as it is. */
#define DUMP_TRIES 5

struct rn_kernel {
	struct rn_genl *genl;
};

struct collect {
	const struct rn_selector *selector;
	GArray *mappings;
};

const char *rn_kernel_state_to_string(guint8 state)
{
	switch ((enum roamnat_state)state) {
	case ROAMNAT_STATE_HELD: return "held";
	case ROAMNAT_STATE_ACTIVE: return "active";
	case ROAMNAT_STATE_MOVING_OUT: return "moving-out";
	case ROAMNAT_STATE_RELEASING: return "releasing";
	case ROAMNAT_STATE_MOVED: return "moved";
	}
	return NULL;
}

const char *rn_kernel_event_to_string(guint8 event)
{
	switch ((enum roamnat_event)event) {
	case ROAMNAT_EVENT_INSTALLED: return "installed";
	case ROAMNAT_EVENT_GRANTED: return "granted";
	case ROAMNAT_EVENT_FROZEN: return "frozen";
	case ROAMNAT_EVENT_DELETED: return "deleted";
	case ROAMNAT_EVENT_IDLE: return "idle";
	case ROAMNAT_EVENT_FILLING: return "filling";
	}
	return NULL;
}

const char *rn_kernel_binding_state_to_string(guint8 state)
{
	switch ((enum roamnat_binding_state)state) {
	case ROAMNAT_BINDING_STATE_OPEN: return "open";
	case ROAMNAT_BINDING_STATE_OPENING: return "opening";
	case ROAMNAT_BINDING_STATE_ESTABLISHED: return "established";
	case ROAMNAT_BINDING_STATE_CLOSING: return "closing";
	case ROAMNAT_BINDING_STATE_RESTING: return "resting";
	}
	return NULL;
}

gboolean rn_kernel_present(void)
{
	struct rn_kernel *kernel = rn_kernel_open(NULL);
	gboolean present = kernel != NULL;

	rn_kernel_free(kernel);
	return present;
}

struct rn_kernel *rn_kernel_open(GError **error)
{
	struct rn_genl *genl = rn_genl_open(ROAMNAT_FAMILY_NAME, error);
	struct rn_kernel *kernel;

	if (!genl)
		return NULL;
	kernel = g_new0(struct rn_kernel, 1);
	kernel->genl = genl;
	return kernel;
}

void rn_kernel_free(struct rn_kernel *kernel)
{
	if (!kernel)
		return;
	rn_genl_free(kernel->genl);
	g_free(kernel);
}

/* Unsigned of whatever width the kernel chose. */
static guint64 get_uint(const struct nlattr *attr)
{
	switch (nla_len(attr)) {
	case 1: return nla_get_u8(attr);
	case 2: return nla_get_u16(attr);
	case 4: return nla_get_u32(attr);
	case 8: return nla_get_u64(attr);
	}
	return 0;
}

static guint64 get_or_0(struct nlattr **tb, int type)
{
	return tb[type] ? get_uint(tb[type]) : 0;
}

static void get_addr(const struct nlattr *attr, struct rn_addr *addr)
{
	if (!attr || (nla_len(attr) != 4 && nla_len(attr) != 16))
		return;
	addr->len = nla_len(attr);
	memcpy(addr->b, nla_data(attr), addr->len);
}

static guint16 get_port(const struct nlattr *attr)
{
	return attr && nla_len(attr) == 2 ? ntohs(nla_get_u16(attr)) : 0;
}

static gboolean get_timer(struct nlattr *attr, struct rn_timer *timer)
{
	struct nlattr *tb[ROAMNAT_A_TIMER_MAX + 1];

	if (!attr || nla_parse_nested(tb, ROAMNAT_A_TIMER_MAX, attr, NULL) < 0)
		return FALSE;
	timer->preset = get_or_0(tb, ROAMNAT_A_TIMER_PRESET_MS);
	timer->elapsed = get_or_0(tb, ROAMNAT_A_TIMER_ELAPSED_MS);
	timer->remaining = get_or_0(tb, ROAMNAT_A_TIMER_REMAINING_MS);
	return TRUE;
}

static gboolean parse_mapping(struct nlattr *first, int len, struct rn_kernel_mapping *m)
{
	struct nlattr *tb[ROAMNAT_A_MAPPING_MAX + 1];

	memset(m, 0, sizeof(*m));
	if (nla_parse(tb, ROAMNAT_A_MAPPING_MAX, first, len, NULL) < 0)
		return FALSE;
	m->id = get_or_0(tb, ROAMNAT_A_MAPPING_ID);
	m->epoch = get_or_0(tb, ROAMNAT_A_MAPPING_EPOCH);
	m->incarnation = get_or_0(tb, ROAMNAT_A_MAPPING_INCARNATION);
	m->state = get_or_0(tb, ROAMNAT_A_MAPPING_STATE);
	m->event = get_or_0(tb, ROAMNAT_A_MAPPING_EVENT);
	m->suspended = tb[ROAMNAT_A_MAPPING_SUSPENDED] != NULL;
	m->first_ns = get_or_0(tb, ROAMNAT_A_MAPPING_FIRST_TRANSLATED_NS);
	m->last_ns = get_or_0(tb, ROAMNAT_A_MAPPING_LAST_TRANSLATED_NS);
	m->has_timer = get_timer(tb[ROAMNAT_A_MAPPING_TIMER], &m->timer);
	m->private.kind = get_or_0(tb, ROAMNAT_A_MAPPING_KIND);
	m->private.zone = get_or_0(tb, ROAMNAT_A_MAPPING_ZONE);
	m->private.proto = get_or_0(tb, ROAMNAT_A_MAPPING_PROTOCOL);
	m->public.proto = m->private.proto;
	m->private.port = get_port(tb[ROAMNAT_A_MAPPING_PRIVATE_PORT]);
	m->public.port = get_port(tb[ROAMNAT_A_MAPPING_PUBLIC_PORT]);
	m->public.ports = get_or_0(tb, ROAMNAT_A_MAPPING_PUBLIC_PORTS);
	get_addr(tb[ROAMNAT_A_MAPPING_PRIVATE_ADDR], &m->private.addr);
	get_addr(tb[ROAMNAT_A_MAPPING_PUBLIC_ADDR], &m->public.addr);
	return m->id != 0;
}

/* A port of a block means the block. */
static gboolean side_matches(const struct rn_side *side, const struct rn_addr *addr, guint16 port,
			     guint16 ports)
{
	return !side->addr.len ||
	       (rn_addr_equal(&side->addr, addr) &&
		(!side->port || side->port == port ||
		 (side->port > port && side->port < port + (guint)ports)));
}

static gboolean matches(const struct rn_selector *s, const struct rn_kernel_mapping *m)
{
	return side_matches(&s->public, &m->public.addr, m->public.port, m->public.ports) &&
	       side_matches(&s->private, &m->private.addr, m->private.port, 0) &&
	       (!s->has_block || (m->private.kind == RN_KIND_BLOCK &&
				  s->block == m->private.port)) &&
	       (!s->has_zone || s->zone == m->private.zone) &&
	       (!s->id || s->id == m->id) &&
	       (!s->epoch || s->epoch == m->epoch) &&
	       (!s->proto || s->proto == m->private.proto) &&
	       (!s->state || !g_strcmp0(s->state, rn_kernel_state_to_string(m->state)) ||
		(m->suspended && !strcmp(s->state, "suspended")));
}

static void collect_mapping(struct nlattr *first, int len, guint8 cmd, void *data)
{
	struct collect *collect = data;
	struct rn_kernel_mapping m;

	if (parse_mapping(first, len, &m) && matches(collect->selector, &m))
		g_array_append_val(collect->mappings, m);
}

static int compare_public(const void *a, const void *b)
{
	const struct rn_kernel_mapping *x = a, *y = b;
	int rc = rn_addr_compare(&x->public.addr, &y->public.addr);

	if (!rc)
		rc = (int)x->public.proto - y->public.proto;
	if (!rc)
		rc = (int)x->public.port - y->public.port;
	return rc ? rc : (x->id > y->id) - (x->id < y->id);
}

gboolean rn_kernel_mappings(struct rn_kernel *kernel, const struct rn_selector *selector,
			    GArray *mappings, gboolean *torn, GError **error)
{
	struct collect collect = { .selector = selector, .mappings = mappings };
	guint before = mappings->len;
	struct nl_msg *msg;

	*torn = TRUE;
	for (int i = 0; *torn && i < DUMP_TRIES; i++) {
		g_array_set_size(mappings, before);
		msg = rn_genl_request(kernel->genl, ROAMNAT_CMD_MAPPING_GET, TRUE);
		if (selector->has_zone && nla_put_u32(msg, ROAMNAT_A_MAPPING_ZONE, selector->zone))
			g_error("out of memory");
		if (!rn_genl_call(kernel->genl, msg, collect_mapping, &collect, torn, error))
			return FALSE;
	}
	g_array_sort(mappings, compare_public);
	return TRUE;
}

struct each_binding {
	void (*each)(const struct rn_kernel_binding *binding, void *data);
	void *data;
};

static void parse_binding(struct nlattr *nest, guint64 id, const struct each_binding *to)
{
	struct rn_kernel_binding b = { .id = id };
	struct nlattr *tb[ROAMNAT_A_BINDING_MAX + 1], *attr;
	int rest;

	if (nla_parse_nested(tb, ROAMNAT_A_BINDING_MAX, nest, NULL) < 0)
		return;
	b.proto = get_or_0(tb, ROAMNAT_A_BINDING_PROTOCOL);
	b.state = get_or_0(tb, ROAMNAT_A_BINDING_STATE);
	b.private_port = get_port(tb[ROAMNAT_A_BINDING_PRIVATE_PORT]);
	b.public_port = get_port(tb[ROAMNAT_A_BINDING_PUBLIC_PORT]);
	b.elapsed = get_or_0(tb, ROAMNAT_A_BINDING_ELAPSED_MS);
	b.remaining = get_or_0(tb, ROAMNAT_A_BINDING_REMAINING_MS);
	b.many_remotes = tb[ROAMNAT_A_BINDING_MANY_REMOTES] != NULL;
	nla_for_each_nested(attr, nest, rest)
		b.remotes += nla_type(attr) == ROAMNAT_A_BINDING_REMOTE_ADDR;
	to->each(&b, to->data);
}

/* Several in a message, behind the id of their mapping. */
static void parse_bindings(struct nlattr *first, int len, guint8 cmd, void *data)
{
	struct nlattr *id = nla_find(first, len, ROAMNAT_A_MAPPING_ID), *attr;
	int rest;

	nla_for_each_attr(attr, first, len, rest)
		if (id && nla_type(attr) == ROAMNAT_A_MAPPING_BINDING)
			parse_binding(attr, get_uint(id), data);
}

gboolean rn_kernel_bindings(struct rn_kernel *kernel, guint64 id,
			    void (*each)(const struct rn_kernel_binding *binding, void *data),
			    void *data, GError **error)
{
	struct nl_msg *msg = rn_genl_request(kernel->genl, ROAMNAT_CMD_BINDING_GET, TRUE);
	struct each_binding to = { each, data };

	if (id && nla_put_u64(msg, ROAMNAT_A_MAPPING_ID, id))
		g_error("out of memory");
	return rn_genl_call(kernel->genl, msg, parse_bindings, &to, NULL, error);
}

gboolean rn_kernel_mapping_del(struct rn_kernel *kernel, guint64 id, guint64 epoch,
			       GError **error)
{
	struct nl_msg *msg = rn_genl_request(kernel->genl, ROAMNAT_CMD_MAPPING_DEL, FALSE);

	if (nla_put_u64(msg, ROAMNAT_A_MAPPING_ID, id) ||
	    nla_put_u64(msg, ROAMNAT_A_MAPPING_EPOCH, epoch))
		g_error("out of memory");
	return rn_genl_call(kernel->genl, msg, NULL, NULL, NULL, error);
}

static void parse_session(struct nlattr *first, int len, guint8 cmd, void *data)
{
	struct nlattr *tb[ROAMNAT_A_SESSION_MAX + 1];
	struct rn_kernel_session *session = data;

	if (nla_parse(tb, ROAMNAT_A_SESSION_MAX, first, len, NULL) < 0)
		return;
	session->incarnation = get_or_0(tb, ROAMNAT_A_SESSION_INCARNATION);
	session->lease_end_ns = get_or_0(tb, ROAMNAT_A_SESSION_LEASE_END_NS);
	session->agent_portid = get_or_0(tb, ROAMNAT_A_SESSION_AGENT_PORTID);
	if (tb[ROAMNAT_A_SESSION_VERSION])
		nla_strlcpy(session->version, tb[ROAMNAT_A_SESSION_VERSION],
			    sizeof(session->version));
}

gboolean rn_kernel_session(struct rn_kernel *kernel, struct rn_kernel_session *session,
			   GError **error)
{
	memset(session, 0, sizeof(*session));
	return rn_genl_call(kernel->genl,
			    rn_genl_request(kernel->genl, ROAMNAT_CMD_SESSION_GET, FALSE),
			    parse_session, session, NULL, error);
}

static void append_values(struct nlattr *first, int len, int pad, GArray *values)
{
	struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, first, len, rest) {
		struct rn_kernel_value v = { .attr = nla_type(attr), .value = get_uint(attr) };

		if (nla_type(attr) != pad)
			g_array_append_val(values, v);
	}
}

static void parse_stats(struct nlattr *first, int len, guint8 cmd, void *data)
{
	struct nlattr *counters = nla_find(first, len, ROAMNAT_A_STATS_COUNTERS);
	GArray **arrays = data;

	append_values(first, len, ROAMNAT_A_STATS_PAD, arrays[1]);
	for (guint i = 0; i < arrays[1]->len; i++) {
		if (g_array_index(arrays[1], struct rn_kernel_value, i).attr ==
		    ROAMNAT_A_STATS_COUNTERS)
			g_array_remove_index(arrays[1], i--);
	}
	if (counters)
		append_values(nla_data(counters), nla_len(counters), ROAMNAT_A_COUNTER_PAD,
			      arrays[0]);
}

gboolean rn_kernel_stats(struct rn_kernel *kernel, GArray *counters, GArray *stats,
			 GError **error)
{
	GArray *arrays[] = { counters, stats };

	return rn_genl_call(kernel->genl,
			    rn_genl_request(kernel->genl, ROAMNAT_CMD_STATS_GET, FALSE),
			    parse_stats, arrays, NULL, error);
}

static void parse_config(struct nlattr *first, int len, guint8 cmd, void *data)
{
	append_values(first, len, -1, data);
}

gboolean rn_kernel_config(struct rn_kernel *kernel, GArray *values, GError **error)
{
	return rn_genl_call(kernel->genl,
			    rn_genl_request(kernel->genl, ROAMNAT_CMD_CONFIG_GET, FALSE),
			    parse_config, values, NULL, error);
}

static void parse_why(struct nlattr *first, int len, guint8 cmd, void *data)
{
	struct nlattr *tb[ROAMNAT_A_PACKET_MAX + 1];
	struct rn_kernel_why *why = data;

	if (nla_parse(tb, ROAMNAT_A_PACKET_MAX, first, len, NULL) < 0)
		return;
	why->counter = get_or_0(tb, ROAMNAT_A_PACKET_COUNTER);
	why->hook = get_or_0(tb, ROAMNAT_A_PACKET_HOOK);
	why->id = get_or_0(tb, ROAMNAT_A_PACKET_MAPPING_ID);
	why->packet.ifindex = get_or_0(tb, ROAMNAT_A_PACKET_OUT_IFINDEX);
	why->packet.sport = get_port(tb[ROAMNAT_A_PACKET_SPORT]);
	why->packet.dport = get_port(tb[ROAMNAT_A_PACKET_DPORT]);
	get_addr(tb[ROAMNAT_A_PACKET_SRC], &why->packet.src);
	get_addr(tb[ROAMNAT_A_PACKET_DST], &why->packet.dst);
}

gboolean rn_kernel_why(struct rn_kernel *kernel, const struct rn_kernel_packet *packet,
		       struct rn_kernel_why *why, GError **error)
{
	struct nl_msg *msg = rn_genl_request(kernel->genl, ROAMNAT_CMD_WHY, FALSE);

	memset(why, 0, sizeof(*why));
	why->packet.proto = packet->proto;
	if (nla_put_u32(msg, ROAMNAT_A_PACKET_PROTOCOL, packet->proto) ||
	    nla_put(msg, ROAMNAT_A_PACKET_SRC, packet->src.len, packet->src.b) ||
	    nla_put(msg, ROAMNAT_A_PACKET_DST, packet->dst.len, packet->dst.b) ||
	    nla_put_u16(msg, ROAMNAT_A_PACKET_SPORT, htons(packet->sport)) ||
	    nla_put_u16(msg, ROAMNAT_A_PACKET_DPORT, htons(packet->dport)) ||
	    (packet->ifindex && nla_put_u32(msg, ROAMNAT_A_PACKET_IFINDEX, packet->ifindex)))
		g_error("out of memory");
	return rn_genl_call(kernel->genl, msg, parse_why, why, NULL, error);
}

gboolean rn_kernel_subscribe(struct rn_kernel *kernel, GError **error)
{
	return rn_genl_join(kernel->genl, ROAMNAT_MCGRP_MAPPING, error);
}

int rn_kernel_fd(const struct rn_kernel *kernel)
{
	return rn_genl_fd(kernel->genl);
}

static void collect_event(struct nlattr *first, int len, guint8 cmd, void *data)
{
	struct rn_kernel_mapping m;
	GArray *mappings = data;

	if (cmd == ROAMNAT_CMD_MAPPING_NTF && parse_mapping(first, len, &m))
		g_array_append_val(mappings, m);
}

gboolean rn_kernel_receive(struct rn_kernel *kernel, GArray *mappings, gboolean *lost,
			   GError **error)
{
	return rn_genl_receive(kernel->genl, collect_event, mappings, lost, error);
}
