// SPDX-License-Identifier: GPL-2.0
#include <glib.h>
#include "program.h"

char *rn_program_find(const char *name)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *here = self ? g_path_get_dirname(self) : NULL;
	const char *const places[] = {
		here, "/usr/sbin", "/usr/local/sbin", "/usr/libexec/roamnat", "/usr/lib/roamnat",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path = places[i] ? g_build_filename(places[i], name, NULL) : NULL;

		if (path && g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
			return g_steal_pointer(&path);
	}
	return NULL;
}
