#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Several guests at once, each with an emulator of its own: as many as the first argument says, or two.
# All self-tests must pass in each. Needs what a first run of scripts/vm.sh sets up.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=lib-guest.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib-guest.sh"

VM=$ROOT/scripts/vm.sh
GUESTS=${1:-2}
[[ $GUESTS =~ ^[1-9][0-9]?$ ]] || {
	echo "many-guest.sh: $GUESTS: not a number of guests; usage: scripts/tests/many-guest.sh [1..99]" >&2
	exit 2
}

# Whatever ends this script ends them, too; each cleans up after itself.
end_guests() {
	local pid
	for pid in "${PIDS[@]}"; do kill -TERM "$pid" 2>/dev/null; done
	wait
}

PIDS=()
# `check` has it in a subshell, so the traps are set there.
all_at_once() {
	local i status=0
	trap end_guests EXIT
	trap 'exit 125' INT TERM HUP
	for ((i = 1; i <= GUESTS; i++)); do
		# A guest of many on few processors takes its time.
		env --default-signal=INT,TERM "$VM" --timeout $((300 + 120 * GUESTS)) selftests \
			>"$WORK/out-$i" 2>"$WORK/err-$i" </dev/null &
		PIDS+=($!)
	done
	for ((i = 1; i <= GUESTS; i++)); do
		wait "${PIDS[i - 1]}" && continue
		echo "guest $i: status $?"
		cat "$WORK/out-$i" "$WORK/err-$i"
		status=1
	done
	PIDS=()
	# shellcheck disable=SC2119 # not this script's arguments
	((status == 0)) && nothing_left
}
check "$GUESTS-guests-at-once" all_at_once

# What each emulator had come to at the end.
for ((i = 1; i <= GUESTS; i++)); do
	sed -n "s/^ *# emulator: \(.* jobs in all; .*\)/# guest $i: \1/p" "$WORK/out-$i"
done

finish
