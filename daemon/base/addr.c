// SPDX-License-Identifier: GPL-2.0
/* Addresses, sides and timers as values; what user space reads and writes. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool rn_addr_parse(const char *text, struct rn_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, addr->b) == 1)
		addr->len = 4;
	else if (inet_pton(AF_INET6, text, addr->b) == 1)
		addr->len = 16;
	else
		memset(addr, 0, sizeof(*addr));
	return addr->len != 0;
}

static char *print_byte(char *at, unsigned int n)
{
	if (n >= 100)
		*at++ = (char)('0' + n / 100);
	if (n >= 10)
		*at++ = (char)('0' + n / 10 % 10);
	*at++ = (char)('0' + n % 10);
	return at;
}

/* Each line of a log has two, and inet_ntop() asks sprintf() for each. */
static void print_ipv4(const uint8_t b[4], char *at)
{
	for (int i = 0; i < 4; i++) {
		at = print_byte(at, b[i]);
		*at++ = i < 3 ? '.' : 0;
	}
}

char *rn_addr_print(const struct rn_addr *addr, char buf[RN_ADDR_TEXT])
{
	if (addr->len == 4)
		print_ipv4(addr->b, buf);
	else if (addr->len != 16 || !inet_ntop(AF_INET6, addr->b, buf, RN_ADDR_TEXT))
		strcpy(buf, "none");
	return buf;
}

bool rn_addr_equal(const struct rn_addr *a, const struct rn_addr *b)
{
	return a->len == b->len && !memcmp(a->b, b->b, a->len);
}

/* IPv4 before IPv6, then by number: the order in which pools are walked. */
int rn_addr_compare(const struct rn_addr *a, const struct rn_addr *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->b, b->b, a->len);
}

/* Multiply and shift (the finisher of MurmurHash3): neighbouring addresses and
 * ports, which is what pools are made of, spread over all buckets.
 */
static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash ^= value;
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53ULL;
	return hash ^ hash >> 33;
}

static uint64_t mix_addr(uint64_t hash, const struct rn_addr *addr)
{
	uint64_t words[2] = { 0, 0 };

	memcpy(words, addr->b, addr->len);
	return mix(mix(hash, words[0] ^ addr->len), words[1]);
}

unsigned int rn_addr_hash(const struct rn_addr *addr)
{
	return (unsigned int)mix_addr(0, addr);
}

/* Decimal digits only: no sign, no space, no leading zeros but "0" itself. */
static bool parse_number(const char *text, unsigned int max, unsigned int *value)
{
	unsigned int n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned int)(*text - '0');
		if (n > max)
			return false;
	}
	*value = n;
	return true;
}

/* text up to end as an address; end is not part of it. */
static bool parse_span(const char *text, const char *end, struct rn_addr *addr)
{
	char buf[RN_ADDR_TEXT];
	size_t len = (size_t)(end - text);

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = 0;
	return rn_addr_parse(buf, addr);
}

bool rn_endpoint_parse(const char *text, struct rn_addr *addr, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	unsigned int number;
	bool ok;

	if (!colon || !parse_number(colon + 1, 65535, &number))
		return false;
	if (text[0] == '[')
		ok = colon - text > 2 && colon[-1] == ']' &&
		     parse_span(text + 1, colon - 1, addr) && addr->len == 16;
	else
		ok = parse_span(text, colon, addr) && addr->len == 4;
	*port = (uint16_t)number;
	return ok;
}

bool rn_block_valid(uint32_t port, uint32_t ports)
{
	return ports && ports <= 32768 && !(ports & (ports - 1)) && port &&
	       !(port & (ports - 1)) && port <= 65535;
}

char *rn_side_print(const struct rn_addr *addr, uint16_t port, uint16_t ports,
		    char buf[RN_SIDE_TEXT])
{
	char text[RN_ADDR_TEXT], range[16] = "";

	*buf = 0;
	if (!addr->len)
		return buf;
	if (!port)
		return strcpy(buf, rn_addr_print(addr, text));
	if (ports)
		snprintf(range, sizeof(range), "-%u", port + ports - 1u);
	snprintf(buf, RN_SIDE_TEXT, addr->len == 16 ? "[%s]:%u%s" : "%s:%u%s",
		 rn_addr_print(addr, text), port, range);
	return buf;
}

bool rn_side_parse(const char *text, struct rn_addr *addr, uint16_t *port, uint16_t *ports)
{
	const char *colon = strrchr(text, ':'), *dash = colon ? strchr(colon, '-') : NULL;
	char buf[RN_SIDE_TEXT];
	unsigned int last;

	*port = 0;
	*ports = 0;
	if (rn_addr_parse(text, addr))
		return true;
	if (!dash)
		return rn_endpoint_parse(text, addr, port);
	if ((size_t)(dash - text) >= sizeof(buf) || !parse_number(dash + 1, 65535, &last))
		return false;
	memcpy(buf, text, (size_t)(dash - text));
	buf[dash - text] = 0;
	if (!rn_endpoint_parse(buf, addr, port) || last < *port ||
	    !rn_block_valid(*port, last - *port + 1))
		return false;
	*ports = (uint16_t)(last - *port + 1);
	return true;
}

