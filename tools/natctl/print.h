/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One call renders text and JSON. An object is a line of keywords in text and
 * a member of the one array in JSON; objects are written as they are closed,
 * so that a million of them need no memory.
 */
#ifndef RN_PRINT_H
#define RN_PRINT_H

#include <glib.h>
#include <stdio.h>

enum rn_print_flag {
	RN_PRINT_JSON = 1 << 0,
	RN_PRINT_PRETTY = 1 << 1,
	RN_PRINT_ONELINE = 1 << 2,
	RN_PRINT_NO_HEADERS = 1 << 3,
	RN_PRINT_QUIET = 1 << 4,
};

struct rn_print;

struct rn_print *rn_print_new(FILE *out, unsigned int flags);
void rn_print_free(struct rn_print *print);
/* Ends the array. False when something could not be written. */
gboolean rn_print_finish(struct rn_print *print);
/* Objects without end: in JSON one to a line and no array; flushed each. */
void rn_print_set_stream(struct rn_print *print);

/* A line above objects, in text only. */
void rn_print_heading(struct rn_print *print, const char *text);
void rn_print_open(struct rn_print *print);
void rn_print_close(struct rn_print *print);
/* The rest of the object goes to a line of its own, in text. */
void rn_print_line(struct rn_print *print);

/* In text "LABEL VALUE", or the value alone when label is NULL, or nothing when
 * label is RN_PRINT_JSON_ONLY; in JSON key: value, or nothing when key is NULL.
 * A string that is NULL or empty is left out of both.
 */
#define RN_PRINT_JSON_ONLY ""
void rn_print_string(struct rn_print *print, const char *label, const char *key,
		     const char *value);
void rn_print_uint(struct rn_print *print, const char *label, const char *key, guint64 value);
/* Text "20.5s", JSON milliseconds. */
void rn_print_ms(struct rn_print *print, const char *label, const char *key, guint64 ms);
/* Text the word when set, JSON true or false. */
void rn_print_flag(struct rn_print *print, const char *word, const char *key, gboolean set);
/* Text only. */
void rn_print_word(struct rn_print *print, const char *word);

/* "60s", "20.5s", "350ms" */
char *rn_print_duration(guint64 ms, char buf[32]);

#endif
