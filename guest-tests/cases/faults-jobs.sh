# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: full rings; held, slow, disordered, failed, corrupted jobs: each on purpose, and counted
# driver: dm-crypt-able
# emu: --decos 4 --seed 7
#
# dm-crypt is the stock one; every sector of 512 bytes is a job. The rules ask for aes-xts: the
# kernel's random number thread has jobs of its own at times that nobody knows.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh
# shellcheck source=../lib/dmcrypt.sh
. /tests/lib/dmcrypt.sh

FIRST_LINE=$(($(dmesg | wc -l) + 1))
FAILED=0
# What kcapi-enc ends with: the errno.
EBADMSG=$((256 - 74))
EINVAL=$((256 - 22))

set_up() {
	head -c 16 /dev/urandom >/tmp/key16
	modprobe algif_aead && modprobe algif_skcipher && dm_crypt_ready 512 && write_all && intact && snapshot
}

# --- Rings and time ---------------------------------------------------------------------

# A slow DECO, and 2048 jobs at once. (A device that does nothing at all until its ring is full
# may wait in vain: Linux' crypto engine, once its own queue has run empty, gives more jobs only
# when one has completed. So the stall has a limit.)
ring_full() {
	rings became_full && before=$sum || return
	fault latency:fixed=1ms,alg=aes-xts,dir=encrypt && slow=$rule || return
	fault decos:count=1 && fault stall:release=full,for=500ms,occupancy=256,alg=aes-xts,once || return
	write_all && fired "$slow" "$SECTORS" && fired "$rule" 1 && rings became_full && full=$((sum - before)) || return
	rings max_occupancy
	because "the ring was full $full times, with $most jobs in it"
	[ "$full" -gt 0 ] && [ "$most" -eq 511 ] && faults_clear && intact
}

# Fewer slots than the driver knows of: it remembers how many there are, and asks again when
# there should be none left. It must never be told "none" then.
fewer_slots() {
	fault ring-depth:slots=16 && depth=$rule || return
	fault latency:uniform=0us..200us,alg=aes-xts && slow=$rule || return
	write_all && intact && fired_some "$depth" && fired "$slow" $((2 * SECTORS)) || return
	rings slot_refusals && because "reads that gave 0: $sum" && [ "$sum" -eq 0 ] && faults_clear
}

# held NAME: that many fired, and the read that waits for it goes on waiting.
is_held() {
	eventually 30 fired "$1" 1 || return
	sleep 1
	kill -0 "$reader" 2>/dev/null || { because "the read has ended"; return 1; }
}

# The fifth job is held; the read of eight sectors hangs until it is released.
breakpoint() {
	fault stall:release=manual,alg=aes-xts,nth=5 || return
	read_sectors 8 &
	reader=$!
	is_held "$rule" && rings pending && because "$sum jobs pending" && [ "$sum" -ge 1 ] || return
	told resume && wait "$reader" && cmp -n 4096 /tmp/pattern /tmp/back && faults_clear
}

# The emulator gives back each window of eight in an order that the seed decides.
reordered() {
	fault reorder:window=8,within=50ms,alg=aes-xts || return
	write_all && fired "$rule" "$SECTORS" && intact && fired "$rule" $((2 * SECTORS)) && faults_clear && intact
}

# One byte a microsecond, and one DECO: 2048 jobs of 512 bytes take a second and more. (528 bytes, to
# the device: with the IV.)
by_size() {
	timed write_all && plain=$took && fault decos:count=1 && fault latency:bandwidth=1,alg=aes-xts,length=512.. || return
	timed write_all && fired "$rule" "$SECTORS" || return
	because "$((plain * 10)) ms, and $((took * 10)) ms at 1 MB/s"
	[ "$took" -ge 104 ] && faults_clear && intact
}

# (The key's bytes do not matter.)
cbc() {
	kcapi-enc -e -c cbc-aes-caam --keyfd 4 --iv 000102030405060708090a0b0c0d0e0f -i "$1" -o /tmp/out 4</tmp/key16
}

# --- Jobs that fail ---------------------------------------------------------------------

# one_fails RULE TEXT: the rule fires once, the read fails with an I/O error, and the kernel says TEXT.
# Then all is as before.
one_fails() {
	listen
	fault "$1" || return
	read_sectors 2>/tmp/said
	status=$?
	FAILED=$((FAILED + 1))
	because "status $status: $(grep dd: /tmp/said)"
	[ "$status" -ne 0 ] && grep -q 'Input/output error' /tmp/said && fired "$rule" 1 && said "$2" && faults_clear && intact_first 8
}

# status VALUE TEXT: a status word, by name or number.
status() {
	one_fails "status:value=$1,alg=aes-xts,once" "$2"
}

# To whoever asks by AF_ALG the error is EINVAL.
invalid_to_user_space() {
	listen
	fault status:value=ccb/aes/data-size,alg=aes-cbc,once || return
	cbc /tmp/key16
	status=$?
	FAILED=$((FAILED + 1))
	because "kcapi-enc: status $status (EINVAL: $EINVAL)"
	[ "$status" -eq "$EINVAL" ] && fired "$rule" 1 && said 'CCB: desc idx 0: AES: Data size error.' && faults_clear && cbc /tmp/key16
}

gcm() {
	kcapi-enc "$1" --nounpad -c gcm-aes-caam --keyfd 4 --iv 000102030405060708090a0b --aad 00112233 "$2" "$3" -i "$4" -o "$5" 4</tmp/key16
}

