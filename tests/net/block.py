#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The checks of 17-block.sh. block.py TOP

What they show of an RFC stands in their text; 4787-2 is 6888-2 and 7857-4, too, 7857-9
is 6888-15, and exhaustion() is 6888-13.
"""
import socket
import struct

import talk
from blocks import (ACK, FIN, GHOST, GHOST2, ICMP, RST, SRV, SRV2, SYN, TCP, UDP, Gate, K, Raw, Watch, check,
                    counted, equal, run, udp_socket, until)

VM1, VM2, VM3, VM4, VM5 = "10.0.0.5", "10.0.0.6", "10.0.0.70", "10.0.0.71", "10.0.0.72"
PUB, PUB2, PUB3, PUB4, PUB5 = ("203.0.113.%d" % i for i in range(10, 15))
BLOCK = K["KIND_BLOCK"]

gw1, gw2 = Gate("gw1"), Gate("gw2")
vm1, srv = Raw("vm1"), Raw("srv")
seen = Watch("srv")
servers = {a: udp_socket("srv", (a, 7000)) for a in (SRV, SRV2)}


def ask(sock, server=SRV):
    """(address, port) that the server sees."""
    sock.sendto(b"x", (server, 7000))
    return servers[server].recvfrom(100)[1]


def first():
    one = udp_socket("vm1", (VM1, 5000))
    one.sendto(b"x", (SRV, 7000))
    equal("S1 the first packet of a VM asks for block 0", (BLOCK, VM1, 0), gw1.miss())
    gw1.grant(1, 1, VM1, 0, PUB, 1024, 64)
    a = servers[SRV].recvfrom(100)[1]
    check("S3 it was held, and goes out by a port of the block",
          a[0] == PUB and 1024 <= a[1] < 1088, a)
    equal("4787-1 another destination, the same public port", a, ask(one, SRV2))
    equal("4787-8 anybody may send to it", b"y",
          [servers[SRV2].sendto(b"y", a), one.recvfrom(100)[0]][1])
    stranger = udp_socket("srv", (SRV2, 7001))
    stranger.sendto(b"z", a)
    equal("6888-7 also who was never sent to", (SRV2, 7001), one.recvfrom(100)[1])
    before = gw1.counter("DROP_NO_BINDING")
    free = next(p for p in range(1024, 1088) if p != a[1])
    stranger.sendto(b"z", (PUB, free))
    equal("B5 a port of the block that nobody has: drop-no-binding", 1,
          counted(gw1, "DROP_NO_BINDING", before))


def ports():
    got = {}
    for port in range(6000, 6040):
        vm1.udp(VM1, port, SRV, 7000)
        got[port] = servers[SRV].recvfrom(100)[1]
    equal("4787-3 forty private ports have forty public ones", 40, len(set(got.values())))
    equal("4787-2 of one address", {PUB}, {a for a, _ in got.values()})
    check("4787-4 of the same parity each", all(p % 2 == a[1] % 2 for p, a in got.items()), got)
    gaps = {b[1] - a[1] for a, b in zip(got.values(), list(got.values())[1:])}
    check("7857-9 not one after the other", len(gaps) > 4, sorted(got.items()))
    equal("B5 bindings are counted in their block", 41,
          int.from_bytes(gw1.mapping(1)[K["A_MAPPING_BINDINGS"]], "little"))
    # 64 ports for 20 even and 21 odd ones.
    gw1.grant(2, 1, VM2, 0, PUB2, 0, 2048)
    vm2 = Raw("vm2")
    low = []
    for port in (7, 500, 1023):
        vm2.udp(VM2, port, SRV, 7000)
        low.append(servers[SRV].recvfrom(100)[1][1])
    check("4787-3a a well-known port gets a well-known port", all(0 < p < 1024 for p in low), low)
    vm2.udp(VM2, 1024, SRV, 7000)
    high = servers[SRV].recvfrom(100)[1][1]
    check("4787-3a another one does not", high >= 1024, high)


def both_block_and(what, payload):
    equal("4787-3 a block %s on the same address is refused" % what, 17,
          gw1.refused("MAPPING_NEW", payload))


def overlaps():
    both_block_and("within another", gw1.block(9, 1, VM5, 0, PUB2, 1024, 512))
    both_block_and("around another", gw1.block(9, 1, VM5, 0, PUB, 0, 4096))
    gw1.grant(9, 1, VM5, 0, PUB, 1088, 64)
    gw1.delete(9, 1)
    equal("a block beside another is taken", 0, gw1.refused(
        "MAPPING_NEW", gw1.block(10, 1, VM5, 0, PUB, 1088, 64)))
    gw1.delete(10, 1)



def state(id_, proto, port):
    b = gw1.binding(id_, proto, port)
    return b and b.state


def becomes(text, wanted, id_, proto, port):
    until(lambda: state(id_, proto, port) == wanted)
    return equal(text, wanted, state(id_, proto, port))


def timers():
    gw1.config(udp_ms=1000 * talk.SLOW, port_hold_off_ms=3000 * talk.SLOW)
    gw1.grant(3, 1, VM3, 0, PUB3, 2048, 8)
    vm1.udp(VM3, 4000, GHOST, 9)
    pub = until(lambda: gw1.binding(3, UDP, 4000)).pub
    becomes("4787-5 unused for udp-ms, a binding rests", "resting", 3, UDP, 4000)
    before = gw1.counter("DROP_NO_BINDING")
    srv.udp(GHOST, 9, PUB3, pub)
    equal("6888-8 nobody outside reaches it then", 1, counted(gw1, "DROP_NO_BINDING", before))
    vm1.udp(VM3, 4000, GHOST, 9)
    becomes("and the same private port has it again", "open", 3, UDP, 4000)
    equal("with the same public port", pub, gw1.binding(3, UDP, 4000).pub)
    becomes("it rests again", "resting", 3, UDP, 4000)
    for port in range(4002, 4010, 2):  # the even ports of the block are four
        vm1.udp(VM3, port, GHOST, 9)
    got = until(lambda: len(gw1.bindings(3)) == 5) and [b.pub for b in gw1.bindings(3)]
    equal("6888-8 no other private port gets it meanwhile", 1, got.count(pub))
    check("4787-4 parity gives way before a port is refused", len(got) == 5, *gw1.bindings(3))
    until(lambda: not gw1.binding(3, UDP, 4000))
    equal("6888-8 after the hold-off it is free", None, gw1.binding(3, UDP, 4000))
    until(lambda: not gw1.bindings(3))
    equal("and so are all others", [], gw1.bindings(3))


def older(ms, id_, proto, port):
    """Waits until that was not used for so long."""
    return until(lambda: getattr(gw1.binding(id_, proto, port), "elapsed", ms) >= ms)


def refresh():
    gw1.config(udp_ms=300000, inbound_refresh=0)
    vm1.udp(VM3, 4000, GHOST, 9)
    pub = until(lambda: gw1.binding(3, UDP, 4000)).pub
    for on, text in ((0, "4787-6 a packet from outside does not refresh when that is off"),
                     (1, "4787-6a but when it is on")):
        gw1.config(inbound_refresh=on)
        older(500, 3, UDP, 4000)
        before = gw1.counter("IN_TRANSLATED")
        srv.udp(GHOST, 9, PUB3, pub)
        counted(gw1, "IN_TRANSLATED", before)
        b = gw1.binding(3, UDP, 4000)
        check(text, (b.elapsed < 450) == bool(on), b)
    older(500, 3, UDP, 4000)
    vm1.udp(VM3, 4000, GHOST, 9)
    check("4787-6 a packet from inside does always",
          until(lambda: gw1.binding(3, UDP, 4000).elapsed < 450), gw1.binding(3, UDP, 4000))


def tcp():
    before = gw1.counter("DROP_NOT_FIRST")
    vm1.tcp(VM3, 80, GHOST, 80, ACK)
    equal("7857-2.1 only a SYN makes a binding: drop-not-first", 1,
          counted(gw1, "DROP_NOT_FIRST", before))

    def out(flags, to=GHOST):
        vm1.tcp(VM3, 80, to, 80, flags)

    def back(flags, of=GHOST):
        srv.tcp(of, 80, PUB3, pub, flags)

    def now(text, wanted):
        return becomes("7857-2.1 " + text, wanted, 3, TCP, 80)

    out(SYN)
    now("a SYN opens", "opening")
    pub = gw1.binding(3, TCP, 80).pub
    back(SYN | ACK)
    now("its answer establishes", "established")
    out(FIN | ACK)
    before = gw1.counter("IN_TRANSLATED")
    back(ACK)
    counted(gw1, "IN_TRANSLATED", before)
    now("one FIN closes half of it", "established")
    back(FIN | ACK)
    now("both FINs close", "closing")
    before = gw1.counter("OUT_TRANSLATED")
    out(ACK)
    counted(gw1, "OUT_TRANSLATED", before)
    now("the last ACK changes nothing", "closing")
    out(SYN)
    now("5382-1 the port is used again", "opening")
    back(SYN)
    now("5382-2a both open at once", "established")
    before = gw1.counter("IN_TRANSLATED")
    back(RST, SRV2)
    counted(gw1, "IN_TRANSLATED", before)
    now("a stranger's reset is none", "established")
    older(500, 3, TCP, 80)
    before = gw1.counter("OUT_TRANSLATED")
    out(RST, SRV2)
    counted(gw1, "OUT_TRANSLATED", before)
    b = gw1.binding(3, TCP, 80)
    check("7857-7.1 nor does turning him away refresh", b.elapsed >= 500 and b.state == "established",
          b)
    back(RST)
    now("2.3 a reset closes", "closing")
    out(ACK)
    now("2.3 what follows shows that it was not believed", "established")
    back(RST)
    now("2.3 a reset closes again", "closing")
    out(SYN, GHOST2)
    now("2.3 then another server is a new connection", "opening")
    out(SYN, GHOST)
    now("to a second remote endpoint: many", "established")
    for flags in (FIN | ACK, RST):
        back(flags)
        out(flags)
    b = until(lambda: gw1.binding(3, TCP, 80))
    check("and then no end can be told", b.state == "established" and b.many, b)
    gw1.config(tcp_opening_ms=1000 * talk.SLOW)
    vm1.tcp(VM3, 81, GHOST, 80, SYN)
    becomes("7857-2.2 without an answer it ends after tcp-opening-ms", "resting", 3, TCP, 81)
    gw1.config(tcp_opening_ms=240000, port_hold_off_ms=0)
    gw1.delete(3, 1)


def exhaustion():
    gw1.told("FILLING")
    gw1.grant(4, 1, VM4, 0, PUB4, 4096, 8)
    for port in range(5001, 5007):
        vm1.udp(VM4, port, GHOST, 9)
    check("6888-4 at three quarters of a block the next is asked for", gw1.asked(BLOCK, VM4, 1))
    equal("with an event", 1, gw1.told("FILLING"))
    for port in (5007, 5008):
        vm1.udp(VM4, port, GHOST, 9)
    until(lambda: len(gw1.bindings(4)) == 8)
    equal("which comes once", (8, 0), (len(gw1.bindings(4)), gw1.told("FILLING")))
    before = gw1.counter("OUT_TRANSLATED")
    vm1.udp(VM4, 5009, GHOST, 9)
    check("S1 when it is full a packet waits for the next one",
          until(lambda: gw1.gauge("HELD_PACKETS") == 1))
    gw1.grant(5, 1, VM4, 1, PUB4, 4104, 8)
    equal("S3 and goes out by that", 1, counted(gw1, "OUT_TRANSLATED", before))
    equal("4787-2 of the same address", [5009], [b.priv for b in gw1.bindings(5)])
    for port in range(5010, 5017):
        vm1.udp(VM4, port, GHOST, 9)
    check("the third is asked for", gw1.asked(BLOCK, VM4, 2))
    gw1.refuse(VM4, 2)
    before = gw1.counter("DROP_BLOCK_FULL")
    told = gw1.gauge("ICMP_SENT")
    for port in (5017, 5018):
        vm1.udp(VM4, port, GHOST, 9)
    equal("6888-4 refused, new ports are dropped: drop-block-full", 2,
          counted(gw1, "DROP_BLOCK_FULL", before, 2))
    equal("5508-8 6888-11 and the VM is told", 2, gw1.gauge("ICMP_SENT") - told)
    before = gw1.counter("OUT_TRANSLATED")
    vm1.udp(VM4, 5001, GHOST, 9)
    equal("6888-11 those that have one go on", 1, counted(gw1, "OUT_TRANSLATED", before))
    gw1.delete(5, 1)
    gw1.config(max_bindings=gw1.gauge("BINDINGS"))
    gw1.grant(5, 2, VM4, 1, PUB4, 4104, 8)
    before = gw1.counter("DROP_BINDINGS_FULL")
    vm1.udp(VM4, 5020, GHOST, 9)
    equal("6888-5 max-bindings holds: drop-bindings-full", 1,
          counted(gw1, "DROP_BINDINGS_FULL", before))
    gw1.config(max_bindings=1000000)


def sessions():
    gw1.config(udp_ms=3000, port_hold_off_ms=120000)
    gw1.told("IDLE")
    gw1.grant(7, 1, VM3, 0, PUB, 2048, 8, preset=1000)
    vm1.udp(VM3, 90, GHOST, 9)
    older(500, 7, UDP, 90)
    equal("S6 while a session uses a block no idle time passes", 0, gw1.elapsed(7))
    check("S6 it is idle some time after its last session ended", until(lambda: gw1.told("IDLE")) and
          [b.state for b in gw1.bindings(7)] == ["resting"], *gw1.bindings(7))
    gw1.config(udp_ms=300000, port_hold_off_ms=0)
    gw1.delete(7, 1)


def filtering():
    gw1.config(filtering=K["FILTERING_ADDRESS_DEPENDENT"])
    gw1.grant(6, 1, VM5, 0, PUB5, 1024, 64)
    vm1.udp(VM5, 5000, SRV, 9)
    pub = until(lambda: gw1.binding(6, UDP, 5000)).pub
    before = gw1.counter("DROP_FILTERED")
    srv.udp(SRV2, 9, PUB5, pub)
    equal("4787-8 address-dependent: a stranger is drop-filtered", 1,
          counted(gw1, "DROP_FILTERED", before))
    before = gw1.counter("IN_TRANSLATED")
    srv.udp(SRV, 10, PUB5, pub)
    equal("who was sent to is not, from whatever port", 1, counted(gw1, "IN_TRANSLATED", before))
    for i in range(100, 163):
        vm1.udp(VM5, 5000, "192.0.2.%d" % i, 9)
    until(lambda: len(gw1.binding(6, UDP, 5000).remotes) == 64)
    vm1.udp(VM5, 5000, SRV2, 9)
    until(lambda: SRV2 in gw1.binding(6, UDP, 5000).remotes)
    remotes = gw1.binding(6, UDP, 5000).remotes
    check("B5 64 addresses are remembered, the oldest gives way",
          len(remotes) == 64 and SRV2 in remotes and SRV not in remotes, remotes)
    gw1.config(filtering=K["FILTERING_ENDPOINT_INDEPENDENT"])


def icmp():
    box = Watch("vm1")
    vm1.echo(VM1, SRV, 1234)
    check("5508-1 an echo comes back with its identifier", box.next(
        lambda proto, src, dst, body: proto == ICMP and body[0] == 0 and
        body[4:6] == struct.pack(">H", 1234)))
    equal("5508-1 by a binding", "open", state(1, ICMP, 1234))
    one = udp_socket("vm1", (VM1, 5200))
    one.connect((SRV, 9))
    one.send(b"x")
    try:
        said = one.recv(10)
    except ConnectionRefusedError:
        said = "refused"
    equal("5508-4 an ICMP error finds the VM's port by its quote", "refused", said)
    b = gw1.binding(1, UDP, 5200)
    equal("4787-12 and ends no binding", "open", b.state)
    one.close()
    outside = udp_socket("srv", (SRV, 7100))
    outside.connect((PUB, b.pub))
    outside.send(b"x")
    try:
        said = outside.recv(10)
    except ConnectionRefusedError:
        said = "refused"
    equal("5508-5 and one from a VM is of the public port", "refused", said)
    large = udp_socket("vm1", (VM1, 5201))
    large.sendto(b"f" * 4000, (SRV, 7000))
    data, at = servers[SRV].recvfrom(5000)
    servers[SRV].sendto(data, at)
    equal("4787-14 fragments, both ways", 4000, len(large.recv(5000)))


def hairpin():
    a, b = udp_socket("vm1", (VM1, 5300)), udp_socket("vm2", (VM2, 5300))
    at = ask(a)
    b.sendto(b"x", at)
    said, by = a.recvfrom(10)
    equal("4787-9a a hairpinned packet comes from the public side", (b"x", PUB2), (said, by[0]))
    a.sendto(b"y", by)
    equal("4787-9 and is answered", (b"y", at), b.recvfrom(10))


def anew():
    gw1.translate("KIND_ADDRESS")
    before = gw1.counter("DROP_NO_BINDING")
    vm1.udp(VM1, 5000, GHOST, 9)
    equal("4787-3 a prefix that is of addresses now uses no block that is left", 1,
          counted(gw1, "DROP_NO_BINDING", before))
    gw1.translate("KIND_BLOCK")
    before = gw1.counter("OUT_TRANSLATED")
    vm1.udp(VM1, 5000, GHOST, 9)
    equal("and of blocks again, it does", 1, counted(gw1, "OUT_TRANSLATED", before))


def move():
    gw1.config(udp_ms=2000 * talk.SLOW, port_hold_off_ms=120000)
    vm1.udp(VM1, 6100, GHOST, 9)
    becomes("before the move, one rests", "resting", 1, UDP, 6100)
    gw1.config(udp_ms=300000)
    one = udp_socket("vm1", (VM1, 6101))
    at = ask(one)
    vm1.tcp(VM1, 6102, GHOST, 80, SYN)
    pub = until(lambda: gw1.binding(1, TCP, 6102)).pub
    srv.tcp(GHOST, 80, PUB, pub, SYN | ACK)
    until(lambda: state(1, TCP, 6102) == "established")
    older(500, 1, UDP, 6101)
    gw1.freeze(1, 1)
    bindings = gw1.bindings(1)
    gw2.config(port_hold_off_ms=120000)
    gw2.grant(1, 1, VM1, 0, PUB, 1024, 64, state="HELD", bindings=bindings)
    had = {(b.proto, b.priv): b for b in bindings}
    has = {(b.proto, b.priv): b for b in gw2.bindings(1)}
    equal("S9 all bindings are at the other gateway", len(had), len(has))
    check("MIG-1 with their public ports and states",
          all((b.pub, b.state, b.many) == (has[k].pub, has[k].state, has[k].many)
              for k, b in had.items()), *had.values(), *has.values())
    late = [(k, b.remaining, has[k].remaining) for k, b in had.items()
            if not b.remaining - 5000 <= has[k].remaining <= b.remaining + 2]
    equal("MIG-3 MIG-7 S7 and with what is left of their times", [], late)
    again = {(b.proto, b.priv): b for b in gw1.bindings(1)}
    equal("S7 they stand still where they were", {k: b.remaining for k, b in had.items()},
          {k: b.remaining for k, b in again.items()})
    before = gw1.counter("DROP_MOVING_OUT")
    servers[SRV].sendto(b"1", at)
    equal("B1 the old gateway does not translate", 1, counted(gw1, "DROP_MOVING_OUT", before))
    net, lan = talk.Routes("net"), talk.Routes("lan")
    net.via(PUB, "198.51.100.12")
    lan.master("vm1", "s2t1")
    servers[SRV].sendto(b"2", at)
    check("S9 held until the grant", until(lambda: gw2.gauge("HELD_PACKETS") == 1))
    gw2.grant(1, 2, VM1, 0, PUB, 1024, 64)
    equal("B3 and then there", b"2", one.recv(10))
    equal("MIG-1 its public port is the same", at, ask(one))
    before = gw2.counter("DROP_NO_BINDING")
    srv.udp(GHOST, 9, PUB, had[(UDP, 6100)].pub)
    equal("MIG-7 the one that rested rests", 1, counted(gw2, "DROP_NO_BINDING", before))
    b = had[(UDP, 6101)]
    gw2.grant(1, 2, VM1, 0, PUB, 1024, 64, bindings=[b])
    equal("a binding that is there is left alone", len(had), len(gw2.bindings(1)))
    srv.tcp(GHOST, 80, PUB, pub, FIN | ACK)
    vm1.tcp(VM1, 6102, GHOST, 80, FIN | ACK)
    until(lambda: gw2.binding(1, TCP, 6102).state == "closing")
    equal("7857-2.1 mig: its connection ends there", "closing", gw2.binding(1, TCP, 6102).state)
    # It comes back before it was told that it is over there: it goes on.
    gw1.grant(1, 3, VM1, 0, PUB, 1024, 64)
    left = {(b.proto, b.priv): b for b in gw1.bindings(1)}
    late = [(k, b.remaining, left[k].remaining) for k, b in had.items()
            if not b.remaining - 5000 <= left[k].remaining <= b.remaining + 2]
    equal("S7 a resumed block's timers go on from where they stood", [], late)


def empty():
    for id_, epoch in ((1, 3), (2, 1), (4, 1), (5, 2), (6, 1)):
        gw1.delete(id_, epoch)
    gw2.delete(1, 2)
    equal("B5 no binding is left", (0, 0), (gw1.gauge("BINDINGS"), gw2.gauge("BINDINGS")))


run([first, ports, overlaps, timers, refresh, tcp, exhaustion, sessions, filtering, icmp, hairpin, anew, move, empty])
