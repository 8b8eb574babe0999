# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# What the driver shows of the device: its performance counters, its algorithms, its errors.

# counter NAME: one of the device's performance counters, which the driver shows in debugfs.
counter() {
	cat /sys/kernel/debug/*.crypto/ctl/"$1" 2>/dev/null || cat /sys/kernel/debug/caam/ctl/"$1"
}

# counters_now: "cipher-jobs bytes-encrypted bytes-decrypted". (rq_dequeued would count the
# jobs of the RNG too, which the kernel asks for random bytes whenever it likes.)
counters_now() {
	echo "$(($(counter ob_rq_encrypted) + $(counter ib_rq_decrypted))) $(counter ob_bytes_encrypted) $(counter ib_bytes_decrypted)"
}

# registered_algorithms: "driver selftest" for each algorithm of the CAAM driver.
registered_algorithms() {
	awk '$1 == "driver" { name = $3 } $1 == "selftest" && name ~ /-caam(-|$)/ { print name, $3 }' /proc/crypto
}

# reference_count DRIVER: how often the algorithm is in use.
reference_count() {
	awk -v want="$1" '$1 == "driver" { name = $3 } $1 == "refcnt" && name == want { print $3; exit }' /proc/crypto
}

# What no kernel log of a good run contains. (The driver reports job errors as
# "caam_jr 10001000.jr: 2000071c: CCB: ..." and self-test failures as "alg: ... failed".)
KERNEL_COMPLAINTS='alg: .*(fail|error|mismatch|unavail)|WARNING:|BUG:|Oops|Internal error|Call trace|caam[^:]*: .*([Ff]ail|[Ee]rr)|caam_jr [^ ]*: [0-9a-f]{8}: |INFO: task .* blocked|nobody cared|I/O error'

# kernel_complaints SINCE-LINE: such lines of the log, from that line on.
kernel_complaints() {
	dmesg | tail -n +"$1" | grep -E "$KERNEL_COMPLAINTS" |
		grep -v 'module verification failed' # a variant is not signed
}

# jobs_now: how many the device has taken.
jobs_now() {
	counter rq_dequeued
}

# has_algorithm DRIVER: the driver has registered it.
has_algorithm() {
	awk -v want="$1" '$1 == "driver" && $3 == want { found = 1 } END { exit !found }' /proc/crypto
}

# snapshot: has vm.sh note the emulator's statistics, and waits for it. Afterwards
# `failed_since_snapshot N` says how many jobs must have failed by the end of the case.
snapshot() {
	echo "@@ snapshot" >&3
	answer=
	# shellcheck disable=SC3045 # busybox has it
	read -r -t 20 answer </dev/ttyAMA1
	[ "$answer" = noted ] && return 0
	because "vm.sh noted no statistics: ${answer:-no answer}"
	return 1
}

failed_since_snapshot() {
	echo "@@ failed $1" >&3
}

# quiet SINCE-LINE: no complaint in the kernel log from that line on.
quiet() {
	kernel_complaints "$1" >/tmp/complaints
	while read -r line; do because "$line"; done </tmp/complaints
	[ ! -s /tmp/complaints ]
}

# on_device COMMAND...: must make the device work. (Not "one job exactly": now and then the
# kernel's hwrng thread has a job of its own. What must be exact is counted in bytes, or in failed
# jobs.) Sets jobs.
on_device() {
	before=$(jobs_now)
	"$@"
	status=$?
	jobs=$(($(jobs_now) - before))
	[ "$jobs" -ge 1 ] && return "$status"
	because "the device did nothing"
	return 1
}

# self_tested: the driver is on all its rings, its algorithms have passed the kernel's tests on the device.
self_tested() {
	bound=$(find /sys/bus/platform/drivers/caam_jr -name '*.jr' | wc -l)
	# Registration waits for the self-test; a larval entry would still be "unknown".
	for _ in 1 2 3 4 5; do
		registered_algorithms >/tmp/registered
		grep -q unknown /tmp/registered || break
		sleep 1
	done
	want=$(awk '!/^#/ && !/ since /' "/tests/expected/$PROFILE.algorithms" | wc -l)
	good=$(grep -c ' passed$' /tmp/registered)
	because "$bound of $JOB_RINGS job rings bound; self-tests passed: $good of at least $want; device: $(jobs_now) jobs"
	[ "$bound" -eq "$JOB_RINGS" ] && [ "$good" -ge "$want" ] && [ "$(jobs_now)" -gt 0 ] && ! grep -qv ' passed$' /tmp/registered
}
