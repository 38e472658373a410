// SPDX-License-Identifier: GPL-2.0
/*
 * nlfloors [SEED [starved]]: an epoch that was granted is never granted again, whatever
 * has become of the mapping, and there are as many promises as are counted. As root,
 * on any kernel. "starved": no allocation of a promise succeeds that may fail, as
 * debug/fuzz.sh sees to; then some are refused, and none is lost.
 */
#include <errno.h>
#include <linux/roamnat.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

#define IDS	6
#define HOSTS	4	/* so they are in each other's way */
#define STEPS	2000

static struct nl nl;
static bool starved;
static uint64_t incarnation;	/* for what is granted */

/* ---- commands ---- */

static int grant(uint64_t id, uint8_t host, uint64_t epoch, uint32_t state)
{
	nl_command(&nl, ROAMNAT_CMD_MAPPING_NEW);
	nl_put_grant(&(struct nl_grant){ .id = id, .epoch = epoch, .state = state,
		     .kind = ROAMNAT_KIND_ADDRESS, .host = host, .incarnation = incarnation });
	return nl_call(&nl, &nl_out, NULL);
}

static int active(uint64_t id, uint8_t host, uint64_t epoch)
{
	return grant(id, host, epoch, ROAMNAT_STATE_ACTIVE);
}

static int held(uint64_t id, uint8_t host, uint64_t epoch)
{
	return grant(id, host, epoch, ROAMNAT_STATE_HELD);
}

static void of(uint8_t cmd, uint64_t id, uint64_t epoch)
{
	nl_command(&nl, cmd);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, id);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_EPOCH, epoch);
}

static int freeze(uint64_t id, uint64_t epoch, uint32_t state)
{
	of(ROAMNAT_CMD_MAPPING_FREEZE, id, epoch);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, state);
	return nl_call(&nl, &nl_out, NULL);
}

static int move(uint64_t id, uint64_t epoch)
{
	of(ROAMNAT_CMD_MAPPING_FORWARD, id, epoch);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_STATE, ROAMNAT_STATE_MOVED);
	nl_put_u32(&nl_out, ROAMNAT_A_MAPPING_FORWARD, 1);
	return nl_call(&nl, &nl_out, NULL);
}

static int del(uint64_t id, uint64_t epoch)
{
	of(ROAMNAT_CMD_MAPPING_DEL, id, epoch);
	return nl_call(&nl, &nl_out, NULL);
}

static int promise(uint64_t id, uint64_t epoch)
{
	nl_command(&nl, ROAMNAT_CMD_FLOOR_SET);
	nl_put_u64(&nl_out, ROAMNAT_A_FLOOR_ID, id);
	nl_put_u64(&nl_out, ROAMNAT_A_FLOOR_EPOCH, epoch);
	return nl_call(&nl, &nl_out, NULL);
}

static void bound(uint16_t type, uint32_t value)
{
	nl_command(&nl, ROAMNAT_CMD_CONFIG_SET);
	nl_put_u32(&nl_out, type, value);
	nl_must(&nl, "config-set");
}

static void session(uint64_t number)
{
	nl_command(&nl, ROAMNAT_CMD_SESSION_SET);
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_INCARNATION, number);
	nl_put_u64(&nl_out, ROAMNAT_A_SESSION_LEASE_END_NS, 0);
	nl_must(&nl, "session-set");
}

static void flush(void)
{
	nl_command(&nl, ROAMNAT_CMD_MAPPING_FLUSH);
	nl_must(&nl, "mapping-flush");
}

/* ---- what the module says ---- */

static uint64_t number(uint16_t type)
{
	const struct nlattr *a = nl_find(nl_answer.data, nl_answer.len, type);

	return a ? nl_number(a) : 0;
}

static uint64_t promised(uint64_t id)
{
	nl_command(&nl, ROAMNAT_CMD_FLOOR_GET);
	nl_put_u64(&nl_out, ROAMNAT_A_FLOOR_ID, id);
	return nl_call(&nl, &nl_out, &nl_answer) ? UINT64_MAX : number(ROAMNAT_A_FLOOR_EPOCH);
}

static uint64_t gauge(void)
{
	nl_command(&nl, ROAMNAT_CMD_STATS_GET);
	return nl_call(&nl, &nl_out, &nl_answer) ? UINT64_MAX : number(ROAMNAT_A_STATS_FLOORS);
}

struct entry {
	uint64_t epoch, incarnation;	/* 0: there is none */
	uint32_t state;
};

static struct entry entry(uint64_t id)
{
	nl_command(&nl, ROAMNAT_CMD_MAPPING_GET);
	nl_put_u64(&nl_out, ROAMNAT_A_MAPPING_ID, id);
	if (nl_call(&nl, &nl_out, &nl_answer))
		return (struct entry){ 0 };
	return (struct entry){ number(ROAMNAT_A_MAPPING_EPOCH),
			       number(ROAMNAT_A_MAPPING_INCARNATION),
			       number(ROAMNAT_A_MAPPING_STATE) };
}

