# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The parts that are benches/*.rs: criterion does the measuring, in short runs and several rounds. A
# round measures each contestant of a group right after the other, and ratios are taken within a
# round: whatever else the machine does hits both.

declare -A BENCH_PROGRAM=()

# What criterion measures that is of interest here; benches may have more for their own developers.
declare -rA BENCH_FILTER=([engine]='/(caam-emu|openssl)$' [pipeline]='' [transport]='')

# build_programs NAME...: sets BENCH_PROGRAM[NAME], their executables.
build_programs() {
	local name
	local -a words=()
	for name; do
		[[ -f $REPO/benches/$name.rs ]] || cannot_tell "no benches/$name.rs in this checkout" "--only names the parts to measure"
		words+=(--bench "$name")
	done
	if ! pkg-config --exists openssl 2>/dev/null; then install_packages libssl-dev pkg-config; fi
	must "building the benchmarks: $*" "fix the build: cargo bench --no-run --features bench-openssl ${words[*]}" \
		into "$RUN/build.jsonl" cargo bench --locked --manifest-path "$REPO/Cargo.toml" --features bench-openssl \
		--no-run --message-format json "${words[@]}"
	for name; do
		# shellcheck disable=SC2016  # jq's own variables
		BENCH_PROGRAM[$name]=$(tool jq -r --arg name "$name" \
			'select(.reason == "compiler-artifact" and .target.name == $name and .executable) | .executable' "$RUN/build.jsonl")
		[[ -x ${BENCH_PROGRAM[$name]} ]] || cannot_tell "cargo has not said where the benchmark $name is"
	done
}

# run_programs NAME...: all of them in each round.
run_programs() {
	local round name
	local -a time=(--warm-up-time 0.05 --measurement-time 0.2)
	if ((QUICK)); then time=(--warm-up-time 0.02 --measurement-time 0.06); fi
	for ((round = 1; round <= ROUNDS; round++)); do
		for name; do
			rm -rf "$RUN/criterion"
			# From within the repository: nothing is to depend on where it was called.
			must "round $round of $ROUNDS: $name" "" into "$RUN/said" env -C "$REPO" CRITERION_HOME="$RUN/criterion" "${BENCH_PROGRAM[$name]}" \
				--bench --noplot --sample-size 10 --nresamples 1000 "${time[@]}" ${BENCH_FILTER[$name]:+"${BENCH_FILTER[$name]}"}
			criterion_samples "$RUN/criterion" "$name" "$round" >>"$SAMPLES"
			idle_samples "$RUN/said" "$name" "$round" >>"$SAMPLES"
		done
	done
}

# criterion_samples DIR PART ROUND: what it has measured, a sample a line.
criterion_samples() {
	find "$1" -path '*/new/benchmark.json' -o -path '*/new/sample.json' | LC_ALL=C sort | tr '\n' '\0' |
		xargs -0 -r "${JQ[@]}" -c -n --arg part "$2" --argjson round "$3" -f "$LIB/bench/criterion.jq"
}

# idle_samples FILE PART ROUND: of what a bench has said of processor time while nothing happens, which is
# nothing that criterion measures.
idle_samples() {
	# shellcheck disable=SC2016  # jq's own variables
	"${JQ[@]}" -R -n -c --arg part "$2" --argjson round "$3" \
		'inputs | capture("^(?<name>[a-z-]+), idle for a second .*: (?<value>[0-9]+[.]?[0-9]*) % CPU$")
			| {part: $part, group: "idle for a second", name, round: $round, value: (.value | tonumber), unit: "% CPU"}' "$1"
}
