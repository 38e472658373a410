/* SPDX-License-Identifier: GPL-2.0 */
/* Commands that the module takes, for programs that then spoil something. */
#ifndef _FUZZ_COMMANDS_H
#define _FUZZ_COMMANDS_H

#include <stdbool.h>

#include "nl.h"

struct nl_grant {
	uint64_t id, epoch;
	uint32_t state, kind;
	uint8_t host;
	bool six;		/* IPv6; 10.0.0.HOST and 203.0.113.HOST otherwise */
	uint16_t bindings;	/* that come with a block */
	uint64_t incarnation;	/* 0: 1 */
};

/* Ports of a block of nl_put_grant(), and its first one. */
#define NL_BLOCK_PORTS 64
#define NL_BLOCK_FIRST 1024

struct nl_command {
	const char *name;
	uint8_t cmd;
	void (*put)(void);
	enum nl_set_up {
		NL_SESSION = 0,
		NL_PREFIXES,	/* prefixes, and exclusions */
		NL_MISS,	/* that, and a packet waits for mapping 3 */
		NL_WAYS,	/* prefixes, and ways 1 and 2 to other gateways */
	} before;
	uint16_t flags;		/* NLM_F_DUMP, or 0: one answer */
	/* May fail with a part done; given again, it does the rest. */
	bool partial;
};

/* Each can be given after nl_prepare(). */
extern const struct nl_command nl_commands[];
extern const unsigned int nl_command_count;

/* The message that is written, and the last answer. */
extern struct nl_buf nl_out, nl_answer;

/* Begins a message in nl_out that wants an acknowledgment, or a dump. */
void nl_command(struct nl *nl, uint8_t cmd);
void nl_begin_command(struct nl *nl, const struct nl_command *command);
void nl_put_grant(const struct nl_grant *g);
/* Sends nl_out; ends the program if it is refused. */
void nl_must(struct nl *nl, const char *what);

/*
 * Enters a new namespace, with a session, an active mapping 1, a frozen one 2, a
 * held one 3, a block 4 with two bindings and an active one of IPv6, 5.
 */
void nl_prepare(struct nl *nl, enum nl_set_up how);

/* A line "ok" or "not ok" with the next number; nl_end() says how many there were
 * and is the program's code.
 */
void nl_result(bool ok, const char *what, const char *how);
int nl_end(const char *program);

#endif
