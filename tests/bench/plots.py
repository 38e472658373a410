#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""plots.py BENCH_DIR HISTORY.jsonl: what a packet costs, drawn; writes to BENCH_DIR
  packet.svg         a bar for each path, of packet.json (without it, of the last records)
  history.svg        a line for each path over the recorded runs, each on its own scale
  first_packet.svg   median and p99 of a new VM's first packet, of first_packet.json
and says what is missing.
"""
import json
import os
import sys
from html import escape

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "packet"))
from history import key, packets, recorded, series  # noqa: E402

OURS, PEERS, LIGHT, TEXT = "#1b6ca8", "#a9a9a9", "#dddddd", "#222222"
KERNELS = (OURS, "#c25b12", "#4d8b31", "#7b4fa3")


class Picture:
    def __init__(self, width, height):
        self.size, self.parts = (width, height), []

    def add(self, tag, content=None, **attrs):
        words = "".join(' %s="%s"' % (k.replace("_", "-"), escape(str(v))) for k, v in attrs.items())
        self.parts.append("<%s%s/>" % (tag, words) if content is None else
                          "<%s%s>%s</%s>" % (tag, words, escape(content), tag))

    def text(self, x, y, content, anchor="start", size=12, fill=TEXT):
        self.add("text", content, x=round(x, 1), y=round(y, 1), text_anchor=anchor,
                 font_size=size, fill=fill)

    def box(self, x, y, width, height, fill):
        self.add("rect", x=round(x, 1), y=round(y, 1), width=round(width, 1), height=height,
                 fill=fill)

    def save(self, path):
        with open(path, "w", encoding="utf-8") as f:
            f.write('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" '
                    'height="%d" font-family="sans-serif">\n'
                    '<rect width="100%%" height="100%%" fill="white"/>\n'
                    % (self.size * 2) + "\n".join(self.parts) + "\n</svg>\n")
        print("plots: %s" % path)


def label(row):
    return row["path"] + (" %d" % row["mappings"] if row["mappings"] else "")


def ours(name):
    return name.startswith(("address", "session", "roamnat"))


def bars(path, title, rows):
    """rows: (name, numbers); the second and later numbers of one are paler."""
    most = max(max(numbers) for _, numbers in rows)
    step = 13 * max(len(numbers) for _, numbers in rows) + 7
    p = Picture(820, 60 + step * len(rows))
    p.text(10, 24, title, size=15)
    for i, (name, numbers) in enumerate(rows):
        y = 44 + step * i
        p.text(290, y + 11, name, anchor="end")
        for j, number in enumerate(numbers):
            fill = (OURS if ours(name) else PEERS) if j == 0 else LIGHT
            p.box(300, y + 13 * j, 440 * number / most, 12, fill)
            p.text(304 + 440 * number / most, y + 13 * j + 10, "%g" % number, size=11)
    p.save(path)


def panel(p, x, y, name, runs, lines):
    """The runs of one path: a line for each kernel, from the least to the most."""
    width, height = 210, 50
    values = [v for line in lines.values() for v in line.values()]
    low, high = min(values), max(values)
    # Two in a hundred is the least that is drawn as large as the panel.
    room = max(high - low, 0.02 * high)
    p.text(x, y, name)
    p.add("line", x1=x, y1=y + 62, x2=x + width, y2=y + 62, stroke=LIGHT)
    for i, (kernel, line) in enumerate(sorted(lines.items())):
        def place(run):
            left = runs.index(run) / max(1, len(runs) - 1) * width
            return "%.1f,%.1f" % (x + left, y + 60 - (line[run] - low) / room * height)
        color = KERNELS[i % len(KERNELS)]
        found = [run for run in runs if run in line]
        p.add("polyline", points=" ".join(map(place, found)), fill="none", stroke=color,
              stroke_width=1.5)
        for run in found:
            cx, cy = place(run).split(",")
            p.add("circle", cx=cx, cy=cy, r=2.5, fill=color)
        p.text(x, y + 76 + 13 * i, "%s: %g, now %g" % (kernel, line[found[0]], line[found[-1]]),
               size=11, fill=color)


def history(path, old):
    runs = list(dict.fromkeys((r["date"], r["commit"]) for r in old))
    paths = {}
    for r in old:
        line = paths.setdefault(label(r), {}).setdefault(series(r["kernel"]), {})
        line[(r["date"], r["commit"])] = r["insns"]
    kernels = max(len(lines) for lines in paths.values())
    tall = 92 + 13 * kernels
    p = Picture(980, 70 + tall * -(-len(paths) // 4))
    p.text(10, 24, "Instructions per packet, %d recorded runs: %s to %s" % (
        len(runs), " ".join(runs[0]), " ".join(runs[-1])), size=15)
    for i, (name, lines) in enumerate(paths.items()):
        panel(p, 10 + 242 * (i % 4), 60 + tall * (i // 4), name, runs, lines)
    p.save(path)


def first(path, source):
    try:
        with open(source, encoding="utf-8") as f:
            rows = json.load(f)
    except FileNotFoundError:
        print("plots: there is no %s: make bench-first-packet" % source)
        return
    rows = [(r["case"], (r["first_median_us"], r["first_p99_us"])) for r in rows if r["first_median_us"]]
    bars(path, "First packet of a new VM or flow: median and p99, µs from in to out", rows)


def main(bench, source):
    old, rows = recorded(source), packets(bench + "/packet.json")
    if not old:
        print("plots: there is no run in %s: make bench-record" % source)
    if not rows:
        print("plots: there is no %s/packet.json: make bench" % bench)
        rows = list({key(r): r for r in old}.values())
    if rows:
        kernel = series(rows[-1]["kernel"])
        rows = [r for r in rows if series(r["kernel"]) == kernel]
        bars(bench + "/packet.svg", "Instructions per packet, Linux %s, %s %s; ours is blue" % (
            kernel, rows[-1]["date"], rows[-1]["commit"]), [(label(r), (r["insns"],)) for r in rows])
    if old:
        history(bench + "/history.svg", old)
    first(bench + "/first_packet.svg", bench + "/first_packet.json")


main(*sys.argv[1:])
