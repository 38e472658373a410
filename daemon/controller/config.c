// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include "controller/config.h"
#include "proto/msg.h"

#define LEASE_MIN_MS	10000
#define KEEP_MIN_MS	60000
#define BLOCK_MIN	8	/* ports */

static const struct rn_config_key keys[] = {
	{ "controller", "name", FALSE },
	{ "controller", "listen", TRUE },
	{ "controller", "control-socket", FALSE },
	{ "controller", "store", FALSE },
	{ "controller", "report-from", FALSE },
	{ "controller", "quarantine", FALSE },
	{ "controller", "reclaim", FALSE },
	{ "audit", "keep", FALSE },
	{ "tls", "ca", TRUE },
	{ "tls", "cert", TRUE },
	{ "tls", "key", TRUE },
	{ "tls", "crl", FALSE },
	{ "pool *", "prefix", TRUE },
	{ "pool *", "kind", FALSE },
	{ "pool *", "ports", FALSE },
	{ "pool *", "protocols", FALSE },
	{ "pool *", "block-size", FALSE },
	{ "pool *", "blocks-per-vm", FALSE },
	{ "pool *", "zones", FALSE },
	{ "pool *", "idle-timeout", FALSE },
	{ "pool *", "exclude", FALSE },
	{ "static *", "private", TRUE },
	{ "static *", "public", TRUE },
	{ "static *", "zone", FALSE },
	{ "static *", "protocol", FALSE },
	{ "static *", "gateway", FALSE },
	{ "static *", "idle-timeout", FALSE },
	{ "limits", "mappings-per-vm", FALSE },
	{ "limits", "mappings-per-zone", FALSE },
	{ "limits", "threshold", FALSE },
	{ "zone *", "mappings", TRUE },
	{ "gateway *", "identity", TRUE },
	{ "gateway *", "endpoint", TRUE },
	{ "gateway *", "planned", FALSE },
	{ "gateway *", "planned-blocks", FALSE },
	{ "gateway *", "reserve", FALSE },
	{ "gateway *", "overload", FALSE },
	{ "gateway *", "lease", FALSE },
	{ "gateway *", "enabled", FALSE },
	{ NULL, NULL, FALSE },
};

static const char *string_or(const struct rn_config *file, const char *group, const char *key,
			     const char *fallback)
{
	const char *value = rn_config_string(file, group, key);

	return value ? value : fallback;
}

static gboolean load_keep(struct rn_ctl_config *config, GError **error)
{
	if (!rn_config_duration(config->file, "audit", "keep", 0, &config->audit_keep, error))
		return FALSE;
	if (!config->audit_keep || config->audit_keep >= KEEP_MIN_MS)
		return TRUE;
	rn_config_error(config->file, "audit", "keep", error,
			"is shorter than %d s: give days (90d), or 0 for ever", KEEP_MIN_MS / 1000);
	return FALSE;
}

static gboolean load_controller(struct rn_ctl_config *config, GError **error)
{
	static const char *const modes[] = { "source", "destination", NULL };
	const struct rn_config *file = config->file;
	struct rn_addr addr;
	uint16_t port;
	int mode;

	config->name = string_or(file, "controller", "name", "controller");
	config->listen = rn_config_string(file, "controller", "listen");
	config->control_socket = string_or(file, "controller", "control-socket",
					   "/run/roamnat/controller.sock");
	config->store = string_or(file, "controller", "store", "/var/lib/roamnat/controller.db");
	config->ca = rn_config_string(file, "tls", "ca");
	config->cert = rn_config_string(file, "tls", "cert");
	config->key = rn_config_string(file, "tls", "key");
	config->crl = rn_config_string(file, "tls", "crl");
	if (strlen(config->name) >= RN_NAME_MAX) {
		rn_config_error(file, "controller", "name", error,
				"longer than %d characters: shorten it", RN_NAME_MAX - 1);
		return FALSE;
	}
	if (!rn_endpoint_parse(config->listen, &addr, &port)) {
		rn_config_error(file, "controller", "listen", error,
				"`%s` is not ADDRESS:PORT or [ADDRESS]:PORT", config->listen);
		return FALSE;
	}
	if (!rn_config_choice(file, "controller", "report-from", modes, 0, &mode, error) ||
	    !rn_config_duration(file, "controller", "quarantine", 120000,
				&config->quarantine, error) ||
	    !rn_config_duration(file, "controller", "reclaim", 0, &config->reclaim, error) ||
	    !load_keep(config, error))
		return FALSE;
	config->mode = mode == 0 ? RN_MODE_SOURCE : RN_MODE_DESTINATION;
	return TRUE;
}

