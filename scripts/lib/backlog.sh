# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The guest module that submits more requests than the ring holds (guest-tests/src/backlog_order.c).

# need_backlog_module: sets BACKLOG_DIR, the folder with the module for the kernel that find_kernel
# found; empty for a kernel that is not Debian's, whose headers nobody knows.
need_backlog_module() {
	local source=$REPO/guest-tests/src/backlog_order.c key
	BACKLOG_DIR=''
	if [[ -z $KERNEL_SUITE ]]; then
		log "no backlog_order module for a kernel of your own: the order of callbacks is not looked at"
		return 0
	fi
	need_builder
	key=$({
		echo "$KERNEL_VERSION $KERNEL_PACKAGE"
		cat "$source" "$LIB/backlog.sh"
	} | sha256sum)
	BACKLOG_DIR=$VM_CACHE/variants/$KERNEL_VERSION-backlog-order-${key:0:16}
	cached "$BACKLOG_DIR" "building backlog_order for $KERNEL_VERSION" "correct ${source#"$REPO/"}" \
		build_backlog_module "$BUILDER" "$KERNEL_VERSION" "$source"
}

# build_backlog_module BUILDER RELEASE SOURCE OUT
build_backlog_module() {
	local version=$2 source=$3 out=$4 work cross=''
	BUILDER=$1
	work=$(mktemp -d "$BUILDER/build/XXXXXX")
	# shellcheck disable=SC2064  # the value as it is now
	trap "rm -rf '$work'" EXIT
	cp "$source" "$work/"
	echo 'obj-m := backlog_order.o' >"$work/Makefile"
	if [[ $(dpkg --print-architecture) != arm64 ]]; then cross=aarch64-linux-gnu-; fi
	builder_run make -C "/usr/src/linux-headers-$version" M="/build/${work##*/}" \
		ARCH=arm64 CROSS_COMPILE="$cross" CONFIG_DEBUG_INFO_BTF_MODULES= modules
	builder_run "${cross}strip" --strip-debug "/build/${work##*/}/backlog_order.ko"
	cp "$work/backlog_order.ko" "$out/"
}
