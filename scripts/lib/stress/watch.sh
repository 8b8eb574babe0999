# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Watches one guest that runs guest-tests/cases/stress.sh, and judges each of its runs.
#
#   deadlock      I/O stands still, a task hangs in crypt_convert, and the device has nothing to do:
#                 all three, for $STILL seconds
#   survived      all I/O is done and verified, and the ring was full
#   corrupt       what was read back is not what was written
#   errors        an I/O ended with an error
#   crashed       the kernel says so (oops, BUG, panic)
#   stuck         I/O stood still until the time was up, without all the evidence of a deadlock, and
#                 not because a rule stalls the device
#   inconclusive  all is done and verified, but the ring was never full: nothing is known of a full
#                 ring (row.jq finds that); or the time was up, and I/O still went on

readonly STILL=2

# watch_guest FD ANSWER-FD: until the guest is off or of no more use. Takes the runs it has done from
# RUNS_LEFT. GUEST_CAUSE tells why there are fewer than there should be.
watch_guest() {
	local fd=$1 answers=$2 line='' part status stage_started=$SECONDS
	RUNNING=0 READY=0 GUEST_CAUSE=''
	while :; do
		status=0
		IFS= read -r -t 0.25 -u "$fd" part || status=$?
		line+=$part
		if ((status == 0)); then
			hear "${line%$'\r'}" || break
			line=''
		elif ((status < 128)); then
			guest_off
			break
		fi
		NOW=${EPOCHREALTIME/[.,]/}
		if ! emulator_alive; then
			GUEST_CAUSE="caam-emu ended during the run: $(cause_in "$LOGS/emulator.log")"
			break
		elif ((RUNNING)); then
			look_at_run || break
		elif ((SECONDS - stage_started >= 60 + TIMEOUT)); then
			GUEST_CAUSE="the guest was not ready after $((SECONDS - stage_started)) s"
			break
		fi
	done
}

# hear LINE: of the guest's report; status 1 when no more is wanted.
hear() {
	local status verdict
	case $1 in
	'@@ setup-failed '*)
		GUEST_CAUSE="the guest: ${1#@@ setup-failed }"
		return 1
		;;
	'@@ ready '*)
		lap "$LAP" boot
		# From here on a crash is the driver's, and the first run's verdict, although that has not begun.
		READY=1 PRESSURE=${RUNS_LEFT[0]:-calm} FIRST_SAMPLE=1 FIO='' RUN_FAULTS=() RUN_CONSOLE=$(console_size)
		;;
	'@@ probed '*)
		read -r _ _ verdict _ <<<"$1"
		lap "$LAP" probe
		if ((verdict != 0)); then
			GUEST_CAUSE="the driver did not load: modprobe ended with status $verdict"
			return 1
		fi
		;;
	'@@ snapshot')
		prepare_run || return
		echo noted >&"$answers"
		;;
	'@@ stress begin '*) begin_run ;;
	'@@ stress io '*)
		if [[ $1 != "$LAST_IO" ]]; then LAST_IO=$1 LAST_MOVE=${EPOCHREALTIME/[.,]/}; fi
		;;
	'@@ stress end '*)
		FIO=${1#@@ stress end * }
		judge_ended
		stage_started=$SECONDS
		;;
	'@@ backlog '*) BACKLOG+=("${1#@@ backlog }") ;;
	'@@ end '*)
		read -r _ _ _ status <<<"$1"
		((status == 0)) || case_failed
		;;
	'# '*) GUEST_SAID=${1#\# } ;;
	'not ok '*) GUEST_CAUSE="in the guest, ${1#not ok * } failed: $GUEST_SAID" ;;
	'@@ done') return 1 ;;
	esac
}

# case_failed: where no run did.
case_failed() {
	((${#RUNS_LEFT[@]} == 0)) || log "the guest's case ended early${GUEST_CAUSE:+: $GUEST_CAUSE}"
}

# prepare_run: the guest waits; the device is made ready for the next of RUNS_LEFT.
prepare_run() {
	PRESSURE=${RUNS_LEFT[0]:-}
	[[ -n $PRESSURE ]] || {
		GUEST_CAUSE='the guest has more runs than were asked for'
		return 1
	}
	set_faults "$PRESSURE" || {
		GUEST_CAUSE="caam-emu takes no faults: $(cause_in "$RUN/said")"
		return 1
	}
	fresh_sample || {
		GUEST_CAUSE='caam-emu gives no statistics'
		return 1
	}
	FIRST_SAMPLE=$SAMPLE
	RUN_CONSOLE=$(console_size)
}

begin_run() {
	log "$SERIES_DRIVER, dm-crypt $SERIES_DM_CRYPT, ring $PRESSURE: running"
	RUNNING=1 LAST_IO='' FIO='' RUN_STARTED=${EPOCHREALTIME/[.,]/} LAP=$EPOCHREALTIME
	LAST_MOVE=$RUN_STARTED
}

# look_at_run: a quarter of a second has passed; status 1 when the guest is of no more use.
look_at_run() {
	local still=$(((NOW - LAST_MOVE) / 1000)) crash
	if ((still >= 1000)) && crash=$(kernel_crash "$RUN_CONSOLE"); then
		TRACE=$(crash_trace "$RUN_CONSOLE")
		finish_run crashed "$crash"
		return 1
	fi
	if ((still >= STILL * 1000)) && device_idle "$STILL" && TRACE=$(hung_task "$RUN_CONSOLE"); then
		finish_run deadlock "$(head -n 1 <<<"$TRACE")"
		return 1
	fi
	if ((NOW - RUN_STARTED >= TIMEOUT * 1000000)); then
		if ((still >= 10000)); then
			if device_stalled; then
				finish_run inconclusive "no I/O for $((still / 1000)) s, as a rule stalls the device"
			elif device_idle "$STILL"; then
				finish_run stuck "no I/O for $((still / 1000)) s, the device has nothing to do, but no task hangs in crypt_convert"
			else
				finish_run stuck "no I/O for $((still / 1000)) s, the device has jobs in its ring"
			fi
		else
			finish_run inconclusive "I/O still went on after $TIMEOUT s"
		fi
		return 1
	fi
}

# judge_ended: fio has ended, FIO has how.
judge_ended() {
	local status error rest crash
	read -r status error rest <<<"$FIO"
	if crash=$(kernel_crash "$RUN_CONSOLE"); then
		TRACE=$(crash_trace "$RUN_CONSOLE")
		finish_run crashed "$crash"
	elif [[ $status == 0 && $error == 0 ]]; then
		finish_run survived ''
	elif [[ $error == 84 ]]; then
		finish_run corrupt 'what was read back is not what was written'
	else
		finish_run errors "fio: status $status, error $error${rest:+; $(kernel_warning "$RUN_CONSOLE" || true)}"
	fi
	LAP=$EPOCHREALTIME
}

# guest_off: QEMU has closed the report.
guest_off() {
	local crash
	if ((READY && ${#RUNS_LEFT[@]})) && crash=$(kernel_crash "$RUN_CONSOLE"); then
		TRACE=$(crash_trace "$RUN_CONSOLE")
		finish_run crashed "$crash"
	else
		GUEST_CAUSE=$(guest_cause)
	fi
}
