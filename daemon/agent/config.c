// SPDX-License-Identifier: GPL-2.0
#include "agent/config.h"

#include <linux/roamnat.h>
#include <net/if.h>
#include <string.h>
#include "base/log.h"

#define CONTROL_SOCKET	"/run/roamnat/agent.sock"
/* ms. A mapping may carry TCP, of which it does not know whether it is open: RFC 5382,
 * REQ-5. Of a block its bindings do, each for its own time.
 */
#define IDLE_DEFAULT		7440000
#define IDLE_DEFAULT_BLOCK	300000

static const struct rn_config_key keys[] = {
	{ "agent", "name", TRUE },
	{ "agent", "listen", TRUE },
	{ "agent", "control-socket", FALSE },
	{ "agent", "report-from", FALSE },
	{ "controller", "endpoint", TRUE },
	{ "controller", "identity", TRUE },
	{ "tls", "ca", TRUE },
	{ "tls", "cert", TRUE },
	{ "tls", "key", TRUE },
	{ "tls", "crl", FALSE },
	{ "inside *", "interface", TRUE },
	{ "inside *", "prefix", TRUE },
	{ "inside *", "zone", FALSE },
	{ "inside *", "kind", FALSE },
	{ "inside *", "idle-timeout", FALSE },
	{ "inside *", "mark", FALSE },
	{ "inside *", "mark-mask", FALSE },
	{ "inside *", "exclude", FALSE },
	{ "announce *", "prefix", TRUE },
	{ "announce *", "kind", FALSE },
	{ "announce *", "interface", FALSE },
	{ "announce *", "table", FALSE },
	{ "announce *", "metric", FALSE },
	{ "announce *", "linger", FALSE },
	{ "announce *", "shared", FALSE },
	{ "announce *", "unasked", FALSE },
	{ "inside *", "hear-arp", FALSE },
	{ "fast", "interface", FALSE },
	{ "forward *", "gateway", TRUE },
	{ "forward *", "device", TRUE },
	{ "forward *", "zone", FALSE },
	{ "forward *", "next-hop", FALSE },
	{ "forward *", "next-hop6", FALSE },
	{ "kernel", "max-mappings", FALSE },
	{ "kernel", "max-floors", FALSE },
	{ "kernel", "max-misses", FALSE },
	{ "kernel", "hold-packets", FALSE },
	{ "kernel", "hold-packets-total", FALSE },
	{ "kernel", "hold-bytes-total", FALSE },
	{ "kernel", "hold-ms", FALSE },
	{ "kernel", "upcall-rate", FALSE },
	{ "kernel", "upcall-burst", FALSE },
	{ "kernel", "source-rate", FALSE },
	{ "kernel", "source-burst", FALSE },
	{ "kernel", "icmp-rate", FALSE },
	{ "kernel", "max-bindings", FALSE },
	{ "kernel", "udp-timeout", FALSE },
	{ "kernel", "tcp-established-timeout", FALSE },
	{ "kernel", "tcp-opening-timeout", FALSE },
	{ "kernel", "tcp-closing-timeout", FALSE },
	{ "kernel", "icmp-timeout", FALSE },
	{ "kernel", "port-hold-off", FALSE },
	{ "kernel", "filtering", FALSE },
	{ "kernel", "inbound-refresh", FALSE },
	{ "kernel", "port-parity", FALSE },
	{ "kernel", "block-threshold", FALSE },
	{ "kernel", "hold-packets-moving", FALSE },
	{ "kernel", "max-forwards", FALSE },
	{ "kernel", "forward-time", FALSE },
	{ NULL, NULL, FALSE },
};

