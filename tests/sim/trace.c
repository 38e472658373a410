// SPDX-License-Identifier: GPL-2.0
/* The story of one world. A failure is told by its last lines, kept in a ring. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"

enum { LINES = 120, LENGTH = 200 };

static char ring[LINES][LENGTH];
static unsigned long lines;
static bool show_all;

void sim_trace_begin(bool all)
{
	show_all = all;
	lines = 0;
}

void sim_trace(struct sim *s, const char *format, ...)
{
	char *line = ring[lines++ % LINES];
	va_list args;
	int n;

	n = snprintf(line, LENGTH, "%11.3f  ", (double)s->now / 1000);
	va_start(args, format);
	vsnprintf(line + n, (size_t)(LENGTH - n), format, args);
	va_end(args);
	if (show_all)
		puts(line);
}

void sim_trace_end(void)
{
	unsigned long i = lines > LINES ? lines - LINES : 0;

	if (show_all)
		return;
	if (i)
		printf("            ... %lu lines before\n", i);
	for (; i < lines; i++)
		puts(ring[i % LINES]);
}

void sim_fail(struct sim *s, const char *format, ...)
{
	va_list args;

	if (s->failure[0])
		return;
	va_start(args, format);
	vsnprintf(s->failure, sizeof(s->failure), format, args);
	va_end(args);
	sim_say(s, "*** %s", s->failure);
}
