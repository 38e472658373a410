#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The story of the README with real packets, in one guest: two sites, one
# controller, one server on the internet, one VM that moves. At the end a table
# says which of the requirements S1 to S16 were seen.
# shows: S1 S2 S3 S4 S5 S6 S7 S8 S9 S10 S11 S12 S13 S14 S15 S16
. "$(dirname "$0")/../net/lib.sh"
. "$NET_DIR/nat.sh"

# ---- telling ----
declare -A SEEN
REQUIREMENTS=(
	"S1  the first packet makes the gateway ask, with the private address"
	"S2  the controller allocates, records the owner, answers"
	"S3  the first packet and all later ones are translated, without asking again"
	"S4  address mappings, and mappings of address and port"
	"S5  one mapping belongs to one VM"
	"S6  idle timer: traffic resets it; when it runs out, release is asked for"
	"S7  the timer moves with the mapping"
	"S8  causes of a migration: operator, dead site, overload"
	"S9  the mapping leaves the source and arrives at the destination"
	"S10 one gateway reports: the source, or the destination, as configured"
	"S11 the controller verifies with the other gateway"
	"S12 only then the owner changes"
	"S13 a release is granted to the recorded owner only, then the entry goes"
	"S14 anyone else's release is refused, counted, logged; nothing changes"
	"S15 a migration beyond the plan needs somebody's word"
	"S16 gateways act; the controller is another machine"
)
bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
[ -t 1 ] || [ -n "${RIG_COLOR:-}" ] || bold= green= red= plain=

chapter() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
tell() { printf '   %s\n' "$*"; }
# show WHERE CMD...: a command as an administrator would type it there.
show() {
	local where=$1
	shift
	printf '%s# natctl %s%s\n' "$where" "$*" ""
	if [ "$where" = controller ]; then natctl controller "$@"; else knatctl "$where" "$@"; fi 2>&1 |
		sed 's/^/     /'
}
# seen "S1 S2" TEXT CMD...: what was claimed holds, by packets or by state.
seen() {
	local which=$1 text=$2 s out
	shift 2
	if out=$("$@" 2>&1); then
		printf '   %s[ok]%s %s (%s)\n' "$green" "$plain" "$text" "$which"
		passed=$((passed + 1))
		for s in $which; do SEEN[$s]=${SEEN[$s]:-yes}; done
	else
		printf '   %s[NOT SEEN]%s %s (%s)\n' "$red" "$plain" "$text" "$which"
		printf '%s\n' "$out" | tail -n 5 | sed 's/^/     /'
		failed=$((failed + 1))
		for s in $which; do SEEN[$s]=no; done
	fi
}
same() { [ "$1" = "$2" ] || { echo "wanted $1, got $2"; return 1; }; }
between() { [ "$3" -ge "$1" ] && [ "$3" -le "$2" ] || { echo "wanted $1..$2, got $3"; return 1; }; }
has() { grep -qE "$1" <<<"$2" || { echo "no $1 in: $2"; return 1; }; }
fails_saying() { # REGEX CMD...
	local regex=$1 out
	shift
	if out=$("$@" 2>&1); then echo "it was granted: $out"; return 1; fi
	has "$regex" "$out"
}
last_audit() { controller -j audit "$1" | jq -r --arg w "$2" "[.[] | select(.what == \$w)] | last | .$3"; }

cat <<'END'

          site 1                                         the internet
    ┌─────────────────┐   ┌──────────────┐
    │ vm1  10.0.0.5   ├───┤ gw1          ├───┐      ┌─────────────┐
    │ vm2  10.0.0.6   │   │ roamnat.ko   │   ├──────┤ srv         │
    │ vm3  10.0.0.7   │   │ roamnat-agent│   │      │ 192.0.2.2   │
    └────────┬────────┘   └──────┬───────┘   │      └─────────────┘
             ┊ vm1 moves         │ TLS       │  public pool
             ▽             ┌─────┴──────┐    │  203.0.113.0/24
          site 2           │ controller │    │
    ┌─────────────────┐    └─────┬──────┘    │
    │                 │   ┌──────┴───────┐   │
    │                 ├───┤ gw2          ├───┘
    └─────────────────┘   └──────────────┘

END

IDLE=60s QUARANTINE=60s
# One address that becomes idle while somebody watches.
AGENT_EXTRA="[inside quick]
interface=in0
prefix=10.0.0.8/32
zone=1
idle-timeout=15s"
topology --vms 3 --no-offload >/dev/null
GATEWAY_EXTRA[gw1]=overload=4
GATEWAY_EXTRA[gw2]=planned=2
watch_events() { exec ip netns exec ctl "$BIN/natctl" -S "unix:$RUN/controller/control.sock" -j monitor >"$RUN/events" 2>/dev/null; }
quick() { ping_from "$@" >/dev/null; }
REPORT_FROM=source
start_all >/dev/null
route_pool gw1
start_server srv
capture out1 gw1 out0 "not arp"
capture out2 gw2 out0 "not arp"
capture control ctl ctl0 "tcp port $CONTROLLER_PORT"
watch_events &
monitor=$!

