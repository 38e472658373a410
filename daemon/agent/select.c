// SPDX-License-Identifier: GPL-2.0
#include "agent/select.h"

#include <string.h>

G_DEFINE_QUARK(agent-select-error-quark, agent_select_error)

static gboolean wrong(GError **error, const char *what, const char *text, const char *right)
{
	g_set_error(error, AGENT_SELECT_ERROR, 0, "%s `%s' is not %s", what,
		    text, right);
	return FALSE;
}

/* ADDRESS, ADDRESS:PORT or ADDRESS:FIRST-LAST */
static gboolean parse_side(const char *what, const char *text, struct rn_addr *addr,
			   bool *with_port, uint16_t *port, GError **error)
{
	uint16_t ports;

	if (rn_side_parse(text, addr, port, &ports)) {
		*with_port = *port;
		return TRUE;
	}
	return wrong(error, what, text, "an address, or an address and a port");
}

gboolean agent_select_parse(const Roamnat__Control__V1__Selector *from,
			    struct agent_select *select, GError **error)
{
	memset(select, 0, sizeof(*select));
	if (!from)
		return TRUE;
	select->by_public = from->public_[0];
	select->by_private = from->private_[0];
	select->by_proto = from->protocol[0];
	select->by_zone = from->has_zone;
	select->zone = from->zone;
	select->id = from->id;
	select->by_block = from->has_block;
	select->block = from->block;
	select->state = from->state[0] ? from->state : NULL;
	select->gateway = from->gateway[0] ? from->gateway : NULL;
	if (select->by_public &&
	    !parse_side("public", from->public_, &select->public, &select->by_port_of_public,
			&select->public_port, error))
		return FALSE;
	if (select->by_private &&
	    !parse_side("private", from->private_, &select->private, &select->by_port_of_private,
			&select->private_port, error))
		return FALSE;
	if (select->by_proto && !rn_proto_parse(from->protocol, &select->proto))
		return wrong(error, "protocol", from->protocol, "tcp, udp, icmp or a number");
	if (from->pool[0]) {
		g_set_error_literal(error, AGENT_SELECT_ERROR, 0,
				    "a gateway does not know the pools; ask the controller");
		return FALSE;
	}
	return TRUE;
}

gboolean agent_select_all(const struct agent_select *select)
{
	return !select->by_public && !select->by_private && !select->by_proto &&
	       !select->by_zone && !select->by_block && !select->id && !select->state &&
	       !select->gateway;
}

gboolean agent_select_match(const struct agent_select *select, const struct agent_entry *entry)
{
	const struct own_gw_entry *own = &entry->own;

	if (select->id && select->id != own->id)
		return FALSE;
	if (select->by_zone && select->zone != own->vm.zone)
		return FALSE;
	if (select->by_proto && select->proto != own->vm.proto)
		return FALSE;
	if (select->by_block && (own->vm.kind != RN_KIND_BLOCK || select->block != own->vm.port))
		return FALSE;
	if (select->by_private && !rn_addr_equal(&select->private, &own->vm.addr))
		return FALSE;
	if (select->by_port_of_private && select->private_port != own->vm.port)
		return FALSE;
	/* Without an id the public side is that of the last mapping. */
	if (select->by_public && (!own->id || !rn_addr_equal(&select->public, &own->pub.addr)))
		return FALSE;
	if (select->by_port_of_public && select->public_port != own->pub.port &&
	    (select->public_port < own->pub.port ||
	     select->public_port >= own->pub.port + (uint32_t)own->pub.ports))
		return FALSE;
	return !select->state || !strcmp(select->state, own_gw_state_to_string(own->state));
}

static char *side(const struct rn_addr *addr, uint16_t port, uint16_t ports)
{
	char text[RN_SIDE_TEXT];

	return g_strdup(rn_side_print(addr, port, ports, text));
}

RnMapping *agent_select_mapping_new(const struct agent_entry *entry)
{
	const struct own_gw_entry *own = &entry->own;
	RnMapping *mapping = g_new(RnMapping, 1);
	char proto[8];

	roamnat__control__v1__mapping__init(mapping);
	mapping->id = own->id;
	mapping->epoch = own->epoch;
	mapping->state = g_strdup(own_gw_state_to_string(own->state));
	mapping->public_ = side(own->id ? &own->pub.addr : &(struct rn_addr){ 0 }, own->pub.port,
				own->pub.ports);
	if (own->vm.kind == RN_KIND_BLOCK)
		mapping->block = own->vm.port;
	mapping->private_ = side(&own->vm.addr, own->vm.kind == RN_KIND_PORT ? own->vm.port : 0,
				 0);
	mapping->protocol = g_strdup(own->vm.kind == RN_KIND_PORT ?
				     rn_proto_name(own->vm.proto, proto) : "");
	mapping->zone = own->vm.zone;
	mapping->kind = g_strdup(rn_kind_to_string(own->vm.kind));
	mapping->owner = NULL;
	mapping->pool = g_strdup("");
	mapping->destination = NULL;
	mapping->preset_ms = own->timer.preset;
	mapping->elapsed_ms = own->timer.elapsed;
	mapping->remaining_ms = own->timer.remaining;
	return mapping;
}

void agent_select_mapping_free(void *data)
{
	RnMapping *mapping = data;

	g_free(mapping->state);
	g_free(mapping->public_);
	g_free(mapping->private_);
	g_free(mapping->protocol);
	g_free(mapping->kind);
	g_free(mapping->owner);
	g_free(mapping->pool);
	g_free(mapping->destination);
	g_free(mapping);
}
