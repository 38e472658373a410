#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""table.py KERNEL SCALE.jsonl SCALE.json: ours beside nftables' of the same guest."""
import json
import sys


def main(kernel, source, target):
    with open(source, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    for r in rows:
        r["kernel"] = kernel
    with open(target, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")

    def of(case, key, **also):
        found = [r[key] for r in rows if r["case"] == case and key in r
                 and all(r.get(k) == v for k, v in also.items())]
        return min(found) if found and key != "rounds" else max(found, default=None)

    def line(what, ours, theirs, unit):
        if not ours and not theirs:
            return
        ratio = "%.2f" % (ours / theirs) if ours and theirs else ""
        print("%-44s %10s %10s %6s  %s" % (what, ours or "", theirs or "", ratio, unit))

    print("%-44s %10s %10s %6s" % ("", "ours", "nft", "ratio"))
    line("install", of("install", "seconds", what="install"), of("nft-install", "seconds"), "s")
    line("list", of("install", "seconds", what="dump"), of("nft-list", "seconds"), "s")
    line("a mapping (nft: one direction)", of("install-memory", "bytes_each"),
         of("nft-memory", "bytes_each"), "B")
    full, empty = (of(c, "bytes_each") for c in ("blocks-full-memory", "blocks-memory"))
    if full and empty:
        line("a session in a block of 512 ports", round((full - empty) / 512, 1), None, "B")
        line("an empty block of 512 ports", empty, None, "B")
    none = of("ageing-none", "rounds")
    for case in ("ageing-small", "ageing-big", "ageing-ending"):
        rounds = of(case, "rounds")
        if rounds and none:
            line("of the CPU, " + case, round(100 * (1 - rounds / none), 3), None, "%")
            line("longest time away, " + case, of(case, "worst_us"), of("ageing-none", "worst_us"),
                 "us (second column: no mappings)")
    stalls = [r for r in rows if r["case"].startswith("stall-")]
    if stalls:
        print("\n%-14s %8s %8s %6s %9s %9s %9s  %s" % (
            "us late", "seconds", "packets", "lost", "median", "p99", "worst", "worst from in0 to out0"))
    for r in stalls:
        print("%-14s %8.2f %8d %6d %9.1f %9.1f %9.1f  %9.1f%s" % (
            r["case"][len("stall-"):], r["seconds"], r["packets"], r["lost"], r["late_median_us"],
            r["late_p99_us"], r["late_worst_us"], r["through_worst_us"],
            ", %d untranslated" % r["untranslated"] if r["untranslated"] else ""))


main(*sys.argv[1:])
