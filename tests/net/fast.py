#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The checks of 29-fast.sh, with the packets and wires of tests/conformance."""
import os
import subprocess
import sys
import traceback
from dataclasses import replace

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "conformance"))
import rig  # noqa: E402
import talk  # noqa: E402
from kernel import U, Mapping  # noqa: E402
from packet import ACK, TCP, UDP, Echo, Packet, Raw, Tcp, Udp  # noqa: E402
from rig import LISTENERS, S1, S2, Case, Wires, Wrong  # noqa: E402

KINDS = ("address", "port", "block")


def ip(*args):
    subprocess.run(["ip", "-n", "gw1", *args], check=True)


def fast_count(gw):
    return talk.number(talk.attrs(gw.kernel.talk.requests.ask(
        gw.kernel.talk.id, 0, bytes([U["CMD_STATS_GET"], 1, 0, 0]))[0][1][4:])[U["A_STATS_FAST"]])


def report(text, what):
    try:
        what()
        print("ok " + text, flush=True)
    except Exception as error:  # pylint: disable=broad-except
        if not isinstance(error, Wrong):
            traceback.print_exc()
        print("not-ok %s: %s" % (text, str(error).replace("\n", " | ")), flush=True)


class Both:
    """A case, and how many of its packets took the fast path."""

    def __init__(self, kind):
        self.case = Case(kind, False)
        self.gw = self.case.gw
        self.e = {UDP: self.case.endpoint(UDP)}
        self.e[TCP] = self.case.endpoint(TCP, port=4002)

    def sends(self, side, packet, out, wanted, fast):
        """Once with it and once without: the same, and @fast of them by it."""
        before = fast_count(self.gw), self.gw.kernel.counters()
        self.gw.kernel.fast("in0", "out0")
        self.case.through(side, packet, out, wanted)
        took = fast_count(self.gw) - before[0]
        self.gw.kernel.fast()
        self.case.through(side, packet, out, wanted)
        self.case.check(took == fast, "%d took the fast path, not %d" % (took, fast))
        now = self.gw.kernel.counters()
        name = "out-translated" if side == "in" else "in-translated"
        moved = now[name] - before[1][name]
        self.case.check(moved == 2, "%s counted %d times, not 2" % (name, moved))

    def same(self, name, proto, fast=1, **changes):
        try:
            self.compare(proto, fast, **changes)
        except Wrong as error:
            raise Wrong("%s: %s" % (name, error)) from None

    def compare(self, proto, fast, **changes):
        e = self.e[proto]
        p = e.send(**changes)
        self.sends("in", p, "out", e.shown(p).routed(), fast)
        r = e.to(S1, 80, **changes)
        self.sends("out", r, "in", e.hidden(r).routed(), fast)

    def without_checksum(self):
        e = self.e[UDP]
        p, r = (replace(x, l4=replace(x.l4, check=0)) for x in (e.send(), e.to(S1, 80)))
        self.sends("in", p, "out", e.shown(p).routed(), 1)
        self.sends("out", r, "in", e.hidden(r).routed(), 1)


def same(kind):
    both = Both(kind)
    both.case.later(both.gw.kernel.fast)
    both.same("UDP", UDP)
    both.same("TOS and ECN", UDP, tos=0xB9)
    both.same("the least TTL", UDP, ttl=2)
    both.same("no DF", UDP, df=False)
    both.without_checksum()
    both.same("TCP", TCP, flags=ACK, data=b"x" * 1400)
    both.same("TCP, short and padded", TCP, flags=ACK)
    both.same("options of IPv4", UDP, fast=0, options=b"\1\1\1\0")
    both.case.end()


class Six:
    """One VM of IPv6, its mapping, and a host of the internet."""
    vm, pub, host, other = "fd00:1::5", "2001:db8:64::5", "2001:db8:2::2", "2001:db8:2::3"

    def __init__(self):
        self.both = Both("address")
        self.case, self.gw = self.both.case, self.both.gw
        self.case.later(self.gw.kernel.fast)
        self.mapping = self.case.grant(Mapping("address", self.vm, self.pub))

    def same(self, name, l4, back, fast=1, **changes):
        p = Packet(self.vm, self.host, l4, **changes)
        r = Packet(self.host, self.pub, back, **changes)
        try:
            self.both.sends("in", p, "out", p.but(src=self.pub).routed(), fast)
            self.both.sends("out", r, "in", r.but(dst=self.vm).routed(), fast)
        except Wrong as error:
            raise Wrong("%s: %s" % (name, error)) from None

    def end(self):
        self.case.end()


