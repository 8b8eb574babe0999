# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: the emulator is killed in the middle of I/O; QEMU and the guest go on, and another serves the next
# driver: dm-crypt-able
# emu: --job-rings 4 --decos 2
# boots: --seed 1 | --seed 1
# kills: emulator | -
#
# QEMU's vfio-user device does not connect again: to the guest, the device is dead from then on. It reads
# all ones, and no interrupt comes. Requests under way never end, for the driver has no time-out. (The rings
# are stalled when it is killed. With an interrupt on its way the handler would read all ones and end in
# BUG(), as it does when a device vanishes.)

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

# dead: a counter reads all ones, and that does not take long.
dead() {
	eventually 20 all_ones || { because "the device's counter: $(jobs_now)"; return 1; }
	timed jobs_now >/dev/null || return
	because "the device's counter: $(jobs_now), read in $((took * 10)) ms"
}

all_ones() {
	[ "$(jobs_now)" = 18446744073709551615 ]
}

# io_stands: what was under way neither ends nor fails.
io_stands() {
	sleep 3
	[ ! -e /tmp/load.status ] || { because "fio has ended: $(cat /tmp/load.status)"; return 1; }
	read -r _ _ _ _ _ _ _ _ in_flight _ <"/sys/block/$(dmsetup info -c --noheadings -o blkdevname crypt)/stat"
	because "$in_flight requests are under way"
	[ "$in_flight" -gt 0 ]
}

# others_go_on: what needs no CAAM.
others_go_on() {
	head -c 1048576 /dev/urandom | sha256sum >/tmp/sum && dd if=/tmp/pattern of=/tmp/copy bs=64k && cmp /tmp/pattern /tmp/copy
}

if [ "$BOOT" -eq 1 ]; then ktap_plan 6; else ktap_plan 3; fi
ktap_test self-tests self_tested
ktap_test disk-verified disk_verified
if [ "$BOOT" -eq 1 ]; then
	ktap_test jobs-in-device stalled
	kill_now emulator
	ktap_test device-is-dead dead
	ktap_test io-stands-still io_stands
	ktap_test guest-goes-on others_go_on
else
	ktap_test kernel-log-clean quiet 1
	echo "@@ jobs $(jobs_now)"
fi
ktap_end
