# SPDX-License-Identifier: GPL-2.0
# make bench-wall [PATHS=regex] [ROUNDS=25] [BIG=1000000]: included by tests/tests.mk. What a
# packet takes by the host's clock, in User-mode Linux; build/bench/wall.json. Its kernel is
# built once (tests/debug/kernel.sh), a quarter of an hour on two idle cores.
.PHONY: bench-wall
bench-wall: $(BUILD)/bin/mapload
	$(Q)tests/bench/wall/run.sh
