# SPDX-License-Identifier: GPL-2.0
# Included by the top Makefile.
#   make model              the model of the ownership protocol, and its mutants
#   make model MODEL=P4     only what has that in its name
.PHONY: model
model:
	nice -n 10 tests/model/run.sh $(MODEL)
