# SPDX-License-Identifier: GPL-2.0
"""A gateway's machine loses power and is there again, without starting a program.
The names, addresses and plugs are those of topology.sh's add_gateway with one
tenant; what is changed there is changed here.
"""
import ctypes
import os
import socket
import struct

from talk import CLONE_NEWNET, HOME, Netlink, ACK, CREATE, REPLACE, attr, enter, inside, libc

NEWLINK, DELLINK, NEWADDR, NEWROUTE = 16, 17, 20, 24
IFNAME, ADDRESS, MASTER, LINKINFO, NS_FD = 3, 1, 10, 18, 28
EXCL = 0x200
# device in the gateway, its other end, that one's namespace and bridge, MAC, address
PLUGS = (("in0", "gw%d.in0", "lan", "s%dt1", "02000a000001", "10.0.0.1"),
         ("out0", "gw%d", "net", "transit", "02000b00000%d", "198.51.100.1%d"),
         ("ctl0", "gw%d", "ctl", "ctl0", "02000c00000%d", "172.31.0.1%d"))


def name_of(path):
    return "/run/netns/" + path


def link(index=0, flags=0, change=0):
    return struct.pack("=BBHiII", 0, 0, 0, index, flags, change)


class Machine:
    """gwN, to be switched off and on."""

    def __init__(self, number):
        self.number, self.name = number, "gw%d" % number
        self.far = {n: Netlink(n, socket.NETLINK_ROUTE) for n in ("lan", "net", "ctl")}

    def fill(self, text):
        return text % self.number if "%" in text else text

    def unplug(self):
        """All its links are gone; it does not know."""
        for _, far, where, *_ in PLUGS:
            self.far[where].ask(DELLINK, ACK, link() + attr(IFNAME, self.fill(far).encode() +
                                                            b"\0"))

    def destroy(self):
        """Its kernel's state is gone, once nobody has a socket there any more."""
        if libc.umount2(name_of(self.name).encode(), 2):  # MNT_DETACH
            raise OSError(ctypes.get_errno(), "umount")
        os.unlink(name_of(self.name))

    def create(self):
        """A new kernel, plugged in and configured."""
        path = name_of(self.name)
        open(path, "wb").close()
        try:
            if libc.unshare(CLONE_NEWNET) or \
                    libc.mount(b"/proc/self/ns/net", path.encode(), b"none", 4096, None):  # MS_BIND
                raise OSError(ctypes.get_errno(), "a new network namespace")
        finally:
            enter(HOME)
        here = Netlink(self.name, socket.NETLINK_ROUTE)
        for plug in PLUGS:
            self.plug(here, *map(self.fill, plug))
        here.ask(NEWLINK, ACK, link(1, 1, 1))  # lo up
        for plug in PLUGS:
            self.configure(here, *map(self.fill, plug))
        here.ask(NEWROUTE, ACK | CREATE | REPLACE,
                 struct.pack("=BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 4, 0, 1, 0) +
                 attr(5, socket.inet_aton("198.51.100.1")))
        here.close()

    def plug(self, here, dev, far, where, bridge, mac, _):
        fd = os.open(name_of(where), os.O_RDONLY | os.O_CLOEXEC)
        peer = link() + attr(IFNAME, far.encode() + b"\0") + attr(NS_FD, struct.pack("=I", fd))
        here.ask(NEWLINK, ACK | CREATE | EXCL, link() + attr(IFNAME, dev.encode() + b"\0") +
                 attr(ADDRESS, bytes.fromhex(mac)) +
                 attr(LINKINFO, attr(1, b"veth\0") + attr(2, attr(1, peer))))
        os.close(fd)
        with inside(where):
            port, master = socket.if_nametoindex(far), socket.if_nametoindex(bridge)
        self.far[where].ask(NEWLINK, ACK, link(port, 1, 1) + attr(MASTER,
                                                                  struct.pack("=I", master)))

    def configure(self, here, dev, *rest):
        with inside(self.name):
            index = socket.if_nametoindex(dev)
            for path, value in (("ipv6/conf/%s/disable_ipv6", 1), ("ipv4/conf/%s/rp_filter", 0),
                                ("ipv4/conf/%s/send_redirects", 0),
                                ("ipv4/conf/%s/accept_redirects", 0)):
                for which in (dev, "all", "default"):
                    with open("/proc/sys/net/" + path % which, "w", encoding="ascii") as f:
                        f.write(str(value))
            with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as f:
                f.write("1")
        here.ask(NEWLINK, ACK, link(index, 1, 1))
        address = socket.inet_aton(rest[-1])
        here.ask(NEWADDR, ACK | CREATE | REPLACE,
                 struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, index) + attr(2, address) +
                 attr(1, address))
