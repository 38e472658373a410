// SPDX-License-Identifier: GPL-2.0
/*
 * make bench-resync [MAPPINGS=100000]: one gateway resynchronises all its mappings
 * while another one asks for new ones.
 *
 *   this process: gw2, one request at a time ─TLS─┐
 *                                             controller (the program, with its store)
 *   child: gw1, MAPPINGS mappings ───────────TLS─┘
 *
 * Nothing passes or fails here. What lasts are the ratios: the other gateway's
 * latency during a resync to that of an idle controller.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "net/conn.h"
#include "resync-agent.h"
#include "rig.h"

#define CONTROLLER	RIG_DOMAIN "controller"
#define PAUSE_US	2000	/* between two requests of gw2 */
#define IDLE_S		5

static gint mappings = 100000, request_us = 10, rounds = 3;
static char *program = "build/bin/roamnat-controller", *dir = "build/bench";
static char *pki = "build/pki";

/* ---- the controller ---- */

static void write_config(const char *path, const char *endpoint)
{
	g_autofree char *text = g_strdup_printf("[controller]\n"
		"listen=%s\ncontrol-socket=%s/control.sock\nstore=%s/store.db\n"
		"report-from=source\n[tls]\nca=%s/ca.pem\ncert=%s/controller.pem\nkey=%s/controller.key\n"
		"[pool main]\nkind=address\nprefix=20.0.0.0/10\n"
		"[gateway gw1]\nidentity=" RIG_DOMAIN "gw/gw1\nendpoint=127.0.0.1:1\n"
		"[gateway gw2]\nidentity=" RIG_DOMAIN "gw/gw2\nendpoint=127.0.0.1:2\n",
		endpoint, dir, dir, pki, pki, pki);

	if (!g_file_set_contents(path, text, -1, NULL))
		g_error("%s: cannot be written", path);
}

/* ---- gw2: PING, then a request, one at a time ---- */

static struct probe {
	struct rn_conn *conn;
	guint64 incarnation, nonce;
	guint32 vm;
	gint64 asked;
	GArray *pings, *grants;	/* gint64 us, of this phase */
	gboolean up;
} probe;

static void send_probe(struct rn_msg *msg)
{
	probe.asked = g_get_monotonic_time();
	msg->nonce = ++probe.nonce;
	msg->incarnation = probe.incarnation;
	rn_conn_send(probe.conn, msg);
}

static void ask(void)
{
	guint32 n = ++probe.vm;

	send_probe(&(struct rn_msg) {
		.type = RN_MSG_NATREQ, .timer.preset = 3600000,
		.vm = { .zone = 2, .kind = RN_KIND_ADDRESS,
			.addr = { 4, { 11, (guint8)(n >> 16), (guint8)(n >> 8), (guint8)n } } },
	});
}

static gboolean ping(gpointer data)
{
	if (probe.conn)
		send_probe(&(struct rn_msg) { .type = RN_MSG_PING });
	return G_SOURCE_REMOVE;
}

static void note(GArray *times)
{
	gint64 us = g_get_monotonic_time() - probe.asked;

	g_array_append_val(times, us);
}

static void on_grant(const struct rn_msg *msg)
{
	struct rn_msg ack = { .type = RN_MSG_GRANT_ACK, .id = msg->id, .epoch = msg->epoch,
			      .incarnation = probe.incarnation };

	rn_conn_send(probe.conn, &ack);
	if (msg->nonce != probe.nonce)
		return;
	note(probe.grants);
	g_timeout_add(PAUSE_US / 1000, ping, NULL);
}

