/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may translate for a public address: what daemon/own/ does, for spin.
 * Two gateways (0, 1), the controller, a hostile third gateway, one mapping.
 * README.md has the runs, the mutants and what is left out. Each event names the
 * function that it models.
 *
 * NETWORK. A message is a bit: once sent it may be delivered never, once or often,
 * in any order, at any later moment. That is loss, repetition, reordering, delay
 * without bound and partition. Answers that stay true for ever (STALE, RELOK, DENY
 * of a release) and questions, which are repeated, are read from the record.
 *
 * TIME. A gateway translates only while its own lease (gl) runs. The controller
 * takes the lease for over (cl = 0) only after that: the only assumption about
 * time. Every other time-out may fire at any moment.
 *
 * THE ORCHESTRATOR may say anything at any moment, right or wrong (but that a fence
 * is true); only what it never says is that the VM is at the hostile gateway.
 *
 * CRASHES. Of a gateway: all is lost, it has no disk. Of an agent: the kernel's
 * table stays. Of the controller: verifications, orders and leases are lost;
 * record and incarnations are on disk before any message tells of them (P8): a
 * crash before that undoes the whole step, as if it had not happened.
 *
 * Without TERM nothing but the number of epochs is bounded: any number of crashes,
 * registrations, verifications, attacks. With TERM each event spends a budget or
 * moves something that only grows, so there are no cycles, and every end is
 * asserted to be a good one once faults have stopped: the address is free again
 * (I2), or with CONN the VM is served where it is (I10).
 *
 * Switches: MODE_D (report-from=destination, else source), LEASED (mask of gateways
 * with a lease, the others have an operator), NV=2 (a second VM wants an address),
 * MAXE, TERM, CONN, SILENT (the VM sends nothing in the end), WEAK (I1b and I9 are
 * not asserted, only harm that somebody sees); with TERM MAXI MOVES CCRASH GCRASH
 * ACRASH NATT ATK RES. M_*: one rule is removed.
 */
#ifndef MAXE
#define MAXE 3			/* epochs 1..MAXE */
#endif
#ifndef LEASED
#define LEASED 1		/* gateway 0 has a lease, gateway 1 an operator */
#endif
#ifndef NV
#define NV 1
#endif
#ifndef MAXI
#define MAXI 2			/* incarnations of each gateway */
#endif
#ifndef MOVES
#define MOVES 1			/* the VM moves */
#endif
#ifndef CCRASH
#define CCRASH 1
#endif
#ifndef GCRASH
#define GCRASH 1
#endif
#ifndef ACRASH
#define ACRASH 1
#endif
#ifndef NATT
#define NATT 1			/* verifications begun per epoch */
#endif
#ifndef ATK
#define ATK 1			/* forged transfers */
#endif
#ifndef RES
#define RES 0			/* epochs kept for when the world is quiet */
#endif
#ifdef MODE_D
#define MODE 1
#else
#define MODE 0
#endif

#define ATT	2		/* the hostile gateway */

/* enum own_gw_state. PENDING is NONE: it only says no where NONE may be silent.
 * RESUMING is FROZEN like MOVING_OUT, which may ask to resume at any moment.
 */
#define NONE	0
#define MIN	1
#define SUSP	2
#define ACT	3
#define FROZEN	4
#define RELS	5
/* enum own_ctl_state */
#define FREE	0
#define QUAR	1
#define GRNT	2
#define VDST	3
#define VSRC	4
#define REVK	5
#define GRANTED		(cst >= GRNT)
#define VERIFYING	(cst >= VDST)

/* The record. Durable: cst (verifying as GRNT), cown, cep, cvm, fenced, incarnations. */
byte cst, cown, cep;
bit  cvm;			/* which VM; with NV 2 */
byte cto;			/* r->dst */
byte yes;			/* 1 + who answered; a new question ends it: it has another nonce (P10) */
bit  fenced[2], cl[2];

/* The gateways: kernel and agent. */
byte gst[2], gep[2];
byte gfl[2];			/* the kernel's floor */
byte gsl[2];			/* slot of the honest peer: epoch that waits */
bit  gah[2];			/* a forged transfer sits in the hostile one's slot */
bit  gup[2], gl[2];

/* Messages on their way, of the current incarnations and, but for grants and
 * transfers, of the current epoch: no other passes a guard any more.
 */
short mGRANT, mXFER;		/* by gateway and epoch */
bit  mNAT[2], mNAT2;		/* NATREQ; of the second VM */
bit  mMIGS, mMIGD, mREL;
/* Ghosts. */
byte gown[MAXE + 1];		/* I6: 1 + the gateway that epoch was granted to */
bit  late, latevm;		/* I3: packets of an earlier VM are still on their way */

