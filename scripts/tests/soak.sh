#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/soak.sh does with bad input, what it makes of a seed, and how it judges: on made-up
# evidence, without a guest. Needs jq, for which it fetches the tools' private copy if that is not there yet.
#
# shellcheck disable=SC2034 # many a variable is for the library
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SCRIPT=$ROOT/scripts/soak.sh
export NO_COLOR=1

# --- The command line -------------------------------------------------------------------

check no-time unusable 'say how long: --hours'
check unknown-option unusable "unknown option --ours; did you mean '--hours'" --ours 1
check option-without-value unusable 'hours needs a value' --hours
check hours-zero unusable 'hours 0: not a number from 1' --hours 0
check seed-nonsense unusable 'seed x: not a number' --rounds 1 --seed x
check round-without-seed unusable 'round 3 needs --seed' --round 3
check trace-without-round unusable 'trace goes with --round' --rounds 1 --trace
check patience-too-short unusable 'patience 1: not a number from 5' --rounds 1 --patience 1
check driver-nonsense unusable 'no such variant' --rounds 1 --driver nonsense
check patch-missing unusable 'not a readable file' --rounds 1 --patch "$WORK/nothing.patch"
check kernel-nonsense unusable 'neither a series' --rounds 1 --kernel nonsense
check out-in-no-folder unusable 'not a folder that can be written' --rounds 1 --out /dev/null/out

check help help_tells --hours --seed --round --out failure-SEED-ROUND 125

# --- What follows from a seed -----------------------------------------------------------

# shellcheck source=../lib/all.sh
. "$ROOT/scripts/lib/all.sh"
# shellcheck source=../lib/soak/all.sh
. "$ROOT/scripts/lib/soak/all.sh"
set +e
trap 'rm -rf "$WORK"' EXIT
SEED=7 DRIVER=stock DM_CRYPT=stock KERNEL_SUITE=bookworm

rounds_follow_from_the_seed() {
	local first second
	choose_round 12
	first=$ROUND_WORDS
	choose_round 13
	second=$ROUND_WORDS
	[[ $first != "$second" ]] || { echo "rounds 12 and 13 are the same: $first"; return 1; }
	choose_round 12
	[[ $ROUND_WORDS == "$first" ]] || { echo "round 12 is $first, and $ROUND_WORDS"; return 1; }
	SEED=8
	choose_round 12
	[[ $ROUND_WORDS != "$first" ]] || { echo "it does not depend on the seed"; return 1; }
}
check rounds-follow-from-the-seed rounds_follow_from_the_seed

all_is_chosen_some_time() {
	local round
	for ((round = 1; round <= 60; round++)); do
		choose_round "$round"
		echo "$ROUND_WORDS"
	done >"$WORK/rounds"
	for word in cipher=xts cipher=cbc sector=512 sector=4096 bs=4k bs=256k depth=1 depth=64 jobs=3 backlog=16 flags=no_read; do
		grep -q -e "$word" "$WORK/rounds" || { echo "never in 60 rounds: $word"; return 1; }
	done
}
check all-is-chosen-some-time all_is_chosen_some_time

boots_of_another_driver() {
	local boot
	for ((boot = 1; boot <= 20; boot++)); do
		choose_boot "$boot"
		echo "$SOC $RINGS $DECOS $MEMORY $BOOT_DRIVER"
	done >"$WORK/boots"
	for word in dm-crypt-able+ring-16 'ram dm-crypt-able' era10; do
		grep -q -e "$word" "$WORK/boots" || { echo "never in 20 boots: $word"; return 1; }
	done
	DRIVER=no-backlog
	choose_boot 1
	[[ $BOOT_DRIVER == dm-crypt-able+no-backlog ]] || { echo "driver $BOOT_DRIVER"; return 1; }
}
check boots boots_of_another_driver

# --- The books --------------------------------------------------------------------------

need_tools
ROUND_DIR=$WORK/round
mkdir -p "$ROUND_DIR"

# statistics JOBS SUCCEEDED FAILED LOST ERRORS PENDING
statistics() {
	printf '{"rings":[{"jobs":%d,"added":%d,"succeeded":%d,"failed":%d,"lost":%d,"errors":%d,"pending":%d,"in_flight":0,"waiting":0}]}' "$1" "$@"
}

