# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# Debian packages on the host. Little is needed there: what can be had as a private copy
# below target/ is (debian.sh, tools.sh), since that needs no root and changes nothing.

# need_commands PACKAGE=COMMAND...: installs the packages whose command is missing.
need_commands() {
	local pair
	local -a missing=()
	for pair; do
		command -v "${pair#*=}" >/dev/null || missing+=("${pair%%=*}")
	done
	((${#missing[@]})) || return 0
	install_packages "${missing[@]}"
}

# install_packages PACKAGE...: says what it installs; as root, or through sudo.
install_packages() {
	local as_root=''
	command -v apt-get >/dev/null ||
		cannot_tell "missing on this machine: $*" "install them by hand: this is no Debian, there is no apt-get"
	if ((EUID != 0)); then
		command -v sudo >/dev/null ||
			cannot_tell "missing on this machine: $*" "as root: apt-get install $*"
		as_root=sudo
		# Ask for the password now, on the terminal: the step itself has no input.
		sudo -v || cannot_tell "sudo refused to install $*" "as root: apt-get install $*"
	fi
	step "installing on this machine: $*" apt_install_on_host "$as_root" "$@" ||
		cannot_tell "cannot install $*: $(cause_in "$STEP_LOG")" \
			"as root: apt-get update && apt-get install $*; the whole output: $STEP_LOG"
}

apt_install_on_host() {
	local -a apt=(${1:+"$1"} env DEBIAN_FRONTEND=noninteractive
		apt-get -y -q -o DPkg::Lock::Timeout=300)
	shift
	# A machine's package lists may be older than its mirror: the newest file of a package
	# is then the only one left there.
	"${apt[@]}" update
	# What is installed stays: a conflict is for the user to decide.
	"${apt[@]}" install --no-install-recommends --no-remove "$@"
}
