#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/stress.sh says of good drivers, bad ones, and none, in a guest; that it leaves nothing
# behind; and that `git bisect run` finds the commit at fault with it.
# Needs what a first run of scripts/stress.sh sets up.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=lib-guest.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib-guest.sh"

SCRIPT=$ROOT/scripts/stress.sh

# --- Ended from outside -----------------------------------------------------------------

interrupted() {
	local status=0
	start "$2" --driver stock || return
	sleep 0.5
	[[ -n $(of_this_run) ]] || { echo "no process to be ended"; return 1; }
	kill -"$1" "$SCRIPT_PID"
	wait "$SCRIPT_PID" || status=$?
	((status == 125)) || { echo "status $status"; return 1; }
	says interrupted && nothing_left
}
check interrupt-while-booting interrupted INT booting
check terminate-while-running interrupted TERM running

killed() {
	start running --driver stock || return
	kill -KILL "$SCRIPT_PID"
	wait "$SCRIPT_PID" 2>/dev/null
	nothing_left files
}
check killed-outright killed

# --- Verdicts ---------------------------------------------------------------------------

# sources DIR: the distribution's driver, to be changed.
sources() {
	local any
	any=$(find "${CAAM_EMU_CACHE:-${CARGO_TARGET_DIR:-$ROOT/target}/vm}" -path '*/builder-6.1*/sources/drivers/crypto/caam' -print -quit)
	[[ -n $any ]] || { echo "no sources: has scripts/stress.sh ever run?"; return 1; }
	mkdir -p "$1" && cp -r "$any/." "$1/"
}

# The bug of 2015, by hand: past the crypto engine, and -EBUSY when the ring is full.
plant() {
	sed -i '/^static inline int skcipher_crypt/,/^}/s/if (req->base.flags & CRYPTO_TFM_REQ_MAY_BACKLOG)/if (0)/' "$1/caamalg.c"
	sed -i '/^int caam_jr_enqueue/,/^}/s/return -ENOSPC;/return -EBUSY;/' "$1/jr.c"
	if ! grep -q 'if (0)' "$1/caamalg.c" || ! grep -q 'return -EBUSY;' "$1/jr.c"; then
		echo "nothing planted"
		return 1
	fi
}

# verdict STATUS WORD ARGS...
verdict() {
	local status=$1 word=$2
	shift 2
	run "$status" "$SCRIPT" "$@" || return
	grep -q "^verdict   $word\$" "$WORK/out" || { cat "$WORK/out"; return 1; }
	nothing_left
}

edited_driver() {
	sources "$WORK/caam" && plant "$WORK/caam" || return
	verdict 1 deadlock --driver "$WORK/caam" && grep -q ' crypt_convert' "$WORK/out" && grep -q 'device: idle for' "$WORK/out"
}
check deadlock-of-edited-driver edited_driver

patched_driver() {
	sources "$WORK/a" && sources "$WORK/b" && plant "$WORK/b" || return
	(cd "$WORK" && diff -ru a b >deadlock.patch)
	verdict 1 deadlock --patch "$WORK/deadlock.patch" &&
		verdict 0 survived --driver "$WORK/b" --patch "$WORK/back.patch"
}
(cd "$WORK" && mkdir -p a b && sources a && sources b && plant b && diff -ru b a >back.patch; rm -rf a b)
check deadlock-of-patch-and-back patched_driver

calm_is_inconclusive() {
	verdict 125 inconclusive --driver no-backlog --dm-crypt stock --stall for=1ms,nth=1 --depth 0 --timeout 2
}
check too-short-is-inconclusive calm_is_inconclusive

check io-errors verdict 1 errors --driver stock --fault status:value=ccb/aes/icv-check,alg=aes-xts,nth=5000
check corrupt-data verdict 1 corrupt --driver stock --fault data-flip:alg=aes-xts,dir=decrypt,every=100
check crash verdict 1 crashed --driver stock --fault jr-error:type=output-write,alg=aes-xts,nth=3000

report_is_complete() {
	run 1 "$SCRIPT" --driver "$WORK/caam" --runs 2 --report "$WORK/report" || return
	local file
	for file in report.html results.json results.ktap logs/boot-1/console.log logs/boot-2/emulator.log logs/boot-2/device.log; do
		[[ -s $WORK/report/$file ]] || { echo "no $file"; return 1; }
	done
	grep -q 'deadlock: no job after' "$WORK/report/report.html" && grep -q 'crypt_convert' "$WORK/report/report.html" &&
		[[ $(grep -c '^not ok' "$WORK/out") -eq 2 ]] && nothing_left
}
check report report_is_complete

# --- Bad input: 125, and one line that says why, with the log's path ------------------------

# unclear PATTERN ARGS...
unclear() {
	local pattern=$1
	shift
	run 125 "$SCRIPT" "$@" && says "$pattern" && nothing_left
}

patch_fails() {
	printf -- '--- a/drivers/crypto/caam/jr.c\n+++ b/drivers/crypto/caam/jr.c\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n' >"$WORK/bad.patch"
	unclear 'bad.patch does not apply' --patch "$WORK/bad.patch" && says 'the whole output: .*\.log'
}
check patch-does-not-apply patch_fails

does_not_compile() {
	sources "$WORK/broken" && echo 'this is no C' >>"$WORK/broken/jr.c" || return
	unclear 'building drivers variant.*jr\.c.*error' --driver "$WORK/broken" && says 'the whole output: .*\.log'
}
check driver-does-not-compile does_not_compile

other_kernel() {
	local built
	built=$(find "${CAAM_EMU_CACHE:-${CARGO_TARGET_DIR:-$ROOT/target}/vm}/variants" -path '*/6.1.0*dm-crypt-able-*/caam_jr.ko' -print -quit)
	mkdir -p "$WORK/other" && sed 's/vermagic=6\.1\.0/vermagic=5.9.0/' "$built" >"$WORK/other/caam_jr.ko" || return
	unclear 'is built for Linux 5\.9\.0' --driver "$WORK/other"
}
check module-of-another-kernel other_kernel

does_not_bind() {
	sources "$WORK/unbound" && sed -i 's/fsl,sec/fsl,none/' "$WORK/unbound"/*.c || return
	unclear 'offers no xts-aes-caam' --driver "$WORK/unbound" && says 'console: .*console\.log'
}
check driver-does-not-bind does_not_bind

# --- git bisect run ---------------------------------------------------------------------

bisect() {
	local planted
	sources "$WORK/history/caam" && cd "$WORK/history" || return
	export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t GIT_CONFIG_GLOBAL=/dev/null
	git init -q && commit one && edit two ctrl.c && edit three caamrng.c || return
	plant caam && commit four || return
	planted=$(git rev-parse HEAD)
	edit five jr.h && edit six caamalg.c || return
	git bisect start HEAD HEAD~5 >"$WORK/bisect" 2>&1
	git bisect run "$SCRIPT" --driver ./caam >>"$WORK/bisect" 2>&1 || { cat "$WORK/bisect"; return 1; }
	grep -q "^$planted is the first bad commit" "$WORK/bisect" || { cat "$WORK/bisect"; return 1; }
	nothing_left
}
commit() {
	git add -A && git commit -q -m "$1"
}
edit() {
	echo "/* $1 */" >>"caam/$2" && commit "$1"
}
check git-bisect-finds-the-commit bisect

finish
