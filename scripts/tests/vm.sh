#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/vm.sh does with bad input and on bad machines, as far as that can be seen
# without a guest. Quick, and without a network.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SCRIPT=$ROOT/scripts/vm.sh
# Nothing listens on this port.
NOWHERE=http://127.0.0.1:1/debian
export NO_COLOR=1

check no-arguments unusable 'no case given'
check unknown-option unusable 'unknown option --fast' --fast selftests
check unknown-case unusable "no case named 'nonsense'" nonsense
check unknown-option-near unusable "unknown option --drivr; did you mean '--driver'[?]" --drivr x selftests
check unknown-case-near unusable "no case named 'dmcrypt'; did you mean 'dm-crypt'[?]" dmcrypt
check unknown-case-swapped unusable "did you mean 'selftests'[?]" sefltests
check driver-near unusable "no-backlogs: no such variant; did you mean 'no-backlog'[?]" --driver dm-crypt-able+no-backlogs selftests
check dm-crypt-near unusable "did you mean 'wait-each'[?]" --dm-crypt wait-eech selftests
check case-with-a-path unusable 'no case named' ../lib/ktap
check shell-with-case unusable 'runs no cases' --shell selftests
check option-without-value unusable 'timeout needs a value' selftests --timeout
check timeout-nonsense unusable 'not a number' --timeout soon selftests
check timeout-zero unusable 'not a number' --timeout 0 selftests
check kernel-nonsense unusable 'neither a series' --kernel nonsense selftests
check kernel-empty unusable 'neither a series' --kernel '' selftests
check driver-nonsense unusable 'no such variant' --driver nonsense selftests
check driver-no-folder unusable 'no such folder' --driver "$WORK/nothing" selftests
check driver-empty-folder unusable 'neither sources' --driver "$WORK/" selftests
check driver-folder-last unusable 'comes first' --driver "stock+$WORK/" selftests
check driver-ring-nonsense unusable 'a ring has 4, 8' --driver stock+ring-5 selftests
check driver-ring-twice unusable 'two sizes' --driver ring-4+ring-16 selftests
check dm-crypt-has-no-ring unusable 'no such variant' --dm-crypt ring-16 selftests
check patch-no-file unusable 'no such file' --patch "$WORK/nothing" selftests
check dm-crypt-nonsense unusable 'no such variant' --dm-crypt=nonsense selftests
check modules-no-folder unusable 'no such folder' --modules "$WORK/nothing" selftests
check job-rings-nonsense unusable 'job-rings 9' --emu "--job-rings 9" selftests

patch_of_built_modules() {
	mkdir -p "$WORK/built"
	: >"$WORK/built/caam.ko"
	: >"$WORK/some.patch"
	unusable 'cannot be patched' --patch "$WORK/some.patch" --driver "$WORK/built" selftests
}
check patch-of-built-modules patch_of_built_modules

help_teaches() {
	run 0 "$SCRIPT" --help && grep -q 'git bisect' "$WORK/out" && grep -q -- '--driver' "$WORK/out" || return 1
	run 0 "$SCRIPT" --list && grep -q 'dm-crypt-able' "$WORK/out" && grep -q ' ring-N ' "$WORK/out" && grep -q selftests "$WORK/out"
}
check help-and-list help_teaches

# cannot_tell PATTERN COMMAND...: status 125, the cause said, nothing on stdout, nothing left.
cannot_tell() {
	local pattern=$1
	shift
	mkdir -p "$WORK/tmp"
	run 125 env TMPDIR="$WORK/tmp" "$@" && silent && says "$pattern" || return
	[[ -z $(ls -A "$WORK/tmp") ]] && return 0
	echo "left behind: $(ls -A "$WORK/tmp")"
	return 1
}

# Nothing listens at the mirror, and the QEMU on PATH knows no vfio-user.
no_network() {
	cannot_tell "reading Debian's package lists.*(Connection|connect)" env CAAM_EMU_CACHE="$WORK/cache" \
		CAAM_EMU_DEBIAN_MIRROR="$NOWHERE" CAAM_EMU_BINARY=/bin/true PATH="$(path_without_qemu)" "$SCRIPT" selftests || return
	says CAAM_EMU_DEBIAN_MIRROR && says 'has no vfio-user-pci' || return
	# What failed must not be taken for done the next time.
	[[ -z $(find "$WORK/cache" -name .complete) && -z $(find "$WORK/cache" -name '*.new.*') ]]
}

