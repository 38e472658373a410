// SPDX-License-Identifier: GPL-2.0
/* Configuration files: what is read, and what every refusal says. */
#include <glib/gstdio.h>
#include <string.h>
#include "base/config.h"
#include "suites.h"

static const struct rn_config_key keys[] = {
	{ "controller", "name", TRUE },
	{ "controller", "listen", FALSE },
	{ "controller", "report-from", FALSE },
	{ "controller", "quarantine", FALSE },
	{ "controller", "enabled", FALSE },
	{ "pool *", "prefix", TRUE },
	{ "pool *", "planned", FALSE },
	{ NULL, NULL, FALSE },
};

static char *dir, *path;

static void write_file(const char *name, const char *text)
{
	g_autofree char *file = g_build_filename(dir, name, NULL);
	g_autofree char *parent = g_path_get_dirname(file);

	g_mkdir_with_parents(parent, 0700);
	ck_assert(g_file_set_contents(file, text, -1, NULL));
}

static void setup(void)
{
	dir = g_dir_make_tmp("roamnat-config-XXXXXX", NULL);
	path = g_build_filename(dir, "c.conf", NULL);
}

static void remove_in(const char *where, const char *name)
{
	g_autofree char *file = g_build_filename(where, name, NULL);

	g_remove(file);
}

static void teardown(void)
{
	g_autofree char *sub = g_build_filename(dir, "c.conf.d", NULL);

	remove_in(sub, "10-a.conf");
	remove_in(sub, "20-b.conf");
	remove_in(sub, "readme.conf");
	g_rmdir(sub);
	g_remove(path);
	g_rmdir(dir);
	g_free(dir);
	g_free(path);
}

static struct rn_config *load(const char *text)
{
	g_autoptr(GError) error = NULL;
	struct rn_config *config;

	write_file("c.conf", text);
	config = rn_config_load(path, keys, &error);
	ck_assert_msg(config != NULL, "%s", error ? error->message : "");
	return config;
}

/* The error must say all of the words (NULL-ended). */
static void refuse(const char *text, ...)
{
	g_autoptr(GError) error = NULL;
	const char *word;
	va_list words;

	write_file("c.conf", text);
	ck_assert_msg(!rn_config_load(path, keys, &error), "taken: %s", text);
	ck_assert_ptr_nonnull(error);
	va_start(words, text);
	while ((word = va_arg(words, const char *)))
		ck_assert_msg(strstr(error->message, word) != NULL, "`%s' lacks `%s'",
			      error->message, word);
	va_end(words);
}

START_TEST(values)
{
	struct rn_config *c = load("# comment\n[controller]\nname = dc \nquarantine=2min\n"
				   "enabled=no\nreport-from=destination\nlisten=\n"
				   "[pool web]\nprefix=203.0.113.0/28; 203.0.113.64/26;\nplanned=0x10\n"
				   "[pool db]\nprefix=198.51.100.7/32\n");
	static const char *const modes[] = { "source", "destination", NULL };
	g_auto(GStrv) names = rn_config_names(c, "pool");
	g_autofree struct rn_prefix *prefixes = NULL;
	gboolean flag;
	guint64 n;
	gsize count;
	int mode;

	ck_assert_str_eq(rn_config_string(c, "controller", "name"), "dc");
	ck_assert_ptr_null(rn_config_string(c, "controller", "listen"));
	ck_assert_ptr_null(rn_config_string(c, "nothing", "name"));
	ck_assert(rn_config_duration(c, "controller", "quarantine", 1, &n, NULL) && n == 120000);
	ck_assert(rn_config_bool(c, "controller", "enabled", TRUE, &flag, NULL) && !flag);
	ck_assert(rn_config_choice(c, "controller", "report-from", modes, 0, &mode, NULL));
	ck_assert_int_eq(mode, 1);
	ck_assert_str_eq(names[0], "web");
	ck_assert_str_eq(names[1], "db");
	ck_assert_ptr_null(names[2]);
	ck_assert(rn_config_uint(c, "pool web", "planned", 0, 16, 7, &n, NULL) && n == 16);
	ck_assert(rn_config_uint(c, "pool db", "planned", 0, 16, 7, &n, NULL) && n == 7);
	ck_assert(rn_config_prefixes(c, "pool web", "prefix", &prefixes, &count, NULL));
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(prefixes[1].len, 26);
	rn_config_free(c);
}
END_TEST

START_TEST(unknown)
{
	refuse("[controller]\nname=a\nlisten-on=x\n", path, "[controller] listen-on",
	       "did you mean listen?", NULL);
	refuse("[controllr]\nname=a\n", "[controllr]", "did you mean [controller]?", NULL);
	refuse("[controller]\nname=a\nzzzzzzzz=x\n", "there is no such key", NULL);
	refuse("[controller]\nname=a\n[pool]\nprefix=x\n", "[pool]", "no such group", NULL);
	refuse("[controller]\nname=a\n[pool a b]\nprefix=x\n", "[pool a b]", "letters", NULL);
	refuse("[controller]\nname[de]=a\n", "no such key", NULL);
}
END_TEST

