# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# From samples to the table. A sample is a line of JSON: part, group, name, round, value, unit.

# bench_jq FILTER ARGS...: jq with what the filters share.
bench_jq() {
	tool jq -L "$LIB/bench" -f "$LIB/bench/$1.jq" "${@:2}"
}

open_samples() {
	local -a TOOL
	tool_command jq
	JQ=("${TOOL[@]}")
	RAW=$RUN/raw SAMPLES=$RUN/samples.jsonl
	mkdir "$RAW"
	: >"$SAMPLES"
}

# conclude: the table, and all of it in $OUT, where only complete results take the place of older ones.
conclude() {
	make_results || cannot_tell "cannot make a table of the samples" "they are in $OUT/samples.jsonl"
	cat "$OUT/table.txt"
	log "saved in $OUT: table.txt, results.json, results.svg, samples.jsonl"
}

make_results() {
	cp "$SAMPLES" "$OUT/" &&
		bench_jq results -s --slurpfile before "$RAW/machine-before.json" --slurpfile after "$RAW/machine-after.json" \
			--arg command "$COMMAND" --argjson quick "$QUICK" "$SAMPLES" >"$RAW/results.json" &&
		bench_jq plot -r "$RAW/results.json" >"$RAW/results.svg" &&
		bench_jq table -r "$RAW/results.json" >"$RAW/table.txt" &&
		mv "$RAW"/{results.json,results.svg,table.txt} "$OUT/"
}
