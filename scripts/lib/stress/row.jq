# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# One run: the device's samples (the first from before it), and what the arguments tell, in one object.

def seconds: . / 1e9;

. as $samples
| (last.rings | map(.jobs)) as $end
| (first.rings | map(.jobs)) as $start
# The ring that dm-crypt used.
| ([range($end | length)] | max_by($end[.] - $start[.])) as $ring
| map(.rings[$ring] + {at: .uptime_ns}) as $all
| ($all | first) as $first
| ($all | last) as $last
| ($all | map(select(.jobs > $first.jobs or .occupancy > 0)) | first // $first) as $started
| ([$last.last_doorbell_ns // 0, $last.last_job.at_ns // 0] | max) as $stopped
| ($all | map(select(.at <= $stopped and .at >= $started.at))) as $busy
# Time spent at each band of occupancy, of this run alone.
| ($last.occupancy_time | map(. as $band | .ns -= ([$first.occupancy_time[] | select(.from == $band.from) | .ns] | add // 0))
    | map(select(.ns > 0))) as $bands
| ($fio | split(" ") | map(tonumber? // 0)) as $fio
| {
    driver: $driver, dm_crypt: $dm_crypt, pressure: $pressure,
    verdict: (if $verdict == "survived" and $last.became_full == $first.became_full then "not-full" else $verdict end),
    reason: $reason,
    seconds: (($stopped - $started.at) | seconds),
    jobs: ($last.jobs - $first.jobs),
    failed: ($last.failed - $first.failed),
    deepest: (if $last.max_occupancy > $first.max_occupancy then $last.max_occupancy
              else [($all | map(.occupancy) | max), ($bands | map(.from) | max // 0)] | max end),
    # Mean number of jobs in the ring while there were any: by bands, each at its middle.
    at_once: ($bands | map(select(.from > 0)) | if length == 0 then 0
              else (map(.ns * (.from + ([.to, $last.max_occupancy] | min)) / 2) | add) / (map(.ns) | add) end),
    full: ($last.became_full - $first.became_full),
    refused: ($last.slot_refusals - $first.slot_refusals),
    write: {kib: $fio[4], ms: $fio[5]}, read: {kib: $fio[2], ms: $fio[3]},
    hung_task: ($hung | split("\n") | map(select(. != ""))),
    device: ($last | del(.at, .occupancy_time, .operations)),
    idle_seconds: (($last.at - ($last.last_doorbell_ns // 0)) | seconds),
    occupancy: ($all | map([((.at - $started.at) | seconds), .occupancy])),
    logs: $logs
  }
| .mb_per_s = (if .write.ms + .read.ms > 0 then (.write.kib + .read.kib) * 1.024 / (.write.ms + .read.ms) else null end)
