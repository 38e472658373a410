# SPDX-License-Identifier: GPL-2.0
"""Packets as bytes, and what a right translation of them is: the same packet with
another address, port or quote, built anew with checksums summed up from nothing.
No second look at what the module does: nothing here mends by difference.
"""
import dataclasses
import socket
import struct
from dataclasses import dataclass

ICMP, TCP, UDP, GRE, ESP, ICMP6, SCTP, UDPLITE, DCCP = 1, 6, 17, 47, 50, 58, 132, 136, 33
V4, V6 = 0x0800, 0x86DD
FRAGMENT, DESTINATION, HOP_BY_HOP, ROUTING = 44, 60, 0, 43
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def csum(data, start=0):
    if len(data) & 1:
        data += b"\0"
    total = start + sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def pseudo(src, dst, proto, length):
    if len(src) == 4:
        return src + dst + struct.pack("!BBH", 0, proto, length)
    return src + dst + struct.pack("!IHBB", length, 0, 0, proto)


def fixed(check, right):
    """None: the right checksum; a number: that one."""
    return right if check is None else check


@dataclass(frozen=True)
class Udp:
    sport: int
    dport: int
    data: bytes = b"data"
    check: int = None
    proto = UDP

    def build(self, src, dst):
        head = struct.pack("!HHH", self.sport, self.dport, 8 + len(self.data))
        right = csum(pseudo(src, dst, UDP, 8 + len(self.data)) + head + b"\0\0" + self.data)
        return head + struct.pack("!H", fixed(self.check, right or 0xFFFF)) + self.data


@dataclass(frozen=True)
class UdpLite:
    """Covers only its header and @coverage - 8 bytes (RFC 3828)."""
    sport: int
    dport: int
    data: bytes = b"lite data"
    coverage: int = 8
    proto = UDPLITE

    def build(self, src, dst):
        head = struct.pack("!HHH", self.sport, self.dport, self.coverage)
        covered = self.data[:self.coverage - 8]
        right = csum(pseudo(src, dst, UDPLITE, 8 + len(self.data)) + head + b"\0\0" + covered)
        return head + struct.pack("!H", right or 0xFFFF) + self.data


@dataclass(frozen=True)
class Dccp:
    """A request, 20 bytes and the service code (RFC 4340)."""
    sport: int
    dport: int
    data: bytes = b"RNAT"
    proto = DCCP

    def build(self, src, dst):
        before = struct.pack("!HHBB", self.sport, self.dport, 5, 0)
        after = struct.pack("!BBHI", 1, 0, 0, 77) + self.data
        right = csum(pseudo(src, dst, DCCP, 16 + len(self.data)) + before + b"\0\0" + after)
        return before + struct.pack("!H", right) + after


@dataclass(frozen=True)
class Tcp:
    sport: int
    dport: int
    flags: int = SYN
    seq: int = 1000
    ack: int = 0
    data: bytes = b""
    options: bytes = b""
    window: int = 4096
    check: int = None
    proto = TCP

    def build(self, src, dst):
        head = struct.pack("!HHIIBBH", self.sport, self.dport, self.seq, self.ack,
                           (20 + len(self.options)) << 2, self.flags, self.window)
        tail = b"\0\0" + self.options + self.data
        right = csum(pseudo(src, dst, TCP, 18 + len(tail)) + head + b"\0\0" + tail)
        return head + struct.pack("!H", fixed(self.check, right)) + tail


@dataclass(frozen=True)
class Echo:
    """A query, or its reply. Its id is a port to mappings: sport and dport are one."""
    ident: int
    reply: bool = False
    seq: int = 1
    data: bytes = b"ping"
    check: int = None
    v6: bool = False

    @property
    def proto(self):
        return ICMP6 if self.v6 else ICMP

    def build(self, src, dst):
        kind = (129 if self.reply else 128) if self.v6 else (0 if self.reply else 8)
        body = struct.pack("!HH", self.ident, self.seq) + self.data
        return icmp_message(src, dst, kind, 0, body, self.check)


@dataclass(frozen=True)
class Icmp:
    """Any other message: @body is all that follows the checksum."""
    kind: int
    code: int
    body: bytes
    check: int = None
    v6: bool = False

    @property
    def proto(self):
        return ICMP6 if self.v6 else ICMP

    def build(self, src, dst):
        return icmp_message(src, dst, self.kind, self.code, self.body, self.check)