/* Ranges as in roamnat.yaml, attribute set config. */
static const struct {
	const char *key;
	uint16_t attr;
	uint32_t min, max;
} bounds[] = {
	{ "max-mappings", ROAMNAT_A_CONFIG_MAX_MAPPINGS, 1, G_MAXUINT32 },
	{ "max-floors", ROAMNAT_A_CONFIG_MAX_FLOORS, 1, G_MAXUINT32 },
	{ "max-misses", ROAMNAT_A_CONFIG_MAX_MISSES, 1, G_MAXUINT32 },
	{ "hold-packets", ROAMNAT_A_CONFIG_HOLD_PACKETS, 1, 1024 },
	{ "hold-packets-total", ROAMNAT_A_CONFIG_HOLD_PACKETS_TOTAL, 1, G_MAXUINT32 },
	{ "hold-bytes-total", ROAMNAT_A_CONFIG_HOLD_BYTES_TOTAL, 4096, G_MAXUINT32 },
	{ "hold-ms", ROAMNAT_A_CONFIG_HOLD_MS, 10, 60000 },
	{ "upcall-rate", ROAMNAT_A_CONFIG_UPCALL_RATE, 1, G_MAXUINT32 },
	{ "upcall-burst", ROAMNAT_A_CONFIG_UPCALL_BURST, 1, G_MAXUINT32 },
	{ "source-rate", ROAMNAT_A_CONFIG_SOURCE_RATE, 1, G_MAXUINT32 },
	{ "source-burst", ROAMNAT_A_CONFIG_SOURCE_BURST, 1, G_MAXUINT32 },
	{ "icmp-rate", ROAMNAT_A_CONFIG_ICMP_RATE, 0, G_MAXUINT32 },
	{ "max-bindings", ROAMNAT_A_CONFIG_MAX_BINDINGS, 1, G_MAXUINT32 },
	{ "block-threshold", ROAMNAT_A_CONFIG_BLOCK_THRESHOLD, 1, 100 },
	{ "hold-packets-moving", ROAMNAT_A_CONFIG_HOLD_PACKETS_MOVING, 1, 65536 },
	{ "max-forwards", ROAMNAT_A_CONFIG_MAX_FORWARDS, 1, G_MAXUINT32 },
};

#define TIMEOUT_MAX	604800000	/* ms */

/* The same; `least` is what an RFC demands, or the recommendation of one: less is
 * taken, with a warning.
 */
static const struct {
	const char *key;
	uint16_t attr;
	uint32_t min, least;	/* ms */
	const char *rfc;
} timeouts[] = {
	{ "udp-timeout", ROAMNAT_A_CONFIG_UDP_MS, 1000, 120000, "RFC 4787, REQ-5" },
	{ "tcp-established-timeout", ROAMNAT_A_CONFIG_TCP_ESTABLISHED_MS, 1000, 7440000,
	  "RFC 5382, REQ-5" },
	{ "tcp-opening-timeout", ROAMNAT_A_CONFIG_TCP_OPENING_MS, 1000, 240000,
	  "RFC 5382, REQ-5" },
	{ "tcp-closing-timeout", ROAMNAT_A_CONFIG_TCP_CLOSING_MS, 1000, 240000,
	  "RFC 5382, REQ-5" },
	{ "icmp-timeout", ROAMNAT_A_CONFIG_ICMP_MS, 1000, 60000, "RFC 5508, REQ-2" },
	{ "port-hold-off", ROAMNAT_A_CONFIG_PORT_HOLD_OFF_MS, 0, 120000, "RFC 6888, REQ-8" },
};

#define FORWARD_TIME_MIN	100	/* ms */
#define FORWARD_TIME_MAX	3600000

static void inside_free(void *data)
{
	struct agent_inside_config *inside = data;

	g_free(inside->name);
	g_free(inside->prefixes);
	g_free(inside->excludes);
	g_free(inside);
}

static void forward_free(void *data)
{
	struct agent_forward_config *forward = data;

	g_free(forward->name);
	g_free(forward);
}

static gboolean read_u32(const struct agent_config *config, const char *group, const char *key,
			 uint32_t fallback, uint32_t *value, GError **error)
{
	guint64 wide;

	if (!rn_config_uint(config->file, group, key, 0, G_MAXUINT32, fallback, &wide, error))
		return FALSE;
	*value = (uint32_t)wide;
	return TRUE;
}

static gboolean read_mark(struct agent_config *config, const char *group,
			  struct agent_inside_config *inside, GError **error)
{
	gboolean marked = rn_config_string(config->file, group, "mark") != NULL;

