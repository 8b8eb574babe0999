# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: rounds of fio with verify on dm-crypt, as scripts/soak.sh asks for them, and software's word on the result
# driver: dm-crypt-able
#
# By itself it does two rounds of its own. For scripts/soak.sh (SOAK=1) it prints, beside KTAP:
#   @@ soak next                  what now? Answered by "round KEY=VALUE..." or "end"
#   @@ soak io READS SECTORS WRITES SECTORS IN-FLIGHT     the mapping's counters, twice a second
#   @@ soak wrote STATUS ERRORS CORRUPT   fio has ended: with that status, so many I/O errors and complaints
#                                 of its verify. Answered by "go" when there are no faults any more
#   @@ soak good                  the round has ended, and all is as it should be
#   @@ soak bad REASON            the round has ended

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

export DM_DISABLE_UDEV=1
DISK=/dev/ram0
MIB=1048576

# answer: of the host, in $answer.
answer() {
	answer=
	# shellcheck disable=SC3045 # busybox has it
	read -r -t 120 answer </dev/ttyAMA1 || because "the host does not answer"
	[ -n "$answer" ]
}

# bad REASON: said to the host, too.
bad() {
	because "$*"
	if [ "${SOAK:-0}" -ne 0 ]; then echo "@@ soak bad $*" >&3; fi
	return 1
}

set_up() {
	modprobe brd rd_nr=1 rd_size=16384 && modprobe dm-crypt || return
	for module in xts aes-ce-blk algif_skcipher; do
		# On a CPU without these instructions they do not load; the generic code remains.
		modprobe "$module" || because "no $module here"
	done
	if grep -q xts-aes-ce /proc/crypto; then
		SOFTWARE_XTS=xts-aes-ce SOFTWARE_CBC=cbc-aes-ce
	else
		SOFTWARE_XTS='xts(ecb(aes-generic))' SOFTWARE_CBC='cbc(aes-generic)'
	fi
	# Whoever sleeps uninterruptibly for so long is named, with a stack: a round that hangs leaves that.
	echo -1 >/proc/sys/kernel/hung_task_warnings && echo 10 >/proc/sys/kernel/hung_task_timeout_secs
}

# parameters KEY=VALUE...: of a round.
parameters() {
	cipher=xts bits=512 sector=512 rw=randwrite bs=16k depth=16 jobs=2 mib=4 backlog=0 flags='' seed=1
	for word; do
		value=${word#*=}
		case $word in
		cipher=*) cipher=$value ;;
		bits=*) bits=$value ;;
		sector=*) sector=$value ;;
		rw=*) rw=$value ;;
		bs=*) bs=$value ;;
		depth=*) depth=$value ;;
		jobs=*) jobs=$value ;;
		mib=*) mib=$value ;;
		backlog=*) backlog=$value ;;
		flags=*) flags=$value ;;
		seed=*) seed=$value ;;
		*) bad "the guest does not know the parameter $word" || return ;;
		esac
	done
	case $cipher in
	xts) driver=xts-aes-caam software=$SOFTWARE_XTS ;;
	cbc) driver=cbc-aes-caam software=$SOFTWARE_CBC ;;
	esac
	key=$(echo "$seed" | sha512sum | cut -c1-$((bits / 4)))
	# Whole requests of any size: fio's last one goes beyond its part where it must, into the next writer's.
	each=$((mib * MIB / jobs / 262144 * 262144))
}

