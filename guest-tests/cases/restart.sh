# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: the guest reboots, starts another kernel by kexec, crashes into one (kdump), all on one device
# driver: dm-crypt-able
# emu: --job-rings 4 --decos 2
# boots: --seed 1
# restarts: reboot kexec crash
#
# One QEMU and one emulator for all of it. $RESTARTS says how:
#   reboot  with jobs in the device: it is reset, they are lost
#   kexec   with no job in the device. The PCI core takes bus mastering from all functions, the driver has no
#           shutdown(): with jobs under way, the old kernel ends in the driver's BUG() (docs/findings.md, leads)
#   crash   with jobs in the device, a crash kernel takes over (kdump). Nobody shuts anything down: the old
#           kernel's jobs run on, into memory that the new one does not touch, and its driver finds rings at work

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

# disk_named SERIAL: prints it.
disk_named() {
	for file in /sys/block/vd*/serial; do
		if [ "$(cat "$file")" = "$1" ]; then file=${file%/serial}; echo "/dev/${file##*/}"; fi
	done
}

# kexec_loads OPTION: the same kernel, the same boot archive, and a word by which it knows itself.
kexec_loads() {
	modprobe virtio_mmio && modprobe virtio_blk || return
	kernel=$(disk_named kernel) initrd=$(disk_named initrd)
	because "kernel on $kernel, boot archive on $initrd"
	kexec "$@" --initrd="$initrd" --append="$(sed 's/ booted_by=.*//' /proc/cmdline) booted_by=$next" "$kernel"
}

# ready_for HOW: all is there for the next kernel.
ready_for() {
	next=$((restarts + 1))-$1
	case $1 in
	reboot) held_up ;;
	kexec) kexec_loads --load && dmsetup remove crypt && eventually 20 at_rest ;;
	crash) kexec_loads --load-panic && held_up ;;
	esac
}

at_rest() {
	jobs_in_device && because "in the device: $sum jobs" && [ "$sum" -eq 0 ]
}

# booted_by HOW: it is the kernel that it should be, not one that came because the one before it died.
booted_by() {
	found=$(sed -n 's/.* booted_by=//p' /proc/cmdline)
	because "booted by: ${found:-firmware}"
	case $1 in
	*-kexec | *-crash) [ "$found" = "$1" ] ;;
	*) [ -z "$found" ] ;;
	esac
}

# jobs_lost_by HOW: a reset loses the jobs that were in the device. A crash kernel boots longer than they take.
jobs_lost_by() {
	balanced || return
	because "lost since the boot before: $((lost - lost_before))"
	case $1 in
	*-reboot) [ "$lost" -gt "$lost_before" ] ;;
	# On a faster machine it may not.
	*-crash) [ "$lost" -ge "$lost_before" ] ;;
	*) [ "$lost" -eq "$lost_before" ] ;;
	esac
}

goes_on || exit 1
# shellcheck disable=SC2086,SC2153 # words are wanted; it is the command line's
set -- $RESTARTS
total=$#
KTAP_PLANNED=$((total * 7 + 6))
if [ "$restarts" -eq 0 ]; then ktap_plan "$KTAP_PLANNED"; fi
how=power-on
for _ in $(seq "$restarts"); do
	how=$1
	shift
done
this=$restarts-$how
faults_clear
ktap_test "$this" booted_by "$this"
ktap_test "$this-self-tests" self_tested
ktap_test "$this-disk-verified" disk_verified
ktap_test "$this-kernel-log-clean" quiet 1
ktap_test "$this-jobs-add-up" jobs_lost_by "$this"
ktap_test "$this-emulator-no-larger" size_flat
if [ $# -gt 0 ]; then
	ktap_test "$this-ready-for-$1" ready_for "$1"
	case $1 in
	reboot) restart reboot -f ;;
	kexec) restart kexec --exec ;;
	crash) restart tee /proc/sysrq-trigger <<-C
		c
	C
	;;
	esac
fi
echo "@@ jobs $(jobs_now)"
ktap_end
