// SPDX-License-Identifier: GPL-2.0
#include "agent/arrival.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/counters.h"
#include "base/log.h"

#define PER_SECOND	100	/* announcements taken; what is above is counted */
#define PER_TURN	64	/* read in a turn of the loop */

/* ARP of Ethernet and IPv4: where its addresses are, and its length. */
enum { SENDER = 14, TARGET = 24, ARP_LEN = 28 };

struct agent_arrival {
	const struct agent_config *config;
	struct agent_core *core;
	int fd;
	guint source;
	gint64 second;		/* of the monotonic clock */
	guint taken;		/* in it */
};

/* Only what is gratuitous reaches us, however much ARP there is. */
static const struct sock_filter gratuitous[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ARP_LEN, 0, 6),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SENDER),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 0),	/* a probe names nobody */
	BPF_STMT(BPF_MISC | BPF_TAX, 0),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, TARGET),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, ARP_LEN),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static gboolean within_rate(struct agent_arrival *arrival)
{
	gint64 second = g_get_monotonic_time() / G_USEC_PER_SEC;

	if (second != arrival->second) {
		arrival->second = second;
		arrival->taken = 0;
	}
	return arrival->taken++ < PER_SECOND;
}

static gboolean has_prefix(const struct agent_inside_config *group, const struct rn_addr *addr)
{
	for (gsize i = 0; i < group->n_prefixes; i++)
		if (rn_prefix_contains(&group->prefixes[i], addr))
			return TRUE;
	return FALSE;
}

static const struct agent_inside_config *group_of(const struct agent_arrival *arrival,
						  const char *interface,
						  const struct rn_addr *addr)
{
	for (guint i = 0; i < arrival->config->insides->len; i++) {
		const struct agent_inside_config *group = arrival->config->insides->pdata[i];

		if (group->hear_arp && !strcmp(group->interface, interface) &&
		    has_prefix(group, addr))
			return group;
	}
	return NULL;
}

/* Of a VM that has its mapping here, or is being decided about, it says nothing. */
static gboolean is_news(struct agent_arrival *arrival, const struct rn_private *vm)
{
	const struct agent_entry *entry =
		agent_entry_lookup(agent_core_table(arrival->core), vm);

	return !entry || entry->own.state == OWN_GW_NONE || entry->own.state == OWN_GW_MOVING_IN;
}

void agent_arrival_seen(struct agent_arrival *arrival, const char *interface,
			const guint8 *packet, gsize len)
{
	struct agent_kmsg_mapping miss = { .vm.addr.len = 4 };
	const struct agent_inside_config *group;

	/* Ethernet, IPv4, request or reply: both announce. */
	if (len < ARP_LEN || memcmp(packet, "\0\1\10\0\6\4\0", 7) ||
	    (packet[7] != ARPOP_REQUEST && packet[7] != ARPOP_REPLY) ||
	    memcmp(packet + SENDER, packet + TARGET, 4))
		return;
	memcpy(miss.vm.addr.b, packet + SENDER, 4);
	group = group_of(arrival, interface, &miss.vm.addr);
	if (!group)
		return;
	if (!within_rate(arrival)) {
		agent_counters_add(AGENT_ARRIVALS_LIMITED, 1);
		return;
	}
	agent_counters_add(AGENT_ARRIVALS, 1);
	miss.vm.zone = group->zone;
	miss.vm.kind = group->kind;
	miss.timer.preset = group->idle_ms;
	if (is_news(arrival, &miss.vm))
		agent_core_miss(arrival->core, &miss);
}

static gboolean readable(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	struct agent_arrival *arrival = data;

	for (int i = 0; i < PER_TURN; i++) {
		struct sockaddr_ll from;
		socklen_t size = sizeof(from);
		char name[IF_NAMESIZE];
		guint8 packet[ARP_LEN];
		ssize_t n = recvfrom(fd, packet, sizeof(packet), MSG_DONTWAIT,
				     (struct sockaddr *)&from, &size);

		if (n < 0)
			break;
		if (from.sll_pkttype != PACKET_OUTGOING &&
		    if_indextoname((guint)from.sll_ifindex, name))
			agent_arrival_seen(arrival, name, packet, (gsize)n);
	}
	return G_SOURCE_CONTINUE;
}

struct agent_arrival *agent_arrival_bare(const struct agent_config *config,
					 struct agent_core *core)
{
	struct agent_arrival *arrival = g_new0(struct agent_arrival, 1);

	arrival->config = config;
	arrival->core = core;
	arrival->fd = -1;
	return arrival;
}

static gboolean wanted(const struct agent_config *config)
{
	for (guint i = 0; i < config->insides->len; i++) {
		const struct agent_inside_config *group = config->insides->pdata[i];

		if (group->hear_arp)
			return TRUE;
	}
	return FALSE;
}

gboolean agent_arrival_new(const struct agent_config *config, struct agent_core *core,
			   struct agent_arrival **result, GError **error)
{
	const struct sock_fprog filter = {
		.len = G_N_ELEMENTS(gratuitous), .filter = (struct sock_filter *)gratuitous,
	};
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
	struct agent_arrival *arrival;

	if (!wanted(config))
		return TRUE;
	arrival = agent_arrival_bare(config, core);
	/* Protocol 0 until the filter is there: nothing else gets in before it. */
	arrival->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (arrival->fd < 0 ||
	    setsockopt(arrival->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    bind(arrival->fd, (struct sockaddr *)&all, sizeof(all))) {
		g_set_error(error, AGENT_KERNEL_ERROR, errno,
			    "hear-arp=yes: cannot listen for ARP: %s: the agent needs CAP_NET_RAW",
			    g_strerror(errno));
		agent_arrival_free(arrival);
		return FALSE;
	}
	arrival->source = g_unix_fd_add(arrival->fd, G_IO_IN, readable, arrival);
	*result = arrival;
	return TRUE;
}

void agent_arrival_free(struct agent_arrival *arrival)
{
	if (!arrival)
		return;
	g_clear_handle_id(&arrival->source, g_source_remove);
	if (arrival->fd >= 0)
		close(arrival->fd);
	g_free(arrival);
}