/* ---- pools ---- */

static gboolean parse_ports(struct rn_ctl_config *config, const char *group,
			    struct rn_pool_spec *spec, GError **error)
{
	const char *text = string_or(config->file, group, "ports", "1024-65535");
	unsigned int lo, hi;
	char end;

	if (sscanf(text, "%u-%u%c", &lo, &hi, &end) != 2 || lo > hi || hi > 65535 || !lo) {
		rn_config_error(config->file, group, "ports", error,
				"`%s` is not LOW-HIGH within 1-65535", text);
		return FALSE;
	}
	spec->port_lo = lo;
	spec->port_hi = hi;
	return TRUE;
}

static gboolean parse_protocols(struct rn_ctl_config *config, const char *group,
				struct rn_pool_spec *spec, GError **error)
{
	g_auto(GStrv) words = g_strsplit(string_or(config->file, group, "protocols",
						   "tcp;udp;icmp"), ";", -1);

	for (char **word = words; *word; word++) {
		g_strstrip(*word);
		if (!strcmp(*word, "tcp")) {
			spec->protocols |= RN_POOL_TCP;
		} else if (!strcmp(*word, "udp")) {
			spec->protocols |= RN_POOL_UDP;
		} else if (!strcmp(*word, "icmp")) {
			spec->protocols |= RN_POOL_ICMP;
		} else if (**word) {
			rn_config_error(config->file, group, "protocols", error,
					"`%s` is none of tcp, udp, icmp", *word);
			return FALSE;
		}
	}
	return TRUE;
}

static gboolean parse_zones(struct rn_ctl_config *config, const char *group, GArray *zones,
			    GError **error)
{
	g_auto(GStrv) words = g_strsplit(string_or(config->file, group, "zones", ""), ";", -1);

	for (char **word = words; *word; word++) {
		guint64 zone;
		uint32_t value;

		g_strstrip(*word);
		if (!**word)
			continue;
		if (!g_ascii_string_to_unsigned(*word, 10, 0, UINT32_MAX, &zone, NULL)) {
			rn_config_error(config->file, group, "zones", error,
					"`%s` is not a zone: numbers separated by ;", *word);
			return FALSE;
		}
		value = zone;
		g_array_append_val(zones, value);
	}
	return TRUE;
}

static gboolean parse_exclude(struct rn_ctl_config *config, const char *group, GArray *exclude,
			      GError **error)
{
	g_auto(GStrv) words = g_strsplit(string_or(config->file, group, "exclude", ""), ";", -1);

	for (char **word = words; *word; word++) {
		struct rn_addr addr;

		g_strstrip(*word);
		if (!**word)
			continue;
		if (!rn_addr_parse(*word, &addr)) {
			rn_config_error(config->file, group, "exclude", error,
					"`%s` is not an address: addresses separated by ;", *word);
			return FALSE;
		}
		g_array_append_val(exclude, addr);
	}
	return TRUE;
}

static gboolean one_family(struct rn_ctl_config *config, const char *group,
			   const struct rn_pool_spec *spec, GError **error)
{
	if (!spec->n_prefixes) {
		rn_config_error(config->file, group, "prefix", error,
				"is empty: give at least one prefix");
		return FALSE;
	}
	for (gsize i = 1; i < spec->n_prefixes; i++) {
		if (spec->prefixes[i].addr.len == spec->prefixes[0].addr.len)
			continue;
		rn_config_error(config->file, group, "prefix", error,
				"mixes IPv4 and IPv6: make a pool for each");
		return FALSE;
	}
	return TRUE;
}

/* That they are powers of two, and fit, is seen by the pool. */
static gboolean parse_blocks(struct rn_ctl_config *config, const char *group,
			     struct rn_pool_spec *spec, GError **error)
{
	guint64 size, n;

