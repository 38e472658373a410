// SPDX-License-Identifier: GPL-2.0
/*
 * roamnat-agent: the gateway's part of the control plane. This file puts the
 * parts together and says in which order they start:
 *
 *   configuration, keys, kernel sockets, routes, core, listener, session,
 *   interfaces, control socket; then the kernel module, whenever it is there;
 *   then, with what its table holds, the controller.
 *
 * Stopping is the reverse. The kernel's table is never touched by it, nor are the
 * routes of what it holds: traffic flows on, and the next agent adopts both.
 */
#include <glib-unix.h>
#include <linux/roamnat.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "agent/api.h"
#include "agent/config.h"
#include "agent/core.h"
#include "agent/arrival.h"
#include "agent/forward.h"
#include "agent/inside.h"
#include "agent/kernel.h"
#include "agent/peer.h"
#include "agent/route.h"
#include "agent/session.h"
#include "base/log.h"
#include "net/tls.h"

#define DEFAULT_CONFIG	"/etc/roamnat/agent.conf"
#define GOODBYE_MS	1000
#define REREAD_MS	1000	/* until a table that could not be read is read again */

struct agent {
	GMainLoop *loop;
	struct agent_config *config;
	struct rn_tls *tls;
	struct agent_kernel *kernel;
	struct agent_core *core;
	struct agent_peers *peers;
	struct agent_session *session;
	struct agent_forward *forward;
	struct agent_inside *inside;
	struct agent_route *route;
	struct agent_arrival *arrival;
	struct agent_api *api;
	guint reread;		/* source: the kernel's table has to be read again */
	gboolean stopping;
};

/* ---- from the core ---- */

static gboolean core_send(uint32_t to, const struct rn_msg *msg,
			  const struct rn_bindings *bindings, void *data)
{
	struct agent *agent = data;

	if (to == RN_CONTROLLER)
		return agent_session_send(agent->session, msg);
	return agent_peer_send(agent->peers, to, msg, bindings);
}

static void core_noted(const struct agent_entry *entry, const struct own_act *note, void *data)
{
	struct agent *agent = data;

	agent_api_noted(agent->api, entry, note);
}

static void core_entered(struct agent_entry *entry, void *data)
{
	struct agent *agent = data;

	agent_route_entered(agent->route, entry);
}

static void core_stepped(const struct agent_entry *entry, void *data)
{
	struct agent *agent = data;

	agent_api_stepped(agent->api, entry);
}

static uint32_t core_way(uint32_t to, const struct rn_private *vm, void *data)
{
	struct agent *agent = data;

	return agent_forward_way(agent->forward, agent_peer_name(agent->peers, to), vm->zone);
}

static const struct agent_core_ops core_ops = {
	.send = core_send,
	.way = core_way,
	.noted = core_noted,
	.entered = core_entered,
	.stepped = core_stepped,
};

static void session_changed(const char *state, void *data)
{
	struct agent *agent = data;

	/* There is none yet, or any more, when a start fails half-way. */
	if (agent->api)
		agent_api_said(agent->api, "session", state);
	if (!strcmp(state, "up")) {
		agent_route_start(agent->route);
		agent_route_again(agent->route);
	}
}

/* ---- from the kernel ---- */

static void set_bounds(struct agent *agent)
{
	uint32_t values[ROAMNAT_A_CONFIG_MAX + 1] = { 0 };
	g_autoptr(GError) error = NULL;
	const GArray *bounds = agent->config->bounds;
	uint64_t max;

	if (bounds->len && !agent_kernel_config_set(agent->kernel, (void *)bounds->data,
						    bounds->len, &error)) {
		rn_err("[kernel]: not changed: %s", error->message);
		g_clear_error(&error);
	}
	if (!agent_kernel_config_get(agent->kernel, values, &error)) {
		rn_err("the kernel's bounds are not known: %s", error->message);
		return;
	}
	max = (uint64_t)values[ROAMNAT_A_CONFIG_MAX_MAPPINGS] +
	      values[ROAMNAT_A_CONFIG_MAX_MISSES];
	if (max)
		agent_core_set_max(agent->core, (guint)MIN(max, G_MAXUINT));
}

