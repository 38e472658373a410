// SPDX-License-Identifier: GPL-2.0
/* See corebench.h. */
#include <glib/gstdio.h>
#include "controller/store.h"
#include "corebench.h"

struct rn_core *core;
struct rn_gateway *gw1, *gw2;

static char *dir;

struct rn_private vm_of(guint n)
{
	return (struct rn_private) {
		.zone = 1, .kind = RN_KIND_ADDRESS,
		.addr = { 4, { 10, 0, (guint8)(n >> 8), (guint8)n } },
	};
}

struct rn_msg request_of(guint n, const struct rn_gateway *gw)
{
	return (struct rn_msg) {
		.type = RN_MSG_NATREQ, .incarnation = gw->row.incarnation, .nonce = n,
		.vm = vm_of(n),
	};
}

static void on_durable(uint64_t seq, void *data)
{
}

static void on_failed(const char *message, void *data)
{
	ck_abort_msg("store: %s", message);
}

static void put_mappings(const char *path)
{
	static const struct rn_store_visitor visitor;
	static const struct rn_store_ops ops = { on_durable, on_failed };
	struct rn_store *store = rn_store_open(path, NULL);
	struct rn_store_state state;

	ck_assert(rn_store_load(store, &visitor, NULL, &state, NULL));
	ck_assert(rn_store_start(store, &ops, NULL, NULL));
	for (guint n = 1; n <= 2; n++) {
		struct rn_store_gateway row = { .number = n, .incarnation = 1 };

		g_snprintf(row.name, sizeof(row.name), "gw%u", n);
		rn_store_put(store, &(struct rn_store_unit) { .gateway = &row });
	}
	for (guint n = 1; n <= MANY; n++) {
		const struct rn_store_mapping row = {
			.id = n, .state = OWN_CTL_GRANTED, .epoch = 7, .owner = 1, .preset = 60000,
			.vm = vm_of(n),
			.pub = { .addr = { 4, { 20, 0, (guint8)(n >> 8), (guint8)n } } },
		};

		rn_store_put(store, &(struct rn_store_unit) { .mapping = &row });
	}
	rn_store_close(store);
}

static struct rn_ctl_config *make_config(void)
{
	g_autofree char *file = g_build_filename(dir, "c.conf", NULL);
	g_autofree char *text = g_strdup_printf("[controller]\n"
		"listen=127.0.0.1:0\ncontrol-socket=%s/c.sock\nstore=%s/c.db\n"
		"report-from=source\n[tls]\nca=ca\ncert=cert\nkey=key\n"
		"[pool main]\nkind=address\nprefix=20.0.0.0/16\n"
		"[gateway gw1]\nidentity=spiffe://test/gw1\nendpoint=127.0.0.1:1\n"
		"[gateway gw2]\nidentity=spiffe://test/gw2\nendpoint=127.0.0.1:2\n", dir, dir);
	g_autoptr(GError) error = NULL;
	struct rn_ctl_config *config;

	ck_assert(g_file_set_contents(file, text, -1, NULL));
	config = rn_ctl_config_load(file, &error);
	ck_assert_msg(config, "%s", error ? error->message : "");
	return config;
}

static GLogWriterOutput silence(GLogLevelFlags level, const GLogField *fields, gsize n, void *data)
{
	return G_LOG_WRITER_HANDLED;
}

gboolean core_bound(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

void core_setup(const struct rn_core_hooks *hooks)
{
	g_autofree char *path = NULL;

	/* What the log says of it is no subject of the tests. */
	g_log_set_writer_func(silence, NULL, NULL);
	dir = g_dir_make_tmp("core-XXXXXX", NULL);
	path = g_build_filename(dir, "c.db", NULL);
	put_mappings(path);
	core = rn_core_new(make_config(), rn_store_open(path, NULL), NULL);
	ck_assert_ptr_nonnull(core);
	ck_assert(rn_core_start(core, hooks, NULL, NULL));
	gw1 = rn_gateways_name(core->gateways, "gw1");
	gw2 = rn_gateways_name(core->gateways, "gw2");
	WAIT_FOR(core->durable >= core->saved);
}

void core_teardown(void)
{
	g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
	const char *name;

	rn_core_free(core);
	while ((name = g_dir_read_name(list))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		g_unlink(path);
	}
	g_rmdir(dir);
	g_free(dir);
}
