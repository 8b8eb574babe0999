#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The Rust tests again, by something that watches memory. See --help.
set -euo pipefail
# shellcheck source=lib/all.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"

# Integration tests of what a guest or a client may send, and of all that a job can do.
readonly TESTS=(server robustness golden golden_algorithms golden_build golden_disasm text)
# Unit tests of the files with unsafe code (docs/safety.md) and of their neighbours.
readonly UNSAFE=(crypto::aes::ghash server:: vfio_user:: device::dma)

help() {
	cat <<HELP
usage: scripts/sanitize.sh [--address | --thread | --valgrind | --miri] [TEST]...

Runs Rust tests again while something looks on:

  --address   AddressSanitizer (the default): reads and writes outside of what is allocated, use after
              free, and leaks of what the tests themselves allocate
  --thread    ThreadSanitizer: unordered accesses. The standard library has to be built for it, too
              (component rust-src): without, what it orders looks unordered
  --valgrind  memcheck, on the unit tests of the files with unsafe code: uninitialised memory, too
  --miri      Miri, on the same, as far as it knows the system calls; needs the component miri
  --help

TEST are names of integration tests (default: ${TESTS[*]}), or, with --valgrind and --miri,
beginnings of names of unit tests (default: ${UNSAFE[*]}). Each kind builds
everything anew, in a folder of its own below target/.

Exit status: 0 nothing found, 1 a finding or a failed test, 125 could not tell, 2 unusable command line.
HELP
}

# by_compiler KIND LIBRARY TEST...: integration tests, built with -Zsanitizer=KIND.
by_compiler() {
	local kind=$1 library=$2 host test
	shift 2
	need_nightly
	has_sanitizer "$library" ||
		cannot_tell "this compiler has no $kind sanitizer" "take one from https://rustup.rs"
	host=$("${CARGO[0]/cargo/rustc}" "${CARGO[@]:1}" -vV | sed -n 's/^host: //p')
	local -a arguments=(test --locked --target "$host" --no-fail-fast)
	for test; do arguments+=(--test "$test"); done
	# Told apart from all else that is built for this target.
	export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$REPO/target}/sanitize-$kind
	export RUSTFLAGS="-Zsanitizer=$kind -Cforce-frame-pointers=yes"
	# The program is not asked for leaks: it is confined, and to look for them takes ptrace. What is freed is
	# kept for a while (by default 256 MiB of it), and some tests look how much memory there is.
	export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=64}
	export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=0:exitcode=66}
	"${CARGO[@]}" "${arguments[@]}"
}

# by_valgrind TEST...: unit tests, under memcheck.
by_valgrind() {
	local program
	need_rust
	need_commands valgrind=valgrind
	program=$(cargo test --locked --lib --no-run --message-format=json 2>/dev/null |
		sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
	[[ -x $program ]] || cannot_tell "the unit tests cannot be built" "try 'cargo test --lib --no-run'"
	# It does not know AVX-512, so the program is told that there is none.
	valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite,indirect \
		--errors-for-leak-kinds=definite,indirect "$program" --test-threads=1 "$@"
}

# by_miri TEST...: unit tests, interpreted.
by_miri() {
	need_nightly
	"${CARGO[@]}" miri --version >/dev/null 2>&1 ||
		cannot_tell "there is no Miri here" "try 'rustup +nightly component add miri rust-src'"
	MIRIFLAGS=${MIRIFLAGS:--Zmiri-disable-isolation} "${CARGO[@]}" miri test --locked --lib -- "$@"
}

main() {
	local kind=address status=0
	local -a chosen=()
	while (($#)); do
		case $1 in
		--address | --thread | --valgrind | --miri) kind=${1#--} ;;
		-h | --help)
			help
			exit "$EX_GOOD"
			;;
		-*) usage_error "unknown option $1" ;;
		*) chosen+=("$1") ;;
		esac
		shift
	done
	install_traps
	cd "$REPO"
	if ((${#chosen[@]} == 0)); then
		case $kind in
		address | thread) chosen=("${TESTS[@]}") ;;
		*) chosen=("${UNSAFE[@]}") ;;
		esac
	fi
	case $kind in
	address) by_compiler address asan "${chosen[@]}" || status=$? ;;
	thread) by_compiler thread tsan "${chosen[@]}" || status=$? ;;
	valgrind) by_valgrind "${chosen[@]}" || status=$? ;;
	miri) by_miri "${chosen[@]}" || status=$? ;;
	esac
	if ((status)); then
		complain "something was found, or a test failed (status $status)"
		exit "$EX_BAD"
	fi
	log "nothing found"
}

main "$@"
