# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# A dm-crypt mapping on a RAM disk; each of its sectors is a job of the device. After caam.sh, ktap.sh.

# Nothing here makes device nodes but libdevmapper itself.
export DM_DISABLE_UDEV=1
DM_KEY=00112233445566778899aabbccddeeff0123456789abcdef02468ace13579bdff0e1d2c3b4a5968778695a4b3c2d1e0ffedcba98765432100fedcba987654321
DISK=/dev/ram0
CRYPT=/dev/mapper/crypt
# What the tests write and read, in units of 512 bytes.
SECTORS=2048

# dm_crypt_ready SECTOR-SIZE: RAM disk and mapping, by the device.
dm_crypt_ready() {
	modprobe brd rd_nr=1 rd_size=16384 && modprobe dm-crypt && modprobe xts || return
	if [ -e "$CRYPT" ]; then dmsetup remove crypt || return; fi
	before=$(reference_count xts-aes-caam)
	table="0 $(blockdev --getsz "$DISK") crypt aes-xts-plain64 $DM_KEY 0 $DISK 0"
	if [ "$1" -ne 512 ]; then table="$table 1 sector_size:$1"; fi
	dmsetup create crypt --table "$table" || return
	head -c $((SECTORS * 512)) /dev/urandom >/tmp/pattern
	now=$(reference_count xts-aes-caam)
	[ "${now:-0}" -gt "${before:-0}" ] && return 0
	because "dm-crypt did not take xts-aes-caam: reference count ${before:-none}, with the mapping ${now:-none}"
	return 1
}

# write_sectors [COUNT], read_sectors [COUNT]: the first ones, by default eight (busybox' dd reads fewer
# through the page cache), in one request. Direct: nothing is read ahead, written later or beside. What is written is the pattern; what is read is
# /tmp/back.
write_sectors() {
	dd if=/tmp/pattern of="$CRYPT" bs=$((${1:-8} * 512)) count=1 iflag=fullblock oflag=direct conv=notrunc
}

read_sectors() {
	dd if="$CRYPT" of=/tmp/back bs=$((${1:-8} * 512)) count=1 iflag=direct
}

# write_all, read_all: all of it in one request.
write_all() {
	write_sectors "$SECTORS"
}

read_all() {
	read_sectors "$SECTORS"
}

# differing: prints the numbers of the sectors of /tmp/back that are not as in the pattern.
differing() {
	cmp -l -n "$(stat -c %s /tmp/back)" /tmp/pattern /tmp/back | awk '{ s = int(($1 - 1) / 512); if (s != last) printf "%s%d", sep, s; last = s; sep = " " } BEGIN { last = -1 }'
}

# intact_first COUNT: the first sectors are as they were written, and no plain text.
intact_first() {
	read_sectors "$1" || { because "reading: status $?"; return 1; }
	cmp -n $(($1 * 512)) /tmp/pattern /tmp/back || { because "not as written: sectors $(differing)"; return 1; }
	cmp -s -n 4096 "$DISK" /tmp/pattern && { because "the disk holds plain text"; return 1; }
	return 0
}

# intact: all of them are.
intact() {
	intact_first "$SECTORS"
}
