// SPDX-License-Identifier: GPL-2.0
/*
 * natctl status: the parts of roamnat that are on this machine, and how they do.
 */
#include <time.h>
#include "client.h"

static guint64 boottime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * G_GUINT64_CONSTANT(1000000000) + ts.tv_nsec;
}

static void print_lease(struct rn_print *print, guint64 end_ns)
{
	guint64 now = boottime_ns();

	if (!end_ns)
		rn_print_string(print, "lease", "lease", "without-end");
	else if (end_ns <= now)
		rn_print_string(print, "lease", "lease", "over");
	else
		rn_print_ms(print, "lease", "lease_ms", (end_ns - now) / 1000000);
}

static gboolean show_kernel(struct natctl *ctl, GError **error)
{
	struct rn_kernel *kernel = rn_kernel_open(error);
	struct rn_print *print = ctl->print;
	struct rn_kernel_session session;
	gboolean ok;

	if (!kernel)
		return FALSE;
	ok = rn_kernel_session(kernel, &session, error);
	rn_kernel_free(kernel);
	if (!ok) {
		g_prefix_error(error, "kernel: ");
		return FALSE;
	}
	rn_print_open(print);
	rn_print_string(print, NULL, "part", "kernel");
	rn_print_string(print, "version", "version", session.version);
	rn_print_string(print, "session", "session", session.incarnation ? "up" : "none");
	rn_print_uint(print, "incarnation", "incarnation", session.incarnation);
	if (session.incarnation)
		print_lease(print, session.lease_end_ns);
	if (ctl->json)
		rn_print_flag(print, NULL, "agent_registered", session.agent_portid != 0);
	else
		rn_print_string(print, "agent", NULL, session.agent_portid ? "registered" : "none");
	rn_print_close(print);
	return TRUE;
}

static void print_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	const Roamnat__Control__V1__Status *s = reply->status;
	struct rn_print *print = ctl->print;

	if (!s)
		return;
	rn_print_open(print);
	rn_print_string(print, NULL, "part", s->daemon);
	rn_print_string(print, NULL, "name", s->name);
	rn_print_string(print, "version", "version", s->version);
	rn_print_string(print, "report-from", "report_from", s->mode);
	rn_print_string(print, "session", "session", s->session);
	if (s->incarnation)
		rn_print_uint(print, "incarnation", "incarnation", s->incarnation);
	if (s->lease_ms)
		rn_print_ms(print, "lease", "lease_ms", s->lease_ms);
	rn_print_string(print, "controller", "controller", s->controller);
	rn_print_string(print, "store", "store", s->store);
	rn_print_string(print, "--", "waits", s->waits);
	rn_print_string(print, "--", "warning", s->warning);
	rn_print_close(print);
}

static gboolean show_daemon(struct natctl *ctl, enum rn_daemon daemon, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__STATUS;
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	return rn_client_call(ctl, daemon, &request, FALSE, print_reply, NULL, error);
}

/* Everything that is here is shown, also when a part of it fails. */
static gboolean status_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	static const enum rn_daemon daemons[] = { RN_DAEMON_AGENT, RN_DAEMON_CONTROLLER };
	g_autoptr(GError) first = NULL;
	guint present = 0;

	if (!rn_args_end(args, error))
		return FALSE;
	if (ctl->server)
		return show_daemon(ctl, RN_DAEMON_ANY, error);
	if (rn_kernel_present()) {
		present++;
		show_kernel(ctl, &first);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(daemons); i++) {
		if (!rn_client_socket_exists(ctl, daemons[i]))
			continue;
		present++;
		show_daemon(ctl, daemons[i], first ? NULL : &first);
	}
	if (first) {
		g_propagate_error(error, g_steal_pointer(&first));
		return FALSE;
	}
	if (present)
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE,
		    "nothing of roamnat runs here: no kernel module (modprobe roamnat), no %s and no %s (systemctl start roamnat-agent or roamnat-controller)",
		    rn_client_path(ctl, RN_DAEMON_AGENT),
		    rn_client_path(ctl, RN_DAEMON_CONTROLLER));
	return FALSE;
}

static const struct rn_command commands[] = {
	{ "show", status_show, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_status = {
	.name = "status",
	.commands = commands,
	.usage = "natctl status\n",
};
