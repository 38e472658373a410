// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "controller/gateway.h"

static void gateway_free(gpointer data)
{
	struct rn_gateway *gw = data;

	if (!gw)
		return;
	g_queue_clear(&gw->owned);
	g_queue_clear(&gw->coming);
	g_queue_clear(&gw->tell.asked);
	g_free(gw->tell.by);
	g_free(gw->endpoint);
	g_free(gw);
}

struct rn_gateways *rn_gateways_new(void)
{
	struct rn_gateways *gateways = g_new0(struct rn_gateways, 1);

	gateways->by_number = g_ptr_array_new_with_free_func(gateway_free);
	g_ptr_array_add(gateways->by_number, NULL);
	gateways->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	gateways->by_identity = g_hash_table_new(g_str_hash, g_str_equal);
	rn_heap_init(&gateways->leases);
	return gateways;
}

void rn_gateways_free(struct rn_gateways *gateways)
{
	if (!gateways)
		return;
	rn_heap_uninit(&gateways->leases);
	g_hash_table_unref(gateways->by_identity);
	g_hash_table_unref(gateways->by_name);
	g_ptr_array_unref(gateways->by_number);
	g_free(gateways);
}

struct rn_gateway *rn_gateways_restore(struct rn_gateways *gateways,
				       const struct rn_store_gateway *row)
{
	struct rn_gateway *gw = g_new0(struct rn_gateway, 1);

	gw->row = *row;
	gw->endpoint = g_strdup("");
	gw->heard_at = -1;
	g_queue_init(&gw->owned);
	g_queue_init(&gw->coming);
	g_queue_init(&gw->tell.asked);
	gw->tell.link.data = gw;
	while (gateways->by_number->len <= row->number)
		g_ptr_array_add(gateways->by_number, NULL);
	gateways->by_number->pdata[row->number] = gw;
	g_hash_table_insert(gateways->by_name, gw->row.name, gw);
	return gw;
}

static void lease_start(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t now)
{
	gw->renewed_at = now;
	gw->over_told = false;
	if (gw->lease_ms && gw->row.incarnation && !gw->row.fenced)
		rn_heap_set(&gateways->leases, &gw->lease, now + RN_LEASE_OVER(gw->lease_ms));
	else
		rn_heap_remove(&gateways->leases, &gw->lease);
}

/* The term that was promised to it stands until it registers again: one that is cut
 * off translates for the old term, whatever the configuration says now (P7). A
 * backup may not know the last promise: then the longer of the two.
 */
static uint64_t term_in_force(const struct rn_store_gateway *row, uint64_t configured)
{
	uint64_t promised = (uint64_t)row->lease_ms;

	if (!row->incarnation || row->lease_ms < 0)
		return configured;
	if (!row->unheard)
		return promised;
	return promised && configured ? MAX(promised, configured) : 0;
}

void rn_gateways_configure(struct rn_gateways *gateways, const GArray *config, int64_t now,
			   void (*changed)(struct rn_gateway *gw, void *data), void *data)
{
	for (guint i = 0; i < config->len; i++) {
		const struct rn_gateway_config *c =
			&g_array_index(config, struct rn_gateway_config, i);
		struct rn_gateway *gw = rn_gateways_name(gateways, c->name);

		if (!gw) {
			struct rn_store_gateway row = {
				.number = gateways->by_number->len, .lease_ms = -1,
			};

			g_strlcpy(row.name, c->name, sizeof(row.name));
			gw = rn_gateways_restore(gateways, &row);
		}
		if (strcmp(gw->row.identity, c->identity)) {
			g_strlcpy(gw->row.identity, c->identity, sizeof(gw->row.identity));
			changed(gw, data);
		}
		g_free(gw->endpoint);
		gw->endpoint = g_strdup(c->endpoint);
		gw->enabled = c->enabled;
		gw->plan.planned = c->planned;
		gw->plan.blocks = c->planned_blocks;
		gw->plan.reserve = c->reserve;
		gw->plan.overload = c->overload;
		gw->lease_next_ms = c->lease_ms;
		gw->lease_ms = term_in_force(&gw->row, c->lease_ms);
		g_hash_table_insert(gateways->by_identity, gw->row.identity, gw);
		lease_start(gateways, gw, now);
		rn_gateway_refresh(gw, now);
	}
}

