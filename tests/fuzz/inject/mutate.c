// SPDX-License-Identifier: GPL-2.0
#include "mutate.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

#define ORDER_LEN 16		/* what a file of packet/fuzz.c begins with */
#define ORDER_SIX 64		/* in its first byte */

uint64_t mutate_below(struct mutate *m, uint64_t n)
{
	/* splitmix64 */
	uint64_t z = (m->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % n;
}

static bool chance(struct mutate *m, unsigned int percent)
{
	return mutate_below(m, 100) < percent;
}

/* ---- samples ---- */

static int load_file(struct mutate *m, const char *dir, const char *name)
{
	uint8_t bytes[ORDER_LEN + MUTATE_MAX];
	struct sample *s = &m->samples[m->count];
	char path[512];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	n = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	if (n < ORDER_LEN + 20)
		return 0;
	s->len = n - ORDER_LEN;
	s->six = bytes[0] & ORDER_SIX;
	s->data = malloc(s->len);
	if (!s->data)
		return -ENOMEM;
	memcpy(s->data, bytes + ORDER_LEN, s->len);
	m->count++;
	return 0;
}

int mutate_load(struct mutate *m, const char *dir)
{
	struct dirent **names;
	int i, n, err = 0;

	m->count = 0;
	n = scandir(dir, &names, NULL, alphasort);
	if (n < 0)
		return -errno;
	m->samples = calloc(n ? n : 1, sizeof(*m->samples));
	for (i = 0; i < n; i++) {
		if (!err && m->samples && names[i]->d_name[0] != '.')
			err = load_file(m, dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (!m->samples)
		return -ENOMEM;
	return err ? err : m->count ? 0 : -ENOENT;
}

void mutate_free(struct mutate *m)
{
	size_t i;

	for (i = 0; i < m->count; i++)
		free(m->samples[i].data);
	free(m->samples);
}

/* ---- how it is spoiled ---- */

static void insert(struct mutate *m, size_t at, size_t n)
{
	size_t i;

	if (m->len + n > MUTATE_MAX)
		return;
	memmove(m->packet + at + n, m->packet + at, m->len - at);
	for (i = 0; i < n; i++)
		m->packet[at + i] = mutate_below(m, 256);
	m->len += n;
}

static void erase(struct mutate *m, size_t at, size_t n)
{
	if (n > m->len - at)
		n = m->len - at;
	memmove(m->packet + at, m->packet + at + n, m->len - at - n);
	m->len -= n;
}

/* The rest is that of another sample. */
static void splice(struct mutate *m, size_t at)
{
	const struct sample *s = &m->samples[mutate_below(m, m->count)];
	size_t from = mutate_below(m, s->len), n = s->len - from;

	if (at + n > MUTATE_MAX)
		n = MUTATE_MAX - at;
	memcpy(m->packet + at, s->data + from, n);
	m->len = at + n;
}

static void spoil(struct mutate *m)
{
	static const uint16_t edges[] = { 0, 1, 5, 8, 20, 0x7fff, 0x8000, 0xffff, 0x2000, 0x1fff };
	/* Headers are in front, and what matters is in them. */
	size_t at = mutate_below(m, chance(m, 80) && m->len > 60 ? 60 : m->len);

	switch (mutate_below(m, 9)) {
	case 0:
	case 1: m->packet[at] ^= 1 << mutate_below(m, 8); break;
	case 2:
	case 3: m->packet[at] = mutate_below(m, 256); break;
	case 4:
		if (at + 2 <= m->len)
			oracle_put16(m->packet, at, edges[mutate_below(m, 10)]);
		break;
	case 5: insert(m, at, 4 * (1 + mutate_below(m, 10))); break;
	case 6: erase(m, at, 1 + mutate_below(m, 40)); break;
	case 7: m->len = at + 1; break;
	case 8: splice(m, at); break;
	}
	if (!m->len)
		m->len = 1;
}

/* ---- where it is aimed ---- */

/* Writes an address of a pool that the gateway translates, or of somebody else. */
static void put_addr(struct mutate *m, unsigned int at, bool six, bool private)
{
	uint8_t host = 1 + mutate_below(m, MUTATE_HOSTS + 2);
	uint8_t priv6[16] = { 0xfd, 0, 0, 10, [15] = host };
	uint8_t pub6[16] = { 0x20, 1, 0xd, 0xb8, [15] = host };
	uint8_t priv[4] = { 10, 0, mutate_below(m, 3), host };
	uint8_t pub[4] = { 203, 0, 113, host };

	/* Blocks share one address. */
	if (!six && mutate_below(m, 3) == 0)
		pub[3] = 200;
	if (six)
		memcpy(m->packet + at, private ? priv6 : pub6, 16);
	else
		memcpy(m->packet + at, private ? priv : pub, 4);
}

static void put_stranger(struct mutate *m, unsigned int at, bool six)
{
	uint8_t addr[4] = { 198, 51, 100, mutate_below(m, 4) };
	uint8_t addr6[16] = { 0x20, 1, 0xd, 0xb8, 0xff, [15] = mutate_below(m, 4) };

	/* Or one that is excluded. */
	if (chance(m, 10))
		addr[2] = 99;
	memcpy(m->packet + at, six ? addr6 : addr, six ? 16 : 4);
}

static void put_port(struct mutate *m, unsigned int at)
{
	if (at && chance(m, 80))
		oracle_put16(m->packet, at, chance(m, 50) ? 5000 + mutate_below(m, 4) :
			     1024 + mutate_below(m, 64 * MUTATE_HOSTS));
}

/* From a VM to a stranger, or to another VM's public address; or from a stranger. */
static void aim(struct mutate *m, bool six)
{
	const struct oracle_header *h, *q;
	struct oracle o;

	oracle_read(m->packet, 0, m->len, false, six, &o);
	h = &o.outer;
	q = &o.quote;
	if (!h->src || chance(m, 5))
		return;
	if (m->inside) {
		put_addr(m, h->src, six, true);
		if (chance(m, 25))
			put_addr(m, h->dst, six, chance(m, 10));
		else
			put_stranger(m, h->dst, six);
	} else {
		put_stranger(m, h->src, six);
		put_addr(m, h->dst, six, chance(m, 5));
	}
	put_port(m, m->inside ? h->sport : h->dport);
	/* What a session's state depends on. */
	if (h->good && h->proto == IPPROTO_TCP && h->l4 + 14 <= m->len && chance(m, 40))
		m->packet[h->l4 + 13] = mutate_below(m, 64);
	if (!q->src)
		return;
	/* An error quotes what its receiver has sent, before we translate it. */
	memcpy(m->packet + q->src, m->packet + h->dst, h->addr_len);
	memcpy(m->packet + q->dst, m->packet + h->src, h->addr_len);
	put_port(m, m->inside ? q->dport : q->sport);
}

/* ---- what a virtual device says of it ---- */

static void put_offload(struct mutate *m, bool six)
{
	const struct oracle_header *h;
	struct oracle o;

	oracle_read(m->packet, 0, m->len, false, six, &o);
	h = &o.outer;
	if (!h->good || !h->l4_check || !h->pseudo || h->more || h->kind != ORACLE_PORTS)
		return;
	m->vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	m->vnet.csum_start = h->l4;
	m->vnet.csum_offset = h->l4_check - h->l4;
	oracle_put16(m->packet, h->l4_check, oracle_pseudo_sum(m->packet, h));
	if (chance(m, 60) || (h->proto != IPPROTO_TCP && h->proto != IPPROTO_UDP))
		return;
	m->vnet.gso_type = h->proto == IPPROTO_UDP ? 5 /* UDP_L4 */ :
			   six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
	m->vnet.gso_size = 1 + mutate_below(m, 600);
	m->vnet.hdr_len = h->l4 + (h->proto == IPPROTO_UDP ? 8 : 20);
}

/* Any words at all. */
static void put_nonsense(struct mutate *m)
{
	static const uint8_t types[] = { 0, 1, 3, 4, 5, 0x80, 0x81, 0xff };

	m->vnet.flags = mutate_below(m, 8);
	m->vnet.gso_type = types[mutate_below(m, sizeof(types))];
	m->vnet.hdr_len = mutate_below(m, m->len + 8);
	m->vnet.gso_size = mutate_below(m, m->len + 8);
	m->vnet.csum_start = mutate_below(m, m->len + 8);
	m->vnet.csum_offset = mutate_below(m, 20);
}

/* What nearly all packets are, and few samples: no options, TCP or UDP. */
static void make_plain(struct mutate *m, bool six)
{
	static const uint8_t ip[20] = { 0x45, [6] = 0x40, [8] = 64 };
	static const uint8_t ip6[40] = { 0x60, [7] = 64 };
	bool tcp = chance(m, 50);
	size_t l4 = six ? sizeof(ip6) : sizeof(ip), header = tcp ? 20 : 8, i;

	memset(m->packet, 0, 80);
	memcpy(m->packet, six ? ip6 : ip, l4);
	m->packet[six ? 6 : 9] = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	m->len = l4 + header + mutate_below(m, 40);
	oracle_put16(m->packet, six ? 4 : 2, six ? m->len - l4 : m->len);
	for (i = l4; i < m->len; i++)
		m->packet[i] = mutate_below(m, 256);
	if (tcp)
		m->packet[l4 + 12] = 0x50;
	else
		oracle_put16(m->packet, l4 + 4, m->len - l4);
}

/* Whether it is IPv6. */
static bool begin(struct mutate *m)
{
	const struct sample *s = &m->samples[mutate_below(m, m->count)];

	if (chance(m, 40)) {
		bool six = chance(m, 40);

		make_plain(m, six);
		return six;
	}
	memcpy(m->packet, s->data, s->len);
	m->len = s->len;
	return s->six;
}

void mutate_next(struct mutate *m)
{
	unsigned int n = mutate_below(m, 5);
	/* Of those that are longer than any header: some are really long. */
	bool grow = chance(m, 5), six = begin(m);

	memset(&m->vnet, 0, sizeof(m->vnet));
	m->inside = chance(m, 50);
	if (grow)
		insert(m, m->len, 200 + mutate_below(m, 1200));
	if (chance(m, 70))
		oracle_straighten(m->packet, 0, m->len, six);
	/* A checksum of zero is one that is absent. */
	if (!six && m->len >= 28 && m->packet[9] == IPPROTO_UDP && chance(m, 10))
		oracle_put16(m->packet, 26, 0);
	aim(m, six);
	while (n--)
		spoil(m);
	/* Else most would be thrown away before our hooks. */
	if (chance(m, 90))
		oracle_straighten(m->packet, 0, m->len, six);
	if (chance(m, 30))
		put_offload(m, six);
	else if (chance(m, 5))
		put_nonsense(m);
	/* How much of it is in one piece. */
	if (chance(m, 30))
		m->vnet.hdr_len = mutate_below(m, m->len + 1);
}
