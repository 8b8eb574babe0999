# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# criterion's benchmark.json and sample.json, pair by pair, as samples of ours. The files' names tell which
# belong together; --arg part, --argjson round. A round's figure is criterion's fastest sample, the mean of
# many iterations: whatever else a machine does never makes them faster.

# Sizes in the order of their numbers.
def place: split("/") | map(tonumber? // .);

[reduce inputs as $file ({};
  (input_filename | split("/")) as $path
  | .[$path[:-1] | join("/")][$path[-1]] = $file)
| to_entries[].value
| select(has("benchmark.json") and has("sample.json"))
| .["benchmark.json"] as $what | ([.["sample.json"] | [.times, .iters] | transpose[] | select(.[1] > 0) | .[0] / .[1]] | min // empty) as $ns
| {part: $part, group: $what.group_id,
   name: ([$what.function_id, $what.value_str] | map(select(. != null and . != "")) | join("/")),
   round: $round}
+ if $what.throughput.Bytes then {value: ($what.throughput.Bytes / $ns), unit: "GB/s"} else {value: $ns, unit: "ns"} end]
| sort_by([(.group | place), .name])[]
