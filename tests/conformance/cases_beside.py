# SPDX-License-Identifier: GPL-2.0
"""Beside the others: firewalls, NAT of nftables, policy routing, VRF, bridges, IPsec in
the same namespace (B7). docs/hooks.md says what these show.
"""
import os
import socket
import struct
import subprocess

from case import case
from kernel import talk
from packet import ACK, PSH, SYN, TCP, UDP, Packet, Raw, Tcp, Udp, error
from rig import HOP, OTHER_ROUTER, S1, S2, SYN_ACK, Wires


def sh(t, *words, text=None):
    """A command in the gateway's namespace."""
    with talk.inside(t.gw.name):
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    t.check(done.returncode == 0, "%s: %s" % (" ".join(words), done.stderr))
    return done.stdout


def batch(t, *lines):
    return sh(t, "ip", "-batch", "-", text="\n".join(lines) + "\n")


def rules(t, text):
    """Rules of nftables for as long as the case."""
    gw = t.gw
    sh(t, "nft", "-f", "-", text="table ip beside {\n%s\n}\n" % text)

    def undo():
        t.gw = gw
        sh(t, "nft", "delete", "table", "ip", "beside")
    t.later(undo)


@case("beside-filter", kinds="address", stack=True)
def stateful_filter(t):
    """Rules with ct state, in private addresses both ways; errors about a connection are
    related to it; conntrack shows private addresses
    """
    e, d = t.endpoint(TCP, 4000), t.endpoint(UDP, 4001)
    rules(t, """chain f {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname in0 ip saddr 10.0.0.0/8 tcp dport 80 accept
        iifname out0 ip daddr %s udp dport 4001 accept
        ip protocol 253 accept
    }""" % d.vm)
    syn = e.send(S1, 80)
    t.outbound(syn, e.shown(syn).routed())
    t.answered(e, syn)
    p = e.send(S1, 80, flags=ACK, seq=1001, ack=1001)
    t.outbound(p, e.shown(p).routed())
    t.inbound(error(HOP, e.pub, 3, 1, e.shown(p), 20), error(HOP, e.vm, 3, 1, p, 20).routed())
    t.no_way("in", e.send(S1, 81))
    t.no_way("out", e.to(S2, 80, flags=SYN))
    r = d.to(S2, 77)
    t.inbound(r, d.hidden(r).routed())
    back = d.send(S2, 77)
    t.outbound(back, d.shown(back).routed())
    table = sh(t, "conntrack", "-L", "-p", "tcp")
    t.check("src=%s dst=%s" % (e.vm, S1) in table and "src=%s dst=%s" % (S1, e.vm) in table and
            e.pub not in table, "conntrack says %s" % table)


@case("beside-filter", kinds="address", stack=True)
def filter_after_move(t):
    """A stateful filter at the destination knows no connection of the source: what comes in is
    dropped until the VM has said something
    """
    e = t.endpoint(TCP, 4000)
    t.passes(e, dport=80)
    t.moves = True
    t.move()
    rules(t, """chain f {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname in0 accept
        ip protocol 253 accept
    }""")
    r = e.to(S1, 80, flags=PSH | ACK, seq=1001, ack=1001, data=b"x")
    t.no_way("out", r)
    p = e.send(S1, 80, flags=ACK, seq=1001, ack=1001)
    t.outbound(p, e.shown(p).routed())
    t.inbound(r, e.hidden(r).routed())


@case("beside-nat", kinds="address")
def masquerade_of_others(t):
    """nftables masquerades what is in no inside prefix; ours is not touched"""
    rules(t, """chain n {
        type nat hook postrouting priority srcnat;
        oifname out0 ip saddr != 10.0.0.0/14 ip protocol != 253 masquerade
    }""")
    e = t.endpoint(UDP)
    t.passes(e)
    other = Packet("10.9.0.5", S1, Udp(3333, 53))
    t.outbound(other, other.but(src=t.outside()).routed())
    back = Packet(S1, t.outside(), Udp(53, 3333))
    t.inbound(back, back.but(dst="10.9.0.5").routed())


@case("beside-nat", kinds="address", stack=True)
def masquerade_of_all(t):
    """A rule without that exception takes our packets first: they leave with the gateway's own
    address
    """
    rules(t, """chain n {
        type nat hook postrouting priority srcnat;
        oifname out0 ip protocol udp masquerade
    }""")
    e = t.endpoint(UDP, 4444)
    p = e.send()
    t.outbound(p, p.but(src=t.outside()).routed())