	if (!read_u32(config, group, "mark", 0, &inside->mark, error) ||
	    !read_u32(config, group, "mark-mask", marked ? G_MAXUINT32 : 0, &inside->mark_mask,
		      error))
		return FALSE;
	if (!(inside->mark & ~inside->mark_mask))
		return TRUE;
	rn_config_error(config->file, group, "mark", error,
			"has bits outside mark-mask; add them to mark-mask");
	return FALSE;
}

static gboolean check_prefixes(struct agent_config *config, const char *group,
			       const struct agent_inside_config *inside, GError **error)
{
	for (gsize i = 0; i < inside->n_prefixes; i++)
		if (inside->prefixes[i].addr.len != 4 && inside->kind != RN_KIND_ADDRESS) {
			rn_config_error(config->file, group, "prefix", error,
					"IPv6 has address mappings only; give it an [inside] of its own with kind=address");
			return FALSE;
		}
	if (inside->n_prefixes)
		return TRUE;
	rn_config_error(config->file, group, "prefix", error, "is empty; name a prefix");
	return FALSE;
}

static gboolean read_inside(struct agent_config *config, const char *name, GError **error)
{
	static const char *const kinds[] = { "address", "port", "block", NULL };
	static const uint8_t values[] = { RN_KIND_ADDRESS, RN_KIND_PORT, RN_KIND_BLOCK };
	g_autofree char *group = g_strconcat("inside ", name, NULL);
	struct agent_inside_config *inside = g_new0(struct agent_inside_config, 1);
	int kind;

	g_ptr_array_add(config->insides, inside);
	inside->name = g_strdup(name);
	inside->interface = rn_config_string(config->file, group, "interface");
	if (!inside->interface || strlen(inside->interface) >= IF_NAMESIZE) {
		rn_config_error(config->file, group, "interface", error,
				"is not the name of an interface: 1 to %d characters",
				IF_NAMESIZE - 1);
		return FALSE;
	}
	if (!rn_config_prefixes(config->file, group, "prefix", &inside->prefixes,
				&inside->n_prefixes, error) ||
	    !read_u32(config, group, "zone", 0, &inside->zone, error) ||
	    !rn_config_choice(config->file, group, "kind", kinds, 0, &kind, error) ||
	    !rn_config_duration(config->file, group, "idle-timeout",
				values[kind] == RN_KIND_BLOCK ? IDLE_DEFAULT_BLOCK : IDLE_DEFAULT,
				&inside->idle_ms, error) ||
	    !read_mark(config, group, inside, error) ||
	    /* Destinations to which nothing is translated (RFC 6888, REQ-6). */
	    !rn_config_prefixes(config->file, group, "exclude", &inside->excludes,
				&inside->n_excludes, error))
		return FALSE;
	inside->kind = values[kind];
	if (!rn_config_bool(config->file, group, "hear-arp", FALSE, &inside->hear_arp, error))
		return FALSE;
	if (inside->hear_arp && inside->kind == RN_KIND_PORT) {
		rn_config_error(config->file, group, "hear-arp", error,
				"needs kind=address or kind=block: an ARP names no port");
		return FALSE;
	}
	return check_prefixes(config, group, inside, error);
}

static gboolean same_prefix(const struct rn_prefix *a, const struct rn_prefix *b)
{
	return a->len == b->len && rn_addr_equal(&a->addr, &b->addr);
}

/* Nested prefixes are fine, the longest wins; the same one twice is not. */
static gboolean check_twice(struct agent_config *config, const struct agent_inside_config *a,
			    const struct agent_inside_config *b, GError **error)
{
	g_autofree char *group = g_strconcat("inside ", b->name, NULL);

	if (strcmp(a->interface, b->interface))
		return TRUE;
	for (gsize i = 0; i < a->n_prefixes; i++)
		for (gsize j = a == b ? i + 1 : 0; j < b->n_prefixes; j++) {
			char text[RN_ADDR_TEXT];

			if (!same_prefix(&a->prefixes[i], &b->prefixes[j]))
				continue;
			rn_config_error(config->file, group, "prefix", error,
					"%s/%u of interface %s is already in [inside %s]; keep one",
					rn_addr_print(&b->prefixes[j].addr, text),
					b->prefixes[j].len, b->interface, a->name);
			return FALSE;
		}
	return TRUE;
}

