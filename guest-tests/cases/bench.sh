# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: how fast dm-crypt is: on the device, the CPU's AES instructions, generic code, virtio-crypto
# driver: stock
# emu: --job-rings 1
#
# For scripts/bench.sh, which boots it with --dm-crypt any-cipher and a virtio-crypto device, and reads
# the lines that begin with "# bench ". Each contestant is asked for by its driver's name; that it did the
# work is proved by /proc/crypto's reference counts and by the device's own byte counters, which
# must move for the device and for nobody else. There is no measure of speed that fails.
#
# From the kernel's command line: BENCH_ROUNDS, BENCH_MS (of one figure), BENCH_WHAT (all, few).

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh

export DM_DISABLE_UDEV=1
ROUNDS=${BENCH_ROUNDS:-3} MS=${BENCH_MS:-1000} WHAT=${BENCH_WHAT:-all}
MIB=16
KEY32=00112233445566778899aabbccddeeff0123456789abcdef02468ace13579bdf
KEY64=${KEY32}f0e1d2c3b4a5968778695a4b3c2d1e0ffedcba98765432100fedcba987654321
FIRST_LINE=$(($(dmesg | wc -l) + 1))

# --- Who competes -----------------------------------------------------------------------

# driver WHO CIPHER: its name in /proc/crypto.
driver() {
	case $1-$2 in
	caam-xts) echo xts-aes-caam ;;
	caam-cbc) echo cbc-aes-caam ;;
	instructions-xts) echo xts-aes-ce ;;
	instructions-cbc) echo cbc-aes-ce ;;
	generic-xts) echo 'xts(ecb(aes-generic))' ;;
	generic-cbc) echo 'cbc(aes-generic)' ;;
	virtio-cbc) echo virtio_crypto_aes_cbc ;;
	esac
}

# contestants CIPHER: those that this guest has.
contestants() {
	for who in caam instructions generic virtio; do
		name=$(driver "$who" "$1")
		case $who in
		generic) echo "$who" ;;
		*) if [ -n "$name" ] && has_algorithm "$name"; then echo "$who"; fi ;;
		esac
	done
}

# map WHO CIPHER SECTOR-SIZE: the mapping "bench", by that driver and no other.
map() {
	unmap || return
	name=$(driver "$1" "$2")
	key=$KEY64
	if [ "$2" = cbc ]; then key=$KEY32; fi
	table="0 $((MIB * 2048)) crypt capi:$name-plain64 $key 0 /dev/ram0 0"
	if [ "$3" -ne 512 ]; then table="$table 1 sector_size:$3"; fi
	uses=$(reference_count "$name")
	dmsetup create bench --table "$table" || { because "dm-crypt does not take $name"; return 1; }
	now=$(reference_count "$name")
	[ "${now:-0}" -gt "${uses:-0}" ] && return 0
	because "dm-crypt did not take $name: reference count ${uses:-none}, with the mapping ${now:-none}"
	return 1
}

unmap() {
	[ ! -e /dev/mapper/bench ] || dmsetup remove bench
}

# device_moved WHO KIB: the device has encrypted and decrypted all of that since `moved` was set, or nothing.
device_moved() {
	read -r _ encrypted0 decrypted0 <<-END
		$moved
	END
	read -r _ encrypted decrypted <<-END
		$(counters_now)
	END
	bytes=$((encrypted - encrypted0 + decrypted - decrypted0))
	if [ "$1" = caam ]; then
		[ "$bytes" -ge $(($2 * 1024)) ] && return 0
		because "the device has moved $bytes bytes of at least $(($2 * 1024))"
	else
		[ "$bytes" -eq 0 ] && return 0
		because "the device has moved $bytes bytes, although it was $1's turn"
	fi
	return 1
}

# --- fio --------------------------------------------------------------------------------

# io ARGS...: prints "NAME KIB MS IOS MEAN-US" for each of fio's jobs; KIB in all is its last line.
io() {
	fio --output=/tmp/fio.out --output-format=terse --terse-version=3 --eta=never --filename=/dev/mapper/bench \
		--direct=1 --size="${MIB}M" --time_based --runtime="${MS}ms" --randrepeat=1 "$@" || {
		because "fio: status $?"
		return 1
	}
	# terse: 3 the name; read: 6 KiB, 8 requests a second, 9 ms, 16 mean µs; written: 47, 49, 50, 57.
	grep '^3;' /tmp/fio.out | awk -F';' '{
		if ($6 > 0) print $3, $6, $9, $8, $16; else print $3, $47, $50, $49, $57
		sum += $6 + $47
	} END { print sum; exit !NR }' >/tmp/io
}

# leg WHO CIPHER SECTOR-SIZE ROUND
leg() {
	map "$1" "$2" "$3" || return
	moved=$(counters_now)
	io --ioengine=libaio --iodepth=16 --name=seq-read --rw=read --bs=128k \
		--name=seq-write --stonewall --rw=write --bs=128k \
		--name=rand-read --stonewall --rw=randread --bs=4k \
		--name=rand-write --stonewall --rw=randwrite --bs=4k || return
	while read -r job kib ms _; do
		if [ -n "$ms" ]; then
			because "bench io who=$1 cipher=$2 sector=$3 round=$4 job=$job kib=$kib ms=$ms"
		else
			device_moved "$1" "$job" || return
		fi
	done </tmp/io
	unmap
}

