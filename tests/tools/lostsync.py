#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a power loss does to the writes that lostsync.c noted.

  lostsync.py LOG DIR all|some|none [SEED]

all: everything since the last sync of each file is taken back; some: each sector
of each write, each cut and each new or lost name came to the disk or did not,
as a disk without a barrier may have it; none: all of it did. SQLite's -shm files
go, they are memory. The log is empty afterwards. Prints a line.
"""
import glob
import os
import random
import struct
import sys

RECORD = struct.Struct("=IIQQQII")
MAGIC = 0x6C6F7374
WROTE, CUT, SYNCED, CREATED, UNLINKED, DIR_SYNCED = range(1, 7)
SECTOR = 512
POINTS = ("disk.write", "disk.before-sync", "disk.after-sync")  # of lostsync.c


class Change:
    """One change that no sync followed."""

    def __init__(self, what, name, off, length, size, data):
        self.what, self.name, self.off = what, name, off
        self.len, self.size, self.data = length, size, data
        self.new = b""  # what it wrote, known once it is taken back


def read_log(path):
    """The changes of names and of content that are not durable, oldest first."""
    changes = []
    try:
        with open(path, "rb") as f:
            log = f.read()
    except FileNotFoundError:
        return changes
    at = 0
    while at + RECORD.size <= len(log):
        magic, what, off, length, size, n, m = RECORD.unpack_from(log, at)
        if magic != MAGIC:
            raise SystemExit("lostsync: %s: no record at %d" % (path, at))
        if at + RECORD.size + n + m > len(log):
            break  # killed while it was noted, so the write was not made
        at += RECORD.size
        name, data = log[at:at + n].decode(), log[at + n:at + n + m]
        at += n + m
        if what == SYNCED:
            changes = [c for c in changes if c.name != name or c.what not in (WROTE, CUT)]
        elif what == DIR_SYNCED:
            changes = [c for c in changes if c.what in (WROTE, CUT)]
        else:
            changes.append(Change(what, name, off, length, size, data))
    return changes


def take_back(change, folder):
    path = os.path.join(folder, change.name)
    if change.what == CREATED:
        if os.path.exists(path):
            os.unlink(path)
    elif change.what == UNLINKED:
        kept = os.path.join(folder, change.data.decode())
        if os.path.exists(kept):
            os.rename(kept, path)
    elif os.path.exists(path):
        with open(path, "r+b") as f:
            if change.what == WROTE:
                f.seek(change.off)
                change.new = f.read(change.len)
            f.seek(change.off)
            f.write(change.data)
            f.truncate(change.size)


def make_again(change, folder, rng, names):
    """Parts of it; False once a name was lost: those after it are lost too."""
    path = os.path.join(folder, change.name)
    if change.what in (CREATED, UNLINKED):
        if not names or rng.random() < 0.5:
            return False
        if change.what == CREATED:
            open(path, "ab").close()
        elif os.path.exists(path):
            os.unlink(path)
    elif os.path.exists(path):
        with open(path, "r+b") as f:
            if change.what == CUT:
                if rng.random() < 0.5:
                    f.truncate(change.off)
                return names
            chance = rng.random()
            for at in range(0, len(change.new), SECTOR):
                if rng.random() < chance:
                    f.seek(change.off + at)
                    f.write(change.new[at:at + SECTOR])
    return names


def lose(log, folder, how, rng):
    """Returns what was lost, as words, and how many changes a sync was missing for."""
    changes = read_log(log)
    if how != "none":
        for change in reversed(changes):
            take_back(change, folder)
    if how == "some":
        names = True
        for change in changes:
            names = make_again(change, folder, rng, names)
    for path in glob.glob(os.path.join(folder, "*-shm")) + \
            glob.glob(os.path.join(folder, "*.gone.*")):
        os.unlink(path)
    if os.path.exists(log):
        os.truncate(log, 0)
    size = sum(c.len for c in changes if c.what == WROTE)
    return "%d changes without sync, %d bytes: %s lost" % (len(changes), size, how), \
        len(changes)


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[3] not in ("all", "some", "none"):
        sys.exit(__doc__)
    print(lose(sys.argv[1], sys.argv[2], sys.argv[3], random.Random("".join(sys.argv[4:])))[0])