static gboolean read_insides(struct agent_config *config, GError **error)
{
	g_auto(GStrv) names = rn_config_names(config->file, "inside");
	gsize total = 0, excludes = 0;

	for (guint i = 0; names[i]; i++) {
		struct agent_inside_config *inside;

		if (!read_inside(config, names[i], error))
			return FALSE;
		inside = config->insides->pdata[i];
		total += inside->n_prefixes;
		if (total > ROAMNAT_INSIDE_MAX) {
			rn_config_error(config->file, "inside", NULL, error,
					"more than %d prefixes in all; join some of them",
					ROAMNAT_INSIDE_MAX);
			return FALSE;
		}
		excludes += inside->n_excludes;
		if (excludes > ROAMNAT_INSIDE_MAX) {
			rn_config_error(config->file, "inside", NULL, error,
					"more than %d excluded destinations in all; join some of them",
					ROAMNAT_INSIDE_MAX);
			return FALSE;
		}
		for (guint j = 0; j <= i; j++)
			if (!check_twice(config, config->insides->pdata[j], inside, error))
				return FALSE;
	}
	return TRUE;
}

static gboolean read_hop(struct agent_config *config, const char *group, const char *key,
			 uint8_t len, struct rn_addr *hop, GError **error)
{
	const char *text = rn_config_string(config->file, group, key);

	if (!text || (rn_addr_parse(text, hop) && hop->len == len))
		return TRUE;
	rn_config_error(config->file, group, key, error, "`%s' is not an address of %s", text,
			len == 4 ? "IPv4" : "IPv6");
	return FALSE;
}

static gboolean read_forward(struct agent_config *config, const char *name, GError **error)
{
	g_autofree char *group = g_strconcat("forward ", name, NULL);
	struct agent_forward_config *forward = g_new0(struct agent_forward_config, 1);

	g_ptr_array_add(config->forwards, forward);
	forward->name = g_strdup(name);
	forward->gateway = rn_config_string(config->file, group, "gateway");
	forward->device = rn_config_string(config->file, group, "device");
	forward->any_zone = !rn_config_string(config->file, group, "zone");
	if (!forward->device[0] || strlen(forward->device) >= IF_NAMESIZE) {
		rn_config_error(config->file, group, "device", error,
				"is not the name of an interface: 1 to %d characters",
				IF_NAMESIZE - 1);
		return FALSE;
	}
	return read_u32(config, group, "zone", 0, &forward->zone, error) &&
	       read_hop(config, group, "next-hop", 4, &forward->hop, error) &&
	       read_hop(config, group, "next-hop6", 16, &forward->hop6, error);
}

/* What comes by a device must be of one tenant, or of any. */
static gboolean check_forward(struct agent_config *config, const struct agent_forward_config *a,
			      const struct agent_forward_config *b, GError **error)
{
	g_autofree char *group = g_strconcat("forward ", b->name, NULL);
	gboolean same_zone = a->any_zone == b->any_zone && a->zone == b->zone;

	if (!strcmp(a->device, b->device) && !same_zone) {
		rn_config_error(config->file, group, "zone", error,
				"is another than in [forward %s], which has the same device; give each zone a device of its own",
				a->name);
		return FALSE;
	}
	if (strcmp(a->gateway, b->gateway) || !same_zone)
		return TRUE;
	rn_config_error(config->file, group, "gateway", error,
			"has its way already in [forward %s]; keep one", a->name);
	return FALSE;
}

static gboolean read_forwards(struct agent_config *config, GError **error)
{
	g_auto(GStrv) names = rn_config_names(config->file, "forward");

	for (guint i = 0; names[i]; i++) {
		if (i == ROAMNAT_FORWARD_MAX) {
			rn_config_error(config->file, "forward", NULL, error,
					"more than %d ways to other gateways", ROAMNAT_FORWARD_MAX);
			return FALSE;
		}
		if (!read_forward(config, names[i], error))
			return FALSE;
		for (guint j = 0; j < i; j++)
			if (!check_forward(config, config->forwards->pdata[j],
					   config->forwards->pdata[i], error))
				return FALSE;
	}
	return TRUE;
}