path_without_qemu() {
	mkdir -p "$WORK/old-qemu"
	printf '#!/bin/sh\necho '"'"'name "vfio-pci", bus PCI'"'"'\n' >"$WORK/old-qemu/qemu-system-aarch64"
	chmod +x "$WORK/old-qemu/qemu-system-aarch64"
	echo "$WORK/old-qemu:$PATH"
}
check no-network-and-old-qemu no_network

good_qemu() {
	mkdir -p "$WORK/new-qemu"
	printf '#!/bin/sh\necho '"'"'name "vfio-user-pci", bus PCI'"'"'\n' >"$WORK/new-qemu/qemu-system-aarch64"
	chmod +x "$WORK/new-qemu/qemu-system-aarch64"
	run 0 env CAAM_EMU_CACHE="$WORK/cache" CAAM_EMU_DEBIAN_MIRROR="$NOWHERE" PATH="$WORK/new-qemu:$PATH" \
		bash -euo pipefail -c '. "$1/scripts/lib/all.sh"; find_qemu; echo "${QEMU[@]}"' test "$ROOT" &&
		[[ $(<"$WORK/out") == "$WORK/new-qemu/qemu-system-aarch64" ]]
}
check good-qemu-on-path good_qemu

cache_unwritable() {
	cannot_tell "cannot (create|write)" env CAAM_EMU_CACHE=/proc/caam-emu CAAM_EMU_BINARY=/bin/true "$SCRIPT" selftests
}
check cache-unwritable cache_unwritable

no_temporary_folder() {
	run 125 env TMPDIR=/proc/caam-emu CAAM_EMU_CACHE="$WORK/cache" CAAM_EMU_BINARY=/bin/true "$SCRIPT" selftests &&
		says 'temporary folder'
}
check no-temporary-folder no_temporary_folder

# A file system of one megabyte, in a mount namespace of its own.
no_space() {
	mkdir -p "$WORK/small"
	local -a apart=(unshare --mount)
	if ((EUID != 0)); then apart+=(--user --map-root-user); fi
	"${apart[@]}" true 2>/dev/null || skip "no mount namespace here"
	# shellcheck disable=SC2016
	cannot_tell 'MB free on the disk' "${apart[@]}" sh -c \
		'mount -t tmpfs -o size=1m none "$1" && shift && exec env "$@"' sh "$WORK/small" \
		CAAM_EMU_CACHE="$WORK/small" CAAM_EMU_DEBIAN_MIRROR="$NOWHERE" CAAM_EMU_BINARY=/bin/true \
		PATH="$(path_without_qemu)" "$SCRIPT" selftests
}
check no-space no_space

binary_nonsense() {
	run 2 env CAAM_EMU_BINARY="$WORK/nothing" CAAM_EMU_CACHE="$WORK/cache" "$SCRIPT" selftests && says 'not an executable'
}
check emulator-binary-nonsense binary_nonsense

# --- Patches and modules of developers --------------------------------------------------

# library COMMANDS ARGS...: with the scripts' functions.
library() {
	bash -euo pipefail -c '. "$0/scripts/lib/all.sh"; '"$1" "$ROOT" "${@:2}"
}

# a_patch BEFORE AFTER: of a file of three lines, with these two paths, for the driver in $WORK/source.
a_patch() {
	rm -rf "$WORK/source"
	mkdir "$WORK/source"
	printf 'one\ntwo\nthree\n' >"$WORK/source/jr.c"
	printf -- '--- %s\n+++ %s\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n' "$1" "$2" >"$WORK/driver.patch"
}

# shellcheck disable=SC2016 # expanded by the inner shell
APPLY='apply_diff "$1" "$2"'

applies() {
	a_patch "$1" "$2"
	run 0 library "$APPLY" "$WORK/driver.patch" "$WORK/source" && [[ $(<"$WORK/source/jr.c") == $'one\n2\nthree' ]]
}
check patch-of-git applies a/drivers/crypto/caam/jr.c b/drivers/crypto/caam/jr.c
check patch-with-dates applies $'linux/drivers/crypto/caam/jr.c.orig\t2026-01-01' $'linux/drivers/crypto/caam/jr.c\t2026-01-02'
check patch-without-prefix applies drivers/crypto/caam/jr.c drivers/crypto/caam/jr.c
check patch-within-the-folder applies jr.c jr.c
check patch-within-the-folder-by-git applies a/jr.c b/jr.c
check patch-from-elsewhere applies /tmp/jr.c /home/me/linux/drivers/crypto/caam/jr.c

