#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Everything that is tested, as CI runs it. See --help.
set -euo pipefail
# shellcheck source=lib/all.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/all.sh"

help() {
	cat <<HELP
usage: scripts/test.sh [--quick]

Runs, in this order: cargo fmt --check, clippy, shellcheck, the Rust tests, the tests of the
scripts, the fuzz targets for some seconds each, and in a Linux guest the cases: ${VM_CASES[*]};
of an Era 10 device: ${ERA10_CASES[*]}.

  --quick   no guest, no fuzzing: what can be tested in a minute or two
  --help

The last line is "N passed, N failed": steps, Rust tests, and subtests of scripts and guest.
Exit status: 0 all passed, 1 a failure, 125 could not tell, 2 unusable command line.
HELP
}

VM_CASES=(selftests rng aead-tamper tcrypt reload trusted-key dm-crypt faults-jobs faults-irq faults-mix faults-ring faults-fatal faults-depth attack
	suspend restart unbind lost-write kill-qemu kill-emulator reload-load)
ERA10_CASES=(selftests aead-tamper)
PASSED=0 FAILED=0 CANNOT_TELL=0

# try NAME COMMAND...: a step; its output is shown when it fails.
try() {
	local name=$1 status=0 started=$SECONDS
	shift
	log "$name ..."
	"$@" >"$OUTPUT" 2>&1 || status=$?
	if ((status)); then cat "$OUTPUT"; fi
	verdict "$name" "$status" "$started"
}

# watch NAME COMMAND...: a step whose output is shown as it comes.
watch() {
	local name=$1 status=0 started=$SECONDS
	shift
	log "$name ..."
	"$@" | tee "$OUTPUT" || status=$?
	verdict "$name" "$status" "$started"
}

verdict() {
	if (($2)); then
		FAILED=$((FAILED + 1))
		if (($2 == EX_CANNOT_TELL)); then CANNOT_TELL=1; fi
		complain "$1: failed (status $2, $((SECONDS - $3)) s)"
	else
		PASSED=$((PASSED + 1))
		log "$1: passed ($((SECONDS - $3)) s)"
	fi
}

# count_rust: what cargo's test runners say of themselves, from the step's output.
count_rust() {
	local passed failed
	read -r passed failed < <(awk '/^test result:/ { passed += $4; failed += $6 } END { print passed + 0, failed + 0 }' "$OUTPUT")
	PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
	log "Rust: $passed passed, $failed failed"
}

# count_ktap: the result lines that have no subtests of their own, counted once each. (A
# parent's line follows its subtests, indented less.)
count_ktap() {
	local passed failed
	read -r passed failed < <(awk '
		match($0, /^ *(not )?ok [0-9]+/) {
			indent = match($0, /[^ ]/)
			if (!(previous > indent)) { if ($1 == "ok") { if (!/# SKIP/) passed++ } else failed++ }
			previous = indent
			next
		}
		END { print passed + 0, failed + 0 }' "$OUTPUT")
	PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed))
	log "subtests: $passed passed, $failed failed"
}

shellcheck_all() {
	# The library in the context of the script that uses all of it.
	shellcheck --check-sourced scripts/vm.sh && shellcheck --check-sourced scripts/stress.sh &&
		shellcheck --check-sourced scripts/soak.sh && shellcheck --check-sourced scripts/bench.sh &&
		shellcheck scripts/test.sh scripts/fuzz.sh scripts/sanitize.sh scripts/tests/*.sh scripts/lib/step.sh .ci/run \
			guest-tests/lib/*.sh guest-tests/cases/*.sh guest-tests/init
}

main() {
	local quick=0
	while (($#)); do
		case $1 in
		--quick) quick=1 ;;
		-h | --help)
			help
			exit "$EX_GOOD"
			;;
		*) usage_error "unknown argument $1" ;;
		esac
		shift
	done
	install_traps
	cd "$REPO"
	OUTPUT=$(mktemp "${TMPDIR:-/tmp}/caam-emu-test.XXXXXX") ||
		cannot_tell "cannot create a temporary file in ${TMPDIR:-/tmp}" "make it writable, or set TMPDIR"
	REPORT=$OUTPUT.report
	at_exit rm -rf "$OUTPUT" "$REPORT"
	need_rust fmt clippy
	need_commands shellcheck=shellcheck

	try "cargo fmt" cargo fmt --check
	try "cargo clippy" cargo clippy --all-targets --locked -- -D warnings
	try "shellcheck" shellcheck_all
	try "cargo test" cargo test --locked --no-fail-fast
	count_rust
	watch "tests of the scripts" scripts/tests/vm.sh
	count_ktap
	watch "tests of what a guest may say" scripts/tests/report.sh
	count_ktap
	watch "tests of stress.sh's judgement" scripts/tests/stress.sh
	count_ktap
	watch "tests of soak.sh's choices and judgement" scripts/tests/soak.sh
	count_ktap
	watch "tests of bench.sh" scripts/tests/bench.sh
	count_ktap
	if ((!quick)); then
		watch "fuzz targets, briefly" scripts/fuzz.sh --minutes 0.15
		# A minute of faults-mix is for those who look for something.
		watch "guest: ${VM_CASES[*]}" env LOAD_SECONDS="${LOAD_SECONDS:-15}" CYCLES="${CYCLES:-5}" scripts/vm.sh "${VM_CASES[@]}"
		count_ktap
		watch "guest, Era 10: ${ERA10_CASES[*]}" scripts/vm.sh --emu "--soc virt-era10" "${ERA10_CASES[@]}"
		count_ktap
		watch "tests of the scripts, with a guest" scripts/tests/vm-guest.sh
		count_ktap
		watch "two guests at once" scripts/tests/many-guest.sh 2
		count_ktap
		watch "the lock-up of 2015, claim by claim" scripts/stress.sh --report "$REPORT"
		count_ktap
		watch "tests of stress.sh, with a guest" scripts/tests/stress-guest.sh
		count_ktap
		watch "soak.sh, briefly, and what it finds" scripts/tests/soak-guest.sh
		count_ktap
	fi
	echo "$PASSED passed, $FAILED failed"
	if ((FAILED && !CANNOT_TELL)); then exit "$EX_BAD"; fi
	if ((FAILED)); then exit "$EX_CANNOT_TELL"; fi
}

main "$@"
