#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Kills the daemons at every step, round after round, and looks whether an address
is lost or has two owners. 66-killed-anywhere.sh starts it and reads its stdout:
say, ok, not-ok, end.

  rounds.py RUN PROGRAMS SHIM [--seed N] [--rounds N] [--only POINT]

--rounds 0: every failpoint once. Beyond that, rounds are drawn: a failpoint at its
first to third time, a random moment, two victims, power loss of a gateway. At last
the controller's disk lies, which has to be found.
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)),
                os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools")]
import talk                               # noqa: E402
from lostsync import POINTS               # noqa: E402
from world import Violation, World        # noqa: E402

VMS, TALKING = 12, 8
# How a failpoint is reached: by traffic and orders; by an agent that starts with a
# full kernel table; by a gateway that is new. A hint only: if one does not, the
# next is tried.
OPERATIONS, RESTART, POWER = range(3)
HINTS = (("inventory", RESTART), ("flush", RESTART), ("regist", POWER), ("session", POWER),
         ("fence", POWER))


def names(programs):
    """All failpoints, as the programs know them."""
    found = set()
    for program in ("roamnat-agent", "roamnat-controller"):
        said = subprocess.run([os.path.join(programs, program)], env={"RN_FAILPOINT": "list"},
                              stdout=subprocess.PIPE, check=True).stdout
        found.update(said.decode().split())
    return sorted(found.union(POINTS))


class Plan:
    def __init__(self, mode, kind, victims, point="", count=1):
        self.mode, self.kind, self.victims = mode, kind, victims
        self.point, self.count = point, count
        self.power = kind == "power"

    def __str__(self):
        who = " and ".join(self.victims) or "nobody"
        at = "at %s%s" % (self.point, " (%d)" % self.count if self.count > 1 else "") \
            if self.point else "at a random moment"
        return "%s %s %s" % (who, "loses power" if self.power else "killed", at)


def mode_of(point):
    return {"mig-s": "source", "mig-d": "destination"}.get(point[-5:])


def who_has(point):
    """Of the agents, whoever reaches it first."""
    return list(World.GATEWAYS) if point.startswith("agent.") else ["controller"]


def count_of(rng, point):
    """A transaction is many writes and one sync."""
    if point == "disk.write":
        return rng.randint(2, 9)
    return rng.choice((1, 1, 1, 2, 3))


def each_once(rng, points):
    """In two halves, because a change of the mode restarts everything."""
    plans = []
    points = rng.sample(points, len(points))
    for i, point in enumerate(points):
        mode = mode_of(point) or ("source", "destination")[i % 2]
        count = count_of(rng, point) if point == "disk.write" else 1
        plans.append(Plan(mode, "point", who_has(point), point, count))
    return sorted(plans, key=lambda p: p.mode, reverse=True)


def draw(rng, mode, points):
    kind = rng.choices(("point", "moment", "two", "power"), (60, 18, 10, 12))[0]
    everybody = ["controller", "gw1", "gw2"]
    if kind == "moment":
        return Plan(mode, kind, [rng.choice(everybody)])
    if kind == "two":
        return Plan(mode, kind, rng.sample(everybody, rng.choice((2, 2, 3))))
    point = rng.choice([p for p in points if mode_of(p) in (None, mode)])
    if kind == "power":
        point = rng.choice(("", point if point.startswith("agent.") else ""))
        return Plan(mode, kind, who_has(point) if point else [rng.choice(World.GATEWAYS)], point)
    return Plan(mode, kind, who_has(point), point, count_of(rng, point))


