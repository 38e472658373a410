// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include "show.h"

static gboolean is_block(const char *kind)
{
	return !strcmp(kind, rn_kind_to_string(RN_KIND_BLOCK));
}

void rn_show_from_kernel(struct rn_show *view, const struct rn_kernel_mapping *m)
{
	char proto[8];

	memset(view, 0, sizeof(*view));
	view->id = m->id;
	view->epoch = m->epoch;
	view->incarnation = m->incarnation;
	view->zone = m->private.zone;
	rn_side_print(&m->public.addr, m->public.port, m->public.ports, view->public);
	rn_side_print(&m->private.addr, m->private.kind == RN_KIND_PORT ? m->private.port : 0, 0,
		      view->private);
	if (m->private.kind == RN_KIND_BLOCK)
		view->block = m->private.port;
	if (m->private.proto)
		g_strlcpy(view->protocol, rn_proto_name(m->private.proto, proto),
			  sizeof(view->protocol));
	view->kind = rn_kind_to_string(m->private.kind);
	view->state = rn_kernel_state_to_string(m->state);
	view->has_timer = m->has_timer;
	view->timer = m->timer;
	view->from_kernel = TRUE;
	view->suspended = m->suspended;
	view->first_ns = m->first_ns;
	view->last_ns = m->last_ns;
}

void rn_show_from_reply(struct rn_show *view, const RnMapping *m)
{
	memset(view, 0, sizeof(*view));
	view->id = m->id;
	view->epoch = m->epoch;
	view->incarnation = m->incarnation;
	view->zone = m->zone;
	g_strlcpy(view->public, m->public_, sizeof(view->public));
	g_strlcpy(view->private, m->private_, sizeof(view->private));
	g_strlcpy(view->protocol, m->protocol, sizeof(view->protocol));
	view->kind = m->kind;
	view->block = m->block;
	view->state = m->state;
	view->owner = m->owner;
	view->destination = m->destination;
	view->pool = m->pool;
	view->has_timer = m->preset_ms || m->elapsed_ms || m->remaining_ms;
	view->timer.preset = m->preset_ms;
	view->timer.elapsed = m->elapsed_ms;
	view->timer.remaining = m->remaining_ms;
	view->quarantine_ms = m->quarantine_ms;
}

static char *with_protocol(const char *side, const char *protocol, char buf[RN_SIDE_TEXT + 9])
{
	g_snprintf(buf, RN_SIDE_TEXT + 9, "%s%s%s", side, *protocol && *side ? "/" : "",
		   *side ? protocol : "");
	return buf;
}

char *rn_show_name(const struct rn_show *view, char buf[RN_SIDE_TEXT + 9])
{
	return with_protocol(*view->public ? view->public : view->private, view->protocol, buf);
}

static void print_timer(struct rn_print *print, const struct rn_timer *timer)
{
	rn_print_word(print, "idle");
	rn_print_ms(print, "preset", "preset_ms", timer->preset);
	/* The controller knows the preset only; the clock is in the kernel. */
	if (timer->preset && !timer->elapsed && !timer->remaining)
		return;
	rn_print_ms(print, "elapsed", "elapsed_ms", timer->elapsed);
	rn_print_ms(print, "remaining", "remaining_ms", timer->remaining);
}

/* Seconds of CLOCK_BOOTTIME with the nanoseconds that comparisons need. */
static void print_boottime(struct rn_print *print, const char *label, const char *key, guint64 ns)
{
	char text[48] = "never";

	if (ns)
		g_snprintf(text, sizeof(text), "%" G_GUINT64_FORMAT ".%09u", ns / 1000000000,
			   (unsigned int)(ns % 1000000000));
	rn_print_string(print, label, NULL, text);
	rn_print_uint(print, RN_PRINT_JSON_ONLY, key, ns);
}

/* The label where the option that shows it was given; JSON has everything. */
static const char *label_if(gboolean shown, const char *label)
{
	return shown ? label : RN_PRINT_JSON_ONLY;
}

static void print_details(struct natctl *ctl, const struct rn_show *view)
{
	struct rn_print *print = ctl->print;

	if (ctl->details)
		rn_print_line(print);
	rn_print_uint(print, label_if(ctl->details, "id"), "id", view->id);
	if (view->incarnation)
		rn_print_uint(print, label_if(ctl->details, "incarnation"), "incarnation",
			      view->incarnation);
	rn_print_string(print, label_if(ctl->details, "kind"), "kind", view->kind);
	rn_print_string(print, label_if(ctl->details, "pool"), "pool", view->pool);
	if (!view->from_kernel)
		return;
	if (ctl->stats)
		rn_print_line(print);
	print_boottime(print, label_if(ctl->stats, "translated first"), "first_translated_ns",
		       view->first_ns);
	print_boottime(print, label_if(ctl->stats, "last"), "last_translated_ns", view->last_ns);
}

