# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Of a round: jobs, failed jobs, and how often each kind of fault fired, in one line with tabs.

def sum($of; $field): [$of[0].rings[][$field]] | add;
[ sum($after; "jobs") - sum($before; "jobs"),
  sum($after; "failed") - sum($before; "failed"),
  ($faults[0].rules | group_by(.rule | split(":")[0])
    | map("\(.[0].rule | split(":")[0])=\(map(.fired) | add)") | join(" ") | if . == "" then "-" else . end)
] | map(tostring) | join("\t")
