# SPDX-License-Identifier: Apache-2.0 OR MIT
# shellcheck shell=bash
