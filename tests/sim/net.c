// SPDX-License-Identifier: GPL-2.0
/*
 * The network. What belongs to a session goes through its connection, in order,
 * and is lost only with it. The machines' messages go the same way in a world
 * of streams; else they are lost, repeated, late by anything up to minutes, and
 * overtake each other, and no end of a connection stops them.
 */
#include <string.h>
#include "sim.h"

static int64_t delay(struct sim *s)
{
	unsigned int what = sim_below(s, 1000);

	if (s->calm || s->plan.delays == 0)
		return sim_between(s, 1, 5);
	if (s->plan.delays == 1)
		return sim_between(s, 20, 200);
	if (what < 700)
		return sim_between(s, 1, 20);
	if (what < 900)
		return sim_between(s, 20, 500);
	if (what < 985 || s->plan.stream)
		return sim_between(s, 500, 8000);
	return sim_between(s, 8000, 180000);
}

static struct sim_packet *new_packet(struct sim *s, uint32_t from, uint32_t to, uint32_t conn,
				     const struct rn_msg *msg, uint32_t *ref)
{
	struct sim_packet *p;

	if (!s->n_free) {
		sim_count(s, full);
		return NULL;
	}
	*ref = s->free_packet[--s->n_free];
	p = &s->packet[*ref];
	p->from = (uint8_t)from;
	p->to = (uint8_t)to;
	p->conn = conn;
	p->refs = 1;
	memcpy(p->head, msg, RN_MSG_HEAD);
	return p;
}

static void put_packet(struct sim *s, uint32_t ref)
{
	if (!--s->packet[ref].refs)
		s->free_packet[s->n_free++] = (uint16_t)ref;
}

static void post_stream(struct sim *s, uint32_t from, uint32_t to, uint32_t conn,
			const struct rn_msg *msg)
{
	int64_t *last = &s->stream_at[from][to], at = s->now + delay(s);
	uint32_t ref;

	if (!new_packet(s, from, to, conn, msg, &ref))
		return;
	if (at < *last)
		at = *last;
	*last = at;
	sim_at(s, at, SIM_EV_PACKET, from, to, ref);
}

static void post_datagram(struct sim *s, uint32_t from, uint32_t to, const struct rn_msg *msg)
{
	struct sim_packet *p;
	int64_t at = delay(s);
	uint32_t ref;

	if (!s->calm && sim_chance(s, s->plan.lose)) {
		sim_count(s, lost);
		return;
	}
	p = new_packet(s, from, to, 0, msg, &ref);
	if (!p)
		return;
	if (at >= 8000)
		sim_count(s, late);
	if (s->now + at < s->stream_at[from][to])
		sim_count(s, overtaken);
	s->stream_at[from][to] = s->now + at;
	sim_at(s, s->now + at, SIM_EV_PACKET, from, to, ref);
	while (!s->calm && p->refs < 4 && sim_chance(s, s->plan.repeat)) {
		p->refs++;
		sim_count(s, repeated);
		sim_at(s, s->now + delay(s), SIM_EV_PACKET, from, to, ref);
	}
}

static void say_message(struct sim *s, const char *what, uint32_t from, uint32_t to,
			const struct rn_msg *msg)
{
	sim_say(s,
		"%s %s%u > %s%u  %s id %llu epoch %llu inc %llu "
		"src %u dst %u vm%d %llu/%llu%s%s",
		what, from ? "gw" : "c", from, to ? "gw" : "c", to,
		rn_msg_type_to_string(msg->type), (unsigned long long)msg->id,
		(unsigned long long)msg->epoch, (unsigned long long)msg->incarnation, msg->src,
		msg->dst, sim_vm_number(&msg->vm), (unsigned long long)msg->timer.elapsed,
		(unsigned long long)msg->timer.preset, msg->code ? " " : "",
		msg->code ? rn_code_to_string(msg->code) : "");
}

void sim_post(struct sim *s, uint32_t from, uint32_t to, const struct rn_msg *msg)
{
	uint32_t g = from ? from : to;
	bool peers = from && to;

	if (to == s->hostile && to) {
		sim_hostile_sees(s, msg);
		return;
	}
	if (s->trace)
		say_message(s, "   ", from, to, msg);
	if (s->hostile && sim_chance(s, 50))
		sim_hostile_sees(s, msg);	/* more than it could */
	if (s->plan.stream && !peers)
		post_stream(s, from, to, from ? s->gw[g].conn : s->ctl.conn[g], msg);
	else
		post_datagram(s, from, to, msg);
}

