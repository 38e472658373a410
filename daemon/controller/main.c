// SPDX-License-Identifier: GPL-2.0
/*
 * roamnat-controller: options, signals, and the order of start. Each step needs
 * the ones before it; the end is the same list reversed.
 *
 *  configuration -> keys -> store (locked, checked) -> core (records, leases
 *  count as fresh) -> listener for gateways -> control socket -> READY
 */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "controller/api.h"
#include "controller/watch.h"
#include "controller/session.h"

struct program {
	GMainLoop *loop;
	struct rn_tls *tls;
	struct rn_core *core;
	struct rn_sessions *sessions;
	struct rn_api *api;
	int status;
};

/* ---- hooks of the core ---- */

static void on_event(const struct rn_store_audit *event, void *data)
{
	struct program *program = data;

	if (program->api)
		rn_api_event(program->api, event);
}

static void on_changed(struct rn_record *record, void *data)
{
	(void)data;
	rn_watch_changed(record);
}

static void on_relieved(void *data)
{
	struct program *program = data;

	if (program->sessions)
		rn_sessions_relieved(program->sessions);
}

/* P8: what we decided is not on disk, so nobody may learn it from us. */
static void on_failed(const char *message, void *data)
{
	struct program *program = data;

	rn_err("%s: the controller ends, because a decision could not be stored; gateways go on translating",
	       message);
	program->status = 1;
	g_main_loop_quit(program->loop);
}

/* ---- signals ---- */

