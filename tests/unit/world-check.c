// SPDX-License-Identifier: GPL-2.0
/* What must hold after every step, whatever happened; and small helpers. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "world.h"

uint64_t world_random(struct world *w)
{
	uint64_t z = w->rng += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

unsigned int world_below(struct world *w, unsigned int n)
{
	return (unsigned int)(world_random(w) % n);
}

bool world_chance(struct world *w, unsigned int percent)
{
	return world_below(w, 100) < percent;
}

void world_say(struct world *w, const char *format, ...)
{
	va_list args;

	if (!w->trace)
		return;
	printf("%4u %8lld  ", w->step, (long long)w->now);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void world_fail(struct world *w, const char *format, ...)
{
	va_list args;

	if (w->failure[0])
		return;
	va_start(args, format);
	vsnprintf(w->failure, sizeof(w->failure), format, args);
	va_end(args);
	world_say(w, "*** %s", w->failure);
}

struct rn_private world_vm(int vm)
{
	return (struct rn_private){ .zone = 1, .kind = RN_KIND_ADDRESS,
				    .addr = { .len = 4, .b = { 10, 0, 0, (uint8_t)(vm + 1) } } };
}

int world_vm_number(const struct rn_private *vm)
{
	return vm->addr.b[3] - 1;
}

void world_post(struct world *w, uint32_t from, uint32_t to, const struct rn_msg *msg)
{
	struct world_packet *p;

	world_say(w, "   %s%u -> %s%u: %s id %llu epoch %llu inc %llu src %u dst %u %s vm%d",
		  from ? "gw" : "c", from, to ? "gw" : "c", to, rn_msg_type_to_string(msg->type),
		  (unsigned long long)msg->id, (unsigned long long)msg->epoch,
		  (unsigned long long)msg->incarnation, msg->src, msg->dst,
		  msg->code ? rn_code_to_string(msg->code) : "", world_vm_number(&msg->vm));
	if (!from && !w->gw[to].link && to != HOSTILE)
		return;
	if (!to && !w->gw[from].link && from != HOSTILE)
		return;
	if (w->n_net == PACKETS) {
		/* Full: what waited longest is lost. */
		w->n_net--;
		memmove(w->net, w->net + 1, w->n_net * sizeof(w->net[0]));
	}
	p = &w->net[w->n_net++];
	p->from = from;
	p->to = to;
	p->msg = *msg;
}

static void check_translator(struct world *w, uint32_t g, unsigned int id, const struct toy_map *m)
{
	const struct own_ctl_rec *disk = &w->ctl.disk[id], *r = &w->ctl.rec[id];

	if (!ctl_granted(disk) || !ctl_granted(r))
		world_fail(w, "I3: gw%u translates id %u, which is free", g, id);
	else if (disk->owner != g || disk->epoch != m->epoch || r->owner != g ||
		 r->epoch != m->epoch || world_vm_number(&disk->vm) != m->vm)
		world_fail(w, "I1b: gw%u translates id %u at epoch %llu, recorded gw%u at %llu",
			   g, id, (unsigned long long)m->epoch, r->owner,
			   (unsigned long long)r->epoch);
}

static void check_one_mapping(struct world *w)
{
	unsigned int i, j;

	for (i = 1; i <= RECORDS; i++)
		for (j = i + 1; j <= RECORDS; j++)
			if (ctl_granted(&w->ctl.rec[i]) && ctl_granted(&w->ctl.rec[j]) &&
			    rn_private_equal(&w->ctl.rec[i].vm, &w->ctl.rec[j].vm))
				world_fail(w, "I7: ids %u and %u are of one VM", i, j);
}

void world_check(struct world *w)
{
	unsigned int id;
	uint32_t g;

	for (id = 1; id <= RECORDS; id++) {
		uint32_t who = 0;

		for (g = 1; g <= HONEST; g++) {
			const struct toy_map *m = toy_translating(w, g, id);

			if (!m)
				continue;
			if (who)
				world_fail(w, "I1: gw%u and gw%u both translate id %u", who, g, id);
			who = g;
			if (w->lease_ms && w->ctl.gw[g].over)
				world_fail(w, "I9: gw%u translates, its lease is over", g);
		}
		for (g = 1; g <= HONEST; g++) {
			const struct toy_map *m = toy_translating(w, g, id);

			if (m)
				check_translator(w, g, id, m);
		}
	}
	check_one_mapping(w);
}
