# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: dm-crypt and LUKS2 through the device; equal, bit for bit, to software AES
# driver: dm-crypt-able
#
# A cipher that dm-crypt looks up by its usual name ("aes-xts-plain64") is the CAAM driver's,
# by priority; the software's is asked for by driver name ("capi:xts-aes-ce-plain64"). (For
# ESSIV both are: aes-ce-blk brings an "essiv(cbc(aes),sha256)" of its own, and one that is
# there is taken before any is put together from parts, whatever the parts' priority.) That
# this is so is never taken for granted: the device's own byte counters must move by the
# bytes of a CAAM leg, and must not move during a software leg.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

# Nothing here makes device nodes but libdevmapper itself.
export DM_DISABLE_UDEV=1
MIB=1048576
LEG_BYTES=$((2 * MIB))
KEY32=00112233445566778899aabbccddeeff0123456789abcdef02468ace13579bdf
KEY64=${KEY32}f0e1d2c3b4a5968778695a4b3c2d1e0ffedcba98765432100fedcba987654321
FIRST_LINE=$(($(dmesg | wc -l) + 1))
: >/tmp/moved

# moved CIPHER DIRECTION BYTES: for the comparison with the emulator's statistics.
moved() {
	echo "$1 $2 $3" >>/tmp/moved
}

# --- The device's counters --------------------------------------------------------------

# count_from: from here on.
count_from() {
	counters_now >/tmp/counters
}

# counted: sets jobs, encrypted, decrypted since count_from.
counted() {
	read -r jobs0 encrypted0 decrypted0 </tmp/counters
	counters_now >/tmp/counters.now
	read -r jobs encrypted decrypted </tmp/counters.now
	jobs=$((jobs - jobs0)) encrypted=$((encrypted - encrypted0)) decrypted=$((decrypted - decrypted0))
}

# caam_did CIPHER ENCRYPTED DECRYPTED: the device must account for at least these bytes.
caam_did() {
	counted
	because "device: $jobs jobs, $encrypted bytes encrypted (at least $2), $decrypted decrypted (at least $3)"
	if [ "$2" -gt 0 ]; then moved "$1" encrypt "$2"; fi
	if [ "$3" -gt 0 ]; then moved "$1" decrypt "$3"; fi
	[ "$jobs" -gt 0 ] && [ "$encrypted" -ge "$2" ] && [ "$decrypted" -ge "$3" ]
}

# caam_did_exactly CIPHER ENCRYPTED DECRYPTED SECTOR-SIZE: for direct I/O, where nothing is
# read ahead or written beside: these bytes and no more, in one job for each sector.
caam_did_exactly() {
	counted
	sectors=$((($2 + $3) / $4))
	because "device: $jobs jobs ($sectors sectors), $encrypted bytes encrypted ($2), $decrypted decrypted ($3)"
	if [ "$2" -gt 0 ]; then moved "$1" encrypt "$2"; fi
	if [ "$3" -gt 0 ]; then moved "$1" decrypt "$3"; fi
	[ "$jobs $encrypted $decrypted" = "$sectors $2 $3" ]
}

# caam_did_nothing
caam_did_nothing() {
	counted
	[ "$jobs $encrypted $decrypted" = "0 0 0" ] && return 0
	because "the device worked during a software leg: $jobs jobs, $encrypted bytes encrypted, $decrypted decrypted"
	return 1
}

# tidy: what a test before this one, failed perhaps, has left.
tidy() {
	if grep -q ' /mnt ' /proc/mounts; then umount /mnt; fi
	dmsetup remove_all
}

# --- Plain dm-crypt ---------------------------------------------------------------------

# map DISK SPEC KEY SECTOR-SIZE NAME
map() {
	table="0 $(($(blockdev --getsz "$1"))) crypt $2 $3 0 $1 0"
	if [ "$4" -ne 512 ]; then table="$table 1 sector_size:$4"; fi
	dmsetup create "$5" --table "$table"
}

# software SPEC, hardware SPEC: what to ask dm-crypt for.
software() {
	case $1 in
	aes-xts-plain64) echo "capi:$SOFTWARE_XTS-plain64" ;;
	aes-cbc-essiv:sha256) echo "capi:$SOFTWARE_CBC-essiv:$SHA256" ;;
	esac
}

hardware() {
	case $1 in
	aes-cbc-essiv:sha256) echo "capi:cbc-aes-caam-essiv:$SHA256" ;;
	*) echo "$1" ;;
	esac
}

# best_driver NAME: the software of highest priority for that algorithm.
best_driver() {
	awk -v want="$1" '$1 == "name" { name = $3 } $1 == "driver" { driver = $3 }
		$1 == "priority" && name == want && driver !~ /-caam$/ && $3 > best { best = $3; found = driver }
		END { print found }' /proc/crypto
}

# cipher SPEC: as the emulator's statistics call it.
cipher() {
	case $1 in
	aes-xts-*) echo aes-xts ;;
	aes-cbc-*) echo aes-cbc ;;
	esac
}

