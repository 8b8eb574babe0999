# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Reads a guest's report while it runs, prints KTAP, decides on the cases.
#
# The guest's lines that begin with "@@ ":
#   device SLOT ADDRESS        the PCI function was found
#   ready UPTIME               all is set up; from here on a failure is the tested code's
#   probed STATUS UPTIME RINGS modprobe of the driver has returned; it has bound to so many job rings
#   setup-failed CAUSE         the guest cannot be set up
#   case NAME / end NAME STATUS
#   jobs N                     a case: the device has done N jobs so far
#   moved NAME DIRECTION BYTES a case: so many bytes went through the device, once more
#   snapshot                   a case: note the emulator's statistics; answered by a line "noted" or
#                              "no statistics"
#   failed N                   a case: exactly N jobs have failed since the snapshot
#   fired NAME N               a case: at its end that fault rule has fired exactly N times
#   ctl, rule, rings, as-predicted, restarted, size, balance ...
#                              a case: a question, which answer.sh answers
#   restarts TESTS FAILED NOTE a case: the guest boots again now, the case goes on then; so many tests it
#                              has done. A number that it wants to know then
#   kill WHAT                  a case: now is the time to kill what its header says (ends.sh)
#   carry NAME BASE64          a file for the next boot of a case that has several
#   done                       all cases ran

CASE_NUMBER=0
CASES_FAILED=0
CANNOT_TELL=0

# What a case's name is followed by: the boot, where it has several.
CASE_SUFFIX=''

# What the console must show in the case's panic, where it must panic.
PANIC=''

# finish_case NAME STATUS CAUSE: its line of the top level.
finish_case() {
	CASE_NUMBER=$((CASE_NUMBER + 1))
	if [[ -n $3 ]]; then printf '    # %s\n' "$3"; fi
	if (($2 == 0)); then
		printf 'ok %d %s\n' "$CASE_NUMBER" "$1$CASE_SUFFIX"
	else
		printf 'not ok %d %s\n' "$CASE_NUMBER" "$1$CASE_SUFFIX"
		CASES_FAILED=$((CASES_FAILED + 1))
		KEEP_LOGS=1
	fi
}

# number VARIABLE INSTEAD: the guest chose the value. Unless it is a number it gets that one:
# shell arithmetic would run what it is given.
number() {
	[[ ${!1} =~ ^(0|[1-9][0-9]{0,17})$ ]] || printf -v "$1" %s "$2"
}

