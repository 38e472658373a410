# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Starts, stops and kills controller and agents. What they are called and how
# they are configured is in conf.sh.

declare -A DAEMON_PID

# load_module [PARAM...]: the module built for this kernel.
load_module() {
	local ko=$TOP/build/kmod-$KERNEL/roamnat.ko dep
	[ -e "$ko" ] || bail "there is no $ko: make module"
	[ ! -d /sys/module/roamnat ] || return 0
	for dep in $(modinfo -F depends "$ko" | tr , ' '); do must modprobe "$dep"; done
	must insmod "$ko" "$@"
}
# The module may be in use for a moment after a namespace went.
unload_module() { [ ! -d /sys/module/roamnat ] || wait_for 10 rmmod roamnat; }
module_loaded() { [ -d /sys/module/roamnat ]; }

daemon_ns() { if [ "$1" = controller ]; then echo ctl; else echo "$1"; fi; }
daemon_alive() { [ -n "${DAEMON_PID[$1]:-}" ] && kill -0 "${DAEMON_PID[$1]}" 2>/dev/null; }
daemon_dead() { ! daemon_alive "$1"; }
daemon_ready_or_dead() { conf_ready "$1" || daemon_dead "$1"; }

# start_daemon NAME: with the configuration in $RUN/NAME.conf; waits until it
# is ready. Its log is $LOGS/NAME.log; it is added to when it starts again.
start_daemon() {
	local name=$1 command
	daemon_dead "$name" || bail "$name runs already"
	mkdir -p "$RUN/$name"
	rm -f "$RUN/$name/control.sock"
	command=$(conf_command "$name" "$RUN/$name.conf")
	say "$name starts: $command"
	# shellcheck disable=SC2086
	ip netns exec "$(daemon_ns "$name")" $command >>"$LOGS/$name.log" 2>&1 </dev/null &
	DAEMON_PID[$name]=$!
	if ! wait_for 30 daemon_ready_or_dead "$name" || daemon_dead "$name"; then
		tail -n 20 "$LOGS/$name.log" | sed 's/^/#   /'
		bail "$name does not start"
	fi
}

# start_controller, start_agent GW: write the configuration and start.
start_controller() {
	pki_ready
	conf_controller >"$RUN/controller.conf"
	cp "$RUN/controller.conf" "$LOGS/"
	start_daemon controller
}
start_agent() {
	pki_ready
	conf_agent "$1" >"$RUN/$1.conf"
	cp "$RUN/$1.conf" "$LOGS/"
	start_daemon "$1"
}
# start_all: module, controller, one agent for each gateway, all connected.
start_all() {
	local gw
	load_module
	start_controller
	for gw in $(printf '%s\n' "${!GW_NUMBER[@]}" | sort); do start_agent "$gw"; done
	for gw in "${!GW_NUMBER[@]}"; do
		wait_for 30 conf_connected "$gw" || bail "$gw does not connect: see $LOGS/$gw.log"
	done
}

# stop_daemon NAME: SIGTERM; fails if it does not end with 0 within 10 s.
stop_daemon() {
	local rc=0
	[ -n "${DAEMON_PID[$1]:-}" ] || return 0
	kill -TERM "${DAEMON_PID[$1]}" 2>/dev/null
	if ! wait_for 10 daemon_dead "$1"; then
		say "$1 does not end by SIGTERM"
		kill -9 "${DAEMON_PID[$1]}"
	fi
	wait "${DAEMON_PID[$1]}" 2>/dev/null || rc=$?
	unset "DAEMON_PID[$1]"
	say "$1 stopped (code $rc)"
	return $rc
}
# kill9 NAME: no good-bye.
kill9() {
	[ -n "${DAEMON_PID[$1]:-}" ] || bail "$1 does not run"
	kill -9 "${DAEMON_PID[$1]}" 2>/dev/null
	wait "${DAEMON_PID[$1]}" 2>/dev/null
	unset "DAEMON_PID[$1]"
	say "$1 was killed (-9)"
}
# pause_daemon NAME: it stops where it is; resume_daemon NAME: it goes on there.
pause_daemon() { kill -STOP "${DAEMON_PID[$1]}" && say "$1 is paused"; }
resume_daemon() { kill -CONT "${DAEMON_PID[$1]}" && say "$1 goes on"; }
# reload_daemon NAME: SIGHUP.
reload_daemon() { kill -HUP "${DAEMON_PID[$1]}"; }
# log_has NAME REGEX
log_has() { grep -qE -- "$2" "$LOGS/$1.log"; }

# Daemons first get the chance to end by themselves, so that leak checkers and
# coverage can report.
daemons_cleanup() {
	local name
	for name in "${!DAEMON_PID[@]}"; do
		kill -CONT "${DAEMON_PID[$name]}" 2>/dev/null
		stop_daemon "$name" >/dev/null
	done
}

pki_ready() {
	[ -e "$PKI/done" ] && return
	PKI=/run/rig-pki
	[ -e $PKI/done ] || quiet "$NET_DIR/pki.sh" $PKI
}
