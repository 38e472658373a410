# SPDX-License-Identifier: GPL-2.0
"""Idle timers, bounds, and fragments."""
import select

from case import case
from kernel import HELD, Mapping
from packet import ACK, ICMP, RST, SYN, TCP, UDP, Echo, Packet, Tcp, Udp
from rig import INSIDE, WAIT

MINUTE = 60000


def kept(t, proto, preset, just_before):
    """A mapping that has been idle for a moment less than its time still is there."""
    e = t.endpoint(proto, preset=preset, elapsed=just_before)
    t.move()
    left = t.timer(e)["remaining"]
    t.check(0 < left <= preset - just_before, "%d ms are left" % left)
    t.passes(e)
    t.check(t.elapsed(e) < just_before, "the packet did not count")


@case("4787-5", mig=True)
def udp_two_minutes(t):
    """Two minutes of idleness do not end a UDP mapping of two minutes and a bit"""
    kept(t, UDP, 2 * MINUTE + 60000, 2 * MINUTE)


@case("5382-5", "5382-5a", mig=True)
def tcp_two_hours(t):
    """A TCP mapping can be kept for 2 h 4 min of idleness"""
    kept(t, TCP, 124 * MINUTE + 60000, 124 * MINUTE)


@case("5508-2", "5508-2a", mig=True)
def query_a_minute(t):
    """A query mapping is kept for a minute of idleness"""
    kept(t, ICMP, MINUTE + 60000, MINUTE)


def told(t, m, event):
    """Waits for that notification about the mapping."""
    fd = t.gw.kernel.talk.news.sock
    for _ in range(50):
        if event in t.gw.kernel.events(m):
            return True
        if not select.select([fd], [], [], WAIT)[0]:
            return False
    return False


@case("4787-5b", "4787-5c", "5508-2a", kinds="address address6 port")
def timer_proposed(t):
    """A miss proposes the configured time, 5 min by default; the granted one is kept to"""
    t.gw.kernel.register()
    t.later(t.gw.kernel.unregister)
    vm, pub = t.fresh()
    p = Packet(vm, t.s1, Udp(4000, 53))
    t.no_way("in", p)
    miss = t.gw.kernel.missed()[0]
    t.check(t.gw.kernel.timer_of(miss)["preset"] == 300000, "another proposal")
    list(t.gw.kernel.talk.told())
    m = Mapping("address", vm, pub, preset=300) if t.kind == "address" else \
        Mapping("port", vm, pub, UDP, 4000, 14000, preset=300)
    t.grant(m)
    came = t.wires.through([])
    q = p.but(src=pub) if t.kind == "address" else p.but(src=pub, sport=14000)
    t.check([f[14:] for _, f in came] == [q.routed().bytes()], "the first packet did not come")
    t.check(told(t, m, "idle"), "nothing was said when it became idle")
    t.outbound(p, q.routed())


@case("4787-6", mig=True)
def outbound_refreshes(t):
    """A packet from inside restarts the idle clock"""
    for proto in (UDP, TCP, ICMP):
        e = t.endpoint(proto, 4000 + proto, elapsed=100000)
        p = e.send()
        t.move()
        t.outbound(p, e.shown(p).routed())
        t.check(t.elapsed(e) < 60000, "the idle clock says %d" % t.elapsed(e))
        if t.moves:
            return


@case("4787-6a")
def inbound_refreshes(t):
    """By default a packet from outside restarts the idle clock, too (S6)"""
    e = t.endpoint(UDP, elapsed=100000)
    r = e.to()
    t.inbound(r, e.hidden(r).routed())
    t.check(t.elapsed(e) < 60000, "the idle clock says %d" % t.elapsed(e))


@case("4787-6a", "7857-7", mig=True)
def inbound_refresh_off(t):
    """inbound-refresh 0: whoever is outside cannot keep a mapping alive"""
    for gw in t.gateways:
        gw.kernel.config(inbound_refresh=0)
        t.later(lambda gw=gw: gw.kernel.config(inbound_refresh=1))
    e = t.endpoint(UDP, elapsed=100000)
    t.move()
    r = e.to()
    t.inbound(r, e.hidden(r).routed())
    t.check(t.elapsed(e) >= 99990, "the idle clock says %d" % t.elapsed(e))


