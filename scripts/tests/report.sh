#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/vm.sh makes of a guest's report: its questions, its panics, and what a hostile guest
# might say. No guest, no emulator: both are played here.
#
# shellcheck disable=SC2034 # many a variable is for the library
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=../lib/all.sh
. "$ROOT/scripts/lib/all.sh"
export NO_COLOR=1

# The emulator: says what it was asked, one word a line; "slow" never ends, "no" is refused.
cat >"$WORK/emulator" <<'SH'
#!/bin/sh
printf '%s\n' "$@" >>"$0.asked"
case "$*" in
*slow*) exec sleep 100 ;;
*no*) echo "error: no" >&2; exit 1 ;;
esac
printf 'one\n  two\n'
SH
chmod +x "$WORK/emulator"
EMULATOR=$WORK/emulator RUN=$WORK/run LOGS=$WORK/logs KEEP_LOGS=0
mkdir -p "$RUN/carry" "$LOGS"

# ask QUESTION: the answer is in $WORK/answer.
ask() {
	exec 8>"$WORK/answer"
	answer_guest 8 "$1"
	exec 8>&-
}

# answers TEXT: exactly.
answers() {
	[[ $(<"$WORK/answer") == "$1" ]] && return 0
	echo "answer:"
	cat "$WORK/answer"
	return 1
}

question_is_asked() {
	ask 'ctl fault add status:value=ccb/aes/icv-check,alg=aes-gcm,name=a.b-c_1' && answers $'- one\n-   two\n= 0' || return
	printf '%s\n' ctl --control "$RUN/control.sock" fault add status:value=ccb/aes/icv-check,alg=aes-gcm,name=a.b-c_1 |
		cmp - "$WORK/emulator.asked"
}
check question-is-asked question_is_asked

emulator_says_no() {
	ask 'ctl fault clear no' && answers $'- error: no\n= 1'
}
check emulator-says-no emulator_says_no

# forbidden QUESTION: the emulator never hears of it.
forbidden() {
	rm -f "$WORK/emulator.asked"
	cd "$WORK" || return
	ask "$1"
	[[ ! -e $WORK/emulator.asked ]] || { echo "the emulator was asked: $(<"$WORK/emulator.asked")"; return 1; }
	[[ ! -e $WORK/gone ]] || { echo "a command was run"; return 1; }
	tail -n1 "$WORK/answer" | grep -qx '= 2'
}
# shellcheck disable=SC2016 # nothing is to be expanded
for question in 'ctl' 'ctl watch' 'ctl --control /tmp/other stats' 'ctl stats --control /tmp/other' 'ctl --json stats' \
	'ctl fault add --help' 'ctl fault add stall:$(touch gone)' 'ctl fault add stall;touch gone' 'ctl fault add `touch gone`' \
	'ctl fault add stall:for=1s extra' 'ctl fault clear --name' 'ctl fault' 'ctl resume 4' 'ctl resume all' 'ctl stall --x' \
	'ctl stall $(touch gone)' 'rule' 'rule --x' 'rule a b' 'rule ;' 'rings' 'rings a.b.c' 'rings $ENV' 'rings a[0]' \
	'as-predicted x' 'restarted x' 'size 1' 'balance x' 'serve' 'ctl * *' 'ctl fault add *'; do
	check "forbidden: $question" forbidden "$question"
done

# A host that waits for its guest to read would hang with it.
nobody_listens() {
	local full started=$SECONDS
	mkfifo "$WORK/full"
	exec {full}<>"$WORK/full"
	head -c 100000 /dev/zero | timeout 1 tee "$WORK/full" >/dev/null
	answer_guest "$full" 'ctl stats' 2>"$WORK/err"
	says 'does not read' && ((SECONDS - started < 60))
}
check answer-nobody-reads nobody_listens

# --- Reports ----------------------------------------------------------------------------

# What the emulator would know.
emulator_alive() { true; }
ask_statistics() { true; }
failed_jobs() { echo "${FAILED_JOBS:-0}"; }
rule_fired() { echo "${FIRED:-}"; }
statistic() { echo 0; }
tool() { echo 100; }

# report CASE LINE...: the guest's report of that case; the verdict is in $WORK/out.
report() {
	local case=$1 fd
	shift
	printf '%s\n' '@@ device 0000:00:01.0 0x10000000' '@@ ready 1' '@@ probed 0 5 4' "@@ case $case" "$@" >"$WORK/report"
	CASES_FAILED=0 CASE_NUMBER=0 CANNOT_TELL=0
	exec {fd}<"$WORK/report"
	(cd "$WORK" && relay_report "$fd" 1 30 thing && echo "GUEST_OK=$GUEST_OK") >"$WORK/out" 2>"$WORK/err"
	exec {fd}<&-
	[[ ! -e $WORK/gone ]] || { echo "a command was run"; return 1; }
}

