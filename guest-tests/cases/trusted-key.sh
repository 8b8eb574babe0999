# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: a trusted key sealed by the device reopens after a reboot, and not on another device
# driver: trusted-keys
# boots: --seed 1 | --seed 1 | --seed 2
#
# The seed stands for the device: from it comes the master key that blobs are sealed with.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

FIRST_LINE=$(($(dmesg | wc -l) + 1))
REFUSED=0
KEY_BYTES=32
# CAAM_BLOB_OVERHEAD of the driver's header: the sealed blob key, and the tag.
OVERHEAD=48

set_up() {
	modprobe trusted source=caam && snapshot
}

# add NAME DATA: sets serial; what keyctl says, to /tmp/keyctl.
add() {
	serial=
	on_device keyctl_add "$1" "$2"
	status=$?
	because "keyctl: status $status${serial:+, key $serial} $(cat /tmp/keyctl)"
	return "$status"
}

keyctl_add() {
	serial=$(keyctl add trusted "$1" "$2" @u 2>/tmp/keyctl)
}

# digest NAME FILE: of the key itself, which only the kernel sees.
digest() {
	modprobe key_digest description="$1" || return
	rmmod key_digest
	dmesg | sed -n "s/.*key_digest: $1 //p" | tail -n 1 >"$2"
	because "SHA-256 of the key: $(cat "$2")"
	grep -qE '^[0-9a-f]{64}$' "$2"
}

same_key() {
	cmp "$1" "$2" && return 0
	because "not the same key: $(cat "$1") and $(cat "$2")"
	return 1
}

# sealed SERIAL FILE: the blob, as hexadecimal digits.
sealed() {
	keyctl pipe "$1" >"$2" || return
	because "blob: $(stat -c %s "$2") digits"
	grep -qE "^[0-9a-f]{$((2 * (KEY_BYTES + OVERHEAD)))}$" "$2"
}

seal() {
	add first "new $KEY_BYTES" && sealed "$serial" /carry/blob && digest first /carry/digest
}

# Another key, and so another blob.
seal_another() {
	add other "new $KEY_BYTES" && sealed "$serial" /tmp/blob && digest other /tmp/digest || return
	cmp -s /tmp/blob /carry/blob && { because "the same blob twice"; return 1; }
	cmp -s /tmp/digest /carry/digest && { because "the same key twice"; return 1; }
	return 0
}

# reopen NAME
reopen() {
	add "$1" "load $(cat /carry/blob)" && digest "$1" /tmp/digest && same_key /carry/digest /tmp/digest
}

# refused NAME BLOB
refused() {
	REFUSED=$((REFUSED + 1))
	add "$1" "load $2" && { because "it opened"; return 1; }
	[ "$jobs" -ge 1 ] && grep -q 'Bad message' /tmp/keyctl
}

# tampered DIGIT: another one in its place, counted from 1.
tampered() {
	blob=$(cat /carry/blob)
	was=$(echo "$blob" | cut -c "$1")
	is=$(echo "$was" | tr 0123456789abcdef 1032547698badcfe)
	refused "bad$1" "$(echo "$blob" | sed "s/^\(.\{$(($1 - 1))\}\)$was/\1$is/")"
}

case $BOOT in
1)
	ktap_plan 8
	ktap_test set-up set_up
	ktap_test seal-new-key seal
	ktap_test seal-another seal_another
	ktap_test reopen-in-same-boot reopen again
	ktap_test tampered-blob-key-refused tampered 1
	ktap_test tampered-data-refused tampered 65
	ktap_test tampered-tag-refused tampered $((2 * (KEY_BYTES + OVERHEAD)))
	;;
2)
	ktap_plan 3
	ktap_test set-up set_up
	ktap_test same-device-reopens reopen first
	;;
3)
	ktap_plan 4
	ktap_test set-up set_up
	ktap_test other-device-refuses refused first "$(cat /carry/blob)"
	ktap_test other-device-seals-its-own add own "new $KEY_BYTES"
	;;
esac
ktap_test kernel-log-clean quiet "$FIRST_LINE"
failed_since_snapshot "$REFUSED"
echo "@@ jobs $(jobs_now)"
ktap_end