START_TEST(twice)
{
	refuse("[controller]\nname=a\n listen = b\nname = c\n", "[controller] name", "line 4",
	       NULL);
	refuse("[controller]\nname=a\n[pool a]\nprefix=x\n[controller]\nname=b\n",
	       "[controller] name", "line 6", NULL);
}
END_TEST

START_TEST(required)
{
	refuse("[pool a]\nprefix=10.0.0.0/8\n", "[controller] name", "is needed", NULL);
	refuse("[controller]\nname=\n", "[controller] name", "is needed", NULL);
	refuse("[controller]\nname=a\n[pool a]\nplanned=1\n", "[pool a] prefix", "is needed", NULL);
	refuse("[controller]\nname=a\n[pool a]\n", "[pool a] prefix", "is needed", NULL);
}
END_TEST

START_TEST(malformed)
{
	refuse("name=a\n", path, NULL);
	refuse("[controller\nname=a\n", path, NULL);
	refuse("[controller]\nname\n", path, NULL);
	refuse("[controller]\nname=\\q\n", path, "[controller] name", NULL);
	refuse("[controller]\nname=\xff\n", path, NULL);
}
END_TEST

START_TEST(absent_file)
{
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(rn_config_load("/nonexistent/x.conf", keys, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "/nonexistent/x.conf"));
}
END_TEST

START_TEST(bad_values)
{
	static const char *const numbers[] = { "12abc", "-1", "+1", " ", "1.5", "17", "0x", "",
					       "99999999999999999999999" };
	static const char *const times[] = { "5 minutes", "s", "-1s", "1.5s", "99999999999999h" };
	g_autoptr(GError) error = NULL;
	struct rn_config *c;
	guint64 n;

	for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
		g_autofree char *text = g_strdup_printf("[controller]\nname=a\nlisten=%s\n",
							numbers[i]);
		gboolean empty = !*numbers[i] || *numbers[i] == ' ';
		gboolean taken;

		c = load(text);
		taken = rn_config_uint(c, "controller", "listen", 0, 16, 3, &n, &error);
		ck_assert_msg(taken == empty, "`%s'", numbers[i]);
		if (!empty)
			ck_assert_ptr_nonnull(strstr(error->message, "[controller] listen"));
		g_clear_error(&error);
		rn_config_free(c);
	}
	for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
		g_autofree char *text = g_strdup_printf("[controller]\nname=a\nlisten=%s\n", times[i]);

		c = load(text);
		ck_assert_msg(!rn_config_duration(c, "controller", "listen", 0, &n, NULL), "`%s'",
			      times[i]);
		rn_config_free(c);
	}
}
END_TEST

START_TEST(bad_prefixes)
{
	g_autofree struct rn_prefix *prefixes = NULL;
	g_autoptr(GError) error = NULL;
	struct rn_config *c = load("[controller]\nname=a\n[pool a]\nprefix=10.0.0.0/8;10.0.0.1/8\n");
	gsize n;

	ck_assert(!rn_config_prefixes(c, "pool a", "prefix", &prefixes, &n, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "[pool a] prefix"));
	ck_assert_ptr_nonnull(strstr(error->message, "10.0.0.1/8"));
	rn_config_free(c);
}
END_TEST

START_TEST(dropins)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	struct rn_config *c;
	guint64 n;

	write_file("c.conf.d/20-b.conf", "[controller]\nlisten=20\n");
	write_file("c.conf.d/10-a.conf", "[controller]\nlisten=10\nname=ten\n");
	write_file("c.conf.d/readme.conf", "nothing of ours");
	c = load("[controller]\nname=a\nlisten=1\n");
	ck_assert_str_eq(rn_config_string(c, "controller", "listen"), "20");
	ck_assert_str_eq(rn_config_string(c, "controller", "name"), "ten");
	/* An error names the file that the value came from. */
	ck_assert(!rn_config_uint(c, "controller", "listen", 0, 5, 0, &n, &error));
	ck_assert_ptr_nonnull(strstr(error->message, "20-b.conf: [controller] listen"));
	text = rn_config_to_text(c);
	ck_assert_str_eq(text, "[controller]\nname=ten\nlisten=20\n");
	rn_config_free(c);
}
END_TEST

Suite *suite_config(void)
{
	Suite *suite = suite_create("config");
	TCase *tc = tcase_create("config");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, values);
	tcase_add_test(tc, unknown);
	tcase_add_test(tc, twice);
	tcase_add_test(tc, required);
	tcase_add_test(tc, malformed);
	tcase_add_test(tc, absent_file);
	tcase_add_test(tc, bad_values);
	tcase_add_test(tc, bad_prefixes);
	tcase_add_test(tc, dropins);
	suite_add_tcase(suite, tc);
	return suite;
}