static void on_message(struct rn_conn *conn, const struct rn_msg *msg, void *data)
{
	switch (msg->type) {
	case RN_MSG_HELLO_ACK:
		if (msg->code)
			g_error("gw2 is refused: %s", msg->text);
		send_probe(&(struct rn_msg) { .type = RN_MSG_REGISTER });
		break;
	case RN_MSG_REGISTERED:
		probe.incarnation = msg->incarnation;
		send_probe(&(struct rn_msg) { .type = RN_MSG_INVENTORY_END });
		break;
	case RN_MSG_INVENTORY_DONE:
		probe.up = TRUE;
		ping(NULL);
		break;
	case RN_MSG_PONG:
		if (msg->nonce == probe.nonce) {
			note(probe.pings);
			ask();
		}
		break;
	case RN_MSG_GRANT:
		on_grant(msg);
		break;
	case RN_MSG_DENY:
		g_error("gw2 is denied: %s", msg->text);
	}
}

static void on_up(struct rn_conn *conn, void *data)
{
	struct rn_msg hello = { .type = RN_MSG_HELLO, .version = RN_PROTO_VERSION,
				.mode = RN_MODE_SOURCE, .name = "gw2" };

	probe.conn = conn;
	send_probe(&hello);
}

static void on_down(struct rn_conn *conn, const GError *reason, void *data)
{
	if (probe.up)
		g_error("gw2 lost its connection: %s", reason ? reason->message : "closed");
	probe.conn = NULL;
}

static const struct rn_conn_ops ops = { .up = on_up, .message = on_message, .down = on_down };

/* ---- what it says ---- */

static void print_spread(const char *what, struct rig_spread s, struct rig_spread idle)
{
	printf("    %-16s p50 %8.3f ms  p99 %8.3f ms  worst %8.3f ms", what, s.p50, s.p99, s.max);
	if (idle.p50)
		printf("   x idle: %.1f %.1f %.1f", s.p50 / idle.p50, s.p99 / idle.p99,
		       s.max / idle.max);
	printf("\n");
}

static void print_gw2(struct rig_spread *pings, struct rig_spread *grants)
{
	struct rig_spread p = rig_spread(probe.pings), g = rig_spread(probe.grants);

	print_spread("gw2 PING", p, *pings);
	print_spread("gw2 NATREQ", g, *grants);
	if (!pings->p50) {
		*pings = p;
		*grants = g;
	}
}

/* ---- phases ---- */

static struct resync_report report;
static gboolean over;

static gboolean on_report(gint fd, GIOCondition condition, gpointer data)
{
	if (read(fd, &report, sizeof(report)) != sizeof(report))
		g_error("gw1 ended");
	over = TRUE;
	return G_SOURCE_CONTINUE;
}

static gboolean on_time(gpointer data)
{
	over = TRUE;
	return G_SOURCE_REMOVE;
}

static void run(void)
{
	g_array_set_size(probe.pings, 0);
	g_array_set_size(probe.grants, 0);
	over = FALSE;
	while (!over)
		g_main_context_iteration(NULL, TRUE);
}

static double mib(guint64 bytes)
{
	return (double)bytes / (1024 * 1024);
}

static void phase(const char *what, char verb, int commands, pid_t controller,
		  struct rig_spread *pings, struct rig_spread *grants)
{
	if (write(commands, &verb, 1) != 1)
		g_error("gw1: %s", g_strerror(errno));
	run();
	printf("%s: %" G_GUINT64_FORMAT " mappings in %.3f s, %.0f a second\n", what,
	       report.mappings, report.seconds, (double)mappings / report.seconds);
	printf("    wire: gw1 sent %.2f MiB, received %.2f MiB: %.1f bytes a mapping\n",
	       mib(report.sent), mib(report.received),
	       (double)(report.sent + report.received) / mappings);
	printf("    gw1: %" G_GUINT64_FORMAT " kernel requests, longest turn %.1f ms of CPU, peak RSS %.1f MiB (%.1f are its kernel)\n",
	       report.requests, (double)report.longest_us / 1000, mib(report.rss),
	       mib(report.kernel));
	printf("    controller: peak RSS %.1f MiB\n", mib(rig_peak_rss(controller)));
	print_gw2(pings, grants);
	fflush(stdout);
}

