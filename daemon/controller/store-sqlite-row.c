// SPDX-License-Identifier: GPL-2.0
/*
 * Rows of the tables to and from statements, each with a checksum of its
 * own (P8): SQLite's log has checksums, but its pages have none.
 */
#include <string.h>
#include "controller/store-sqlite.h"

/* FNV-1a over what is stored. */
#define SUM_START	UINT64_C(0xcbf29ce484222325)
#define SUM_PRIME	UINT64_C(0x100000001b3)

static uint64_t sum_bytes(uint64_t sum, const void *from, gsize n)
{
	const uint8_t *b = from;

	for (gsize i = 0; i < n; i++)
		sum = (sum ^ b[i]) * SUM_PRIME;
	return sum;
}

static uint64_t sum_fields(uint64_t sum, const uint64_t *fields, gsize n)
{
	for (gsize i = 0; i < n; i++)
		for (int shift = 0; shift < 64; shift += 8)
			sum = (sum ^ (fields[i] >> shift & 0xff)) * SUM_PRIME;
	return sum;
}

/* With the ending zero, so that no text runs into the next. */
static uint64_t sum_text(uint64_t sum, const char *text)
{
	return sum_bytes(sum, text, strlen(text) + 1);
}

/* What is no block has the sum that it had before there were blocks. */
static uint64_t sum_ports(uint64_t sum, const struct rn_public *pub)
{
	const uint64_t ports = pub->ports;

	return ports ? sum_fields(sum, &ports, 1) : sum;
}

static int64_t mapping_sum(const struct rn_store_mapping *row)
{
	const uint64_t fields[] = {
		row->id, row->state, row->epoch, row->owner, row->vm.zone, row->vm.kind,
		row->vm.proto, row->vm.port, row->vm.addr.len, row->pub.addr.len,
		row->pub.proto, row->pub.port, row->preset, (uint64_t)row->free_at,
	};
	uint64_t sum = sum_fields(SUM_START, fields, G_N_ELEMENTS(fields));

	sum = sum_bytes(sum, row->vm.addr.b, row->vm.addr.len);
	sum = sum_bytes(sum, row->pub.addr.b, row->pub.addr.len);
	return (int64_t)sum_ports(sum, &row->pub);
}

static int64_t gateway_sum(const struct rn_store_gateway *row)
{
	const uint64_t fields[] = {
		row->number, row->incarnation, row->fenced, row->unheard, (uint64_t)row->lease_ms,
	};
	uint64_t sum = sum_fields(SUM_START, fields, G_N_ELEMENTS(fields));
	const uint64_t drained = row->drained;

	sum = sum_text(sum_text(sum, row->name), row->identity);
	/* As it was before there was that. */
	return (int64_t)(drained ? sum_fields(sum, &drained, 1) : sum);
}

static int64_t evacuation_sum(const struct rn_store_evacuation *row)
{
	const uint64_t fields[] = {
		row->gateway, row->state, row->force, row->in_flight, row->total, row->moved,
		(uint64_t)row->began_ns, (uint64_t)row->ended_ns, row->n_targets,
	};
	uint64_t sum = sum_fields(SUM_START, fields, G_N_ELEMENTS(fields));

	for (uint32_t i = 0; i < row->n_targets; i++) {
		const uint64_t target = row->target[i];

		sum = sum_fields(sum, &target, 1);
	}
	return (int64_t)sum_text(sum_text(sum_text(sum, row->by), row->reason), row->text);
}

static int64_t audit_sum(const struct rn_store_audit *row)
{
	const uint64_t fields[] = {
		row->rev, (uint64_t)row->time_ns, row->ownership, row->code, row->cause, row->id,
		row->epoch, row->epoch_from, row->vm.zone, row->vm.kind, row->vm.proto,
		row->vm.port, row->vm.addr.len, row->pub.addr.len, row->pub.proto, row->pub.port,
		row->from, row->to, row->verified_by,
	};
	uint64_t sum = sum_fields(SUM_START, fields, G_N_ELEMENTS(fields));

	sum = sum_bytes(sum, row->vm.addr.b, row->vm.addr.len);
	sum = sum_bytes(sum, row->pub.addr.b, row->pub.addr.len);
	sum = sum_text(sum_text(sum_text(sum, row->what), row->by), row->text);
	return (int64_t)sum_ports(sum, &row->pub);
}

/* ---- writing ---- */

static void bind_addr(sqlite3_stmt *st, int column, const struct rn_addr *addr)
{
	sqlite3_bind_blob(st, column, addr->b, addr->len, SQLITE_STATIC);
}

static void bind_text(sqlite3_stmt *st, int column, const char *text)
{
	sqlite3_bind_text(st, column, text, -1, SQLITE_STATIC);
}

