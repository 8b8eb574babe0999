# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What every script here needs: where things are, how to talk, how to fail, how to clean up.
#
# Exit codes fit `git bisect run`: 0 good, 1 the bug is there, 125 could not tell (something
# could not be set up), 2 unusable command line; never above 127.

# shellcheck disable=SC2034  # the constants are for the scripts that source this file
{
readonly EX_GOOD=0 EX_BAD=1 EX_USAGE=2 EX_CANNOT_TELL=125
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly REPO
# Everything that is downloaded or built stays below this folder.
VM_CACHE=${CAAM_EMU_CACHE:-${CARGO_TARGET_DIR:-$REPO/target}/vm}
readonly VM_CACHE
PROGRAM=${0##*/}
}

if [[ -t 2 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
	C_DIM=$'\e[2m' C_RED=$'\e[31m' C_OFF=$'\e[0m'
else
	C_DIM='' C_RED='' C_OFF=''
fi

# log TEXT...: progress, for people, on stderr; stdout carries KTAP only.
log() {
	printf '%s%s:%s %s\n' "$C_DIM" "$PROGRAM" "$C_OFF" "$*" >&2
}

# complain CAUSE [WHAT-TO-DO]: one line each.
complain() {
	printf '%s%s: %s%s\n' "$C_RED" "$PROGRAM" "$1" "$C_OFF" >&2
	if [[ -n ${2:-} ]]; then printf '%s: %s\n' "$PROGRAM" "$2" >&2; fi
}

# cannot_tell CAUSE [WHAT-TO-DO]: set-up failed, nothing was learnt about what is tested.
cannot_tell() {
	complain "$@"
	exit "$EX_CANNOT_TELL"
}

# usage_error CAUSE: the command line is at fault.
usage_error() {
	complain "$1" "'$PROGRAM --help' lists what there is"
	exit "$EX_USAGE"
}

# check_number OPTION VALUE LEAST MOST
check_number() {
	if [[ ! $2 =~ ^(0|[1-9][0-9]{0,16})$ ]] || (($2 < $3 || $2 > $4)); then
		usage_error "$1 $2: not a number from $3 to $4"
	fi
}

# --- What has to be undone, whatever ends the script -------------------------------------

CLEANUP=()

# at_exit COMMAND...: run at the end, last registered first.
at_exit() {
	local quoted
	printf -v quoted '%q ' "$@"
	CLEANUP+=("$quoted")
}

run_cleanup() {
	local status=$? i
	trap '' INT TERM HUP
	trap - EXIT
	for ((i = ${#CLEANUP[@]} - 1; i >= 0; i--)); do
		eval "${CLEANUP[i]}"
	done
	# A signal's 128+n would be more than `git bisect run` accepts: 127 ends a bisection at
	# once only when above, and an interrupted run says nothing about the tree.
	if ((status > 127)); then status=$EX_CANNOT_TELL; fi
	exit "$status"
}

# Call once, first thing in a script.
install_traps() {
	trap run_cleanup EXIT
	trap 'complain "interrupted"; exit "$EX_CANNOT_TELL"' INT TERM HUP
}

# children_of PID: its direct children.
children_of() {
	local stat line rest
	for stat in /proc/[0-9]*/stat; do
		{ read -r line <"$stat"; } 2>/dev/null || continue # it has ended meanwhile
		# pid (comm) state ppid ...; comm may hold blanks and parentheses.
		rest=${line##*) }
		rest=${rest#* }
		if [[ ${rest%% *} == "$1" ]]; then echo "${line%% *}"; fi
	done
}

# end_process PID: the process and its descendants, politely, then not.
end_process() {
	local pid=$1 child tries
	local -a tree=("$pid")
	local i=0
	while ((i < ${#tree[@]})); do
		for child in $(children_of "${tree[i]}"); do tree+=("$child"); done
		i=$((i + 1))
	done
	# Already gone is what is wanted: no complaint about that.
	kill -TERM "${tree[@]}" 2>/dev/null || true
	for ((tries = 0; tries < 50; tries++)); do
		any_alive "${tree[@]}" || break
		sleep 0.1
	done
	kill -KILL "${tree[@]}" 2>/dev/null || true
	# Reap it if it is ours; its exit status is no news.
	wait "$pid" 2>/dev/null || true
}

any_alive() {
	local pid stat
	for pid; do
		# A zombie has ended; only its parent has not looked yet.
		{ read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
		stat=${stat##*) }
		[[ ${stat%% *} == Z ]] || return 0
	done
	return 1
}

# --- Long steps -------------------------------------------------------------------------

STEP_LOG=''

# step TEXT FUNCTION ARGS...: says what takes time, keeps the output in $STEP_LOG, deletes it
# on success. In the background, since bash runs no trap while it waits for a foreground
# command; step.sh says why in a process of its own.
step() {
	local text=$1 pid status=0 started=$SECONDS
	shift
	mkdir -p "$VM_CACHE/logs/setup"
	STEP_LOG=$VM_CACHE/logs/setup/$(date +%Y%m%d-%H%M%S)-$$-$RANDOM.log
	log "$text ..."
	bash "$LIB/step.sh" "$@" >"$STEP_LOG" 2>&1 </dev/null &
	pid=$!
	at_exit end_process "$pid"
	wait "$pid" || status=$?
	unset 'CLEANUP[-1]'
	if ((status == 0)); then
		rm -f "$STEP_LOG"
		if ((SECONDS - started > 3)); then log "$text: done in $((SECONDS - started)) s"; fi
	fi
	return "$status"
}

# into FILE COMMAND...: its output goes there, also within a step.
into() {
	"${@:2}" >"$1"
}

# cause_in LOG: the one line of a failed step's log that names the cause.
cause_in() {
	local line
	if line=$(grep -m1 -E 'No space left on device' "$1") ||
		line=$(grep -m1 -E '^E:' "$1") ||
		line=$(grep -m1 -E '([Ee]rror:|: error|: not found)' "$1") ||
		line=$(grep -v -E '^([[:space:]]*|W: .*)$' "$1" | tail -n1); then
		# cargo says first what it could not do, and last, why.
		if grep -q '^Caused by:' "$1"; then line+=": $(tail -n1 "$1" | sed 's/^ *//')"; fi
		printf '%s' "${line:0:300}"
	else
		printf 'no output'
	fi
}

# must TEXT WHAT-TO-DO COMMAND...: a step that nothing can go on without.
must() {
	local text=$1 todo=$2
	shift 2
	step "$text" "$@" && return 0
	case $(cause_in "$STEP_LOG") in
	*'No space left on device'*)
		cannot_tell "$text: no space left on the disk that holds $VM_CACHE" \
			"make room, or point CAAM_EMU_CACHE to a folder elsewhere"
		;;
	*)
		cannot_tell "$text: $(cause_in "$STEP_LOG")" "${todo:+$todo; }the whole output: $STEP_LOG"
		;;
	esac
}

# --- Cached results ---------------------------------------------------------------------

# cached DIR TEXT WHAT-TO-DO FUNCTION ARGS...: makes DIR once. FUNCTION gets a fresh folder
# as its last argument and fills it; only a complete one takes DIR's place, so a run that is
# killed, or one beside this one, never leaves half a result. The lock is released by the
# kernel when its holder ends, however it ends.
cached() {
	local dir=$1 text=$2 todo=$3 lock
	shift 3
	[[ -e $dir/.complete ]] && return 0
	mkdir -p "${dir%/*}" ||
		cannot_tell "cannot create ${dir%/*}" "make it writable, or point CAAM_EMU_CACHE to a folder elsewhere"
	exec {lock}>"$dir.lock"
	if ! flock -n "$lock"; then
		log "waiting for another run that prepares the same thing (${dir##*/})"
		flock "$lock"
	fi
	if [[ ! -e $dir/.complete ]]; then
		# Leftovers of killed runs: we hold the lock, nobody is at work there.
		rm -rf "$dir" "$dir".new.*
		at_exit rm -rf "$dir.new.$$"
		mkdir "$dir.new.$$"
		must "$text" "$todo" "$@" "$dir.new.$$"
		: >"$dir.new.$$/.complete"
		mv "$dir.new.$$" "$dir"
		unset 'CLEANUP[-1]'
	fi
	exec {lock}>&-
}

# need_space MEGABYTES: before the first large download rather than in its middle.
need_space() {
	local free
	mkdir -p "$VM_CACHE" 2>/dev/null ||
		cannot_tell "cannot create $VM_CACHE" "make it writable, or point CAAM_EMU_CACHE to a folder elsewhere"
	free=$(df -Pm "$VM_CACHE" | awk 'NR == 2 { print $4 }')
	((free >= $1)) ||
		cannot_tell "$free MB free on the disk that holds $VM_CACHE, $1 MB are needed" \
			"make room, or point CAAM_EMU_CACHE to a folder elsewhere"
}
