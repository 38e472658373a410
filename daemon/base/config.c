// SPDX-License-Identifier: GPL-2.0
/*
 * GKeyFile parses each file; this file knows which keys exist, keeps the last
 * value of each, and remembers which file it came from for the errors.
 */
#include "base/config.h"

#include <errno.h>
#include <string.h>

#define NAME_LIMIT	63	/* of [kind NAME]; must fit a message */

struct value {
	char *text;
	char *file;
};

struct rn_config {
	char *path;
	const struct rn_config_key *keys;
	GKeyFile *merged;	/* for the order, and for rn_config_to_text */
	GHashTable *values;	/* "group\nkey" -> struct value */
};

static void value_free(void *data)
{
	struct value *value = data;

	g_free(value->text);
	g_free(value->file);
	g_free(value);
}

static const struct value *lookup(const struct rn_config *config, const char *group,
				  const char *key)
{
	g_autofree char *id = g_strconcat(group, "\n", key, NULL);

	return g_hash_table_lookup(config->values, id);
}

void rn_config_error(const struct rn_config *config, const char *group, const char *key,
		     GError **error, const char *format, ...)
{
	const struct value *value = key ? lookup(config, group, key) : NULL;
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
		    "%s: [%s]%s%s: %s", value ? value->file : config->path, group,
		    key ? " " : "", key ? key : "", text);
}

/* Levenshtein, one row at a time; words of configuration files are short. */
static guint distance(const char *a, const char *b)
{
	gsize n = strlen(b);
	g_autofree guint *row = g_new(guint, n + 1);

	for (gsize j = 0; j <= n; j++)
		row[j] = (guint)j;
	for (guint i = 0; a[i]; i++) {
		guint diagonal = row[0];

		row[0] = i + 1;
		for (gsize j = 0; j < n; j++) {
			guint above = row[j + 1];

			row[j + 1] = MIN(MIN(above, row[j]) + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[n];
}

/* The better of two suggestions; NULL stands for none. */
static const char *nearer(const char *word, const char *best, const char *candidate)
{
	guint d = distance(word, candidate);

	if (d > strlen(candidate) / 2 || (best && distance(word, best) <= d))
		return best;
	return candidate;
}

/* "kind " of a pattern "kind *", 0 for a plain group. */
static gsize pattern_len(const char *pattern)
{
	gsize len = strlen(pattern);

	return len > 2 && !strcmp(pattern + len - 2, " *") ? len - 1 : 0;
}

static gboolean matches(const char *pattern, const char *group)
{
	gsize len = pattern_len(pattern);

	return len ? !strncmp(pattern, group, len) : !strcmp(pattern, group);
}

static gboolean name_valid(const char *name)
{
	gsize len = strspn(name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-");

	return len && len <= NAME_LIMIT && !name[len];
}

static gboolean check_group(const struct rn_config *config, const char *file, const char *group,
			    GError **error)
{
	const char *best = NULL;

	for (const struct rn_config_key *k = config->keys; k->group; k++) {
		gsize len = pattern_len(k->group);

		if (!matches(k->group, group)) {
			best = nearer(group, best, k->group);
			continue;
		}
		if (!len || name_valid(group + len))
			return TRUE;
		g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_PARSE,
			    "%s: [%s]: the name may have letters, digits and ._- and at most %d of them",
			    file, group, NAME_LIMIT);
		return FALSE;
	}
	g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_GROUP_NOT_FOUND,
		    "%s: [%s]: there is no such group%s%s%s", file, group,
		    best ? ", did you mean [" : "", best ? best : "", best ? "]?" : "");
	return FALSE;
}

static gboolean check_key(const struct rn_config *config, const char *file, const char *group,
			  const char *key, GError **error)
{
	const char *best = NULL;

	for (const struct rn_config_key *k = config->keys; k->group; k++) {
		if (!matches(k->group, group))
			continue;
		if (!strcmp(k->key, key))
			return TRUE;
		best = nearer(key, best, k->key);
	}
	g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND,
		    "%s: [%s] %s: there is no such key%s%s%s", file, group, key,
		    best ? ", did you mean " : "", best ? best : "", best ? "?" : "");
	return FALSE;
}

/* GKeyFile takes the last of two silently, so look before it does. */
static gboolean check_duplicates(const char *file, const char *text, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autofree char *group = g_strdup("");

	for (guint i = 0; lines[i]; i++) {
		char *line = g_strstrip(lines[i]), *equals = strchr(line, '=');
		gsize len = strlen(line);
		char *id;

		if (line[0] == '[' && line[len - 1] == ']') {
			g_free(group);
			group = g_strndup(line + 1, len - 2);
			continue;
		}
		if (line[0] == '#' || !equals)
			continue;
		*equals = 0;
		id = g_strconcat(group, "\n", g_strchomp(line), NULL);
		if (g_hash_table_add(seen, id))
			continue;
		g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_PARSE,
			    "%s: [%s] %s: given a second time in line %u; keep one of them",
			    file, group, line, i + 1);
		return FALSE;
	}
	return TRUE;
}

