// SPDX-License-Identifier: GPL-2.0
/* What must hold when everything has come to rest. */
#include <linux/roamnat.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "stress.h"

static uint64_t gauge(struct worker *w, uint16_t type)
{
	const struct nlattr *a;

	start(w, ROAMNAT_CMD_STATS_GET, NLM_F_ACK);
	if (nl_call(&w->nl, &w->out, &w->in))
		return UINT64_MAX;
	a = nl_find(w->in.data, w->in.len, type);
	return a ? nl_number(a) : UINT64_MAX;
}

unsigned int take_down(struct worker *w)
{
	static const uint16_t gauges[] = {
		ROAMNAT_A_STATS_MAPPINGS, ROAMNAT_A_STATS_MISSES, ROAMNAT_A_STATS_HELD_PACKETS,
		ROAMNAT_A_STATS_HELD_BYTES, ROAMNAT_A_STATS_BINDINGS,
	};
	struct timespec nap = { .tv_nsec = 50000000 };
	unsigned int i, left = 0;

	set_session(w, 0);
	start(w, ROAMNAT_CMD_MAPPING_FLUSH, NLM_F_ACK);
	left += !!finish(w);
	set_inside(w, false);
	for (i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		uint64_t n = gauge(w, gauges[i]);
		unsigned int naps;

		/* What was refused is remembered for its hold-off, and what was asked for
		 * a second.
		 */
		for (naps = 0; n && gauges[i] == ROAMNAT_A_STATS_MISSES && naps < 200; naps++) {
			nanosleep(&nap, NULL);
			n = gauge(w, gauges[i]);
		}
		if (!n)
			continue;
		printf("# stress: %s: gauge %u is %llu\n", w->namespace, gauges[i],
		       (unsigned long long)n);
		left++;
	}
	return left;
}

/* Asks for what @attrs say and expects the mapping of that id. */
static bool finds(struct worker *w, const struct nl_buf *dump, size_t from, size_t to,
		  const uint16_t *attrs, uint64_t id)
{
	const struct nlattr *a;

	start(w, ROAMNAT_CMD_MAPPING_GET, NLM_F_ACK);
	for (; *attrs; attrs++) {
		a = nl_find(dump->data + from, to - from, *attrs);
		if (a)
			nl_put(&w->out, *attrs, a + 1, a->nla_len - NLA_HDRLEN);
	}
	if (nl_call(&w->nl, &w->out, &w->in))
		return false;
	a = nl_find(w->in.data, w->in.len, ROAMNAT_A_MAPPING_ID);
	return a && nl_number(a) == id;
}

static unsigned int check_mapping(struct worker *w, const struct nl_buf *dump, size_t from,
				  size_t to)
{
	static const uint16_t priv[] = {
		ROAMNAT_A_MAPPING_ZONE, ROAMNAT_A_MAPPING_PROTOCOL,
		ROAMNAT_A_MAPPING_PRIVATE_ADDR, ROAMNAT_A_MAPPING_PRIVATE_PORT, 0,
	};
	static const uint16_t pub[] = {
		ROAMNAT_A_MAPPING_PROTOCOL, ROAMNAT_A_MAPPING_PUBLIC_ADDR,
		ROAMNAT_A_MAPPING_PUBLIC_PORT, 0,
	};
	static const uint16_t by_id[] = { ROAMNAT_A_MAPPING_ID, 0 };
	uint64_t id = nl_number(nl_find(dump->data + from, to - from, ROAMNAT_A_MAPPING_ID));
	unsigned int wrong = 0;

	wrong += !finds(w, dump, from, to, priv, id);
	wrong += !finds(w, dump, from, to, pub, id);
	wrong += !finds(w, dump, from, to, by_id, id);
	if (wrong)
		printf("# stress: %s: mapping %llu is not found from every side\n", w->namespace,
		       (unsigned long long)id);
	return wrong;
}

