#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# How fast is it, beside what else people could use? See --help.
set -euo pipefail
# shellcheck source=lib/all.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
# shellcheck source=lib/bench/all.sh
. "$LIB/bench/all.sh"

help() {
	cat <<HELP
usage: scripts/bench.sh [OPTION]...

Measures caam-emu on this machine and prints one table: each figure as the median of several
rounds with its extremes, beside what it is compared with in the same rounds, the ratio, and
whether the goal is met. docs/performance.md explains the figures.

  engine      AES modes against OpenSSL, in one process
  pipeline    a job from doorbell to output ring, against its AES alone; several DECOs
  transport   a register access through the vfio-user socket
  guest       dm-crypt in a Linux guest: on caam-emu, on the guest's AES instructions, on generic
              code, on QEMU's virtio-crypto
  footprint   memory, start, and how long each phase of scripts/stress.sh takes

  --only PART    this part only; may be repeated
  --rounds N     rounds of engine, pipeline and transport (default $ROUNDS); the guest does
                 at most $GUEST_ROUNDS
  --quick        fewer and shorter rounds, no stress.sh: figures to try things out, not to quote
  --out DIR      table.txt, results.json, results.svg and samples.jsonl in DIR (default target/bench)
  --help

Everything takes about 15 minutes, --quick about 4. The machine should have nothing else to do:
the table says how busy it was.

Exit status: 0 measured, whether or not the goals are met; 125 could not measure, 2 unusable
command line.

Examples:
  scripts/bench.sh
  scripts/bench.sh --only engine --rounds 9
  scripts/bench.sh --quick --only guest --out /tmp/bench

Environment: LIBVFIO_USER_SERVER (libvfio-user's sample "server", built: transport measures it,
too); else as for scripts/vm.sh.
HELP
}

readonly PARTS=(engine pipeline transport guest footprint)
ROUNDS=5 GUEST_ROUNDS=3 QUICK=0 OUT='' CHOSEN=()
# shellcheck disable=SC2034  # for lib/bench
COMMAND="scripts/bench.sh${*:+ $*}"

parse_arguments() {
	while (($#)); do
		case $1 in
		--only | --rounds | --out)
			(($# >= 2)) || usage_error "$1 needs a value"
			case $1 in
			--only)
				[[ " ${PARTS[*]} " == *" $2 "* && $2 != *' '* ]] || usage_error "--only '$2': not one of ${PARTS[*]}"
				CHOSEN+=("$2")
				;;
			--rounds)
				[[ $2 =~ ^[1-9][0-9]?$ ]] || usage_error "--rounds $2: not a number from 1 to 99"
				ROUNDS=$2
				;;
			--out) OUT=$2 ;;
			esac
			shift
			;;
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue
			;;
		--quick) QUICK=1 ;;
		-h | --help)
			help
			exit "$EX_GOOD"
			;;
		-*) unknown_option "$1" ;;
		*) usage_error "$1: not an option" ;;
		esac
		shift
	done
	((${#CHOSEN[@]})) || CHOSEN=("${PARTS[@]}")
	if ((QUICK)); then
		ROUNDS=$((ROUNDS < 2 ? ROUNDS : 2)) GUEST_ROUNDS=1
	fi
	GUEST_ROUNDS=$((GUEST_ROUNDS < ROUNDS ? GUEST_ROUNDS : ROUNDS))
	OUT=${OUT:-${CARGO_TARGET_DIR:-$REPO/target}/bench}
	if ! mkdir -p "$OUT" 2>/dev/null || [[ ! -w $OUT ]]; then
		usage_error "--out $OUT: not a folder that can be written to"
	fi
	OUT=$(cd "$OUT" && pwd)
}

# chosen PART
chosen() {
	[[ " ${CHOSEN[*]} " == *" $1 "* ]]
}

main() {
	local name
	local -a programs=()
	parse_arguments "$@"
	install_traps
	need_space 100
	need_commands util-linux=setpriv
	open_run
	need_tools
	need_rust
	open_samples
	for name in engine pipeline transport; do
		if chosen "$name"; then programs+=("$name"); fi
	done
	if ((${#programs[@]})); then build_programs "${programs[@]}"; fi
	if chosen guest || chosen footprint; then build_emulator; fi
	note_machine before
	if ((${#programs[@]})); then run_programs "${programs[@]}"; fi
	if chosen footprint; then measure_footprint; fi
	if chosen guest; then measure_guest; fi
	note_machine after
	conclude
}

main "$@"
