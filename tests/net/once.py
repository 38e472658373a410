#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""B1 on the wire: no public address leaves two gateways at a time.

  once.py PCAP [PREFIX]
        PCAP is of the device that joins the gateways' outsides (`transit` in the
        namespace `net`). Prints, for each public source address, which gateways
        (by source MAC) sent it, one after the other; fails if one that had
        stopped sent again. A mapping that moved there and back does so rightly:
        use Wire with the owners then.

Wire is fed packets, in the order of the wire, and the grants that gateways took.
"""
import ipaddress
import struct
import sys


class Wire:
    """Who sent each public address, in turn, and who was allowed to."""

    def __init__(self):
        self.sent = {}    # address -> [gateway, ...] without repetition
        self.owners = {}  # address -> {epoch: gateway}
        self.packets = 0

    def packet(self, gateway, address):
        self.packets += 1
        turns = self.sent.setdefault(address, [])
        if not turns or turns[-1] != gateway:
            turns.append(gateway)

    def grant(self, gateway, address, epoch):
        """False: that epoch is another gateway's (I6)."""
        return self.owners.setdefault(address, {}).setdefault(epoch, gateway) == gateway

    def violations(self):
        """Addresses whose senders are not, in this order, among the owners."""
        found = []
        for address, turns in self.sent.items():
            owners = self.owners.get(address, {})
            left = iter([owners[epoch] for epoch in sorted(owners)])
            if not all(any(owner == gateway for owner in left) for gateway in turns):
                found.append("%s left %s, but the grants were %s" % (
                    address, " ".join(turns),
                    " ".join("%d:%s" % (e, owners[e]) for e in sorted(owners)) or "none"))
        return found

    def forget(self):
        """Settled: only who has it now matters for what comes."""
        for owners in self.owners.values():
            for epoch in sorted(owners)[:-1]:
                del owners[epoch]
        for address, turns in self.sent.items():
            last = list(self.owners.get(address, {}).values())
            turns[:] = [gateway for gateway in turns[-1:] if gateway in last]


def read_pcap(path):
    """(source MAC, source address) of each IPv4 packet."""
    with open(path, "rb") as f:
        head = f.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        while True:
            record = f.read(16)
            if len(record) < 16:
                return
            frame = f.read(struct.unpack(order + "8xI4x", record)[0])
            if frame[12:14] == b"\x08\x00" and len(frame) >= 34:
                yield frame[6:12].hex(":"), str(ipaddress.IPv4Address(frame[26:30]))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    pool = ipaddress.ip_network(sys.argv[2] if len(sys.argv) > 2 else "203.0.113.0/24")
    wire = Wire()
    for mac, address in read_pcap(sys.argv[1]):
        if ipaddress.ip_address(address) in pool:
            wire.packet(mac, address)
    bad = 0
    for address, turns in sorted(wire.sent.items()):
        again = len(set(turns)) != len(turns)
        bad += again
        print("%s: %s%s" % (address, " then ".join(turns), ": AGAIN" if again else ""))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
