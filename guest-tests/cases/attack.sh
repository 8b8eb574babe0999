# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: a device that has been attacked from all sides serves a guest as if nothing had been
# driver: stock
# emu: --job-rings 4 --decos 2 --log error
# attack: 1000000
#
# Before this guest boots, vm.sh lets examples/attack.rs write nonsense to all registers of the same
# emulator while jobs run, and rewrite these jobs meanwhile. It asks the device to hash something
# every 2500 operations, and looks at the emulator's memory and descriptors.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

survived() {
	because "status of the attack: $ATTACK (what it said stands above)"
	[ "$ATTACK" = 0 ]
}

ktap_plan 3
ktap_test device-survived survived
ktap_test self-tests-passed self_tested
ktap_test kernel-log-clean quiet 1
echo "@@ jobs $(jobs_now)"
ktap_end
