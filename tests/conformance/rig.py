# SPDX-License-Identifier: GPL-2.0
"""Two gateways whose every wire ends in this process, and what a case says.

      VMs (this process)                                    the internet (this process)
      in1 ──────────── in0 gw1 out0 ──────────────────────── out1
      in2 ──────────── in0 gw2 out0 ──────────────────────── out2

36-conformance.sh makes the namespaces. A case sends frames and names, byte for byte,
each frame that must come out, on any wire; nothing else may. No clock decides that
nothing came: a packet that nobody translates is sent behind, on the same CPU, and
when it has come through in both directions, so has all before it.
"""
import os
import select
import socket
import struct

from kernel import ACTIVE, HELD, Kernel, Mapping, binding_attr, talk
from packet import ICMP, TCP, UDP, V4, V6, Echo, Packet, Raw, Tcp, Udp, address

GW_IN = bytes.fromhex("02000a000001")
GW_OUT = "02000b00000%d"
VM_MAC = bytes.fromhex("02000e000005")
ROUTER = bytes.fromhex("02000d000001")
OTHER_ROUTER = bytes.fromhex("02000d000009")
OUTSIDER = "192.0.2.%d", "2001:db8:2::%x"    # of IPv4, of IPv6
S1, S2 = OUTSIDER[0] % 2, OUTSIDER[0] % 3
HOP = "198.51.100.77"    # a router outside that never got a packet of a VM
HOP6 = "2001:db8:1::77"
GW_INSIDE = "10.0.0.1", "fd00::1"
GW_OUTSIDE = "198.51.100.1%d", "2001:db8:1::1%d"
NEXT = {False: {"in0": "10.0.0.2", "out0": "198.51.100.1"},
        True: {"in0": "fd00::2", "out0": "2001:db8:1::1"}}
# kind: how its private and public addresses begin
NETS = {"address": ("10.1.%d.%d", "198.18.%d.%d"), "port": ("10.2.%d.%d", "198.19.%d.%d"),
        "block": ("10.3.%d.%d", "198.19.1%02d.%d"),
        "address6": ("fd00:1::%x:%x", "2001:db8:ff00::%x:%x")}
INSIDE = [("10.1.0.0/16", "address", 1), ("10.2.0.0/16", "port", 1), ("10.3.0.0/16", "block", 1),
          ("fd00:1::/64", "address", 1)]
LISTENERS = bytes.fromhex("333300000016")    # who hears what multicast a host wants
BLOCK = 1024    # ports
TIME = {UDP: ("udp_ms", 300000), TCP: ("tcp_established_ms", 7440000), ICMP: ("icmp_ms", 60000)}
WAIT = 20 * talk.SLOW


class Wrong(Exception):
    """What a case found."""


class Wires:
    """A packet socket at the far end of each link of the gateways."""

    def __init__(self):
        self.sock, self.poll, self.name = {}, select.poll(), {}
        self.count = 0
        for name in ("in1", "out1", "in2", "out2"):
            with talk.inside("wires"):
                s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
                s.bind((name, 3))
            s.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
            s.setsockopt(socket.SOL_SOCKET, 33, 1 << 22)  # SO_RCVBUFFORCE
            s.setblocking(False)
            self.sock[name], self.name[s.fileno()] = s, name
            self.poll.register(s, select.POLLIN)

    @staticmethod
    def frame(wire, packet):
        """From the far end of @wire to the gateway."""
        data = packet.bytes() if isinstance(packet, Packet) else packet
        kind = V6 if data[0] >> 4 == 6 else V4
        if wire.startswith("in"):
            return GW_IN + VM_MAC + struct.pack("!H", kind) + data
        return bytes.fromhex(GW_OUT % int(wire[-1])) + ROUTER + struct.pack("!H", kind) + data

    @staticmethod
    def arrival(wire, packet):
        """From the gateway to the far end of @wire."""
        data = packet.bytes() if isinstance(packet, Packet) else packet
        kind = V6 if data[0] >> 4 == 6 else V4
        if wire.startswith("in"):
            return VM_MAC + GW_IN + struct.pack("!H", kind) + data
        return ROUTER + bytes.fromhex(GW_OUT % int(wire[-1])) + struct.pack("!H", kind) + data

    def barriers(self, gateways):
        """{frame that must arrive: None}, after sending what becomes of it."""
        awaited = {}
        for n in gateways:
            self.count += 1
            for a, b, src, dst in (("in", "out", "10.9.9.9", S1), ("out", "in", S1, "10.9.9.9")):
                p = Packet(src, dst, Raw(253, struct.pack("!QB", self.count, n)))
                self.sock["%s%d" % (a, n)].send(self.frame("%s%d" % (a, n), p))
                awaited["%s%d" % (b, n), self.arrival("%s%d" % (b, n), p.routed())] = None
        return awaited

    def through(self, sent, gateways=(1,)):
        """Sends [(wire, packet)] and gives all that came out, in order."""
        for wire, packet in sent:
            self.sock[wire].send(self.frame(wire, packet))
        awaited, came = self.barriers(gateways), []
        while awaited:
            ready = self.poll.poll(WAIT * 1000)
            if not ready:
                raise Wrong("the gateway stands still: the packets behind did not come")
            for fd, _ in ready:
                name = self.name[fd]
                while True:
                    try:
                        data = self.sock[name].recv(1 << 16)
                    except BlockingIOError:
                        break
                    if (name, data) in awaited:
                        del awaited[name, data]
                    elif data[:6] != LISTENERS:
                        came.append((name, data))
        return came