static gboolean read_fast(struct agent_config *config, GError **error)
{
	const char *text = rn_config_string(config->file, "fast", "interface");
	g_autoptr(GStrvBuilder) names = g_strv_builder_new();
	g_auto(GStrv) words = g_strsplit(text ? text : "", ";", -1);
	guint n = 0;

	for (guint i = 0; words[i]; i++) {
		if (!*g_strstrip(words[i]))
			continue;
		if (strlen(words[i]) >= IF_NAMESIZE || ++n > ROAMNAT_FAST_MAX) {
			rn_config_error(config->file, "fast", "interface", error,
					"`%s' is not the name of an interface, or there are more than %d",
					words[i], ROAMNAT_FAST_MAX);
			return FALSE;
		}
		g_strv_builder_add(names, words[i]);
	}
	config->fast = g_strv_builder_end(names);
	return TRUE;
}

static void add_bound(struct agent_config *config, uint16_t attr, uint32_t value)
{
	struct agent_kmsg_bound bound = { .attr = attr, .value = value };

	g_array_append_val(config->bounds, bound);
}

static gboolean read_bounds(struct agent_config *config, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(bounds); i++) {
		guint64 value;

		if (!rn_config_string(config->file, "kernel", bounds[i].key))
			continue;
		if (!rn_config_uint(config->file, "kernel", bounds[i].key, bounds[i].min,
				    bounds[i].max, 0, &value, error))
			return FALSE;
		add_bound(config, bounds[i].attr, (uint32_t)value);
	}
	return TRUE;
}

static gboolean read_timeouts(struct agent_config *config, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(timeouts); i++) {
		const char *key = timeouts[i].key;
		guint64 value;

		if (!rn_config_string(config->file, "kernel", key))
			continue;
		if (!rn_config_duration(config->file, "kernel", key, 0, &value, error))
			return FALSE;
		if (value < timeouts[i].min || value > TIMEOUT_MAX) {
			rn_config_error(config->file, "kernel", key, error,
					"is not between %u s and 7 d", timeouts[i].min / 1000);
			return FALSE;
		}
		if (value < timeouts[i].least)
			rn_notice("[kernel] %s is shorter than the %u s of %s: connections that are idle may be cut",
				  key, timeouts[i].least / 1000, timeouts[i].rfc);
		add_bound(config, timeouts[i].attr, (uint32_t)value);
	}
	return TRUE;
}

static gboolean read_forward_time(struct agent_config *config, GError **error)
{
	guint64 value;

	if (!rn_config_string(config->file, "kernel", "forward-time"))
		return TRUE;
	if (!rn_config_duration(config->file, "kernel", "forward-time", 0, &value, error))
		return FALSE;
	if (value < FORWARD_TIME_MIN || value > FORWARD_TIME_MAX) {
		rn_config_error(config->file, "kernel", "forward-time", error,
				"is not between 100 ms and 1 h");
		return FALSE;
	}
	add_bound(config, ROAMNAT_A_CONFIG_FORWARD_MS, (uint32_t)value);
	return TRUE;
}

static gboolean read_switch(struct agent_config *config, const char *key, uint16_t attr,
			    GError **error)
{
	gboolean value;

	if (!rn_config_string(config->file, "kernel", key))
		return TRUE;
	if (!rn_config_bool(config->file, "kernel", key, TRUE, &value, error))
		return FALSE;
	add_bound(config, attr, value);
	return TRUE;
}

static gboolean read_policies(struct agent_config *config, GError **error)
{
	static const char *const filters[] = { "endpoint-independent", "address-dependent", NULL };
	int filter;

	if (!rn_config_choice(config->file, "kernel", "filtering", filters, 0, &filter, error) ||
	    !read_switch(config, "inbound-refresh", ROAMNAT_A_CONFIG_INBOUND_REFRESH, error) ||
	    !read_switch(config, "port-parity", ROAMNAT_A_CONFIG_PORT_PARITY, error))
		return FALSE;
	if (rn_config_string(config->file, "kernel", "filtering"))
		add_bound(config, ROAMNAT_A_CONFIG_FILTERING,
			  filter ? ROAMNAT_FILTERING_ADDRESS_DEPENDENT :
				   ROAMNAT_FILTERING_ENDPOINT_INDEPENDENT);
	return TRUE;
}

