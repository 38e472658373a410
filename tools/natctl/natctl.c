// SPDX-License-Identifier: GPL-2.0
/*
 * Options, and the table of objects. Objects and commands may be given by any
 * unambiguous prefix; options may stand anywhere.
 */
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include "natctl.h"

/* Raised when a key of the JSON output changes its meaning. */
#define JSON_SCHEMA 1

G_DEFINE_QUARK(rn-natctl-error-quark, rn_natctl_error)

static gboolean version_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	if (!rn_args_end(args, error))
		return FALSE;
	rn_print_open(ctl->print);
	rn_print_string(ctl->print, NULL, "program", "natctl");
	rn_print_string(ctl->print, "version", "version", ROAMNAT_VERSION);
	rn_print_uint(ctl->print, "json-schema", "json_schema", JSON_SCHEMA);
	rn_print_close(ctl->print);
	return TRUE;
}

static const struct rn_command version_commands[] = {
	{ "show", version_show, 0 },
	{ NULL, NULL, 0 },
};

static const struct rn_object object_version = {
	.name = "version",
	.commands = version_commands,
	.usage = "natctl version\n",
};

static const struct rn_object *const objects[] = {
	&rn_object_mapping,
	&rn_object_binding,
	&rn_object_migrate,
	&rn_object_takeover,
	&rn_object_evacuate,
	&rn_object_drain,
	&rn_object_undrain,
	&rn_object_gateway,
	&rn_object_pool,
	&rn_object_route,
	&rn_object_stats,
	&rn_object_why,
	&rn_object_monitor,
	&rn_object_status,
	&rn_object_audit,
	&rn_object_store,
	&rn_object_config,
	&rn_object_pki,
	&object_version,
};

static const char usage_head[] =
	"Usage: natctl [OPTIONS] OBJECT { COMMAND [ARGS] | help }\n";

static const char usage_options[] =
	"\n"
	"OPTIONS := { -j|--json  -p|--pretty  -s|--stats  -d|--details  -o|--oneline\n"
	"             -n|--no-headers  -q|--quiet  -t|--timeout SECONDS\n"
	"             -S|--server unix:PATH  -V|--version  -h|--help }\n"
	"Exit codes: 0 done, 1 usage, 2 refused, 3 cannot reach the daemon or the\n"
	"module, 4 conflict (epoch or owner changed), 5 time-out, outcome unknown,\n"
	"6 the audit log does not say it.\n"
	"See natctl(8).\n";

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "stats", no_argument, NULL, 's' },
	{ "details", no_argument, NULL, 'd' },
	{ "oneline", no_argument, NULL, 'o' },
	{ "no-headers", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "timeout", required_argument, NULL, 't' },
	{ "server", required_argument, NULL, 'S' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ "explain", no_argument, NULL, 'E' },
	{ "wait", optional_argument, NULL, 'W' },
	{ "no-wait", no_argument, NULL, 'N' },
	{ "if-exists", no_argument, NULL, 'I' },
	{ "dry-run", no_argument, NULL, 'D' },
	{ NULL, 0, NULL, 0 },
};

static const char *const flag_names[] = {
	"--explain", "--wait", "--no-wait", "--if-exists", "--dry-run",
};

void rn_natctl_note(struct natctl *ctl, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	fprintf(ctl->err, "Note: %s\n", text);
}

static void print_usage(FILE *out, const struct rn_object *object)
{
	if (object) {
		fprintf(out, "Usage: %s", object->usage);
		return;
	}
	fputs(usage_head, out);
	for (gsize i = 0; i < G_N_ELEMENTS(objects); i++)
		fprintf(out, "       %s", objects[i]->usage);
	fputs(usage_options, out);
}

/* The index of the name that word is, or is the only prefix of; -1 with error. */
static int find_name(const char *const *names, const char *what, const char *word, GError **error)
{
	g_autoptr(GString) candidates = g_string_new(NULL);
	int found = -1, n = 0;

	for (int i = 0; names[i]; i++) {
		if (!strcmp(names[i], word))
			return i;
		if (!g_str_has_prefix(names[i], word))
			continue;
		g_string_append_printf(candidates, "%s%s", n++ ? ", " : "", names[i]);
		found = i;
	}
	if (n == 1)
		return found;
	if (n > 1) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "%s \"%s\" is ambiguous: %s", what, word, candidates->str);
		return -1;
	}
	for (int i = 0; names[i]; i++)
		g_string_append_printf(candidates, "%s%s", i ? ", " : "", names[i]);
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
		    "%s \"%s\" is unknown: one of %s", what, word, candidates->str);
	return -1;
}

