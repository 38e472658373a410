// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "controller/view.h"

/* What a record and an audit row have in common. */
static void endpoints(const struct rn_core *core, const struct rn_private *vm,
		      const struct rn_public *pub, struct rn_view_mapping *view)
{
	const struct rn_pool *pool = rn_pools_lookup(core->pools, pub);

	roamnat__control__v1__mapping__init(&view->pb);
	rn_side_print(&pub->addr, pub->port, pub->ports, view->public);
	rn_side_print(&vm->addr, vm->kind == RN_KIND_PORT ? vm->port : 0, 0, view->private);
	view->pb.public_ = view->public;
	view->pb.private_ = view->private;
	if (vm->kind == RN_KIND_PORT)
		view->pb.protocol = (char *)rn_proto_name(vm->proto, view->proto);
	view->pb.zone = vm->zone;
	if (vm->kind)
		view->pb.kind = (char *)rn_kind_to_string(vm->kind);
	if (vm->kind == RN_KIND_BLOCK)
		view->pb.block = vm->port;
	if (pool)
		view->pb.pool = (char *)rn_pool_spec(pool)->name;
}

void rn_view_mapping(const struct rn_core *core, const struct rn_record *record,
		     struct rn_view_mapping *view)
{
	const struct own_ctl_rec *own = &record->own;
	uint32_t dst = own->dst ? own->dst : own->move_to;

	endpoints(core, &own->vm, &own->pub, view);
	view->pb.id = own->id;
	view->pb.epoch = own->epoch;
	view->pb.state = (char *)own_ctl_state_to_string(own->state);
	view->pb.preset_ms = own->preset;
	if (rn_record_owned(record)) {
		const struct rn_gateway *gw = rn_gateways_number(core->gateways, own->owner);

		view->pb.owner = (char *)rn_gateways_to_name(core->gateways, own->owner);
		view->pb.incarnation = gw ? gw->row.incarnation : 0;
		if (dst)
			view->pb.destination = (char *)rn_gateways_to_name(core->gateways, dst);
	} else if (own->state == OWN_CTL_QUARANTINE) {
		view->pb.quarantine_ms = MAX(own->free_at - rn_core_wall(), 0);
		if (!view->pb.quarantine_ms)
			view->pb.state = (char *)own_ctl_state_to_string(OWN_CTL_FREE);
	}
}

void rn_view_gateway(const struct rn_gateway *gw, Roamnat__Control__V1__Gateway *pb)
{
	roamnat__control__v1__gateway__init(pb);
	pb->number = gw->row.number;
	pb->name = (char *)gw->row.name;
	pb->identity = (char *)gw->row.identity;
	pb->endpoint = gw->endpoint;
	pb->state = (char *)rn_gateway_state(gw);
	pb->incarnation = gw->row.incarnation;
	pb->mappings = gw->owned.length;
	pb->planned = gw->plan.planned;
	pb->overload = gw->plan.overload;
	pb->drained = gw->row.drained;
	pb->reserve = gw->plan.reserve;
	pb->coming = gw->coming.length;
	pb->planned_blocks = gw->plan.blocks;
	pb->blocks = gw->blocks;
	pb->lease_ms = gw->lease_ms;
	if (gw->heard_at >= 0)
		pb->last_heard_ms = rn_core_now() - gw->heard_at;
}

void rn_view_pool(const struct rn_pool *pool, struct rn_view_pool *view)
{
	const struct rn_pool_spec *spec = rn_pool_spec(pool);
	struct rn_pool_counts counts = rn_pool_counts(pool);
	GString *prefixes = g_string_new(NULL);

	for (gsize i = 0; i < spec->n_prefixes; i++) {
		char text[RN_ADDR_TEXT];

		g_string_append_printf(prefixes, "%s%s/%u", i ? ";" : "",
				       rn_addr_print(&spec->prefixes[i].addr, text),
				       spec->prefixes[i].len);
	}
	roamnat__control__v1__pool__init(&view->pb);
	view->prefix = g_string_free(prefixes, FALSE);
	view->ports = spec->kind == RN_KIND_BLOCK ?
		g_strdup_printf("%u-%u/%u", spec->port_lo, spec->port_hi, spec->block_size) :
		spec->kind == RN_KIND_PORT ?
		g_strdup_printf("%u-%u", spec->port_lo, spec->port_hi) : g_strdup("");
	view->pb.name = (char *)spec->name;
	view->pb.prefix = view->prefix;
	view->pb.kind = (char *)rn_kind_to_string(spec->kind);
	view->pb.ports = view->ports;
	view->pb.total = counts.total;
	view->pb.granted = counts.granted;
	view->pb.quarantined = counts.quarantined;
	view->pb.free = counts.total - MIN(counts.total, counts.granted + counts.quarantined);
}

void rn_view_pool_clear(struct rn_view_pool *view)
{
	g_free(view->prefix);
	g_free(view->ports);
}

void rn_view_event(const struct rn_core *core, const struct rn_store_audit *row,
		   struct rn_view_event *view)
{
	Roamnat__Control__V1__Event *pb = &view->pb;

	view->row = *row;
	row = &view->row;
	roamnat__control__v1__event__init(pb);
	pb->rev = row->rev;
	pb->time_ns = row->time_ns;
	pb->what = (char *)row->what;
	pb->by = (char *)row->by;
	pb->text = (char *)row->text;
	if (row->cause)
		pb->cause = (char *)rn_cause_to_string(row->cause);
	if (row->verified_by)
		pb->verified_by = (char *)rn_gateways_to_name(core->gateways, row->verified_by);
	if (!row->vm.kind && !row->pub.addr.len) {
		/* Of a gateway, or refused before any mapping was known. */
		pb->gateway = (char *)rn_gateways_to_name(core->gateways, row->from);
		return;
	}
	if (row->from)
		pb->from = (char *)rn_gateways_to_name(core->gateways, row->from);
	if (row->to)
		pb->to = (char *)rn_gateways_to_name(core->gateways, row->to);
	endpoints(core, &row->vm, &row->pub, &view->mapping);
	view->mapping.pb.id = row->id;
	view->mapping.pb.epoch = row->epoch;
	pb->epoch_from = row->epoch_from;
	if (row->ownership && row->to)
		view->mapping.pb.owner = pb->to;
	pb->mapping = &view->mapping.pb;
}
