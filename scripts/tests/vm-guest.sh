#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/vm.sh does when its guest, its emulator or its user do not do as they should.
# Needs what a first run of scripts/vm.sh sets up.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck source=lib-guest.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib-guest.sh"

VM=$ROOT/scripts/vm.sh SCRIPT=$VM

interrupted() {
	local status=0
	start "$2" selftests || return
	[[ $2 != booting ]] || sleep 1
	[[ -n $(of_this_run) ]] || { echo "no process to be ended"; return 1; }
	kill -"$1" "$SCRIPT_PID"
	wait "$SCRIPT_PID" || status=$?
	((status == 125)) || { echo "status $status"; return 1; }
	says interrupted && nothing_left
}
check interrupt-while-booting interrupted INT booting
check terminate-while-booting interrupted TERM booting
check interrupt-during-case interrupted INT 'case selftests'

killed() {
	start 'booting' selftests || return
	sleep 1
	kill -KILL "$SCRIPT_PID"
	wait "$SCRIPT_PID" 2>/dev/null
	nothing_left files
}
check killed-outright killed

too_late() {
	run 125 "$VM" --timeout 1 selftests && says 'timed out after 1 s' && says "end of the guest's console" &&
		grep -q '^not ok 1 selftests' "$WORK/out" && nothing_left
}
check timeout-while-booting too_late

# An emulator that does what the script says.
emulator() {
	printf '#!/bin/sh\n%s\n' "$1" >"$WORK/emulator"
	chmod +x "$WORK/emulator"
}

emulator_fails() {
	emulator 'echo "error: no luck today" >&2; exit 1'
	run 125 env CAAM_EMU_BINARY="$WORK/emulator" "$VM" selftests && says 'did not start: error: no luck today' && nothing_left
}
check emulator-fails emulator_fails

emulator_without_device() {
	# shellcheck disable=SC2016
	emulator 'while [ "$1" != --ready-fd ]; do shift; done; echo ready >&"$2"; exec sleep 100'
	run 125 env CAAM_EMU_BINARY="$WORK/emulator" "$VM" selftests && says 'QEMU ended' &&
		grep -q '^not ok 1 selftests' "$WORK/out" && nothing_left
}
check emulator-without-device emulator_without_device

emulator_dies() {
	local status=0
	start 'booting' selftests || return
	sleep 1
	kill -KILL "$(pgrep -f -- "serve --socket-path $TMPDIR/")"
	wait "$SCRIPT_PID" || status=$?
	((status == 125)) || { echo "status $status"; return 1; }
	says 'ended' && nothing_left
}
check emulator-dies emulator_dies

# changed_driver NAME SED-SCRIPT: a patch $WORK/NAME.patch that makes this of the default kernel's jr.c.
changed_driver() {
	local source
	source=$(find "${CAAM_EMU_CACHE:-${CARGO_TARGET_DIR:-$ROOT/target}/vm}"/builder-6.1.*/usr/src/sources/drivers/crypto/caam \
		-name jr.c -print -quit)
	[[ -n $source ]] || { echo "no sources: run 'scripts/vm.sh dm-crypt' first"; return 1; }
	mkdir -p "$WORK/$1/"{a,b}
	cp "$source" "$WORK/$1/a/jr.c"
	sed "$2" "$source" >"$WORK/$1/b/jr.c"
	(cd "$WORK/$1" && diff -u a/jr.c b/jr.c) >"$WORK/$1.patch"
	[[ -s $WORK/$1.patch ]] || { echo "nothing changed"; return 1; }
}

# A driver that works, but badly: the bug is there.
driver_broken() {
	# The RNG alone.
	changed_driver broken '/^\tcaam_algapi_init(dev);$/d' || return
	run 1 "$VM" --driver stock --patch "$WORK/broken.patch" selftests && grep -q '^    ok 1 driver-bound' "$WORK/out" &&
		grep -q '^    # missing: .*xts-aes-caam' "$WORK/out" && grep -q '^    not ok 3 algorithms-complete' "$WORK/out" &&
		grep -q '^not ok 1 selftests' "$WORK/out" && nothing_left
}
check driver-broken driver_broken

# One that the device never gets: nothing can be said.
driver_unbound() {
	changed_driver unbound '/^static int caam_jr_probe(/,/^}/s/error = caam_jr_init(jrdev);/error = -EIO;/' || return
	run 125 "$VM" --driver stock --patch "$WORK/unbound.patch" selftests && says 'did not bind to the device' &&
		grep -q '^not ok 1 selftests' "$WORK/out" && says "end of the guest's console" && nothing_left
}
check driver-unbound driver_unbound

patch_does_not_apply() {
	changed_driver rejected '/^\tcaam_algapi_init(dev);$/d' || return
	sed -i 's/caam_algapi_init/caam_algapi_exit/' "$WORK/rejected.patch"
	run 125 "$VM" --driver stock --patch "$WORK/rejected.patch" selftests && nothing_left || return
	says 'error: rejected.patch does not apply: jr.c: Hunk #1 FAILED' || return
	grep -q '^-.caam_algapi_exit' "$(sed -n 's/.*the whole output: //p' "$WORK/err")"
}
check patch-does-not-apply patch_does_not_apply

modules_of_another_kernel() {
	mkdir -p "$WORK/foreign"
	printf '\0vermagic=5.4.0-1-arm64 SMP aarch64\0' >"$WORK/foreign/caam_jr.ko"
	run 125 "$VM" --driver "$WORK/foreign" selftests && says 'built for Linux 5.4.0-1-arm64; the guest runs 6' && nothing_left
}
check modules-of-another-kernel modules_of_another_kernel

driver_does_not_build() {
	mkdir -p "$WORK/unbuildable"
	echo 'obj-m := caam.o' >"$WORK/unbuildable/Makefile"
	echo 'this is no C' >"$WORK/unbuildable/caam.c"
	run 125 "$VM" --driver "$WORK/unbuildable" selftests && says 'building drivers variant.*error' && nothing_left
}
check driver-does-not-build driver_does_not_build

# Typed when the prompt is there: what is sent to a guest that boots is lost.
shell_prompt() {
	local status=0 i
	mkfifo "$WORK/keys"
	timeout -k 5 120 "$VM" --shell <"$WORK/keys" >"$WORK/out" 2>"$WORK/err" &
	exec 4>"$WORK/keys"
	for ((i = 0; i < 600; i++)); do
		grep -q 'built-in shell' "$WORK/out" && break
		sleep 0.1
	done
	printf 'echo six times seven is $((6 * 7))\npoweroff -f\n' >&4
	wait $! || status=$?
	((status == 0)) || { cat "$WORK/err"; return 1; }
	grep -q 'six times seven is 42' "$WORK/out" && nothing_left
}
check shell shell_prompt

finish