class Rounds:
    def __init__(self, world, args):
        self.world, self.seed = world, args.seed
        self.points = names(args.programs)
        self.reached = {}      # failpoint -> rounds that it ended
        self.way = {p: next((w for text, w in HINTS if text in p), OPERATIONS)
                    for p in self.points}
        self.kills, self.done, self.moved, self.lost = 0, 0, 0, []
        self.lies, self.unsynced = False, 0
        self.slowest = (0, "")

    # ---- what goes on while somebody dies ----

    def silent_vm(self, rng):
        silent = [vm for vm in self.world.order if not vm.talks]
        return rng.choice(silent) if silent else None

    def first_packet(self, rng):
        vm = self.silent_vm(rng)
        if not vm or not self.world.free:
            return
        vm.begin()

    def release(self, rng, vm):
        vm.talks = False
        vm.public = None
        self.world.tell(vm.gateway(), talk.RELEASE, private=vm.private)

    def move(self, vm, site):
        """As a live migration does it, and the orchestrator says so."""
        self.moved += 1
        self.world.busy.add(vm)
        self.world.ports.master(vm.name, "s%dt1" % site)
        vm.site = site
        if vm.public:
            self.world.route(vm.public, vm)

    def migrate(self, vm):
        to = 3 - vm.site
        # The order comes before, while or after the VM moves.
        self.world.tell("controller", talk.MIGRATE, private=vm.private, to="gw%d" % to, cause=1)
        self.move(vm, to)

    def operations(self, rng):
        """One first packet, one release, a move each way; in any order."""
        talking = [vm for vm in self.world.order if vm.talks]
        rng.shuffle(talking)
        work = [lambda: self.first_packet(rng)]
        if len(talking) >= TALKING:
            vm_ = talking.pop()
            work.append(lambda: self.release(rng, vm_))
        for site in (1, 2):
            for vm in [v for v in talking if v.site == site][:1]:
                work.append(lambda vm=vm: self.migrate(vm))
        rng.shuffle(work)
        for job in work:
            job()
            self.world.pump(rng.choice((0, 0.01, 0.03)))

    def evacuate(self, name):
        """The VMs of a dead gateway start again at the other site (S8)."""
        other = "gw2" if name == "gw1" else "gw1"
        for vm in self.world.order:
            if vm.gateway() == name:
                self.move(vm, int(other[2]))
        self.world.tell("controller", talk.TAKEOVER, gateway=name, to=other, cause=2, fenced=True,
                        reason="its power is off", wait=True)

    # ---- how somebody dies ----

    def bury(self, rng, name):
        """It is dead; its disk was not synced further than it was."""
        daemon = self.world.daemons[name]
        self.world.expected.add(name)
        daemon.kill()
        self.kills += 1
        if name == "controller":
            how = rng.choices(("all", "some", "none"), (5, 4, 1))[0]
            words, changes = self.world.lose_writes("all" if self.lies else how, rng)
            self.lost.append(words)
            self.unsynced += changes > 0

    def wait_hit(self, armed, seconds, disarm=True):
        """Who reached the point within that time; they may be dead already."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not any(d.hit() for d in armed):
            self.world.pump()
        for daemon in armed if disarm else ():
            daemon.disarm()
        self.world.pump()
        return [d.name for d in armed if d.hit()]

    def provoke(self, rng, way, plan):
        """Makes somebody reach the point, by this way. Returns who did."""
        world, how = self.world, signal.SIGSTOP if plan.power else signal.SIGKILL
        armed = [world.daemons[name] for name in plan.victims]
        agents = plan.victims != ["controller"]
        if way == OPERATIONS:
            for daemon in armed:
                daemon.arm(plan.point, plan.count, how)
            self.operations(rng)
            return self.wait_hit(armed, 3)
        # Whoever has most to tell.
        gateway = max(World.GATEWAYS, key=lambda n: sum(
            vm.talks and vm.gateway() == n for vm in world.order))
        if way == RESTART:
            self.bury(rng, gateway)
        else:
            self.power_off(gateway, rng.random() < 0.2)
        if not agents:
            armed[0].arm(plan.point, 1, how)
            if way == POWER:
                self.evacuate(gateway)
                # The operator waits for the fence: if the machine comes back
                # before, its registration is as good, and nothing is fenced.
                self.wait_hit(armed, 8 if "fence" in plan.point else 0.2, False)
        if way == POWER:
            world.renew(gateway)
        if agents:
            armed = [world.daemons[gateway]]
            armed[0].arm(plan.point, 1, how)
        world.start(gateway)
        return self.wait_hit(armed, 15)

    def power_off(self, name, silent):
        self.world.lose(name, silent)
        self.kills += 1

    def at_point(self, rng, plan):
        ways = [OPERATIONS, RESTART, POWER]
        ways.remove(self.way[plan.point])
        for way in [self.way[plan.point]] + ways:
            hit = self.provoke(rng, way, plan)
            if hit:
                self.way[plan.point] = way
                self.reached[plan.point] = self.reached.get(plan.point, 0) + 1
                return hit
            if plan.count > 1:  # there was no such time, this time: now, then
                plan.point = ""
                return [rng.choice(plan.victims)]
            self.world.settle()
        return []

    def at_moment(self, rng):
        self.operations(rng)
        self.world.pump(rng.random() * 0.8)

    def round(self, number, plan):
        rng = random.Random("%d %d" % (self.seed, number))
        world, began, note = self.world, time.monotonic(), ""
        if plan.mode != world.mode:
            print("say from here on report-from=%s" % plan.mode, flush=True)
            world.stop_all()
            world.start_all(plan.mode)
            world.settle()
        if not plan.point:
            self.at_moment(rng)
        else:
            plan.victims = self.at_point(rng, plan)
            if not plan.victims:
                note = " was not reached"
        for name in plan.victims:
            if plan.power:
                self.power_off(name, rng.random() < 0.2)
                if rng.random() < 0.6:
                    self.evacuate(name)
                world.renew(name)
            else:
                self.bury(rng, name)
        for name in rng.sample(plan.victims, len(plan.victims)):
            world.start(name)
            world.wait_ready(name)
        took, slow = world.settle()
        self.done += 1
        self.slowest = max(self.slowest, (took, "%d: %s" % (number, plan)))
        for line in slow:
            print("say %s" % line, flush=True)
        return "%s%s, settled in %.1f of %.1f s" % (plan, note, took,
                                                   time.monotonic() - began)

    def show(self, number, plan):
        said = self.round(number, plan)
        print("ok B1 B2 round %d (%s): %s" % (number, plan.mode, said), flush=True)
        if number % 25 == 0:
            print("say CPU seconds: this program %.1f and %.1f, its dead daemons %.1f and "
                  "%.1f, of %.1f" % os.times(), flush=True)

    def unreached(self, points):
        return [p for p in points if not self.reached.get(p)]

    def again(self, rng, points, number):
        """What nobody reached, twice more: whether the traffic of one round leads there is
        a matter of moments on a busy machine; that none of three does is a finding.
        """
        for _ in range(2):
            for plan in each_once(rng, self.unreached(points)):
                number += 1
                yield number, plan

    def begin(self, mode):
        world = self.world
        world.free = VMS
        world.start_all(mode)
        for vm in world.order[:TALKING]:
            vm.begin()
            world.pump(0.05)
        world.settle()

    def prove(self):
        """The planted bug: a disk that says it has synced and has not. That the rounds
        find it shows that they test more than kill -9 does (I12).
        """
        world, rng = self.world, random.Random(self.seed)
        self.bury(rng, "controller")
        world.daemons["controller"].environment["LOSTSYNC_LIES"] = "1"
        world.start("controller")
        world.wait_ready("controller")
        world.settle()
        self.lies = True
        try:
            for number in range(3):
                self.round(-number, Plan(world.mode, "point", ["controller"], "ctl.grant-sent"))
        except Violation as violation:
            print("ok I12 a disk that lies about its syncs is found: %s" % violation, flush=True)
        else:
            print("not-ok I12 nobody noticed that the disk lies about its syncs", flush=True)
        for daemon in world.daemons.values():
            daemon.kill()

    def finish(self):
        counts = self.world.counts
        print("say %d rounds, %d kills, %d of them of a controller, %d of these with writes that "
              "no sync followed" % (self.done, self.kills, len(self.lost), self.unsynced))
        print("say %d moves, %d orders, %d grants, %d answers, %d packets seen outside; slowest "
              "%.1f s in round %s" % (self.moved, counts["orders"], counts["grants"],
                                      counts["answers"], self.world.wire.packets, *self.slowest),
              flush=True)
        for point in self.points if self.done >= len(self.points) else ():
            print("say reached %s: %d" % (point, self.reached.get(point, 0)), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("programs")
    parser.add_argument("shim")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    world = World(args.run, args.programs, args.shim, VMS)
    rounds = Rounds(world, args)
    rng = random.Random(args.seed)
    chosen = [p for p in rounds.points if args.only in p]
    plans = each_once(rng, chosen)
    while len(plans) < args.rounds:
        # Modes in blocks: a change restarts everything.
        block = ("source", "destination")[len(plans) // 50 % 2]
        plans.append(draw(rng, block, chosen))
    if args.rounds:
        plans = plans[:args.rounds]
    number = 0
    text = "the start"
    every = len(plans) >= len(chosen)
    try:
        rounds.begin(plans[0].mode)
        for number, plan in enumerate(plans, 1):
            text = str(plan)
            rounds.show(number, plan)
        for number, plan in rounds.again(rng, chosen, number) if every else ():
            text = str(plan)
            rounds.show(number, plan)
        for point in rounds.unreached(chosen) if every else ():
            print("not-ok the failpoint %s was not reached; " % point, flush=True)
        rounds.finish()
        text = "the end"
        world.stop_all()
        world.start_all(world.mode)
        rounds.prove()
    except Violation as violation:
        print("not-ok round %d of seed %d (%s), %s: %s" % (number, args.seed, world.mode, text,
                                                        violation), flush=True)
        for line in world.dump_state() + rounds.lost[-1:]:
            print("say %s" % line, flush=True)
        for daemon in world.daemons.values():
            daemon.kill()
    print("end", flush=True)


main()