# books REASON STATUS ERRORS CORRUPT AFTER: what is found, from 100 jobs before and a job-rule that fired
# twice, a time-rule that fired nine times.
books() {
	local want=$1 is
	statistics 100 99 1 0 0 0 >"$ROUND_DIR/before.json"
	echo '{"rules":[{"rule":"status:x","toll":"job","fired":2},{"rule":"stall:x","toll":"time","fired":9}]}' >"$ROUND_DIR/faults.json"
	echo "$5" >"$ROUND_DIR/after.json"
	is=$(balance "$2" "$3" "$4") || return
	if [[ -z $want ]]; then
		[[ -z $is ]] || { echo "found: $is"; return 1; }
	else
		[[ $is == *"$want"* ]] || { echo "found '$is', not '$want'"; return 1; }
	fi
}
check books-balance books '' 0 0 0 "$(statistics 200 199 1 0 0 0)"
check books-balance-with-errors books '' 1 2 0 "$(statistics 200 197 3 0 0 0)"
check books-corrupt books 'corrupt data: 1' 1 0 1 "$(statistics 200 199 1 0 0 0)"
check books-more-failed-than-asked books '3 jobs failed, but faults asked for 2' 1 3 0 "$(statistics 200 196 4 0 0 0)"
check books-failed-in-silence books 'no I/O error was reported' 0 0 0 "$(statistics 200 198 2 0 0 0)"
check books-error-out-of-nothing books '1 I/O errors, although no job failed' 1 1 0 "$(statistics 200 199 1 0 0 0)"
check books-fio-fails books 'fio ended with status 3' 3 0 0 "$(statistics 200 199 1 0 0 0)"
check books-lost books '1 jobs lost' 0 0 0 "$(statistics 200 198 1 1 0 0)"
check books-ring-error books '1 ring errors' 0 0 0 "$(statistics 200 199 1 0 1 0)"
check books-held books '4 jobs still in the rings' 0 0 0 "$(statistics 200 199 1 0 0 4)"
check books-unfinished books 'jobs in the rings: 200 added' 0 0 0 "$(statistics 200 198 1 0 0 0)"
check books-idle books 'the device did nothing' 0 0 0 "$(statistics 100 99 1 0 0 0)"

# --- The console ------------------------------------------------------------------------

LOGS=$WORK/logs
mkdir -p "$LOGS"

complaint() {
	printf '[   12.345678] %s\r\n' "caam_jr 10001000.jr: 40000016: DECO: desc idx 0: DMA Error" "$1" >"$LOGS/console.log"
	round_complaint 0
}
check console-warning complaint 'WARNING: CPU: 1 PID: 256 at fs/proc/generic.c:740'
check console-irq complaint 'irq 18: nobody cared (try booting with the "irqpoll" option)'
job_errors_are_none() { ! complaint 'random: crng init done'; }
check console-job-error-is-no-complaint job_errors_are_none

# --- The emulator's size ----------------------------------------------------------------

# grown PATTERN: it has, and CAUSE says so.
grown() {
	if check_growth; then
		echo "not seen: $1"
		return 1
	fi
	[[ $CAUSE == *"$1"* ]] || { echo "found '$CAUSE', not '$1'"; return 1; }
}

grows() {
	sleep 100 &
	EMULATOR_PID=$! BOOT_ROUNDS=2
	# Before that it is still this shell.
	until [[ $(<"/proc/$EMULATOR_PID/comm") == sleep ]]; do sleep 0.1; done
	check_growth || { echo "at once: $CAUSE"; return 1; }
	BOOT_ROUNDS=3
	check_growth || { echo "nothing has grown: $CAUSE"; return 1; }
	BASE_FDS=$((BASE_FDS - 1))
	grown 'open files' || return
	BASE_FDS=$((BASE_FDS + 1)) BASE_THREADS=0
	grown '1 threads' || return
	BASE_THREADS=1 BASE_RSS=$((RSS - GROWTH_KIB - 1))
	grown 'KiB of memory' || return
	kill "$EMULATOR_PID"
	wait "$EMULATOR_PID" 2>/dev/null
	grown 'caam-emu has ended'
}
check growth grows

# --- The summary ------------------------------------------------------------------------

summary_adds_up() {
	OUT=$WORK/out-of-soak FAILURE='corrupt data' ROUND=3 BOOT=1 SOAK_STARTED=$SECONDS KEPT=$WORK/kept REPEAT=(--driver 'a b')
	mkdir -p "$OUT"
	open_summary
	open_samples
	printf '1\t1\tgood\t5.0\t1000\t2\t3\tstall=4 status=2\tw\n2\t1\tgood\t6.0\t500\t0\t0\tstall=1\tw\n3\t1\tbad\t1.0\t?\t?\t0\t-\tw\n' >>"$OUT/rounds.tsv"
	local i
	for ((i = 0; i < 50; i++)); do printf '%d\t1\t1\t9\t%d\t0\t0\t21\t5\n' "$i" $((900 + i)) >>"$OUT/samples.tsv"; done
	print_summary >"$WORK/out"
	local line
	for line in 'seed 7: 2 rounds good, 1 bad, 1 boots' '1500 jobs, 2 of them failed' 'stall +2 +5$' \
		'largest: 949 KiB of its own, 21 files' "repeat: scripts/soak.sh --seed 7 --round 3 '--driver' 'a b'"; do
		grep -q -E -e "^$line" "$WORK/out" || { echo "no '$line' in:"; cat "$WORK/out"; return 1; }
	done
}
check summary summary_adds_up

finish
