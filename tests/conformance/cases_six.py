# SPDX-License-Identifier: GPL-2.0
"""What only IPv6 has. The other rooms' cases run for its address mappings, too."""
import struct

from case import case
from packet import (ACK, DESTINATION, FRAGMENT, HOP_BY_HOP, ICMP, ROUTING, TCP, UDP, Packet, Raw,
                    Udp, address)

AUTHENTICATION = 51
PADDING = bytes([0, 1, 4, 0, 0, 0, 0])    # of 8 bytes of options what follows the next header
WHOLE = bytes([0, 0, 0, 0, 0, 0, 7])      # of a fragment header: all is in this one
DIGEST = bytes([4, 0, 0, *bytes(range(20))])


def chain(proto, *headers):
    """[(type, what follows its next header)], then the transport."""
    types = [kind for kind, _ in headers] + [proto]
    return types[0], b"".join(bytes([after]) + body
                              for after, (_, body) in zip(types[1:], headers))


CHAINS = (
    [(HOP_BY_HOP, PADDING)],
    [(DESTINATION, PADDING)],
    [(FRAGMENT, WHOLE)],
    [(AUTHENTICATION, DIGEST)],
    [(ROUTING, bytes([0, 4, 0, 0, 0, 0, 0]))],
    [(HOP_BY_HOP, PADDING), (DESTINATION, PADDING), (ROUTING, bytes([0, 4, 0, 0, 0, 0, 0])),
     (FRAGMENT, WHOLE), (AUTHENTICATION, DIGEST), (DESTINATION, PADDING)],
    [(DESTINATION, PADDING)] * 8)


@case("v6-headers", kinds="address6", mig=True)
def headers_passed(t):
    """Options, routing header, whole fragment, AH, eight of them: the transport behind them is
    translated, both ways
    """
    es = [t.endpoint(proto, 4000 + proto) for proto in (UDP, TCP, ICMP)]
    t.move()
    for e in es:
        for headers in CHAINS:
            p, r = e.send(), e.to()
            p = p.but(options=chain(p.l4.proto, *headers))
            r = r.but(options=chain(r.l4.proto, *headers))
            t.outbound(p, e.shown(p).routed())
            t.inbound(r, e.hidden(r).routed())


@case("v6-headers", kinds="address6")
def headers_too_many(t):
    """Nine extension headers: dropped and counted, both ways"""
    e = t.endpoint(UDP)
    nine = chain(UDP, *[(DESTINATION, PADDING)] * 9)
    for side, p in (("in", e.send()), ("out", e.to())):
        before = t.gw.kernel.counters()
        t.no_way(side, p.but(options=nine))
        t.counted("drop-malformed", before)


@case("v6-headers", kinds="address6", mig=True)
def headers_of_a_route(t):
    """Behind a routing header with a stop to go the checksum is about the last stop: a new
    destination leaves it alone, a new source does not
    """
    e = t.endpoint(UDP)
    t.move()
    last = t.outsider(99)
    # RFC 3775's, type 2: one address.
    header = (ROUTING, struct.pack("!BBBI", 2, 2, 1, 0) + address(last))

    def by_way(p, src):
        data = Udp(p.l4.sport, p.l4.dport).build(address(src), address(last))
        return Packet(p.src, p.dst, Raw(UDP, data), options=chain(UDP, header))
    p, r = e.send(), e.to()
    t.outbound(by_way(p, p.src), by_way(e.shown(p), e.pub).routed())
    t.inbound(by_way(r, r.src), by_way(r, r.src).but(dst=e.vm).routed())


@case("v6-local", kinds="address6")
def local_left_alone(t):
    """A VM's neighbour advertisement, what comes from a link-local address and what goes to many is
    not translated, and asks nobody
    """
    from packet import Icmp
    e = t.endpoint(ICMP)
    t.gw.kernel.register()
    t.later(t.gw.kernel.unregister)
    advert = Icmp(136, 0, bytes(4) + address(e.vm), v6=True)
    before = t.gw.kernel.counters()
    for p in (Packet(e.vm, t.gw_inside, advert, ttl=255), Packet("fe80::5", t.s1, Udp(4000, 53)),
              Packet(e.vm, "ff0e::1", Udp(4000, 53))):
        t.no_way("in", p)
    now = t.gw.kernel.counters()
    t.check(now["out-translated"] == before["out-translated"], "one was translated")
    t.check(not t.gw.kernel.asked(), "the agent was asked")
    t.passes(e)


@case("4787-13", "5508-10", kinds="address6", mig=True)
def path_mtu_found(t):
    """Path MTU discovery as the VM sees it: too big beyond by the router's word, then packets of
    that size, and the gateway itself keeps nothing of it
    """
    from cases_icmp import from_outside
    e = t.endpoint(TCP)
    p = e.send(flags=ACK, data=bytes(1400))
    t.outbound(p, e.shown(p).routed())
    t.move()
    from_outside(t, e, p, kind=3, code=4, quoted=1000, rest=(1300).to_bytes(4, "big"))
    for size in (1240, 1400):
        p = e.send(flags=ACK, data=bytes(size))
        t.outbound(p, e.shown(p).routed())
