// SPDX-License-Identifier: GPL-2.0
#include "agent/config.h"

#include <net/if.h>
#include <string.h>

#define TABLE_MAIN	254
#define PREFIXES_MAX	256	/* in all; looked through once for each mapping */
/* A mapping may be another gateway's 5 s after its lease has ended at the
 * earliest (docs/protocol.md); no route of ours may be left by then.
 */
#define LINGER_MAX	4000	/* ms */
#define LINGER_DEFAULT	1000
#define UNASKED_MAX	60000	/* ms */

static void announce_free(void *data)
{
	struct agent_announce_config *announce = data;

	g_free(announce->name);
	g_free(announce->prefixes);
	g_free(announce);
}

static gboolean read_u32(const struct rn_config *file, const char *group, const char *key,
			 uint32_t min, uint32_t fallback, uint32_t *value, GError **error)
{
	guint64 wide;

	if (!rn_config_uint(file, group, key, min, G_MAXUINT32, fallback, &wide, error))
		return FALSE;
	*value = (uint32_t)wide;
	return TRUE;
}

/* "0;1100;3000", rising. Linux takes no second answer about an address within 1 s
 * (locktime), so one later than that is needed.
 */
static gboolean read_times(const struct rn_config *file, const char *group,
			   struct agent_announce_config *announce, GError **error)
{
	const char *text = rn_config_string(file, group, "unasked");
	g_auto(GStrv) words = g_strsplit(text ? text : "0;1100;3000", ";", 0);

	for (guint i = 0; words[i]; i++) {
		guint64 ms;

		if (!words[i][0] && !words[i + 1])
			break;
		if (i == AGENT_ANNOUNCE_TIMES ||
		    !g_ascii_string_to_unsigned(g_strstrip(words[i]), 10, 0, UNASKED_MAX, &ms,
						NULL) ||
		    (i && ms <= announce->times[i - 1])) {
			rn_config_error(file, group, "unasked", error,
					"`%s' are not times in ms, rising, at most %d of them, up to %d, such as 0;1100;3000",
					text, AGENT_ANNOUNCE_TIMES, UNASKED_MAX);
			return FALSE;
		}
		announce->times[announce->n_times++] = (uint32_t)ms;
	}
	return TRUE;
}

static gboolean check_key(const struct rn_config *file, const char *group, const char *key,
			  gboolean allowed, const char *kind, GError **error)
{
	if (allowed || !rn_config_string(file, group, key))
		return TRUE;
	rn_config_error(file, group, key, error, "is only for kind=%s; remove it", kind);
	return FALSE;
}

static gboolean check_interface(const struct rn_config *file, const char *group,
				const struct agent_announce_config *announce, GError **error)
{
	if (announce->kind != AGENT_ANNOUNCE_NEIGHBOUR)
		return check_key(file, group, "interface", FALSE, "neighbour", error);
	if (announce->interface && announce->interface[0] &&
	    strlen(announce->interface) < IF_NAMESIZE)
		return TRUE;
	rn_config_error(file, group, "interface", error,
			"kind=neighbour needs the name of the uplink on whose wire it answers: 1 to %d characters",
			IF_NAMESIZE - 1);
	return FALSE;
}

static gboolean read_rest(const struct rn_config *file, const char *group,
			  struct agent_announce_config *announce, GError **error)
{
	gboolean route = announce->kind == AGENT_ANNOUNCE_ROUTE;

	if (!check_interface(file, group, announce, error) ||
	    !check_key(file, group, "linger", route, "route", error) ||
	    !check_key(file, group, "unasked", !route, "neighbour", error) ||
	    !rn_config_prefixes(file, group, "prefix", &announce->prefixes,
				&announce->n_prefixes, error) ||
	    !read_u32(file, group, "table", 1, TABLE_MAIN, &announce->table, error) ||
	    !read_u32(file, group, "metric", 0, 0, &announce->metric, error) ||
	    !rn_config_duration(file, group, "linger", route ? LINGER_DEFAULT : 0,
				&announce->linger_ms, error) ||
	    !rn_config_bool(file, group, "shared", FALSE, &announce->shared, error) ||
	    !read_times(file, group, announce, error))
		return FALSE;
	if (announce->linger_ms > LINGER_MAX) {
		rn_config_error(file, group, "linger", error,
				"is longer than %d s: a mapping may be another gateway's 5 s after the end of a lease",
				LINGER_MAX / 1000);
		return FALSE;
	}
	if (announce->n_prefixes)
		return TRUE;
	rn_config_error(file, group, "prefix", error, "is empty; name a prefix");
	return FALSE;
}

static gboolean read_one(const struct rn_config *file, const char *name, GPtrArray *announces,
			 GError **error)
{
	static const char *const kinds[] = { "route", "neighbour", NULL };
	g_autofree char *group = g_strconcat("announce ", name, NULL);
	struct agent_announce_config *announce = g_new0(struct agent_announce_config, 1);
	int kind;

	g_ptr_array_add(announces, announce);
	announce->name = g_strdup(name);
	announce->interface = rn_config_string(file, group, "interface");
	if (!rn_config_choice(file, group, "kind", kinds, AGENT_ANNOUNCE_ROUTE, &kind, error))
		return FALSE;
	announce->kind = (enum agent_announce_kind)kind;
	return read_rest(file, group, announce, error);
}

/* The longest prefix wins, so the same one twice says nothing. */
static gboolean check_twice(const struct rn_config *file, const struct agent_announce_config *a,
			    const struct agent_announce_config *b, GError **error)
{
	g_autofree char *group = g_strconcat("announce ", b->name, NULL);

	for (gsize i = 0; i < a->n_prefixes; i++)
		for (gsize j = a == b ? i + 1 : 0; j < b->n_prefixes; j++) {
			char text[RN_ADDR_TEXT];

			if (a->prefixes[i].len != b->prefixes[j].len ||
			    !rn_addr_equal(&a->prefixes[i].addr, &b->prefixes[j].addr))
				continue;
			rn_config_error(file, group, "prefix", error,
					"%s/%u is already in [announce %s]; keep one",
					rn_addr_print(&b->prefixes[j].addr, text),
					b->prefixes[j].len, a->name);
			return FALSE;
		}
	return TRUE;
}

GPtrArray *agent_config_announces(const struct rn_config *file, GError **error)
{
	g_autoptr(GPtrArray) announces = g_ptr_array_new_with_free_func(announce_free);
	g_auto(GStrv) names = rn_config_names(file, "announce");
	gsize total = 0;

	for (guint i = 0; names[i]; i++) {
		if (!read_one(file, names[i], announces, error))
			return NULL;
		total += ((struct agent_announce_config *)announces->pdata[i])->n_prefixes;
		if (total > PREFIXES_MAX) {
			rn_config_error(file, "announce", NULL, error,
					"more than %d prefixes in all; join some of them",
					PREFIXES_MAX);
			return NULL;
		}
		for (guint j = 0; j <= i; j++)
			if (!check_twice(file, announces->pdata[j], announces->pdata[i], error))
				return NULL;
	}
	return g_steal_pointer(&announces);
}
