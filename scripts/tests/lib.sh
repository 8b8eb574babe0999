# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# KTAP for the tests of the scripts: check NAME FUNCTION, then finish.

# shellcheck disable=SC2034 # for the tests
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/caam-test.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
trap 'exit 125' INT TERM HUP
RESULTS=0
BAD=0

echo "KTAP version 1"

# check NAME FUNCTION ARGS...: in a subshell; what it prints explains a failure.
check() {
	local name=$1 status=0
	shift
	RESULTS=$((RESULTS + 1))
	("$@") >"$WORK/said" 2>&1 || status=$?
	if ((status == 0)); then
		echo "ok $RESULTS $name"
	elif ((status == 77)); then
		echo "ok $RESULTS $name # SKIP $(tail -n1 "$WORK/said")"
	else
		sed 's/^/# /' "$WORK/said"
		echo "not ok $RESULTS $name"
		BAD=$((BAD + 1))
	fi
}

# skip REASON: from within a check.
skip() {
	echo "$1"
	exit 77
}

finish() {
	echo "1..$RESULTS"
	((BAD == 0))
	exit
}

# run STATUS COMMAND...: must end with that status; output in $WORK/out and $WORK/err.
run() {
	local want=$1 status=0
	shift
	"$@" >"$WORK/out" 2>"$WORK/err" </dev/null || status=$?
	((status == want)) && return 0
	echo "status $status instead of $want: $*"
	cat "$WORK/out" "$WORK/err"
	return 1
}

# says PATTERN: stderr has a line like this.
says() {
	grep -q -E -e "$1" "$WORK/err" && return 0
	echo "no line like '$1' in:"
	cat "$WORK/err"
	return 1
}

# silent: nothing on stdout.
silent() {
	[[ ! -s $WORK/out ]] && return 0
	echo "on stdout:"
	cat "$WORK/out"
	return 1
}

# unusable PATTERN ARGS...: a usage error of $SCRIPT: status 2, one line of cause, one of advice.
unusable() {
	local pattern=$1
	shift
	run 2 "$SCRIPT" "$@" && silent && says "$pattern" && [[ $(wc -l <"$WORK/err") -eq 2 ]]
}

# help_tells WORD...: $SCRIPT --help has each of them.
help_tells() {
	local word
	run 0 "$SCRIPT" --help || return
	for word; do
		grep -q -e "$word" "$WORK/out" || { echo "--help does not tell of $word"; return 1; }
	done
}