static const struct rn_object *find_object(const char *word, GError **error)
{
	const char *names[G_N_ELEMENTS(objects) + 1] = { NULL };
	int i;

	for (gsize k = 0; k < G_N_ELEMENTS(objects); k++)
		names[k] = objects[k]->name;
	i = find_name(names, "object", word, error);
	return i < 0 ? NULL : objects[i];
}

static const struct rn_command *find_command(const struct rn_object *object,
					     struct rn_args *args, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const char *word = rn_args_peek(args);
	int i;

	/* The first command is the default. */
	if (object->bare || !word)
		return object->commands;
	for (const struct rn_command *c = object->commands; c->name; c++)
		g_ptr_array_add(names, (gpointer)c->name);
	g_ptr_array_add(names, NULL);
	i = find_name((const char *const *)names->pdata, object->name, word, error);
	if (i < 0)
		return NULL;
	rn_args_next(args);
	return &object->commands[i];
}

static gboolean check_flags(const struct natctl *ctl, const struct rn_object *object,
			    const struct rn_command *command, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(flag_names); i++) {
		if (!(ctl->flags & ~command->flags & (1u << i)))
			continue;
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "%s is no option of \"natctl %s%s%s\"", flag_names[i], object->name,
			    object->bare ? "" : " ", object->bare ? "" : command->name);
		return FALSE;
	}
	return TRUE;
}

static void print_error(const struct natctl *ctl, const GError *error)
{
	json_t *root;

	if (!ctl->json) {
		fprintf(ctl->err, "Error: %s\n", error->message);
		return;
	}
	root = json_pack("{s:{s:i,s:s}}", "error", "code", error->code, "message", error->message);
	if (!root)
		return;
	json_dumpf(root, ctl->err, JSON_COMPACT);
	fputc('\n', ctl->err);
	json_decref(root);
}

static gboolean parse_timeout(struct natctl *ctl, const char *text, GError **error)
{
	char *end;
	double seconds = g_ascii_strtod(text, &end);

	/* Written so that it refuses "nan" as well. */
	if (end == text || *end || !(seconds >= 0.001 && seconds <= 1e6)) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "-t takes a number of seconds above 0, not \"%s\"", text);
		return FALSE;
	}
	ctl->timeout_ms = seconds * 1000;
	return TRUE;
}

static gboolean parse_server(struct natctl *ctl, const char *text, GError **error)
{
	if (g_str_has_prefix(text, "unix:"))
		text += strlen("unix:");
	if (text[0] != '/') {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "-S takes unix:/PATH of a daemon's control socket, not \"%s\"", text);
		return FALSE;
	}
	ctl->server = text;
	return TRUE;
}

/* --wait, --wait=done, --wait ready: the word may follow, as no word of a command
 * would there.
 */
static gboolean take_wait(struct natctl *ctl, int argc, char **argv, GError **error)
{
	const char *word = optarg;

	ctl->flags |= RN_FLAG_WAIT;
	if (!word && optind < argc &&
	    (!strcmp(argv[optind], "ready") || !strcmp(argv[optind], "done")))
		word = argv[optind++];
	ctl->until_ready = word && !strcmp(word, "ready");
	if (!word || ctl->until_ready || !strcmp(word, "done"))
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
		    "--wait takes ready or done, not \"%s\"", word);
	return FALSE;
}