/* One binding, from either side: the same ports. */
static bool finds_binding(struct worker *w, uint64_t id, const struct nlattr *binding,
			  uint16_t port)
{
	static const uint16_t of[] = {
		ROAMNAT_A_BINDING_PROTOCOL, ROAMNAT_A_BINDING_PRIVATE_PORT,
		ROAMNAT_A_BINDING_PUBLIC_PORT,
	};
	size_t len = binding->nla_len - NLA_HDRLEN;
	const struct nlattr *found, *a, *b;
	unsigned int i;

	start(w, ROAMNAT_CMD_BINDING_GET, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_ID, id);
	a = nl_find(binding + 1, len, ROAMNAT_A_BINDING_PROTOCOL);
	nl_put_u32(&w->out, ROAMNAT_A_MAPPING_PROTOCOL, nl_number(a));
	a = nl_find(binding + 1, len, port);
	nl_put_u16(&w->out, port == ROAMNAT_A_BINDING_PRIVATE_PORT ?
		   ROAMNAT_A_MAPPING_PRIVATE_PORT : ROAMNAT_A_MAPPING_PUBLIC_PORT, nl_number(a));
	if (nl_call(&w->nl, &w->out, &w->in))
		return false;
	found = nl_find(w->in.data, w->in.len, ROAMNAT_A_MAPPING_BINDING);
	for (i = 0; found && i < 3; i++) {
		a = nl_find(binding + 1, len, of[i]);
		b = nl_find(found + 1, found->nla_len - NLA_HDRLEN, of[i]);
		if (!a || !b || nl_number(a) != nl_number(b))
			return false;
	}
	return found;
}

static unsigned int check_bindings(struct worker *w, struct nl_buf *dump, uint64_t *count)
{
	const struct nlattr *a;
	unsigned int wrong = 0;
	uint64_t id = 0;
	size_t at;

	start(w, ROAMNAT_CMD_BINDING_GET, NLM_F_DUMP);
	if (nl_call(&w->nl, &w->out, dump))
		return 1;
	for (at = 0; at < dump->len; at += NLA_ALIGN(a->nla_len)) {
		a = (const struct nlattr *)(dump->data + at);
		if ((a->nla_type & NLA_TYPE_MASK) == ROAMNAT_A_MAPPING_ID)
			id = nl_number(a);
		if ((a->nla_type & NLA_TYPE_MASK) != ROAMNAT_A_MAPPING_BINDING)
			continue;
		++*count;
		if (finds_binding(w, id, a, ROAMNAT_A_BINDING_PRIVATE_PORT) &&
		    finds_binding(w, id, a, ROAMNAT_A_BINDING_PUBLIC_PORT))
			continue;
		printf("# stress: %s: a binding of %llu is not found from both sides\n",
		       w->namespace, (unsigned long long)id);
		wrong++;
	}
	return wrong;
}

/* Each answer begins with the id. */
static size_t next_id(const struct nl_buf *dump, size_t from)
{
	const struct nlattr *id = nl_find(dump->data + from, dump->len - from,
					  ROAMNAT_A_MAPPING_ID);

	return id ? (size_t)((const uint8_t *)id - dump->data) : dump->len;
}

uint64_t tables_mappings;

unsigned int check_tables(struct worker *w)
{
	static struct nl_buf dump;
	uint64_t mappings = 0, bindings = 0;
	unsigned int wrong = 0;
	size_t from, to;

	start(w, ROAMNAT_CMD_MAPPING_GET, NLM_F_DUMP);
	if (nl_call(&w->nl, &w->out, &dump))
		return 1;
	for (from = next_id(&dump, 0); from < dump.len; from = to) {
		to = next_id(&dump, from + NLA_HDRLEN + sizeof(uint64_t));
		wrong += check_mapping(w, &dump, from, to);
		mappings++;
	}
	wrong += check_bindings(w, &dump, &bindings);
	if (gauge(w, ROAMNAT_A_STATS_MAPPINGS) != mappings ||
	    gauge(w, ROAMNAT_A_STATS_BINDINGS) != bindings) {
		printf("# stress: %s: not as many as are counted\n", w->namespace);
		wrong++;
	}
	printf("# stress: %s has %llu mappings and %llu bindings\n", w->namespace,
	       (unsigned long long)mappings, (unsigned long long)bindings);
	tables_mappings += mappings;
	return wrong;
}