@case("MIG-3", mig=True)
def timer_moves(t):
    """Elapsed and remaining time come along, a packet at the destination restarts them"""
    e = t.endpoint(UDP, preset=300000, elapsed=123000)
    t.move()
    timer = t.timer(e)
    t.check(abs(timer["preset"] - 300000) <= 2 and 122990 <= timer["elapsed"] < 150000,
            "the timer says %s" % timer)
    t.passes(e)
    t.check(t.elapsed(e) < 100000, "no restart")


@case("7857-2.3", mig=True)
def rst_translated(t):
    """A RST is translated, and the mapping stays for its time: segments after it pass"""
    e = t.endpoint(TCP)
    t.passes(e, flags=SYN)
    rst = e.to(t.s1, 53, flags=RST, seq=1)
    t.inbound(rst, e.hidden(rst).routed())
    t.move()
    t.passes(e, flags=ACK)


@case("7857-7.1", mig=True)
def rst_refreshes_nothing(t):
    """A RST of the VM, in answer to whatever came, does not refresh"""
    e = t.endpoint(TCP, elapsed=100000)
    t.move()
    before = t.timer(e)["remaining"]
    rst = e.send(t.s2, 4444, flags=RST | ACK)
    t.outbound(rst, e.shown(rst).routed())
    # A binding may be closed by it, and then has less time than it had, not more.
    after = t.timer(e)["remaining"]
    t.check(after <= before, "%d ms were left, and now %d" % (before, after))


@case("MIG-1", "MIG-2", "MIG-9")
def there_and_back(t):
    """A to B to A: the same public side, nobody else answers, and nothing stays behind"""
    e = t.endpoint(UDP)
    t.moves = True
    p = e.send()
    r = e.to()
    for _ in range(2):
        t.passes(e)
        old = t.gw
        t.move()
        t.passes(e)
        t.both([(old.inner, p), (old.outer, r)], [], gateways=(1, 2))
        try:
            old.kernel.timer(e.mapping)
            t.check(False, "an entry stays behind")
        except OSError as err:
            t.check(err.errno == 2, str(err))


@case("MIG-4", "MIG-5")
def late_words(t):
    """Grants, releases and transfers of an epoch that is over change nothing"""
    e = t.endpoint(UDP)
    t.moves = True
    m = e.mapping
    first = t.gw
    t.move()
    t.move()    # back again, epoch 3
    t.check(t.gw is first and m.epoch == 3, "not back")
    for what in (first.kernel.grant, first.kernel.delete, first.kernel.freeze):
        for old in (1, 2):
            m.epoch = old
            try:
                what(m)
                t.check(False, "%s at epoch %d was taken" % (what.__name__, old))
            except OSError as err:
                t.check(err.errno == 116, str(err))    # ESTALE
            finally:
                m.epoch = 3
    t.passes(e)


@case("MIG-8", mig=True)
def in_flight(t):
    """What comes while it moves waits at the destination and goes out at the grant"""
    e = t.endpoint(UDP)
    if not t.moves:
        return
    m, old, new = e.mapping, t.gw, t.gateways[1]
    new.kernel.register()
    t.later(new.kernel.unregister)
    timer = old.kernel.freeze(m)
    new.kernel.grant(m, HELD, elapsed=timer["elapsed"], extra=old.kernel.handed_over(m))
    out, back = [e.send(t.s1, 53 + i) for i in range(3)], [e.to(t.s1, 53 + i) for i in range(3)]
    t.both([(old.inner, out[0]), (old.outer, back[0])], [], gateways=(1, 2))
    t.both([(new.inner, p) for p in out] + [(new.outer, p) for p in back], [], gateways=(1, 2))
    m.epoch += 1
    new.kernel.grant(m, timer=False)
    came = t.wires.through([], (1, 2))
    t.gw = new
    wanted = [("out2", e.shown(p).routed()) for p in out] + \
        [("in2", e.hidden(p).routed()) for p in back]
    wanted = [(w, t.wires.arrival(w, p)) for w, p in wanted]
    t.check(sorted(came) == sorted(wanted) and
            [f for w, f in came if w == "out2"] == [f for w, f in wanted if w == "out2"] and
            [f for w, f in came if w == "in2"] == [f for w, f in wanted if w == "in2"],
            "not all, or not in order: %s" % [(w, f.hex()) for w, f in came])


