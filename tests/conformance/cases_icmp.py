# SPDX-License-Identifier: GPL-2.0
"""ICMP errors, forwarded and of the gateway itself: RFC 5508, and what RFC 4787 and
RFC 5382 say of ICMP.
"""
from case import case
from packet import (ACK, DESTINATION, ICMP, TCP, UDP, Icmp, Packet, Raw, Udp, csum, error,
                    icmp_error)

RECORD_ROUTE = bytes.fromhex("0107070400000000")
TOO_BIG = (1400).to_bytes(4, "big")


def from_outside(t, e, p, who=None, kind=3, code=1, quoted=8, **more):
    """An error about what the VM sent as @p reaches the VM, as if it had no NAT."""
    who = who or t.hop
    t.inbound(error(who, e.pub, kind, code, e.shown(p).but(ttl=50), quoted, **more),
              error(who, e.vm, kind, code, p.but(ttl=50), quoted, **more).routed())


def from_inside(t, e, r, kind=3, code=3, quoted=8, **more):
    """An error of the VM about @r, which was sent to its public side."""
    t.outbound(error(e.vm, r.src, kind, code, e.hidden(r).but(ttl=50), quoted, **more),
               error(e.pub, r.src, kind, code, r.but(ttl=50), quoted, **more).routed())


def ends(t, protos=(UDP, TCP, ICMP)):
    return [t.endpoint(p, 4000 + p) for p in protos]


@case("5508-4", "4787-12b", "5382-9", "5508-10", mig=True)
def errors_from_outside(t):
    """Unreachable, time exceeded, parameter problem, source quench, redirect: each
    about UDP, TCP and a query, quote and destination translated back
    """
    es = ends(t)
    t.move()
    for e in es:
        p = e.send()
        for kind, code, rest in ((3, 0, 0), (3, 1, 0), (3, 2, 0), (3, 3, 0), (3, 4, 1400), (3, 13, 0),
                                 (11, 0, 0), (12, 0, 0x14 << 24),
                                 *(() if t.v6 else ((4, 0, 0), (5, 1, 0xC6336401)))):
            from_outside(t, e, p, kind=kind, code=code, rest=rest.to_bytes(4, "big"))
        # All of the packet, with the checksum of TCP in it.
        from_outside(t, e, p, quoted=1000)


@case("5508-4")
def error_about_nothing(t):
    """An error about a packet that no mapping sent is dropped"""
    e = t.endpoint(UDP)
    p = Packet(e.pub, t.s1, Udp(e.pubport + 7, 53))
    if t.kind == "address":     # any port of it is ours
        p = Packet("2001:db8:ff00:1::1" if t.v6 else "198.18.255.1", t.s1, Udp(4000, 53))
    t.no_way("out", error(t.hop, p.src, 3, 1, p), error(t.hop, e.pub, 3, 1, p.but(src=t.s2)))


@case("5508-5", "5508-10", mig=True)
def errors_from_inside(t):
    """Port unreachable and others of the VM, about UDP, TCP and a query"""
    es = ends(t)
    t.move()
    for e in es:
        r = e.to()
        for kind, code, rest in ((3, 3, 0), (3, 2, 0), (3, 4, 1400), (11, 1, 0), (12, 0, 0)):
            from_inside(t, e, r, kind=kind, code=code, rest=rest.to_bytes(4, "big"))
        from_inside(t, e, r, quoted=1000)


@case("5508-5")
def error_from_inside_about_nothing(t):
    """An error of a VM about a packet that no mapping got is dropped, and counted"""
    e = t.endpoint(UDP)
    before = t.gw.kernel.counters()
    r = Packet(t.s1, t.vm(), Udp(53, 4000))
    t.no_way("in", error(e.vm, t.s1, 3, 3, r))
    t.counted("drop-icmp-quote", before)


@case("5508-5c", kinds="address address6")
def error_of_router_with_mapping(t):
    """A VM that routes for another reports with its own public address"""
    e, router = t.endpoint(UDP), t.endpoint(UDP)
    r = e.to()
    t.outbound(error(router.vm, t.s1, 3, 1, e.hidden(r)), error(router.pub, t.s1, 3, 1, r).routed())


@case("5508-5c")
def error_of_router_without(t):
    """A host inside without a mapping reports with the address of the mapping"""
    e = t.endpoint(UDP)
    r = e.to()
    t.outbound(error(t.vm(), t.s1, 11, 0, e.hidden(r)), error(e.pub, t.s1, 11, 0, r).routed())


