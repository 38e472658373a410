// SPDX-License-Identifier: GPL-2.0
/*
 * Finding the module, registering with it, hearing it. The requests are at the
 * end, one function each, all through ask().
 */
#include "agent/kernel.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/roamnat.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include "agent/counters.h"
#include "agent/family.h"
#include "base/log.h"

#define EVENT_BUFFER	(16 * 1024 * 1024)
#define REQUEST_BUFFER	(2 * 1024 * 1024)
/* The largest block with all its bindings, and whom they know, in one request. */
#define GRANT_BUFFER	(32 * 1024 * 1024)
#define REQUEST_SMALL	512
#define PREFIX_SIZE	128
#define DUMPS_MAX	16
#define RETRY_MIN	1	/* seconds, when another agent is registered */
#define RETRY_MAX	10

struct agent_kernel {
	struct agent_family *family;
	int id;				/* of the family, 0: no module */
	struct nl_sock *sync;
	struct nl_sock *events;		/* not NULL: registered */
	guint source;
	guint retry;
	guint retry_seconds;
	char *missing;
	char *version;
	struct agent_kmsg_session session;	/* answer of agent-register */
	GArray *early;		/* misses that came before that answer */
	const struct agent_kernel_ops *ops;
	void *data;
};

static void set_missing(struct agent_kernel *kernel, const char *sentence)
{
	/* Once per reason, so that a retry does not fill the log. */
	if (sentence && g_strcmp0(sentence, kernel->missing))
		rn_warn("%s", sentence);
	g_free(kernel->missing);
	kernel->missing = g_strdup(sentence);
}

/* ---- notifications ---- */

static void on_event(struct nlmsghdr *hdr, void *data)
{
	struct agent_kernel *kernel = data;
	g_autoptr(GError) error = NULL;
	struct agent_kmsg_mapping mapping;
	uint8_t cmd;

	if (hdr->nlmsg_type != kernel->id || !genlmsg_valid_hdr(hdr, 0))
		return;
	cmd = ((struct genlmsghdr *)nlmsg_data(hdr))->cmd;
	if (cmd == ROAMNAT_CMD_AGENT_REGISTER) {
		if (!agent_kmsg_parse_session(hdr, &kernel->session, &error))
			rn_err("%s", error->message);
		return;
	}
	if (cmd != ROAMNAT_CMD_MISS_NTF && cmd != ROAMNAT_CMD_MAPPING_NTF)
		return;
	if (!agent_kmsg_parse_mapping(hdr, &mapping, &error)) {
		rn_err("%s", error->message);
		return;
	}
	if (!kernel->source) {
		/* The dump of the table, still to come, knows more than a
		 * change does, but nothing of misses.
		 */
		if (cmd == ROAMNAT_CMD_MISS_NTF)
			g_array_append_val(kernel->early, mapping);
	} else if (cmd == ROAMNAT_CMD_MISS_NTF) {
		kernel->ops->miss(&mapping, kernel->data);
	} else {
		kernel->ops->changed(&mapping, kernel->data);
	}
}

static gboolean readable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			 gpointer data)
{
	struct agent_kernel *kernel = data;

	if (!agent_genl_drain(kernel->events, on_event, kernel)) {
		agent_counters_add(AGENT_KERNEL_OVERRUNS, 1);
		kernel->ops->overrun(kernel->data);
	}
	return G_SOURCE_CONTINUE;
}

/* ---- coming and going ---- */

static void detach(struct agent_kernel *kernel)
{
	g_clear_handle_id(&kernel->retry, g_source_remove);
	g_clear_handle_id(&kernel->source, g_source_remove);
	g_clear_pointer(&kernel->events, nl_socket_free);
	g_array_set_size(kernel->early, 0);
	kernel->id = 0;
}