# shown LINE...: the report's KTAP has these lines, whole.
shown() {
	local line
	for line; do
		grep -qxF -e "$line" "$WORK/out" || { echo "no line '$line' in:"; cat "$WORK/out" "$WORK/err"; return 1; }
	done
}

good_report() {
	report thing '1..1' 'ok 1 it-works' '@@ jobs 7' '@@ end thing 0' '@@ done' && shown '    1..2' 'ok 1 thing' 'GUEST_OK=1'
}
check good-report good_report

# Shell arithmetic would run what stands between the brackets.
hostile_numbers() {
	report thing "$@" '@@ end thing 0' '@@ done' && shown 'not ok 1 thing'
}
# shellcheck disable=SC2016
{
	check hostile-plan hostile_numbers '1..a[$(touch gone)]' 'ok 1 it'
	check hostile-jobs hostile_numbers '1..1' '@@ jobs a[$(touch gone)]'
	check hostile-failed hostile_numbers '1..1' '@@ snapshot' '@@ failed a[$(touch gone)]'
	check hostile-fired hostile_numbers '1..1' '@@ fired x a[$(touch gone)]'
	check hostile-rule hostile_numbers '1..1' '@@ fired a[$(touch gone)] 1'
}

# shellcheck disable=SC2016
hostile_status() {
	report thing '1..1' '@@ end thing a[$(touch gone)]' && shown 'not ok 1 thing'
}
check hostile-status hostile_status

# shellcheck disable=SC2016
hostile_moved() {
	report thing '1..1' '@@ moved aes-xts encrypt a[$(touch gone)]' '@@ moved a[$(touch gone)] ] 5' '@@ end thing 0' '@@ done' &&
		shown 'not ok 1 thing'
}
check hostile-moved hostile_moved

# A name goes into a search of the console.
another_case() {
	report 'x/e touch gone;' '1..1' '@@ end thing 0' && shown 'not ok 1 thing' 'GUEST_OK=0' &&
		report thing '1..1' '@@ end other 0' && shown 'not ok 1 thing' 'GUEST_OK=0'
}
check another-case another_case

rule_fired_otherwise() {
	FIRED=2
	report thing '1..1' '@@ fired stall-1 2' '@@ end thing 0' '@@ done' && shown 'ok 1 thing' || return
	report thing '1..1' '@@ fired stall-1 1' '@@ end thing 0' '@@ done' && shown 'not ok 1 thing' || return
	FIRED=''
	report thing '1..1' '@@ fired stall-1 0' '@@ end thing 0' '@@ done' && shown 'not ok 1 thing'
}
check rule-fired-otherwise rule_fired_otherwise

# --- Restarts and kills -----------------------------------------------------------------

# What else the host would know and do.
jobs_held() { echo "${HELD_JOBS:-9}"; }
kill() { printf '%s\n' "$*" >>"$WORK/killed"; }
check_qemu_killed() { true; }
check_emulator_killed() { true; }
size_text() { echo small; }

restarts() {
	report thing '1..3' 'ok 1 before' '@@ restarts 1 0 77' '@@ device 0000:00:01.0 0x10000000' '@@ ready 1' '@@ probed 0 5 4' \
		'@@ case thing' '@@ restarted' 'ok 2 after' '@@ restarts 2 1' '@@ ready 1' '@@ probed 0 5 4' '@@ case thing' \
		'@@ restarted' 'ok 3 at-last' '@@ end thing 0' '@@ done' &&
		shown '    1..4' '    ok 2 after' 'ok 1 thing' '- 1 1 0 77' '- 2 2 1 0' 'GUEST_OK=1'
}
check restarts restarts

# Unannounced; with a driver that does not come back; with another case; with numbers that are none.
restarts_otherwise() {
	report thing '1..1' 'ok 1 it' '@@ ready 1' '@@ probed 0 5 4' '@@ case thing' '@@ end thing 0' '@@ done' &&
		shown 'not ok 1 thing' 'GUEST_OK=0' || return
	report thing '1..1' '@@ restarts 1 0' '@@ ready 1' '@@ probed 1 5 0' '@@ case thing' '@@ end thing 0' '@@ done' &&
		shown 'not ok 1 thing' 'GUEST_OK=0' || return
	report thing '1..1' '@@ restarts 1 0' '@@ ready 1' '@@ case other' '@@ end other 0' && shown 'not ok 1 thing' 'GUEST_OK=0' || return
	# shellcheck disable=SC2016
	report thing '1..1' '@@ restarts a[$(touch gone)] a[$(touch gone)]' '@@ ready 1' '@@ case thing' '@@ restarted' \
		'@@ end thing 0' '@@ done' && shown '- 1 0 999 0'
}
check restarts-otherwise restarts_otherwise

