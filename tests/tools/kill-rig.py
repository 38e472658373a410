#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What scenario 66 relies on, by itself: the disk that forgets loses nothing that
was synced, and something if it lies; two gateways on the wire are noticed.

  kill-rig.py SHIM [SEEDS]
"""
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(TOP, "tools"), os.path.join(TOP, "net")]
import lostsync                  # noqa: E402
from once import Wire            # noqa: E402

WRITER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for pragma in "journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=20":
    db.execute("PRAGMA " + pragma)
db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB)")
for n in range(60):
    db.execute("BEGIN")
    db.execute("INSERT INTO t VALUES (?, randomblob(3000))", (n,))
    db.execute("COMMIT")
    print(n, flush=True)
"""


def killed(shim, seed, lies):
    """A writer that is killed at one of the disk's points, then the power is lost.
    Returns how many commits it knew of, how many are there, and what SQLite says.
    """
    rng = random.Random(seed)
    top = tempfile.mkdtemp()
    folder, log, page = (os.path.join(top, n) for n in ("store", "undo", "page"))
    os.mkdir(folder)
    with open(page, "wb") as f:
        f.write(struct.pack("=IIII48s", 1, rng.randint(1, 60), 9, 0,
                            rng.choice(lostsync.POINTS).encode()))
    environment = dict(os.environ, LD_PRELOAD=shim, LOSTSYNC_DIR=folder, LOSTSYNC_LOG=log,
                       RN_FAILPOINT_FILE=page)
    if lies:
        environment["LOSTSYNC_LIES"] = "1"
    said = subprocess.run([sys.executable, "-c", WRITER, folder + "/x.db"], env=environment,
                          stdout=subprocess.PIPE, check=False).stdout
    lostsync.lose(log, folder, rng.choice(("all", "some")), rng)
    try:
        db = sqlite3.connect(folder + "/x.db")
        verdict = db.execute("PRAGMA integrity_check").fetchone()[0]
        there = db.execute("SELECT count(*) FROM t").fetchone()[0]
    except sqlite3.Error as e:
        verdict, there = str(e), 0
    shutil.rmtree(top)
    return len(said.split()), there, verdict


def disk(shim, seeds):
    failed = 0
    for seed in range(seeds):
        told, there, verdict = killed(shim, seed, False)
        if there < told or (told and verdict != "ok"):
            print("not ok - I12 seed %d: %d commits known, %d there: %s" %
                  (seed, told, there, verdict))
            failed += 1
    found = sum(told > there for told, there, _ in (killed(shim, s, True) for s in range(5)))
    if not found:
        print("not ok - I12 a disk that lies about its syncs lost nothing")
    return failed + (not found)


def wire():
    """Who may send in turn, and what is noticed."""
    cases = (("aba", {1: "a", 2: "b"}, False), ("ab", {1: "a", 2: "b"}, True),
             ("aba", {1: "a", 2: "b", 3: "a"}, True), ("ba", {1: "a", 2: "b"}, False),
             ("b", {1: "a", 3: "b"}, True), ("c", {1: "a", 2: "b"}, False))
    failed = 0
    for turns, owners, fine in cases:
        w = Wire()
        for gateway in turns:
            w.packet(gateway, "203.0.113.1")
        for epoch, gateway in owners.items():
            w.grant(gateway, "203.0.113.1", epoch)
        if bool(w.violations()) == fine:
            print("not ok - B1 %s with the grants %s" % (turns, owners))
            failed += 1
    return failed


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    failed = disk(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20) + wire()
    if not failed:
        print("ok - nothing synced is lost, a lie is found, and so are two on the wire")
    sys.exit(1 if failed else 0)


main()
