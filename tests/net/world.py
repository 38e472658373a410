# SPDX-License-Identifier: GPL-2.0
"""Controller, two gateways and VMs that talk, as rounds.py plays with them: starts
and kills the daemons, gives the orchestrator's orders, carries the traffic, and
knows what must hold. One process and one loop, because starting programs is what
an emulated CPU is slow at.
"""
import mmap
import os
import select
import signal
import socket
import struct
import time

import lostsync
import talk
from machine import Machine
from once import Wire

SERVER, PORT = "192.0.2.2", 7000
POINT = struct.Struct("=IIII48s")  # struct rn_failpoint_armed
OFF, ARMED, HIT = range(3)
SETTLE = 150  # seconds; T_hold is 60, and emulated CPUs are slow


class Violation(Exception):
    """What must never be."""


class Daemon:
    def __init__(self, world, name):
        self.world, self.name, self.pid = world, name, 0
        self.namespace = "ctl" if name == "controller" else name
        self.socket = "%s/%s/control.sock" % (world.run, name)
        self.log = "%s/log/%s.log" % (world.run, name)
        path = "%s/%s.point" % (world.run, name)
        with open(path, "w+b") as f:
            f.write(bytes(POINT.size))
            f.flush()
            self.page = mmap.mmap(f.fileno(), POINT.size)
        self.environment = {"RN_FAILPOINT_FILE": path, "LC_ALL": "C.UTF-8"}
        if name == "controller":
            self.environment.update(LD_PRELOAD=world.shim, LOSTSYNC_DIR=world.store,
                                    LOSTSYNC_LOG=world.undo)
        os.makedirs(os.path.dirname(self.socket), exist_ok=True)

    def arm(self, name, count=1, sig=signal.SIGKILL):
        POINT.pack_into(self.page, 0, OFF, count, sig, 0, name.encode())
        self.page[0:4] = struct.pack("=I", ARMED)

    def disarm(self):
        """By its name: whoever has just reached it shall still be seen."""
        self.page[16:POINT.size] = bytes(POINT.size - 16)

    def hit(self):
        return self.page[0] == HIT

    def start(self):
        program = "roamnat-controller" if self.name == "controller" else "roamnat-agent"
        path = "%s/%s" % (self.world.programs, program)
        with talk.inside(self.namespace):
            log = (os.POSIX_SPAWN_OPEN, 1, self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            self.pid = os.posix_spawn(
                path, [path, "--debug", "--config",
                       "%s/%s.%s.conf" % (self.world.run, self.name, self.world.mode)],
                self.environment,
                file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), log,
                              (os.POSIX_SPAWN_DUP2, 1, 2)])

    def status(self):
        """None while it runs, else its exit code, negative for a signal."""
        if not self.pid:
            return -signal.SIGKILL
        pid, code = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self.pid = 0
        return os.waitstatus_to_exitcode(code)

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


class VM:
    def __init__(self, number):
        self.name, self.number = "vm%d" % number, number
        self.private = "10.0.0.%d" % (4 + number)
        self.site, self.talks, self.public = 1, False, None
        self.sent = self.arrived = self.answered = 0
        self.since = 0  # answers to earlier datagrams are of an earlier mapping
        with talk.inside(self.name):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.sock.setblocking(False)
        self.sock.connect((SERVER, PORT))

    def gateway(self):
        return "gw%d" % self.site

    def begin(self):
        """A first packet: it has no mapping, or none any more."""
        self.talks, self.public, self.since = True, None, self.sent + 1
        self.say()

    def say(self):
        self.sent += 1
        try:
            self.sock.send(b"%d %d" % (self.number, self.sent))
        except OSError:
            pass  # an ICMP error for an earlier one


