#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Blocks of ports, without daemons: says to the kernel what an agent would say,
sends packets, and looks at bindings. For 17-block.sh, which made the network.

Prints "ok TEXT", "not-ok TEXT" and "say TEXT", and "end" when it came to its end.
"""
import re
import select
import socket
import struct
import sys
import time
import traceback

import talk
from talk import attr, attrs, inside, number

HEADER = sys.argv[1] + "/include/uapi/linux/roamnat.h"
SRV, SRV2, GHOST, GHOST2 = ("192.0.2.%d" % i for i in (2, 3, 77, 78))
TCP, UDP, ICMP = 6, 17, 1
FIN, SYN, RST, ACK = 1, 2, 4, 16
WAIT = 10 * talk.SLOW


def constants(path):
    """The enums of the uapi header, without ROAMNAT_."""
    found = {}
    with open(path) as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    for body in re.findall(r"enum[^{]*\{(.*?)\}", text, re.S):
        value = -1
        for item in filter(None, (i.strip() for i in body.split(","))):
            name, _, given = item.partition("=")
            value = int(given) if given.strip().isdigit() else value + 1
            found[name.strip().replace("ROAMNAT_", "", 1)] = value
    return found


K = constants(HEADER)
STATES = {value: name.rsplit("_", 1)[1].lower() for name, value in K.items()
          if name.startswith("BINDING_STATE_")}


def u32(kind, value):
    return attr(K[kind], struct.pack("=I", value))


def u64(kind, value):
    return attr(K[kind], struct.pack("=Q", value))


def nest(kind, data):
    return attr(K[kind] | 0x8000, data)


def be16(kind, value):
    return attr(K[kind], struct.pack(">H", value))


def addr(kind, value):
    return attr(K[kind], socket.inet_aton(value))


def many(data, kind):
    """All attributes of one kind."""
    at = 0
    while at + 4 <= len(data):
        n, k = struct.unpack_from("=HH", data, at)
        if k & 0x3FFF == K[kind]:
            yield data[at + 4:at + n]
        at += (n + 3) & ~3


class Binding:
    def __init__(self, data):
        self.data = data
        tb = attrs(data)
        get = lambda name: tb.get(K["A_BINDING_" + name])
        self.proto = number(get("PROTOCOL"))
        self.priv, self.pub = (int.from_bytes(get(i), "big") for i in ("PRIVATE_PORT", "PUBLIC_PORT"))
        self.state = STATES[number(get("STATE"))]
        self.elapsed, self.remaining = number(get("ELAPSED_MS")), number(get("REMAINING_MS"))
        self.many = get("MANY_REMOTES") is not None
        self.remotes = sorted(socket.inet_ntoa(d) for d in many(data, "A_BINDING_REMOTE_ADDR"))

    def __str__(self):
        return "%d %d->%d %s%s elapsed %d remaining %d %s" % (
            self.proto, self.priv, self.pub, self.state, " many" if self.many else "", self.elapsed,
            self.remaining, " ".join(self.remotes))


class Gate:
    """The module in a gateway's namespace; its agent."""

    def __init__(self, name):
        self.name = name
        self.net = talk.Netlink(name, 16)
        self.agent = talk.Netlink(name, 16)
        reply = self.net.ask(16, 0, bytes([3, 1, 0, 0]) + attr(2, b"roamnat\0"))
        tb = attrs(reply[0][1][4:])
        self.family = number(tb[1])
        group = next(number(g[2]) for g in map(attrs, attrs(tb[7]).values()))
        self.news = talk.Netlink(name, 16)
        self.news.sock.setsockopt(270, 1, group)  # NETLINK_ADD_MEMBERSHIP
        self.news.sock.setblocking(False)
        self.ask("AGENT_REGISTER", sock=self.agent, flags=0)
        self.ask("SESSION_SET", u64("A_SESSION_INCARNATION", 1) + u64("A_SESSION_LEASE_END_NS", 0))
        with inside(name):
            self.index = socket.if_nametoindex("in0")
        self.translate("KIND_BLOCK")

    def translate(self, kind):
        """10.0.0.0/24 by mappings of that kind."""
        self.ask("INSIDE_SET", nest(
            "A_INSIDE_ENTRY", u32("A_PREFIX_IFINDEX", self.index) + addr("A_PREFIX_ADDR", "10.0.0.0") +
            u32("A_PREFIX_LEN", 24) + u32("A_PREFIX_KIND", K[kind]) +
            u32("A_PREFIX_ZONE", 1) + u64("A_PREFIX_IDLE_MS", 60000)))

    def ask(self, cmd, payload=b"", flags=talk.ACK, sock=None):
        replies = (sock or self.net).ask(self.family, flags, bytes([K["CMD_" + cmd], 1, 0, 0]) + payload)
        return [data[4:] for _, data in replies]

    def refused(self, cmd, payload):
        """The number of the error."""
        try:
            self.ask(cmd, payload)
        except OSError as e:
            return -e.args[0] if e.args[0] < 0 else e.args[0]
        return 0

    def config(self, **bounds):
        self.ask("CONFIG_SET", b"".join(u32("A_CONFIG_" + k.upper(), v) for k, v in bounds.items()))

    def stats(self):
        return attrs(self.ask("STATS_GET", flags=0)[0])

    def gauge(self, name):
        return number(self.stats()[K["A_STATS_" + name]])

    def counter(self, name):
        return number(attrs(self.stats()[K["A_STATS_COUNTERS"]])[K["A_COUNTER_" + name]])

    @staticmethod
    def block(id_, epoch, vm, index, pub, first, ports, state="ACTIVE", preset=60000):
        return (u64("A_MAPPING_ID", id_) + u64("A_MAPPING_EPOCH", epoch) +
                u64("A_MAPPING_INCARNATION", 1) + u32("A_MAPPING_STATE", K["STATE_" + state]) +
                u32("A_MAPPING_KIND", K["KIND_BLOCK"]) + u32("A_MAPPING_ZONE", 1) +
                addr("A_MAPPING_PRIVATE_ADDR", vm) + be16("A_MAPPING_PRIVATE_PORT", index) +
                addr("A_MAPPING_PUBLIC_ADDR", pub) + be16("A_MAPPING_PUBLIC_PORT", first) +
                u32("A_MAPPING_PUBLIC_PORTS", ports) +
                nest("A_MAPPING_TIMER", u64("A_TIMER_PRESET_MS", preset) +
                     u64("A_TIMER_ELAPSED_MS", 0) + u64("A_TIMER_REMAINING_MS", preset)))

    def grant(self, *args, bindings=(), **kw):
        self.ask("MAPPING_NEW", self.block(*args, **kw) +
                 b"".join(nest("A_MAPPING_BINDING", talk.without(b.data, K["A_BINDING_PAD"])) for b in bindings))

    def freeze(self, id_, epoch):
        self.ask("MAPPING_FREEZE", u64("A_MAPPING_ID", id_) + u64("A_MAPPING_EPOCH", epoch) +
                 u32("A_MAPPING_STATE", K["STATE_MOVING_OUT"]), flags=0)

    def delete(self, id_, epoch):
        self.ask("MAPPING_DEL", u64("A_MAPPING_ID", id_) + u64("A_MAPPING_EPOCH", epoch))

    def refuse(self, vm, index, hold_off=60000):
        self.ask("MISS_REFUSE", u32("A_MAPPING_ZONE", 1) + addr("A_MAPPING_PRIVATE_ADDR", vm) +
                 be16("A_MAPPING_PRIVATE_PORT", index) + u64("A_MAPPING_HOLD_OFF_MS", hold_off))

    def mapping(self, id_):
        return attrs(self.ask("MAPPING_GET", u64("A_MAPPING_ID", id_), flags=0)[0])

    def elapsed(self, id_):
        """Of its idle timer, ms."""
        return number(attrs(self.mapping(id_)[K["A_MAPPING_TIMER"]])[K["A_TIMER_ELAPSED_MS"]])

    def bindings(self, id_=0):
        payload = u64("A_MAPPING_ID", id_) if id_ else b""
        return [Binding(nest) for data in self.ask("BINDING_GET", payload, flags=talk.DUMP)
                for nest in many(data, "A_MAPPING_BINDING")]

    def binding(self, id_, proto, priv):
        for b in self.bindings(id_):
            if (b.proto, b.priv) == (proto, priv):
                return b
        return None

    def asked(self, *wanted):
        """Is the agent asked this? It may be asked other things before."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if self.miss() == wanted:
                return True
        return False

    def miss(self, seconds=WAIT):
        """What the agent is asked next: (kind, address, index), or None."""
        self.agent.sock.settimeout(seconds)
        try:
            data = self.agent.sock.recv(65536)
        except (socket.timeout, BlockingIOError):
            return None
        for _, payload in talk.messages(data):
            tb = attrs(payload[4:])
            return (number(tb[K["A_MAPPING_KIND"]]), socket.inet_ntoa(tb[K["A_MAPPING_PRIVATE_ADDR"]]),
                    int.from_bytes(tb.get(K["A_MAPPING_PRIVATE_PORT"], b""), "big"))

    def told(self, event):
        """How many events of this kind there were since the last call."""
        count = 0
        while True:
            try:
                data = self.news.sock.recv(65536)
            except BlockingIOError:
                return count
            for _, payload in talk.messages(data):
                count += number(attrs(payload[4:]).get(K["A_MAPPING_EVENT"])) == K["EVENT_" + event]


# ---- packets ----

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(proto, src, dst, body, at):
    """An IPv4 packet; @at: where the checksum of @body stands."""
    pseudo = b"" if proto == ICMP else \
        socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack(">BBH", 0, proto, len(body))
    body = body[:at] + struct.pack(">H", checksum(pseudo + body)) + body[at + 2:]
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, proto, 0) + \
        socket.inet_aton(src) + socket.inet_aton(dst) + body


class Raw:
    """Sends packets of addresses that nobody answers for."""

    def __init__(self, name):
        with inside(name):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def tcp(self, src, sport, dst, dport, flags, data=b""):
        self.sock.sendto(packet(TCP, src, dst, struct.pack(
            ">HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 1000, 0, 0) + data, 16), (dst, 0))

    def udp(self, src, sport, dst, dport, data=b"x"):
        self.sock.sendto(packet(UDP, src, dst, struct.pack(
            ">HHHH", sport, dport, 8 + len(data), 0) + data, 6), (dst, 0))

    def echo(self, src, dst, ident):
        self.sock.sendto(packet(ICMP, src, dst, struct.pack(">BBHHH", 8, 0, 0, ident, 1), 2), (dst, 0))


class Watch:
    """What comes to a box, of any address: a packet socket."""

    def __init__(self, name, dev="eth0"):
        with inside(name):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
            self.sock.bind((dev, 0x0800))

    def next(self, wanted, seconds=WAIT):
        """The first packet of which wanted(proto, src, dst, body) is true."""
        end = time.monotonic() + seconds
        while select.select([self.sock], [], [], max(0, end - time.monotonic()))[0]:
            data, where = self.sock.recvfrom(65536)
            if where[2] == 4:  # PACKET_OUTGOING
                continue
            src, dst = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
            body = data[20:struct.unpack_from(">H", data, 2)[0]]
            if wanted(data[9], src, dst, body):
                return data[9], src, dst, body
        return None


def udp_socket(name, local):
    with inside(name):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
    s.bind(local)
    s.settimeout(WAIT)
    return s


# ---- checks ----

def say(text):
    print("say " + text, flush=True)


def check(text, good, *seen):
    if not good:
        for thing in seen:
            for line in str(thing).split("\n"):
                say("    " + line)
    print(("ok " if good else "not-ok ") + text, flush=True)
    return good


def equal(text, wanted, got):
    return check(text, wanted == got, "wanted %s" % (wanted,), "got %s" % (got,))


def until(condition, seconds=WAIT):
    """Waits for it, and returns what it says at last."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got or time.monotonic() > end:
            return got
        select.select([], [], [], 0.02)


def counted(gate, name, before, by=1):
    """The counter went up by so much, and no further."""
    until(lambda: gate.counter(name) >= before + by)
    return gate.counter(name) - before


def run(checks):
    """Each of @checks, until one breaks off."""
    try:
        for one in checks:
            one()
    except Exception:
        check("it went to its end", False, traceback.format_exc())
    print("end", flush=True)
