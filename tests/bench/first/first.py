#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""first.py COUNT PAUSE_MS NET [NAME=PID...]: COUNT new VMs, 10.NET.0.0 and on, send one
packet each, one after another, and then another one; when it came in at the gateway and
when it left. In a guest, with guest.sh's network. Prints KEY=JSON words.

All times are the kernel's, of packet sockets of this process: at in0 and out0 of gw1,
and at both ends of the control network. Between a packet and the end of its pause this
process sleeps, so that it does not take the CPU from those that it measures.
"""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "net"))
from talk import inside  # noqa: E402

NOBODY, PORT = "192.0.2.99", 9  # net drops what is sent there
ETH_P_ALL, OUTGOING = 3, 4
SO_TIMESTAMPNS = 35
WARM = 20  # VMs before that do not count: programs are read from the host meanwhile
LIMIT = 5  # seconds until a packet counts as lost


class Tap:
    """What passes a device one way, as (time in ns, IP packet)."""

    def __init__(self, name, dev, outgoing):
        with inside(name):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.sock.bind((dev, ETH_P_ALL))
        self.sock.setblocking(False)
        self.outgoing = outgoing

    def read(self):
        found = []
        while True:
            try:
                data, extra, _, addr = self.sock.recvmsg(2048, 64)
            except BlockingIOError:
                return found
            if (addr[2] == OUTGOING) == self.outgoing and addr[1] == 0x0800:
                sec, ns = struct.unpack("qq", extra[0][2])
                found.append((sec * 10**9 + ns, data))


def told(packet):
    """The number in a datagram to nobody, or None."""
    at = (packet[0] & 15) * 4
    if packet[9] != socket.IPPROTO_UDP or packet[16:20] != socket.inet_aton(NOBODY):
        return None
    return struct.unpack_from("!Q", packet, at + 8)[0]


def says(packet):
    """Whether it is TCP with data."""
    at = (packet[0] & 15) * 4
    size = struct.unpack_from("!H", packet, 2)[0]
    return packet[9] == socket.IPPROTO_TCP and size > at + (packet[at + 12] >> 4) * 4


def cpu_ns(pid):
    """What all threads of a process have had of the CPU."""
    used = 0
    for task in os.listdir("/proc/%s/task" % pid):
        with open("/proc/%s/task/%s/schedstat" % (pid, task), encoding="ascii") as f:
            used += int(f.read().split()[0])
    return used


class Bench:
    def __init__(self, pause):
        self.pause = pause
        self.inside = Tap("gw1", "in0", False)
        self.outside = Tap("gw1", "out0", True)
        # The controller's: behind the network's delay, and before it.
        self.asked = Tap("ctl", "ctl0", False)
        self.answered = Tap("ctl", "ctl0", True)
        self.granted = Tap("gw1", "ctl0", False)
        self.taps = self.inside, self.outside, self.asked, self.answered, self.granted

    def one(self, sock, number):
        """A dict of us: the whole way from in to out, and of that at the controller, on the
        control network and at the gateway, if anything was asked. None: it was lost."""
        for tap in self.taps:
            tap.read()
        sock.sendto(struct.pack("!Q", number), (NOBODY, PORT))
        time.sleep(self.pause)
        out, end = self.outside.read(), time.monotonic() + LIMIT
        while not any(told(p) == number for _, p in out) and time.monotonic() < end:
            time.sleep(self.pause)
            out += self.outside.read()
        left = [t for t, p in out if told(p) == number]
        came = [t for t, p in self.inside.read() if told(p) == number]
        if not left or not came:
            return None
        took = {"all": (left[0] - came[0]) / 1000}
        since, times = came[0], []
        for tap in self.asked, self.answered, self.granted:
            since = next((t for t, p in tap.read() if says(p) and since < t < left[0]), None)
            if since is None:
                return took
            times.append(since)
        took["controller"] = (times[1] - times[0]) / 1000
        took["network"] = 2 * (times[2] - times[1]) / 1000  # there as long as back
        took["gateway"] = took["all"] - took["controller"] - took["network"]
        return took


def at(values, part):
    values = sorted(values)
    return round(values[min(len(values) - 1, int(len(values) * part))], 1) if values else "null"


def main(count, pause, net, *daemons):
    with inside("vm1"):
        vms = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(WARM + int(count))]
        for i, vm in enumerate(vms):
            vm.bind(("10.%s.%d.%d" % (net, i >> 8, i & 255), 0))
    bench, pids = Bench(float(pause) / 1000), dict(d.split("=") for d in daemons)
    for i, vm in enumerate(vms[:WARM]):
        bench.one(vm, i)
    vms = vms[WARM:]
    for what in "first", "second":
        before = {name: cpu_ns(pid) for name, pid in pids.items()}
        seen = [bench.one(vm, WARM + i + len(vms) * (what == "second")) for i, vm in enumerate(vms)]
        print("%s_lost=%d" % (what, seen.count(None)))
        for name, part in ("median", 0.5), ("p99", 0.99), ("worst", 1):
            print("%s_%s_us=%s" % (what, name, at([s["all"] for s in seen if s], part)))
        for where in "controller", "network", "gateway":
            parts = [s[where] for s in seen if s and where in s]
            if parts and what == "first":
                print("%s_median_us=%s" % (where, at(parts, 0.5)))
        if what == "first":
            for name, pid in pids.items():
                print("%s_cpu_us=%.1f" % (name, (cpu_ns(pid) - before[name]) / 1000 / len(vms)))
    print("vms=%d" % len(vms))


main(*sys.argv[1:])
