# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
check_variant() { :; }
need_variant() { VARIANT_DIR=''; }