static void kernel_up(const struct agent_kmsg_session *session, void *data)
{
	struct agent *agent = data;
	g_autoptr(GError) error = NULL;

	set_bounds(agent);
	agent_core_set_session(agent->core, 0, session->incarnation, FALSE, FALSE);
	/* Without it the controller grants again what we do not name: only slower. Routes
	 * wait until it has.
	 */
	if (agent_core_reconcile(agent->core, &error))
		agent_route_start(agent->route);
	else
		rn_err("the kernel's table was not read: %s", error->message);
	rn_info("the kernel's table has %u mappings",
		agent_entry_count(agent_core_table(agent->core)));
	agent_inside_apply(agent->inside);
	agent_api_said(agent->api, "kernel", "the kernel module is there");
	agent_session_start(agent->session, session);
}

static void kernel_down(void *data)
{
	struct agent *agent = data;

	g_clear_handle_id(&agent->reread, g_source_remove);
	agent_session_stop(agent->session);
	agent_core_clear(agent->core);
	agent_api_said(agent->api, "kernel", agent_kernel_missing(agent->kernel));
	rn_notify("STATUS=the kernel module is gone: load it with modprobe roamnat");
}

static void kernel_miss(const struct agent_kmsg_mapping *miss, void *data)
{
	struct agent *agent = data;

	agent_core_miss(agent->core, miss);
}

static void kernel_changed(const struct agent_kmsg_mapping *mapping, void *data)
{
	struct agent *agent = data;

	agent_core_changed(agent->core, mapping);
}

static gboolean read_again(gpointer data)
{
	struct agent *agent = data;
	g_autoptr(GError) error = NULL;

	agent->reread = 0;
	if (!agent_core_reconcile(agent->core, &error)) {
		rn_err("the kernel's table was not read: %s; trying again", error->message);
		agent->reread = g_timeout_add(REREAD_MS, read_again, agent);
	}
	return G_SOURCE_REMOVE;
}

/* In a turn of its own: more may be lost in this one. */
static void kernel_overrun(void *data)
{
	struct agent *agent = data;

	if (agent->reread)
		return;
	rn_notice("notifications of the kernel were lost; reading its table again");
	agent->reread = g_idle_add_full(G_PRIORITY_DEFAULT, read_again, agent, NULL);
}

static const struct agent_kernel_ops kernel_ops = {
	.up = kernel_up,
	.down = kernel_down,
	.miss = kernel_miss,
	.changed = kernel_changed,
	.overrun = kernel_overrun,
};

/* ---- signals ---- */

static gboolean reload(gpointer data)
{
	struct agent *agent = data;
	g_autoptr(GError) error = NULL;

	if (rn_tls_reload(agent->tls, &error))
		rn_notice("keys reloaded; new connections use them");
	else
		rn_err("keys not reloaded, the old ones stay in use: %s", error->message);
	return G_SOURCE_CONTINUE;
}

static void gone(void *data)
{
	struct agent *agent = data;

	g_main_loop_quit(agent->loop);
}

static gboolean give_up(gpointer data)
{
	gone(data);
	return G_SOURCE_REMOVE;
}

static gboolean stop(gpointer data)
{
	struct agent *agent = data;

	if (agent->stopping)
		return G_SOURCE_CONTINUE;
	agent->stopping = TRUE;
	rn_notify("STOPPING=1");
	rn_notice("stopping; the kernel goes on translating");
	g_timeout_add(GOODBYE_MS, give_up, agent);
	agent_session_goodbye(agent->session, gone, agent);
	return G_SOURCE_CONTINUE;
}

static gboolean feed_watchdog(gpointer data G_GNUC_UNUSED)
{
	rn_notify("WATCHDOG=1");
	return G_SOURCE_CONTINUE;
}

/* ---- start and end ---- */

