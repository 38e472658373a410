// SPDX-License-Identifier: GPL-2.0
/*
 * make bench-gateways [GATEWAYS=1000] [MAPPINGS=1000000]: one controller, many gateways.
 *
 *   this process: gw1 … gwN, each with its key ─TLS─ controller (the program, its store)
 *
 * They register anew, so that each is granted all that it owns; then each asks for a
 * mapping, has it, and asks for the next. What lasts are bytes, and ratios.
 */
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "net/conn.h"
#include "rig.h"

#define CONTROLLER	RIG_DOMAIN "controller"
#define FDS		16384
#define LOAD_S		10
#define AT_ONCE		48
#define PING_MS		1000	/* as agents do */

static gint n_gateways = 1000, mappings = 1000000;
static char *program = "build/bin/roamnat-controller", *dir = "build/bench";
static char *pki = "build/bench/pki";

struct gateway {
	char name[16];
	guint32 number, vm;
	struct rn_tls *tls;
	struct rn_dialer *dialer;
	struct rn_conn *conn;
	guint64 incarnation, nonce, request;
	gint64 asked;		/* 0: it waits for nothing */
};

static struct gateway *gateways;
static gint dialed, up, lost;	/* of gateways: up have done their inventory */
static guint64 granted;
static gboolean loading, over;
static GArray *took;		/* gint64 us */

static void write_config(const char *path, const char *endpoint)
{
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_printf(text, "[controller]\n"
		"listen=%s\ncontrol-socket=%s/control.sock\nstore=%s/store.db\n"
		"report-from=source\n[pool main]\nkind=address\nprefix=20.0.0.0/10\n"
		"[tls]\nca=%s/ca.pem\ncert=%s/controller.pem\nkey=%s/controller.key\n",
		endpoint, dir, dir, pki, pki, pki);
	for (gint i = 0; i < n_gateways; i++)
		g_string_append_printf(text, "[gateway %s]\nidentity=" RIG_DOMAIN
				       "gw/%s\nendpoint=127.0.0.1:1\n", gateways[i].name,
				       gateways[i].name);
	if (!g_file_set_contents(path, text->str, (gssize)text->len, NULL))
		g_error("%s: cannot be written", path);
}

/* ---- a gateway ---- */

static void say(struct gateway *gw, struct rn_msg *msg)
{
	msg->nonce = ++gw->nonce;
	msg->incarnation = gw->incarnation;
	rn_conn_send(gw->conn, msg);
}

static void ask(struct gateway *gw)
{
	guint32 n = ++gw->vm;

	gw->asked = g_get_monotonic_time();
	say(gw, &(struct rn_msg) {
		.type = RN_MSG_NATREQ, .timer.preset = 3600000,
		.vm = { .zone = 1 + gw->number, .kind = RN_KIND_ADDRESS,
			.addr = { 4, { 11, (guint8)(n >> 16), (guint8)(n >> 8), (guint8)n } } },
	});
	gw->request = gw->nonce;
}

static gboolean ping_all(gpointer data)
{
	for (gint i = 0; i < n_gateways; i++)
		if (gateways[i].conn && gateways[i].incarnation)
			say(&gateways[i], &(struct rn_msg) { .type = RN_MSG_PING });
	return G_SOURCE_CONTINUE;
}

static void on_grant(struct gateway *gw, const struct rn_msg *msg)
{
	struct rn_msg ack = { .type = RN_MSG_GRANT_ACK, .id = msg->id, .epoch = msg->epoch,
			      .incarnation = gw->incarnation };
	gint64 us = g_get_monotonic_time() - gw->asked;

	rn_conn_send(gw->conn, &ack);
	granted++;
	if (!gw->asked || msg->nonce != gw->request)
		return;
	gw->asked = 0;
	g_array_append_val(took, us);
	if (loading)
		ask(gw);
}

static void on_message(struct rn_conn *conn, const struct rn_msg *msg, void *data)
{
	struct gateway *gw = data;

	switch (msg->type) {
	case RN_MSG_HELLO_ACK:
		if (msg->code)
			g_error("%s is refused: %s", gw->name, msg->text);
		rn_dialer_established(gw->dialer);
		say(gw, &(struct rn_msg) { .type = RN_MSG_REGISTER });
		break;
	case RN_MSG_REGISTERED:
		gw->incarnation = msg->incarnation;
		say(gw, &(struct rn_msg) { .type = RN_MSG_INVENTORY_END });
		break;
	case RN_MSG_INVENTORY_DONE:
		up++;
		break;
	case RN_MSG_GRANT:
		on_grant(gw, msg);
		break;
	case RN_MSG_DENY:
		g_error("%s is denied: %s", gw->name, msg->text);
	}
}

static void on_up(struct rn_conn *conn, void *data)
{
	struct gateway *gw = data;
	struct rn_msg hello = { .type = RN_MSG_HELLO, .version = RN_PROTO_VERSION,
				.mode = RN_MODE_SOURCE };

	g_strlcpy(hello.name, gw->name, sizeof(hello.name));
	gw->conn = conn;
	say(gw, &hello);
}

/* Before it was up, the dialer tries again. */
static void on_down(struct rn_conn *conn, const GError *reason, void *data)
{
	struct gateway *gw = data;

	if (gw->incarnation)
		g_error("%s lost its connection: %s", gw->name,
			reason ? reason->message : "closed");
	lost++;
	gw->conn = NULL;
}

static const struct rn_conn_ops ops = { .up = on_up, .message = on_message, .down = on_down };

/* ---- phases ---- */

