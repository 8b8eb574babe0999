# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The device, through the emulator's control socket: its statistics, twenty times a second, one JSON
# line each, in $LOGS/device.log; and its faults.

SAMPLER_PID=''

# start_sampler: of the emulator that runs now.
start_sampler() {
	setsid setpriv --pdeathsig TERM "$EMULATOR" ctl --control "$RUN/control.sock" --json watch --interval 0.05 \
		>"$LOGS/device.log" 2>"$LOGS/sampler.log" </dev/null &
	SAMPLER_PID=$!
	disown
	at_exit end_sampler
}

end_sampler() {
	[[ -n $SAMPLER_PID ]] || return 0
	end_process "$SAMPLER_PID"
	SAMPLER_PID=''
}

# samples: how many lines there are.
samples() {
	wc -l <"$LOGS/device.log"
}

# fresh_sample: waits for a sample taken from now on; its line's number in SAMPLE.
fresh_sample() {
	local now tries
	now=$(samples)
	for ((tries = 0; tries < 100; tries++)); do
		# The next line may be of a sample that was taken before.
		SAMPLE=$(samples)
		((SAMPLE < now + 2)) || return 0
		emulator_alive || return 1
		sleep 0.05
	done
	return 1
}

# device_idle SECONDS: nothing in any ring, and no doorbell for so long, on the device's own clock.
device_idle() {
	# The last line may be half written.
	# shellcheck disable=SC2016  # jq's own variables
	tail -n 2 "$LOGS/device.log" | sed -n 1p | tool jq -e --argjson idle "$1" '
		all(.rings[]; .pending + .in_flight + .waiting == 0) and
		(.uptime_ns - ([.rings[].last_doorbell_ns // 0] | max)) / 1e9 >= $idle' >/dev/null
}

# device_stalled: some ring gives no jobs because a rule says so.
device_stalled() {
	tail -n 2 "$LOGS/device.log" | sed -n 1p | tool jq -e 'any(.rings[]; .state == "stalled")' >/dev/null
}

# pressure_rules: sets PRESSURE_RULES, the faults that keep the ring full.
pressure_rules() {
	PRESSURE_RULES=("${FAULTS[@]}")
	if ((DEPTH)); then PRESSURE_RULES+=("ring-depth:slots=$DEPTH"); fi
	if [[ ${STALLS[*]} != none ]]; then PRESSURE_RULES+=("${STALLS[@]/#/stall:}"); fi
}

# check_faults: whether the emulator understands them, before anything is built.
check_faults() {
	pressure_rules
	check_rules "${PRESSURE_RULES[@]}"
}

# set_faults calm|full: the device's faults for the next run, counted from now on.
set_faults() {
	local rule
	RUN_FAULTS=()
	if [[ $1 == full ]]; then RUN_FAULTS=("${PRESSURE_RULES[@]}"); fi
	ctl fault clear --all >/dev/null 2>"$RUN/said" || return
	for rule in "${RUN_FAULTS[@]}"; do
		ctl fault add "$rule" >/dev/null 2>"$RUN/said" || return
	done
}
