# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Variants of the CAAM driver and of dm-crypt: the kernel's own sources (or a developer's)
# with semantic patches, built against the kernel's headers.
#
# A variant is named PART[+PART]...: first, if at all, a folder of sources; then names of
# changes, made in that order. `stock` alone is the distribution's module. A change NAME is one of
#   NAME.kbuild  lines for the driver's Makefile, which build more of the kernel's sources; the
#                header "# sources: PATH..." names them (of BUILDER_SOURCES) and files of guest-tests/
#   NAME.cocci   a semantic patch, made after a .kbuild of the same name. The header
#                "// changes: FILE..." names what it must change, lest a kernel whose sources have
#                moved on get half a variant; "// already: REGEX" what a file holds that needs no change
#   ring-SLOTS   the driver's rings have that many slots: 4, 8, ... 512
# Before all of these come the driver's patches of the command line (PATCHES, diff.sh).

PATCHES=()

# check_variant KIND OPTION VALUE: complains before anything is fetched.
check_variant() {
	local kind=$1 option=$2 part first=1 ring='' patched=0
	local -a parts known
	[[ -n $3 ]] || usage_error "$option '': no variant named"
	if [[ $kind == drivers ]]; then patched=${#PATCHES[@]}; fi
	IFS=+ read -r -a parts <<<"$3"
	for part in "${parts[@]}"; do
		if [[ $part == */* ]]; then
			((first)) || usage_error "$option $3: the folder comes first"
			[[ -d $part ]] || usage_error "$option $part: no such folder"
			if [[ -z $(compgen -G "$part/*.ko") && -z $(compgen -G "$part/*.c") ]]; then
				usage_error "$option $part: holds neither sources (*.c) nor built modules (*.ko)"
			fi
			if [[ -z $(compgen -G "$part/*.c") ]] && ((${#parts[@]} > 1 || patched)); then
				usage_error "$option $3: built modules cannot be patched; give the sources"
			fi
		elif [[ $kind == drivers && $part == ring-* ]]; then
			ring_size "$part" >/dev/null ||
				usage_error "$option $part: a ring has 4, 8, 16, 32, 64, 128, 256 or 512 slots"
			[[ -z $ring ]] || usage_error "$option $3: two sizes of the ring"
			ring=$part
		elif [[ $part != stock ]] && [[ -z $(change_files "$kind" "$part") ]]; then
			if [[ -d $part ]]; then usage_error "$option $part: no such variant; write ./$part for the folder"; fi
			known=("$REPO/guest-tests/$kind"/*.{kbuild,cocci})
			known=(stock "${known[@]##*/}")
			usage_error "$option $part: no such variant$(did_you_mean "$part" "${known[@]%.*}")"
		fi
		first=0
	done
}

# ring_size PART: of ring-SLOTS, the CONFIG_CRYPTO_DEV_FSL_CAAM_RINGSIZE, which is its logarithm.
ring_size() {
	local size
	for ((size = 2; size <= 9; size++)); do
		if [[ $1 == ring-$((1 << size)) ]]; then
			echo "$size"
			return 0
		fi
	done
	return 1
}

# change_files KIND NAME: its files, a line each, in the order in which they are applied.
change_files() {
	local file
	for file in "$REPO/guest-tests/$1/$2".{kbuild,cocci}; do
		if [[ -f $file ]]; then echo "$file"; fi
	done
}

# added_sources KBUILD-FILE: what it says it needs.
added_sources() {
	sed -n '/^# sources: /{s,,,p;q}' "$1"
}

# need_variants DRIVER DM-CRYPT: sets VARIANT_DIRS, the folders of .ko files that take the
# place of the distribution's.
need_variants() {
	VARIANT_DIRS=()
	need_variant drivers "$1" drivers/crypto/caam "${PATCHES[@]/#/patch:}"
	need_variant dm-crypt "$2" drivers/md
	check_modules
}

# need_variant KIND VARIANT SOURCES CHANGE...: the CHANGEs are made before those of the variant.
need_variant() {
	local kind=$1 variant=$2 sources='' name='' part key dir
	local -a parts files changes=("${@:4}")
	if ((${#changes[@]})); then name=patched; fi
	IFS=+ read -r -a parts <<<"$variant"
	for part in "${parts[@]}"; do
		case $part in
		stock) continue ;;
		*/*)
			sources=$(cd "$part" && pwd)
			part=local
			;;
		ring-*) changes+=("$part") ;;
		*)
			mapfile -t files < <(change_files "$kind" "$part")
			changes+=("${files[@]}")
			;;
		esac
		name+=${name:+-}$part
	done
	if [[ -z $sources && ${#changes[@]} -eq 0 ]]; then return 0; fi
	if [[ -n $sources && -z $(compgen -G "$sources/*.c") ]]; then
		VARIANT_DIRS+=("$sources")
		return 0
	fi
	if [[ ${changes[*]-} == *patch:* ]]; then need_commands patch=patch; fi
	need_builder
	: "${sources:=$BUILDER/usr/src/sources/$3}"
	key=$(variant_key "$kind" "$sources" "${changes[@]}")
	dir=$VM_CACHE/variants/$KERNEL_VERSION-$name-${key:0:16}
	cached "$dir" "building $kind variant $variant for $KERNEL_VERSION" \
		"correct the sources (or the patch)" \
		build_variant "$BUILDER" "$KERNEL_VERSION" "$kind" "$sources" "${changes[@]}"
	VARIANT_DIRS+=("$dir")
}

# variant_key KIND SOURCES CHANGE...: a hash of all it is made from: the kernel, the changes, the
# sources, how it is built.
variant_key() {
	local kind=$1 sources=$2 change file
	{
		echo "$kind $KERNEL_VERSION $KERNEL_PACKAGE"
		for change in "${@:3}"; do
			case $change in
			ring-*) echo "$change" ;;
			patch:*) sha256sum <"${change#patch:}" ;;
			*)
				echo "${change##*/}"
				cat "$change"
				for file in $(added_sources "$change"); do
					if [[ -f $REPO/guest-tests/$file ]]; then cat "$REPO/guest-tests/$file"; fi
				done
				;;
			esac
		done
		cat "$LIB/variant.sh" "$LIB/diff.sh"
		cd "$sources"
		sources_of . | LC_ALL=C sort -z | xargs -0 sha256sum
	} </dev/null | sha256sum
}

# sources_of DIR: the files that make a module, each followed by a NUL. (Kconfig: patches touch it.)
sources_of() {
	find "$1" -type f \( -name '*.[ch]' -o -name Makefile -o -name Kbuild -o -name Kconfig \) -print0
}

# check_modules: what the guest would refuse, or silently do without, is better said before it boots.
check_modules() {
	local dir module release builtin=$KERNEL_MODULES/modules.builtin driver=0
	for dir in "${VARIANT_DIRS[@]}"; do
		for module in "$dir"/*.ko; do
			release=$(module_release "$module") ||
				cannot_tell "$module: no kernel module" "give a folder with modules that a kernel's build has made"
			[[ $release == "$KERNEL_VERSION" ]] ||
				cannot_tell "$module is built for Linux $release; the guest runs $KERNEL_VERSION" \
					"build it for the guest's kernel, or have that one with --kernel"
			if [[ -f $builtin ]] && grep -q "/${module##*/}\$" "$builtin"; then
				cannot_tell "${module##*/} cannot take the place of what is built into this kernel" \
					"build the kernel with it as a module"
			fi
			if [[ $module == */caam_jr.ko ]]; then driver=1; fi
		done
	done
	if ((driver)) || [[ ! -f $builtin ]] || grep -q '/caam_jr\.ko$' "$builtin"; then return 0; fi
	[[ -n $(find -L "$KERNEL_MODULES" -name 'caam_jr.ko*' -print -quit) ]] ||
		cannot_tell "this kernel has no CAAM driver: no caam_jr.ko below $KERNEL_MODULES, nor is it built in" \
			"build it with CONFIG_CRYPTO_DEV_FSL_CAAM=m and CONFIG_CRYPTO_DEV_FSL_CAAM_JR=m"
}

# Kernel configuration of what is built (beside: no BTF, which would need pahole): of drivers/md, only dm-crypt; of the CAAM drivers
# not the one for the DPAA2 interface, which has no job rings.
variant_configuration() {
	case $1 in
	drivers) echo CONFIG_CRYPTO_DEV_FSL_DPAA2_CAAM= ;;
	dm-crypt) echo CONFIG_DM_CRYPT=m ;;
	esac
}