@case("6888-5", "6888-11")
def bounded(t):
    """max-mappings: no room, refused; the others go on"""
    kept_ones = t.endpoint(UDP)
    t.gw.kernel.config(max_mappings=1)
    t.later(lambda: t.gw.kernel.config(max_mappings=2097152))
    try:
        t.endpoint(UDP)
        t.check(False, "it was taken")
    except OSError as err:
        t.check(err.errno == 28, str(err))
    t.passes(kept_ones)


# ---- fragments ----

def whole_addresses(t):
    """Address mappings alone: nothing needs reassembly, and nobody does it."""
    for gw in t.gateways:
        gw.kernel.inside(gw.prefixes([i for i in INSIDE if i[1] == "address"]))
        t.later(lambda gw=gw: gw.kernel.inside(gw.prefixes()))


def datagram(e, ident, length=800):
    """From the VM, to be cut."""
    data = bytes(i & 255 for i in range(length))
    return e.send().but(data=data, ident=ident, df=False)


def answer(e, ident, length=800):
    data = bytes(255 - (i & 255) for i in range(length))
    return e.to().but(data=data, ident=ident, df=False)


CUTS = (304, 608)


def pieces(p):
    return p.fragments(*CUTS)


def fragments_each(t, orders):
    """Without reassembly each fragment is translated as it comes."""
    whole_addresses(t)
    e = t.endpoint(UDP)
    t.move()
    for n, order in enumerate(orders):
        p, r = datagram(e, 100 + n), answer(e, 200 + n)
        out = pieces(p), [f.routed() for f in pieces(e.shown(p))]
        back = pieces(r), [f.routed() for f in pieces(e.hidden(r))]
        t.outbound([out[0][i] for i in order], [out[1][i] for i in order])
        t.inbound([back[0][i] for i in order], [back[1][i] for i in order])


ORDERS = ((0, 1, 2), (2, 1, 0), (1, 0, 2))


@case("4787-14", kinds="address address6", mig=True)
def fragments_alone(t):
    """Fragments in order and out of order, each by itself, without reassembly"""
    fragments_each(t, ORDERS)


@case("4787-14", kinds="address port block", mig=True)
def fragments_together(t):
    """Fragments in order and out of order where ports are translated: put together, and
    cut again as they were
    """
    for n, order in enumerate(ORDERS):
        e = t.endpoint(UDP, 4000 + n)
        t.move() if n == 0 else None
        p, r = datagram(e, 300 + n), answer(e, 400 + n)
        t.outbound([pieces(p)[i] for i in order], [f.routed() for f in pieces(e.shown(p))])
        t.inbound([pieces(r)[i] for i in order], [f.routed() for f in pieces(e.hidden(r))])


@case("4787-14")
def fragments_hairpin(t):
    """A datagram in fragments from one VM to another's public side"""
    a, b = t.endpoint(UDP, 4000), t.endpoint(UDP, 4001)
    p = b.named(datagram(a, 500))
    wanted = [f.routed() for f in pieces(b.hidden(a.shown(p)))]
    # Of IPv4 they are put together for whoever needs ports, and cut again.
    came = (1, 0, 2)
    t.hairpin([pieces(p)[i] for i in came], [wanted[i] for i in came] if t.v6 else wanted)


@case("4787-14", kinds="address port block")
def fragments_overlap(t):
    """Fragments that overlap are not put together, and no others suffer"""
    e = t.endpoint(UDP)
    p = datagram(e, 600)
    a, b, c = pieces(p)
    import dataclasses
    overlap = dataclasses.replace(b, offset=296, part=(296, 608))
    t.no_way("in", a, overlap, c)
    p = datagram(e, 601)
    t.outbound(pieces(p), [f.routed() for f in pieces(e.shown(p))])