def same6():
    six = Six()
    six.same("UDP", Udp(4000, 53), Udp(53, 4000))
    six.same("traffic class", Udp(4000, 53), Udp(53, 4000), tos=0xB9)
    six.same("the least hop limit", Udp(4000, 53), Udp(53, 4000), ttl=2)
    six.same("UDP without a checksum", Udp(4000, 53, check=0), Udp(53, 4000, check=0))
    six.same("TCP", Tcp(4000, 80, ACK, data=b"x" * 1400), Tcp(80, 4000, ACK, data=b"x" * 1400))
    six.same("TCP, empty", Tcp(4000, 80, ACK), Tcp(80, 4000, ACK))
    six.same("a query", Echo(77, v6=True), Echo(77, True, v6=True), fast=0)
    six.same("options", Udp(4000, 53), Udp(53, 4000), fast=0,
             options=(60, bytes([UDP, 0, 1, 4, 0, 0, 0, 0])))
    six.same("another protocol", Raw(253, b"abcdefgh"), Raw(253, b"abcdefgh"), fast=0)
    six.end()


def neighbour(case, gateway, p, wanted):
    """The next packet goes to another link-layer address, when the gateway has one."""
    ip("neigh", "replace", gateway, "lladdr", "02:00:0d:00:00:07", "dev", "out0")
    other = bytes.fromhex("02000d000007") + Wires.arrival("out1", wanted)[6:]
    came = case.wires.sock["out1"]
    came.setblocking(True)
    case.wires.sock["in1"].send(Wires.frame("in1", p))
    # What the gateway tells of multicast comes at any time.
    data = next(d for d in (came.recv(1 << 16) for _ in range(10)) if d[:6] != LISTENERS)
    case.check(data == other, "not to the neighbour's new address")
    came.setblocking(False)
    ip("neigh", "replace", gateway, "lladdr", "02:00:0d:00:00:01", "dev", "out0")
    case.outbound(p, wanted)


def routes6():
    six = Six()
    case = six.case
    six.gw.kernel.fast("in0", "out0")

    def out(dst, **changes):
        return Packet(six.vm, dst, Udp(4000, 53)).but(**changes)

    def shown(p):
        return p.but(src=six.pub).routed()

    before = fast_count(six.gw)
    p, r = out(six.other), Packet(six.other, six.pub, Udp(53, 4000))
    case.outbound([p, p], [shown(p)] * 2)
    case.inbound([r, r], [r.but(dst=six.vm).routed()] * 2)
    case.check(fast_count(six.gw) - before == 4, "%d of 4 took the fast path" % (fast_count(six.gw) - before))
    neighbour(case, "2001:db8:1::1", p, shown(p))
    ip("-6", "route", "add", "blackhole", six.other + "/128")
    case.no_way("in", p)
    ip("-6", "route", "del", "blackhole", six.other + "/128")
    case.outbound(p, shown(p))
    ip("-6", "route", "add", six.other + "/128", "via", "2001:db8:1::1", "dev", "out0")
    case.outbound([p, p], [shown(p)] * 2)
    ip("-6", "route", "replace", "unreachable", "2001:db8:2::/64")
    case.outbound(p, shown(p))
    ip("-6", "route", "del", six.other + "/128", "via", "2001:db8:1::1", "dev", "out0")
    case.check(len(case.replied("in", p)) == 1, "no answer to what has no route any more")
    ip("-6", "route", "del", "unreachable", "2001:db8:2::/64")
    case.outbound(p, shown(p))
    ip("link", "set", "out0", "mtu", "1300")
    case.check(len(case.replied("in", out(six.other, data=b"x" * 1300))) == 1, "no answer to what is too big")
    ip("link", "set", "out0", "mtu", "1500")
    case.check(len(case.replied("in", out(six.other, ttl=1))) == 1, "no answer to what has no hop left")
    before = fast_count(six.gw)
    six.gw.sysctl("ipv6/conf/all/forwarding", 0)
    case.no_way("in", p)
    six.gw.sysctl("ipv6/conf/all/forwarding", 1)
    six.gw.kernel.freeze(six.mapping)
    case.no_way("in", p)
    case.no_way("out", r)
    case.check(fast_count(six.gw) == before, "it translated without forwarding, or frozen")
    six.end()


