# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What caam-emu costs beside time per job: memory, its start, and what scripts/stress.sh spends
# its time on.

measure_footprint() {
	local starts=20
	if ((QUICK)); then starts=5; fi
	measure_starts "$starts"
	if ((!QUICK)); then measure_stress; fi
}

# measure_starts N: milliseconds from just before the process is made to its "ready", and its memory then.
measure_starts() {
	local i ready word started ended
	log "$1 starts"
	mkfifo "$RUN/ready"
	for ((i = 1; i <= $1; i++)); do
		exec {ready}<>"$RUN/ready"
		started=${EPOCHREALTIME/[.,]/}
		"$EMULATOR" serve --socket-path "$RUN/start.sock" --ready-fd 9 9>"$RUN/ready" >"$LOGS/emulator.log" 2>&1 </dev/null &
		EMULATOR_PID=$!
		at_exit end_emulator
		read -r -t 10 -u "$ready" word || word='' # judged below: the clock first
		ended=${EPOCHREALTIME/[.,]/}
		exec {ready}>&-
		if [[ $word != ready ]]; then
			KEEP_LOGS=1
			cannot_tell "caam-emu did not start: $(cause_in "$LOGS/emulator.log")" "see $LOGS/emulator.log"
		fi
		memory_of "$EMULATOR_PID" >"$RUN/memory"
		end_emulator
		unset 'CLEANUP[-1]'
		footprint_sample "start to ready" caam-emu "$i" "$((ended - started)) / 1000" ms
		memory_samples "memory when idle" "$i"
	done
	rm "$RUN/ready"
}

# measure_stress: its phases, and the emulator's memory while it has a load.
measure_stress() {
	local sampler
	# What runs as the emulator says where it is: exec keeps the process number.
	# shellcheck disable=SC2016  # the script's own
	printf '#!/bin/sh\nif [ "$1" = serve ]; then echo $$ >%q; fi\nexec %q "$@"\n' "$RUN/watched" "$EMULATOR" >"$RUN/emulator"
	chmod +x "$RUN/emulator"
	watch_memory &
	sampler=$!
	at_exit end_process "$sampler"
	if ! CAAM_EMU_BINARY=$RUN/emulator step "scripts/stress.sh" into "$OUT/stress.ktap" "$REPO/scripts/stress.sh" --report "$OUT/stress"; then
		# Refuted claims say nothing about speed; without a report there is nothing to say.
		[[ -s $OUT/stress/results.json ]] || cannot_tell "stress.sh failed: $(cause_in "$STEP_LOG")" "see $STEP_LOG"
		log "stress.sh did not find what it should: see $OUT/stress/report.html"
	fi
	end_process "$sampler"
	unset 'CLEANUP[-1]'
	bench_jq stress -c "$OUT/stress/results.json" >>"$SAMPLES"
	[[ -s $RUN/memory.most ]] || cannot_tell "nothing was seen of the emulator while stress.sh ran"
	cp "$RUN/memory.most" "$RUN/memory"
	memory_samples "memory under load" 1
}

# watch_memory: until it is ended; keeps the most in $RUN/memory.most.
watch_memory() {
	local pid now most=0
	while sleep 0.2; do
		{ read -r pid <"$RUN/watched"; } 2>/dev/null || continue
		memory_of "$pid" >"$RUN/memory.now" 2>/dev/null || continue # it has ended meanwhile
		now=$(awk '{ print $1 + $2 }' "$RUN/memory.now")
		if ((now > most)); then
			most=$now
			cp "$RUN/memory.now" "$RUN/memory.most"
		fi
	done
}

# memory_of PID: "ANONYMOUS FILES" in KiB. The guest's RAM is neither: it is shared memory.
memory_of() {
	awk '/^RssAnon:/ { anon = $2 } /^RssFile:/ { file = $2 } END { if (anon == "") exit 1; print anon, file }' "/proc/$1/status"
}

# memory_samples GROUP ROUND: of $RUN/memory.
memory_samples() {
	local anonymous files
	read -r anonymous files <"$RUN/memory"
	footprint_sample "$1" caam-emu "$2" "($anonymous + $files) / 1024" MiB
	footprint_sample "$1" "of which its own" "$2" "$anonymous / 1024" MiB
}

# footprint_sample GROUP NAME ROUND VALUE UNIT; the value may be a term.
footprint_sample() {
	# shellcheck disable=SC2016  # jq's own variables
	tool jq -n -c --arg group "$1" --arg name "$2" --argjson round "$3" --arg unit "$5" \
		'{part: "footprint", group: $group, name: $name, round: $round, value: ('"$4"'), unit: $unit}' >>"$SAMPLES"
}
