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
	GArray *bounds;			/* struct agent_kmsg_bound */
};

struct agent_config *agent_config_load(const char *path, GError **error);
void agent_config_free(struct agent_config *config);

/* Is the private side in a prefix of its zone and kind? */
gboolean agent_config_covers(const struct agent_config *config, const struct rn_private *vm);

#endif
