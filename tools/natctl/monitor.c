// SPDX-License-Identifier: GPL-2.0
/*
 * natctl monitor: one line per event, of this gateway's kernel and of the
 * daemon on this machine, until SIGINT or SIGTERM.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "client.h"

struct monitor {
	struct natctl *ctl;
	struct rn_kernel *kernel;
	struct rn_control_client *client;
	int signal_fd;
};

static void print_now(struct natctl *ctl)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autofree char *text = g_date_time_format(now, ctl->json ? "%Y-%m-%dT%H:%M:%S" :
							 "%H:%M:%S");
	g_autofree char *zone = g_date_time_format(now, ctl->json ? "%:z" : "");
	g_autofree char *full = g_strdup_printf("%s.%03d%s", text,
						g_date_time_get_microsecond(now) / 1000, zone);

	rn_print_uint(ctl->print, RN_PRINT_JSON_ONLY, "time_ns", g_get_real_time() * 1000);
	rn_print_string(ctl->print, NULL, "time", full);
}

static void print_kernel_event(struct natctl *ctl, const struct rn_kernel_mapping *mapping)
{
	struct rn_show view;

	rn_show_from_kernel(&view, mapping);
	rn_print_open(ctl->print);
	print_now(ctl);
	rn_print_string(ctl->print, NULL, "source", "kernel");
	rn_print_string(ctl->print, NULL, "what", rn_kernel_event_to_string(mapping->event) ?:
			"changed");
	rn_print_uint(ctl->print, RN_PRINT_JSON_ONLY, "id", view.id);
	rn_show_words(ctl, &view);
	rn_print_close(ctl->print);
}

static void print_lost(struct natctl *ctl)
{
	rn_print_open(ctl->print);
	print_now(ctl);
	rn_print_string(ctl->print, NULL, "source", "kernel");
	rn_print_string(ctl->print, NULL, "what", "lost");
	rn_print_string(ctl->print, "--", "text",
			"events came faster than they were read; look with natctl mapping show");
	rn_print_close(ctl->print);
}

static gboolean read_kernel(struct monitor *m, GError **error)
{
	g_autoptr(GArray) events = g_array_new(FALSE, FALSE, sizeof(struct rn_kernel_mapping));
	gboolean lost;

	if (!rn_kernel_receive(m->kernel, events, &lost, error))
		return FALSE;
	for (guint i = 0; i < events->len; i++)
		print_kernel_event(m->ctl, &g_array_index(events, struct rn_kernel_mapping, i));
	if (lost)
		print_lost(m->ctl);
	return TRUE;
}

static gboolean read_daemon(struct monitor *m, GError **error)
{
	g_autoptr(GError) reason = NULL;
	gboolean ok = TRUE;
	RnReply *reply;

	reply = rn_control_client_receive(m->client, RN_CLIENT_TIMEOUT, &reason);
	if (!reply) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE,
			    "the daemon went away: %s", reason->message);
		return FALSE;
	}
	if (reply->code) {
		rn_client_refused(reply, error);
		ok = FALSE;
	} else if (reply->last) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE,
			    "the daemon ended the events; it is stopping");
		ok = FALSE;
	}
	for (size_t i = 0; i < reply->n_events; i++)
		rn_show_event(m->ctl, reply->events[i], FALSE);
	roamnat__control__v1__reply__free_unpacked(reply, NULL);
	return ok;
}

static gboolean open_kernel(struct monitor *m, GError **error)
{
	m->kernel = rn_kernel_open(error);
	return m->kernel && rn_kernel_subscribe(m->kernel, error);
}

static gboolean open_daemon(struct monitor *m, enum rn_daemon daemon, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	g_autoptr(GError) reason = NULL;

	m->client = rn_client_open(m->ctl, daemon, error);
	if (!m->client)
		return FALSE;
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__MONITOR;
	if (rn_control_client_send(m->client, &request, &reason))
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE, "%s", reason->message);
	return FALSE;
}

static gboolean open_sources(struct monitor *m, const char *what, GError **error)
{
	if (!g_strcmp0(what, "kernel"))
		return open_kernel(m, error);
	if (!g_strcmp0(what, "agent"))
		return open_daemon(m, RN_DAEMON_AGENT, error);
	if (!g_strcmp0(what, "controller"))
		return open_daemon(m, RN_DAEMON_CONTROLLER, error);
	if (m->ctl->server)
		return open_daemon(m, RN_DAEMON_ANY, error);
	/* Whatever is here; at least one. */
	if (rn_kernel_present() && !open_kernel(m, error))
		return FALSE;
	if (m->kernel && !rn_client_socket_exists(m->ctl, RN_DAEMON_ANY))
		return TRUE;
	return open_daemon(m, RN_DAEMON_ANY, error);
}

static gboolean watch(struct monitor *m, GError **error)
{
	struct pollfd fds[] = {
		{ .fd = m->signal_fd, .events = POLLIN },
		{ .fd = m->kernel ? rn_kernel_fd(m->kernel) : -1, .events = POLLIN },
		{ .fd = m->client ? rn_control_client_fd(m->client) : -1, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 && errno != EINTR) {
			g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE, "poll: %s",
				    g_strerror(errno));
			return FALSE;
		}
		if (fds[0].revents)
			return TRUE;
		if (fds[1].revents && !read_kernel(m, error))
			return FALSE;
		if (fds[2].revents && !read_daemon(m, error))
			return FALSE;
	}
}

static gboolean monitor_what(struct natctl *ctl, const char *what, GError **error)
{
	struct monitor m = { .ctl = ctl };
	sigset_t set, old;
	gboolean ok;

	rn_print_set_stream(ctl->print);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	m.signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	ok = open_sources(&m, what, error) && watch(&m, error);
	rn_kernel_free(m.kernel);
	if (m.client)
		rn_control_client_free(m.client);
	/* The signal stays blocked: it was taken as the wish to end. */
	if (m.signal_fd >= 0)
		close(m.signal_fd);
	return ok;
}

static gboolean monitor_all(struct natctl *ctl, struct rn_args *args, GError **error)
{
	return rn_args_end(args, error) && monitor_what(ctl, NULL, error);
}

static gboolean monitor_kernel(struct natctl *ctl, struct rn_args *args, GError **error)
{
	return rn_args_end(args, error) && monitor_what(ctl, "kernel", error);
}

static gboolean monitor_agent(struct natctl *ctl, struct rn_args *args, GError **error)
{
	return rn_args_end(args, error) && monitor_what(ctl, "agent", error);
}

static gboolean monitor_controller(struct natctl *ctl, struct rn_args *args, GError **error)
{
	return rn_args_end(args, error) && monitor_what(ctl, "controller", error);
}

static const struct rn_command commands[] = {
	{ "all", monitor_all, 0 },
	{ "kernel", monitor_kernel, 0 },
	{ "agent", monitor_agent, 0 },
	{ "controller", monitor_controller, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_monitor = {
	.name = "monitor",
	.commands = commands,
	.usage = "natctl monitor [ all | kernel | agent | controller ]\n",
};
