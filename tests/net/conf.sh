# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The only place of the rig that knows the daemons' configuration, their
# command lines, and the names in certificates.
#
# Scenarios change it by variables before they start a daemon:
#   REPORT_FROM   source or destination (the runner sets it)
#   IDLE          idle timeout of new mappings, QUARANTINE, KIND (address, port)
#   CONTROLLER_EXTRA, AGENT_EXTRA   more lines, put at the end of the file

: "${IDLE:=60s}" "${QUARANTINE:=120s}" "${KIND:=address}"
CONTROLLER_EXTRA= AGENT_EXTRA=
declare -A GATEWAY_EXTRA	# lines for a gateway's group in the controller's file
CONTROLLER_PORT=7413
PEER_PORT=7414
# Made on the host before the guest starts (pki.sh); a guest that finds none
# makes its own.
PKI=${PKI:-$TOP/build/pki}
BIN=${BIN:-$TOP/build/bin}

# conf_identity NAME: URI SAN of gw1, gw2, controller, …
conf_identity() {
	case $1 in
	controller) echo spiffe://roamnat.example/controller ;;
	*) echo "spiffe://roamnat.example/gw/$1" ;;
	esac
}

conf_socket() { echo "$RUN/$1/control.sock"; }

conf_tls() { # NAME
	cat <<-END
		[tls]
		ca=$PKI/ca.pem
		cert=$PKI/$1.pem
		key=$PKI/$1.key
	END
}

# conf_controller: the controller's file.
conf_controller() {
	local gw
	cat <<-END
		[controller]
		listen=$(ctl_addr ctl):$CONTROLLER_PORT
		control-socket=$(conf_socket controller)
		store=$RUN/controller/store.db
		report-from=${REPORT_FROM:-source}
		quarantine=$QUARANTINE

		$(conf_tls controller)

		[pool main]
		kind=$KIND
		prefix=$PUBLIC_POOL
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

# conf_agent GW: an agent's file.
conf_agent() {
	local t
	cat <<-END
		[agent]
		name=$1
		listen=$(ctl_addr "$1"):$PEER_PORT
		control-socket=$(conf_socket "$1")
		report-from=${REPORT_FROM:-source}

		[controller]
		endpoint=$(ctl_addr ctl):$CONTROLLER_PORT
		identity=$(conf_identity controller)

		$(conf_tls "$1")
	END
	for t in $(seq "$TENANTS"); do
		cat <<-END

			[inside in$((t - 1))]
			interface=in$((t - 1))
			prefix=10.0.0.0/24
			zone=$t
			kind=$KIND
			idle-timeout=$IDLE
			mark=$t
			mark-mask=0xff
		END
	done
	printf '%s\n' "$AGENT_EXTRA"
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
conf_ready() { [ -S "$(conf_socket "$1")" ]; }

# conf_connected GW: the agent has reconciled with the controller.
conf_connected() { [ "$(natctl "$1" -j status 2>/dev/null | jq -r '.[] | select(.part == "agent") | .session')" = up ]; }

# natctl controller|GW ARG...: in that namespace, with its daemon's socket.
natctl() {
	local ns=$1 agent
	agent=$(conf_socket "$1")
	if [ "$1" = controller ]; then ns=ctl agent=$RUN/none; fi
	shift
	ROAMNAT_CONTROLLER_SOCKET=$(conf_socket controller) ROAMNAT_AGENT_SOCKET=$agent \
		ip netns exec "$ns" "$BIN/natctl" "$@"
}
