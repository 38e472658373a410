# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What scenarios ask roamnat: the kernel's mappings, the controller's records,
# counters. After lib.sh.

# route_pool GW: the whole pool goes to that gateway, as an aggregate would.
route_pool() { quiet ip -n net route replace "$PUBLIC_POOL" via "$(out_addr "$1")"; }

# mapping GW PRIVATE [ZONE]: the kernel's mapping as one JSON object, or nothing.
mapping() { knatctl "$1" -j mapping show private "$2" zone "${3:-1}" 2>/dev/null | jq -c '.[0] // empty'; }
# record PRIVATE [ZONE]: the controller's record of it.
record() { controller -j mapping show private "$1" zone "${2:-1}" 2>/dev/null | jq -c '.[0] // empty'; }
controller() { natctl controller "$@"; }
# get FIELD JSON
get() { [ -z "$2" ] || jq -r ".$1 // empty" <<<"$2"; }

translates() { [ "$(get state "$(mapping "$@")")" = active ] && [ "$(get suspended "$(mapping "$@")")" != true ]; }
translates_not() { ! translates "$@"; }
no_mapping() { [ -z "$(mapping "$@")" ]; }
# owned_by GW PRIVATE [ZONE]
owned_by() { [ "$(get owner "$(record "${@:2}")")" = "$1" ] && [ "$(get state "$(record "${@:2}")")" = granted ]; }
record_state() { [ "$(get state "$(record "${@:2}")")" = "$1" ]; }
public_of() { get public "$(record "$@")"; }

# counter GW NAME: of the module; daemon_counter GW|controller NAME.
counter() { knatctl "$1" -j stats show | jq -r --arg n "$2" '[.[] | select(.name == $n) | .value] | add // 0'; }
daemon_counter() {
	natctl "$1" -j stats daemon |
		jq -r --arg n "$2" '[.[] | select(.name == $n) | .value] | add // 0'
}
counter_over() { [ "$(counter "$1" "$2")" -gt "$3" ]; }

# migrate PRIVATE GW [ZONE] [ARG...]: as the orchestrator says it.
migrate() { controller migrate "$1" zone "${3:-1}" to "$2" "${@:4}"; }
# settled GW PRIVATE [ZONE]: record and kernel agree that GW has it, and nobody else.
settled() {
	local gw
	owned_by "$@" && translates "$@" || return 1
	for gw in "${!GW_NUMBER[@]}"; do
		[ "$gw" = "$1" ] || no_mapping "$gw" "${@:2}" || return 1
	done
}

# never_both: the kernels' own witness of B1. At no time did two gateways
# translate for one public side: the intervals of first and last translation do
# not overlap. Call it while both mappings can still be seen, with the JSON of
# the source's mapping kept from before.
intervals_disjoint() { # OLD_JSON NEW_JSON
	[ "$(get last_translated_ns "$1")" -lt "$(get first_translated_ns "$2")" ]
}

# The witness of B1 on the wire: what leaves a gateway outside with a public
# address as source. watch_wire [GW...] starts it, again after a gateway's
# namespace was made anew.
WIRES=()
watch_wire() {
	local gw label
	[ $# -gt 0 ] || set -- "${!GW_NUMBER[@]}"
	for gw; do
		label=wire-$gw-${#WIRES[@]}
		capture "$label" "$gw" out0 -Q out "ip and src net $PUBLIC_POOL"
		WIRES+=("$gw=$LOGS/$label.pcap")
	done
}
# reboot_gateway GW: its agent dies without a word, with all its kernel knew.
# Start what is to run there afterwards: watch_wire GW, start_agent GW.
reboot_gateway() {
	local label
	daemon_dead "$1" || kill9 "$1"
	for label in "${!CAPTURE_PID[@]}"; do
		[[ $label != wire-$1-* ]] || capture_stop "$label"
	done
	gateway_gone "$1"
	gateway_back "$1"
}
# one_owner_on_wire ADDR...: each packet left the gateway that owned the address
# at that moment, as the controller's audit has it. Fails if there was none.
one_owner_on_wire() {
	local addr
	: >"$LOGS/audit.json"
	for addr; do controller -j audit "$addr" >>"$LOGS/audit.json" || return; done
	"$NET_DIR/wire.py" "$LOGS/audit.json" "${WIRES[@]}"
}
# never_both_on_wire [ADDR...]: the check of that; all addresses that were ever
# granted if none is named. What it found is shown.
never_both_on_wire() {
	local rc=0
	# shellcheck disable=SC2046
	[ $# -gt 0 ] || set -- $(controller -j mapping show | jq -r '[.[].public] | unique[]')
	one_owner_on_wire "$@" >"$RUN/wire" 2>&1 || rc=$?
	sed 's/^/# wire: /' "$RUN/wire"
	expect "B1 on the wire no address was translated by any but its owner" [ $rc = 0 ]
}

on_failure() {
	local gw
	for gw in "${!GW_NUMBER[@]}"; do
		knatctl "$gw" -d mapping show 2>&1 | head -n 10 | sed "s/^/#   $gw: /"
	done
	controller -d mapping show 2>&1 | head -n 10 | sed 's/^/#   controller: /'
}
