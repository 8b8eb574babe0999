# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The emulator's own memory, file descriptors and threads over time, in $OUT/samples.tsv. Memory that
# is the guest's counts as the guest's (RssShmem).

# Memory may grow by so much after the first rounds of a boot, in KiB: buffers find their size.
readonly GROWTH_KIB=16384

open_samples() {
	printf 'seconds\tround\tboot\tpid\trss_anon_kib\trss_file_kib\trss_shmem_kib\tfds\tthreads\n' >"$OUT/samples.tsv"
}

# sample: a line of the table.
sample() {
	look_at_process "$EMULATOR_PID" || return 0
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$((SECONDS - SOAK_STARTED))" "$ROUND" "$BOOT" "$EMULATOR_PID" \
		"$RSS" "$RSS_FILE" "$RSS_SHMEM" "$FDS" "$THREADS" >>"$OUT/samples.tsv"
	LAST_SAMPLE=$SECONDS
}

# check_growth: at the end of a round; status 1, and CAUSE, if the emulator has grown since the second
# round of this boot. (Connections of ctl are closed a moment after ctl has ended.)
check_growth() {
	local tries
	for ((tries = 0; tries < 20; tries++)); do
		look_at_process "$EMULATOR_PID" || {
			CAUSE='caam-emu has ended'
			return 1
		}
		((BOOT_ROUNDS > 2 && FDS > BASE_FDS)) || break
		sleep 0.05
	done
	if ((BOOT_ROUNDS <= 2)); then
		BASE_RSS=$RSS BASE_FDS=$FDS BASE_THREADS=$THREADS
		return 0
	fi
	CAUSE=''
	if ((FDS > BASE_FDS)); then
		CAUSE="caam-emu has $FDS open files; it had $BASE_FDS after this boot's second round"
	elif ((THREADS > BASE_THREADS)); then
		CAUSE="caam-emu has $THREADS threads; it had $BASE_THREADS after this boot's second round"
	elif ((RSS > BASE_RSS + GROWTH_KIB)); then
		CAUSE="caam-emu has $RSS KiB of memory of its own; it had $BASE_RSS after this boot's second round"
	fi
	[[ -z $CAUSE ]]
}
