# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: from user space, AEAD on the device: what was changed by one bit is refused with EBADMSG
# driver: stock

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh

FIRST_LINE=$(($(dmesg | wc -l) + 1))
PLAIN_BYTES=4080
AAD_BYTES=20
# kcapi-enc ends with the kernel's errno: -EBADMSG, as an exit status.
EBADMSG=$((256 - 74))
REFUSED=0

hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# flip FILE BYTE BIT: negative bytes count from the end.
flip() {
	at=$2
	if [ "$at" -lt 0 ]; then at=$(($(stat -c %s "$1") + at)); fi
	byte=$(od -An -v -tu1 -j "$at" -N 1 "$1")
	# shellcheck disable=SC2059  # the format is the byte, as an escape
	printf "\\$(printf %o $((byte ^ (1 << $3))))" | dd of="$1" bs=1 seek="$at" conv=notrunc
}

# The key of an authenc is a structure: rtattr (length 8, type 1), the cipher key's length in
# big-endian, the authentication key, the cipher key. (kcapi-enc takes 64 bytes at most.)
make_key() {
	case $DRIVER_NAME in
	authenc-*) printf '\010\000\001\000\000\000\000\020' && head -c 48 /dev/urandom ;;
	*) head -c 32 /dev/urandom ;;
	esac >/tmp/key
}

# seal: what the kernel returns is AAD, cipher text, tag.
seal() {
	kcapi-enc -e -c "$DRIVER_NAME" --keyfd 4 --iv "$IV" --aad "$(hex /tmp/aad)" --taglen "$TAG_BYTES" \
		-i /tmp/plain -o /tmp/sealed 4</tmp/key || return
	[ "$(stat -c %s /tmp/sealed)" -eq $((AAD_BYTES + PLAIN_BYTES + TAG_BYTES)) ] || return
	tail -c +$((AAD_BYTES + 1)) /tmp/sealed | head -c "$PLAIN_BYTES" >/tmp/cipher
	tail -c "$TAG_BYTES" /tmp/sealed >/tmp/tag
	! cmp -s /tmp/cipher /tmp/plain
}

# open: of /tmp/try.cipher, .aad, .tag
open() {
	rm -f /tmp/opened
	kcapi-enc -d --nounpad -c "$DRIVER_NAME" --keyfd 4 --iv "$IV" --aad "$(hex /tmp/try.aad)" \
		--tag "$(hex /tmp/try.tag)" -i /tmp/try.cipher -o /tmp/opened 4</tmp/key
}

try_anew() {
	for part in cipher aad tag; do cp "/tmp/$part" "/tmp/try.$part"; done
}

round_trip() {
	has_algorithm "$DRIVER_NAME" || { because "the driver offers no $DRIVER_NAME"; return 1; }
	make_key
	head -c "$PLAIN_BYTES" /dev/urandom >/tmp/plain
	head -c "$AAD_BYTES" /dev/urandom >/tmp/aad
	counters_now >/tmp/before
	on_device seal || { because "sealing: status $?"; return 1; }
	try_anew
	on_device open || { because "opening: status $?"; return 1; }
	tail -c +$((AAD_BYTES + 1)) /tmp/opened | head -c "$PLAIN_BYTES" >/tmp/back
	cmp /tmp/plain /tmp/back || { because "opened is not what was sealed"; return 1; }
	read -r _ encrypted0 decrypted0 </tmp/before
	counters_now >/tmp/after
	read -r _ encrypted decrypted </tmp/after
	because "device: $((encrypted - encrypted0)) bytes encrypted, $((decrypted - decrypted0)) decrypted, of $PLAIN_BYTES"
	[ $((encrypted - encrypted0)) -eq "$PLAIN_BYTES" ] && [ $((decrypted - decrypted0)) -eq "$PLAIN_BYTES" ]
}

# refused PART BYTE BIT
refused() {
	try_anew
	flip "/tmp/try.$1" "$2" "$3" || return
	cmp -s "/tmp/$1" "/tmp/try.$1" && { because "nothing was changed"; return 1; }
	REFUSED=$((REFUSED + 1))
	on_device open
	status=$?
	because "status $status (EBADMSG: $EBADMSG)"
	[ "$status" -eq "$EBADMSG" ]
}

# After all that, the untampered one still opens.
opens_still() {
	try_anew
	on_device open && tail -c +$((AAD_BYTES + 1)) /tmp/opened | head -c "$PLAIN_BYTES" | cmp - /tmp/plain
}

set_up() {
	modprobe algif_aead && snapshot
}

# algorithm DRIVER-NAME IV TAG-BYTES
algorithm() {
	DRIVER_NAME=$1 IV=$2 TAG_BYTES=$3
	ktap_test "$1-round-trip" round_trip
	ktap_test "$1-tag-first-bit" refused tag 0 7
	ktap_test "$1-tag-last-bit" refused tag -1 0
	ktap_test "$1-cipher-text-first-bit" refused cipher 0 7
	ktap_test "$1-cipher-text-middle" refused cipher 2047 3
	ktap_test "$1-cipher-text-last-bit" refused cipher -1 0
	ktap_test "$1-aad-first-bit" refused aad 0 7
	ktap_test "$1-aad-last-bit" refused aad -1 0
	ktap_test "$1-untampered-again" opens_still
}

NONCE=000102030405060708090a0b
CHACHA=rfc7539-chacha20-poly1305-caam
ktap_plan $((2 + 9 * 2 + $(if has_algorithm $CHACHA; then echo 9; else echo 0; fi)))
ktap_test set-up set_up
algorithm gcm-aes-caam $NONCE 16
algorithm authenc-hmac-sha256-cbc-aes-caam ${NONCE}0c0d0e0f 32
if has_algorithm $CHACHA; then algorithm $CHACHA $NONCE 16; fi
ktap_test kernel-log-clean quiet "$FIRST_LINE"
failed_since_snapshot "$REFUSED"
echo "@@ jobs $(jobs_now)"
ktap_end
