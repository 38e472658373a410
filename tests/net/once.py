# SPDX-License-Identifier: GPL-2.0
"""B1 on the wire, while it happens: no public address leaves two gateways but in the
order of the grants that their kernels took. wire.py judges captures afterwards, by
the audit's times; this one needs no clock and no audit, which may be lost with the
controller's disk.
"""


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