# build_variant BUILDER RELEASE KIND SOURCES CHANGE... OUT
build_variant() {
	local version=$2 kind=$3 sources=$4 out=${*: -1} change work cross='' module
	local -a changes=("${@:5:$#-5}")
	BUILDER=$1
	work=$(mktemp -d "$BUILDER/build/XXXXXX")
	# shellcheck disable=SC2064  # the value as it is now
	trap "rm -rf '$work'" EXIT
	mkdir "$work/source"
	if [[ $kind == dm-crypt ]]; then
		# It includes headers of its neighbours: Debian's, where the file came without.
		cp "$BUILDER/usr/src/sources/drivers/md"/*.h "$work/source/"
		(cd "$sources" && find . -maxdepth 1 -name '*.h' -exec cp -t "$work/source" {} +)
		cp "$sources/dm-crypt.c" "$work/source/"
		echo 'obj-m := dm-crypt.o' >"$work/source/Makefile"
	else
		(cd "$sources" && sources_of . | xargs -0 cp --parents -t "$work/source")
	fi
	for change in "${changes[@]}"; do
		case $change in
		ring-*) make_ring "$work/source" "$change" ;;
		patch:*) apply_diff "${change#patch:}" "$work/source" ;;
		*.kbuild) add_sources "$change" "$work/source" ;;
		*) apply_semantic_patch "$change" "$work" "$out" ;;
		esac
	done
	if [[ $(dpkg --print-architecture) != arm64 ]]; then cross=aarch64-linux-gnu-; fi
	local kept lock
	kept=kept-$(echo "$version $kind $sources ${changes[*]}" | sha256sum | cut -c1-16)
	exec {lock}>"$BUILDER/build/$kept.lock"
	flock "$lock"
	keep_objects "$BUILDER/build/$kept" "$work/source"
	builder_run make -C "/usr/src/linux-headers-$version" M="/build/$kept/source" -j "$(nproc)" \
		ARCH=arm64 CROSS_COMPILE="$cross" CONFIG_DEBUG_INFO_BTF_MODULES= "$(variant_configuration "$kind")" modules
	rm "$BUILDER/build/$kept/.building"
	for module in "$BUILDER/build/$kept"/source/*.ko; do
		# Debug information is most of a module, and nobody reads it in this guest.
		cp "$module" "$work/stripped.ko"
		builder_run "${cross}strip" --strip-debug "/build/${work##*/}/stripped.ko"
		cp "$work/stripped.ko" "$out/${module##*/}"
	done
	exec {lock}>&-
}

