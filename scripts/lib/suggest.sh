# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The nearest known word, for messages about an unknown one.

# distance WORD WORD: how many letters have to be added, left out, exchanged, or swapped with the
# next, to make the one of the other.
distance() {
	local a=$1 b=$2 i j cost best
	local -a before=() row=() next=()
	for ((j = 0; j <= ${#b}; j++)); do row[j]=$j; done
	for ((i = 1; i <= ${#a}; i++)); do
		next=("$i")
		for ((j = 1; j <= ${#b}; j++)); do
			cost=1
			if [[ ${a:i-1:1} == "${b:j-1:1}" ]]; then cost=0; fi
			best=$((row[j - 1] + cost))
			if ((row[j] + 1 < best)); then best=$((row[j] + 1)); fi
			if ((next[j - 1] + 1 < best)); then best=$((next[j - 1] + 1)); fi
			if ((i > 1 && j > 1)) && [[ ${a:i-1:1} == "${b:j-2:1}" && ${a:i-2:1} == "${b:j-1:1}" ]] &&
				((before[j - 2] + 1 < best)); then best=$((before[j - 2] + 1)); fi
			next[j]=$best
		done
		before=("${row[@]}") row=("${next[@]}")
	done
	echo "${row[${#b}]}"
}

# did_you_mean WORD KNOWN...: "; did you mean 'x'?" if one is near: a third of its letters off, at most.
did_you_mean() {
	local word=${1:0:40} known near='' far=1000 off
	shift
	for known; do
		off=$(distance "$word" "$known")
		if ((off < far && off <= (${#known} < 6 ? 1 : ${#known} / 3))); then far=$off near=$known; fi
	done
	if [[ -n $near ]]; then printf "; did you mean '%s'?" "$near"; fi
}

# unknown_option OPTION: a usage error, with the nearest option that the script's help lists.
unknown_option() {
	local near
	local -a known
	# Without the dashes, which would count as letters that are right.
	mapfile -t known < <(help | sed -n -E 's/^  --([a-z-]+).*/\1/p')
	near=$(did_you_mean "${1#--}" "${known[@]}")
	usage_error "unknown option $1${near/\'/\'--}"
}