# taken SPEC REFERENCES: the CAAM driver's algorithm is more used than it was.
taken() {
	now=$(reference_count "$(caam_name "$1")")
	[ "${now:-0}" -gt "${2:-0}" ] && return 0
	because "dm-crypt did not take $(caam_name "$1"): reference count ${2:-none}, with the mapping ${now:-none}"
	return 1
}

caam_name() {
	case $1 in
	aes-xts-*) echo xts-aes-caam ;;
	aes-cbc-*) echo cbc-aes-caam ;;
	esac
}

write_leg() {
	dd if="$1" of=/dev/mapper/leg bs=1M oflag=direct conv=fsync
}

read_leg() {
	dd if=/dev/mapper/leg of=/tmp/back bs=1M count=$((LEG_BYTES / MIB)) iflag=direct
}

same() {
	cmp /tmp/pattern /tmp/back && return 0
	because "read back differs from what was written"
	return 1
}

# The disk must hold neither the plain text nor what the leg before left there.
disguised() {
	dd if=/dev/ram0 of=/tmp/cipher bs=1M count=$((LEG_BYTES / MIB)) iflag=direct
	cmp -s /tmp/pattern /tmp/cipher || return 0
	because "the disk holds plain text"
	return 1
}

caam_writes_software_reads() {
	tidy
	dd if=/dev/zero of=/dev/ram0 bs=1M count=$((LEG_BYTES / MIB)) oflag=direct
	before=$(reference_count "$(caam_name "$1")")
	map /dev/ram0 "$(hardware "$1")" "$2" "$3" leg || return
	taken "$1" "$before" || return
	count_from
	write_leg /tmp/pattern && caam_did_exactly "$(cipher "$1")" "$LEG_BYTES" 0 "$3" || return
	dmsetup remove leg && disguised || return
	map /dev/ram0 "$(software "$1")" "$2" "$3" leg || return
	count_from
	read_leg && caam_did_nothing && same
}

software_writes_caam_reads() {
	tidy
	dd if=/dev/zero of=/dev/ram0 bs=1M count=$((LEG_BYTES / MIB)) oflag=direct
	map /dev/ram0 "$(software "$1")" "$2" "$3" leg || return
	count_from
	write_leg /tmp/pattern && caam_did_nothing || return
	dmsetup remove leg && disguised || return
	before=$(reference_count "$(caam_name "$1")")
	map /dev/ram0 "$(hardware "$1")" "$2" "$3" leg || return
	taken "$1" "$before" || return
	count_from
	read_leg && caam_did_exactly "$(cipher "$1")" 0 "$LEG_BYTES" "$3" && same
}

# --- LUKS2 ------------------------------------------------------------------------------

luks() {
	cryptsetup "$@" --key-file /tmp/passphrase
}

luks_format() {
	tidy
	printf 'correct horse battery staple' >/tmp/passphrase
	# The derivation's cost is not what is tested.
	luks luksFormat --type luks2 --batch-mode --cipher aes-xts-plain64 --key-size 512 \
		--pbkdf pbkdf2 --pbkdf-force-iterations 1000 --sector-size 512 /dev/ram1
}

# Small, odd, and large; deep and many. About 4 MiB.
make_tree() {
	mkdir -p "$1/deep/er/still" "$1/many"
	: >"$1/empty"
	head -c 1 /tmp/pattern >"$1/one"
	head -c 4097 /tmp/pattern >"$1/deep/odd"
	head -c 100000 /tmp/pattern >"$1/deep/er/some"
	cp /tmp/pattern "$1/deep/er/still/large"
	tail -c 2097149 /tmp/pattern >"$1/large-and-odd"
	i=0
	while [ "$i" -lt 50 ]; do
		head -c $((i * 211)) /tmp/pattern >"$1/many/$i"
		i=$((i + 1))
	done
}

luks_write() {
	tidy
	before=$(reference_count xts-aes-caam)
	luks open /dev/ram1 vault || return
	taken aes-xts-plain64 "$before" || return
	count_from
	mkfs.ext4 -q /dev/mapper/vault && mount -t ext4 /dev/mapper/vault /mnt && make_tree /mnt || return
	(cd /mnt && find . -type f -exec sha256sum {} +) >/tmp/sums
	# (du counts blocks; these are the bytes of the files.)
	TREE_BYTES=$(find /mnt -type f -exec stat -c %s {} + | awk '{ sum += $1 } END { print sum }')
	because "$(wc -l </tmp/sums) files, $TREE_BYTES bytes"
	umount /mnt && cryptsetup close vault && caam_did aes-xts "$TREE_BYTES" 0
}

# The mapping is new, and with it the page cache: all of it is read from the disk.
luks_read() {
	tidy
	count_from
	luks open /dev/ram1 vault && mount -t ext4 -o ro /dev/mapper/vault /mnt || return
	(cd /mnt && sha256sum -c /tmp/sums) | grep -v ': OK$'
	(cd /mnt && sha256sum -c /tmp/sums >/dev/null) || { because "checksums differ"; return 1; }
	(cd /mnt && find . -type f) | wc -l | grep -qx "$(wc -l </tmp/sums)" || { because "files are missing"; return 1; }
	umount /mnt && caam_did aes-xts 0 "$TREE_BYTES"
}

