#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""stall.py CASE IN_MAC COMMAND...: how late packets come while COMMAND runs. Prints a
JSON object.

  feed ──► in0  ──►  forwarded and translated  ──► out0
  netem lets one packet out each millisecond

They are put into netem before, each with its time. It is a timer of the kernel that
sends them, and softirqs that carry them on, whatever process has the CPU: so what is
late is late because softirqs could not run. late is since the time that it had, through
from in0 to out0. All times are the kernel's, of rings that packet sockets map, so that
nobody has to run meanwhile, in a guest with one CPU.

TRACE=DIR: what ran around the worst one, as DIR/trace-CASE. Tracing itself takes time.
"""
import json
import mmap
import os
import re
import socket
import struct
import subprocess
import sys
import time

PACKETS = int(os.environ.get("PACKETS", "120000"))
TALKERS = 1024
EVERY = 10**6  # ns
FRAME, BLOCK = 128, 1 << 20
DST, PORT = "192.0.2.1", 9
SIZE = 60
SOL_PACKET, RX_RING, VERSION, TPACKET_V2, STATISTICS = 263, 5, 10, 1, 6
SO_TIMESTAMPNS, SO_SNDBUFFORCE, ETH_P_ALL = 35, 32, 3


def shell(*command):
    subprocess.run(command, check=True)


class Ring:
    """What passes a device, from now on."""

    def __init__(self, dev):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        # The time of a packet is when it came, not when somebody looked.
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.setsockopt(SOL_PACKET, VERSION, TPACKET_V2)
        blocks = (PACKETS + 1000) * FRAME // BLOCK + 1
        self.frames = blocks * BLOCK // FRAME
        self.sock.setsockopt(SOL_PACKET, RX_RING, struct.pack("IIII", BLOCK, blocks, FRAME, self.frames))
        self.map = mmap.mmap(self.sock.fileno(), blocks * BLOCK)
        self.sock.bind((dev, ETH_P_ALL))

    def read(self):
        """number: (ns, source)"""
        found = {}
        for at in range(0, self.frames * FRAME, FRAME):
            status, _, kept, mac, _, sec, ns = struct.unpack_from("IIIHHII", self.map, at)
            if not status & 1:
                break
            ip = at + mac + 14
            if kept < 50 or self.map[ip + 16:ip + 20] != socket.inet_aton(DST):
                continue
            number, = struct.unpack_from("!Q", self.map, ip + 28)
            found[number] = (sec * 10**9 + ns, self.map[ip + 12:ip + 16])
        _, dropped = struct.unpack("II", self.sock.getsockopt(SOL_PACKET, STATISTICS, 8))
        if dropped:
            sys.exit("stall: the ring was too small for %d packets" % dropped)
        return found


def headers(mac):
    """Of each talker, up to the number."""
    ethernet = bytes.fromhex(mac.replace(":", "")) + b"\2\0\0\0\0\2\x08\0"
    udp = struct.pack("!HHHH", 5000, PORT, SIZE - 34, 0)
    for i in range(TALKERS):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, SIZE - 14, 0, 0, 64, socket.IPPROTO_UDP, 0,
                         bytes((10, 16, i >> 8, i & 255)), socket.inet_aton(DST))
        total = sum(struct.unpack("!10H", ip))
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        yield ethernet + ip[:10] + struct.pack("!H", ~total & 0xFFFF) + ip[12:] + udp


def queue(mac):
    """Each with its time; returns when all are in."""
    shell("tc", "qdisc", "replace", "dev", "feed", "root", "netem", "limit", str(PACKETS),
          "rate", "%dbit" % (SIZE * 8 * 10**9 // EVERY))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 24)
    sock.bind(("feed", 0))
    before = list(headers(mac))
    for i in range(PACKETS):
        sock.send(before[i % TALKERS] + struct.pack("!Q10x", i))


class Trace:
    """Which softirqs and tasks ran, and in which functions timers interrupted them."""

    AT = "/sys/kernel/tracing/"
    EVENTS = ("irq/softirq_entry", "irq/softirq_exit", "sched/sched_switch", "sched/sched_wakeup",
              "irq_vectors/local_timer_entry")
    TRIGGER = "events/irq_vectors/local_timer_entry/trigger"

    def __init__(self):
        self.to = os.environ.get("TRACE")
        if self.to:
            self.write("buffer_size_kb", "400000")
            self.write("trace_clock", "mono")
            for event in self.EVENTS:
                self.write("events/%s/enable" % event, "1")
            self.write(self.TRIGGER, "stacktrace")

    def write(self, name, value):
        with open(self.AT + name, "w", encoding="ascii") as f:
            f.write(value)

    def end(self, case, worst, late):
        """WORST: when, in ns of CLOCK_REALTIME."""
        if not self.to:
            return
        self.write("tracing_on", "0")
        self.write(self.TRIGGER, "!stacktrace")
        worst -= time.time_ns() - time.monotonic_ns()
        with open(self.AT + "trace", encoding="ascii") as f, \
                open("%s/trace-%s" % (self.to, case), "w", encoding="ascii") as out:
            near = False
            for line in f:
                stamp = re.search(r" (\d+\.\d+): ", line)
                if stamp:
                    near = -late - 5e6 < float(stamp.group(1)) * 1e9 - worst < 3e6
                if near:
                    out.write(line)
        self.write("trace", "")
        self.write("tracing_on", "1")


def put(row, name, values):
    values = sorted(values)
    for what, part in ("median", 0.5), ("p99", 0.99), ("worst", 1):
        row["%s_%s_us" % (name, what)] = round(values[min(len(values) - 1, int(len(values) * part))] / 1000, 1)


def main(case, mac, *command):
    came, left = Ring("in0"), Ring("out0")
    queue(mac)
    trace, start = Trace(), time.time_ns()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    end = time.time_ns()
    # Those whose time it was may still be on their way.
    time.sleep(0.1)
    shell("tc", "qdisc", "del", "dev", "feed", "root")
    came, left = came.read(), left.read()
    if max(came) == PACKETS - 1:
        sys.exit("stall: %s takes longer than %d packets" % (case, PACKETS))
    # The earliest one of all says when the others should have come.
    during = [n for n, (t, _) in came.items() if start <= t <= end]
    first = min(came[n][0] - n * EVERY for n in during)
    both = [n for n in during if n in left]
    row = {"case": case, "seconds": round((end - start) / 1e9, 3), "packets": len(during),
           "lost": len(during) - len(both),
           "untranslated": sum(left[n][1] == came[n][1] for n in both)}
    put(row, "late", [left[n][0] - first - n * EVERY for n in both])
    put(row, "through", [left[n][0] - came[n][0] for n in both])
    worst = max(both, key=lambda n: left[n][0] - n * EVERY)
    row["worst_after_s"] = round((left[worst][0] - start) / 1e9, 3)
    print(json.dumps(row))
    trace.end(case, left[worst][0], row["late_worst_us"] * 1000)


main(*sys.argv[1:])
