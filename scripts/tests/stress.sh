#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/stress.sh does with bad input, and how it judges: on recorded and made-up evidence,
# without a guest. Needs jq, for which it fetches the tools' private copy if that is not there yet.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SCRIPT=$ROOT/scripts/stress.sh
export NO_COLOR=1

# --- The command line -------------------------------------------------------------------

check unknown-option unusable 'unknown option --fast' --fast
check unknown-option-near unusable "did you mean '--depth'[?]" --dept 4
check stray-word unusable 'dm-crypt: not an option' dm-crypt
check option-without-value unusable 'runs needs a value' --runs
check runs-nonsense unusable 'runs many: not a number from 1' --runs many
check runs-zero unusable 'runs 0: not a number from 1' --runs 0
check runs-too-many-digits unusable 'runs 99999999999999999999: not a number' --runs 99999999999999999999
check depth-too-deep unusable 'depth 2000: not a number from 0' --depth 2000
check seed-nonsense unusable 'seed x: not a number' --seed x
check timeout-zero unusable 'timeout 0: not a number from 1' --timeout 0
check kernel-nonsense unusable 'neither a series' --kernel nonsense
check kernel-empty unusable 'neither a series' --kernel ''
check modules-no-folder unusable 'no such folder' --modules "$WORK/nothing"
check driver-nonsense unusable 'no such variant' --driver nonsense
check driver-empty unusable 'no variant named' --driver=
check driver-no-folder unusable 'no such folder' --driver "$WORK/nothing"
check dm-crypt-nonsense unusable 'no such variant' --dm-crypt nonsense
check patch-missing unusable 'not a readable file' --patch "$WORK/nothing.patch"
check patch-is-a-folder unusable 'not a readable file' --patch "$WORK"
check report-in-no-folder unusable 'not a folder that can be written' --report /dev/null/report

check help help_tells --driver --patch --runs --report 'git bisect' 125

# An emulator that starts, and refuses all rules.
rule_refused() {
	cat >"$WORK/emulator" <<-'SH'
		#!/bin/sh
		if [ "$1" = ctl ]; then echo "caam-emu: no such rule" >&2; exit 1; fi
		while [ "$1" != --ready-fd ]; do shift; done
		echo ready >&"$2"
		exec sleep 100
	SH
	chmod +x "$WORK/emulator"
	mkdir -p "$WORK/tmp"
	run 2 env TMPDIR="$WORK/tmp" CAAM_EMU_CACHE="$WORK/cache" CAAM_EMU_BINARY="$WORK/emulator" \
		"$SCRIPT" --stall nonsense && silent && says 'stall:nonsense: caam-emu: no such rule' || return
	[[ -z $(ls -A "$WORK/tmp") ]] || { echo "left: $(ls -A "$WORK/tmp")"; return 1; }
	! pgrep -f "$WORK/tmp/caam-emu" || { echo "the emulator still runs"; return 1; }
}
check rule-refused rule_refused

# --- Evidence ---------------------------------------------------------------------------

# The library's functions, in a folder of their own.
LOGS=$WORK/logs
mkdir -p "$LOGS"
# shellcheck source=../lib/all.sh
. "$ROOT/scripts/lib/all.sh"
# shellcheck source=../lib/stress/all.sh
. "$ROOT/scripts/lib/stress/all.sh"
set +e
trap 'rm -rf "$WORK"' EXIT

# console LINE...: what the guest's kernel has said.
console() {
	printf '[   12.345678] %s\r\n' "$@" >"$LOGS/console.log"
}

HUNG_CRYPT=("INFO: task kworker/u4:1:28 blocked for more than 1 seconds."
	"      Tainted: G           OE      6.1.0 #1"
	'"echo 0 > /proc/sys/kernel/hung_task_timeout_secs" disables this message.'
	"task:kworker/u4:1    state:D stack:0     pid:28    ppid:2      flags:0x00000008"
	"Workqueue: kcryptd/254:0 kcryptd_crypt [dm_crypt]" "Call trace:" " __switch_to+0xe8/0x120"
	" wait_for_completion+0x28/0x3c" " crypt_convert+0xc84/0xd80 [dm_crypt]" " kthread+0xe0/0xe4")
HUNG_OTHER=("INFO: task hwrng:50 blocked for more than 1 seconds."
	"task:hwrng    state:D stack:0     pid:50" "Call trace:" " caam_rng_read+0x28/0x3c [caam_jr]" " kthread+0xe0/0xe4")

finds_crypt_convert() {
	console "caam_jr: loaded" "${HUNG_OTHER[@]}" "${HUNG_CRYPT[@]}" "random: something else" "${HUNG_CRYPT[@]}"
	[[ $(hung_task 0) == "$(printf '%s\n' "${HUNG_CRYPT[@]}")" ]] || { hung_task 0; return 1; }
}
check hung-task-found finds_crypt_convert

