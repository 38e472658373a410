// SPDX-License-Identifier: GPL-2.0
/*
 * make bench-evacuate [MAPPINGS=10000]: gw1 is evacuated to gw2 and gw3.
 *
 *   this process ─control socket─ controller (the program, with its store)
 *                                   │TLS      │TLS      │TLS
 *   children:                      gw1 ─TLS─ gw2       gw3     over played kernels
 *                                   └───────TLS─────────┘
 *
 * All is real but the kernels and the packets. Nothing passes or fails here.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "net/control.h"
#include "proto/msg.h"
#include "resync-agent.h"
#include "rig.h"

#define GATEWAYS	3
#define TIMEOUT_MS	600000

static gint mappings = 10000, request_us = 10, in_flight;
static char *program = "build/bin/roamnat-controller", *dir = "build/bench";
static char *pki = "build/pki";

struct gateway {
	char name[8];
	char *endpoint;
	int commands, reports;
	pid_t pid;
	struct resync_report before, after;
};

static struct gateway gateways[GATEWAYS];

static void write_config(const char *path, const char *listen)
{
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_printf(text, "[controller]\n"
		"listen=%s\ncontrol-socket=%s/control.sock\nstore=%s/store.db\n"
		"report-from=source\n[tls]\nca=%s/ca.pem\ncert=%s/controller.pem\nkey=%s/controller.key\n"
		"[pool main]\nkind=address\nprefix=20.0.0.0/10\n", listen, dir, dir, pki, pki, pki);
	for (int i = 0; i < GATEWAYS; i++)
		g_string_append_printf(text, "[gateway %s]\nidentity=" RIG_DOMAIN
				       "gw/%s\nendpoint=%s\n", gateways[i].name,
				       gateways[i].name, gateways[i].endpoint);
	if (!g_file_set_contents(path, text->str, (gssize)text->len, NULL))
		g_error("%s: cannot be written", path);
}

/* Before this process has threads or a main loop. */
static void start_gateway(struct gateway *gw, const char *controller)
{
	int commands[2], reports[2];

	if (pipe2(commands, O_CLOEXEC) || pipe2(reports, O_CLOEXEC))
		g_error("pipe: %s", g_strerror(errno));
	gw->commands = commands[1];
	gw->reports = reports[0];
	gw->pid = fork();
	if (gw->pid) {
		close(commands[0]);
		close(reports[1]);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < GATEWAYS && gateways[i].commands; i++)
		close(gateways[i].commands);
	close(reports[0]);
	resync_agent(rig_keys(pki, gw->name), gw->name, gw->endpoint, controller,
		     RIG_DOMAIN "controller", (guint64)mappings, (guint)request_us, commands[0],
		     reports[1]);
	_exit(0);
}

static void say(const struct gateway *gw, char verb)
{
	if (write(gw->commands, &verb, 1) != 1)
		g_error("%s: %s", gw->name, g_strerror(errno));
}

static struct resync_report hear(const struct gateway *gw)
{
	struct resync_report report;

	if (read(gw->reports, &report, sizeof(report)) != sizeof(report))
		g_error("%s ended", gw->name);
	return report;
}

/* ---- the controller, asked as natctl would ---- */

static RnReply *ask(struct rn_control_client *client, const RnRequest *request)
{
	g_autoptr(GError) error = NULL;
	RnReply *reply = NULL;

	if (!rn_control_client_send(client, request, &error))
		g_error("%s", error->message);
	do {
		if (reply)
			roamnat__control__v1__reply__free_unpacked(reply, NULL);
		reply = rn_control_client_receive(client, TIMEOUT_MS, &error);
		if (!reply)
			g_error("%s", error->message);
	} while (!reply->last);
	if (reply->code)
		g_error("refused: %s", reply->text);
	return reply;
}

static struct rn_control_client *control(void)
{
	g_autofree char *path = g_build_filename(dir, "control.sock", NULL);
	gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
	struct rn_control_client *client;

	/* It starts, and reads its store. */
	while (!(client = rn_control_client_open(path, NULL)))
		if (g_get_monotonic_time() > until)
			g_error("the controller does not start: see %s/controller.log", dir);
		else
			g_usleep(10000);
	return client;
}

struct counters {
	guint64 messages, commits, rows, paused, moved;
};

static struct counters counters(void)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_control_client *client = control();
	struct counters c = { 0 };
	RnReply *reply;
	const struct {
		const char *name;
		guint64 *to;
	} wanted[] = {
		{ "messages", &c.messages }, { "store_commits", &c.commits },
		{ "store_rows", &c.rows }, { "sessions_paused", &c.paused },
		{ "moved", &c.moved },
	};

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__STATS;
	reply = ask(client, &request);
	for (size_t i = 0; i < reply->n_counters; i++)
		for (gsize k = 0; k < G_N_ELEMENTS(wanted); k++)
			if (!strcmp(reply->counters[i]->name, wanted[k].name))
				*wanted[k].to = reply->counters[i]->value;
	roamnat__control__v1__reply__free_unpacked(reply, NULL);
	rn_control_client_free(client);
	return c;
}