static gboolean merge_key(struct rn_config *config, const char *file, GKeyFile *from,
			  const char *group, const char *key, GError **error)
{
	g_autoptr(GError) why = NULL;
	struct value *value;
	char *text;

	if (!check_key(config, file, group, key, error))
		return FALSE;
	text = g_key_file_get_string(from, group, key, &why);
	/* A bad escape sets the error and returns what it could read. */
	if (why) {
		g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE,
			    "%s: [%s] %s: %s", file, group, key, why->message);
		g_free(text);
		return FALSE;
	}
	value = g_new(struct value, 1);
	value->text = g_strstrip(text);
	value->file = g_strdup(file);
	g_hash_table_replace(config->values, g_strconcat(group, "\n", key, NULL), value);
	g_key_file_set_string(config->merged, group, key, text);
	return TRUE;
}

static gboolean merge_group(struct rn_config *config, const char *file, GKeyFile *from,
			    const char *group, GError **error)
{
	g_auto(GStrv) keys = g_key_file_get_keys(from, group, NULL, NULL);

	if (!check_group(config, file, group, error))
		return FALSE;
	/* A group without keys counts too: [pool x] may live on defaults. */
	if (!g_key_file_has_group(config->merged, group)) {
		g_key_file_set_string(config->merged, group, "-", "");
		g_key_file_remove_key(config->merged, group, "-", NULL);
	}
	for (guint i = 0; keys && keys[i]; i++)
		if (!merge_key(config, file, from, group, keys[i], error))
			return FALSE;
	return TRUE;
}

static gboolean merge_file(struct rn_config *config, const char *file, GError **error)
{
	g_autoptr(GKeyFile) from = g_key_file_new();
	g_autofree char *text = NULL;
	g_auto(GStrv) groups = NULL;
	gsize len;

	if (!g_file_get_contents(file, &text, &len, error))
		return FALSE;
	if (!g_key_file_load_from_data(from, text, len, G_KEY_FILE_KEEP_TRANSLATIONS, error)) {
		g_prefix_error(error, "%s: ", file);
		return FALSE;
	}
	if (!check_duplicates(file, text, error))
		return FALSE;
	groups = g_key_file_get_groups(from, NULL);
	for (guint i = 0; groups[i]; i++)
		if (!merge_group(config, file, from, groups[i], error))
			return FALSE;
	return TRUE;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* FILE.d/NN-*.conf in the order of their names. */
static gboolean merge_dropins(struct rn_config *config, GError **error)
{
	g_autofree char *path = g_strconcat(config->path, ".d", NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		if (g_ascii_isdigit(name[0]) && g_ascii_isdigit(name[1]) && name[2] == '-' &&
		    g_str_has_suffix(name, ".conf"))
			g_ptr_array_add(names, g_build_filename(path, name, NULL));
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++)
		if (!merge_file(config, names->pdata[i], error))
			return FALSE;
	return TRUE;
}

static gboolean check_required(const struct rn_config *config, GError **error)
{
	g_auto(GStrv) groups = g_key_file_get_groups(config->merged, NULL);

	for (const struct rn_config_key *k = config->keys; k->group; k++) {
		gboolean plain = !pattern_len(k->group);

		if (k->required && plain && !rn_config_string(config, k->group, k->key)) {
			rn_config_error(config, k->group, k->key, error, "is needed; add it");
			return FALSE;
		}
		for (guint i = 0; k->required && !plain && groups[i]; i++) {
			if (!matches(k->group, groups[i]) ||
			    rn_config_string(config, groups[i], k->key))
				continue;
			rn_config_error(config, groups[i], k->key, error, "is needed; add it");
			return FALSE;
		}
	}
	return TRUE;
}

struct rn_config *rn_config_load(const char *path, const struct rn_config_key *keys,
				 GError **error)
{
	struct rn_config *config = g_new0(struct rn_config, 1);

	config->path = g_strdup(path);
	config->keys = keys;
	config->merged = g_key_file_new();
	config->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, value_free);
	if (merge_file(config, path, error) && merge_dropins(config, error) &&
	    check_required(config, error))
		return config;
	rn_config_free(config);
	return NULL;
}

void rn_config_free(struct rn_config *config)
{
	if (!config)
		return;
	g_free(config->path);
	g_key_file_unref(config->merged);
	g_hash_table_unref(config->values);
	g_free(config);
}

