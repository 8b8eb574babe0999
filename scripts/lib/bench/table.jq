# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# results.json as a table for people.
include "bench";

def padded($widths): [range(length)] as $columns | . as $cells
  | $columns | map($cells[.] as $c | $c + (" " * ([$widths[.] - ($c | length), 0] | max) // ""))
  | join("  ") | sub(" +$"; "");
def aligned: . as $lines | (first | length) as $columns
  | [range($columns)] | map(. as $i | $lines | map(.[$i] | length) | max) as $widths
  | $lines | map(padded($widths));

# Of one round there are no extremes.
def extremes: if . == null or .rounds < 2 then "" else "\(.min | short)..\(.max | short)" end;

def cells: [
  .group + (if .name == "caam-emu" then "" else ", \(.name)" end),
  "\(.value.median | short) \(.unit)", (.value | extremes),
  (if .other then .other.name else "" end),
  (if .other then "\(.other.median | short) \(.unit)" else "" end), (.other | extremes),
  (if .ratio then "\(.ratio.median | short)x" else "" end), (.ratio | extremes),
  (if .extra then "\(.extra.median | short) \(.unit)" else "" end),
  .goal, (if .met == null then "" elif .met then "met" else "MISSED" end)];

def machine: .machine
  | "\(.model), \(.cores) cores\(if .virtual == "yes" then " of a virtual machine" else "" end); features: \(.features)",
    "Linux \(.kernel), \(.rustc); governor \(.governor); load \(.load) before, \(.load_after) after; caam-emu \(.commit), \(.date)";

. as $all
| "\(.command)\(if .quick then "   (quick: not to be quoted)" else "" end)", machine, "",
  ((["what", "caam-emu", "extremes", "against", "", "extremes", "ratio", "extremes", "more", "goal", ""]) as $heading
   | ([.rows[].part] | reduce .[] as $p ([]; if index([$p]) then . else . + [$p] end)) as $parts
   | $parts[] as $part
   | "\($part)", ([$heading] + [$all.rows[] | select(.part == $part) | cells] | aligned[] | "  " + .), ""),
  "goals: \(.goals.met) met, \(.goals.missed) missed"
