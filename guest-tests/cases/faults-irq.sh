# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=sh
#
# purpose: interrupts late, merged, lost, spurious and stuck, and what the driver and the kernel make of it
# driver: dm-crypt-able
# emu: --decos 4 --seed 7
#
# All rings share one interrupt line, and the driver looks at its ring whenever that line rises for
# any of them. So while a test waits, no other job may come: those of the kernel's random number
# thread are held back in the device.

# shellcheck source=../lib/ktap.sh
. /tests/lib/ktap.sh
# shellcheck source=../lib/caam.sh
. /tests/lib/caam.sh
# shellcheck source=../lib/faults.sh
. /tests/lib/faults.sh
# shellcheck source=../lib/dmcrypt.sh
. /tests/lib/dmcrypt.sh

FIRST_LINE=$(($(dmesg | wc -l) + 1))

set_up() {
	dm_crypt_ready 4096 && write_all && intact && snapshot
}

# One sector is read, and its interrupt is lost: the read waits, although the job is done. The
# interrupt of another one frees both.
lost() {
	fault latency:fixed=30s,alg=rng && fault irq-lost:once || return
	read_sectors &
	reader=$!
	eventually 30 is_waiting && fired "$rule" 1 || return
	sleep 2
	kill -0 "$reader" || { because "the read has ended"; return 1; }
	dd if="$CRYPT" of=/tmp/other bs=4096 count=1 skip=1 iflag=direct && wait "$reader" && cmp -n 4096 /tmp/pattern /tmp/back || return
	rings interrupts.lost && because "interrupts lost: $sum" && [ "$sum" -eq 1 ] && faults_clear && intact
}

# One result, and nobody fetches it.
is_waiting() {
	rings waiting && because "results that wait: $sum" && [ "$sum" -eq 1 ]
}

# The interrupt comes a second late, and so does the read's end.
late() {
	fault irq-delay:by=1s,nth=1 && timed read_sectors && fired "$rule" 1 || return
	because "the read took $((took * 10)) ms"
	[ "$took" -ge 100 ] && faults_clear && intact_first 8
}

# Sixteen results to an interrupt. (Jobs that take two milliseconds each have about one each, by
# themselves.)
coalesced() {
	fault decos:count=1 && fault latency:fixed=2ms,alg=aes-xts && dm_crypt_ready 512 && write_all || return
	rings interrupts.raised && before=$sum && read_sectors 64 && rings interrupts.raised && plain=$((sum - before)) || return
	fault irq-coalesce:count=16,within=3s && before=$sum && read_sectors 64 && fired_some "$rule" && rings interrupts.raised || return
	because "$plain interrupts for 64 jobs; coalesced, $((sum - before))"
	[ $((sum - before)) -le 8 ] && faults_clear && intact
}

# Every third one is lost: others take its work along.
now_and_then() {
	fault irq-lost:every=3 && write_all && intact && fired_some "$rule" && faults_clear && intact
}

# unclaimed: sets count, unhandled, last: what the kernel knows of interrupts that no handler wanted.
unclaimed() {
	irq=$(awk '/\.jr/ { sub(":", "", $1); print $1 }' /proc/interrupts)
	unhandled=$(awk '$1 == "unhandled" { print $2 }' "/proc/irq/$irq/spurious")
	last=$(awk '$1 == "last_unhandled" { print $2 }' "/proc/irq/$irq/spurious")
}

# The handlers of all rings find JRINTR 0 and say that it was not for them; the kernel counts that.
spurious() {
	unclaimed
	before=$last
	fault irq-spurious:once && read_sectors && fired "$rule" 1 || return
	eventually 10 one_more
	because "interrupts that no handler wanted: $unhandled, the last at $last (before: $before)"
	[ "$last" != "$before" ] && faults_clear && intact
}

one_more() {
	unclaimed
	[ "$last" != "$before" ]
}

# A line that stays up: as many of them as fit into that time, and then all goes on.
stuck() {
	unclaimed
	before=$last
	fault irq-stuck:for=200ms,nth=1 && read_sectors && fired "$rule" 1 || return
	sleep 1
	unclaimed
	because "interrupts that no handler wanted: $unhandled, the last at $last (before: $before)"
	[ "$last" != "$before" ] && [ "$unhandled" -gt 1 ] && faults_clear && intact
}

ktap_plan 9
ktap_test set-up set_up
ktap_test irq-lost lost
ktap_test irq-delay late
ktap_test irq-spurious spurious
ktap_test irq-stuck stuck
ktap_test irq-coalesce coalesced
ktap_test irq-lost-now-and-then now_and_then
ktap_test device-worked on_device intact_first 8
ktap_test kernel-log-clean quiet "$FIRST_LINE"
failed_since_snapshot 0
echo "@@ jobs $(jobs_now)"
ktap_end