def icmp_message(src, dst, kind, code, body, check):
    head = struct.pack("!BB", kind, code)
    before = pseudo(src, dst, ICMP6, 4 + len(body)) if len(src) == 16 else b""
    return head + struct.pack("!H", fixed(check, csum(before + head + b"\0\0" + body))) + body


@dataclass(frozen=True)
class Raw:
    """A transport that no port of ours is in, as bytes."""
    proto: int
    data: bytes

    def build(self, _src, _dst):
        return self.data


@dataclass(frozen=True)
class Packet:
    src: str
    dst: str
    l4: object
    ttl: int = 64
    ident: int = 0x1234      # of IPv6 only fragments have one
    df: bool = True
    mf: bool = False
    offset: int = 0          # of a fragment, bytes
    tos: int = 0
    options: bytes = b""     # of IPv4; of IPv6 a chain (first type, bytes)
    part: tuple = None       # a fragment: the bytes [a:b] of l4
    check: int = None        # of the IPv4 header

    @property
    def family(self):
        return V6 if ":" in self.src else V4

    def payload(self):
        data = self.l4.build(address(self.src), address(self.dst))
        return data[self.part[0]:self.part[1]] if self.part else data

    def bytes(self):
        data = self.payload()
        if self.family == V6:
            nexthdr, chain = (self.options or (self.l4.proto, b""))
            if self.part or self.offset:
                nexthdr, chain = FRAGMENT, struct.pack(
                    "!BBHI", nexthdr, 0, self.offset | self.mf, self.ident) + chain
            return struct.pack("!IHBB", 0x60000000 | self.tos << 20, len(chain) + len(data),
                               nexthdr, self.ttl) + address(self.src) + address(self.dst) + \
                chain + data
        hlen = 20 + len(self.options)
        frag = self.df << 14 | self.mf << 13 | self.offset >> 3
        before = struct.pack("!BBHHHBB", 0x40 | hlen >> 2, self.tos, hlen + len(data), self.ident,
                             frag, self.ttl, self.l4.proto)
        after = address(self.src) + address(self.dst) + self.options
        right = csum(before + b"\0\0" + after)
        return before + struct.pack("!H", fixed(self.check, right)) + after + data

    def head(self):
        """How long all is that stands before the transport."""
        return len(self.bytes()) - len(self.payload())

    def but(self, **changes):
        """The same with another src, dst, ttl...; sport, dport, ident of the L4."""
        inner = {}
        for name in ("sport", "dport", "data", "flags", "seq", "ack"):
            if name in changes:
                inner[name] = changes.pop(name)
        if "echo" in changes:
            inner["ident"] = changes.pop("echo")
        l4 = dataclasses.replace(self.l4, **inner) if inner else self.l4
        return dataclasses.replace(self, l4=l4, **changes)

    def routed(self):
        return dataclasses.replace(self, ttl=self.ttl - 1)

    def fragments(self, *cuts, **changes):
        """It in pieces, cut at these bytes of its payload (multiples of 8)."""
        whole = len(self.payload())
        ends = [0, *cuts, whole]
        return [dataclasses.replace(self, df=False, mf=b < whole, offset=a, part=(a, b), **changes)
                for a, b in zip(ends, ends[1:])]


# What RFC 4443 calls what ICMP says by these types and codes.
ERROR6 = {(3, 0): (1, 0), (3, 1): (1, 3), (3, 2): (4, 1), (3, 3): (1, 4), (3, 4): (2, 0),
          (3, 13): (1, 1), (11, 0): (3, 0), (11, 1): (3, 1), (12, 0): (4, 0)}


def icmp_error(v6, kind, code, body, check=None):
    """An error by its IPv4 type and code: of IPv6, that which says the same."""
    if v6:
        kind, code = ERROR6[kind, code]
    return Icmp(kind, code, body, check, v6)


def error(src, dst, kind, code, about, quoted=8, rest=b"\0\0\0\0", more=b"", **changes):
    """An ICMP error from @src to @dst about packet @about, of which it quotes the
    headers and the first @quoted bytes of the transport, then @more.
    """
    quote = about.bytes()[:about.head() + quoted]
    return Packet(src, dst, icmp_error(":" in src, kind, code, rest + quote + more), **changes)
