// SPDX-License-Identifier: GPL-2.0
#include "forge.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "net/control.h"

#define FIELD(word, member) \
	{ word, offsetof(struct rn_msg, member), sizeof(((struct rn_msg *)0)->member) }

/* All that a message between gateways and controller carries about a mapping. */
static const struct field {
	const char *word;
	gsize offset, size;
} fields[] = {
	FIELD("id", id), FIELD("epoch", epoch), FIELD("incarnation", incarnation),
	FIELD("nonce", nonce), FIELD("src", src), FIELD("dst", dst),
	FIELD("private", vm.addr), FIELD("zone", vm.zone), FIELD("kind", vm.kind),
	FIELD("proto", vm.proto), FIELD("port", vm.port),
	FIELD("preset", timer.preset), FIELD("elapsed", timer.elapsed),
	FIELD("remaining", timer.remaining),
	FIELD("public", pub.addr), FIELD("public-proto", pub.proto),
	FIELD("public-port", pub.port),
};

static void put(struct rn_msg *m, const struct field *field, guint64 value)
{
	/* The machines of this project are little-endian. */
	memcpy((char *)m + field->offset, &value, field->size);
}

static guint64 get(const struct rn_msg *m, const struct field *field)
{
	guint64 value = 0;

	memcpy(&value, (const char *)m + field->offset, field->size);
	return value;
}

static struct rn_addr *addr_of(struct rn_msg *m, const struct field *field)
{
	return (struct rn_addr *)((char *)m + field->offset);
}

static gboolean is_addr(const struct field *field)
{
	return field->size == sizeof(struct rn_addr);
}

gboolean forge_set(struct rn_msg *m, const char *text, const char **word)
{
	const char *value = strchr(text, '=');
	gsize len = value ? (gsize)(value - text) : 0;

	for (gsize i = 0; value && i < G_N_ELEMENTS(fields); i++) {
		const struct field *field = &fields[i];

		if (strlen(field->word) != len || strncmp(field->word, text, len))
			continue;
		*word = field->word;
		if (is_addr(field))
			return rn_addr_parse(value + 1, addr_of(m, field));
		put(m, field, g_ascii_strtoull(value + 1, NULL, 0));
		return TRUE;
	}
	return FALSE;
}

static gboolean wanted(const char *only, const char *word, const char *name)
{
	g_auto(GStrv) words = only ? g_strsplit(only, ",", 0) : NULL;

	return !words || g_strv_contains((const char *const *)words, word) ||
	       g_strv_contains((const char *const *)words, name);
}

static void add(GArray *cases, const struct rn_msg *msg, const struct rn_msg *base,
		const struct field *field, const char *how, const char *only)
{
	struct forge_case c = { .msg = *msg };

	g_snprintf(c.name, sizeof(c.name), "%s%s", field->word, how);
	if (memcmp(msg, base, sizeof(*msg)) && wanted(only, field->word, c.name))
		g_array_append_val(cases, c);
}

static void change_number(GArray *cases, const struct rn_msg *base, const struct field *field,
			  const char *only)
{
	guint64 value = get(base, field), max = field->size == 8 ? G_MAXUINT64 :
						(1ULL << field->size * 8) - 1;
	const struct {
		guint64 value;
		const char *how;
		gboolean apart;	/* from the other ways */
	} ways[] = {
		{ value - 1, "-1", value > 1 }, { value + 1, "+1", value < max - 1 },
		{ 0, "=0", TRUE }, { max, "=max", TRUE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
		struct rn_msg msg = *base;

		put(&msg, field, ways[i].value);
		if (ways[i].apart)
			add(cases, &msg, base, field, ways[i].how, only);
	}
}

static void change_addr(GArray *cases, const struct rn_msg *base, const struct field *field,
			const char *only)
{
	struct rn_msg msg = *base;
	struct rn_addr *addr = addr_of(&msg, field);

	addr->len = 4;
	addr->b[3] ^= 3;
	add(cases, &msg, base, field, "-neighbour", only);
	addr->b[0] ^= 0x40;
	add(cases, &msg, base, field, "-elsewhere", only);
	rn_addr_parse("2001:db8::7", addr);
	add(cases, &msg, base, field, "-ipv6", only);
	memset(addr, 0, sizeof(*addr));
	add(cases, &msg, base, field, "-none", only);
}

GArray *forge_cases(const struct rn_msg *base, const char *only)
{
	GArray *cases = g_array_new(FALSE, FALSE, sizeof(struct forge_case));

	for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
		if (is_addr(&fields[i]))
			change_addr(cases, base, &fields[i], only);
		else
			change_number(cases, base, &fields[i], only);
	}
	return cases;
}

/* ---- what the controller says ---- */

static void take(struct forge_look *look, const RnReply *reply, gboolean states)
{
	const struct {
		const char *name;
		guint64 *value;
	} counters[] = {
		{ "refused", &look->refused }, { "alarms", &look->alarms },
		{ "ignored", &look->ignored }, { "messages_bad", &look->bad },
		{ "refusals_unaudited", &look->unaudited },
	};

	for (gsize i = 0; i < reply->n_counters; i++)
		for (gsize j = 0; j < G_N_ELEMENTS(counters); j++)
			if (!strcmp(reply->counters[i]->name, counters[j].name))
				*counters[j].value = reply->counters[i]->value;
	for (gsize i = 0; i < reply->n_mappings; i++) {
		const Roamnat__Control__V1__Mapping *m = reply->mappings[i];

		g_string_append_printf(look->records, "%" G_GUINT64_FORMAT " %s %" G_GUINT64_FORMAT
				       " %" G_GUINT64_FORMAT " %s %s %s %u %s %s\n",
				       (guint64)m->id, m->owner, (guint64)m->epoch,
				       (guint64)m->preset_ms, m->public_, m->private_, m->protocol,
				       m->zone, m->kind, states ? m->state : "");
	}
}

static gboolean ask(const char *socket, Roamnat__Control__V1__Request__Verb verb,
		    gboolean states, struct forge_look *look)
{
	RnRequest request = ROAMNAT__CONTROL__V1__REQUEST__INIT;
	Roamnat__Control__V1__Selector all = ROAMNAT__CONTROL__V1__SELECTOR__INIT;
	struct rn_control_client *client;
	g_autoptr(GError) why = NULL;
	gboolean last = FALSE;

	request.verb = verb;
	request.selector = &all;
	client = rn_control_client_open(socket, &why);
	if (client && !rn_control_client_send(client, &request, &why))
		last = TRUE;
	while (client && !last) {
		RnReply *reply = rn_control_client_receive(client, 10000, &why);

		if (!reply)
			break;
		last = reply->last;
		take(look, reply, states);
		roamnat__control__v1__reply__free_unpacked(reply, NULL);
	}
	rn_control_client_free(client);
	if (why)
		fprintf(stderr, "forge: %s\n", why->message);
	return !why;
}

gboolean forge_look(const char *socket, gboolean states, struct forge_look *look)
{
	*look = (struct forge_look){ .records = g_string_new(NULL) };
	return ask(socket, ROAMNAT__CONTROL__V1__REQUEST__VERB__STATS, states, look) &&
	       ask(socket, ROAMNAT__CONTROL__V1__REQUEST__VERB__MAPPING_LIST, states, look);
}

void forge_look_clear(struct forge_look *look)
{
	if (look->records)
		g_string_free(look->records, TRUE);
	look->records = NULL;
}
