# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: fio with verify on dm-crypt under random stalls, latency, reordering: all intact, all as predicted
# driver: dm-crypt-able
# emu: --decos 4 --seed 7
#
# For LOAD_SECONDS (by default 60). dm-crypt, the crypto API's queueing and the driver are the kernel's
# own, but for the flag that would keep dm-crypt from taking the driver.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh
# shellcheck source=../lib/dmcrypt.sh
. /tests/lib/dmcrypt.sh

FIRST_LINE=$(($(dmesg | wc -l) + 1))

set_up() {
	dm_crypt_ready 512 && write_all && intact && snapshot
}

# By chance, each of them: by seed and number, so that the host can tell how often.
set_faults() {
	faults_clear || return
	for mix in \
		stall:for=30ms,probability=0.0005,alg=aes-xts,name=stall \
		stall:release=full,for=100ms,probability=0.0002,alg=aes-xts,name=until-full \
		latency:exponential=100us,probability=0.5,alg=aes-xts,name=latency \
		latency:uniform=1ms..20ms,probability=0.001,alg=aes-xts,name=outliers \
		reorder:window=8,within=5ms,probability=0.3,alg=aes-xts,name=reorder \
		ring-depth:slots=64,probability=0.5,name=depth \
		irq-delay:by=2ms,probability=0.02,name=irq-delay; do
		fault "$mix" || return
	done
}

# load: writes, reads and verifies again and again until the time is over. fio ends at the first block
# that is not what was written there.
load() {
	counters_now >/tmp/before
	fio --output=/tmp/fio.out --name=mix --filename="$CRYPT" --ioengine=libaio --iodepth=16 --direct=1 \
		--rw=randwrite --bssplit=512/20:4k/40:20k/20:64k/20 --blockalign=512 --size=2M --numjobs=3 --offset_increment=4M \
		--verify=crc32c --verify_fatal=1 --do_verify=1 --time_based --runtime="$LOAD_SECONDS" \
		--group_reporting --randrepeat=1
	status=$?
	cat /tmp/fio.out
	read -r jobs0 encrypted0 decrypted0 </tmp/before
	counters_now >/tmp/after
	read -r jobs encrypted decrypted </tmp/after
	jobs=$((jobs - jobs0)) encrypted=$((encrypted - encrypted0)) decrypted=$((decrypted - decrypted0))
	because "fio: status $status; device: $jobs jobs, $encrypted bytes encrypted, $decrypted decrypted"
	grep -E 'verify|error' /tmp/fio.out >/tmp/errors
	while read -r line; do because "$line"; done </tmp/errors
	echo "@@ moved aes-xts encrypt $encrypted" >&3
	echo "@@ moved aes-xts decrypt $decrypted" >&3
	[ "$status" -eq 0 ] && [ "$encrypted" -gt 0 ] && [ "$decrypted" -gt 0 ]
}

predicted() {
	ask as-predicted
	status=$?
	while read -r line; do because "$line"; done </tmp/answer
	[ "$status" -eq 0 ] && [ -s /tmp/answer ] && ! grep -q ', 0 fired' /tmp/answer
}

ktap_plan 6
ktap_test set-up set_up
ktap_test faults-are-set set_faults
ktap_test fio-verify load
ktap_test fired-as-the-seed-says predicted
ktap_test device-works-without-them eval 'faults_clear && write_all && intact'
ktap_test kernel-log-clean quiet "$FIRST_LINE"
failed_since_snapshot 0
echo "@@ jobs $(jobs_now)"
ktap_end