@case("5508-3", mig=True)
def bad_icmp_checksum(t):
    """An error whose checksum is wrong is dropped, in both directions"""
    e = t.endpoint(UDP)
    t.move()
    p, r = e.shown(e.send()), e.hidden(e.to())
    for side, packet in (("out", error(t.hop, e.pub, 3, 1, p)), ("in", error(e.vm, t.s1, 3, 3, r))):
        wrong = Packet(packet.src, packet.dst,
                       Icmp(packet.l4.kind, packet.l4.code, packet.l4.body, 0x1111, t.v6))
        t.no_way(side, wrong)


@case("5508-3a", kinds="address port block")
def bad_quoted_ip_checksum(t):
    """An error whose quoted IP header has a wrong checksum is dropped"""
    e = t.endpoint(UDP)
    t.no_way("out", error(t.hop, e.pub, 3, 1, e.shown(e.send()).but(check=0x1234)))
    t.no_way("in", error(e.vm, t.s1, 3, 3, e.hidden(e.to()).but(check=0x1234)))


def options(p, of_4):
    """@of_4, or the header of IPv6 that has a destination's options: eight bytes of none."""
    return (DESTINATION, bytes([p.l4.proto, 0, 1, 4, 0, 0, 0, 0])) if ":" in p.src else of_4


@case("5508-3b", mig=True)
def options_in_quote(t):
    """The quoted packet has IP options, or extension headers: its ports are found behind them"""
    es = ends(t)
    t.move()
    for e in es:
        p, r = e.send(), e.to()
        from_outside(t, e, p.but(options=options(p, RECORD_ROUTE)))
        from_inside(t, e, r.but(options=options(r, RECORD_ROUTE)))


@case("5508-3b")
def options_outside(t):
    """The error itself has IP options, or an extension header"""
    e = t.endpoint(UDP)
    for gw in t.gateways:
        gw.sysctl("ipv4/conf/all/accept_source_route", 0)
    p = e.send()
    sent, wanted = error(t.hop, e.pub, 3, 1, e.shown(p)), error(t.hop, e.vm, 3, 1, p)
    some = options(sent, b"\x01\x01\x01\x00")
    t.inbound(sent.but(options=some), wanted.but(options=some).routed())


def sum16(a, b):
    return (a + b) % 0xFFFF or 0xFFFF


@case("5508-3c")
def quoted_transport_checksum(t):
    """A wrong quoted UDP checksum is no reason to drop: it stays as wrong as it was"""
    e = t.endpoint(UDP)
    p = e.send()
    q = e.shown(p)
    right_out = int.from_bytes(q.payload()[6:8], "big")
    right_in = int.from_bytes(p.payload()[6:8], "big")
    off = 0x0101
    q = Packet(q.src, q.dst, Udp(q.l4.sport, 53, check=sum16(right_out, off)))
    p = Packet(p.src, p.dst, Udp(p.l4.sport, 53, check=sum16(right_in, off)))
    t.inbound(error(t.hop, e.pub, 3, 1, q), error(t.hop, e.vm, 3, 1, p).routed())


@case("5508-3c")
def quoted_without_checksum(t):
    """A quoted UDP packet without checksum stays without"""
    e = t.endpoint(UDP)
    p = e.send()
    p = Packet(p.src, p.dst, Udp(e.port, 53, check=0))
    from_outside(t, e, p)
    r = e.to()
    from_inside(t, e, Packet(r.src, r.dst, Udp(53, e.pubport, check=0)))


@case("5508-3d", mig=True)
def extensions(t):
    """RFC 4884 extensions behind the quote stay as they are"""
    e = t.endpoint(UDP)
    t.move()
    body = bytes.fromhex("00080101") + bytes.fromhex("12345101")   # an MPLS label
    head = bytes.fromhex("20000000")
    more = head[:2] + csum(head + body).to_bytes(2, "big") + body
    p = e.send(data=bytes(range(200)))
    # The quote's length: of IPv4 in words, of IPv6 in double words.
    rest = bytes([16, 0, 0, 0] if t.v6 else [0, 32, 0, 0])
    for kind, code in ((11, 0), (3, 1)):
        from_outside(t, e, p, kind=kind, code=code, quoted=128 - p.head(), rest=rest, more=more)
    from_inside(t, e, e.to(data=bytes(range(200))), quoted=128 - p.head(), rest=rest, more=more)


@case("5508-4")
def short_quotes(t):
    """Eight bytes of the transport are enough, fewer are dropped; link padding is none"""
    for e in ends(t):
        p = e.send()
        from_outside(t, e, p, quoted=8)
        t.no_way("out", error(t.hop, e.pub, 3, 1, e.shown(p), 7), error(t.hop, e.pub, 3, 1, e.shown(p), 0))
        r = e.to()
        from_inside(t, e, r, quoted=8)
        t.no_way("in", error(e.vm, t.s1, 3, 3, e.hidden(r), 7))


