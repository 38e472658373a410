// SPDX-License-Identifier: GPL-2.0
#include <glib/gstdio.h>
#include <string.h>
#include "controller/watch.h"
#include "ctlbench.h"

static struct ctlbench *running;	/* hooks of send have no data */

static void on_event(const struct rn_store_audit *event, void *data)
{
	struct ctlbench *bench = data;

	if (bench->told)
		bench->told(bench, event);
}

static void on_changed(struct rn_record *record, void *data)
{
	(void)data;
	rn_watch_changed(record);
}

static gboolean on_send(struct rn_gateway *gw, const struct rn_msg *msg)
{
	struct ctlbench *bench = running;

	bench->last = *msg;
	bench->grants += msg->type == RN_MSG_GRANT;
	bench->denies += msg->type == RN_MSG_DENY;
	bench->registered += msg->type == RN_MSG_REGISTERED;
	if (bench->sent)
		bench->sent(bench, gw, msg);
	return TRUE;
}

static gboolean on_full(struct rn_gateway *gw)
{
	(void)gw;
	return FALSE;
}

static void on_relieved(void *data)
{
	(void)data;
}

static void on_failed(const char *message, void *data)
{
	struct ctlbench *bench = data;

	(void)message;
	bench->failures++;
}

static char *config_file(const struct ctlbench *bench, unsigned int gateways, const char *lease,
			 const char *extra)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char *path = g_build_filename(bench->dir, "controller.conf", NULL);

	g_string_append_printf(text, "[controller]\nlisten=127.0.0.1:7413\nstore=%s/c.db\n%s\n"
			       "[tls]\nca=x\ncert=x\nkey=x\n[pool all]\nprefix=100.64.0.0/10\n",
			       bench->dir, extra ? extra : "");
	for (unsigned int i = 1; i <= gateways; i++)
		g_string_append_printf(text, "[gateway gw%u]\nidentity=spiffe://x/gw%u\n"
				       "endpoint=127.0.0.1:%u\nlease=%s\n", i, i, 10000 + i, lease);
	g_file_set_contents(path, text->str, text->len, NULL);
	return path;
}

gboolean ctlbench_start(struct ctlbench *bench, const char *dir, unsigned int gateways,
			const char *lease, const char *extra, GError **error)
{
	static const struct rn_core_hooks hooks = {
		.event = on_event, .changed = on_changed, .send = on_send, .full = on_full,
		.relieved = on_relieved, .failed = on_failed,
	};
	g_autofree char *path = NULL;
	struct rn_ctl_config *config;
	struct rn_store *store;

	if (!bench->dir)
		bench->dir = dir ? g_strdup(dir) : g_dir_make_tmp("ctl-XXXXXX", NULL);
	path = config_file(bench, gateways, lease, extra);
	config = rn_ctl_config_load(path, error);
	if (!config)
		return FALSE;
	store = rn_store_open(config->store, error);
	if (!store) {
		rn_ctl_config_free(config);
		return FALSE;
	}
	bench->core = rn_core_new(config, store, error);
	running = bench;
	return bench->core && rn_core_start(bench->core, &hooks, bench, error);
}

void ctlbench_stop(struct ctlbench *bench)
{
	g_clear_pointer(&bench->core, rn_core_free);
}

void ctlbench_free(struct ctlbench *bench)
{
	const char *name;
	GDir *dir;

	ctlbench_stop(bench);
	dir = g_dir_open(bench->dir, 0, NULL);
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *file = g_build_filename(bench->dir, name, NULL);

		g_unlink(file);
	}
	if (dir)
		g_dir_close(dir);
	g_rmdir(bench->dir);
	g_clear_pointer(&bench->dir, g_free);
}

struct rn_gateway *ctlbench_gw(struct ctlbench *bench, unsigned int number)
{
	return rn_gateways_number(bench->core->gateways, number);
}

void ctlbench_settle(struct ctlbench *bench)
{
	static const struct rn_store_unit nothing;
	const struct rn_core *core = bench->core;
	gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	uint64_t last = rn_store_put(core->store, &nothing);

	/* What the timer and what became durable brought about may be one more. */
	while (!bench->failures && g_get_monotonic_time() < until &&
	       (core->durable < MAX(last, core->saved) || core->out.length))
		g_main_context_iteration(NULL, TRUE);
}

void ctlbench_natreq(struct ctlbench *bench, unsigned int number, uint32_t vm, uint64_t nonce)
{
	struct rn_gateway *gw = ctlbench_gw(bench, number);
	const struct rn_msg msg = {
		.type = RN_MSG_NATREQ, .incarnation = gw->row.incarnation, .nonce = nonce,
		.vm = { .zone = 1, .kind = RN_KIND_ADDRESS,
			.addr = { 4, { 10, vm >> 16, vm >> 8, vm } } },
		.timer = { .preset = 60000, .remaining = 60000 },
	};

	rn_core_message(bench->core, gw, &msg);
}

void ctlbench_message(struct ctlbench *bench, unsigned int number, uint8_t type,
		      const struct rn_msg *about)
{
	struct rn_gateway *gw = ctlbench_gw(bench, number);
	struct rn_msg msg = *about;

	msg.type = type;
	msg.incarnation = gw->row.incarnation;
	rn_core_message(bench->core, gw, &msg);
}
