# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# A Rust compiler that is new enough: rustup's, the distribution's, or installed from it.

# need_rust [TOOL]...: afterwards `cargo` on PATH is new enough for Cargo.toml's rust-version
# and knows these tools (fmt, clippy).
need_rust() {
	local want tool
	want=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$REPO/Cargo.toml")
	if ! cargo_at_least "$want"; then
		# rustup's place, which a shell that was not started for a person may not know.
		PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
	fi
	if ! cargo_at_least "$want"; then
		# Debian's rustc-web is what its browsers are built with: kept new in stable releases.
		install_packages rustc-web cargo-web gcc libc6-dev ca-certificates
		hash -r
		cargo_at_least "$want" ||
			cannot_tell "no Rust >= $want on this machine, and its distribution has none" \
				"install it from https://rustup.rs and try again"
	fi
	need_commands gcc=cc
	for tool; do need_cargo_tool "$tool"; done
}

cargo_at_least() {
	local have
	# rustc, not cargo: it is the compiler's version that counts. (Failing: rustup's shim
	# where no toolchain is set up.)
	command -v cargo >/dev/null && have=$(rustc --version 2>/dev/null) || return 1
	have=${have#rustc }
	have=${have%%[ -]*}
	[[ $(printf '%s\n' "$1" "$have" | sort -V | head -n1) == "$1" ]]
}

need_cargo_tool() {
	cargo "$1" --version >/dev/null 2>&1 && return 0
	if command -v rustup >/dev/null; then
		must "adding $1 to the Rust toolchain" "rustup component add $1" rustup_add "$1"
	elif [[ $1 == fmt ]]; then
		install_packages rustfmt-web
	else
		install_packages "rust-web-$1"
	fi
}

rustup_add() {
	case $1 in
	fmt) rustup component add rustfmt ;;
	*) rustup component add "$1" ;;
	esac
}
