/* SPDX-License-Identifier: GPL-2.0 */
/*
 * I5: the idle timer survives a migration. What daemon/own/ and the kernel do, in
 * ticks. idle is the truth: ticks since the last packet that was translated or
 * held. When the timer ends a mapping,
 *
 *	P <= idle <= P + wire + late
 *
 * wire: ticks that nobody counted, because the timer was in a message or stood
 * frozen (there is no bound on them, docs/protocol.md has the reason); late:
 * ticks after the preset had run out, while nobody was allowed to act.
 *
 * M_*: a rule is removed; one of the claims must break.
 */
#ifndef P
#define P 5			/* preset */
#endif
#ifndef D
#define D 3			/* most ticks per migration that this search lets pass unseen */
#endif
#ifndef W
#define W 3			/* most ticks that a transfer is held */
#endif
#ifndef N
#define N 2			/* migrations */
#endif
#ifndef PK
#define PK 4			/* packets */
#endif

#define CLAIM(name, cond) \
	if :: !(cond) -> printf(name); assert(false) :: else -> skip fi

#define ACTIVE	0		/* translating here or there */
#define UNSEEN	1		/* frozen at the source; XFER, report and grant on their way */
#define HELD	2		/* MOVING_IN at the destination */
#define ENDED	3
#define EARLY	4		/* M_READ_FIRST: read, but not frozen yet */

byte idle, elapsed, frozen, wire, late, unseen, held, moves, packets;
byte st;
bit  touched;			/* the kernel's: a packet is held at the destination */

active proctype timer()
{
	do
	/* a tick */
	:: d_step { st == ACTIVE && elapsed < P -> printf("EV tick\n"); elapsed++; idle++ }
	:: d_step { st == EARLY && idle < P -> printf("EV tick, read already\n"); elapsed++; idle++ }
	:: d_step { st == UNSEEN && unseen < D -> printf("EV tick, unseen\n"); unseen++; wire++; late = late + (idle >= P -> 1 : 0); idle++ }
	:: d_step { st == HELD && held < W -> printf("EV tick, held\n"); held++; late = late + (idle >= P -> 1 : 0); idle++;
#ifndef M_STANDS		/* the destination does not count while it waits */
		elapsed++
#endif
		}
	/* a packet of the VM, translated */
	:: d_step { packets < PK && (st == ACTIVE || st == EARLY) ->
		printf("EV packet\n"); packets++; elapsed = 0; idle = 0; wire = 0; late = 0 }
	/* kmod: held beside the transfer, last_used and touched are set */
	:: d_step { packets < PK && st == HELD ->
		printf("EV packet, held\n"); packets++; idle = 0; wire = 0; late = 0; touched = 1;
#ifndef M_FORGETS
		elapsed = 0
#endif
		}
	/* IDLE, FREEZE-REL: only the one that translates ends it */
	:: d_step { st == ACTIVE && elapsed >= P -> printf("EV idle, ends\n"); st = ENDED;
		CLAIM("BROKEN I5 too early\n", idle >= P);
		CLAIM("BROKEN I5 too late\n", idle <= P + wire + late) }
	:: st == ENDED -> break
	/* FREEZE-OUT, then the timer is read (rnat_control_freeze, frozen_out) */
#ifdef M_READ_FIRST
	:: d_step { st == ACTIVE && moves < N -> printf("EV MUTANT timer read\n"); moves++; frozen = elapsed; st = EARLY }
	:: d_step { st == EARLY -> printf("EV freeze\n"); st = UNSEEN; unseen = 0; held = 0; touched = 0 }
#else
	:: d_step { st == ACTIVE && moves < N -> printf("EV freeze\n"); moves++; frozen = elapsed;
		st = UNSEEN; unseen = 0; held = 0; touched = 0 }
#endif
	/* gw_on_xfer, OWN_ACT_HOLD; promote advances what waited beside */
	:: d_step { st == UNSEEN -> printf("EV hold\n"); st = HELD;
#ifdef M_FROM_ZERO		/* it starts again at the destination */
		elapsed = 0
#else
		elapsed = frozen
#endif
		}
	/* The grant finds no transfer (lost, or RESUME by the source): as the report
	 * or the request carried it (on_mig_s, on_resume, ctl_switch).
	 */
	:: d_step { st == UNSEEN -> printf("EV install, no transfer\n"); st = ACTIVE;
#ifdef M_FROM_ZERO
		elapsed = 0
#else
		elapsed = frozen
#endif
		}
	/* The grant finds the transfer: keeps_timer, the kernel counts on; or it was of
	 * another preset and set_timer takes the grant's, but never before a held packet.
	 */
	:: d_step { st == HELD -> printf("EV install, timer kept\n"); st = ACTIVE }
	:: d_step { st == HELD && !touched -> printf("EV install, timer of the grant\n"); st = ACTIVE; wire = wire + held; elapsed = frozen }
	od
}
