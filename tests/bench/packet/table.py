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


def generator_of(path):
    """What makes its packets: the random ports of sessions cost more."""
    return "generator" + ("_session" if "session" in path else "") + base(path)


def main(kernel, commit, source, target):
    with open(source, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    found = {r["path"]: r["all"] for r in rows}
    date = time.strftime("%Y-%m-%d")
    for r in rows:
        r["kernel"], r["date"], r["commit"] = kernel, date, commit
        generator = found.get(generator_of(r["path"]))
        r["insns"] = round(r["all"] - generator, 1) if generator else None
        del r["all"]
    insns = {r["path"]: r["insns"] for r in rows}
    for r in rows:
        plain = insns.get("plain" + base(r["path"]))
        known = plain is not None and r["insns"] is not None
        r["insns_over_plain"] = round(r["insns"] - plain, 1) if known else None
    with open(target, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    peers = {r["path"]: r["insns_over_plain"] for r in rows}
    print("%-22s %9s %8s %12s  %s" % ("path", "mappings", "insns", "over plain", "of nft_map's"))
    for r in rows:
        peer = peers.get("nft_map" + base(r["path"]))
        over = r["insns_over_plain"]
        ratio = "%.2f" % (over / peer) if peer and over is not None else ""
        print("%-22s %9d %8s %12s  %s" % (r["path"], r["mappings"], r["insns"], over, ratio))


main(*sys.argv[1:])
