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
};

struct nl_command {
	const char *name;
	uint8_t cmd;
	void (*put)(void);
	bool configured;	/* prefixes are set before */
};

/* Each can be given after nl_prepare(). */
extern const struct nl_command nl_commands[];
extern const unsigned int nl_command_count;

/* The message that is written, and the last answer. */
extern struct nl_buf nl_out, nl_answer;

/* Begins a message in nl_out that wants an acknowledgment. */
void nl_command(struct nl *nl, uint8_t cmd);
void nl_put_grant(const struct nl_grant *g);
/* Sends nl_out; ends the program if it is refused. */
void nl_must(struct nl *nl, const char *what);

/*
 * Enters a new namespace, with a session, an active mapping 1, a frozen one 2 and a
 * held one 3; with prefixes if @configured.
 */
void nl_prepare(struct nl *nl, bool configured);

#endif