# map CIPHER-SPEC [FLAG]...: as /dev/mapper/soak.
map() {
	table="0 $(blockdev --getsz "$DISK") crypt $1 $key 0 $DISK 0"
	shift
	if [ "$sector" -ne 512 ]; then set -- "$@" "sector_size:$sector"; fi
	if [ $# -gt 0 ]; then table="$table $# $*"; fi
	dmsetup create soak --table "$table"
}

# map_device: by the device, and really so.
map_device() {
	before=$(reference_count "$driver")
	# shellcheck disable=SC2046 # words are wanted
	map "aes-$cipher-plain64" $(echo "$flags" | tr , ' ') || { bad "no mapping: $table"; return; }
	now=$(reference_count "$driver")
	[ "${now:-0}" -gt "${before:-0}" ] || bad "dm-crypt did not take $driver"
}

# look: prints the mapping's counters. No process: under TCG they are slow.
look() {
	read -r reads _ read_sectors _ writes _ write_sectors _ in_flight _ <"$stat"
	if [ "${SOAK:-0}" -ne 0 ]; then echo "@@ soak io $reads $read_sectors $writes $write_sectors $in_flight" >&3; fi
}

# load: all written, read back and verified. A block whose writing ended with an error is not looked at;
# a reading that ends with one is counted. What was written, and is read, must be right: all
# of each sector tells its place and its round. (A pattern, not one of fio's checksums: the seed in their
# headers is another block's for all that follow a block whose writing has failed.)
load() {
	stat=/sys/block/$(dmsetup info -c --noheadings -o blkdevname soak)/stat
	rm -f /tmp/fio.json /tmp/fio.status
	: >/tmp/fio.said
	set -- --output=/tmp/fio.json --output-format=json --eta=never --name=soak --filename=/dev/mapper/soak \
		--ioengine=libaio --direct=1 --rw="$rw" --bs="$bs" --iodepth="$depth" --numjobs="$jobs" --size="$each" \
		--offset_increment="$each" --group_reporting --randseed="$seed" --allrandrepeat=1 \
		--verify=pattern --verify_pattern="\"soak $seed \"%o" --verify_interval="$sector" --do_verify=1 --verify_fatal=1 --continue_on_error=io
	if [ "$backlog" -gt 0 ]; then set -- "$@" --verify_backlog="$backlog"; fi
	(
		fio "$@" 2>/tmp/fio.said
		echo $? >/tmp/fio.status
	) &
	while [ ! -e /tmp/fio.status ]; do
		sleep 0.5
		look
	done
	wait
	look
	cat /tmp/fio.said
	status=$(cat /tmp/fio.status)
	errors=$(awk -F'[:,]' '/"total_err"/ { sum += $2 } END { print sum + 0 }' /tmp/fio.json)
	# (With --output-format=json fio says this on stderr.)
	corrupt=$(grep -c -E 'verify failed|bad pattern' /tmp/fio.said)
	because "fio: status $status, $errors I/O errors, $corrupt complaints of verify"
	if [ "${SOAK:-0}" -ne 0 ]; then
		echo "@@ soak wrote $status $errors $corrupt" >&3
		answer
		[ "$answer" = go ] || { because "the host says: $answer"; return 1; }
	fi
	[ "$corrupt" -eq 0 ] || { bad "corrupt: $(grep -m1 -E 'verify failed|bad pattern' /tmp/fio.said)"; return; }
}

# digest: of all that the mapping shows, by one request after the other.
digest() {
	dd if=/dev/mapper/soak bs=256k count=$((mib * 4)) iflag=direct 2>/tmp/dd.said | sha256sum
}

# same_by_software: the device, without faults now, and the CPU read the same.
same_by_software() {
	by_device=$(digest)
	dmsetup remove soak || { bad "the mapping cannot be removed"; return; }
	map "capi:$software-plain64" || { bad "no mapping by software: $table"; return; }
	by_software=$(digest)
	dmsetup remove soak || { bad "the mapping by software cannot be removed"; return; }
	[ "$by_device" = "$by_software" ] || bad "the device decrypts to other data than software does"
}

# round KEY=VALUE...
round() {
	if [ -e /dev/mapper/soak ]; then dmsetup remove soak || return; fi
	# What a round before has left must not be taken for this one's.
	parameters "$@" && dd if=/dev/zero of="$DISK" bs=1M count="$mib" oflag=direct && map_device && load && same_by_software || return
	if [ "${SOAK:-0}" -ne 0 ]; then echo "@@ soak good" >&3; fi
}

if [ "${SOAK:-0}" -eq 0 ]; then
	ktap_plan 3
	ktap_test set-up set_up
	ktap_test round-xts on_device round cipher=xts sector=512
	ktap_test round-cbc on_device round cipher=cbc bits=256 sector=4096 backlog=32
	ktap_end
fi

# How many there will be, nobody knows yet: the plan comes last.
echo "KTAP version 1"
ktap_test set-up set_up
while [ "$KTAP_FAILED" -eq 0 ]; do
	echo "@@ soak next" >&3
	: >/tmp/because
	answer || exit 1
	case $answer in
	'round '*)
		# shellcheck disable=SC2086 # words are wanted
		ktap_test "round-$((KTAP_COUNT))" round ${answer#round }
		;;
	*) break ;;
	esac
done
echo "1..$KTAP_COUNT"
[ "$KTAP_FAILED" -eq 0 ]