patch_adds_and_removes() {
	a_patch jr.c jr.c
	printf -- '--- /dev/null\n+++ b/drivers/crypto/caam/new.c\n@@ -0,0 +1 @@\n+new\n' >"$WORK/driver.patch"
	printf -- '--- a/drivers/crypto/caam/jr.c\n+++ /dev/null\n@@ -1,3 +0,0 @@\n-one\n-two\n-three\n' >>"$WORK/driver.patch"
	run 0 library "$APPLY" "$WORK/driver.patch" "$WORK/source" && [[ $(ls "$WORK/source") == new.c ]]
}
check patch-adds-and-removes patch_adds_and_removes

# refused PATTERN: that is said, and the whole output has it in one line.
refused() {
	run 1 library "$APPLY" "$WORK/driver.patch" "$WORK/source" && grep -q -E "^error: driver.patch $1\$" "$WORK/out" && return
	cat "$WORK/out"
	return 1
}

patch_rejected() {
	a_patch a/drivers/crypto/caam/jr.c b/drivers/crypto/caam/jr.c
	printf 'uno\ndue\ntre\n' >"$WORK/source/jr.c"
	refused 'does not apply: jr.c: Hunk #1 FAILED at 1.' && grep -q '^+2$' "$WORK/out"
}
check patch-rejected patch_rejected

patch_already_applied() {
	a_patch a/drivers/crypto/caam/jr.c b/drivers/crypto/caam/jr.c
	printf 'one\n2\nthree\n' >"$WORK/source/jr.c"
	refused 'does not apply: jr.c: Reversed .*'
}
check patch-already-applied patch_already_applied

patch_of_a_missing_file() {
	a_patch a/drivers/crypto/caam/jr.c b/drivers/crypto/caam/jr.c
	rm "$WORK/source/jr.c"
	refused "does not apply: .*" && [[ -z $(find "$WORK/source" -name '*.c') ]]
}
check patch-of-a-missing-file patch_of_a_missing_file

patch_of_another_driver() {
	a_patch "$1" "$1"
	refused "changes $1, which is not of the driver .*" && [[ $(sed -n 2p "$WORK/source/jr.c") == two ]]
}
check patch-of-another-driver patch_of_another_driver b/drivers/crypto/qat/jr.c
check patch-of-a-folder-above patch_of_another_driver b/drivers/crypto/jr.c

patch_of_two_drivers() {
	a_patch a/drivers/crypto/caam/jr.c b/drivers/crypto/caam/jr.c
	sed 's,/drivers/crypto/caam/jr.c,/crypto/crypto_engine.c,' "$WORK/driver.patch" >>"$WORK/driver.patch.2"
	cat "$WORK/driver.patch.2" >>"$WORK/driver.patch"
	refused 'changes b/crypto/crypto_engine.c, which is not of the driver .*'
}
check patch-of-two-drivers patch_of_two_drivers

patch_of_nothing() {
	a_patch a/jr.c b/jr.c
	echo 'Subject: nothing at all' >"$WORK/driver.patch"
	refused 'holds no unified diff'
}
check patch-of-nothing patch_of_nothing

