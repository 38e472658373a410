#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""document.py PACKET.json DOCUMENT.md: writes the table of docs/performance.md, between its
two marks, from a run. A path that the run left out keeps its line, nft_map's for the ratios, too."""
import json
import re
import sys

BEGIN, END = "<!-- make bench-document writes this table -->\n", "<!-- to here -->\n"
HEAD = ("| path | mappings | insns | over plain | of nft_map's |\n", "|---|---|---|---|---|\n")
NAMES = (
    ("plain", "plain forwarding"), ("tc_nat", "tc `action nat`, one prefix, stateless"),
    ("nft_map", "nft stateless, `ip saddr set ip saddr map`"),
    ("nft_snat", "nft `snat to … map`, conntrack"), ("flowtable", "nft flowtable over that"),
    ("address_hook", "**address mapping**"), ("session_hook", "**session in a port block**"),
    ("address_fast", "**address mapping, fast path**"), ("session_fast", "**session, fast path**"))


def title(path):
    stem = re.sub("(_v6)?(_rev)?$", "", path)
    return (dict(NAMES)[stem] + (", IPv6" if "_v6" in path else "") +
            (", rev" if path.endswith("_rev") else ""))


def number(value):
    return "%d" % round(value) if value >= 0 else "−%d" % round(-value)


def line(row, peers):
    over = row["insns_over_plain"]
    peer = peers.get(("_v6" in row["path"], row["path"].endswith("_rev")))
    ours = "address" in row["path"] or "session" in row["path"]
    count = "{:,}".format(row["mappings"]).replace(",", " ") if row["mappings"] else ""
    return "| %s | %s | %s | %s | %s |\n" % (
        title(row["path"]), count, number(row["insns"]),
        ("**+%s**" if ours and over > 0 else "+%s" if over > 0 else "%s") % number(over),
        "%.2f" % (over / peer) if peer and over > 0 else "")


def main(source, target):
    with open(source, encoding="utf-8") as f:
        rows = [r for r in json.load(f) if not r["path"].startswith("generator")]
    if any(r["insns"] is None or r["insns_over_plain"] is None for r in rows):
        sys.exit("document: without the generator and plain forwarding nothing is known")
    peers = {("_v6" in r["path"], r["path"].endswith("_rev")): r["insns_over_plain"]
             for r in rows if r["path"].startswith("nft_map")}
    with open(target, encoding="utf-8") as f:
        before, rest = f.read().split(BEGIN)
    old, after = rest.split(END)
    for row in (line.split("|") for line in old.splitlines() if line.startswith("| nft stateless")):
        peers.setdefault(("IPv6" in row[1], ", rev" in row[1]), int(row[4].strip(" *")))
    fresh = {(title(r["path"]), r["mappings"]): line(r, peers) for r in rows}
    kept = {}
    for text in old.splitlines(True)[len(HEAD):]:
        cells = [c.strip() for c in text.split("|")[1:3]]
        kept[cells[0], int(cells[1].replace(" ", "") or 0)] = text
    kept.update(fresh)
    order = [title(stem + v6 + rev) for v6 in ("", "_v6") for stem, _ in NAMES for rev in ("", "_rev")]
    keys = sorted(kept, key=lambda k: (order.index(k[0]), k[1]))
    with open(target, "w", encoding="utf-8") as f:
        f.write(before + BEGIN + "".join(HEAD) + "".join(kept[k] for k in keys) + END + after)


main(*sys.argv[1:])
