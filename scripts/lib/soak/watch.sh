# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# One guest that runs guest-tests/cases/soak.sh, and its rounds. FAILURE is what went wrong first.

# soak_boot: the guest of this boot, from round ROUND on; returns when another is needed, all is done,
# or FAILURE is set.
soak_boot() {
	local fifo answers report
	local -a trace=()
	BOOT_ROUNDS=0 STAGE='' GUEST_SAID='' READY=0
	LOGS=$LOGS_TOP/boot-$BOOT
	mkdir -p "$LOGS/round"
	# Until the first round: a guest may die before it.
	ROUND_DIR=$LOGS/round ROUND_STARTED=$EPOCHREALTIME ROUND_CONSOLE='' IO_ERRORS=0
	choose_round "$ROUND"
	choose_boot "$BOOT"
	need_variants "$BOOT_DRIVER" "$DM_CRYPT"
	need_modules "${VARIANT_DIRS[@]}"
	GUEST_MEMORY=$MEMORY
	EMULATOR_ARGS=(--soc "$SOC" --job-rings "$RINGS" --decos "$DECOS" --seed "$SEED")
	log "boot $BOOT: ${EMULATOR_ARGS[*]}, driver $BOOT_DRIVER, ${MEMORY%%,*}"
	if ((TRACE)); then trace=(--trace "$LOGS/trace.json"); fi
	start_emulator "${EMULATOR_ARGS[@]}" "${trace[@]}"
	# The algorithms' self-tests have a case of their own, and would take longer than the boot.
	KERNEL_ARGS="cryptomgr.notests=1 $USER_KERNEL_ARGS" prepare_boot "$RINGS" MODE=cases "export JOB_RINGS PROFILE=$SOC DRIVER=$BOOT_DRIVER BOOT=1 SOAK=1" CASES=soak
	mkfifo "$RUN/report" "$RUN/answers"
	exec {fifo}<>"$RUN/report" {answers}<>"$RUN/answers"
	start_guest "$RUN/report" "$RUN/answers"
	exec {report}<"$RUN/report"
	exec {fifo}>&-
	watch_soak "$report" "$answers"
	exec {report}<&- {answers}>&-
	rm -f "$RUN/report" "$RUN/answers"
	if [[ -n $FAILURE ]]; then keep_failure; fi
	end_guest
	end_emulator
	if [[ -z $FAILURE ]]; then rm -rf "$LOGS"; fi
}

# watch_soak FD ANSWER-FD: until the guest is off or of no more use.
watch_soak() {
	local fd=$1 answers=$2 line='' part status
	LAST_MOVE=$SECONDS LAST_IO_MOVE=$SECONDS LAST_WORD=$SECONDS LAST_IO='' LAST_ENDED='' LAST_CONSOLE=0 LAST_SAMPLE=$SECONDS
	while [[ -z $FAILURE ]]; do
		status=0
		IFS= read -r -t 1 -u "$fd" part || status=$?
		line+=$part
		if ((status == 0)); then
			LAST_WORD=$SECONDS
			hear "${line%$'\r'}" "$answers" || break
			line=''
		elif ((status < 128)); then
			guest_went
			break
		fi
		if ! emulator_alive; then
			FAILURE="caam-emu ended: $(cause_in "$LOGS/emulator.log")"
		elif ((SECONDS - LAST_SAMPLE >= 10)); then
			sample
			look_at_device
			look_at_console
		fi
		if [[ -z $STAGE ]] && ((SECONDS - LAST_WORD >= BOOT_PATIENCE)); then
			cannot_start "the guest was silent for $BOOT_PATIENCE s while it booted"
		elif [[ $STAGE == load ]] && ((SECONDS - LAST_MOVE >= PATIENCE)); then
			FAILURE="hang: neither a request nor a job has ended for $PATIENCE s, $(in_flight)"
		elif [[ $STAGE == load ]] && ((SECONDS - LAST_IO_MOVE >= PATIENCE * 20)); then
			FAILURE="hang: jobs end, but no request has for $((PATIENCE * 20)) s, $(in_flight)"
		elif [[ -n $STAGE ]] && ((SECONDS - LAST_WORD >= PATIENCE + 30)); then
			FAILURE="hang: the guest has said nothing for $((SECONDS - LAST_WORD)) s, $(in_flight)"
		fi
	done
}

