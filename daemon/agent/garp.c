// SPDX-License-Identifier: GPL-2.0
#include "agent/garp.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/counters.h"
#include "agent/genl.h"
#include "agent/timer.h"
#include "base/log.h"

/* A wire and its switches take no burst of any length; 6400 addresses a second. */
#define BURST		64
#define BURST_MS	10

#define ICMP6_NA	136
#define NA_OVERRIDE	0x20
#define OPT_TARGET_MAC	2
#define PROTO_ICMP6	58

struct agent_garp {
	const GPtrArray *configs;
	struct agent_announce *announce;
	struct agent_timer *timer;
	int64_t not_before;
	int fd;
};

/* ---- frames ---- */

size_t agent_garp_build_arp(uint8_t *frame, const struct rn_addr *addr, const uint8_t mac[6],
			    gboolean reply)
{
	static const uint8_t head[] = { 0, ARPHRD_ETHER, ETH_P_IP >> 8, ETH_P_IP & 0xff, 6, 4, 0 };
	uint8_t *p = frame;

	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	*p++ = reply ? ARPOP_REPLY : ARPOP_REQUEST;
	memcpy(p, mac, 6);
	memcpy(p + 6, addr->b, 4);
	memset(p + 10, 0, 6);
	if (reply)
		memcpy(p + 10, mac, 6);
	memcpy(p + 16, addr->b, 4);
	return 28;
}

static uint32_t sum16(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	return sum;
}

size_t agent_garp_build_na(uint8_t *frame, const struct rn_addr *addr, const uint8_t mac[6])
{
	enum { HEAD = 40, NA = 24 + 8 };
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	uint8_t *na = frame + HEAD;
	uint32_t sum;

	memset(frame, 0, HEAD + NA);
	frame[0] = 0x60;
	frame[5] = NA;
	frame[6] = PROTO_ICMP6;
	frame[7] = 255;		/* neighbours see that it passed no router */
	memcpy(frame + 8, addr->b, 16);
	memcpy(frame + 24, all_nodes, 16);
	na[0] = ICMP6_NA;
	na[4] = NA_OVERRIDE;
	memcpy(na + 8, addr->b, 16);
	na[24] = OPT_TARGET_MAC;
	na[25] = 1;		/* times 8 bytes */
	memcpy(na + 26, mac, 6);

	sum = sum16(frame + 8, 32) + NA + PROTO_ICMP6 + sum16(na, NA);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	na[2] = (uint8_t)(sum >> 8);
	na[3] = (uint8_t)sum;
	return HEAD + NA;
}

/* ---- the wire ---- */

static gboolean mac_of(struct agent_garp *garp, const char *interface, uint8_t mac[6])
{
	struct ifreq ifr = { 0 };

	g_strlcpy(ifr.ifr_name, interface, sizeof(ifr.ifr_name));
	if (ioctl(garp->fd, SIOCGIFHWADDR, &ifr) || ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return FALSE;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return TRUE;
}

static void put_out(struct agent_garp *garp, uint32_t ifindex, uint16_t protocol,
		    const uint8_t to[6], const uint8_t *frame, size_t len)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = g_htons(protocol),
		.sll_ifindex = (int)ifindex,
		.sll_halen = 6,
	};
	ssize_t n;

	memcpy(addr.sll_addr, to, 6);
	n = sendto(garp->fd, frame, len, MSG_DONTWAIT, (struct sockaddr *)&addr, sizeof(addr));
	agent_counters_add(n == (ssize_t)len ? AGENT_NEIGHBOURS_TOLD : AGENT_NEIGHBOURS_UNTOLD, 1);
}

static void tell(struct agent_garp *garp, const struct agent_unasked_item *item)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t all_nodes[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	const struct agent_announce_config *config = garp->configs->pdata[item->group];
	uint32_t ifindex = agent_announce_uplink(garp->announce, item->group);
	uint8_t frame[AGENT_GARP_FRAME_MAX], mac[6];

	if (!ifindex || !mac_of(garp, config->interface, mac)) {
		agent_counters_add(AGENT_NEIGHBOURS_UNTOLD, 1);
		return;
	}
	if (item->addr.len == 16) {
		put_out(garp, ifindex, ETH_P_IPV6, all_nodes, frame,
			agent_garp_build_na(frame, &item->addr, mac));
		return;
	}
	/* Some take one, some the other (RFC 5227, 3). */
	for (int reply = 0; reply <= 1; reply++)
		put_out(garp, ifindex, ETH_P_ARP, broadcast, frame,
			agent_garp_build_arp(frame, &item->addr, mac, reply));
}

static void due(void *data)
{
	struct agent_garp *garp = data;
	struct agent_unasked *unasked = agent_announce_unasked(garp->announce);
	const struct agent_unasked_item *item;
	int64_t now = agent_timer_now();

	for (int i = 0; i < BURST && (item = agent_unasked_next(unasked, now)); i++)
		tell(garp, item);
	garp->not_before = now + BURST_MS;
	agent_garp_rearm(garp);
}

void agent_garp_rearm(struct agent_garp *garp)
{
	int64_t at = agent_unasked_due(agent_announce_unasked(garp->announce));

	agent_timer_set(garp->timer, at == INT64_MAX ? at : MAX(at, garp->not_before));
}

struct agent_garp *agent_garp_new(const GPtrArray *configs, struct agent_announce *announce,
				  GError **error)
{
	struct agent_garp *garp = g_new0(struct agent_garp, 1);

	garp->configs = configs;
	garp->announce = announce;
	/* Protocol 0: it only sends. */
	garp->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (garp->fd < 0) {
		g_set_error(error, AGENT_KERNEL_ERROR, errno,
			    "cannot open a socket for gratuitous ARP: %s; kind=neighbour needs CAP_NET_RAW",
			    g_strerror(errno));
		g_free(garp);
		return NULL;
	}
	garp->timer = agent_timer_new(due, garp);
	return garp;
}

void agent_garp_free(struct agent_garp *garp)
{
	if (!garp)
		return;
	agent_timer_free(garp->timer);
	close(garp->fd);
	g_free(garp);
}
