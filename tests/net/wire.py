#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Witness of B1 by packets: who translated for a public address, and whether it
was the owner then.

  wire.py AUDIT GATEWAY=FILE.pcap [GATEWAY=FILE.pcap ...]

AUDIT is what `natctl -j audit` said of the addresses, all lists in one file.
The captures are of what left each gateway outside (tcpdump -Q out), with a
public address as source. All clocks are one: namespaces of one machine, and the
controller stamps a change before it grants and after the old owner promised.
So every packet must have left the gateway that the audit calls the owner at the
packet's own time, without any tolerance. Then no two gateways interleave but at
an audited change.

Prints a line per address, and one per violation (the first few); fails if there
is a violation, if nothing was captured at all, or if a file cannot be read.
"""
import bisect
import json
import struct
import sys

OWNING = {"granted", "moved", "returned", "taken-over"}
ENDING = {"released", "reclaimed"}
SHOWN = 5


PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}


def packets(path):
    """(time in ns, source address, ADDRESS:PORT/PROTOCOL) of each IPv4 packet of
    an Ethernet capture; an ICMP echo's port is its identifier.
    """
    with open(path, "rb") as f:
        head = f.read(24)
        if len(head) < 24:
            return
        if struct.unpack("=I", head[:4])[0] != 0xa1b2c3d4:
            sys.exit("%s is not a capture of this machine in microseconds" % path)
        while True:
            record = f.read(16)
            if len(record) < 16:
                return
            sec, frac, length, _ = struct.unpack("=IIII", record)
            data = f.read(length)
            if len(data) < length:
                return  # it is still being written
            if length < 34 or data[12:14] != b"\x08\x00":
                continue
            addr, ip = ".".join(map(str, data[26:30])), data[14:]
            l4 = ip[(ip[0] & 15) * 4:]
            port = l4[4:6] if ip[9] == 1 else l4[:2]
            yield (sec * 10 ** 9 + frac * 1000, addr, "%s:%d/%s" % (
                addr, int.from_bytes(port, "big"), PROTOCOLS.get(ip[9], ip[9])))


def owners(path):
    """public side -> sorted [(time in ns, owner or None)]"""
    found, decoder = {}, json.JSONDecoder()
    with open(path) as f:
        text = f.read().strip()
    while text:
        events, end = decoder.raw_decode(text)
        text = text[end:].strip()
        for e in events:
            who = e.get("to") if e["what"] in OWNING else None
            if e["what"] not in OWNING | ENDING:
                continue
            side = e["public"] + ("/" + e["protocol"] if e.get("protocol") else "")
            found.setdefault(side, set()).add((e["time_ns"], e["rev"], who))
    return {a: [(t, who) for t, _, who in sorted(s, key=lambda x: x[:2])] for a, s in found.items()}


def main():
    changes = owners(sys.argv[1])
    seen = {}
    for word in sys.argv[2:]:
        gw, path = word.split("=", 1)
        for time, addr, port in packets(path):
            seen.setdefault(addr if addr in changes else port, []).append((time, gw))
    violations = 0
    for addr in sorted(seen):
        history = changes.get(addr, [])
        times = [t for t, _ in history]
        counts, switches, last = {}, 0, None
        for time, gw in sorted(seen[addr]):
            # The audit's clock counts µs as the capture's does.
            at = bisect.bisect_right(times, time) - 1
            owner = history[at][1] if at >= 0 else None
            counts[gw] = counts.get(gw, 0) + 1
            switches += last not in (None, gw)
            last = gw
            if owner == gw:
                continue
            violations += 1
            if violations <= SHOWN:
                print("%s left %s at %d.%06d, but %s owned it then%s" % (
                    addr, gw, time // 10 ** 9, time % 10 ** 9 // 1000, owner or "nobody",
                    "" if at < 0 else " (for %d us)" % ((time - times[at]) // 1000)))
        print("%s: %s, %d changes of gateway on the wire, %d of owner in the audit" % (
            addr, " ".join("%s=%d" % c for c in sorted(counts.items())), switches,
            sum(a[1] != b[1] for a, b in zip(history, history[1:]))))
    if violations:
        sys.exit("%d packets were translated by a gateway that did not own the address" % violations)
    if not seen:
        sys.exit("no translated packet was captured: that shows nothing")


main()
