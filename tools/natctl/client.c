// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <unistd.h>
#include "client.h"

#define GRACE 1000	/* ms that a daemon's own time-out may come late */

static const struct {
	const char *program;
	const char *variable;
	const char *path;
} daemons[] = {
	[RN_DAEMON_AGENT] = {
		"roamnat-agent", "ROAMNAT_AGENT_SOCKET", "/run/roamnat/agent.sock",
	},
	[RN_DAEMON_CONTROLLER] = {
		"roamnat-controller", "ROAMNAT_CONTROLLER_SOCKET", "/run/roamnat/controller.sock",
	},
};

static const char *default_path(enum rn_daemon daemon)
{
	const char *path = g_getenv(daemons[daemon].variable);

	return path && *path ? path : daemons[daemon].path;
}

static enum rn_daemon resolve_any(enum rn_daemon daemon)
{
	if (daemon != RN_DAEMON_ANY)
		return daemon;
	if (!access(default_path(RN_DAEMON_AGENT), F_OK) ||
	    access(default_path(RN_DAEMON_CONTROLLER), F_OK))
		return RN_DAEMON_AGENT;
	return RN_DAEMON_CONTROLLER;
}

const char *rn_client_path(const struct natctl *ctl, enum rn_daemon daemon)
{
	return ctl->server ? ctl->server : default_path(resolve_any(daemon));
}

gboolean rn_client_socket_exists(const struct natctl *ctl, enum rn_daemon daemon)
{
	return !access(rn_client_path(ctl, daemon), F_OK);
}

struct rn_control_client *rn_client_open(struct natctl *ctl, enum rn_daemon daemon, GError **error)
{
	const char *path = rn_client_path(ctl, daemon);
	const char *program = daemons[resolve_any(daemon)].program;
	g_autoptr(GError) reason = NULL;
	struct rn_control_client *client;

	client = rn_control_client_open(path, &reason);
	if (client)
		return client;
	if (ctl->server)
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE, "%s", reason->message);
	else
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE,
			    "%s Start it with \"systemctl start %s\", or name its control-socket by -S unix:PATH or %s",
			    reason->message, program, daemons[resolve_any(daemon)].variable);
	return NULL;
}

static int exit_of_code(guint32 code)
{
	switch (code) {
	case RN_CODE_NOT_OWNER:
	case RN_CODE_WRONG_EPOCH:
	case RN_CODE_WRONG_INCARNATION:
	case RN_CODE_BUSY:
		return RN_EXIT_CONFLICT;
	case RN_CODE_NO_ANSWER:
		return RN_EXIT_UNKNOWN;
	}
	return RN_EXIT_REFUSED;
}

void rn_client_refused(const RnReply *reply, GError **error)
{
	const char *text = reply->text;

	if (!text || !*text)
		text = rn_code_to_sentence(MIN(reply->code, G_MAXUINT8));
	g_set_error(error, RN_NATCTL_ERROR, exit_of_code(reply->code), "%s (%s)", text,
		    rn_code_to_string(MIN(reply->code, G_MAXUINT8)));
}

/* ms until deadline (monotonic us), rounded up; never 0, which is without end. */
static guint left_ms(gint64 deadline)
{
	gint64 left = (deadline - g_get_monotonic_time() + 999) / 1000;

	return MAX(left, 1);
}

static void set_no_answer(gboolean changes, const GError *reason, GError **error)
{
	gboolean late = g_error_matches(reason, RN_CONTROL_ERROR, RN_CONTROL_ERROR_TIMEOUT);

	g_set_error(error, RN_NATCTL_ERROR,
		    changes || late ? RN_EXIT_UNKNOWN : RN_EXIT_UNREACHABLE, "%s%s",
		    reason->message,
		    changes ? "; the outcome is unknown, look with \"natctl mapping show\"" : "");
}

gboolean rn_client_call(struct natctl *ctl, enum rn_daemon daemon, const RnRequest *request,
			gboolean changes, rn_client_reply_fn fn, void *data, GError **error)
{
	g_autoptr(GError) reason = NULL;
	struct rn_control_client *client;
	gboolean last = FALSE, ok = TRUE;
	RnReply *reply;
	gint64 deadline;

	client = rn_client_open(ctl, daemon, error);
	if (!client)
		return FALSE;
	deadline = g_get_monotonic_time() + 1000LL * (request->timeout_ms + GRACE);
	if (!rn_control_client_send(client, request, &reason)) {
		set_no_answer(changes, reason, error);
		ok = FALSE;
	}
	while (ok && !last) {
		reply = rn_control_client_receive(client, left_ms(deadline), &reason);
		if (!reply) {
			set_no_answer(changes, reason, error);
			ok = FALSE;
			break;
		}
		last = reply->last;
		if (reply->code) {
			rn_client_refused(reply, error);
			ok = FALSE;
		} else if (fn) {
			fn(ctl, reply, data);
		}
		roamnat__control__v1__reply__free_unpacked(reply, NULL);
	}
	rn_control_client_free(client);
	return ok;
}

void rn_client_print_result(struct natctl *ctl, const char *what, const char *text)
{
	rn_print_open(ctl->print);
	rn_print_string(ctl->print, NULL, "result", what);
	rn_print_string(ctl->print, "--", "text", text);
	rn_print_close(ctl->print);
}
