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
# Of those, the ones that ask for nothing Miri has not: it maps no files and confines nothing.
readonly INTERPRETED=(crypto::aes::ghash)

help() {
	cat <<HELP
usage: scripts/sanitize.sh [--address | --thread | --valgrind | --miri] [TEST]...

Runs Rust tests again while something looks on:

  --address   AddressSanitizer (the default): reads and writes outside of what is allocated, use after
              free, and leaks of what the tests themselves allocate
  --thread    ThreadSanitizer: unordered accesses. The standard library is built for it, too, which
              needs the component rust-src: without, what it orders looks unordered
  --valgrind  memcheck, on the unit tests of the files with unsafe code: uninitialised memory, too
  --miri      Miri, on those of them that need no system calls it has not: GHASH, with its AVX-512,
              which it interprets on any processor; needs the components miri and rust-src
  --help

TEST are names of integration tests (default: ${TESTS[*]}), or, with --valgrind and --miri,
beginnings of names of unit tests (default: ${UNSAFE[*]}; with --miri
${INTERPRETED[*]}). Each kind but valgrind builds everything anew, in a folder of its own below target/.

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
	if [[ $kind == thread ]]; then
		need_component rust-src
		arguments+=(-Zbuild-std)
	fi
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

# need_component NAME: of the compiler that need_nightly has chosen.
need_component() {
	local sysroot found
	sysroot=$("${CARGO[0]/cargo/rustc}" "${CARGO[@]:1}" --print sysroot)
	case $1 in
	rust-src) found=$sysroot/lib/rustlib/src/rust/library/Cargo.lock ;;
	miri) found=$sysroot/bin/miri ;;
	esac
	[[ -e $found ]] || rustup "${CARGO[@]:1}" component add "$1" ||
		cannot_tell "the compiler lacks the component $1" "try 'rustup ${CARGO[*]:1} component add $1'"
}

# by_miri TEST...: unit tests, interpreted.
by_miri() {
	need_nightly
	need_component miri
	need_component rust-src
	# What the interpreter has is what the code is compiled for, whatever this processor has.
	if [[ $(uname -m) == x86_64 ]]; then
		export RUSTFLAGS=-Ctarget-feature=+avx512f,+avx512bw,+pclmulqdq,+vpclmulqdq
	fi
	export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$REPO/target}/miri
	# A thousand times slower than the processor: two cases of each property, and not 256.
	PROPTEST_CASES=${PROPTEST_CASES:-2} MIRIFLAGS=${MIRIFLAGS:--Zmiri-disable-isolation} \
		"${CARGO[@]}" miri test --locked --lib -- "$@"
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
		miri) chosen=("${INTERPRETED[@]}") ;;
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
