// SPDX-License-Identifier: GPL-2.0
/* Where log messages go, and sd_notify(3) without libsystemd. */
#include "base/log.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIELDS_MAX	32

static char *log_program;
static int log_pid;
static gboolean log_debug;
static gboolean log_journal;

static const char *field_text(const GLogField *field, gsize *len)
{
	*len = field->length < 0 ? strlen(field->value) : (gsize)field->length;
	return field->value;
}

static gboolean is_internal(const char *key)
{
	return !strcmp(key, "PRIORITY") || !strcmp(key, "MESSAGE") ||
	       g_str_has_prefix(key, "GLIB_") || g_str_has_prefix(key, "CODE_");
}

/* What a stranger put into a name must not become a line of its own. */
static void append_printable(GString *line, const char *text, gsize len)
{
	for (gsize i = 0; i < len; i++)
		g_string_append_c(line, g_ascii_iscntrl(text[i]) ? ' ' : text[i]);
}

static const char *level_word(GLogLevelFlags level)
{
	if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		return "error: ";
	if (level & G_LOG_LEVEL_WARNING)
		return "warning: ";
	if (level & G_LOG_LEVEL_DEBUG)
		return "debug: ";
	return "";
}

static GLogWriterOutput write_line(GLogLevelFlags level, const GLogField *fields, gsize n)
{
	gint64 ms = g_get_real_time() / 1000 % (24 * 60 * 60 * 1000);
	g_autoptr(GString) line = g_string_new(NULL);
	const char *text;
	gsize len;

	/* UTC has no days of other lengths, as the system's clock counts it. */
	g_string_printf(line, "%02d:%02d:%02d.%03d %s[%d]: %s", (int)(ms / 3600000),
			(int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000),
			log_program, log_pid, level_word(level));
	for (gsize i = 0; i < n; i++) {
		if (strcmp(fields[i].key, "MESSAGE"))
			continue;
		text = field_text(&fields[i], &len);
		append_printable(line, text, len);
	}
	for (gsize i = 0; log_debug && i < n; i++) {
		if (is_internal(fields[i].key))
			continue;
		text = field_text(&fields[i], &len);
		g_string_append_printf(line, " %s=", fields[i].key);
		append_printable(line, text, len);
	}
	g_string_append_c(line, '\n');
	/* One write, so that lines of several processes do not mix. */
	return write(STDERR_FILENO, line->str, line->len) == (gssize)line->len ?
	       G_LOG_WRITER_HANDLED : G_LOG_WRITER_UNHANDLED;
}

static GLogWriterOutput write_journal(GLogLevelFlags level, const GLogField *fields, gsize n,
				      gpointer data)
{
	GLogField all[FIELDS_MAX + 1];

	n = MIN(n, FIELDS_MAX);
	memcpy(all, fields, n * sizeof(*fields));
	all[n] = (GLogField) { "SYSLOG_IDENTIFIER", log_program, -1 };
	return g_log_writer_journald(level, all, n + 1, data);
}

static GLogWriterOutput writer(GLogLevelFlags level, const GLogField *fields, gsize n,
			       gpointer data)
{
	if ((level & G_LOG_LEVEL_DEBUG) && !log_debug)
		return G_LOG_WRITER_HANDLED;
	if (log_journal && write_journal(level, fields, n, data) == G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;
	return write_line(level, fields, n);
}

void rn_log_init(const char *program, gboolean debug)
{
	gboolean first = !log_program;

	g_free(log_program);
	log_program = g_path_get_basename(program);
	log_pid = getpid();
	log_debug = debug;
	log_journal = g_log_writer_is_journald(STDERR_FILENO);
	if (first)
		g_log_set_writer_func(writer, NULL, NULL);
}

void rn_event(const char *message, ...)
{
	GLogField fields[FIELDS_MAX] = {
		{ "MESSAGE", message, -1 },
		{ "PRIORITY", "5", -1 },
		{ "GLIB_DOMAIN", "roamnat", -1 },
	};
	gsize n = 3;
	const char *name;
	va_list args;

	va_start(args, message);
	while (n < FIELDS_MAX && (name = va_arg(args, const char *))) {
		const char *value = va_arg(args, const char *);

		if (value)
			fields[n++] = (GLogField) { name, value, -1 };
	}
	va_end(args);
	g_log_structured_array(G_LOG_LEVEL_MESSAGE, fields, n);
}

void rn_notify(const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = g_getenv("NOTIFY_SOCKET");
	gsize len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		rn_debug("cannot notify systemd at %s: %m", path);
	close(fd);
}

guint rn_notify_watchdog(void)
{
	const char *usec = g_getenv("WATCHDOG_USEC"), *pid = g_getenv("WATCHDOG_PID");

	if (!usec || (pid && g_ascii_strtoull(pid, NULL, 10) != (guint64)getpid()))
		return 0;
	return (guint)MIN(g_ascii_strtoull(usec, NULL, 10) / 2000, G_MAXUINT);
}
