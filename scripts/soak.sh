#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Random faults under dm-crypt with verify, for hours. See --help.
set -euo pipefail
# shellcheck source=lib/all.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
# shellcheck source=lib/soak/all.sh
. "$LIB/soak/all.sh"

help() {
	cat <<HELP
usage: scripts/soak.sh --hours N | --minutes N | --rounds N [OPTION]...    for so long
       scripts/soak.sh --seed S --round R [OPTION]...                     that round alone

Runs round after round in a Linux guest on caam-emu: a random fault plan, and under it fio writes,
reads back and verifies through dm-crypt on the CAAM driver. Cipher, sector size, depth and pattern
change from round to round; every $ROUNDS_A_BOOT rounds another guest boots, with another number of rings and
DECOs, another SoC, ring size or kind of memory. Plan and round follow from the seed and the round's
number alone. The first failure ends the soak, and is kept.

A round is good if
  - what was reported as written reads back right, under the faults, and by the CPU's AES after them
  - I/O errors are reported if jobs failed, and only then; no more jobs failed than faults wanted
  - I/O goes on: requests or jobs end within $PATIENCE s (no fault holds anything for more than 0.5 s)
  - the device's books balance: every job taken has ended, none is lost, none is held
  - each fault rule fired as often as the seed says
  - the guest's kernel does not complain, and the emulator's memory, files and threads do not grow

  --hours N, --minutes N   end after the round in which this time is over
  --rounds N               end after so many rounds
  --seed S                 of all that is random (default: one at random; it is printed)
  --round R                this round alone; with --minutes or --rounds again and again
  --out DIR                results (default target/soak): summary.txt; rounds.tsv; samples.tsv, the
                           emulator's memory and files over time; failure-SEED-ROUND/
  --fault RULE             beside the random ones, in each round; repeatable
  --driver VARIANT|DIR     the CAAM driver (scripts/vm.sh --list; default stock, with rings of 512,
                           64 or 16 slots)
  --patch FILE             that driver with this patch; repeatable
  --dm-crypt VARIANT|DIR   with this drivers/md/dm-crypt.c (default stock)
  --kernel SERIES|IMAGE    Debian's Linux of that series (default $DEFAULT_KERNEL), or your own Image
  --modules DIR            with --kernel IMAGE: its modules
  --patience S             seconds without an end of a request or a job that are a hang (default $PATIENCE)
  --trace                  with --round: a trace of the device, kept with a failure
  --refresh                ask Debian for newer versions of everything fetched so far
  --help

Exit status: 0 all rounds good, 1 one failed, 125 could not tell (set-up failed, interrupted), 2
unusable command line.

Examples:
  scripts/soak.sh --minutes 10
  scripts/soak.sh --hours 8 --seed 7 --driver ~/linux/drivers/crypto/caam --out /tmp/soak
  scripts/soak.sh --seed 7 --round 113 --minutes 5 --trace

Environment: as for scripts/vm.sh.
HELP
}

KERNEL=$DEFAULT_KERNEL KERNEL_TREE='' DRIVER=stock DM_CRYPT=stock REFRESH=0
SEED='' ROUND=1 ONLY_ROUND=0 ROUNDS=0 SOAK_SECONDS=0 PATIENCE=30 TRACE=0
OUT=${CARGO_TARGET_DIR:-$REPO/target}/soak
FAULTS=() REPEAT=()
# shellcheck disable=SC2034  # for lib/soak
USER_KERNEL_ARGS=${KERNEL_ARGS:-} BOOT_PATIENCE=180 FAILURE='' KEPT='' ROUNDS_DONE=0

parse_arguments() {
	local how_long=0
	while (($#)); do
		case $1 in
		--hours | --minutes | --rounds | --seed | --round | --out | --fault | --driver | --patch | --dm-crypt | --kernel | --modules | --patience)
			(($# >= 2)) || usage_error "$1 needs a value"
			case $1 in
			--hours | --minutes | --rounds | --round) how_long=1 ;;
			esac
			case $1 in
			--hours)
				check_number "$1" "$2" 1 10000
				SOAK_SECONDS=$(($2 * 3600))
				;;
			--minutes)
				check_number "$1" "$2" 1 600000
				SOAK_SECONDS=$(($2 * 60))
				;;
			--rounds)
				check_number "$1" "$2" 1 1000000000
				ROUNDS=$2
				;;
			--seed)
				check_number "$1" "$2" 0 99999999999999999
				SEED=$2
				;;
			--round)
				check_number "$1" "$2" 1 1000000000
				ONLY_ROUND=$2
				;;
			--out) OUT=$2 ;;
			--fault) FAULTS+=("$2") ;;
			--driver) DRIVER=$2 ;;
			--patch)
				[[ -f $2 && -r $2 ]] || usage_error "--patch $2: not a readable file"
				PATCHES+=("$(realpath -- "$2")")
				;;
			--dm-crypt) DM_CRYPT=$2 ;;
			--kernel) KERNEL=$2 ;;
			--modules) KERNEL_TREE=$2 ;;
			--patience)
				check_number "$1" "$2" 5 86400
				PATIENCE=$2
				;;
			esac
			case $1 in
			--fault | --driver | --patch | --dm-crypt | --kernel | --modules | --patience) REPEAT+=("$1" "$2") ;;
			esac
			shift
			;;
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue
			;;
		--trace) TRACE=1 ;;
		--refresh) REFRESH=1 ;;
		-h | --help)
			help
			exit "$EX_GOOD"
			;;
		-*) unknown_option "$1" ;;
		*) usage_error "$1: not an option" ;;
		esac
		shift
	done
	((how_long)) || usage_error "say how long: --hours N, --minutes N, --rounds N, or --round R"
	((!TRACE || ONLY_ROUND)) || usage_error "--trace goes with --round R"
	if ((ONLY_ROUND)); then
		[[ -n $SEED ]] || usage_error "--round $ONLY_ROUND needs --seed S: of which soak?"
		ROUND=$ONLY_ROUND
		if ((!SOAK_SECONDS && !ROUNDS)); then ROUNDS=1; fi
	fi
	: "${SEED:=$((16#$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')))}"
	check_kernel "$KERNEL" "$KERNEL_TREE"
	check_variant drivers --driver "$DRIVER"
	check_variant dm-crypt --dm-crypt "$DM_CRYPT"
	if ! mkdir -p "$OUT" 2>/dev/null || [[ ! -w $OUT ]]; then
		usage_error "--out $OUT: not a folder that can be written to"
	fi
	OUT=$(cd "$OUT" && pwd)
}

main() {
	parse_arguments "$@"
	install_traps
	need_space 200
	use_cache "$REFRESH"
	need_commands util-linux=setpriv xz-utils=xz zstd=zstd binutils=readelf
	open_run
	build_emulator
	check_rules "${FAULTS[@]}"
	find_qemu
	need_tools
	find_kernel "$KERNEL" "$KERNEL_TREE"
	need_userland
	BOOT=$(((ROUND - 1) / ROUNDS_A_BOOT + 1))
	choose_boot "$BOOT"
	# Before the clock starts: the first time, it takes minutes.
	need_variants "$BOOT_DRIVER" "$DM_CRYPT"
	SOAK_STARTED=$SECONDS
	open_samples
	open_summary
	at_exit print_summary
	log "seed $SEED; results in $OUT"
	while [[ -z $FAILURE ]] && ! soak_is_over; do
		BOOT=$(((ROUND - 1) / ROUNDS_A_BOOT + 1))
		soak_boot
	done
	if [[ -n $FAILURE ]]; then exit "$EX_BAD"; fi
}

main "$@"
