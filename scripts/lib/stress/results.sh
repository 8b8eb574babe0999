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
	printf '%d.%d' $(((now - then) / 1000000)) $(((now - then) / 100000 % 10))
}

# lap EPOCH KIND: the time since then went into that; sets LAP.
lap() {
	local now=$EPOCHREALTIME
	LAPS[$2]=$((${LAPS[$2]} + (${now/[.,]/} - ${1/[.,]/}) / 1000))
	LAP=$now
}

# finish_run VERDICT REASON: of the first of RUNS_LEFT.
finish_run() {
	local verdict=$1 reason=$2 row=$RESULTS/row-$((ROWS += 1)).json
	RUNNING=0
	lap "$LAP" run
	fresh_sample || SAMPLE=$(samples)
	RUNS_LEFT=("${RUNS_LEFT[@]:1}")
	sed -n "${FIRST_SAMPLE},${SAMPLE}p" "$LOGS/device.log" |
		tool jq -s -c --arg verdict "$verdict" --arg reason "$reason" --arg driver "$SERIES_DRIVER" \
			--arg dm_crypt "$SERIES_DM_CRYPT" --arg pressure "$PRESSURE" --arg hung "${HUNG:-}" --arg fio "$FIO" \
			--arg logs "boot-$BOOTS" --argjson mib "$MIB" -f "$LIB/stress/row.jq" >"$row"
	HUNG=''
	log "$SERIES_DRIVER, dm-crypt $SERIES_DM_CRYPT, ring $PRESSURE: $(tool jq -r -f "$LIB/stress/say.jq" "$row")"
}

# finish_boot: what this guest has shown beside its runs.
finish_boot() {
	if ((${#BACKLOG[@]})); then
		printf '%s\n' "${BACKLOG[@]}" | tool jq -R -s -c --arg driver "$SERIES_DRIVER" -f "$LIB/stress/backlog.jq" \
			>"$RESULTS/backlog-$BOOTS.json"
		ASK_BACKLOG=0
	fi
}

conclude() {
	log "time: build $((LAPS[build] / 1000)) s, boot $((LAPS[boot] / 1000)) s, probe and self-tests $((LAPS[probe] / 1000)) s, runs $((LAPS[run] / 1000)) s; $1 s in all"
	KEEP_LOGS=1
	cat "$RESULTS"/*.json
}