@case("beside-nat", kinds="address", stack=True)
def redirected_in_front(t):
    """nftables changes the destination of what comes in by private addresses: after us"""
    e = t.endpoint(UDP)
    rules(t, """chain d {
        type nat hook prerouting priority dstnat;
        iifname out0 ip daddr %s udp dport %d dnat to 10.9.0.7:99
    }""" % (e.vm, e.port))
    r = e.to()
    t.inbound(r, r.but(dst="10.9.0.7", dport=99).routed())


@case("beside-mark", kinds="address", stack=True)
def policy_routing(t):
    """A mark by the private source chooses another way out, and the packet is translated"""
    e, other = t.endpoint(UDP, 4000), t.endpoint(UDP, 4001)
    rules(t, """chain m {
        type filter hook prerouting priority mangle;
        iifname in0 ip saddr %s meta mark set 0x700
    }""" % e.vm)
    batch(t, "rule add fwmark 0x700/0xff00 lookup 77",
          "neigh replace 198.51.100.9 lladdr %s dev out0" % OTHER_ROUTER.hex(":"),
          "route add default via 198.51.100.9 table 77")
    t.later(lambda: batch(t, "rule del fwmark 0x700/0xff00 lookup 77", "route flush table 77"))
    p = e.send()
    arrived = Wires.arrival("out1", e.shown(p).routed())
    came = t.wires.through([("in1", p)])
    t.check(came == [("out1", OTHER_ROUTER + arrived[6:])], "not by the other router")
    t.answered(e, p)
    t.passes(other)


@case("beside-rp-filter", kinds="address")
def strict_reverse_path(t):
    """rp_filter 1 on every interface: out, in, and from one VM to another"""
    for dev in ("all", "in0", "out0"):
        t.gw.sysctl("ipv4/conf/%s/rp_filter" % dev, 1)
        t.later(lambda dev=dev: t.gw.sysctl("ipv4/conf/%s/rp_filter" % dev, 0))
    a, b = t.endpoint(UDP, 4000), t.endpoint(UDP, 4001)
    t.passes(a)
    p = b.named(a.send())
    t.hairpin(p, b.hidden(a.shown(p)).routed())


# What in0 loses of IPv6 when it becomes part of something and is freed again.
SIX_BACK = ("addr replace fd00::1/64 dev in0 nodad",
            "neigh replace fd00::2 lladdr 02:00:0e:00:00:05 dev in0",
            "route replace fd00:1::/32 via fd00::2 dev in0")
VRF_UP = ("link add vrf5 up type vrf table 55", "link set in0 master vrf5",
          "route add 10.0.0.0/8 via 10.0.0.2 table 55",
          "route add default via 198.51.100.1 dev out0 table 55",
          "route replace 10.0.0.0/8 via 10.0.0.2 dev in0",
          "neigh replace 10.0.0.2 lladdr 02:00:0e:00:00:05 dev in0")
VRF_DOWN = ("link set in0 nomaster", "link del vrf5", "route replace 10.0.0.0/8 via 10.0.0.2",
            "neigh replace 10.0.0.2 lladdr 02:00:0e:00:00:05 dev in0", *SIX_BACK)


@case("beside-vrf", kinds="address")
def inside_a_vrf(t):
    """The inside interface is in a VRF: configured by its own name, and by the VRF's; each packet
    is counted once
    """
    batch(t, *VRF_UP)
    gw = t.gw
    t.later(lambda: batch(t, *VRF_DOWN))
    with talk.inside(gw.name):
        vrf = socket.if_nametoindex("vrf5")
    t.later(lambda: gw.kernel.inside(gw.prefixes()))
    for index in (gw.ifindex["in0"], vrf):
        gw.kernel.inside([(index, p, k, z) for _, p, k, z in gw.prefixes()])
        a, b = t.endpoint(UDP, 4000), t.endpoint(UDP, 4001)
        before = gw.kernel.counters()
        t.passes(a)
        now = gw.kernel.counters()
        diff = {n: v - before[n] for n, v in now.items() if v != before[n]}
        # Two barriers of two packets pass beside it.
        t.check(diff.get("out-translated") == 1 and diff.get("in-translated") == 1 and
                sum(diff.values()) == 6, "counted %s" % diff)
        p = b.named(a.send())
        t.hairpin(p, b.hidden(a.shown(p)).routed())


