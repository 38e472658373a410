/* SPDX-License-Identifier: GPL-2.0 */
/* agent.conf, read and checked as a whole; agent.conf.example explains it. */
#ifndef RN_AGENT_CONFIG_H
#define RN_AGENT_CONFIG_H

#include <glib.h>
#include "agent/kmsg.h"
#include "base/config.h"

/* One [inside NAME]. */
struct agent_inside_config {
	char *name;
	const char *interface;
	struct rn_prefix *prefixes;
	gsize n_prefixes;
	struct rn_prefix *excludes;	/* destinations left untranslated */
	gsize n_excludes;
	uint32_t zone;
	uint8_t kind;		/* enum rn_kind */
	uint64_t idle_ms;
	uint32_t mark, mark_mask;
	gboolean hear_arp;	/* a gratuitous ARP is a first packet */
};

enum agent_announce_kind {
	AGENT_ANNOUNCE_ROUTE,		/* routers are told, by a route that others redistribute */
	AGENT_ANNOUNCE_NEIGHBOUR,	/* neighbours on the uplink's wire are answered */
};

#define AGENT_ANNOUNCE_TIMES	8

/* One [announce NAME]. */
struct agent_announce_config {
	char *name;
	enum agent_announce_kind kind;
	const char *interface;		/* NEIGHBOUR: the uplink; else NULL */
	struct rn_prefix *prefixes;	/* of public addresses */
	gsize n_prefixes;
	uint32_t table, metric;
	uint64_t linger_ms;	/* ROUTE: how long one outlives the mapping */
	gboolean shared;	/* also addresses that mappings share by ports */
	uint32_t times[AGENT_ANNOUNCE_TIMES];	/* NEIGHBOUR: ms, of unasked answers */
	guint n_times;
};

/* One [forward NAME]: how late packets reach another gateway. */
struct agent_forward_config {
	char *name;
	const char *gateway;
	const char *device;
	struct rn_addr hop, hop6;	/* len 0: none */
	uint32_t zone;
	bool any_zone;
};

struct agent_config {
	struct rn_config *file;		/* owns the strings below */
	const char *name;
	const char *listen;
	const char *control_socket;
	uint8_t mode;			/* enum rn_mode */
	const char *controller_endpoint;
	const char *controller_identity;
	const char *ca, *cert, *key, *crl;	/* crl may be NULL */
	GPtrArray *insides;		/* struct agent_inside_config */
	char **fast;			/* names of interfaces; ends with NULL */
	GPtrArray *forwards;		/* struct agent_forward_config */
	GArray *bounds;			/* struct agent_kmsg_bound */
	GPtrArray *announces;		/* struct agent_announce_config */
};

struct agent_config *agent_config_load(const char *path, GError **error);
void agent_config_free(struct agent_config *config);

/* config_announce.c: the sections [announce NAME], for agent_config_load. */
GPtrArray *agent_config_announces(const struct rn_config *file, GError **error);

/* Is the private side in a prefix of its zone and kind? */
gboolean agent_config_covers(const struct agent_config *config, const struct rn_private *vm);

#endif
