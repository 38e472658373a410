// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "natctl.h"

void rn_args_init(struct rn_args *args, int n, char **word)
{
	args->word = word;
	args->n = n;
	args->at = 0;
}

const char *rn_args_peek(const struct rn_args *args)
{
	return args->at < args->n ? args->word[args->at] : NULL;
}

const char *rn_args_next(struct rn_args *args)
{
	return args->at < args->n ? args->word[args->at++] : NULL;
}

gboolean rn_args_take(struct rn_args *args, const char *keyword)
{
	const char *word = rn_args_peek(args);

	if (!word || strcmp(word, keyword))
		return FALSE;
	args->at++;
	return TRUE;
}

const char *rn_args_value(struct rn_args *args, const char *keyword, GError **error)
{
	const char *word = rn_args_next(args);

	if (!word)
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE, "\"%s\" wants a value", keyword);
	return word;
}

gboolean rn_args_uint(struct rn_args *args, const char *keyword, guint64 max, guint64 *value,
		      GError **error)
{
	const char *word = rn_args_value(args, keyword, error);

	if (!word)
		return FALSE;
	if (g_ascii_string_to_unsigned(word, 10, 0, max, value, NULL))
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
		    "\"%s\" wants a number up to %" G_GUINT64_FORMAT ", not \"%s\"",
		    keyword, max, word);
	return FALSE;
}

gboolean rn_args_end(struct rn_args *args, GError **error)
{
	const char *word = rn_args_peek(args);

	if (!word)
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE, "\"%s\" is not understood here", word);
	return FALSE;
}

/* Cuts ":PORT" or ":FIRST-LAST" off text; brackets are for IPv6, which has colons of
 * its own.
 */
static gboolean cut_port(char **text, guint16 *port, guint16 *ports)
{
	guint64 value, last = 0;
	char *colon, *dash;

	if (**text == '[') {
		char *end = strchr(*text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return FALSE;
		*end = 0;
		(*text)++;
		colon = end[1] ? end + 1 : NULL;
	} else {
		colon = strchr(*text, ':');
		if (colon && strchr(colon + 1, ':'))
			colon = NULL;
	}
	if (!colon)
		return TRUE;
	*colon = 0;
	dash = strchr(colon + 1, '-');
	if (dash)
		*dash = 0;
	if (!g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &value, NULL) ||
	    (dash && !g_ascii_string_to_unsigned(dash + 1, 10, value, 65535, &last, NULL)))
		return FALSE;
	*port = value;
	*ports = dash ? last - value + 1 : 0;
	return !dash || rn_block_valid(*port, *ports);
}

gboolean rn_args_side(const char *word, struct rn_side *side, GError **error)
{
	g_autofree char *copy = g_strdup(word);
	char *text = copy, *slash = strchr(copy, '/');

	memset(side, 0, sizeof(*side));
	if (slash) {
		*slash = 0;
		if (!rn_proto_parse(slash + 1, &side->proto)) {
			g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
				    "\"%s\": the protocol after / is tcp, udp, icmp or a number",
				    word);
			return FALSE;
		}
	}
	if (cut_port(&text, &side->port, &side->ports) && rn_addr_parse(text, &side->addr))
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
		    "\"%s\" is no address: write 203.0.113.7, 203.0.113.7:40001 or 203.0.113.7:40001/tcp",
		    word);
	return FALSE;
}

char *rn_args_side_print(const struct rn_side *side, char buf[RN_SIDE_TEXT])
{
	return rn_side_print(&side->addr, side->port, side->ports, buf);
}

static gboolean take_side(struct rn_args *args, const char *keyword, struct rn_side *side,
			  guint8 *proto, GError **error)
{
	const char *word = rn_args_value(args, keyword, error);

	if (!word || !rn_args_side(word, side, error))
		return FALSE;
	if (side->proto)
		*proto = side->proto;
	return TRUE;
}

static gboolean take_string(struct rn_args *args, const char *keyword, const char **value,
			    GError **error)
{
	*value = rn_args_value(args, keyword, error);
	return *value != NULL;
}

static gboolean take_proto(struct rn_args *args, guint8 *proto, GError **error)
{
	const char *word = rn_args_value(args, "proto", error);

	if (!word)
		return FALSE;
	if (rn_proto_parse(word, proto))
		return TRUE;
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
		    "\"proto\" wants tcp, udp, icmp or a number, not \"%s\"", word);
	return FALSE;
}

/* What show prints after "state": facts that change by themselves select nothing. */
static gboolean take_idle(struct rn_args *args, GError **error)
{
	static const char *const durations[] = { "preset", "elapsed", "remaining" };

	for (gsize i = 0; i < G_N_ELEMENTS(durations); i++)
		if (rn_args_take(args, durations[i]) && !rn_args_value(args, durations[i], error))
			return FALSE;
	return TRUE;
}

gboolean rn_args_selector_word(struct rn_args *args, struct rn_selector *selector,
			       gboolean *taken, GError **error)
{
	guint64 value;

	*taken = TRUE;
	if (rn_args_take(args, "public"))
		return take_side(args, "public", &selector->public, &selector->proto, error);
	if (rn_args_take(args, "private"))
		return take_side(args, "private", &selector->private, &selector->proto, error);
	if (rn_args_take(args, "proto"))
		return take_proto(args, &selector->proto, error);
	if (rn_args_take(args, "zone")) {
		if (!rn_args_uint(args, "zone", G_MAXUINT32, &value, error))
			return FALSE;
		selector->has_zone = TRUE;
		selector->zone = value;
		return TRUE;
	}
	if (rn_args_take(args, "gateway"))
		return take_string(args, "gateway", &selector->gateway, error);
	if (rn_args_take(args, "owner"))
		return take_string(args, "owner", &selector->gateway, error);
	if (rn_args_take(args, "pool"))
		return take_string(args, "pool", &selector->pool, error);
	if (rn_args_take(args, "state"))
		return take_string(args, "state", &selector->state, error);
	if (rn_args_take(args, "id"))
		return rn_args_uint(args, "id", G_MAXUINT64, &selector->id, error);
	if (rn_args_take(args, "block")) {
		if (!rn_args_uint(args, "block", 65535, &value, error))
			return FALSE;
		selector->has_block = TRUE;
		selector->block = value;
		return TRUE;
	}
	if (rn_args_take(args, "epoch"))
		return rn_args_uint(args, "epoch", G_MAXUINT64, &selector->epoch, error);
	if (rn_args_take(args, "idle"))
		return take_idle(args, error);
	*taken = FALSE;
	return TRUE;
}

gboolean rn_args_selector(struct rn_args *args, struct rn_selector *selector, GError **error)
{
	gboolean taken = FALSE;

	/* Lines of show begin with the public side. */
	if (rn_args_peek(args) && g_ascii_isxdigit(rn_args_peek(args)[0]) &&
	    strpbrk(rn_args_peek(args), ".:") &&
	    !take_side(args, "public", &selector->public, &selector->proto, error))
		return FALSE;
	while (rn_args_peek(args)) {
		if (!rn_args_selector_word(args, selector, &taken, error))
			return FALSE;
		if (!taken)
			return rn_args_end(args, error);
	}
	return TRUE;
}

gboolean rn_args_selector_empty(const struct rn_selector *selector)
{
	return !selector->public.addr.len && !selector->private.addr.len && !selector->has_zone &&
	       !selector->gateway && !selector->pool && !selector->state && !selector->id &&
	       !selector->epoch && !selector->proto && !selector->has_block;
}
