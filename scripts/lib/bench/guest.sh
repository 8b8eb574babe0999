# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The part that runs in a guest: guest-tests/cases/bench.sh, all contestants in one boot.

# Beside caam-emu's, the guest has QEMU's own crypto device.
readonly VIRTIO_CRYPTO='-object cryptodev-backend-builtin,id=crypto0 -device virtio-crypto-pci,cryptodev=crypto0,addr=2'

measure_guest() {
	local what=all ms=1000
	if ((QUICK)); then what=few ms=500; fi
	KERNEL_ARGS="${KERNEL_ARGS:-} BENCH_ROUNDS=$GUEST_ROUNDS BENCH_MS=$ms BENCH_WHAT=$what" \
		QEMU_ARGS="${QEMU_ARGS:-} $VIRTIO_CRYPTO" CAAM_EMU_BINARY=$EMULATOR \
		step "in the guest: $GUEST_ROUNDS rounds" into "$OUT/guest.ktap" \
		"$REPO/scripts/vm.sh" --dm-crypt any-cipher --timeout 1200 bench || {
		cannot_tell "the guest's part failed: $(grep -m1 -E '^ *not ok' "$OUT/guest.ktap" | sed 's/^ *//' || cause_in "$STEP_LOG")" \
			"see $OUT/guest.ktap and $STEP_LOG"
	}
	guest_samples "$OUT/guest.ktap" >>"$SAMPLES"
}

# guest_samples FILE: of the KTAP that the case has printed.
guest_samples() {
	bench_jq guest -R -n -c "$1"
}
