# SPDX-License-Identifier: GPL-2.0
"""The module of one gateway, asked straight through netlink: no controller, so that
a case takes milliseconds. Numbers of attributes are read from the uapi header.
"""
import os
import re
import select
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "net"))
import talk  # noqa: E402
from packet import address  # noqa: E402

KINDS = {"address": 1, "port": 2, "block": 3}
HELD, ACTIVE, MOVING_OUT, RELEASING = 1, 2, 3, 4


def read_header():
    """{"A_MAPPING_ID": 1, "CMD_WHY": 20, ...}"""
    with open(os.path.join(TOP, "include/uapi/linux/roamnat.h"), encoding="ascii") as f:
        text = f.read()
    found = {}
    for body in re.findall(r"enum[^{]*\{([^}]*)\}", text):
        value = -1
        for name, given in re.findall(r"ROAMNAT_(\w+)\s*(?:=\s*(\d+))?\s*,", body):
            value = int(given) if given else value + 1
            found[name] = value
    return found


U = read_header()


def u64(name, value):
    return talk.attr(U["A_" + name], struct.pack("=Q", value))


def u32(name, value):
    return talk.attr(U["A_" + name], struct.pack("=I", value))


def be16(name, value):
    return talk.attr(U["A_" + name], struct.pack("!H", value))


def raw(name, value):
    return talk.attr(U["A_" + name], value)


def nest(name, value):
    return talk.attr(U["A_" + name] | 0x8000, value)


def timer_attr(preset, elapsed):
    return nest("MAPPING_TIMER", u64("TIMER_PRESET_MS", preset) + u64("TIMER_ELAPSED_MS", elapsed) +
                u64("TIMER_REMAINING_MS", preset - elapsed))


def binding_attr(proto, port, pubport, elapsed, remaining):
    """Of a block: as a transfer brings it, in the state of one that is in use."""
    state = U["BINDING_STATE_ESTABLISHED"] if proto == 6 else U["BINDING_STATE_OPEN"]
    return nest("MAPPING_BINDING", u32("BINDING_PROTOCOL", proto) +
                be16("BINDING_PRIVATE_PORT", port) + be16("BINDING_PUBLIC_PORT", pubport) +
                u32("BINDING_STATE", state) + u64("BINDING_ELAPSED_MS", elapsed) +
                u64("BINDING_REMAINING_MS", remaining))


class Mapping:
    """What a grant says; the id and the epoch are ours to choose here."""
    last_id = 0

    def __init__(self, kind, vm, pub, proto=0, port=0, pubport=0, preset=300000, elapsed=0,
                 ports=0, zone=1):
        Mapping.last_id += 1
        self.id, self.epoch = Mapping.last_id, 1
        self.kind, self.zone, self.proto = kind, zone, proto
        self.vm, self.port, self.pub, self.pubport, self.ports = vm, port, pub, pubport, ports
        self.preset, self.elapsed = preset, elapsed

    def sides(self):
        out = u64("MAPPING_ID", self.id) + u64("MAPPING_EPOCH", self.epoch) + \
            u32("MAPPING_KIND", KINDS[self.kind]) + u32("MAPPING_ZONE", self.zone) + \
            raw("MAPPING_PRIVATE_ADDR", address(self.vm)) + \
            raw("MAPPING_PUBLIC_ADDR", address(self.pub))
        if self.proto:
            out += u32("MAPPING_PROTOCOL", self.proto)
        if self.port:
            out += be16("MAPPING_PRIVATE_PORT", self.port)
        if self.pubport:
            out += be16("MAPPING_PUBLIC_PORT", self.pubport)
        if self.ports:
            out += u32("MAPPING_PUBLIC_PORTS", self.ports)
        return out


