# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What only scripts/bench.sh uses.

# shellcheck source=bench/machine.sh
. "$LIB/bench/machine.sh"
# shellcheck source=bench/programs.sh
. "$LIB/bench/programs.sh"
# shellcheck source=bench/guest.sh
. "$LIB/bench/guest.sh"
# shellcheck source=bench/footprint.sh
. "$LIB/bench/footprint.sh"
# shellcheck source=bench/results.sh
. "$LIB/bench/results.sh"
