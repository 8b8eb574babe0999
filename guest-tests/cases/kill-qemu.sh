# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: QEMU is killed in the middle of I/O; the emulator keeps nothing of it and serves the next
# driver: dm-crypt-able
# emu: --job-rings 4 --decos 2
# boots: --seed 1 | same | same
# kills: qemu | qemu | -

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh
# shellcheck source=../lib/dmcrypt.sh
. /tests/lib/dmcrypt.sh
# shellcheck source=../lib/world.sh
. /tests/lib/world.sh

if [ "$BOOT" -lt 3 ]; then ktap_plan 6; else ktap_plan 5; fi
faults_clear
ktap_test self-tests self_tested
ktap_test disk-verified disk_verified
ktap_test jobs-add-up balanced
ktap_test emulator-no-larger size_flat
ktap_test kernel-log-clean quiet 1
echo "@@ jobs $(jobs_now)"
if [ "$BOOT" -lt 3 ]; then
	ktap_test jobs-in-device held_up
	kill_now qemu
	# Longer than this guest has.
	sleep 60
fi
ktap_end
