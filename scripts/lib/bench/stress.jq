# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts/stress.sh says of its time, as samples.

{build: "set-up", boot: "boots", probe: "driver's loading", run: "load and verdict"} as $names
| .seconds | to_entries[]
| {part: "footprint", group: "stress.sh, all runs", name: ($names[.key] // .key), round: 1, value, unit: "s"}