#ifdef TERM
bit  quiet;			/* no more faults, attacks, moves, wrong orders */
bit  perm[2], todo[2];		/* dead for ever; on the operator's list of that gateway */
byte cinc[2], gxf[2];		/* incarnation; floor of the honest peer's slot */
byte vmloc, moves, cn, ccr, gcr, acr, natk;
#define QUIET		quiet
#define BUDGET(x, max)	(!quiet && x < max)
#define SPEND(x)	x++
#define PERM(g)		perm[g]
#define MAYREGISTER(g)	(!perm[g] && cinc[g] < MAXI)
#define REREGISTERS(g)	(!gl[g] || !gup[g])
#define GXF(g)		gxf[g]
#define EPL		(quiet -> MAXE : MAXE - RES)
#else
#define QUIET		0
#define BUDGET(x, max)	(1)
#define SPEND(x)	skip
#define PERM(g)		(0)
#define MAYREGISTER(g)	(1)
#define REREGISTERS(g)	(1)
#define GXF(g)		0
#define EPL		MAXE
#endif
#ifdef M_P9_ANY_EPOCH
bit  oldrel[2];
#endif
#ifdef M_P9_ANY_INCARNATION
bit  oldrel[2];
#endif
#ifdef M_P8_UNSAVED
byte pst, pown, pep;
#define SAVE	pst = cst; pown = cown; pep = cep
#else
#define SAVE	skip
#endif

#define BX(g, e)	(1 << ((g) * MAXE + (e) - 1))
#define ALLX(g)		(((1 << MAXE) - 1) << ((g) * MAXE))
#define T(g)		(gup[g] && gl[g] && gst[g] == ACT)
#define ALIVE(g)	(gup[g] && gl[g])
#define HASLEASE(g)	((LEASED >> (g)) & 1)
/* Where the mapping's VM is. The second one is at gateway 1 and stays. */
#if NV > 1
#define HERE(g)		(!cvm || (g) == 1)
#else
#define HERE(g)		(1)
#endif
#ifdef CONN
#define VMAT(g)		(vmloc == (g))
/* left_for, as the orchestrator said: anything before, the truth when quiet */
#define LEFT(g)		(!quiet || vmloc != (g))
#else
#define VMAT(g)		(1)
#define LEFT(g)		(!QUIET)
#endif

/* env->gw: rn_gateway_refresh (daemon/controller/gateway.c) */
#define OVER(g)		(fenced[g] || (HASLEASE(g) && !cl[g]))
#define KNOWN(g)	(!fenced[g])		/* ctl_message: registered */
#ifdef M_P13_TO_DEAD
#define MAYTAKE(d)	(1)
#else
#define MAYTAKE(d)	(!OVER(d))		/* ctl_may_take */
#endif

/* ---- invariants, after every event ---- */
#define CLAIM(name, cond) \
	if :: !(cond) -> printf(name); assert(false) :: else -> skip fi
#ifdef WEAK
#define STRICT(name, cond)	skip
#else
#define STRICT(name, cond)	CLAIM(name, cond)
#endif
inline check() {
	if
	:: T(0) || T(1) ->
		CLAIM("BROKEN I1\n", !(T(0) && T(1)));
		CLAIM("BROKEN I3\n", GRANTED);
		STRICT("BROKEN I1b\n", !T(0) || (cown == 0 && cep == gep[0]));
		STRICT("BROKEN I1b\n", !T(1) || (cown == 1 && cep == gep[1]));
#if NV > 1
		CLAIM("BROKEN I3\n", !late || latevm == cvm)
#else
		skip
#endif
	:: else -> skip
	fi;
	STRICT("BROKEN I9\n", (!gl[0] || cl[0]) && (!gl[1] || cl[1]))
}

/* ---- mutants as macros ---- */
#ifdef M_P16_SKEW		/* HELLO does not compare: each waits for the other's report */
#define SENDS_S(g)	((g) == 1)
#define SENDS_D(g)	((g) == 1)
#else
#ifdef BOTH			/* both report and both are taken: no mutant, see README.md */
#define SENDS_S(g)	(1)
#define SENDS_D(g)	(1)
#else
#define SENDS_S(g)	(MODE == 0)
#define SENDS_D(g)	(MODE == 1)
#endif
#endif
#ifdef BOTH
#define TAKES(m)	(1)
#else
#define TAKES(m)	(MODE == (m))
#endif
#ifdef M_P1_NO_FLOOR		/* a grant is taken whatever was promised */
#define FLOOR(g)	0
#else
#define FLOOR(g)	gfl[g]
#endif
#ifdef M_P2_OPTIMISTIC		/* the destination translates what it was sent */
#define TAKEN(g, e)	gst[g] = ACT; gep[g] = e; gfl[g] = e
#else
#define TAKEN(g, e)	gst[g] = MIN
#endif
#ifdef M_P3_NO_FREEZE		/* the promise leaves, the kernel is not asked */
#define STOPPED(g)	skip
#define NOTYET(g)	(!(mXFER & BX(g, gep[g])))
#else
#define STOPPED(g)	gst[g] = FROZEN
#define NOTYET(g)	(1)
#endif
#ifdef M_P3_RELEASE_FIRST	/* the release is asked for before the freeze */
#define IDLE_TO		ACT
#define IDLE_IF		(!mREL)
#else
#define IDLE_TO		RELS
#define IDLE_IF		(1)
#endif
#ifdef M_P3_NO_FLOOR		/* a promise of who holds nothing, without a floor */
#define RAISE(g, e)	skip
#else
#define RAISE(g, e)	gfl[g] = (gfl[g] > (e) -> gfl[g] : (e))
#endif
#ifdef M_P9_ANY_EPOCH		/* a release of the owner counts, of whatever epoch */
#define RELHERE		(mREL || oldrel[cown])
#define OLDREL		oldrel[cown] = oldrel[cown] || mREL
#else
#define OLDREL		skip
#ifdef M_P9_ANY_INCARNATION
#define RELHERE		(mREL || oldrel[cown])
#else
#define RELHERE		mREL
#endif
#endif
#ifdef M_P10_UNBOUND		/* a yes names neither question nor destination */
#define BOUND		(1)
#define NEWNONCE	skip
#else
#define BOUND		(cto != ATT)
#ifdef NO_NONCE			/* no mutant, see README.md */
#define NEWNONCE	skip
#else
#define NEWNONCE	yes = 0
#endif
#endif
#ifdef M_P14_UNFENCED		/* silence is enough */
#define OFF(g)		(1)
#else
#define OFF(g)		OVER(g)
#endif
#ifdef M_P14_UNORDERED		/* the claimant's word is enough */
#define ORDERED		(1)
#else
#define ORDERED		(cto != ATT)
#endif
#ifdef M_P15_NO_QUARANTINE
#define QUARANTINED	(0)
#else
#define QUARANTINED	(cst == QUAR)
#endif
#ifdef M_P12_ONE_SLOT		/* one transfer at most, the higher epoch wins */
#define SLOTFREE(g)	(!gah[g])
#define FORGED_ENDS(g)	(!QUIET)
#else
#define SLOTFREE(g)	(1)
#define FORGED_ENDS(g)	(1)
#endif
#ifdef M_VDST_GRANT		/* the source is granted its epoch while the destination is asked */
#define REGRANT		GRANTED
#else
#define REGRANT		(GRANTED && cst != VDST)
#endif