void rn_sqlite_bind_mapping(sqlite3_stmt *st, const struct rn_store_mapping *row)
{
	int c = 1;

	sqlite3_bind_int64(st, c++, row->id);
	sqlite3_bind_int64(st, c++, row->state);
	sqlite3_bind_int64(st, c++, row->epoch);
	sqlite3_bind_int64(st, c++, row->owner);
	sqlite3_bind_int64(st, c++, row->vm.zone);
	sqlite3_bind_int64(st, c++, row->vm.kind);
	sqlite3_bind_int64(st, c++, row->vm.proto);
	sqlite3_bind_int64(st, c++, row->vm.port);
	bind_addr(st, c++, &row->vm.addr);
	bind_addr(st, c++, &row->pub.addr);
	sqlite3_bind_int64(st, c++, row->pub.proto);
	sqlite3_bind_int64(st, c++, row->pub.port);
	sqlite3_bind_int64(st, c++, row->preset);
	sqlite3_bind_int64(st, c++, row->free_at);
	sqlite3_bind_int64(st, c++, mapping_sum(row));
	sqlite3_bind_int64(st, c++, row->pub.ports);
}

void rn_sqlite_bind_gateway(sqlite3_stmt *st, const struct rn_store_gateway *row)
{
	int c = 1;

	sqlite3_bind_int64(st, c++, row->number);
	bind_text(st, c++, row->name);
	bind_text(st, c++, row->identity);
	sqlite3_bind_int64(st, c++, row->incarnation);
	sqlite3_bind_int64(st, c++, row->fenced);
	sqlite3_bind_int64(st, c++, row->unheard);
	sqlite3_bind_int64(st, c++, row->lease_ms);
	sqlite3_bind_int64(st, c++, gateway_sum(row));
	sqlite3_bind_int64(st, c++, row->drained);
}

void rn_sqlite_bind_evacuation(sqlite3_stmt *st, const struct rn_store_evacuation *row)
{
	g_autoptr(GString) targets = g_string_new(NULL);
	int c = 1;

	for (uint32_t i = 0; i < row->n_targets; i++)
		g_string_append_printf(targets, "%s%u", i ? "," : "", row->target[i]);
	sqlite3_bind_int64(st, c++, row->gateway);
	sqlite3_bind_int64(st, c++, row->state);
	sqlite3_bind_int64(st, c++, row->force);
	sqlite3_bind_int64(st, c++, row->in_flight);
	sqlite3_bind_int64(st, c++, row->total);
	sqlite3_bind_int64(st, c++, row->moved);
	sqlite3_bind_int64(st, c++, row->began_ns);
	sqlite3_bind_int64(st, c++, row->ended_ns);
	sqlite3_bind_text(st, c++, targets->str, -1, SQLITE_TRANSIENT);
	bind_text(st, c++, row->by);
	bind_text(st, c++, row->reason);
	bind_text(st, c++, row->text);
	sqlite3_bind_int64(st, c++, evacuation_sum(row));
}

void rn_sqlite_bind_audit(sqlite3_stmt *st, const struct rn_store_audit *row)
{
	int c = 1;

	sqlite3_bind_int64(st, c++, row->rev);
	sqlite3_bind_int64(st, c++, row->time_ns);
	bind_text(st, c++, row->what);
	sqlite3_bind_int64(st, c++, row->ownership);
	sqlite3_bind_int64(st, c++, row->code);
	sqlite3_bind_int64(st, c++, row->cause);
	sqlite3_bind_int64(st, c++, row->id);
	sqlite3_bind_int64(st, c++, row->epoch);
	sqlite3_bind_int64(st, c++, row->vm.zone);
	sqlite3_bind_int64(st, c++, row->vm.kind);
	sqlite3_bind_int64(st, c++, row->vm.proto);
	sqlite3_bind_int64(st, c++, row->vm.port);
	bind_addr(st, c++, &row->vm.addr);
	bind_addr(st, c++, &row->pub.addr);
	sqlite3_bind_int64(st, c++, row->pub.proto);
	sqlite3_bind_int64(st, c++, row->pub.port);
	sqlite3_bind_int64(st, c++, row->from);
	sqlite3_bind_int64(st, c++, row->to);
	sqlite3_bind_int64(st, c++, row->verified_by);
	bind_text(st, c++, row->by);
	bind_text(st, c++, row->text);
	sqlite3_bind_int64(st, c++, row->epoch_from);
	sqlite3_bind_int64(st, c++, audit_sum(row));
	sqlite3_bind_int64(st, c++, row->pub.ports);
}

/* ---- reading ---- */

static void get_addr(sqlite3_stmt *st, int column, struct rn_addr *addr)
{
	int n = sqlite3_column_bytes(st, column);

	*addr = (struct rn_addr){ 0 };
	if (n != 4 && n != 16)
		return;
	addr->len = n;
	memcpy(addr->b, sqlite3_column_blob(st, column), n);
}