def over_bridge(t):
    # A kernel without modules has it.
    if not os.path.isdir("/proc/sys/net/bridge"):
        sh(t, "modprobe", "br_netfilter")
    gw = t.gw
    batch(t, "link add br0 up address 02:00:0a:00:00:01 type bridge forward_delay 0 "
             "mcast_snooping 0",
          "addr flush dev in0", "link set in0 master br0", "addr add 10.0.0.1/24 dev br0",
          "neigh replace 10.0.0.2 lladdr 02:00:0e:00:00:05 dev br0",
          "route replace 10.0.0.0/8 via 10.0.0.2 dev br0")

    def undo():
        batch(t, "link del br0", "addr add 10.0.0.1/24 dev in0",
              "neigh replace 10.0.0.2 lladdr 02:00:0e:00:00:05 dev in0",
              "route replace 10.0.0.0/8 via 10.0.0.2 dev in0", *SIX_BACK)
        gw.kernel.inside(gw.prefixes())
    t.later(undo)
    # A port forwards once the link watch has looked at it, which may be a second later.
    for _ in range(200):
        said = subprocess.run(["bridge", "-n", gw.name, "link", "show", "dev", "in0"],
                              capture_output=True, text=True, check=True).stdout
        if "state forwarding" in said:
            break
    t.check("state forwarding" in said, "the bridge's port does not forward: " + said)
    gw.sysctl("bridge/bridge-nf-call-iptables", 1)
    t.later(lambda: gw.sysctl("bridge/bridge-nf-call-iptables", 0))
    with talk.inside(gw.name):
        bridge = socket.if_nametoindex("br0")
    gw.kernel.inside([(bridge, p, k, z) for _, p, k, z in gw.prefixes()])


@case("beside-bridge", kinds="address")
def inside_a_bridge(t):
    """The inside interface is a bridge, and its packets go through the IPv4 hooks of
    br_netfilter, too: translated once
    """
    over_bridge(t)
    gw = t.gw
    a = t.endpoint(UDP, 4000)
    before = gw.kernel.counters()
    t.passes(a)
    now = gw.kernel.counters()
    t.check(now["out-translated"] - before["out-translated"] == 1 and
            now["in-translated"] - before["in-translated"] == 1, "not once each")


@case("beside-bridge", kinds="address", deviates={"address": (
    "br_netfilter takes a packet whose new destination is behind the same bridge for one that is to be "
    "bridged: it passes no route and no POST_ROUTING of ours, and its source stays private. Turn "
    "bridge-nf-call-iptables off where VMs of one bridge reach each other by public addresses")})
def hairpin_over_a_bridge(t):
    """... and from one VM to another behind that bridge"""
    over_bridge(t)
    a, b = t.endpoint(UDP, 4000), t.endpoint(UDP, 4001)
    p = b.named(a.send())
    t.hairpin(p, b.hidden(a.shown(p)).routed())


PEER = "198.51.100.1"
SPI_OUT, SPI_IN = 0x1001, 0x2002


def esp(spi, seq, inner):
    """Without cipher and without digest, so that everybody can read it."""
    pad = -(len(inner) + 2) % 4
    return Raw(50, struct.pack("!II", spi, seq) + inner + bytes(range(1, pad + 1)) + bytes([pad, 4]))


@case("beside-ipsec", kinds="address")
def ipsec_tunnel(t):
    """A policy for private sources: the packet is translated, then goes into the tunnel; what
    comes out of it to a public side is translated back
    """
    e = t.endpoint(UDP)
    here = t.outside()
    state = "proto esp spi 0x%x reqid 7 mode tunnel enc cipher_null '' auth digest_null ''"
    batch(t, "xfrm state add src %s dst %s %s" % (here, PEER, (state % SPI_OUT).replace("''", '""')),
          "xfrm state add src %s dst %s %s" % (PEER, here, (state % SPI_IN).replace("''", '""')),
          "xfrm policy add dir out src 10.0.0.0/8 dst %s/32 tmpl src %s dst %s proto esp reqid 7 "
          "mode tunnel" % (S2, here, PEER),
          "xfrm policy add dir fwd src %s/32 dst 10.0.0.0/8 tmpl src %s dst %s proto esp reqid 7 "
          "mode tunnel" % (S2, PEER, here))
    t.later(lambda: batch(t, "xfrm policy flush", "xfrm state flush"))
    p = e.send(S2)
    came = [f[14:] for w, f in t.wires.through([("in1", p)]) if w == "out1"]
    inner = e.shown(p).routed().bytes()
    t.check(len(came) == 1 and came[0][9] == 50 and came[0][20:] == esp(SPI_OUT, 1, inner).data,
            "not in ESP: %s" % [c.hex() for c in came])
    r = e.to(S2)
    t.both([("out1", Packet(PEER, here, esp(SPI_IN, 1, r.bytes())))],
           [("in1", e.hidden(r).routed())])
    t.passes(e)     # to somebody else, in the clear
