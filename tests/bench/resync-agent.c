// SPDX-License-Identifier: GPL-2.0
/*
 * The real agent, session and ownership machine, over a kernel that is played
 * here: the module cannot be loaded where benchmarks run. A request costs it
 * what one costs a kernel, as busy time.
 */
#include "resync-agent.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/roamnat.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "agent/core.h"
#include "agent/peer.h"
#include "agent/session.h"
#include "rig.h"

struct bench {
	struct agent_core *core;
	struct agent_peers *peers;
	struct agent_session *session;
	struct agent_config *config;
	int reports;
	guint port;		/* the controller's */
	gint64 began;		/* 0: nothing is measured */
	guint64 requests;	/* as it began */
	gint64 turn, longest;
	GMainLoop *loop;
};

/* ---- the kernel ---- */

struct slot {			/* by id: the store's ids have no gaps */
	guint64 epoch, incarnation;
	struct rn_private vm;
	struct rn_public pub;
	struct rn_timer timer;
	guint8 state;		/* 0 free */
};

static struct slot *slots;
static guint64 n_slots, used, requests, kernel_incarnation;
static guint cost_us;

static gboolean request(int err, GError **error)
{
	gint64 until = g_get_monotonic_time() + cost_us;

	requests++;
	while (g_get_monotonic_time() < until)
		;
	if (err)
		g_set_error(error, AGENT_KERNEL_ERROR, err, "kernel: %s", g_strerror(err));
	return !err;
}

static struct slot *find(guint64 id)
{
	return id && id < n_slots && slots[id].state ? &slots[id] : NULL;
}

gboolean agent_kernel_session_set(struct agent_kernel *kernel, uint64_t incarnation,
				  uint64_t lease_end_ns, GError **error)
{
	kernel_incarnation = incarnation;
	return request(0, error);
}

gboolean agent_kernel_mapping_new(struct agent_kernel *kernel, const struct rn_msg *msg,
				  uint32_t state, gboolean keep_timer,
				  const struct rn_bindings *bindings, GError **error)
{
	struct slot *slot;

	if (!msg->id || msg->id >= n_slots)
		return request(ENOSPC, error);
	slot = &slots[msg->id];
	used += !slot->state;
	*slot = (struct slot) {
		msg->epoch, msg->incarnation, msg->vm, msg->pub,
		keep_timer ? slot->timer : msg->timer, (guint8)state,
	};
	return request(0, error);
}

gboolean agent_kernel_mapping_freeze(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				     uint32_t state, uint32_t way, struct rn_timer *timer,
				     GError **error)
{
	struct slot *slot = find(id);

	if (!request(!slot ? ENOENT : slot->epoch != epoch ? ESTALE : 0, error))
		return FALSE;
	slot->state = (guint8)state;
	*timer = slot->timer;
	return TRUE;
}

gboolean agent_kernel_mapping_forward(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				      uint32_t state, uint32_t way, GError **error)
{
	return request(ENODEV, error);
}

gboolean agent_kernel_mapping_del(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				  GError **error)
{
	struct slot *slot = find(id);

	if (!request(!slot || slot->epoch != epoch ? ENOENT : 0, error))
		return FALSE;
	slot->state = 0;
	used--;
	return TRUE;
}

gboolean agent_kernel_mapping_flush(struct agent_kernel *kernel, uint64_t incarnation,
				    GError **error)
{
	for (guint64 id = 1; id < n_slots; id++)
		if (slots[id].state && slots[id].incarnation != incarnation) {
			slots[id].state = 0;
			used--;
		}
	return request(0, error);
}

gboolean agent_kernel_mapping_get(struct agent_kernel *kernel, uint64_t id,
				  struct agent_kmsg_mapping *mapping, GError **error)
{
	const struct slot *slot = find(id);

	if (!request(slot ? 0 : ENOENT, error))
		return FALSE;
	*mapping = (struct agent_kmsg_mapping) {
		.id = id, .epoch = slot->epoch, .incarnation = slot->incarnation,
		.vm = slot->vm, .pub = slot->pub, .timer = slot->timer, .state = slot->state,
	};
	return TRUE;
}

gboolean agent_kernel_mapping_dump(struct agent_kernel *kernel,
				   void (*each)(const struct agent_kmsg_mapping *, void *),
				   void *data, GError **error)
{
	return request(0, error);
}

struct rn_bindings *agent_kernel_bindings(struct agent_kernel *kernel, uint64_t id, guint *more,
					  GError **error)
{
	return NULL;		/* no blocks here */
}

gboolean agent_kernel_floor_set(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				GError **error)
{
	return request(0, error);
}

gboolean agent_kernel_miss_refuse(struct agent_kernel *kernel, const struct rn_private *vm,
				  uint64_t hold_off_ms, GError **error)
{
	return request(0, error);
}

/* ---- what is measured ---- */

static guint64 peak_rss(void)
{
	g_autofree char *text = NULL;
	const char *line;

	if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL))
		return 0;
	line = strstr(text, "VmHWM:");
	return line ? g_ascii_strtoull(line + 6, NULL, 10) * 1024 : 0;
}

