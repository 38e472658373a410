// SPDX-License-Identifier: GPL-2.0
/*
 * natctl config: the configuration in force, and the check of a file before it
 * is in force. Only the daemons know their keys, so they do the checking.
 */
#include <string.h>
#include "client.h"
#include "explain.h"
#include "program.h"

static void print_group(struct natctl *ctl, GKeyFile *file, const char *group)
{
	g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);

	for (char **key = keys; keys && *key; key++) {
		g_autofree char *value = g_key_file_get_value(file, group, *key, NULL);

		rn_print_open(ctl->print);
		rn_print_string(ctl->print, NULL, "group", group);
		rn_print_string(ctl->print, NULL, "key", *key);
		rn_print_string(ctl->print, NULL, "value", value);
		rn_print_close(ctl->print);
	}
}

/* Text is the file as the daemon understood it; JSON one object per key. */
static void print_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_auto(GStrv) groups = NULL;

	if (!*reply->config)
		return;
	if (!ctl->json) {
		g_autofree char *text = g_strchomp(g_strdup(reply->config));
		g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

		for (char **line = lines; *line; line++) {
			rn_print_open(ctl->print);
			rn_print_word(ctl->print, *line);
			rn_print_close(ctl->print);
		}
		return;
	}
	if (!g_key_file_load_from_data(file, reply->config, -1, G_KEY_FILE_NONE, NULL))
		return;
	groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group; group++)
		print_group(ctl, file, *group);
}

static gboolean show_kernel(struct natctl *ctl, GError **error)
{
	g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(struct rn_kernel_value));
	struct rn_kernel *kernel = rn_kernel_open(error);
	gboolean ok;

	if (!kernel)
		return FALSE;
	ok = rn_kernel_config(kernel, values, error);
	rn_kernel_free(kernel);
	for (guint i = 0; ok && i < values->len; i++) {
		const struct rn_kernel_value *v = &g_array_index(values, struct rn_kernel_value, i);
		const struct rn_explain *e = rn_explain_config;

		while (e->name && e->attr != v->attr)
			e++;
		if (!e->name)
			continue;
		rn_print_open(ctl->print);
		rn_print_string(ctl->print, NULL, "key", e->name);
		rn_print_uint(ctl->print, NULL, "value", v->value);
		if (ctl->flags & RN_FLAG_EXPLAIN || ctl->json) {
			rn_print_line(ctl->print);
			rn_print_string(ctl->print, NULL, "sentence", e->sentence);
		}
		rn_print_close(ctl->print);
	}
	return ok;
}

static gboolean config_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	enum rn_daemon daemon = RN_DAEMON_ANY;

	if (rn_args_take(args, "kernel"))
		return rn_args_end(args, error) && show_kernel(ctl, error);
	if (rn_args_take(args, "agent"))
		daemon = RN_DAEMON_AGENT;
	else if (rn_args_take(args, "controller"))
		daemon = RN_DAEMON_CONTROLLER;
	if (!rn_args_end(args, error))
		return FALSE;
	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__CONFIG_SHOW;
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	return rn_client_call(ctl, daemon, &request, FALSE, print_reply, NULL, error);
}

/* Both kinds of file may have [controller], only the agent's has [agent]. */
static const char *daemon_of_file(const char *path, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) reason = NULL;

	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &reason)) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE, "config %s: %s", path,
			    reason->message);
		return NULL;
	}
	return g_key_file_has_group(file, "agent") ? "roamnat-agent" : "roamnat-controller";
}

static gboolean run_check(struct natctl *ctl, const char *program, const char *path,
			  GError **error)
{
	g_autofree char *full = rn_program_find(program);
	const char *const argv[] = { full, "--config", path, "--check-config", NULL };
	g_autofree char *out = NULL, *err = NULL;
	g_autoptr(GError) reason = NULL;
	const char *said;
	int status;

	if (!full || !g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out,
				   &err, &status, &reason)) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE,
			    "%s checks its own file, but it is not installed on this machine",
			    program);
		return FALSE;
	}
	if (!g_spawn_check_wait_status(status, NULL)) {
		said = *g_strstrip(err) ? err : g_strstrip(out);
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE, "config %s: %s", path, said);
		return FALSE;
	}
	rn_print_open(ctl->print);
	rn_print_string(ctl->print, RN_PRINT_JSON_ONLY, "file", path);
	rn_print_string(ctl->print, RN_PRINT_JSON_ONLY, "result", "ok");
	if (!ctl->json)
		rn_print_word(ctl->print, *g_strstrip(out) ? out : "ok");
	rn_print_close(ctl->print);
	return TRUE;
}

static gboolean config_check(struct natctl *ctl, struct rn_args *args, GError **error)
{
	const char *path = rn_args_value(args, "check", error);
	const char *program;

	if (!path || !rn_args_end(args, error))
		return FALSE;
	program = daemon_of_file(path, error);
	return program && run_check(ctl, program, path, error);
}

static const struct rn_command commands[] = {
	{ "show", config_show, RN_FLAG_EXPLAIN },
	{ "check", config_check, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_config = {
	.name = "config",
	.commands = commands,
	.usage =
		"natctl config show [ agent | controller | kernel [ --explain ] ]\n"
		"       natctl config check FILE\n",
};