class Endpoint:
    """A port (or query id) of a VM, and what it is called outside."""

    def __init__(self, kind, mapping, vm, pub, proto, port, pubport):
        self.kind, self.mapping, self.vm, self.pub = kind, mapping, vm, pub
        self.proto, self.port, self.pubport = proto, port, pubport
        self.v6 = ":" in vm

    def ports(self, packet, name, port):
        if isinstance(packet.l4, Echo):
            return {"echo": port}
        return {name: port} if hasattr(packet.l4, "sport") else {}

    def shown(self, packet):
        """As it is seen outside."""
        return packet.but(src=self.pub, **self.ports(packet, "sport", self.pubport))

    def hidden(self, packet):
        """A packet to its public side as the VM sees it."""
        return packet.but(dst=self.vm, **self.ports(packet, "dport", self.port))

    def named(self, packet):
        """A packet to the VM as somebody outside would have to send it."""
        return packet.but(dst=self.pub, **self.ports(packet, "dport", self.pubport))

    def send(self, dst="", dport=53, **changes):
        """A first packet of the VM."""
        l4 = {UDP: Udp(self.port, dport), TCP: Tcp(self.port, dport),
              ICMP: Echo(self.port, v6=self.v6)}
        return Packet(self.vm, dst or OUTSIDER[self.v6] % 2, l4[self.proto]).but(**changes)

    def to(self, src="", sport=53, **changes):
        """A packet from outside to its public side."""
        l4 = {UDP: Udp(sport, self.pubport), TCP: Tcp(sport, self.pubport, SYN_ACK),
              ICMP: Echo(self.pubport, True, v6=self.v6)}
        return Packet(src or OUTSIDER[self.v6] % 2, self.pub, l4[self.proto]).but(**changes)


SYN_ACK = 18


class Gateway:
    def __init__(self, number):
        self.number, self.name = number, "gw%d" % number
        self.inner, self.outer = "in%d" % number, "out%d" % number
        self.kernel = Kernel(self.name)
        with talk.inside(self.name):
            self.ifindex = {d: socket.if_nametoindex(d) for d in ("in0", "out0")}

    def prefixes(self, which=INSIDE):
        return [(self.ifindex["in0"], p, k, z) for p, k, z in which]

    def sysctl(self, path, value):
        with talk.inside(self.name), open("/proc/sys/net/" + path, "w", encoding="ascii") as f:
            f.write(str(value))

    def rtnetlink(self, kind, flags, payload):
        nl = talk.Netlink(self.name, socket.NETLINK_ROUTE)
        nl.ask(kind, talk.ACK | flags, payload)
        nl.close()

    def mtu(self, dev, value):
        self.rtnetlink(16, 0, struct.pack("=BBHiII", 0, 0, 0, self.ifindex[dev], 0, 0) +
                       talk.attr(4, struct.pack("=I", value)))

    def route(self, to, dev, mtu=0):
        """A host is reached through that interface; None: no such route."""
        v6, host = ":" in to, address(to)
        body = struct.pack("=BBBBBBBBI", socket.AF_INET6 if v6 else socket.AF_INET, len(host) * 8,
                           0, 0, 254, 4 if dev else 0, 0 if dev else 255, 1 if dev else 0, 0) + \
            talk.attr(1, host)
        if dev:
            body += talk.attr(5, address(NEXT[v6][dev]))
        if mtu:
            # Locked: of a route to forward by, IPv6 minds no other.
            body += talk.attr(8 | 0x8000, talk.attr(1, struct.pack("=I", 1 << 2)) +
                              talk.attr(2, struct.pack("=I", mtu)))
        self.rtnetlink(24 if dev else 25, talk.CREATE | talk.REPLACE if dev else 0, body)