# relay_report FD ANSWER-FD TIMEOUT CASE...: until the guest is off, or too late. On return all the
# cases have their line; GUEST_OK tells whether the boot itself went as it should.
relay_report() {
	local fd=$1 answers=$2 timeout=$3 line part='' status current='' ready=0 done=0 cause='' verdict rings plan=0 failed_before=''
	local name direction bytes extra restarting=0
	local started=$SECONDS said=$SECONDS
	local -a left=("${@:4}")
	local -A moved=() fired=()
	GUEST_OK=1 KILLED=0 RESTARTED='0 0 0 0'
	while :; do
		status=0
		IFS= read -r -t 1 -u "$fd" part || status=$?
		line+=$part
		if ((status > 128)); then
			if ((SECONDS - started >= timeout)); then
				cause="timed out after $timeout s"
				break
			fi
			if ((SECONDS - said >= 10)); then
				log "still running${current:+ $current}, $((SECONDS - started)) s of at most $timeout"
				said=$SECONDS
			fi
			if ! emulator_alive && [[ $KILLS$KILLED != emulator1 ]]; then
				# Give QEMU's last words no time: nothing of this counts.
				cause="caam-emu ended during the run: $(cause_in "$LOGS/emulator.log")"
				CANNOT_TELL=1
				break
			fi
			continue
		fi
		((status == 0)) || break
		line=${line%$'\r'}
		case $line in
		'@@ device '*) ;;
		'@@ setup-failed '*)
			cause="the guest: ${line#@@ setup-failed }"
			break
			;;
		'@@ ready '*)
			if ((ready && !restarting)); then
				cause="the guest has booted again, and did not say that it would"
				break
			fi
			ready=1
			;;
		'@@ probed '*)
			read -r _ _ verdict part rings <<<"$line"
			number verdict 1
			number rings 0
			if ((rings == 0)); then
				# Nothing can be said of a driver that does not work at all: to a bisection, "skip".
				if ((!restarting)); then CANNOT_TELL=1; fi
				cause="the driver did not bind to the device: $(probe_failure "$verdict")"
				break
			fi
			log "guest is up: driver loaded $part s after the kernel's start"
			if ((verdict != 0)); then log "modprobe of the driver failed with status $verdict"; fi
			;;
		'@@ case '*)
			current=${line#@@ case }
			if [[ $current != "${left[0]-}" ]]; then
				cause="the guest began a case that was not asked for" current=''
				break
			fi
			said=$SECONDS
			if ((restarting)); then
				log "case $current goes on, restart ${RESTARTED%% *}"
				restarting=0 line=''
				continue
			fi
			plan=0 failed_before=''
			unset 'moved[failed]'
			fired=()
			log "case $current"
			;;
		'@@ end '*)
			read -r _ _ name verdict <<<"$line"
			number verdict 1
			if [[ -z $current || $name != "$current" ]]; then
				cause="the guest ended a case that was not running"
				break
			fi
			cause=''
			if ((verdict != 0)); then cause="the case ended with status $verdict"; fi
			((plan)) || verdict=1 cause='the case gave no plan'
			if [[ -n $PANIC ]]; then
				verdict=1
				# Bad whatever it says: the guest should not have come this far.
				check_panic "$((plan += 1))" 129 "$current" || verdict=1
			fi
			if [[ $KILLS == qemu ]]; then
				verdict=1 cause='the case went on to its end, with QEMU killed or not'
				check_killed "$((plan += 1))" || verdict=1
			fi
			if [[ $KILLS == emulator ]]; then
				check_killed "$((plan += 1))" || verdict=1
			else
				check_statistics "$((plan + 1))" || verdict=1
			fi
			finish_case "$current" "$verdict" "$cause"
			left=("${left[@]:1}")
			current='' cause=''
			;;
		'@@ moved '*)
			read -r _ _ name direction bytes <<<"$line"
			number bytes 999999999999
			moved[$name $direction]=$((${moved[$name $direction]:-0} + bytes))
			;;
		'@@ jobs '*)
			bytes=${line#@@ jobs }
			number bytes 999999999999
			moved[jobs]=$bytes
			;;
		'@@ snapshot')
			# The case waits: what it does next is not in these numbers.
			if ask_statistics; then
				failed_before=$(failed_jobs)
				echo noted >&"$answers"
			else
				echo 'no statistics' >&"$answers"
			fi
			;;
		'@@ failed '*)
			bytes=${line#@@ failed }
			number bytes 999999999999
			moved[failed]=$bytes
			;;
		'@@ fired '*)
			read -r _ _ name bytes <<<"$line"
			number bytes 999999999999
			fired[$name]=$bytes
			;;
		'@@ ctl '* | '@@ rule '* | '@@ rings '* | '@@ as-predicted' | '@@ restarted' | '@@ size' | '@@ balance')
			answer_guest "$answers" "${line#@@ }"
			;;
		'@@ restarts '*)
			read -r _ _ name part bytes <<<"$line"
			number name 0
			number part 999
			number bytes 0
			restarting=1
			RESTARTED="$((${RESTARTED%% *} + 1)) $name $part $bytes"
			;;
		'@@ kill '*)
			if [[ -z $KILLS || ${line#@@ kill } != "$KILLS" ]] || ((KILLED)); then
				cause="the guest wants killed: ${line#@@ kill }"
				break
			fi
			kill_for_guest
			;;
		'@@ carry '*) carry "${line#@@ carry }" ;;
		'@@ stress '* | '@@ backlog '* | '@@ soak '*) ;; # for stress.sh and soak.sh
		'@@ done')
			done=1
			break
			;;
		'1..'*)
			# There are subtests that the guest does not know of: check_statistics, check_panic.
			plan=${line#1..}
			number plan 0
			extra=1
			if [[ -n $PANIC || $KILLS == qemu ]]; then extra=2; fi
			printf '    1..%d\n' "$((plan + extra))"
			;;
		*) printf '    %s\n' "$line" ;;
		esac
		line=''
	done
	if ((done)); then
		return 0
	fi
	# shellcheck disable=SC2034  # for vm.sh
	GUEST_OK=0
	if [[ -z $cause ]]; then
		cause=$(guest_cause)
	fi
	if [[ -n $PANIC && -n $current ]] && ((plan)); then
		verdict=0
		check_panic "$((plan += 1))" "$status" "$current" || verdict=1
		check_statistics "$((plan + 1))" || verdict=1
		finish_case "$current" "$verdict" ''
		# shellcheck disable=SC2034  # for vm.sh
		if ((!verdict)); then GUEST_OK=1; fi
		return 0
	fi
	if [[ $KILLS$KILLED == qemu1 && -n $current ]] && ((plan && status < 128)); then
		verdict=0
		check_killed "$((plan += 1))" || verdict=1
		check_statistics "$((plan + 1))" || verdict=1
		finish_case "$current" "$verdict" ''
		# shellcheck disable=SC2034  # for vm.sh
		if ((!verdict)); then GUEST_OK=1; fi
		return 0
	fi
	# shellcheck disable=SC2034  # for vm.sh
	KEEP_LOGS=1
	# Before `ready` it is not the driver that is being tried.
	# shellcheck disable=SC2034  # for vm.sh
	((ready)) || CANNOT_TELL=1
	for name in "${left[@]}"; do
		if [[ $name == "$current" ]]; then
			finish_case "$name" 1 "$cause"
		else
			finish_case "$name" 1 "did not run: $cause"
		fi
	done
	log "the guest's run was cut short: $cause"
}

