# SPDX-License-Identifier: GPL-2.0
"""Mappings and who may use them: RFC 4787, RFC 5382 and RFC 5508 alike."""
from case import case
from kernel import Mapping
from packet import ACK, FIN, ICMP, PSH, RST, SYN, TCP, UDP, Echo, Packet, Raw, Udp
from rig import Wrong

SYNACK = SYN | ACK


def independent(t, proto):
    e = t.endpoint(proto)
    p, q = e.send(t.s1, 53), e.send(t.s2, 5353)
    t.outbound(p, e.shown(p).routed())
    t.move()
    t.outbound([q, p], [e.shown(q).routed(), e.shown(p).routed()])


@case("4787-1", mig=True)
def udp_independent(t):
    """One private port, two destinations, one public port"""
    independent(t, UDP)


@case("5382-1", mig=True)
def tcp_independent(t):
    """TCP: one private port, two destinations, one public port"""
    independent(t, TCP)


@case("5508-1a", mig=True)
def query_independent(t):
    """One query id, two destinations, one public id"""
    independent(t, ICMP)


def refused(t, m):
    try:
        t.gw.kernel.grant(m)
    except OSError as e:
        t.check(e.errno == 17, "refused with %s" % e)
        return
    raise Wrong("a second mapping on one public side was taken")


def not_shared(t, proto):
    a = t.endpoint(proto)
    b = t.endpoint(proto)
    t.check((a.pub, a.pubport) != (b.pub, b.pubport), "two VMs, one public side")
    for e in (a, b):
        t.passes(e)
    t.move()
    m = a.mapping
    refused(t, Mapping(m.kind, t.vm(), m.pub, m.proto, m.port, m.pubport, ports=m.ports))
    for e in (a, b):
        t.passes(e)


@case("4787-3", mig=True)
def udp_not_shared(t):
    """The same port of two VMs; a second mapping on a public side is refused"""
    not_shared(t, UDP)


@case("5382-7", "7857-3", mig=True)
def tcp_not_shared(t):
    """TCP: the same port of two VMs; a second mapping on a public side is refused"""
    not_shared(t, TCP)


@case("4787-3a", "4787-4", kinds="address address6")
def port_kept(t):
    """The port stays as it is, and with it range and parity"""
    for port in (1, 68, 1023, 1024, 5000, 5001, 65535):
        e = t.endpoint(UDP, port)
        p = e.send()
        t.outbound(p, p.but(src=e.pub).routed())


@case("4787-7", mig=True)
def overlapping(t):
    """A host outside has an address of the private prefix; routes tell them apart"""
    e = t.endpoint(UDP)
    there = t.vm()
    for gw in t.gateways:
        gw.route(there, "out0")
        t.later(lambda gw=gw: gw.route(there, None))
    p = e.send(there)
    t.outbound(p, e.shown(p).routed())
    t.move()
    t.answered(e, p)


@case("4787-8", "6888-7", mig=True)
def udp_unfiltered(t):
    """A host to which the VM has not sent reaches the mapping"""
    e = t.endpoint(UDP)
    t.passes(e)
    t.move()
    r = e.to(t.s2, 999)
    t.inbound(r, e.hidden(r).routed())


@case("5382-3", mig=True)
def tcp_unfiltered(t):
    """A SYN of a host to which the VM has not sent reaches the mapping"""
    e = t.endpoint(TCP)
    t.passes(e)
    t.move()
    r = e.to(t.s2, 999, flags=SYN)
    t.inbound(r, e.hidden(r).routed())


def hairpinned(t, proto, **changes):
    a, b = t.endpoint(proto, 4000), t.endpoint(proto, 4001)
    p = a.send(**changes)
    p = b.named(p)
    t.hairpin(p, b.hidden(a.shown(p)).routed())
    t.move()
    t.hairpin(p, b.hidden(a.shown(p)).routed())
    back = b.send(a.pub, a.pubport, **changes) if proto != ICMP else b.send(a.pub)
    back = a.named(back)
    t.hairpin(back, a.hidden(b.shown(back)).routed())


