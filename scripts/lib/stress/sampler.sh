#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# sampler.sh PID FILE: has the emulator PID write its statistics to FILE ten times a second, prints
# them, a line each, and ends with the emulator.
file=$2
rm -f "$file"
while kill -USR1 "$1" 2>/dev/null; do
	for ((i = 0; i < 20; i++)); do
		sleep 0.05
		[[ -e $file ]] && break
	done
	if [[ -e $file ]]; then
		text=$(<"$file")
		rm -f "$file"
		printf '%s\n' "${text//$'\n'/}"
	fi
	sleep 0.05
done