class Case:
    """What one case works with: fresh addresses, a kind of mapping, a gateway."""
    serial = 0
    wires = gateways = None

    def __init__(self, kind, moves):
        self.v6 = kind == "address6"
        self.kind, self.moves = "address" if self.v6 else kind, moves
        self.nets = NETS[kind]
        self.s1, self.s2 = self.outsider(2), self.outsider(3)
        self.hop, self.gw_inside = HOP6 if self.v6 else HOP, GW_INSIDE[self.v6]
        self.gw = self.gateways[0]
        self.mappings, self.undo = [], []

    # ---- mappings ----

    def fresh(self):
        """Addresses that nobody had: a VM's, and a public one."""
        Case.serial += 1
        tail = divmod(Case.serial + 10, 250)
        tail = tail[0], tail[1] + 1
        return self.nets[0] % tail, self.nets[1] % tail

    def outsider(self, n):
        """Somebody outside."""
        return OUTSIDER[self.v6] % n

    def outside(self):
        """The gateway's own address there."""
        return GW_OUTSIDE[self.v6] % self.gw.number

    def vm(self):
        return self.fresh()[0]

    def endpoint(self, proto=UDP, port=4000, pubport=None, vm=None, pub=None, **timer):
        """A VM's port with a mapping here; of the same vm with pub given."""
        if not vm:
            vm, fresh = self.fresh()
            pub = pub or fresh
        m = next((m for m in self.mappings if m.vm == vm), None)
        if self.kind == "address":
            pubport = port
            if not m:
                m = self.grant(Mapping("address", vm, pub, **timer))
        elif self.kind == "port":
            pubport = pubport or 10000 + port % 20000
            m = self.grant(Mapping("port", vm, pub, proto, port, pubport, **timer))
        else:
            if m:   # a port of it that nobody has
                return Endpoint(self.kind, m, vm, pub, proto, port, m.pubport)
            m, pubport = self.block(vm, pub, proto, port, **timer)
        return Endpoint(self.kind, m, vm, pub, proto, port, pubport)

    def block(self, vm, pub, proto, port, preset=0, elapsed=0):
        """A block of ports with one binding in it, as it comes from another gateway."""
        name, default = TIME[proto]
        if elapsed >= default:
            preset = preset or elapsed + 200000
        if preset:
            for gw in self.gateways:
                gw.kernel.config(**{name: preset})
                self.later(lambda gw=gw: gw.kernel.config(**{name: default}))
        base = BLOCK * (1 + Case.serial % 60)
        m = Mapping("block", vm, pub, pubport=base, ports=BLOCK)
        pubport = base + (port + 100) % BLOCK
        self.grant(m, extra=binding_attr(proto, port, pubport, elapsed,
                                         (preset or default) - elapsed))
        return m, pubport

    def grant(self, m, **more):
        self.gw.kernel.grant(m, **more)
        self.mappings.append(m)
        return m

    def move(self):
        """In the run across a migration, what agents do: frozen, handed over, granted
        at the next epoch there, gone here. From then on the other gateway works.
        """
        if not self.moves:
            return
        old, new = self.gw, self.gateways[2 - self.gw.number]
        for m in self.mappings:
            timer = old.kernel.freeze(m)
            new.kernel.grant(m, HELD, elapsed=timer["elapsed"], extra=old.kernel.handed_over(m))
            m.epoch += 1
            new.kernel.grant(m, ACTIVE, timer=False)
            m.epoch -= 1
            old.kernel.delete(m)
            m.epoch += 1
        self.gw = new

    def timer(self, e):
        """The idle clock of an endpoint, in ms: of a block it is that of its binding."""
        if e.kind == "block":
            return self.gw.kernel.binding(e.mapping, e.proto, e.port)
        return self.gw.kernel.timer(e.mapping)

    def elapsed(self, e):
        return self.timer(e)["elapsed"]

    # ---- packets ----

    def wire(self, side):
        return "%s%d" % (side, self.gw.number)

    def both(self, sent, wanted, gateways=None, about=""):
        """Exactly @wanted [(wire, packet)] comes of @sent, in that order per wire."""
        came = self.wires.through(sent, gateways or (self.gw.number,))
        wanted = [(w, Wires.arrival(w, p)) for w, p in wanted]
        if sorted(w for w, _ in wanted) != sorted(w for w, _ in came) or any(
                [f for w, f in wanted if w == name] != [f for w, f in came if w == name]
                for name in {w for w, _ in wanted}):
            raise Wrong("%swanted:%s\ngot:%s" % (about and about + "\n", show(wanted), show(came)))

    def through(self, side, packets, to, wanted, **more):
        def some(x):
            return x if isinstance(x, list) else [x]
        self.both([(self.wire(side), p) for p in some(packets)],
                  [(self.wire(to), p) for p in some(wanted)], **more)

    def outbound(self, packets, wanted):
        self.through("in", packets, "out", wanted)

    def inbound(self, packets, wanted):
        self.through("out", packets, "in", wanted)

    def hairpin(self, packets, wanted):
        self.through("in", packets, "in", wanted)

    def bounced(self, side, packets, wanted):
        """Answered to where it came from."""
        self.through(side, packets, side, wanted)

    def no_way(self, side, *packets):
        """Nothing comes of it, nowhere."""
        self.both([(self.wire(side), p) for p in packets], [])

    def passes(self, e, **changes):
        """A packet of the VM and its answer go through @e."""
        p = e.send(**changes)
        self.outbound(p, e.shown(p).routed())
        self.answered(e, p)

    def answered(self, e, p):
        src, l4 = p.dst, p.l4
        if isinstance(l4, Echo):
            r = e.to(src)
        else:
            r = e.to(src, l4.dport)
        self.inbound(r, e.hidden(r).routed())

    def replied(self, side, packets):
        """What the gateway itself says: what came back, as IP packets. Its
        identification is random, so these are looked at and not foretold.
        """
        packets = packets if isinstance(packets, list) else [packets]
        came = self.wires.through([(self.wire(side), p) for p in packets], (self.gw.number,))
        if any(w != self.wire(side) for w, _ in came):
            raise Wrong("an answer was wanted, got:%s" % show(came))
        return [f[14:] for _, f in came]

    @staticmethod
    def same(side, got, wanted):
        if len(got) == 1 and got[0][0] >> 4 == 4:
            wanted = wanted.but(ident=int.from_bytes(got[0][4:6], "big"))
        if got != [wanted.bytes()]:
            raise Wrong("wanted:%s\ngot:%s" % (
                show([(side, bytes(14) + wanted.bytes())]), show([(side, bytes(14) + g) for g in got])))

    def tells(self, side, packet, wanted):
        """The gateway answers with @wanted, but for the identification."""
        self.same(side, self.replied(side, packet), wanted)

    def awaits(self, side, wanted):
        """It says so by itself, sooner or later, to that side alone."""
        self.wires.poll.poll(WAIT * 1000)
        self.same(side, self.replied(side, []), wanted)

    def counted(self, name, before):
        now = self.gw.kernel.counters()[name]
        if now - before.get(name, 0) < 1:
            raise Wrong("%s was not counted" % name)

    def check(self, ok, text):
        if not ok:
            raise Wrong(text)

    def later(self, what):
        """To be undone after the case, whatever it found."""
        self.undo.append(what)

    def end(self):
        for what in reversed(self.undo):
            what()
        for m in self.mappings:
            for gw in self.gateways:
                try:
                    gw.kernel.delete(m)
                except OSError:
                    pass  # not here, or of another epoch: the ids are never used again
        for gw in self.gateways:
            list(gw.kernel.talk.told())


def show(frames):
    if not frames:
        return " nothing"
    return "".join("\n  %-5s %s" % (w, f.hex(" ", -4)) for w, f in frames)


def start():
    os.sched_setaffinity(0, {0})
    Case.wires = Wires()
    Case.gateways = [Gateway(1), Gateway(2)]
    for gw in Case.gateways:
        gw.kernel.session()
        gw.kernel.inside(gw.prefixes())
        gw.kernel.config(icmp_rate=1000000)