@case("4787-9", "4787-9a", mig=True)
def udp_hairpin(t):
    """Two VMs talk by their public sides, and see each other's"""
    hairpinned(t, UDP)


@case("5382-8", mig=True)
def tcp_hairpin(t):
    """TCP: two VMs talk by their public sides, and see each other's"""
    hairpinned(t, TCP)


@case("4787-9")
def between_gateways(t):
    """A VM behind one gateway reaches one behind the other, by public sides"""
    a = t.endpoint(UDP, 4000)
    other = t.gateways[1]
    first, t.gw = t.gw, other
    b = t.endpoint(UDP, 4001)
    t.gw = first
    p = b.named(a.send())
    on_the_way = a.shown(p).routed()
    first.route(b.pub, "out0")  # as a routing protocol says it
    t.later(lambda: first.route(b.pub, None))
    t.outbound(p, on_the_way)
    t.both([("out2", on_the_way)], [("in2", b.hidden(on_the_way).routed())], gateways=(2,))


@case("4787-10", "5382-6")
def no_alg(t):
    """Addresses in the data of FTP and SIP stay as they are, at their ports"""
    e = t.endpoint(TCP, 4000)
    said = "EPRT |2|%s|4000|\r\n" % e.vm if t.v6 else "PORT %s,15,160\r\n" % e.vm.replace(".", ",")
    p = e.send(t.s1, 21, flags=PSH | ACK, data=said.encode())
    t.outbound(p, e.shown(p).routed())
    e = t.endpoint(UDP, 5060)
    p = e.send(t.s1, 5060, data=("INVITE sip:a@b SIP/2.0\r\nContact: <sip:a@%s>\r\n" % e.vm).encode())
    t.outbound(p, e.shown(p).routed())


@case("4787-11", mig=True)
def deterministic(t):
    """Forty destinations, and as many VMs with the same port: nothing changes"""
    e = t.endpoint(UDP)
    others = [t.endpoint(UDP) for _ in range(20)]
    packets = [e.send(t.outsider(i + 2), 53 + i) for i in range(40)]
    t.outbound(packets[:20], [e.shown(p).routed() for p in packets[:20]])
    t.move()
    for o in others:
        p = o.send()
        t.outbound(p, o.shown(p).routed())
    t.outbound(packets[20:], [e.shown(p).routed() for p in packets[20:]])
    r = e.to(t.s2, 77)
    t.inbound(r, e.hidden(r).routed())


@case("5382-2", mig=True)
def tcp_life(t):
    """A connection from the handshake to both FINs, and one that a RST ends"""
    e = t.endpoint(TCP)
    options = bytes.fromhex("020405b40402080a0000000100000000" "01030307")
    syn = e.send(t.s1, 80, seq=100)
    syn = syn.but() if not options else Packet(
        syn.src, syn.dst, type(syn.l4)(syn.l4.sport, 80, SYN, 100, options=options))
    t.outbound(syn, e.shown(syn).routed())
    for number, (out, flags, seq, ack, data) in enumerate((
            (False, SYNACK, 500, 101, b""), (True, ACK, 101, 501, b""),
            (True, PSH | ACK, 101, 501, b"GET"), (False, PSH | ACK, 501, 104, b"answer"),
            (False, FIN | ACK, 507, 104, b""), (True, ACK, 104, 508, b""),
            (True, PSH | ACK, 104, 508, b"half open"), (True, FIN | ACK, 113, 508, b""),
            (False, ACK, 508, 114, b""))):
        if number == 3:
            t.move()
        if out:
            p = e.send(t.s1, 80, flags=flags, seq=seq, ack=ack, data=data)
            t.outbound(p, e.shown(p).routed())
        else:
            p = e.to(t.s1, 80, flags=flags, seq=seq, ack=ack, data=data)
            t.inbound(p, e.hidden(p).routed())
    again = e.send(t.s1, 81, seq=900)
    t.outbound(again, e.shown(again).routed())
    rst = e.to(t.s1, 81, flags=RST | ACK, seq=0, ack=901)
    t.inbound(rst, e.hidden(rst).routed())


