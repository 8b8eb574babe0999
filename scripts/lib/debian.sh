# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Packages of any Debian release and architecture, without installing them: a private apt
# (own sources, own lists, an empty list of installed packages) below target/, signatures
# checked with the Debian keys of this machine. The user's apt is read, never changed.

# debian_mirrors: sets DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR from apt's own configuration.
debian_mirrors() {
	[[ -n ${DEBIAN_MIRROR:-} ]] && return 0
	local release uri rest
	DEBIAN_MIRROR=${CAAM_EMU_DEBIAN_MIRROR:-}
	DEBIAN_SECURITY_MIRROR=${CAAM_EMU_DEBIAN_SECURITY_MIRROR:-}
	if [[ -z $DEBIAN_MIRROR ]]; then
		command -v apt-get >/dev/null ||
			cannot_tell "no apt-get: this is no Debian, its kernels and QEMU cannot be fetched" \
				"run on Debian 12 or newer"
		# RELEASE is the suite as the user's sources name it: there even before the first
		# `apt-get update`, unlike what comes from the mirror's Release file.
		# shellcheck disable=SC2016  # apt's own variables
		while read -r release uri rest; do
			case $release in
			bookworm-security | trixie-security | forky-security | *stable-security | testing-security)
				: "${DEBIAN_SECURITY_MIRROR:=$uri}"
				;;
			bookworm | trixie | forky | sid | oldstable | stable | testing | unstable)
				: "${DEBIAN_MIRROR:=$uri}"
				;;
			esac
		done < <(apt-get indextargets --format '$(RELEASE) $(REPO_URI) .' 'Created-By: Packages')
		[[ -n $DEBIAN_MIRROR ]] ||
			cannot_tell "apt's configuration names no Debian mirror" \
				"set CAAM_EMU_DEBIAN_MIRROR=URL (what stands in sources.list)"
	fi
	# Where only the main mirror is known, the security archive is its neighbour by custom.
	: "${DEBIAN_SECURITY_MIRROR:=${DEBIAN_MIRROR%/}-security}"
	export DEBIAN_MIRROR DEBIAN_SECURITY_MIRROR # for the steps
}

# debian_keyring: the file with the archive's keys.
debian_keyring() {
	local file
	for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		if [[ -r $file ]]; then
			printf '%s' "$file"
			return 0
		fi
	done
	cannot_tell "the keys of the Debian archive are missing" "as root: apt-get install debian-archive-keyring"
}

# debian_suite SUITE: makes the private apt for that suite ready (bookworm, trixie,
# trixie-backports, sid, ...); afterwards `suite_apt SUITE apt-get ...` uses it.
debian_suite() {
	local suite=$1 keyring
	debian_mirrors
	[[ -e $VM_CACHE/apt/$suite/.complete ]] && return 0
	need_space 500
	keyring=$(debian_keyring) || exit $?
	cached "$VM_CACHE/apt/$suite" "reading Debian's package lists ($suite)" \
		"check the network and the mirror ($DEBIAN_MIRROR; CAAM_EMU_DEBIAN_MIRROR overrides it)" \
		make_suite "$suite" "$keyring"
}