/* ---- the controller's decisions ---- */

/* ctl_send_grant */
inline grant() {
	CLAIM("BROKEN I6\n", gown[cep] == 0 || gown[cep] == 1 + cown);
	gown[cep] = 1 + cown;
	mGRANT = mGRANT | BX(cown, cep)
}

/* What is on its way about the epoch before passes no guard any more. */
inline forgotten() { mMIGS = 0; mMIGD = 0; OLDREL; mREL = 0 }

/* ctl_settle */
inline settle() { cst = GRNT; cto = 0; NEWNONCE }

/* ctl_switch, and what on_allocate has of it */
inline switchto(d) {
	CLAIM("BROKEN I8\n", (d) != ATT);
	SAVE;
	forgotten();
	cep++; cown = d;
#ifdef TERM
	cn = 0; todo[1 - cown] = 0;
#endif
	settle();
	yes = 0;
	grant()
}

/* ctl_release; for one VM a quarantined address is a free one */
inline release() {
	SAVE;
#if NV > 1
	cst = QUAR; late = 1; latevm = cvm;
#else
	cst = FREE;
#endif
	cto = 0; yes = 0;
#ifdef TERM
	cn = 0; todo[0] = 0; todo[1] = 0;
#endif
	forgotten()
}

/* ctl_verify */
inline verify(state, d) { cst = state; cto = d; NEWNONCE; SPEND(cn) }

#ifdef GAP_P13_LATE_FENCE	/* see README.md: what the dead one was to get is forgotten */
#define LISTED_TOO(g)	(0)
#else
#define LISTED_TOO(g)	(VERIFYING && cto == g)
#endif
/* A lease is over, or an operator fenced: he goes through what it has and was to get. */
inline listed(g) {
#ifdef TERM
	todo[g] = todo[g] || (GRANTED && (cown == g || LISTED_TOO(g)))
#else
	skip
#endif
}

/* ---- the gateway's ---- */

/* promote: the next transfer that waits takes the place; or NONE */
inline promote(g) {
	gep[g] = 0;
	gsl[g] = (gsl[g] > gfl[g] -> gsl[g] : 0);
	gst[g] = (gsl[g] || gah[g] -> MIN : NONE)
}

/* FREEZE-OUT, frozen_out: stop, then tell */
inline freeze_out(g) {
	STOPPED(g);
	mXFER = mXFER | BX(g, gep[g]);
	mMIGS = mMIGS || (SENDS_S(g) && cown == g && cep == gep[g])
}

/* ---- time-outs that do not fire once the world is quiet and the peer will answer ---- */
#ifdef CONN
#define CALM		(SETTLED(0) && SETTLED(1))
#define WILLBE(h)	(ALIVE(h) || MAYREGISTER(h))
#define WILLHOLD(h)	(WILLBE(h) && gst[h] != ACT && (gsl[h] == cep || \
	(!(gst[h] >= FROZEN && cep <= gep[h]) && SLOTFREE(h) && cep > gfl[h] && cep > gxf[h] && \
	 (mXFER & BX(cown, cep)))))
