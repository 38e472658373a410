# SPDX-License-Identifier: GPL-2.0
"""How a case is declared, and what is known of those that cannot pass."""

# Kinds that are tested, and those that the module has yet to learn.
KINDS = ["address", "port", "block"]
LATER = []

CASES = []


def case(*ids, kinds="address port block", mig=False, deviates=None, pending=""):
    """@ids: requirements that the function shows, of requirements.tsv. @kinds: of
    mapping, to which they apply. @mig: once more with a migration where the body
    says t.move(). @deviates: {kind: why it cannot pass}; a case that passes
    nevertheless fails. @pending: what the module has yet to learn.
    """
    def note(function):
        CASES.append({"ids": ids, "run": function, "name": function.__name__,
                      "text": " ".join(function.__doc__.split()),
                      "file": function.__module__ + ".py", "kinds": kinds.split(), "mig": mig,
                      "deviates": deviates or {}, "pending": pending})
        return function
    return note


def runs():
    """(case, kind, across a migration) of all that are to be run now."""
    for c in CASES:
        for kind in c["kinds"]:
            if kind not in KINDS or c["pending"]:
                continue
            yield c, kind, False
            if c["mig"]:
                yield c, kind, True
