#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Everything a guest, a client or a user could send, made up by libFuzzer. See --help.
set -euo pipefail
# shellcheck source=lib/all.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"

readonly FUZZ=$REPO/fuzz
# Where each target's input is bounded, in bytes; libFuzzer's own default is 4096.
declare -rA LONGEST=([descriptor]=16385 [caches]=16640 [ring_registers]=14000
	[recording]=14098 [trace]=14082 [tables]=16394 [engines]=8276 [control]=40000)

help() {
	cat <<HELP
usage: scripts/fuzz.sh [OPTION]... [TARGET]...

Runs the fuzz targets (all, or those named) and says what they did: executions, coverage, memory.
Each begins with its seeds, made from the recorded jobs in tests/golden/, and with what earlier
runs found worth keeping (fuzz/corpus/). An input that makes a target fail is kept in
fuzz/artifacts/, and the command that repeats it is printed.

  --minutes N   minutes for each target (default 1; fractions such as 0.2 are fine), of a core that has
                nothing else to do: it is the clock that counts
  --jobs N      targets that run at the same time (default: as many as there are cores)
  --list        the targets, and what they feed on
  --help

cargo-fuzz is installed with cargo if it is missing. A nightly compiler is used where there is one;
otherwise the stable one, told to accept -Z options. Memory errors are looked for (AddressSanitizer)
if the compiler came with what that needs.

Exit status: 0 nothing found, 1 a finding, 125 could not tell, 2 unusable command line.
HELP
}

# targets: the names, from the manifest.
targets() {
	sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' "$FUZZ/Cargo.toml"
}

list() {
	local target
	while read -r target; do
		printf '%-16s %s\n' "$target" "$(sed -n '1s/^\/\/! //p' "$FUZZ/fuzz_targets/$target.rs")"
	done < <(targets)
}

need_cargo_fuzz() {
	need_nightly
	need_commands c++=g++ pkg-config=pkg-config
	[[ -e /usr/include/openssl/evp.h ]] || install_packages libssl-dev
	PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
	if ! cargo fuzz --version >/dev/null 2>&1; then
		must "installing cargo-fuzz" "try 'cargo install cargo-fuzz'" cargo install --locked cargo-fuzz
	fi
	SANITIZER=none
	if has_sanitizer asan; then SANITIZER=address; fi
}

# fuzz TARGET SECONDS: one of them; its output goes to a file.
fuzz() {
	local target=$1 corpus=$FUZZ/corpus/$1 seeds=${CARGO_TARGET_DIR:-$REPO/target}/tmp/fuzz-seeds/$1
	mkdir -p "$corpus" "$FUZZ/artifacts/$1"
	"${CARGO[@]}" fuzz run --sanitizer "$SANITIZER" "$target" "$corpus" "$seeds" -- \
		-max_total_time="$2" -max_len="${LONGEST[$target]:-4096}" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 >"$OUTPUT/$target" 2>&1
}

# A line of the table, from a target's output.
report() {
	local target=$1 status=$2 file=$OUTPUT/$1
	awk -v target="$target" -v status="$status" '
		/^stat::number_of_executed_units:/ { executed = $2 }
		/^stat::average_exec_per_sec:/ { rate = $2 }
		/^stat::peak_rss_mb:/ { rss = $2 }
		/ cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "corp:") corpus = $(i + 1) } }
		END { printf "%-16s %12s %9s %8s %12s %6s  %s\n", target, executed, rate, cov, corpus, rss, status ? "FOUND" : "nothing" }
	' "$file"
	if ((status)); then
		complain "$target failed:"
		# From the panic or the sanitizer's report on; else the end.
		sed -n '/panicked at\|ERROR: /,$p' "$file" | awk 'NF && ++n <= 60 { print } END { exit !n }' >&2 || tail -n 40 "$file" >&2
	fi
}

main() {
	local minutes=1 jobs='' seconds target status=0
	local -a chosen=() all=() running=()
	local -A pid_of=()
	while (($#)); do
		case $1 in
		--minutes | --jobs)
			(($# > 1)) || usage_error "$1 needs a number"
			if [[ $1 == --minutes ]]; then minutes=$2; else jobs=$2; fi
			shift
			;;
		--*=*)
			set -- "${1%%=*}" "${1#*=}" "${@:2}"
			continue
			;;
		--list)
			list
			exit "$EX_GOOD"
			;;
		-h | --help)
			help
			exit "$EX_GOOD"
			;;
		-*) unknown_option "$1" ;;
		*) chosen+=("$1") ;;
		esac
		shift
	done
	[[ $minutes =~ ^([0-9]{1,5}|[0-9]{0,5}\.[0-9]{1,3})$ ]] || usage_error "--minutes $minutes: not a number of minutes"
	seconds=$(awk -v m="$minutes" 'BEGIN { printf "%d", m * 60 }')
	((seconds > 0)) || usage_error "--minutes $minutes: less than a second"
	jobs=${jobs:-$(nproc)}
	[[ $jobs =~ ^[1-9][0-9]{0,2}$ ]] || usage_error "--jobs $jobs: not a number of targets"
	mapfile -t all < <(targets)
	for target in "${chosen[@]}"; do
		[[ " ${all[*]} " == *" $target "* ]] ||
			usage_error "no fuzz target $target$(did_you_mean "$target" "${all[@]}"); there are ${all[*]}"
	done
	if ((${#chosen[@]} == 0)); then chosen=("${all[@]}"); fi

	install_traps
	cd "$REPO"
	need_cargo_fuzz
	OUTPUT=$(mktemp -d "${TMPDIR:-/tmp}/caam-emu-fuzz.XXXXXX") ||
		cannot_tell "cannot create a temporary folder in ${TMPDIR:-/tmp}" "make it writable, or set TMPDIR"
	at_exit rm -rf "$OUTPUT"
	must "making seeds from the recorded jobs" "" \
		env -u RUSTC_BOOTSTRAP cargo test --locked --quiet --test fuzz_seeds
	must "building the fuzz targets (sanitizer: $SANITIZER)" "" \
		"${CARGO[@]}" fuzz build --sanitizer "$SANITIZER"

	printf '%-16s %12s %9s %8s %12s %6s  %s\n' target executions a-second coverage corpus RSS/MB found
	local -a waiting=("${chosen[@]}")
	while ((${#waiting[@]} + ${#running[@]})); do
		while ((${#waiting[@]} && ${#running[@]} < jobs)); do
			target=${waiting[0]}
			waiting=("${waiting[@]:1}")
			log "$target for $seconds s ..."
			fuzz "$target" "$seconds" &
			pid_of[$target]=$!
			at_exit end_process "$!"
			running+=("$target")
		done
		target=${running[0]}
		running=("${running[@]:1}")
		local result=0
		wait "${pid_of[$target]}" || result=$?
		report "$target" "$result"
		if ((result)); then status=$EX_BAD; fi
	done
	if ((status)); then complain "findings are in $FUZZ/artifacts/"; fi
	exit "$status"
}

main "$@"
