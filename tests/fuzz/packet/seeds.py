#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""seeds.py DIR: inputs for fuzz.c to begin with: each protocol in each checksum
state, whole, fragmented, with options, quoted by an ICMP error."""
import itertools
import os
import struct
import sys

MEND, TO_SOURCE, WITH_PORT, NO_MEMORY, GSO, AIM, SIX = 1, 2, 4, 8, 16, 32, 64
SRC, DST = bytes([10, 0, 0, 5]), bytes([192, 0, 2, 2])


def ip4(proto, payload, options=b"", fragment=0):
    words = 5 + len(options) // 4
    return struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, 4 * words + len(payload), 0x4711,
                       fragment, 64, proto, 0, SRC, DST) + options + payload


def ip6(proto, payload, extensions=b""):
    src, dst = (bytes.fromhex("20010db8000000000000000000000005"),
                bytes.fromhex("20010db8000100000000000000000002"))
    return struct.pack("!IHBB", 0x60000000, len(extensions + payload), proto, 64) + src + dst + \
        extensions + payload


def udp(check=1, data=b"seventeen bytes.."):
    return struct.pack("!HHHH", 5353, 53, 8 + len(data), check) + data


def tcp(data=b"data"):
    return struct.pack("!HHIIBBHHH", 40000, 443, 1, 2, 0x50, 0x18, 1000, 1, 0) + data


def icmp(kind, code=0, data=b"ping", ident=0x1234):
    return struct.pack("!BBHHH", kind, code, 0, ident, 7) + data


def common(kind):
    return struct.pack("!HHII", 7000, 7001, 1 << 20 | kind, 9) + b"more"


L4 = [(17, udp()), (17, udp(0)), (17, udp(data=b"")), (6, tcp()), (1, icmp(8)), (1, icmp(0)),
      (1, icmp(13)), (132, common(1)), (33, common(2)), (136, udp()), (47, b"\0\0\x08\0gre"),
      (50, common(3))]


def packets():
    for proto, body in L4:
        yield ip4(proto, body)
        yield ip4(proto, body, options=b"\x94\x04\0\0")
        yield ip4(proto, body, fragment=0x2000)
        yield ip4(proto, body, fragment=0x2003)
        for kind, keep in ((3, 8), (11, 20), (12, 100), (5, 100)):
            quote = ip4(proto, body)
            options = b"\x01" * 8 if keep == 100 else b""
            if options:
                quote = ip4(proto, body, options)
            yield ip4(1, icmp(kind, 4, quote[:20 + len(options) + keep], 0))
    yield ip4(1, icmp(3, 1, ip4(1, icmp(3, 1, ip4(17, udp())))))


def packets6():
    for proto, body in L4 + [(58, icmp(128)), (58, icmp(129)), (58, icmp(135)), (58, icmp(200))]:
        yield ip6(proto, body)
        yield ip6(60, body, bytes([proto, 0, 1, 4, 0, 0, 0, 0]))
        yield ip6(43, body, bytes([proto, 2, 4, 1]) + bytes(20))
        yield ip6(44, body, bytes([proto, 0, 0, 1, 0, 0, 0, 9]))
        yield ip6(44, body, bytes([proto, 0, 0, 9, 0, 0, 0, 9]))
        yield ip6(51, body, bytes([proto, 1, 0, 0]) + bytes(8))
        for kind, keep in ((1, 8), (2, 100), (3, 20)):
            yield ip6(58, icmp(kind, 0, ip6(proto, body)[:40 + keep], 0))
    yield ip6(58, icmp(1, 0, ip6(58, icmp(1, 0, ip6(17, udp())))))


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    states = itertools.cycle(range(16))
    all_packets = [(p, 0) for p in packets()] + [(p, SIX) for p in packets6()]
    for n, (packet, six) in enumerate(all_packets):
        for flags in (MEND | WITH_PORT, MEND | TO_SOURCE, MEND | TO_SOURCE | WITH_PORT | GSO, MEND | TO_SOURCE | WITH_PORT | AIM):
            order = struct.pack("BBBB4sHB5x", flags | six, next(states), n % 60, 0,
                                bytes([203, 0, 113, 7]), 0x5555, 2)
            with open(os.path.join(sys.argv[1], f"{n:03}-{flags | six}"), "wb") as f:
                f.write(order + packet)


if __name__ == "__main__":
    main()
