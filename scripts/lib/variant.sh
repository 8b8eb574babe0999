# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Variants of the CAAM driver and of dm-crypt: the kernel's own sources (or a developer's)
# with semantic patches, built against the kernel's headers.
#
# A variant is named PART[+PART]...: first, if at all, a folder of sources; then names of
# changes, made in that order. `stock` alone is the distribution's module. A change NAME is one of
#   NAME.cocci   a semantic patch
#   NAME.kbuild  lines for the driver's Makefile, which build more of the kernel's sources; the
#                header "# sources: PATH..." names them (of BUILDER_SOURCES) and files of guest-tests/

# check_variant KIND OPTION VALUE: complains before anything is fetched.
check_variant() {
	local kind=$1 option=$2 part first=1
	local -a parts
	[[ -n $3 ]] || usage_error "$option '': no variant named"
	IFS=+ read -r -a parts <<<"$3"
	for part in "${parts[@]}"; do
		if [[ $part == */* ]]; then
			((first)) || usage_error "$option $3: the folder comes first"
			[[ -d $part ]] || usage_error "$option $part: no such folder"
			if [[ -z $(compgen -G "$part/*.ko") && -z $(compgen -G "$part/*.c") ]]; then
				usage_error "$option $part: holds neither sources (*.c) nor built modules (*.ko)"
			fi
			if [[ -n $(compgen -G "$part/*.ko") && -z $(compgen -G "$part/*.c") && ${#parts[@]} -gt 1 ]]; then
				usage_error "$option $3: built modules cannot be patched; give the sources"
			fi
		elif [[ $part != stock ]] && ! change_file "$kind" "$part" >/dev/null; then
			if [[ -d $part ]]; then usage_error "$option $part: no such variant; write ./$part for the folder"; fi
			usage_error "$option $part: no such variant"
		fi
		first=0
	done
}

# change_file KIND NAME: where it is.
change_file() {
	local file
	for file in "$REPO/guest-tests/$1/$2".{cocci,kbuild}; do
		if [[ -f $file ]]; then
			printf '%s' "$file"
			return 0
		fi
	done
	return 1
}

# added_sources KBUILD-FILE: what it says it needs.
added_sources() {
	sed -n '/^# sources: /{s,,,p;q}' "$1"
}

# need_variants DRIVER DM-CRYPT: sets VARIANT_DIRS, the folders of .ko files that take the
# place of the distribution's.
need_variants() {
	VARIANT_DIRS=()
	need_variant drivers "$1" drivers/crypto/caam
	need_variant dm-crypt "$2" drivers/md
}

# need_variant KIND VARIANT SOURCES
need_variant() {
	local kind=$1 variant=$2 sources='' name='' part file key dir
	local -a parts patches=()
	IFS=+ read -r -a parts <<<"$variant"
	for part in "${parts[@]}"; do
		case $part in
		stock) ;;
		*/*)
			sources=$(cd "$part" && pwd)
			name=local
			;;
		*)
			patches+=("$(change_file "$kind" "$part")")
			name+=${name:+-}$part
			;;
		esac
	done
	if [[ -z $sources && ${#patches[@]} -eq 0 ]]; then return 0; fi
	if [[ -n $sources && -z $(compgen -G "$sources/*.c") ]]; then
		VARIANT_DIRS+=("$sources")
		return 0
	fi
	need_builder
	: "${sources:=$BUILDER/usr/src/sources/$3}"
	# What it is made from: the kernel, the patches, the sources, how it is built.
	key=$({
		echo "$kind $KERNEL_VERSION $KERNEL_PACKAGE"
		cat "${patches[@]}" "$LIB/variant.sh"
		for part in "${patches[@]}"; do
			for file in $(added_sources "$part"); do
				if [[ -f $REPO/guest-tests/$file ]]; then cat "$REPO/guest-tests/$file"; fi
			done
		done
		cd "$sources"
		find . -type f \( -name '*.[ch]' -o -name 'Makefile' -o -name 'Kbuild' \) -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
	} </dev/null | sha256sum)
	dir=$VM_CACHE/variants/$KERNEL_VERSION-$name-${key:0:16}
	cached "$dir" "building $kind variant $variant for $KERNEL_VERSION" \
		"correct the sources (or the semantic patch)" \
		build_variant "$BUILDER" "$KERNEL_VERSION" "$kind" "$sources" "${patches[@]}"
	VARIANT_DIRS+=("$dir")
}

# Kernel configuration of what is built (beside: no BTF, which would need pahole): of drivers/md, only dm-crypt; of the CAAM drivers
# not the one for the DPAA2 interface, which has no job rings.
variant_configuration() {
	case $1 in
	drivers) echo CONFIG_CRYPTO_DEV_FSL_DPAA2_CAAM= ;;
	dm-crypt) echo CONFIG_DM_CRYPT=m ;;
	esac
}

build_variant() {
	local version=$2 kind=$3 sources=$4 out=${*: -1} patch part work cross=''
	local -a patches=("${@:5:$#-5}")
	BUILDER=$1
	work=$(mktemp -d "$BUILDER/build/XXXXXX")
	# shellcheck disable=SC2064  # the value as it is now
	trap "rm -rf '$work'" EXIT
	mkdir "$work/source"
	if [[ $kind == dm-crypt ]]; then
		cp "$sources/dm-crypt.c" "$work/source/"
		echo 'obj-m := dm-crypt.o' >"$work/source/Makefile"
	else
		(cd "$sources" && find . -type f \( -name '*.[ch]' -o -name Makefile -o -name Kbuild \) -print0 |
			xargs -0 cp --parents -t "$work/source")
	fi
	for patch in "${patches[@]}"; do
		if [[ $patch == *.kbuild ]]; then
			for part in $(added_sources "$patch"); do
				if [[ -f $REPO/guest-tests/$part ]]; then
					cp "$REPO/guest-tests/$part" "$work/source/"
				else
					cp "$BUILDER/usr/src/sources/$part"/*.[ch] "$work/source/"
				fi
			done
			cat "$patch" >>"$work/source/Makefile"
			continue
		fi
		cp -r "$work/source" "$work/before"
		cp "$patch" "$work/patch.cocci"
		builder_run spatch --very-quiet --in-place --jobs 2 --sp-file "/build/${work##*/}/patch.cocci" \
			--dir "/build/${work##*/}/source"
		# It says nothing when it matches nothing.
		if diff -ru "$work/before" "$work/source"; then
			echo "error: ${patch##*/} matches nothing in the sources of $version"
			return 1
		fi
		(cd "$work" && diff -ru before source) >"$out/${patch##*/}.diff" || (($? == 1)) # 1: they differ
		rm -rf "$work/before"
	done
	if [[ $(dpkg --print-architecture) != arm64 ]]; then cross=aarch64-linux-gnu-; fi
	builder_run make -C "/usr/src/linux-headers-$version" M="/build/${work##*/}/source" -j "$(nproc)" \
		ARCH=arm64 CROSS_COMPILE="$cross" CONFIG_DEBUG_INFO_BTF_MODULES= "$(variant_configuration "$kind")" modules
	for part in "$work"/source/*.ko; do
		# Debug information is most of a module, and nobody reads it in this guest.
		builder_run "${cross}strip" --strip-debug "${part#"$BUILDER"}"
		cp "$part" "$out/"
	done
}