@case("5508-4", kinds="address address6", mig=True)
def quote_of_other_protocols(t):
    """Errors about GRE, SCTP, a fragment without ports: an address mapping knows them"""
    e = t.endpoint(UDP)
    t.move()
    for p in (Packet(e.vm, t.s1, Raw(47, bytes(20))), Packet(e.vm, t.s1, Raw(132, bytes(20))),
              Packet(e.vm, t.s1, Raw(UDP, bytes(range(64))), df=False, offset=1480)):
        from_outside(t, e, p)


@case("4787-12", "5382-10", mig=True)
def error_ends_nothing(t):
    """After every kind of error, in both directions, the mapping goes on"""
    es = ends(t)
    for e in es:
        for kind, code in ((3, 0), (3, 1), (3, 3), (3, 13), (11, 0), (12, 0)):
            from_outside(t, e, e.send(), kind=kind, code=code)
            from_inside(t, e, e.to(), kind=kind, code=code)
    t.move()
    for e in es:
        t.passes(e)
    t.check("deleted" not in t.gw.kernel.events(e.mapping), "a mapping was deleted")


@case("4787-12a", mig=True)
def error_from_anybody(t):
    """Whoever on the way sends the error: it is not filtered by its source"""
    e = t.endpoint(UDP)
    t.move()
    for who in (t.s1, t.s2, t.hop, "2620:fe::fe" if t.v6 else "8.8.4.4"):
        from_outside(t, e, e.send(t.s1), who=who)


@case("5508-6", mig=True)
def error_refreshes_nothing(t):
    """An error about a query, or anything else, leaves the idle clock as it is"""
    for e in [t.endpoint(p, 4000 + p, elapsed=100000) for p in (ICMP, UDP)]:
        from_outside(t, e, e.send())
        from_inside(t, e, e.to())
        t.check(t.elapsed(e) >= 99990, "the idle clock says %d" % t.elapsed(e))
    t.move()
    t.check(t.elapsed(e) >= 99990, "after the move the idle clock says %d" % t.elapsed(e))
    from_outside(t, e, e.send())
    t.check(t.elapsed(e) >= 99990, "after another error the idle clock says %d" % t.elapsed(e))


@case("7857-7.1", mig=True)
def own_error_refreshes_nothing(t):
    """A port unreachable of the VM in answer to an inbound packet does not refresh"""
    e = t.endpoint(UDP, elapsed=100000)
    t.move()
    from_inside(t, e, e.to())
    t.check(t.elapsed(e) >= 99990, "the idle clock says %d" % t.elapsed(e))


@case("5508-7", "5508-7a", "7857-12", mig=True)
def error_hairpin(t):
    """An error of one VM about a packet of another, both known by public sides"""
    for proto in (UDP, TCP):
        a, b = t.endpoint(proto, 4000), t.endpoint(proto, 4001)
        p = b.named(a.send())
        seen = b.hidden(a.shown(p))
        t.hairpin(p, seen.routed())
        t.move()
        t.hairpin(error(b.vm, a.pub, 3, 3, seen.but(ttl=50)),
                  error(b.pub, a.vm, 3, 3, p.but(ttl=50)).routed())
        if t.moves:
            return


def own(src, dst, kind, code, about, rest=b"\0\0\0\0"):
    """An error that the gateway itself makes: Linux quotes as much as fits in 576 bytes, or for
    IPv6 in 1280.
    """
    v6 = ":" in src
    return Packet(src, dst, icmp_error(v6, kind, code, rest + about.bytes()[:1232 if v6 else 548]),
                  tos=0 if v6 else 0xC0, df=False)


def unknown(t):
    """A packet of a VM that has nothing, and what names its mapping."""
    p = Packet(t.vm(), t.s1, Udp(4000, 53))
    return p, (UDP, 4000) if t.kind == "port" else ()


@case("5508-8", "6888-11", "4787-11")
def refused(t):
    """No mapping to be had: the packet is dropped and counted, 3/13 says so, others
    keep theirs
    """
    other = t.endpoint(UDP)
    t.gw.kernel.register()
    t.later(t.gw.kernel.unregister)
    before = t.gw.kernel.counters()
    p, side = unknown(t)
    t.no_way("in", p)
    t.gw.kernel.missed()
    t.gw.kernel.refuse(p.src, *side, hold_off=60000)
    wanted = own(t.gw_inside, p.src, 3, 13, p.routed())
    t.awaits("in", wanted)
    # While it is refused each further packet is told at once.
    t.tells("in", p, wanted)
    t.counted("drop-refused", before)
    t.passes(other)