static void get_text(sqlite3_stmt *st, int column, char *text, gsize size)
{
	const char *from = (const char *)sqlite3_column_text(st, column);

	g_strlcpy(text, from ? from : "", size);
}

bool rn_sqlite_get_mapping(sqlite3_stmt *st, struct rn_store_mapping *row)
{
	*row = (struct rn_store_mapping){
		.id = sqlite3_column_int64(st, 0),
		.state = sqlite3_column_int64(st, 1),
		.epoch = sqlite3_column_int64(st, 2),
		.owner = sqlite3_column_int64(st, 3),
		.vm.zone = sqlite3_column_int64(st, 4),
		.vm.kind = sqlite3_column_int64(st, 5),
		.vm.proto = sqlite3_column_int64(st, 6),
		.vm.port = sqlite3_column_int64(st, 7),
		.pub.proto = sqlite3_column_int64(st, 10),
		.pub.port = sqlite3_column_int64(st, 11),
		.preset = sqlite3_column_int64(st, 12),
		.free_at = sqlite3_column_int64(st, 13),
		.pub.ports = sqlite3_column_int64(st, 15),
	};
	get_addr(st, 8, &row->vm.addr);
	get_addr(st, 9, &row->pub.addr);
	return sqlite3_column_int64(st, 14) == mapping_sum(row);
}

bool rn_sqlite_get_gateway(sqlite3_stmt *st, struct rn_store_gateway *row)
{
	*row = (struct rn_store_gateway){
		.number = sqlite3_column_int64(st, 0),
		.incarnation = sqlite3_column_int64(st, 3),
		.fenced = sqlite3_column_int64(st, 4),
		.unheard = sqlite3_column_int64(st, 5),
		.lease_ms = sqlite3_column_int64(st, 6),
		.drained = sqlite3_column_int64(st, 8),
	};
	get_text(st, 1, row->name, sizeof(row->name));
	get_text(st, 2, row->identity, sizeof(row->identity));
	return sqlite3_column_int64(st, 7) == gateway_sum(row);
}

static void get_targets(sqlite3_stmt *st, int column, struct rn_store_evacuation *row)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	g_auto(GStrv) words = g_strsplit(text ? text : "", ",", RN_STORE_TARGETS + 1);

	for (char **word = words; *word && row->n_targets < RN_STORE_TARGETS; word++)
		if (**word)
			row->target[row->n_targets++] =
				(uint32_t)g_ascii_strtoull(*word, NULL, 10);
}

bool rn_sqlite_get_evacuation(sqlite3_stmt *st, struct rn_store_evacuation *row)
{
	*row = (struct rn_store_evacuation){
		.gateway = sqlite3_column_int64(st, 0),
		.state = sqlite3_column_int64(st, 1),
		.force = sqlite3_column_int64(st, 2),
		.in_flight = sqlite3_column_int64(st, 3),
		.total = sqlite3_column_int64(st, 4),
		.moved = sqlite3_column_int64(st, 5),
		.began_ns = sqlite3_column_int64(st, 6),
		.ended_ns = sqlite3_column_int64(st, 7),
	};
	get_targets(st, 8, row);
	get_text(st, 9, row->by, sizeof(row->by));
	get_text(st, 10, row->reason, sizeof(row->reason));
	get_text(st, 11, row->text, sizeof(row->text));
	return sqlite3_column_int64(st, 12) == evacuation_sum(row);
}

bool rn_sqlite_get_audit(sqlite3_stmt *st, struct rn_store_audit *row)
{
	*row = (struct rn_store_audit){
		.rev = sqlite3_column_int64(st, 0),
		.time_ns = sqlite3_column_int64(st, 1),
		.ownership = sqlite3_column_int64(st, 3),
		.code = sqlite3_column_int64(st, 4),
		.cause = sqlite3_column_int64(st, 5),
		.id = sqlite3_column_int64(st, 6),
		.epoch = sqlite3_column_int64(st, 7),
		.vm.zone = sqlite3_column_int64(st, 8),
		.vm.kind = sqlite3_column_int64(st, 9),
		.vm.proto = sqlite3_column_int64(st, 10),
		.vm.port = sqlite3_column_int64(st, 11),
		.pub.proto = sqlite3_column_int64(st, 14),
		.pub.port = sqlite3_column_int64(st, 15),
		.from = sqlite3_column_int64(st, 16),
		.to = sqlite3_column_int64(st, 17),
		.verified_by = sqlite3_column_int64(st, 18),
		.epoch_from = sqlite3_column_int64(st, 21),
		.pub.ports = sqlite3_column_int64(st, 23),
	};
	get_addr(st, 12, &row->vm.addr);
	get_addr(st, 13, &row->pub.addr);
	get_text(st, 2, row->what, sizeof(row->what));
	get_text(st, 19, row->by, sizeof(row->by));
	get_text(st, 20, row->text, sizeof(row->text));
	return sqlite3_column_int64(st, 22) == audit_sum(row);
}
