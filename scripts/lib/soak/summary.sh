# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What came out: a line for each round in $OUT/rounds.tsv, and the summary of them.

open_summary() {
	printf 'round\tboot\tverdict\tseconds\tjobs\tfailed\tio_errors\tfired\twords\n' >"$OUT/rounds.tsv"
}

# note_round VERDICT: a line of the table, and one of progress.
note_round() {
	local ms counts jobs failed fired
	ms=$(((${EPOCHREALTIME/[.,]/} - ${ROUND_STARTED/[.,]/}) / 1000))
	counts=$'?\t?\t-'
	if [[ -s $ROUND_DIR/after.json ]]; then
		counts=$(soak_jq counts -n -r --slurpfile before "$ROUND_DIR/before.json" \
			--slurpfile after "$ROUND_DIR/after.json" --slurpfile faults "$ROUND_DIR/faults.json")
	fi
	IFS=$'\t' read -r jobs failed fired <<<"$counts"
	printf '%s\t%s\t%s\t%d.%d\t%s\t%s\t%s\t%s\t%s\n' "$ROUND" "$BOOT" "$1" $((ms / 1000)) $((ms / 100 % 10)) \
		"$jobs" "$failed" "$IO_ERRORS" "$fired" "$ROUND_WORDS" >>"$OUT/rounds.tsv"
	if [[ $1 == good ]]; then
		log "round $ROUND: $((ms / 1000)).$((ms / 100 % 10)) s, $jobs jobs, $failed failed; ${ROUND_WORDS% seed=*}; fired: $fired; $RSS KiB, $FDS files"
	fi
}

# print_summary: also when the soak is interrupted.
print_summary() {
	if [[ ! -s $OUT/rounds.tsv ]]; then return 0; fi
	{
		awk -F'\t' -f "$LIB/soak/rounds.awk" -v seed="$SEED" -v seconds=$((SECONDS - SOAK_STARTED)) "$OUT/rounds.tsv"
		awk -F'\t' -f "$LIB/soak/curve.awk" "$OUT/samples.tsv"
		if [[ -n $FAILURE ]]; then
			printf '\nFAILED in round %s: %s\nkept in %s\nrepeat: %s\n' "$ROUND" "$FAILURE" "${KEPT:-nothing}" "$(repeat_command)"
		fi
	} | tee "$OUT/summary.txt"
}