# open_sealed: what gcm -e has made of /tmp/plain is AAD, cipher text, tag.
open_sealed() {
	gcm -d --tag "$(tail -c 16 /tmp/sealed | od -An -v -tx1 | tr -d ' \n')" /tmp/cipher /tmp/opened
}

# An ICV that is right, and a device that says it is not. The driver says nothing to that.
bad_message() {
	head -c 1024 /tmp/pattern >/tmp/plain
	gcm -e --taglen 16 /tmp/plain /tmp/sealed && tail -c +5 /tmp/sealed | head -c 1024 >/tmp/cipher && open_sealed || return
	listen
	fault status:value=ccb/aes/icv-check,alg=aes-gcm,dir=decrypt,once || return
	open_sealed
	status=$?
	FAILED=$((FAILED + 1))
	because "kcapi-enc: status $status (EBADMSG: $EBADMSG)"
	[ "$status" -eq "$EBADMSG" ] && fired "$rule" 1 && quiet "$HEARD" && faults_clear && open_sealed
}

# A DECO that hangs: the watchdog ends its job. The other DECOs go on meanwhile.
deco_hangs() {
	one_fails "deco-hang:for=700ms,alg=aes-xts,nth=3" 'DECO: desc idx 0: DECO Watchdog timer timeout error'
}

# --- Output that is not what it should be -----------------------------------------------

# written_wrong BEGINNING-OF-RULE: the job of the fourth sector does not write what it should, and
# says that it did. Reading shows it, in that sector alone; written once more, it is right. (One
# DECO: with several, it is chance which of two jobs is asked about first.)
written_wrong() {
	write_sectors && intact_first 8 && fault decos:count=1 && fault "$1alg=aes-xts,dir=encrypt,nth=4" || return
	write_sectors && fired "$rule" 1 && faults_clear && read_sectors || return
	wrong=$(differing)
	because "sectors that are not as written: ${wrong:-none}"
	[ "$wrong" = 3 ] && write_sectors && intact_first 8
}

# read_wrong: the same, when reading: the disk is right, as another read shows.
read_wrong() {
	fault decos:count=1 && fault "$1alg=aes-xts,dir=decrypt,nth=4" || return
	read_sectors && fired "$rule" 1 && faults_clear || return
	wrong=$(differing)
	because "sectors that are not as written: ${wrong:-none}"
	[ "$wrong" = 3 ] && intact_first 8
}

# --- All of it --------------------------------------------------------------------------

dma() {
	one_fails "dma-error:of=$1,alg=aes-xts,once" ': DMA Error'
}

# Four at a time, and never beyond the page: since Linux 4.20 the driver sees to that.
no_over_read() {
	fault table-overread:action=fail && write_all && intact && fired "$rule" 0 && faults_clear
}

# What must not be in the kernel's log, whatever jobs do.
calm() {
	dmesg | tail -n +"$FIRST_LINE" | grep -E 'WARNING:|BUG:|Oops|Internal error|Call trace|blocked for|nobody cared' >/tmp/complaints
	while read -r line; do because "$line"; done </tmp/complaints
	[ ! -s /tmp/complaints ]
}

NOT_IMPLEMENTED='() not implemented'
ktap_plan 32
ktap_test set-up set_up
ktap_test latency-by-size by_size
ktap_test ring-full ring_full
ktap_test ring-depth-to-a-caching-driver fewer_slots
ktap_test breakpoint breakpoint
ktap_test completions-out-of-order reordered
ktap_test icv-failure-is-ebadmsg bad_message
ktap_test status-is-einval-to-af-alg invalid_to_user_space
ktap_test status-ccb status ccb/aes/hardware 'CCB: desc idx 0: AES: Hardware error.'
ktap_test status-deco status deco/header 'DECO: desc idx 0: Header Error. Invalid length or parity'
ktap_test status-jump status jump-user/7 "30000007: Jump: report_jump_status$NOT_IMPLEMENTED"
ktap_test status-qi status qi/0x20 'Queue Manager Interface: FD format error'
ktap_test status-jr status jr/0x1e "Job Ring: report_jr_status$NOT_IMPLEMENTED"
ktap_test status-condition status jump-condition/1 "Condition Code: report_cond_code_status$NOT_IMPLEMENTED"
ktap_test status-of-no-source status 0x80000001 '8: unknown error source'
ktap_test watchdog one_fails watchdog:alg=aes-xts,once 'DECO: desc idx 0: DECO Watchdog timer timeout error'
ktap_test deco-hang-and-watchdog deco_hangs
ktap_test data-flip-written written_wrong data-flip:bits=1,
ktap_test data-flip-read read_wrong data-flip:bits=1,
ktap_test data-truncate-written written_wrong data-truncate:bytes=64,
ktap_test data-truncate-read read_wrong data-truncate:bytes=64,
ktap_test data-skip-written written_wrong data-skip:
ktap_test data-skip-read read_wrong data-skip:
for what in descriptor shared-descriptor table input output; do
	ktap_test "dma-error-of-$what" dma "$what"
done
ktap_test tables-stay-on-their-page no_over_read
ktap_test all-is-well-afterwards intact
ktap_test kernel-survives calm
ktap_test device-worked on_device intact_first 8
failed_since_snapshot "$FAILED"
echo "@@ jobs $(jobs_now)"
ktap_end