static double cpu_of(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
	g_autofree char *text = NULL;
	unsigned long user = 0, sys = 0;

	if (g_file_get_contents(path, &text, NULL, NULL))
		sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		       &user, &sys);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

static double evacuate(void)
{
	char *targets[2] = { gateways[1].name, gateways[2].name };
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	Roamnat__Control__V1__Selector selector = ROAMNAT__CONTROL__V1__SELECTOR__INIT;
	struct rn_control_client *client = control();
	gint64 began = g_get_monotonic_time();

	selector.gateway = gateways[0].name;
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__EVACUATE;
	request.selector = &selector;
	request.targets = targets;
	request.n_targets = G_N_ELEMENTS(targets);
	request.wait = TRUE;
	request.in_flight = (guint32)in_flight;
	request.timeout_ms = TIMEOUT_MS;
	roamnat__control__v1__reply__free_unpacked(ask(client, &request), NULL);
	rn_control_client_free(client);
	return (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
}

static double mib(guint64 bytes)
{
	return (double)bytes / (1024 * 1024);
}

static void measure(pid_t controller)
{
	struct counters before, after;
	double seconds, cpu;

	for (int i = 0; i < GATEWAYS; i++)
		say(&gateways[i], RESYNC_FRESH);
	for (int i = 0; i < GATEWAYS; i++)
		gateways[i].before = hear(&gateways[i]);
	for (int i = 0; i < GATEWAYS; i++)
		say(&gateways[i], RESYNC_BEGIN);
	before = counters();
	cpu = cpu_of(controller);
	seconds = evacuate();
	cpu = cpu_of(controller) - cpu;
	after = counters();
	printf("evacuated: %" G_GUINT64_FORMAT " of %d mappings in %.3f s, %.0f a second; CPU of the controller %.2f s\n",
	       after.moved - before.moved, mappings, seconds, mappings / seconds, cpu);
	printf("    from gateways %.2f messages a mapping; %.2f rows in %" G_GUINT64_FORMAT
	       " transactions; gateways not read for a while %" G_GUINT64_FORMAT " times\n",
	       (double)(after.messages - before.messages) / mappings,
	       (double)(after.rows - before.rows) / mappings, after.commits - before.commits,
	       after.paused - before.paused);
	for (int i = 0; i < GATEWAYS; i++) {
		struct gateway *gw = &gateways[i];

		say(gw, RESYNC_TELL);
		gw->after = hear(gw);
		printf("    %s: translates %" G_GUINT64_FORMAT
		       ", controller's connection %.1f bytes a mapping, %" G_GUINT64_FORMAT
		       " kernel requests, longest turn %.1f ms of CPU\n", gw->name,
		       gw->after.mappings,
		       (double)(gw->after.sent + gw->after.received - gw->before.sent -
				gw->before.received) / mappings,
		       gw->after.requests, (double)gw->after.longest_us / 1000);
	}
	printf("    controller: peak RSS %.1f MiB\n", mib(rig_peak_rss(controller)));
}

static gboolean options(int *argc, char ***argv)
{
	const GOptionEntry entries[] = {
		{ "mappings", 'n', 0, G_OPTION_ARG_INT, &mappings, "Of gw1 (10000)", "N" },
		{ "in-flight", 'i', 0, G_OPTION_ARG_INT, &in_flight,
		  "Mappings that move at the same time (the controller's default)", "N" },
		{ "request", 'k', 0, G_OPTION_ARG_INT, &request_us,
		  "What a kernel request costs a gateway (10)", "US" },
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
	struct rn_tls *tls;
	pid_t controller;

	if (!options(&argc, &argv))
		return 1;
	g_log_set_writer_func(rig_only_errors, NULL, NULL);
	g_mkdir_with_parents(dir, 0755);
	config = g_build_filename(dir, "controller.conf", NULL);
	store = g_build_filename(dir, "store.db", NULL);
	rig_forget_store(store);
	tls = rig_keys(pki, "gw1");
	endpoint = g_strdup_printf("127.0.0.1:%u", rig_free_port(tls));
	for (int i = 0; i < GATEWAYS; i++) {
		g_snprintf(gateways[i].name, sizeof(gateways[i].name), "gw%d", i + 1);
		gateways[i].endpoint = g_strdup_printf("127.0.0.1:%u", rig_free_port(tls));
	}
	write_config(config, endpoint);
	for (int i = 0; i < GATEWAYS; i++)
		start_gateway(&gateways[i], endpoint);
	rig_fill_store(store, mappings, 1);
	controller = rig_start_controller(program, dir, config);
	measure(controller);
	for (int i = 0; i < GATEWAYS; i++) {
		close(gateways[i].commands);
		waitpid(gateways[i].pid, NULL, 0);
		g_free(gateways[i].endpoint);
	}
	kill(controller, SIGTERM);
	waitpid(controller, NULL, 0);
	rn_tls_free(tls);
	return 0;
}
