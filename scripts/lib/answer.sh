# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What a guest may ask of its host while it runs, and the answers. The guest is what is being
# tested: it may be broken, or worse. So its words are taken only where they are listed here, as
# arguments, never by a shell; an answer has bounds in length and in time.
#
# An answer is lines that begin with "- ", and at its end "= STATUS".

# What a fault rule, a rule's name and a statistic's name are made of. None begins with a dash.
readonly GUEST_RULE='^[a-z][a-z-]*(:[A-Za-z0-9=,./:_-]+)?$'
readonly GUEST_NAME='^[A-Za-z0-9_.][A-Za-z0-9_.-]*$'
readonly GUEST_FIELD='^[a-z0-9_]+(\.[a-z0-9_]+)?$'

# answer_guest FD QUESTION
answer_guest() {
	local fd=$1 status=0 answer
	local -a words
	read -r -a words <<<"$2"
	answer=$(answer_to "${words[@]}" 2>&1 </dev/null) || status=$?
	answer=${answer:0:16000}
	# A guest that does not read what it asked for must not stop its host.
	{
		if [[ -n $answer ]]; then printf '%s\n' "$answer" | sed 's/^/- /'; fi
		printf '= %d\n' "$status"
	} | timeout 5 cat >&"$fd" || log "the guest does not read the answer to '$2'"
}

# answer_to WORD...: in a subshell.
answer_to() {
	case ${1:-} in
	ctl)
		shift
		allowed_ctl "$@" || {
			echo "a guest may not ask for: ctl $*"
			return 2
		}
		ctl "$@"
		;;
	rule)
		[[ $# -eq 2 && $2 =~ $GUEST_NAME ]] || return 2
		# shellcheck disable=SC2016 # jq's own variables
		ctl --json fault list |
			tool jq -er --arg name "$2" '.rules[] | select(.name == $name) | "\(.matched) \(.fired)"'
		;;
	rings)
		[[ $# -eq 2 && $2 =~ $GUEST_FIELD ]] || return 2
		# shellcheck disable=SC2016
		ctl --json stats |
			tool jq -er --arg field "$2" '[.rings[] | getpath($field | split(".")) | numbers] |
				if length > 0 then map(tostring) | join(" ") else empty end'
		;;
	as-predicted)
		[[ $# -eq 1 ]] || return 2
		as_predicted
		;;
	restarted)
		[[ $# -eq 1 ]] || return 2
		echo "$RESTARTED"
		;;
	size)
		[[ $# -eq 1 ]] || return 2
		emulator_size_for_guest
		;;
	balance)
		[[ $# -eq 1 ]] || return 2
		jobs_balance
		;;
	*)
		echo "no such question: ${1:-}"
		return 2
		;;
	esac
}

# allowed_ctl WORD...: what a guest may tell its own device.
allowed_ctl() {
	case $#:${1:-} in
	1:stats | 1:stall | 1:resume | 1:reset) ;;
	2:resume) [[ $2 =~ ^[0-3]$ ]] ;;
	2:stall) [[ $2 != -* && stall:$2 =~ $GUEST_RULE ]] ;;
	2:fault) [[ $2 == list ]] ;;
	3:fault)
		case $2 in
		add) [[ $3 =~ $GUEST_RULE ]] ;;
		clear) [[ $3 == --all || $3 =~ $GUEST_NAME ]] ;;
		*) return 1 ;;
		esac
		;;
	*) return 1 ;;
	esac
}

# as_predicted: a line for each fault rule: name, matches, how often it fired, how often it had to,
# by the seed alone. They must be equal.
as_predicted() {
	local list rules seed name rule matched fired expected status=0
	list=$(ctl --json fault list) || return
	seed=$(tool jq -r .seed <<<"$list") || return
	rules=$(tool jq -r '.rules[] | [.name, .rule, .matched, .fired] | @tsv' <<<"$list") || return
	[[ -n $rules ]] || return 0
	while IFS=$'\t' read -r name rule matched fired; do
		expected=$("$EMULATOR" faults --predict "$rule" --seed "$seed" --matched "$matched") || return
		echo "$name: $matched matched, $fired fired, $expected predicted by seed $seed"
		((fired == expected)) || status=1
	done <<<"$rules"
	return "$status"
}
