// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/roamnat.h>
#include <net/if.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

_Atomic uint64_t incarnation = 1;

uint64_t below(struct worker *w, uint64_t n)
{
	uint64_t z = (w->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % n;
}

int enter_namespace(const char *name)
{
	char path[64];
	int fd, err;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = setns(fd, CLONE_NEWNET) ? -errno : 0;
	close(fd);
	return err;
}

bool connected(struct worker *w)
{
	return w->nl.fd >= 0 || !nl_open(&w->nl);
}

void start(struct worker *w, uint8_t cmd, uint16_t flags)
{
	w->out.len = 0;
	nl_begin(&w->nl, &w->out, cmd, flags);
}

int finish(struct worker *w)
{
	int err = nl_call(&w->nl, &w->out, NULL);

	/* The family has gone, or has another number now. */
	if (err == -ENOENT || err == -EOPNOTSUPP || err == -ENOBUFS)
		nl_close(&w->nl);
	return err;
}

unsigned int host_sides(unsigned int host, uint8_t *priv, uint8_t *pub)
{
	static const uint8_t priv6[16] = { 0xfd, 0, 0, 10 }, pub6[16] = { 0x20, 1, 0xd, 0xb8 };
	enum host_kind kind = kind_of(host);
	uint8_t priv4[4] = { 10, 0, kind, host }, pub4[4] = { 203, 0, 113 + kind, host };

	if (kind == HOST_SIX) {
		memcpy(priv, priv6, 16);
		memcpy(pub, pub6, 16);
		priv[15] = host;
		pub[15] = host;
		return 16;
	}
	/* All blocks are of one address. */
	if (kind == HOST_BLOCK)
		pub4[3] = 1;
	memcpy(priv, priv4, 4);
	memcpy(pub, pub4, 4);
	return 4;
}

void put_sides(struct worker *w, unsigned int host)
{
	uint8_t priv[16], pub[16];
	unsigned int len = host_sides(host, priv, pub);
	uint32_t kind = ROAMNAT_KIND_ADDRESS;

	nl_put(&w->out, ROAMNAT_A_MAPPING_PRIVATE_ADDR, priv, len);
	nl_put(&w->out, ROAMNAT_A_MAPPING_PUBLIC_ADDR, pub, len);
	nl_put_u32(&w->out, ROAMNAT_A_MAPPING_ZONE, 1);
	if (kind_of(host) == HOST_PORT) {
		kind = ROAMNAT_KIND_PORT;
		nl_put_u32(&w->out, ROAMNAT_A_MAPPING_PROTOCOL, IPPROTO_UDP);
		nl_put_u16(&w->out, ROAMNAT_A_MAPPING_PRIVATE_PORT, htons(5000));
		nl_put_u16(&w->out, ROAMNAT_A_MAPPING_PUBLIC_PORT, htons(5000));
	} else if (kind_of(host) == HOST_BLOCK) {
		kind = ROAMNAT_KIND_BLOCK;
		nl_put_u16(&w->out, ROAMNAT_A_MAPPING_PUBLIC_PORT, htons(1024 + 64 * host));
		nl_put_u32(&w->out, ROAMNAT_A_MAPPING_PUBLIC_PORTS, 64);
	}
	nl_put_u32(&w->out, ROAMNAT_A_MAPPING_KIND, kind);
}

/* As many as fit beside the rest; a message has room for all of a block. */
static void put_bindings(struct worker *w, const struct nl_buf *from)
{
	const struct nlattr *a;
	size_t at = 0;

	while (at < from->len && (a = nl_find(from->data + at, from->len - at,
					      ROAMNAT_A_MAPPING_BINDING))) {
		at = (const uint8_t *)a - from->data + NLA_ALIGN(a->nla_len);
		nl_put(&w->out, ROAMNAT_A_MAPPING_BINDING | NLA_F_NESTED, a + 1,
		       a->nla_len - NLA_HDRLEN);
	}
}

void grant(struct worker *w, unsigned int host, uint32_t state, const struct nl_buf *bindings)
{
	static atomic_uint_fast64_t epoch = 1;
	size_t nest;

	start(w, ROAMNAT_CMD_MAPPING_NEW, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_ID, host + (below(w, 8) ? 0 : HOSTS));
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_EPOCH, ++epoch);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_INCARNATION, incarnation);
	nl_put_u32(&w->out, ROAMNAT_A_MAPPING_STATE, state);
	put_sides(w, host);
	if (bindings && kind_of(host) == HOST_BLOCK)
		put_bindings(w, bindings);
	nest = nl_nest(&w->out, ROAMNAT_A_MAPPING_TIMER);
	nl_put_u64(&w->out, ROAMNAT_A_TIMER_PRESET_MS, 300);
	nl_put_u64(&w->out, ROAMNAT_A_TIMER_ELAPSED_MS, 0);
	nl_put_u64(&w->out, ROAMNAT_A_TIMER_REMAINING_MS, 300);
	nl_nest_end(&w->out, nest);
	finish(w);
}