char **rn_config_names(const struct rn_config *config, const char *kind)
{
	g_auto(GStrv) groups = g_key_file_get_groups(config->merged, NULL);
	g_autofree char *pattern = g_strconcat(kind, " *", NULL);
	GPtrArray *names = g_ptr_array_new();

	for (guint i = 0; groups[i]; i++)
		if (matches(pattern, groups[i]))
			g_ptr_array_add(names, g_strdup(groups[i] + strlen(kind) + 1));
	g_ptr_array_add(names, NULL);
	return (char **)g_ptr_array_free(names, FALSE);
}

const char *rn_config_string(const struct rn_config *config, const char *group, const char *key)
{
	const struct value *value = lookup(config, group, key);

	return value && *value->text ? value->text : NULL;
}

/* Digits, hexadecimal after 0x; end is where they stop. */
static gboolean parse_digits(const char *text, guint64 *value, const char **end)
{
	gboolean hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *stop;

	if (!g_ascii_isxdigit(hex ? text[2] : text[0]))
		return FALSE;
	errno = 0;
	*value = g_ascii_strtoull(text, &stop, hex ? 16 : 10);
	*end = stop;
	return !errno && stop != text;
}

gboolean rn_config_uint(const struct rn_config *config, const char *group, const char *key,
			guint64 min, guint64 max, guint64 fallback, guint64 *value, GError **error)
{
	const char *text = rn_config_string(config, group, key), *end;

	*value = fallback;
	if (!text)
		return TRUE;
	if (parse_digits(text, value, &end) && !*end && *value >= min && *value <= max)
		return TRUE;
	rn_config_error(config, group, key, error, "`%s' is not a number from %" G_GUINT64_FORMAT
			" to %" G_GUINT64_FORMAT, text, min, max);
	return FALSE;
}

gboolean rn_config_duration(const struct rn_config *config, const char *group, const char *key,
			    guint64 fallback_ms, guint64 *value, GError **error)
{
	static const struct {
		const char *unit;
		guint64 ms;
	} units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 },
		{ "d", 86400000 },
	};
	const char *text = rn_config_string(config, group, key), *end;

	*value = fallback_ms;
	if (!text)
		return TRUE;
	if (parse_digits(text, value, &end)) {
		while (*end == ' ')
			end++;
		for (guint i = 0; i < G_N_ELEMENTS(units); i++)
			/* A bound far from where sums of durations overflow. */
			if (!strcmp(end, units[i].unit) &&
			    *value <= (guint64)G_MAXINT32 * 1000 / units[i].ms) {
				*value *= units[i].ms;
				return TRUE;
			}
	}
	rn_config_error(config, group, key, error,
			"`%s' is not a time: a number with ms, s, min or h, below 68 years", text);
	return FALSE;
}

gboolean rn_config_choice(const struct rn_config *config, const char *group, const char *key,
			  const char *const *choices, int fallback, int *value, GError **error)
{
	const char *text = rn_config_string(config, group, key);
	g_autofree char *list = NULL;

	*value = fallback;
	if (!text)
		return TRUE;
	for (int i = 0; choices[i]; i++) {
		if (!strcmp(choices[i], text)) {
			*value = i;
			return TRUE;
		}
	}
	list = g_strjoinv(", ", (char **)choices);
	rn_config_error(config, group, key, error, "`%s' is not one of: %s", text, list);
	return FALSE;
}

gboolean rn_config_bool(const struct rn_config *config, const char *group, const char *key,
			gboolean fallback, gboolean *value, GError **error)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "1", "0",
					     NULL };
	int index;

	if (!rn_config_choice(config, group, key, words, fallback ? 0 : 1, &index, error))
		return FALSE;
	*value = index % 2 == 0;
	return TRUE;
}

gboolean rn_config_prefixes(const struct rn_config *config, const char *group, const char *key,
			    struct rn_prefix **prefixes, gsize *n, GError **error)
{
	const char *text = rn_config_string(config, group, key);
	g_autoptr(GArray) list = g_array_new(FALSE, TRUE, sizeof(struct rn_prefix));
	g_auto(GStrv) words = g_strsplit(text ? text : "", ";", -1);

	*prefixes = NULL;
	*n = 0;
	for (guint i = 0; words[i]; i++) {
		struct rn_prefix prefix;

		if (!*g_strstrip(words[i]))
			continue;
		if (!rn_prefix_parse(words[i], &prefix)) {
			rn_config_error(config, group, key, error,
					"`%s' is not a prefix like 203.0.113.0/24 with its host bits 0",
					words[i]);
			return FALSE;
		}
		g_array_append_val(list, prefix);
	}
	*n = list->len;
	*prefixes = (struct rn_prefix *)(void *)g_array_free(g_steal_pointer(&list), FALSE);
	return TRUE;
}

char *rn_config_to_text(const struct rn_config *config)
{
	return g_key_file_to_data(config->merged, NULL, NULL);
}
