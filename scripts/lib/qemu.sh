# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# A QEMU that can attach a vfio-user device: the one on PATH if it can, else a private copy.

# find_qemu: sets QEMU, the command's words.
find_qemu() {
	local own
	if own=$(command -v qemu-system-aarch64) && qemu_has_vfio_user "$own"; then
		QEMU=("$own")
		return 0
	fi
	if [[ -n $own ]]; then
		log "$own has no vfio-user-pci (QEMU 10.1 or newer has it): using a private copy"
	fi
	need_tools
	tool_command qemu-system-aarch64
	QEMU=("${TOOL[@]}" -L "$TOOLS_DIR/usr/share/qemu")
	qemu_has_vfio_user "${QEMU[@]}" ||
		cannot_tell "the QEMU of $TOOLS_SUITE lists no vfio-user-pci device" \
			"install a QEMU >= 10.1 built with vfio-user, so that qemu-system-aarch64 is on PATH"
}

# The answer is searched as a whole: a `grep -q` that stops reading would end QEMU by SIGPIPE.
qemu_has_vfio_user() {
	local devices
	devices=$("$@" -machine none -device help 2>/dev/null) || return 1
	[[ $devices == *'"vfio-user-pci"'* ]]
}

# qemu_accel: sets QEMU_ACCEL and QEMU_CPU.
qemu_accel() {
	if [[ $(uname -m) == aarch64 && -r /dev/kvm && -w /dev/kvm ]]; then
		QEMU_ACCEL=(-accel kvm)
		QEMU_CPU=host
	else
		# A Cortex-A72 has the AES instructions that the guest's software ciphers use, and
		# none of what makes `max` slow to emulate (pointer authentication).
		QEMU_ACCEL=(-accel "tcg,thread=multi")
		QEMU_CPU=cortex-a72
	fi
}