uint64_t epoch_of(struct worker *w, uint64_t id)
{
	const struct nlattr *a;

	start(w, ROAMNAT_CMD_MAPPING_GET, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_ID, id);
	if (nl_call(&w->nl, &w->out, &w->in))
		return 0;
	a = nl_find(w->in.data, w->in.len, ROAMNAT_A_MAPPING_EPOCH);
	return a ? nl_number(a) : 0;
}

void end_mapping(struct worker *w, uint64_t id, uint32_t state)
{
	uint64_t epoch = epoch_of(w, id);

	if (!epoch || w->nl.fd < 0)
		return;
	start(w, state ? ROAMNAT_CMD_MAPPING_FREEZE : ROAMNAT_CMD_MAPPING_DEL, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_ID, id);
	nl_put_u64(&w->out, ROAMNAT_A_MAPPING_EPOCH, epoch);
	if (state)
		nl_put_u32(&w->out, ROAMNAT_A_MAPPING_STATE, state);
	finish(w);
}

void set_session(struct worker *w, uint64_t to)
{
	start(w, ROAMNAT_CMD_SESSION_SET, NLM_F_ACK);
	nl_put_u64(&w->out, ROAMNAT_A_SESSION_INCARNATION, to);
	nl_put_u64(&w->out, ROAMNAT_A_SESSION_LEASE_END_NS, 0);
	finish(w);
}

static void put_prefix(struct worker *w, uint32_t ifindex, const uint8_t *addr, size_t size,
		       uint32_t kind)
{
	size_t nest = nl_nest(&w->out, ROAMNAT_A_INSIDE_ENTRY);

	nl_put_u32(&w->out, ROAMNAT_A_PREFIX_IFINDEX, ifindex);
	nl_put(&w->out, ROAMNAT_A_PREFIX_ADDR, addr, size);
	nl_put_u32(&w->out, ROAMNAT_A_PREFIX_LEN, size == 4 ? 24 : 64);
	nl_put_u32(&w->out, ROAMNAT_A_PREFIX_KIND, kind);
	nl_put_u32(&w->out, ROAMNAT_A_PREFIX_ZONE, 1);
	nl_nest_end(&w->out, nest);
}

void set_inside(struct worker *w, bool on)
{
	static const uint32_t kinds[] = {
		ROAMNAT_KIND_ADDRESS, ROAMNAT_KIND_PORT, ROAMNAT_KIND_BLOCK,
	};
	static const uint8_t six[16] = { 0xfd, 0, 0, 10 };
	/* The device is deleted and made again meanwhile, with another number. */
	uint32_t ifindex = if_nametoindex("in0");
	uint8_t addr[4] = { 10, 0, 0, 0 };
	unsigned int i;

	start(w, ROAMNAT_CMD_INSIDE_SET, NLM_F_ACK);
	if (on && ifindex) {
		for (i = 0; i < 3; i++) {
			addr[2] = i;
			put_prefix(w, ifindex, addr, 4, kinds[i]);
		}
		put_prefix(w, ifindex, six, 16, ROAMNAT_KIND_ADDRESS);
	}
	finish(w);
}
