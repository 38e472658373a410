/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Configuration files: GKeyFile, with what GKeyFile does not do: unknown
 * groups and keys are refused by name with the nearest known one, and so are
 * keys given twice; drop-ins FILE.d/NN-*.conf are read after FILE and override.
 * All errors name file, group and key, and say what would be right.
 */
#ifndef RN_BASE_CONFIG_H
#define RN_BASE_CONFIG_H

#include <glib.h>
#include "base/addr.h"

struct rn_config_key {
	const char *group;	/* "tls", or "pool *" for groups named [pool NAME] */
	const char *key;
	gboolean required;
};

struct rn_config;

/* keys ends with a NULL group. */
struct rn_config *rn_config_load(const char *path, const struct rn_config_key *keys,
				 GError **error);
void rn_config_free(struct rn_config *config);
/* The names NAME of all groups [kind NAME], in file order; free with g_strfreev. */
char **rn_config_names(const struct rn_config *config, const char *kind);

/* NULL when absent; owned by config. */
const char *rn_config_string(const struct rn_config *config, const char *group, const char *key);
gboolean rn_config_uint(const struct rn_config *config, const char *group, const char *key,
			guint64 min, guint64 max, guint64 fallback, guint64 *value, GError **error);
/* Seconds, with a unit (ms, s, min, h, d) or without; value in ms. */
gboolean rn_config_duration(const struct rn_config *config, const char *group, const char *key,
			    guint64 fallback_ms, guint64 *value, GError **error);
gboolean rn_config_bool(const struct rn_config *config, const char *group, const char *key,
			gboolean fallback, gboolean *value, GError **error);
/* One of choices (NULL-ended); value is its index. */
gboolean rn_config_choice(const struct rn_config *config, const char *group, const char *key,
			  const char *const *choices, int fallback, int *value, GError **error);
/* Prefixes separated by `;`; free with g_free. */
gboolean rn_config_prefixes(const struct rn_config *config, const char *group, const char *key,
			    struct rn_prefix **prefixes, gsize *n, GError **error);
/* The whole as text, secrets are file names only. */
char *rn_config_to_text(const struct rn_config *config);

/* Sets an error of the form "FILE: [GROUP] KEY: what to do". */
void rn_config_error(const struct rn_config *config, const char *group, const char *key,
		     GError **error, const char *format, ...) G_GNUC_PRINTF(5, 6);

#endif
