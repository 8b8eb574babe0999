# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: the driver binds to the device, and the kernel's own self-tests pass on it
# driver: stock

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

EXPECTED=/tests/expected/$PROFILE.algorithms

bound() {
	because "$(dmesg | grep -o 'device ID = .*' | tail -n1)"
	rings=$(find /sys/bus/platform/drivers/caam_jr -name '*.jr' | wc -l)
	because "$rings of $JOB_RINGS job rings bound"
	[ "$rings" -eq "$JOB_RINGS" ]
}

# Registration waits for the self-test; a larval entry would still be "unknown".
finished() {
	for _ in 1 2 3 4 5; do
		registered_algorithms >/tmp/registered
		grep -q unknown /tmp/registered || return 0
		sleep 1
	done
	because "self-tests neither passed nor gave up within 5 s, or failed"
	return 1
}

# not_in FILE: those lines of stdin that are not in it.
not_in() {
	while read -r line; do
		grep -qxF "$line" "$1" || printf '%s ' "$line"
	done
}

complete() {
	# "NAME since N": from Linux N.0 on.
	awk -v major="$(uname -r | cut -d. -f1)" '
		/^#/ || ($2 == "since" && major < $3) { next }
		{ print $1 }' "$EXPECTED" | sort >/tmp/expected
	cut -d' ' -f1 /tmp/registered | sort >/tmp/names
	because "expected $(wc -l </tmp/expected), registered $(wc -l </tmp/names), passed $(grep -c ' passed$' /tmp/registered)"
	missing=$(not_in /tmp/names </tmp/expected)
	surplus=$(not_in /tmp/expected </tmp/names)
	if [ -n "$missing" ]; then because "missing: $missing"; fi
	if [ -n "$surplus" ]; then because "not expected of this device: $surplus"; fi
	[ -z "$missing$surplus" ]
}

passed() {
	because "$(grep -c ' passed$' /tmp/registered) of $(wc -l </tmp/registered) passed"
	while read -r name verdict; do
		because "$name: $verdict"
	done </tmp/registered
	[ -s /tmp/registered ] && ! grep -qv ' passed$' /tmp/registered
}

# The self-tests must have run on the device, not beside it.
worked() {
	counters_now >/tmp/counters
	read -r jobs encrypted decrypted </tmp/counters
	because "device counters: jobs $jobs, bytes encrypted $encrypted, bytes decrypted $decrypted"
	[ "$jobs" -gt 0 ] && [ "$encrypted" -gt 0 ] && [ "$decrypted" -gt 0 ]
}

ktap_plan 6
ktap_test driver-bound bound
ktap_test self-tests-finished finished
ktap_test algorithms-complete complete
ktap_test self-tests-passed passed
ktap_test kernel-log-clean quiet 1
ktap_test device-worked worked
# The emulator's statistics must know of these jobs (scripts/lib/ktap.sh).
echo "@@ jobs $jobs"
ktap_end
