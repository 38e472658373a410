/* SPDX-License-Identifier: GPL-2.0 */
/*
 * I5: the idle timer survives a migration. What daemon/own/ and the kernel do, in
 * ticks. idle is the truth: ticks since the last packet that was translated or
 * held. When the timer ends a mapping,
 *
 *	P <= idle <= P + wire + late
 *
 * wire: ticks that nobody counted, because the timer was in a message, stood frozen,
 * or was lost with a table (docs/protocol.md: there is no bound on them); late:
 * ticks after the preset had run out, while nobody was allowed to act.
 *
 * M_*: a rule is removed, and one of the claims must break. GAP_*: see README.md.
 */
#ifndef P
#define P 4			/* preset */
#endif
#ifndef N
#define N 3			/* freezes */
#endif
#ifndef R
#define R 1			/* registrations of the source */
#endif
#ifndef PK
#define PK 3			/* packets */
#endif
#ifndef D
#define D 6			/* ticks while frozen, in all */
#endif

#define CLAIM(name, cond) \
	if :: !(cond) -> printf(name); assert(false) :: else -> skip fi

#define ACTIVE	0		/* somewhere */
#define EARLY	1		/* M_READ_FIRST: read, but not frozen yet */
#define FROZEN	2
#define ENDED	3

byte st, idle, elapsed, wire, late;
byte frozen;			/* what the freeze read; MIG_S, RESUME and yes carry it */
byte freezes, registers, packets, ticks;
/* The slot at the destination: of this epoch, counting on since it came. */
bit  slot, stale;		/* there; of an earlier freeze of the same epoch */
byte carried, counted;		/* as it came; as it stands */
byte uncounted;			/* ticks that only the slot has counted */
bit  touched;			/* the kernel's: a packet is held beside the slot */
byte idle0, wire0;		/* the truth without the packet that is held */

/* transfer_of (gateway_msg.c): is the slot's transfer the one that the grant is of? */
#ifdef M_ANY_TRANSFER
#define ITS	(slot)
#else
#ifdef GAP_I5_SAME_ELAPSED	/* as the code does: by what it carried */
#define ITS	(slot && carried == frozen)
#else
#define ITS	(slot && !stale)
#endif
#endif
#ifdef M_STANDS			/* the destination does not count while it waits */
#define COUNTS	(0)
#else
#define COUNTS	(slot)
#endif

inline unused() {
	/* The slot's counting is not used; nor is what was held translated. */
	if
	:: touched -> idle = idle0; wire = wire0; late = 0
	:: else -> wire = wire + uncounted
	fi;
	uncounted = 0; touched = 0
}

inline no_slot() { slot = 0; stale = 0; carried = 0; counted = 0 }

inline stop() {
	frozen = elapsed; st = FROZEN;
	stale = slot
}

active proctype timer()
{
	do
	/* a tick */
	:: d_step { st == ACTIVE && elapsed < P -> printf("EV tick\n");
		elapsed++; idle++; idle0++; counted = counted + (COUNTS && counted < P -> 1 : 0) }
	:: d_step { st == EARLY && idle < P -> printf("EV MUTANT tick\n"); elapsed++; idle++; idle0++ }
	:: d_step { st == FROZEN && ticks < D -> printf("EV tick while frozen\n");
		ticks++;
		late = late + (idle >= P -> 1 : 0); idle++;
		idle0++; wire0++;
		counted = counted + (COUNTS && counted < P -> 1 : 0);
		if :: slot && !stale -> uncounted++ :: else -> wire++ fi }
	/* a packet of the VM, translated */
	:: d_step { packets < PK && (st == ACTIVE || st == EARLY) -> printf("EV packet\n");
		packets++; elapsed = 0;
		idle = 0; wire = 0; late = 0; idle0 = 0; wire0 = 0 }
	/* kmod: held beside the transfer, last_used and touched are set */
	:: d_step { packets < PK && st == FROZEN && slot -> printf("EV packet, held\n");
		packets++; touched = 1;
		idle = 0; wire = 0; late = 0; uncounted = 0;
#ifndef M_FORGETS
		counted = 0
#endif
		}
	/* IDLE, FREEZE-REL: only the one that translates ends it */
	:: d_step { st == ACTIVE && elapsed >= P -> printf("EV idle, ends\n"); st = ENDED;
		CLAIM("BROKEN I5 too early\n", idle >= P);
		CLAIM("BROKEN I5 too late\n", idle <= P + wire + late) }
	:: st == ENDED -> break
	/* FREEZE-OUT, then the timer is read (rnat_control_freeze, frozen_out) */
#ifdef M_READ_FIRST
	:: d_step { st == ACTIVE && freezes < N -> printf("EV MUTANT timer read\n");
		freezes++; stop(); st = EARLY }
	:: d_step { st == EARLY -> printf("EV MUTANT freeze\n"); st = FROZEN }
#else
	:: d_step { st == ACTIVE && freezes < N -> printf("EV freeze\n"); freezes++; stop() }
#endif
	/* gw_on_xfer, gw_held; said again it changes nothing */
	:: d_step { st == FROZEN && !slot -> printf("EV hold\n");
		slot = 1; carried = frozen;
#ifdef M_FROM_ZERO		/* it starts again at the destination */
		counted = 0
#else
		counted = frozen
#endif
		}
	/* gw_slot_over: T_hold */
	:: d_step { slot && st != EARLY -> printf("EV slot over\n"); unused(); no_slot() }
	/* on_grant, installed at the destination, e + 1; kmod: set_timer, never before
	 * a packet that was held
	 */
	:: d_step { st == FROZEN -> printf("EV install at the destination\n"); st = ACTIVE;
		if
		:: ITS || touched -> elapsed = counted
		:: else -> elapsed = frozen; wire = wire + uncounted
		fi;
		uncounted = 0; touched = 0; frozen = 0; no_slot();
		/* What was held leaves now. */
		idle0 = idle; wire0 = wire0 + wire }
	/* RESUME, verification_over: back at the source, e + 1, of which no slot is */
	:: d_step { st == FROZEN -> printf("EV install at the source\n"); st = ACTIVE;
		elapsed = frozen; unused(); frozen = 0; no_slot() }
	/* The source registers anew and is granted the same epoch again: its suspended
	 * entry stood still (keeps_timer, kmod: set_timer). The destination's slot stays.
	 */
	:: d_step { st == FROZEN && !touched && registers < R -> printf("EV the source registers, entry kept\n");
		registers++; st = ACTIVE; elapsed = frozen; unused(); frozen = 0 }
	/* The same, its table is gone: the whole timer (ctl_send_grant) */
	:: d_step { st == FROZEN && !touched && registers < R -> printf("EV the source registers, table lost\n");
		registers++; st = ACTIVE; elapsed = 0; wire = idle; wire0 = idle0; late = 0;
		uncounted = 0; frozen = 0 }
	od
}