@case("5382-2", mig=True)
def tcp_from_outside(t):
    """A connection that begins outside"""
    e = t.endpoint(TCP)
    t.passes(e, flags=SYN)
    syn = e.to(t.s2, 4444, flags=SYN)
    t.inbound(syn, e.hidden(syn).routed())
    t.move()
    answer = e.send(t.s2, 4444, flags=SYNACK, ack=1001)
    t.outbound(answer, e.shown(answer).routed())
    p = e.to(t.s2, 4444, flags=ACK, seq=1001, ack=1001)
    t.inbound(p, e.hidden(p).routed())


@case("5382-2a", mig=True)
def simultaneous_open(t):
    """Both sides send a SYN, then a SYN ACK"""
    e = t.endpoint(TCP)
    syn = e.send(t.s1, 80, seq=100)
    t.outbound(syn, e.shown(syn).routed())
    other = e.to(t.s1, 80, flags=SYN, seq=500)
    t.inbound(other, e.hidden(other).routed())
    t.move()
    p = e.send(t.s1, 80, flags=SYNACK, seq=100, ack=501)
    t.outbound(p, e.shown(p).routed())
    p = e.to(t.s1, 80, flags=SYNACK, seq=500, ack=101)
    t.inbound(p, e.hidden(p).routed())


@case("5382-4", "5382-4a", kinds="port block")
def unsolicited_syn(t):
    """A SYN to a port that nobody has is not answered; that of the VM goes out later"""
    e = t.endpoint(TCP)
    stranger = Packet(t.s1, e.pub, e.to().l4).but(dport=e.pubport + 1, flags=SYN)
    t.no_way("out", stranger)
    t.passes(e)


@case("5382-4", kinds="address address6")
def syn_to_host(t):
    """A SYN reaches the VM, which answers for itself"""
    e = t.endpoint(TCP)
    syn = e.to(t.s1, 4444, flags=SYN)
    t.inbound(syn, e.hidden(syn).routed())
    t.no_way("in")


@case("5508-1", mig=True)
def query(t):
    """A query and its reply"""
    e = t.endpoint(ICMP)
    t.passes(e)
    t.move()
    p = e.send(t.s1)
    t.answered(e, p)
    t.passes(e)


@case("5508-7", "7857-12", kinds="address address6", mig=True)
def query_hairpin(t):
    """A VM pings another's public side, and the reply comes from there"""
    a, b = t.endpoint(ICMP, 4000), t.endpoint(ICMP, 4001)
    p = a.send(b.pub)
    t.move()
    t.hairpin(p, b.hidden(a.shown(p)).but(echo=a.port).routed())
    back = Packet(b.vm, a.pub, Echo(a.port, True, v6=t.v6))
    t.hairpin(back, back.but(src=b.pub, dst=a.vm).routed())


@case("7857-12", kinds="port block", deviates={k: (
    "The only number in a query is its id. It names the mapping of the VM that is asked, or that of "
    "the VM that asks, and not both; so a query to a shared public address reaches nobody.")
    for k in ("port", "block")})
def query_hairpin_shared(t):
    """A VM pings a public address that others share"""
    a, b = t.endpoint(ICMP, 4000), t.endpoint(ICMP, 4001)
    p = a.send(b.pub)
    t.hairpin(p, p.but(src=a.pub, dst=b.vm, echo=b.port).routed())


@case("5508-11", "5508-10", kinds="address address6")
def other_icmp(t):
    """Timestamp and address mask, of IPv6 node information, and a type that nobody knows pass an
    address mapping
    """
    e = t.endpoint(ICMP)
    from packet import Icmp
    for kind in (139, 200) if t.v6 else (13, 17, 99):
        p = Packet(e.vm, t.s1, Icmp(kind, 0, bytes(16), v6=t.v6))
        t.outbound(p, p.but(src=e.pub).routed())
        r = Packet(t.s1, e.pub, Icmp(kind + 1, 0, bytes(16), v6=t.v6))
        t.inbound(r, r.but(dst=e.vm).routed())


