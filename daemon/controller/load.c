// SPDX-License-Identifier: GPL-2.0
#include "controller/load.h"

#include "controller/evacuate.h"

static void load_gateway(const struct rn_store_gateway *row, void *data)
{
	struct rn_core *core = data;

	rn_gateways_restore(core->gateways, row);
}

/*
 * P15 over a restart, whatever was done to the clock meanwhile: what was left of
 * the quarantine when the process before last wrote something is what is left
 * now. So it is never too short; and too long by the time of one quarantine at
 * most.
 */
static void quarantine_again(struct rn_core *core, struct rn_record *record)
{
	/* By the clock of that process, as it was before anybody set it. */
	int64_t seen = core->state.last_ns / 1000000 - core->state.value[RN_STORE_CLOCK];
	int64_t left = record->own.free_at - seen, wall = rn_core_wall();
	int64_t until = wall + MIN(left, (int64_t)core->config->quarantine);

	if (left <= 0)
		until = MIN(record->own.free_at, wall);
	if (until == record->own.free_at)
		return;
	record->own.free_at = until;
	g_array_append_val(core->again, record->own.id);
}

void rn_load_save(struct rn_core *core)
{
	for (guint i = 0; i < core->again->len; i++) {
		const struct rn_record *record =
			rn_records_id(core->records, g_array_index(core->again, uint64_t, i));
		const struct rn_store_mapping row = rn_record_row(record);
		const struct rn_store_unit unit = { .mapping = &row };

		core->saved = rn_store_put(core->store, &unit);
	}
	g_clear_pointer(&core->again, g_array_unref);
}

/* Ports that somebody has must not be part of a block that another could get. */
static gboolean fits(struct rn_core *core, const struct rn_record *record, GError **error)
{
	g_autofree char *misfit = NULL;

	if (!rn_record_owned(record) && (record->own.state != OWN_CTL_QUARANTINE ||
					 record->own.free_at <= rn_core_wall()))
		return TRUE;
	misfit = rn_pools_misfit(core->pools, &record->own.pub);
	if (misfit)
		g_set_error_literal(error, RN_STORE_ERROR, RN_STORE_ERROR_FAILED, misfit);
	return !misfit;
}

static gboolean load_mapping(const struct rn_store_mapping *row, void *data, GError **error)
{
	struct rn_core *core = data;
	struct rn_record *record = rn_records_restore(core->records, row);

	if (!record) {
		g_set_error(error, RN_STORE_ERROR, RN_STORE_ERROR_DAMAGED,
			    "store: mapping %" G_GUINT64_FORMAT " contradicts another: restore the store from a backup",
			    row->id);
		return FALSE;
	}
	if (row->state == OWN_CTL_QUARANTINE)
		quarantine_again(core, record);
	if (!fits(core, record, error))
		return FALSE;
	if (rn_record_owned(record)) {
		rn_pools_grant(core->pools, &row->pub, &row->vm);
		rn_limits_count(core->config->limits, &row->vm, 1);
	} else if (row->state == OWN_CTL_QUARANTINE) {
		rn_pools_quarantine(core->pools, &row->pub, &row->vm, record->own.free_at);
	}
	return TRUE;
}

static void load_evacuation(const struct rn_store_evacuation *row, void *data)
{
	rn_evacuations_restore(data, row);
}

gboolean rn_load(struct rn_core *core, GError **error)
{
	static const struct rn_store_visitor visitor = {
		.gateway = load_gateway, .mapping = load_mapping,
		.evacuation = load_evacuation,
	};

	return rn_store_load(core->store, &visitor, core, &core->state, error);
}
