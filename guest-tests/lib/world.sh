# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# A world that breaks around the device: load that goes on meanwhile, boots within a case, and what the
# emulator holds before and after. After ktap.sh, caam.sh, faults.sh, dmcrypt.sh.

# disk_verified: written and read through the device, right, and counted by it.
disk_verified() {
	on_device eval 'dm_crypt_ready 512 && write_all && intact' || return
	# shellcheck disable=SC2154 # on_device sets it
	because "$jobs jobs for $((2 * SECTORS)) sectors"
	[ "$jobs" -ge $((2 * SECTORS)) ]
}

# load_starts: writes and verifies at random all over the mapping, until it is stopped or the guest ends.
load_starts() {
	rm -f /tmp/load.status
	(
		fio --output=/tmp/load.out --name=load --filename="$CRYPT" --ioengine=libaio --iodepth=16 --direct=1 \
			--rw=randwrite --bssplit=512/30:4k/40:20k/30 --blockalign=512 --size=4M --numjobs=2 --offset_increment=8M \
			--verify=crc32c --verify_fatal=1 --verify_backlog=64 --time_based --runtime=3600 --group_reporting
		echo $? >/tmp/load.status
	) &
	before=$(jobs_now)
	eventually 30 load_works
}

load_works() {
	[ "$(jobs_now)" -gt $((before + 200)) ]
}

# load_ends: it is told to stop, and all that it has read was what it had written. (Its status tells of the
# signal then.)
load_ends() {
	[ ! -e /tmp/load.status ] || { because "fio had ended before"; return 1; }
	kill -INT "$(pidof fio | tr ' ' '\n' | sort -n | head -n 1)"
	eventually 120 [ -e /tmp/load.status ] || { because "fio does not end"; return 1; }
	wait
	because "fio: $(sed -n 's/.*\(err= *[0-9]*\).*/\1/p; s/^ *\(write\|read\): .*(\([0-9A-Za-z.]*\)\/.*/\1 \2/p' /tmp/load.out | tr '\n' ' ')"
	grep -q 'err= 0:' /tmp/load.out && ! grep -q 'verify:' /tmp/load.out
}

# jobs_in_device: how many the device has, and has not given back; sets sum.
jobs_in_device() {
	rings in_flight && flying=$sum && rings pending && sum=$((sum + flying))
}

# busy: at least eight jobs are in the device.
busy() {
	jobs_in_device && [ "$sum" -ge 8 ]
}

# held_up: the device has more to do than it can have done in the next seconds: a load, and jobs that take
# long. (Not for ever: the next boot has jobs, too.)
held_up() {
	load_starts && fault latency:fixed=50ms,alg=aes-xts,times=200,name=slow && eventually 30 busy || return
	because "in the device: $sum jobs"
}

# stalled: the device has jobs, and takes none; all results have been fetched, so no interrupt comes.
stalled() {
	load_starts && fault stall:for=600s,name=still && eventually 30 at_a_standstill || return
	because "in the device: $sum jobs, pending"
}

at_a_standstill() {
	rings in_flight && [ "$sum" -eq 0 ] && rings waiting && [ "$sum" -eq 0 ] && rings pending && [ "$sum" -ge 8 ]
}

# size_flat: of the emulator: memory no more than 2 MiB above what it was when it was asked for first, as many
# threads, no more descriptors.
size_flat() {
	ask size || { because "no size: $(cat /tmp/answer)"; return 1; }
	read -r memory descriptors threads memory0 descriptors0 threads0 memory1 descriptors1 threads1 </tmp/answer
	because "emulator: $memory KiB of its own, $descriptors descriptors, $threads threads; the first time $memory1, $descriptors1, $threads1; without a guest $memory0, $descriptors0, $threads0"
	[ "$memory" -le $((memory1 + 2048)) ] && [ "$descriptors" -le "$descriptors1" ] && [ "$threads" -eq "$threads1" ]
}

# balanced: of the jobs that the device has ever been given, each has been given back once, or was lost with
# its ring. Sets lost.
balanced() {
	ask balance
	status=$?
	because "jobs added, succeeded, failed, lost, held: $(cat /tmp/answer)"
	read -r _ _ _ lost _ </tmp/answer
	return "$status"
}

# goes_on: after `restart`, where the case is: sets restarts, how many tests have been, and lost_before.
goes_on() {
	ask restarted || return
	# shellcheck disable=SC2034 # for the case
	read -r restarts KTAP_COUNT KTAP_FAILED lost_before </tmp/answer
}

# restart COMMAND...: which ends this kernel. The case begins again in the next.
restart() {
	echo "@@ restarts $KTAP_COUNT $KTAP_FAILED $lost" >&3
	drain
	"$@" >/dev/console 2>&1
	# Not reached; if it is, the host hears of a case that ended early.
	exit 1
}

# kill_now qemu|emulator: by the host, at once.
kill_now() {
	drain
	echo "@@ kill $1" >&3
	drain
}

# drain: what was said has left the UART.
drain() {
	stty -F /dev/ttyAMA1 >/dev/null
}