	if (!rn_config_uint(config->file, group, "block-size", BLOCK_MIN, 32768, 512, &size,
			    error) ||
	    !rn_config_uint(config->file, group, "blocks-per-vm", 1, 64, 4, &n, error) ||
	    !parse_ports(config, group, spec, error))
		return FALSE;
	spec->block_size = size;
	spec->blocks_per_vm = n;
	return TRUE;
}

static gboolean load_port_keys(struct rn_ctl_config *config, const char *group,
			       struct rn_pool_spec *spec, GError **error)
{
	static const struct {
		const char *key;
		uint8_t kinds;		/* bits */
		const char *need;
	} needs[] = {
		{ "ports", 1 << RN_KIND_PORT | 1 << RN_KIND_BLOCK, "kind=port or kind=block" },
		{ "protocols", 1 << RN_KIND_PORT, "kind=port" },
		{ "block-size", 1 << RN_KIND_BLOCK, "kind=block" },
		{ "blocks-per-vm", 1 << RN_KIND_BLOCK, "kind=block" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(needs); i++) {
		if (needs[i].kinds & 1 << spec->kind ||
		    !rn_config_string(config->file, group, needs[i].key))
			continue;
		rn_config_error(config->file, group, needs[i].key, error, "needs %s",
				needs[i].need);
		return FALSE;
	}
	if (spec->kind == RN_KIND_PORT)
		return parse_ports(config, group, spec, error) &&
		       parse_protocols(config, group, spec, error);
	return spec->kind != RN_KIND_BLOCK || parse_blocks(config, group, spec, error);
}

static gboolean load_pool(struct rn_ctl_config *config, const char *name, GError **error)
{
	static const char *const kinds[] = { "address", "port", "block", NULL };
	static const uint8_t values[] = { RN_KIND_ADDRESS, RN_KIND_PORT, RN_KIND_BLOCK };
	g_autoptr(GArray) zones = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_autoptr(GArray) exclude = g_array_new(FALSE, FALSE, sizeof(struct rn_addr));
	g_autofree char *group = g_strconcat("pool ", name, NULL);
	g_autofree struct rn_prefix *prefixes = NULL;
	struct rn_pool_spec spec = { .name = name };
	guint64 idle;
	int kind;

	if (!rn_config_choice(config->file, group, "kind", kinds, 0, &kind, error) ||
	    !rn_config_prefixes(config->file, group, "prefix", &prefixes, &spec.n_prefixes,
				error) ||
	    !rn_config_duration(config->file, group, "idle-timeout", 0, &idle, error))
		return FALSE;
	spec.kind = values[kind];
	spec.prefixes = prefixes;
	spec.idle_ms = idle;
	if (!one_family(config, group, &spec, error) ||
	    !load_port_keys(config, group, &spec, error) ||
	    !parse_zones(config, group, zones, error) ||
	    !parse_exclude(config, group, exclude, error))
		return FALSE;
	spec.zones = (const uint32_t *)zones->data;
	spec.n_zones = zones->len;
	spec.exclude = (const struct rn_addr *)exclude->data;
	spec.n_exclude = exclude->len;
	return rn_pools_add(config->pools, &spec, error);
}

/* ---- gateways ---- */

static gboolean gateway_unique(struct rn_ctl_config *config, const char *group,
			       const struct rn_gateway_config *gw, GError **error)
{
	for (guint i = 0; i < config->gateways->len; i++) {
		const struct rn_gateway_config *other =
			&g_array_index(config->gateways, struct rn_gateway_config, i);

		if (strcmp(other->identity, gw->identity))
			continue;
		rn_config_error(config->file, group, "identity", error,
				"%s is that of gateway %s too: each needs its own certificate",
				gw->identity, other->name);
		return FALSE;
	}
	return TRUE;
}

/* S15 */
static gboolean load_plan(const struct rn_config *file, const char *group,
			  struct rn_gateway_config *gw, GError **error)
{
	if (!rn_config_uint(file, group, "planned", 0, UINT32_MAX, 0, &gw->planned, error) ||
	    !rn_config_uint(file, group, "planned-blocks", 0, UINT32_MAX, 0,
			    &gw->planned_blocks, error) ||
	    !rn_config_uint(file, group, "reserve", 0, UINT32_MAX, 0, &gw->reserve, error))
		return FALSE;
	if (!gw->reserve || gw->reserve <= gw->planned)
		return TRUE;
	rn_config_error(file, group, "reserve", error,
			"is a part of planned=, which is less: raise that, or make this smaller");
	return FALSE;
}

static gboolean load_gateway(struct rn_ctl_config *config, const char *name, GError **error)
{
	g_autofree char *group = g_strconcat("gateway ", name, NULL);
	const struct rn_config *file = config->file;
	struct rn_gateway_config gw = {
		.name = name,
		.identity = rn_config_string(file, group, "identity"),
		.endpoint = rn_config_string(file, group, "endpoint"),
	};
	struct rn_addr addr;
	uint16_t port;

	if (strlen(name) >= RN_NAME_MAX || strlen(gw.identity) >= RN_TEXT_MAX) {
		rn_config_error(file, group, "identity", error,
				"names have at most %d, identities %d characters",
				RN_NAME_MAX - 1, RN_TEXT_MAX - 1);
		return FALSE;
	}
	if (!rn_endpoint_parse(gw.endpoint, &addr, &port)) {
		rn_config_error(file, group, "endpoint", error,
				"`%s` is not ADDRESS:PORT or [ADDRESS]:PORT", gw.endpoint);
		return FALSE;
	}
	if (!load_plan(file, group, &gw, error) ||
	    !rn_config_uint(file, group, "overload", 0, UINT32_MAX, 0, &gw.overload, error) ||
	    !rn_config_duration(file, group, "lease", 0, &gw.lease_ms, error) ||
	    !rn_config_bool(file, group, "enabled", TRUE, &gw.enabled, error) ||
	    !gateway_unique(config, group, &gw, error))
		return FALSE;
	if (gw.lease_ms && gw.lease_ms < LEASE_MIN_MS) {
		rn_config_error(file, group, "lease", error,
				"is shorter than %d s, which a short loss of the network would end: make it longer, or 0 for none",
				LEASE_MIN_MS / 1000);
		return FALSE;
	}
	g_array_append_val(config->gateways, gw);
	return TRUE;
}

/* ---- statics ---- */

/* ADDRESS or ADDRESS:PORT, of which a port mapping has two and a protocol. */
static gboolean parse_static(struct rn_ctl_config *config, const char *group,
			     struct rn_static *fixed, GError **error)
{
	const char *protocol = rn_config_string(config->file, group, "protocol");
	const struct {
		const char *key;
		struct rn_addr *addr;
		uint16_t *port;
	} sides[] = {
		{ "private", &fixed->vm.addr, &fixed->vm.port },
		{ "public", &fixed->pub.addr, &fixed->pub.port },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(sides); i++) {
		const char *text = rn_config_string(config->file, group, sides[i].key);
		uint16_t ports;

		if (rn_side_parse(text, sides[i].addr, sides[i].port, &ports) && !ports)
			continue;
		rn_config_error(config->file, group, sides[i].key, error,
				"`%s` is not ADDRESS or ADDRESS:PORT", text);
		return FALSE;
	}
	if (protocol && !rn_proto_parse(protocol, &fixed->vm.proto)) {
		rn_config_error(config->file, group, "protocol", error,
				"`%s` is none of tcp, udp, icmp", protocol);
		return FALSE;
	}
	if (!fixed->vm.port != !fixed->pub.port || !fixed->vm.port != !protocol) {
		rn_config_error(config->file, group, "public", error,
				"either both sides have a port, and there is a protocol, or nothing of that");
		return FALSE;
	}
	fixed->pub.proto = fixed->vm.proto;
	fixed->vm.kind = protocol ? RN_KIND_PORT : RN_KIND_ADDRESS;
	return TRUE;
}

static gboolean gateway_known(const struct rn_ctl_config *config, const char *name)
{
	for (guint i = 0; i < config->gateways->len; i++)
		if (!strcmp(g_array_index(config->gateways, struct rn_gateway_config, i).name,
			    name))
			return TRUE;
	return FALSE;
}

static gboolean load_static(struct rn_ctl_config *config, const char *name, GError **error)
{
	g_autofree char *group = g_strconcat("static ", name, NULL);
	struct rn_static fixed = {
		.name = name, .gateway = rn_config_string(config->file, group, "gateway"),
	};
	guint64 zone, idle;

	if (!parse_static(config, group, &fixed, error) ||
	    !rn_config_uint(config->file, group, "zone", 0, UINT32_MAX, 0, &zone, error) ||
	    !rn_config_duration(config->file, group, "idle-timeout", 0, &idle, error))
		return FALSE;
	if (fixed.gateway && !gateway_known(config, fixed.gateway)) {
		rn_config_error(config->file, group, "gateway", error,
				"there is no [gateway %s]", fixed.gateway);
		return FALSE;
	}
	fixed.vm.zone = zone;
	fixed.idle_ms = idle;
	return rn_pools_reserve(config->pools, &fixed, error);
}

/* ---- limits ---- */

static gboolean load_zone(struct rn_ctl_config *config, const char *name, GError **error)
{
	g_autofree char *group = g_strconcat("zone ", name, NULL);
	guint64 zone, mappings;

	if (!g_ascii_string_to_unsigned(name, 10, 0, UINT32_MAX, &zone, NULL)) {
		rn_config_error(config->file, group, "mappings", error,
				"`%s` is not the number of a zone", name);
		return FALSE;
	}
	if (!rn_config_uint(config->file, group, "mappings", 0, UINT32_MAX, 0, &mappings, error))
		return FALSE;
	rn_limits_zone(config->limits, zone, mappings);
	return TRUE;
}

static gboolean load_limits(struct rn_ctl_config *config, GError **error)
{
	const struct rn_config *file = config->file;
	guint64 vm, zone, threshold;

	if (!rn_config_uint(file, "limits", "mappings-per-vm", 0, UINT32_MAX, 0, &vm, error) ||
	    !rn_config_uint(file, "limits", "mappings-per-zone", 0, UINT32_MAX, 0, &zone, error) ||
	    !rn_config_uint(file, "limits", "threshold", 0, 100, RN_LIMIT_THRESHOLD, &threshold,
			    error))
		return FALSE;
	rn_limits_configure(config->limits, vm, zone, threshold);
	return TRUE;
}

static gboolean load_each(struct rn_ctl_config *config,
			  gboolean (*load)(struct rn_ctl_config *, const char *, GError **),
			  const char *kind, GError **error)
{
	g_auto(GStrv) names = rn_config_names(config->file, kind);

	for (char **name = names; *name; name++)
		if (!load(config, *name, error))
			return FALSE;
	return TRUE;
}

static gboolean load_all(struct rn_ctl_config *config,
			 gboolean (*load)(struct rn_ctl_config *, const char *, GError **),
			 const char *kind, char ***names, GError **error)
{
	*names = rn_config_names(config->file, kind);
	if (!**names) {
		g_autofree char *group = g_strconcat(kind, " NAME", NULL);

		rn_config_error(config->file, group, "*", error, "is missing: name at least one");
		return FALSE;
	}
	for (char **name = *names; *name; name++)
		if (!load(config, *name, error))
			return FALSE;
	return TRUE;
}

struct rn_ctl_config *rn_ctl_config_load(const char *path, GError **error)
{
	struct rn_config *file = rn_config_load(path, keys, error);
	g_auto(GStrv) pools = NULL;
	struct rn_ctl_config *config;

	if (!file)
		return NULL;
	config = g_new0(struct rn_ctl_config, 1);
	config->file = file;
	config->gateways = g_array_new(FALSE, TRUE, sizeof(struct rn_gateway_config));
	config->pools = rn_pools_new();
	config->limits = rn_limits_new();
	if (load_controller(config, error) &&
	    load_all(config, load_pool, "pool", &pools, error) &&
	    load_all(config, load_gateway, "gateway", &config->gateway_names, error) &&
	    load_each(config, load_static, "static", error) && load_limits(config, error) &&
	    load_each(config, load_zone, "zone", error))
		return config;
	rn_ctl_config_free(config);
	return NULL;
}

void rn_ctl_config_free(struct rn_ctl_config *config)
{
	if (!config)
		return;
	rn_pools_free(config->pools);
	rn_limits_free(config->limits);
	g_array_unref(config->gateways);
	g_strfreev(config->gateway_names);
	rn_config_free(config->file);
	g_free(config);
}
