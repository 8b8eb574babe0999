# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: a small ring and the driver of 2015: it is told that there is no room, and forgets a request
# driver: dm-crypt-able+no-backlog
# emu: --seed 7
#
# This driver reads the number of free slots before every job: to it the device may say that there
# are none. (faults-jobs has the same with the driver of today, which must never hear that.)

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh
# shellcheck source=../lib/dmcrypt.sh
. /tests/lib/dmcrypt.sh

set_up() {
	dm_crypt_ready 512 && write_sectors 8 && intact_first 8
}

refused() {
	fault ring-depth:slots=16 && depth=$rule && fault latency:fixed=5ms,alg=aes-xts || return
	write_all &
	writer=$!
	eventually 30 told_no || return
	fired_some "$depth"
}

told_no() {
	rings slot_refusals && because "reads that gave 0: $sum" && [ "$sum" -gt 0 ]
}

# The device has nothing to do, and dm-crypt waits for a request that nobody has.
forgotten() {
	eventually 30 nothing_left || return
	faults_clear && sleep 2 && nothing_left || return
	kill -0 "$writer" 2>/dev/null || { because "the write has ended"; return 1; }
}

nothing_left() {
	rings occupancy && because "jobs in the rings: $sum" && [ "$sum" -eq 0 ]
}

ktap_plan 3
ktap_test set-up set_up
ktap_test no-room-is-ebusy refused
ktap_test request-is-forgotten forgotten
echo "@@ jobs $(jobs_now)"
ktap_end
