// SPDX-License-Identifier: GPL-2.0
/*
 * natctl audit: who had a public address, when, and at which gateway (B6). The
 * controller answers; here is only what its answer means.
 */
#include <string.h>
#include "client.h"

struct question {
	struct rn_selector selector;
	const char *at;		/* as given */
	gint64 at_ns, since_ns, until_ns;	/* 0: not asked */
	guint shown;
	char *nobody;		/* since when, if the log says so */
	char *unknown;		/* why the log does not say it */
};

static void say_nobody(struct natctl *ctl, struct question *q, const RnEvent *event)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(event->time_ns / 1000000000);
	g_autofree char *text = time ? g_date_time_format_iso8601(time) : g_strdup("?");

	g_free(q->nobody);
	q->nobody = g_strdup_printf("%s by %s at %s", event->what, event->by, text);
}

/* At a time: an event that left nobody with the address is no answer. */
static void take_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	struct question *q = data;

	for (size_t i = 0; i < reply->n_events; i++) {
		if (q->at && !*reply->events[i]->to) {
			say_nobody(ctl, q, reply->events[i]);
			continue;
		}
		rn_show_event(ctl, reply->events[i], TRUE);
		q->shown++;
	}
	for (size_t i = 0; i < reply->n_notes; i++) {
		if (!reply->unknown)
			rn_natctl_note(ctl, "%s", reply->notes[i]);
		else if (!q->unknown)
			q->unknown = g_strdup(reply->notes[i]);
	}
}

static gboolean parse_time(const char *text, gint64 *ns, GError **error)
{
	g_autoptr(GTimeZone) local = g_time_zone_new_local();
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autoptr(GDateTime) time = NULL;
	g_autofree char *full = NULL;
	guint64 seconds;

	if (text[0] == '@' &&
	    g_ascii_string_to_unsigned(text + 1, 10, 1, G_MAXINT64 / 1000000000, &seconds, NULL)) {
		*ns = seconds * 1000000000;
		return TRUE;
	}
	if (strlen(text) > 2 && text[2] == ':') {
		g_autofree char *today = g_date_time_format(now, "%Y-%m-%dT");

		full = g_strdup_printf("%s%s%s", today, text, strlen(text) == 5 ? ":00" : "");
	} else {
		full = g_strdup(text);
	}
	time = g_date_time_new_from_iso8601(full, local);
	if (!time || g_date_time_to_unix(time) <= 0) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "\"%s\" is no time: write 2026-01-31T12:00:00Z, 12:00:00 (today, local) or @SECONDS",
			    text);
		return FALSE;
	}
	*ns = g_date_time_to_unix(time) * 1000000000 + g_date_time_get_microsecond(time) * 1000;
	return TRUE;
}

static gboolean take_time(struct rn_args *args, struct question *q, gboolean *taken,
			  GError **error)
{
	const struct {
		const char *word;
		gint64 *ns;
	} times[] = {
		{ "at", &q->at_ns }, { "since", &q->since_ns }, { "until", &q->until_ns },
	};
	const char *text;

	*taken = FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(times); i++) {
		if (!rn_args_take(args, times[i].word))
			continue;
		*taken = TRUE;
		text = rn_args_value(args, times[i].word, error);
		if (!text || !parse_time(text, times[i].ns, error))
			return FALSE;
		if (times[i].ns == &q->at_ns)
			q->at = text;
	}
	return TRUE;
}

static gboolean parse(struct rn_args *args, struct question *q, GError **error)
{
	gboolean taken;

	if (rn_args_peek(args) && strpbrk(rn_args_peek(args), ".:") &&
	    !rn_args_side(rn_args_next(args), &q->selector.public, error))
		return FALSE;
	q->selector.proto = q->selector.public.proto;
	while (rn_args_peek(args)) {
		if (!take_time(args, q, &taken, error) ||
		    (!taken && !rn_args_selector_word(args, &q->selector, &taken, error)))
			return FALSE;
		if (!taken)
			return rn_args_end(args, error);
	}
	if (!q->selector.public.addr.len && !q->selector.private.addr.len && !q->selector.gateway)
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "audit: which public address? Say natctl audit ADDRESS, or private ADDRESS, or gateway NAME");
	else if (q->at && !q->selector.public.addr.len && !q->selector.private.addr.len)
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "audit: \"at\" is asked of an address; of a gateway say since and until");
	else if (q->at && (q->since_ns || q->until_ns))
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "audit: \"at\" and \"since\" or \"until\" exclude each other");
	else
		return TRUE;
	return FALSE;
}

static gboolean ask(struct natctl *ctl, struct question *q, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_show_selector pb;

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__AUDIT;
	request.selector = rn_show_selector_init(&pb, &q->selector);
	request.at_ns = q->at_ns;
	request.since_ns = q->since_ns;
	request.until_ns = q->until_ns;
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	return rn_client_call(ctl, RN_DAEMON_CONTROLLER, &request, FALSE, take_reply, q, error);
}

static gboolean audit_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	struct question q = { 0 };
	gboolean ok = parse(args, &q, error) && ask(ctl, &q, error);

	if (ok && q.unknown) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_NOT_RECORDED, "%s", q.unknown);
		ok = FALSE;
	} else if (ok && q.at && !q.shown) {
		rn_natctl_note(ctl, "nobody had it at %s%s%s", q.at, q.nobody ? ": " : "",
			       q.nobody ? q.nobody : "");
	}
	g_free(q.nobody);
	g_free(q.unknown);
	return ok;
}

static const struct rn_command commands[] = {
	{ "audit", audit_run, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_audit = {
	.name = "audit",
	.commands = commands,
	.bare = TRUE,
	.usage = "natctl audit { A[:PORT][/PROTO] | private A [ zone N ] | gateway NAME }\n"
		"             [ at TIME | since TIME | until TIME ]\n",
};