# keep_objects KEPT SOURCE: makes KEPT/source the same as SOURCE. What has not changed since the
# last time keeps its date, and so its object file: an edit costs seconds, not a whole build.
keep_objects() {
	local kept=$1 source=$2 name
	# .building: a build that was killed may have left half an object.
	if [[ -e $kept/.building ]]; then rm -rf "$kept"; fi
	mkdir -p "$kept/source"
	: >"$kept/.building"
	while IFS= read -r -d '' name; do
		[[ -e $source/$name ]] || rm "$kept/source/$name"
	done < <(cd "$kept/source" && sources_of . | sed -z '/\.mod\.c$/d')
	while IFS= read -r -d '' name; do
		if ! cmp -s "$source/$name" "$kept/source/$name"; then
			mkdir -p "$kept/source/${name%/*}"
			cp "$source/$name" "$kept/source/$name"
		fi
	done < <(cd "$source" && sources_of .)
	# Those of the last eight are enough.
	find "${kept%/*}" -mindepth 1 -maxdepth 1 -type d -name 'kept-*' -printf '%T@ %p\n' | sort -rn | tail -n +9 |
		cut -d' ' -f2- | xargs -r rm -rf
}

# make_ring SOURCE ring-SLOTS: the kernel's configuration is fixed by its headers, which each file
# includes first; this one comes second.
make_ring() {
	local size
	size=$(ring_size "$2")
	printf '#undef CONFIG_CRYPTO_DEV_FSL_CAAM_RINGSIZE\n#define CONFIG_CRYPTO_DEV_FSL_CAAM_RINGSIZE %d\n' "$size" \
		>"$1/ring-size.h"
	# shellcheck disable=SC2016  # expanded by make
	echo 'ccflags-y += -include $(src)/ring-size.h' >>"$1/Makefile"
}

# add_sources KBUILD-FILE SOURCE
add_sources() {
	local part
	for part in $(added_sources "$1"); do
		if [[ -f $REPO/guest-tests/$part ]]; then
			cp "$REPO/guest-tests/$part" "$2/"
		elif [[ -f $BUILDER/usr/src/sources/$part ]]; then
			cp "$BUILDER/usr/src/sources/$part" "$2/"
		else
			cp "$BUILDER/usr/src/sources/$part"/*.[ch] "$2/"
		fi
	done
	cat "$1" >>"$2/Makefile"
}

# apply_semantic_patch FILE WORK OUT: to WORK/source, which the builder's chroot has in /build.
# What it has changed goes to OUT.
apply_semantic_patch() {
	local file=$1 work=$2 out=$3 name already
	local -a names=()
	cp -r "$work/source" "$work/before"
	cp "$file" "$work/patch.cocci"
	builder_run spatch --very-quiet --in-place --jobs 2 --sp-file "/build/${work##*/}/patch.cocci" \
		--dir "/build/${work##*/}/source"
	(cd "$work" && diff -ru before source) >"$out/${file##*/}.diff" || (($? == 1)) # 1: they differ
	# It says nothing when it matches nothing.
	read -r -a names < <(sed -n 's,^// changes: ,,p' "$file") || true # it may name none
	already=$(sed -n 's,^// already: ,,p' "$file")
	for name in "${names[@]}"; do
		cmp -s "$work/before/$name" "$work/source/$name" || continue
		if [[ -n $already ]] && grep -q -E -e "$already" "$work/source/$name"; then
			echo "${file##*/}: $name is so by itself"
			continue
		fi
		echo "error: ${file##*/} finds nothing to change in these sources' $name"
		return 1
	done
	if [[ ${#names[@]} -eq 0 && ! -s $out/${file##*/}.diff ]]; then
		echo "error: ${file##*/} matches nothing in these sources"
		return 1
	fi
	rm -rf "$work/before"
}