# all_legs ROUND: round after round, so that a slow minute of the machine is everybody's.
all_legs() {
	for cipher in xts cbc; do
		sectors='512 4096'
		if [ "$WHAT" != all ] && [ "$cipher" = cbc ]; then sectors=4096; fi
		for sector in $sectors; do
			for who in $(contestants "$cipher"); do
				leg "$who" "$cipher" "$sector" "$1" || return
			done
		done
	done
}

# --- One request ------------------------------------------------------------------------

# device_counts: so far, separated by commas. (scripts/lib/bench/guest.jq knows the order.)
device_counts() {
	separator=
	for field in jobs doorbells interrupts.raised accesses.reads accesses.writes queue_wait.sum_ns service_time.sum_ns; do
		rings "$field" || return
		printf '%s%s' "$separator" "$sum"
		separator=,
	done
}

# one_request WHO ROUND: 512 bytes read, and only then the next.
one_request() {
	map "$1" xts 512 || return
	before=$(device_counts) || return
	moved=$(counters_now)
	io --ioengine=psync --name=one --rw=randread --bs=512 || return
	{ read -r _ kib ms _ mean; read -r total; } </tmp/io
	device_moved "$1" "$total" || return
	after=$(device_counts) || return
	because "bench one who=$1 round=$2 requests=$((kib * 2)) ms=$ms mean-us=$mean"
	if [ "$1" = caam ]; then
		because "bench counts round=$2 mean-us=$mean before=$before after=$after"
	fi
	unmap
}

one_requests() {
	for who in $(contestants xts); do
		one_request "$who" "$1" || return
	done
}

# --- cryptsetup benchmark ---------------------------------------------------------------

# cryptsetup_says WHO ROUND: it takes what has the highest priority.
cryptsetup_says() {
	moved=$(counters_now 2>/dev/null)
	for cipher in xts:512 cbc:256; do
		cryptsetup benchmark --cipher "aes-${cipher%:*}" --key-size "${cipher#*:}" >/tmp/benchmark || return
		awk -v who="$1" -v round="$2" -v cipher="${cipher%:*}" '$4 == "MiB/s" { print "bench cryptsetup who=" who " cipher=" cipher \
			" round=" round " encrypt=" $3 " decrypt=" $5; found = 1 } END { exit !found }' /tmp/benchmark >/tmp/said || {
			because "cryptsetup benchmark: $(tail -n 1 /tmp/benchmark)"
			return 1
		}
		because "$(cat /tmp/said)"
	done
	if [ -n "$moved" ]; then device_moved "$1" 1024; fi
}

caam_cryptsetup() {
	cryptsetup_says caam "$1"
}

# Without the driver, the CPU's instructions have the highest priority. (The device's counters are
# the driver's to show: they are gone too.)
instructions_cryptsetup() {
	if ! /usr/sbin/rmmod caam_jr || has_algorithm xts-aes-caam; then
		because "the driver is still there"
		return 1
	fi
	has_algorithm xts-aes-ce || { because "no AES instructions here"; return 0; }
	for round in $(seq "$ROUNDS"); do
		cryptsetup_says instructions "$round" || return
	done
}

# no_complaints: of the driver. On a busy host the guest stalls now and then, and says so with a trace:
# that spoils figures, not the case.
no_complaints() {
	kernel_complaints "$FIRST_LINE" | grep -v 'Call trace:' >/tmp/complaints
	while read -r line; do because "$line"; done </tmp/complaints
	[ ! -s /tmp/complaints ]
}

# --- All of it --------------------------------------------------------------------------

ready() {
	modprobe brd rd_nr=1 rd_size=$((MIB * 1024)) && modprobe dm-crypt || return
	for module in xts cbc essiv aes-ce-blk algif_skcipher virtio_pci virtio_crypto; do
		modprobe "$module" || because "no $module here"
	done
	has_algorithm xts-aes-caam || { because "the driver offers no xts-aes-caam"; return 1; }
	dd if=/dev/zero of=/dev/ram0 bs=1M count="$MIB"
	for cipher in xts cbc; do
		because "bench contestants cipher=$cipher who=$(contestants "$cipher" | tr '\n' , | sed 's/,$//')"
	done
	because "bench guest kernel=$(uname -r) cpus=$(nproc)"
}

ktap_plan $((3 + 3 * ROUNDS))
ktap_test set-up ready
if [ "$KTAP_FAILED" -ne 0 ]; then exit 1; fi
for round in $(seq "$ROUNDS"); do ktap_test "one-request-$round" one_requests "$round"; done
for round in $(seq "$ROUNDS"); do ktap_test "dm-crypt-$round" all_legs "$round"; done
for round in $(seq "$ROUNDS"); do ktap_test "cryptsetup-$round" caam_cryptsetup "$round"; done
unmap
ktap_test kernel-log-clean no_complaints
ktap_test cryptsetup-without-the-driver instructions_cryptsetup
ktap_end
