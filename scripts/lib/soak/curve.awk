# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The emulator's memory, files and threads over time: a dozen lines of samples.tsv, evenly, and the
# largest values. Each boot has an emulator of its own.

NR == 1 { next }
{
	rows[++n] = $0
	if ($5 > rss) rss = $5
	if ($8 > fds) fds = $8
	if ($9 > threads) threads = $9
}
END {
	if (!n) exit
	printf "\n%8s %6s %5s %12s %14s %6s %8s\n", "seconds", "round", "boot", "own KiB", "guest's KiB", "files", "threads"
	step = n > 12 ? (n - 1) / 11 : 1
	for (i = 0; i < (n > 12 ? 12 : n); i++) {
		split(rows[1 + int(i * step + 0.5)], f, "\t")
		printf "%8d %6d %5d %12d %14d %6d %8d\n", f[1], f[2], f[3], f[5], f[7], f[8], f[9]
	}
	printf "largest: %d KiB of its own, %d files, %d threads\n", rss, fds, threads
}