struct rn_gateway *rn_gateways_number(const struct rn_gateways *gateways, uint32_t number)
{
	return number < gateways->by_number->len ? gateways->by_number->pdata[number] : NULL;
}

struct rn_gateway *rn_gateways_name(const struct rn_gateways *gateways, const char *name)
{
	return g_hash_table_lookup(gateways->by_name, name);
}

struct rn_gateway *rn_gateways_identity(const struct rn_gateways *gateways, const char *identity)
{
	return g_hash_table_lookup(gateways->by_identity, identity);
}

const char *rn_gateways_to_name(const struct rn_gateways *gateways, uint32_t number)
{
	const struct rn_gateway *gw;

	if (number == RN_CONTROLLER)
		return "controller";
	gw = rn_gateways_number(gateways, number);
	return gw ? gw->row.name : "?";
}

void rn_gateway_refresh(struct rn_gateway *gw, int64_t now)
{
	bool registered = gw->row.incarnation && !gw->row.fenced;

	gw->own.number = gw->row.number;
	gw->own.incarnation = gw->row.incarnation;
	gw->own.registered = registered && gw->enabled;
	gw->own.connected = gw->session != NULL;
	gw->own.lease = gw->lease_ms != 0;
	gw->own.live = !gw->lease_ms || now < gw->renewed_at + (int64_t)gw->lease_ms;
	/* A gateway that never registered cannot own anything: not over, but
	 * there is nothing to take over either.
	 */
	gw->own.over = gw->row.fenced ||
		(gw->lease_ms && now >= gw->renewed_at + (int64_t)RN_LEASE_OVER(gw->lease_ms));
	gw->own.planned = gw->plan.planned;
	gw->own.reserve = gw->plan.reserve;
	gw->own.mappings = gw->owned.length;
	gw->own.planned_blocks = gw->plan.blocks;
	gw->own.blocks = gw->blocks;
	gw->own.drained = gw->row.drained;
}

void rn_gateway_register(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t now)
{
	gw->row.incarnation++;
	gw->row.fenced = false;
	gw->lease_ms = gw->lease_next_ms;
	gw->row.lease_ms = (int64_t)gw->lease_ms;
	lease_start(gateways, gw, now);
	rn_gateway_refresh(gw, now);
}

bool rn_gateway_renew(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t now)
{
	if (!gw->row.incarnation || gw->row.fenced)
		return false;
	if (gw->lease_ms && now >= gw->renewed_at + (int64_t)gw->lease_ms)
		return false;
	lease_start(gateways, gw, now);
	rn_gateway_refresh(gw, now);
	return true;
}

void rn_gateway_fence(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t now)
{
	gw->row.incarnation++;
	gw->row.fenced = true;
	rn_heap_remove(&gateways->leases, &gw->lease);
	rn_gateway_refresh(gw, now);
}

struct rn_gateway *rn_gateways_next_over(struct rn_gateways *gateways, int64_t now)
{
	struct rn_heap_node *node = rn_heap_first(&gateways->leases);
	struct rn_gateway *gw;

	if (!node || node->due > now)
		return NULL;
	gw = (struct rn_gateway *)((char *)node - G_STRUCT_OFFSET(struct rn_gateway, lease));
	rn_heap_remove(&gateways->leases, node);
	return gw;
}

void rn_gateway_over(struct rn_gateway *gw, int64_t now)
{
	gw->over_told = true;
	rn_gateway_refresh(gw, now);
}

void rn_gateway_again(struct rn_gateways *gateways, struct rn_gateway *gw, int64_t due)
{
	rn_heap_set(&gateways->leases, &gw->lease, due);
}

struct rn_plan_use rn_gateway_use(const struct rn_gateway *gw)
{
	return (struct rn_plan_use){
		.mappings = gw->owned.length + gw->coming.length,
		.blocks = gw->blocks + gw->coming_blocks,
	};
}

const char *rn_gateway_state(const struct rn_gateway *gw)
{
	if (!gw->enabled)
		return "disabled";
	if (gw->session)
		return "connected";
	if (gw->row.fenced)
		return "fenced";
	return gw->row.incarnation ? "silent" : "never";
}
