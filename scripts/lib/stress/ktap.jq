# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# KTAP: the claims, or the runs of a judged driver.
include "stress";

def word: gsub("[^A-Za-z0-9.+_-]+"; "-");

(if .judged then
   .runs | to_entries | map({name: "\(.value.driver | word)/\(.value.dm_crypt | word)/run-\(.key + 1)", note: .value.verdict,
     result: (if .value.verdict == "survived" then "ok" elif .value.verdict | IN(bad[]) then "not ok" else "skip" end)})
 else
   .claims | map({name: .id, note: "\(.state): \(.evidence)",
     result: {confirmed: "ok", refuted: "not ok", unsettled: "skip"}[.state]})
 end) as $tests
| "KTAP version 1",
  "1..\($tests | length)",
  (.runs | cells[] | "# " + join(" | ")),
  (.not_run[] | "# not run: driver \(.driver), dm-crypt \(.dm_crypt): \(.cause)"),
  ($tests | to_entries[] | .value as $test
    | "# \($test.note)",
      "\(if $test.result == "not ok" then "not ok" else "ok" end) \(.key + 1) \($test.name)\(if $test.result == "skip" then " # SKIP could not tell" else "" end)")
