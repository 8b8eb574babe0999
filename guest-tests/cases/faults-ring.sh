# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: flushes and resets that are slow or fail, an RNG without entropy or handles, slow registers
# driver: stock
# emu: --seed 7 --job-rings 1
#
# One ring: the driver cannot be taken off one of several that share an interrupt line, as here they
# do (it gives the line back, and the others never hear of their jobs again).

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh

RINGS=/sys/bus/platform/drivers/caam_jr
RING=10001000.jr
FAILED=0
KEY=/tmp/key

set_up() {
	# The algorithms come and go here; the self-tests have been done.
	echo 1 >/sys/module/cryptomgr/parameters/notests || return
	head -c 16 /dev/urandom >"$KEY"
	head -c 4096 /dev/zero >/tmp/plain
	modprobe algif_skcipher && snapshot && encrypts
}

encrypts() {
	on_device kcapi-enc -e -c cbc-aes-caam --keyfd 4 --iv 000102030405060708090a0b0c0d0e0f -i /tmp/plain -o /tmp/out 4<"$KEY"
}

random() {
	head -c 256 /dev/hwrng >/tmp/random
}

# off_and_on RULE CENTISECONDS: the driver takes itself off the ring, which lasts, but goes well.
off_and_on() {
	listen
	fault "$1" || return
	timed take_off && fired "$rule" 1 || return
	because "it took $((took * 10)) ms"
	[ "$took" -ge "$2" ] && faults_clear && put_on && quiet "$HEARD" && encrypts
}

take_off() {
	echo "$RING" >"$RINGS/unbind"
}

put_on() {
	echo "$RING" >"$RINGS/bind" && bound
}

bound() {
	[ -e "$RINGS/$RING" ]
}

# given_up RULE TEXT: the driver gives up, says TEXT, and is off the ring all the same.
given_up() {
	listen
	fault "$1" || return
	take_off
	fired "$rule" 1 && said "$2" && said "$RING: Failed to shut down job ring" && faults_clear && ! bound
}

flush_fails() {
	given_up flush:outcome=fail,once "$RING: failed to flush job ring" && put_on && encrypts
}

# A flush that never ends: nor does the next driver's. What helps is a reset of the device.
flush_never() {
	given_up flush:outcome=never,once "$RING: failed to flush job ring" || return
	listen
	put_on && { because "the ring works again by itself"; return 1; }
	said "caam_jr: probe of $RING failed with error -5" && reset_device && encrypts
}

reset_never() {
	given_up reset-ring:outcome=never,once "$RING: failed to reset job ring" && reset_device && encrypts
}

# unload: (what uses the RNG would hold the driver)
unload() {
	rmmod caam_jr && rmmod caam
}

load() {
	modprobe caam && modprobe caam_jr && bound
}

# reset_device: by the host. It takes the bus master bit, too.
reset_device() {
	unload
	told reset || return
	for function in /sys/bus/pci/devices/*; do
		if [ "$(cat "$function/device")" = 0xcaa0 ]; then
			printf '\006\000' | dd of="$function/config" bs=1 seek=4 conv=notrunc || return
		fi
	done
	load
}

# The driver asks for more samples to each bit of entropy, until there is some.
entropy_fails() {
	listen
	unload && fault rng-entropy:times=3 && load && fired "$rule" 3 || return
	said 'Entropy delay = 3600' && said 'Instantiated RNG4 SH1' && faults_clear && random && encrypts
}

# At 12800 it gives up, and with the RNG all of the device.
entropy_never() {
	listen
	unload && fault rng-entropy || return
	load && { because "the driver has bound"; return 1; }
	fired_some "$rule" && said 'Entropy delay = 12400' && said 'caam 10000000.crypto: failed to instantiate RNG' &&
		said 'caam: probe of 10000000.crypto failed with error -11' && faults_clear || return
	unload && load && random && encrypts
}

# The driver instantiates the handles when it binds, and never looks again.
handle_lost() {
	listen
	echo rng-caam >/sys/class/misc/hw_random/rng_current && fault rng-handle:once || return
	random 2>/tmp/said && { because "there are random numbers"; return 1; }
	because "$(cat /tmp/said)"
	fired "$rule" 1 && said '20000154: CCB: desc idx 1: RNG: Not instantiated' && faults_clear || return
	random && { because "the handle is back by itself"; return 1; }
	FAILED=2
	encrypts && unload && said 'Failed to deinstantiate RNG4 SH0' && load && random
}

# Two milliseconds for each access, from binding to random numbers.
slow_registers() {
	listen
	unload && fault mmio-slow:by=2ms && load && random && encrypts && fired_some "$rule" && faults_clear && quiet "$HEARD"
}

ktap_plan 10
ktap_test set-up set_up
ktap_test flush-slow off_and_on flush:outcome=slow,by=50ms,once 5
ktap_test reset-slow off_and_on reset-ring:outcome=slow,by=50ms,once 5
ktap_test flush-fails flush_fails
ktap_test rng-handle-lost handle_lost
ktap_test rng-entropy-three-times entropy_fails
ktap_test rng-entropy-never entropy_never
ktap_test mmio-slow slow_registers
ktap_test flush-never-ends flush_never
ktap_test reset-never-ends reset_never
failed_since_snapshot "$FAILED"
echo "@@ jobs $(jobs_now)"
ktap_end
