# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: /dev/hwrng reads the device's random bytes; they pass the tests of FIPS 140-2
# driver: stock

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

RNG=/sys/class/misc/hw_random
FIRST_LINE=$(($(dmesg | wc -l) + 1))
# A block of rngtest's is 20000 bits. It also takes the first 32 bits of its input.
BLOCKS=60
BYTES=$((BLOCKS * 2500 + 4))

offered() {
	because "available: $(cat "$RNG"/rng_available)"
	tr ' ' '\n' <"$RNG"/rng_available | grep -qx rng-caam
}

selected() {
	echo rng-caam >"$RNG"/rng_current || return
	because "current: $(cat "$RNG"/rng_current)"
	[ "$(cat "$RNG"/rng_current)" = rng-caam ]
}

# A job of the driver's makes 16 bytes. What the kernel holds ready beforehand is far less than
# half of what is read: the driver's FIFO of 64 bytes, and the core's buffers.
read_bytes() {
	before=$(jobs_now)
	head -c "$BYTES" /dev/hwrng >/tmp/random || return
	jobs=$(($(jobs_now) - before))
	because "$(stat -c %s /tmp/random) bytes, $jobs jobs"
	[ "$(stat -c %s /tmp/random)" -eq "$BYTES" ] && [ "$jobs" -ge $((BYTES / 16 / 2)) ]
}

# Of true random blocks, 8 in 10000 fail (rngtest's manual): more than 2 of 60 do so once in
# 50000 runs.
fips() {
	rngtest -c "$BLOCKS" </tmp/random >/tmp/rngtest 2>&1
	grep -E 'FIPS 140-2' /tmp/rngtest >/tmp/lines
	while read -r line; do because "$line"; done </tmp/lines
	good=$(sed -n 's/.*FIPS 140-2 successes: //p' /tmp/rngtest)
	bad=$(sed -n 's/.*FIPS 140-2 failures: //p' /tmp/rngtest)
	[ "$((${good:-0} + ${bad:-0}))" -eq "$BLOCKS" ] && [ "$bad" -le 2 ]
}

# What the tests above do not see: the same bytes over again.
different() {
	head -c 4096 /dev/hwrng >/tmp/again || return
	head -c 4096 /tmp/random | cmp -s - /tmp/again && { because "twice the same 4096 bytes"; return 1; }
	od -An -v -tx8 -w16 /tmp/random | sort | uniq -d >/tmp/repeated
	because "$(wc -l </tmp/repeated) of $((BYTES / 16)) values of 128 bits occur twice"
	[ ! -s /tmp/repeated ]
}

ktap_plan 6
ktap_test hwrng-offered offered
ktap_test hwrng-selected selected
ktap_test device-makes-the-bytes read_bytes
ktap_test rngtest-fips-140-2 fips
ktap_test no-repetition different
ktap_test kernel-log-clean quiet "$FIRST_LINE"
echo "@@ jobs $(jobs_now)"
ktap_end