@case("MIG-6", "5508-8", "6888-11")
def nobody_answers(t):
    """Nobody grants and nobody refuses: 3/13 when the packet has waited long enough; who has a
    mapping goes on meanwhile
    """
    other = t.endpoint(UDP)
    t.gw.kernel.register()
    t.later(t.gw.kernel.unregister)
    t.gw.kernel.config(hold_ms=1000)
    t.later(lambda: t.gw.kernel.config(hold_ms=5000))
    before = t.gw.kernel.counters()
    p, _ = unknown(t)
    t.no_way("in", p)
    t.passes(other)
    t.awaits("in", own(t.gw_inside, p.src, 3, 13, p.routed()))
    t.counted("drop-deadline", before)
    t.passes(other)


@case("5508-9")
def silenced(t):
    """icmp-rate 0: refused in silence"""
    t.gw.kernel.config(icmp_rate=0)
    t.later(lambda: t.gw.kernel.config(icmp_rate=1000000))
    t.gw.kernel.register()
    t.later(t.gw.kernel.unregister)
    p, side = unknown(t)
    t.no_way("in", p)
    t.gw.kernel.missed()
    t.gw.kernel.refuse(p.src, *side, hold_off=60000)
    t.no_way("in", p)


def small(t, dev):
    gw = t.gw
    gw.mtu(dev, 1280)
    t.later(lambda: gw.mtu(dev, 1500))


MTU = (1280).to_bytes(4, "big")


@case("4787-13", "5508-10", mig=True)
def too_big_outbound(t):
    """Too big with DF: the VM is told, with its own packet in the quote"""
    es = ends(t)
    t.move()
    small(t, "out0")
    for e in es:
        p = e.send()
        p = p.but(data=bytes(1300)) if e.proto != TCP else p.but(data=bytes(1300), flags=ACK)
        t.tells("in", p, own(t.gw_inside, e.vm, 3, 4, p, MTU))


@case("4787-13", mig=True)
def too_big_inbound(t):
    """Too big with DF from outside: the sender is told, with the public side in the quote"""
    es = ends(t)
    t.move()
    small(t, "in0")
    for e in es:
        r = e.to().but(data=bytes(1300))
        t.tells("out", r, own(t.outside(), t.s1, 3, 4, r, MTU))


@case("4787-13")
def too_big_beyond(t):
    """A router beyond says that a translated packet is too big, and the VM hears of it"""
    for e in ends(t):
        p = e.send().but(data=bytes(1300))
        from_outside(t, e, p, kind=3, code=4, quoted=528, rest=TOO_BIG)
        from_outside(t, e, p, kind=3, code=4, quoted=8, rest=TOO_BIG)


@case("4787-13", mig=True)
def too_big_hairpin(t):
    """Too big on the way from one VM to another's public side: the error quotes that side.
    About the same packet to the private one it quotes the private one
    """
    a, b = t.endpoint(UDP, 4000), t.endpoint(UDP, 4001)
    t.move()
    t.gw.route(b.vm, "in0", 1280)
    t.later(lambda: t.gw.route(b.vm, None))
    p = b.named(a.send(data=bytes(1300)))
    for _ in range(2):
        t.tells("in", p, own(t.gw_inside, a.vm, 3, 4, p, MTU))
        direct = a.send(data=bytes(1300)).but(dst=b.vm, dport=b.port)
        t.tells("in", direct, own(t.gw_inside, a.vm, 3, 4, direct, MTU))


@case("5508-10", "traceroute", mig=True)
def traceroute_hairpin(t):
    """Time exceeded of the gateway, between two VMs that know each other's public side"""
    a, b = t.endpoint(UDP, 4000), t.endpoint(UDP, 4001)
    t.move()
    p = b.named(a.send(ttl=1))
    t.tells("in", p, own(t.gw_inside, a.vm, 11, 0, p))


@case("5508-10", "traceroute", mig=True)
def traceroute(t):
    """Time exceeded of the gateway, both ways, and of a router beyond"""
    es = ends(t)
    t.move()
    for e in es:
        p = e.send(ttl=1)
        t.tells("in", p, own(t.gw_inside, e.vm, 11, 0, p))
        r = e.to(ttl=1)
        t.tells("out", r, own(t.outside(), t.s1, 11, 0, r))
        p = e.send(ttl=2)
        t.outbound(p, e.shown(p).routed())
        from_outside(t, e, p.but(ttl=1), kind=11, code=0)
