# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: dm-crypt with no_write_workqueue loses a write that an interrupt submits; with --dm-crypt submit-later not
# driver: dm-crypt-able+late-interrupt
# emu: --job-rings 1 --decos 2
# boots: --seed 1
#
# docs/findings.md, 7. src/late_interrupt.c has the interrupts come where that happens.

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

LATE=/sys/module/late_interrupt/parameters

# writes: 2048 of them, a job each, four at a time, from the CPU that takes the device's interrupts.
writes() {
	rm -f /tmp/writes.status
	(
		fio --output=/tmp/writes.out --name=writes --filename="$CRYPT" --ioengine=libaio --iodepth=4 --direct=1 \
			--rw=randwrite --bs=512 --size=1M --randseed=1 --allrandrepeat=1 --cpus_allowed=0
		echo $? >/tmp/writes.status
	) &
}

# ended: and without an error.
ended() {
	[ -e /tmp/writes.status ] && [ "$(cat /tmp/writes.status)" -eq 0 ]
}

# progress: writes that have ended, and that are under way, at dm-crypt; sets now.
progress() {
	read -r _ _ _ _ writes_ended _ _ _ under_way _ </sys/block/dm-0/stat
	now="$writes_ended ended, $under_way under way"
}

# idle: the device has nothing to do, and nothing to give back.
idle() {
	jobs_in_device && [ "$sum" -eq 0 ] && rings waiting && [ "$sum" -eq 0 ]
}

# lost: within a minute it comes to ten seconds without an end of a write, with some under way, and an idle device.
lost() {
	tries=6
	progress
	until
		earlier=$now
		sleep 10
		progress
		[ "$now" = "$earlier" ] && [ "$under_way" -gt 0 ] && idle
	do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
	done
}

# told_of: what the module has seen.
told_of() {
	because "$(cat "$LATE/nested") bios by softirqs onto the list of the task below, after waiting $(cat "$LATE/waited") times"
}

# by_thread: the control: interrupts are as late, but dm-crypt's thread submits.
by_thread() {
	modprobe late_interrupt || return
	writes
	eventually 60 ended || { because "the writes do not end: $(cat /tmp/writes.out)"; return 1; }
	wait
	told_of
	[ "$(cat "$LATE/waited")" -gt 0 ] && [ "$(cat "$LATE/nested")" -eq 0 ]
}

# by_interrupt: the same with the flag.
by_interrupt() {
	dmsetup remove crypt && dmsetup create crypt --table "$table 1 no_write_workqueue" || return
	writes
	if [ "$DM_CRYPT" = stock ]; then
		lost || { because "nothing is lost: $now"; return 1; }
		told_of
		because "for 10 s, with the device idle: $now"
		[ ! -e /tmp/writes.status ] && [ "$(cat "$LATE/nested")" -gt 0 ]
	else
		eventually 60 ended || { because "the writes do not end"; return 1; }
		wait
		told_of
	fi
}

ktap_plan 3
ktap_test disk on_device eval 'dm_crypt_ready 512 && write_all && intact'
ktap_test writes-by-thread on_device by_thread
ktap_test writes-by-interrupt on_device by_interrupt
ktap_end
