# SPDX-License-Identifier: GPL-2.0
"""How a driver talks, without starting a program for each word: namespaces,
netlink (roamnat's tables and notifications, routes, bridge ports), the daemons'
control sockets. For rounds.py and whoever is written like it.
"""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct

# A kernel that watches takes so many times as long (report.sh).
SLOW = int(os.environ.get("RIG_SLOW") or 1)

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


# ---- namespaces ----

def enter(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


HOME = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def inside(name):
    """What is opened or started within belongs to that namespace."""
    fd = os.open("/run/netns/" + name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(fd)
        yield
    finally:
        enter(HOME)
        os.close(fd)


def mac_of(name, dev):
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        return fcntl.ioctl(s, 0x8927, struct.pack("256s", dev.encode()))[18:24]  # SIOCGIFHWADDR


# ---- netlink ----

REQUEST, ACK, DUMP, REPLACE, CREATE = 1, 4, 0x300, 0x100, 0x400


def attr(kind, data):
    return struct.pack("=HH", len(data) + 4, kind) + data + b"\0" * (-len(data) % 4)


def without(data, pad):
    """What aligns 64-bit numbers on some machines is no part of what is said."""
    out, at = b"", 0
    while at + 4 <= len(data):
        n, kind = struct.unpack_from("=HH", data, at)
        if kind & 0x3FFF != pad:
            out += data[at:at + n] + b"\0" * (-n % 4)
        at += (n + 3) & ~3
    return out


def attrs(data):
    found, at = {}, 0
    while at + 4 <= len(data):
        n, kind = struct.unpack_from("=HH", data, at)
        if n < 4:
            break
        found[kind & 0x3FFF] = data[at + 4:at + n]
        at += (n + 3) & ~3
    return found


def number(data):
    return int.from_bytes(data or b"", "little")


def address_of(data):
    """IPv4 or IPv6, as text."""
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def messages(data):
    """(type, payload) of each netlink message."""
    at = 0
    while at + 16 <= len(data):
        n, kind = struct.unpack_from("=IH", data, at)
        yield kind, data[at + 16:at + n]
        at += (n + 3) & ~3


class Netlink:
    """A socket in a namespace; requests that are answered at once."""

    def __init__(self, namespace, protocol):
        with inside(namespace):
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC,
                                      protocol)
        self.sock.bind((0, 0))
        self.sock.settimeout(10 * SLOW)
        for option in (10, 11):  # NETLINK_CAP_ACK, NETLINK_EXT_ACK
            self.sock.setsockopt(270, option, 1)

    def ask(self, kind, flags, payload):
        """All replies, [(type, payload)]; OSError for a refusal."""
        self.sock.send(struct.pack("=IHHII", len(payload) + 16, kind, flags | REQUEST, 0, 0) +
                       payload)
        replies = []
        while True:
            for kind_, data in messages(self.sock.recv(1 << 17)):
                if kind_ == 3:  # NLMSG_DONE
                    return replies
                if kind_ == 2:  # NLMSG_ERROR
                    err = struct.unpack_from("=i", data)[0]
                    if err:
                        why = attrs(data[20:]).get(1, b"").rstrip(b"\0").decode()
                        raise OSError(-err, why or os.strerror(-err))
                    return replies
                replies.append((kind_, data))
            if replies and not flags & (DUMP | ACK):
                return replies

    def close(self):
        self.sock.close()


class Routes(Netlink):
    """rtnetlink of one namespace."""

    def __init__(self, namespace):
        super().__init__(namespace, socket.NETLINK_ROUTE)
        self.namespace = namespace

    def via(self, address, gateway):
        """A /32 to that gateway, instead of any other."""
        self.ask(24, ACK | CREATE | REPLACE,
                 struct.pack("=BBBBBBBBI", socket.AF_INET, 32, 0, 0, 254, 4, 0, 1, 0) +
                 attr(1, socket.inet_aton(address)) + attr(5, socket.inet_aton(gateway)))

    def master(self, port, bridge):
        """Plugs a port into that bridge."""
        with inside(self.namespace):
            index, to = socket.if_nametoindex(port), socket.if_nametoindex(bridge)
        self.ask(16, ACK, struct.pack("=BBHiII", 0, 0, 0, index, 0, 0) +
                 attr(10, struct.pack("=I", to)))


STATES = {0: "", 1: "held", 2: "active", 3: "moving-out", 4: "releasing", 5: "moved"}
EVENTS = {0: "", 1: "installed", 2: "granted", 3: "frozen", 4: "deleted", 5: "idle"}


class Mapping:
    """As include/uapi/linux/roamnat.h has it."""

    def __init__(self, payload):
        tb = attrs(payload[4:])
        self.cmd = payload[0]
        self.id, self.epoch, self.incarnation = (number(tb.get(i)) for i in (1, 2, 3))
        self.state = STATES[number(tb.get(4))]
        self.vm, self.pub = ((tb.get(i) and address_of(tb[i])) for i in (8, 10))
        self.suspended = 13 in tb
        self.first, self.last = number(tb.get(14)), number(tb.get(15))
        self.event = EVENTS[number(tb.get(16))]

    def __str__(self):
        return "%s %s epoch %d %s%s" % (self.vm, self.pub, self.epoch, self.state,
                                        " suspended" if self.suspended else "")


class Kernel:
    """The module in a gateway's namespace: its table, and what it tells of."""

    def __init__(self, namespace):
        self.requests = Netlink(namespace, 16)
        replies = self.requests.ask(16, 0, bytes([3, 1, 0, 0]) + attr(2, b"roamnat\0"))
        tb = attrs(replies[0][1][4:])
        self.id = number(tb[1])
        group = next(number(g[2]) for g in map(attrs, attrs(tb[7]).values()))
        self.news = Netlink(namespace, 16)
        self.news.sock.setsockopt(socket.SOL_SOCKET, 33, 4 << 20)  # SO_RCVBUFFORCE
        self.news.sock.setsockopt(270, 1, group)  # NETLINK_ADD_MEMBERSHIP
        self.news.sock.setblocking(False)

    def dump(self):
        return [Mapping(data) for _, data in
                self.requests.ask(self.id, DUMP, bytes([12, 1, 0, 0]))]

    def told(self):
        """Notifications of mappings that came since the last call."""
        while True:
            try:
                data = self.news.sock.recv(1 << 17)
            except BlockingIOError:
                return
            for kind, payload in messages(data):
                if kind == self.id and payload[0] == 18:
                    yield Mapping(payload)

    def close(self):
        self.requests.close()
        self.news.close()


# ---- the control socket, see daemon/proto/control.proto ----

STATUS, LIST, RELEASE, MIGRATE, TAKEOVER, GATEWAYS, POOLS, COUNTERS = range(1, 9)


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(n, value):
    if isinstance(value, int):
        return varint(n << 3) + varint(value) if value else b""
    data = value.encode() if isinstance(value, str) else value
    return varint(n << 3 | 2) + varint(len(data)) + data if data else b""


def fields(data):
    """{number: [value, ...]} of one protobuf message."""
    found, at = {}, 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        key = take()
        if key & 7 == 0:
            value = take()
        elif key & 7 == 2:
            n = take()
            value = data[at:at + n]
            at += n
        else:
            n = 8 if key & 7 == 1 else 4
            value = int.from_bytes(data[at:at + n], "little")
            at += n
        found.setdefault(key >> 3, []).append(value)
    return found


class Row:
    """A message of control.proto as attributes."""
    names = {}

    def __init__(self, data):
        got = fields(data)
        for n, (name, empty) in self.names.items():
            value = got.get(n, [empty])[0]
            setattr(self, name, value.decode() if isinstance(value, bytes) else value)


class Record(Row):
    names = {1: ("id", 0), 2: ("epoch", 0), 4: ("state", ""), 5: ("public", ""),
             6: ("private", ""), 10: ("owner", ""), 12: ("destination", "")}

    def __str__(self):
        return "%s %s epoch %d %s %s%s" % (self.private, self.public, self.epoch, self.state,
                                           self.owner, self.destination and
                                           " to " + self.destination)


class Gateway(Row):
    names = {2: ("name", ""), 5: ("state", ""), 6: ("incarnation", 0)}


class Pool(Row):
    names = {5: ("total", 0), 6: ("granted", 0), 7: ("quarantined", 0), 8: ("free", 0)}


class Status(Row):
    names = {5: ("session", ""), 6: ("incarnation", 0)}


class Counter(Row):
    names = {1: ("name", ""), 2: ("value", 0)}


class Call:
    """One request; take() until done. The daemon may die meanwhile: failed."""

    def __init__(self, path, verb, private="", gateway="", to="", cause=0, fenced=False,
                 reason="", wait=False):
        selector = field(2, private) + field(6, gateway)
        if private:
            selector += field(4, 1) + field(5, 1)
        body = field(1, verb) + field(2, selector) + field(3, to) + field(4, cause) + \
            field(6, int(fenced)) + field(7, reason) + field(8, int(wait))
        self.done = self.failed = False
        self.code, self.text, self.rows, self.buffer = 0, "", {}, b""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.sock.settimeout(5 * SLOW)
        try:
            self.sock.connect(path)
            self.sock.sendall(struct.pack(">I", len(body)) + body)
            self.sock.setblocking(False)
        except OSError:
            self.fail()

    def fail(self):
        self.failed = self.done = True
        self.sock.close()

    def take(self):
        """Reads what is there."""
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.fail()
            return
        self.buffer += data
        while len(self.buffer) >= 4:
            n = struct.unpack_from(">I", self.buffer)[0]
            if len(self.buffer) < 4 + n:
                return
            reply = fields(self.buffer[4:4 + n])
            self.buffer = self.buffer[4 + n:]
            for i in (4, 5, 6, 7, 9):
                self.rows.setdefault(i, []).extend(reply.get(i, []))
            self.code = reply.get(1, [0])[0]
            self.text = reply.get(2, [b""])[0].decode()
            if reply.get(3, [0])[0]:
                self.done = True
                self.sock.close()
                return

    def records(self):
        return [Record(d) for d in self.rows.get(4, [])]

    def gateways(self):
        return {g.name: g for g in map(Gateway, self.rows.get(5, []))}

    def pool(self):
        return Pool(self.rows[6][0])

    def counters(self):
        return {c.name: c.value for c in map(Counter, self.rows.get(7, []))}

    def status(self):
        return Status(self.rows[9][0])