static gboolean check_endpoint(struct agent_config *config, const char *group, const char *key,
			       const char *text, GError **error)
{
	struct rn_addr addr;
	uint16_t port;

	if (rn_endpoint_parse(text, &addr, &port))
		return TRUE;
	rn_config_error(config->file, group, key, error,
			"`%s' is not ADDRESS:PORT or [ADDRESS]:PORT, in numbers", text);
	return FALSE;
}

static gboolean read_plain(struct agent_config *config, GError **error)
{
	static const char *const modes[] = { "source", "destination", NULL };
	struct rn_config *file = config->file;
	int mode;

	config->name = rn_config_string(file, "agent", "name");
	config->listen = rn_config_string(file, "agent", "listen");
	config->control_socket = rn_config_string(file, "agent", "control-socket");
	config->controller_endpoint = rn_config_string(file, "controller", "endpoint");
	config->controller_identity = rn_config_string(file, "controller", "identity");
	config->ca = rn_config_string(file, "tls", "ca");
	config->cert = rn_config_string(file, "tls", "cert");
	config->key = rn_config_string(file, "tls", "key");
	config->crl = rn_config_string(file, "tls", "crl");
	if (!config->control_socket)
		config->control_socket = CONTROL_SOCKET;
	if (strlen(config->name) >= RN_NAME_MAX) {
		rn_config_error(file, "agent", "name", error, "is longer than %d characters",
				RN_NAME_MAX - 1);
		return FALSE;
	}
	if (!strstr(config->controller_identity, "://")) {
		rn_config_error(file, "controller", "identity", error,
				"`%s' is not the URI of a certificate, such as spiffe://example/controller",
				config->controller_identity);
		return FALSE;
	}
	if (!check_endpoint(config, "agent", "listen", config->listen, error) ||
	    !check_endpoint(config, "controller", "endpoint", config->controller_endpoint, error))
		return FALSE;
	if (!rn_config_choice(file, "agent", "report-from", modes, 0, &mode, error))
		return FALSE;
	config->mode = mode ? RN_MODE_DESTINATION : RN_MODE_SOURCE;
	return TRUE;
}

static gboolean read_announces(struct agent_config *config, GError **error)
{
	config->announces = agent_config_announces(config->file, error);
	return config->announces != NULL;
}

struct agent_config *agent_config_load(const char *path, GError **error)
{
	struct agent_config *config = g_new0(struct agent_config, 1);

	config->insides = g_ptr_array_new_with_free_func(inside_free);
	config->forwards = g_ptr_array_new_with_free_func(forward_free);
	config->bounds = g_array_new(FALSE, FALSE, sizeof(struct agent_kmsg_bound));
	config->file = rn_config_load(path, keys, error);
	if (config->file && read_plain(config, error) && read_insides(config, error) &&
	    read_forwards(config, error) && read_fast(config, error) &&
	    read_bounds(config, error) && read_timeouts(config, error) &&
	    read_forward_time(config, error) &&
	    read_policies(config, error) && read_announces(config, error))
		return config;
	agent_config_free(config);
	return NULL;
}

void agent_config_free(struct agent_config *config)
{
	if (!config)
		return;
	g_ptr_array_unref(config->insides);
	g_ptr_array_unref(config->forwards);
	g_array_unref(config->bounds);
	g_strfreev(config->fast);
	g_clear_pointer(&config->announces, g_ptr_array_unref);
	rn_config_free(config->file);
	g_free(config);
}

gboolean agent_config_covers(const struct agent_config *config, const struct rn_private *vm)
{
	for (guint i = 0; i < config->insides->len; i++) {
		const struct agent_inside_config *inside = config->insides->pdata[i];

		if (inside->zone != vm->zone || inside->kind != vm->kind)
			continue;
		for (gsize j = 0; j < inside->n_prefixes; j++)
			if (rn_prefix_contains(&inside->prefixes[j], &vm->addr))
				return TRUE;
	}
	return FALSE;
}