#define TMO_S		(!quiet || !WILLHOLD(cto))
#define TMO_D		(!quiet || cto == ATT || vmloc == cown)
#define TMO_T		(!quiet || (!ALIVE(cown) && cto == vmloc))
/* A report of it is on its way, or will be. */
#define REPORTED(g)	(TAKES(0) -> mMIGS : (mXFER & BX(g, gep[g])))
#define TMO_R(g)	(!quiet || vmloc == (g) || !WILLBE(1 - (g)) || !REPORTED(g))
#define TMO_I		(!quiet)
#define TMO_C		(!quiet || !WILLBE(cown))
#define TMO_H(g)	(!quiet || gsl[g] != cep || !GRANTED)
#define CANVERIFY	(cep < EPL && cst == GRNT && (cn < NATT || quiet))
#else
#define CALM		(1)
#define TMO_S		(1)
#define TMO_D		(1)
#define TMO_T		(1)
#define TMO_R(g)	(1)
#define TMO_I		(1)
#define TMO_C		(1)
#define TMO_H(g)	(1)
#ifdef TERM
#define CANVERIFY	(cep < EPL && cst == GRNT && cn < NATT)
#else
#define CANVERIFY	(cep < EPL && cst == GRNT)
#endif
#endif
#ifdef SILENT
#define TALKS		(!quiet)
#else
#define TALKS		(1)
#endif

/* ---- events of gateway g ---- */
#define GW_EVENTS(g) \
/* on_miss, NONE; send_moving_in: the VM's request goes out beside a transfer too */ \
:: d_step { gup[g] && gl[g] && gst[g] <= MIN && VMAT(g) && TALKS && !mNAT[g] -> \
	printf("EV miss: g%d asks\n", g); mNAT[g] = 1 } \
/* gw_left, on_move, ACTIVE: told that the VM is at the other gateway */ \
:: d_step { gup[g] && gst[g] == ACT && LEFT(g) && gep[g] < EPL && NOTYET(g) -> \
	printf("EV left: g%d freezes e%d\n", g, gep[g]); freeze_out(g); check() } \
/* own_gw_step IDLE and RELEASE, frozen_rel */ \
:: d_step { gup[g] && gl[g] && gst[g] == ACT && TMO_I && IDLE_IF -> \
	printf("EV idle: g%d releases e%d\n", g, gep[g]); \
	gst[g] = IDLE_TO; mREL = mREL || (cown == g && cep == gep[g]); check() } \
/* frozen_rel: a packet came between, so resume */ \
:: d_step { gup[g] && gl[g] && gst[g] == ACT && TMO_I && gep[g] < EPL -> \
	printf("EV idle, but used: g%d e%d\n", g, gep[g]); gst[g] = FROZEN; check() } \
/* on_time T_move, on_xfer_ack, on_deny; on_resume (controller_msg.c): a new epoch (P4) */ \
:: d_step { gup[g] && KNOWN(g) && gst[g] == FROZEN && cown == g && cep == gep[g] && \
	cst == GRNT && cep < EPL && TMO_R(g) -> \
	printf("EV resume: g%d e%d\n", g, cep + 1); switchto(g); check() } \
/* on_over, on_deny, RELOK, gw_forget: that epoch is over; DELETE is a promise too */ \
:: d_step { gup[g] && (gst[g] == SUSP || gst[g] >= FROZEN) && (cep != gep[g] || cown != g || !GRANTED) -> \
	printf("EV over: g%d forgets e%d\n", g, gep[g]); \
	gfl[g] = (gfl[g] > gep[g] -> gfl[g] : gep[g]); promote(g); check() } \
/* gw_slot_over: T_hold, STALE, NEVER, DENY of a report */ \
:: d_step { gup[g] && gsl[g] && TMO_H(g) -> \
	printf("EV slot of g%d over: e%d\n", g, gsl[g]); SLOTFLOOR(g); gsl[g] = 0; \
	if :: (gst[g] == MIN) -> promote(g) :: else -> skip fi; check() } \
:: d_step { gup[g] && gah[g] && FORGED_ENDS(g) -> \
	printf("EV forged slot of g%d over\n", g); gah[g] = 0; \
	if :: (gst[g] == MIN) -> promote(g) :: else -> skip fi; check() } \
/* OWN_GW_EV_FLUSHED: what no grant confirmed; the floor is none */ \
:: d_step { gup[g] && gst[g] == SUSP -> \
	printf("EV flush: g%d drops e%d\n", g, gep[g]); gst[g] = NONE; gep[g] = 0; check() } \
/* gw_on_xfer: a forged one, of any epoch */ \
:: d_step { BUDGET(natk, ATK) && gup[g] && gst[g] != ACT && gst[g] != SUSP && !gah[g] -> \
	printf("EV forged XFER to g%d\n", g); SPEND(natk); gah[g] = 1; FORGED_IN(g); \
	if :: (gst[g] == NONE) -> gst[g] = MIN :: else -> skip fi; check() } \
/* on_adopt: the agent is killed and starts again, the kernel's table stays */ \
:: d_step { BUDGET(acr, ACRASH) && gup[g] && (gst[g] == MIN || gsl[g] || gah[g]) -> \
	printf("EV agent of g%d restarts\n", g); SPEND(acr); \
	gsl[g] = 0; gah[g] = 0; AGENTLOST(g); \
	if :: (gst[g] == MIN) -> gst[g] = NONE :: else -> skip fi; check() } \
M_THAW(g)

