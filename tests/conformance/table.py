#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The table of requirements, and what the runs say of them.

  table.py check                     requirements.tsv and the cases fit together
  table.py write RESULT.json...      prints docs/compliance.md for these runs
  table.py verify RESULT.json...     fails unless docs/compliance.md is that
"""
import glob
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from case import CASES, KINDS, LATER  # noqa: E402
import cases  # noqa: E402,F401

RFCS = {"4787": "RFC 4787, UDP", "5382": "RFC 5382, TCP", "5508": "RFC 5508, ICMP",
        "6888": "RFC 6888, carrier-grade NATs", "7857": "RFC 7857, updates",
        "": "Other transports, traceroute, and what moving adds"}
WORDS = {"n/a", "deviation", "shown"}
problems = []


def problem(text):
    problems.append(text)


class Requirement:
    def __init__(self, line):
        cells = line.split("\t")
        if not 5 <= len(cells) <= 6:
            sys.exit("requirements.tsv: not five or six columns: " + line)
        self.id, self.level, kinds, mig, self.text = cells[:5]
        self.kinds = [] if kinds == "-" else kinds.split()
        self.mig = mig == "mig"
        self.said = {}      # kind: (word, file, reason)
        for part in (cells[5].split(" | ") if len(cells) == 6 else []):
            kind, word, reason = part.split(" ", 2)
            word, _, file = word.partition(":")
            if word not in WORDS:
                problem("%s: '%s' is none of %s" % (self.id, word, sorted(WORDS)))
            self.said[kind] = word, file, reason

    def explained(self, kind):
        return self.said.get(kind) or self.said.get("*")


def requirements():
    with open(os.path.join(HERE, "requirements.tsv"), encoding="utf-8") as f:
        return [Requirement(line.rstrip("\n")) for line in f
                if line.strip() and not line.startswith("#")]


def names_it(file, ident):
    """A scenario says so in its head, a unit suite anywhere."""
    try:
        with open(os.path.join(TOP, file), encoding="utf-8") as f:
            text = f.read()
    except OSError:
        return False
    if file.endswith(".sh"):
        text = "\n".join(re.findall(r"^# shows:.*", text, re.M))
    return re.search(r"(?<![\w.-])%s(?![\w-]|\.\w)" % re.escape(ident), text) is not None


def check():
    rows = requirements()
    known = {r.id: r for r in rows}
    if len(known) != len(rows):
        problem("an id is there twice")
    for c in CASES:
        for ident in c["ids"]:
            if ident not in known:
                problem("%s (%s) names %s, which is no requirement" % (c["name"], c["file"], ident))
            elif not set(c["kinds"]) & set(KINDS + LATER):
                problem("%s (%s): no such kind" % (c["name"], c["file"]))
        if not c["ids"]:
            problem("%s (%s) names no requirement" % (c["name"], c["file"]))
    for r in rows:
        for kind, (word, file, _) in r.said.items():
            if word == "shown" and not names_it(file, r.id):
                problem("%s: %s does not say that it shows it" % (r.id, file))
            if kind != "*" and kind not in r.kinds:
                problem("%s: explained for %s, to which it does not apply" % (r.id, kind))
        if not r.kinds and not r.explained("*"):
            problem("%s: applies to nothing, and nothing says why" % r.id)
        for kind in set(r.kinds) - set(LATER):
            mine = [c for c in CASES if r.id in c["ids"] and kind in c["kinds"]]
            if not mine and not r.explained(kind):
                problem("%s %s: neither a case nor an explanation" % (r.id, kind))
            if r.mig and mine and not any(c["mig"] for c in mine) and not r.explained(kind):
                problem("%s %s: no case goes across a migration" % (r.id, kind))
    return rows


def verdict(r, kind, results):
    """What the table says of a kind, worst first."""
    mine = [x for x in results if r.id in x["ids"] and x["kind"] == kind]
    said = r.explained(kind)
    if mine:
        words = {x["verdict"] for x in mine}
        if "fail" in words:
            return "FAIL"
        word = "pass" if words == {"pass"} else "deviation" if words == {"deviation"} else "partly"
        if word == "pass" and said and said[0] == "deviation":
            word = "partly"
        return word + (" + moved" if any(x["mig"] and x["verdict"] == "pass" for x in mine) else "")
    if kind in r.kinds and kind in LATER and not said:
        return "not yet"
    if said:
        return {"n/a": "n/a", "deviation": "deviation", "shown": "pass *"}[said[0]]
    if kind not in r.kinds:
        return ""
    return "not yet"


def reasons(r, kind):
    """Why a kind deviates."""
    found = [c["deviates"][kind] for c in CASES if r.id in c["ids"] and kind in c["deviates"] and
             kind in c["kinds"]]
    said = r.explained(kind)
    if said and said[0] != "shown":
        found.append(said[2])
    found += ["Not yet: " + c["pending"] for c in CASES
              if r.id in c["ids"] and kind in c["kinds"] and c["pending"]]
    return found


def tests(r):
    out = sorted({c["name"] for c in CASES if r.id in c["ids"] and not c["pending"]})
    files = sorted({os.path.basename(f) for _, f, _ in r.said.values() if f})
    return ", ".join(out + files)


HEAD = """# Compliance