chapter "1. The first packet"
tell "vm1 pings srv. Nobody has told anybody about vm1 yet."
seen "S1 S3" "the first packet is answered" ping_from vm1 $SRV 1
public=$(public_of 10.0.0.5)
show gw1 -d mapping show
show controller mapping show
seen "S1" "gw1 asked once" same 1 "$(counter gw1 upcalls)"
seen "S2" "the controller recorded gw1 as owner" owned_by gw1 10.0.0.5
seen "S3 S4" "srv sees the public address and the VM's own port" same "$public:5555 hello" "$(ask_udp vm1 $SRV hello 5555)"
seen "S3" "nothing more was asked" same 1 "$(counter gw1 upcalls)"
seen "S16" "gw1 translated, gw2 has no part in it" saw_none out2 "host $public"
seen "S16" "gateway and controller spoke over their own network" saw control "host $(ctl_addr gw1)"
seen "S5" "vm2 gets an address of its own" ping_from vm2 $SRV 1
seen "S5" "two VMs, two mappings" same 2 "$(controller -j mapping show | jq '[.[].public] | unique | length')"

# vm2 stays in use, so that it is there when its turn comes.
ip netns exec vm2 ping -n -q -i 5 $SRV >/dev/null 2>&1 &
busy=$!

chapter "2. vm1 moves to site 2 while it downloads a file (report-from=source)"
fetch_start file vm1 $SRV 600000 100000
wait_for 20 fetched_over file 100000
printf 'controller# natctl migrate 10.0.0.5 zone 1 to gw2\n'
seen "S8 S9" "the operator's order is carried out" migrate 10.0.0.5 gw2
move_vm vm1 2 >/dev/null
route_public "$public" gw2
seen "S9" "gw1 has it no more" no_mapping gw1 10.0.0.5
seen "S9" "gw2 translates it" translates gw2 10.0.0.5
seen "S12" "the recorded owner is gw2, the epoch is 2" has '"epoch":2' "$(record 10.0.0.5)"
seen "S10 S11" "gw1 reported, gw2 confirmed" same gw2 "$(last_audit "$public" moved verified_by)"
seen "S9" "the download ends over the same connection, every byte right" fetch_wait file
seen "S9" "gw2 sent packets with vm1's public address" saw out2 "src $public and tcp"
show controller audit "$public"

chapter "3. A forged release"
id=$(get id "$(record 10.0.0.5)")
refused=$(daemon_counter controller refused)
stop_daemon gw1 >/dev/null
tell "gw1's certificate says: release $public."
answer=$(forge gw1 controller rel "id=$id" epoch=2 private=10.0.0.5 zone=1)
grep -E '^deny|^DENY' <<<"$answer" | sed 's/^/     /'
seen "S14" "refused" has '^(deny|DENY) code not-owner' "$answer"
seen "S14" "counted" [ "$(daemon_counter controller refused)" -gt "$refused" ]
seen "S14" "logged with the gateway's name" log_has controller gw1
seen "S14" "nothing changed" owned_by gw2 10.0.0.5
seen "S14" "vm1 still reaches srv" ping_from vm1 $SRV 1
start_agent gw1 >/dev/null
wait_for 20 conf_connected gw1

chapter "4. The timer moves with the mapping, back to site 1 (report-from=destination)"
for who in gw1 gw2 controller; do stop_daemon $who; done >/dev/null
REPORT_FROM=destination
start_controller >/dev/null
start_agent gw1 >/dev/null
start_agent gw2 >/dev/null
wait_for 20 conf_connected gw1
wait_for 20 conf_connected gw2
elapsed_over() { [ "$(get elapsed_ms "$(mapping gw2 10.0.0.5)")" -gt "$1" ]; }
wait_for 20 elapsed_over 5000
old=$(mapping gw2 10.0.0.5)
show gw2 mapping show private 10.0.0.5
printf 'controller# natctl migrate 10.0.0.5 zone 1 to gw1\n'
seen "S8 S9" "the order is carried out" migrate 10.0.0.5 gw1
new=$(mapping gw1 10.0.0.5)
show gw1 mapping show private 10.0.0.5
seen "S7" "the preset is the same" same "$(get preset_ms "$old")" "$(get preset_ms "$new")"
seen "S7" "the elapsed time went on from where it stood" between "$(get elapsed_ms "$old")" \
	$(($(get elapsed_ms "$old") + 10000)) "$(get elapsed_ms "$new")"
seen "S10 S11" "this time gw1, the destination, reported, and gw2 confirmed" \
	same gw2 "$(last_audit "$public" moved verified_by)"
