# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: the driver is unloaded and loaded again while its users come and go
# driver: dm-crypt-able
# emu: --job-rings 1 --decos 2
#
# Two users, each again and again: a socket of AF_ALG, and a dm-crypt mapping. With the driver there, they
# have its algorithms, else the kernel's own; what comes out must be the same. While one of them holds an
# algorithm the kernel refuses to unload the module, which is tried until it is done.
#
# One ring: with several on one interrupt line, the driver of today warns (docs/findings.md, 2).

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

FIRST_LINE=$(($(dmesg | wc -l) + 1))

# user NAME COMMAND...: until /tmp/stop is there, or the command fails.
user() {
	name=$1 times=0
	shift
	while [ ! -e /tmp/stop ]; do
		"$@" >"/tmp/$name.said" 2>&1 || { echo "failed after $times times: $(tail -n 1 "/tmp/$name.said")" >"/tmp/$name.end"; return; }
		times=$((times + 1))
		echo "$times" >"/tmp/$name.times"
		sleep 0.2
	done
	echo good >"/tmp/$name.end"
}

by_socket() {
	kcapi-enc -e -c 'cbc(aes)' --keyfd 4 --iv 000102030405060708090a0b0c0d0e0f -i /tmp/plain -o /tmp/socket.out 4</tmp/key16 &&
		cmp /tmp/expected /tmp/socket.out
}

# Written by whichever it is, and what the disk holds compared.
by_mapping() {
	table="0 $SECTORS crypt aes-xts-plain64 $DM_KEY 0 $DISK 0"
	dmsetup create user --table "$table" && dd if=/tmp/pattern of=/dev/mapper/user bs=64k count=4 oflag=direct &&
		dmsetup remove user && dd if="$DISK" of=/tmp/mapping.out bs=64k count=4 iflag=direct && cmp /tmp/sealed /tmp/mapping.out
}

# What the users' results must be: made in peace, by the device.
set_up() {
	modprobe algif_skcipher && dm_crypt_ready 512 && write_sectors 512 && dmsetup remove crypt || return
	dd if="$DISK" of=/tmp/sealed bs=64k count=4 iflag=direct || return
	head -c 16 /dev/urandom >/tmp/key16
	head -c 65536 /dev/urandom >/tmp/plain
	: >/tmp/expected
	on_device kcapi-enc -e -c cbc-aes-caam --keyfd 4 --iv 000102030405060708090a0b0c0d0e0f -i /tmp/plain -o /tmp/expected 4</tmp/key16 &&
		[ -s /tmp/expected ]
}

users_start() {
	user socket by_socket &
	user mapping by_mapping &
	eventually 30 users_work 0
}

# users_work TIMES: both have done more than that.
users_work() {
	[ "$(cat /tmp/socket.times)" -gt "$1" ] && [ "$(cat /tmp/mapping.times)" -gt "$1" ]
}

# taken_off: until the module is gone; counts how often the kernel has refused it.
taken_off() {
	modprobe -r caam_jr 2>/tmp/refusal && return 0
	refusals=$((refusals + 1))
	return 1
}

# busy_on_device: a user has found the algorithms again.
busy_on_device() {
	# A turn of the mapping is hundreds of sectors, a job each; the random number generator has some, too.
	[ "$(jobs_now)" -gt $((loaded + 400)) ]
}

cycles() {
	cycle=1 refusals=0
	# Once for certain: with a mapping that stays. Later it is chance.
	dmsetup create held --table "0 $SECTORS crypt aes-xts-plain64 $DM_KEY 0 $DISK 0" || return
	taken_off && { because "the module went, in use"; return 1; }
	dmsetup remove held || return
	while [ "$cycle" -le "$CYCLES" ]; do
		eventually 60 taken_off || { because "cycle $cycle: the module does not go: $(cat /tmp/refusal)"; return 1; }
		modprobe -r caam || { because "cycle $cycle: caam does not go"; return 1; }
		grep -q -e '-caam' /proc/crypto && { because "cycle $cycle: algorithms are left behind"; return 1; }
		if ! modprobe caam || ! modprobe caam_jr; then
			because "cycle $cycle: the modules do not come back"
			return 1
		fi
		loaded=$(jobs_now)
		eventually 60 busy_on_device || { because "cycle $cycle: the users do not use the device"; return 1; }
		echo "cycle $cycle of $CYCLES, refused $refusals times"
		cycle=$((cycle + 1))
	done
	because "$CYCLES cycles; the kernel refused to unload a module in use $refusals times"
}

users_end() {
	: >/tmp/stop
	wait
	for name in socket mapping; do because "$name: $(cat "/tmp/$name.times") times, $(cat "/tmp/$name.end")"; done
	[ "$(cat /tmp/socket.end) $(cat /tmp/mapping.end)" = 'good good' ]
}

ktap_plan 8
ktap_test set-up set_up
ktap_test emulator-size size_flat
ktap_test users-start users_start
ktap_test unloaded-and-loaded cycles
ktap_test users-never-failed users_end
ktap_test jobs-add-up balanced
ktap_test emulator-no-larger size_flat
ktap_test kernel-log-clean quiet "$FIRST_LINE"
echo "@@ jobs $(jobs_now)"
ktap_end
