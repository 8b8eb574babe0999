# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What came out: a file of JSON per run, the table, the claims, the exit status.

BOOTS=0 ROWS=0 NOT_RUN=() MIB=8

open_results() {
	RESULTS=$LOGS_TOP/results
	mkdir -p "$RESULTS"
}

# since EPOCH: seconds, with a decimal.
since() {
	local now=${EPOCHREALTIME/[.,]/} then=${1/[.,]/}
	tenths $(((now - then) / 1000))
}

# tenths MILLISECONDS: in seconds.
tenths() {
	printf '%d.%d' $(($1 / 1000)) $(($1 / 100 % 10))
}

# lap EPOCH KIND: the time since then went into that; sets LAP.
lap() {
	local now=$EPOCHREALTIME
	LAPS[$2]=$((${LAPS[$2]} + (${now/[.,]/} - ${1/[.,]/}) / 1000))
	LAP=$now
}

# stress_jq FILTER-FILE ARGS...: jq with what the filters share.
stress_jq() {
	tool jq -L "$LIB/stress" -f "$LIB/stress/$1.jq" "${@:2}"
}

# finish_run VERDICT REASON: of the first of RUNS_LEFT.
finish_run() {
	local row
	RUNNING=0
	lap "$LAP" run
	fresh_sample || SAMPLE=$(samples)
	RUNS_LEFT=("${RUNS_LEFT[@]:1}")
	printf -v row '%s/run-%04d.json' "$RESULTS" $((ROWS += 1))
	sed -n "${FIRST_SAMPLE},${SAMPLE}p" "$LOGS/device.log" |
		stress_jq row -s -c --arg verdict "$1" --arg reason "$2" --arg driver "$SERIES_DRIVER" \
			--arg dm_crypt "$SERIES_DM_CRYPT" --arg pressure "$PRESSURE" --arg trace "${TRACE:-}" --arg fio "$FIO" \
			--arg faults "$(printf '%s\n' "${RUN_FAULTS[@]}")" --arg logs "boot-$BOOTS" >"$row"
	TRACE=''
	log "$SERIES_DRIVER, dm-crypt $SERIES_DM_CRYPT, ring $PRESSURE: $(stress_jq say -r "$row")"
}

# finish_boot: what this guest has shown beside its runs.
finish_boot() {
	if ((${#BACKLOG[@]})); then
		printf '%s\n' "${BACKLOG[@]}" | stress_jq backlog -R -s -c --arg driver "$SERIES_DRIVER" \
			>"$RESULTS/backlog-$BOOTS.json"
		ASK_BACKLOG=0
	fi
}

# write_results: all of it, in $RESULTS/results.json.
write_results() {
	local not_run
	not_run=$(printf '%s\n' "${NOT_RUN[@]}")
	shopt -s nullglob
	# nullglob: the lists may be empty; /dev/null keeps jq from reading this shell's input.
	tool jq -s '.' /dev/null "$RESULTS"/run-*.json >"$RESULTS/runs"
	tool jq -s '.' /dev/null "$RESULTS"/backlog-*.json >"$RESULTS/backlogs"
	shopt -u nullglob
	# shellcheck disable=SC2016  # jq's own variables
	tool jq -n --slurpfile runs "$RESULTS/runs" --slurpfile backlog "$RESULTS/backlogs" --arg kernel "$KERNEL_VERSION" \
		--arg package "$KERNEL_PACKAGE" --argjson judge "$JUDGE" --argjson seed "$SEED" --arg command "$COMMAND" \
		--arg version "$("$EMULATOR" --version)" --arg not_run "$not_run" --argjson seconds "$(laps_json)" '{
			version: 1, kernel: $kernel, kernel_package: $package, emulator: $version, command: $command,
			seed: $seed, judged: ($judge == 1), seconds: $seconds, runs: $runs[0], backlog: $backlog[0],
			not_run: ($not_run | split("\n") | map(select(. != "") | split("|") | {driver: .[0], dm_crypt: .[1], cause: .[2]}))
		}' >"$RESULTS/raw.json"
	stress_jq claims "$RESULTS/raw.json" >"$RESULTS/claims"
	stress_jq verdict --slurpfile claims "$RESULTS/claims" "$RESULTS/raw.json" >"$RESULTS/results.json"
}

laps_json() {
	local kind text=''
	for kind in "${!LAPS[@]}"; do text+=${text:+,}"\"$kind\":$(tenths "${LAPS[$kind]}")"; done
	echo "{$text}"
}

# conclude SECONDS: the table, the claims, the report; exits.
conclude() {
	local status
	local kind text=''
	for kind in build boot probe run; do text+=", $kind $(tenths "${LAPS[$kind]}") s"; done
	log "time: ${text#, }; $1 s in all"
	write_results
	if [[ -n $REPORT ]]; then
		write_report
		stress_jq ktap -r "$RESULTS/results.json"
	else
		stress_jq text -r "$RESULTS/results.json"
	fi
	status=$(tool jq -r .exit "$RESULTS/results.json")
	((status == EX_GOOD)) || KEEP_LOGS=1
	exit "$status"
}

# write_report: into the folder of --report.
write_report() {
	cp "$RESULTS/results.json" "$REPORT/"
	stress_jq report -r --arg kernel "$KERNEL" --arg depth "$DEPTH" --arg stalls "$(printf '%s\n' "${STALLS[@]}")" \
		--arg extra "$(printf '%s\n' "${FAULTS[@]}")" --arg patches "$(printf '%s\n' "${PATCHES[@]}")" \
		"$RESULTS/results.json" >"$REPORT/report.html"
	stress_jq ktap -r "$RESULTS/results.json" >"$REPORT/results.ktap"
	rm -rf "$REPORT/logs"
	mkdir "$REPORT/logs"
	cp -r "$LOGS_TOP"/boot-* "$REPORT/logs/"
	log "report: $REPORT/report.html"
}
