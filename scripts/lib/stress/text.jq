# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The table and the claims, for people.
include "stress";

def padded($widths): [range(length)] as $columns | . as $cells
  | $columns | map($cells[.] as $c | $c + (" " * ([$widths[.] - ($c | length), 0] | max) // ""))
  | join("  ") | sub(" +$"; "");

def aligned: . as $lines | (first | length) as $columns
  | [range($columns)] | map(. as $i | $lines | map(.[$i] | length) | max) as $widths
  | $lines | map(padded($widths));

(.runs | cells | aligned[]),
"",
(.claims[] | "\(.state | ascii_upcase + "         "[length:]) \(.claim): \(.evidence)"),
(.not_run[] | "NOT RUN   driver \(.driver), dm-crypt \(.dm_crypt): \(.cause)"),
(if .judged then
  (.runs | map(select(.verdict | IN(bad[]))) | first // empty
   | "evidence  \(.reason)",
     (if .trace != [] then (.trace[1:][] | "          \(.)") else empty end),
     "          device: idle for \(.idle_seconds | short) s, \(.device.occupancy) jobs in the ring, refused \(.refused), last status \(.device.last_job.status // "-")"),
  (.backlog[] | .counts | "callers   \(.submitted) requests at once: \(.accepted) accepted (\(.done) done), \(.busy) got -EBUSY (\(.["in-order"]) called twice as promised, \(.silent) never called), \(.refused) refused, \(.lost) lost, \(.odd) odd"),
  "verdict   \(.verdict)"
 else empty end)
