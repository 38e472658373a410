// SPDX-License-Identifier: GPL-2.0
/*
 * natctl stats: what became of every packet, each reason with its sentence.
 */
#include <linux/roamnat.h>
#include <string.h>
#include "client.h"
#include "explain.h"

struct number {
	const char *source;	/* kernel, or a daemon */
	const char *type;	/* counter, gauge; NULL if the source did not tell */
	const char *name;
	const char *sentence;
	guint64 value;
};

/* Text leaves out what never happened; JSON has everything. */
static void print_number(struct natctl *ctl, const struct number *n)
{
	struct rn_print *print = ctl->print;

	if (!n->value && !ctl->details && !ctl->json)
		return;
	rn_print_open(print);
	rn_print_string(print, RN_PRINT_JSON_ONLY, "source", n->source);
	rn_print_string(print, RN_PRINT_JSON_ONLY, "type", n->type);
	rn_print_string(print, NULL, "name", n->name);
	rn_print_uint(print, NULL, "value", n->value);
	if (ctl->flags & RN_FLAG_EXPLAIN || ctl->json) {
		rn_print_line(print);
		rn_print_string(print, NULL, "sentence", n->sentence);
	}
	rn_print_close(print);
}

const struct rn_explain *rn_explain_find(const struct rn_explain *table, unsigned int attr)
{
	for (; table->name; table++)
		if (table->attr == attr)
			return table;
	return NULL;
}

static void print_values(struct natctl *ctl, const struct rn_explain *table, const char *set,
			 GArray *values)
{
	for (guint i = 0; i < values->len; i++) {
		const struct rn_kernel_value *v = &g_array_index(values, struct rn_kernel_value, i);
		const struct rn_explain *e = rn_explain_find(table, v->attr);
		struct number n = { .source = "kernel", .value = v->value };
		char unknown[32];

		g_snprintf(unknown, sizeof(unknown), "%s-%u", set, v->attr);
		n.name = e ? e->name : unknown;
		n.type = e && e->gauge ? "gauge" : "counter";
		n.sentence = e ? e->sentence :
			     "Of a newer module: install the natctl of its version.";
		print_number(ctl, &n);
	}
}

static gboolean show_kernel(struct natctl *ctl, GError **error)
{
	g_autoptr(GArray) counters = g_array_new(FALSE, FALSE, sizeof(struct rn_kernel_value));
	g_autoptr(GArray) stats = g_array_new(FALSE, FALSE, sizeof(struct rn_kernel_value));
	struct rn_kernel *kernel = rn_kernel_open(error);
	gboolean ok;

	if (!kernel)
		return FALSE;
	ok = rn_kernel_stats(kernel, counters, stats, error);
	rn_kernel_free(kernel);
	if (!ok)
		return FALSE;
	rn_print_heading(ctl->print, "Packets, each counted once:");
	print_values(ctl, rn_explain_counter, "counter", counters);
	rn_print_heading(ctl->print, "The module:");
	print_values(ctl, rn_explain_stats, "stats", stats);
	return TRUE;
}

static void print_reply(struct natctl *ctl, const RnReply *reply, void *data)
{
	const char *source = data;

	for (size_t i = 0; i < reply->n_counters; i++) {
		const Roamnat__Control__V1__Counter *c = reply->counters[i];
		struct number n = {
			.source = reply->status && *reply->status->daemon ?
				  reply->status->daemon : source,
			.name = c->name,
			.sentence = c->sentence,
			.value = c->value,
		};

		print_number(ctl, &n);
	}
}

static gboolean show_daemon(struct natctl *ctl, enum rn_daemon daemon, GError **error)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;

	request.verb = ROAMNAT__CONTROL__V1__REQUEST__VERB__STATS;
	request.timeout_ms = ctl->timeout_ms ? ctl->timeout_ms : RN_CLIENT_TIMEOUT;
	return rn_client_call(ctl, daemon, &request, FALSE, print_reply, (void *)"daemon", error);
}

static gboolean stats_daemon(struct natctl *ctl, struct rn_args *args, GError **error)
{
	enum rn_daemon daemon = RN_DAEMON_ANY;

	if (rn_args_take(args, "agent"))
		daemon = RN_DAEMON_AGENT;
	else if (rn_args_take(args, "controller"))
		daemon = RN_DAEMON_CONTROLLER;
	return rn_args_end(args, error) && show_daemon(ctl, daemon, error);
}

static gboolean stats_show(struct natctl *ctl, struct rn_args *args, GError **error)
{
	if (!rn_args_end(args, error))
		return FALSE;
	if (ctl->server)
		return show_daemon(ctl, RN_DAEMON_ANY, error);
	if (!rn_kernel_present() && rn_client_socket_exists(ctl, RN_DAEMON_CONTROLLER))
		return show_daemon(ctl, RN_DAEMON_CONTROLLER, error);
	return show_kernel(ctl, error);
}

static const struct rn_command commands[] = {
	{ "show", stats_show, RN_FLAG_EXPLAIN },
	{ "daemon", stats_daemon, RN_FLAG_EXPLAIN },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_stats = {
	.name = "stats",
	.commands = commands,
	.usage =
		"natctl stats [ show ] [ --explain ]\n"
		"       natctl stats daemon [ agent | controller ] [ --explain ]\n",
};