static void begin(struct bench *bench)
{
	bench->began = g_get_monotonic_time();
	bench->requests = requests;
	bench->turn = 0;
	bench->longest = 0;
}

static void tell(struct bench *bench)
{
	struct resync_report report = {
		.seconds = (double)(g_get_monotonic_time() - bench->began) / G_USEC_PER_SEC,
		.rss = peak_rss(),
		.kernel = n_slots * sizeof(*slots),
		.requests = requests - bench->requests,
		.mappings = used,
		.longest_us = (guint64)bench->longest,
	};

	rig_bytes(bench->port, &report.sent, &report.received);
	bench->began = 0;
	if (write(bench->reports, &report, sizeof(report)) != sizeof(report))
		g_error("report: %s", g_strerror(errno));
}

static void on_state(const char *state, void *data)
{
	struct bench *bench = data;

	if (!strcmp(state, "up") && bench->began)
		tell(bench);
}

/* ---- the agent ---- */

static gboolean on_send(uint32_t to, const struct rn_msg *msg,
			const struct rn_bindings *bindings, void *data)
{
	const struct bench *bench = data;

	if (to == RN_CONTROLLER)
		return agent_session_send(bench->session, msg);
	return agent_peer_send(bench->peers, to, msg, bindings);
}

static void on_noted(const struct agent_entry *entry, const struct own_act *note, void *data)
{
}

static void on_entered(struct agent_entry *entry, void *data)
{
}

static void on_stepped(const struct agent_entry *entry, void *data)
{
}

static void on_gone(void *data)
{
}

static gboolean on_command(gint fd, GIOCondition condition, gpointer data)
{
	const struct agent_kmsg_session empty = { 0 };
	struct bench *bench = data;
	char verb;

	if (read(fd, &verb, 1) != 1) {
		g_main_loop_quit(bench->loop);
		return G_SOURCE_REMOVE;
	}
	if (verb == RESYNC_FRESH) {
		agent_session_stop(bench->session);
		agent_core_clear(bench->core);
		memset(slots, 0, n_slots * sizeof(*slots));
		used = 0;
		begin(bench);
		agent_session_start(bench->session, &empty);
	} else if (verb == RESYNC_BEGIN) {
		begin(bench);
	} else if (verb == RESYNC_TELL) {
		tell(bench);
	} else {
		begin(bench);
		agent_session_goodbye(bench->session, on_gone, bench);
	}
	return G_SOURCE_CONTINUE;
}

/* Other programs do not count. */
static gint64 cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (gint64)ts.tv_sec * G_USEC_PER_SEC + ts.tv_nsec / 1000;
}

/* Around poll: what is between two of them is a turn. */
static struct bench *polled;

static gint timed_poll(GPollFD *fds, guint n, gint timeout)
{
	gint rc;

	if (polled->turn && polled->began)
		polled->longest = MAX(polled->longest, cpu_us() - polled->turn);
	rc = g_poll(fds, n, timeout);
	polled->turn = cpu_us();
	return rc;
}

void resync_agent(struct rn_tls *tls, const char *name, const char *listen,
		  const char *endpoint, const char *identity, guint64 mappings,
		  guint request_us, int commands, int reports)
{
	static const struct agent_core_ops ops = {
		.send = on_send, .noted = on_noted, .entered = on_entered, .stepped = on_stepped,
	};
	struct bench bench = {
		.reports = reports,
		.port = (guint)g_ascii_strtoull(strrchr(endpoint, ':') + 1, NULL, 10),
		.loop = g_main_loop_new(NULL, FALSE),
	};
	struct agent_config config = {
		.name = name, .listen = listen, .mode = RN_MODE_SOURCE,
		.controller_endpoint = endpoint, .controller_identity = identity,
	};
	struct rn_prefix ten = { .addr = { 4, { 10 } }, .len = 8 };
	struct agent_inside_config inside = {
		.prefixes = &ten, .n_prefixes = 1, .zone = 1, .kind = RN_KIND_ADDRESS,
	};
	g_autoptr(GPtrArray) insides = g_ptr_array_new();
	g_autoptr(GError) error = NULL;

	g_ptr_array_add(insides, &inside);
	config.insides = insides;
	n_slots = mappings + 1;
	slots = g_new0(struct slot, n_slots);
	cost_us = request_us;
	polled = &bench;
	g_main_context_set_poll_func(NULL, timed_poll);
	bench.core = agent_core_new(NULL, RN_MODE_SOURCE, &ops, &bench);
	bench.peers = agent_peer_new(&config, tls, bench.core, &error);
	if (!bench.peers)
		g_error("%s", error->message);
	bench.session = agent_session_new(&config, tls, NULL, bench.core, bench.peers, on_state,
					  &bench);
	g_unix_fd_add(commands, G_IO_IN | G_IO_HUP, on_command, &bench);
	g_main_loop_run(bench.loop);
	agent_session_free(bench.session);
	agent_peer_free(bench.peers);
	agent_core_free(bench.core);
	g_main_loop_unref(bench.loop);
	g_free(slots);
}
