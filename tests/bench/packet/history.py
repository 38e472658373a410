#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a packet cost in earlier runs, so that a regression shows; passes no verdict.

  history.py compare PACKET.json HISTORY.jsonl   then and now, marked where it is worse
  history.py record PACKET.json HISTORY.jsonl    adds the run to the history

Then is the last recorded run of the same path, number of mappings and kernel series
(6.12): Debian's updates of one kernel go on with one line.
"""
import json
import sys

# Percent. Runs repeat to a few in a thousand, address_fast_v6 of one source to two in a
# hundred: there a mark may be chance.
WORSE = 1.0
KEPT = ("date", "commit", "kernel", "path", "mappings", "insns", "insns_over_plain")


def series(kernel):
    return ".".join(kernel.split(".")[:2])


def key(row):
    return series(row["kernel"]), row["path"], row["mappings"]


def packets(source):
    """The run's rows that a later run can be compared to. None where nothing ran."""
    try:
        with open(source, encoding="utf-8") as f:
            rows = json.load(f)
    except FileNotFoundError:
        return None
    return [r for r in rows if r["insns"] and not r["path"].startswith("generator")]


def recorded(history):
    """Oldest first."""
    try:
        with open(history, encoding="utf-8") as f:
            return [json.loads(line) for line in f]
    except FileNotFoundError:
        return []


def compare(rows, old):
    last = {key(r): r for r in old}
    print("\n%-22s %9s %8s %8s %8s  %s" % ("path", "mappings", "then", "now", "percent", "recorded"))
    for r in rows:
        then = last.get(key(r))
        if not then:
            print("%-22s %9d %8s %8s" % (r["path"], r["mappings"], "", r["insns"]))
            continue
        percent = 100 * (r["insns"] / then["insns"] - 1)
        notes = [then["date"], then["commit"]]
        if then["kernel"] != r["kernel"]:
            notes.append("on " + then["kernel"])
        if percent > WORSE:
            notes.append("<- worse")
        print("%-22s %9d %8s %8s %+7.2f%%  %s" % (
            r["path"], r["mappings"], then["insns"], r["insns"], percent, " ".join(notes)))


def record(rows, old, history):
    new = [{k: r[k] for k in KEPT} for r in rows]
    new = [r for r in new if r not in old]
    with open(history, "a", encoding="utf-8") as f:
        f.writelines(json.dumps(r) + "\n" for r in new)
    print("%d lines were added to %s" % (len(new), history))
    if any(r["commit"].endswith("+") for r in new):
        print("the commit is marked +: the module had changes that are in no commit")


def main(what, source, history):
    rows, old = packets(source), recorded(history)
    if rows is None:
        sys.exit("history: there is no %s: make bench" % source)
    if not rows:
        print("history: %s has no path with its generator: let PATHS match both" % source)
    elif what == "record":
        record(rows, old, history)
    else:
        compare(rows, old)


if __name__ == "__main__":
    main(*sys.argv[1:])
