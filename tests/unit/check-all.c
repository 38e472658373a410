// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the suites named as arguments, or all. CK_VERBOSITY=verbose prints each
 * test, CK_RUN_CASE=name runs one case, CK_FORK=no helps a debugger.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "suites.h"

static const struct {
	const char *name;
	Suite *(*make)(void);
} suites[] = {
#define ADD_SUITE(name) { #name, suite_##name },
	SUITES(ADD_SUITE)
#undef ADD_SUITE
};

#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

static int wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc == 1;
}

int main(int argc, char **argv)
{
	SRunner *runner = srunner_create(NULL);
	int failed, ran;

	for (size_t i = 0; i < N_SUITES; i++)
		if (wanted(suites[i].name, argc, argv))
			srunner_add_suite(runner, suites[i].make());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	ran = srunner_ntests_run(runner);
	srunner_free(runner);
	if (!ran)
		fprintf(stderr, "check-unit: no test is called so\n");
	return failed || !ran ? EXIT_FAILURE : EXIT_SUCCESS;
}
