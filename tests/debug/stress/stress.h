/* SPDX-License-Identifier: GPL-2.0 */
/* Workers of the stress, and what each of them can say to the module. */
#ifndef _STRESS_H
#define _STRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "nl.h"

#define HOSTS 120		/* a dump of them has to fit into a buffer */

struct worker {
	const char *name, *namespace;
	void (*turn)(struct worker *w);
	int cpu;			/* -1: any */
	uint64_t random, turns;
	struct nl nl, other;		/* to its gateway; to the second one */
	struct nl_buf out, in;
	int fd, fd6;
};

/* A mapping for each host from 1 to HOSTS; the kind follows from the number. */
enum host_kind { HOST_ADDRESS, HOST_PORT, HOST_BLOCK, HOST_SIX, HOST_KINDS };

static inline enum host_kind kind_of(unsigned int host)
{
	return host % HOST_KINDS;
}

/* Both sides' addresses, 4 bytes of IPv4 or 16 of IPv6: how many. */
unsigned int host_sides(unsigned int host, uint8_t *priv, uint8_t *pub);

uint64_t below(struct worker *w, uint64_t n);
/* 0 or -errno */
int enter_namespace(const char *name);

/* A socket to the module, which may have gone: false, then there is none. */
bool connected(struct worker *w);
void start(struct worker *w, uint8_t cmd, uint16_t flags);
/* Sends what was started; -errno. The socket is closed if the module went. */
int finish(struct worker *w);

void set_session(struct worker *w, uint64_t incarnation);
void set_inside(struct worker *w, bool on);
void put_sides(struct worker *w, unsigned int host);
/* @bindings: of a block that moves, attributes as they were read; may be NULL. */
void grant(struct worker *w, unsigned int host, uint32_t state, const struct nl_buf *bindings);
/* The epoch at which a mapping is here, 0 if it is not. */
uint64_t epoch_of(struct worker *w, uint64_t id);
/* Deletes it, or freezes it if there is a @state. */
void end_mapping(struct worker *w, uint64_t id, uint32_t state);

extern _Atomic uint64_t incarnation;

/* check.c: takes down what is left in a gateway; what is still counted then. */
unsigned int take_down(struct worker *w);
/* Do both directions of both tables agree, in this gateway? Disagreements. */
unsigned int check_tables(struct worker *w);
/* How many mappings it has seen so far. */
extern uint64_t tables_mappings;

#endif
