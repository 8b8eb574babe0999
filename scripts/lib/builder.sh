# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# A folder with what builds modules for one of Debian's arm64 kernels: the cross compiler
# that its headers ask for, the headers and their kbuild tools, coccinelle, the sources of
# what is built (BUILDER_SOURCES). All of it from the kernel's own release, so that the host's
# does not matter: its tools run in a chroot.

# Folders and files of the kernel's source.
readonly BUILDER_SOURCES=(drivers/crypto/caam drivers/md security/keys/trusted-keys crypto/crypto_engine.c
	crypto/internal.h)

# need_builder: for the kernel that find_kernel found; sets BUILDER.
need_builder() {
	[[ -n $KERNEL_SUITE ]] ||
		cannot_tell "driver variants are built for Debian's kernels only, not for $KERNEL_IMAGE" \
			"build the modules in your tree and give their folder: --driver DIR"
	local key
	# One that an older checkout made may lack sources.
	key=$(echo "${BUILDER_SOURCES[@]}" | sha256sum)
	BUILDER=$VM_CACHE/builder-$KERNEL_VERSION-${key:0:8}
	[[ -e $BUILDER/.complete ]] && return 0
	need_builder_run
	debian_suite "$KERNEL_SUITE"
	need_space 3000
	cached "$BUILDER" "fetching compiler, headers and sources for $KERNEL_VERSION" \
		"check the network, or get current versions with --refresh" \
		make_builder "$KERNEL_SUITE" "$KERNEL_VERSION" "$KERNEL_PACKAGE"
}

make_builder() {
	local suite=$1 version=$2 package=$3 dir=$4 host name pkgversion gcc series=
	local -a headers=() tools=()
	host=$(dpkg --print-architecture)
	# Headers and kbuild tools alone: they depend on a compiler that runs on arm64.
	while read -r name pkgversion _; do
		case $name in
		linux-headers-*-common | linux-kbuild-*) headers+=("$name=$pkgversion") ;;
		linux-headers-*-arm64) headers+=("$name:arm64=$pkgversion") ;;
		linux-base | linux-base-*) ;;
		esac
	done < <(suite_closure "$suite" "linux-headers-$version:arm64=$package")
	gcc=$(suite_apt "$suite" apt-cache show "linux-headers-$version:arm64=$package" |
		awk '$1 == "Depends:" && match($0, /gcc-[0-9]+/) && !found++ { print substr($0, RSTART, RLENGTH) }')
	series=${package%%[-~+]*}
	series=$(echo "$series" | cut -d. -f1,2)
	echo "headers: ${headers[*]:?cannot resolve linux-headers-$version}; compiler: ${gcc:?}; series $series"
	if [[ $host != arm64 ]]; then gcc+=-aarch64-linux-gnu; fi
	# What a kbuild needs beside the compiler; a chroot has nothing by itself.
	tools=(bash coccinelle coreutils dash diffutils findutils gawk grep libelf1 make sed tar xz-utils "$gcc")
	if [[ $(suite_candidate "$suite" libelf1) == '(none)' ]]; then tools=("${tools[@]/%libelf1/libelf1t64}"); fi
	suite_extract_closure "$suite" "$dir" "${tools[@]}"
	suite_extract "$suite" "$dir" "${headers[@]}" "linux-source-$series=$package"
	mkdir -p "$dir"/{dev,proc,tmp,build}
	# These are links that the packages' installation would make.
	[[ -e $dir/usr/bin/sh ]] || ln -s dash "$dir/usr/bin/sh"
	[[ -e $dir/usr/bin/awk ]] || ln -s gawk "$dir/usr/bin/awk"
	tar -x -f "$dir/usr/src/linux-source-$series.tar.xz" -C "$dir/usr/src" \
		"${BUILDER_SOURCES[@]/#/linux-source-$series/}"
	mv "$dir/usr/src/linux-source-$series" "$dir/usr/src/sources"
	rm -f "$dir"/usr/src/linux-source-*.tar.xz
	rm -rf "$dir"/usr/share/{doc,man,locale,info}
}

# need_builder_run: finds a way into a chroot, before the time is spent on filling it.
need_builder_run() {
	enter_chroot / true 2>/dev/null ||
		cannot_tell "cannot enter a chroot: not root, and user namespaces are switched off" \
			"run this as root, or: sysctl -w kernel.unprivileged_userns_clone=1"
}

# builder_run COMMAND...: in the builder's chroot.
builder_run() {
	enter_chroot "$BUILDER" "$@"
}

# enter_chroot DIR COMMAND...: with a /dev/null. Three ways, for: root with all rights, a
# user (who is root in a namespace of his own), and root in a container that may not mount.
# Mounts are in a mount namespace of their own and vanish with the command.
enter_chroot() {
	local root=$1
	shift
	local -a inside=(env -i PATH=/usr/sbin:/usr/bin HOME=/tmp LC_ALL=C "$@")
	# shellcheck disable=SC2016  # expanded by the inner shell
	local with_mounts='root=$1; shift
		if [ "$root" != / ]; then
			[ -e "$root/dev/null" ] || : >"$root/dev/null"
			mount --bind /dev/null "$root/dev/null"
			mount -t proc proc "$root/proc" 2>/dev/null || mount --rbind /proc "$root/proc"
		fi
		exec chroot "$root" "$@"'
	if ((EUID == 0)) && unshare --mount true 2>/dev/null; then
		unshare --mount sh -euc "$with_mounts" sh "$root" "${inside[@]}"
	elif ((EUID == 0)); then
		[[ -c $root/dev/null ]] || mknod -m 666 "$root/dev/null" c 1 3
		chroot "$root" "${inside[@]}"
	else
		unshare --user --map-root-user --mount sh -euc "$with_mounts" sh "$root" "${inside[@]}"
	fi
}