static gboolean enter_registered(struct agent_kernel *kernel, GError **error)
{
	struct nl_msg *msg;
	int group, err;

	kernel->events = agent_genl_open(NETLINK_GENERIC, error);
	if (!kernel->events)
		return FALSE;
	agent_genl_grow(kernel->events, EVENT_BUFFER);
	group = agent_family_group(kernel->family, ROAMNAT_MCGRP_MAPPING);
	err = group < 0 ? group : nl_socket_add_membership(kernel->events, group);
	if (err < 0) {
		g_set_error(error, AGENT_KERNEL_ERROR, EPERM,
			    "kernel: cannot hear about mappings: %s; the agent needs CAP_NET_ADMIN",
			    nl_geterror(err));
		return FALSE;
	}
	msg = agent_genl_message(kernel->id, 0, ROAMNAT_CMD_AGENT_REGISTER, REQUEST_SMALL);
	agent_kmsg_build_register(msg, kernel->version);
	return agent_genl_request(kernel->events, msg, on_event, kernel, NULL, error);
}

static void attach(struct agent_kernel *kernel, int id);

static gboolean attach_again(gpointer data)
{
	struct agent_kernel *kernel = data;
	int id = kernel->id;

	kernel->retry = 0;
	detach(kernel);
	attach(kernel, id);
	return G_SOURCE_REMOVE;
}

static void attach(struct agent_kernel *kernel, int id)
{
	g_autoptr(GError) error = NULL;

	kernel->id = id;
	if (!enter_registered(kernel, &error)) {
		const char *hint = error->code == EBUSY ?
				   ": stop the other agent of this network namespace" : "";
		g_autofree char *sentence =
			g_strdup_printf("%s; the agent cannot register with the kernel module and tries again%s",
					error->message, hint);

		g_clear_pointer(&kernel->events, nl_socket_free);
		set_missing(kernel, sentence);
		kernel->retry_seconds = CLAMP(kernel->retry_seconds * 2, RETRY_MIN, RETRY_MAX);
		kernel->retry = g_timeout_add_seconds(kernel->retry_seconds, attach_again, kernel);
		return;
	}
	kernel->retry_seconds = 0;
	nl_socket_set_nonblocking(kernel->events);
	kernel->source = g_unix_fd_add(nl_socket_get_fd(kernel->events), G_IO_IN, readable,
				       kernel);
	set_missing(kernel, NULL);
	agent_counters_add(AGENT_KERNEL_STARTS, 1);
	rn_notice("registered with the kernel module, version %s, incarnation %" G_GUINT64_FORMAT,
		  kernel->session.version[0] ? kernel->session.version : "unknown",
		  kernel->session.incarnation);
	kernel->ops->up(&kernel->session, kernel->data);
	for (guint i = 0; i < kernel->early->len; i++)
		kernel->ops->miss(&g_array_index(kernel->early, struct agent_kmsg_mapping, i),
				  kernel->data);
	g_array_set_size(kernel->early, 0);
}

static void family_changed(int id, void *data)
{
	struct agent_kernel *kernel = data;

	if (id && id == kernel->id)
		return;
	if (kernel->id) {
		gboolean was_up = kernel->events != NULL;

		detach(kernel);
		set_missing(kernel, "the kernel module roamnat was unloaded, nothing is translated: "
			    "load it with `modprobe roamnat`");
		if (was_up)
			kernel->ops->down(kernel->data);
	}
	if (id)
		attach(kernel, id);
}

struct agent_kernel *agent_kernel_new(const char *version, const struct agent_kernel_ops *ops,
				      void *data, GError **error)
{
	struct agent_kernel *kernel = g_new0(struct agent_kernel, 1);

	kernel->ops = ops;
	kernel->data = data;
	kernel->version = g_strdup(version);
	kernel->early = g_array_new(FALSE, FALSE, sizeof(struct agent_kmsg_mapping));
	kernel->sync = agent_genl_open(NETLINK_GENERIC, error);
	if (kernel->sync) {
		agent_genl_grow(kernel->sync, GRANT_BUFFER);
		kernel->family = agent_family_new(ROAMNAT_FAMILY_NAME, family_changed, kernel,
						  error);
	}
	if (kernel->family)
		return kernel;
	agent_kernel_free(kernel);
	return NULL;
}

void agent_kernel_start(struct agent_kernel *kernel)
{
	int id = agent_family_resolve(kernel->family);

	if (id)
		attach(kernel, id);
	else
		set_missing(kernel, "the kernel module roamnat is not loaded, nothing is "
			    "translated: load it with `modprobe roamnat`");
}

const char *agent_kernel_missing(const struct agent_kernel *kernel)
{
	return kernel->missing;
}

