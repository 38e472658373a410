#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""seeds.py DIR: inputs for fuzz.c to begin with: each protocol in each checksum
state, whole, fragmented, with options, quoted by an ICMP error."""
import itertools
import os
import struct
import sys

MEND, TO_SOURCE, WITH_PORT, NO_MEMORY, GSO, AIM = 1, 2, 4, 8, 16, 32
SRC, DST = bytes([10, 0, 0, 5]), bytes([192, 0, 2, 2])


def ip4(proto, payload, options=b"", fragment=0):
    words = 5 + len(options) // 4
    return struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, 4 * words + len(payload), 0x4711,
                       fragment, 64, proto, 0, SRC, DST) + options + payload


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


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    states = itertools.cycle(range(16))
    for n, packet in enumerate(packets()):
        for flags in (MEND | WITH_PORT, MEND | TO_SOURCE, MEND | TO_SOURCE | WITH_PORT | GSO, MEND | TO_SOURCE | WITH_PORT | AIM):
            order = struct.pack("BBBB4sHB5x", flags, next(states), n % 60, 0,
                                bytes([203, 0, 113, 7]), 0x5555, 2)
            with open(os.path.join(sys.argv[1], f"{n:03}-{flags}"), "wb") as f:
                f.write(order + packet)


if __name__ == "__main__":
    main()
