# SPDX-License-Identifier: GPL-2.0
"""What only blocks of ports have. How bindings begin, end, and fill a block is shown by
scenario 17, on clocks that run.
"""
from case import case
from kernel import U
from packet import SYN, TCP, UDP, Packet, Tcp, Udp
from rig import S1, S2, SYN_ACK


@case("4787-5b", "4787-5c", "5382-5a", "5508-2a", "7857-2.2", kinds="block")
def default_times(t):
    """By default UDP has 5 min, TCP 2 h 4 min, opening and closing 4 min, queries 1 min; and
    each can be changed
    """
    wanted = {"udp_ms": 300000, "tcp_established_ms": 7440000, "tcp_opening_ms": 240000,
              "tcp_closing_ms": 240000, "icmp_ms": 60000}
    t.check(t.gw.kernel.configured(*wanted) == wanted, "%s" % t.gw.kernel.configured(*wanted))
    t.later(lambda: t.gw.kernel.config(**wanted))
    other = {n: v + 1000 for n, v in wanted.items()}
    t.gw.kernel.config(**other)
    t.check(t.gw.kernel.configured(*wanted) == other, "not as configured")


@case("4787-8a", "5382-3a", kinds="block", mig=True)
def filtered(t):
    """Address-dependent: whom the VM has sent to may send, from any port, nobody else"""
    for gw in t.gateways:
        gw.kernel.config(filtering=U["FILTERING_ADDRESS_DEPENDENT"])
        t.later(lambda gw=gw: gw.kernel.config(filtering=U["FILTERING_ENDPOINT_INDEPENDENT"]))
    for proto in (UDP, TCP):
        e = t.endpoint(proto, 4000 + proto)
        p = e.send(S1)
        t.outbound(p, e.shown(p).routed())
        if proto == TCP:
            t.move()
        before = t.gw.kernel.counters()
        r = e.to(S1, 999)
        t.inbound(r, e.hidden(r).routed())
        t.no_way("out", e.to(S2, 53))
        t.counted("drop-filtered", before)


def seen_ports(t, vm, pub, ports):
    """The public port of each private one, as the module chooses it."""
    came = t.wires.through([(t.wire("in"), Packet(vm, S1, Udp(p, 53))) for p in ports])
    t.check(len(came) == len(ports), "%d of %d came" % (len(came), len(ports)))
    return [int.from_bytes(f[34:36], "big") for _, f in came]


@case("7857-8", kinds="block")
def parity_off(t):
    """port-parity 0: an even port may get an odd one; 1: it does not"""
    for parity in (0, 1):
        t.gw.kernel.config(port_parity=parity)
        t.later(lambda: t.gw.kernel.config(port_parity=1))
        e = t.endpoint(UDP)
        odd = [p for p in seen_ports(t, e.vm, e.pub, range(6000, 6080, 2)) if p & 1]
        t.check(bool(odd) != bool(parity), "%d odd ones" % len(odd))


@case("5382-2", "7857-2.1", kinds="block", mig=True)
def tracked(t):
    """A SYN makes a binding, its answer establishes it, FINs of both sides close it; the state
    comes along
    """
    e = t.endpoint(UDP)
    syn = Packet(e.vm, S1, Tcp(5000, 80, SYN, 100))
    came = t.wires.through([(t.wire("in"), syn)])
    port = int.from_bytes(came[0][1][34:36], "big")
    t.check(came[0][1] == t.wires.arrival(t.wire("out"), syn.but(src=e.pub, sport=port).routed()),
            "not translated")

    def state():
        return t.gw.kernel.binding(e.mapping, TCP, 5000)["state"]
    t.check(state() == U["BINDING_STATE_OPENING"], "state %d" % state())
    back = Packet(S1, e.pub, Tcp(80, port, SYN_ACK, 500, 101))
    t.inbound(back, back.but(dst=e.vm, dport=5000).routed())
    t.check(state() == U["BINDING_STATE_ESTABLISHED"], "state %d" % state())
    t.move()
    t.check(state() == U["BINDING_STATE_ESTABLISHED"], "moved, state %d" % state())
    fin = Packet(e.vm, S1, Tcp(5000, 80, 17, 101, 501))
    t.outbound(fin, fin.but(src=e.pub, sport=port).routed())
    back = back.but(flags=17, seq=501, ack=102)
    t.inbound(back, back.but(dst=e.vm, dport=5000).routed())
    t.check(state() == U["BINDING_STATE_CLOSING"], "state %d" % state())
