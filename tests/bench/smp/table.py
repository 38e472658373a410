#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""table.py KERNEL LOAD TURNS.jsonl SMP.jsonl SMP.json: of each path the median over its rounds
of what two CPUs forward together, by what one of them does alone: by the instructions that
both execute (TURNS, where they take turns), and by the host's clock. LOAD is the host's before.
"""
import json
import sys
from statistics import median


def rounds(source):
    paths = {}
    with open(source, encoding="utf-8") as f:
        for line in f:
            if line.startswith("{"):
                r = json.loads(line)
                paths.setdefault((r["path"], r["mappings"]), []).append(r)
    return paths


def scaling(of, share):
    """Least to most. @share: 1, or 2 of who take turns, and have one CPU's time for two."""
    return sorted(2 * share * r["both"] / (r["cpu0"] + r["cpu1"]) for r in of)


def main(kernel, load, turns, source, target):
    rows, by_turns = [], rounds(turns)
    for (path, mappings), of in rounds(source).items():
        times = scaling(of, 1)
        rows.append({
            "path": path, "mappings": mappings, "kernel": kernel, "host_load": float(load), "rounds": len(of),
            "one_pps": round(median((r["cpu0"] + r["cpu1"]) / 2 for r in of)),
            "two_pps": round(median(r["both"] for r in of)),
            "scaling": round(median(times), 3), "least": round(times[0], 3), "most": round(times[-1], 3),
            "scaling_by_instructions": round(median(scaling(by_turns[path, mappings], 2)), 3)})
    with open(target, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    print("\n%-14s %9s %12s %10s %10s %8s %7s %7s" % (
        "path", "mappings", "instructions", "one CPU/s", "two CPUs/s", "times", "least", "most"))
    for r in rows:
        print("%-14s %9d %12.3f %10d %10d %8.2f %7.2f %7.2f" % (
            r["path"], r["mappings"], r["scaling_by_instructions"], r["one_pps"], r["two_pps"], r["scaling"],
            r["least"], r["most"]))


main(*sys.argv[1:])