gboolean agent_kernel_absent(const struct agent_kernel *kernel)
{
	return !kernel->id;
}

void agent_kernel_free(struct agent_kernel *kernel)
{
	if (!kernel)
		return;
	detach(kernel);
	agent_family_free(kernel->family);
	nl_socket_free(kernel->sync);
	g_array_unref(kernel->early);
	g_free(kernel->missing);
	g_free(kernel->version);
	g_free(kernel);
}

/* ---- requests ---- */

static struct nl_msg *message(struct agent_kernel *kernel, uint8_t cmd, size_t payload)
{
	return agent_genl_message(kernel->id, 0, cmd, payload);
}

/* err is of the build_* that filled msg. */
static gboolean ask(struct agent_kernel *kernel, struct nl_msg *msg, int err,
		    agent_genl_reply reply, void *data, GError **error)
{
	if (!kernel->events) {
		nlmsg_free(msg);
		g_set_error_literal(error, AGENT_KERNEL_ERROR, ENODEV, kernel->missing ?
				    kernel->missing : "the kernel module is not there yet");
		return FALSE;
	}
	if (err) {
		nlmsg_free(msg);
		g_set_error(error, AGENT_KERNEL_ERROR, -err, "kernel: request too long");
		return FALSE;
	}
	agent_counters_add(AGENT_KERNEL_REQUESTS, 1);
	if (agent_genl_request(kernel->sync, msg, reply, data, NULL, error))
		return TRUE;
	agent_counters_add(AGENT_KERNEL_REFUSALS, 1);
	return FALSE;
}

gboolean agent_kernel_session_set(struct agent_kernel *kernel, uint64_t incarnation,
				  uint64_t lease_end_ns, GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_SESSION_SET, REQUEST_SMALL);

	return ask(kernel, msg, agent_kmsg_build_session(msg, incarnation, lease_end_ns), NULL,
		   NULL, error);
}

gboolean agent_kernel_config_set(struct agent_kernel *kernel,
				 const struct agent_kmsg_bound *bounds, size_t n, GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_CONFIG_SET, REQUEST_SMALL);

	return ask(kernel, msg, agent_kmsg_build_bounds(msg, bounds, n), NULL, NULL, error);
}

struct answer {
	gboolean (*parse)(struct nlmsghdr *hdr, void *into, GError **error);
	void *into;
	gboolean got;
	GError *error;
};

static void on_answer(struct nlmsghdr *hdr, void *data)
{
	struct answer *answer = data;

	if (!answer->error)
		answer->got = answer->parse(hdr, answer->into, &answer->error);
}

/* A request with one reply, which parse reads into `into`. */
static gboolean ask_one(struct agent_kernel *kernel, struct nl_msg *msg, int err,
			struct answer *answer, GError **error)
{
	if (!ask(kernel, msg, err, on_answer, answer, error)) {
		g_clear_error(&answer->error);
		return FALSE;
	}
	if (answer->error) {
		g_propagate_error(error, answer->error);
		return FALSE;
	}
	if (!answer->got)
		g_set_error(error, AGENT_KERNEL_ERROR, EIO, "kernel: no reply");
	return answer->got;
}

static gboolean parse_config(struct nlmsghdr *hdr, void *into, GError **error)
{
	return agent_kmsg_parse_config(hdr, into, error);
}

static gboolean parse_mapping(struct nlmsghdr *hdr, void *into, GError **error)
{
	return agent_kmsg_parse_mapping(hdr, into, error);
}

gboolean agent_kernel_config_get(struct agent_kernel *kernel, uint32_t *values, GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_CONFIG_GET, REQUEST_SMALL);
	struct answer answer = { .parse = parse_config, .into = values };

	return ask_one(kernel, msg, 0, &answer, error);
}

gboolean agent_kernel_inside_set(struct agent_kernel *kernel,
				 const struct agent_kmsg_prefix *prefixes, size_t n,
				 GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_INSIDE_SET,
				     REQUEST_SMALL + n * PREFIX_SIZE);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = agent_kmsg_build_prefix(msg, &prefixes[i]);
	return ask(kernel, msg, err, NULL, NULL, error);
}