kills_qemu() {
	KILLS=qemu QEMU_PID=4711
	rm -f "$WORK/killed"
	report thing '1..1' 'ok 1 busy' '@@ kill qemu' && shown '    1..3' '    ok 2 qemu-killed' '    ok 3 emulator-statistics' \
		'ok 1 thing' 'GUEST_OK=1' && [[ $(<"$WORK/killed") == '-KILL 4711' ]] || return
	# With nothing in the device that shows nothing.
	HELD_JOBS=0
	report thing '1..1' 'ok 1 busy' '@@ kill qemu' && shown '    not ok 2 qemu-killed' 'not ok 1 thing' || return
	# It ended by itself; or it lives.
	report thing '1..1' 'ok 1 busy' && shown 'not ok 1 thing' 'GUEST_OK=0' || return
	HELD_JOBS=9
	report thing '1..1' 'ok 1 busy' '@@ kill qemu' '@@ end thing 0' '@@ done' && shown 'not ok 1 thing'
}
check kills-qemu kills_qemu

kills_emulator() {
	KILLS=emulator EMULATOR_PID=4712
	rm -f "$WORK/killed"
	report thing '1..1' 'ok 1 busy' '@@ kill emulator' '@@ end thing 0' '@@ done' && shown '    1..2' '    ok 2 emulator-killed' \
		'ok 1 thing' 'GUEST_OK=1' && [[ $(<"$WORK/killed") == '-KILL 4712' ]] || return
	# The case never said so.
	report thing '1..1' 'ok 1 busy' '@@ end thing 0' '@@ done' && shown '    not ok 2 emulator-killed' 'not ok 1 thing'
}
check kills-emulator kills_emulator

# Only what its header says, and once.
kills_nothing_else() {
	rm -f "$WORK/killed"
	report thing '1..1' '@@ kill qemu' '@@ end thing 0' '@@ done' && shown 'not ok 1 thing' 'GUEST_OK=0' || return
	KILLS=qemu QEMU_PID=4711
	report thing '1..1' '@@ kill emulator' && shown 'not ok 1 thing' || return
	report thing '1..1' '@@ kill 1' && shown 'not ok 1 thing' || return
	[[ ! -e $WORK/killed ]]
}
check kills-nothing-else kills_nothing_else

# --- Panics -----------------------------------------------------------------------------

# console LINE...: before the case began the kernel has said the same, and did not die of it.
console() {
	printf '%s\r\n' '[    1.0] pc : broken+0x1' '[    2.0] === case thing' "$@" >"$LOGS/console.log"
}

panics_as_it_must() {
	PANIC='pc : broken+'
	console '[    3.0] kernel BUG at x.c:1!' '[    3.0] pc : broken+0x12' '[    3.1] Kernel panic - not syncing: Oops'
	report thing '1..1' 'ok 1 fault-is-set' && shown '    1..3' '    # [    3.0] pc : broken+0x12' '    ok 2 guest-panics' \
		'    ok 3 emulator-statistics' 'ok 1 thing' 'GUEST_OK=1'
}
check panics-as-it-must panics_as_it_must

# Of something else; before the case; not at all; not to death; before there was a plan.
panics_otherwise() {
	PANIC='pc : broken+'
	console '[    3.0] pc : other+0x12' '[    3.1] Kernel panic - not syncing: Oops'
	report thing '1..1' 'ok 1 fault-is-set' && shown '    not ok 2 guest-panics' 'not ok 1 thing' 'GUEST_OK=0' || return
	console '[    3.0] nothing of the kind'
	report thing '1..1' 'ok 1 fault-is-set' && shown '    not ok 2 guest-panics' 'not ok 1 thing' || return
	console '[    3.0] pc : broken+0x12'
	report thing '1..1' 'ok 1 fault-is-set' && shown '    not ok 2 guest-panics' 'not ok 1 thing' || return
	report thing '1..1' 'ok 1 fault-is-set' '@@ end thing 0' '@@ done' && shown '    # the guest did not end' 'not ok 1 thing' || return
	console '[    3.0] pc : broken+0x12' '[    3.1] Kernel panic - not syncing: Oops'
	report thing && shown 'not ok 1 thing' 'GUEST_OK=0'
}
check panics-otherwise panics_otherwise

unexpected_panic() {
	console '[    3.0] pc : broken+0x12' '[    3.1] Kernel panic - not syncing: Oops'
	report thing '1..1' 'ok 1 fault-is-set' && shown 'not ok 1 thing' 'GUEST_OK=0'
}
check unexpected-panic unexpected_panic

finish