# probe_failure STATUS: why no job ring has a driver, by the kernel's log or modprobe's words.
probe_failure() {
	local line
	if line=$(grep -m1 -a -o -E 'modprobe: (ERROR|FATAL): .*' "$LOGS/console.log") ||
		line=$(grep -m1 -a -o -E 'caam(_jr)?( [^ ]+)?: .*([Ff]ail|[Ee]rr|cannot|could not|not ).*' "$LOGS/console.log"); then
		printf '%s' "${line%$'\r'}"
	else
		printf 'its modprobe ended with status %d, the console says no more' "$1"
	fi
}

# check_panic N STATUS CASE: as subtest N, the guest has died of what the case says it must, and
# since the case began. STATUS is that of the last read from it: above 128, it lives.
check_panic() {
	local line='' since='' status=1 result='not ok'
	# What is looked for in a variable: a pipe into a grep that stops early would fail.
	since=$(awk -v mark="=== case $3" 'index($0, mark) { found = 1 } found' "$LOGS/console.log" | tr -d '\000')
	if (($2 > 128)); then
		line='the guest did not end'
	elif ! line=$(grep -m1 -a -F -e "$PANIC" <<<"$since"); then
		line="no panic with '$PANIC'; $(guest_cause)"
	elif [[ $since != *'Kernel panic'* ]]; then
		line="no panic after: $line"
	else
		status=0 result=ok
	fi
	printf '    # %s\n' "${line%$'\r'}"
	grep -a -E 'kernel BUG at|job ring error|Kernel panic' <<<"$since" | grep -v -F -e "$line" | tr -d '\r' | sed 's/^/    # /' || true # it may say none of it
	printf '    %s %d guest-panics\n' "$result" "$1"
	return "$status"
}

# carry NAME BASE64: the guest chose the name.
carry() {
	local name=${1%% *}
	if [[ ! $name =~ ^[A-Za-z0-9_-]+$ ]]; then
		log "the guest's file '$name': no such name is carried to the next boot"
	elif ! base64 -d <<<"${1#* }" >"$RUN/carry/$name" 2>/dev/null; then
		rm -f "$RUN/carry/$name"
		log "the guest's file '$name' arrived damaged"
	fi
}

# guest_cause: why a guest ended without saying so.
guest_cause() {
	local line
	if line=$(grep -m1 -a -E 'Kernel panic|kernel BUG|Unable to handle|Internal error' "$LOGS/console.log"); then
		printf 'the guest ended: %s' "${line%$'\r'}"
	elif [[ -s $LOGS/qemu.log ]]; then
		printf 'QEMU ended: %s' "$(cause_in "$LOGS/qemu.log")"
	else
		printf 'the guest ended without a word'
	fi
}

# check_statistics N: as subtest N, what the guest says to have moved must be in the
# emulator's own statistics. (The guest reads the device's registers; the statistics are
# counted elsewhere in the emulator, by algorithm.)
check_statistics() {
	local key seen status=0 jobs failed
	if ! ask_statistics; then
		printf '    # caam-emu wrote no statistics\n    not ok %d emulator-statistics\n' "$1"
		return 1
	fi
	jobs=$(tool jq -r '[.rings[].jobs] | add // 0' "$RUN/stats.json")
	printf '    # emulator: %d jobs in all; %s\n' "$jobs" "$(size_text)"
	for key in "${!moved[@]}"; do
		if [[ $key == jobs ]]; then
			if ((jobs < moved[jobs])); then
				printf '    # the guest counts %d jobs\n' "${moved[jobs]}"
				status=1
			fi
			continue
		fi
		if [[ $key == failed ]]; then
			failed=$(($(failed_jobs) - ${failed_before:-0}))
			printf '    # emulator: %d failed jobs since the snapshot; there must be %d\n' "$failed" "${moved[failed]}"
			[[ -n $failed_before ]] && ((failed == moved[failed])) || status=1
			continue
		fi
		seen=$(statistic bytes "${key% *}" "${key#* }")
		printf '    # emulator: %s: %d jobs, %d bytes; the guest accounts for %d\n' "$key" \
			"$(statistic jobs "${key% *}" "${key#* }")" "$seen" "${moved[$key]}"
		((seen >= ${moved[$key]})) || status=1
	done
	for key in "${!fired[@]}"; do
		seen=$(rule_fired "$key")
		printf '    # emulator: fault rule %s fired %s times; it must be %d\n' "$key" "${seen:-?}" "${fired[$key]}"
		[[ $seen == "${fired[$key]}" ]] || status=1
	done
	if ((status)); then printf '    not '; else printf '    '; fi
	printf 'ok %d emulator-statistics\n' "$1"
	return "$status"
}
