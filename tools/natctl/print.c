// SPDX-License-Identifier: GPL-2.0
#include <jansson.h>
#include <string.h>
#include "print.h"

struct rn_print {
	FILE *out;
	unsigned int flags;
	gboolean stream;
	gboolean failed;
	guint64 objects;	/* closed so far */
	guint words;		/* on the text line so far */
	json_t *object;		/* open, JSON only */
};

struct rn_print *rn_print_new(FILE *out, unsigned int flags)
{
	struct rn_print *print = g_new0(struct rn_print, 1);

	print->out = out;
	print->flags = flags;
	return print;
}

void rn_print_free(struct rn_print *print)
{
	if (!print)
		return;
	json_decref(print->object);
	g_free(print);
}

static gboolean is_json(const struct rn_print *print)
{
	return (print->flags & RN_PRINT_JSON) != 0;
}

static gboolean is_quiet(const struct rn_print *print)
{
	return (print->flags & RN_PRINT_QUIET) != 0;
}

void rn_print_set_stream(struct rn_print *print)
{
	print->stream = TRUE;
}

gboolean rn_print_finish(struct rn_print *print)
{
	if (is_json(print) && !print->stream && !is_quiet(print))
		fputs(!print->objects ? "[]\n" : print->flags & RN_PRINT_PRETTY ? "\n]\n" : "]\n",
		      print->out);
	if (fflush(print->out) || ferror(print->out))
		print->failed = TRUE;
	return !print->failed;
}

void rn_print_heading(struct rn_print *print, const char *text)
{
	if (!is_json(print) && !is_quiet(print) && !(print->flags & RN_PRINT_NO_HEADERS))
		fprintf(print->out, "%s\n", text);
}

void rn_print_open(struct rn_print *print)
{
	print->words = 0;
	if (is_json(print))
		print->object = json_object();
}

static void close_json(struct rn_print *print)
{
	size_t flags = JSON_COMPACT;

	if (!print->stream) {
		fputs(print->objects ? "," : "[", print->out);
		if (print->flags & RN_PRINT_PRETTY) {
			flags = JSON_INDENT(4);
			fputc('\n', print->out);
		}
	}
	if (json_dumpf(print->object, print->out, flags))
		print->failed = TRUE;
	json_decref(print->object);
	print->object = NULL;
	if (print->stream)
		fputc('\n', print->out);
}

void rn_print_close(struct rn_print *print)
{
	if (is_quiet(print)) {
		json_decref(print->object);
		print->object = NULL;
	} else if (is_json(print)) {
		close_json(print);
	} else {
		fputc('\n', print->out);
	}
	print->objects++;
	if (print->stream)
		fflush(print->out);
}

void rn_print_line(struct rn_print *print)
{
	if (is_json(print) || is_quiet(print))
		return;
	fputs(print->flags & RN_PRINT_ONELINE ? " \\ " : "\n    ", print->out);
	print->words = 0;
}

void rn_print_word(struct rn_print *print, const char *word)
{
	if (is_json(print) || is_quiet(print))
		return;
	if (print->words++)
		fputc(' ', print->out);
	/* Names and sentences come from elsewhere: no escape sequences of theirs. */
	for (; *word; word++)
		fputc((unsigned char)*word < 0x20 || *word == 0x7f ? '?' : *word, print->out);
}

static void print_labelled(struct rn_print *print, const char *label, const char *value)
{
	if (label && !*label)
		return;
	if (label)
		rn_print_word(print, label);
	rn_print_word(print, value);
}

void rn_print_string(struct rn_print *print, const char *label, const char *key, const char *value)
{
	g_autofree char *valid = NULL;

	if (!value || !*value)
		return;
	valid = g_utf8_make_valid(value, -1);
	if (!is_json(print))
		print_labelled(print, label, valid);
	else if (key)
		json_object_set_new(print->object, key, json_string(valid));
}

void rn_print_uint(struct rn_print *print, const char *label, const char *key, guint64 value)
{
	char text[32];

	g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT, value);
	if (is_json(print)) {
		/* jansson's integers are signed: what is above becomes a string. */
		if (key)
			json_object_set_new(print->object, key,
					    value > G_MAXINT64 ? json_string(text) :
					    json_integer((json_int_t)value));
		return;
	}
	print_labelled(print, label, text);
}

char *rn_print_duration(guint64 ms, char buf[32])
{
	guint64 s = ms / 1000, rest = ms % 1000;
	size_t len;

	if (!s && rest) {
		g_snprintf(buf, 32, "%" G_GUINT64_FORMAT "ms", rest);
	} else if (!rest) {
		g_snprintf(buf, 32, "%" G_GUINT64_FORMAT "s", s);
	} else {
		g_snprintf(buf, 32, "%" G_GUINT64_FORMAT ".%03u", s, (unsigned int)rest);
		len = strlen(buf);
		while (buf[len - 1] == '0')
			len--;
		g_snprintf(buf + len, 32 - len, "s");
	}
	return buf;
}

void rn_print_ms(struct rn_print *print, const char *label, const char *key, guint64 ms)
{
	char text[32];

	if (is_json(print))
		rn_print_uint(print, label, key, ms);
	else
		print_labelled(print, label, rn_print_duration(ms, text));
}

void rn_print_flag(struct rn_print *print, const char *word, const char *key, gboolean set)
{
	if (is_json(print))
		json_object_set_new(print->object, key, json_boolean(set));
	else if (set)
		rn_print_word(print, word);
}