seen "S12" "the recorded owner is gw1" owned_by gw1 10.0.0.5
move_vm vm1 1 >/dev/null
route_public "$public" gw1
seen "S7" "a packet" ping_from vm1 $SRV 1
seen "S7" "resets it" between 0 5000 "$(get elapsed_ms "$(mapping gw1 10.0.0.5)")"

chapter "5. Plan and overload"
tell "gw2 is planned for 2 mappings; gw1 is overloaded from 4 on."
wait $monitor 2>/dev/null
watch_events &
monitor=$!
listening_events() { [ -s "$RUN/events" ] || grep -q . "/proc/$monitor/cmdline"; }
wait_for 5 listening_events
quick vm3 $SRV 1
quiet ip -n vm3 addr add 10.0.0.8/24 dev eth0
ns vm3 ping -n -q -c 1 -W 5 -I 10.0.0.8 $SRV >/dev/null
seen "S8" "an event says that gw1 is overloaded" wait_for 5 grep -q '"overload"' "$RUN/events"
seen "S8" "the orchestrator moves 10.0.0.8 away" migrate 10.0.0.8 gw2 1 cause overload
seen "S8" "and 10.0.0.7" migrate 10.0.0.7 gw2 1 cause overload
waited=$(public_of 10.0.0.8)
printf 'controller# natctl migrate 10.0.0.6 zone 1 to gw2\n'
answer=$(migrate 10.0.0.6 gw2 2>&1)
printf '%s\n' "$answer" | sed 's/^/     /'
seen "S15" "a third is refused: it was not planned" has 'plan' "$answer"
seen "S15" "it moves when somebody says so" migrate 10.0.0.6 gw2 1 force reason "site 1 is shut down"
seen "S9" "and back, since site 1 stays after all" migrate 10.0.0.6 gw1
show controller gateway show

chapter "6. Idle"
tell "10.0.0.8 has an idle timeout of 15 s, and nobody uses it any more."
idle_gone() { no_mapping gw2 10.0.0.8; }
seen "S6" "its timer runs out, gw2 asks for release, the entry goes" wait_for 40 idle_gone
seen "S6 S13" "the controller granted it to the recorded owner" record_state quarantine 10.0.0.8
seen "S13" "the audit says who asked" same gw2 "$(last_audit "$waited" released from)"
show controller pool show

chapter "7. A dead site"
printf 'controller# natctl takeover private 10.0.0.5 zone 1 to gw2\n'
gateway_off gw1 | sed 's/^# /   /'
answer=$(controller takeover private 10.0.0.5 zone 1 to gw2 2>&1)
seen "S8" "refused without fencing: gw1 may still be translating" has 'fence' "$answer"
printf '%s\n' "$answer" | sed 's/^/     /'
seen "S12" "it still belongs to gw1" same gw1 "$(get owner "$(record 10.0.0.5)")"
printf 'controller# natctl takeover private 10.0.0.5 zone 1 to gw2 fenced reason "power is off"\n'
seen "S8" "with fencing it is taken over" controller takeover private 10.0.0.5 zone 1 to gw2 fenced reason "power is off"
move_vm vm1 2 >/dev/null
route_public "$public" gw2
seen "S8" "vm1 goes on at its public address" same "$public" "$(seen_as tcp vm1 $SRV)"

chapter "8. Address and port"
for who in gw1 gw2 controller; do stop_daemon $who; done >/dev/null
gateway_on gw1 | sed 's/^# /   /'
KIND=port
CONTROLLER_EXTRA="[pool ports]
kind=port
prefix=198.18.0.0/29"
PUBLIC_POOL=203.0.113.0/24
KIND=address
start_controller >/dev/null
KIND=port
start_agent gw1 >/dev/null
wait_for 30 conf_connected gw1
quiet ip -n net route replace 198.18.0.0/29 via "$(out_addr gw1)"
answer=$(ask_udp vm2 $SRV hello 7777)
move_vm vm3 1 >/dev/null
tell "vm2, port 7777, is seen as $answer"
show gw1 mapping show
seen "S4" "a mapping of address and port" has '^198\.18\.0\.[0-7]:[0-9]+ hello' "$answer"

kill $monitor $busy 2>/dev/null
chapter "What was shown"
missing=0
for line in "${REQUIREMENTS[@]}"; do
	s=${line%% *}
	if [ "${SEEN[$s]:-no}" = yes ]; then word="${green}shown${plain}    "; else word="${red}NOT SHOWN${plain}"; missing=$((missing + 1)); fi
	printf '   %s  %s\n' "$word" "$line"
done
printf '\n   packets that the module dropped at gw2, and why:\n'
knatctl gw2 stats show --explain | sed 's/^/     /'
[ $missing = 0 ] || bail "$missing requirements were not shown"