class Kernel:
    """One namespace."""
    INCARNATION = 7

    def __init__(self, namespace):
        self.namespace = namespace
        self.talk = talk.Kernel(namespace)
        self.agent = None

    def ask(self, cmd, payload=b"", flags=talk.ACK):
        """The replies' attributes."""
        got = self.talk.requests.ask(self.talk.id, flags, bytes([U["CMD_" + cmd], 1, 0, 0]) + payload)
        return [talk.attrs(data[4:]) for _, data in got]

    def session(self, incarnation=INCARNATION):
        self.ask("SESSION_SET", u64("SESSION_INCARNATION", incarnation) +
                 u64("SESSION_LEASE_END_NS", 0))

    def suspend(self):
        self.ask("SESSION_SET", u64("SESSION_INCARNATION", 0))

    def config(self, **bounds):
        self.ask("CONFIG_SET", b"".join(u32("CONFIG_" + n.upper(), v) for n, v in bounds.items()))

    def configured(self, *names):
        tb = self.ask("CONFIG_GET", b"", 0)[0]
        return {n: talk.number(tb.get(U["A_CONFIG_" + n.upper()])) for n in names}

    def inside(self, prefixes, excluded=()):
        """[(ifindex, "10.1.0.0/16", kind, zone)]"""
        def entry(name, ifindex, prefix, kind, zone):
            addr, length = prefix.split("/")
            body = raw("PREFIX_ADDR", address(addr)) + u32("PREFIX_LEN", int(length))
            if ifindex:
                body += u32("PREFIX_IFINDEX", ifindex)
            if kind:
                body += u32("PREFIX_KIND", KINDS[kind]) + u32("PREFIX_ZONE", zone) + \
                    u64("PREFIX_IDLE_MS", 300000)
            return nest(name, body)
        self.ask("INSIDE_SET", b"".join(entry("INSIDE_ENTRY", *p) for p in prefixes) +
                 b"".join(entry("INSIDE_EXCLUDE", 0, e, None, 0) for e in excluded))
        self.fast(*(("in0", "out0") if os.environ.get("FAST") and prefixes else ()))

    def fast(self, *devices):
        """Those have the fast path."""
        with talk.inside(self.namespace):
            found = [socket.if_nametoindex(d) for d in devices]
        self.ask("FAST_SET", b"".join(u32("FAST_IFINDEX", i) for i in found))

    def grant(self, m, state=ACTIVE, elapsed=None, timer=True, extra=b""):
        if elapsed is None:
            elapsed = m.elapsed
        body = m.sides() + u64("MAPPING_INCARNATION", self.INCARNATION) + \
            u32("MAPPING_STATE", state) + extra
        if timer:
            body += timer_attr(m.preset, elapsed)
        self.ask("MAPPING_NEW", body)

    def freeze(self, m, state=MOVING_OUT):
        got = self.ask("MAPPING_FREEZE", u64("MAPPING_ID", m.id) + u64("MAPPING_EPOCH", m.epoch) +
                       u32("MAPPING_STATE", state))
        return self.timer_of(got[0])

    def delete(self, m):
        self.ask("MAPPING_DEL", u64("MAPPING_ID", m.id) + u64("MAPPING_EPOCH", m.epoch))

    @staticmethod
    def timer_of(tb):
        t = talk.attrs(tb[U["A_MAPPING_TIMER"]])
        return {n: talk.number(t[U["A_TIMER_" + n.upper() + "_MS"]])
                for n in ("preset", "elapsed", "remaining")}

    def timer(self, m):
        return self.timer_of(self.ask("MAPPING_GET", u64("MAPPING_ID", m.id))[0])

    def binding(self, m, proto, port):
        """One binding's clock, and its state."""
        got = self.ask("BINDING_GET", u64("MAPPING_ID", m.id) + u32("MAPPING_PROTOCOL", proto) +
                       be16("MAPPING_PRIVATE_PORT", port))
        tb = talk.attrs(got[0][U["A_MAPPING_BINDING"]])
        found = {n: talk.number(tb.get(U["A_BINDING_" + n.upper()]))
                 for n in ("elapsed_ms", "remaining_ms", "state")}
        return {"elapsed": found["elapsed_ms"], "remaining": found["remaining_ms"],
                "preset": found["elapsed_ms"] + found["remaining_ms"], "state": found["state"]}

    def handed_over(self, m):
        """The binding attributes of a block, as they go to another gateway."""
        if m.kind != "block":
            return b""
        got = self.talk.requests.ask(self.talk.id, talk.DUMP,
                                     bytes([U["CMD_BINDING_GET"], 1, 0, 0]) +
                                     u64("MAPPING_ID", m.id))
        out = b""
        for _, data in got:
            at = 4
            while at + 4 <= len(data):
                n, kind = struct.unpack_from("=HH", data, at)
                if kind & 0x3FFF == U["A_MAPPING_BINDING"]:
                    out += talk.attr(kind, talk.without(data[at + 4:at + n], U["A_BINDING_PAD"]))
                at += (n + 3) & ~3
        return out

    def register(self):
        """This process is the agent: misses are held and told to it."""
        self.agent = talk.Netlink(self.namespace, 16)
        self.agent.ask(self.talk.id, 0, bytes([U["CMD_AGENT_REGISTER"], 1, 0, 0]))

    def unregister(self):
        self.agent.close()
        self.agent = None

    def asked(self):
        """Has the agent been told anything?"""
        return bool(select.select([self.agent.sock], [], [], 0)[0])

    def missed(self):
        """The private addresses of the misses that were told, one at least."""
        found = []
        for kind, data in talk.messages(self.agent.sock.recv(1 << 16)):
            if kind == self.talk.id and data[0] == U["CMD_MISS_NTF"]:
                found.append(talk.attrs(data[4:]))
        return found

    def refuse(self, vm, proto=0, port=0, hold_off=0, zone=1):
        body = u32("MAPPING_ZONE", zone) + raw("MAPPING_PRIVATE_ADDR", address(vm)) + \
            u64("MAPPING_HOLD_OFF_MS", hold_off)
        if proto:
            body += u32("MAPPING_PROTOCOL", proto) + be16("MAPPING_PRIVATE_PORT", port)
        self.ask("MISS_REFUSE", body)

    def counters(self):
        tb = talk.attrs(self.ask("STATS_GET", b"", 0)[0][U["A_STATS_COUNTERS"]])
        names = {v: n[10:].lower().replace("_", "-") for n, v in U.items()
                 if n.startswith("A_COUNTER_") and n != "A_COUNTER_MAX"}
        return {names[k]: talk.number(v) for k, v in tb.items() if k in names}

    def events(self, m):
        return [e.event for e in self.talk.told() if e.id == m.id]
