#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""profile.py PATH [FROM]: where the instructions of a packet go. Boots a guest for that
path of guest.sh, has QEMU trace every instruction of 16 packets, and prints how many
each function executed per packet, from the 9th packet on, and how often it was called.
FROM (ip_rcv): the function with which a packet begins."""
import collections
import bisect
import os
import re
import socket
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
OUT = os.path.join(TOP, "build/logs/bench-profile")


def monitor(*commands):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(OUT + "/monitor")
        f = s.makefile("rwb", buffering=0)
        for c in commands:
            f.write(c.encode() + b"\n")
            time.sleep(0.2)


def wait(name, guest):
    while not os.path.exists(OUT + "/" + name):
        if guest.poll() is not None:
            sys.exit("profile: the guest ended before it was " + name)
        time.sleep(0.1)


def symbols():
    found = []
    with open(OUT + "/kallsyms", encoding="ascii") as f:
        for line in f:
            at, kind, name = line.split()[:3]
            if kind in "tTwW":
                found.append((int(at, 16), name))
    found.sort()
    return [a for a, _ in found], [n for _, n in found]


def main(path, first="ip_rcv"):
    version = subprocess.check_output([TOP + "/tests/tools/guest-kernels.sh", "6.12"], text=True).strip()
    env = dict(os.environ, RIG_NAME="bench-profile", RIG_ICOUNT="shift=0,sleep=off", RIG_MEM="2048",
               RIG_MONITOR="1", RIG_QUIET="1", RIG_TIMEOUT="900", RIG_ENV="PATHS PROFILE BIG",
               PROFILE=path, PATHS=re.sub("_(v6|rev)", "", path), BIG=os.environ.get("BIG", "4096"))
    subprocess.run(["rm", "-rf", OUT], check=True)
    with subprocess.Popen([TOP + "/tests/qemu/boot.sh", version, TOP + "/tests/bench/packet/guest.sh"],
                          env=env) as guest:
        wait("ready", guest)
        monitor("logfile " + OUT + "/trace", "singlestep on", "log exec,nochain")
        with open(OUT + "/go", "w"):
            pass
        wait("traced", guest)
        monitor("log none", "singlestep off")
    report(first)


def report(first):
    at, names = symbols()
    entries, last = set(at), None
    packets = [(collections.Counter(), collections.Counter())]
    with open(OUT + "/trace", encoding="ascii", errors="replace") as f:
        for line in f:
            m = re.match(r"Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/", line)
            pc = int(m.group(1), 16) if m else last
            if pc == last:
                continue
            last = pc
            name = names[bisect.bisect_right(at, pc) - 1]
            if pc in entries and name == first:
                packets.append((collections.Counter(), collections.Counter()))
            packets[-1][0][name] += 1
            packets[-1][1][name] += pc in entries
    # The first ones warm up; behind the last one comes whatever pktgen does then.
    whole = packets[len(packets) // 2:-1]
    if not whole:
        sys.exit("profile: no packet came to " + first)
    counts = sum((p[0] for p in whole), collections.Counter())
    calls = sum((p[1] for p in whole), collections.Counter())
    n = len(whole)
    print("%8s %6s  of %d packets, %.0f instructions each" % ("insns", "calls", n, sum(counts.values()) / n))
    for name, count in counts.most_common(int(os.environ.get("LINES_MAX", "60"))):
        print("%8.1f %6.2f  %s" % (count / n, calls[name] / n, name))


main(*sys.argv[1:])
