# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# Faults of the device, made and counted from within the guest. After caam.sh and ktap.sh.

# ask QUESTION...: of vm.sh (scripts/lib/answer.sh). The answer is in /tmp/answer, the status its.
ask() {
	: >/tmp/answer
	echo "@@ $*" >&3
	# shellcheck disable=SC3045 # busybox has it
	while read -r -t 60 line; do
		case $line in
		'- '*) echo "${line#- }" >>/tmp/answer ;;
		'= '*) return "${line#= }" ;;
		esac
	done </dev/ttyAMA1
	because "vm.sh does not answer: $*"
	return 1
}

# told WORD...: to the device, by `caam-emu ctl`.
told() {
	ask ctl "$@" && return 0
	because "ctl $*: $(cat /tmp/answer)"
	return 1
}

# fault RULE: sets rule, its name. (By default KIND-1, KIND-2, ...)
fault() {
	told fault add "$1" || return
	# shellcheck disable=SC2034 # for the cases
	rule=$(cat /tmp/answer)
}

faults_clear() {
	told fault clear --all
}

# counts NAME: sets matched and fired.
counts() {
	ask rule "$1" || { because "no rule $1: $(cat /tmp/answer)"; return 1; }
	read -r matched fired </tmp/answer
}

# fired NAME TIMES: so often, exactly.
fired() {
	counts "$1" || return
	because "$1: fired $fired times ($2), $matched matches"
	[ "$fired" -eq "$2" ]
}

# fired_some NAME: at least once.
fired_some() {
	counts "$1" || return
	because "$1: fired $fired times of $matched matches"
	[ "$fired" -gt 0 ]
}

# rings FIELD: that statistic of the rings (became_full, interrupts.raised, ...): sets sum and most.
rings() {
	sum=0 most=0
	ask rings "$1" || { because "no statistic $1"; return 1; }
	# shellcheck disable=SC2013 # words are wanted
	for value in $(cat /tmp/answer); do
		sum=$((sum + value))
		if [ "$value" -gt "$most" ]; then most=$value; fi
	done
}

# eventually SECONDS COMMAND...: until it is true, or too late.
eventually() {
	left=$(($1 * 5))
	shift
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.2
	done
}

# timed COMMAND...: sets took, in hundredths of a second.
timed() {
	began=$(sed 's/ .*//; s/\.//' /proc/uptime)
	"$@" || return
	# shellcheck disable=SC2034 # for the cases
	took=$(($(sed 's/ .*//; s/\.//' /proc/uptime) - began))
}

# listen: from here on, what the kernel has `said`.
listen() {
	HEARD=$(($(dmesg | wc -l) + 1))
}

# said TEXT: the kernel log has it, since `listen`.
said() {
	dmesg | tail -n +"$HEARD" | grep -F -e "$1" >/tmp/heard && {
		because "kernel: $(head -n 1 /tmp/heard | sed 's/^\[ *[0-9.]*\] //')"
		return 0
	}
	because "the kernel has not said: $1"
	dmesg | tail -n +"$HEARD" | tail -n 5 >/tmp/heard
	while read -r line; do because "kernel: $line"; done </tmp/heard
	return 1
}