/* An option that has no value; FALSE if c is none. */
static gboolean take_flag(struct natctl *ctl, unsigned int *print_flags, int c)
{
	static const struct {
		int c;
		unsigned int print, command;
	} flags[] = {
		{ 'j', RN_PRINT_JSON, 0 },
		{ 'p', RN_PRINT_PRETTY, 0 },
		{ 'o', RN_PRINT_ONELINE, 0 },
		{ 'n', RN_PRINT_NO_HEADERS, 0 },
		{ 'q', RN_PRINT_QUIET, 0 },
		{ 'E', 0, RN_FLAG_EXPLAIN },
		{ 'N', 0, RN_FLAG_NO_WAIT },
		{ 'I', 0, RN_FLAG_IF_EXISTS },
		{ 'D', 0, RN_FLAG_DRY_RUN },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
		if (flags[i].c != c)
			continue;
		*print_flags |= flags[i].print;
		ctl->flags |= flags[i].command;
		ctl->json = (*print_flags & RN_PRINT_JSON) != 0;
		return TRUE;
	}
	return FALSE;
}

/* Returns 'V' or 'h' for those two, 0 to go on, -1 with error. */
static int parse_options(struct natctl *ctl, unsigned int *print_flags, int argc, char **argv,
			 GError **error)
{
	gboolean ok = TRUE;
	int c;

	opterr = 0;
	optind = 0;		/* GNU: forget an earlier run in this process */
	while (ok && (c = getopt_long(argc, argv, ":jpsdonqt:S:Vh", long_options, NULL)) != -1) {
		if (take_flag(ctl, print_flags, c))
			continue;
		switch (c) {
		case 's':
			ctl->stats = TRUE;
			break;
		case 'd':
			ctl->details = TRUE;
			break;
		case 'W':
			ok = take_wait(ctl, argc, argv, error);
			break;
		case 't':
			ok = parse_timeout(ctl, optarg, error);
			break;
		case 'S':
			ok = parse_server(ctl, optarg, error);
			break;
		case 'V':
		case 'h':
			return c;
		default:
			g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
				    c == ':' ? "option \"%s\" wants a value"
					     : "option \"%s\" is unknown; see natctl --help",
				    argv[optind - 1]);
			ok = FALSE;
		}
	}
	return ok ? 0 : -1;
}

static gboolean is_help(const struct rn_args *args)
{
	const char *word = rn_args_peek(args);

	return word && !strcmp(word, "help");
}

static gboolean run_words(struct natctl *ctl, struct rn_args *args, FILE *out, GError **error)
{
	const struct rn_command *command;
	const struct rn_object *object;
	const char *word = rn_args_next(args);

	if (!word) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "an object is missing; see natctl --help");
		return FALSE;
	}
	if (!strcmp(word, "help")) {
		print_usage(out, NULL);
		return TRUE;
	}
	object = find_object(word, error);
	if (!object)
		return FALSE;
	if (is_help(args)) {
		print_usage(out, object);
		return TRUE;
	}
	command = find_command(object, args, error);
	if (!command || !check_flags(ctl, object, command, error))
		return FALSE;
	if (is_help(args)) {
		print_usage(out, object);
		return TRUE;
	}
	if (!command->run(ctl, args, error)) {
		rn_print_finish(ctl->print);
		return FALSE;
	}
	if (!rn_print_finish(ctl->print)) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_REFUSED,
			    "cannot write the output; is the disk full?");
		return FALSE;
	}
	return TRUE;
}

int rn_natctl_run(int argc, char **argv, FILE *out, FILE *err)
{
	struct natctl ctl = { .err = err };
	unsigned int print_flags = 0;
	g_autoptr(GError) error = NULL;
	struct rn_args args;
	int rc;

	rc = parse_options(&ctl, &print_flags, argc, argv, &error);
	if (rc < 0) {
		print_error(&ctl, error);
		return RN_EXIT_USAGE;
	}
	if (rc == 'h') {
		print_usage(out, NULL);
		return RN_EXIT_DONE;
	}
	if (rc == 'V') {
		fprintf(out, "natctl %s\n", ROAMNAT_VERSION);
		return RN_EXIT_DONE;
	}
	rn_args_init(&args, argc - optind, argv + optind);
	ctl.print = rn_print_new(out, print_flags);
	rc = RN_EXIT_DONE;
	if (!run_words(&ctl, &args, out, &error)) {
		print_error(&ctl, error);
		rc = error->domain == RN_NATCTL_ERROR ? error->code : RN_EXIT_REFUSED;
	}
	rn_print_free(ctl.print);
	return rc;
}
