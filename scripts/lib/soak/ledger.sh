# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The device's side of a round: its faults, and its books, which must balance. $ROUND_DIR gets
#   plan.toml     the random plan       rules        all rules, a line each
#   before.json, after.json             statistics   faults.json  how often each rule matched and fired

# begin_faults: those of this round, from the plan; status 1, and CAUSE, if the device refuses them.
begin_faults() {
	local rule
	make_plan || {
		CAUSE="caam-emu makes no plan: $(cause_in "$RUN/said")"
		return 1
	}
	if ((${#FAULTS[@]})); then printf '%s\n' "${FAULTS[@]}" >>"$ROUND_DIR/rules"; fi
	ctl fault clear --all >/dev/null 2>"$RUN/said" || {
		CAUSE="caam-emu does not answer: $(cause_in "$RUN/said")"
		return 1
	}
	while read -r rule; do
		ctl fault add "$rule" >/dev/null 2>"$RUN/said" || {
			CAUSE="$rule: $(cause_in "$RUN/said")"
			return 1
		}
	done <"$ROUND_DIR/rules"
	ctl --json stats >"$ROUND_DIR/before.json" 2>"$RUN/said" || {
		CAUSE="caam-emu gives no statistics: $(cause_in "$RUN/said")"
		return 1
	}
}

make_plan() {
	"$EMULATOR" faults --random --seed "$SEED" --number "$ROUND" --jobs "alg=aes-$CIPHER" \
		>"$ROUND_DIR/plan.toml" 2>"$RUN/said" || return
	"$EMULATOR" faults --check "$ROUND_DIR/plan.toml" >"$ROUND_DIR/rules" 2>"$RUN/said"
}

# end_faults STATUS ERRORS CORRUPT: of fio. Clears the faults and holds against each other what fio, the
# rules and the rings have counted. Status 1, and CAUSE, if they do not agree.
end_faults() {
	local status=$1 errors=$2 corrupt=$3 tries
	ctl --json fault list >"$ROUND_DIR/faults.json" 2>"$RUN/said" || {
		CAUSE="caam-emu does not answer: $(cause_in "$RUN/said")"
		return 1
	}
	as_predicted >"$ROUND_DIR/predicted" 2>&1 || {
		CAUSE="fault rules did not fire as the seed says: $(grep -v ', \([0-9]*\) fired, \1 predicted' "$ROUND_DIR/predicted" | tail -n 1)"
		return 1
	}
	ctl fault clear --all >/dev/null 2>"$RUN/said" || {
		CAUSE="caam-emu does not answer: $(cause_in "$RUN/said")"
		return 1
	}
	# The random number generator has jobs of its own now and then: a moment without any will come.
	for ((tries = 0; tries < 50; tries++)); do
		ctl --json stats >"$ROUND_DIR/after.json" 2>"$RUN/said" || {
			CAUSE="caam-emu gives no statistics: $(cause_in "$RUN/said")"
			return 1
		}
		CAUSE=$(balance "$status" "$errors" "$corrupt") || CAUSE='the statistics cannot be read'
		[[ -n $CAUSE ]] || return 0
		# Only what is still under way can come right.
		[[ $CAUSE == *'in the rings'* ]] || return 1
		sleep 0.1
	done
	return 1
}

# balance STATUS ERRORS CORRUPT: what is wrong with the books, in a line; nothing if nothing is.
balance() {
	soak_jq balance -n -r --slurpfile before "$ROUND_DIR/before.json" --slurpfile after "$ROUND_DIR/after.json" \
		--slurpfile faults "$ROUND_DIR/faults.json" --argjson status "$1" --argjson errors "$2" --argjson corrupt "$3"
}

# soak_jq FILTER-FILE ARGS...
soak_jq() {
	tool jq -L "$LIB/soak" -f "$LIB/soak/$1.jq" "${@:2}"
}