# modules STATUS PATTERN RELEASE BUILTIN FILE...: a folder of such modules, for a guest with Linux 6.1.0.
modules() {
	local status=$1 pattern=$2 release=$3 builtin=$4 file
	rm -rf "$WORK/built" "$WORK/kernel"
	mkdir "$WORK/built" "$WORK/kernel"
	if [[ -n $builtin ]]; then echo "$builtin" >"$WORK/kernel/modules.builtin"; fi
	for file in "${@:5}"; do printf '\0%s SMP aarch64\0' "${release:+vermagic=$release}" >"$WORK/$file"; done
	# shellcheck disable=SC2016
	run "$status" library 'KERNEL_VERSION=6.1.0 KERNEL_MODULES=$1/kernel
		if [[ -n $(compgen -G "$1/built/*") ]]; then VARIANT_DIRS=("$1/built"); else VARIANT_DIRS=(); fi
		check_modules' "$WORK" && { [[ -z $pattern ]] || says "$pattern"; }
}
NO_CAAM=kernel/fs/ext4.ko
check modules-good modules 0 '' 6.1.0 "$NO_CAAM" built/caam_jr.ko
check modules-for-another-kernel modules 125 'is built for Linux 6.1.0-rc1; the guest runs 6.1.0$' 6.1.0-rc1 "$NO_CAAM" built/caam_jr.ko
check modules-of-no-kernel modules 125 'no kernel module' '' "$NO_CAAM" built/caam_jr.ko
check modules-built-in modules 125 'cannot take the place' 6.1.0 kernel/drivers/crypto/caam/caam_jr.ko built/caam_jr.ko
check kernel-without-caam modules 125 'this kernel has no CAAM driver' 6.1.0 "$NO_CAAM"
check kernel-with-caam modules 0 '' 6.1.0 "$NO_CAAM" kernel/caam_jr.ko
check kernel-with-caam-built-in modules 0 '' 6.1.0 kernel/drivers/crypto/caam/caam_jr.ko
check kernel-unknown modules 0 '' 6.1.0 ''

# Each semantic patch says what it is for, and what it must change.
variants_explained() {
	local file line
	for file in "$ROOT"/guest-tests/{drivers,dm-crypt}/*.cocci; do
		for line in '// SPDX-License-Identifier: GPL-2.0-only' '// purpose: .' '// changes: .'; do
			grep -q "^$line" "$file" || { echo "${file##*/} has no line '$line'"; return 1; }
		done
	done
}
check variants-explained variants_explained

# --- The cache --------------------------------------------------------------------------

# Two at once: one does the work, the other waits for it.
cached_once() {
	cat >"$WORK/twice.sh" <<-'SH'
		. "$1/scripts/lib/all.sh"
		install_traps
		cached "$VM_CACHE/thing" "making a thing" "" sh -c 'sleep 0.5; echo made >>"$0"; touch "$1/thing"' "$2"
		[[ -e $VM_CACHE/thing/thing ]]
	SH
	export CAAM_EMU_CACHE=$WORK/once
	bash -euo pipefail "$WORK/twice.sh" "$ROOT" "$WORK/made" &
	local first=$!
	bash -euo pipefail "$WORK/twice.sh" "$ROOT" "$WORK/made" || return
	wait "$first" || return
	[[ $(wc -l <"$WORK/made") -eq 1 ]]
}
check cache-made-once cached_once

# A failure in the middle of a function ends it, and leaves nothing that looks complete.
cached_failure() {
	run 125 env CAAM_EMU_CACHE="$WORK/failing" bash -euo pipefail -c '
		. "$1/scripts/lib/all.sh"
		install_traps
		cached "$VM_CACHE/thing" "making a thing" "try again" sh -c "echo error: it broke; exit 3"' test "$ROOT" &&
		says 'making a thing: error: it broke' && says 'try again' && [[ ! -e $WORK/failing/thing ]] &&
		[[ -z $(find "$WORK/failing" -name '*.new.*') ]]
}
check cache-failure-leaves-nothing cached_failure

cached_interrupted() {
	local pid status=0
	CAAM_EMU_CACHE=$WORK/interrupted setsid env --default-signal=INT bash -euo pipefail -c '
		. "$1/scripts/lib/all.sh"
		install_traps
		cached "$VM_CACHE/thing" "making a thing" "" sh -c "echo \$\$ >\"$2\"; sleep 1000"' test "$ROOT" "$WORK/pid" 2>"$WORK/err" &
	pid=$!
	for _ in {1..50}; do
		[[ -s $WORK/pid ]] && break
		sleep 0.1
	done
	kill -INT "$pid"
	wait "$pid" || status=$?
	((status == 125)) || { echo "status $status"; return 1; }
	# (Its parent has ended, too: it may take a moment until it is reaped.)
	for _ in {1..50}; do
		kill -0 "$(<"$WORK/pid")" 2>/dev/null || break
		sleep 0.1
	done
	if kill -0 "$(<"$WORK/pid")" 2>/dev/null; then echo "the step still runs"; return 1; fi
	[[ -z $(find "$WORK/interrupted" -name '*.new.*') ]]
}
check cache-interrupted cached_interrupted

finish