#ifdef TERM
#define SLOTFLOOR(g)	gxf[g] = (gxf[g] > gsl[g] -> gxf[g] : gsl[g])
#define AGENTLOST(g)	gxf[g] = 0
#else
#define SLOTFLOOR(g)	skip
#define AGENTLOST(g)	skip
#endif
#ifdef M_P12_ONE_SLOT
#define FORGED_IN(g)	gsl[g] = 0
#else
#ifdef M_P12_ONE_FLOOR		/* what a peer claims raises the floor of grants */
#define FORGED_IN(g)	gfl[g] = MAXE
#else
#define FORGED_IN(g)	skip
#endif
#endif
#ifdef M_P4_THAW		/* the source resumes by itself when nobody answers */
#define M_THAW(g) \
:: d_step { gup[g] && gst[g] == FROZEN -> printf("EV MUTANT g%d un-freezes\n", g); gst[g] = ACT; check() }
#else
#ifdef M_P1_ABORT		/* a refusal un-freezes: it may be of an earlier report */
bit  aborted;
#define M_THAW(g) \
:: d_step { gup[g] && gst[g] == FROZEN && aborted && cown == g && cep == gep[g] -> \
	printf("EV MUTANT a refusal lets g%d go on at e%d\n", g, cep); gst[g] = ACT; check() }
#else
#define M_THAW(g)
#endif
#endif

/* The same for one epoch. */
#define GW_EPOCH(g, e) \
/* on_grant, installed; kernel: rnat_control_new */ \
:: d_step { gup[g] && (mGRANT & BX(g, e)) && (e) > FLOOR(g) && \
	!(gst[g] >= ACT && (e) <= gep[g]) && !(gst[g] == SUSP && (e) < gep[g]) -> \
	printf("EV install: g%d e%d\n", g, e); \
	gst[g] = ACT; gep[g] = e; gfl[g] = e; gsl[g] = 0; gah[g] = 0; check() } \
/* gw_on_xfer, gw_held, gw_send_slots */ \
:: d_step { gup[g] && gst[g] != ACT && gst[g] != SUSP && (mXFER & BX(1 - (g), e)) && \
	!(gst[g] >= FROZEN && (e) <= gep[g]) && (e) > gfl[g] && (e) > GXF(g) && (e) > gsl[g] && SLOTFREE(g) -> \
	printf("EV hold: g%d e%d\n", g, e); \
	gsl[g] = e; \
	if :: (gst[g] == NONE) -> TAKEN(g, e) :: else -> skip fi; \
	mMIGD = mMIGD || (SENDS_D(g) && cown != g && cep == e); check() }

/* What is said about the record's epoch. */
#define GW_CURRENT(g) \
/* on_grant, installed -ESTALE, send_gone (P11) */ \
M_GONE(g) \
/* on_move, NONE; installed, no room; floor_set: promise, then gone */ \
:: d_step { gup[g] && gst[g] != ACT && (gst[g] < SUSP || gep[g] < cep) && GRANTED && cown == g && \
	KNOWN(g) && LEFT(g) && !mREL -> \
	printf("EV g%d has nothing of e%d, or no room: gone\n", g, cep); \
	RAISE(g, cep); mREL = 1; check() } \
/* gw_on_verify_dst, answer_asked */ \
:: d_step { cst == VDST && cto == g && gup[g] && gst[g] != ACT && gsl[g] == cep && yes != 1 + g -> \
	printf("EV g%d: yes, I hold e%d\n", g, cep); yes = 1 + g; check() } \
/* on_verify_src: frozen at that epoch, or translating and the VM left */ \
:: d_step { cst >= VSRC && cto != ATT && cown == g && gup[g] && gst[g] >= SUSP && gep[g] == cep && yes != 1 + g && \
	(gst[g] == FROZEN || LEFT(g)) && (gst[g] != ACT || NOTYET(g)) -> \
	printf("EV g%d: yes, I gave up e%d\n", g, cep); \
	if :: (gst[g] <= ACT) -> gfl[g] = cep; freeze_out(g) :: else -> skip fi; \
	yes = 1 + g; check() } \
/* on_verify_src, floor_set: has nothing of that epoch, and never will */ \
:: d_step { cst >= VSRC && cto != ATT && cown == g && gup[g] && gst[g] != ACT && (gst[g] < SUSP || gep[g] < cep) && \
	yes != 1 + g && LEFT(g) -> \
	printf("EV g%d: yes, I have nothing of e%d\n", g, cep); \
	RAISE(g, cep); yes = 1 + g; \
	if :: (gst[g] == MIN && gsl[g]) -> SLOTFLOOR(g); gsl[g] = 0; promote(g) \
	   :: (gst[g] == MIN && gah[g]) -> gah[g] = 0; promote(g) \
	   :: (gst[g] >= SUSP) -> promote(g) \
	   :: (gst[g] == NONE) -> skip \
	fi; check() }

#ifdef M_P11_NO_GONE
#define M_GONE(g)
#else
#define M_GONE(g) \
:: d_step { gup[g] && gst[g] <= MIN && GRANTED && cown == g && cep <= gfl[g] && (mGRANT & BX(g, cep)) && !mREL -> \
	printf("EV gone: g%d answers the grant of e%d\n", g, cep); mREL = 1; check() }
