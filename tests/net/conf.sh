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
CONTROLLER_PORT=7443
PEER_PORT=7444
# Made on the host before the guest starts (pki.sh); a guest that finds none
# makes its own.
PKI=${PKI:-$TOP/build/pki}
BIN=${BIN:-$TOP/build/bin}

# conf_identity NAME: URI SAN of gw1, gw2, controller, …
conf_identity() { echo "urn:roamnat:$1"; }

conf_tls() { # NAME
	cat <<-END
		[tls]
		ca=$PKI/ca.pem
		certificate=$PKI/$1.pem
		key=$PKI/$1.key
	END
}

# conf_controller: the controller's file.
conf_controller() {
	local gw
	cat <<-END
		[controller]
		listen=$(ctl_addr ctl):$CONTROLLER_PORT
		control=$RUN/controller/control.sock
		store=$RUN/controller/store.db
		report-from=${REPORT_FROM:-source}
		quarantine=$QUARANTINE

		$(conf_tls controller)

		[pool main]
		kind=$KIND
		prefixes=$PUBLIC_POOL
	END
	for gw in $(printf '%s\n' "${!GW_NUMBER[@]}" | sort); do
		cat <<-END

			[gateway $gw]
			number=${GW_NUMBER[$gw]}
			identity=$(conf_identity "$gw")
			endpoint=$(ctl_addr "$gw"):$PEER_PORT
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
		control=$RUN/$1/control.sock
		report-from=${REPORT_FROM:-source}

		[controller]
		endpoint=$(ctl_addr ctl):$CONTROLLER_PORT
		identity=$(conf_identity controller)

		$(conf_tls "$1")
	END
	for t in $(seq "$TENANTS"); do
		cat <<-END

			[inside in$((t - 1))]
			prefixes=10.0.0.0/24
			zone=$t
			kind=$KIND
			idle=$IDLE
			mark=$t/0xff
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
conf_ready() { [ -S "$RUN/$1/control.sock" ]; }

# conf_connected GW: the agent is registered with the controller.
conf_connected() { natctl "$1" gateway show -j 2>/dev/null | grep -q '"up"'; }

# natctl controller|GW ARG...: asks that daemon, in its namespace.
natctl() {
	local who=$1 ns=$1
	shift
	[ "$who" != controller ] || ns=ctl
	ip netns exec "$ns" "$BIN/natctl" --socket "$RUN/$who/control.sock" "$@"
}
