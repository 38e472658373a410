#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""table.py KERNEL COMMIT PACKET.jsonl PACKET.json: from what the guest measured, instructions
after the generator and over plain forwarding; prints a table."""
import json
import sys
import time


def base(path):
    """generator and plain of the same direction and family."""
    return ("_v6" if "_v6" in path else "") + ("_rev" if path.endswith("_rev") else "")


def main(kernel, commit, source, target):
    with open(source, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    found = {r["path"]: r["all"] for r in rows}
    date = time.strftime("%Y-%m-%d")
    for r in rows:
        r["kernel"], r["date"], r["commit"] = kernel, date, commit
        generator = found.get("generator" + base(r["path"]))
        plain = found.get("plain" + base(r["path"]))
        r["insns"] = round(r["all"] - generator, 1) if generator else None
        r["insns_over_plain"] = round(r["all"] - plain, 1) if plain else None
        del r["all"]
    with open(target, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    print("%-22s %9s %8s %12s  %s" % ("path", "mappings", "insns", "over plain", "of nft_map's"))
    for r in rows:
        peer = found.get("nft_map" + base(r["path"]))
        plain = found.get("plain" + base(r["path"]))
        over = r["insns_over_plain"]
        ratio = "%.2f" % (over / (peer - plain)) if peer and plain and peer != plain else ""
        print("%-22s %9d %8s %12s  %s" % (r["path"], r["mappings"], r["insns"], over, ratio))


main(*sys.argv[1:])
