# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What only scripts/stress.sh uses.

# shellcheck source=stress/device.sh
. "$LIB/stress/device.sh"
# shellcheck source=stress/watch.sh
. "$LIB/stress/watch.sh"
# shellcheck source=stress/series.sh
. "$LIB/stress/series.sh"
# shellcheck source=stress/results.sh
. "$LIB/stress/results.sh"