@case("4787-14", kinds="address address6")
def tiny_first_dropped(t):
    """A first fragment that leaves the checksum of TCP to the second is dropped (RFC 1858)"""
    whole_addresses(t)
    e = t.endpoint(TCP)
    p = e.send(df=False, ident=700, data=bytes(100), flags=ACK)
    before = t.gw.kernel.counters()
    t.no_way("in", p.fragments(8)[0])
    t.counted("drop-malformed", before)


@case("4787-14")
def tiny_first(t):
    """A first fragment of eight bytes, and the rest"""
    e = t.endpoint(UDP)
    p = datagram(e, 701, 200)
    t.outbound(p.fragments(8, 96), [f.routed() for f in e.shown(p).fragments(8, 96)])


@case("4787-13a", kinds="address port block", mig=True)
def fragmented_here(t):
    """Too big without DF: cut after translation, in order"""
    e = t.endpoint(UDP)
    t.move()
    gw = t.gw
    t.later(lambda: (gw.mtu("out0", 1500), gw.mtu("in0", 1500)))
    p, r = datagram(e, 800, 1400), answer(e, 801, 1400)
    gw.mtu("out0", 1280)
    t.outbound(p, [f.routed() for f in e.shown(p).fragments(1256)])
    gw.mtu("out0", 1500)
    gw.mtu("in0", 1280)
    t.inbound(r, [f.routed() for f in e.hidden(r).fragments(1256)])


def flood(t, count):
    """First fragments that never get a second."""
    p = Packet(t.outsider(200), t.fresh()[1], Udp(1, 2, bytes(1200)), df=False)
    return [(t.wire("out"), p.but(ident=1000 + i).fragments(1000)[0]) for i in range(count)]


def under_flood(t, then):
    gw = t.gw
    name = "ipv6/ip6frag_%s_thresh" if t.v6 else "ipv4/ipfrag_%s_thresh"
    for which, little, much in (("low", 50000, 3145728), ("high", 100000, 4194304)):
        t.later(lambda n=name % which, v=much: gw.sysctl(n, v))
        gw.sysctl(name % which, little)
    e = t.endpoint(UDP)
    t.both(flood(t, 200), [])
    then(e)


@case("4787-14a")
def flood_spares_whole(t):
    """The memory for fragments is full of halves: packets in one piece pass"""
    under_flood(t, t.passes)


@case("4787-14a", kinds="address address6")
def flood_spares_fragments(t):
    """... and so do fragments in order through address mappings, which keep none"""
    whole_addresses(t)

    def then(e):
        p = datagram(e, 900)
        t.outbound(pieces(p), [f.routed() for f in pieces(e.shown(p))])
    under_flood(t, then)


@case("4787-14a", kinds="port block", deviates={k: (
    "Ports need the kernel's reassembly. Its memory is bounded (ipfrag_high_thresh, 4 MB), and while "
    "it is full of halves, other fragments are dropped until they time out (ipfrag_time, 30 s). "
    "Packets in one piece are not touched.") for k in ("port", "block")})
def flood_stops_fragments(t):
    """... but fragments where ports are translated need that memory"""
    def then(e):
        p = datagram(e, 901)
        t.outbound(pieces(p), [f.routed() for f in pieces(e.shown(p))])
    under_flood(t, then)


@case("7857-10", kinds="address")
def identification(t):
    """The IPv4 identification of an address mapping is the VM's own, as nobody shares
    its public address
    """
    e = t.endpoint(UDP)
    p = e.send(df=False, ident=0xBEEF)
    t.outbound(p, e.shown(p).routed())


@case("7857-10", kinds="port block", deviates={k: (
    "The identification stays the VM's own, so two VMs that share a public address may use one at the "
    "same time. Of packets that are not fragments it has no meaning (RFC 6864); fragments of both at "
    "the same time to one destination can be mixed up, which checksums find.")
    for k in ("port", "block")})
def identification_shared(t):
    """Two VMs that share a public address send the same identification without DF"""
    a = t.endpoint(UDP, 4000)
    b = t.endpoint(UDP, 4001, vm=t.vm(), pub=a.pub)
    p, q = a.send(df=False, ident=0xBEEF), b.send(df=False, ident=0xBEEF)
    came = t.wires.through([("in1", p), ("in1", q)])
    t.check(len({f[18:20] for _, f in came}) == 2, "one identification")
