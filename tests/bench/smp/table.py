#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""table.py KERNEL LOAD SMP.jsonl SMP.json: of each path the median over its rounds of what
two CPUs forward together, by what one of them does alone. LOAD is the host's before.
"""
import json
import sys
from statistics import median


def main(kernel, load, source, target):
    with open(source, encoding="utf-8") as f:
        rounds = [json.loads(line) for line in f if line.startswith("{")]
    paths = {}
    for r in rounds:
        paths.setdefault((r["path"], r["mappings"]), []).append(r)
    rows = []
    for (path, mappings), of in paths.items():
        times = sorted(2 * r["both"] / (r["cpu0"] + r["cpu1"]) for r in of)
        rows.append({
            "path": path, "mappings": mappings, "kernel": kernel, "host_load": float(load), "rounds": len(of),
            "one_pps": round(median((r["cpu0"] + r["cpu1"]) / 2 for r in of)),
            "two_pps": round(median(r["both"] for r in of)),
            "scaling": round(median(times), 3), "least": round(times[0], 3), "most": round(times[-1], 3)})
    with open(target, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    print("\n%-14s %9s %10s %10s %8s %7s %7s" % ("path", "mappings", "one CPU/s", "two CPUs/s", "times", "least", "most"))
    for r in rows:
        print("%-14s %9d %10d %10d %8.2f %7.2f %7.2f" % (
            r["path"], r["mappings"], r["one_pps"], r["two_pps"], r["scaling"], r["least"], r["most"]))


main(*sys.argv[1:])
