# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Samples (slurped) to results: a row for each comparison of goals.jq. A ratio or difference is taken
# round by round, then the median of these.
include "bench";
include "goals";

# In the order of their first sample.
def by_key(f): reduce .[] as $x ({order: [], of: {}};
    ($x | f) as $k | if .of | has($k) then . else .order += [$k] end | .of[$k] += [$x])
  | . as $groups | .order | map($groups.of[.]);

# met FIGURE: null where there is no goal.
def met($goal; $value; $ratio; $extra):
  if $goal.ratio then ($ratio.median // null | if . == null then null else . >= $goal.ratio end)
  elif $goal.extra then ($extra.median // null | if . == null then null else . <= $goal.extra end)
  elif $goal.at_most then $value.median <= $goal.at_most
  else null end;

def say: .say // (if .goal.ratio then "\(.goal.ratio) times" elif .goal.at_most then "at most \(.goal.at_most)" else "" end);

# The rows of one rule in one group.
def rows($rule):
  by_key(.name) as $names
  | $names[] | select(.[0].name | test($rule.ours)) as $ours
  | $ours[0].name as $name
  | ($rule.other // null | if . == null then null else . as $other | $name | sub($rule.ours; $other) end) as $other_name
  | (if $other_name == null then [] else [$names[] | select(.[0].name == $other_name)][0] // [] end) as $others
  | select($other_name == null or ($others | length) > 0)
  | ([$ours[] as $a | $others[] | select(.round == $a.round) | {a: $a.value, b: .value}]) as $pairs
  | ($pairs | map(select(.a > 0 and .b > 0) | if $ours[0].unit | rate then .a / .b else .b / .a end)) as $ratios
  | ($ours | map(.value) | spread) as $value
  | (if $ratios == [] then null else $ratios | spread end) as $ratio
  | (if $rule.goal.extra and $pairs != [] then $pairs | map(.a - .b) | spread else null end) as $extra
  | {part: $rule.part, group: $ours[0].group, name: $name, unit: $ours[0].unit, value: $value,
     other: (if $others == [] then null else {name: $other_name} + ($others | map(.value) | spread) end),
     ratio: $ratio, extra: $extra, goal: ($rule | say), met: met($rule.goal // {}; $value; $ratio; $extra)};

. as $samples
| ($samples | by_key("\(.part)\u0000\(.group)")) as $groups
| [$groups[] as $group | goals[] | . as $rule
   | select(.part == $group[0].part) | select($group[0].group | test($rule.group)) | $rule as $r | $group | rows($r)] as $rows
| {version: 1, command: $command, quick: ($quick == 1), machine: ($before[0] + {load_after: $after[0].load}), rows: $rows,
   goals: {met: [$rows[] | select(.met == true)] | length, missed: [$rows[] | select(.met == false)] | length}}
