# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# One guest: its boot archive, its QEMU, its end.

QEMU_PID=''
# The guest's memory: a shared memfd, which the emulator maps. It asks QEMU for any other.
GUEST_MEMORY=memory-backend-memfd,share=on

# open_run: sets RUN (sockets and files of this run) and LOGS (kept if it fails).
open_run() {
	RUN=$(mktemp -d "${TMPDIR:-/tmp}/caam-emu.XXXXXX") ||
		cannot_tell "cannot create a temporary folder in ${TMPDIR:-/tmp}" "make it writable, or set TMPDIR"
	at_exit rm -rf "$RUN"
	# A socket's path is limited to 107 bytes.
	((${#RUN} < 90)) || cannot_tell "the temporary folder's path is too long for a socket: $RUN" "set TMPDIR to a short path"
	mkdir -p "$VM_CACHE/logs"
	LOGS=$(mktemp -d "$VM_CACHE/logs/$(date +%Y%m%d-%H%M%S)-XXXX") ||
		cannot_tell "cannot write to $VM_CACHE/logs" "make it writable, or point CAAM_EMU_CACHE to a folder elsewhere"
	chmod 755 "$LOGS"
	# The failures of the last twenty runs are enough.
	find "$VM_CACHE/logs" -mindepth 1 -maxdepth 1 -name '2*' | sort -r | tail -n +21 | xargs -r rm -rf
	LOGS_TOP=$LOGS KEEP_LOGS=0
	at_exit close_logs
}

close_logs() {
	if ((KEEP_LOGS)); then
		log "logs: $LOGS_TOP"
	else
		rm -rf "$LOGS_TOP"
	fi
}

# boot_archive FILE LINE...: init, cases, what the boot before has left (/carry), and the run's
# settings as lines of shell.
boot_archive() {
	local root=$RUN/tests file=$1
	shift
	rm -rf "$root"
	mkdir -p "$root/tests" "$RUN/carry"
	cp -r "$RUN/carry" "$root/carry"
	cp "$REPO/guest-tests/init" "$root/init"
	cp -r "$REPO"/guest-tests/{lib,cases,expected} "$root/tests/"
	chmod 755 "$root/init"
	printf '%s\n' "$@" >"$root/tests/settings"
	pack "$root" "$RUN/tests.cpio"
	cat "$USERLAND" "$MODULES" "$RUN/tests.cpio" >"$file"
}

# A guest that resets itself ends its QEMU, unless its case restarts; and disks, for a case that needs them.
ON_RESET=(-no-reboot) DISKS=() RESERVED=''

# restarts_by WORD...: how a case has its guest boot again. A kernel that starts another needs that
# one's image and boot archive; they are disks that only it looks at. One that crashes into another needs memory
# put by for that.
restarts_by() {
	local word part
	ON_RESET=(-no-reboot) DISKS=() RESERVED=''
	for word; do
		case $word in
		crash) RESERVED=crashkernel=384M ;;
		reboot) ON_RESET=() ;;
		kexec)
			for part in "kernel=$KERNEL_IMAGE" "initrd=$RUN/initrd"; do
				DISKS+=(-drive "if=none,id=${part%%=*},format=raw,readonly=on,file=${part#*=}"
					-device "virtio-blk-device,drive=${part%%=*},serial=${part%%=*}")
			done
			;;
		esac
	done
}

# qemu_words: sets QEMU_WORDS, all that does not depend on what is run.
qemu_words() {
	local gic=2
	qemu_accel
	if [[ $QEMU_CPU == host ]]; then gic=host; fi
	QEMU_WORDS=("${QEMU[@]}" -nodefaults -no-user-config -nic none "${ON_RESET[@]}" -smp 2 -cpu "$QEMU_CPU"
		"${QEMU_ACCEL[@]}" -m 1G -object "$GUEST_MEMORY,id=ram,size=1G"
		-machine "virt,memory-backend=ram,gic-version=$gic")
}

# prepare_boot JOB-RINGS SETTINGS...: boot archive and device tree, ready for QEMU.
prepare_boot() {
	local rings=$1
	local -a more
	shift
	read -r -a more <<<"${QEMU_ARGS:-}"
	qemu_words
	make_devicetree "$RUN/dtb" "$rings" "${QEMU_WORDS[@]}" >"$LOGS/devicetree.log" 2>&1 || {
		KEEP_LOGS=1
		cannot_tell "cannot make the guest's device tree: $(cause_in "$LOGS/devicetree.log")" "see $LOGS/devicetree.log"
	}
	boot_archive "$RUN/initrd" "BAR_ADDRESS=0x$BAR_ADDRESS" "JOB_RINGS=$rings" "$@"
	QEMU_WORDS+=("${more[@]}" "${DISKS[@]}" -display none -kernel "$KERNEL_IMAGE" -initrd "$RUN/initrd" -dtb "$RUN/dtb"
		-device '{"driver":"vfio-user-pci","addr":"'"$PCI_SLOT"'","socket":{"type":"unix","path":"'"$RUN/vfio.sock"'"}}'
		# panic=-1 with -no-reboot: a panic ends QEMU at once. Cases read all of the kernel log.
		-append "console=ttyAMA0 panic=-1 log_buf_len=2M rdinit=/init $RESERVED ${KERNEL_ARGS:-}")
}

# start_guest FIFO ANSWERS: in the background; kernel console to a log, the second UART to FIFO
# and from ANSWERS, which somebody must hold open for writing.
start_guest() {
	local -a MONITOR_WORDS
	monitor_words
	setsid setpriv --pdeathsig KILL "${QEMU_WORDS[@]}" \
		"${MONITOR_WORDS[@]}" -serial "file:$LOGS/console.log" -serial stdio \
		<"$2" >"$1" 2>"$LOGS/qemu.log" &
	QEMU_PID=$!
	disown
	at_exit end_guest
}

end_guest() {
	[[ -n $QEMU_PID ]] || return 0
	end_process "$QEMU_PID"
	QEMU_PID=''
}

# shell_guest: on this terminal; returns when the guest is off.
shell_guest() {
	local saved='' status=0
	if [[ -t 0 ]]; then
		saved=$(stty -g)
		at_exit stty "$saved"
	fi
	# In the background for this shell, so that its traps work, but in the terminal's
	# foreground group, and with the terminal's input. mon: also gives Ctrl-A x, and passes
	# Ctrl-C to the guest. The second UART is for reports.
	setpriv --pdeathsig KILL "${QEMU_WORDS[@]}" -serial mon:stdio -serial null <&0 &
	QEMU_PID=$!
	at_exit end_guest
	wait "$QEMU_PID" || status=$?
	if [[ -n $saved ]]; then stty "$saved"; fi
	return "$status"
}
