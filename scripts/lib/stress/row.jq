# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# One run: the device's samples (the first from before it), and what the arguments tell, in one object.

def seconds: . / 1e9;

(last.rings | map(.jobs)) as $end
| (first.rings | map(.jobs)) as $start
# The ring that dm-crypt used.
| ([range($end | length)] | max_by($end[.] - $start[.])) as $ring
| map(.rings[$ring] + {at: .uptime_ns}) as $all
| ($all | first) as $first
| ($all | last) as $last
| ($all | map(select(.jobs > $first.jobs or .occupancy > 0)) | first // $first) as $started
| ([$last.last_doorbell_ns // 0, $last.last_job.at_ns // 0] | max) as $stopped
# Time spent at each band of occupancy, of this run alone.
| ($last.occupancy_time
    | map(. as $band | .ns -= ([$first.occupancy_time[] | select(.from == $band.from) | .ns] | add // 0))
    | map(select(.ns > 0 and .from > 0))) as $bands
| ($last.became_full - $first.became_full) as $full
# A full ring holds all its slots but one, or as many as it admits to.
| ([$last.input_size - 1, ($faults | capture("ring-depth:.*slots=(?<n>[0-9]+)").n | tonumber)] | min) as $slots
| ($fio | split(" ") | map(tonumber? // 0)) as $fio
| {
    driver: $driver, dm_crypt: $dm_crypt, ring: $pressure, verdict: $verdict, reason: $reason,
    seconds: ([$stopped - $started.at, 0] | max | seconds),
    jobs: ($last.jobs - $first.jobs),
    failed: ($last.failed - $first.failed),
    # The maximum is of all the guest's runs. Where this one has not raised it, the bands and the
    # samples tell what was reached at least.
    deepest: (if $last.max_occupancy > $first.max_occupancy then $last.max_occupancy
              else [($all | map(.occupancy) | max), ($bands | map(.from) | max // 0), (if $full > 0 then $slots else 0 end)] | max end),
    # Mean number of jobs in the ring while there were any: of each band, the middle.
    at_once: ($bands | if length == 0 then 0
              else (map(.ns * (.from + ([.to, $last.max_occupancy] | min)) / 2) | add) / (map(.ns) | add) end),
    full: $full,
    refused: ($last.slot_refusals - $first.slot_refusals),
    write: {kib: $fio[4], ms: $fio[5]}, read: {kib: $fio[2], ms: $fio[3]},
    trace: ($trace | split("\n") | map(select(. != ""))),
    device: ($last | del(.at, .occupancy_time, .operations)),
    idle_seconds: (($last.at - ($last.last_doorbell_ns // 0)) | seconds),
    faults: ($faults | split("\n") | map(select(. != ""))),
    occupancy: ($all | map([((.at - $started.at) | seconds), .occupancy])),
    logs: $logs
  }
| .mb_per_s = (if .write.ms + .read.ms > 0 then (.write.kib + .read.kib) * 1.024 / (.write.ms + .read.ms) else null end)
# A job that fails its integrity check gives the same error (EILSEQ) as fio's own verification.
| if .verdict == "corrupt" and .failed > 0 then .verdict = "errors" | .reason = "\(.failed) jobs ended with an error" else . end
# With a dm-crypt that waits for each request, the ring that stays empty is the finding.
| if .verdict == "survived" and $full == 0 and .ring == "full" and (.dm_crypt | contains("wait-each") | not) then
    .verdict = "inconclusive" | .reason = "all was done and verified, but the ring was never full"
  else . end
