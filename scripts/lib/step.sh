#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Runs one function of the library (or a command) as a process of its own:
# step.sh FUNCTION ARGS...
# Within the caller's shell `set -e` would be off wherever the call stands in an `if`, `||`
# or `&&`, and a failing command in the middle of the function would go unnoticed.
set -euo pipefail
# shellcheck source=all.sh
. "$(dirname "$0")/all.sh"
"$@"