gboolean agent_kernel_mapping_new(struct agent_kernel *kernel, const struct rn_msg *grant,
				  uint32_t state, gboolean keep_timer,
				  const struct rn_bindings *bindings, GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_MAPPING_NEW,
				     REQUEST_SMALL + agent_kmsg_bindings_size(bindings));
	int err = agent_kmsg_build_mapping(msg, grant, state, keep_timer);

	for (guint i = 0; i < rn_bindings_count(bindings) && !err; i++)
		err = agent_kmsg_build_binding(msg, bindings, i);
	return ask(kernel, msg, err, NULL, NULL, error);
}

gboolean agent_kernel_mapping_freeze(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				     uint32_t state, uint32_t way, struct rn_timer *timer,
				     GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_MAPPING_FREEZE, REQUEST_SMALL);
	struct agent_kmsg_mapping mapping;
	struct answer answer = { .parse = parse_mapping, .into = &mapping };

	if (!ask_one(kernel, msg, agent_kmsg_build_leaving(msg, id, epoch, state, way), &answer,
		     error))
		return FALSE;
	*timer = mapping.timer;
	return TRUE;
}

gboolean agent_kernel_mapping_forward(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				      uint32_t state, uint32_t way, GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_MAPPING_FORWARD, REQUEST_SMALL);

	return ask(kernel, msg, agent_kmsg_build_leaving(msg, id, epoch, state, way), NULL, NULL,
		   error);
}

gboolean agent_kernel_fast_set(struct agent_kernel *kernel, const uint32_t *ifindex, size_t n,
			       GError **error)
{
	struct nl_msg *msg =
		message(kernel, ROAMNAT_CMD_FAST_SET, REQUEST_SMALL + n * NLA_HDRLEN * 2);

	return ask(kernel, msg, agent_kmsg_build_fast(msg, ifindex, n), NULL, NULL, error);
}

gboolean agent_kernel_forward_set(struct agent_kernel *kernel, const struct agent_kmsg_way *ways,
				  size_t n, GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_FORWARD_SET,
				     REQUEST_SMALL + n * PREFIX_SIZE);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = agent_kmsg_build_way(msg, &ways[i]);
	return ask(kernel, msg, err, NULL, NULL, error);
}

gboolean agent_kernel_mapping_del(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				  GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_MAPPING_DEL, REQUEST_SMALL);

	return ask(kernel, msg, agent_kmsg_build_id(msg, id, epoch, 0), NULL, NULL, error);
}

gboolean agent_kernel_mapping_flush(struct agent_kernel *kernel, uint64_t incarnation,
				    GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_MAPPING_FLUSH, REQUEST_SMALL);

	return ask(kernel, msg, agent_kmsg_build_flush(msg, incarnation), NULL, NULL, error);
}

gboolean agent_kernel_mapping_get(struct agent_kernel *kernel, uint64_t id,
				  struct agent_kmsg_mapping *mapping, GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_MAPPING_GET, REQUEST_SMALL);
	struct answer answer = { .parse = parse_mapping, .into = mapping };
	int err = nla_put_u64(msg, ROAMNAT_A_MAPPING_ID, id) < 0 ? -EMSGSIZE : 0;

	return ask_one(kernel, msg, err, &answer, error);
}

gboolean agent_kernel_floor_set(struct agent_kernel *kernel, uint64_t id, uint64_t epoch,
				GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_FLOOR_SET, REQUEST_SMALL);

	return ask(kernel, msg, agent_kmsg_build_floor(msg, id, epoch), NULL, NULL, error);
}

gboolean agent_kernel_miss_refuse(struct agent_kernel *kernel, const struct rn_private *vm,
				  uint64_t hold_off_ms, GError **error)
{
	struct nl_msg *msg = message(kernel, ROAMNAT_CMD_MISS_REFUSE, REQUEST_SMALL);

	return ask(kernel, msg, agent_kmsg_build_refuse(msg, vm, hold_off_ms), NULL, NULL, error);
}

struct dump {
	void (*each)(const struct agent_kmsg_mapping *mapping, void *data);
	void *data;
	GError *error;
};

static void on_dumped(struct nlmsghdr *hdr, void *data)
{
	struct agent_kmsg_mapping mapping;
	struct dump *dump = data;

	if (!dump->error && agent_kmsg_parse_mapping(hdr, &mapping, &dump->error))
		dump->each(&mapping, dump->data);
}

