# SPDX-License-Identifier: GPL-2.0
# bash completion for natctl(8)

_natctl_selector='public private zone block proto gateway pool state id epoch'

# The words that may follow what was typed so far.
_natctl_words() { # OBJECT COMMAND
	case $1/$2 in
	/*) echo 'mapping binding migrate takeover evacuate drain undrain gateway pool route stats why monitor status audit store config pki version help' ;;
	mapping/) echo 'show list del release help' ;;
	mapping/*) echo "$_natctl_selector" ;;
	binding/) echo 'show list help' ;;
	binding/*) echo 'public private zone block proto state id' ;;
	migrate/*) echo 'cancel private zone to cause force reason operator overload' ;;
	takeover/*) echo 'private gateway zone to fenced force reason' ;;
	evacuate/) echo 'show list cancel help'; _natctl_names gateway ;;
	evacuate/*) echo 'to in-flight force reason' ;;
	drain/ | undrain/) _natctl_names gateway ;;
	drain/* | undrain/*) echo 'reason' ;;
	gateway/) echo 'show list fence help' ;;
	gateway/fence) echo 'reason' ;;
	pool/ | route/) echo 'show list help' ;;
	why/*) echo 'to dev help' ;;
	stats/) echo 'show daemon help' ;;
	stats/daemon) echo 'agent controller' ;;
	monitor/) echo 'all kernel agent controller help' ;;
	status/) echo 'show help' ;;
	audit/*) echo 'private zone gateway proto at since until' ;;
	store/) echo 'backup help' ;;
	config/) echo 'show check help' ;;
	config/show) echo 'agent controller kernel' ;;
	pki/) echo 'init controller gateway revoke show help' ;;
	pki/*) echo 'dir domain days' ;;
	esac
}

_natctl_options() { # OBJECT COMMAND
	echo '-j --json -p --pretty -s --stats -d --details -o --oneline -n --no-headers'
	echo '-q --quiet -t --timeout -S --server -V --version -h --help'
	case $1/$2 in
	evacuate/*) echo '--wait --no-wait --dry-run' ;;
	migrate/* | takeover/*) echo '--wait --no-wait' ;;
	stats/* | config/show) echo '--explain' ;;
	mapping/del | mapping/release) echo '--if-exists' ;;
	esac
}

# Gateways and pools are the controller's, and it may not be here.
_natctl_names() { # OBJECT
	natctl -t 1 "$1" show 2>/dev/null | awk '{ print $1 }'
}

_natctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local object='' command='' i word
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-t | -S | --timeout | --server) ((i++)) ;;
		-*) ;;
		*) if [ -z "$object" ]; then object=$word; elif [ -z "$command" ]; then command=$word; fi ;;
		esac
	done
	case $prev in
	-S | --server) mapfile -t COMPREPLY < <(compgen -W "$(printf 'unix:%s\n' /run/roamnat/*.sock)" -- "$cur"); return ;;
	--wait) mapfile -t COMPREPLY < <(compgen -W 'ready done' -- "$cur"); return ;;
	to | gateway | owner | fence | cancel) mapfile -t COMPREPLY < <(compgen -W "$(_natctl_names gateway)" -- "$cur") ;;
	pool) mapfile -t COMPREPLY < <(compgen -W "$(_natctl_names pool)" -- "$cur") ;;
	proto) mapfile -t COMPREPLY < <(compgen -W 'tcp udp icmp' -- "$cur"); return ;;
	state) mapfile -t COMPREPLY < <(compgen -W 'active held moving-out releasing suspended' -- "$cur"); return ;;
	check | dir | init | backup) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	if [ ${#COMPREPLY[@]} -gt 0 ]; then return; fi
	case $cur in
	-*) mapfile -t COMPREPLY < <(compgen -W "$(_natctl_options "$object" "$command")" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(_natctl_words "$object" "$command")" -- "$cur") ;;
	esac
}
complete -F _natctl natctl
