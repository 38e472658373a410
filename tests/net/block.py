#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The checks of 17-block.sh. block.py TOP"""
import socket
import struct

from blocks import (ACK, FIN, GHOST, ICMP, RST, SRV, SRV2, SYN, TCP, UDP, Gate, K, Raw, Watch, check,
                    counted, equal, run, say, udp_socket, until)

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


def empty():
    for id_ in (1, 2):
        gw1.delete(id_, 1)
    equal("B5 no binding is left", 0, gw1.gauge("BINDINGS"))


run([first, ports, overlaps, empty])
