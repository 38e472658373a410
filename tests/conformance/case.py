# SPDX-License-Identifier: GPL-2.0
"""How a case is declared, and what is known of those that cannot pass."""

import os

# Kinds that are tested, and those that the module has yet to learn.
KINDS = ["address", "address6", "port", "block"]
LATER = []

CASES = []


def case(*ids, kinds="address address6 port block", mig=False, deviates=None, pending="",
         stack=False):
    """@ids: requirements that the function shows, of requirements.tsv. @kinds: of
    mapping, to which they apply. @mig: once more with a migration where the body
    says t.move(). @deviates: {kind: why it cannot pass}; a case that passes
    nevertheless fails. @pending: what the module has yet to learn. @stack: it is about
    others in the IP stack, whom packets of the fast path do not meet (FAST=1).
    """
    def note(function):
        CASES.append({"ids": ids, "run": function, "name": function.__name__,
                      "text": " ".join(function.__doc__.split()),
                      "file": function.__module__ + ".py", "kinds": kinds.split(), "mig": mig,
                      "deviates": deviates or {}, "pending": pending, "stack": stack})
        return function
    return note


def runs():
    """(case, kind, across a migration) of all that are to be run now."""
    for c in CASES:
        for kind in c["kinds"]:
            if kind not in KINDS or c["pending"] or (c["stack"] and os.environ.get("FAST")):
                continue
            yield c, kind, False
            if c["mig"]:
                yield c, kind, True
