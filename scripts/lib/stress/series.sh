# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Series: one driver with one dm-crypt, some runs. A guest does as many of them as it survives.

SERIES=()
declare -A SERIES_MODULES=() LAPS=([build]=0 [boot]=0 [probe]=0 [run]=0)

# plan_series: sets SERIES, each "DRIVER|DM-CRYPT|RUN RUN...", a run being calm or full.
plan_series() {
	local driver dm_crypt calm full
	calm=$(repeat "$RUNS" calm) full=$(repeat "$RUNS" full)
	if ((!JUDGE)) && [[ -z $KERNEL_SUITE ]]; then
		log "variants are built for Debian's kernels only: judging this kernel's own driver"
		JUDGE=1
	fi
	if ((JUDGE)); then
		SERIES=("${DRIVER:-stock}|$DM_CRYPT|$full")
		return 0
	fi
	for driver in no-backlog stock; do
		for dm_crypt in stock wait-each; do
			SERIES+=("$driver|$dm_crypt|$calm $full")
		done
	done
}

# repeat N WORD
repeat() {
	local i words=()
	for ((i = 0; i < $1; i++)); do words+=("$2"); done
	echo "${words[*]}"
}

# build_series: all that the guests need, before the first of them boots.
build_series() {
	local series driver dm_crypt
	for series in "${SERIES[@]}"; do
		IFS='|' read -r driver dm_crypt _ <<<"$series"
		need_variants "$(able "$driver")" "$dm_crypt"
		need_modules "${VARIANT_DIRS[@]}" ${BACKLOG_DIR:+"$BACKLOG_DIR"}
		SERIES_MODULES[$series]=$MODULES
	done
}

run_all_series() {
	local series runs
	for series in "${SERIES[@]}"; do
		IFS='|' read -r SERIES_DRIVER SERIES_DM_CRYPT runs <<<"$series"
		read -r -a RUNS_LEFT <<<"$runs"
		MODULES=${SERIES_MODULES[$series]}
		# What a driver tells its callers does not depend on dm-crypt: once is enough.
		ASK_BACKLOG=0
		if [[ -n $BACKLOG_DIR && $SERIES_DM_CRYPT == "$DM_CRYPT" ]]; then ASK_BACKLOG=1; fi
		run_series
	done
}

# run_series: guest after guest until RUNS_LEFT is empty.
run_series() {
	local before
	while ((${#RUNS_LEFT[@]})); do
		before=${#RUNS_LEFT[@]}
		boot_stress
		if ((${#RUNS_LEFT[@]} == before)); then
			KEEP_LOGS=1
			NOT_RUN+=("$SERIES_DRIVER|$SERIES_DM_CRYPT|${GUEST_CAUSE:-no run was done}|$LOGS/console.log")
			complain "driver $SERIES_DRIVER, dm-crypt $SERIES_DM_CRYPT: ${GUEST_CAUSE:-no run was done}" "console: $LOGS/console.log"
			return 0
		fi
	done
}

boot_stress() {
	local fifo answers report
	LOGS=$LOGS_TOP/boot-$((BOOTS += 1))
	mkdir -p "$LOGS"
	LAP=$EPOCHREALTIME BACKLOG=() GUEST_SAID=''
	log "$SERIES_DRIVER, dm-crypt $SERIES_DM_CRYPT: booting"
	start_emulator --job-rings 1 --seed "$SEED"
	start_sampler
	LOAD_MIB=$MIB
	# It waits for each request: a quarter of the load takes longer than all of it elsewhere.
	if [[ $SERIES_DM_CRYPT == *wait-each* ]]; then LOAD_MIB=$((MIB / 4)); fi
	prepare_boot 1 MODE=cases "export JOB_RINGS PROFILE=virt-era9 DRIVER=$SERIES_DRIVER BOOT=1" CASES=stress \
		"export STRESS_RUNS=${#RUNS_LEFT[@]} STRESS_BACKLOG=$ASK_BACKLOG STRESS_MIB=$LOAD_MIB STRESS_PATIENCE=$TIMEOUT"
	mkfifo "$RUN/report" "$RUN/answers"
	exec {fifo}<>"$RUN/report" {answers}<>"$RUN/answers"
	start_guest "$RUN/report" "$RUN/answers"
	exec {report}<"$RUN/report"
	exec {fifo}>&-
	watch_guest "$report" "$answers"
	exec {report}<&- {answers}>&-
	rm -f "$RUN/report" "$RUN/answers"
	end_guest
	end_sampler
	end_emulator
	finish_boot
}

