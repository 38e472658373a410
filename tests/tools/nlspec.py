#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Writes the tables of tests/fuzz/netlink/spec.h from roamnat.yaml.

nlspec.py SPEC > spec_gen.c; fuzz.mk runs it. What is in the spec is fuzzed.
"""
import sys

import yaml

BITS = {"u16": 0xFFFF, "u32": 0xFFFFFFFF, "u64": 0xFFFFFFFFFFFFFFFF}
KINDS = {"u16": "SPEC_U16", "u32": "SPEC_U32", "u64": "SPEC_U64", "binary": "SPEC_BINARY",
         "string": "SPEC_STRING", "flag": "SPEC_FLAG", "nest": "SPEC_NEST", "pad": "SPEC_PAD"}


def macro(*words):
    return "_".join(words).upper().replace("-", "_")


def bounds(attribute, enums):
    if attribute["type"] == "string":
        return 0, attribute.get("checks", {}).get("max-len", 0)
    checks = attribute.get("checks", {})
    low, high = checks.get("min", 0), checks.get("max", BITS.get(attribute["type"], 0))
    if "enum" in attribute:
        enum = enums[attribute["enum"]]
        low = enum.get("value-start", 0)
        high = low + len(enum["entries"]) - 1
    return low, high


def write_set(attribute_set, enums):
    name = attribute_set["name"]
    print(f"static const struct spec_attr {macro(name).lower()}_attrs[] = {{")
    for a in attribute_set["attributes"]:
        low, high = bounds(a, enums)
        nested = f"&spec_sets[SET_{macro(a['nested-attributes'])}]" if a["type"] == "nest" else "NULL"
        print(f'\t{{ "{a["name"]}", {macro("roamnat_a", name, a["name"])}, {KINDS[a["type"]]},')
        print(f"\t  {low}ULL, {high}ULL, {nested} }},")
    print("};\n")


def write_op(op):
    request = op.get("do", {}).get("request", {}).get("attributes", [])
    wanted = [macro("roamnat_a", op["attribute-set"], a) for a in request]
    name = macro(op["name"]).lower()
    if wanted:
        print(f"static const unsigned short {name}_request[] = {{")
        for w in wanted:
            print(f"\t{w},")
        print("};\n")
    admin = "true" if "uns-admin-perm" in op.get("flags", []) else "false"
    return (f'\t{{ "{op["name"]}", {macro("roamnat_cmd", op["name"])}, '
            f"&spec_sets[SET_{macro(op['attribute-set'])}],\n"
            f"\t  {name + '_request' if wanted else 'NULL'}, {len(wanted)}, {admin}, "
            f"{'true' if 'dump' in op else 'false'} }},")


def main():
    with open(sys.argv[1], encoding="utf-8") as spec_file:
        spec = yaml.safe_load(spec_file)
    enums = {d["name"]: d for d in spec["definitions"] if d["type"] == "enum"}
    sets = spec["attribute-sets"]
    print("// SPDX-License-Identifier: GPL-2.0")
    print("/* Do not edit: tests/tools/nlspec.py wrote it from roamnat.yaml. */")
    print('#include <linux/roamnat.h>\n#include <stddef.h>\n\n#include "spec.h"\n')
    print("enum {")
    for s in sets:
        print(f"\tSET_{macro(s['name'])},")
    print("};\n")
    for s in sets:
        write_set(s, enums)
    print("const struct spec_set spec_sets[] = {")
    for s in sets:
        n = macro(s["name"]).lower()
        print(f'\t{{ "{s["name"]}", {n}_attrs, sizeof({n}_attrs) / sizeof({n}_attrs[0]) }},')
    print("};\n")
    lines = [write_op(op) for op in spec["operations"]["list"] if "do" in op or "dump" in op]
    print("const struct spec_op spec_ops[] = {")
    print("\n".join(lines))
    print("};\n\nconst unsigned int spec_op_count = sizeof(spec_ops) / sizeof(spec_ops[0]);")


if __name__ == "__main__":
    main()