static gboolean start(struct agent *agent, GError **error)
{
	const struct agent_config *config = agent->config;

	agent->tls = rn_tls_new(config->ca, config->cert, config->key, config->crl, error);
	if (!agent->tls)
		return FALSE;
	agent->kernel = agent_kernel_new(ROAMNAT_VERSION, &kernel_ops, agent, error);
	if (!agent->kernel)
		return FALSE;
	agent->route = agent_route_new(config, error);
	if (!agent->route)
		return FALSE;
	agent->core = agent_core_new(agent->kernel, config->mode, &core_ops, agent);
	agent->peers = agent_peer_new(config, agent->tls, agent->core, error);
	if (!agent->peers)
		return FALSE;
	agent->session = agent_session_new(config, agent->tls, agent->kernel, agent->core,
					   agent->peers, session_changed, agent);
	agent->forward = agent_forward_new(config, agent->kernel);
	agent->inside = agent_inside_new(config, agent->kernel, agent->forward, error);
	if (!agent->inside ||
	    !agent_arrival_new(config, agent->core, &agent->arrival, error))
		return FALSE;
	agent->api = agent_api_new(config, ROAMNAT_VERSION, agent->kernel, agent->core,
				   agent->peers, agent->session, agent->route, error);
	return agent->api != NULL;
}

static void finish(struct agent *agent)
{
	g_clear_handle_id(&agent->reread, g_source_remove);
	/* The session and the core still tell the api what they do. */
	agent_session_free(agent->session);
	agent_api_free(agent->api);
	agent_peer_free(agent->peers);
	agent_arrival_free(agent->arrival);
	agent_inside_free(agent->inside);
	agent_forward_free(agent->forward);
	agent_core_free(agent->core);
	agent_route_free(agent->route);
	agent_kernel_free(agent->kernel);
	rn_tls_free(agent->tls);
}

static void run(struct agent *agent)
{
	guint watchdog = rn_notify_watchdog();

	agent->loop = g_main_loop_new(NULL, FALSE);
	g_unix_signal_add(SIGHUP, reload, agent);
	g_unix_signal_add(SIGTERM, stop, agent);
	g_unix_signal_add(SIGINT, stop, agent);
	if (watchdog)
		g_timeout_add(watchdog, feed_watchdog, NULL);
	rn_notice("roamnat-agent %s, gateway %s, identity %s, report-from=%s", ROAMNAT_VERSION,
		  agent->config->name, rn_tls_identity(agent->tls),
		  rn_mode_to_string(agent->config->mode));
	agent_kernel_start(agent->kernel);
	/* Nothing is translated, so what an agent before announced is over. */
	if (agent_kernel_absent(agent->kernel))
		agent_route_start(agent->route);
	rn_notify("READY=1");
	g_main_loop_run(agent->loop);
	g_main_loop_unref(agent->loop);
}

int main(int argc, char **argv)
{
	g_autofree char *path = NULL;
	gboolean check = FALSE, debug = FALSE, version = FALSE;
	const GOptionEntry entries[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &path,
		  "Configuration (default " DEFAULT_CONFIG ")", "FILE" },
		{ "check-config", 0, 0, G_OPTION_ARG_NONE, &check,
		  "Check the configuration and exit", NULL },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &debug, "Log more", NULL },
		{ "version", 'V', 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL },
		{ NULL },
	};
	g_autoptr(GOptionContext) options = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	struct agent agent = { 0 };
	int status = 1;

	g_option_context_set_summary(options, "The agent of a roamnat gateway.");
	g_option_context_add_main_entries(options, entries, NULL);
	if (!g_option_context_parse(options, &argc, &argv, &error) || argc > 1) {
		fprintf(stderr, "Error: %s; see --help\n", error ? error->message :
			"unexpected argument");
		return 1;
	}
	if (version) {
		printf("roamnat-agent %s\n", ROAMNAT_VERSION);
		return 0;
	}
	if (!path)
		path = g_strdup(DEFAULT_CONFIG);
	agent.config = agent_config_load(path, &error);
	if (!agent.config) {
		fprintf(stderr, "Error: %s\n", error->message);
		return 1;
	}
	if (check) {
		printf("%s: ok\n", path);
		agent_config_free(agent.config);
		return 0;
	}

	signal(SIGPIPE, SIG_IGN);
	rn_log_init("roamnat-agent", debug);
	if (start(&agent, &error)) {
		run(&agent);
		status = 0;
	} else {
		rn_err("%s", error->message);
	}
	finish(&agent);
	agent_config_free(agent.config);
	return status;
}
