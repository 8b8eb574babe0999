# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What is kept of a round that failed: all that is needed to repeat it, and what is known of it.

# keep_failure: while guest and emulator are still there, if they are. Sets KEPT.
keep_failure() {
	local file
	KEPT=$OUT/failure-$SEED-$ROUND
	rm -rf "$KEPT"
	mkdir -p "$KEPT"
	sample
	note_round bad
	if emulator_alive; then
		ask ctl --json stats stats.json
		ask ctl --json fault list faults-at-the-end.json
		ask ctl --json job list jobs.json
		ask ctl --json job last job-last.json
		ask ctl job last job-last.txt
	fi
	if emulator_alive && ((TRACE)); then ask ctl --json trace stop trace-status.json; fi
	for file in "$ROUND_DIR"/* "$LOGS"/{console,emulator,qemu}.log "$LOGS"/trace.json; do
		# Not all of it is always there: a guest may die before fio has ended.
		if [[ -f $file ]]; then cp "$file" "$KEPT/"; fi
	done
	head -n 1 "$OUT/samples.tsv" >"$KEPT/samples.tsv"
	awk -F'\t' -v boot="$BOOT" '$3 == boot' "$OUT/samples.tsv" >>"$KEPT/samples.tsv"
	describe_failure >"$KEPT/failure.txt"
	complain "round $ROUND failed: $FAILURE" "kept: $KEPT; to repeat it: $(repeat_command)"
}

# ask COMMAND... FILE: its output goes there; what it says instead of an answer, too.
ask() {
	"${@:1:$#-1}" >"$KEPT/${!#}" 2>&1 || log "not kept: ${!#} ($(tail -n 1 "$KEPT/${!#}"))"
}

repeat_command() {
	printf 'scripts/soak.sh --seed %s --round %s' "$SEED" "$ROUND"
	if ((${#REPEAT[@]})); then printf ' %s' "${REPEAT[@]@Q}"; fi
}

describe_failure() {
	cat <<-TEXT
		$FAILURE

		repeat:    $(repeat_command)
		           (--minutes N: again and again; --trace: with a trace of it)
		seed:      $SEED
		round:     $ROUND: $ROUND_WORDS
		boot:      $BOOT: ${EMULATOR_ARGS[*]}, driver $BOOT_DRIVER, dm-crypt $DM_CRYPT, $MEMORY
		rounds:    $BOOT_ROUNDS in this boot, $ROUNDS_DONE good in all
		faults:    plan.toml, rules; how often they fired: faults.json (fio's end), faults-at-the-end.json
		caam-emu:  $("$EMULATOR" --version), $(git -C "$REPO" describe --always --dirty 2>/dev/null || echo 'no git here')
		kernel:    $KERNEL_VERSION${KERNEL_PACKAGE:+ (Debian $KERNEL_PACKAGE)}
		QEMU:      $("${QEMU[@]}" --version | awk 'NR == 1')
		host:      $(uname -srm), $(nproc) processors
	TEXT
}
