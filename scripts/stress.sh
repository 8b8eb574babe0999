#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Does this CAAM driver lock up when its ring is full? See --help.
set -euo pipefail
# shellcheck source=lib/all.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"
# shellcheck source=lib/stress/all.sh
. "$LIB/stress/all.sh"

help() {
	cat <<HELP
usage: scripts/stress.sh [OPTION]...                       the discussion of 2015, claim by claim
       scripts/stress.sh --driver DIR | --patch FILE ...   the verdict on your driver

Writes and verifies through dm-crypt on the CAAM driver, in a Linux guest on caam-emu, while the
job ring is kept full. The verdict comes from the guest's hung-task report, the I/O done, and
what the device has seen. Without a driver to judge it runs {no-backlog, stock} x {stock dm-crypt,
wait-each}, each calm and with the ring kept full, and settles what was said about them in 2015.

  --driver VARIANT|DIR   judge this: a folder with drivers/crypto/caam sources, one with built .ko
                         files, or a variant (scripts/vm.sh --list)
  --patch FILE           judge the distribution's driver (or --driver's) with this patch; repeatable
  --dm-crypt VARIANT|DIR with this drivers/md/dm-crypt.c (default stock)
  --kernel SERIES|IMAGE  Debian's Linux of that series (default $DEFAULT_KERNEL), or your own Image
  --modules DIR          with --kernel IMAGE: its modules
  --runs N               each run N times (default 1)
  --depth N              slots of the ring that the device admits to (default $DEPTH); 0: all
  --stall SPEC           when the device stalls, or none; repeatable (default:
                         ${STALLS[0]}
                         ${STALLS[1]}
                         ${STALLS[2]})
  --fault RULE           a fault beside these; repeatable
  --seed N               of the faults' random choices (default $SEED)
  --timeout S            seconds that one run may take (default $TIMEOUT)
  --report DIR           report.html, results.json and all logs in DIR; KTAP on stdout
  --refresh              ask Debian for newer versions of everything fetched so far
  --help

Exit status, for 'git bisect run': 0 good (survived; or all claims confirmed), 1 bad (deadlock,
data corrupted, I/O errors, crash; or a claim refuted), 125 could not tell (a build or set-up
failed, or the ring was never full), 2 unusable command line.

Examples:
  scripts/stress.sh
  scripts/stress.sh --driver ~/linux/drivers/crypto/caam
  scripts/stress.sh --patch 0001-crypto-caam-fix.patch --runs 20 --report /tmp/report
  git bisect run ~/caam-emu/scripts/stress.sh --driver ./drivers/crypto/caam

Environment: as for scripts/vm.sh.
HELP
}

KERNEL=$DEFAULT_KERNEL KERNEL_TREE='' DRIVER='' DM_CRYPT=stock RUNS=1 DEPTH=0 REFRESH=0
SEED=1 TIMEOUT=120 REPORT=''
FAULTS=()
# shellcheck disable=SC2034  # for lib/stress
JUDGE=0 COMMAND="scripts/stress.sh${*:+ ${*@Q}}"
# Early on, the device waits until the ring is full (on a slow, busy machine that may take seconds),
# takes one job, and waits again: by then the driver has tried to add one more. Later, it waits now and
# then, not as long: most drivers fill their ring then, too.
STALLS=('release=full,for=4s,nth=200,name=fill' 'for=250ms,after-rule=fill,nth=2,name=hold'
	'release=full,for=100ms,every=500') OWN_STALLS=()

parse_arguments() {
	while (($#)); do
		case $1 in
		--driver | --patch | --dm-crypt | --kernel | --modules | --runs | --depth | --stall | --fault | --seed | --timeout | --report)
			(($# >= 2)) || usage_error "$1 needs a value"
			# Nothing at all is no variant; to --driver it would mean the default.
			[[ $1 != --driver || -n $2 ]] || usage_error "--driver '': no variant named"
			case $1 in
			--driver) DRIVER=$2 JUDGE=1 ;;
			--patch) PATCHES+=("$(realpath -- "$2")") JUDGE=1 ;;
			--dm-crypt) DM_CRYPT=$2 JUDGE=1 ;;
			--kernel) KERNEL=$2 ;;
			--modules) KERNEL_TREE=$2 ;;
			--runs) RUNS=$2 ;;
			--depth) DEPTH=$2 ;;
			--stall) OWN_STALLS+=("$2") ;;
			--fault) FAULTS+=("$2") ;;
			--seed) SEED=$2 ;;
			--timeout) TIMEOUT=$2 ;;
			--report) REPORT=$2 ;;
			esac
			shift
			;;
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue
			;;
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
	if ((${#OWN_STALLS[@]})); then STALLS=("${OWN_STALLS[@]}"); fi
	check_number --runs "$RUNS" 1 1000
	check_number --depth "$DEPTH" 0 1023
	check_number --seed "$SEED" 0 99999999999999999
	check_number --timeout "$TIMEOUT" 1 86400
	check_kernel "$KERNEL" "$KERNEL_TREE"
	local patch
	for patch in "${PATCHES[@]}"; do
		[[ -f $patch && -r $patch ]] || usage_error "--patch $patch: not a readable file"
	done
	if [[ -n $DRIVER ]]; then check_variant drivers --driver "$DRIVER"; fi
	check_variant dm-crypt --dm-crypt "$DM_CRYPT"
	if [[ -n $REPORT ]]; then
		if ! mkdir -p "$REPORT" 2>/dev/null || [[ ! -w $REPORT ]]; then
			usage_error "--report $REPORT: not a folder that can be written to"
		fi
		REPORT=$(cd "$REPORT" && pwd)
	fi
}

main() {
	local started=$EPOCHREALTIME
	parse_arguments "$@"
	install_traps
	need_space 100
	use_cache "$REFRESH"
	need_commands util-linux=setpriv xz-utils=xz zstd=zstd binutils=readelf
	open_run
	open_results
	build_emulator
	check_faults
	find_qemu
	need_tools
	find_kernel "$KERNEL" "$KERNEL_TREE"
	need_userland
	need_backlog_module
	plan_series
	build_series
	lap "$started" build
	run_all_series
	conclude "$(since "$started")"
}

main "$@"
