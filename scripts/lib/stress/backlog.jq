# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The lines of guest-tests/src/backlog_order.c as one object.

split("\n") | map(select(. != ""))
| {
    driver: $driver,
    counts: (map(select(test("^[a-z-]+=[0-9]")) | split(" ")[] | split("=") | {(.[0]): (.[1] | tonumber)}) | add // {}),
    examples: map(select(startswith("request")))
  }
