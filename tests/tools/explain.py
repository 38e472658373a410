#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes natctl's table of what the kernel's numbers mean.

explain.py SPEC > explain_gen.c; gen.sh runs it.
"""
import sys

import yaml

SETS = ("counter", "stats", "config")


def c_string(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped + '"'


def write_set(attribute_set):
    name = attribute_set["name"]
    print(f"const struct rn_explain rn_explain_{name}[] = {{")
    for attribute in attribute_set["attributes"]:
        if attribute["type"] not in ("u32", "u64"):
            continue
        macro = f"ROAMNAT_A_{name}_{attribute['name']}".upper().replace("-", "_")
        sentence = " ".join(attribute["doc"].split())
        # In the set `stats` the narrow ones are what is there now.
        gauge = "true" if name == "stats" and attribute["type"] == "u32" else "false"
        print(f"\t{{ {macro}, {c_string(attribute['name'])},")
        print(f"\t  {c_string(sentence)}, {gauge} }},")
    print("\t{ 0, NULL, NULL, false },\n};")


def main():
    with open(sys.argv[1], encoding="utf-8") as spec_file:
        spec = yaml.safe_load(spec_file)
    sets = {s["name"]: s for s in spec["attribute-sets"]}
    print("// SPDX-License-Identifier: GPL-2.0")
    print("/* Do not edit: tests/tools/explain.py wrote it from roamnat.yaml (make gen). */")
    print("#include <linux/roamnat.h>")
    print('#include "explain.h"')
    for name in SETS:
        print()
        write_set(sets[name])


if __name__ == "__main__":
    main()
