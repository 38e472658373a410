// SPDX-License-Identifier: GPL-2.0
/*
 * natctl why: what would become of a packet now, by the kernel's own code.
 */
#include <linux/roamnat.h>
#include <net/if.h>
#include <netinet/in.h>
#include "explain.h"
#include "kernel.h"
#include "natctl.h"

static gboolean take_sides(struct rn_args *args, struct rn_kernel_packet *packet, GError **error)
{
	const char *from = rn_args_next(args);
	const char *to = from && rn_args_take(args, "to") ? rn_args_next(args) : NULL;
	struct rn_side src, dst;

	if (!to) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "say from where to where: natctl why 10.0.0.5:40000/tcp to 198.51.100.9:80");
		return FALSE;
	}
	if (!rn_args_side(from, &src, error) || !rn_args_side(to, &dst, error))
		return FALSE;
	if (src.proto && dst.proto && src.proto != dst.proto) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "%s and %s are of two protocols; name it once", from, to);
		return FALSE;
	}
	packet->proto = src.proto ? src.proto : dst.proto;
	/* Without ports people mean a ping. */
	if (!packet->proto && (src.port || dst.port)) {
		g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_USAGE,
			    "a port without a protocol: write %s/tcp or %s/udp", from, from);
		return FALSE;
	}
	if (!packet->proto)
		packet->proto = src.addr.len == 16 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	packet->src = src.addr;
	packet->dst = dst.addr;
	packet->sport = src.port;
	packet->dport = dst.port;
	return TRUE;
}

static gboolean take_dev(struct rn_args *args, struct rn_kernel_packet *packet, GError **error)
{
	const char *dev;

	if (!rn_args_peek(args) || g_strcmp0(rn_args_peek(args), "dev"))
		return rn_args_end(args, error);
	rn_args_next(args);
	dev = rn_args_value(args, "dev", error);
	if (!dev)
		return FALSE;
	packet->ifindex = if_nametoindex(dev);
	if (packet->ifindex)
		return rn_args_end(args, error);
	g_set_error(error, RN_NATCTL_ERROR, RN_EXIT_REFUSED,
		    "there is no interface %s in this network namespace", dev);
	return FALSE;
}

static void print_side(struct natctl *ctl, const char *label, const char *key,
		       const struct rn_addr *addr, guint16 port)
{
	struct rn_side side = { .addr = *addr, .port = port };
	char text[RN_SIDE_TEXT];

	rn_print_string(ctl->print, label, key, rn_args_side_print(&side, text));
}

static void print_mapping(struct natctl *ctl, struct rn_kernel *kernel, guint64 id)
{
	struct rn_selector selector = { .id = id };
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct rn_kernel_mapping));
	const struct rn_kernel_mapping *m;
	char text[RN_SIDE_TEXT];
	gboolean torn;

	if (!id || !rn_kernel_mappings(kernel, &selector, found, &torn, NULL) || !found->len)
		return;
	m = &g_array_index(found, struct rn_kernel_mapping, 0);
	rn_print_line(ctl->print);
	rn_print_string(ctl->print, "mapping", "public", rn_public_print(&m->public, text));
	rn_print_string(ctl->print, "private", "private", rn_private_print(&m->private, text));
	rn_print_uint(ctl->print, "id", "id", m->id);
	rn_print_uint(ctl->print, "epoch", "epoch", m->epoch);
	rn_print_string(ctl->print, NULL, "state",
			m->suspended ? "suspended" : rn_kernel_state_to_string(m->state));
}

static void print_why(struct natctl *ctl, struct rn_kernel *kernel,
		      const struct rn_kernel_packet *asked, const struct rn_kernel_why *why)
{
	const struct rn_explain *e = rn_explain_find(rn_explain_counter, why->counter);
	char proto[8], dev[IF_NAMESIZE] = "";

	rn_print_open(ctl->print);
	rn_print_string(ctl->print, NULL, "protocol", rn_proto_name(asked->proto, proto));
	print_side(ctl, NULL, "source", &asked->src, asked->sport);
	print_side(ctl, "to", "destination", &asked->dst, asked->dport);
	rn_print_line(ctl->print);
	if (!why->counter)
		rn_print_string(ctl->print, NULL, "verdict", "held");
	else
		rn_print_string(ctl->print, NULL, "verdict", e ? e->name : "unknown");
	rn_print_line(ctl->print);
	rn_print_string(ctl->print, NULL, "sentence",
			!why->counter ?
			"It would wait for a mapping that may translate, for hold-ms at most." :
			e ? e->sentence : "Of a newer module: install the natctl of its version.");
	if (why->packet.src.len) {
		rn_print_line(ctl->print);
		print_side(ctl, "leaves", "leaves_source", &why->packet.src, why->packet.sport);
		print_side(ctl, "to", "leaves_destination", &why->packet.dst, why->packet.dport);
		if (why->packet.ifindex && if_indextoname(why->packet.ifindex, dev))
			rn_print_string(ctl->print, "dev", "leaves_dev", dev);
	}
	print_mapping(ctl, kernel, why->id);
	rn_print_close(ctl->print);
}

static gboolean why_run(struct natctl *ctl, struct rn_args *args, GError **error)
{
	struct rn_kernel_packet packet = { 0 };
	struct rn_kernel *kernel;
	struct rn_kernel_why why;
	gboolean ok;

	if (!take_sides(args, &packet, error) || !take_dev(args, &packet, error))
		return FALSE;
	kernel = rn_kernel_open(error);
	if (!kernel)
		return FALSE;
	ok = rn_kernel_why(kernel, &packet, &why, error);
	if (ok)
		print_why(ctl, kernel, &packet, &why);
	rn_kernel_free(kernel);
	return ok;
}

static const struct rn_command commands[] = {
	{ "why", why_run, 0 },
	{ NULL, NULL, 0 },
};

const struct rn_object rn_object_why = {
	.name = "why",
	.commands = commands,
	.bare = TRUE,
	.usage = "natctl why SOURCE[:PORT][/PROTOCOL] to DESTINATION[:PORT] [ dev INTERFACE ]\n",
};