other_tasks_do_not_count() {
	console "${HUNG_OTHER[@]}" "crypt_convert is mentioned here"
	! hung_task 0
}
check hung-task-other other_tasks_do_not_count

# fio's progress shares the console: a report may begin in the middle of a line.
finds_within_a_line() {
	console "${HUNG_CRYPT[@]}"
	sed -i '1s/^/Jobs: 1 (f=1): [V(1)][56.9%]/' "$LOGS/console.log"
	hung_task 0 | grep -q crypt_convert
}
check hung-task-within-line finds_within_a_line

# What a run before this one has left does not count.
only_from_the_runs_start() {
	console "${HUNG_CRYPT[@]}"
	! hung_task "$(console_size)"
}
check hung-task-of-earlier-run only_from_the_runs_start

crashes_found() {
	local line
	for line in "Kernel panic - not syncing: Fatal exception" "kernel BUG at drivers/crypto/caam/jr.c:221!" \
		"Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000" \
		"Internal error: Oops: 0000000096000004 [#1] SMP" "BUG: scheduling while atomic: fio/80/0x00000002"; do
		console "caam_jr: loaded" "$line" "more"
		[[ $(kernel_crash 0) == "$line" ]] || { echo "not seen: $line"; return 1; }
	done
	console "${HUNG_CRYPT[@]}" "caam_jr 10001000.jr: 40000006: DECO: desc idx 0: Invalid KEY Command"
	! kernel_crash 0
}
check crash-found crashes_found