static double seconds_since(gint64 began)
{
	return (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
}

static gboolean on_time(gpointer data)
{
	over = TRUE;
	return G_SOURCE_REMOVE;
}

/* It answers when it has read its store; gw1 asks for nothing yet. */
static void wait_for_start(const char *socket)
{
	while (!g_file_test(socket, G_FILE_TEST_EXISTS))
		g_usleep(10000);
}

/* A few at a time: all of them are one process here, and would starve each other. */
static void dial_more(const char *endpoint)
{
	for (; dialed < n_gateways && dialed < up + AT_ONCE; dialed++)
		gateways[dialed].dialer = rn_dialer_new(gateways[dialed].tls, endpoint, CONTROLLER,
							&ops, &gateways[dialed]);
}

static double each(guint64 after, guint64 before, gint n)
{
	return ((double)after - (double)before) / n;
}

static void measure(const char *endpoint, const char *socket, pid_t controller)
{
	gint64 began = g_get_monotonic_time();
	guint64 rss, connected;
	struct rig_spread s;

	wait_for_start(socket);
	rss = rig_rss(controller);
	printf("start: %d mappings read in %.1f s; RSS %.1f MiB, %.0f bytes a mapping\n", mappings,
	       seconds_since(began), (double)rss / (1 << 20), each(rss, 0, mappings));
	g_timeout_add(PING_MS, ping_all, NULL);
	began = g_get_monotonic_time();
	while (up < n_gateways || granted < (guint64)mappings) {
		dial_more(endpoint);
		g_main_context_iteration(NULL, TRUE);
	}
	connected = rig_rss(controller);
	printf("up: %d gateways registered and %" G_GUINT64_FORMAT " grants acknowledged in %.1f s, %d connections tried again; RSS %.1f MiB, %.0f more bytes a gateway\n",
	       n_gateways, granted, seconds_since(began), lost, (double)connected / (1 << 20),
	       each(connected, rss, n_gateways));
	began = g_get_monotonic_time();
	granted = 0;
	loading = TRUE;
	for (gint i = 0; i < n_gateways; i++)
		ask(&gateways[i]);
	g_timeout_add_seconds(LOAD_S, on_time, NULL);
	while (!over)
		g_main_context_iteration(NULL, TRUE);
	s = rig_spread(took);
	printf("load: one request of each gateway under way: %.0f durable grants a second; p50 %.1f ms, p99 %.1f ms, worst %.1f ms\n",
	       (double)granted / seconds_since(began), s.p50, s.p99, s.max);
	printf("    controller: peak RSS %.1f MiB\n", (double)rig_peak_rss(controller) / (1 << 20));
}

static gboolean options(int *argc, char ***argv)
{
	const GOptionEntry entries[] = {
		{ "gateways", 'g', 0, G_OPTION_ARG_INT, &n_gateways, "1000", "N" },
		{ "mappings", 'n', 0, G_OPTION_ARG_INT, &mappings, "Of all together (1000000)",
		  "N" },
		{ "program", 'p', 0, G_OPTION_ARG_FILENAME, &program, "The controller", "FILE" },
		{ "pki", 0, 0, G_OPTION_ARG_FILENAME, &pki, "Keys of all (build/bench/pki)",
		  "DIR" },
		{ "dir", 'd', 0, G_OPTION_ARG_FILENAME, &dir, "Of its store (build/bench)",
		  "DIR" },
		{ 0 },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (g_option_context_parse(context, argc, argv, &error) && mappings > 0 &&
	    mappings < 1 << 21 && n_gateways > 0 && n_gateways < FDS / 2)
		return TRUE;
	fprintf(stderr, "Error: %s\n",
		error ? error->message : "-n is 1 to 2097151, -g 1 to 8191");
	return FALSE;
}

int main(int argc, char **argv)
{
	g_autofree char *endpoint = NULL, *config = NULL, *store = NULL, *socket = NULL;
	const struct rlimit files = { FDS, FDS };
	pid_t controller;

	if (!options(&argc, &argv))
		return 1;
	if (setrlimit(RLIMIT_NOFILE, &files))
		g_error("setrlimit: %d open files are not allowed", FDS);
	g_log_set_writer_func(rig_only_errors, NULL, NULL);
	g_mkdir_with_parents(dir, 0755);
	config = g_build_filename(dir, "controller.conf", NULL);
	store = g_build_filename(dir, "store.db", NULL);
	socket = g_build_filename(dir, "control.sock", NULL);
	rig_forget_store(store);
	g_remove(socket);
	took = g_array_new(FALSE, FALSE, sizeof(gint64));
	gateways = g_new0(struct gateway, n_gateways);
	for (gint i = 0; i < n_gateways; i++) {
		gateways[i].number = (guint32)i + 1;
		g_snprintf(gateways[i].name, sizeof(gateways[i].name), "gw%d", i + 1);
		gateways[i].tls = rig_keys(pki, gateways[i].name);
	}
	endpoint = g_strdup_printf("127.0.0.1:%u", rig_free_port(gateways[0].tls));
	write_config(config, endpoint);
	rig_fill_store(store, mappings, n_gateways);
	controller = rig_start_controller(program, dir, config);
	measure(endpoint, socket, controller);
	for (gint i = 0; i < n_gateways; i++) {
		gateways[i].incarnation = 0;
		rn_dialer_free(gateways[i].dialer);
		rn_tls_free(gateways[i].tls);
	}
	kill(controller, SIGTERM);
	waitpid(controller, NULL, 0);
	g_array_free(took, TRUE);
	g_free(gateways);
	return 0;
}