def routes():
    both = Both("address")
    e, case, gw = both.e[UDP], both.case, both.gw
    gw.kernel.fast("in0", "out0")
    p = e.send()
    case.outbound([p, p], [e.shown(p).routed()] * 2)
    case.check(fast_count(gw) >= 2, "the packets before went the other way")
    neighbour(case, "198.51.100.1", p, e.shown(p).routed())
    # Not to where the packets behind go, of which rig.py expects that they come out.
    p = e.send(dst=S2)
    case.outbound([p, p], [e.shown(p).routed()] * 2)
    ip("route", "add", "blackhole", S2 + "/32")
    case.no_way("in", p)
    ip("route", "del", "blackhole", S2 + "/32")
    case.outbound(p, e.shown(p).routed())
    ip("link", "set", "out0", "mtu", "1000")
    case.check(len(case.replied("in", e.send(data=b"x" * 1200))) == 1, "no answer to what is too big")
    ip("link", "set", "out0", "mtu", "1500")
    case.end()


def ownership():
    both = Both("address")
    e, case, gw = both.e[UDP], both.case, both.gw
    gw.kernel.fast("in0", "out0")
    begun = fast_count(gw)
    p, r = e.send(), e.to(S1, 80)
    case.outbound(p, e.shown(p).routed())
    case.inbound(r, e.hidden(r).routed())
    before = fast_count(gw)
    case.check(before - begun == 2, "%d of 2 took the fast path" % (before - begun))
    gw.kernel.freeze(e.mapping)
    case.no_way("out", r)
    case.no_way("in", p)
    case.check(fast_count(gw) == before, "a frozen mapping translated")
    case.end()


def suspended():
    both = Both("address")
    e, case, gw = both.e[UDP], both.case, both.gw
    gw.kernel.fast("in0", "out0")
    r = e.to(S1, 80)
    case.inbound(r, e.hidden(r).routed())
    gw.kernel.suspend()
    case.no_way("out", r)
    gw.kernel.INCARNATION += 1
    gw.kernel.session(gw.kernel.INCARNATION)
    case.end()


def devices():
    gw = Case.gateways[0]
    for _ in range(3):
        ip("link", "add", "gone0", "type", "dummy")
        gw.kernel.fast("in0", "out0", "gone0")
        ip("link", "del", "gone0")
    try:
        gw.kernel.ask("FAST_SET", talk.attr(U["A_FAST_IFINDEX"], (99999).to_bytes(4, sys.byteorder)))
        raise Wrong("an index that no interface has was taken")
    except OSError:
        pass
    left = gw.kernel.talk.requests.ask(gw.kernel.talk.id, 0, bytes([U["CMD_FAST_GET"], 1, 0, 0]))
    count = (len(left[0][1]) - 4) // 8
    if count != 2:
        raise Wrong("%d interfaces are left, not 2" % count)
    gw.kernel.fast()


os.environ.pop("FAST", None)
rig.start()
for one in KINDS:
    report("S3 S4 the same bytes with it and without, %s" % one, lambda one=one: same(one))
report("S3 S4 the same bytes with it and without, IPv6", same6)
report("B1 B7 S9 IPv6: routes, neighbours, MTU, forwarding and owner change at once", routes6)
report("B7 routes, neighbours and MTU change at once", routes)
report("B1 S9 a frozen mapping translates nothing", ownership)
report("B5 what fails is as it was: an interface that is gone, one that never was", devices)
report("B1 without a session nothing is translated", suspended)
print("end", flush=True)