static void measure(int commands, int reports, pid_t controller)
{
	struct rig_spread pings = { 0 }, grants = { 0 };

	while (!probe.up)
		g_main_context_iteration(NULL, TRUE);
	g_timeout_add_seconds(IDLE_S, on_time, NULL);
	run();
	printf("idle: controller's RSS with %d mappings %.1f MiB\n", mappings,
	       mib(rig_peak_rss(controller)));
	print_gw2(&pings, &grants);
	g_unix_fd_add(reports, G_IO_IN | G_IO_HUP, on_report, NULL);
	for (gint i = 0; i < rounds; i++) {
		phase("fresh", RESYNC_FRESH, commands, controller, &pings, &grants);
		phase("again", RESYNC_AGAIN, commands, controller, &pings, &grants);
	}
}

/* gw1, before this process has threads or a main loop. */
static pid_t start_gw1(const char *endpoint, int commands[2], int reports[2])
{
	pid_t pid;

	if (pipe2(commands, O_CLOEXEC) || pipe2(reports, O_CLOEXEC))
		g_error("pipe: %s", g_strerror(errno));
	pid = fork();
	if (pid) {
		close(commands[0]);
		close(reports[1]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(commands[1]);
	close(reports[0]);
	resync_agent(rig_keys(pki, "gw1"), "gw1", "127.0.0.1:0", endpoint, CONTROLLER,
		     (guint64)mappings, (guint)request_us, commands[0], reports[1]);
	_exit(0);
}

static gboolean options(int *argc, char ***argv)
{
	const GOptionEntry entries[] = {
		{ "mappings", 'n', 0, G_OPTION_ARG_INT, &mappings, "Of gw1 (100000)", "N" },
		{ "request", 'k', 0, G_OPTION_ARG_INT, &request_us,
		  "What a kernel request costs gw1 (10)", "US" },
		{ "rounds", 'r', 0, G_OPTION_ARG_INT, &rounds, "Of each phase (3)", "N" },
		{ "program", 'p', 0, G_OPTION_ARG_FILENAME, &program, "The controller", "FILE" },
		{ "pki", 0, 0, G_OPTION_ARG_FILENAME, &pki, "Keys by tests/net/pki.sh", "DIR" },
		{ "dir", 'd', 0, G_OPTION_ARG_FILENAME, &dir, "Of its store (build/bench)",
		  "DIR" },
		{ 0 },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (g_option_context_parse(context, argc, argv, &error) && mappings > 0 &&
	    mappings < 1 << 21)
		return TRUE;
	fprintf(stderr, "Error: %s\n", error ? error->message : "-n is 1 to 2097151");
	return FALSE;
}

int main(int argc, char **argv)
{
	g_autofree char *endpoint = NULL, *config = NULL, *store = NULL;
	int commands[2], reports[2];
	struct rn_dialer *dialer;
	pid_t controller, gw1;
	struct rn_tls *tls;

	if (!options(&argc, &argv))
		return 1;
	g_log_set_writer_func(rig_only_errors, NULL, NULL);
	g_mkdir_with_parents(dir, 0755);
	config = g_build_filename(dir, "controller.conf", NULL);
	store = g_build_filename(dir, "store.db", NULL);
	rig_forget_store(store);
	tls = rig_keys(pki, "gw2");
	endpoint = g_strdup_printf("127.0.0.1:%u", rig_free_port(tls));
	write_config(config, endpoint);
	gw1 = start_gw1(endpoint, commands, reports);
	rig_fill_store(store, mappings, 1);
	controller = rig_start_controller(program, dir, config);
	probe.pings = g_array_new(FALSE, FALSE, sizeof(gint64));
	probe.grants = g_array_new(FALSE, FALSE, sizeof(gint64));
	dialer = rn_dialer_new(tls, endpoint, CONTROLLER, &ops, NULL);
	measure(commands[1], reports[0], controller);
	close(commands[1]);
	waitpid(gw1, NULL, 0);
	rn_dialer_free(dialer);
	kill(controller, SIGTERM);
	waitpid(controller, NULL, 0);
	rn_tls_free(tls);
	return 0;
}
