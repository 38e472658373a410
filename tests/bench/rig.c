// SPDX-License-Identifier: GPL-2.0
/* What benchmarks of the controller start from; see rig.h. */
#include "rig.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "controller/store.h"
#include "net/conn.h"
#include "own/controller.h"

#define FDS	256

static void on_durable(uint64_t seq, void *data)
{
	*(uint64_t *)data = seq;
}

static void on_failed(const char *message, void *data)
{
	g_error("store: %s", message);
}

static void put_mapping(struct rn_store *store, guint32 n, guint32 owner)
{
	struct rn_store_mapping row = {
		.id = n, .state = OWN_CTL_GRANTED, .epoch = 1, .owner = owner, .preset = 3600000,
		.vm = { .zone = 1, .kind = RN_KIND_ADDRESS,
			.addr = { 4, { 10, (guint8)(n >> 16), (guint8)(n >> 8), (guint8)n } } },
		.pub = { .addr = { 4, { 20, (guint8)(n >> 16), (guint8)(n >> 8), (guint8)n } } },
	};

	rn_store_put(store, &(struct rn_store_unit) { .mapping = &row });
}

void rig_fill_store(const char *path, gint mappings, gint gateways)
{
	static const struct rn_store_visitor visitor;
	static const struct rn_store_ops ops = { on_durable, on_failed };
	g_autoptr(GError) error = NULL;
	struct rn_store *store = rn_store_open(path, &error);
	uint64_t durable = 0, last = 0;
	struct rn_store_state state;

	if (!store || !rn_store_load(store, &visitor, NULL, &state, &error) ||
	    !rn_store_start(store, &ops, &durable, &error))
		g_error("%s", error->message);
	for (gint n = 1; n <= gateways; n++) {
		struct rn_store_gateway gw = { .number = (guint32)n, .incarnation = 1 };

		g_snprintf(gw.name, sizeof(gw.name), "gw%d", n);
		g_snprintf(gw.identity, sizeof(gw.identity), RIG_DOMAIN "gw/gw%d", n);
		last = rn_store_put(store, &(struct rn_store_unit) { .gateway = &gw });
	}
	for (gint n = 1; n <= mappings; n++)
		put_mapping(store, (guint32)n, (guint32)((n - 1) % gateways + 1));
	last += (guint64)mappings;
	while (durable < last)
		g_main_context_iteration(NULL, TRUE);
	rn_store_close(store);
}

struct rn_tls *rig_keys(const char *pki, const char *name)
{
	g_autofree char *ca = g_build_filename(pki, "ca.pem", NULL);
	g_autofree char *cert = g_strdup_printf("%s/%s.pem", pki, name);
	g_autofree char *key = g_strdup_printf("%s/%s.key", pki, name);
	g_autoptr(GError) error = NULL;
	struct rn_tls *tls = rn_tls_new(ca, cert, key, NULL, &error);

	if (!tls)
		g_error("%s: make them with tests/net/pki.sh %s", error->message, pki);
	return tls;
}

guint rig_free_port(struct rn_tls *tls)
{
	struct rn_listener *listener = rn_listener_new(tls, "127.0.0.1:0", 1, NULL, NULL, NULL);
	guint port = rn_listener_port(listener);

	rn_listener_free(listener);
	return port;
}

pid_t rig_start_controller(const char *program, const char *dir, const char *config)
{
	g_autofree char *log = g_build_filename(dir, "controller.log", NULL);
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen(log, "w", stderr))
		_exit(1);
	execl(program, program, "--config", config, NULL);
	_exit(1);
}

static guint64 status_of(pid_t pid, const char *field)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
	g_autofree char *text = NULL;
	const char *line;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	line = strstr(text, field);
	return line ? g_ascii_strtoull(line + strlen(field), NULL, 10) * 1024 : 0;
}

guint64 rig_peak_rss(pid_t pid)
{
	return status_of(pid, "VmHWM:");
}

guint64 rig_rss(pid_t pid)
{
	return status_of(pid, "VmRSS:");
}

static gint compare(gconstpointer a, gconstpointer b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return x < y ? -1 : x > y;
}

static double at(GArray *times, double part)
{
	guint i = (guint)(part * (times->len - 1));

	return times->len ? (double)g_array_index(times, gint64, i) / 1000 : 0;
}

struct rig_spread rig_spread(GArray *times)
{
	g_array_sort(times, compare);
	return (struct rig_spread) { at(times, 0.5), at(times, 0.99), at(times, 1) };
}

void rig_forget_store(const char *store)
{
	for (const char *const *end = (const char *[]) { "", "-wal", "-shm", NULL }; *end; end++) {
		g_autofree char *path = g_strconcat(store, *end, NULL);

		g_remove(path);
	}
}

GLogWriterOutput rig_only_errors(GLogLevelFlags level, const GLogField *fields, gsize n,
				 gpointer data)
{
	if (getenv("RIG_LOG") || level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		return g_log_writer_standard_streams(level, fields, n, data);
	return G_LOG_WRITER_HANDLED;
}

void rig_bytes(guint port, guint64 *sent, guint64 *received)
{
	for (int fd = 0; fd < FDS; fd++) {
		struct sockaddr_in peer;
		struct tcp_info info = { 0 };
		socklen_t len = sizeof(peer), size = sizeof(info);

		if (getpeername(fd, (struct sockaddr *)&peer, &len) ||
		    peer.sin_family != AF_INET || ntohs(peer.sin_port) != port ||
		    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
			continue;
		*sent = info.tcpi_bytes_acked;
		*received = info.tcpi_bytes_received;
	}
}
