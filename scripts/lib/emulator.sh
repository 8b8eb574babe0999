# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# caam-emu itself: building, starting, asking for its statistics, ending it.

EMULATOR_PID=''

# build_emulator: sets EMULATOR. CAAM_EMU_BINARY takes one that is already built.
build_emulator() {
	if [[ -n ${CAAM_EMU_BINARY:-} ]]; then
		[[ -x $CAAM_EMU_BINARY ]] || usage_error "CAAM_EMU_BINARY=$CAAM_EMU_BINARY: not an executable file"
		EMULATOR=$CAAM_EMU_BINARY
		return 0
	fi
	need_rust
	EMULATOR=${CARGO_TARGET_DIR:-$REPO/target}/release/caam-emu
	must "building caam-emu" "fix the build: cargo build --release --locked" \
		cargo build --release --locked --manifest-path "$REPO/Cargo.toml" --bin caam-emu
}

# build_attacker: sets ATTACKER, a client that means harm (examples/attack.rs).
build_attacker() {
	ATTACKER=${CARGO_TARGET_DIR:-$REPO/target}/debug/examples/attack
	need_rust
	must "building the attacker" "fix the build: cargo build --locked --example attack" \
		cargo build --locked --manifest-path "$REPO/Cargo.toml" --example attack
}

# start_emulator ARGS...: returns once it is ready for QEMU; sets EMULATOR_PID.
start_emulator() {
	local ready word='' part='' tries
	rm -f "$RUN/size"
	mkfifo "$RUN/ready"
	# Open for reading and writing: neither side's open waits for the other.
	exec {ready}<>"$RUN/ready"
	# A session of its own: Ctrl-C is for this script, which ends the emulator after QEMU.
	# The death signal: nothing is left behind even when this script is killed by SIGKILL.
	setsid setpriv --pdeathsig TERM "$EMULATOR" serve --socket-path "$RUN/vfio.sock" \
		--ready-fd 9 --stats "$RUN/stats.json" --control "$RUN/control.sock" "$@" \
		9>"$RUN/ready" >"$LOGS/emulator.log" 2>&1 </dev/null &
	EMULATOR_PID=$!
	disown # bash would announce its end by a signal
	at_exit end_emulator
	for ((tries = 0; tries < 100; tries++)); do
		# What came before a time-out is read and gone: a word may come in parts.
		if read -r -t 0.1 -u "$ready" part; then
			word+=$part
			break
		fi
		word+=$part
		kill -0 "$EMULATOR_PID" 2>/dev/null || break
	done
	exec {ready}>&-
	rm -f "$RUN/ready"
	if [[ $word == ready ]]; then
		EMULATOR_AT_START=$(process_size "$EMULATOR_PID") && return 0
	fi
	end_emulator
	KEEP_LOGS=1
	cannot_tell "caam-emu did not start: $(cause_in "$LOGS/emulator.log")" \
		"'$EMULATOR serve --help' lists the arguments that --emu may hold"
}

end_emulator() {
	[[ -n $EMULATOR_PID ]] || return 0
	end_process "$EMULATOR_PID"
	EMULATOR_PID=''
}

emulator_alive() {
	[[ -n $EMULATOR_PID ]] && kill -0 "$EMULATOR_PID" 2>/dev/null
}

# attack_emulator OPERATIONS: as its only client, before there is a guest.
attack_emulator() {
	"$ATTACKER" "$RUN/vfio.sock" --operations "$1" --seed "${ATTACK_SEED:-1}" --pid "$EMULATOR_PID"
}

# ctl ARGS...: asks the emulator that runs now, or tells it. It answers at once or never.
ctl() {
	timeout 10 "$EMULATOR" ctl --control "$RUN/control.sock" "$@"
}

# check_rules RULE...: whether the emulator understands these faults; complains if not. There is none yet.
check_rules() {
	local rule
	(($#)) || return 0
	start_emulator --job-rings 4
	for rule; do
		ctl fault add "$rule" >/dev/null 2>"$RUN/said" || usage_error "$rule: $(cause_in "$RUN/said")"
	done
	end_emulator
}

# failed_jobs: by the statistics last asked for.
failed_jobs() {
	tool jq -r '[.rings[].failed] | add // 0' "$RUN/stats.json"
}

# ask_statistics: has the emulator write its statistics now.
ask_statistics() {
	local tries
	rm -f "$RUN/stats.json"
	kill -USR1 "$EMULATOR_PID" 2>/dev/null || return 1
	for ((tries = 0; tries < 50; tries++)); do
		if [[ -s $RUN/stats.json ]] && tool jq -e . "$RUN/stats.json" >/dev/null 2>&1; then
			cp "$RUN/stats.json" "$LOGS/stats.json"
			return 0
		fi
		sleep 0.1
	done
	return 1
}

# statistic FIELD NAME DIRECTION: of one operation, summed; 0 where it never ran.
statistic() {
	# shellcheck disable=SC2016 # jq's own variables
	tool jq -r --arg field "$1" --arg name "$2" --arg direction "$3" \
		'[.operations[] | select(.name == $name and .direction == $direction) | .[$field]] | add // 0' \
		"$RUN/stats.json"
}

# rule_fired NAME: how often that fault rule has; nothing where there is none.
rule_fired() {
	# shellcheck disable=SC2016 # jq's own variables
	tool jq -r --arg name "$1" '.faults.rules[] | select(.name == $name) | .fired' "$RUN/stats.json"
}