void rn_show_words(struct natctl *ctl, const struct rn_show *view)
{
	struct rn_print *print = ctl->print;
	char text[RN_SIDE_TEXT + 9];

	if (ctl->json) {
		rn_print_string(print, NULL, "public", view->public);
		rn_print_string(print, NULL, "private", view->private);
		rn_print_string(print, NULL, "protocol", view->protocol);
	} else {
		rn_print_string(print, NULL, "public",
				with_protocol(view->public, view->protocol, text));
		rn_print_string(print, "private", "private",
				with_protocol(view->private, view->protocol, text));
	}
	rn_print_uint(print, "zone", "zone", view->zone);
	if (is_block(view->kind))
		rn_print_uint(print, "block", "block", view->block);
	rn_print_string(print, "owner", "owner", view->owner);
	if (view->epoch)
		rn_print_uint(print, "epoch", "epoch", view->epoch);
	rn_print_string(print, "state", "state", view->state);
	if (view->from_kernel)
		rn_print_flag(print, "suspended", "suspended", view->suspended);
	rn_print_string(print, "to", "destination", view->destination);
	if (view->quarantine_ms)
		rn_print_ms(print, "quarantine", "quarantine_ms", view->quarantine_ms);
	if (view->has_timer)
		print_timer(print, &view->timer);
}

void rn_show_print(struct natctl *ctl, const struct rn_show *view)
{
	rn_print_open(ctl->print);
	rn_show_words(ctl, view);
	print_details(ctl, view);
	rn_print_close(ctl->print);
}

static void print_time(struct natctl *ctl, guint64 time_ns, gboolean with_date)
{
	g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(time_ns / 1000000000);
	g_autofree char *day = NULL, *zone = NULL, *text = NULL;

	rn_print_uint(ctl->print, RN_PRINT_JSON_ONLY, "time_ns", time_ns);
	if (!t)
		return;
	day = g_date_time_format(t, with_date || ctl->json ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S");
	zone = g_date_time_format(t, with_date || ctl->json ? "%:z" : "");
	text = g_strdup_printf("%s.%03u%s", day, (unsigned int)(time_ns / 1000000 % 1000), zone);
	rn_print_string(ctl->print, NULL, "time", text);
}

static void print_event_mapping(struct natctl *ctl, const struct rn_show *view)
{
	if (ctl->json) {
		rn_print_uint(ctl->print, NULL, "id", view->id);
		rn_show_words(ctl, view);
		return;
	}
	rn_print_string(ctl->print, "private", NULL, view->private);
	rn_print_uint(ctl->print, "zone", NULL, view->zone);
	if (is_block(view->kind))
		rn_print_uint(ctl->print, "block", NULL, view->block);
	if (view->epoch)
		rn_print_uint(ctl->print, "epoch", NULL, view->epoch);
}

void rn_show_event(struct natctl *ctl, const RnEvent *event, gboolean with_date)
{
	struct rn_print *print = ctl->print;
	gboolean moved = *event->from && *event->to && strcmp(event->from, event->to);
	char text[RN_SIDE_TEXT + 48];
	struct rn_show view;

	rn_print_open(print);
	if (event->rev) {
		g_snprintf(text, sizeof(text), "[rev %" G_GUINT64_FORMAT "]", event->rev);
		rn_print_uint(print, RN_PRINT_JSON_ONLY, "rev", event->rev);
		rn_print_string(print, NULL, NULL, text);
	}
	print_time(ctl, event->time_ns, with_date);
	rn_print_string(print, NULL, "what", event->what);
	rn_print_string(print, "gateway", "gateway", event->gateway);
	if (event->mapping) {
		rn_show_from_reply(&view, event->mapping);
		/* The owner of an event is told by from and to. */
		view.owner = NULL;
		view.destination = NULL;
		rn_print_string(print, NULL, NULL, rn_show_name(&view, text));
	}
	rn_print_string(print, moved ? NULL : "from", "from", event->from);
	rn_print_string(print, moved ? "->" : "to", "to", event->to);
	if (event->mapping)
		print_event_mapping(ctl, &view);
	rn_print_uint(print, event->epoch_from && ctl->details ? "epoch-from" : RN_PRINT_JSON_ONLY,
		      event->mapping ? "epoch_from" : NULL, event->epoch_from);
	rn_print_string(print, "by", "by", event->by);
	rn_print_string(print, "verified-by", "verified_by", event->verified_by);
	rn_print_string(print, "cause", "cause", event->cause);
	rn_print_string(print, "--", "text", event->text);
	rn_print_close(print);
}

RnSelector *rn_show_selector_init(struct rn_show_selector *out,
				  const struct rn_selector *selector)
{
	char proto[8];

	roamnat__control__v1__selector__init(&out->pb);
	out->pb.public_ = rn_args_side_print(&selector->public, out->public);
	out->pb.private_ = rn_args_side_print(&selector->private, out->private);
	out->protocol[0] = 0;
	if (selector->proto)
		g_strlcpy(out->protocol, rn_proto_name(selector->proto, proto),
			  sizeof(out->protocol));
	out->pb.protocol = out->protocol;
	out->pb.has_zone = selector->has_zone;
	out->pb.zone = selector->zone;
	if (selector->gateway)
		out->pb.gateway = (char *)selector->gateway;
	if (selector->pool)
		out->pb.pool = (char *)selector->pool;
	if (selector->state)
		out->pb.state = (char *)selector->state;
	out->pb.id = selector->id;
	out->pb.has_block = selector->has_block;
	out->pb.block = selector->block;
	return &out->pb;
}