# The same volume, by the same key, through software.
luks_read_software() {
	table=$(dmsetup table --showkeys vault) && cryptsetup close vault || return
	dmsetup create plain --table "$(echo "$table" | sed "s/ :[^ ]* / $(luks_key) /; s/aes-xts-plain64/$(software aes-xts-plain64)/")" || return
	count_from
	mount -t ext4 -o ro /dev/mapper/plain /mnt || { because "no file system through software"; return 1; }
	(cd /mnt && sha256sum -c /tmp/sums >/dev/null) || { because "checksums differ"; return 1; }
	umount /mnt && dmsetup remove plain && caam_did_nothing
}

# cryptsetup keeps the volume key in the kernel's keyring: the table names it, no more.
luks_key() {
	luks luksDump --batch-mode --dump-volume-key --volume-key-file /tmp/volume-key /dev/ram1 >/dev/null
	od -An -v -tx1 /tmp/volume-key | tr -d ' \n'
}

# --- Load -------------------------------------------------------------------------------

# Two mappings at once, written in parts of many sizes from several jobs, read back and
# checked block by block.
load() {
	tidy
	size=$((2 * MIB)) each=3
	xts=$((size * each)) cbc=$((size * each))
	map /dev/ram0 aes-xts-plain64 "$KEY64" 512 fast &&
		map /dev/ram1 "$(hardware aes-cbc-essiv:sha256)" "$KEY32" 4096 slow || return
	count_from
	fio --output=/tmp/fio.out --rw=randwrite --direct=1 --verify=crc32c --verify_fatal=1 --do_verify=1 \
		--group_reporting --numjobs="$each" --size="$size" --offset_increment="$size" \
		--name=fast --filename=/dev/mapper/fast --ioengine=libaio --iodepth=16 \
		--bssplit=512/20:4k/40:20k/20:64k/20 --blockalign=512 \
		--name=slow --filename=/dev/mapper/slow --ioengine=psync --bssplit=4k/50:12k/30:128k/20 --blockalign=4k
	status=$?
	cat /tmp/fio.out
	counted
	because "fio: status $status; device: $jobs jobs, $encrypted bytes encrypted (at least $((xts + cbc))), $decrypted decrypted (as many)"
	moved aes-xts encrypt "$xts"
	moved aes-xts decrypt "$xts"
	moved aes-cbc encrypt "$cbc"
	moved aes-cbc decrypt "$cbc"
	[ "$status" -eq 0 ] && [ "$encrypted" -ge $((xts + cbc)) ] && [ "$decrypted" -ge $((xts + cbc)) ]
}

# --- All of it --------------------------------------------------------------------------

ready() {
	modprobe brd rd_nr=2 rd_size=32768 && modprobe dm-crypt || return
	for module in xts essiv aes-ce-blk sha2-ce crypto-sha256 algif_skcipher; do
		# On a CPU without these instructions they do not load; the generic code remains.
		modprobe "$module" || because "no $module here"
	done
	dd if=/dev/urandom of=/tmp/pattern bs=1M count=$((LEG_BYTES / MIB))
	grep -q 'xts-aes-caam' /proc/crypto || { because "the driver offers no xts-aes-caam"; return 1; }
}

ktap_plan 19
ktap_test set-up ready
if grep -q xts-aes-ce /proc/crypto; then
	SOFTWARE_XTS=xts-aes-ce SOFTWARE_CBC=cbc-aes-ce
else
	SOFTWARE_XTS='xts(ecb(aes-generic))' SOFTWARE_CBC='cbc(aes-generic)'
fi
SHA256=$(best_driver sha256)
ktap_diag "software: $SOFTWARE_XTS, $SOFTWARE_CBC, $SHA256"
for sector in 512 4096; do
	for spec in aes-xts-plain64:$KEY32 aes-xts-plain64:$KEY64 aes-cbc-essiv:sha256:$KEY32; do
		key=${spec##*:} spec=${spec%:*}
		what="$spec-$((${#key} * 4))-sector-$sector"
		ktap_test "$what-caam-to-software" caam_writes_software_reads "$spec" "$key" "$sector"
		ktap_test "$what-software-to-caam" software_writes_caam_reads "$spec" "$key" "$sector"
	done
done
ktap_test luks2-format luks_format
ktap_test luks2-write-tree luks_write
ktap_test luks2-reopen-and-verify luks_read
ktap_test luks2-verify-by-software luks_read_software
ktap_test fio-verify-parallel load
ktap_test kernel-log-clean quiet "$FIRST_LINE"
awk '{ sum[$1 " " $2] += $3 } END { for (key in sum) print "@@ moved", key, sum[key] }' /tmp/moved
ktap_end
