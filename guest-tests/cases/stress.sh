# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: load on dm-crypt, watched twice a second; scripts/stress.sh judges what it shows
# driver: dm-crypt-able
#
# For scripts/stress.sh it prints, beside KTAP:
#   @@ stress set-up KEY=VALUE...                   what the runs have in common
#   @@ stress begin N                               run N: fio is started
#   @@ stress io READS SECTORS WRITES SECTORS IN-FLIGHT   the mapping's counters, twice a second
#   @@ stress end N STATUS ERROR READ-KIB READ-MS WRITE-KIB WRITE-MS   fio has ended
#   @@ stress stopped N                             nothing has moved for $STRESS_PATIENCE s
#   @@ backlog TEXT                                 what guest-tests/src/backlog_order.c has found

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

export DM_DISABLE_UDEV=1
RUNS=${STRESS_RUNS:-1} MIB=${STRESS_MIB:-8} IN_FLIGHT=${STRESS_IN_FLIGHT:-8} SECTOR=${STRESS_SECTOR:-512}
PATIENCE=${STRESS_PATIENCE:-20}
KEY=00112233445566778899aabbccddeeff0123456789abcdef02468ace13579bdf
KEY=${KEY}f0e1d2c3b4a5968778695a4b3c2d1e0ffedcba98765432100fedcba987654321
FIRST_LINE=$(($(dmesg | wc -l) + 1))

# The kernel's own witness: a task that has slept uninterruptibly for a second is reported with
# its stack. (0: look as often as that.)
watch_for_hung_tasks() {
	echo 0 >/proc/sys/kernel/hung_task_check_interval_secs &&
		echo -1 >/proc/sys/kernel/hung_task_warnings &&
		echo "${STRESS_HUNG:-1}" >/proc/sys/kernel/hung_task_timeout_secs
}

set_up() {
	modprobe brd rd_nr=1 rd_size=$((MIB * 1024)) && modprobe dm-crypt && modprobe xts || return
	has_algorithm xts-aes-caam || { because "the driver offers no xts-aes-caam"; return 1; }
	before=$(reference_count xts-aes-caam)
	table="0 $((MIB * 2048)) crypt aes-xts-plain64 $KEY 0 /dev/ram0 0"
	if [ "$SECTOR" -ne 512 ]; then table="$table 1 sector_size:$SECTOR"; fi
	dmsetup create stress --table "$table" || return
	[ "$(reference_count xts-aes-caam)" -gt "$before" ] || {
		because "dm-crypt did not take xts-aes-caam (since Linux 5.9 it takes no driver that allocates memory)"
		return 1
	}
	watch_for_hung_tasks || return
	stat=/sys/block/$(dmsetup info -c --noheadings -o blkdevname stress)/stat
	echo "@@ stress set-up kernel=$(uname -r) mib=$MIB in-flight=$IN_FLIGHT sector=$SECTOR" >&3
}

# look: prints the mapping's counters, sets seen. No process: under TCG they are slow.
look() {
	read -r reads _ read_sectors _ writes _ write_sectors _ in_flight _ <"$stat"
	seen="$reads $read_sectors $writes $write_sectors $in_flight"
	echo "@@ stress io $seen" >&3
}

# run N: all of it written, read back and verified, or standing still. (Each 4 KiB hold the run and
# their place. fio's checksums would keep it busier under TCG than the device is.)
run() {
	# Whoever reads the report makes the device ready for this run, and answers.
	snapshot || return
	rm -f /tmp/fio.out /tmp/fio.status
	echo "@@ stress begin $1" >&3
	(
		fio --output=/tmp/fio.out --output-format=terse --terse-version=3 --name=stress \
			--filename=/dev/mapper/stress --ioengine=libaio --direct=1 --rw=write --bs=1M \
			--iodepth="$IN_FLIGHT" --size="${MIB}M" --eta=never --do_verify=1 --verify_fatal=1 \
			--verify=pattern --verify_interval=4k --verify_pattern="\"run $1 \"%o"
		echo $? >/tmp/fio.status
	) &
	last='' still=0
	while [ ! -e /tmp/fio.status ]; do
		sleep 0.5
		look
		if [ "$seen" = "$last" ]; then still=$((still + 1)); else still=0; fi
		last=$seen
		if [ "$still" -gt $((PATIENCE * 2)) ]; then
			echo "@@ stress stopped $1" >&3
			because "nothing has moved for $PATIENCE s, $in_flight requests in flight"
			return 1
		fi
	done
	wait
	status=$(cat /tmp/fio.status)
	# terse: 5 the error; read: 6 KiB, 9 ms; written: 47 KiB, 50 ms.
	grep '^3;' /tmp/fio.out | awk -F';' -v run="$1" -v status="$status" \
		'{ print "@@ stress end", run, status, $5, $6, $9, $47, $50 } END { exit !NR }' >&3 ||
		echo "@@ stress end $1 $status - 0 0 0 0" >&3
	because "fio: status $status"
	[ "$status" -eq 0 ]
}

# backlog: requests beyond the ring, one by one, by a module of ours.
backlog() {
	modprobe backlog_order
	loaded=$?
	dmesg | sed -n 's/.*backlog_order: //p' >/tmp/backlog
	while read -r line; do
		echo "@@ backlog $line" >&3
		because "$line"
	done </tmp/backlog
	if [ "$loaded" -ne 0 ]; then echo "@@ backlog failed $loaded" >&3; fi
	return "$loaded"
}

ktap_plan $((RUNS + 2 + ${STRESS_BACKLOG:-0}))
ktap_test set-up set_up
if [ "$KTAP_FAILED" -ne 0 ]; then exit 1; fi
# Before the runs: a driver that deadlocks in one of them ends the case.
if [ "${STRESS_BACKLOG:-0}" -ne 0 ]; then ktap_test backlog-order backlog; fi
run=1
while [ "$run" -le "$RUNS" ]; do
	ktap_test "run-$run" run "$run"
	if [ "$KTAP_FAILED" -ne 0 ]; then exit 1; fi
	run=$((run + 1))
done
dmsetup remove stress
ktap_test kernel-log-clean quiet "$FIRST_LINE"
ktap_end
