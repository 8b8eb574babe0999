# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Host tools (QEMU, dtc, cpio, depmod, jq) as a private copy from the newest Debian that
# carries them, for machines that lack them or have them too old. Each runs through its own
# copy's dynamic linker, so the host's libc does not matter and no root is needed.

# The release whose backports carry a QEMU with the vfio-user-pci client (10.1 or newer).
readonly TOOLS_SUITE=trixie-backports
readonly TOOLS_DIR=$VM_CACHE/tools-$TOOLS_SUITE

need_tools() {
	[[ -e $TOOLS_DIR/.complete ]] && return 0
	debian_suite "$TOOLS_SUITE"
	need_space 2000
	cached "$TOOLS_DIR" "fetching QEMU and tools ($TOOLS_SUITE)" "check the network" make_tools
}

make_tools() {
	suite_extract_closure "$TOOLS_SUITE" "$1" \
		qemu-system-arm qemu-system-data ipxe-qemu cpio kmod device-tree-compiler jq
}

# tool NAME ARGS...: runs one of them.
tool() {
	local -a TOOL
	tool_command "$1"
	shift
	"${TOOL[@]}" "$@"
}

# tool_command NAME: sets TOOL to the words that start it.
tool_command() {
	local name=$1 linker folder file
	local -a folders=()
	for linker in "$TOOLS_DIR"/usr/lib64/ld-linux-*.so.2 "$TOOLS_DIR"/usr/lib/ld-linux-*.so.1; do
		[[ -e $linker ]] && break
	done
	for folder in "$TOOLS_DIR"/usr/lib/*-linux-gnu "$TOOLS_DIR"/usr/lib/*-linux-gnu/pulseaudio; do
		if [[ -d $folder ]]; then folders+=("$folder"); fi
	done
	for file in "$TOOLS_DIR"/usr/{bin,sbin}/"$name"; do
		if [[ -e $file ]]; then
			# --argv0: kmod is depmod by its name.
			TOOL=("$linker" --argv0 "$name" --library-path "$(IFS=: && echo "${folders[*]}")" "$file")
			return 0
		fi
	done
	cannot_tell "no $name in $TOOLS_DIR" "remove that folder and try again"
}
