# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# A Rust compiler that is new enough: rustup's, the distribution's, or installed from it.

# need_rust: afterwards `cargo` on PATH is new enough for Cargo.toml's rust-version.
need_rust() {
	local want
	want=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$REPO/Cargo.toml")
	cargo_at_least "$want" && return 0
	if [[ -x ${CARGO_HOME:-$HOME/.cargo}/bin/cargo ]]; then
		PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
		cargo_at_least "$want" && return 0
	fi
	# Debian's rustc-web is what its browsers are built with: kept new in stable releases.
	install_packages rustc-web cargo-web gcc libc6-dev
	hash -r
	cargo_at_least "$want" && return 0
	cannot_tell "no Rust >= $want on this machine, and its distribution has none" \
		"install it from https://rustup.rs and try again"
}

cargo_at_least() {
	local have
	# rustc, not cargo: it is the compiler's version that counts. (rustup's shim fails where
	# no toolchain is set up.)
	command -v cargo >/dev/null && have=$(rustc --version 2>/dev/null) || return 1
	have=${have#rustc }
	have=${have%%[ -]*}
	[[ $(printf '%s\n' "$1" "$have" | sort -V | head -n1) == "$1" ]]
}
