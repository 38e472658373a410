#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Both ends of the traffic of the scenarios.

  peer.py serve PORT            TCP and UDP, on all addresses, of IPv6 too
  peer.py ask udp|tcp ADDR PORT TEXT [LOCAL_PORT]
        prints "ADDR:PORT TEXT", the address the server saw; fails after 3 s
  peer.py fetch ADDR PORT BYTES RATE STATE
        one TCP connection; RATE bytes/s (0: as fast as it goes); checks every
        byte; STATE holds the number of bytes so far
  peer.py chat ADDR PORT STATE
        one TCP connection, a numbered line every 50 ms that the server echoes;
        STATE holds the last number that came back, and the address seen;
        STATE.longest the longest that a line took to come back, in ms
  peer.py probe ADDR PORT INTERVAL_MS STATE
        numbered UDP datagrams and their echoes until SIGTERM; then prints
        sent= received= lost= duplicated= reordered= longest_gap_ms= and the
        public addresses seen
  peer.py each ADDR PORT FIRST COUNT SECONDS
        a datagram from each of COUNT addresses of this box, FIRST and the next
        ones, again every half second until it is answered; prints "FROM SEEN"
        for each answer, fails if one has none in SECONDS
  peer.py many ADDR PORT COUNT SECONDS
        the same from COUNT ports of one address; prints "LOCAL_PORT SEEN"
  peer.py scatter ADDR PORT COUNT FIRST
        says one thing from each of COUNT ports, and waits for no answer
  peer.py replay FILE.pcap ADDR PORT
        says over a new connection, byte for byte, what the first one in the
        capture said; ends when the other side has closed