@case("5508-11", kinds="port block")
def other_icmp_dropped(t):
    """Timestamp cannot be told apart by a port: dropped, and counted"""
    from packet import Icmp
    e = t.endpoint(ICMP)
    before = t.gw.kernel.counters()
    t.no_way("in", Packet(e.vm, t.s1, Icmp(13, 0, bytes(16))))
    t.counted("drop-protocol", before)


@case("other-l4", kinds="address address6", mig=True)
def other_transports(t):
    """GRE, ESP, SCTP, DCCP, UDP-Lite and an unknown protocol, both ways"""
    from packet import DCCP, Dccp, UdpLite
    e = t.endpoint(UDP)
    t.move()
    bodies = [Raw(47, bytes.fromhex("2000880b00000001") + b"gre key"),
              Raw(50, bytes.fromhex("0000100100000001") + bytes(range(40))),
              Raw(132, bytes.fromhex("0fa0005000000000deadbeef") + bytes(range(20))),
              Dccp(4000, 80), UdpLite(4000, 80), UdpLite(4000, 80, b"all of it", 17),
              Raw(200, b"who knows")]
    for l4 in bodies:
        p = Packet(e.vm, t.s1, l4)
        t.outbound(p, p.but(src=e.pub).routed())
        r = Packet(t.s1, e.pub, l4)
        t.inbound(r, r.but(dst=e.vm).routed())


@case("other-l4", kinds="port block", mig=True)
def other_transports_dropped(t):
    """SCTP and GRE need an address mapping: dropped, and counted"""
    e = t.endpoint(UDP)
    t.move()
    before = t.gw.kernel.counters()
    t.no_way("in", Packet(e.vm, t.s1, Raw(132, bytes(12))), Packet(e.vm, t.s1, Raw(47, bytes(8))))
    t.counted("drop-protocol", before)


@case("udp-zero", mig=True)
def udp_without_checksum(t):
    """UDP without a checksum stays without, one that would be 0 is written 0xffff"""
    e = t.endpoint(UDP)
    p = e.send(t.s1, 53)
    p = Packet(p.src, p.dst, Udp(e.port, 53, b"none", 0))
    t.move()
    t.outbound(p, e.shown(p).routed())
    r = Packet(t.s1, e.pub, Udp(53, e.pubport, b"none", 0))
    t.inbound(r, e.hidden(r).routed())
    # Data that makes the translated packet's checksum 0.
    blank = e.shown(e.send(t.s1, 53, data=bytes(2))).payload()
    p = e.send(t.s1, 53, data=blank[6:8])
    t.check(e.shown(p).payload()[6:8] == b"\xff\xff", "not the packet that was meant")
    t.outbound(p, e.shown(p).routed())


@case("7857-5", "7857-6", kinds="port block")
def per_protocol(t):
    """Mappings and filters of UDP are none of TCP's"""
    e = t.endpoint(UDP)
    t.passes(e)
    tcp = Packet(t.s1, e.pub, t.endpoint(TCP, vm=e.vm, pub=e.pub, port=4100).to().l4)
    t.no_way("out", tcp.but(dport=e.pubport, flags=SYN))


@case("6888-6")
def excluded(t):
    """A destination that is excluded sees the private address; others do not"""
    e = t.endpoint(UDP)
    t.gw.kernel.inside(t.gw.prefixes(), ["2001:db8:2::80/121" if t.v6 else "192.0.2.128/25"])
    t.later(lambda: t.gw.kernel.inside(t.gw.prefixes()))
    before = t.gw.kernel.counters()
    p = e.send(t.outsider(129))
    t.outbound(p, p.routed())
    t.counted("pass-excluded", before)
    t.passes(e)
