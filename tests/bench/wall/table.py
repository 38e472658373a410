#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""table.py KERNEL LOAD LOAD WALL.jsonl WALL.json: of each path the median over its rounds
of what a packet takes, by what plain forwarding took in the same round, with the quarter
of the rounds that is below, the one that is above, and the ends. Both have the generator
in them. LOAD is the host's, of five minutes, before and after. What plain forwarding is
beside itself says whether the host let anything be measured.
"""
import json
import sys
from statistics import median, quantiles

BUSY = 1.6  # the ends of the middle half of plain beside itself, one by the other


def main(kernel, before, after, source, target):
    with open(source, encoding="utf-8") as f:
        rounds = [json.loads(line) for line in f if line.startswith("{")]
    paths = {}
    for r in rounds:
        paths.setdefault((r["path"], r["mappings"], r["talkers"]), []).append(r)
    rows = []
    for (path, mappings, talkers), of in paths.items():
        ratios = sorted(r["ns"] / r["plain_ns"] for r in of)
        low, _, high = quantiles(ratios, n=4, method="inclusive") if len(of) > 1 else ratios * 3
        rows.append({
            "path": path, "mappings": mappings, "talkers": talkers, "kernel": kernel,
            "host_load": [float(before), float(after)], "rounds": len(of),
            "plain_ns": round(median(r["plain_ns"] for r in of), 1),
            "ns": round(median(r["ns"] for r in of), 1),
            "over_plain_ns": round(median(r["ns"] - r["plain_ns"] for r in of), 1),
            "ratio": round(median(ratios), 3), "lower_quartile": round(low, 3),
            "upper_quartile": round(high, 3), "least": round(ratios[0], 3), "most": round(ratios[-1], 3)})
    with open(target, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    print("\nload of the host %s, then %s" % (before, after))
    print("%-18s %8s %8s %7s %7s %7s %6s  %-13s %-13s" % (
        "path", "mappings", "talkers", "plain", "ns", "over", "ratio", "quartiles", "least, most"))
    for r in rows:
        print("%-18s %8d %8d %7.0f %7.0f %+7.0f %6.2f  %5.2f - %5.2f %5.2f - %5.2f" % (
            r["path"], r["mappings"], r["talkers"], r["plain_ns"], r["ns"], r["over_plain_ns"], r["ratio"],
            r["lower_quartile"], r["upper_quartile"], r["least"], r["most"]))
    for r in rows:
        if r["path"].startswith("plain") and r["upper_quartile"] > BUSY * r["lower_quartile"]:
            print("the host was too busy: %s beside itself, with %d talkers, is from %.2f to %.2f" % (
                r["path"], r["talkers"], r["lower_quartile"], r["upper_quartile"]))


main(*sys.argv[1:])
