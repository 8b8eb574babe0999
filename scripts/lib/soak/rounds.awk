# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The rounds of a soak in some lines. Variables: seed, seconds.

NR == 1 { next }
{
	rounds[$3]++
	boots[$2] = 1
	jobs += $5; failed += $6; errors += $7
	if ($6 > 0) rounds_with_errors++
	count = split($8, fired, " ")
	for (i = 1; i <= count; i++) {
		split(fired[i], part, "=")
		if (part[1] != "-") { times[part[1]] += part[2]; plans[part[1]]++ }
	}
}
END {
	for (boot in boots) all_boots++
	printf "seed %s: %d rounds good, %d bad, %d boots, %d:%02d:%02d\n", seed, rounds["good"], rounds["bad"], all_boots,
		seconds / 3600, seconds / 60 % 60, seconds % 60
	printf "%d jobs, %d of them failed as faults wanted it, in %d rounds; %d I/O errors were reported for them\n",
		jobs, failed, rounds_with_errors, errors
	printf "\n%-16s %8s %12s\n", "fault", "rounds", "fired"
	for (kind in times) printf "%-16s %8d %12d\n", kind, plans[kind], times[kind] | "sort"
	close("sort")
}
