#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""run.py RESULTS.json [WORD]: all cases, or those with WORD in their name or ids.
In the guest, as root, in the network of 36-conformance.sh. Says "ok ID KIND: TEXT"
or "not-ok ..." line by line, and "end".
"""
import json
import os
import re
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig  # noqa: E402
from case import runs  # noqa: E402
import cases  # noqa: E402,F401


def judge(c, kind, moves):
    """(verdict, what was found)"""
    t = rig.Case(kind, moves)
    found = ""
    try:
        c["run"](t)
    except rig.Wrong as e:
        found = str(e)
    except Exception:  # pylint: disable=broad-except
        found = traceback.format_exc()
        return "fail", found
    finally:
        t.end()
    excuse = c["deviates"].get(kind)
    if found:
        return ("deviation" if excuse else "fail"), found
    if excuse:
        return "fail", "it passes, though a deviation is on record: " + excuse
    return "pass", ""


def main():
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    rig.start()
    results = []
    for c, kind, moves in runs():
        if not re.search(word, " ".join([c["name"], *c["ids"]])):
            continue
        began = time.monotonic()
        verdict, found = judge(c, kind, moves)
        results.append({"ids": c["ids"], "case": c["name"], "file": c["file"], "kind": kind,
                        "mig": moves, "verdict": verdict})
        print("%s %s %s%s: %s" % ("not-ok" if verdict == "fail" else "ok", "/".join(c["ids"]),
                                  kind, " moved" if moves else "", c["text"]), flush=True)
        if verdict == "fail":
            print("".join("say   %s\n" % line for line in found.splitlines()), end="")
        if verdict == "deviation":
            print("say   deviation: " + c["deviates"][kind])
        ms = int((time.monotonic() - began) * 1000)
        if ms > 2000:
            print("say %s took %d ms" % (c["name"], ms))
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        json.dump({"kernel": os.uname().release, "results": results}, f, indent=1)
    print("end")


main()