/* Whether bits from `from` on are 0. */
static bool host_bits_clear(const struct rn_addr *addr, unsigned int from)
{
	for (unsigned int bit = from; bit < addr->len * 8u; bit++)
		if (addr->b[bit / 8] & 0x80 >> bit % 8)
			return false;
	return true;
}

bool rn_prefix_parse(const char *text, struct rn_prefix *prefix)
{
	const char *slash = strchr(text, '/');
	unsigned int len;

	if (!slash || !parse_span(text, slash, &prefix->addr))
		return false;
	if (!parse_number(slash + 1, prefix->addr.len * 8u, &len))
		return false;
	prefix->len = (uint8_t)len;
	return host_bits_clear(&prefix->addr, len);
}

bool rn_prefix_contains(const struct rn_prefix *prefix, const struct rn_addr *addr)
{
	unsigned int bytes = prefix->len / 8, bits = prefix->len % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (addr->len != prefix->addr.len || memcmp(addr->b, prefix->addr.b, bytes))
		return false;
	return !bits || !((addr->b[bytes] ^ prefix->addr.b[bytes]) & mask);
}

bool rn_private_equal(const struct rn_private *a, const struct rn_private *b)
{
	return a->zone == b->zone && a->kind == b->kind && a->proto == b->proto &&
	       a->port == b->port && rn_addr_equal(&a->addr, &b->addr);
}

unsigned int rn_private_hash(const struct rn_private *side)
{
	uint64_t small = (uint64_t)side->zone << 32 | (uint64_t)side->kind << 24 |
			 (uint64_t)side->proto << 16 | side->port;

	return (unsigned int)mix_addr(mix(0, small), &side->addr);
}

bool rn_public_equal(const struct rn_public *a, const struct rn_public *b)
{
	return a->proto == b->proto && a->port == b->port && a->ports == b->ports &&
	       rn_addr_equal(&a->addr, &b->addr);
}

unsigned int rn_public_hash(const struct rn_public *side)
{
	return (unsigned int)mix_addr(mix(0, (uint64_t)side->proto << 16 | side->port),
				      &side->addr);
}

/* "ADDR:PORT/proto"; returns what snprintf does. */
static int print_port(char *buf, const struct rn_addr *addr, uint16_t port, uint8_t proto)
{
	char text[RN_ADDR_TEXT], name[8];

	return snprintf(buf, RN_SIDE_TEXT, addr->len == 16 ? "[%s]:%u/%s" : "%s:%u/%s",
			rn_addr_print(addr, text), port, rn_proto_name(proto, name));
}

char *rn_private_print(const struct rn_private *side, char buf[RN_SIDE_TEXT])
{
	char text[RN_ADDR_TEXT];
	int len;

	if (side->kind == RN_KIND_PORT)
		len = print_port(buf, &side->addr, side->port, side->proto);
	else if (side->kind == RN_KIND_BLOCK)
		len = snprintf(buf, RN_SIDE_TEXT, "%s block %u", rn_addr_print(&side->addr, text),
			       side->port);
	else
		len = snprintf(buf, RN_SIDE_TEXT, "%s", rn_addr_print(&side->addr, text));
	snprintf(buf + len, RN_SIDE_TEXT - (size_t)len, " zone %u", side->zone);
	return buf;
}

char *rn_public_print(const struct rn_public *side, char buf[RN_SIDE_TEXT])
{
	char text[RN_ADDR_TEXT];

	if (side->proto)
		print_port(buf, &side->addr, side->port, side->proto);
	else if (side->ports)
		rn_side_print(&side->addr, side->port, side->ports, buf);
	else
		strcpy(buf, rn_addr_print(&side->addr, text));
	return buf;
}

const char *rn_kind_to_string(uint8_t kind)
{
	static const char *const names[] = {
		"", [RN_KIND_ADDRESS] = "address", [RN_KIND_PORT] = "port",
		[RN_KIND_BLOCK] = "block",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "";
}

static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "icmp", IPPROTO_ICMP },
};

const char *rn_proto_name(uint8_t proto, char buf[8])
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	snprintf(buf, 8, "%u", proto);
	return buf;
}

bool rn_proto_parse(const char *text, uint8_t *proto)
{
	unsigned int number;

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (!strcmp(protos[i].name, text)) {
			*proto = protos[i].proto;
			return true;
		}
	}
	if (!parse_number(text, 255, &number))
		return false;
	*proto = (uint8_t)number;
	return true;
}

bool rn_timer_valid(const struct rn_timer *timer)
{
	/* Subtract, because elapsed + remaining of a stranger may overflow. */
	return timer->elapsed <= timer->preset &&
	       timer->preset - timer->elapsed == timer->remaining;
}

struct rn_timer rn_timer_advance(struct rn_timer timer, uint64_t ms)
{
	if (ms > timer.remaining)
		ms = timer.remaining;
	timer.elapsed += ms;
	timer.remaining -= ms;
	return timer;
}
