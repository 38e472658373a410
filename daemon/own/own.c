// SPDX-License-Identifier: GPL-2.0
/* Names and arithmetic that both machines use. */
#include "own/own.h"

static const char *const note_names[OWN_NOTE_MAX + 1] = {
	[OWN_NOTE_GRANTED] = "granted",
	[OWN_NOTE_MOVED] = "moved",
	[OWN_NOTE_RETURNED] = "returned",
	[OWN_NOTE_TAKEN_OVER] = "taken-over",
	[OWN_NOTE_RELEASED] = "released",
	[OWN_NOTE_VERIFYING] = "verifying",
	[OWN_NOTE_REVOKING] = "revoking",
	[OWN_NOTE_REFUSED] = "refused",
	[OWN_NOTE_ALARM] = "alarm",
	[OWN_NOTE_FROZEN] = "frozen",
	[OWN_NOTE_HELD] = "held",
	[OWN_NOTE_ACTIVE] = "active",
	[OWN_NOTE_GONE] = "gone",
	[OWN_NOTE_IGNORED] = "ignored",
	[OWN_NOTE_READY] = "ready",
};

const char *own_note_to_string(uint8_t note)
{
	if (note > OWN_NOTE_MAX || !note_names[note])
		return "unknown";
	return note_names[note];
}

struct own_act *own_acts_add(struct own_acts *acts, enum own_act_type type)
{
	struct own_act *act = &acts->act[acts->n];

	if (acts->n < OWN_ACTIONS_MAX - 1)
		acts->n++;
	memset(act, 0, offsetof(struct own_act, msg));
	rn_msg_clear(&act->msg);
	act->type = type;
	return act;
}

int64_t own_backoff(unsigned int tries, uint64_t random)
{
	int64_t ms = OWN_RETRY_MAX;

	if (tries < 6)
		ms = (int64_t)OWN_RETRY_MIN << tries;
	if (ms > OWN_RETRY_MAX)
		ms = OWN_RETRY_MAX;
	return ms + (int64_t)(random % (uint64_t)(ms / 4 + 1));
}