"""
import os
import select
import signal
import socket
import struct
import sys
import time

BLOCK = bytes((i * 131 + (i >> 8) * 29) & 255 for i in range(65536))


def piece(offset, length):
    """The bytes of the endless file that everybody knows."""
    out = bytearray()
    while length > 0:
        at = offset % len(BLOCK)
        part = BLOCK[at:at + length]
        out += part
        offset += len(part)
        length -= len(part)
    return bytes(out)


def note(path, text):
    """STATE is replaced whole: whoever polls it never reads half of it."""
    with open(path + ".new", "w") as f:
        f.write(text + "\n")
    os.rename(path + ".new", path)


class Client:
    """A TCP connection as the server sees it."""

    def __init__(self, sock, peer):
        self.sock, self.peer = sock, peer
        self.line = b""
        self.total = self.sent = self.rate = 0
        self.began = time.monotonic()

    def due(self):
        if self.sent >= self.total:
            return 0
        if not self.rate:
            return min(65536, self.total - self.sent)
        allowed = int((time.monotonic() - self.began) * self.rate)
        return max(0, min(65536, allowed - self.sent, self.total - self.sent))

    def read(self):
        data = self.sock.recv(65536)
        if not data:
            return False
        self.line += data
        while b"\n" in self.line:
            line, self.line = self.line.split(b"\n", 1)
            if line.startswith(b"GET "):
                self.total, self.rate = (int(x) for x in line.split()[1:3])
                self.began = time.monotonic()
            else:
                self.sock.sendall(self.peer.encode() + b" " + line + b"\n")
        return True

    def write(self):
        self.sent += self.sock.send(piece(self.sent, self.due()))


def listen(family, port):
    """TCP and UDP of one family; answers go out from the address asked."""
    tcp = socket.socket(family, socket.SOCK_STREAM)
    udp = socket.socket(family, socket.SOCK_DGRAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        tcp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        udp.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    tcp.bind(("", port))
    tcp.listen(128)
    udp.bind(("", port))
    return tcp, udp


def endpoint(peer):
    """ADDR:PORT, or [ADDR]:PORT of IPv6."""
    return ("[%s]:%d" if ":" in peer[0] else "%s:%d") % peer[:2]


def pktinfo(kind, data):
    """What recvmsg said about where to, as what sendmsg wants for where from."""
    if kind == socket.IPV6_PKTINFO:
        return data[:16] + b"\0\0\0\0"
    return b"\0\0\0\0" + data[8:12] + b"\0\0\0\0"


def serve(port):
    pairs = [listen(socket.AF_INET, port), listen(socket.AF_INET6, port)]
    tcps, udps = zip(*pairs)
    clients = {}
    print("listening", flush=True)
    while True:
        writable = [c.sock for c in clients.values() if c.due()]
        waiting = any(c.sent < c.total for c in clients.values())
        r, w, _ = select.select([*tcps, *udps] + list(clients), writable, [],
                                0.01 if waiting else 60)
        for s in r:
            if s in tcps:
                sock, peer = s.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[sock] = Client(sock, endpoint(peer))
            elif s in udps:
                data, info, _, peer = s.recvmsg(65536, 256)
                local = [(l, t, pktinfo(t, d)) for l, t, d in info]
                try:
                    s.sendmsg([endpoint(peer).encode() + b" " + data], local, 0, peer)
                except OSError as e:
                    print("udp to %s: %s" % (endpoint(peer), e), flush=True)
            else:
                try:
                    alive = clients[s].read()
                except OSError as e:
                    print("tcp from %s: %s" % (clients[s].peer, e), flush=True)
                    alive = False
                if not alive:
                    del clients[s]
                    s.close()
        for s in w:
            if s in clients:
                try:
                    clients[s].write()
                except OSError as e:
                    print("tcp to %s: %s" % (clients[s].peer, e), flush=True)
                    del clients[s]
                    s.close()


def ask(kind, addr, port, text, local=0):
    kinds = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
    s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, kinds[kind])
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", local))
    s.settimeout(3)
    s.connect((addr, port))
    s.sendall(text.encode() + b"\n")
    print(s.recv(65536).decode().strip())


def fetch(addr, port, total, rate, state):
    note(state, "0")
    s = socket.create_connection((addr, port))
    s.sendall(b"GET %d %d\n" % (total, rate))
    got = 0
    while got < total:
        data = s.recv(65536)
        if not data:
            sys.exit("the connection ended after %d of %d bytes" % (got, total))
        if data != piece(got, len(data)):
            sys.exit("wrong bytes after %d" % got)
        got += len(data)
        note(state, str(got))
    print("%d bytes over one connection" % got)


def chat(addr, port, state):
    note(state, "0")
    s = socket.create_connection((addr, port))
    f = s.makefile("rb")
    number, longest = 0, -1
    while True:
        number += 1
        began = time.monotonic()
        s.sendall(b"%d\n" % number)
        seen, back = f.readline().split()
        took = int((time.monotonic() - began) * 1000)
        if took > longest:
            longest = took
            note(state + ".longest", str(longest))
        if int(back) != number:
            sys.exit("sent %d, got %s" % (number, back))
        note(state, "%d %s" % (number, seen.decode()))
        time.sleep(0.05)


def probe(addr, port, interval, state):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((addr, port))
    s.setblocking(False)
    running = [True]
    signal.signal(signal.SIGTERM, lambda *_: running.clear())
    sent = duplicated = reordered = gap = 0
    last, seen, addresses = -1, set(), {}
    clock = started = time.monotonic()
    end = None
    while end is None or (time.monotonic() < end and len(seen) < sent):
        if running:
            due = started + sent * interval / 1000
            late = time.monotonic() - due
            if late > 0.1:  # the host stood still: no burst, that drowns a socket
                started += late
            if late >= 0:
                try:
                    s.send(b"%d" % sent)
                except OSError:
                    pass  # an ICMP error for an earlier one; that one is lost
                sent += 1
                due += interval / 1000
            timeout = max(0, due - time.monotonic())
        else:
            end = end or time.monotonic() + 2  # echoes that are still on the way
            timeout = 0.05
        if not select.select([s], [], [], timeout)[0]:
            continue
        try:
            where, number = s.recv(2048).split()
        except OSError:
            continue
        number = int(number)
        now = time.monotonic()
        gap, clock = max(gap, now - clock), now
        duplicated += number in seen
        reordered += number < last and number not in seen
        seen.add(number)
        last = max(last, number)
        addresses[where.decode()] = None
        note(state, "%d %d %s" % (sent, len(seen), where.decode()))
    print("sent=%d received=%d lost=%d duplicated=%d reordered=%d longest_gap_ms=%d seen=%s" %
          (sent, len(seen), sent - len(seen), duplicated, reordered, gap * 1000,
           ",".join(addresses)))


def udp_to(addr, port, local, local_port=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((local, local_port))
    s.connect((addr, port))
    s.setblocking(False)
    return s


def each(addr, port, first, count, seconds):
    base, sockets = socket.inet_aton(first), {}
    for i in range(count):
        local = socket.inet_ntoa((int.from_bytes(base, "big") + i).to_bytes(4, "big"))
        sockets[udp_to(addr, port, local)] = local
    all_answered(sockets, seconds, lambda where: where.split(":")[0])


def many(addr, port, count, seconds):
    sockets = {}
    for _ in range(count):
        s = udp_to(addr, port, "0.0.0.0")
        sockets[s] = str(s.getsockname()[1])
    all_answered(sockets, seconds, lambda where: where)


def scatter(addr, port, count, first):
    for n in range(count):
        s = udp_to(addr, port, "0.0.0.0", first + n)
        try:
            s.send(b"here")
        finally:
            s.close()


def all_answered(sockets, seconds, show):
    seen = {}
    end = time.monotonic() + seconds
    while sockets and time.monotonic() < end:
        for s in sockets:
            try:
                s.send(b"here")
            except OSError:
                pass  # of an earlier one
        due = time.monotonic() + 0.5
        while sockets and time.monotonic() < due:
            for s in select.select(list(sockets), [], [], max(0, due - time.monotonic()))[0]:
                try:
                    where = s.recv(2048).split()[0].decode()
                except OSError:
                    continue
                seen[sockets.pop(s)] = show(where)
                s.close()
    for local in seen:
        print(local, seen[local])
    if sockets:
        sys.exit("no answer for " + " ".join(sockets.values()))


def segments(path):
    """(local port, flags, sequence number, payload) of each TCP packet."""
    with open(path, "rb") as f:
        f.read(24)
        while True:
            head = f.read(16)
            if len(head) < 16:
                return
            data = f.read(struct.unpack("=IIII", head)[2])
            ip = data[14:]
            tcp = ip[(ip[0] & 15) * 4:struct.unpack("!H", ip[2:4])[0]]
            port, _, seq = struct.unpack("!HHI", tcp[:8])
            yield port, tcp[13], seq, tcp[(tcp[12] >> 4) * 4:]


def replay(path, addr, port):
    mine, start, said = None, 0, bytearray()
    for local, flags, seq, payload in segments(path):
        if mine is None and flags & 2:
            mine, start = local, seq + 1
        if local == mine and payload:
            at = (seq - start) % 2 ** 32
            if at + len(payload) < 2 ** 31:
                said[at:at + len(payload)] = payload
    if len(said) < 1000:
        sys.exit("no session of a gateway in %s" % path)
    s = socket.create_connection((addr, port))
    s.settimeout(15)
    answer = b""
    try:
        s.sendall(said)
        while True:
            data = s.recv(65536)
            if not data:
                break
            answer += data
    except ConnectionError:
        pass
    print("%d bytes said again, %d came back, closed" % (len(said), len(answer)))


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        what, args = sys.argv[1], sys.argv[2:]
        if what == "serve":
            serve(int(args[0]))
        elif what == "ask":
            ask(args[0], args[1], int(args[2]), args[3], *map(int, args[4:5]))
        elif what == "fetch":
            fetch(args[0], *map(int, args[1:4]), args[4])
        elif what == "chat":
            chat(args[0], int(args[1]), args[2])
        elif what == "probe":
            probe(args[0], int(args[1]), float(args[2]), args[3])
        elif what == "each":
            each(args[0], int(args[1]), args[2], *map(int, args[3:5]))
        elif what == "many":
            many(args[0], *map(int, args[1:4]))
        elif what == "scatter":
            scatter(args[0], *map(int, args[1:4]))
        elif what == "replay":
            replay(args[0], args[1], int(args[2]))
        else:
            sys.exit(__doc__)
    except OSError as e:
        sys.exit("peer %s: %s" % (" ".join(sys.argv[1:]), e))


main()
