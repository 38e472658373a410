// SPDX-License-Identifier: GPL-2.0
#include "agent/sysctl.h"

#include "agent/config.h"

/* FALSE: there is no such value, because the interface or the protocol is not there. */
static gboolean read_one(const char *root, const char *family, const char *interface,
			 const char *name, guint64 *value)
{
	g_autofree char *path = g_strdup_printf("%s/%s/conf/%s/%s", root, family, interface, name);
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return FALSE;
	*value = g_ascii_strtoull(text, NULL, 10);
	return TRUE;
}

/* Of the interface or of all, whichever says 1. */
static gboolean is_on(const char *root, const char *family, const char *interface,
		      const char *name)
{
	guint64 all = 0, own = 0;

	read_one(root, family, "all", name, &all);
	read_one(root, family, interface, name, &own);
	return all || own;
}

static gboolean has_family(const struct agent_announce_config *config, uint8_t len)
{
	for (gsize i = 0; i < config->n_prefixes; i++)
		if (config->prefixes[i].addr.len == len)
			return TRUE;
	return FALSE;
}

static void say(GString *said, const struct agent_announce_config *config, const char *text,
		const char *setting)
{
	g_string_append_printf(said, "%s[announce %s]: ", said->len ? "; " : "", config->name);
	g_string_append_printf(said, text, config->interface);
	g_string_append_printf(said, ": sysctl -w ");
	g_string_append_printf(said, setting, config->interface);
}

static void check4(const struct agent_announce_config *config, const char *root, GString *said)
{
	guint64 forwarding;

	if (!read_one(root, "ipv4", config->interface, "forwarding", &forwarding))
		return;
	if (!forwarding)
		say(said, config, "the kernel answers no ARP for others on %s without forwarding",
		    "net.ipv4.conf.%s.forwarding=1");
	/* Each gateway of the wire would answer for each address (B1). */
	if (is_on(root, "ipv4", config->interface, "proxy_arp"))
		say(said, config,
		    "with proxy_arp the kernel answers on %s for addresses of other gateways, too",
		    "net.ipv4.conf.all.proxy_arp=0 net.ipv4.conf.%s.proxy_arp=0");
}

static void check6(const struct agent_announce_config *config, const char *root, GString *said)
{
	guint64 forwarding;

	if (!read_one(root, "ipv6", config->interface, "forwarding", &forwarding))
		return;
	if (!forwarding)
		say(said, config,
		    "the kernel answers no neighbour solicitations for others on %s without forwarding",
		    "net.ipv6.conf.%s.forwarding=1");
	if (!is_on(root, "ipv6", config->interface, "proxy_ndp"))
		say(said, config,
		    "the kernel answers no neighbour solicitations for others on %s without proxy_ndp",
		    "net.ipv6.conf.%s.proxy_ndp=1");
}

char *agent_sysctl_trouble(const GPtrArray *configs, const char *root)
{
	g_autoptr(GString) said = g_string_new(NULL);

	for (guint i = 0; i < configs->len; i++) {
		const struct agent_announce_config *config = configs->pdata[i];

		if (config->kind != AGENT_ANNOUNCE_NEIGHBOUR)
			continue;
		if (has_family(config, 4))
			check4(config, root, said);
		if (has_family(config, 16))
			check6(config, root, said);
	}
	return said->len ? g_string_free(g_steal_pointer(&said), FALSE) : NULL;
}