/* On a socket of its own, because `each` may use the other for requests. */
gboolean agent_kernel_mapping_dump(struct agent_kernel *kernel,
				   void (*each)(const struct agent_kmsg_mapping *mapping,
						void *data),
				   void *data, GError **error)
{
	struct dump dump = { .each = each, .data = data };
	gboolean interrupted = TRUE, ok = TRUE;
	struct nl_sock *sock = agent_genl_open(NETLINK_GENERIC, error);

	if (!sock)
		return FALSE;
	agent_genl_grow(sock, REQUEST_BUFFER);
	for (int i = 0; i < DUMPS_MAX && interrupted && ok && !dump.error; i++) {
		struct nl_msg *msg = agent_genl_message(kernel->id, NLM_F_DUMP,
							ROAMNAT_CMD_MAPPING_GET, REQUEST_SMALL);

		agent_counters_add(AGENT_KERNEL_REQUESTS, 1);
		ok = agent_genl_request(sock, msg, on_dumped, &dump, &interrupted, error);
	}
	nl_socket_free(sock);
	if (!ok) {
		g_clear_error(&dump.error);
		return FALSE;
	}
	if (dump.error) {
		g_propagate_error(error, dump.error);
		return FALSE;
	}
	if (interrupted) {
		g_set_error(error, AGENT_KERNEL_ERROR, EAGAIN,
			    "kernel: its table changed during each of %d dumps", DUMPS_MAX);
		return FALSE;
	}
	return TRUE;
}

struct binding_dump {
	struct rn_bindings *bindings;
	GError *error;
};

/* FALSE: enough. What a message has above the bound is cut off afterwards. */
static gboolean on_bindings(struct nlmsghdr *hdr, void *data)
{
	struct binding_dump *dump = data;

	return agent_kmsg_parse_bindings(hdr, dump->bindings, &dump->error) &&
	       dump->bindings->list->len < RN_BINDINGS_ALL;
}

/* So that as many as go in one message fit into a frame, each gives up some of those
 * who may send to it, the last ones first.
 */
static void limit_remotes(struct rn_bindings *bindings)
{
	guint n = bindings->list->len;
	guint each = RN_BINDINGS_BYTES / CLAMP(n, 1u, (guint)RN_BINDINGS_MAX);

	each = each > 32 ? (each - 32) / 6 : 0;
	for (guint i = 0; i < n; i++) {
		struct rn_binding *b = &g_array_index(bindings->list, struct rn_binding, i);

		b->n_remotes = MIN(b->n_remotes, each);
	}
}

/* On a socket of its own, which is closed when there are enough. */
struct rn_bindings *agent_kernel_bindings(struct agent_kernel *kernel, uint64_t id, guint *more,
					  GError **error)
{
	struct binding_dump dump = { .bindings = rn_bindings_new() };
	struct agent_kmsg_mapping mapping = { 0 };
	struct nl_sock *sock = agent_genl_open(NETLINK_GENERIC, error);
	struct nl_msg *msg;
	gboolean ok = FALSE;

	if (sock && agent_kernel_mapping_get(kernel, id, &mapping, error)) {
		agent_genl_grow(sock, REQUEST_BUFFER);
		msg = agent_genl_message(kernel->id, NLM_F_DUMP, ROAMNAT_CMD_BINDING_GET,
					 REQUEST_SMALL);
		if (nla_put_u64(msg, ROAMNAT_A_MAPPING_ID, id))
			g_error("out of memory");
		agent_counters_add(AGENT_KERNEL_REQUESTS, 1);
		ok = agent_genl_read(sock, msg, on_bindings, &dump, error);
	}
	nl_socket_free(sock);
	if (ok && dump.error) {
		g_propagate_error(error, g_steal_pointer(&dump.error));
		ok = FALSE;
	}
	g_clear_error(&dump.error);
	if (!ok) {
		rn_bindings_free(dump.bindings);
		return NULL;
	}
	if (dump.bindings->list->len > RN_BINDINGS_ALL)
		g_array_set_size(dump.bindings->list, RN_BINDINGS_ALL);
	limit_remotes(dump.bindings);
	*more = mapping.bindings - MIN(mapping.bindings, dump.bindings->list->len);
	return dump.bindings;
}