#endif

/* ---- events of the controller ---- */
#define CTL_EVENTS \
/* on_time unacked, INVENTORY_END, on_natreq of the owner, ctl_settle: the grant again */ \
:: d_step { REGRANT && KNOWN(cown) && !(mGRANT & BX(cown, cep)) -> \
	printf("EV ctl grants again: e%d to g%d\n", cep, cown); grant(); check() } \
/* on_mig_s: reported by the source */ \
:: d_step { TAKES(0) && CANVERIFY && KNOWN(cown) && MAYTAKE(1 - cown) && mMIGS -> \
	printf("EV ctl: MIG_S e%d of g%d\n", cep, cown); verify(VDST, 1 - cown); check() } \
/* on_mig_d: reported by the destination */ \
:: d_step { TAKES(1) && CANVERIFY && KNOWN(1 - cown) && MAYTAKE(1 - cown) && mMIGD && WANTED(1 - cown) -> \
	printf("EV ctl: MIG_D e%d of g%d\n", cep, 1 - cown); verify(VSRC, 1 - cown); check() } \
/* on_natreq of another; on_takeover: ask the owner, whoever ordered it */ \
:: d_step { CANVERIFY && KNOWN(1 - cown) && MAYTAKE(1 - cown) && HERE(1 - cown) && \
	((mNAT[1 - cown] && WANTED(1 - cown)) || TAKEOVER(1 - cown)) -> \
	printf("EV ctl: g%d wants e%d of g%d\n", 1 - cown, cep, cown); verify(VSRC, 1 - cown); check() } \
/* on_natreq, on_mig_d of the hostile gateway */ \
:: d_step { !QUIET && CANVERIFY -> printf("EV hostile claim of e%d\n", cep); verify(VSRC, ATT); check() } \
/* on_verified: yes, to the one that it names (P10) */ \
:: d_step { cst == VDST && KNOWN(cto) && yes == 1 + cto -> \
	printf("EV ctl: destination yes, g%d e%d\n", cto, cep + 1); switchto(cto); check() } \
:: d_step { cst >= VSRC && KNOWN(cown) && yes == 1 + cown && BOUND -> \
	printf("EV ctl: source yes, g%d e%d\n", cto, cep + 1); switchto(cto); check() } \
/* verification_over, on_verified no: the source is frozen, the next epoch is its */ \
:: d_step { cst == VDST && TMO_S -> \
	printf("EV ctl: destination no, back to g%d e%d\n", cown, cep + 1); RETURNED; check() } \
/* the same, and give_way: the source never stopped */ \
:: d_step { cst == VSRC && TMO_D -> \
	printf("EV ctl: source no, stays g%d e%d\n", cown, cep); settle(); check() } \
/* verification_over: silent, and the orchestrator ordered it */ \
:: d_step { cst == VSRC && ORDERED && TMO_T -> printf("EV ctl: g%d silent, revoking\n", cown); cst = REVK; check() } \
/* verification_over, on_verified no, give_way */ \
:: d_step { cst == REVK && !QUIET -> printf("EV ctl: revoking given up\n"); settle(); check() } \
/* on_fenced, verification_over, on_takeover: fenced or lease over (P14) */ \
:: d_step { cst >= VSRC && ORDERED && cep < EPL && OFF(cown) && TMO_T -> \
	printf("EV ctl takes over: g%d to g%d e%d\n", cown, cto, cep + 1); switchto(cto); check() } \
:: d_step { (cst == GRNT || cst == VDST) && cep < EPL && OFF(cown) && MAYTAKE(1 - cown) && HERE(1 - cown) && \
	TAKEOVER(1 - cown) -> \
	printf("EV ctl takes over: g%d to g%d e%d\n", cown, 1 - cown, cep + 1); switchto(1 - cown); check() } \
/* on_rel: owner, epoch and incarnation (P9) */ \
:: d_step { (cst == GRNT || cst >= VSRC) && KNOWN(cown) && RELHERE && KEEPS -> \
	printf("EV ctl releases e%d of g%d\n", cep, cown); CLAIM("BROKEN I4\n", mREL); release(); check() } \
/* the same, ordered away: as good as moved */ \
:: d_step { cst == GRNT && KNOWN(cown) && RELHERE && cep < EPL && MAYTAKE(1 - cown) && HERE(1 - cown) && \
	ORDER(1 - cown) -> \
	printf("EV ctl: gone, ordered to g%d e%d\n", 1 - cown, cep + 1); switchto(1 - cown); check() } \
:: d_step { cst >= VSRC && KNOWN(cown) && RELHERE && cep < EPL && RELEASE_IS_YES && ORDER(cto) -> \
	printf("EV ctl: release is a yes, g%d e%d\n", cto, cep + 1); switchto(cto); check() } \
/* OWN_CTL_EV_RECLAIM: the operator goes through his list */ \
:: d_step { cst == GRNT && OFF(cown) && RECLAIMABLE && TMO_C -> \
	printf("EV ctl reclaims e%d of g%d\n", cep, cown); release(); check() } \
M_RELEASE_ATTACK M_BELIEVE M_STRANGER