static gboolean on_end(gpointer data)
{
	struct program *program = data;

	rn_notice("signal to end: connections and store are closed");
	rn_notify("STOPPING=1");
	g_main_loop_quit(program->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean on_reload(gpointer data)
{
	struct program *program = data;
	g_autoptr(GError) error = NULL;

	rn_notify("RELOADING=1");
	if (rn_tls_reload(program->tls, &error))
		rn_notice("keys, certificates and revocations read again: new connections use them");
	else
		rn_warn("SIGHUP: %s: the keys from before stay in use", error->message);
	rn_notify("READY=1");
	return G_SOURCE_CONTINUE;
}

static gboolean on_watchdog(gpointer data)
{
	(void)data;
	rn_notify("WATCHDOG=1");
	return G_SOURCE_CONTINUE;
}

/* ---- start ---- */

static gboolean start(struct program *program, struct rn_ctl_config **config, GError **error)
{
	static const struct rn_core_hooks hooks = {
		.event = on_event,
		.changed = on_changed,
		.send = rn_session_send,
		.full = rn_session_full,
		.relieved = on_relieved,
		.failed = on_failed,
	};
	struct rn_store *store = rn_store_open((*config)->store, error);

	if (!store)
		return FALSE;
	program->core = rn_core_new(g_steal_pointer(config), store, error);
	if (!program->core)
		return FALSE;
	if (!rn_core_start(program->core, &hooks, program, error))
		return FALSE;
	program->sessions = rn_sessions_new(program->core, program->tls, error);
	if (!program->sessions)
		return FALSE;
	program->api = rn_api_new(program->core, error);
	return program->api != NULL;
}

static int serve(struct rn_ctl_config *config, struct rn_tls *tls)
{
	struct program program = { .tls = tls, .loop = g_main_loop_new(NULL, FALSE) };
	g_autoptr(GError) error = NULL;
	guint watchdog = rn_notify_watchdog();

	g_unix_signal_add(SIGTERM, on_end, &program);
	g_unix_signal_add(SIGINT, on_end, &program);
	g_unix_signal_add(SIGHUP, on_reload, &program);
	if (watchdog)
		g_timeout_add(watchdog, on_watchdog, NULL);
	if (start(&program, &config, &error)) {
		rn_notice("%s serves gateways on %s, natctl on %s, store %s, report-from %s, %u endpoints known",
			  rn_tls_identity(tls), program.core->config->listen,
			  program.core->config->control_socket, program.core->config->store,
			  rn_mode_to_string(program.core->config->mode),
			  g_hash_table_size(program.core->records->by_id));
		rn_notify("READY=1");
		g_main_loop_run(program.loop);
	} else {
		rn_err("%s", error->message);
		program.status = 1;
	}
	rn_api_free(program.api);
	program.api = NULL;
	rn_sessions_free(program.sessions);
	rn_core_free(program.core);
	rn_ctl_config_free(config);
	g_main_loop_unref(program.loop);
	return program.status;
}

/* ---- a store without a controller ---- */

static void print_sentence(const char *sentence, void *data)
{
	unsigned int *n = data;

	printf("%s\n", sentence);
	(*n)++;
}

static int check_store(const char *store)
{
	g_autoptr(GError) error = NULL;
	unsigned int n = 0;

	if (!rn_store_check(store, print_sentence, &n, &error)) {
		fprintf(stderr, "roamnat-controller: %s\n", error->message);
		return 1;
	}
	if (!n)
		printf("%s: ok\n", store);
	return n != 0;
}

static int restore_store(const char *store, char **off)
{
	g_autofree char *by = g_strdup_printf("uid %u, roamnat-controller --restored", getuid());
	g_autoptr(GError) error = NULL;

	if (!rn_store_restore(store, (const char *const *)off, by, &error)) {
		fprintf(stderr, "roamnat-controller: %s\n", error->message);
		return 1;
	}
	printf("%s: is the store now; start the controller: it grants nothing before every gateway has registered\n",
	       store);
	return 0;
}

struct options {
	char *path;
	char **off;
	gboolean check, debug, version, store, restored;
};

static gboolean parse_options(struct options *o, int *argc, char ***argv)
{
	const GOptionEntry entries[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &o->path,
		  "Configuration (/etc/roamnat/controller.conf)", "FILE" },
		{ "check-config", 0, 0, G_OPTION_ARG_NONE, &o->check,
		  "Check configuration and keys, and exit", NULL },
		{ "check-store", 0, 0, G_OPTION_ARG_NONE, &o->store,
		  "Check the store, or FILE, and exit; it may be in use", NULL },
		{ "restored", 0, 0, G_OPTION_ARG_NONE, &o->restored,
		  "The store was restored from a backup: make it good to start with, and exit",
		  NULL },
		{ "off", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->off,
		  "With --restored: gateway NAME is powered off, and stays so", "NAME" },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &o->debug, "Log more", NULL },
		{ "version", 'V', 0, G_OPTION_ARG_NONE, &o->version, "Print the version", NULL },
		{ 0 },
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("[FILE] - owner of all NAT mappings");
	g_autoptr(GError) error = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	if (g_option_context_parse(context, argc, argv, &error) && *argc <= 1 + o->store &&
	    o->store + o->restored + o->check <= 1 && (!o->off || o->restored))
		return TRUE;
	fprintf(stderr, "roamnat-controller: %s: see --help\n",
		error ? error->message : "these options do not go together");
	return FALSE;
}

/* With a configuration: what was asked for instead of serving, or that. */
static int run(const struct options *o, struct rn_ctl_config *config)
{
	g_autoptr(GError) error = NULL;
	struct rn_tls *tls;
	int status = 0;

	if (o->store || o->restored) {
		status = o->store ? check_store(config->store) :
				    restore_store(config->store, o->off);
		rn_ctl_config_free(config);
		return status;
	}
	tls = rn_tls_new(config->ca, config->cert, config->key, config->crl, &error);
	if (!tls) {
		fprintf(stderr, "roamnat-controller: %s\n", error->message);
		rn_ctl_config_free(config);
		return 1;
	}
	if (o->check) {
		printf("%s: ok\n", o->path);
		rn_ctl_config_free(config);
	} else {
		status = serve(config, tls);
	}
	rn_tls_free(tls);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	g_autoptr(GError) error = NULL;
	struct rn_ctl_config *config;
	int status = 1;

	if (!parse_options(&o, &argc, &argv))
		return 1;
	if (o.version) {
		printf("roamnat-controller %s\n", ROAMNAT_VERSION);
		return 0;
	}
	if (!o.path)
		o.path = g_strdup("/etc/roamnat/controller.conf");
	rn_log_init("roamnat-controller", o.debug);
	if (argc > 1) {
		status = check_store(argv[1]);
	} else {
		config = rn_ctl_config_load(o.path, &error);
		if (config)
			status = run(&o, config);
		else
			fprintf(stderr, "roamnat-controller: %s\n", error->message);
	}
	g_strfreev(o.off);
	g_free(o.path);
	return status;
}
