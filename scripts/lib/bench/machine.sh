# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What it was measured on. Figures without that say nothing.

# Of a processor's features, those that AES and GHASH care about.
readonly CPU_FEATURES='^(aes|vaes|pclmulqdq|vpclmulqdq|avx|avx2|avx512f|sse4_1|gfni|sha_ni|pmull|sha2|sve2?)$'

# note_machine WHEN: before or after; a file of JSON.
note_machine() {
	local cpu=/proc/cpuinfo model features governor load commit
	model=$(sed -n '/^\(model name\|Model\)[[:space:]]*: /{s,,,p;q}' "$cpu")
	features=$(sed -n '/^\(flags\|Features\)[[:space:]]*: /{s,,,p;q}' "$cpu" | tr ' ' '\n' | sed -nE "/$CPU_FEATURES/p" | tr '\n' ' ')
	governor=$(cat /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor 2>/dev/null || echo "not visible")
	read -r load _ </proc/loadavg
	commit=$(git -C "$REPO" describe --always --dirty 2>/dev/null || echo unknown)
	# shellcheck disable=SC2016  # jq's own variables
	tool jq -n --arg model "${model:-$(uname -m)}" --arg features "${features% }" --argjson cores "$(nproc)" \
		--arg governor "$governor" --argjson load "$load" --arg kernel "$(uname -r)" \
		--arg virtual "$(grep -qw hypervisor "$cpu" && echo yes || echo no)" \
		--arg rustc "$(rustc --version)" --arg commit "$commit" --arg date "$(date -u +%Y-%m-%dT%H:%MZ)" \
		'$ARGS.named' >"$RAW/machine-$1.json"
}