#ifdef CONN
#define WANTED(h)	(!quiet || vmloc == (h))
/* An order stands to where the VM is; to take over only if the owner is silent. */
#define ORDER(h)	(!quiet || vmloc == (h))
#define TAKEOVER(h)	(!quiet || (vmloc == (h) && !ALIVE(cown)))
#define KEEPS		(!quiet || vmloc == cown || cep == MAXE)
#else
#define WANTED(h)	(1)
#define ORDER(h)	(!QUIET)
#define TAKEOVER(h)	(!QUIET)
#define KEEPS		(1)
#endif
#ifdef TERM
#define RECLAIMABLE	todo[cown]
#else
#define RECLAIMABLE	(1)
#endif
#ifdef M_RELEASE_IS_YES		/* to whoever claims at that moment */
#define RELEASE_IS_YES	(1)
#else
#define RELEASE_IS_YES	(cto != ATT)
#endif
#ifdef M_P1_ABORT
#define RETURNED	settle(); aborted = 1
#else
#define RETURNED	switchto(cown)
#endif
#ifdef M_P9_ANY_OWNER		/* the release attack */
#define M_RELEASE_ATTACK \
:: d_step { cst == GRNT -> printf("EV MUTANT hostile release of e%d\n", cep); release(); check() }
#else
#define M_RELEASE_ATTACK
#endif
#ifdef M_P10_NO_VERIFY		/* the report is believed */
#define M_BELIEVE \
:: d_step { cst >= VSRC && cep < EPL -> printf("EV MUTANT believes g%d\n", cto); switchto(cto); check() }
#else
#define M_BELIEVE
#endif
#ifdef M_NONE_YES		/* who holds nothing says yes to anybody */
#define M_STRANGER \
:: d_step { cst == VSRC && gup[cown] && gst[cown] == NONE -> \
	printf("EV MUTANT g%d has nothing: yes to g%d\n", cown, cto); switchto(cto); check() }
#else
#define M_STRANGER
#endif

/* on_allocate, behind may_ask (daemon/controller/core.c), own_ctl_rec_available */
#define ALLOC(g) \
:: d_step { !GRANTED && MAYTAKE(g) && cep < EPL && mNAT[g] && ALLOC_IF(g) && (!cvm || !QUARANTINED) -> \
	printf("EV ctl allocates: g%d e%d\n", g, cep + 1); \
	cvm = 0; switchto(g); check() }
#ifdef CONN
#define ALLOC_IF(g)	(!quiet || vmloc == (g))
#else
#define ALLOC_IF(g)	(1)
#endif
#define SECOND_VM \
:: d_step { gup[1] && gl[1] && !mNAT2 -> printf("EV miss of the second VM at g1\n"); mNAT2 = 1; check() } \
:: d_step { !GRANTED && MAYTAKE(1) && cep < EPL && mNAT2 && (cvm || !QUARANTINED) -> \
	printf("EV ctl allocates for the second VM: g1 e%d\n", cep + 1); \
	cvm = 1; switchto(1); check() } \
:: d_step { cst == QUAR -> printf("EV quarantine over\n"); cst = FREE; late = 0; check() }

/* ---- events of a machine ---- */
#ifdef M_P6_EARLY		/* the controller does not wait for the gateway's clock */
#define LEASE_ENDED(g)	(1)
#else
#ifdef M_P7_SHORTER_TERM	/* see README.md: it started again with a shorter term */
bit  shorter;
#define LEASE_ENDED(g)	(!gl[g] || shorter)
#else
#define LEASE_ENDED(g)	(!gl[g])
#endif
#endif
#ifdef M_P6_RENEW		/* a lease that ran out is renewed */
#define M_RENEW(g) \
:: d_step { HASLEASE(g) && gup[g] && !gl[g] && KNOWN(g) -> \
	printf("EV MUTANT g%d renews a lapsed lease\n", g); gl[g] = 1; cl[g] = 1; check() }
#else
#define M_RENEW(g)
#endif
#define REFUSED(g)	(cst == REVK && cown == g)	/* on_renew: gw->revoking (P6) */

/* What an incarnation said and was told ends with it (P5). */
inline reincarnate(g) {
#ifndef M_P5_NO_INCARNATION
#ifndef M_P5_GRANT
	mGRANT = mGRANT & ~ALLX(g);
#endif
#ifndef M_P5_REPORT
	mMIGS = mMIGS && cown != g;
	mMIGD = mMIGD && cown == g;
	yes = (yes == 1 + g -> 0 : yes);
#endif
#ifdef M_P9_ANY_INCARNATION
	oldrel[g] = oldrel[g] || (mREL && cown == g);
#endif
	mREL = mREL && cown != g;
#endif
	mNAT[g] = 0;
	if :: (g == 1) -> mNAT2 = 0 :: else -> skip fi
}

/* on_suspend: the kernel's table waits to be confirmed */
inline suspend(g) {
#ifdef M_P5_NO_SUSPEND		/* registers while it translates */
	if :: (gst[g] == MIN) -> gst[g] = NONE :: else -> skip fi;
#else
	gst[g] = (gst[g] >= SUSP -> SUSP : NONE);
#endif
	gfl[g] = 0; gsl[g] = 0; gah[g] = 0;
#ifdef TERM
	gxf[g] = 0;
#endif
}