/* ---- one way after the other ---- */

static void at_the_bound(void)
{
	nl_result(gauge() == 4, "R24", "what is granted is a promise, and what is held is none");
	bound(ROAMNAT_A_CONFIG_MAX_FLOORS, 4);
	nl_result(active(9, 9, 1) == -ENOSPC && gauge() == 4, "R24",
		  "no grant is taken above max-floors");
	nl_result(!del(1, 1) && promised(1) == 1 && gauge() == 4, "P1",
		  "a mapping is deleted at the bound, and its promise stays");
	nl_result(active(1, 1, 1) == -ESTALE, "P11", "its epoch is not taken again");
	nl_result(active(9, 9, 1) == -ENOSPC && !active(1, 1, 2) && gauge() == 4, "R24",
		  "at the bound an id that has a promise is granted anew, and no other");
	bound(ROAMNAT_A_CONFIG_MAX_FLOORS, 100);
}

/* Mapping 2 is frozen at 1. */
static void held_in_place(void)
{
	nl_result(!held(2, 2, 2) && promised(2) == 1 && active(2, 2, 1) == -ESTALE, "P1",
		  "a frozen mapping that becomes held leaves its promise");
	nl_result(!del(2, 2) && promised(2) == 1 && gauge() == 4, "P12",
		  "a held one that is deleted leaves none");
}

/* Mapping 1 is active at 2. */
static void rivals(void)
{
	nl_result(!freeze(1, 2, ROAMNAT_STATE_RELEASING) && !active(9, 1, 1) &&
		  !entry(1).epoch && promised(1) == 2 && active(1, 1, 2) == -ESTALE &&
		  gauge() == 5, "P1", "one that gives way to a rival leaves its promise");
	nl_result(!freeze(9, 1, ROAMNAT_STATE_MOVING_OUT) && !move(9, 1) && !held(1, 1, 3) &&
		  !entry(9).epoch && promised(9) == 1 && promised(1) == 2 && gauge() == 5, "P1",
		  "one that has moved and gives way to a transfer, too");
	nl_result(!active(1, 1, 3) && !active(1, 7, 4) && promised(1) == 4 &&
		  active(1, 1, 4) == -ESTALE && gauge() == 5, "P1",
		  "one that gets other sides has the promise of its new epoch");
}

static void forgotten(void)
{
	int naps;

	bound(ROAMNAT_A_CONFIG_FORWARD_MS, 100);
	if (freeze(1, 4, ROAMNAT_STATE_MOVING_OUT) || move(1, 4))
		exit(1);
	for (naps = 0; entry(1).epoch && naps < 1000; naps++)
		poll(NULL, 0, 20);
	nl_result(naps < 1000 && promised(1) == 4 && active(1, 1, 4) == -ESTALE && gauge() == 5,
		  "P1", "one that has moved and is forgotten leaves its promise");
	bound(ROAMNAT_A_CONFIG_FORWARD_MS, 60000);
}

/* Mappings 4 and 5 are active at 1. */
static void incarnations(void)
{
	session(0);
	nl_result(promised(4) == 1 && promised(5) == 1 && gauge() == 5, "P1",
		  "no promise ends with its session");
	flush();
	nl_result(!entry(4).epoch && promised(4) == 1 && promised(5) == 1 && gauge() == 5, "P1",
		  "what is flushed leaves its promises");
	session(incarnation = 2);
	nl_result(!promised(1) && !promised(4) && !promised(5) && !gauge(), "P1",
		  "a new incarnation forgets them");
	if (active(1, 1, 1))
		exit(1);
	session(0);
	session(incarnation = 3);
	nl_result(entry(1).epoch == 1 && !promised(1) && !gauge(), "P1",
		  "and those of mappings that are there");
	if (starved)
		return;
	nl_result(!freeze(1, 1, ROAMNAT_STATE_RELEASING) && promised(1) == 1 && gauge() == 1,
		  "P3", "until one is frozen in the new one");
	nl_result(!del(1, 1) && promised(1) == 1 && gauge() == 1, "P3", "and deleted");
}

/* ---- any way after any other ---- */

/* What was promised, by what the module took. */
static uint64_t floors[IDS + 1], max;
static uint64_t random_state, wrong, without_memory;

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 16) % n;
}

static uint64_t count(void)
{
	uint64_t n = 0;
	int id;

	for (id = 1; id <= IDS; id++)
		n += !!floors[id];
	return n;
}

static void want(bool ok, const char *what, uint64_t id, uint64_t epoch, int err)
{
	if (ok)
		return;
	if (wrong++ < 10)
		printf("# %s of %llu at %llu, promised %llu, %llu of %llu: %s\n", what,
		       (unsigned long long)id, (unsigned long long)epoch,
		       (unsigned long long)floors[id], (unsigned long long)count(),
		       (unsigned long long)max, err ? strerror(-err) : "taken");
}

