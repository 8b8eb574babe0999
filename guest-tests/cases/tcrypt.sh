# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: the kernel's tcrypt runs its asynchronous speed modes on the device to the end
# driver: stock
#
# Not for the numbers, which are an emulator's. What counts: for each algorithm that the device
# has, tcrypt took the CAAM driver's, and every key size and block size gave a result.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

FIRST_LINE=$(($(dmesg | wc -l) + 1))

# run mode=MODE [PARAMETER...]: sets log, what the kernel said meanwhile. tcrypt does all its work
# while it is inserted and then refuses to stay, with EAGAIN. (busybox' modprobe would try again.)
run() {
	log=/tmp/tcrypt.log
	before=$(jobs_now)
	first=$(($(dmesg | wc -l) + 1))
	/usr/sbin/modprobe tcrypt "$@" 2>/tmp/modprobe
	status=$?
	dmesg | tail -n +"$first" >"$log"
	jobs=$(($(jobs_now) - before))
	because "$*: $(grep -c 'cycles' "$log") results, $jobs jobs"
	if [ "$status" -eq 0 ] || ! grep -q 'Resource temporarily unavailable' /tmp/modprobe; then
		because "modprobe: status $status: $(cat /tmp/modprobe)"
		return 1
	fi
	if grep -E 'fail|too big|tcrypt:.*not|error' "$log" >/tmp/errors; then
		while read -r line; do because "$line"; done </tmp/errors
		return 1
	fi
	[ "$jobs" -gt 0 ]
}

# results SECTION COUNT...: under that heading, so many results (one of these numbers).
results() {
	section=$1
	shift
	count=$(awk -v heading="testing speed of $section" '
		/testing speed of / { found = substr($0, length($0) - length(heading) + 1) == heading; next }
		found && /cycles/ { count++ }
		END { print count + 0 }' "$log")
	for wanted; do [ "$count" -eq "$wanted" ] && return 0; done
	because "$section: $count results instead of $*"
	return 1
}

# both_ways SECTION COUNT...
both_ways() {
	algorithm=$1
	shift
	results "$algorithm encryption" "$@" && results "$algorithm decryption" "$@"
}

# Seven block sizes with each key size.
aes() {
	both_ways "$1 ecb(aes) (ecb-aes-caam)" 21 &&
		both_ways "$1 cbc(aes) (cbc-aes-caam)" 21 &&
		both_ways "$1 lrw(aes) (lrw(ecb-aes-caam))" 21 &&
		both_ways "$1 xts(aes) (xts-aes-caam)" 14 &&
		both_ways "$1 ctr(aes) (ctr-aes-caam)" 21 &&
		both_ways "$1 rfc3686(ctr(aes)) (rfc3686-ctr-aes-caam)" 21
}

mode_500() {
	run mode=500 && aes async
}

# Several requests at once.
mode_600() {
	run mode=600 num_mb=4 && aes multibuffer
}

mode_501() {
	run mode=501 && both_ways "async ecb(des3_ede) (ecb-des3-caam)" 7 && both_ways "async cbc(des3_ede) (cbc-3des-caam)" 7
}

mode_502() {
	run mode=502 && both_ways "async ecb(des) (ecb-des-caam)" 7 && both_ways "async cbc(des) (cbc-des-caam)" 7
}

# hash MODE NAME: 22 combinations of lengths and update sizes.
hash() {
	run "mode=$1" && results "async $2 ($2-caam)" 22
}

# Eight block sizes; newer kernels try RFC 4106 with three key sizes instead of one.
mode_211() {
	run mode=211 && both_ways "gcm(aes) (gcm-aes-caam)" 24 && both_ways "rfc4106(gcm(aes)) (rfc4106-gcm-aes-caam)" 8 24
}

mode_213() {
	run mode=213 && both_ways "rfc7539esp(chacha20,poly1305) (rfc7539esp-chacha20-poly1305-caam)" 8
}

chacha=0
if has_algorithm rfc7539esp-chacha20-poly1305-caam; then chacha=1; fi
ktap_plan $((9 + chacha))
ktap_test 500-aes mode_500
ktap_test 501-3des mode_501
ktap_test 502-des mode_502
ktap_test 600-aes-multibuffer mode_600
ktap_test 403-sha1 hash 403 sha1
ktap_test 404-sha256 hash 404 sha256
ktap_test 406-sha512 hash 406 sha512
ktap_test 211-gcm mode_211
if [ $chacha -eq 1 ]; then ktap_test 213-chacha20-poly1305 mode_213; fi
ktap_test kernel-log-clean quiet "$FIRST_LINE"
echo "@@ jobs $(jobs_now)"
ktap_end