class World:
    GATEWAYS = ("gw1", "gw2")

    def __init__(self, run, programs, shim, vms):
        self.run, self.programs, self.shim = run, programs, shim
        self.store, self.undo = run + "/store", run + "/store.undo"
        self.mode = "source"
        os.makedirs(run + "/log", exist_ok=True)
        os.makedirs(self.store, exist_ok=True)
        self.daemons = {n: Daemon(self, n) for n in ("controller",) + self.GATEWAYS}
        self.expected = set()  # daemons that are dead because we want it
        self.vms = {i: VM(i) for i in range(1, vms + 1)}
        self.order = list(self.vms.values())
        self.wire = Wire()
        self.took = {}       # (id, epoch) -> (gateway, vm, public), of the kernels
        self.highest = {}    # id -> epoch, of kernels and records
        self.times = {}      # id -> {epoch: [gateway, first, last]}
        self.incarnations = {}
        self.counts = {"grants": 0, "answers": 0, "orders": 0, "untranslated": 0}
        self.routes, self.ports = talk.Routes("net"), talk.Routes("lan")
        self.routed = {}
        self.calls = []
        self.kernels, self.macs = {}, {}
        self.poll, self.ready = select.poll(), {}
        for name in self.GATEWAYS:
            self.know(name)
        for vm in self.order:
            self.listen(vm.sock, lambda vm=vm: self.take_answers(vm))
        with talk.inside("srv"):
            self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.server.bind((SERVER, PORT))
        self.server.setblocking(False)
        self.listen(self.server, self.serve)
        with talk.inside("net"):
            self.tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC,
                                     socket.htons(0x800))
            self.tap.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
            self.tap.bind(("transit", 0x800))
        self.tap.setblocking(False)
        self.listen(self.tap, self.take_packets)
        self.next_packet = time.monotonic()
        self.turn, self.busy = 0, set()
        # Seconds in which something could happen: a host that gives its guest no
        # CPU for a minute is not a daemon that does not start.
        self.clock, self.turned = 0.0, time.monotonic()
        self.machines = {n: Machine(int(n[2])) for n in self.GATEWAYS}

    # ---- gateways' machines ----

    def listen(self, sock, handler):
        self.poll.register(sock, select.POLLIN)
        self.ready[sock.fileno()] = handler

    def know(self, name):
        self.kernels[name] = talk.Kernel(name)
        self.listen(self.kernels[name].news.sock, lambda: self.take_news(name))
        self.macs[talk.mac_of(name, "out0")] = name

    def lose(self, name, silent):
        """Power loss: agent, kernel table and links are gone. Silent: its connections
        break by time-out only.
        """
        self.expected.add(name)
        if not silent:
            self.daemons[name].kill()
        self.take_news(name)
        kernel = self.kernels.pop(name)
        self.poll.unregister(kernel.news.sock)
        kernel.close()
        self.machines[name].unplug()
        self.daemons[name].kill()
        self.machines[name].destroy()

    def renew(self, name):
        self.machines[name].create()
        self.know(name)

    # ---- the loop ----

    def say_next(self):
        """Every other datagram is of a VM that something happens to."""
        self.turn += 1
        some = [vm for vm in self.order if vm.talks and (self.turn % 2 or vm in self.busy)]
        some = some or [vm for vm in self.order if vm.talks]
        if some:
            some[self.turn // 2 % len(some)].say()

    def pump(self, seconds=0.02):
        """Carries traffic and news for so long."""
        end = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            self.clock += min(now - self.turned, 0.1)
            self.turned = now
            if now >= self.next_packet:
                self.next_packet = max(self.next_packet + 0.05, now - 0.1)
                self.say_next()
            left = min(end, self.next_packet) - time.monotonic()
            for fd, _ in self.poll.poll(max(0, left * 1000)):
                self.ready[fd]()
            if time.monotonic() >= end:
                break
        for call in self.calls:
            call.take()
        self.calls = [c for c in self.calls if not c.done]

    def serve(self):
        while True:
            try:
                data, peer = self.server.recvfrom(256)
            except BlockingIOError:
                return
            vm = self.vms[int(data.split()[0])]
            vm.arrived = int(data.split()[1])
            # Of a new machine whose agent has not yet said what is inside; the
            # internet has no way back to it.
            if peer[0] == vm.private:
                self.counts["untranslated"] += 1
                continue
            if self.routed.get(peer[0]) != vm.gateway():
                self.route(peer[0], vm)
            try:
                self.server.sendto(b"%s %s" % (peer[0].encode(), data), peer)
            except OSError:
                pass

    def route(self, public, vm):
        self.routes.via(public, "198.51.100.%d" % (10 + vm.site))
        self.routed[public] = vm.gateway()

    def take_answers(self, vm):
        while True:
            try:
                public, number, sent = vm.sock.recv(256).split()
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error, told once
            if int(number) != vm.number:
                raise Violation("B1: %s got what was for vm%d" % (vm.name, int(number)))
            self.counts["answers"] += 1
            vm.answered = max(vm.answered, int(sent))
            if not vm.talks or int(sent) < vm.since:
                continue
            public = public.decode()
            if vm.public and vm.public != public:
                raise Violation("B2: %s was %s and is %s" % (vm.name, vm.public, public))
            vm.public = public

    def take_packets(self):
        while True:
            try:
                frame = self.tap.recv(64)
            except BlockingIOError:
                return
            if frame[26:29] == b"\xcb\x00\x71" and frame[6:12] in self.macs:
                self.wire.packet(self.macs[frame[6:12]], socket.inet_ntoa(frame[26:30]))

    def take_news(self, name):
        for mapping in self.kernels[name].told():
            self.heard(name, mapping)

    def heard(self, name, m):
        """A kernel has, or had, that mapping."""
        if m.state == "active" and not m.suspended and m.event != "deleted":
            known = self.took.setdefault((m.id, m.epoch), (name, m.vm, m.pub))
            if known != (name, m.vm, m.pub):
                raise Violation("B1: %s epoch %d was granted to %s for %s and to %s for %s" % (
                    m.pub, m.epoch, known[0], known[1], name, m.vm))
            if m.epoch > self.highest.get(m.id, 0):
                self.counts["grants"] += 1
            self.highest[m.id] = max(self.highest.get(m.id, 0), m.epoch)
            self.wire.grant(name, m.pub, m.epoch)
        if m.first:
            times = self.times.setdefault(m.id, {}).setdefault(m.epoch, [name, m.first, m.last])
            times[1], times[2] = min(times[1], m.first), max(times[2], m.last)

    # ---- the daemons ----

    def call(self, name, verb, **words):
        """Asks that daemon now; None if it does not answer."""
        call = talk.Call(self.daemons[name].socket, verb, **words)
        end = time.monotonic() + 5
        while not call.done and time.monotonic() < end:
            select.select([call.sock], [], [], 0.02)
            call.take()
            self.pump(0)
        if call.failed or not call.done:
            return None
        return call

    def tell(self, name, verb, **words):
        """An order; its end is not waited for."""
        self.counts["orders"] += 1
        call = talk.Call(self.daemons[name].socket, verb, **words)
        if not call.done:
            self.calls.append(call)

    def start(self, name):
        self.daemons[name].start()
        self.expected.discard(name)

    def wait_ready(self, name):
        """Its control socket answers; False if it died."""
        end = self.clock + 60
        while self.clock < end:
            if self.daemons[name].status() is not None:
                return False
            if self.call(name, talk.STATUS):
                return True
            self.pump()
        raise Violation("B4: %s does not start" % name)

    def start_all(self, mode):
        """The logs before are of no use: everything had settled."""
        self.mode = mode
        for daemon in self.daemons.values():
            if os.path.exists(daemon.log):
                os.rename(daemon.log, daemon.log + ".old")
        for name in self.daemons:
            self.start(name)
            self.wait_ready(name)

    def stop_all(self):
        for daemon in self.daemons.values():
            if daemon.pid:
                os.kill(daemon.pid, signal.SIGTERM)
        end = self.clock + 20
        for name, daemon in self.daemons.items():
            while daemon.pid:
                code = daemon.status()
                if code is not None and code != 0:
                    raise Violation("B4: %s ends with %d" % (name, code))
                if self.clock > end:
                    raise Violation("B4: %s does not end" % name)
                self.pump()
            self.expected.add(name)

    def check_alive(self):
        for name, daemon in self.daemons.items():
            if name in self.expected:
                continue
            code = daemon.status()
            if code is not None:
                raise Violation("B4: %s ended by itself (%d)" % (name, code))

    def lose_writes(self, how, rng):
        return lostsync.lose(self.undo, self.store, how, rng)

    # ---- what must hold ----

    def check_records(self, before, records, gateways):
        """Whatever a kernel took before they were read is in the store (B2)."""
        known = {r.id: r for r in records}
        for number, epoch in before.items():
            record = known.get(number)
            where = self.took.get((number, epoch), ("?", "?", "?"))
            if not record:
                raise Violation("B2: %s epoch %d of %s at %s is not in the store" % (
                    where[2], epoch, where[1], where[0]))
            if record.epoch < epoch:
                raise Violation("B2: epoch of %s went back from %d to %d" % (
                    record.public, epoch, record.epoch))
            if record.epoch == epoch and record.owner and where[0] not in ("?", record.owner):
                raise Violation("B1: %s epoch %d: %s has it, the record says %s" % (
                    record.public, epoch, where[0], record.owner))
        for record in records:
            self.highest[record.id] = max(self.highest.get(record.id, 0), record.epoch)
        for name, gateway in gateways.items():
            was = self.incarnations.get(name, 0)
            if gateway.incarnation < was:
                raise Violation("B2: incarnation of %s went back from %d to %d" % (
                    name, was, gateway.incarnation))
            self.incarnations[name] = gateway.incarnation

    def look(self):
        """What is not settled yet, as sentences; raises what is wrong for ever."""
        self.check_alive()
        found, tables, before = [], {}, dict(self.highest)
        calls = [self.call("controller", v) for v in (talk.LIST, talk.GATEWAYS, talk.POOLS)]
        if None in calls:
            return ["the controller does not answer"], []
        records, gateways, pool = calls[0].records(), calls[1].gateways(), calls[2].pool()
        self.check_records(before, records, gateways)
        for name in self.GATEWAYS:
            status = self.call(name, talk.STATUS)
            session = status.status().session if status else "none"
            if gateways[name].state != "connected" or session != "up":
                found.append("%s is %s, its session is %s" % (name, gateways[name].state, session))
            tables[name] = self.kernels[name].dump()
            for mapping in tables[name]:
                self.heard(name, mapping)
        owned = {r.private: r for r in records if r.owner}
        for record in records:
            if record.state not in ("granted", "quarantine", "free"):
                found.append("record %s" % record)
        for vm in self.order:
            found += self.look_at(vm, owned.get(vm.private), tables)
        granted = sum(r.state not in ("quarantine", "free") for r in records)
        if pool.granted + pool.quarantined + pool.free != pool.total or pool.granted != granted:
            found.append("the pool has %d granted, %d in quarantine, %d free of %d; %d records" % (
                pool.granted, pool.quarantined, pool.free, pool.total, granted))
        self.free = pool.free
        return found, records

    def look_at(self, vm, record, tables):
        found = []
        for name, table in tables.items():
            mine = [m for m in table if m.vm == vm.private]
            if len(mine) > 1:
                raise Violation("B1: %s has %s" % (name, "; ".join(map(str, mine))))
            if not vm.talks or name != vm.gateway():
                found += ["%s has %s" % (name, m) for m in mine]
            elif not mine or mine[0].state != "active" or mine[0].suspended:
                found.append("%s does not translate for %s" % (name, vm.name))
            elif record and (record.id, record.epoch, record.owner) != \
                    (mine[0].id, mine[0].epoch, name):
                found.append("%s has %s, the record is %s" % (name, mine[0], record))
        if vm.talks and not record:
            found.append("%s talks and has no record" % vm.name)
        if not vm.talks and record:
            found.append("%s is silent and has %s" % (vm.name, record))
        return found

    def remind(self, records):
        """Orders were lost with who had them; the orchestrator repeats."""
        owned = {r.private: r for r in records if r.state == "granted"}
        for vm in self.order:
            record = owned.get(vm.private)
            if not record:
                continue
            if vm.talks and record.owner != vm.gateway():
                self.tell("controller", talk.MIGRATE, private=vm.private, to=vm.gateway(), cause=1)
            elif not vm.talks:
                self.tell(record.owner, talk.RELEASE, private=vm.private)

    def settle(self):
        """Until records, kernels and VMs agree; then whoever left what behind is
        forgotten. Returns the seconds it took, and what kept it if they were many.
        """
        began, limit = time.monotonic(), self.clock + SETTLE
        heard = {vm: vm.sent for vm in self.order if vm.talks}
        for vm in heard:
            vm.say()
        next_look, next_order, found = began, began + 0.8, ["never looked"]
        slow, pause = [], 0.1
        while True:
            self.pump()
            now = time.monotonic()
            waits = [vm for vm, sent in heard.items() if vm.talks and vm.answered <= sent]
            if now < next_look + (1 if waits else pause):
                continue
            pause = min(pause * 1.5, 1)  # a look costs an emulated CPU 50 ms
            found, records = self.look()
            found += ["%s gets no answer: sent %d, %d arrived, %d came back" % (
                vm.name, vm.sent, vm.arrived, vm.answered) for vm in waits]
            next_look = time.monotonic()
            if not found:
                break
            if now >= next_order:
                self.remind(records)
                next_order = time.monotonic() + 2.5
            if now > began + 6 + 10 * len(slow):
                slow.append("after %.0f s %s" % (now - began, "; ".join(found)))
            if self.clock > limit:
                raise Violation("not settled after %d s: %s" % (SETTLE, "; ".join(found)))
        self.check_times()
        self.busy.clear()
        return time.monotonic() - began, slow

    def check_times(self):
        """The kernels' witness and the wire's (B1)."""
        self.take_packets()
        for name in self.kernels:
            self.take_news(name)
        bad = self.wire.violations()
        for number, epochs in self.times.items():
            in_order = sorted(epochs)
            for old, new in zip(in_order, in_order[1:]):
                a, b = epochs[old], epochs[new]
                if a[0] != b[0] and a[2] >= b[1]:
                    bad.append("id %x: %s translated at epoch %d until %d, %s at epoch %d "
                               "from %d" % (number, a[0], old, a[2], b[0], new, b[1]))
            for epoch in in_order[:-2]:
                del epochs[epoch]
        if bad:
            raise Violation("B1: " + "; ".join(bad))
        self.wire.forget()
        latest = self.highest
        self.took = {k: v for k, v in self.took.items() if k[1] >= latest[k[0]]}

    def dump_state(self):
        """For whoever has to find out."""
        call = self.call("controller", talk.LIST)
        lines = ["controller: %s" % r for r in call.records()] if call else ["controller: silent"]
        for name, kernel in self.kernels.items():
            lines += ["%s: %s" % (name, m) for m in kernel.dump()]
        for vm in self.order:
            lines.append("%s: site %d, %s, %s, sent %d, answered %d" % (
                vm.name, vm.site, "talks" if vm.talks else "silent", vm.public, vm.sent,
                vm.answered))
        for address, turns in self.wire.sent.items():
            lines.append("wire: %s from %s" % (address, " ".join(turns)))
        return lines