trace_of_crash() {
	console "caam_jr: loaded" "kernel BUG at mm/slub.c:419!" "Internal error: Oops - BUG: 00000000f2000800 [#1] SMP" \
		"Modules linked in: caam_jr" "pc : __slab_free+0x118/0x4a0" "lr : x" "Call trace:" " __slab_free+0x118/0x4a0" \
		" skcipher_do_one_req+0xa0/0xc0 [caam_jr]" "Code: b9402b63" " no part of it"
	[[ $(crash_trace 0) == "kernel BUG at mm/slub.c:419!
pc : __slab_free+0x118/0x4a0
Call trace:
 __slab_free+0x118/0x4a0
 skcipher_do_one_req+0xa0/0xc0 [caam_jr]" ]] || { crash_trace 0; return 1; }
}
check crash-trace trace_of_crash

# --- The device -------------------------------------------------------------------------

need_tools

# sample UPTIME JOBS OCCUPANCY DEEPEST FULL DOORBELL: a line of statistics; times in milliseconds.
sample() {
	printf '{"uptime_ns":%d000000,"rings":[{"ring":0,"jobs":%d,"failed":0,"occupancy":%d,"max_occupancy":%d,' "$1" "$2" "$3" "$4"
	printf '"input_size":512,"pending":%d,"in_flight":0,"waiting":0,"became_full":%d,"last_doorbell_ns":%d000000,' "$3" "$5" "$6"
	printf '"slot_refusals":0,"last_job":{"descriptor":"0x1","status":"0x00000000","at_ns":%d000000},"operations":[],' "$6"
	printf '"occupancy_time":[{"from":0,"to":0,"ns":1000},{"from":256,"to":511,"ns":%d}]}]}\n' "$(($2 * 1000))"
}

idle_device() {
	{
		sample 9000 700 0 511 1 7000
		sample 9100 710 0 511 1 7000
		echo -n '{"uptime_ns":92000'
	} >"$LOGS/device.log"
	device_idle 2 || { echo "it is idle"; return 1; }
	! device_idle 3 || { echo "not for 3 s"; return 1; }
}
check idle-device idle_device

busy_device() {
	{
		sample 9000 700 3 511 1 1000
		sample 9100 700 3 511 1 1000
	} >"$LOGS/device.log"
	! device_idle 2 || { echo "jobs are in the ring (a stall, for instance)"; return 1; }
}
check busy-device-is-not-idle busy_device

# --- A run's row ------------------------------------------------------------------------

# row VERDICT DRIVER DM-CRYPT calm|full [FAULTS]: of the samples on stdin.
row() {
	stress_jq row -s -c --arg verdict "$1" --arg reason '' --arg driver "$2" --arg dm_crypt "$3" --arg pressure "$4" \
		--arg trace "$(printf '%s\n' "${HUNG_CRYPT[@]}")" --arg fio "0 0 8192 500 8192 500" --arg faults "${5:-}" --arg logs boot-1
}

# field FILTER VALUE: of the row on stdin.
field() {
	local is
	is=$(tool jq -c "$1") || return
	[[ $is == "$2" ]] || { echo "$1 is $is, not $2"; return 1; }
}

# ten_jobs_full N: samples of a run in which the ring became full N times.
run_samples() {
	sample 1000 100 0 511 5 900
	sample 1050 100 0 511 5 900
	sample 1100 200 80 511 5 1100
	sample 1600 800 0 511 $((5 + $1)) 1500
	sample 3600 800 0 511 $((5 + $1)) 1500
}

row_of_a_deadlock() {
	run_samples 1 | row deadlock no-backlog stock full >"$WORK/row" || return
	field '[.verdict, .jobs, .full, .deepest, .seconds, .idle_seconds]' '["deadlock",700,1,511,0.4,2.1]' <"$WORK/row" &&
		field '.trace | length' 10 <"$WORK/row" && field '.mb_per_s | round' 17 <"$WORK/row"
}
check row-deadlock row_of_a_deadlock

row_never_full() {
	run_samples 0 | row survived stock stock full | field '[.verdict, .deepest]' '["inconclusive",256]' &&
		run_samples 1 | row survived stock stock full | field .verdict '"survived"'
}
check row-never-full-is-inconclusive row_never_full

# There, the empty ring is what was to be found.
row_never_full_expected() {
	run_samples 0 | row survived stock wait-each full | field .verdict '"survived"' &&
		run_samples 0 | row survived stock stock calm | field .verdict '"survived"'
}
check row-never-full-with-wait-each row_never_full_expected

failed_jobs_are_no_corruption() {
	run_samples 1 | sed '5s/"failed":0/"failed":1/' | row corrupt stock stock full | field .verdict '"errors"' &&
		run_samples 1 | row corrupt stock stock full | field .verdict '"corrupt"'
}
check row-failed-jobs-are-errors failed_jobs_are_no_corruption

row_with_depth() {
	run_samples 2 | row survived stock stock full $'stall:for=1s\nring-depth:slots=300' | field .deepest 300
}
check row-of-capped-ring row_with_depth

# --- Claims and verdicts ----------------------------------------------------------------

# result JUDGED ROW...: the whole result of these rows, in $WORK/result.
result() {
	local judged=$1
	shift
	printf '%s\n' "$@" | tool jq -s --argjson judged "$judged" --slurpfile backlog "$WORK/backlog" '{
		version: 1, kernel: "6.1", kernel_package: "", emulator: "e", command: "c", seed: 1, judged: $judged,
		seconds: {}, runs: ., backlog: $backlog[0], not_run: []}' >"$WORK/raw" &&
		stress_jq claims "$WORK/raw" >"$WORK/claims" &&
		stress_jq verdict --slurpfile claims "$WORK/claims" "$WORK/raw" >"$WORK/result"
}

# backlog DRIVER LINES: as the guest's module reports it.
backlog() {
	printf '%s\n' "$2" | stress_jq backlog -R -s -c --arg driver "$1"
}

matrix() {
	local slow=${1:-0.5}
	ROWS_OF_MATRIX=(
		"$(run_samples 1 | row deadlock no-backlog stock full)"
		"$(run_samples 0 | row survived no-backlog wait-each full | tool jq -c '.deepest = 2')"
		"$(run_samples 9 | row survived stock stock calm)"
		"$(run_samples 9 | row survived stock stock full)"
		"$(run_samples 0 | row survived stock wait-each calm | tool jq -c ".deepest = 2 | .mb_per_s = $slow")"
	)
	{
		backlog no-backlog $'submitted=1280 accepted=511 busy=769 refused=0\ndone=511 in-order=0 silent=769 lost=0 odd=0\nrequest 511: returned -16; called never'
		backlog stock $'submitted=1280 accepted=1000 busy=280 refused=0\ndone=1000 in-order=280 silent=0 lost=0 odd=0'
	} | tool jq -s . >"$WORK/backlog"
}

# settled STATES: the first letters of the claims' states, in their order.
settled() {
	local is
	is=$(tool jq -r '.claims | map(.state[:1]) | join("")' "$WORK/result")
	[[ $is == "$1" ]] && return 0
	echo "claims: $is instead of $1"
	return 1
}

# shows PATTERN: $WORK/shown has a line like this.
shows() {
	grep -q -e "$1" "$WORK/shown" && return 0
	echo "no '$1' in:"
	cat "$WORK/shown"
	return 1
}

all_confirmed() {
	matrix
	result false "${ROWS_OF_MATRIX[@]}" && settled cccccc &&
		field .exit 0 <"$WORK/result"
}
check claims-confirmed all_confirmed

# Each thing that must refute a claim does refute that one: refuted STATES STATUS WHAT-IS-CHANGED
refuted() {
	matrix
	"$3"
	result false "${ROWS_OF_MATRIX[@]}" && settled "$1" && field .exit "$2" <"$WORK/result"
}
no_deadlock() { ROWS_OF_MATRIX[0]=$(run_samples 3 | row survived no-backlog stock full); }
late_deadlock() { ROWS_OF_MATRIX[0]=$(tool jq -c '.seconds = 9' <<<"${ROWS_OF_MATRIX[0]}"); }
stock_deadlock() { ROWS_OF_MATRIX[3]=$(run_samples 3 | row deadlock stock stock full); }
wait_each_deadlock() { ROWS_OF_MATRIX[1]=$(run_samples 3 | row deadlock no-backlog wait-each full); }
wait_each_fast() { matrix 16; }
wrong_order() {
	tool jq -c '.[1].counts["in-order"] = 200 | .[1].counts.odd = 80' "$WORK/backlog" >"$WORK/changed"
	mv "$WORK/changed" "$WORK/backlog"
}
request_kept() {
	tool jq -c '.[0].counts.silent = 0 | .[0].counts["in-order"] = 769' "$WORK/backlog" >"$WORK/changed"
	mv "$WORK/changed" "$WORK/backlog"
}
never_full() { ROWS_OF_MATRIX[0]=$(run_samples 0 | row survived no-backlog stock full); }
nothing_asked() { echo '[]' >"$WORK/backlog"; }
check claim-refuted-no-deadlock refuted crrccc 1 no_deadlock
check claim-refuted-late refuted ccrccc 1 late_deadlock
check claim-refuted-stock-deadlock refuted cccccr 1 stock_deadlock
check claim-refuted-wait-each-deadlock refuted cccrcc 1 wait_each_deadlock
check claim-refuted-no-cost refuted ccccrc 1 wait_each_fast
check claim-refuted-order refuted cccccr 1 wrong_order
check claim-refuted-request-kept refuted rccccc 1 request_kept
check claim-unsettled-never-full refuted cuuccc 125 never_full
check claim-unsettled-not-asked refuted uccccu 125 nothing_asked

judged() {
	local want=$1 status=$2
	shift 2
	echo '[]' >"$WORK/backlog"
	result true "$@" && field '[.verdict, .exit]' "[\"$want\",$status]" <"$WORK/result"
}
SURVIVED=$(run_samples 3 | row survived stock stock full)
INCONCLUSIVE=$(run_samples 0 | row survived stock stock full)
check judge-survived judged survived 0 "$SURVIVED" "$SURVIVED"
check judge-inconclusive judged inconclusive 125 "$SURVIVED" "$INCONCLUSIVE"
for bad in deadlock corrupt errors crashed stuck; do
	check "judge-$bad" judged "$bad" 1 "$SURVIVED" "$(run_samples 1 | row "$bad" stock stock full)" "$INCONCLUSIVE"
done

# --- What people see --------------------------------------------------------------------

table_lines_up() {
	matrix
	result false "${ROWS_OF_MATRIX[@]}" && stress_jq text -r "$WORK/result" >"$WORK/shown" &&
		shows '^no-backlog  stock      full  deadlock  0.4 s' && shows '^CONFIRMED'
}
check table table_lines_up

several_runs_in_one_line() {
	echo '[]' >"$WORK/backlog"
	result true "$SURVIVED" "$SURVIVED" "$(run_samples 1 | row deadlock stock stock full)" &&
		stress_jq text -r "$WORK/result" >"$WORK/shown" && shows 'survived 2/3, deadlock 1/3'
}
check table-of-several-runs several_runs_in_one_line

ktap_counts() {
	matrix
	late_deadlock
	result false "${ROWS_OF_MATRIX[@]}" && stress_jq ktap -r "$WORK/result" >"$WORK/shown" &&
		shows '^1\.\.6$' && shows '^not ok 3 locks-up-under-load$' && [[ $(grep -c '^ok ' "$WORK/shown") -eq 5 ]]
}
check ktap ktap_counts

# Names and messages come from elsewhere: none of them may become markup.
report_is_safe() {
	echo '[]' >"$WORK/backlog"
	result true "$(run_samples 1 | row deadlock './<b>&"' stock full '<script>alert(1)</script>' |
		tool jq -c '.reason = "<i>" | .trace[0] = "<svg onload=x>"')" || return
	stress_jq report -r --arg kernel 6.1 --arg depth 0 --arg stalls '' --arg extra '' --arg patches '' "$WORK/result" >"$WORK/report" || return
	! grep -n -E '<(b>|script|i>|svg onload)' "$WORK/report" || return
	grep -q 'deadlock: no job after 0.4 s' "$WORK/report" && grep -q 'crypt_convert' "$WORK/report" &&
		! grep -n -E '(src|href)=' "$WORK/report"
}
check report-escapes-and-is-self-contained report_is_safe

finish
