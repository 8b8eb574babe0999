# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What only scripts/stress.sh uses.

# shellcheck source=device.sh
. "$LIB/stress/device.sh"
# shellcheck source=evidence.sh
. "$LIB/stress/evidence.sh"
# shellcheck source=watch.sh
. "$LIB/stress/watch.sh"
# shellcheck source=series.sh
. "$LIB/stress/series.sh"
# shellcheck source=results.sh
. "$LIB/stress/results.sh"