static bool has_room(uint64_t id)
{
	return floors[id] || count() < max;
}

static void grant_any(uint64_t id, uint64_t epoch, uint32_t state)
{
	struct entry e = entry(id);
	bool in_force = e.epoch == epoch && e.state == state && e.incarnation == incarnation;
	bool counts = state == ROAMNAT_STATE_ACTIVE;
	/* Mostly in place of what is there. */
	int err = grant(id, 1 + (below(4) ? id % HOSTS : below(HOSTS)), epoch, state);

	want(err != -ENOMEM, "grant", id, epoch, err);
	if (err == -ENOSPC)
		want(counts && !has_room(id), "grant", id, epoch, err);
	if (err)
		return;
	want(in_force || (epoch > floors[id] && (!counts || has_room(id))), "grant", id, epoch, 0);
	if (counts)
		floors[id] = epoch;
}

/* A promise that the id did not have: for that there may be no memory. */
static void raised(const char *what, uint64_t id, uint64_t epoch, int err)
{
	if (err == -ENOSPC)
		want(!has_room(id), what, id, epoch, err);
	if (err == -ENOMEM) {
		without_memory++;
		want(starved && floors[id] < epoch, what, id, epoch, err);
	}
	if (err)
		return;
	want(has_room(id), what, id, epoch, err);
	if (floors[id] < epoch)
		floors[id] = epoch;
}

static void del_any(uint64_t id, uint64_t epoch)
{
	struct entry e = entry(id);
	int err = del(id, epoch);

	/* What was granted in this incarnation can always be deleted. */
	if (e.epoch == epoch && (e.incarnation == incarnation || e.state == ROAMNAT_STATE_HELD))
		want(!err, "deletion", id, epoch, err);
	if (e.epoch == epoch && e.state != ROAMNAT_STATE_HELD)
		raised("deletion", id, epoch, err);
}

static void new_session(void)
{
	session(0);
	if (below(2))
		flush();
	if (!below(3))
		return;
	session(++incarnation);
	memset(floors, 0, sizeof(floors));
}

static void step(void)
{
	static const uint32_t frozen[] = { ROAMNAT_STATE_MOVING_OUT, ROAMNAT_STATE_RELEASING };
	uint64_t id = 1 + below(IDS), epoch = entry(id).epoch;
	unsigned int what = below(100);

	/* A right epoch for what is there, or for what may come. */
	if (!epoch || (what >= 52 && what < 87 ? !below(5) : below(3)))
		epoch = floors[id] + below(4);
	if (!epoch)
		epoch = 1;
	if (what < 40)
		grant_any(id, epoch, ROAMNAT_STATE_ACTIVE);
	else if (what < 52)
		grant_any(id, epoch, ROAMNAT_STATE_HELD);
	else if (what < 72)
		raised("freeze", id, epoch, freeze(id, epoch, frozen[below(2)]));
	else if (what < 77)
		move(id, epoch);
	else if (what < 87)
		del_any(id, epoch);
	else if (what < 94)
		raised("promise", id, epoch, promise(id, epoch));
	else if (what < 96)
		bound(ROAMNAT_A_CONFIG_MAX_FLOORS, max = 1 + below(IDS));
	else if (what < 97)
		flush();
	else
		new_session();
}

static void walk(uint64_t seed)
{
	unsigned int i;
	uint64_t id, is;

	random_state = seed * 0x9e3779b97f4a7c15 | 1;
	session(0);
	flush();
	session(++incarnation);
	max = IDS;
	for (i = 0; i < STEPS && wrong < 10; i++) {
		step();
		for (id = 1; id <= IDS; id++) {
			is = promised(id);
			if (is != floors[id])
				printf("# step %u: %llu is promised\n", i, (unsigned long long)is);
			want(is == floors[id], "promise", id, is, 0);
		}
		is = gauge();
		want(is == count(), "number", 0, is, 0);
	}
	printf("# seed %llu: %u steps, %llu refused for want of memory\n",
	       (unsigned long long)seed, i, (unsigned long long)without_memory);
	nl_result(!wrong && (without_memory > 0) == starved, "R24",
		  "after any command the promises are those that were made, and as many");
}

int main(int argc, char **argv)
{
	starved = argc > 2 && !strcmp(argv[2], "starved");
	incarnation = 1;
	nl_prepare(&nl, NL_WAYS);
	at_the_bound();
	held_in_place();
	rivals();
	forgotten();
	incarnations();
	if (starved)
		nl_result(promise(77, 1) == -ENOMEM, "R24", "there is no memory for a promise");
	walk(argc > 1 ? strtoull(argv[1], NULL, 0) : 1);
	nl_close(&nl);
	return nl_end("nlfloors");
}
