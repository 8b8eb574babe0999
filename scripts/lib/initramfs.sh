# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The guest's whole file system: cpio archives, one after another, uncompressed. (The kernel
# unpacks any number of them; under TCG, decompression in the guest costs more than the
# host's page cache does.)
#   userland   busybox and what else is named below; made once
#   modules    once per kernel and driver variant
#   tests      init, cases and the list of what to run; made at every run

# The guest's programs come from one release, whatever its kernel.
readonly USERLAND_SUITE=trixie
readonly USERLAND_PACKAGES=(busybox-static kmod cryptsetup-bin dmsetup fio e2fsprogs kcapi-tools keyutils
	rng-tools5 kexec-tools)
readonly USERLAND_PROGRAMS=(busybox kmod cryptsetup dmsetup fio mkfs.ext4 e2fsck kcapi-enc keyctl rngtest kexec)

need_userland() {
	local key dir
	# One that an older checkout made may lack a program.
	key=$(echo "${USERLAND_PACKAGES[@]}" "${USERLAND_PROGRAMS[@]}" | sha256sum)
	dir=$VM_CACHE/userland-$USERLAND_SUITE-${key:0:8}
	USERLAND=$dir/userland.cpio
	[[ -e $dir/.complete ]] && return 0
	need_tools
	need_commands binutils=readelf
	debian_suite "$USERLAND_SUITE"
	cached "$dir" "fetching the guest's programs ($USERLAND_SUITE)" "check the network" make_userland
}

