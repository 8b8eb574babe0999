#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# scripts/soak.sh in a guest: some good rounds; that it finds what is wrong, keeps it, and that what it
# keeps repeats it; that it leaves nothing behind. Needs what a first run of scripts/stress.sh sets up.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=lib-guest.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib-guest.sh"

SCRIPT=$ROOT/scripts/soak.sh
# Seed 14 begins with an ordinary boot: mapped memory, rings of 512 slots.
SEED=14

good_rounds() {
	run 0 "$SCRIPT" --rounds 3 --seed "$SEED" --out "$WORK/good" || return
	grep -q "^seed $SEED: 3 rounds good, 0 bad, 1 boots" "$WORK/out" || { cat "$WORK/out"; return 1; }
	[[ $(wc -l <"$WORK/good/rounds.tsv") -eq 4 && $(wc -l <"$WORK/good/samples.tsv") -ge 4 ]] || { ls -l "$WORK/good"; return 1; }
	cmp "$WORK/out" "$WORK/good/summary.txt" && nothing_left
}
check good-rounds good_rounds

# kept DIR FILE...: the folder of the failed round, with all that belongs there.
kept() {
	local dir=$1 file
	shift
	for file in failure.txt plan.toml rules stats.json console.log emulator.log "$@"; do
		[[ -s $dir/$file ]] || { echo "not kept: $file"; ls -l "$dir"; return 1; }
	done
}

# Output that is wrong and says nothing of it: found in the first round, and in that round again.
corruption_is_found() {
	local repeat
	run 1 "$SCRIPT" --rounds 3 --seed "$SEED" --fault data-flip:dir=decrypt,every=300 --out "$WORK/corrupt" || return
	says 'round 1 failed: corrupt data' && kept "$WORK/corrupt/failure-$SEED-1" faults.json after.json || return
	nothing_left || return
	repeat=$(sed -n 's/^repeat: *scripts\/soak.sh //p' "$WORK/corrupt/failure-$SEED-1/failure.txt")
	[[ -n $repeat ]] || { cat "$WORK/corrupt/failure-$SEED-1/failure.txt"; return 1; }
	# The command is quoted for a shell.
	eval "run 1 '$SCRIPT' $repeat --out '$WORK/again'" && says 'round 1 failed: corrupt data' &&
		cmp "$WORK/corrupt/failure-$SEED-1/plan.toml" "$WORK/again/failure-$SEED-1/plan.toml"
}
check corruption-is-found-and-repeated corruption_is_found

# The driver of 2015: dm-crypt waits for ever, and the device has nothing to do.
deadlock_is_found() {
	run 1 "$SCRIPT" --rounds 5 --seed "$SEED" --driver no-backlog+ring-16 --patience 10 --out "$WORK/hang" || return
	says 'failed: hang: .* 0 jobs at the device' && kept "$WORK"/hang/failure-"$SEED"-* && nothing_left
}
check deadlock-is-found deadlock_is_found

# Ctrl-C: what there is, is told.
interrupted() {
	local status=0
	start 'round 1: ' --hours 1 --seed "$SEED" --out "$WORK/interrupted" || return
	kill -INT "$SCRIPT_PID"
	wait "$SCRIPT_PID" || status=$?
	((status == 125)) || { echo "status $status"; return 1; }
	says interrupted && grep -q '1 rounds good, 0 bad' "$WORK/out" && nothing_left
}
check interrupt interrupted

killed() {
	start 'boot 1: ' --rounds 1 --seed "$SEED" --out "$WORK/killed" || return
	sleep 1
	kill -KILL "$SCRIPT_PID"
	wait "$SCRIPT_PID" 2>/dev/null
	nothing_left files
}
check killed-outright killed

finish
