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

bound() {
	rings=$(find /sys/bus/platform/drivers/caam_jr -name '*.jr' | wc -l)
	because "$rings of $JOB_RINGS job rings bound"
	[ "$rings" -eq "$JOB_RINGS" ]
}

# Registration waits for the self-test; a larval entry would still be "unknown".
passed() {
	for _ in 1 2 3 4 5; do
		registered_algorithms >/tmp/registered
		grep -q unknown /tmp/registered || break
		sleep 1
	done
	want=$(awk '!/^#/ && !/ since /' "/tests/expected/$PROFILE.algorithms" | wc -l)
	good=$(grep -c ' passed$' /tmp/registered)
	because "self-tests passed: $good; at least $want expected"
	[ "$good" -ge "$want" ] && ! grep -qv ' passed$' /tmp/registered
}

ktap_plan 4
ktap_test device-survived survived
ktap_test driver-bound bound
ktap_test self-tests-passed passed
ktap_test kernel-log-clean quiet 1
echo "@@ jobs $(jobs_now)"
ktap_end
