# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# The results with claims, verdict and exit status: 0 good, 1 bad, 125 could not tell.
include "stress";

(.runs | map(.verdict)) as $verdicts
| .table = (.runs | table)
| if .judged then
    .claims = []
    | .exit = (if $verdicts | any(IN(bad[])) then 1
               elif .not_run != [] or $verdicts == [] or ($verdicts | any(. != "survived")) then 125
               else 0 end)
    | .verdict = (([$verdicts[] | select(IN(bad[]))] | first) // (if .exit == 0 then "survived" else "inconclusive" end))
  else
    .claims = $claims[0]
    | (.claims | map(.state)) as $states
    | .exit = (if $states | any(. == "refuted") then 1 elif $states | any(. == "unsettled") then 125 else 0 end)
    | .verdict = "\($states | map(select(. == "confirmed")) | length) of \($states | length) claims confirmed"
  end
