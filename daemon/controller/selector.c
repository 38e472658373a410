// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "controller/selector.h"

/* ADDRESS, ADDRESS:PORT or ADDRESS:FIRST-LAST, and IPv6 in brackets */
static gboolean parse_side(const char *text, struct rn_addr *addr, uint16_t *port)
{
	uint16_t ports;

	return rn_side_parse(text, addr, port, &ports);
}

/* The port itself, or the block that has it. */
static bool has_port(const struct rn_public *pub, uint16_t port)
{
	return pub->port == port ||
	       (pub->ports && port >= pub->port && port < pub->port + (uint32_t)pub->ports);
}

static gboolean bad(uint8_t *code, uint8_t value, char **error, const char *format,
		    const char *text)
{
	*code = value;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	*error = g_strdup_printf(format, text);
#pragma GCC diagnostic pop
	return FALSE;
}

gboolean rn_selector_parse(const struct rn_core *core,
			   const Roamnat__Control__V1__Selector *from,
			   struct rn_selector *selector, uint8_t *code, char **error)
{
	*selector = (struct rn_selector){ .any = true };
	if (!from)
		return TRUE;
	if (*from->public_ && !parse_side(from->public_, &selector->public, &selector->public_port))
		return bad(code, RN_CODE_BAD_MESSAGE, error,
			   "public `%s` is not ADDRESS or ADDRESS:PORT", from->public_);
	if (*from->private_ &&
	    !parse_side(from->private_, &selector->private, &selector->private_port))
		return bad(code, RN_CODE_BAD_MESSAGE, error,
			   "private `%s` is not ADDRESS or ADDRESS:PORT", from->private_);
	if (*from->protocol && !rn_proto_parse(from->protocol, &selector->proto))
		return bad(code, RN_CODE_BAD_MESSAGE, error,
			   "proto `%s` is none of tcp, udp, icmp or a number", from->protocol);
	if (*from->gateway) {
		selector->gateway = rn_gateways_name(core->gateways, from->gateway);
		if (!selector->gateway)
			return bad(code, RN_CODE_UNKNOWN_GATEWAY, error,
				   "no gateway `%s`: natctl gateway show lists them",
				   from->gateway);
	}
	selector->has_public = *from->public_;
	selector->has_private = *from->private_;
	selector->has_zone = from->has_zone;
	selector->zone = from->zone;
	selector->id = from->id;
	selector->has_block = from->has_block;
	selector->block = from->block;
	selector->pool = from->pool;
	selector->state = from->state;
	selector->any = !*from->public_ && !*from->private_ && !*from->protocol &&
			!*from->gateway && !from->has_zone && !from->has_block && !from->id &&
			!*from->pool &&
			!*from->state;
	return TRUE;
}

gboolean rn_selector_match(const struct rn_core *core, const struct rn_selector *s,
			   const struct rn_record *record)
{
	const struct own_ctl_rec *own = &record->own;
	const struct rn_pool *pool;

	if (s->any)
		return TRUE;
	if (s->id && s->id != own->id)
		return FALSE;
	if (s->has_public && (!rn_addr_equal(&s->public, &own->pub.addr) ||
			      (s->public_port && !has_port(&own->pub, s->public_port))))
		return FALSE;
	if (s->has_private && (!rn_addr_equal(&s->private, &own->vm.addr) ||
			       (s->private_port && s->private_port != own->vm.port)))
		return FALSE;
	if ((s->proto && s->proto != own->vm.proto) || (s->has_zone && s->zone != own->vm.zone))
		return FALSE;
	if (s->has_block && (own->vm.kind != RN_KIND_BLOCK || s->block != own->vm.port))
		return FALSE;
	if (s->gateway && (!rn_record_owned(record) || own->owner != s->gateway->row.number))
		return FALSE;
	if (s->state && *s->state && strcmp(s->state, own_ctl_state_to_string(own->state)))
		return FALSE;
	if (!s->pool || !*s->pool)
		return TRUE;
	pool = rn_pools_lookup(core->pools, &own->pub);
	return pool && !strcmp(rn_pool_spec(pool)->name, s->pool);
}

static void take(const struct rn_core *core, const struct rn_selector *selector,
		 const struct rn_record *record, GArray *ids)
{
	if (record && rn_record_owned(record) && rn_selector_match(core, selector, record))
		g_array_append_val(ids, record->own.id);
}

GArray *rn_selector_owned(const struct rn_core *core, const struct rn_selector *selector)
{
	GArray *ids = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	const GQueue *queue = NULL;

	if (selector->id) {
		take(core, selector, rn_records_id(core->records, selector->id), ids);
		return ids;
	}
	if (selector->has_private)
		queue = rn_records_host(core->records, &selector->private);
	else if (selector->gateway)
		queue = &selector->gateway->owned;
	if (queue) {
		for (const GList *l = queue->head; l; l = l->next)
			take(core, selector, l->data, ids);
	} else if (!selector->has_private) {
		g_autoptr(GArray) all = rn_records_ids(core->records);

		for (guint i = 0; i < all->len; i++)
			take(core, selector, rn_records_id(core->records,
							   g_array_index(all, uint64_t, i)), ids);
	}
	return ids;
}