void sim_post_session(struct sim *s, uint32_t from, uint32_t to, uint32_t conn,
		      const struct rn_msg *msg)
{
	if (s->trace)
		say_message(s, "   ", from, to, msg);
	post_stream(s, from, to, conn, msg);
}

/* Waits until the process goes on. False: its buffers are full. */
static bool wait_in(uint16_t *inbox, unsigned int *n, uint32_t ref)
{
	if (*n == SIM_INBOX)
		return false;
	inbox[(*n)++] = (uint16_t)ref;
	return true;
}

static void give(struct sim *s, const struct sim_packet *p)
{
	struct rn_msg msg;

	rn_msg_clear(&msg);
	memcpy(&msg, p->head, RN_MSG_HEAD);
	s->deliveries++;
	if (s->trace)
		say_message(s, "-->", p->from, p->to, &msg);
	if (p->to == RN_CONTROLLER) {
		if (p->conn && p->conn != s->ctl.conn[p->from] && msg.type != RN_MSG_HELLO)
			return;
		if (sim_is_session(msg.type))
			sim_ctl_session_message(s, p->from, p->conn, &msg);
		else
			sim_ctl_message(s, p->from, &msg);
		return;
	}
	if (p->conn && p->conn != s->gw[p->to].conn)
		return;
	if (sim_is_session(msg.type))
		sim_gw_session_message(s, p->to, p->conn, &msg);
	else
		sim_gw_message(s, p->to, p->from, &msg);
}

void sim_arrive(struct sim *s, uint32_t ref)
{
	struct sim_packet *p = &s->packet[ref];
	uint32_t to = p->to;

	if (s->blocked[p->from][to] && !(s->calm && !p->conn)) {
		/* Lost; or said again by TCP; or, where nobody counts on order, later. */
		if (p->conn && p->conn == s->gw[p->from ? p->from : to].conn) {
			s->stream_at[p->from][to] = s->now + 500;
			sim_at(s, s->now + 500, SIM_EV_PACKET, p->from, to, ref);
			return;
		}
		if (!p->conn && sim_chance(s, 300)) {
			sim_at(s, s->now + sim_between(s, 1000, 60000), SIM_EV_PACKET, p->from, to,
			       ref);
			return;
		}
		sim_count(s, lost);
	} else if (to == RN_CONTROLLER && s->ctl.paused) {
		if (wait_in(s->ctl.inbox, &s->ctl.n_inbox, ref))
			return;
	} else if (to != RN_CONTROLLER && s->gw[to].paused) {
		if (wait_in(s->gw[to].inbox, &s->gw[to].n_inbox, ref))
			return;
	} else if (to == RN_CONTROLLER ? s->ctl.up : s->gw[to].on) {
		give(s, p);
	}
	put_packet(s, ref);
}

void sim_hand_over(struct sim *s, uint32_t to)
{
	uint16_t *inbox = to ? s->gw[to].inbox : s->ctl.inbox;
	unsigned int *n = to ? &s->gw[to].n_inbox : &s->ctl.n_inbox, i;

	for (i = 0; i < *n; i++) {
		sim_count(s, old_inputs);
		give(s, &s->packet[inbox[i]]);
		put_packet(s, inbox[i]);
	}
	*n = 0;
}

void sim_drop_inbox(struct sim *s, uint32_t to)
{
	uint16_t *inbox = to ? s->gw[to].inbox : s->ctl.inbox;
	unsigned int *n = to ? &s->gw[to].n_inbox : &s->ctl.n_inbox;

	while (*n)
		put_packet(s, inbox[--*n]);
}

static void block(struct sim *s, uint32_t from, uint32_t to, int64_t ms)
{
	s->blocked[from][to] = true;
	sim_at(s, s->now + ms, SIM_EV_HEAL, from, to, 0);
}

void sim_partition(struct sim *s, uint32_t a, uint32_t b, bool both)
{
	int64_t ms = sim_chance(s, 300) ? sim_between(s, 100, 4000) :
		     sim_chance(s, 700) ? sim_between(s, 4000, 40000) :
		     sim_between(s, 40000, 400000);

	sim_say(s, "partition %u %s %u for %lld ms", a, both ? "<x>" : "x>", b, (long long)ms);
	block(s, a, b, ms);
	if (both)
		block(s, b, a, ms);
	/* Whoever hears nothing for 5 s closes, and so the other does. */
	if ((!a || !b) && ms > 5000)
		sim_break(s, a ? a : b, 6000);
}

void sim_heal(struct sim *s, uint32_t from, uint32_t to)
{
	if (s->blocked[from][to])
		sim_count(s, healed);
	s->blocked[from][to] = false;
}