# look_at_device: jobs other than the random number generator's that have ended are progress, too: a large
# request is many jobs, and on a busy host they take their time.
look_at_device() {
	local ended
	ended=$(ctl --json stats 2>/dev/null | tool jq -r '([.rings[] | .succeeded + .failed] | add)
		- ([.operations[] | select(.name == "rng") | .jobs] | add // 0)') || return 0
	if [[ $ended != "$LAST_ENDED" ]]; then LAST_ENDED=$ended LAST_MOVE=$SECONDS; fi
}

# look_at_console: a guest that boots, on a busy host, is slow; as long as its kernel says something, it is not
# dead. (Later a kernel that complains again and again is no sign of life.)
look_at_console() {
	local size
	[[ -z $STAGE ]] || return 0
	size=$(console_size)
	if [[ $size != "$LAST_CONSOLE" ]]; then LAST_CONSOLE=$size LAST_WORD=$SECONDS; fi
}

# in_flight: what the guest waits for, and what the device holds.
in_flight() {
	local held
	held=$(jobs_held 2>/dev/null) || held='?'
	echo "${LAST_IO##* } requests in flight at dm-crypt, ${held:-?} jobs at the device"
}

# cannot_start CAUSE: nothing is learnt from a guest that does not come up.
cannot_start() {
	KEEP_LOGS=1
	cannot_tell "boot $BOOT: $1" "console: $LOGS/console.log"
}

# hear LINE ANSWER-FD: of the guest's report; status 1 when no more is wanted.
hear() {
	local status errors corrupt rings
	case $1 in
	'@@ setup-failed '*) cannot_start "${1#@@ setup-failed }" ;;
	'@@ ready '*) READY=1 ;;
	'@@ probed '*)
		read -r _ _ status _ rings <<<"$1"
		number status 1
		number rings 0
		if ((rings == 0)); then cannot_start "the driver did not bind: $(probe_failure "$status")"; fi
		;;
	'@@ soak next')
		if soak_is_over || another_boot; then
			STAGE=''
			echo end >&"$2"
			return 0
		fi
		begin_round || return
		echo "round $ROUND_WORDS" >&"$2"
		;;
	'@@ soak io '*)
		if [[ $1 != "$LAST_IO" ]]; then LAST_IO=$1 LAST_MOVE=$SECONDS LAST_IO_MOVE=$SECONDS; fi
		;;
	'@@ soak wrote '*)
		read -r _ _ _ status errors corrupt <<<"$1"
		number status 255
		number errors 0
		number corrupt 1
		IO_ERRORS=$errors STAGE=look
		end_faults "$status" "$errors" "$corrupt" || {
			FAILURE=$CAUSE
			return 1
		}
		echo go >&"$2"
		;;
	'@@ soak good') finish_round || return ;;
	'@@ soak bad '*)
		FAILURE=${1#@@ soak bad }
		return 1
		;;
	'# '*) GUEST_SAID=${1#\# } ;;
	'not ok '*)
		[[ -n $STAGE ]] || cannot_start "in the guest, ${1#not ok * } failed: $GUEST_SAID"
		FAILURE="in the guest, ${1#not ok * } failed: $GUEST_SAID"
		return 1
		;;
	'@@ done')
		if [[ -n $STAGE ]]; then
			FAILURE="the guest's case ended in the middle of it"
		elif ((BOOT_ROUNDS == 0)) && ! soak_is_over; then
			cannot_start "the guest's case ended before a round"
		fi
		return 1
		;;
	esac
}

# guest_went: QEMU has closed the report.
guest_went() {
	if ((READY)); then FAILURE=$(guest_cause); else cannot_start "$(guest_cause)"; fi
}

# soak_is_over: the time is up, or the rounds are.
soak_is_over() {
	if ((ROUNDS_DONE == 0)); then return 1; fi
	if ((ROUNDS && ROUNDS_DONE >= ROUNDS)); then return 0; fi
	if ((SOAK_SECONDS && SECONDS - SOAK_STARTED >= SOAK_SECONDS)); then return 0; fi
	return 1
}

# another_boot: the next round is one of another guest.
another_boot() {
	((BOOT_ROUNDS > 0 && !ONLY_ROUND && (ROUND - 1) / ROUNDS_A_BOOT + 1 != BOOT))
}

# begin_round: number ROUND; status 1 with FAILURE.
begin_round() {
	BOOT_ROUNDS=$((BOOT_ROUNDS + 1))
	ROUND_DIR=$LOGS/round
	rm -rf "$ROUND_DIR"
	mkdir -p "$ROUND_DIR"
	choose_round "$ROUND"
	# What came since the round before was judged is this one's.
	ROUND_STARTED=$EPOCHREALTIME ROUND_CONSOLE=${ROUND_CONSOLE:-$(console_size)} IO_ERRORS=0
	STAGE=load LAST_IO='' LAST_MOVE=$SECONDS LAST_IO_MOVE=$SECONDS
	begin_faults || {
		FAILURE=$CAUSE
		return 1
	}
}

# finish_round: it was good, but for what the kernel and the emulator's memory say.
finish_round() {
	local line size
	size=$(console_size)
	if line=$(kernel_crash "$ROUND_CONSOLE") || line=$(round_complaint "$ROUND_CONSOLE"); then
		FAILURE="the guest's kernel: $line"
		return 1
	fi
	check_growth || {
		FAILURE=$CAUSE
		return 1
	}
	sample
	STAGE='look' ROUND_CONSOLE=$size
	note_round good
	ROUNDS_DONE=$((ROUNDS_DONE + 1))
	if ((!ONLY_ROUND)); then ROUND=$((ROUND + 1)); fi
}

# round_complaint FROM: what no round may bring the kernel to say, be there faults or not. (A status of
# a job that a fault made fail is its duty to report. A task that sleeps for long is not by itself a fault:
# that may be the host; what makes a hang is above.)
round_complaint() {
	console_from "$1" | awk '
		!found && /^WARNING: |nobody cared|caam_jr [^ ]*: (job ring error|.*BUG)/ {
			print
			found = 1
		}
		END { exit !found }'
}
