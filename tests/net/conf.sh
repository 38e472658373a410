# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The only place of the rig that knows the daemons' configuration, their
# command lines, and the names in certificates.
#
# Scenarios change it by variables before they start a daemon:
#   REPORT_FROM   source or destination (the runner sets it)
#   IDLE          idle timeout of new mappings; QUARANTINE
#   KIND          address, port or block
#   POOL_EXTRA    lines for the pool
#   GATEWAY_EXTRA[NAME]   lines for [gateway NAME] of the controller, e.g. planned=10
#   FAST          yes: the interfaces have the fast path; for a whole run, RIG_ENV=FAST
#   FORWARD       yes: late packets go by the devices of tunnel
#   CONTROLLER_EXTRA, AGENT_EXTRA   lines put at the end of the file
#   STORE         the controller's database

: "${IDLE:=60s}" "${QUARANTINE:=120s}" "${KIND:=address}"
CONTROLLER_EXTRA= AGENT_EXTRA= POOL_EXTRA= FORWARD=
declare -A GATEWAY_EXTRA
CONTROLLER_PORT=7413
PEER_PORT=7414
# Made on the host before the guest starts (pki.sh); a guest that finds none
# makes its own.
PKI=${PKI:-$TOP/build/pki}
BIN=${BIN:-$TOP/build/bin}
STORE=${STORE:-$RUN/controller/store.db}

# conf_identity NAME: URI SAN of controller, gw1, gw2, …
conf_identity() {
	if [ "$1" = controller ]; then
		echo spiffe://roamnat.example/controller
	else
		echo "spiffe://roamnat.example/gw/$1"
	fi
}

conf_tls() { # NAME
	cat <<-END
		[tls]
		ca=$PKI/ca.pem
		cert=$PKI/$1.pem
		key=$PKI/$1.key
		crl=$PKI/crl.pem
	END
}

# conf_controller: the controller's file.
conf_controller() {
	local gw
	cat <<-END
		[controller]
		listen=$(ctl_addr ctl):$CONTROLLER_PORT
		control-socket=$RUN/controller/control.sock
		store=$STORE
		report-from=${REPORT_FROM:-source}
		quarantine=$QUARANTINE

		$(conf_tls controller)

		[pool main]
		kind=$KIND
		prefix=$PUBLIC_POOL
		$POOL_EXTRA
	END
	for gw in $(printf '%s\n' "${!GW_NUMBER[@]}" | sort); do
		cat <<-END

			[gateway $gw]
			identity=$(conf_identity "$gw")
			endpoint=$(ctl_addr "$gw"):$PEER_PORT
			${GATEWAY_EXTRA[$gw]:-}
		END
	done
	printf '%s\n' "$CONTROLLER_EXTRA"
}

# conf_agent GW: an agent's file. Zone N is tenant N; its packets get mark N
# from outside to inside if there are several.
conf_agent() {
	local t
	cat <<-END
		[agent]
		name=$1
		listen=$(ctl_addr "$1"):$PEER_PORT
		control-socket=$RUN/$1/control.sock
		report-from=${REPORT_FROM:-source}

		[controller]
		endpoint=$(ctl_addr ctl):$CONTROLLER_PORT
		identity=$(conf_identity controller)

		$(conf_tls "$1")
	END
	for t in $(seq "$TENANTS"); do
		cat <<-END

			[inside tenant$t]
			interface=in$((t - 1))
			prefix=10.0.0.0/24
			zone=$t
			kind=$KIND
			idle-timeout=$IDLE
		END
		if [ "$TENANTS" -gt 1 ]; then printf 'mark=%s\nmark-mask=255\n' "$t"; fi
	done
	for t in $([ -z "$FORWARD" ] || printf '%s\n' "${!GW_NUMBER[@]}" | sort); do
		[ "$t" = "$1" ] || printf '\n[forward %s]\ngateway=%s\ndevice=to-%s\n' "$t" "$t" "$t"
	done
	printf '%s\n' "$AGENT_EXTRA"
	# Behind that, which may go on with the section before.
	if [ -n "${FAST:-}" ]; then
		printf '\n[fast]\ninterface=%s\n' "$(ip -n "$1" -br link | sed 's/[@ ].*//' |
			grep -E '^(in|out)[0-9]' | tr '\n' ';')"
	fi
}

# conf_command controller|GW CONFIG: the words of the command.
conf_command() {
	if [ "$1" = controller ]; then
		echo "$BIN/roamnat-controller --config $2"
	else
		echo "$BIN/roamnat-agent --config $2"
	fi
}

# conf_ready controller|GW: succeeds when the daemon serves its socket.
conf_ready() { [ -S "$RUN/$1/control.sock" ]; }

# conf_connected GW: the agent's session with the controller is up.
conf_connected() {
	natctl "$1" -j status 2>/dev/null |
		jq -e '.[] | select(.part == "agent" or .daemon == "agent") | .session == "up"' >/dev/null
}

# natctl controller|GW ARG...: asks that daemon, in its namespace.
natctl() {
	local who=$1 ns=$1
	shift
	[ "$who" != controller ] || ns=ctl
	ip netns exec "$ns" "$BIN/natctl" --server "unix:$RUN/$who/control.sock" "$@"
}
# knatctl GW ARG...: asks the kernel of that gateway.
knatctl() { ip netns exec "$1" "$BIN/natctl" "${@:2}"; }

# forge GW PEER TYPE [FIELD=VALUE...]: says one message to PEER (controller or a
# gateway) from GW's namespace with GW's certificate. FORGE_CERT: another one.
forge() {
	local gw=$1 peer=$2 to
	shift 2
	if [ "$peer" = controller ]; then to=$(ctl_addr ctl):$CONTROLLER_PORT; else to=$(ctl_addr "$peer"):$PEER_PORT; fi
	ip netns exec "$gw" "$BIN/forge" --ca "$PKI/ca.pem" --cert "$PKI/${FORGE_CERT:-$gw}.pem" \
		--key "$PKI/${FORGE_CERT:-$gw}.key" --to "$to" --identity "$(conf_identity "$peer")" \
		--name "$gw" --mode "${REPORT_FROM:-source}" "$@"
}
