# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# For tests of scripts that start a guest: runs in the background, and whether they leave anything.

export NO_COLOR=1 TMPDIR=$WORK/tmp
mkdir -p "$TMPDIR"

# Processes of the run: QEMU and the emulator name its temporary folder on their command lines.
of_this_run() {
	grep -l -a -F "$TMPDIR/caam-emu." /proc/[0-9]*/cmdline 2>/dev/null
}

nothing_left() {
	local i
	for ((i = 0; i < 30; i++)); do
		[[ -z $(of_this_run) ]] && break
		sleep 0.1
	done
	[[ -z $(of_this_run) ]] || { echo "still running: $(of_this_run)"; return 1; }
	# rm: after SIGKILL nobody removes the folder.
	if [[ ${1:-} != files ]]; then [[ -z $(ls -A "$TMPDIR") ]] || { echo "left: $(ls -A "$TMPDIR")"; return 1; }; fi
	rm -rf "${TMPDIR:?}"/*
}

# start PATTERN ARGS...: $SCRIPT in the background, until it says that on stderr; sets SCRIPT_PID.
# env: a background shell ignores SIGINT, and what it starts would, too.
start() {
	local pattern=$1 i
	shift
	: >"$WORK/err"
	env --default-signal=INT,TERM "$SCRIPT" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null &
	SCRIPT_PID=$!
	for ((i = 0; i < 6000; i++)); do
		grep -q -e "$pattern" "$WORK/err" && return 0
		kill -0 "$SCRIPT_PID" 2>/dev/null || break
		sleep 0.1
	done
	echo "${SCRIPT##*/} never said '$pattern':"
	cat "$WORK/err"
	return 1
}
