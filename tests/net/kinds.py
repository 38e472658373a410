#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Packets of every kind, said byte for byte into one namespace, and byte for
byte what must come out in another: the source or destination is a new one, the
hop limit is less, every checksum is that of the packet as it is, and nothing
else has changed. What must come out is made from scratch, not from what went in.

  kinds.py kinds SEND RECEIVE HOPS [NAMESPACE,DEVICE...]
        every kind of L4, small and as TCP super-packets of 60 KB, with checksums
        that are done and that are still to be done; those that are done must be
        seen as they were said by whoever looks on at the devices that follow
  kinds.py fragments SEND RECEIVE HOPS
        datagrams as fragments in several orders
  kinds.py flood SEND COUNT
        COUNT first fragments of datagrams that never become whole

  SEND    NAMESPACE,DEVICE,MAC,SOURCE,DESTINATION   MAC of the next hop
  RECEIVE NAMESPACE,DEVICE,SOURCE,DESTINATION       as they must be there
"""
import collections
import hashlib
import ipaddress
import select
import socket
import struct
import sys
import time

import talk

MSS = 1400
TTL = 64
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x800, 0x86DD
SOL_PACKET, PACKET_VNET_HDR = 263, 15
NEEDS_CSUM, GSO_TCPV4, GSO_TCPV6 = 1, 1, 4
TCP, UDP, DCCP, GRE, ESP, ICMPV6, SCTP, UDPLITE = 6, 17, 33, 47, 50, 58, 132, 136
SECONDS = 30


# ---- checksums ----

def total(data):
    if len(data) & 1:
        data += b"\0"
    return sum(struct.unpack("!%dH" % (len(data) // 2), data))


def fold(value):
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value


def pseudo(src, dst, proto, length):
    return total(src + dst) + proto + total(struct.pack("!I", length))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


# ---- packets ----

def filler(length, seed):
    return bytes((i * 37 + seed * 11 + (i >> 8)) & 255 for i in range(length))


class L4:
    """A header and payload with its checksum field at .at, or nothing there."""

    def __init__(self, name, proto, data, at=None, covers=None, pseudo_header=True):
        self.name, self.proto, self.data, self.at = name, proto, data, at
        self.covers, self.pseudo_header = covers or len(data), pseudo_header

    def finished(self, src, dst):
        if self.at is None:
            return self.data
        start = pseudo(src, dst, self.proto, len(self.data)) if self.pseudo_header else 0
        check = ~fold(start + total(self.data[:self.covers])) & 0xFFFF
        if not check and self.proto in (UDP, UDPLITE):
            check = 0xFFFF
        return self.put(check)

    def pending(self, src, dst):
        return self.put(fold(pseudo(src, dst, self.proto, len(self.data))))

    def put(self, check):
        return self.data[:self.at] + struct.pack("!H", check) + self.data[self.at + 2:]


def tcp(name, port, seq, payload, flags=0x18):
    return L4(name, TCP, struct.pack("!HHIIBBHHH", port, 7001, seq, 1, 0x50, flags, 512, 0, 0) +
              payload, 16)


def udp(name, port, payload, absent=False):
    header = struct.pack("!HHHH", port, 7002, 8 + len(payload), 0)
    return L4(name, UDP, header + payload, None if absent else 6)


def echo(name, size, six):
    return L4(name, ICMPV6 if six else 1,
              struct.pack("!BBHHH", 128 if six else 8, 0, 0, 77, 1) + filler(size, 3), 2,
              pseudo_header=six)


def sctp(name):
    chunk = struct.pack("!BBHIHHI", 0, 3, 16 + 32, 9, 0, 0, 0) + filler(32, 5)
    head = struct.pack("!HHI", 40009, 7003, 1234)
    return L4(name, SCTP, head + crc32c(head + b"\0\0\0\0" + chunk) + chunk)


def singles(six):
    yield tcp("tcp", 40001, 1000, filler(333, 1))
    yield udp("udp", 40002, filler(1001, 2))
    yield udp("udp-absent", 40003, filler(20, 2), absent=True)
    yield echo("echo", 57, six)
    yield sctp("sctp")
    yield L4("udplite", UDPLITE, struct.pack("!HHHH", 40004, 7004, 8, 0) + filler(31, 6), 6, covers=8)
    yield L4("dccp", DCCP, struct.pack("!HHBBHBBHI", 40005, 7005, 4, 0, 0, 4, 0, 0, 5) + filler(9, 7), 6)
    yield L4("gre", GRE, b"\0\0\x08\0" + filler(40, 8))
    yield L4("esp", ESP, struct.pack("!II", 55, 1) + filler(64, 9))


def ip(src, dst, proto, data, ttl, ident=0, frag=0):
    if len(src) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), ident, frag, ttl, proto, 0) + src + dst
        check = ~fold(total(head)) & 0xFFFF
        return head[:10] + struct.pack("!H", check) + head[12:] + data
    return struct.pack("!IHBB", 6 << 28, len(data), proto, ttl) + src + dst + data


# ---- what is sent, and what must come ----

def small(src, dst, pending):
    """(frame, virtio header) of each kind."""
    for l4 in singles(len(src) == 16):
        late = pending and l4.at is not None and l4.proto in (TCP, UDP)
        data = l4.pending(src, dst) if late else l4.finished(src, dst)
        offset = 14 + (20 if len(src) == 4 else 40)
        head = (struct.pack("=BBHHHH", NEEDS_CSUM, 0, 0, 0, offset, l4.at) if late else bytes(10))
        yield ip(src, dst, l4.proto, data, TTL, 7), head


def big(src, dst):
    """A TCP super-packet that the kernel is to cut."""
    six = len(src) == 16
    l4 = tcp("super", 40010, 5000, filler(MSS * 43 - 99, 4))
    offset = 14 + (40 if six else 20)
    head = struct.pack("=BBHHHH", NEEDS_CSUM, GSO_TCPV6 if six else GSO_TCPV4, offset + 20, MSS,
                       offset, 16)
    yield ip(src, dst, TCP, l4.pending(src, dst), TTL, 100), head


def cut(src, dst, ttl):
    """What becomes of it on a wire (RFC 9293; the kernel leaves PSH to the last)."""
    payload = filler(MSS * 43 - 99, 4)
    for n, at in enumerate(range(0, len(payload), MSS)):
        last = at + MSS >= len(payload)
        l4 = tcp("segment", 40010, 5000 + at, payload[at:at + MSS], 0x18 if last else 0x10)
        yield ip(src, dst, TCP, l4.finished(src, dst), ttl, 100 + n)


def fragments(src, dst, ttl, l4, size, ident):
    """The datagram in pieces of size bytes, which is a multiple of 8."""
    data = l4.finished(src, dst)
    for at in range(0, len(data), size):
        more = at + size < len(data)
        part = data[at:at + size]
        if len(src) == 4:
            yield ip(src, dst, l4.proto, part, ttl, ident, at >> 3 | more << 13)
        else:
            head = struct.pack("!BBHI", l4.proto, 0, at | more, ident)
            yield ip(src, dst, 44, head + part, ttl)


def in_pieces(src, dst, ttl):
    """Datagrams as fragments: in order, the last one first, one twice."""
    six = len(src) == 16
    for n, l4 in enumerate((udp("udp", 40020, filler(3000, 1)), tcp("tcp", 40021, 1, filler(2001, 2)),
                            udp("absent", 40022, filler(999, 3), absent=True),
                            echo("echo", 2500, six), sctp("sctp"))):
        parts = list(fragments(src, dst, ttl, l4, 48 if l4.proto == SCTP else 512, 900 + n))
        yield from parts[::-1] if n & 1 else parts
        yield parts[-1]


# ---- the wires ----

class Sender:
    def __init__(self, text):
        namespace, self.dev, mac, src, dst = text.split(",")
        self.src, self.dst = (ipaddress.ip_address(a).packed for a in (src, dst))
        kind = ETH_P_IPV6 if len(self.src) == 16 else ETH_P_IP
        mine = talk.mac_of(namespace, self.dev)
        self.ethernet = bytes.fromhex(mac.replace(":", "")) + mine + struct.pack("!H", kind)
        with talk.inside(namespace):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        with talk.inside(namespace):
            self.sock.bind((self.dev, kind))

    def say(self, packet, head=bytes(10)):
        self.sock.send(head + self.ethernet + packet)


class Receiver:
    def __init__(self, text):
        namespace, dev, src, dst = text.split(",")
        self.src, self.dst = (ipaddress.ip_address(a).packed for a in (src, dst))
        with talk.inside(namespace):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
            self.sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
            self.sock.bind((dev, ETH_P_ALL))

    def is_ours(self, data):
        at = 12 if len(self.src) == 4 else 8
        n = len(self.src)
        return data[at:at + 2 * n] == self.src + self.dst and (len(data) > 28)

    def take(self, count):
        """As many packets as that, and whatever comes directly after them."""
        got, end = [], time.monotonic() + SECONDS
        while True:
            wait = end - time.monotonic() if len(got) < count else 0.2
            if not select.select([self.sock], [], [], max(0, wait))[0]:
                return got
            data = self.sock.recv(1 << 17)
            if self.is_ours(data):
                got.append(data)


def compare(what, got, want):
    a, b = collections.Counter(got), collections.Counter(want)
    print("%s: %d packets, sha256 %s" %
          (what, len(got), hashlib.sha256(b"".join(sorted(got))).hexdigest()[:16]))
    for packet in list((b - a).elements())[:3]:
        print("  missing: " + packet[:80].hex())
    for packet in list((a - b).elements())[:3]:
        print("  not wanted: " + packet[:80].hex())
    return a == b


def kinds(sender, receiver, hops, witnesses):
    src, dst, ttl = receiver.src, receiver.dst, TTL - hops
    want = [ip(src, dst, l4.proto, l4.finished(src, dst), ttl, 7)
            for l4 in singles(len(src) == 16)]
    segments = list(cut(src, dst, ttl))
    good = True
    for what, out, wanted in (("done", small(sender.src, sender.dst, False), want),
                              ("pending", small(sender.src, sender.dst, True), want),
                              ("super", big(sender.src, sender.dst), segments)):
        for packet, head in out:
            sender.say(packet, head)
        good &= compare(what, receiver.take(len(wanted)), wanted)
        for name, witness in witnesses if what == "done" else ():
            said = [packet for packet, _ in small(sender.src, sender.dst, False)]
            good &= compare(name, witness.take(len(said)), said)
            witness.sock.close()
    return good


def main():
    what, sender = sys.argv[1], Sender(sys.argv[2])
    if what == "flood":
        for ident in range(int(sys.argv[3])):
            l4 = udp("flood", ident & 0xFFFF, filler(1400, 1))
            sender.say(next(fragments(sender.src, sender.dst, TTL, l4, 1024, ident)))
        return
    receiver, hops = Receiver(sys.argv[3]), int(sys.argv[4])
    if what == "kinds":
        addresses = ",".join(sys.argv[2].split(",")[3:])
        sys.exit(not kinds(sender, receiver, hops,
                           [(w, Receiver(w + "," + addresses)) for w in sys.argv[5:]]))
    if what != "fragments":
        sys.exit(__doc__)
    for packet in in_pieces(sender.src, sender.dst, TTL):
        sender.say(packet)
    want = list(in_pieces(receiver.src, receiver.dst, TTL - hops))
    sys.exit(not compare("fragments", receiver.take(len(want)), want))


main()