What [RFC 4787](https://www.rfc-editor.org/rfc/rfc4787), [5382](https://www.rfc-editor.org/rfc/rfc5382),
[5508](https://www.rfc-editor.org/rfc/rfc5508), [6888](https://www.rfc-editor.org/rfc/rfc6888) and
[7857](https://www.rfc-editor.org/rfc/rfc7857) ask of a NAT, and what roamnat does.

Generated by `make conformance` from [requirements.tsv](../tests/conformance/requirements.tsv) and a run
of the cases in [tests/conformance](../tests/conformance) on Linux 6.1 and 6.12; `make check` fails when
the run says something else. The number behind the RFC is that of its REQ, of RFC 7857 its section.

| word | |
|---|---|
| pass | every byte of every packet came out as it must |
| + moved | and once more with the mapping moved to another gateway in the middle |
| pass * | shown by another test, which is named |
| partly | some of it; the rest is a deviation, below |
| deviation | not done; why is below |
| n/a | the question does not arise; why is below |
| not yet | no verdict yet |

Kinds of mapping: *address* (one private, one public address), *address6* (the same of IPv6, where the
RFCs speak of IPv4 and ICMP alone: what RFC 8200 and RFC 4443 call the same), *port* (one port each),
*block* (an address, and a block of ports in which the kernel allots).
"""


def document(results):
    columns = KINDS + LATER
    rows = requirements()
    out = [HEAD]
    for rfc, title in RFCS.items():
        mine = [r for r in rows if (r.id.split("-")[0] == rfc if rfc else
                                    r.id.split("-")[0] not in RFCS)]
        out.append("## %s\n" % title)
        out.append("| id | level | requirement | %s | shown by |" % " | ".join(columns))
        out.append("|%s" % ("---|" * (4 + len(columns))))
        for r in mine:
            out.append("| %s | %s | %s | %s | %s |" % (
                r.id, r.level, r.text, " | ".join(verdict(r, k, results) for k in columns), tests(r)))
        out.append("")
    out.append("## Deviations, and what does not apply\n")
    for r in rows:
        why = {}
        for kind in columns:
            for text in reasons(r, kind):
                why.setdefault(text, []).append(kind)
        for text, kinds in why.items():
            who = "" if r.said.get("*") or len(kinds) == len(columns) else " (%s)" % ", ".join(kinds)
            out.append("- **%s**%s %s: %s." % (r.id, who, r.text, text.rstrip(".")))
    return "\n".join(out) + "\n"


def load(paths):
    results = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            results += json.load(f)["results"]
    if not results:
        sys.exit("no results: run the scenario 36-conformance first")
    return results


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    check()
    for text in problems:
        print("not ok - " + text)
    if problems:
        sys.exit(1)
    paths = [p for a in sys.argv[2:] for p in sorted(glob.glob(a))]
    if sys.argv[1] == "check":
        print("ok - %d requirements: each has a case or an explanation; %d cases" % (
            len(requirements()), len(CASES)))
    elif sys.argv[1] == "write":
        print(document(load(paths)), end="")
    else:
        with open(os.path.join(TOP, "docs/compliance.md"), encoding="utf-8") as f:
            written = f.read()
        wanted = document(load(paths))
        for a, b in zip(written.splitlines(), wanted.splitlines()):
            if a != b:
                print("not ok - docs/compliance.md says\n  %s\nthe run says\n  %s" % (a, b))
        if written != wanted:
            sys.exit("not ok - docs/compliance.md is not what the run says: make conformance")
        print("ok - docs/compliance.md says what the run says")


main()