inline registers(g) {
	suspend(g);
	reincarnate(g);
	gl[g] = 1; cl[g] = 1; gup[g] = 1; fenced[g] = 0;
#ifdef TERM
	cinc[g]++;
	todo[g] = 0;
#endif
	if :: (cst == REVK && cown == g) -> switchto(cto) :: else -> skip fi
}

#define NODE_EVENTS(g) \
/* power, panic, module gone */ \
:: d_step { BUDGET(gcr, GCRASH) && gup[g] -> printf("EV g%d crashes\n", g); \
	SPEND(gcr); gup[g] = 0; gl[g] = !HASLEASE(g); \
	gst[g] = NONE; gep[g] = 0; gfl[g] = 0; gsl[g] = 0; gah[g] = 0; AGENTLOST(g); check() } \
/* kernel: the lease ends; cut off, or its renewal was refused (P6) */ \
:: d_step { HASLEASE(g) && gl[g] && gup[g] && (!QUIET || REFUSED(g)) -> \
	printf("EV lease of g%d ends\n", g); gl[g] = 0; check() } \
:: d_step { HASLEASE(g) && cl[g] && LEASE_ENDED(g) -> \
	printf("EV lease of g%d ends at ctl\n", g); cl[g] = 0; listed(g); check() } \
/* rn_core_fence: an operator says that it is off, and it is */ \
:: d_step { !gup[g] && !fenced[g] -> \
	printf("EV g%d fenced\n", g); fenced[g] = 1; listed(g); check() } \
/* start_registration, rn_core_register, on_registered: suspended first, then a new incarnation */ \
:: d_step { MAYREGISTER(g) && REREGISTERS(g) -> \
	printf("EV g%d registers\n", g); registers(g); check() } \
M_RENEW(g)

inline ctlcrash() {
#ifdef M_P7_SHORTER_TERM
	shorter = 1;
#endif
#ifdef M_P8_UNSAVED		/* the answer leaves before the record is on disk */
	if :: (pep != cep || pst != cst) -> cst = pst; cown = pown; cep = pep :: else -> skip fi;
#endif
	if :: VERIFYING -> settle() :: else -> skip fi;
#ifdef M_P7_FORGET
	cl[0] = !HASLEASE(0); cl[1] = !HASLEASE(1)
#else
	cl[0] = 1; cl[1] = 1
#endif
}

#define SETTLED(g)	(ALIVE(g) || PERM(g) || !MAYREGISTER(g))
#define CLEAR(g)	(!ALIVE(g) || (gst[g] == NONE && !gsl[g] && !gah[g]))
#ifdef CONN
#ifdef SILENT
#define GOOD		(!ALIVE(vmloc) || T(vmloc) || !GRANTED)
#else
#define GOOD		(!ALIVE(vmloc) || T(vmloc))
#endif
#define GOODNAME	"BROKEN I10\n"
#else
#define GOOD		(cst == FREE && CLEAR(0) && CLEAR(1))
#define GOODNAME	"BROKEN I2\n"
#endif

active proctype sys()
{
	d_step {
		cl[0] = 1; cl[1] = 1; gl[0] = 1; gl[1] = 1; gup[0] = 1; gup[1] = 1
#ifdef TERM
		; cinc[0] = 1; cinc[1] = 1
#endif
	}
	do
	GW_EVENTS(0) GW_EVENTS(1)
	GW_EPOCH(0, 1) GW_EPOCH(1, 1)
#if MAXE > 1
	GW_EPOCH(0, 2) GW_EPOCH(1, 2)
#endif
#if MAXE > 2
	GW_EPOCH(0, 3) GW_EPOCH(1, 3)
#endif
#if MAXE > 3
	GW_EPOCH(0, 4) GW_EPOCH(1, 4)
#endif
#if MAXE > 4
	GW_EPOCH(0, 5) GW_EPOCH(1, 5)
#endif
	GW_CURRENT(0) GW_CURRENT(1)
	CTL_EVENTS
	ALLOC(0) ALLOC(1)
#if NV > 1
	SECOND_VM
#endif
	NODE_EVENTS(0) NODE_EVENTS(1)
	/* rn_core_new: what is not on disk is lost, every lease counts as fresh (P7) */
	:: d_step { BUDGET(ccr, CCRASH) -> printf("EV controller restarts\n");
		SPEND(ccr); ctlcrash(); check() }
#ifdef TERM
#ifdef CONN
	:: d_step { !quiet && moves < MOVES -> printf("EV VM moves to g%d\n", 1 - vmloc);
		moves++; vmloc = 1 - vmloc; check() }
#endif
	:: d_step { !quiet && !gup[0] && !perm[0] -> printf("EV g0 is dead for ever\n"); perm[0] = 1 }
	:: d_step { !quiet && !gup[1] && !perm[1] -> printf("EV g1 is dead for ever\n"); perm[1] = 1 }
	:: d_step { !quiet && CALM -> printf("EV the world calms down\n"); quiet = 1 }
	:: timeout -> break
#endif
	od;
#ifdef TERM
	CLAIM(GOODNAME, GOOD)
#endif
}
