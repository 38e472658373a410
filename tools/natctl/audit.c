// SPDX-License-Identifier: GPL-2.0
/*
 * natctl audit: who had a public address, when, and at which gateway (B6).
 */
#include <string.h>
#include "client.h"

struct question {
	gint64 at_ns;		/* 0: the whole history */
	GHashTable *last;	/* mapping id -> RnEvent, the last change before at */
};

/* Events after which somebody else, or nobody, has the address. */
static gboolean changes_owner(const char *what)
{
	static const char *const changes[] = {
		"granted", "moved", "returned", "taken-over", "takeover", "released", "reclaimed",
		NULL,
	};

	return g_strv_contains(changes, what);
}

static RnEvent *copy_event(const RnEvent *event)
{
	size_t size = roamnat__control__v1__event__get_packed_size(event);
	g_autofree guint8 *packed = g_malloc(size);

	roamnat__control__v1__event__pack(event, packed);
	return roamnat__control__v1__event__unpack(NULL, size, packed);
}

static void free_event(void *event)
{
	roamnat__control__v1__event__free_unpacked(event, NULL);
}

static void keep_last(struct question *q, const RnEvent *event)
{
	const RnEvent *before;

	if (!event->mapping || event->time_ns > (guint64)q->at_ns || !changes_owner(event->what))
		return;
	before = g_hash_table_lookup(q->last, &event->mapping->id);
	if (!before || before->time_ns <= event->time_ns) {
		RnEvent *copy = copy_event(event);

		g_hash_table_replace(q->last, &copy->mapping->id, copy);
	}
}

static void take_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	struct question *q = data;

	for (size_t i = 0; i < reply->n_events; i++) {
		if (q->at_ns)
			keep_last(q, reply->events[i]);
		else
			rn_show_event(ctl, reply->events[i], TRUE);
	}
}

/* Of the mappings of the address, those that somebody had. */
static guint print_last(struct natctl *ctl, struct question *q)
{
	GHashTableIter iter;
	guint shown = 0;
	RnEvent *event;

	g_hash_table_iter_init(&iter, q->last);
	while (g_hash_table_iter_next(&iter, NULL, (void **)&event)) {
		if (!strcmp(event->what, "released") || !strcmp(event->what, "reclaimed"))
			continue;
		rn_show_event(ctl, event, TRUE);
		shown++;
	}
	return shown;
}

static gboolean parse_time(const char *text, gint64 *ns, GError **error)
{
	g_autoptr(GTimeZone) local = g_time_zone_new_local();
	g_autoptr(GDateTime) now = g_date_time_new_now_local();
	g_autoptr(GDateTime) time = NULL;
	g_autofree char *full = NULL;
	guint64 seconds;

	if (text[0] == '@' &&
	    g_ascii_string_to_unsigned(text + 1, 10, 0, G_MAXINT64 / 1000000000, &seconds, NULL)) {
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
	if (!time) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "\"%s\" is no time: write 2026-01-31T12:00:00Z, 12:00:00 (today, local) or @SECONDS",
			    text);
		return FALSE;
	}
	*ns = g_date_time_to_unix(time) * 1000000000 + g_date_time_get_microsecond(time) * 1000;
	return TRUE;
}

static gboolean ask(struct natctl *ctl, const struct rn_selector *selector, struct question *q,
		    GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	struct rn_show_selector pb;

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__AUDIT;
	request.selector = rn_show_selector_init(&pb, selector);
	request.at_ns = q->at_ns;
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	return rn_client_call(ctl, RN_DAEMON_CONTROLLER, &request, FALSE, take_reply, q, error);
}

static gboolean audit_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	struct rn_selector selector = { 0 };
	struct question q = { 0 };
	const char *at = NULL;
	gboolean taken, ok;
	guint shown;

	if (rn_args_peek(args) && strpbrk(rn_args_peek(args), ".:") &&
	    !rn_args_side(rn_args_next(args), &selector.public, error))
		return FALSE;
	selector.proto = selector.public.proto;
	while (rn_args_peek(args)) {
		if (rn_args_take(args, "at")) {
			at = rn_args_value(args, "at", error);
			if (!at || !parse_time(at, &q.at_ns, error))
				return FALSE;
			continue;
		}
		if (!rn_args_selector_word(args, &selector, &taken, error))
			return FALSE;
		if (!taken)
			return rn_args_end(args, error);
	}
	if (!selector.public.addr.len) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "audit: which public address? Say natctl audit ADDRESS");
		return FALSE;
	}
	q.last = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_event);
	ok = ask(ctl, &selector, &q, error);
	shown = print_last(ctl, &q);
	g_hash_table_unref(q.last);
	if (ok && at && !shown)
		rn_natctl_note(ctl, "nobody had it at %s", at);
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
	.usage = "natctl audit A[:PORT][/PROTO] [ at TIME ]\n",
};
