#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/vm.sh does with bad input and on bad machines, as far as that can be seen
# without a guest. Quick, and without a network.
set -uo pipefail
# shellcheck source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

VM=$ROOT/scripts/vm.sh
# Nothing listens on this port.
NOWHERE=http://127.0.0.1:1/debian
export NO_COLOR=1

# unusable PATTERN ARGS...: a usage error: status 2, one line of cause, one of advice.
unusable() {
	local pattern=$1
	shift
	run 2 "$VM" "$@" && silent && says "$pattern" && [[ $(wc -l <"$WORK/err") -eq 2 ]]
}

check no-arguments unusable 'no case given'
check unknown-option unusable 'unknown option --fast' --fast selftests
check unknown-case unusable "no case named 'nonsense'" nonsense
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
check dm-crypt-nonsense unusable 'no such variant' --dm-crypt=nonsense selftests
check modules-no-folder unusable 'no such folder' --modules "$WORK/nothing" selftests
check job-rings-nonsense unusable 'job-rings 9' --emu "--job-rings 9" selftests

help_teaches() {
	run 0 "$VM" --help && grep -q 'git bisect' "$WORK/out" && grep -q -- '--driver' "$WORK/out" || return 1
	run 0 "$VM" --list && grep -q 'dm-crypt-able' "$WORK/out" && grep -q selftests "$WORK/out"
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
		CAAM_EMU_DEBIAN_MIRROR="$NOWHERE" CAAM_EMU_BINARY=/bin/true PATH="$(path_without_qemu)" "$VM" selftests || return
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
	cannot_tell "cannot (create|write)" env CAAM_EMU_CACHE=/proc/caam-emu CAAM_EMU_BINARY=/bin/true "$VM" selftests
}
check cache-unwritable cache_unwritable

no_temporary_folder() {
	run 125 env TMPDIR=/proc/caam-emu CAAM_EMU_CACHE="$WORK/cache" CAAM_EMU_BINARY=/bin/true "$VM" selftests &&
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
		PATH="$(path_without_qemu)" "$VM" selftests
}
check no-space no_space

binary_nonsense() {
	run 2 env CAAM_EMU_BINARY="$WORK/nothing" CAAM_EMU_CACHE="$WORK/cache" "$VM" selftests && says 'not an executable'
}
check emulator-binary-nonsense binary_nonsense

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
