// SPDX-License-Identifier: GPL-2.0
/*
 * natctl pki: hands its words to the script natctl-pki, which runs certtool.
 */
#include <errno.h>
#include <unistd.h>
#include "natctl.h"
#include "program.h"

static gboolean pki_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	g_autofree char *path = rn_program_find("natctl-pki");
	g_autoptr(GPtrArray) argv = g_ptr_array_new();

	if (!path) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE,
			    "the script natctl-pki is neither beside natctl nor in /usr/libexec/roamnat: install natctl again");
		return FALSE;
	}
	g_ptr_array_add(argv, path);
	while (rn_args_peek(args))
		g_ptr_array_add(argv, (gpointer)rn_args_next(args));
	g_ptr_array_add(argv, NULL);
	execv(path, (char *const *)argv->pdata);
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_UNREACHABLE, "cannot run %s: %s", path,
		    g_strerror(errno));
	return FALSE;
}

static const struct rn_command commands[] = {
	{ "pki", pki_run, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_pki = {
	.name = "pki",
	.commands = commands,
	.bare = TRUE,
	.usage =
		"natctl pki init [ DIR ] [ domain DOMAIN ]\n"
		"       natctl pki controller [ NAME... ] [ dir DIR ] [ days N ]\n"
		"       natctl pki gateway NAME [ dir DIR ] [ days N ]\n"
		"       natctl pki revoke NAME [ dir DIR ]\n"
		"       natctl pki show [ dir DIR ]\n",
};
