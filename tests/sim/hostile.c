// SPDX-License-Identifier: GPL-2.0
/*
 * A gateway with a valid identity that says what it likes, but as itself: the
 * connection is authenticated. It knows epochs and nonces more often than it
 * could, and says again what it has seen, of itself and of others.
 */
#include "sim.h"

void sim_hostile_sees(struct sim *s, const struct rn_msg *msg)
{
	rn_msg_copy_head(&s->seen[s->n_seen++ % SIM_SEEN], msg);
}

static const uint8_t types[] = {
	RN_MSG_NATREQ, RN_MSG_MIG_S, RN_MSG_MIG_D, RN_MSG_MIG_D, RN_MSG_REL, RN_MSG_RESUME,
	RN_MSG_VERIFY_YES, RN_MSG_VERIFY_YES, RN_MSG_VERIFY_NO, RN_MSG_GRANT_ACK, RN_MSG_XFER,
	RN_MSG_XFER, RN_MSG_XFER, RN_MSG_XFER_ACK, RN_MSG_GRANT, RN_MSG_STALE, RN_MSG_NEVER,
	RN_MSG_RELOK, RN_MSG_MOVE, RN_MSG_VERIFY_SRC, RN_MSG_VERIFY_DST, RN_MSG_DENY,
};

static void forge(struct sim *s, struct rn_msg *msg)
{
	unsigned int id = 1 + sim_below(s, s->plan.ids);
	const struct own_ctl_rec *r = &s->ctl.rec[id];
	uint64_t preset = sim_chance(s, 800) ? s->plan.preset[1] : 1 + sim_below(s, 100000);
	uint64_t elapsed = sim_chance(s, 500) ? 0 : sim_below(s, (unsigned int)preset + 1);

	msg->type = types[sim_below(s, sizeof(types))];
	msg->id = id;
	msg->src = sim_chance(s, 800) ? r->owner : sim_any_honest(s);
	msg->dst = sim_chance(s, 800) ? s->hostile : sim_any_honest(s);
	msg->pub = r->pub;
	msg->vm = sim_chance(s, 800) ? r->vm : sim_vm((int)sim_below(s, s->plan.vms));
	msg->epoch = r->epoch + sim_below(s, 4) - (r->epoch ? 1 : 0);
	msg->nonce = sim_chance(s, 500) ? r->nonce : sim_random(s);
	msg->incarnation = sim_chance(s, 800) ? s->ctl.incarnation[s->hostile] :
			   s->ctl.incarnation[r->owner];
	msg->timer = (struct rn_timer){ .preset = preset, .elapsed = elapsed,
					.remaining = preset - elapsed };
	msg->timer.remaining += sim_chance(s, 50);
	if (sim_chance(s, 100))
		msg->pub.addr.b[3] = (uint8_t)(1 + sim_below(s, s->plan.ids));
}

/* All of its transfers at one VM, and where that VM is: to keep it waiting. */
static void aim(struct sim *s, struct rn_msg *msg, uint32_t *to)
{
	int vm = s->plan.target, id = sim_ctl_record_of(s, vm);

	msg->type = RN_MSG_XFER;
	msg->vm = sim_vm(vm);
	if (id) {
		msg->id = (uint64_t)id;
		msg->epoch = s->ctl.rec[id].epoch + sim_below(s, 1000);
		msg->pub = s->ctl.rec[id].pub;
	}
	msg->epoch++;
	msg->timer = (struct rn_timer){ .preset = 60000, .remaining = 60000 };
	*to = (uint32_t)s->vm_at[vm];
}

static bool for_controller(uint8_t type)
{
	return type >= RN_MSG_REGISTER && type < RN_MSG_REGISTERED;
}

void sim_hostile(struct sim *s)
{
	uint32_t to = sim_any_honest(s);
	struct rn_msg msg;

	rn_msg_clear(&msg);
	if (s->n_seen && sim_chance(s, 300)) {
		unsigned int n = s->n_seen < SIM_SEEN ? s->n_seen : SIM_SEEN;

		rn_msg_copy_head(&msg, &s->seen[sim_below(s, n)]);
		sim_count(s, hostile_replayed);
	} else {
		forge(s, &msg);
		if (s->plan.target >= 0 && sim_chance(s, 600))
			aim(s, &msg, &to);
	}
	if (!msg.vm.addr.len || sim_is_session(msg.type))
		return;
	sim_count(s, hostile_sent);
	s->deliveries++;
	sim_say(s, "hostile %s id %llu epoch %llu inc %llu src %u dst %u vm%d",
		rn_msg_type_to_string(msg.type), (unsigned long long)msg.id,
		(unsigned long long)msg.epoch, (unsigned long long)msg.incarnation, msg.src,
		msg.dst, sim_vm_number(&msg.vm));
	if (for_controller(msg.type)) {
		if (s->ctl.up && !s->ctl.paused)
			sim_ctl_message(s, s->hostile, &msg);
	} else if (s->gw[to].on && !s->gw[to].paused) {
		sim_gw_message(s, to, s->hostile, &msg);
	}
}