make_suite() {
	local suite=$1 keyring=$2 dir=$3 base=${1%-backports} host
	host=$(dpkg --print-architecture)
	mkdir -p "$dir"/etc/{apt.conf.d,preferences.d,sources.list.d} "$dir"/state/lists/partial "$dir"/cache/archives/partial
	: >"$dir/state/status"
	{
		echo "deb [signed-by=$keyring] $DEBIAN_MIRROR $base main"
		case $base in
		sid | unstable) ;;
		*)
			echo "deb [signed-by=$keyring] $DEBIAN_MIRROR $base-updates main"
			echo "deb [signed-by=$keyring] $DEBIAN_SECURITY_MIRROR $base-security main"
			;;
		esac
		if [[ $suite != "$base" ]]; then echo "deb [signed-by=$keyring] $DEBIAN_MIRROR $suite main"; fi
	} >"$dir/etc/sources.list"
	# Relative folders: they stay right when the finished folder is moved to its place;
	# suite_apt names the root of them.
	{
		cat <<-CONF
			Dir::Etc "etc";
			Dir::Etc::parts "/dev/null";
			Dir::Etc::sourcelist "sources.list";
			Dir::Etc::netrc "/etc/apt/auth.conf";
			Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
			Dir::State "state";
			Dir::Cache "cache";
			APT::Architecture "$host";
			APT::Architectures { "$host"; "arm64"; };
			APT::Install-Recommends "0";
			APT::Sandbox::User "root";
			APT::Update::Error-Mode "any";
			APT::Get::Assume-Yes "1";
			Acquire::Languages "none";
			Acquire::Retries "3";
		CONF
		# Not for a stable suite: it would rank that above its own security updates.
		if [[ $suite != "$base" ]]; then echo "APT::Default-Release \"$suite\";"; fi
		# How this machine reaches the network, but none of its hooks.
		apt-config dump | sed -n -E '/^Acquire::([a-z]+::)?(Proxy|Proxy-Auto-Detect|Timeout|Verify-Peer|Verify-Host|CaInfo|ForceIPv[46])\b/p'
	} >"$dir/apt.conf"
	suite_apt "$dir" apt-get update -q
}

# suite_apt SUITE|DIR COMMAND...: apt-get, apt-cache of that suite.
suite_apt() {
	local dir=$1
	[[ $dir == /* ]] || dir=$VM_CACHE/apt/$dir
	shift
	APT_CONFIG=$dir/apt.conf "$1" -o "Dir=$dir" -o "Dir::State::status=$dir/state/status" "${@:2}"
}

# suite_closure SUITE PACKAGE...: "package version arch" of the packages and of all they need.
suite_closure() {
	suite_apt "$1" apt-get install --print-uris -qq "${@:2}" |
		awk '{ n = split($2, part, "_"); gsub("%3a", ":", part[2]); sub("\\.deb$", "", part[3])
		       if (n == 3) print part[1], part[2], part[3] }'
}

# suite_extract SUITE DIR PACKAGE[:ARCH][=VERSION]...: just these packages, unpacked into DIR.
suite_extract() {
	local suite=$1 dir=$2 deb tmp
	shift 2
	tmp=$dir/.debs
	mkdir -p "$tmp"
	(cd "$tmp" && suite_apt "$suite" apt-get download -q "$@")
	for deb in "$tmp"/*.deb; do
		# As `dpkg-deb -x` does it, but keeping /lib a link to usr/lib.
		dpkg-deb --fsys-tarfile "$deb" | tar -x -p --keep-directory-symlink -C "$dir"
	done
	rm -rf "$tmp"
}

# suite_extract_closure SUITE DIR PACKAGE...: with all they need.
suite_extract_closure() {
	local suite=$1 dir=$2 name version arch
	local -a all=()
	while read -r name version arch; do
		# Packages for all architectures carry no architecture of their own for apt.
		if [[ $arch == all ]]; then all+=("$name=$version"); else all+=("$name:$arch=$version"); fi
	done < <(suite_closure "$suite" "${@:3}")
	# (A failing process substitution says nothing.)
	((${#all[@]})) || {
		echo "E: cannot resolve: ${*:3}"
		suite_apt "$suite" apt-get install --print-uris -qq "${@:3}"
		return 1
	}
	merged_usr "$dir"
	suite_extract "$suite" "$dir" "${all[@]}"
}

# merged_usr DIR: /bin, /lib ... as links, before packages unpack into them.
merged_usr() {
	local name
	for name in bin sbin lib lib64; do
		mkdir -p "$1/usr/$name"
		[[ -e $1/$name ]] || ln -s "usr/$name" "$1/$name"
	done
}

# use_cache [REFRESH]: while this script runs, nobody forgets what it uses; with a REFRESH
# other than 0, all that was fetched or built is forgotten first.
use_cache() {
	local in_use
	exec {in_use}>"$VM_CACHE/.in-use"
	if [[ ${1:-0} != 0 ]]; then
		if ! flock -n -x "$in_use"; then
			log "waiting for other runs to end"
			flock -x "$in_use"
		fi
		log "forgetting what was fetched"
		find "$VM_CACHE" -mindepth 1 -maxdepth 1 ! -name logs ! -name .in-use -exec rm -rf {} +
	fi
	flock -s "$in_use"
}
