# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# The guest's kernel: Debian's own arm64 image and modules of a series, or a local build.

# shellcheck disable=SC2034  # for the scripts that have --kernel
readonly DEFAULT_KERNEL=6.1

# check_kernel SERIES|IMAGE [MODULES]: complains about --kernel and --modules before anything is fetched.
check_kernel() {
	[[ -n $1 ]] || usage_error "--kernel '': neither a series nor a file"
	[[ -z ${2:-} || -d $2 ]] || usage_error "--modules $2: no such folder"
	if [[ ! $1 =~ ^[0-9]+\.[0-9]+$ && ! -f $1 ]]; then
		usage_error "--kernel $1: neither a series (6.1, 6.12, ...) nor a file"
	fi
}

# kernel_suite SERIES: the Debian suite whose linux-image-arm64 is of that series.
kernel_suite() {
	local suite candidate
	case $1 in
	6.1) echo bookworm ;;
	6.12) echo trixie ;;
	*)
		# Newer ones come and go: ask where they are now.
		for suite in trixie-backports sid; do
			debian_suite "$suite"
			candidate=$(suite_candidate "$suite" linux-image-arm64:arm64)
			if [[ $candidate == "$1".* || $candidate == "$1"[~-]* ]]; then
				echo "$suite"
				return 0
			fi
			log "$suite has Linux ${candidate%%-*}"
		done
		cannot_tell "no Linux $1 for arm64 in Debian's bookworm, trixie, trixie-backports or sid" \
			"give one of 6.1 (default), 6.12, a series named above, or the path of a kernel image"
		;;
	esac
}

suite_candidate() {
	suite_apt "$1" apt-cache policy "$2" | awk '$1 == "Candidate:" { print $2 }'
}

# find_kernel SERIES|IMAGE [MODULES]: sets KERNEL_IMAGE, KERNEL_VERSION (uname -r),
# KERNEL_MODULES (a folder with .ko files anywhere below), KERNEL_SUITE (empty for a local
# build) and KERNEL_PACKAGE (the source package's version).
find_kernel() {
	local dir
	KERNEL_SUITE='' KERNEL_PACKAGE=''
	if [[ $1 =~ ^[0-9]+\.[0-9]+$ ]]; then
		[[ -z ${2:-} ]] || usage_error "--modules goes with --kernel IMAGE, not with a Debian series"
		dir=$VM_CACHE/linux-$1
		if [[ ! -e $dir/.complete ]]; then
			KERNEL_SUITE=$(kernel_suite "$1") || exit $?
			debian_suite "$KERNEL_SUITE"
			need_tools
			need_space 1500
			cached "$dir" "fetching Debian's Linux $1 for arm64" "check the network" make_kernel "$KERNEL_SUITE"
		fi
		KERNEL_IMAGE=$dir/image
		KERNEL_VERSION=$(<"$dir/release")
		KERNEL_MODULES=$dir/guest-modules-$(modules_key)
		cached "$KERNEL_MODULES" "choosing the guest's modules ($KERNEL_VERSION)" "" \
			chosen_modules "$dir/usr/lib/modules/$KERNEL_VERSION" "$KERNEL_VERSION"
		KERNEL_SUITE=$(<"$dir/suite")
		KERNEL_PACKAGE=$(<"$dir/package")
	else
		local_kernel "$@"
	fi
	log "kernel $KERNEL_VERSION${KERNEL_PACKAGE:+ (Debian $KERNEL_PACKAGE)}"
}

make_kernel() {
	local suite=$1 dir=$2 name version arch
	local -a parts=()
	# The image is one package, or split (image, binary, modules) as from Linux 7 on.
	while read -r name version arch; do
		case $name:$arch in
		linux-image-arm64:* | linux-modules-arm64:* | linux-base-arm64:*) ;;
		linux-image-*:arm64 | linux-binary-*:arm64 | linux-modules-*:arm64 | linux-base-*:arm64)
			parts+=("$name:$arch=$version")
			echo "$version" >"$dir/package"
			;;
		esac
	done < <(suite_closure "$suite" linux-image-arm64:arm64)
	echo "kernel packages: ${parts[*]:?cannot resolve linux-image-arm64}"
	merged_usr "$dir"
	suite_extract "$suite" "$dir" "${parts[@]}"
	echo "$suite" >"$dir/suite"
	(cd "$dir/usr/lib/modules" && echo *) >"$dir/release"
	# Exactly one kernel, or something is not as thought. Its image is where the boot loader
	# looks, or (from Linux 7 on) beside the modules.
	version=$(<"$dir/release")
	[[ -d $dir/usr/lib/modules/$version ]] || {
		echo "error: the packages hold not one kernel's modules, but: $version"
		return 1
	}
	for name in "$dir"/boot/vmlinu[xz]-"$version" "$dir/usr/lib/modules/$version/vmlinuz"; do
		if [[ -f $name ]]; then ln -s "${name#"$dir"/}" "$dir/image"; fi
	done
	[[ -f $dir/image ]] || {
		echo "error: no kernel image in ${parts[*]}"
		return 1
	}
}

# local_kernel IMAGE [MODULES]: what a developer built.
local_kernel() {
	local tree
	KERNEL_IMAGE=$1 KERNEL_MODULES=${2:-}
	[[ -e $KERNEL_IMAGE ]] || usage_error "--kernel $1: neither a series (6.1, 6.12, ...) nor a file"
	[[ -f $KERNEL_IMAGE && -r $KERNEL_IMAGE ]] || usage_error "--kernel $1: not a readable file"
	if [[ -z $KERNEL_MODULES ]]; then
		# An image within its build tree: the modules are in that tree.
		tree=$(cd "$(dirname "$KERNEL_IMAGE")/../../.." && pwd)
		[[ -e $tree/modules.order ]] ||
			usage_error "--kernel $1: no modules beside it; name their folder with --modules DIR"
		KERNEL_MODULES=$tree
	fi
	[[ -d $KERNEL_MODULES ]] || usage_error "--modules $KERNEL_MODULES: no such folder"
	KERNEL_VERSION=$(modules_release "$KERNEL_MODULES") || exit $?
}

# modules_release DIR: the kernel release its modules were built for.
modules_release() {
	local any
	any=$(find -L "$1" -name '*.ko' -print -quit)
	[[ -n $any ]] || cannot_tell "no .ko files below $1" "give the folder of modules built for that kernel"
	module_release "$any" ||
		cannot_tell "$any has no vermagic" "give the folder of modules built for that kernel"
}

# module_release FILE: the kernel release that this module was built for.
module_release() {
	local release
	release=$(grep -a -o -m1 'vermagic=[^ ]*' "$1") || return 1
	echo "${release#vermagic=}"
}