make_userland() {
	local dir=$1 root=$1/root packages=$1/packages program file name
	mkdir -p "$packages" "$root"
	suite_extract_closure "$USERLAND_SUITE" "$packages" "${USERLAND_PACKAGES[@]/%/:arm64}"
	merged_usr "$root"
	mkdir -p "$root"/{dev,proc,sys,tmp,run,etc,mnt,root,var,bb}
	for program in "${USERLAND_PROGRAMS[@]}"; do
		for file in "$packages"/usr/{bin,sbin}/"$program"; do
			if [[ -e $file ]]; then copy_with_libraries "$file" "$packages" "$root"; fi
		done
		[[ -n $(echo "$root"/usr/*bin/"$program") ]]
	done
	# Where the programs' headers say that the dynamic linker is.
	copy_with_libraries "$packages/usr/lib/ld-linux-aarch64.so.1" "$packages" "$root"
	# Loaded at run time, by threads that end.
	copy_with_libraries "$packages/usr/lib/aarch64-linux-gnu/libgcc_s.so.1" "$packages" "$root"
	for name in modprobe insmod rmmod lsmod modinfo depmod; do ln -s ../bin/kmod "$root/usr/sbin/$name"; done
	# fio's crypto and cryptsetup's locale need none; mke2fs wants its defaults.
	cp "$packages/etc/mke2fs.conf" "$root/etc/"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	pack "$root" "$dir/userland.cpio"
	rm -rf "$packages" "$root"
}

# copy_with_libraries FILE FROM TO: and all that the dynamic linker will ask for.
copy_with_libraries() {
	local file=$1 from=$2 to=$3 path need
	path=${file#"$from"}
	[[ -e $to$path ]] && return 0
	mkdir -p "$to${path%/*}"
	cp -L "$file" "$to$path"
	# A file that is no dynamic ELF (busybox is static) has no such lines.
	while read -r need; do
		file=$(find "$from/usr/lib" -name "$need" -print -quit)
		[[ -n $file ]] || {
			echo "error: $path needs $need, which no package brought"
			return 1
		}
		copy_with_libraries "$file" "$from" "$to"
	done < <(readelf -d "$from$path" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
}

# pack DIR ARCHIVE: all files belong to root, in an order that does not depend on the disk.
pack() {
	(cd "$1" && find . -print0 | LC_ALL=C sort -z |
		tool cpio --null --create --format=newc --owner=+0:+0 --quiet) >"$2"
}

# Modules by folder (all in it) or by name; what they depend on comes along.
readonly GUEST_MODULE_FOLDERS='^kernel/(crypto|arch/arm64/crypto|arch/arm64/lib|lib/crypto|drivers/crypto/caam)/'
readonly GUEST_MODULE_NAMES='/(brd|loop|dm-mod|dm-crypt|dm-flakey|dm-delay|ext4|virtio_mmio|virtio_pci|virtio_blk|virtio_console|virtio_crypto)\.ko'

# modules_key: names the choice: a folder that an older checkout made may lack a module.
modules_key() {
	local key
	key=$(sha256sum <<<"$GUEST_MODULE_FOLDERS $GUEST_MODULE_NAMES")
	echo "${key:0:8}"
}

# need_modules [DIR]...: sets MODULES, an archive of the modules a guest needs; the .ko files
# in the folders take the place of those of the same name.
need_modules() {
	local dir key=stock
	if (($#)); then
		key=$(find "$@" -maxdepth 1 -name '*.ko' -print0 | xargs -0 sha256sum | cut -d' ' -f1 | sort | sha256sum)
		key=${key:0:16}
	fi
	if [[ -n $KERNEL_SUITE ]]; then
		dir=$VM_CACHE/modules/$KERNEL_VERSION-$key-$(modules_key)
		cached "$dir" "packing modules ($KERNEL_VERSION, $key)" "" \
			make_modules "$KERNEL_MODULES" "$KERNEL_VERSION" "$@"
	else
		# A local build may change at any time: packed anew for each run.
		dir=$RUN/modules-$key
		rm -rf "$dir"
		mkdir -p "$dir"
		must "packing modules ($KERNEL_VERSION, $key)" "" \
			make_modules "$KERNEL_MODULES" "$KERNEL_VERSION" "$@" "$dir"
	fi
	MODULES=$dir/modules.cpio
}

# chosen_modules FROM RELEASE DIR: choose_modules, marked as such.
chosen_modules() {
	choose_modules "$@"
	: >"$3/.chosen"
}

# choose_modules FROM RELEASE TO: of the modules as they are installed (300 MB), those that
# a guest needs, decompressed: here, not under TCG.
choose_modules() {
	local from=$1 version=$2 to=$3 index path
	index=$(mktemp -d "$to/.index.XXXX")
	merged_usr "$index"
	mkdir -p "$index/usr/lib/modules"
	ln -s "$from" "$index/usr/lib/modules/$version"
	# depmod lists a module's dependencies in full.
	tool depmod -b "$index" -n "$version" | sed -n 's/^\(kernel[^ ]*\.ko[^ ]*\): */\1 /p' >"$index/dependencies"
	awk -v folders="$GUEST_MODULE_FOLDERS" -v names="$GUEST_MODULE_NAMES" \
		'$1 ~ folders || $1 ~ names { for (i = 1; i <= NF; i++) print $i }' \
		"$index/dependencies" | sort -u >"$index/chosen"
	[[ -s $index/chosen ]]
	while read -r path; do
		mkdir -p "$to/${path%/*}"
		cp "$from/$path" "$to/$path"
	done <"$index/chosen"
	cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
	rm -rf "$index"
	find "$to" -name '*.ko.xz' -print0 | xargs -0 -r -n 8 -P "$(nproc)" xz -d
	find "$to" -name '*.ko.zst' -print0 | xargs -0 -r -n 8 -P "$(nproc)" zstd -q -d --rm
	find "$to" -name '*.ko.gz' -print0 | xargs -0 -r gzip -d
	sed -i 's/\.ko\.\(xz\|zst\|gz\)$/.ko/' "$to/modules.order"
}

# make_modules FROM RELEASE [REPLACEMENT]... DIR
make_modules() {
	local from=$1 version=$2 dir=${*: -1} to path replacement file
	local -a replacements=("${@:3:$#-3}")
	to=$dir/root/usr/lib/modules/$version
	merged_usr "$dir/root"
	mkdir -p "$to"
	if [[ -d $from/kernel && ! -e $from/.chosen ]]; then
		choose_modules "$from" "$version" "$to"
	else
		# As built: a developer's configuration is small enough to take all. (And already
		# chosen ones, from make_kernel.)
		(cd "$from" && find . -name '*.ko' -print0 | xargs -0 cp --parents -t "$to")
		: >"$to/modules.order"
		: >"$to/modules.builtin"
		for file in "$from"/modules.{order,builtin,builtin.modinfo}; do
			if [[ -e $file ]]; then cp "$file" "$to/"; fi
		done
	fi
	mkdir -p "$to/updates"
	for replacement in "${replacements[@]}"; do
		for path in "$replacement"/*.ko; do
			find "$to" -name "${path##*/}" -delete
			cp "$path" "$to/updates/"
		done
	done
	tool depmod -b "$dir/root" "$version"
	pack "$dir/root" "$dir/modules.cpio"
	rm -rf "$dir/root"
}
