# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: the guest sleeps (s2idle) and wakes up again and again, with I/O on dm-crypt under way
# driver: dm-crypt-able
# emu: --job-rings 4 --decos 2 --fault latency:fixed=2ms,alg=aes-xts,probability=0.2,name=slow
#
# QEMU's `virt` board has no firmware that suspends to RAM; s2idle is all there is: tasks frozen, devices
# suspended, interrupts off, processors idle. The driver of 6.1 has no suspend callback, that of 6.12 does
# nothing on this board: jobs finish while the guest sleeps, and their interrupt waits.

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
RTC=/sys/class/rtc/rtc0

# tried LEVEL: the kernel's own rehearsal: down to there, and up again after a second.
tried() {
	echo 1 >/sys/module/suspend/parameters/pm_test_delay && echo "$1" >/sys/power/pm_test || return
	listen
	busy_asleep freeze
	status=$?
	echo none >/sys/power/pm_test
	[ "$status" -eq 0 ] && said "suspend debug: Waiting for 1 second"
}

# slept: until the clock wakes it.
slept() {
	listen
	was=$(cat "$RTC/since_epoch")
	echo 0 >"$RTC/wakealarm"
	# Time enough to fall asleep in: an alarm that rings before wakes nobody.
	echo +5 >"$RTC/wakealarm" || { because "no alarm to wake up by"; return 1; }
	busy_asleep freeze || return
	because "asleep for $(($(cat "$RTC/since_epoch") - was)) s, by the clock"
	said "PM: suspend exit"
}

# busy_asleep STATE: in the middle of the load, which goes on afterwards.
busy_asleep() {
	[ ! -e /tmp/load.status ] || { because "the load has ended"; return 1; }
	echo "$1" >/sys/power/state || { because "the kernel does not sleep"; return 1; }
	before=$(jobs_now)
	eventually 30 load_works || { because "no job since: $(jobs_now), $before before"; return 1; }
	because "$(($(jobs_now) - before)) jobs since it woke up"
}

# cycles: all of them, and how many went well.
cycles() {
	cycle=1
	while [ "$cycle" -le "$CYCLES" ]; do
		slept || { because "in cycle $cycle of $CYCLES"; return 1; }
		echo "cycle $cycle of $CYCLES"
		: >/tmp/because
		cycle=$((cycle + 1))
	done
	because "$CYCLES times"
}

ktap_plan 11
ktap_test set-up disk_verified
ktap_test emulator-size size_flat
ktap_test load-runs load_starts
ktap_test freezer-rehearsed tried freezer
ktap_test devices-rehearsed tried devices
ktap_test slept-and-woken-up cycles
ktap_test load-verified load_ends
ktap_test disk-verified disk_verified
ktap_test jobs-add-up balanced
ktap_test emulator-no-larger size_flat
ktap_test kernel-log-clean quiet "$FIRST_LINE"
echo "@@ jobs $(jobs_now)"
ktap_end
