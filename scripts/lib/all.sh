# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# All shared functions; each file has one concern.

LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly LIB
# shellcheck source=common.sh
. "$LIB/common.sh"
# shellcheck source=suggest.sh
. "$LIB/suggest.sh"
# shellcheck source=packages.sh
. "$LIB/packages.sh"
# shellcheck source=debian.sh
. "$LIB/debian.sh"
# shellcheck source=tools.sh
. "$LIB/tools.sh"
# shellcheck source=qemu.sh
. "$LIB/qemu.sh"
# shellcheck source=kernel.sh
. "$LIB/kernel.sh"
# shellcheck source=initramfs.sh
. "$LIB/initramfs.sh"
# shellcheck source=builder.sh
. "$LIB/builder.sh"
# shellcheck source=diff.sh
. "$LIB/diff.sh"
# shellcheck source=variant.sh
. "$LIB/variant.sh"
# shellcheck source=able.sh
. "$LIB/able.sh"
# shellcheck source=backlog.sh
. "$LIB/backlog.sh"
# shellcheck source=devicetree.sh
. "$LIB/devicetree.sh"
# shellcheck source=rust.sh
. "$LIB/rust.sh"
# shellcheck source=nightly.sh
. "$LIB/nightly.sh"
# shellcheck source=emulator.sh
. "$LIB/emulator.sh"
# shellcheck source=guest.sh
. "$LIB/guest.sh"
# shellcheck source=evidence.sh
. "$LIB/evidence.sh"
# shellcheck source=answer.sh
. "$LIB/answer.sh"
# shellcheck source=ends.sh
. "$LIB/ends.sh"
# shellcheck source=ktap.sh
. "$LIB/ktap.sh"
