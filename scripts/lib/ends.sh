# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Ends of a guest or of its emulator in the middle of the work, which a case has asked for, and what the
# emulator holds before and after: memory, descriptors, threads, jobs.

# What the case has killed in this boot, when it says so: qemu, emulator, or nothing.
KILLS=''
KILLED=0

# How often the guest has booted again by itself, what its KTAP had come to, and a number that it noted.
RESTARTED='0 0 0 0'

# How large the emulator was before it had a client.
EMULATOR_AT_START=''

# look_at_process PID: sets RSS (KiB of its own; the guest's are not), RSS_FILE, RSS_SHMEM, FDS and THREADS;
# status 1 when it is gone. Forks nothing.
# shellcheck disable=SC2034 # two of them are for samples (soak/sample.sh)
look_at_process() {
	local key value
	local -a open
	RSS='' RSS_FILE='' RSS_SHMEM='' FDS='' THREADS=''
	while read -r key value _; do
		case $key in
		RssAnon:) RSS=$value ;;
		RssFile:) RSS_FILE=$value ;;
		RssShmem:) RSS_SHMEM=$value ;;
		Threads:) THREADS=$value ;;
		esac
	done 2>/dev/null <"/proc/$1/status" || return 1
	open=("/proc/$1/fd/"*)
	FDS=${#open[@]}
	[[ -n $RSS && -n $THREADS ]]
}

# process_size PID: "KIB DESCRIPTORS THREADS"; memory is its own.
process_size() {
	look_at_process "$1" && echo "$RSS $FDS $THREADS"
}

# emulator_size: its process_size now, then at its start.
emulator_size() {
	local now
	now=$(process_size "$EMULATOR_PID") || return
	echo "$now $EMULATOR_AT_START"
}

# emulator_size_for_guest: emulator_size, then what it was when a guest of this emulator asked first.
emulator_size_for_guest() {
	local now
	now=$(emulator_size) || return
	[[ -s $RUN/size ]] || echo "$now" | cut -d' ' -f1-3 >"$RUN/size"
	echo "$now $(<"$RUN/size")"
}

# jobs_balance: "ADDED SUCCEEDED FAILED LOST HELD" of all rings. Each job that a driver has added must be one of
# the others, or it was dropped without a word, or was completed twice. (Lost are those whose ring was reset,
# held are those pending and in flight.)
jobs_balance() {
	local added succeeded failed lost held balance
	balance=$(ctl --json stats | tool jq -r '[.rings[]] | map([.added, .succeeded, .failed, .lost, .pending + .in_flight]) |
		transpose | map(add) | map(tostring) | join(" ")') || return
	read -r added succeeded failed lost held <<<"$balance"
	echo "$balance"
	((added == succeeded + failed + lost + held))
}

# jobs_held: in all rings now.
jobs_held() {
	ctl --json stats | tool jq '[.rings[] | .pending + .in_flight + .waiting] | add // 0'
}

# kill_for_guest: what KILLS says. At once: no signal that could be caught, and nobody is told.
kill_for_guest() {
	HELD=$(jobs_held) || HELD=0
	KILLED=1
	case $KILLS in
	qemu) kill -KILL "$QEMU_PID" ;;
	emulator) kill -KILL "$EMULATOR_PID" ;;
	esac
	log "killed $KILLS, with $HELD jobs in the device"
}

# check_killed N: as subtest N, what was killed was at work then, and the other one is as it should be.
check_killed() {
	local status=0
	if ((!KILLED)); then
		echo "    # the case did not say when"
		status=1
	else
		printf '    # %d jobs were in the device\n' "$HELD"
		((HELD > 0)) || status=1
		"check_${KILLS}_killed" || status=1
	fi
	if ((status)); then printf '    not '; else printf '    '; fi
	printf 'ok %d %s-killed\n' "$1" "$KILLS"
	return "$status"
}

# check_qemu_killed: the emulator has let go of everything that was the client's, and accounts for its jobs.
check_qemu_killed() {
	local tries now='' kib descriptors threads kib0 descriptors0 threads0 balance
	for ((tries = 0; tries < 100; tries++)); do
		now=$(emulator_size) || return
		read -r kib descriptors threads kib0 descriptors0 threads0 <<<"$now"
		((descriptors > descriptors0 || threads > threads0)) || break
		sleep 0.1
	done
	printf '    # emulator: %d KiB, %d descriptors, %d threads; at its start: %d, %d, %d\n' \
		"$kib" "$descriptors" "$threads" "$kib0" "$descriptors0" "$threads0"
	((descriptors <= descriptors0 && threads <= threads0)) || return
	balance=$(jobs_balance) || {
		echo "    # jobs added, succeeded, failed, lost, held do not add up: ${balance:-no answer}"
		return 1
	}
	echo "    # jobs added, succeeded, failed, lost, held: $balance"
	[[ ${balance##* } == 0 ]]
}

# check_emulator_killed: QEMU goes on, and does as it is told.
check_emulator_killed() {
	local answer
	if any_alive "$EMULATOR_PID"; then
		echo "    # caam-emu lives"
		return 1
	fi
	if ! any_alive "$QEMU_PID"; then
		echo "    # QEMU has ended: $(cause_in "$LOGS/qemu.log")"
		return 1
	fi
	answer=$(qmp query-status) || {
		echo "    # QEMU does not answer: ${answer:-not a word}"
		return 1
	}
	echo "    # QEMU answers: $answer"
	[[ $answer == *'"running": true'* ]]
}

# monitor_words: sets MONITOR_WORDS, for a QEMU whose emulator will be killed. Two pipes: no more is needed
# to talk to it than a shell has.
monitor_words() {
	MONITOR_WORDS=(-monitor none)
	[[ $KILLS == emulator ]] || return 0
	rm -f "$RUN"/qmp.{in,out}
	mkfifo "$RUN"/qmp.{in,out}
	MONITOR_WORDS=(-chardev "pipe,id=qmp,path=$RUN/qmp" -mon "chardev=qmp,mode=control")
}

# qmp COMMAND: QEMU's answer to that. It is asked once.
qmp() {
	local to from line status=1
	exec {to}<>"$RUN/qmp.in" {from}<>"$RUN/qmp.out"
	printf '{"execute":"qmp_capabilities"}{"execute":"%s"}' "$1" >&"$to"
	# First its greeting, and the empty answer to the first command; events may come at any time.
	while IFS= read -r -t 10 -u "$from" line; do
		line=${line%$'\r'}
		if [[ $line == *'"return": {}'* || $line != *'"return"'* ]]; then continue; fi
		echo "$line"
		status=0
		break
	done
	exec {to}>&- {from}>&-
	return "$status"
}

# size_text: how large the emulator is, for people.
size_text() {
	local kib descriptors threads kib0 descriptors0 threads0 now
	now=$(emulator_size) || return 0
	read -r kib descriptors threads kib0 descriptors0 threads0 <<<"$now"
	echo "$kib KiB of its own, $descriptors descriptors, $threads threads (at its start $kib0, $descriptors0, $threads0)"
}
