# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# A compiler that takes -Z options.

# need_nightly: sets CARGO, a command: a nightly one where there is one; otherwise the stable one,
# told to accept -Z options.
need_nightly() {
	need_rust
	CARGO=(cargo)
	if command -v rustup >/dev/null && [[ $'\n'$(rustup toolchain list 2>/dev/null) == *$'\n'nightly* ]]; then
		CARGO=(cargo +nightly)
	else
		export RUSTC_BOOTSTRAP=1
	fi
}

# has_sanitizer KIND: whether the compiler came with what that needs at run time; the short name,
# as in the names of its libraries: asan, tsan.
has_sanitizer() {
	local runtimes
	runtimes=("$("${CARGO[0]/cargo/rustc}" "${CARGO[@]:1}" --print sysroot)"/lib/rustlib/*/lib/librustc*_rt."$1".*)
	[[ -e ${runtimes[0]} ]]
}
