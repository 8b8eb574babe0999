# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
#
# What only scripts/soak.sh uses.

# shellcheck source=soak/choice.sh
. "$LIB/soak/choice.sh"
# shellcheck source=soak/ledger.sh
. "$LIB/soak/ledger.sh"
# shellcheck source=soak/sample.sh
. "$LIB/soak/sample.sh"
# shellcheck source=soak/watch.sh
. "$LIB/soak/watch.sh"
# shellcheck source=soak/keep.sh
. "$LIB/soak/keep.sh"
# shellcheck source=soak/summary.sh
. "$LIB/soak/summary.sh"
